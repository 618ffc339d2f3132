//! Ethernet and ARP of a host: who has which hardware address, and packets that wait to learn it (RFC 826).

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use espalier_core::{FlatMap, Span, Time};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetProtocol, Icmpv4DstUnreachable, Icmpv4Repr, Ipv4Repr,
};

use crate::LanConfig;
use crate::frame::SharedFrame;
use crate::gateway::reply::{self, Reply};

/// Hardware addresses that a host remembers.
const NEIGHBOURS: usize = 8;
/// Time for which a hardware address is valid without a sign of life (RFC 1122, 2.3.2.1).
const FRESH: Span = Span::from_secs(60);
/// Packets that wait for an answer; later ones are lost.
const WAITING: usize = 32;
/// Interval and number of requests for an address before the packets that wait for it are dropped.
const ASK_AGAIN: Span = Span::from_secs(1);
const ASK_TIMES: u32 = 3;
/// The bits before the low 23 bits of a multicast address on Ethernet (RFC 1112, 6.4).
const MULTICAST: [u8; 3] = [0x01, 0x00, 0x5E];
/// Bytes of the destination address, which is the first of a frame.
const DESTINATION: usize = 6;

#[derive(Clone, Debug)]
pub(super) struct Link {
    config: Arc<LanConfig>,
    address: Ipv4Addr,
    mac: [u8; 6],
    neighbours: FlatMap<Ipv4Addr, Neighbour>,
    questions: FlatMap<Ipv4Addr, Question>,
    /// Frames without their destination, and whom they are for.
    waiting: VecDeque<(Ipv4Addr, Vec<u8>)>,
    outgoing: Vec<SharedFrame>,
}

espalier_core::persist!(value Link { config, address, mac, neighbours, questions, waiting, outgoing });

#[derive(Clone, Copy, Debug)]
struct Neighbour {
    mac: [u8; 6],
    heard: Time,
}

espalier_core::persist!(value Neighbour { mac, heard });

#[derive(Clone, Copy, Debug)]
struct Question {
    asked: Time,
    times: u32,
}

espalier_core::persist!(value Question { asked, times });

impl Link {
    pub(super) fn new(config: Arc<LanConfig>, address: Ipv4Addr, mac: EthernetAddress) -> Link {
        Link {
            config,
            address,
            mac: mac.0,
            neighbours: FlatMap::new(),
            questions: FlatMap::new(),
            waiting: VecDeque::new(),
            outgoing: Vec::new(),
        }
    }

    pub(super) fn mac(&self) -> EthernetAddress {
        EthernetAddress(self.mac)
    }

    /// True if a packet with this destination is for the host alone.
    pub(super) fn is_mine(&self, address: Ipv4Addr) -> bool {
        address == self.address
    }

    /// True if a packet with this destination is for every host.
    pub(super) fn is_for_all(&self, address: Ipv4Addr) -> bool {
        address.is_broadcast() || address.to_bits() == self.config.gateway.to_bits() | !self.config.netmask().to_bits()
    }

    /// Sends the packet that `make` makes, or has it wait for the hardware address. False if there is no room for it.
    pub(super) fn send(&mut self, to: Ipv4Addr, now: Time, make: impl FnOnce(&Reply) -> Vec<u8>) -> bool {
        let known = self.hardware_address(to, now);
        let to_mac = known.unwrap_or(EthernetAddress::BROADCAST);
        if known.is_none() && self.waiting.len() >= WAITING {
            return false;
        }
        let frame = make(&Reply { mac: self.mac(), to_mac, from: self.address, to });
        if known.is_some() {
            self.outgoing.push(frame.into());
            return true;
        }
        self.waiting.push_back((to, frame));
        if !self.questions.contains_key(&to) {
            self.ask(to, 1, now);
        }
        true
    }

    /// Answers a packet for a closed port.
    pub(super) fn refuse(&mut self, reason: Icmpv4DstUnreachable, header: Ipv4Repr, payload: &[u8], now: Time) {
        self.send(header.src_addr, now, |reply| reply.unreachable(reason, header, payload));
    }

