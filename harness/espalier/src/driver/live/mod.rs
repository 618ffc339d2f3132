//! Boards whose time is the host's: QEMU, and boards on a bench.
//!
//! Their console is a stream of bytes, their peer lives on the host's sockets, their display is known only through their
//! firmware, and nothing of them stands still while a test does not look. What differs (how the chip is reset, how its flash
//! is written) is a [`LiveBoard`].

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

use super::{
    Absent, Cable, Capability, ConnectionId, DebugPort, Diagnostics, Display, DisplayMute, DisplayState, Driver,
    FlashChip, Identity, Keeping, Kind, Link, ListenerId, Pads, Parts, PeerSockets, PowerSupply, SerialConsole,
    SerialPort, Start, WifiCredentials,
};
use crate::error::Failure;
pub(crate) use clock::Clock;
pub(crate) use clock::Ticker;
pub(crate) use line::{Line, Order, Transmitter, is_temporary};
pub(crate) use sockets::Routes;
use sockets::Sockets;
pub(crate) use watch::MARK;

/// The rate of the ROM's messages, and of firmware that leaves it as it is.
pub(super) const CONSOLE_BAUD: u32 = 115_200;

/// The part that differs between kinds of boards in real time.
pub(crate) trait LiveBoard: Send {
    fn kind(&self) -> Kind;
    fn supports(&self, capability: Capability) -> bool;

    /// Resets the chip, with the strapping pins for `start`. The first reset is power-on: it connects the console.
    fn reset(&mut self, start: Start, wiring: &mut Wiring) -> Result<(), Failure>;

    /// Checks for failures other than a lost console, such as a process that has ended. It is called often.
    fn check(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// The message for a console that is lost for `reason`.
    fn lost(&mut self, reason: String) -> Failure;

    /// The rate at which its firmware speaks on the console.
    fn console_baud(&self) -> u32 {
        CONSOLE_BAUD
    }

    fn flash_size(&self) -> u32;
    /// The fastest rate at which its line can be flashed over.
    fn flash_baud(&self) -> u32;
    /// See [`Driver::flashed`].
    fn flashed(&self) -> Option<[u8; 32]> {
        None
    }
    fn note_flashed(&mut self, _: Option<[u8; 32]>) {}
    /// See [`Driver::check_chip`].
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
    /// See [`Driver::lend_port`].
    fn lend_port(&mut self, _: &mut Wiring) -> Result<Option<SerialPort>, Failure> {
        Ok(None)
    }
    /// Connects the console again to the port that was lent.
    fn regain_port(&mut self, _: &mut Wiring) -> Result<(), Failure> {
        Ok(())
    }

    fn routes(&self) -> &Routes;
}

/// The board's console and its clock, for the board to connect.
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
        self.line = Some(Line::open(self.clock, self.ticker.waker(), receiver, transmitter)?);
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
pub(crate) struct LiveDriver<B> {
    // Dropped in this order: threads of the console may still use the board's port.
    wiring: Wiring,
    board: B,
    sockets: Sockets,
    /// The line was switched to another rate than the console's.
    baud_changed: bool,
    /// Half a line was sent to the console: a question of the harness would run into it.
    typing: bool,
    /// A tool has the console's port.
    lent: bool,
}

impl<B: LiveBoard> LiveDriver<B> {
    /// A board that is not switched on yet.
    pub(crate) fn new(board: B) -> Result<LiveDriver<B>, Failure> {
        let wiring = Wiring { clock: Clock::start(), line: None, ticker: Ticker::start()? };
        Ok(LiveDriver { wiring, board, sockets: Sockets::default(), baud_changed: false, typing: false, lent: false })
    }

    /// The part that differs between boards.
    #[cfg(unix)]
    pub(crate) fn board_mut(&mut self) -> &mut B {
        &mut self.board
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.board.check()?;
        match self.wiring.line.as_ref().map(Line::lost) {
            Some(None) => Ok(()),
            Some(Some(reason)) => Err(self.board.lost(reason)),
            None if self.lent => Ok(()),
            None => Err(self.board.lost("it is not connected".to_owned())),
        }
    }

    fn order(&self, order: Order) {
        // Bytes for a console that is gone are lost; the next look at the console fails.
        if let Some(line) = &self.wiring.line {
            line.order(order);
        }
    }
}

impl<B: LiveBoard> Identity for LiveDriver<B> {
    fn kind(&self) -> Kind {
        self.board.kind()
    }

