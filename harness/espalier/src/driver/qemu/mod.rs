//! A board in Espressif's QEMU.
//!
//! The chip's ROM, its processors and its peripherals are QEMU's; its time is the host's. The console and QMP are sockets on
//! which this process listens before QEMU starts, so nothing is lost and no port is guessed. The network is the LAN of the
//! emulated board ([`lan_socket`]). QEMU has no display, so the screen is what the firmware says it draws ([`super::live`]). The
//! command line follows Espressif's "QEMU emulator" chapter of the ESP-IDF programming guide.

mod error;
mod find;
mod flash;
mod lan_socket;
mod names;
mod process;
mod qmp;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use espalier_core::Time;
use espalier_net::{Lan, LanConfig};
use serde_json::json;

pub use error::QemuError;
pub use find::Qemu;
pub use names::EMULATOR_VARIABLE;

use super::lan_peer::{LanPeer, set_silent};
use super::live::{Clock, LiveBoard, LiveDriver, Order, Routes, Transmitter, Wiring};
use super::{
    Cable, Capability, ConnectionId, DebugPort, Diagnostics, Display, DisplayState, Driver, EmulatorError, FaultConfig,
    FlashChip, Halted, Identity, Keeping, Kind, Link, ListenerId, ModelError, Pads, Parts, PeerSockets, PowerSupply,
    Segment, SerialConsole, Setup, Start,
};
use crate::error::Failure;
use flash::FlashFile;
use lan_socket::LanSocket;
use names::MACHINE;
use process::{Guarded, describe};
use qmp::Qmp;

/// Time limit from QEMU's start to the connection of its sockets. It takes a tenth of a second on an idle host.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// Time limit for the end of a QEMU that was asked to end, or whose console has closed.
const END_PATIENCE: Duration = Duration::from_millis(500);
/// Interval of polling.
const NAP: Duration = Duration::from_millis(2);
/// Time limit for a read or a write of the console, which holds its thread up.
const LINE_PATIENCE: Duration = Duration::from_millis(20);
/// The rate for flashing its chip: the fastest one at which espflash's stub keeps up.
const FLASH_BAUD: u32 = 4_000_000;
/// The name of the network card, for QMP.
const CARD: &str = "lan";
/// GPIO_STRAP with IO0 low: the serial download mode (ESP32 datasheet, "Strapping pins").
const STRAP_DOWNLOAD: u32 = 0x0F;

/// A board with an empty flash chip that is not switched on yet.
pub(super) fn open(setup: &Setup) -> Result<Box<dyn Driver>, Failure> {
    let chip = super::emulated::chip(&setup.model)?;
    if chip != MACHINE {
        return Err(ModelError::NotInQemu { model: setup.model.clone(), chip }.into());
    }
    let qemu = setup.qemu.as_ref().map_or_else(Qemu::find, Qemu::at)?;
    let flash = FlashFile::erased(super::emulated::flash_size(&setup.model)?)?;
    let lan = Lan::new(LanConfig { seed: setup.seed, ..LanConfig::default() }).map_err(io::Error::other)?;
    let lan_socket = Arc::new(LanSocket::new(Clock::start(), lan)?);
    let board = Machine { qemu, flash, lan: lan_socket.clone(), running: None, routes: Routes::default() };
    Ok(Box::new(QemuBoard { live: LiveDriver::new(board)?, lan: lan_socket, peer: LanPeer::default() }))
}

/// A chip in QEMU.
struct Machine {
    qemu: Qemu,
    running: Option<Running>,
    // After the process, which has the file open.
    flash: FlashFile,
    lan: Arc<LanSocket>,
    routes: Routes,
}

/// A QEMU that runs.
struct Running {
    process: Guarded,
    qmp: Qmp,
    start: Start,
}

impl Machine {
    /// The command line, with the ports of this process to which QEMU connects its console, QMP and its network.
    fn command(&self, start: Start, ports: [u16; 3]) -> Command {
        let [serial, control, network] = ports.map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        let mut command = Command::new(self.qemu.program());
        command.args(["-M", MACHINE, "-display", "none", "-monitor", "none"]);
        command.args(["-serial", &format!("tcp:{serial}"), "-qmp", &format!("tcp:{control}")]);
        command.args(["-nic", &format!("socket,id={CARD},model=open_eth,connect={network}")]);
        command.args(["-drive", &self.flash.drive()]);
        // The watchdogs of the chip would bite whenever the host is busy.
        command.args(["-global", &format!("driver=timer.{}.timg,property=wdt_disable,value=true", MACHINE)]);
        if start == Start::Download {
            let strap = format!("driver={}.gpio,property=strap_mode,value={STRAP_DOWNLOAD:#04x}", MACHINE);
            command.args(["-global", &strap]);
        }
        command
    }

