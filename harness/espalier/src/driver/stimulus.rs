//! Stimuli of a board as data: planned for a moment of the board's time, recorded, kept in a file and given again.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::Time;
use espalier_parts::Value;

use super::{
    AccessPoint, AirFaults, ConnectionId, Control, FaultConfig, FrameLink, FramePlan, ListenerId, Segment, Start, UdpId,
};
use crate::text::escaped;

/// Something that is done to a board from outside, at a moment of its time.
///
/// ```
/// use espalier::{Stimulus, Units};
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.at(board.now() + 30.ms(), Stimulus::press("a"))?;
/// board.at(board.now() + 80.ms(), Stimulus::release("a"))?;
/// board.console().expect("menu").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Stimulus(pub(crate) Act);

espalier_core::persist!(value Stimulus(act));

impl Stimulus {
    /// The button of this name is pressed.
    pub fn press(name: impl Into<String>) -> Stimulus {
        Stimulus(Act::Part(Control::Button { name: name.into(), pressed: true }))
    }

    /// The button of this name is released.
    pub fn release(name: impl Into<String>) -> Stimulus {
        Stimulus(Act::Part(Control::Button { name: name.into(), pressed: false }))
    }

    /// The touch pad of this name is touched, or no more.
    pub fn touch(name: impl Into<String>, touched: bool) -> Stimulus {
        Stimulus(Act::Part(Control::Touch { name: name.into(), touched }))
    }

    /// A property of a part is set.
    pub fn property(part: impl Into<String>, property: impl Into<String>, value: impl Into<Value>) -> Stimulus {
        Stimulus(Act::Property { part: part.into(), property: property.into(), value: value.into() })
    }

    /// The console gets bytes.
    pub fn console(bytes: impl Into<Vec<u8>>) -> Stimulus {
        Stimulus(Act::Console(bytes.into()))
    }

    /// A UART gets bytes.
    pub fn uart(number: usize, bytes: impl Into<Vec<u8>>) -> Stimulus {
        Stimulus(Act::Uart { uart: number, bytes: bytes.into() })
    }

    /// A pin is driven from outside.
    pub fn drive(gpio: usize, level: bool) -> Stimulus {
        Stimulus(Act::Pin { pin: gpio, level: Some(level) })
    }

    /// A pin is driven no more.
    pub fn let_go(gpio: usize) -> Stimulus {
        Stimulus(Act::Pin { pin: gpio, level: None })
    }

    /// All networks of this name in the air send their stations away.
    pub fn deauthenticate(ssid: impl Into<String>) -> Stimulus {
        Stimulus(Act::Deauthenticate { ssid: ssid.into() })
    }

    /// The board is supplied with so many volts; see [`Board::supply`](crate::Board::supply).
    pub fn supply(volts: f64, seed: u64) -> Stimulus {
        Stimulus(Act::Supply { millivolts: millivolts(volts), seed })
    }

    /// A frame arrives over the cable of its Ethernet, as it is and without its check sequence.
    pub fn ethernet_frame(bytes: impl Into<Vec<u8>>) -> Stimulus {
        Stimulus(Act::EthernetFrame(bytes.into()))
    }

    /// A frame of 802.11 arrives at its antenna, as it is and without its check sequence, from a sender that does not repeat it.
    pub fn radio_frame(bytes: impl Into<Vec<u8>>) -> Stimulus {
        Stimulus(Act::RadioFrame(bytes.into()))
    }

    /// The flash chip has other bytes from this offset on, past its own commands.
    pub fn flash(offset: u32, bytes: impl Into<Vec<u8>>) -> Stimulus {
        Stimulus(Act::Flash { offset, bytes: bytes.into() })
    }

    /// A pulse on the reset line.
    pub fn reset(start: Start) -> Stimulus {
        Stimulus(Act::Reset(start))
    }

    /// The same with other bytes, if it is one that brings bytes.
    #[must_use]
    pub fn with_bytes(&self, bytes: impl Into<Vec<u8>>) -> Stimulus {
        let (mut other, new) = (self.clone(), bytes.into());
        if let Act::Console(bytes)
        | Act::Uart { bytes, .. }
        | Act::Send { bytes, .. }
        | Act::SendTo { bytes, .. }
        | Act::Flash { bytes, .. }
        | Act::EthernetFrame(bytes)
        | Act::RadioFrame(bytes) = &mut other.0
        {
            *bytes = new;
        }
        other
    }

    pub(crate) fn send(connection: ConnectionId, bytes: Vec<u8>) -> Stimulus {
        Stimulus(Act::Send { connection, bytes })
    }

    pub(crate) fn send_to(socket: UdpId, to: SocketAddrV4, bytes: Vec<u8>) -> Stimulus {
        Stimulus(Act::SendTo { socket, to, bytes })
    }

    /// Frames are counted at this place from now on, and the plan says what happens to which.
    pub fn frames(link: FrameLink, plan: FramePlan) -> Stimulus {
        Stimulus(Act::Frames { link, plan })
    }
}

