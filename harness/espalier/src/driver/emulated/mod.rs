//! The emulated board. This is the only module that knows the emulator.

mod air;
mod comparisons;
mod coverage;
mod stimuli;
mod world;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};

use espalier_core::{Damaged, LineSettings, Persist, Reader, Signal, Span, Time, Writer};
use espalier_parts::{PartEntry, PartKinds, Shown, Value};
#[cfg(feature = "probe")]
use espalier_soc::JtagCycle as PinCycle;
pub(super) use espalier_soc::conditional_branches;
use espalier_soc::{
    BoardDefinition, ChipReset, MachineConfig, PartError, Sound, Strap, Translation, UnknownPart as NoPart,
};
pub use espalier_soc::{
    FLASH_CHUNK_SIZE, FlashCipher, FlashHistory, FlashMemory, FlashOperation, FlashOperationKind, FlashReplay,
    FlashSectors, Machine, Progress,
};
use espalier_world::BoardId;
pub(super) use espalier_world::is_snapshot;

use super::lan_peer::{LanPeer, set_silent};
use super::{
    Absent, Act, AirDriver, AmongOthers, Cable, Capability, Changes, ConnectionId, Control, CountedFrames,
    DatagramDriver, DebugPort, Diagnostics, Display, DisplayState, Driver, EmulatorError, Executed, FaultConfig,
    FlashChip, FrameLink, Identity, Keeping, Kind, LedState, Link, ListenerId, MachineAct, Model, ModelError,
    NoSuchPin, NoSuchUart, PadHistory, Pads, PartAct, Parts, PeerSockets, PlayedTone, PowerSupply, PropertyError,
    Reset, ResetCause, Segment, SerialConsole, Setup, Start, Stimulus, StimulusRecord, Tone, UnknownPart,
    UnmodelledNote, Unsupported, timing_from_env,
};
#[cfg(feature = "probe")]
use super::{JtagCycle, ProbePort};
use crate::backtrace::Symbols;
use crate::error::{Failure, Source};
pub(crate) use coverage::executed;
use stimuli::Stimuli;
use world::{Held, HeldMut, HeldRef, InWorld, OfSeveral, WorldAccess};
pub(crate) use world::{WorldHandle, WorldPad};

/// The UART that is the console.
const CONSOLE: usize = 0;

/// The fastest rate at which espflash's stub keeps up.
const STUB_BAUD: u32 = 4_000_000;

/// Time after which a board that executes is looked at again, for whether it rests.
const REST_LOOK: Span = Span::from_micros(100);
/// Time for which a board runs before its reads of the flash chip are checked.
const LOOK: Span = Span::from_millis(1);

struct Emulated {
    access: WorldAccess,
    board: BoardId,
    peer: LanPeer,
    stimuli: Stimuli,
}

impl Emulated {
    /// The board, with its world locked if it is shared. One statement looks no second time.
    fn machine(&self) -> InWorld<HeldRef<'_>> {
        InWorld { held: self.access.held(), board: self.board }
    }

    /// The board, to act on a pin that it has.
    fn with_pin(&mut self, pin: usize) -> Result<InWorld<HeldMut<'_>>, NoSuchPin> {
        let machine = self.machine_mut();
        if machine.has_pad(pin) { Ok(machine) } else { Err(NoSuchPin { pin, pins: machine.pad_names() }) }
    }

    /// The board, to act on a UART that it has.
    fn with_uart(&mut self, uart: usize) -> Result<InWorld<HeldMut<'_>>, NoSuchUart> {
        let machine = self.machine_mut();
        let uarts = machine.uarts();
        if uart < uarts { Ok(machine) } else { Err(NoSuchUart { uart, uarts }) }
    }

    /// The same, to act on it.
    fn machine_mut(&mut self) -> InWorld<HeldMut<'_>> {
        InWorld { held: self.access.held_mut(), board: self.board }
    }
}

/// The names of the boards that come with Espalier, in the order in which messages give them.
pub(super) fn board_names() -> Vec<&'static str> {
    BoardDefinition::names().collect()
}

/// The board that it is if none is chosen.
pub(super) fn default_board() -> &'static str {
    BoardDefinition::DEFAULT
}

