//! Frames that the gateway and the peers send.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr,
    IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};

const HOP_LIMIT: u8 = 64;
const ETHERNET_HEADER: usize = 14;
/// Bytes of an offending packet's payload that an ICMP error repeats (RFC 792).
const ICMP_QUOTE: usize = 8;

/// Whom an IP packet is from and whom it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) mac: EthernetAddress,
    pub(crate) to_mac: EthernetAddress,
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
}

pub(crate) fn ethernet(
    src_addr: EthernetAddress,
    dst_addr: EthernetAddress,
    ethertype: EthernetProtocol,
    length: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let mut bytes = vec![0; ETHERNET_HEADER + length];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    EthernetRepr { src_addr, dst_addr, ethertype }.emit(&mut frame);
    emit(frame.payload_mut());
    bytes
}

impl Reply {
    fn ipv4(&self, next_header: IpProtocol, payload_len: usize, emit: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let header =
            Ipv4Repr { src_addr: self.from, dst_addr: self.to, next_header, payload_len, hop_limit: HOP_LIMIT };
        let length = header.buffer_len() + payload_len;
        ethernet(self.mac, self.to_mac, EthernetProtocol::Ipv4, length, |payload| {
            let mut packet = Ipv4Packet::new_unchecked(payload);
            header.emit(&mut packet, &ChecksumCapabilities::default());
            emit(packet.payload_mut());
        })
    }

    pub(crate) fn icmp(&self, message: &Icmpv4Repr<'_>) -> Vec<u8> {
        self.ipv4(IpProtocol::Icmp, message.buffer_len(), |payload| {
            message.emit(&mut Icmpv4Packet::new_unchecked(payload), &ChecksumCapabilities::default());
        })
    }

    pub(crate) fn udp(&self, src_port: u16, dst_port: u16, datagram: &[u8]) -> Vec<u8> {
        let ports = UdpRepr { src_port, dst_port };
        self.ipv4(IpProtocol::Udp, ports.header_len() + datagram.len(), |payload| {
            ports.emit(
                &mut UdpPacket::new_unchecked(payload),
                &self.from.into(),
                &self.to.into(),
                datagram.len(),
                |body| body.copy_from_slice(datagram),
                &ChecksumCapabilities::default(),
            );
        })
    }

    pub(crate) fn tcp(&self, segment: &TcpRepr<'_>) -> Vec<u8> {
        self.ipv4(IpProtocol::Tcp, segment.buffer_len(), |payload| {
            let mut packet = TcpPacket::new_unchecked(payload);
            segment.emit(&mut packet, &self.from.into(), &self.to.into(), &ChecksumCapabilities::default());
        })
    }

    /// Says of the packet with this header that it cannot be delivered.
    pub(crate) fn unreachable(&self, reason: Icmpv4DstUnreachable, header: Ipv4Repr, payload: &[u8]) -> Vec<u8> {
        let data = &payload[..payload.len().min(ICMP_QUOTE)];
        self.icmp(&Icmpv4Repr::DstUnreachable { reason, header, data })
    }

    /// Answers a segment that belongs to no connection (RFC 9293, 3.10.7.1). It must be no reset itself.
    pub(crate) fn reset(&self, segment: &TcpRepr<'_>) -> Vec<u8> {
        let (seq_number, ack_number) = match segment.ack_number {
            Some(acknowledged) => (acknowledged, None),
            None => (TcpSeqNumber(0), Some(segment.seq_number + segment.segment_len())),
        };
        let blank = blank_segment(segment.dst_port, segment.src_port);
        self.tcp(&TcpRepr { control: TcpControl::Rst, seq_number, ack_number, ..blank })
    }
}

/// A segment between two ports without control bits, numbers, window, options and data.
pub(crate) fn blank_segment(src_port: u16, dst_port: u16) -> TcpRepr<'static> {
    TcpRepr {
        src_port,
        dst_port,
        control: TcpControl::None,
        seq_number: TcpSeqNumber(0),
        ack_number: None,
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    }
}
