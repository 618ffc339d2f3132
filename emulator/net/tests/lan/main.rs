//! The LAN against a board that is smoltcp.

mod common;
mod hostile;

use std::net::{Ipv4Addr, SocketAddrV4};

use common::{Board, GATEWAY, MAC, PEER, STATIC};
use espalier_core::{Span, Time};
use espalier_net::{ConnState, ConnectionId, FaultConfig, Faults, Lan, LanConfig, LanError, PingState};
use smoltcp::socket::tcp;

const PORT: u16 = 5001;
const SECOND: Span = Span::from_secs(1);

fn lan() -> Lan {
    Lan::new(LanConfig::default()).unwrap()
}

fn board() -> Board {
    Board::new(lan())
}

fn read_all(lan: &mut Lan, connection: ConnectionId) -> Vec<u8> {
    let mut bytes = vec![0; 100_000];
    let count = lan.receive(connection, &mut bytes);
    bytes.truncate(count);
    bytes
}

/// The board is the client: connected, and accepted by the peer.
fn accepted(board: &mut Board) -> (smoltcp::iface::SocketHandle, ConnectionId) {
    let listener = board.lan.listen(PORT).unwrap();
    let socket = board.connect(SocketAddrV4::new(PEER, PORT), 50_000);
    let mut connection = None;
    board.run_until(SECOND, |board| {
        connection = board.lan.accept(listener);
        connection.is_some()
    });
    (socket, connection.unwrap())
}

#[test]
fn dhcp_gives_address_router_and_dns_server() {
    let mut board = Board::without_address(lan());
    assert_eq!(board.lan.address_of(MAC), None);
    let first = Ipv4Addr::new(10, 0, 2, 100);
    assert_eq!(board.dhcp(), (first, Some(GATEWAY), vec![GATEWAY]));
    assert_eq!((board.lan.address_of(MAC), board.lan.board_address()), (Some(first), Some(first)));
    // The same board gets the same address again.
    let mut again = Board::without_address(board.lan);
    assert_eq!(again.dhcp().0, first);
}

#[test]
fn dns_knows_the_lan_and_nothing_else() {
    let mut board = board();
    assert_eq!(board.resolve("peer.lan"), Some(PEER));
    assert_eq!(board.resolve("GATEWAY.lan"), Some(GATEWAY));
    assert_eq!(board.resolve("example.com"), None);
    board.lan.set_name("Example.com", PEER);
    assert_eq!(board.resolve("example.com"), Some(PEER));
}

#[test]
fn board_as_client_echo_and_close() {
    let mut board = board();
    let (socket, connection) = accepted(&mut board);
    assert_eq!(board.lan.state(connection), ConnState::Open);
    board.tcp(socket).send_slice(b"hello").unwrap();
    board.run_until(SECOND, |board| board.lan.available(connection) == 5);
    assert_eq!(read_all(&mut board.lan, connection), b"hello");
    assert_eq!(board.lan.send(connection, b"hello yourself"), 14);
    board.run_until(SECOND, |board| board.tcp(socket).can_recv());
    assert_eq!(board.received(socket), b"hello yourself");
    board.tcp(socket).close();
    board.run_until(SECOND, |board| board.lan.state(connection) == ConnState::RemoteClosed);
    board.lan.shutdown(connection);
    assert_eq!(board.lan.state(connection), ConnState::Closing);
    board.run_until(SECOND, |board| board.lan.state(connection) == ConnState::Closed);
}

#[test]
fn board_as_server_echo_and_close_by_peer() {
    let mut board = board();
    let socket = board.listen(PORT);
    let connection = board.lan.connect(SocketAddrV4::new(STATIC, PORT)).unwrap();
    assert_eq!(board.lan.state(connection), ConnState::Connecting);
    board.run_until(SECOND, |board| board.lan.state(connection) == ConnState::Open);
    board.lan.send(connection, "你好".as_bytes());
    board.lan.shutdown(connection);
    board.run_until(SECOND, |board| board.tcp(socket).state() == tcp::State::CloseWait);
    assert_eq!(board.received(socket), "你好".as_bytes());
    assert_eq!(board.lan.state(connection), ConnState::LocalClosed);
    board.tcp(socket).send_slice(b"bye").unwrap();
    board.tcp(socket).close();
    board.run_until(SECOND, |board| board.lan.state(connection) == ConnState::Closed);
    assert_eq!(read_all(&mut board.lan, connection), b"bye");
}