/// The parts around the chip of a board of that model, with more of them.
fn definition(model: &Model, kinds: &PartKinds, parts: &[PartEntry]) -> Result<BoardDefinition, ModelError> {
    let board = BoardDefinition::load_with(&model.to_string(), kinds);
    let board = parts.iter().cloned().fold(board, |board, part| board.and_then(|board| board.with_part(part)));
    board.map_err(|error| ModelError::Description(Box::new(error)))
}

/// Whether there can be a board of this model with these parts more.
pub(super) fn check(model: &Model, parts: &[PartEntry]) -> Result<(), ModelError> {
    definition(model, &PartKinds::default(), parts).map(drop)
}

/// The same with the changes of the builder, in the time that it or the environment asks for.
fn changed(
    model: &Model,
    kinds: &PartKinds,
    parts: &[PartEntry],
    changes: &Changes,
) -> Result<BoardDefinition, Failure> {
    let description = |error| ModelError::Description(Box::new(error));
    let mut board = definition(model, kinds, parts)?;
    if let Some(image) = &changes.efuses {
        board = board.with_efuses(image).map_err(description)?;
    }
    for (offset, bytes) in &changes.flash {
        board = board.with_flash_content(*offset, bytes).map_err(description)?;
    }
    let timing = match changes.timing {
        Some(timing) => Some(timing),
        None => timing_from_env().map_err(EmulatorError::new)?,
    };
    match timing {
        None => Ok(board),
        Some(timing) => Ok(board.timed(timing).map_err(description)?),
    }
}

/// Returns the surroundings of the chip of this board model as bytes that identify them, and the size of its flash chip in bytes.
pub(super) fn describe(
    model: &Model,
    kinds: &PartKinds,
    parts: &[PartEntry],
    changes: &Changes,
) -> Result<(Vec<u8>, u32), Failure> {
    let definition = changed(model, kinds, parts, changes)?;
    let mut to = Writer::new();
    definition.save(&mut to);
    Ok((to.into_bytes(), definition.flash_size))
}

/// Returns the size in bytes of the flash chip of this board model.
pub(super) fn flash_size(model: &Model) -> Result<u32, Failure> {
    Ok(definition(model, &PartKinds::default(), &[])?.flash_size)
}

/// Returns the name of the chip of this board model, as board files spell it.
#[cfg_attr(not(unix), expect(dead_code, reason = "boards in QEMU need Unix so far"))]
pub(super) fn chip(model: &Model) -> Result<&'static str, Failure> {
    Ok(definition(model, &PartKinds::default(), &[])?.chip.name())
}

pub(super) fn open(setup: &Setup) -> Result<Box<dyn Driver>, Failure> {
    let board = changed(&setup.model, &setup.kinds, &setup.parts, &setup.changes)?;
    let config = MachineConfig { board, seed: setup.seed, strict: setup.strict, allowed: setup.allowed.clone() };
    let translation = translation().map_err(EmulatorError::new)?;
    let (access, board) = match &setup.world {
        Some(world) => world.add(&setup.name, &config)?,
        None => WorldAccess::alone(&setup.name, Machine::new(&config).map_err(EmulatorError::new)?),
    };
    let mut emulated = Emulated { access, board, peer: LanPeer::default(), stimuli: Stimuli::default() };
    emulated.machine_mut().set_translation(translation);
    Ok(Box::new(emulated))
}

/// The board of a file that [`Keeping::save`] has made, and the attachment.
pub(super) fn load(file: &[u8], kinds: &PartKinds) -> Result<(Box<dyn Driver>, Vec<u8>), Source> {
    let (held, attachment) = Held::load(file, kinds)?;
    let boards: Vec<BoardId> = held.world.boards().map(|(board, _)| board).collect();
    match boards[..] {
        [board] if held.world.is_of_one() => {
            let (access, peer, stimuli) = (WorldAccess::Alone(held), LanPeer::default(), Stimuli::default());
            Ok((Box::new(Emulated { access, board, peer, stimuli }), attachment))
        }
        _ => Err(OfSeveral { boards: boards.len() }.into()),
    }
}

/// Chooses how emulated boards execute code: `interpreter`, or `translated`, which is what they do otherwise where the host has a
/// back end. Nothing but speed depends on it.
const ENGINE_VARIABLE: &str = "ESPALIER_ENGINE";

