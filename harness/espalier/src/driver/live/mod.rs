//! What all boards share whose time is the host's: QEMU, and boards on a bench.
//!
//! Their console is a stream of bytes, their peer lives on the host's sockets, their display is known only through their
//! firmware, and nothing of them stands still while a test does not look. What differs (how the chip is reset, how its flash
//! is written) is a [`Plant`].

mod clock;
mod line;
mod sockets;
#[cfg(test)]
mod tests;
mod watch;

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};

use espalier_core::Time;
use espalier_protocol::Command;

use super::{Capability, ConnectionId, Kind, Link, ListenerId, Rig, SerialPort, Shown, Start, WifiCredentials};
use crate::driver::{Absent, Cable, DisplayMute, Unsupported};
use crate::error::Failure;
pub(crate) use clock::Clock;
pub(crate) use clock::Ticker;
pub(crate) use line::{Line, Order, Transmitter, is_temporary};
pub(crate) use sockets::Routes;
use sockets::Sockets;
pub(crate) use watch::MARK;

/// The rate of the ROM's messages, and of firmware that leaves it as it is.
pub(super) const CONSOLE_BAUD: u32 = 115_200;

/// What is particular to a kind of board in wall time.
pub(crate) trait Plant: Send {
    fn kind(&self) -> Kind;
    fn supports(&self, capability: Capability) -> bool;

    /// Resets the chip, with the strapping pins for `start`. The first reset is power-on: it connects the console.
    fn reset(&mut self, start: Start, wiring: &mut Wiring) -> Result<(), Failure>;

    /// What is wrong with the board other than that its console is lost, such as a process that has ended. It is asked often.
    fn check(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// What to say when the console is lost for `reason`.
    fn lost(&mut self, reason: String) -> Failure;

    /// The rate at which its firmware speaks on the console.
    fn console_baud(&self) -> u32 {
        CONSOLE_BAUD
    }

    fn flash_size(&self) -> u32;
    /// The fastest rate at which its line can be flashed over.
    fn flash_baud(&self) -> u32;
    /// See [`Rig::flashed`].
    fn flashed(&self) -> Option<[u8; 32]> {
        None
    }
    fn note_flashed(&mut self, _: Option<[u8; 32]>) {}
    /// See [`Rig::check_chip`].
    fn check_chip(&self, _mac: Option<&str>) -> Result<(), Failure> {
        Ok(())
    }
    fn wifi(&self) -> Result<Option<WifiCredentials>, Failure> {
        Ok(None)
    }
    fn probe(&self) -> Option<String> {
        None
    }
    /// Writes flash past the chip's own pins, where [`Capability::FlashContent`] is there.
    fn write_flash(&mut self, offset: u32, bytes: &[u8], wiring: &mut Wiring) -> Result<(), Failure>;
    fn read_flash(&self) -> Option<Vec<u8>>;
    /// See [`Rig::lend_port`].
    fn lend_port(&mut self, _: &mut Wiring) -> Result<Option<SerialPort>, Failure> {
        Ok(None)
    }
    /// Connects the console again to the port that was lent.
    fn regain_port(&mut self, _: &mut Wiring) -> Result<(), Failure> {
        Ok(())
    }

    fn routes(&self) -> &Routes;
}

/// The board's console and its clock, for the plant to connect.
pub(crate) struct Wiring {
    clock: Clock,
    line: Option<Line>,
    ticker: Ticker,
}

impl Wiring {
    /// Connects the console to both halves of a port, see [`Line::open`]. One that was connected before is closed first.
    pub(crate) fn connect(
        &mut self,
        receiver: impl Read + Send + 'static,
        transmitter: impl Transmitter + 'static,
    ) -> std::io::Result<()> {
        self.disconnect();
        self.line = Some(Line::open(self.clock, self.ticker.bell(), receiver, transmitter)?);
        Ok(())
    }

    /// Closes the console.
    pub(crate) fn disconnect(&mut self) {
        self.line = None;
    }