#[test]
fn refusal_reset_and_silence_are_different_things() {
    let mut board = board();
    let target = SocketAddrV4::new(STATIC, PORT);
    let refused = board.lan.connect(target).unwrap();
    board.run_until(SECOND, |board| board.lan.state(refused).is_final());
    assert_eq!(board.lan.state(refused), ConnState::Refused);

    let socket = board.listen(PORT);
    let reset = board.lan.connect(target).unwrap();
    board.run_until(SECOND, |board| board.lan.state(reset) == ConnState::Open);
    board.tcp(socket).abort();
    board.run_until(SECOND, |board| board.lan.state(reset).is_final());
    assert_eq!(board.lan.state(reset), ConnState::Reset);

    let socket = board.listen(PORT);
    let lost = board.lan.connect(target).unwrap();
    board.run_until(SECOND, |board| board.lan.state(lost) == ConnState::Open);
    board.lan.set_faults(FaultConfig::cut()).unwrap();
    board.lan.send(lost, b"hello?");
    let sent = board.now;
    board.run_until(SECOND * 60, |board| board.lan.state(lost).is_final());
    assert_eq!((board.lan.state(lost), board.now.since(sent)), (ConnState::TimedOut, SECOND * 30));
    assert!(board.received(socket).is_empty());

    let absent = board.lan.connect(SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 77), 1)).unwrap();
    board.run_until(SECOND * 60, |board| board.lan.state(absent).is_final());
    assert_eq!(board.lan.state(absent), ConnState::TimedOut);
    board.run_for(SECOND * 60);
    assert_eq!(board.lan.deadline(), None, "the LAN comes to rest");
}

#[test]
fn idle_connections_stay() {
    let mut board = board();
    let (_, connection) = accepted(&mut board);
    board.run_for(SECOND * 3600);
    assert_eq!(board.lan.state(connection), ConnState::Open);
    board.lan.send(connection, b"still there?");
    board.run_for(SECOND);
    assert_eq!(board.lan.state(connection), ConnState::Open);
}

#[test]
fn closed_ports_of_peer_and_gateway_refuse_the_board() {
    let mut board = board();
    for (index, host) in [PEER, GATEWAY].into_iter().enumerate() {
        let socket = board.connect(SocketAddrV4::new(host, 81), 40_000 + index as u16);
        board.run_until(SECOND * 3, |board| board.tcp(socket).state() == tcp::State::Closed);
    }
}

#[test]
fn vanished_peer_is_silence_until_it_reappears() {
    let mut board = board();
    let (socket, connection) = accepted(&mut board);
    board.lan.vanish(PEER).unwrap();
    board.tcp(socket).send_slice(b"are you there").unwrap();
    let before = board.frames.len();
    board.run_for(SECOND * 5);
    assert!(board.frames[before..].iter().all(|(_, frame)| frame[6..12] == MAC));
    assert_eq!(board.lan.available(connection), 0);
    board.lan.reappear(PEER);
    board.run_until(SECOND * 20, |board| board.lan.available(connection) == 13);
    assert_eq!(board.lan.vanish(STATIC), Err(LanError::NotOnLan { address: STATIC }));
}

#[test]
fn backlog_holds_connections_and_asks_the_rest_to_wait() {
    let mut board = board();
    let listener = board.lan.listen_on(SocketAddrV4::new(PEER, PORT), 2).unwrap();
    let sockets: Vec<_> = (0..3).map(|n| board.connect(SocketAddrV4::new(PEER, PORT), 50_000 + n)).collect();
    board.run_for(Span::from_millis(500));
    let states = |board: &mut Board| sockets.iter().map(|&s| board.tcp(s).state()).collect::<Vec<_>>();
    assert_eq!(states(&mut board), [tcp::State::Established, tcp::State::Established, tcp::State::SynSent]);
    assert!(board.lan.accept(listener).is_some());
    board.run_for(SECOND * 3);
    assert_eq!(states(&mut board)[2], tcp::State::Established);
    assert!(board.lan.accept(listener).is_some() && board.lan.accept(listener).is_some());
    assert!(board.lan.accept(listener).is_none());
    board.lan.close_listener(listener);
    let late = board.connect(SocketAddrV4::new(PEER, PORT), 50_010);
    board.run_until(SECOND, |board| board.tcp(late).state() == tcp::State::Closed);
}

