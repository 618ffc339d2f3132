//! Whatever a board sends, the LAN neither panics nor hangs, and comes to rest.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::{Span, Time};
use espalier_net::{Lan, LanConfig};
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl,
    TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};

const MAC: EthernetAddress = EthernetAddress([0x24, 0x0A, 0xC4, 0, 0, 1]);
const BOARD: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 50);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const PORT: u16 = 5001;
/// More events than any frame here can cause in a minute of guest time.
const EVENTS_MAX: usize = 20_000;

/// A LAN with everything open that a frame could reach.
fn lan() -> Lan {
    let mut lan = Lan::new(LanConfig::default()).unwrap();
    lan.listen(PORT).unwrap();
    lan.udp_bind(PORT).unwrap();
    // The peer knows the board's hardware address, so that it can answer.
    lan.send_from_board(arp(PEER), Time::ZERO);
    lan.connect(SocketAddrV4::new(BOARD, PORT)).unwrap();
    lan.ping(BOARD).unwrap();
    lan
}

fn mac_of(host: Ipv4Addr) -> EthernetAddress {
    let [c, d, e, f] = host.octets();
    EthernetAddress([2, 0, c, d, e, f])
}

fn ethernet(to: EthernetAddress, ethertype: EthernetProtocol, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 14 + payload.len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    EthernetRepr { src_addr: MAC, dst_addr: to, ethertype }.emit(&mut frame);
    frame.payload_mut().copy_from_slice(payload);
    bytes
}

fn arp(target: Ipv4Addr) -> Vec<u8> {
    let mut payload = vec![0, 1, 8, 0, 6, 4, 0, 1];
    payload.extend_from_slice(MAC.as_bytes());
    payload.extend_from_slice(&BOARD.octets());
    payload.extend_from_slice(&[0; 6]);
    payload.extend_from_slice(&target.octets());
    ethernet(EthernetAddress::BROADCAST, EthernetProtocol::Arp, &payload)
}

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
    let mut bytes = vec![0; 8 + payload.len()];
    let mut packet = UdpPacket::new_unchecked(&mut bytes[..]);
    ports.emit(
        &mut packet,
        &BOARD.into(),
        &to.into(),
        payload.len(),
        |body| body.copy_from_slice(payload),
        &ChecksumCapabilities::default(),
    );
    ipv4(to, IpProtocol::Udp, &bytes)
}

fn tcp(to: Ipv4Addr, segment: &TcpRepr<'_>) -> Vec<u8> {
    let mut bytes = vec![0; segment.buffer_len()];
    let mut packet = TcpPacket::new_unchecked(&mut bytes[..]);
    segment.emit(&mut packet, &BOARD.into(), &to.into(), &ChecksumCapabilities::default());
    ipv4(to, IpProtocol::Tcp, &bytes)
}

/// Sends the frames, then lets a minute of guest time pass.
fn survive(frames: Vec<Vec<u8>>) {
    let mut lan = lan();
    let mut now = lan.now();
    for frame in frames {
        lan.send_from_board(frame, now);
        now += Span::from_micros(137);
        while lan.take_for_board(now).is_some() {}
    }
    let end = now + Span::from_secs(60);
    let mut events = 0;
    while let Some(at) = lan.deadline().filter(|at| *at <= end) {
        lan.take_for_board(at.max(lan.now()));
        events += 1;
        assert!(events < EVENTS_MAX, "the LAN does not come to rest");
    }
    // A clone has seen the same and survives it too.
    let mut clone = lan.clone();
    clone.send_from_board(arp(PEER), end);
    clone.advance(end + Span::from_secs(1));
    assert!(clone.take_for_board(end + Span::from_secs(1)).is_some());
}

fn bytes(limit: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..limit)
}

fn host() -> impl Strategy<Value = Ipv4Addr> {
    prop::sample::select(vec![GATEWAY, PEER])
}

fn address() -> impl Strategy<Value = EthernetAddress> {
    prop::sample::select(vec![mac_of(GATEWAY), mac_of(PEER), EthernetAddress::BROADCAST, MAC])
}

fn ethertype() -> impl Strategy<Value = EthernetProtocol> {
    prop::sample::select(vec![EthernetProtocol::Arp, EthernetProtocol::Ipv4, EthernetProtocol::Ipv6])
}

prop_compose! {
    fn segment()(
        ports in (prop::sample::select(vec![1, 5001, 49_152]), prop::sample::select(vec![PORT, 49_152, 7])),
        control_index in 0..5u8, seq in -3..2000i32, ack in prop::option::of(any::<i32>()), window_len in any::<u16>(),
        window_scale in prop::option::of(any::<u8>()), max_seg_size in prop::option::of(0..1500u16),
        sack in prop::option::of((any::<u32>(), any::<u32>())), sack_permitted in any::<bool>(),
        payload in bytes(64), to in host(),
    ) -> Vec<u8> {
        let control = [TcpControl::None, TcpControl::Psh, TcpControl::Syn, TcpControl::Fin, TcpControl::Rst];
        tcp(to, &TcpRepr {
            src_port: ports.0,
            dst_port: ports.1,
            control: control[usize::from(control_index)],
            seq_number: TcpSeqNumber(seq),
            ack_number: ack.map(TcpSeqNumber),
            window_len,
            window_scale,
            max_seg_size,
            sack_permitted,
            sack_ranges: [sack, None, None],
            timestamp: None,
            payload: &payload,
        })
    }
}