    /// Whether the firmware has shown that it speaks `espalier-protocol`.
    pub(crate) fn firmware_speaks(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.watch(|watch| watch.speaks()))
    }

    /// The console, while it is connected.
    pub(crate) fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }
}

/// A board in wall time.
pub(crate) struct Wall<P> {
    // Dropped in this order: threads of the console may still use the plant's port.
    wiring: Wiring,
    plant: P,
    sockets: Sockets,
    /// The line was switched to another rate than the console's.
    hurried: bool,
    /// Half a line was sent to the console: a question of the harness would run into it.
    typing: bool,
    /// A tool has the console's port.
    lent: bool,
}

impl<P: Plant> Wall<P> {
    /// A board that is not switched on yet.
    pub(crate) fn new(plant: P) -> Result<Wall<P>, Failure> {
        let wiring = Wiring { clock: Clock::start(), line: None, ticker: Ticker::start()? };
        Ok(Wall { wiring, plant, sockets: Sockets::default(), hurried: false, typing: false, lent: false })
    }

    /// What is particular to the board.
    #[cfg(unix)]
    pub(crate) fn plant_mut(&mut self) -> &mut P {
        &mut self.plant
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.plant.check()?;
        match self.wiring.line.as_ref().map(Line::lost) {
            Some(None) => Ok(()),
            Some(Some(reason)) => Err(self.plant.lost(reason)),
            None if self.lent => Ok(()),
            None => Err(self.plant.lost("it is not connected".to_owned())),
        }
    }

    fn unsupported(&self, capability: Capability) -> Failure {
        Unsupported { capability, kind: self.plant.kind() }.into()
    }

    fn order(&self, order: Order) {
        // What is sent to a console that is gone is lost, and whoever waits for an answer is told.
        if let Some(line) = &self.wiring.line {
            line.order(order);
        }
    }
}

impl<P: Plant> Rig for Wall<P> {
    fn kind(&self) -> Kind {
        self.plant.kind()
    }

    fn supports(&self, capability: Capability) -> bool {
        self.plant.supports(capability)
    }

    fn fork(&self) -> Option<Box<dyn Rig>> {
        None
    }

