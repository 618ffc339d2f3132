//! A peer: a host of the LAN with TCP, UDP and ping.
//!
//! All of it is plain state that is cloned with the board, and none of it grows with what has gone over it: a connection holds its
//! window, and of what has ended the last few hundred are remembered.

mod connection;
mod link;
mod tcb;
mod tcp;
mod udp;

use std::net::Ipv4Addr;
use std::sync::Arc;

use espalier_core::{FlatMap, Time};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable, IpProtocol, Ipv4Packet, Ipv4Repr,
};

use crate::frame::SharedFrame;
use crate::rng::Rng;
use crate::{LanConfig, LanError};
use connection::Connection;
use link::Link;
use tcp::Listener;
use udp::{Binding, Ping};

pub use connection::ConnState;
pub use udp::PingState;

/// First of the ports that the host chooses by itself (RFC 6335, chapter 6).
const EPHEMERAL_START: u16 = 49_152;

#[derive(Clone, Debug)]
pub(crate) struct Host {
    config: Arc<LanConfig>,
    address: Ipv4Addr,
    /// Where the first numbers of connections come from.
    rng: Rng,
    link: Link,
    listeners: FlatMap<u16, Listener>,
    /// By the number that [`Lan`](crate::Lan) gives them; so are bindings and pings.
    connections: FlatMap<usize, Connection>,
    next_connection: usize,
    bindings: FlatMap<usize, Binding>,
    next_binding: usize,
    pings: FlatMap<usize, Ping>,
    next_ping: usize,
    next_port: u16,
    deadline: Option<Time>,
}

espalier_core::persist! {
    value Host {
        config, address, rng, link, listeners, connections, next_connection, bindings, next_binding, pings,
        next_ping, next_port, deadline
    }
}

impl Host {
    pub(crate) fn new(config: Arc<LanConfig>, address: Ipv4Addr, mac: EthernetAddress) -> Host {
        Host {
            rng: Rng::new(config.seed, u64::from(address.to_bits()) << 32),
            link: Link::new(config.clone(), address, mac),
            config,
            address,
            listeners: FlatMap::new(),
            connections: FlatMap::new(),
            next_connection: 0,
            bindings: FlatMap::new(),
            next_binding: 0,
            pings: FlatMap::new(),
            next_ping: 0,
            next_port: EPHEMERAL_START,
            deadline: None,
        }
    }

    pub(crate) fn mac(&self) -> EthernetAddress {
        self.link.mac()
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// A frame comes in. Returns what the host sends.
    pub(crate) fn receive_frame(&mut self, frame: &SharedFrame, now: Time) -> Vec<SharedFrame> {
        let Ok(frame) = EthernetFrame::new_checked(&frame[..]) else { return Vec::new() };
        match frame.ethertype() {
            EthernetProtocol::Arp => self.link.receive_arp(frame.payload(), now),
            EthernetProtocol::Ipv4 => self.receive_packet(frame.src_addr(), frame.payload(), now),
            _ => {}
        }
        self.settle(now)
    }

    fn receive_packet(&mut self, mac: EthernetAddress, packet: &[u8], now: Time) {
        let Ok(packet) = Ipv4Packet::new_checked(packet) else { return };
        let Ok(header) = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()) else { return };
        let (from, to) = (header.src_addr, header.dst_addr);
        let is_whole = !packet.more_frags() && packet.frag_offset() == 0;
        if !is_whole || !self.config.is_host_address(from) || from == self.address {
            return;
        }
        self.link.note_heard(from, mac, now);
        let is_mine = self.link.is_mine(to);
        match header.next_header {
            IpProtocol::Udp if is_mine || self.link.is_for_all(to) || to.is_multicast() => {
                self.receive_udp(header, packet.payload(), now)
            }
            _ if !is_mine => {}
            IpProtocol::Tcp => self.receive_tcp(header, packet.payload(), now),
            IpProtocol::Icmp => self.receive_icmp(header, packet.payload(), now),
            _ => self.link.refuse(Icmpv4DstUnreachable::ProtoUnreachable, header, packet.payload(), now),
        }
    }

    /// The host's deadline has come. Returns what the host sends.
    pub(crate) fn wake(&mut self, now: Time) -> Vec<SharedFrame> {
        self.give_up_connections(now);
        self.give_up_pings(now);
        self.link.wake(now);
        self.connections.values_mut().for_each(|connection| connection.wake(now));
        self.settle(now)
    }

    /// Sends what there is to say, and sets the next deadline.
    fn settle(&mut self, now: Time) -> Vec<SharedFrame> {
        self.update_connections(now);
        let timers = self.connections.values().filter_map(Connection::deadline);
        self.deadline = timers.chain(self.link.deadline()).chain(self.patience_ends()).min();
        self.link.take_outgoing()
    }

    /// When the host gives something up if it hears nothing.
    fn patience_ends(&self) -> Option<Time> {
        let connections = self.connections.values().filter_map(|connection| connection.waiting_since);
        let pings = self.pings.values().filter_map(Ping::waiting_since);
        connections.chain(pings).min().map(|since| since + self.config.tcp_timeout)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use espalier_core::{Span, Time};
    use smoltcp::wire::EthernetAddress;

    use super::Host;
    use crate::LanConfig;

    const BOARD: [u8; 6] = [0x24, 0, 0, 0, 0, 1];
    const PEER: [u8; 6] = [2, 0, 10, 0, 2, 2];

    fn question() -> Vec<u8> {
        let mut frame = [0xFF; 6].to_vec();
        for part in [&BOARD[..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &BOARD, &[10, 0, 2, 50], &[0; 6], &[10, 0, 2, 2]] {
            frame.extend_from_slice(part);
        }
        frame
    }

    fn host() -> Host {
        let config = Arc::new(LanConfig::default());
        Host::new(config.clone(), config.peer, EthernetAddress(PEER))
    }

    #[test]
    fn hosts_that_have_asked_are_known_for_a_while() {
        let (mut host, now) = (host(), Time::from_micros(1));
        assert_eq!(host.receive_frame(&question().into(), now).len(), 1);
        let board = "10.0.2.50:80".parse().unwrap();
        let (_, frames) = host.connect(board, now + Span::from_secs(59)).unwrap();
        assert_eq!((frames.len(), &frames[0][..6]), (1, &BOARD[..]));
        let (_, frames) = host.connect(board, now + Span::from_secs(61)).unwrap();
        assert_eq!((frames.len(), &frames[0][..6]), (1, &[0xFF; 6][..]), "it asks again");
    }

    #[test]
    fn packets_for_a_host_that_does_not_answer_are_lost_after_three_questions() {
        let mut host = host();
        let socket = host.bind_udp(0).unwrap();
        let (sent, frames) = host.send_datagram(socket, "10.0.2.99:9".parse().unwrap(), b"?", Time::ZERO).unwrap();
        assert_eq!((sent, frames.len()), (true, 1));
        let mut questions = 1;
        while let Some(at) = host.deadline() {
            questions += host.wake(at).len();
        }
        assert_eq!(questions, 3);
    }
}