#[test]
fn ports_and_addresses_are_checked() {
    let mut lan = lan();
    lan.listen(PORT).unwrap();
    assert_eq!(lan.listen(PORT), Err(LanError::PortInUse { host: PEER, port: PORT }));
    assert_eq!(lan.listen(0), Err(LanError::PortZero));
    let leased = Ipv4Addr::new(10, 0, 2, 100);
    assert_eq!(lan.add_host(leased), Err(LanError::AddressTaken { address: leased }));
    let outside = Ipv4Addr::new(8, 8, 8, 8);
    assert_eq!(lan.connect(SocketAddrV4::new(outside, 53)), Err(LanError::NotOnLan { address: outside }));
    lan.listen_on(SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 3), PORT), 1).unwrap();
    let udp = lan.udp_bind(PORT).unwrap();
    assert_eq!(lan.udp_bind(PORT), Err(LanError::PortInUse { host: PEER, port: PORT }));
    let socket = lan.udp_bind(0).unwrap();
    let udp_only = lan.udp_address(socket).unwrap().port();
    lan.listen(udp_only).unwrap();
    lan.udp_close(udp);
    lan.udp_bind(PORT).unwrap();
    let bad = LanConfig { prefix_len: 31, ..LanConfig::default() };
    assert_eq!(Lan::new(bad).err(), Some(LanError::PrefixLength { bits: 31 }));
}

#[test]
fn datagrams_go_both_ways() {
    let mut board = board();
    let socket = board.udp(7000);
    let peer = board.lan.udp_bind(7001).unwrap();
    assert!(board.lan.udp_send(peer, SocketAddrV4::new(STATIC, 7000), b"ping").unwrap());
    board.run_until(SECOND, |board| board.udp_socket(socket).can_recv());
    let (bytes, from) = board.udp_socket(socket).recv().map(|(bytes, meta)| (bytes.to_vec(), meta.endpoint)).unwrap();
    assert_eq!(bytes, b"ping");
    board.udp_socket(socket).send_slice(b"pong", from).unwrap();
    board.run_for(Span::from_millis(100));
    assert_eq!(board.lan.udp_receive(peer), Some((SocketAddrV4::new(STATIC, 7000), b"pong".to_vec())));
    assert!(board.lan.udp_send(peer, SocketAddrV4::new(STATIC, 7000), &[0; 1473]).is_err());
}

#[test]
fn pings_are_answered_or_time_out() {
    let mut board = board();
    let there = board.lan.ping(STATIC).unwrap();
    let gateway = board.lan.ping(GATEWAY).unwrap();
    let absent = board.lan.ping(Ipv4Addr::new(10, 0, 2, 99)).unwrap();
    board.run_for(SECOND * 31);
    let states = [there, gateway, absent].map(|ping| board.lan.ping_state(ping));
    assert!(matches!(states[0], PingState::Answered(span) if span < Span::from_millis(2)), "{states:?}");
    assert!(matches!(states[1], PingState::Answered(_)), "{states:?}");
    assert_eq!(states[2], PingState::TimedOut);
}

#[test]
fn tcp_delivers_through_loss_duplication_reordering_and_corruption() {
    let config = LanConfig { seed: 11, ..LanConfig::default() };
    let mut board = Board::new(Lan::new(config).unwrap());
    let (socket, connection) = accepted(&mut board);
    let faults = Faults {
        loss: 0.05,
        duplication: 0.05,
        corruption: 0.02,
        reordering: 0.1,
        jitter: Span::from_millis(2),
        ..Faults::default()
    };
    board.lan.set_faults(FaultConfig::both(faults)).unwrap();
    let data: Vec<u8> = (0..40_000u32).map(|n| (n * 7 / 3) as u8).collect();
    let (mut up, mut down) = (0, 0);
    let (mut at_peer, mut at_board) = (Vec::new(), Vec::new());
    board.run_until(SECOND * 600, |board| {
        up += board.tcp(socket).send_slice(&data[up..]).unwrap();
        down += board.lan.send(connection, &data[down..]);
        at_peer.extend(read_all(&mut board.lan, connection));
        at_board.extend(board.received(socket));
        at_peer.len() == data.len() && at_board.len() == data.len()
    });
    assert!(at_peer == data && at_board == data);
}