#[derive(Debug, thiserror::Error)]
#[error("{ENGINE_VARIABLE}={0:?} names no engine; it is \"interpreter\" or \"translated\"")]
struct UnknownEngine(String);

/// The engine that the environment asks for.
fn translation() -> Result<Translation, UnknownEngine> {
    match std::env::var_os(ENGINE_VARIABLE).filter(|value| !value.is_empty()) {
        None => Ok(Translation::default()),
        Some(value) if value == "translated" => Ok(Translation::HOT),
        Some(value) if value == "interpreter" => Ok(Translation::Off),
        Some(value) => Err(UnknownEngine(value.to_string_lossy().into_owned())),
    }
}

fn played(sound: &Sound) -> PlayedTone {
    let period = sound.period.as_secs_f64();
    PlayedTone {
        tone: Tone { frequency: 1.0 / period, duty: sound.high.as_secs_f64() / period },
        start: sound.start,
        duration: sound.end.map(|end| end.since(sound.start)),
    }
}

fn reset(reset: ChipReset) -> Reset {
    let ChipReset { at, cause, pcs, store6, .. } = reset;
    Reset { at, cause: ResetCause::new(cause as u8), pcs: pcs.to_vec(), hint: reset_hint(store6) }
}

/// The reason for a reset that ESP-IDF leaves in RTC_CNTL_STORE6: twice, and with the highest bit set (`esp_reset_reason_get_hint`).
fn reset_hint(store6: u32) -> Option<u16> {
    const VALID: u32 = 1 << 31;
    const REASON: u32 = 0x7FFF;
    let (high, low) = (store6 >> 16 & REASON, store6 & REASON);
    (store6 & VALID != 0 && high == low).then_some(low as u16)
}

/// Converts the state of a display at `at`.
fn display(shown: Shown, at: Time) -> DisplayState {
    let Shown { picture, memory, changed, on } = shown;
    DisplayState { bitmap: picture.bright(), colours: picture.colours(), memory, changed, on, at }
}

fn unknown(error: NoPart) -> Failure {
    UnknownPart { what: error.what, name: error.name, names: error.names }.into()
}

fn of_part(error: PartError) -> Failure {
    match error {
        PartError::Unknown(error) => unknown(error),
        error => PropertyError { reason: error.to_string() }.into(),
    }
}

impl Identity for Emulated {
    fn kind(&self) -> Kind {
        Kind::Emulated
    }

    fn unsupported(&self, capability: Capability) -> Failure {
        match capability {
            Capability::Fork | Capability::Snapshot | Capability::Probe if !self.access.is_alone() => {
                AmongOthers { capability }.into()
            }
            _ => Unsupported { capability, kind: self.kind() }.into(),
        }
    }

    fn supports(&self, capability: Capability) -> bool {
        match capability {
            Capability::Fork | Capability::Snapshot => self.access.is_alone(),
            Capability::VirtualTime
            | Capability::VanishingPeer
            | Capability::Capture
            | Capability::Faults
            | Capability::Refusal
            | Capability::FlashContent
            | Capability::Wifi
            | Capability::Air
            | Capability::Datagrams
            | Capability::Controls
            | Capability::Parts
            | Capability::Power
            | Capability::Coverage
            | Capability::Pins
            | Capability::Uarts => true,
            Capability::Probe => cfg!(feature = "probe") && self.access.is_alone(),
            Capability::Screen | Capability::DisplayMemory => self.machine().has_display(None),
            Capability::Leds => self.machine().has_leds(),
            Capability::Buzzer => self.machine().has_buzzer(),
        }
    }
}

impl SerialConsole for Emulated {
    fn console_send(&mut self, bytes: &[u8]) {
        self.note(bytes.len(), || Act::Console(bytes.to_vec()));
        self.machine_mut().uart_send(CONSOLE, bytes);
    }

    fn console_cut(&mut self) {
        self.note(0, || Act::CutConsole);
        self.machine_mut().uart_cut_line(CONSOLE);
    }

    fn console_take(&mut self) -> Vec<(Time, u8)> {
        self.machine_mut().uart_take(CONSOLE)
    }

    fn take_resets(&mut self) -> Option<Vec<Reset>> {
        Some(self.machine_mut().take_resets().into_iter().map(reset).collect())
    }
}

