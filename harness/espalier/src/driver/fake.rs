//! A board that plays a script, for the tests of this crate.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::task::{Context, Poll};

use espalier_core::{Bitmap, Span, Time};

use super::{
    Absent, Cable, Capability, ConnectionId, DebugPort, Diagnostics, Display, DisplayState, Driver, FlashChip, Halted,
    Identity, Keeping, Kind, Link, ListenerId, Pads, Parts, PeerError, PeerSockets, PowerSupply, SerialConsole, Start,
};
use crate::error::Failure;

const SLICE: Span = Span::from_millis(1);
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// An action of the board itself.
#[derive(Clone)]
pub(crate) enum Action {
    Print(&'static [u8]),
    Draw(Bitmap),
    TakeAddress,
    /// Connects to a port of the peer.
    Connect(u16),
    /// Answers the peer's connection request.
    Answer(Link),
    /// Sends on its newest connection.
    Send(&'static [u8]),
    /// Ends its newest connection.
    End(Link),
    Halt(&'static str),
}

#[derive(Clone, Default)]
struct Wire {
    incoming: Vec<u8>,
    sent: Vec<u8>,
    link: Option<Link>,
}

/// A board that does what its script says, and echoes every console line with an exclamation mark.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    now: Time,
    script: Vec<(Time, Action)>,
    printed: Vec<(Time, u8)>,
    bitmap: Option<(Bitmap, Time)>,
    address: Option<Ipv4Addr>,
    listeners: BTreeMap<u16, Vec<ConnectionId>>,
    wires: BTreeMap<ConnectionId, Wire>,
    pub(crate) flash: Arc<BTreeMap<u32, Vec<u8>>>,
}

impl Fake {
    /// The script's times are milliseconds, in order.
    pub(crate) fn new(script: impl IntoIterator<Item = (u64, Action)>) -> Fake {
        let at = |(millis, action)| (Time::ZERO + Span::from_millis(millis), action);
        let mut script: Vec<_> = script.into_iter().map(at).collect();
        script.reverse();
        Fake { script, ..Fake::default() }
    }

    fn act(&mut self, action: Action) -> Result<(), Failure> {
        let newest = self.wires.keys().next_back().copied();
        let wire = newest.and_then(|id| self.wires.get_mut(&id));
        match (action, wire) {
            (Action::Print(bytes), _) => self.printed.extend(bytes.iter().map(|byte| (self.now, *byte))),
            (Action::Draw(bitmap), _) => self.bitmap = Some((bitmap, self.now)),
            (Action::TakeAddress, _) => self.address = Some(ADDRESS),
            (Action::Connect(port), _) => {
                let id = self.add_wire(Link::Open);
                self.listeners.get_mut(&port).expect("the peer listens").push(id);
            }
            (Action::Send(bytes), Some(wire)) => wire.incoming.extend_from_slice(bytes),
            (Action::Answer(link) | Action::End(link), Some(wire)) => wire.link = Some(link),
            (Action::Halt(reason), _) => return Err(Halted { reason: reason.to_owned() }.into()),
            (_, None) => unreachable!("the script uses a connection before there is one"),
        }
        Ok(())
    }

    fn add_wire(&mut self, link: Link) -> ConnectionId {
        let id = ConnectionId(self.wires.len() as u64 + 1);
        self.wires.insert(id, Wire { link: Some(link), ..Wire::default() });
        id
    }
}

impl Identity for Fake {
    fn kind(&self) -> Kind {
        Kind::Emulated
    }

    fn supports(&self, capability: Capability) -> bool {
        !matches!(
            capability,
            Capability::FlashContent
                | Capability::Snapshot
                | Capability::Faults
                | Capability::Wifi
                | Capability::Air
                | Capability::Datagrams
                | Capability::Controls
                | Capability::Parts
                | Capability::Probe
                | Capability::Power
                | Capability::Coverage
                | Capability::Pins
                | Capability::Uarts
        )
    }
}

impl SerialConsole for Fake {
    fn console_send(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let echo: &[u8] = if *byte == b'\r' { b"!\r\n" } else { std::slice::from_ref(byte) };
            self.printed.extend(echo.iter().map(|byte| (self.now, *byte)));
        }
    }

    /// Bytes sent to it arrive at once.
    fn console_cut(&mut self) {}

    fn console_take(&mut self) -> Vec<(Time, u8)> {
        std::mem::take(&mut self.printed)
    }
}

impl FlashChip for Fake {
    fn flash_size(&self) -> u32 {
        4 << 20
    }

    fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        Arc::make_mut(&mut self.flash).insert(offset, bytes.to_vec());
        Ok(())
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        None
    }

    fn flash_baud(&self) -> u32 {
        115_200
    }
}

impl PowerSupply for Fake {}

impl Display for Fake {
    fn look(&mut self, since: Time) -> Poll<Result<DisplayState, Failure>> {
        match self.shown() {
            Some(_) if self.now < since => Poll::Pending,
            shown => Poll::Ready(shown.ok_or_else(|| Absent { what: "display" }.into())),
        }
    }

    fn shown(&self) -> Option<DisplayState> {
        let (bitmap, changed) = self.bitmap.clone()?;
        Some(DisplayState { bitmap, colours: None, memory: Vec::new(), changed, on: true, at: self.now })
    }
}

impl Parts for Fake {}

impl PeerSockets for Fake {
    fn address(&self) -> Option<Ipv4Addr> {
        self.address
    }

    fn peer_address(&self) -> Ipv4Addr {
        PEER
    }

    fn listen(&mut self, port: u16) -> Result<ListenerId, Failure> {
        if self.listeners.insert(port, Vec::new()).is_some() {
            let what = format!("listen on port {port}");
            return Err(PeerError::new(what, "it is taken").into());
        }
        Ok(ListenerId(u64::from(port)))
    }

    fn accept(&mut self, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        let waiting = self.listeners.get_mut(&(listener.0 as u16)).and_then(Vec::pop);
        waiting.map(|id| (id, SocketAddrV4::new(ADDRESS, 49152)))
    }

    fn close_listener(&mut self, listener: ListenerId) {
        self.listeners.remove(&(listener.0 as u16));
    }

    fn connect(&mut self, _: SocketAddrV4) -> Result<ConnectionId, Failure> {
        Ok(self.add_wire(Link::Connecting))
    }

    fn link(&self, connection: ConnectionId) -> Link {
        let wire = self.wires.get(&connection);
        wire.and_then(|wire| wire.link.filter(|link| *link != Link::Finished || wire.incoming.is_empty()))
            .unwrap_or(Link::Reset)
    }

    /// Three bytes at a time, as a small window would.
    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        let count = bytes.len().min(3);
        let Some(wire) = self.wires.get_mut(&connection).filter(|wire| wire.link != Some(Link::Reset)) else {
            return 0;
        };
        wire.sent.extend_from_slice(&bytes[..count]);
        count
    }

    fn receive(&mut self, connection: ConnectionId) -> Vec<u8> {
        self.wires.get_mut(&connection).map(|wire| std::mem::take(&mut wire.incoming)).unwrap_or_default()
    }

    fn finish(&mut self, _: ConnectionId) {}

    fn abort(&mut self, connection: ConnectionId) {
        self.wires.remove(&connection);
    }

    fn set_silent(&mut self, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

impl Cable for Fake {}

impl DebugPort for Fake {}

impl Pads for Fake {}

impl Diagnostics for Fake {
    fn trace_hash(&self) -> Option<u64> {
        Some(self.now.ticks())
    }
}

impl Keeping for Fake {
    fn fork(&self) -> Option<Box<dyn Driver>> {
        Some(Box::new(self.clone()))
    }
}

impl Driver for Fake {
    fn now(&self) -> Time {
        self.now
    }

    fn poll_advance(&mut self, cx: &mut Context<'_>, limit: Time) -> Result<(), Failure> {
        let next = self.script.last().map_or(limit, |(at, _)| *at);
        self.now = (self.now + SLICE).min(limit).min(next.max(self.now));
        while let Some((_, action)) = self.script.pop_if(|(at, _)| *at <= self.now) {
            self.act(action)?;
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn reset(&mut self, _: Start) -> Result<(), Failure> {
        Ok(())
    }
}
