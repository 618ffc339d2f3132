//! Frames of a board to the LAN: Ethernet of any kind, and messages to its services for DHCP and DNS.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::{Span, Time};
use espalier_net::{Lan, LanConfig};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket,
    UdpRepr,
};

const MAC: EthernetAddress = EthernetAddress([0x24, 0x0A, 0xC4, 0, 0, 1]);
const BOARD: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 50);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const PORT: u16 = 5001;
const AFTER: Span = Span::from_secs(60);
/// More events than a handful of frames can cause in a minute of guest time.
const EVENTS: usize = 100_000;
const ETHERNET: usize = 14;

/// A LAN with everything open that a frame could reach.
fn lan() -> Lan {
    let mut lan = Lan::new(LanConfig::default()).expect("the default LAN");
    lan.listen(PORT).expect("a free port");
    lan.udp_bind(PORT).expect("a free port");
    let mut payload = vec![0, 1, 8, 0, 6, 4, 0, 1];
    payload.extend(MAC.as_bytes());
    payload.extend(BOARD.octets());
    payload.extend([0; 6]);
    payload.extend(PEER.octets());
    lan.send_from_board(ethernet(EthernetAddress::BROADCAST, EthernetProtocol::Arp, &payload), Time::ZERO);
    lan.connect(SocketAddrV4::new(BOARD, PORT)).expect("a free port");
    lan
}

fn mac_of(host: Ipv4Addr) -> EthernetAddress {
    let [c, d, e, f] = host.octets();
    EthernetAddress([2, 0, c, d, e, f])
}

fn ethernet(to: EthernetAddress, ethertype: EthernetProtocol, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; ETHERNET + payload.len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    EthernetRepr { src_addr: MAC, dst_addr: to, ethertype }.emit(&mut frame);
    frame.payload_mut().copy_from_slice(payload);
    bytes
}

/// A packet whose checksums are right, whatever is in it.
fn ipv4(to: Ipv4Addr, protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let header =
        Ipv4Repr { src_addr: BOARD, dst_addr: to, next_header: protocol, payload_len: payload.len(), hop_limit: 64 };
    let mut bytes = vec![0; header.buffer_len() + payload.len()];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[..]);
    header.emit(&mut packet, &ChecksumCapabilities::default());
    packet.payload_mut().copy_from_slice(payload);
    ethernet(mac_of(to), EthernetProtocol::Ipv4, &bytes)
}

fn udp(to: Ipv4Addr, port: u16, payload: &[u8]) -> Vec<u8> {
    let ports = UdpRepr { src_port: 68, dst_port: port };
    let mut bytes = vec![0; ports.header_len() + payload.len()];
    let mut packet = UdpPacket::new_unchecked(&mut bytes[..]);
    let copy = |body: &mut [u8]| body.copy_from_slice(payload);
    ports.emit(&mut packet, &BOARD.into(), &to.into(), payload.len(), copy, &ChecksumCapabilities::default());
    ipv4(to, IpProtocol::Udp, &bytes)
}

/// Sends the frames, then lets a minute of guest time pass.
fn survive(frames: impl Iterator<Item = Vec<u8>>) {
    let mut lan = lan();
    let mut now = lan.now();
    for frame in frames {
        lan.send_from_board(frame, now);
        now += Span::from_micros(137);
        while lan.take_for_board(now).is_some() {}
    }
    let (end, mut events) = (now + AFTER, 0);
    while let Some(at) = lan.deadline().filter(|at| *at <= end) {
        lan.take_for_board(at.max(lan.now()));
        events += 1;
        assert!(events < EVENTS, "the LAN does not come to rest");
    }
}

/// Frames whose first byte says how much of them is made up.
pub(crate) fn frames(input: &[u8]) {
    survive(crate::pieces(input).filter_map(|piece| {
        let (kind, bytes) = piece.split_first()?;
        let host = if kind & 0x80 == 0 { GATEWAY } else { PEER };
        Some(match kind % 8 {
            0 => bytes.to_vec(),
            1 => ethernet(mac_of(host), EthernetProtocol::Ipv4, bytes),
            2 => ethernet(mac_of(host), EthernetProtocol::Arp, bytes),
            3 => ipv4(host, IpProtocol::Icmp, bytes),
            4 => ipv4(host, IpProtocol::Tcp, &with_checksum(host, bytes)),
            5 => udp(host, PORT, bytes),
            6 => ipv4(host, IpProtocol::Igmp, bytes),
            _ => udp(host, 67, bytes),
        })
    }));
}

/// A TCP segment with these bytes whose checksum is right (RFC 9293, 3.1).
fn with_checksum(to: Ipv4Addr, bytes: &[u8]) -> Vec<u8> {
    const CHECKSUM: usize = 16;
    let mut segment = bytes.to_vec();
    if segment.len() < CHECKSUM + 2 {
        return segment;
    }
    segment[CHECKSUM..CHECKSUM + 2].fill(0);
    let pseudo = [&BOARD.octets()[..], &to.octets(), &[0, 6], &(segment.len() as u16).to_be_bytes()].concat();
    let words = pseudo.chunks(2).chain(segment.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low))).sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    let folded = !((folded & 0xFFFF) + (folded >> 16)) as u16;
    segment[CHECKSUM..CHECKSUM + 2].copy_from_slice(&folded.to_be_bytes());
    segment
}

/// Messages of DHCP.
pub(crate) fn dhcp(input: &[u8]) {
    survive(crate::pieces(input).map(|message| {
        // Fixed fields with the magic of RFC 2131, then options; the first bytes of the message are some of the fields.
        let (fields, options) = message.split_at(message.len().min(8));
        let mut bytes = vec![0; 240];
        bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
        bytes[10..10 + fields.len().min(2)].copy_from_slice(&fields[..fields.len().min(2)]);
        bytes[28..34].copy_from_slice(MAC.as_bytes());
        bytes[33] ^= fields.get(2).copied().unwrap_or(0);
        bytes[236..240].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        bytes.extend(options);
        udp(GATEWAY, 67, &bytes)
    }));
}

/// Messages of DNS, whole.
pub(crate) fn dns(input: &[u8]) {
    survive(crate::pieces(input).map(|message| udp(GATEWAY, 53, message)));
}