#[test]
fn unread_bytes_close_the_window_and_reading_opens_it() {
    let mut board = board();
    let (socket, connection) = accepted(&mut board);
    let data: Vec<u8> = (0..200_000u32).map(|n| (n / 3) as u8).collect();
    let mut sent = 0;
    let end = board.now + SECOND * 2;
    board.run_until(SECOND * 3, |board| {
        sent += board.tcp(socket).send_slice(&data[sent..]).unwrap();
        board.now >= end
    });
    assert!(sent < 100_000, "{sent} bytes went to a peer that does not read");
    let mut got = Vec::new();
    board.run_until(SECOND * 60, |board| {
        sent += board.tcp(socket).send_slice(&data[sent..]).unwrap();
        got.extend(read_all(&mut board.lan, connection));
        got.len() == data.len()
    });
    assert!(got == data);
}

/// The peer's part of a conversation: it says what number `count` is, and repeats what it hears.
fn speak(lan: &mut Lan, connection: ConnectionId, count: u32) {
    lan.send(connection, &count.to_be_bytes());
    let bytes = read_all(lan, connection);
    lan.send(connection, &bytes);
}

/// Board and peer talk for a while. Returns when the peer spoke.
fn talk(board: &mut Board, socket: smoltcp::iface::SocketHandle, connection: ConnectionId, span: Span) -> Vec<Time> {
    let end = board.now + span;
    let mut times = Vec::new();
    board.run_until(span + SECOND, |board| {
        let count = times.len() as u32;
        times.push(board.now);
        if count.is_multiple_of(3) {
            let _ = board.tcp(socket).send_slice(&count.to_le_bytes());
        }
        speak(&mut board.lan, connection, count);
        board.received(socket);
        board.now >= end
    });
    times
}

fn bad_cable() -> FaultConfig {
    FaultConfig::both(Faults { loss: 0.1, reordering: 0.1, jitter: Span::from_millis(1), ..Faults::default() })
}

#[test]
fn same_seed_same_frames_and_another_seed_others() {
    let run = |seed| {
        let mut board = Board::new(Lan::new(LanConfig { seed, ..LanConfig::default() }).unwrap());
        board.lan.set_faults(bad_cable()).unwrap();
        let (socket, connection) = accepted_within(&mut board, SECOND * 20);
        talk(&mut board, socket, connection, Span::from_millis(200));
        board.frames
    };
    assert!(run(5) == run(5));
    assert!(run(5) != run(6));
}

fn accepted_within(board: &mut Board, limit: Span) -> (smoltcp::iface::SocketHandle, ConnectionId) {
    let listener = board.lan.listen(PORT).unwrap();
    let socket = board.connect(SocketAddrV4::new(PEER, PORT), 50_000);
    let mut connection = None;
    board.run_until(limit, |board| {
        connection = board.lan.accept(listener);
        connection.is_some()
    });
    (socket, connection.unwrap())
}

#[test]
fn clone_in_the_middle_of_a_connection_goes_on_alike() {
    for before in [0, 1, 7, 300, 3000].map(Span::from_millis) {
        clone_goes_on_alike(before);
    }
}

