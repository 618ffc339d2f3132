//! The tutorial's server against peers in memory.

use crate::common::Bench;
use smoltcp::iface::SocketHandle;

fn listening() -> Bench {
    let mut bench = Bench::ready();
    bench.type_line("server 5001");
    bench.expect("@event listening 10.0.2.100:5001");
    bench
}

fn exchange(bench: &mut Bench, socket: SocketHandle, text: &str) {
    bench.peer.send(socket, text.as_bytes());
    bench.expect("@event received ");
    bench.run(20);
    assert_eq!(bench.peer.received(socket), text.as_bytes(), "the echo");
}

#[test]
fn shows_its_address_and_what_clients_send() {
    let mut bench = listening();
    bench.assert_golden("server-accepting");
    let socket = bench.peer.connect(5001);
    bench.expect("@event accepted 10.0.2.2:");
    bench.assert_golden("server-accepting");
    exchange(&mut bench, socket, "Hello, server!");
    bench.assert_golden("server-received");
    exchange(&mut bench, socket, "你好,服务器");
    bench.assert_golden("server-received-chinese");
    exchange(&mut bench, socket, "This text is longer than one row of the OLED");
    bench.assert_golden("server-received-long");
}

#[test]
fn serves_one_client_after_another() {
    let mut bench = listening();
    for round in ["first", "second", "third"] {
        let socket = bench.peer.connect(5001);
        bench.expect("@event accepted 10.0.2.2:");
        exchange(&mut bench, socket, round);
        bench.peer.socket(socket).close();
        bench.expect("@event closed 10.0.2.2:");
    }
    bench.type_line("status");
    assert!(bench.expect("@status ").contains("state=accepting"));
}

#[test]
fn clients_wait_in_the_backlog_until_it_is_their_turn() {
    let mut bench = listening();
    let first = bench.peer.connect(5001);
    bench.expect("@event accepted 10.0.2.2:40001");
    let second = bench.peer.connect(5001);
    bench.run(20);
    let third = bench.peer.connect(5001);
    bench.run(20);
    bench.peer.send(second, b"second");
    bench.peer.send(third, b"third");
    exchange(&mut bench, first, "first");
    assert!(bench.peer.received(second).is_empty(), "served before its turn");
    bench.peer.socket(first).close();
    bench.expect("@event accepted 10.0.2.2:40002");
    bench.peer.socket(second).close();
    bench.expect("@event accepted 10.0.2.2:40003");
    bench.run(20);
    assert_eq!((bench.peer.received(second), bench.peer.received(third)), (b"second".to_vec(), b"third".to_vec()));
}

#[test]
fn a_client_that_vanishes_makes_room_for_the_next() {
    let mut bench = listening();
    bench.peer.connect(5001);
    bench.expect("@event accepted 10.0.2.2:");
    bench.cable.set_deaf(true);
    bench.expect("@event silent 10.0.2.2:");
    bench.assert_golden("server-silent");
    bench.cable.set_deaf(false);
    let socket = bench.peer.connect(5001);
    bench.expect("@event accepted 10.0.2.2:");
    exchange(&mut bench, socket, "next");
}

#[test]
fn the_port_can_be_taken_again_at_once() {
    let mut bench = listening();
    let socket = bench.peer.connect(5001);
    bench.expect("@event accepted 10.0.2.2:");
    bench.type_line("server 5001");
    bench.expect("@event stopped");
    bench.expect("@event listening 10.0.2.100:5001");
    bench.run(100);
    assert!(!bench.peer.socket(socket).may_recv());
    let socket = bench.peer.connect(5001);
    bench.expect("@event accepted 10.0.2.2:");
    exchange(&mut bench, socket, "again");
}