/// Opens a connection with terms of its own and answers what the peer says with whatever comes to mind.
fn dishonest(max_seg_size: Option<u16>, window_len: u16, window_scale: Option<u8>, replies: &[(i32, i32, u16, u8)]) {
    let mut lan = Lan::new(LanConfig::default()).unwrap();
    let listener = lan.listen(PORT).unwrap();
    let open = TcpRepr {
        src_port: 1000,
        dst_port: PORT,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(100),
        ack_number: None,
        window_len,
        window_scale,
        max_seg_size,
        sack_permitted: true,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    lan.send_from_board(arp(PEER), Time::ZERO);
    lan.send_from_board(tcp(PEER, &open), Time::ZERO);
    let mut now = Time::from_micros(10_000);
    let mut peer_seq = None;
    while let Some(frame) = lan.take_for_board(now) {
        peer_seq = sequence(&frame).or(peer_seq);
    }
    let Some(peer_seq) = peer_seq else {
        assert_eq!(max_seg_size, Some(0), "only a SYN without sense goes unanswered");
        return;
    };
    let answer = |seq: i32, ack: i32, window_len, flags: u8| {
        let control = [TcpControl::None, TcpControl::Psh, TcpControl::Fin, TcpControl::Rst];
        tcp(
            PEER,
            &TcpRepr {
                control: control[usize::from(flags % 4)],
                seq_number: TcpSeqNumber(101) + seq.unsigned_abs() as usize % 5000,
                ack_number: Some(peer_seq + 1 + ack.unsigned_abs() as usize % 5000),
                window_len,
                window_scale: None,
                max_seg_size: None,
                sack_permitted: false,
                payload: if flags & 4 != 0 { b"out of order" } else { b"" },
                ..open
            },
        )
    };
    lan.send_from_board(answer(0, 0, window_len, 0), now);
    now += Span::from_millis(1);
    lan.advance(now);
    let connection = lan.accept(listener).unwrap();
    for &(seq, ack, window, flags) in replies {
        lan.send(connection, &[7; 3000]);
        lan.send_from_board(answer(seq, ack, window, flags), now);
        now += Span::from_millis(1);
        while lan.take_for_board(now).is_some() {}
    }
    let end = now + Span::from_secs(120);
    let mut events = 0;
    while let Some(at) = lan.deadline().filter(|at| *at <= end) {
        lan.take_for_board(at.max(lan.now()));
        events += 1;
        assert!(events < 200_000, "the LAN does not come to rest");
    }
}

/// The sequence number of a TCP segment.
fn sequence(frame: &[u8]) -> Option<TcpSeqNumber> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
    (packet.next_header() == IpProtocol::Tcp).then_some(())?;
    TcpPacket::new_checked(packet.payload()).ok().map(|segment| segment.seq_number())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise(frames in prop::collection::vec(bytes(1600), 1..8)) {
        survive(frames);
    }

    #[test]
    fn noise_in_frames(frames in prop::collection::vec((address(), ethertype(), bytes(1600)), 1..8)) {
        survive(frames.into_iter().map(|(to, kind, payload)| ethernet(to, kind, &payload)).collect());
    }

    #[test]
    fn noise_in_packets(frames in prop::collection::vec((host(), any::<u8>(), bytes(200)), 1..8)) {
        survive(frames.into_iter().map(|(to, protocol, payload)| ipv4(to, protocol.into(), &payload)).collect());
    }

    #[test]
    fn noise_in_datagrams(
        frames in prop::collection::vec((host(), prop::sample::select(vec![53, 67, PORT, 9]), bytes(400)), 1..8),
    ) {
        survive(frames.into_iter().map(|(to, port, payload)| udp(to, port, &payload)).collect());
    }

    #[test]
    fn noise_behind_dhcp_headers(options in bytes(300), mac in any::<[u8; 6]>(), broadcast in any::<bool>()) {
        let mut message = vec![0; 240];
        message[..4].copy_from_slice(&[1, 1, 6, 0]);
        message[10] = u8::from(broadcast) << 7;
        message[28..34].copy_from_slice(&mac);
        message[236..240].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        message.extend_from_slice(&options);
        survive(vec![udp(GATEWAY, 67, &message)]);
    }

    #[test]
    fn noise_behind_dns_headers(flags in any::<[u8; 2]>(), count in 0..3u8, question in bytes(300)) {
        let mut message = vec![1, 2, flags[0], flags[1], 0, count, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&question);
        survive(vec![udp(GATEWAY, 53, &message)]);
    }

    #[test]
    fn segments_without_sense(frames in prop::collection::vec(segment(), 1..16)) {
        survive(frames);
    }

    #[test]
    fn remote_hosts_without_manners(
        max_seg_size in prop::option::of(0..40u16),
        window_len in prop::sample::select(vec![0, 1, 10, 1000, u16::MAX]),
        window_scale in prop::option::of(any::<u8>()),
        replies in prop::collection::vec((any::<i32>(), any::<i32>(), any::<u16>(), any::<u8>()), 0..12),
    ) {
        dishonest(max_seg_size, window_len, window_scale, &replies);
    }
}

#[test]
fn clients_without_end_exhaust_the_leases_and_nothing_else() {
    let mut lan = Lan::new(LanConfig::default()).unwrap();
    let mut now = Time::ZERO;
    let mut offers = 0;
    for client in 0..300u16 {
        let mut message = vec![0; 240];
        message[..4].copy_from_slice(&[1, 1, 6, 0]);
        let [high, low] = client.to_be_bytes();
        message[28..34].copy_from_slice(&[2, 0, 0, 1, high, low]);
        message[236..240].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        message.extend_from_slice(&[53, 1, 1, 255]);
        lan.send_from_board(udp(GATEWAY, 67, &message), now);
        now += Span::from_millis(1);
        while lan.take_for_board(now).is_some() {
            offers += 1;
        }
    }
    assert_eq!(offers, 100);
}
