//! UDP and ping of a peer.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::{Span, Time};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr, Ipv4Repr, UdpPacket, UdpRepr};

use super::Host;
use crate::LanError;
use crate::frame::SharedFrame;

/// Longest UDP payload that fits into one frame: 1500 bytes less the headers of IPv4 and UDP.
const DATAGRAM_MAX: usize = 1500 - 20 - 8;
/// Datagrams that are kept for a test that does not read; later ones are lost, as they are on any host.
const DATAGRAMS_KEPT: usize = 1024;
/// Pings whose end is remembered. Older ones are said to have timed out.
const PINGS_KEPT: usize = 256;
/// Groups that a port may be in, as on Linux (`igmp_max_memberships`).
const GROUPS_MAX: usize = 20;
const ECHO_DATA: &[u8] = b"espalier";

#[derive(Clone, Debug)]
pub(super) struct Binding {
    port: u16,
    /// The multicast groups whose datagrams it gets.
    groups: Vec<Ipv4Addr>,
    received: VecDeque<(SocketAddrV4, Vec<u8>)>,
}

espalier_core::persist!(value Binding { port, groups, received });

/// The outcome of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingState {
    /// No answer yet.
    Waiting,
    /// The answer came after this time.
    Answered(Span),
    /// No answer came in time.
    TimedOut,
}

espalier_core::persist!(
    enum PingState {
        Waiting,
        Answered(value),
        TimedOut,
    }
);

#[derive(Clone, Debug)]
pub(super) struct Ping {
    sent: Time,
    state: PingState,
}

espalier_core::persist!(value Ping { sent, state });

impl Ping {
    pub(super) fn waiting_since(&self) -> Option<Time> {
        (self.state == PingState::Waiting).then_some(self.sent)
    }
}

impl Host {
    /// Opens a UDP port; port zero lets the host choose.
    pub(crate) fn bind_udp(&mut self, port: u16) -> Result<usize, LanError> {
        let port = match port {
            0 => self.choose_port(|host, port| !host.uses_udp_port(port))?,
            port if self.uses_udp_port(port) => return Err(LanError::PortInUse { host: self.address, port }),
            port => port,
        };
        let index = self.next_binding;
        self.next_binding += 1;
        self.bindings.insert(index, Binding { port, groups: Vec::new(), received: VecDeque::new() });
        Ok(index)
    }

    /// The port gets what is sent to a multicast group, too.
    pub(crate) fn join_group(&mut self, index: usize, group: Ipv4Addr) -> Result<(), LanError> {
        if !group.is_multicast() {
            return Err(LanError::NotAGroup { address: group });
        }
        let Some(binding) = self.bindings.get_mut(&index) else { return Ok(()) };
        if binding.groups.contains(&group) {
            return Ok(());
        }
        if binding.groups.len() == GROUPS_MAX {
            return Err(LanError::GroupsExhausted { limit: GROUPS_MAX });
        }
        binding.groups.push(group);
        Ok(())
    }

    fn uses_udp_port(&self, port: u16) -> bool {
        self.bindings.values().any(|binding| binding.port == port)
    }

    pub(crate) fn udp_port(&self, index: usize) -> Option<u16> {
        self.bindings.get(&index).map(|binding| binding.port)
    }

    pub(crate) fn send_datagram(
        &mut self,
        index: usize,
        remote: SocketAddrV4,
        bytes: &[u8],
        now: Time,
    ) -> Result<(bool, Vec<SharedFrame>), LanError> {
        if bytes.len() > DATAGRAM_MAX {
            return Err(LanError::DatagramTooLong { length: bytes.len(), limit: DATAGRAM_MAX });
        }
        if remote.port() == 0 {
            return Err(LanError::PortZero);
        }
        let Some(port) = self.udp_port(index) else { return Ok((false, Vec::new())) };
        let taken = self.link.send(*remote.ip(), now, |reply| reply.udp(port, remote.port(), bytes));
        Ok((taken, self.settle(now)))
    }

    pub(crate) fn has_datagram(&self, index: usize) -> bool {
        self.bindings.get(&index).is_some_and(|binding| !binding.received.is_empty())
    }

    pub(crate) fn receive_datagram(&mut self, index: usize) -> Option<(SocketAddrV4, Vec<u8>)> {
        self.bindings.get_mut(&index)?.received.pop_front()
    }

    pub(crate) fn close_udp(&mut self, index: usize) {
        self.bindings.remove(&index);
    }

    pub(super) fn receive_udp(&mut self, header: Ipv4Repr, payload: &[u8], now: Time) {
        let (from, to) = (header.src_addr, header.dst_addr);
        let Ok(packet) = UdpPacket::new_checked(payload) else { return };
        let checksums = ChecksumCapabilities::default();
        let Ok(ports) = UdpRepr::parse(&packet, &from.into(), &to.into(), &checksums) else { return };
        let hears = |binding: &Binding| !to.is_multicast() || binding.groups.contains(&to);
        let open = |binding: &&mut Binding| binding.port == ports.dst_port && hears(binding);
        match self.bindings.values_mut().find(open) {
            Some(binding) if binding.received.len() < DATAGRAMS_KEPT => {
                binding.received.push_back((SocketAddrV4::new(from, ports.src_port), packet.payload().to_vec()));
            }
            Some(_) => {}
            None if self.link.is_mine(to) => {
                self.link.refuse(Icmpv4DstUnreachable::PortUnreachable, header, payload, now);
            }
            None => {}
        }
    }

    pub(crate) fn ping(&mut self, remote: Ipv4Addr, now: Time) -> Result<(usize, Vec<SharedFrame>), LanError> {
        if !self.config.is_host_address(remote) {
            return Err(LanError::NotOnLan { address: remote });
        }
        let index = self.next_ping;
        self.next_ping += 1;
        self.pings.insert(index, Ping { sent: now, state: PingState::Waiting });
        while self.pings.len() > PINGS_KEPT {
            self.pings.pop_first();
        }
        // Pings that are under way at the same time have different identifiers.
        let request = Icmpv4Repr::EchoRequest { ident: index as u16, seq_no: 0, data: ECHO_DATA };
        self.link.send(remote, now, |reply| reply.icmp(&request));
        Ok((index, self.settle(now)))
    }

    pub(crate) fn ping_state(&self, index: usize) -> Option<PingState> {
        self.pings.get(&index).map(|ping| ping.state)
    }

    pub(super) fn give_up_pings(&mut self, now: Time) {
        let patience = self.config.tcp_timeout;
        for ping in self.pings.values_mut() {
            if ping.waiting_since().is_some_and(|since| now >= since + patience) {
                ping.state = PingState::TimedOut;
            }
        }
    }

    pub(super) fn receive_icmp(&mut self, header: Ipv4Repr, payload: &[u8], now: Time) {
        let Ok(packet) = Icmpv4Packet::new_checked(payload) else { return };
        match Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()) {
            Ok(Icmpv4Repr::EchoRequest { ident, seq_no, data }) => {
                self.link.answer(header.src_addr, &Icmpv4Repr::EchoReply { ident, seq_no, data }, now);
            }
            Ok(Icmpv4Repr::EchoReply { ident, data: ECHO_DATA, .. }) => {
                let asked =
                    |(index, ping): &(&usize, &mut Ping)| **index as u16 == ident && ping.state == PingState::Waiting;
                if let Some((_, ping)) = self.pings.iter_mut().find(asked) {
                    ping.state = PingState::Answered(now.since(ping.sent));
                }
            }
            _ => {}
        }
    }
}
