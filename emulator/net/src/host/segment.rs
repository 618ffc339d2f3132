//! As much of a TCP segment as a host has to know before its stack gets it.

use std::net::SocketAddrV4;

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};

#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: SocketAddrV4,
    pub(super) to_port: u16,
    /// It asks for a new connection.
    pub(super) opens: bool,
    pub(super) resets: bool,
}

impl Segment {
    pub(super) fn parse(frame: &[u8]) -> Option<Segment> {
        let frame = EthernetFrame::new_checked(frame).ok()?;
        if frame.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
        if packet.next_header() != IpProtocol::Tcp {
            return None;
        }
        let segment = TcpPacket::new_checked(packet.payload()).ok()?;
        Some(Segment {
            from: SocketAddrV4::new(packet.src_addr(), segment.src_port()),
            to_port: segment.dst_port(),
            opens: segment.syn() && !segment.ack(),
            resets: segment.rst(),
        })
    }
}
