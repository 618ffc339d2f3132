//! The emulated board. This is the only module that knows the emulator.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};

use espalier_core::{Span, Time};
use espalier_net::{
    ConnState, ConnectionId as LanConnection, FaultConfig, Faults as LanFaults, Lan, ListenerId as LanListener,
};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Stop, Strap};

use super::{Capability, ConnectionId, Kind, Link, ListenerId, Rig, Setup, Shown, Start};
use crate::error::ErrorKind;
use crate::network::{Cable, Faults};
use crate::screen::ScreenError;

/// The UART that is the console.
const CONSOLE: usize = 0;
/// How long the board runs before other tasks get their turn, in its own time. Short, so that a runtime with one thread
/// stays responsive; what the firmware sees does not depend on it.
const SLICE: Span = Span::from_millis(1);

#[derive(Clone)]
struct Emulated {
    machine: Machine,
    listeners: Vec<LanListener>,
    connections: Vec<LanConnection>,
    halted: Option<String>,
}

pub(super) fn open(setup: &Setup) -> Result<Box<dyn Rig>, ErrorKind> {
    let board = BoardDefinition::load(&setup.model.to_string()).map_err(|error| ErrorKind::Model(Box::new(error)))?;
    let config = MachineConfig { board, seed: setup.seed, strict: setup.strict };
    let machine = Machine::new(&config).map_err(refused)?;
    Ok(Box::new(Emulated { machine, listeners: Vec::new(), connections: Vec::new(), halted: None }))
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> ErrorKind {
    ErrorKind::Emulator(Box::new(error))
}

impl Emulated {
    fn lan(&self) -> &Lan {
        self.machine.lan()
    }

    fn lan_connection(&self, connection: ConnectionId) -> LanConnection {
        self.connections[connection.0 as usize - 1]
    }

    /// Connections are numbered from one, in the order in which they came.
    fn number(&mut self, connection: LanConnection) -> ConnectionId {
        self.connections.push(connection);
        ConnectionId(self.connections.len() as u64)
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
            | Capability::FlashContent => true,
            Capability::Screen | Capability::DisplayMemory => self.machine.oled().is_some(),
        }
    }

    fn fork(&self) -> Option<Box<dyn Rig>> {
        Some(Box::new(self.clone()))
    }

    fn now(&self) -> Time {
        self.machine.now()
    }

    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), ErrorKind> {
        if self.halted.is_none() {
            let slice = limit.min(self.machine.now() + SLICE);
            if let Stop::Unmodelled(access) = self.machine.run_until(slice) {
                self.halted = Some(access.to_string());
            }
        }
        match &self.halted {
            Some(reason) => Err(ErrorKind::Halted { reason: reason.clone() }),
            None => {
                cx.waker().wake_by_ref();
                Ok(())
            }
        }
    }

    fn reset(&mut self, start: Start) -> Result<(), ErrorKind> {
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

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.machine.load_flash(offset, bytes).map_err(refused)
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

    fn look(&mut self, since: Time) -> Poll<Result<Shown, ErrorKind>> {
        match self.shown() {
            Some(_) if self.now() < since => Poll::Pending,
            shown => Poll::Ready(shown.ok_or_else(|| ScreenError::Absent.into())),
        }
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

    fn address(&self) -> Option<Ipv4Addr> {
        self.lan().board_address()
    }

    fn peer_address(&self) -> Ipv4Addr {
        self.lan().config().peer
    }

    fn listen(&mut self, port: u16) -> Result<ListenerId, ErrorKind> {
        let listener = self
            .machine
            .lan_mut()
            .listen(port)
            .map_err(|error| ErrorKind::Peer { what: format!("listen on port {port}"), reason: error.to_string() })?;
        self.listeners.push(listener);
        Ok(ListenerId(self.listeners.len() as u64 - 1))
    }

    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        let listener = self.listeners[listener.0 as usize];
        let connection = self.machine.lan_mut().accept(listener)?;
        let (_, remote) = self.lan().ends(connection)?;
        Some((self.number(connection), remote))
    }

    fn close_listener(&mut self, listener: ListenerId) {
        let listener = self.listeners[listener.0 as usize];
        self.machine.lan_mut().close_listener(listener);
    }

    fn connect(&mut self, to: SocketAddrV4) -> Result<ConnectionId, ErrorKind> {
        let connection = self
            .machine
            .lan_mut()
            .connect(to)
            .map_err(|error| ErrorKind::Peer { what: format!("connect to {to}"), reason: error.to_string() })?;
        Ok(self.number(connection))
    }

    fn link(&self, connection: ConnectionId) -> Link {
        match self.lan().state(self.lan_connection(connection)) {
            ConnState::Connecting => Link::Connecting,
            ConnState::Open | ConnState::LocalClosed => Link::Open,
            ConnState::RemoteClosed | ConnState::Closing | ConnState::Closed => Link::Finished,
            ConnState::Refused => Link::Refused,
            ConnState::Reset | ConnState::Aborted | ConnState::TimedOut => Link::Reset,
        }
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        let connection = self.lan_connection(connection);
        self.machine.lan_mut().send(connection, bytes)
    }

    fn receive(&mut self, connection: ConnectionId) -> Vec<u8> {
        let connection = self.lan_connection(connection);
        let mut bytes = Vec::new();
        loop {
            let (length, available) = (bytes.len(), self.lan().available(connection));
            if available == 0 {
                return bytes;
            }
            bytes.resize(length + available, 0);
            let taken = self.machine.lan_mut().receive(connection, &mut bytes[length..]);
            bytes.truncate(length + taken);
        }
    }

    fn finish(&mut self, connection: ConnectionId) {
        let connection = self.lan_connection(connection);
        self.machine.lan_mut().shutdown(connection);
    }

    fn abort(&mut self, connection: ConnectionId) {
        let connection = self.lan_connection(connection);
        self.machine.lan_mut().abort(connection);
    }

    fn set_silent(&mut self, silent: bool) -> Result<(), ErrorKind> {
        let peer = self.lan().config().peer;
        if !silent {
            self.machine.lan_mut().reappear(peer);
            return Ok(());
        }
        self.machine
            .lan_mut()
            .vanish(peer)
            .map_err(|error| ErrorKind::Peer { what: "vanish".to_owned(), reason: error.to_string() })
    }

    fn set_cable(&mut self, cable: &Cable) -> Result<(), ErrorKind> {
        let direction = |faults: &Faults| LanFaults {
            cut: cable.cut,
            loss: faults.loss,
            duplication: faults.duplication,
            corruption: faults.corruption,
            reordering: faults.reordering,
            reordered_by: faults.reordered_by,
            jitter: faults.jitter,
        };
        let faults = FaultConfig { from_board: direction(&cable.from_board), to_board: direction(&cable.to_board) };
        self.machine.lan_mut().set_faults(faults).map_err(refused)
    }

    fn start_capture(&mut self) {
        self.machine.lan_mut().start_capture();
    }

    fn capture(&self) -> Vec<u8> {
        self.lan().capture()
    }

    fn trace_hash(&self) -> Option<u64> {
        Some(self.machine.trace_hash())
    }

    fn unmodelled(&self) -> Vec<String> {
        self.machine.unmodelled().iter().map(ToString::to_string).collect()
    }
}