fn clone_goes_on_alike(before: Span) {
    let mut board = board();
    let (socket, connection) = accepted(&mut board);
    board.lan.set_faults(bad_cable()).unwrap();
    talk(&mut board, socket, connection, before);
    let mut clone = board.lan.clone();
    board.frames.clear();
    let times = talk(&mut board, socket, connection, Span::from_secs(3));
    assert!(board.frames.len() > 100);

    let mut recorded = board.frames.iter().peekable();
    for (count, now) in times.into_iter().enumerate() {
        while let Some((at, frame)) = recorded.next_if(|(at, _)| *at == now) {
            if frame[6..12] == MAC {
                clone.send_from_board(frame.clone(), *at);
            } else {
                assert_eq!(clone.take_for_board(*at).as_deref(), Some(frame), "at {at}");
            }
        }
        assert_eq!(clone.take_for_board(now), None);
        speak(&mut clone, connection, count as u32);
    }
    assert_eq!(recorded.next(), None);
    let read = |lan: &mut Lan| (read_all(lan, connection), lan.state(connection));
    assert_eq!(read(&mut board.lan), read(&mut clone));
    // From here neither end answers: both give up at the same time and send the same frames until then.
    let mut again = clone.clone().clone();
    let end = board.now + SECOND * 60;
    let silence = |lan: &mut Lan| {
        let mut frames = Vec::new();
        while let Some(now) = lan.deadline().filter(|at| *at < end) {
            frames.extend(lan.take_for_board(now.max(lan.now())).map(|frame| (now, frame)));
        }
        (frames, lan.state(connection))
    };
    let expected = silence(&mut board.lan);
    assert_eq!((expected.0.is_empty(), expected.1), (false, ConnState::TimedOut));
    assert!(silence(&mut clone) == expected && silence(&mut again) == expected);
}

#[test]
fn many_connections_one_after_the_other() {
    let mut board = board();
    let listener = board.lan.listen(PORT).unwrap();
    for n in 0..100 {
        let socket = board.connect(SocketAddrV4::new(PEER, PORT), 50_000 + n);
        let mut connection = None;
        board.run_until(SECOND * 2, |board| {
            connection = board.lan.accept(listener);
            connection.is_some()
        });
        let connection = connection.unwrap();
        board.lan.send(connection, b"one of many");
        board.lan.shutdown(connection);
        board.run_until(SECOND, |board| board.tcp(socket).state() == tcp::State::CloseWait);
        assert_eq!(board.received(socket), b"one of many");
        board.tcp(socket).close();
        // Long enough for TIME-WAIT to end.
        board.run_for(SECOND * 12);
        assert_eq!(board.lan.state(connection), ConnState::Closed);
    }
}

#[test]
fn capture_holds_what_went_over_the_port() {
    let mut board = board();
    board.lan.start_capture(1 << 20);
    let (socket, connection) = accepted(&mut board);
    board.tcp(socket).send_slice(b"captured").unwrap();
    board.run_until(SECOND, |board| board.lan.available(connection) == 8);
    let file = board.lan.capture();
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(20)), (0xA1B2_3C4D, 1));
    let (mut at, mut packets, mut stamps) = (24, Vec::new(), Vec::new());
    while at < file.len() {
        let length = word(at + 8) as usize;
        stamps.push((word(at), word(at + 4)));
        packets.push(file[at + 16..at + 16 + length].to_vec());
        at += 16 + length;
    }
    assert_eq!(packets, board.frames.iter().map(|(_, frame)| frame.clone()).collect::<Vec<_>>());
    assert!(stamps.is_sorted());
}

fn is_send<T: Send + Clone>() {}

#[test]
fn lan_can_move_to_another_thread() {
    is_send::<Lan>();
}

/// Two LANs, the board at one of them: what it sends and hears is the other one's.
#[test]
fn a_cable_that_leads_outside_joins_the_board_to_another_lan() {
    let mut inner = lan();
    inner.lead_outside();
    let (mut board, mut outer) = (Board::new(inner), lan());
    // The peer of the board's own LAN has the same address, and would refuse.
    let listener = outer.listen(PORT).unwrap();
    let socket = board.connect(SocketAddrV4::new(PEER, PORT), 50_000);
    // The board is not woken for frames of the other LAN.
    board.run_until(SECOND * 20, |board| {
        let now = board.lan.now();
        while let Some(frame) = board.lan.take_for_outside() {
            outer.send_from_board(frame, now);
        }
        while let Some(frame) = outer.take_for_board(now) {
            board.lan.send_from_outside(frame);
        }
        outer.accept(listener).is_some()
    });
    assert_eq!(board.tcp(socket).state(), tcp::State::Established);
}