    fn now(&self) -> Time {
        self.wiring.clock.now()
    }

    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        self.check()?;
        self.sockets.progress();
        self.wiring.ticker.bell().register(cx.waker(), limit.since(self.now()));
        Ok(())
    }

    fn reset(&mut self, start: Start) -> Result<(), Failure> {
        (self.typing, self.lent) = (false, false);
        self.plant.reset(start, &mut self.wiring)
    }

    fn flash_size(&self) -> u32 {
        self.plant.flash_size()
    }

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.plant.write_flash(offset, bytes, &mut self.wiring)
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        self.plant.read_flash()
    }

    fn lend_port(&mut self) -> Result<Option<SerialPort>, Failure> {
        let port = self.plant.lend_port(&mut self.wiring)?;
        self.lent = port.is_some();
        // Nobody knows at which rate it comes back.
        self.hurried |= self.lent;
        Ok(port)
    }

    fn console_send(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.typing = !matches!(last, b'\r' | b'\n');
            self.order(Order::Bytes(bytes.to_vec()));
        }
    }

    fn console_cut(&mut self) {
        if std::mem::take(&mut self.lent) && self.plant.regain_port(&mut self.wiring).is_err() {
            // The next look at the console says that it is not connected.
            self.wiring.disconnect();
        }
        if let Some(line) = &self.wiring.line {
            line.cut();
        }
        if std::mem::take(&mut self.hurried) {
            self.order(Order::Baud(self.plant.console_baud()));
        }
    }

    fn console_take(&mut self) -> Vec<(Time, u8)> {
        self.wiring.line.as_ref().map(Line::take).unwrap_or_default()
    }

    #[cfg(unix)]
    fn console_baud(&mut self, baud: u32) {
        self.hurried = baud != self.plant.console_baud();
        self.order(Order::Baud(baud));
    }

    fn flash_baud(&self) -> u32 {
        self.plant.flash_baud()
    }

    fn flashed(&self) -> Option<[u8; 32]> {
        self.plant.flashed()
    }

    fn note_flashed(&mut self, digest: Option<[u8; 32]>) {
        self.plant.note_flashed(digest);
    }

    fn check_chip(&self, mac: Option<&str>) -> Result<(), Failure> {
        self.plant.check_chip(mac)
    }

    fn wifi(&self) -> Result<Option<WifiCredentials>, Failure> {
        self.plant.wifi()
    }

    fn probe(&self) -> Option<String> {
        self.plant.probe()
    }

    fn look(&mut self, since: Time) -> Poll<Result<Shown, Failure>> {
        let now = self.now();
        let Some(line) = self.wiring.line.as_ref().filter(|_| self.plant.supports(Capability::Screen)) else {
            return Poll::Ready(Err(Absent { what: "display" }.into()));
        };
        if let Some(mirrored) = line.watch(|watch| watch.mirrored(now)) {
            return if now < since { Poll::Pending } else { mirrored.map(Ok) };
        }
        let typing = self.typing;
        let (shown, ask, speaks) = line.watch(|watch| {
            let shown = watch.shown().filter(|shown| shown.at >= since);
            let ask = shown.is_none() && now >= since && !typing && watch.speaks() && watch.ask(now);
            (shown, ask, watch.speaks())
        });
        if ask {
            line.order(Order::Bytes(format!("{}\r", Command::Screen).into_bytes()));
        }
        match shown {
            Some(shown) => Poll::Ready(Ok(shown)),
            None if !speaks => Poll::Ready(Err(DisplayMute.into())),
            None => Poll::Pending,
        }
    }

    fn mirror_display(&mut self) {
        self.order(Order::Mirror);
    }

    fn shown(&self) -> Option<Shown> {
        self.wiring.line.as_ref()?.watch(|watch| watch.shown())
    }

    fn address(&self) -> Option<Ipv4Addr> {
        let said = self.wiring.line.as_ref().and_then(|line| line.watch(|watch| watch.address()));
        said.or(self.plant.routes().board)
    }

    fn peer_address(&self) -> Ipv4Addr {
        self.plant.routes().peer_address(self.address())
    }

    fn listen(&mut self, port: u16) -> Result<ListenerId, Failure> {
        self.sockets.listen(port, self.plant.routes())
    }

    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        self.sockets.accept(listener)
    }

    fn close_listener(&mut self, listener: ListenerId) {
        self.sockets.close_listener(listener);
    }

    fn connect(&mut self, to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.sockets.connect(to, self.plant.routes())
    }

    fn link(&self, connection: ConnectionId) -> Link {
        self.sockets.link(connection)
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        self.sockets.send(connection, bytes)
    }

    fn receive(&mut self, connection: ConnectionId) -> Vec<u8> {
        self.sockets.receive(connection)
    }

    fn finish(&mut self, connection: ConnectionId) {
        self.sockets.finish(connection);
    }

    fn abort(&mut self, connection: ConnectionId) {
        self.sockets.abort(connection);
    }

    fn set_silent(&mut self, _: bool) -> Result<(), Failure> {
        Err(self.unsupported(Capability::VanishingPeer))
    }

    fn set_cable(&mut self, _: &Cable) -> Result<(), Failure> {
        Err(self.unsupported(Capability::Faults))
    }

    fn start_capture(&mut self, _: usize) {}

    fn capture(&self, _: u64) -> Vec<u8> {
        Vec::new()
    }

    fn captured(&self) -> u64 {
        0
    }

    fn capture_dropped(&self) -> u64 {
        0
    }

    fn trace_hash(&self) -> Option<u64> {
        None
    }

    fn unmodelled(&self) -> Vec<String> {
        Vec::new()
    }
}
