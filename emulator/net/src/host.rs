//! A peer: a host of the LAN with TCP, UDP and ping.
//!
//! What a test can ask about is plain state here; the protocols themselves are smoltcp's, behind [`stack::Stack`]. After
//! everything that happens to the stack the host looks at its sockets and takes over what has changed.

mod connection;
mod live;
mod port;
mod segment;
mod stack;
mod tcp;
mod udp;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use espalier_core::Time;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::{ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol};

use crate::fault::Frame;
use crate::rng::Rng;
use crate::{LanConfig, LanError};
use connection::{Cause, Connection};
use segment::Segment;
use stack::{Birth, Stack};
use udp::{Binding, Ping};

pub use connection::ConnState;
pub use udp::PingState;

/// First of the ports that the host chooses by itself (RFC 6335, chapter 6).
const EPHEMERAL_START: u16 = 49_152;
/// A stack that has nothing to remember starts anew when its log has become this long.
const LOG_KEPT: usize = 64;
/// Hardware addresses that a host remembers; as many as its stack does.
const NEIGHBOURS: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct Host {
    config: Arc<LanConfig>,
    address: Ipv4Addr,
    mac: EthernetAddress,
    stack: Stack,
    /// How many stacks the host has had before this one.
    restarts: u64,
    neighbours: BTreeMap<Ipv4Addr, EthernetAddress>,
    listeners: BTreeMap<u16, Listener>,
    connections: Vec<Connection>,
    bindings: Vec<Binding>,
    pings: Vec<Ping>,
    next_port: u16,
    deadline: Option<Time>,
}

/// A port that is listened on.
#[derive(Clone, Debug)]
struct Listener {
    backlog: usize,
    /// The socket that takes the next connection; None while the backlog is full.
    armed: Option<SocketHandle>,
    /// Connections whose handshake is under way, and since when.
    half_open: Vec<(SocketHandle, Time)>,
    /// Connections that nobody has accepted.
    ready: VecDeque<usize>,
}

impl Host {
    pub(crate) fn new(config: Arc<LanConfig>, address: Ipv4Addr, mac: EthernetAddress) -> Host {
        let stack = Stack::new(birth(&config, address, mac, 0, Time::ZERO, Vec::new()));
        Host {
            config,
            address,
            mac,
            stack,
            restarts: 0,
            neighbours: BTreeMap::new(),
            listeners: BTreeMap::new(),
            connections: Vec::new(),
            bindings: Vec::new(),
            pings: Vec::new(),
            next_port: EPHEMERAL_START,
            deadline: None,
        }
    }

