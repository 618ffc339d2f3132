//! Abilities of a board, one small trait each.
//!
//! A kind of board implements every one of them; where it lacks an ability it keeps the default, which says so.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};

#[cfg(feature = "probe")]
use espalier_core::Span;
use espalier_core::{Damaged, LineSettings, Signal, Time};
use espalier_parts::{Part, Value};

use super::{
    AirDriver, Capability, ConnectionId, Control, CountedFrames, DatagramDriver, DisplayState, Executed, FaultConfig,
    FlashHistory, FlashMemory, FlashSectors, FrameLink, Kind, LedState, Link, ListenerId, Machine, PadHistory,
    PlayedTone, Reset, SerialPort, Start, Stimulus, StimulusRecord, UnmodelledNote, Unsupported, WifiCredentials,
    WorldHandle, WorldPad,
};
#[cfg(feature = "probe")]
use super::{JtagCycle, ProbePort};
use crate::error::Failure;

/// The kind of a board, and its abilities.
pub(crate) trait Identity {
    fn kind(&self) -> Kind;

    fn supports(&self, capability: Capability) -> bool;

    /// The error of a board without this ability.
    fn unsupported(&self, capability: Capability) -> Failure {
        Unsupported { capability, kind: self.kind() }.into()
    }
}

/// The console's serial line, and the resets that only the board itself can tell.
pub(crate) trait SerialConsole {
    fn console_send(&mut self, bytes: &[u8]);

    /// Drops the bytes that were sent to the console and have not arrived yet.
    fn console_cut(&mut self);

    /// The bytes that the console's pin has sent since the last call, each with its time.
    fn console_take(&mut self) -> Vec<(Time, u8)>;

    /// The chip's resets since the last call that did not come over its reset line; `None` where only the console tells of them.
    fn take_resets(&mut self) -> Option<Vec<Reset>> {
        None
    }

    /// The rate at which the console's pins are talked to from now on, in bits per second. On an emulated board the line has the
    /// rate that its UART has.
    #[cfg(unix)]
    fn console_baud(&mut self, _: u32) {}

    /// The serial port of this computer at which the board is, for a tool that speaks to it itself; `None` where there is none. The
    /// console is closed until [`console_cut`](Driver::console_cut) or the next reset.
    fn lend_port(&mut self) -> Result<Option<SerialPort>, Failure> {
        Ok(None)
    }
}

/// The flash chip.
pub(crate) trait FlashChip {
    /// Bytes that fit into the flash chip.
    fn flash_size(&self) -> u32;

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure>;

    /// All that is in the flash chip; `None` if it can only be read over the serial port.
    fn read_flash(&self) -> Option<Vec<u8>>;

    /// The fastest rate at which the board's line can be flashed over.
    fn flash_baud(&self) -> u32;

    /// The digest of the image that is in the flash, unless something else may have changed it.
    fn flashed(&self) -> Option<[u8; 32]> {
        None
    }

    fn note_flashed(&mut self, _: Option<[u8; 32]>) {}

    /// Fails if a chip with this MAC address is not the one that was asked for.
    fn check_chip(&self, _mac: Option<&str>) -> Result<(), Failure> {
        Ok(())
    }
}

