//! The boards themselves: emulated, in QEMU, on a bench.
//!
//! Everything a test can do is written against [`Rig`]; a kind of board is one implementation of it. Nothing outside of
//! [`emulated`] knows the emulator, and nothing outside of this module its LAN. Nothing here knows a test: plain data crosses the
//! border, and errors of this module.

mod access_point;
mod air;
mod air_error;
mod bench;
mod capability;
mod data;
mod emulated;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod lan;
mod lan_peer;
mod live;
mod model;
mod network;
mod parts;
#[cfg(unix)]
mod qemu;
mod reset;
mod target;
mod unmodelled;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::task::{Context, Poll};

#[cfg(feature = "probe")]
use espalier_core::Span;
use espalier_core::Time;

pub use access_point::{AccessPoint, AirFaults, AirNetwork};
pub(crate) use air::{AirRig, DatagramRig, Place, StationState, UdpId};
pub use air_error::{AirError, Refusal};
pub use bench::{BENCH_VARIABLE, BenchError, KnownBoard, WAIT_VARIABLE, WifiCredentials, known_boards};
pub use capability::{Capability, Kind};
pub use data::Start;
pub(crate) use data::{ConnectionId, Link, ListenerId, Lit, Shown};
#[cfg(feature = "probe")]
pub(crate) use data::{JtagCycle, ProbePort};
pub use error::{Absent, DisplayMute, EmulatorError, Halted, ModelError, PeerError, UnknownPart, Unsupported};
pub(crate) use live::MARK;
pub use model::{MODEL_VARIABLE, Model, UnknownModel};
pub(crate) use network::Cable;
pub use network::Faults;
pub(crate) use parts::{Colours, Control};
pub use parts::{PlayedTone, TONE_TOLERANCE, Tone};
#[cfg(unix)]
pub use qemu::{EMULATOR_VARIABLE, Qemu, QemuError};
pub use reset::{Reset, ResetCause, ResetKind};
pub use target::{BOARD_VARIABLE, Target};
pub use unmodelled::UnmodelledNote;

use crate::error::Failure;
/// A serial port of this computer, as espflash takes it.
pub(crate) use espflash::connection::Port as SerialPort;

/// What the builder asks of a kind of board.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) model: Model,
    pub(crate) seed: u64,
    /// The QEMU to run.
    #[cfg_attr(not(unix), expect(dead_code, reason = "boards in QEMU need Unix so far"))]
    pub(crate) qemu: Option<PathBuf>,
    pub(crate) strict: bool,
    /// Blocks at which a strict board goes on.
    pub(crate) allowed: Vec<String>,
}

/// One board: a small interface that each kind implements.
///
/// Nothing here blocks. Time passes in [`poll_advance`](Rig::poll_advance) only.
pub(crate) trait Rig: Send {
    fn kind(&self) -> Kind;
    fn supports(&self, capability: Capability) -> bool;

    /// A second board that starts where this one stands.
    fn fork(&self) -> Option<Box<dyn Rig>>;

    fn now(&self) -> Time;

    /// Lets board time go on, at most to `limit`, and sees to it that the task of `cx` is woken when something may have
    /// changed. An emulated board runs a slice and wakes the task at once; a live one registers the task.
    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure>;

    /// Pulls the reset line, with the strapping pins for `start`.
    fn reset(&mut self, start: Start) -> Result<(), Failure>;

    /// Bytes that fit into the flash chip.
    fn flash_size(&self) -> u32;
    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure>;
    /// All that is in the flash chip; `None` if it can only be read over the serial port.
    fn read_flash(&self) -> Option<Vec<u8>>;

    fn console_send(&mut self, bytes: &[u8]);
    /// Loses what was sent to the console and has not arrived yet.
    fn console_cut(&mut self);
    /// What the console's pin has sent since the last call, each byte with its time.
    fn console_take(&mut self) -> Vec<(Time, u8)>;
    /// The chip's resets since the last call that did not come over its reset line; `None` where only the console tells of them.
    fn take_resets(&mut self) -> Option<Vec<Reset>> {
        None
    }

    /// A hand, or the world, acts on a part.
    fn act_on_part(&mut self, control: &Control) -> Result<(), Failure> {
        let _ = control;
        Err(Unsupported { capability: Capability::Controls, kind: self.kind() }.into())
    }

    /// The rate at which the console's pins are talked to from now on, in bits per second. On an emulated board the line has the
    /// rate that its UART has.
    #[cfg(unix)]
    fn console_baud(&mut self, _: u32) {}
    /// The fastest rate at which the board's line can be flashed over.
    fn flash_baud(&self) -> u32;
    /// The digest of the image that is in the flash, if it is known that nobody can have changed it.
    fn flashed(&self) -> Option<[u8; 32]> {
        None
    }
    fn note_flashed(&mut self, _: Option<[u8; 32]>) {}
    /// Fails if a chip with this MAC address is not the one that was asked for.
    fn check_chip(&self, _mac: Option<&str>) -> Result<(), Failure> {
        Ok(())
    }
    /// The Wi-Fi network that was set up for it.
    fn wifi(&self) -> Result<Option<WifiCredentials>, Failure> {
        Ok(None)
    }
    /// The debug probe that is wired to it, as probe-rs selects it.
    fn probe(&self) -> Option<String> {
        None
    }