impl FlashChip for Emulated {
    fn flash_size(&self) -> u32 {
        self.machine().board().flash_size
    }

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.note_code("its flash chip was written");
        self.machine_mut().load_flash(offset, bytes).map_err(|error| EmulatorError::new(error).into())
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        Some(self.machine().flash().to_vec())
    }

    fn flash_baud(&self) -> u32 {
        STUB_BAUD
    }
}

impl PowerSupply for Emulated {
    fn cut_power(&mut self, seed: u64) -> Result<(), Failure> {
        self.note(0, || Act::CutPower { seed });
        self.machine_mut().cut_power(seed);
        Ok(())
    }

    fn power_on(&mut self) -> Result<(), Failure> {
        self.note(0, || Act::PowerOn);
        self.access.held_mut().revive(self.board);
        self.machine_mut().power_on(Strap::FlashBoot);
        Ok(())
    }

    fn set_supply(&mut self, millivolts: u32, seed: u64) -> Result<(), Failure> {
        self.note(0, || Act::Supply { millivolts, seed });
        self.machine_mut().set_supply(millivolts, seed);
        Ok(())
    }

    fn is_powered(&self) -> bool {
        self.machine().is_powered()
    }

    fn record_flash(&mut self, limit: usize) -> Result<(), Failure> {
        self.machine_mut().record_flash(limit);
        Ok(())
    }

    fn flash_history(&self) -> Option<FlashHistory> {
        self.machine().flash_history().cloned()
    }

    fn watch_flash_reads(&mut self, watch: bool) -> Result<(), Failure> {
        self.machine_mut().watch_flash_reads(watch);
        Ok(())
    }

    fn flash_reads(&self) -> Option<FlashSectors> {
        self.machine().flash_reads().cloned()
    }

    fn run_to_flash_read(&mut self, sectors: &FlashSectors, limit: Time) -> Result<bool, Failure> {
        self.machine_mut().watch_flash_reads(true);
        let mut found = false;
        while self.now() < limit && !found {
            let Some(before) = self.access.fork() else { return Err(self.unsupported(Capability::Fork)) };
            let end = self.now() + LOOK;
            self.access.held_mut().run_to(end)?;
            found = self.machine().flash_reads().is_some_and(|reads| reads.meet(sectors));
            if found {
                self.access = before;
            }
        }
        self.machine_mut().watch_flash_reads(false);
        Ok(found)
    }

    fn set_flash_memory(&mut self, memory: &FlashMemory) -> Result<(), Failure> {
        self.note_code("its flash chip was written");
        self.machine_mut().set_flash_content(memory).map_err(|error| EmulatorError::new(error).into())
    }
}

impl Display for Emulated {
    fn look(&mut self, since: Time) -> Poll<Result<DisplayState, Failure>> {
        let machine = self.machine();
        let early = machine.has_display(None) && machine.held.world.now() < since;
        drop(machine);
        if early {
            return Poll::Pending;
        }
        Poll::Ready(self.shown().ok_or_else(|| Absent { what: "display" }.into()))
    }

    fn look_at(&mut self, name: &str, since: Time) -> Poll<Result<DisplayState, Failure>> {
        let machine = self.machine();
        let now = machine.held.world.now();
        if machine.has_display(Some(name)) && now < since {
            return Poll::Pending;
        }
        let Some(shown) = machine.display(Some(name)) else {
            let names = machine.displays();
            return Poll::Ready(Err(UnknownPart { what: "display", name: name.to_owned(), names }.into()));
        };
        Poll::Ready(Ok(display(shown, now)))
    }

    fn shown(&self) -> Option<DisplayState> {
        let machine = self.machine();
        let shown = machine.display(None)?;
        Some(display(shown, machine.held.world.now()))
    }
}

impl Parts for Emulated {
    fn act_on_part(&mut self, control: &Control) -> Result<(), Failure> {
        self.note(0, || Act::Part(control.clone()));
        let done = match control {
            Control::Button { name, pressed } => self.machine_mut().set_button(name, *pressed),
            Control::Touch { name, touched } => self.machine_mut().set_touched(name, *touched),
            Control::Volts { name, volts } => self.machine_mut().set_volts(name, *volts),
            Control::Level { name, level } => self.machine_mut().set_level(name, *level),
            Control::Acceleration { name, g } => {
                return self.machine_mut().set_acceleration(name, *g).map_err(of_part);
            }
            Control::Field { name, gauss } => {
                return self.machine_mut().set_magnetic_field(name, *gauss).map_err(of_part);
            }
        };
        done.map_err(unknown)
    }

