//! The LAN's router: answers ARP and pings, runs the DHCP and the DNS server, and says that the world beyond it is
//! unreachable. It is plain state and needs no TCP/IP stack of its own.

mod dhcp;
mod dns;
mod mdns;
pub(crate) mod reply;

use std::net::Ipv4Addr;
use std::sync::Arc;

use espalier_core::FlatMap;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable,
    Icmpv4Packet, Icmpv4Repr, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, UdpPacket,
    UdpRepr,
};

use crate::LanConfig;
use dhcp::DhcpServer;
use reply::Reply;

#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    config: Arc<LanConfig>,
    mac: [u8; 6],
    dhcp: DhcpServer,
    names: Arc<FlatMap<String, Ipv4Addr>>,
}

espalier_core::persist!(value Gateway { config, mac, dhcp, names });

impl Gateway {
    pub(crate) fn new(config: Arc<LanConfig>, mac: EthernetAddress) -> Gateway {
        let names = config.names.iter().map(|(name, &address)| (name.to_ascii_lowercase(), address));
        Gateway { dhcp: DhcpServer::new(config.clone()), names: Arc::new(names.collect()), config, mac: mac.0 }
    }

    pub(crate) fn mac(&self) -> EthernetAddress {
        EthernetAddress(self.mac)
    }

    /// The address that a client has been given.
    pub(crate) fn lease(&self, mac: EthernetAddress) -> Option<Ipv4Addr> {
        self.dhcp.lease(mac)
    }

    /// Keeps the next address for a client.
    pub(crate) fn expect_client(&mut self, mac: EthernetAddress) {
        self.dhcp.find_or_assign(mac);
    }

    /// The address that was given last.
    pub(crate) fn last_lease(&self) -> Option<Ipv4Addr> {
        self.dhcp.last_lease()
    }

    /// From now on, the DNS server says that `name` is at `address`.
    pub(crate) fn set_name(&mut self, name: &str, address: Ipv4Addr) {
        Arc::make_mut(&mut self.names).insert(name.to_ascii_lowercase(), address);
    }

    /// Takes a frame and answers it.
    pub(crate) fn receive(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        match frame.ethertype() {
            EthernetProtocol::Arp => self.receive_arp(frame.payload()),
            EthernetProtocol::Ipv4 => self.receive_ipv4(frame.src_addr(), frame.payload()),
            _ => None,
        }
    }

    fn receive_arp(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr,
            source_protocol_addr,
            target_protocol_addr,
            ..
        } = ArpRepr::parse(&ArpPacket::new_checked(payload).ok()?).ok()?
        else {
            return None;
        };
        if target_protocol_addr != self.config.gateway {
            return None;
        }
        let answer = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: self.mac(),
            source_protocol_addr: self.config.gateway,
            target_hardware_addr: source_hardware_addr,
            target_protocol_addr: source_protocol_addr,
        };
        Some(reply::ethernet(self.mac(), source_hardware_addr, EthernetProtocol::Arp, answer.buffer_len(), |payload| {
            answer.emit(&mut ArpPacket::new_unchecked(payload));
        }))
    }

    fn receive_ipv4(&mut self, from: EthernetAddress, payload: &[u8]) -> Option<Vec<u8>> {
        let checksums = ChecksumCapabilities::default();
        let packet = Ipv4Packet::new_checked(payload).ok()?;
        let header = Ipv4Repr::parse(&packet, &checksums).ok()?;
        if packet.more_frags() || packet.frag_offset() != 0 {
            return None;
        }
        if header.next_header == IpProtocol::Udp {
            // DHCP comes from hosts that have no address yet.
            let udp = UdpPacket::new_checked(packet.payload()).ok()?;
            let ports = UdpRepr::parse(&udp, &header.src_addr.into(), &header.dst_addr.into(), &checksums).ok()?;
            if ports.dst_port == dhcp::SERVER_PORT {
                return self.dhcp.receive(self.mac(), udp.payload());
            }
        }
        if !self.config.is_host_address(header.src_addr) {
            return None;
        }
        let reply = Reply { mac: self.mac(), to_mac: from, from: self.config.gateway, to: header.src_addr };
        if header.dst_addr == mdns::GROUP && header.next_header == IpProtocol::Udp {
            let udp = UdpPacket::new_checked(packet.payload()).ok()?;
            return if udp.dst_port() == mdns::PORT { self.answer_local(reply, &udp) } else { None };
        }
        if header.dst_addr != self.config.gateway {
            let beyond = !self.config.is_host_address(header.dst_addr)
                && !header.dst_addr.is_multicast()
                && header.dst_addr.octets()[3] != u8::MAX;
            return beyond.then(|| reply.unreachable(Icmpv4DstUnreachable::NetUnreachable, header, packet.payload()));
        }
        match header.next_header {
            IpProtocol::Icmp => answer_echo(&reply, packet.payload()),
            IpProtocol::Udp => {
                let udp = UdpPacket::new_checked(packet.payload()).ok()?;
                if udp.dst_port() != dns::PORT {
                    let reason = Icmpv4DstUnreachable::PortUnreachable;
                    return Some(reply.unreachable(reason, header, packet.payload()));
                }
                let answer = dns::answer(udp.payload(), &self.names)?;
                Some(reply.udp(dns::PORT, udp.src_port(), &answer))
            }
            IpProtocol::Tcp => refuse(&reply, header, packet.payload()),
            _ => Some(reply.unreachable(Icmpv4DstUnreachable::ProtoUnreachable, header, packet.payload())),
        }
    }
}

impl Gateway {
    /// Answers a question by multicast DNS, to the asker or to the group.
    fn answer_local(&self, mut reply: Reply, udp: &UdpPacket<&[u8]>) -> Option<Vec<u8>> {
        let answer = mdns::answer(udp.payload(), udp.src_port(), &self.names)?;
        if answer.to_group {
            (reply.to_mac, reply.to) = (EthernetAddress(mdns::GROUP_MAC), mdns::GROUP);
        }
        Some(reply.udp(mdns::PORT, udp.src_port(), &answer.message))
    }
}

fn answer_echo(reply: &Reply, payload: &[u8]) -> Option<Vec<u8>> {
    let packet = Icmpv4Packet::new_checked(payload).ok()?;
    match Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()).ok()? {
        Icmpv4Repr::EchoRequest { ident, seq_no, data } => {
            Some(reply.icmp(&Icmpv4Repr::EchoReply { ident, seq_no, data }))
        }
        _ => None,
    }
}

/// No TCP port of the gateway is open.
fn refuse(reply: &Reply, header: Ipv4Repr, payload: &[u8]) -> Option<Vec<u8>> {
    let packet = TcpPacket::new_checked(payload).ok()?;
    let (from, to) = (IpAddress::from(header.src_addr), IpAddress::from(header.dst_addr));
    let segment = TcpRepr::parse(&packet, &from, &to, &ChecksumCapabilities::default()).ok()?;
    (segment.control != TcpControl::Rst).then(|| reply.reset(&segment))
}