/// The power supply, and what its loss leaves in the flash chip.
pub(crate) trait PowerSupply: Identity {
    /// Takes the power away. What the flash chip was about to change is torn, by the seed.
    fn cut_power(&mut self, _seed: u64) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Power))
    }

    /// Sets the voltage of the supply. What the flash chip was about to change when it fails is torn, by the seed.
    fn set_supply(&mut self, _millivolts: u32, _seed: u64) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Power))
    }

    /// Whether it has power.
    fn is_powered(&self) -> bool {
        true
    }

    /// Gives the power back.
    fn power_on(&mut self) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Power))
    }

    /// Records from now on what is done to the flash chip, as long as that takes no more than so many bytes.
    fn record_flash(&mut self, _limit: usize) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Power))
    }

    /// Recorded operations on the flash chip, if they were recorded.
    fn flash_history(&self) -> Option<FlashHistory> {
        None
    }

    /// Notes from now on which sectors of the flash chip are read, or stops that.
    fn watch_flash_reads(&mut self, _watch: bool) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Power))
    }

    /// The sectors that were read, if they are watched.
    fn flash_reads(&self) -> Option<FlashSectors> {
        None
    }

    /// Runs to shortly before one of these sectors is read, or to `limit`. False if none was read.
    fn run_to_flash_read(&mut self, _sectors: &FlashSectors, _limit: Time) -> Result<bool, Failure> {
        Err(self.unsupported(Capability::Power))
    }

    /// Replaces all that is in the flash chip.
    fn set_flash_memory(&mut self, _memory: &FlashMemory) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Power))
    }
}

/// The display.
pub(crate) trait Display: Identity {
    /// Returns the state of the display at `since` or later. Where only the firmware knows the display, this asks for it over the
    /// console, and the answer is there some time later.
    fn look(&mut self, since: Time) -> Poll<Result<DisplayState, Failure>>;

    /// The same for the display of this name, where displays are seen without the firmware.
    fn look_at(&mut self, name: &str, since: Time) -> Poll<Result<DisplayState, Failure>> {
        let _ = (name, since);
        Poll::Ready(Err(self.unsupported(Capability::Parts)))
    }

    /// From now on the firmware sends every picture that it shows over the console, see [`crate::MicroPython::mirror`]. Nothing to
    /// do where the display is seen anyway.
    fn mirror_display(&mut self) {}

    /// Returns the last known state of the display, or its current state if it can be seen; `None` if there is no display or no state was
    /// seen yet.
    fn shown(&self) -> Option<DisplayState>;
}

/// An action on a part at board time.
pub(crate) type PartAct<'a> = dyn FnMut(&mut dyn Part, Time) + 'a;

/// An action on the emulator's own board.
pub(crate) type MachineAct<'a> = dyn FnMut(&mut Machine) + 'a;

/// Buttons, sensors, LEDs and the buzzer.
pub(crate) trait Parts: Identity {
    /// Presses, touches or sets a part.
    fn act_on_part(&mut self, control: &Control) -> Result<(), Failure> {
        let _ = control;
        Err(self.unsupported(Capability::Controls))
    }

    /// Acts on the emulator's own board.
    fn with_machine(&mut self, act: &mut MachineAct<'_>) -> Result<(), Failure> {
        let _ = act;
        Err(self.unsupported(Capability::Parts))
    }

    /// Acts on the part of this name.
    fn with_part(&mut self, name: &str, act: &mut PartAct<'_>) -> Result<(), Failure> {
        let _ = (name, act);
        Err(self.unsupported(Capability::Parts))
    }

    /// Sets a property of a part.
    fn set_property(&mut self, part: &str, property: &str, value: &Value) -> Result<(), Failure> {
        let _ = (part, property, value);
        Err(self.unsupported(Capability::Parts))
    }

    /// Returns the value of a property of a part.
    fn property(&mut self, part: &str, property: &str) -> Result<Option<Value>, Failure> {
        let _ = (part, property);
        Err(self.unsupported(Capability::Parts))
    }

    /// The colours of the LEDs of this name, or of the first ones.
    fn leds(&mut self, name: Option<&str>) -> Result<LedState, Failure> {
        let _ = name;
        Err(self.unsupported(Capability::Leds))
    }

    /// The buzzer's tones since power-on, in order.
    fn tones(&mut self) -> Result<Vec<PlayedTone>, Failure> {
        Err(self.unsupported(Capability::Buzzer))
    }
}

/// Pins of the chip, and its UARTs beside the console.
pub(crate) trait Pads: Identity {
    /// Returns the signal on a pin.
    fn pad(&mut self, _pin: usize) -> Result<Signal, Failure> {
        Err(self.unsupported(Capability::Pins))
    }

