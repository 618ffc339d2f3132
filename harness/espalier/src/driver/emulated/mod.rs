//! The emulated board. This is the only module that knows the emulator.

mod air;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};

use espalier_core::{Span, Time};
use espalier_net::{ConnectionId as LanConnection, Lan, ListenerId as LanListener, PingId as LanPing, UdpId as LanUdp};
#[cfg(feature = "probe")]
use espalier_soc::JtagCycle as PinCycle;
use espalier_soc::{BoardDefinition, ChipReset, Machine, MachineConfig, Sound, Stop, Strap};

use super::lan;
use super::{
    AirRig, Capability, ConnectionId, DatagramRig, Kind, Link, ListenerId, Lit, Model, Place, Rig, Setup, Shown, Start,
};
#[cfg(feature = "probe")]
use super::{JtagCycle, ProbePort};
use crate::backtrace::Symbols;
use crate::driver::{
    Absent, Cable, Control, EmulatorError, Halted, ModelError, PlayedTone, Reset, ResetCause, Tone, UnknownPart,
    UnmodelledNote,
};
use crate::error::Failure;

/// The UART that is the console.
const CONSOLE: usize = 0;
/// How long the board runs before other tasks get their turn, in its own time. Short, so that a runtime with one thread
/// stays responsive; what the firmware sees does not depend on it.
const SLICE: Span = Span::from_millis(1);

/// The fastest rate at which espflash's stub keeps up.
const STUB_BAUD: u32 = 4_000_000;

#[derive(Clone)]
struct Emulated {
    machine: Machine,
    listeners: Vec<(Place, LanListener)>,
    connections: Vec<(Place, LanConnection)>,
    sockets: Vec<(Place, LanUdp)>,
    pings: Vec<(Place, LanPing)>,
    halted: Option<String>,
}

/// What is around the chip of a board of that model.
fn definition(model: &Model) -> Result<BoardDefinition, Failure> {
    BoardDefinition::load(&model.to_string()).map_err(|error| ModelError::Description(Box::new(error)).into())
}

/// How many bytes fit into the flash chip of a board of that model.
pub(super) fn flash_size(model: &Model) -> Result<u32, Failure> {
    Ok(definition(model)?.flash_size)
}

