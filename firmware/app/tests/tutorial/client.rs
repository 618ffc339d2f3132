//! The tutorial's client against a peer in memory.

use crate::common::Bench;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;

const GREETING: &[u8] = b"hello mPython,I am TCP Client";
const CHINESE: &str = "你好,掌控板!";

fn connected() -> (Bench, SocketHandle) {
    let mut bench = Bench::ready();
    let socket = bench.peer.listen(5001);
    bench.type_line("client 10.0.2.2 5001");
    bench.expect("@event connected 10.0.2.2:5001");
    bench.run(20);
    assert_eq!(bench.peer.received(socket), GREETING);
    (bench, socket)
}

fn receive(bench: &mut Bench, socket: SocketHandle, bytes: &[u8]) {
    bench.peer.send(socket, bytes);
    bench.expect("@event received ");
    bench.run(20);
    assert_eq!(bench.peer.received(socket), bytes, "the echo");
}

#[test]
fn greets_shows_and_echoes() {
    let (mut bench, socket) = connected();
    bench.assert_golden("client-connected");
    receive(&mut bench, socket, b"Hello, OLED!");
    bench.assert_golden("client-received-ascii");
    receive(&mut bench, socket, CHINESE.as_bytes());
    bench.assert_golden("client-received-chinese");
    bench.type_line("status");
    assert_eq!(
        bench.expect("@status "),
        "@status role=client state=connected link=up address=10.0.2.100/24 peer=10.0.2.2:5001 messages=2 \
         received=29 sent=58 cut=no"
    );
}

#[test]
fn says_when_a_text_does_not_fit() {
    let (mut bench, socket) = connected();
    let text = "The quick brown fox jumps over the lazy dog. 敏捷的棕色狐狸跳过懒狗。".repeat(4);
    bench.peer.send(socket, text.as_bytes());
    assert_eq!(bench.expect("@event received "), format!("@event received {} cut utf-8", text.len()));
    bench.assert_golden("client-received-long");
    bench.type_line("status");
    assert!(bench.expect("@status ").ends_with(" cut=yes"));
}

#[test]
fn messages_have_at_most_1024_bytes_and_nothing_is_lost() {
    let (mut bench, socket) = connected();
    let text = "你".repeat(1000);
    bench.peer.send(socket, text.as_bytes());
    bench.expect("@event received 1024 cut utf-8");
    bench.run(200);
    assert_eq!(bench.peer.received(socket), text.as_bytes());
    assert!(bench.lines().iter().all(|line| !line.ends_with("malformed")));
}

#[test]
fn a_character_split_over_segments_is_put_together() {
    let (mut bench, socket) = connected();
    let (first, second) = CHINESE.as_bytes().split_at(4);
    receive(&mut bench, socket, first);
    receive(&mut bench, socket, second);
    bench.assert_golden("client-received-chinese");
}

#[test]
fn what_the_font_or_utf8_does_not_have_is_a_box() {
    let (mut bench, socket) = connected();
    bench.peer.send(socket, b"tree \xF0\x9F\x8C\xB2\nbad \xFF\xFE\ntab\there");
    bench.expect("@event received 25 shown malformed");
    bench.assert_golden("client-received-unprintable");
}

#[test]
fn line_ends_and_markers_in_a_message_stay_in_one_log_line() {
    let (mut bench, socket) = connected();
    bench.peer.send(socket, b"one\n@event link down\r\n");
    bench.expect("received: \"one\\n@event link down\\r\\n\"");
}

#[test]
fn zero_bytes_close_the_connection() {
    let (mut bench, socket) = connected();
    bench.peer.socket(socket).close();
    bench.expect("@event closed 10.0.2.2:5001");
    bench.assert_golden("client-closed");
    bench.run(100);
    assert!(matches!(bench.peer.socket(socket).state(), tcp::State::TimeWait | tcp::State::Closed));
}

#[test]
fn data_before_the_close_is_still_shown_and_echoed() {
    let (mut bench, socket) = connected();
    bench.peer.send(socket, b"bye");
    bench.peer.socket(socket).close();
    bench.expect("@event received 3 shown utf-8");
    bench.expect("@event closed 10.0.2.2:5001");
    assert_eq!(bench.peer.received(socket), b"bye");
}

#[test]
fn a_refused_connection_is_said_and_the_next_one_works() {
    let mut bench = Bench::ready();
    bench.type_line("client 10.0.2.2 5001");
    bench.expect("@event refused 10.0.2.2:5001");
    bench.assert_golden("client-refused");
    let socket = bench.peer.listen(5001);
    bench.type_line("client 10.0.2.2 5001");
    bench.expect("@event connected 10.0.2.2:5001");
    bench.run(20);
    assert_eq!(bench.peer.received(socket), GREETING);
}

#[test]
fn an_absent_peer_is_reported() {
    let mut bench = Bench::ready();
    bench.type_line("client 10.0.2.99 5001");
    bench.expect("@event connecting 10.0.2.99:5001");
    bench.assert_golden("client-connecting");
    bench.expect("@event unanswered 10.0.2.99:5001");
    bench.assert_golden("client-unanswered");
}

#[test]
fn an_absent_peer_does_not_block_others() {
    let mut bench = Bench::ready();
    bench.type_line("client 10.0.2.99 5001");
    bench.expect("@event unanswered 10.0.2.99:5001");
    bench.peer.listen(5001);
    bench.type_line("client peer.lan 5001");
    bench.expect("@event connected 10.0.2.2:5001");
}

#[test]
fn a_peer_that_resets_is_said() {
    let (mut bench, socket) = connected();
    bench.peer.socket(socket).abort();
    bench.expect("@event reset 10.0.2.2:5001");
    bench.assert_golden("client-reset");
}

#[test]
fn a_peer_that_vanishes_is_said() {
    let (mut bench, _) = connected();
    bench.cable.set_deaf(true);
    bench.expect("@event silent 10.0.2.2:5001");
    bench.assert_golden("client-silent");
}

#[test]
fn a_cable_that_was_out_for_a_moment_does_no_harm() {
    let (mut bench, socket) = connected();
    bench.cable.set_out(true);
    bench.expect("@event link down");
    bench.assert_golden("client-cable-out");
    bench.cable.set_out(false);
    bench.expect("@event link up");
    bench.assert_golden("client-connected");
    receive(&mut bench, socket, b"still here");
}

#[test]
fn names_are_resolved() {
    let mut bench = Bench::ready();
    bench.peer.listen(5001);
    bench.type_line("client peer.lan 5001");
    bench.expect("@event resolving peer.lan");
    bench.expect("@event connected 10.0.2.2:5001");
    bench.type_line("client absent.lan 5001");
    bench.expect("@event unresolved absent.lan");
    bench.assert_golden("client-unresolved");
}

#[test]
fn stop_closes_politely() {
    let (mut bench, socket) = connected();
    bench.type_line("stop");
    bench.expect("@event stopped");
    bench.run(100);
    assert_eq!(bench.peer.socket(socket).state(), tcp::State::CloseWait);
    bench.assert_golden("idle");
}