    /// Drives a pin from outside, or releases it.
    fn drive_pad(&mut self, _pin: usize, _level: Option<bool>) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Pins))
    }

    /// Keeps what a pin carries from now on; gives how many of its changes were recorded before.
    fn record_pad(&mut self, _pin: usize) -> Result<u64, Failure> {
        Err(self.unsupported(Capability::Pins))
    }

    /// Returns the signals of a recorded pin after the first `skip` changes.
    fn pad_history(&mut self, _pin: usize, _skip: u64) -> Result<PadHistory, Failure> {
        Err(self.unsupported(Capability::Pins))
    }

    /// Sends bytes to the RX of a UART.
    fn uart_send(&mut self, _uart: usize, _bytes: &[u8]) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Uarts))
    }

    /// The bytes that a UART has sent since the last call, each with its time. Nothing where they are out of reach.
    fn uart_take(&mut self, _uart: usize) -> Vec<(Time, u8)> {
        Vec::new()
    }

    /// Sets how the adapter at a UART sends and reads.
    fn set_uart_line(&mut self, _uart: usize, _settings: LineSettings) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Uarts))
    }
}

/// TCP sockets of the peer at the other end of the board's network.
pub(crate) trait PeerSockets {
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
}

/// The cable between the board and its peer: faults on it, and a record of its frames.
pub(crate) trait Cable: Identity {
    /// The faults on the board's cable from now on.
    fn set_faults(&mut self, _faults: &FaultConfig) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Faults))
    }

    /// Records what goes over the network from now on, and keeps the last frames that fit into so many bytes.
    fn start_capture(&mut self, _limit: usize) {}

    /// The capture from a frame on, as a pcap file.
    fn capture(&self, _first: u64) -> Vec<u8> {
        Vec::new()
    }

    /// Number of recorded frames, including the dropped ones.
    fn captured(&self) -> u64 {
        0
    }

    /// Number of recorded frames that were dropped, because more came than the record keeps.
    fn capture_dropped(&self) -> u64 {
        0
    }
}

/// The debug port of the chip.
pub(crate) trait DebugPort {
    /// The debug probe that is wired to it, as probe-rs selects it.
    fn probe(&self) -> Option<String> {
        None
    }

    /// Returns the access of a debug probe to the chip; `None` if there is none.
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
}

/// Facts about the run of a board, for a failure or a comparison.
pub(crate) trait Diagnostics {
    /// A fingerprint of everything that has happened; `None` where two runs are never the same.
    fn trace_hash(&self) -> Option<u64> {
        None
    }

    /// Counts from now on what the cores execute. False if this kind of board cannot.
    fn cover(&mut self) -> bool {
        false
    }

    /// Returns the addresses executed while they were counted.
    fn executed(&self) -> Option<Executed> {
        None
    }

    /// Counts from now on the jumps that the cores take. False if this kind of board cannot.
    fn count_edges(&mut self) -> bool {
        false
    }

    /// Tells the counters of jumps that are not zero, with their counts. False if none are counted.
    fn each_edge(&self, tell: &mut dyn FnMut(usize, u8)) -> bool {
        let _ = tell;
        false
    }

    /// Notes from now on the numbers that branches compare. False if this kind of board cannot.
    fn note_comparisons(&mut self) -> bool {
        false
    }

    /// Ends that. Gives each pair of different numbers once.
    fn take_comparisons(&mut self) -> Vec<(u32, u32)> {
        Vec::new()
    }

    /// Runs until nothing executes, but at least until `least` and at most until `limit`. False if something executes then.
    fn run_to_rest(&mut self, least: Time, limit: Time) -> Result<bool, Failure> {
        let _ = (least, limit);
        Ok(false)
    }

    /// The firmware's accesses to hardware that this kind of board lacks, one line each.
    fn unmodelled(&self) -> Vec<String> {
        Vec::new()
    }