    /// Starts QEMU and connects what it connects to this process.
    fn start(&mut self, start: Start, wiring: &mut Wiring) -> Result<(), Failure> {
        self.stop(wiring);
        let listen = || TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        let [serial, control, network] = [listen()?, listen()?, listen()?];
        let mut ports = [0; 3];
        for (port, listener) in ports.iter_mut().zip([&serial, &control, &network]) {
            listener.set_nonblocking(true)?;
            *port = listener.local_addr()?.port();
        }
        let command = self.command(start, ports);
        let failed = |source| QemuError::Start { program: self.qemu.program().to_owned(), source };
        let mut process = Guarded::start(&command, &self.flash.leftovers()).map_err(failed)?;
        let deadline = Instant::now() + START_PATIENCE;
        let console = accept(&serial, &mut process, "serial port", deadline)?;
        let control = accept(&control, &mut process, "control channel", deadline)?;
        self.lan.connect(accept(&network, &mut process, "network", deadline)?)?;
        console.set_read_timeout(Some(LINE_PATIENCE))?;
        console.set_write_timeout(Some(LINE_PATIENCE))?;
        wiring.connect(console.try_clone()?, Port(console))?;
        self.running = Some(Running { process, qmp: Qmp::open(control)?, start });
        Ok(())
    }

    /// Ends QEMU, if it runs. What it has written to its flash is in the file.
    fn stop(&mut self, wiring: &mut Wiring) {
        if let Some(mut running) = self.running.take() {
            // If it does not end by itself, it is ended.
            let deadline = Instant::now() + END_PATIENCE;
            let asked = running.process.ended().is_none() && running.qmp.execute("quit", json!({})).is_ok();
            while asked && running.process.ended().is_none() && Instant::now() < deadline {
                thread::sleep(NAP);
            }
            running.process.kill();
        }
        wiring.disconnect();
    }

    /// The end of the process, if it has ended.
    fn ended(&mut self) -> Option<QemuError> {
        let process = &mut self.running.as_mut()?.process;
        let status = describe(process.ended()?);
        Some(QemuError::Ended { status, last_words: process.last_words() })
    }

    /// Tells the board's PHY whether its cable is there.
    fn set_link(&mut self, up: bool) -> Result<(), Failure> {
        let Some(running) = &mut self.running else { return Ok(()) };
        running.qmp.execute("set_link", json!({"name": CARD, "up": up}))?;
        Ok(())
    }
}

/// Waits for QEMU to connect, as long as it lives.
fn accept(
    listener: &TcpListener,
    process: &mut Guarded,
    what: &'static str,
    deadline: Instant,
) -> Result<TcpStream, Failure> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = process.ended() {
            let last_words = process.last_words();
            return Err(QemuError::Ended { status: describe(status), last_words }.into());
        }
        if Instant::now() >= deadline {
            let last_words = process.last_words();
            return Err(QemuError::Unconnected { what, waited: START_PATIENCE, last_words }.into());
        }
        thread::sleep(NAP);
    }
}

/// The half of the console that leads to the board.
struct Port(TcpStream);

impl Transmitter for Port {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
}

impl LiveBoard for Machine {
    fn kind(&self) -> Kind {
        Kind::Qemu
    }

    fn supports(&self, capability: Capability) -> bool {
        match capability {
            Capability::Screen
            | Capability::VanishingPeer
            | Capability::Capture
            | Capability::Faults
            | Capability::Refusal
            | Capability::FlashContent => true,
            Capability::Fork
            | Capability::Snapshot
            | Capability::VirtualTime
            | Capability::DisplayMemory
            | Capability::Wifi
            | Capability::Air
            | Capability::Datagrams
            | Capability::Controls
            | Capability::Parts
            | Capability::Leds
            | Capability::Buzzer
            | Capability::Probe
            | Capability::Power
            | Capability::Coverage
            | Capability::Pins
            | Capability::Uarts => false,
        }
    }

    fn reset(&mut self, start: Start, wiring: &mut Wiring) -> Result<(), Failure> {
        // The straps are part of the command line.
        let fits = |running: &mut Running| running.start == start && running.process.ended().is_none();
        let Some(running) = self.running.as_mut().and_then(|running| fits(running).then_some(running)) else {
            return self.start(start, wiring);
        };
        running.qmp.execute("system_reset", json!({}))?;
        if let Some(line) = wiring.line() {
            line.order(Order::Forget);
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.ended().map_or(Ok(()), |error| Err(error.into()))
    }

    fn lost(&mut self, reason: String) -> Failure {
        // The console closes a moment before the process is gone.
        let deadline = Instant::now() + END_PATIENCE;
        while self.running.is_some() && Instant::now() < deadline {
            if let Some(error) = self.ended() {
                return error.into();
            }
            thread::sleep(NAP);
        }
        Halted { reason: format!("the console of QEMU is lost: {reason}") }.into()
    }

    fn flash_size(&self) -> u32 {
        self.flash.size()
    }

    /// QEMU's UART takes bytes as fast as they come, whatever rate is set.
    fn flash_baud(&self) -> u32 {
        FLASH_BAUD
    }

    /// QEMU ends for this, and starts again with the next reset.
    fn write_flash(&mut self, offset: u32, bytes: &[u8], wiring: &mut Wiring) -> Result<(), Failure> {
        self.stop(wiring);
        self.flash.write(offset, bytes)
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        self.flash.read().ok()
    }

    fn routes(&self) -> &Routes {
        &self.routes
    }
}

/// A board in wall time, except for its network.
struct QemuBoard {
    live: LiveDriver<Machine>,
    lan: Arc<LanSocket>,
    peer: LanPeer,
}

impl Identity for QemuBoard {
    fn kind(&self) -> Kind {
        self.live.kind()
    }