impl fmt::Display for Stimulus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Act::Part(Control::Button { name, pressed: true }) => write!(f, "button {name} is pressed"),
            Act::Part(Control::Button { name, pressed: false }) => write!(f, "button {name} is released"),
            Act::Part(Control::Touch { name, touched: true }) => write!(f, "pad {name} is touched"),
            Act::Part(Control::Touch { name, touched: false }) => write!(f, "pad {name} is touched no more"),
            Act::Property { part, property, value } => write!(f, "{property} of {part} becomes {value:?}"),
            Act::Console(bytes) => write!(f, "the console gets \"{}\"", escaped(bytes)),
            Act::Uart { uart, bytes } => write!(f, "UART{uart} gets \"{}\"", escaped(bytes)),
            Act::Pin { pin, level: Some(level) } => write!(f, "pin {pin} goes {}", if *level { "high" } else { "low" }),
            Act::Pin { pin, level: None } => write!(f, "pin {pin} is let go"),
            Act::Supply { millivolts, .. } => write!(f, "the supply has {millivolts} mV"),
            Act::Deauthenticate { ssid } => write!(f, "{ssid} sends its stations away"),
            Act::Send { bytes, .. } => write!(f, "a TCP connection gets \"{}\"", escaped(bytes)),
            Act::SendTo { to, bytes, .. } => write!(f, "{to} gets the datagram \"{}\"", escaped(bytes)),
            Act::EthernetFrame(bytes) => write!(f, "the cable brings \"{}\"", escaped(bytes)),
            Act::RadioFrame(bytes) => write!(f, "the air brings \"{}\"", escaped(bytes)),
            Act::Flash { offset, bytes } => write!(f, "flash at {offset:#x} becomes \"{}\"", escaped(bytes)),
            other => write!(f, "{other:?}"),
        }
    }
}

/// A voltage as the drivers have it.
pub(crate) fn millivolts(volts: f64) -> u32 {
    // A float becomes the nearest number that there is.
    (volts * 1000.0).round() as u32
}

/// All that was done to a board while it was recorded.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.record_stimuli()?;
/// board.console().send_line("help").await?;
/// for (at, stimulus) in board.stimuli().unwrap_or_default().stimuli {
///     println!("{at}: {stimulus}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StimulusRecord {
    /// Each with its time, in order.
    pub stimuli: Vec<(Time, Stimulus)>,
    /// A stimulus that is no data, such as the code of a test that has acted on a part: with it, the record cannot be done again.
    pub incomplete: Option<String>,
}

/// Something that is done to a board, or to what is around it. Numbers of sockets are those that the board's peers give, which count up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    Console(Vec<u8>),
    CutConsole,
    Uart { uart: usize, bytes: Vec<u8> },
    Pin { pin: usize, level: Option<bool> },
    Part(Control),
    Property { part: String, property: String, value: Value },
    Reset(Start),
    CutPower { seed: u64 },
    PowerOn,
    Supply { millivolts: u32, seed: u64 },
    Listen { segment: Segment, port: u16 },
    Accept(ListenerId),
    CloseListener(ListenerId),
    Connect { segment: Segment, to: SocketAddrV4 },
    Send { connection: ConnectionId, bytes: Vec<u8> },
    Receive(ConnectionId),
    Finish(ConnectionId),
    Abort(ConnectionId),
    Silent { segment: Segment, silent: bool },
    Bind { segment: Segment, port: u16 },
    SendTo { socket: UdpId, to: SocketAddrV4, bytes: Vec<u8> },
    ReceiveFrom(UdpId),
    CloseUdp(UdpId),
    JoinGroup { socket: UdpId, group: Ipv4Addr },
    Name { segment: Segment, name: String, address: Ipv4Addr },
    Ping { segment: Segment, to: Ipv4Addr },
    Faults(FaultConfig),
    AccessPoint(AccessPoint),
    RemoveAccessPoint { ssid: String },
    Deauthenticate { ssid: String },
    Strength { ssid: String, rssi: i8 },
    AirFaults(AirFaults),
    Station { ssid: String, password: Option<String>, rssi: Option<i8> },
    RemoveStation([u8; 6]),
    Frames { link: FrameLink, plan: FramePlan },
    Flash { offset: u32, bytes: Vec<u8> },
    EthernetFrame(Vec<u8>),
    RadioFrame(Vec<u8>),
}

espalier_core::persist! {
    enum Act {
        Console(bytes),
        CutConsole,
        Uart { uart, bytes },
        Pin { pin, level },
        Part(control),
        Property { part, property, value },
        Reset(start),
        CutPower { seed },
        PowerOn,
        Supply { millivolts, seed },
        Listen { segment, port },
        Accept(listener),
        CloseListener(listener),
        Connect { segment, to },
        Send { connection, bytes },
        Receive(connection),
        Finish(connection),
        Abort(connection),
        Silent { segment, silent },
        Bind { segment, port },
        SendTo { socket, to, bytes },
        ReceiveFrom(socket),
        CloseUdp(socket),
        JoinGroup { socket, group },
        Name { segment, name, address },
        Ping { segment, to },
        Faults(faults),
        AccessPoint(settings),
        RemoveAccessPoint { ssid },
        Deauthenticate { ssid },
        Strength { ssid, rssi },
        AirFaults(faults),
        Station { ssid, password, rssi },
        RemoveStation(hardware),
        Frames { link, plan },
        Flash { offset, bytes },
        EthernetFrame(bytes),
        RadioFrame(bytes),
    }
}