    pub(super) fn answer(&mut self, to: Ipv4Addr, message: &Icmpv4Repr<'_>, now: Time) {
        self.send(to, now, |reply| reply.icmp(message));
    }

    fn hardware_address(&self, to: Ipv4Addr, now: Time) -> Option<EthernetAddress> {
        if self.is_for_all(to) {
            return Some(EthernetAddress::BROADCAST);
        }
        if to.is_multicast() {
            let ([a, b, c], [_, d, e, f]) = (MULTICAST, to.octets());
            return Some(EthernetAddress([a, b, c, d & 0x7F, e, f]));
        }
        let neighbour = self.neighbours.get(&to)?;
        (now.since(neighbour.heard) < FRESH).then_some(EthernetAddress(neighbour.mac))
    }

    fn ask(&mut self, target: Ipv4Addr, times: u32, now: Time) {
        self.questions.insert(target, Question { asked: now, times });
        self.send_arp(ArpOperation::Request, EthernetAddress([0; 6]), target, EthernetAddress::BROADCAST);
    }

    fn send_arp(&mut self, operation: ArpOperation, to_mac: EthernetAddress, to: Ipv4Addr, receiver: EthernetAddress) {
        let message = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: self.mac(),
            source_protocol_addr: self.address,
            target_hardware_addr: to_mac,
            target_protocol_addr: to,
        };
        let frame = reply::ethernet(self.mac(), receiver, EthernetProtocol::Arp, message.buffer_len(), |payload| {
            message.emit(&mut ArpPacket::new_unchecked(payload));
        });
        self.outgoing.push(frame.into());
    }

    /// An ARP message comes in.
    pub(super) fn receive_arp(&mut self, payload: &[u8], now: Time) {
        let Some(ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: mac,
            source_protocol_addr: from,
            target_protocol_addr: target,
            ..
        }) = ArpPacket::new_checked(payload).ok().and_then(|packet| ArpRepr::parse(&packet).ok())
        else {
            return;
        };
        if !mac.is_unicast() || !self.config.is_host_address(from) || from == self.address {
            return;
        }
        self.learn(from, mac, now);
        if operation == ArpOperation::Request && target == self.address {
            self.send_arp(ArpOperation::Reply, mac, from, mac);
        }
    }

    fn learn(&mut self, from: Ipv4Addr, mac: EthernetAddress, now: Time) {
        if !self.neighbours.contains_key(&from) && self.neighbours.len() >= NEIGHBOURS {
            let oldest = self.neighbours.iter().min_by_key(|(_, known)| known.heard).map(|(address, _)| *address);
            oldest.map(|address| self.neighbours.remove(&address));
        }
        self.neighbours.insert(from, Neighbour { mac: mac.0, heard: now });
        self.questions.remove(&from);
        let (mine, others): (VecDeque<_>, _) = self.waiting.drain(..).partition(|(to, _)| *to == from);
        self.waiting = others;
        for (_, mut frame) in mine {
            frame[..DESTINATION].copy_from_slice(mac.as_bytes());
            self.outgoing.push(frame.into());
        }
    }

    /// A packet came from this address.
    pub(super) fn note_heard(&mut self, from: Ipv4Addr, mac: EthernetAddress, now: Time) {
        if let Some(known) = self.neighbours.get_mut(&from)
            && known.mac == mac.0
        {
            known.heard = now;
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.questions.values().map(|question| question.asked + ASK_AGAIN).min()
    }

    /// Guest time has come to `now`.
    pub(super) fn wake(&mut self, now: Time) {
        let due = |question: &Question| question.asked + ASK_AGAIN <= now;
        let asked: Vec<_> = self.questions.iter().filter(|(_, it)| due(it)).map(|(to, it)| (*to, it.times)).collect();
        for (to, times) in asked {
            if times < ASK_TIMES {
                self.ask(to, times + 1, now);
            } else {
                self.questions.remove(&to);
                self.waiting.retain(|(other, _)| *other != to);
            }
        }
    }

    pub(super) fn take_outgoing(&mut self) -> Vec<SharedFrame> {
        std::mem::take(&mut self.outgoing)
    }
}