    fn supports(&self, capability: Capability) -> bool {
        self.board.supports(capability)
    }
}

impl<B: LiveBoard> SerialConsole for LiveDriver<B> {
    fn lend_port(&mut self) -> Result<Option<SerialPort>, Failure> {
        let port = self.board.lend_port(&mut self.wiring)?;
        self.lent = port.is_some();
        // The rate at which it comes back is unknown.
        self.baud_changed |= self.lent;
        Ok(port)
    }

    fn console_send(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.typing = !matches!(last, b'\r' | b'\n');
            self.order(Order::Bytes(bytes.to_vec()));
        }
    }

    fn console_cut(&mut self) {
        if std::mem::take(&mut self.lent) && self.board.regain_port(&mut self.wiring).is_err() {
            // The next look at the console says that it is not connected.
            self.wiring.disconnect();
        }
        if let Some(line) = &self.wiring.line {
            line.cut();
        }
        if std::mem::take(&mut self.baud_changed) {
            self.order(Order::Baud(self.board.console_baud()));
        }
    }

    fn console_take(&mut self) -> Vec<(Time, u8)> {
        self.wiring.line.as_ref().map(Line::take).unwrap_or_default()
    }

    #[cfg(unix)]
    fn console_baud(&mut self, baud: u32) {
        self.baud_changed = baud != self.board.console_baud();
        self.order(Order::Baud(baud));
    }
}

impl<B: LiveBoard> FlashChip for LiveDriver<B> {
    fn flash_size(&self) -> u32 {
        self.board.flash_size()
    }

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.board.write_flash(offset, bytes, &mut self.wiring)
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        self.board.read_flash()
    }

    fn flash_baud(&self) -> u32 {
        self.board.flash_baud()
    }

    fn flashed(&self) -> Option<[u8; 32]> {
        self.board.flashed()
    }

    fn note_flashed(&mut self, digest: Option<[u8; 32]>) {
        self.board.note_flashed(digest);
    }

    fn check_chip(&self, mac: Option<&str>) -> Result<(), Failure> {
        self.board.check_chip(mac)
    }
}

impl<B: LiveBoard> PowerSupply for LiveDriver<B> {}

impl<B: LiveBoard> Display for LiveDriver<B> {
    fn look(&mut self, since: Time) -> Poll<Result<DisplayState, Failure>> {
        let now = self.now();
        let Some(line) = self.wiring.line.as_ref().filter(|_| self.board.supports(Capability::Screen)) else {
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

    fn shown(&self) -> Option<DisplayState> {
        self.wiring.line.as_ref()?.watch(|watch| watch.shown())
    }
}

impl<B: LiveBoard> Parts for LiveDriver<B> {}

impl<B: LiveBoard> PeerSockets for LiveDriver<B> {
    fn address(&self) -> Option<Ipv4Addr> {
        let said = self.wiring.line.as_ref().and_then(|line| line.watch(|watch| watch.address()));
        said.or(self.board.routes().board)
    }

    fn peer_address(&self) -> Ipv4Addr {
        self.board.routes().peer_address(self.address())
    }

    fn listen(&mut self, port: u16) -> Result<ListenerId, Failure> {
        self.sockets.listen(port, self.board.routes())
    }

    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        self.sockets.accept(listener)
    }

    fn close_listener(&mut self, listener: ListenerId) {
        self.sockets.close_listener(listener);
    }

    fn connect(&mut self, to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.sockets.connect(to, self.board.routes())
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
}

impl<B: LiveBoard> Cable for LiveDriver<B> {}

impl<B: LiveBoard> Pads for LiveDriver<B> {}

impl<B: LiveBoard> DebugPort for LiveDriver<B> {
    fn probe(&self) -> Option<String> {
        self.board.probe()
    }
}

impl<B: LiveBoard> Diagnostics for LiveDriver<B> {}

impl<B: LiveBoard> Keeping for LiveDriver<B> {}

impl<B: LiveBoard> Driver for LiveDriver<B> {
    fn now(&self) -> Time {
        self.wiring.clock.now()
    }

    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        self.check()?;
        self.sockets.progress();
        self.wiring.ticker.waker().register(cx.waker(), limit.since(self.now()));
        Ok(())
    }

    fn reset(&mut self, start: Start) -> Result<(), Failure> {
        (self.typing, self.lent) = (false, false);
        self.board.reset(start, &mut self.wiring)
    }

    fn wifi(&self) -> Result<Option<WifiCredentials>, Failure> {
        self.board.wifi()
    }
}