    fn with_part(&mut self, name: &str, act: &mut PartAct<'_>) -> Result<(), Failure> {
        self.note_code("code of the test has acted on a part");
        self.machine_mut().act_on_part(name, act).map_err(unknown)
    }

    fn with_machine(&mut self, act: &mut MachineAct<'_>) -> Result<(), Failure> {
        act(&mut self.machine_mut());
        Ok(())
    }

    fn set_property(&mut self, part: &str, property: &str, value: &Value) -> Result<(), Failure> {
        let named = || (part.to_owned(), property.to_owned(), value.clone());
        self.note(0, || {
            let (part, property, value) = named();
            Act::Property { part, property, value }
        });
        self.machine_mut().set_property(part, property, value).map_err(of_part)
    }

    fn property(&mut self, part: &str, property: &str) -> Result<Option<Value>, Failure> {
        self.machine_mut().property(part, property).map_err(of_part)
    }

    fn leds(&mut self, name: Option<&str>) -> Result<LedState, Failure> {
        let mut machine = self.machine_mut();
        match (machine.leds(name), name) {
            (Some((colours, changed)), _) => Ok(LedState { colours, changed }),
            (None, None) => Err(Absent { what: "LEDs" }.into()),
            (None, Some(name)) => {
                let names = machine.strips();
                Err(UnknownPart { what: "LED strip", name: name.to_owned(), names }.into())
            }
        }
    }

    fn tones(&mut self) -> Result<Vec<PlayedTone>, Failure> {
        let sounds = self.machine_mut().sounds().ok_or(Absent { what: "buzzer" })?;
        Ok(sounds.iter().map(played).collect())
    }
}

impl Pads for Emulated {
    fn pad(&mut self, pin: usize) -> Result<Signal, Failure> {
        Ok(self.with_pin(pin)?.pad(pin))
    }

    fn drive_pad(&mut self, pin: usize, level: Option<bool>) -> Result<(), Failure> {
        self.note(0, || Act::Pin { pin, level });
        self.with_pin(pin)?.drive_pin(pin, level);
        Ok(())
    }

    fn record_pad(&mut self, pin: usize) -> Result<u64, Failure> {
        let mut machine = self.with_pin(pin)?;
        machine.attach_probe(pin);
        Ok(machine.probed_changes(pin))
    }

    fn pad_history(&mut self, pin: usize, skip: u64) -> Result<PadHistory, Failure> {
        let (before, changes) = self.with_pin(pin)?.probed(pin, skip);
        Ok(PadHistory { before, changes })
    }

    fn uart_send(&mut self, uart: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.note(bytes.len(), || Act::Uart { uart, bytes: bytes.to_vec() });
        self.with_uart(uart)?.uart_send(uart, bytes);
        Ok(())
    }

    fn uart_take(&mut self, uart: usize) -> Vec<(Time, u8)> {
        self.machine_mut().uart_take(uart)
    }

    fn set_uart_line(&mut self, uart: usize, settings: LineSettings) -> Result<(), Failure> {
        self.note_code("the line of a UART was set");
        self.with_uart(uart)?.set_uart_line(uart, settings);
        Ok(())
    }
}

impl PeerSockets for Emulated {
    fn address(&self) -> Option<Ipv4Addr> {
        self.access.held().world.address(self.board)
    }

    fn peer_address(&self) -> Ipv4Addr {
        self.access.held().world.lan().config().peer
    }