    pub(crate) fn mac(&self) -> EthernetAddress {
        self.mac
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// A frame comes in. Returns what the host sends.
    pub(crate) fn receive_frame(&mut self, frame: &Frame, now: Time) -> Vec<Frame> {
        self.learn(frame);
        let segment = Segment::parse(frame);
        if segment.is_some_and(|segment| segment.opens && self.backlog_is_full(segment.to_port)) {
            // As Linux does: the remote end asks again.
            return Vec::new();
        }
        if let Some(segment) = segment {
            self.heard(&segment, now);
        }
        self.stack.ingress(now, frame.clone());
        self.settle(now, Cause::Segment { reset: segment.is_some_and(|segment| segment.resets) })
    }

    /// The host's deadline has come. Returns what the host sends.
    pub(crate) fn wake(&mut self, now: Time) -> Vec<Frame> {
        self.give_up(now);
        self.settle(now, Cause::Other)
    }

    /// Takes over what has changed in the stack, and sends what it has to say.
    fn settle(&mut self, now: Time, cause: Cause) -> Vec<Frame> {
        self.update_sockets(now, cause, false);
        let frames = self.stack.egress(now);
        // Sending may have ended a connection, or let an aborted one go.
        self.update_sockets(now, Cause::Other, true);
        if self.stack.log_len() >= LOG_KEPT && self.is_quiet() {
            self.restart(now);
        }
        self.deadline = [self.stack.deadline(now), self.patience_ends()].into_iter().flatten().min();
        frames
    }

    fn update_sockets(&mut self, now: Time, cause: Cause, sweep: bool) {
        self.update_listeners(now);
        self.update_connections(now, cause, sweep);
        self.update_bindings();
        self.update_pings(now);
    }

    /// Ends what has waited for an answer for too long.
    fn give_up(&mut self, now: Time) {
        self.give_up_connections(now);
        self.give_up_pings(now);
    }

    /// When the host gives something up if it hears nothing.
    fn patience_ends(&self) -> Option<Time> {
        let connections = self.connections.iter().filter_map(|connection| connection.waiting_since);
        let half_open = self.listeners.values().flat_map(|listener| &listener.half_open).map(|(_, since)| *since);
        let pings = self.pings.iter().filter_map(Ping::waiting_since);
        connections.chain(half_open).chain(pings).min().map(|since| since + self.config.tcp_timeout)
    }

    /// True if the stack has nothing but listening sockets.
    fn is_quiet(&self) -> bool {
        self.connections.iter().all(|connection| connection.socket.is_none())
            && self.listeners.values().all(|listener| listener.half_open.is_empty())
            && self.bindings.iter().all(|binding| binding.socket.is_none())
            && self.pings.iter().all(|ping| ping.socket.is_none())
    }

    /// Replaces the stack by a fresh one. Only what [`is_quiet`](Self::is_quiet) allows has to be carried over.
    fn restart(&mut self, now: Time) {
        self.restarts += 1;
        let neighbours = self.neighbours.iter().map(|(&address, &mac)| (address, mac)).collect();
        self.stack = Stack::new(birth(&self.config, self.address, self.mac, self.restarts, now, neighbours));
        for (&port, listener) in &mut self.listeners {
            listener.armed = listener.armed.map(|_| self.stack.listen(port));
        }
    }

    /// Remembers who spoke, for the stacks to come.
    fn learn(&mut self, frame: &[u8]) {
        let Some(ArpRepr::EthernetIpv4 { source_hardware_addr: mac, source_protocol_addr: address, .. }) =
            EthernetFrame::new_checked(frame)
                .ok()
                .filter(|frame| frame.ethertype() == EthernetProtocol::Arp)
                .and_then(|frame| ArpRepr::parse(&ArpPacket::new_checked(frame.payload()).ok()?).ok())
        else {
            return;
        };
        let known = self.neighbours.contains_key(&address) || self.neighbours.len() < NEIGHBOURS;
        if known && mac.is_unicast() && self.config.is_host_address(address) {
            self.neighbours.insert(address, mac);
        }
    }

    /// A port that the host may choose by itself, of those that are `free`.
    fn choose_port(&mut self, free: impl Fn(&Host, u16) -> bool) -> Result<u16, LanError> {
        for _ in EPHEMERAL_START..=u16::MAX {
            let port = self.next_port;
            self.next_port = if port == u16::MAX { EPHEMERAL_START } else { port + 1 };
            if free(self, port) {
                return Ok(port);
            }
        }
        Err(LanError::PortsExhausted { host: self.address })
    }
}

fn birth(
    config: &LanConfig,
    address: Ipv4Addr,
    mac: EthernetAddress,
    restarts: u64,
    at: Time,
    neighbours: Vec<(Ipv4Addr, EthernetAddress)>,
) -> Birth {
    let seed = Rng::new(config.seed, u64::from(address.to_bits()) << 32 | restarts).next();
    Birth { address, prefix_len: config.prefix_len, mac, seed, at, neighbours }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use espalier_core::{Span, Time};
    use smoltcp::wire::EthernetAddress;

    use super::{Host, LOG_KEPT};
    use crate::LanConfig;

    const BOARD: [u8; 6] = [0x24, 0, 0, 0, 0, 1];
    const PEER: [u8; 6] = [2, 0, 192, 168, 4, 2];

    fn question() -> Vec<u8> {
        let mut frame = [0xFF; 6].to_vec();
        for part in
            [&BOARD[..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &BOARD, &[192, 168, 4, 50], &[0; 6], &[192, 168, 4, 2]]
        {
            frame.extend_from_slice(part);
        }
        frame
    }

    #[test]
    fn a_host_that_has_nothing_to_remember_starts_anew() {
        let config = Arc::new(LanConfig::default());
        let mut host = Host::new(config.clone(), config.peer, EthernetAddress(PEER));
        host.listen(80, 4).unwrap();
        let mut now = Time::ZERO;
        for _ in 0..1000 {
            now += Span::from_millis(10);
            assert_eq!(host.receive_frame(&question().into(), now).len(), 1);
            assert!(host.stack.log_len() <= LOG_KEPT + 1);
        }
        assert!(host.restarts > 10);
        assert_eq!(host.deadline(), None);
        // It still knows the board, and asks nobody before it connects.
        let (_, frames) = host.connect("192.168.4.50:80".parse().unwrap(), now).unwrap();
        assert_eq!((frames.len(), &frames[0][..6]), (1, &BOARD[..]));
    }
}