/// A lease, a connection over a bad line in both directions, datagrams and a ping: in the middle of all of them, a LAN out of a
/// snapshot goes on as the one that was saved.
#[test]
fn a_lan_that_is_saved_and_loaded_goes_on_as_if_it_were_not() {
    let run = |reloads: bool| {
        let mut board = Board::without_address(lan());
        board.reloads = reloads;
        let (address, ..) = board.dhcp();
        let bad = Faults { loss: 0.1, duplication: 0.1, jitter: Span::from_millis(2), ..Faults::default() };
        let (socket, connection) = accepted(&mut board);
        board.lan.set_faults(FaultConfig::both(bad)).unwrap();
        let datagrams = board.lan.udp_bind(0).unwrap();
        let ping = board.lan.ping(address).unwrap();
        board.lan.udp_send(datagrams, SocketAddrV4::new(address, 9), b"discarded").unwrap();
        board.tcp(socket).send_slice(&[1; 4000]).unwrap();
        let mut sent = board.lan.send(connection, &[2; 6000]);
        let (mut received, mut answered) = (0, 0);
        board.run_until(Span::from_secs(60), |board| {
            sent += board.lan.send(connection, &[2; 6000][sent..]);
            received += read_all(&mut board.lan, connection).len();
            answered += board.received(socket).len();
            (received, answered) == (4000, 6000) && board.lan.ping_state(ping) != PingState::Waiting
        });
        board.frames
    };
    assert!(run(true) == run(false));
}

/// A frame between two boards: Ethernet header and a payload of no known protocol.
fn frame(from: [u8; 6], to: [u8; 6]) -> Vec<u8> {
    [&to[..], &from, &[0x88, 0xB5], &[0; 46]].concat()
}

#[test]
fn boards_on_cables_of_one_switch_reach_each_other() {
    const OTHER: [u8; 6] = [0x24, 0x0A, 0xC4, 0, 0, 5];
    const THIRD: [u8; 6] = [0x24, 0x0A, 0xC4, 0, 0, 9];
    let mut lan = lan();
    assert_eq!((lan.add_cable(), lan.add_cable()), (1, 2));
    let mut now = Time::ZERO;
    let mut carry = |lan: &mut Lan, from: usize, bytes: Vec<u8>| {
        lan.send_from_cable(from, bytes, now);
        now += Span::from_millis(1);
        [0, 1, 2].map(|cable| std::iter::from_fn(|| lan.take_for_cable(cable, now)).count())
    };
    assert_eq!(carry(&mut lan, 0, frame(MAC, [0xFF; 6])), [0, 1, 1], "to all but its sender");
    assert_eq!(carry(&mut lan, 1, frame(OTHER, MAC)), [1, 0, 0], "the switch knows where that one is");
    assert_eq!(carry(&mut lan, 2, frame(THIRD, OTHER)), [0, 1, 0]);
    lan.set_cable_cut(1, true).unwrap();
    assert_eq!([0, 1, 2, 3].map(|cable| lan.is_cable_cut(cable)), [false, true, false, true]);
    assert_eq!(carry(&mut lan, 0, frame(MAC, OTHER)), [0, 0, 0]);
    assert_eq!(carry(&mut lan, 0, frame(MAC, THIRD)), [0, 0, 1]);
    let error = lan.set_faults_of(3, FaultConfig::default()).unwrap_err();
    assert_eq!(error.to_string(), "cable 3 is none of the 3 that are plugged in");
    assert_eq!(lan.set_cable_cut(3, true).unwrap_err().to_string(), error.to_string());
    lan.set_cable_cut(1, false).unwrap();
    assert_eq!(carry(&mut lan, 0, frame(MAC, OTHER)), [0, 1, 0]);
}

#[test]
fn expected_clients_get_their_addresses_in_any_order() {
    let mut lan = lan();
    lan.expect_client([0x24, 0x0A, 0xC4, 0, 0, 5]);
    lan.expect_client(MAC);
    let mut board = Board::without_address(lan);
    assert_eq!(board.dhcp().0, Ipv4Addr::new(10, 0, 2, 101));
}