    /// What the display showed at `since` or later. Where nobody sees the display but the firmware, this asks for it over the
    /// console, and the answer is there some time later.
    fn look(&mut self, since: Time) -> Poll<Result<Shown, Failure>>;
    /// From now on the firmware sends every picture that it shows over the console, see [`crate::MicroPython::mirror`]. Nothing to
    /// do where the display is seen anyway.
    fn mirror_display(&mut self) {}
    /// What the display showed when it was last looked at, or shows now if it can be seen; `None` if there is none, or nothing
    /// was seen yet.
    fn shown(&self) -> Option<Shown>;

    /// What the coloured LEDs show.
    fn leds(&mut self) -> Result<Lit, Failure> {
        Err(Unsupported { capability: Capability::Leds, kind: self.kind() }.into())
    }

    /// What the buzzer has played since power-on, in order.
    fn tones(&mut self) -> Result<Vec<PlayedTone>, Failure> {
        Err(Unsupported { capability: Capability::Buzzer, kind: self.kind() }.into())
    }

    /// The address that the board has on the network, once it has one.
    fn address(&self) -> Option<Ipv4Addr>;
    /// The address of the peer, as the board sees it.
    fn peer_address(&self) -> Ipv4Addr;
    fn listen(&mut self, port: u16) -> Result<ListenerId, Failure>;
    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)>;
    fn close_listener(&mut self, listener: ListenerId);
    fn connect(&mut self, to: SocketAddrV4) -> Result<ConnectionId, Failure>;
    fn link(&self, connection: ConnectionId) -> Link;
    /// Takes what fits of `bytes`.
    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize;
    fn receive(&mut self, connection: ConnectionId) -> Vec<u8>;
    fn finish(&mut self, connection: ConnectionId);
    fn abort(&mut self, connection: ConnectionId);
    /// Cuts the peer off the network without a word, or puts it back.
    fn set_silent(&mut self, silent: bool) -> Result<(), Failure>;

    /// What goes wrong on the board's cable from now on.
    fn set_cable(&mut self, cable: &Cable) -> Result<(), Failure>;

    /// The air around the board, where a test commands it.
    fn air(&mut self) -> Result<&mut dyn AirRig, Failure> {
        Err(Unsupported { capability: Capability::Air, kind: self.kind() }.into())
    }

    /// Peers that have UDP and can ping.
    fn datagrams(&mut self) -> Result<&mut dyn DatagramRig, Failure> {
        Err(Unsupported { capability: Capability::Datagrams, kind: self.kind() }.into())
    }

    /// Records what goes over the network from now on, and keeps the last frames that fit into so many bytes.
    fn start_capture(&mut self, limit: usize);
    /// What was recorded from a frame on, as a pcap file.
    fn capture(&self, first: u64) -> Vec<u8>;
    /// How many frames were recorded, and how many of those were dropped.
    fn captured(&self) -> u64;
    fn capture_dropped(&self) -> u64;

    /// How a debug probe reaches the chip; `None` if there is none.
    #[cfg(feature = "probe")]
    fn probe_port(&self) -> Option<ProbePort> {
        self.probe().map(ProbePort::Usb)
    }

    /// Clocks the JTAG pins of a board with [`ProbePort::Pins`], each cycle for `period` of board time, and returns the levels of
    /// TDO.
    #[cfg(feature = "probe")]
    fn jtag(&mut self, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        let _ = period;
        vec![true; cycles.len()]
    }

    /// Lets board time go on while the JTAG pins stand still.
    #[cfg(feature = "probe")]
    fn jtag_pause(&mut self, span: Span) {
        let _ = span;
    }

    /// The serial port of this computer at which the board is, for a tool that speaks to it itself; `None` where there is none. The
    /// console is closed until [`console_cut`](Rig::console_cut) or the next reset.
    fn lend_port(&mut self) -> Result<Option<SerialPort>, Failure> {
        Ok(None)
    }

    /// A fingerprint of everything that has happened; `None` where two runs are never the same.
    fn trace_hash(&self) -> Option<u64>;
    /// What the firmware touched that this kind of board does not have, one line each.
    fn unmodelled(&self) -> Vec<String>;
    /// The first touch of each such block or register, in order and without the first `skip`; nothing says yet what function it
    /// was.
    fn unmodelled_notes(&self, skip: usize) -> Vec<UnmodelledNote> {
        let _ = skip;
        Vec::new()
    }
    /// How often each such block was touched, one line each.
    fn unmodelled_blocks(&self) -> Vec<String> {
        Vec::new()
    }
    /// What the board put out and this kind of board has dropped, because nobody asked for it in time; one line each.
    fn dropped(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Opens a board: an emulated one, and one in QEMU, with an empty flash chip, another one with what is in its flash chip. It has to
/// be reset before it does anything.
pub(crate) async fn open(target: &Target, setup: &Setup) -> Result<Box<dyn Rig>, Failure> {
    match target {
        Target::Emulated => emulated::open(setup),
        #[cfg(unix)]
        Target::Qemu => qemu::open(setup),
        #[cfg(not(unix))]
        Target::Qemu => {
            let reason = "boards in QEMU need Linux or macOS so far; ESPALIER_BOARD chooses another one";
            Err(std::io::Error::new(std::io::ErrorKind::Unsupported, reason).into())
        }
        Target::Bench(place) => bench::open(place, setup).await,
    }
}