    fn listen(&mut self, port: u16) -> Result<ListenerId, Failure> {
        self.note(0, || Act::Listen { segment: Segment::Lan, port });
        self.peer.listen(&mut self.access.held_mut().world, Segment::Lan, port)
    }

    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        let accepted = self.peer.accept(&mut self.access.held_mut().world, listener)?;
        self.note(0, || Act::Accept(listener));
        Some(accepted)
    }

    fn close_listener(&mut self, listener: ListenerId) {
        self.note(0, || Act::CloseListener(listener));
        self.peer.close_listener(&mut self.access.held_mut().world, listener);
    }

    fn connect(&mut self, to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.note(0, || Act::Connect { segment: Segment::Lan, to });
        self.peer.connect(&mut self.access.held_mut().world, Segment::Lan, to)
    }

    fn link(&self, connection: ConnectionId) -> Link {
        self.peer.link(&self.access.held().world, connection)
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        let sent = self.peer.send(&mut self.access.held_mut().world, connection, bytes);
        if sent > 0 {
            self.note(sent, || Act::Send { connection, bytes: bytes[..sent].to_vec() });
        }
        sent
    }

    fn receive(&mut self, connection: ConnectionId) -> Vec<u8> {
        let bytes = self.peer.receive(&mut self.access.held_mut().world, connection);
        if !bytes.is_empty() {
            self.note(0, || Act::Receive(connection));
        }
        bytes
    }

    fn finish(&mut self, connection: ConnectionId) {
        self.note(0, || Act::Finish(connection));
        self.peer.finish(&mut self.access.held_mut().world, connection);
    }

    fn abort(&mut self, connection: ConnectionId) {
        self.note(0, || Act::Abort(connection));
        self.peer.abort(&mut self.access.held_mut().world, connection);
    }

    fn set_silent(&mut self, silent: bool) -> Result<(), Failure> {
        self.note(0, || Act::Silent { segment: Segment::Lan, silent });
        set_silent(&mut self.access.held_mut().world, Segment::Lan, silent)
    }
}

impl Cable for Emulated {
    fn set_faults(&mut self, faults: &FaultConfig) -> Result<(), Failure> {
        self.note(0, || Act::Faults(faults.clone()));
        self.access.held_mut().set_cable_faults(self.board, faults)
    }

    fn start_capture(&mut self, limit: usize) {
        self.access.held_mut().world.lan_mut().start_capture(limit);
    }

    fn capture(&self, first: u64) -> Vec<u8> {
        self.access.held().world.lan().capture_from(first)
    }

    fn captured(&self) -> u64 {
        self.access.held().world.lan().captured()
    }

    fn capture_dropped(&self) -> u64 {
        self.access.held().world.lan().capture_dropped()
    }
}

impl DebugPort for Emulated {
    #[cfg(feature = "probe")]
    fn probe_port(&self) -> Option<ProbePort> {
        self.access.is_alone().then_some(ProbePort::Pins)
    }

    #[cfg(feature = "probe")]
    fn jtag(&mut self, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        self.note_code("a debug probe has clocked its pins");
        let cycles: Vec<PinCycle> = cycles.iter().map(|cycle| PinCycle { tms: cycle.tms, tdi: cycle.tdi }).collect();
        self.machine_mut().jtag(period, &cycles)
    }

    #[cfg(feature = "probe")]
    fn jtag_pause(&mut self, span: Span) {
        self.machine_mut().jtag_pause(span);
    }
}

impl Diagnostics for Emulated {
    fn cover(&mut self) -> bool {
        self.machine_mut().count_blocks();
        true
    }

    fn executed(&self) -> Option<Executed> {
        executed(&self.machine())
    }

    fn count_edges(&mut self) -> bool {
        self.machine_mut().count_edges();
        true
    }

    fn each_edge(&self, tell: &mut dyn FnMut(usize, u8)) -> bool {
        let machine = self.machine();
        machine.edges().for_each(|edges| edges.each(tell));
        machine.edges().next().is_some()
    }

    fn note_comparisons(&mut self) -> bool {
        comparisons::begin(&mut self.machine_mut());
        true
    }

    fn take_comparisons(&mut self) -> Vec<(u32, u32)> {
        comparisons::end(&mut self.machine_mut())
    }

    fn run_to_rest(&mut self, least: Time, limit: Time) -> Result<bool, Failure> {
        loop {
            let now = self.now();
            let rests = self.access.held_mut().world.rests_until().is_some();
            if now >= least && rests && self.stimuli.is_empty() {
                return Ok(true);
            }
            if now >= limit {
                return Ok(false);
            }
            let end = if now < least { least } else { (now + REST_LOOK).min(limit) };
            let end = self.perform_due(end)?;
            self.access.held_mut().run_to(end)?;
        }
    }

    fn trace_hash(&self) -> Option<u64> {
        Some(self.machine().trace_hash())
    }

