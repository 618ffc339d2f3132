//! The "board" is a socket of the standard library.

use std::io::{ErrorKind as Io, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Routes, Sockets};
use crate::driver::{ConnectionId, Link, ListenerId};

const PORT: u16 = 5001;

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Looks until it is there.
fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A board that has connected to the peer's port, by way of a port of the host.
fn connected() -> (Sockets, ListenerId, ConnectionId, TcpStream) {
    let at = free();
    let routes = Routes { listen: [(PORT, at)].into(), ..Routes::default() };
    let mut sockets = Sockets::default();
    let listener = sockets.listen(PORT, &routes).unwrap();
    let board = TcpStream::connect(at).unwrap();
    let (connection, from) = wait(|| sockets.accept(listener));
    assert_eq!(SocketAddr::V4(from), board.local_addr().unwrap());
    (sockets, listener, connection, board)
}

#[test]
fn bytes_go_both_ways_until_both_have_finished() {
    let (mut sockets, _, connection, mut board) = connected();
    board.write_all(b"hello").unwrap();
    assert_eq!(wait(|| Some(sockets.receive(connection)).filter(|bytes| !bytes.is_empty())), b"hello");
    assert_eq!(sockets.link(connection), Link::Open);
    board.shutdown(Shutdown::Write).unwrap();
    wait(|| {
        assert_eq!(sockets.receive(connection), b"");
        (sockets.link(connection) == Link::Finished).then_some(())
    });
    assert_eq!(sockets.send(connection, b"bye"), 3);
    sockets.finish(connection);
    let mut heard = String::new();
    board.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "bye");
}

#[test]
fn an_abort_is_a_reset_at_the_other_end() {
    let (mut sockets, _, connection, mut board) = connected();
    sockets.abort(connection);
    let heard = board.read(&mut [0; 1]);
    assert_eq!(heard.unwrap_err().kind(), Io::ConnectionReset);
    assert_eq!((sockets.link(connection), sockets.send(connection, b"x")), (Link::Reset, 0));
}

#[test]
fn a_reset_by_the_board_is_seen() {
    let (mut sockets, _, connection, board) = connected();
    socket2::SockRef::from(&board).set_linger(Some(Duration::ZERO)).unwrap();
    drop(board);
    wait(|| {
        sockets.receive(connection);
        (sockets.link(connection) == Link::Reset).then_some(())
    });
}

#[test]
fn a_board_that_does_not_read_holds_the_peer_back() {
    let (mut sockets, _, connection, mut board) = connected();
    let mut sent = 0;
    while sent < 64 << 20 {
        match sockets.send(connection, &[0x55; 1 << 16]) {
            0 => break,
            length => sent += length,
        }
    }
    assert!(sent < 64 << 20, "a buffer without a bound");
    let mut heard = vec![0; sent];
    board.read_exact(&mut heard).unwrap();
    assert!(wait(|| Some(sockets.send(connection, b"more")).filter(|length| *length > 0)) > 0);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let routes = Routes { listen: [(PORT, at)].into(), ..Routes::default() };
    let error = Sockets::default().listen(PORT, &routes).unwrap_err().to_string();
    let expected = format!("the peer cannot listen on port 5001: another program on this computer listens on {at}");
    assert_eq!(error, expected);
    // One that was closed is free again.
    let (mut sockets, listener, ..) = connected();
    let at = sockets.listeners[listener.0 as usize].as_ref().unwrap().local_addr().unwrap();
    sockets.close_listener(listener);
    assert!(sockets.listen(PORT, &Routes { listen: [(PORT, at)].into(), ..Routes::default() }).is_ok());
}

#[test]
fn connections_to_the_board_stand_or_are_refused() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let board = SocketAddrV4::new(Ipv4Addr::new(192, 168, 4, 100), PORT);
    let there = Routes { reach: [(PORT, listener.local_addr().unwrap())].into(), ..Routes::default() };
    let nowhere = Routes { reach: [(PORT, free())].into(), ..Routes::default() };
    for (routes, end) in [(there, Link::Open), (nowhere, Link::Refused)] {
        let mut sockets = Sockets::default();
        let connection = sockets.connect(board, &routes).unwrap();
        wait(|| {
            sockets.progress();
            (sockets.link(connection) == end).then_some(())
        });
    }
}

#[test]
fn the_peers_address_is_what_was_said_or_what_the_routing_table_says() {
    let said = Ipv4Addr::new(192, 168, 4, 2);
    assert_eq!(Routes { peer: Some(said), ..Routes::default() }.peer_address(None), said);
    assert_eq!(Routes::default().peer_address(Some(Ipv4Addr::LOCALHOST)), Ipv4Addr::LOCALHOST);
}