    /// The first touch of each such block or register, in order and without the first `skip`; nothing says yet what function it
    /// was.
    fn unmodelled_notes(&self, skip: usize) -> Vec<UnmodelledNote> {
        let _ = skip;
        Vec::new()
    }

    /// Returns the number of accesses to each such block, one line each.
    fn unmodelled_blocks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns one line for each kind of output that the board has dropped because no test took it in time.
    fn dropped(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A board as a value: another one that starts where it stands, and a file of it.
pub(crate) trait Keeping: Identity {
    /// A second board that starts where this one stands.
    fn fork(&self) -> Option<Box<dyn Driver>> {
        None
    }

    /// Its name in a world of several boards.
    fn name_in_world(&self) -> Option<String> {
        None
    }

    /// The same board in a fork of the world that it is in with others.
    fn fork_into(&self, world: &WorldHandle) -> Option<Box<dyn Driver>> {
        let _ = world;
        None
    }

    /// A pad of it in this world; none if it is not there.
    fn pad_in_world(&self, world: &WorldHandle, pin: usize) -> Option<WorldPad> {
        let _ = (world, pin);
        None
    }

    /// The board as the bytes of a file, with an attachment that [`load`](super::load) gives back.
    fn save(&self, attachment: &[u8]) -> Result<Vec<u8>, Failure> {
        let _ = attachment;
        Err(self.unsupported(Capability::Snapshot))
    }

    /// Returns the numbering of its peers' sockets, and its plan, for the attachment.
    fn sockets(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The same numbers for a board that was loaded.
    fn restore_sockets(&mut self, _sockets: &[u8]) -> Result<(), Damaged> {
        Ok(())
    }

    /// Does something to the board at a moment of its time, which may be now.
    fn plan(&mut self, at: Time, stimulus: Stimulus) -> Result<(), Failure> {
        let _ = (at, stimulus);
        Err(self.unsupported(Capability::Fork))
    }

    /// Records from now on what is done to the board.
    fn record_stimuli(&mut self) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Fork))
    }

    /// Returns the record, if there is one.
    fn stimuli(&self) -> Option<StimulusRecord> {
        None
    }

    /// The first frames that were counted somewhere, if they are counted there.
    fn counted_frames(&self, link: FrameLink) -> Option<CountedFrames> {
        let _ = link;
        None
    }
}

/// One board: every ability, and time.
///
/// Nothing here blocks. Time passes in [`poll_advance`](Driver::poll_advance) only.
pub(crate) trait Driver:
    Identity
    + SerialConsole
    + FlashChip
    + PowerSupply
    + Display
    + Parts
    + Pads
    + PeerSockets
    + Cable
    + DebugPort
    + Diagnostics
    + Keeping
    + Send
{
    fn now(&self) -> Time;

    /// Lets board time go on, at most to `limit`, and sees to it that the task of `cx` is woken when something may have
    /// changed. An emulated board runs a slice and wakes the task at once; a live one registers the task.
    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure>;

    /// The same while all that wait look at nothing but the clock and what the board prints: an emulated board may take many slices
    /// at once, up to the one in which it prints something or comes to `enough`.
    fn poll_calm(&mut self, cx: &mut Context<'_>, limit: Time, enough: Time) -> Result<(), Failure> {
        let _ = enough;
        self.poll_advance(cx, limit)
    }

    /// Pulls the reset line, with the strapping pins for `start`.
    fn reset(&mut self, start: Start) -> Result<(), Failure>;

    /// The Wi-Fi network that was set up for it.
    fn wifi(&self) -> Result<Option<WifiCredentials>, Failure> {
        Ok(None)
    }

    /// The air around the board, where a test commands it.
    fn air(&mut self) -> Result<&mut dyn AirDriver, Failure> {
        Err(self.unsupported(Capability::Air))
    }

    /// Peers that have UDP and can ping.
    fn datagrams(&mut self) -> Result<&mut dyn DatagramDriver, Failure> {
        Err(self.unsupported(Capability::Datagrams))
    }
}