    fn unmodelled(&self) -> Vec<String> {
        self.machine().unmodelled().iter().map(ToString::to_string).collect()
    }

    fn unmodelled_notes(&self, skip: usize) -> Vec<UnmodelledNote> {
        let machine = self.machine();
        let notes = machine.unmodelled_notes(skip).iter();
        notes
            .map(|access| UnmodelledNote {
                at: access.at,
                access: access.description(),
                core: access.core,
                place: Symbols::place(None, access.pc),
            })
            .collect()
    }

    fn unmodelled_blocks(&self) -> Vec<String> {
        self.machine().unmodelled_blocks().iter().map(ToString::to_string).collect()
    }

    fn dropped(&self) -> Vec<String> {
        self.machine().dropped()
    }
}

impl Keeping for Emulated {
    fn fork(&self) -> Option<Box<dyn Driver>> {
        let (access, peer, stimuli) = (self.access.fork()?, self.peer.clone(), self.stimuli.clone());
        Some(Box::new(Emulated { access, board: self.board, peer, stimuli }))
    }

    fn name_in_world(&self) -> Option<String> {
        match &self.access {
            WorldAccess::Alone(_) => None,
            WorldAccess::Shared(world) => world.name_of(self.board),
        }
    }

    fn fork_into(&self, world: &WorldHandle) -> Option<Box<dyn Driver>> {
        Some(Box::new(Emulated {
            access: WorldAccess::Shared(world.clone()),
            board: self.board,
            peer: self.peer.clone(),
            stimuli: Stimuli::default(),
        }))
    }

    fn pad_in_world(&self, world: &WorldHandle, pin: usize) -> Option<WorldPad> {
        match &self.access {
            WorldAccess::Shared(own) if own.is(world) => Some(WorldPad { board: self.board, pin }),
            _ => None,
        }
    }

    fn save(&self, attachment: &[u8]) -> Result<Vec<u8>, Failure> {
        if !self.access.is_alone() {
            return Err(self.unsupported(Capability::Snapshot));
        }
        Ok(self.access.held().save(attachment))
    }

    fn sockets(&self) -> Vec<u8> {
        let mut to = Writer::new();
        self.peer.save(&mut to);
        self.stimuli.save(&mut to);
        to.into_bytes()
    }

    fn restore_sockets(&mut self, sockets: &[u8]) -> Result<(), Damaged> {
        let mut from = Reader::new(sockets);
        self.peer.restore(&mut from)?;
        self.stimuli.restore(&mut from)?;
        from.finish()
    }

    fn plan(&mut self, at: Time, stimulus: Stimulus) -> Result<(), Failure> {
        if !self.access.is_alone() {
            return Err(self.unsupported(Capability::Fork));
        }
        self.plan_act(at, stimulus)
    }

    fn record_stimuli(&mut self) -> Result<(), Failure> {
        if !self.access.is_alone() {
            return Err(self.unsupported(Capability::Fork));
        }
        self.start_record();
        Ok(())
    }

    fn stimuli(&self) -> Option<StimulusRecord> {
        self.record()
    }

    fn counted_frames(&self, link: FrameLink) -> Option<CountedFrames> {
        self.frames_counted(link)
    }
}

impl Driver for Emulated {
    fn now(&self) -> Time {
        self.access.held().world.now()
    }

    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        let limit = self.perform_due(limit)?;
        self.access.held_mut().poll_advance(cx, limit)
    }

    fn poll_calm(&mut self, cx: &mut Context<'_>, limit: Time, enough: Time) -> Result<(), Failure> {
        let limit = self.perform_due(limit)?;
        self.access.held_mut().poll_calm(cx, limit, enough)
    }

    fn reset(&mut self, start: Start) -> Result<(), Failure> {
        self.note(0, || Act::Reset(start));
        self.access.held_mut().revive(self.board);
        self.machine_mut().reset(match start {
            Start::Flash => Strap::FlashBoot,
            Start::Download => Strap::Download,
        });
        Ok(())
    }

    fn air(&mut self) -> Result<&mut dyn AirDriver, Failure> {
        Ok(self)
    }

    fn datagrams(&mut self) -> Result<&mut dyn DatagramDriver, Failure> {
        Ok(self)
    }
}