pub(super) fn open(setup: &Setup) -> Result<Box<dyn Rig>, Failure> {
    let board = definition(&setup.model)?;
    let config = MachineConfig { board, seed: setup.seed, strict: setup.strict, allowed: setup.allowed.clone() };
    let machine = Machine::new(&config).map_err(EmulatorError::new)?;
    Ok(Box::new(Emulated {
        machine,
        listeners: Vec::new(),
        connections: Vec::new(),
        sockets: Vec::new(),
        pings: Vec::new(),
        halted: None,
    }))
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

impl Emulated {
    fn lan(&self) -> &Lan {
        self.machine.lan()
    }

    fn lan_connection(&self, connection: ConnectionId) -> (Place, LanConnection) {
        self.connections[connection.0 as usize - 1]
    }

    /// Connections are numbered from one, in the order in which they came.
    fn number(&mut self, place: Place, connection: LanConnection) -> ConnectionId {
        self.connections.push((place, connection));
        ConnectionId(self.connections.len() as u64)
    }

    fn listen_at(&mut self, place: Place, port: u16) -> Result<ListenerId, Failure> {
        let listener = self.peer_at(place, &format!("listen on port {port}"), |lan| lan.listen(port))?;
        self.listeners.push((place, listener));
        Ok(ListenerId(self.listeners.len() as u64 - 1))
    }

    fn connect_at(&mut self, place: Place, to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        let connection = self.peer_at(place, &format!("connect to {to}"), |lan| lan.connect(to))?;
        Ok(self.number(place, connection))
    }

    fn set_silent_at(&mut self, place: Place, silent: bool) -> Result<(), Failure> {
        self.peer_at(place, "vanish", |lan| {
            let peer = lan.config().peer;
            if silent {
                return lan.vanish(peer);
            }
            lan.reappear(peer);
            Ok(())
        })
    }
}

impl Rig for Emulated {
    fn kind(&self) -> Kind {
        Kind::Emulated
    }

    fn supports(&self, capability: Capability) -> bool {
        match capability {
            Capability::Fork
            | Capability::VirtualTime
            | Capability::VanishingPeer
            | Capability::Capture
            | Capability::Faults
            | Capability::Refusal
            | Capability::FlashContent
            | Capability::Wifi
            | Capability::Air
            | Capability::Datagrams
            | Capability::Controls => true,
            Capability::Probe => cfg!(feature = "probe"),
            Capability::Screen | Capability::DisplayMemory => self.machine.oled().is_some(),
            Capability::Leds => self.machine.board().leds.is_some(),
            Capability::Buzzer => self.machine.board().buzzer.is_some(),
        }
    }

    fn fork(&self) -> Option<Box<dyn Rig>> {
        Some(Box::new(self.clone()))
    }

    fn now(&self) -> Time {
        self.machine.now()
    }

    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        if self.halted.is_none() {
            let slice = limit.min(self.machine.now() + SLICE);
            if let Stop::Unmodelled(access) = self.machine.run_until(slice) {
                self.halted = Some(access.to_string());
            }
        }
        match &self.halted {
            Some(reason) => Err(Halted { reason: reason.clone() }.into()),
            None => {
                cx.waker().wake_by_ref();
                Ok(())
            }
        }
    }

    fn reset(&mut self, start: Start) -> Result<(), Failure> {
        self.halted = None;
        self.machine.reset(match start {
            Start::Flash => Strap::FlashBoot,
            Start::Download => Strap::Download,
        });
        Ok(())
    }

    fn flash_size(&self) -> u32 {
        self.machine.board().flash_size
    }

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.machine.load_flash(offset, bytes).map_err(|error| EmulatorError::new(error).into())
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        Some(self.machine.flash().to_vec())
    }

    fn console_send(&mut self, bytes: &[u8]) {
        self.machine.uart_send(CONSOLE, bytes);
    }

    fn console_cut(&mut self) {
        self.machine.uart_cut_line(CONSOLE);
    }

    fn console_take(&mut self) -> Vec<(Time, u8)> {
        self.machine.uart_take(CONSOLE)
    }

    fn take_resets(&mut self) -> Option<Vec<Reset>> {
        Some(self.machine.take_resets().into_iter().map(reset).collect())
    }

    fn act_on_part(&mut self, control: &Control) -> Result<(), Failure> {
        let done = match control {
            Control::Button { name, pressed } => self.machine.set_button(name, *pressed),
            Control::Touch { name, touched } => self.machine.set_touched(name, *touched),
            Control::Volts { name, volts } => self.machine.set_volts(name, *volts),
            Control::Level { name, level } => self.machine.set_level(name, *level),
            Control::Acceleration { name, g } => self.machine.set_acceleration(name, *g),
            Control::Field { name, gauss } => self.machine.set_magnetic_field(name, *gauss),
        };
        done.map_err(|error| UnknownPart { what: error.what, name: error.name, names: error.names }.into())
    }

    fn flash_baud(&self) -> u32 {
        STUB_BAUD
    }

    fn look(&mut self, since: Time) -> Poll<Result<Shown, Failure>> {
        if self.machine.oled().is_some() && self.now() < since {
            return Poll::Pending;
        }
        Poll::Ready(self.shown().ok_or_else(|| Absent { what: "display" }.into()))
    }

    fn shown(&self) -> Option<Shown> {
        let oled = self.machine.oled()?;
        Some(Shown {
            bitmap: oled.picture(),
            memory: oled.gddram().to_vec(),
            changed: oled.last_change(),
            on: oled.is_on(),
            at: self.machine.now(),
        })
    }

    fn leds(&mut self) -> Result<Lit, Failure> {
        let (colours, changed) = self.machine.leds().ok_or(Absent { what: "LEDs" })?;
        Ok(Lit { colours, changed })
    }

    fn tones(&mut self) -> Result<Vec<PlayedTone>, Failure> {
        let sounds = self.machine.sounds().ok_or(Absent { what: "buzzer" })?;
        Ok(sounds.iter().map(played).collect())
    }

    fn address(&self) -> Option<Ipv4Addr> {
        self.lan().board_address()
    }

    fn peer_address(&self) -> Ipv4Addr {
        self.lan().config().peer
    }

    fn listen(&mut self, port: u16) -> Result<ListenerId, Failure> {
        self.listen_at(Place::Lan, port)
    }

    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        let (place, listener) = self.listeners[listener.0 as usize];
        // Acting on the network ends the run that follows after one slice; asking does not.
        self.lan_at(place).filter(|lan| lan.has_connection(listener))?;
        let lan = self.lan_at_mut(place)?;
        let connection = lan.accept(listener)?;
        let (_, remote) = lan.ends(connection)?;
        Some((self.number(place, connection), remote))
    }

    fn close_listener(&mut self, listener: ListenerId) {
        let (place, listener) = self.listeners[listener.0 as usize];
        if let Some(lan) = self.lan_at_mut(place) {
            lan.close_listener(listener);
        }
    }

    fn connect(&mut self, to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.connect_at(Place::Lan, to)
    }

    fn link(&self, connection: ConnectionId) -> Link {
        let (place, connection) = self.lan_connection(connection);
        self.lan_at(place).map_or(Link::Reset, |lan| lan::link(lan.state(connection)))
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        let (place, connection) = self.lan_connection(connection);
        if self.lan_at(place).is_none_or(|lan| lan.room(connection) == 0) {
            return 0;
        }
        self.lan_at_mut(place).map_or(0, |lan| lan.send(connection, bytes))
    }

    fn receive(&mut self, connection: ConnectionId) -> Vec<u8> {
        let (place, connection) = self.lan_connection(connection);
        let mut bytes = Vec::new();
        loop {
            let (length, available) = (bytes.len(), self.lan_at(place).map_or(0, |lan| lan.available(connection)));
            let Some(lan) = (available != 0).then(|| self.lan_at_mut(place)).flatten() else { return bytes };
            bytes.resize(length + available, 0);
            let taken = lan.receive(connection, &mut bytes[length..]);
            bytes.truncate(length + taken);
        }
    }

    fn finish(&mut self, connection: ConnectionId) {
        let (place, connection) = self.lan_connection(connection);
        if let Some(lan) = self.lan_at_mut(place) {
            lan.shutdown(connection);
        }
    }

    fn abort(&mut self, connection: ConnectionId) {
        let (place, connection) = self.lan_connection(connection);
        if let Some(lan) = self.lan_at_mut(place) {
            lan.abort(connection);
        }
    }

    fn set_silent(&mut self, silent: bool) -> Result<(), Failure> {
        self.set_silent_at(Place::Lan, silent)
    }

    fn air(&mut self) -> Result<&mut dyn AirRig, Failure> {
        Ok(self)
    }

    fn datagrams(&mut self) -> Result<&mut dyn DatagramRig, Failure> {
        Ok(self)
    }

    fn set_cable(&mut self, cable: &Cable) -> Result<(), Failure> {
        self.machine.lan_mut().set_faults(lan::faults(cable)).map_err(|error| EmulatorError::new(error).into())
    }

    fn start_capture(&mut self, limit: usize) {
        self.machine.lan_mut().start_capture(limit);
    }

    fn capture(&self, first: u64) -> Vec<u8> {
        self.lan().capture_from(first)
    }

    fn captured(&self) -> u64 {
        self.lan().captured()
    }

    fn capture_dropped(&self) -> u64 {
        self.lan().capture_dropped()
    }

    #[cfg(feature = "probe")]
    fn probe_port(&self) -> Option<ProbePort> {
        Some(ProbePort::Pins)
    }

    #[cfg(feature = "probe")]
    fn jtag(&mut self, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        let cycles: Vec<PinCycle> = cycles.iter().map(|cycle| PinCycle { tms: cycle.tms, tdi: cycle.tdi }).collect();
        self.machine.jtag(period, &cycles)
    }

    #[cfg(feature = "probe")]
    fn jtag_pause(&mut self, span: Span) {
        self.machine.jtag_pause(span);
    }

    fn trace_hash(&self) -> Option<u64> {
        Some(self.machine.trace_hash())
    }

    fn unmodelled(&self) -> Vec<String> {
        self.machine.unmodelled().iter().map(ToString::to_string).collect()
    }

    fn unmodelled_notes(&self, skip: usize) -> Vec<UnmodelledNote> {
        let notes = self.machine.unmodelled_notes(skip).iter();
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
        self.machine.unmodelled_blocks().iter().map(ToString::to_string).collect()
    }

    fn dropped(&self) -> Vec<String> {
        self.machine.dropped()
    }
}