    fn supports(&self, capability: Capability) -> bool {
        self.live.supports(capability)
    }
}

impl SerialConsole for QemuBoard {
    fn console_baud(&mut self, baud: u32) {
        self.live.console_baud(baud);
    }

    fn console_send(&mut self, bytes: &[u8]) {
        self.live.console_send(bytes);
    }

    fn console_cut(&mut self) {
        self.live.console_cut();
    }

    fn console_take(&mut self) -> Vec<(Time, u8)> {
        self.live.console_take()
    }
}

impl FlashChip for QemuBoard {
    fn flash_size(&self) -> u32 {
        self.live.flash_size()
    }

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.live.write_flash(offset, bytes)
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        self.live.read_flash()
    }

    fn flash_baud(&self) -> u32 {
        self.live.flash_baud()
    }
}

impl PowerSupply for QemuBoard {}

impl Display for QemuBoard {
    fn look(&mut self, since: Time) -> Poll<Result<DisplayState, Failure>> {
        self.live.look(since)
    }

    fn mirror_display(&mut self) {
        self.live.mirror_display();
    }

    fn shown(&self) -> Option<DisplayState> {
        self.live.shown()
    }
}

impl Parts for QemuBoard {}

impl PeerSockets for QemuBoard {
    fn address(&self) -> Option<Ipv4Addr> {
        self.lan.with(|lan| lan.board_address())
    }

    fn peer_address(&self) -> Ipv4Addr {
        self.lan.with(|lan| lan.config().peer)
    }

    fn listen(&mut self, port: u16) -> Result<ListenerId, Failure> {
        self.lan.with(|lan| self.peer.listen(lan, Segment::Lan, port))
    }

    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        self.lan.with(|lan| self.peer.accept(lan, listener))
    }

    fn close_listener(&mut self, listener: ListenerId) {
        self.lan.with(|lan| self.peer.close_listener(lan, listener));
    }

    fn connect(&mut self, to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.lan.with(|lan| self.peer.connect(lan, Segment::Lan, to))
    }

    fn link(&self, connection: ConnectionId) -> Link {
        self.lan.with(|lan| self.peer.link(lan, connection))
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        self.lan.with(|lan| self.peer.send(lan, connection, bytes))
    }

    fn receive(&mut self, connection: ConnectionId) -> Vec<u8> {
        self.lan.with(|lan| self.peer.receive(lan, connection))
    }

    fn finish(&mut self, connection: ConnectionId) {
        self.lan.with(|lan| self.peer.finish(lan, connection));
    }

    fn abort(&mut self, connection: ConnectionId) {
        self.lan.with(|lan| self.peer.abort(lan, connection));
    }

    fn set_silent(&mut self, silent: bool) -> Result<(), Failure> {
        self.lan.with(|lan| set_silent(lan, Segment::Lan, silent))
    }
}

impl Cable for QemuBoard {
    fn set_faults(&mut self, faults: &FaultConfig) -> Result<(), Failure> {
        self.lan.with(|lan| lan.set_faults(faults.clone())).map_err(EmulatorError::new)?;
        self.live.board_mut().set_link(!(faults.from_board.cut && faults.to_board.cut))
    }

    fn start_capture(&mut self, limit: usize) {
        self.lan.with(|lan| lan.start_capture(limit));
    }

    fn capture(&self, first: u64) -> Vec<u8> {
        self.lan.with(|lan| lan.capture_from(first))
    }

    fn captured(&self) -> u64 {
        self.lan.with(|lan| lan.captured())
    }

    fn capture_dropped(&self) -> u64 {
        self.lan.with(|lan| lan.capture_dropped())
    }
}

impl DebugPort for QemuBoard {}

impl Pads for QemuBoard {}

impl Diagnostics for QemuBoard {}

impl Keeping for QemuBoard {}

impl Driver for QemuBoard {
    fn now(&self) -> Time {
        self.live.now()
    }

    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        self.live.poll_advance(cx, limit)
    }

    fn reset(&mut self, start: Start) -> Result<(), Failure> {
        self.live.reset(start)
    }
}
