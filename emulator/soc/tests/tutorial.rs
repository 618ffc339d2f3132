//! The tutorial's firmware on the machine: all ways to execute it have one trace.

mod agreement;
mod tutorial_board;

use std::net::SocketAddrV4;

use espalier_core::Span;
use espalier_soc::Machine;

const PORT: u16 = 5001;

/// From power-on through the bootloader to a server that listens and a client that connects, with all that the display shows.
fn session(mut machine: Machine, instructions: u64, expected: &str) {
    machine.lan_mut().listen(PORT).unwrap();
    let peer = SocketAddrV4::new(machine.lan().config().peer, PORT);
    let client = format!("client {} {PORT}\r\n", peer.ip());
    let input: Vec<_> = [client.as_str(), "hello over there\r\n", "a line of some length, to be drawn\r\n"]
        .iter()
        .cycle()
        .take(12)
        .zip(1..)
        .map(|(line, count)| (Span::from_millis(800 * count), line.as_bytes().to_vec()))
        .collect();
    agreement::agree(&machine, &input, instructions, expected);
}

#[test]
fn single_steps_are_the_oracle_of_the_tutorials_start() {
    session(tutorial_board::board(), 5_000_000, "boot");
}

#[test]
fn single_steps_are_the_oracle_of_a_start_from_encrypted_flash() {
    session(tutorial_board::encrypted_board(), 5_000_000, "boot");
}

#[test]
#[ignore = "a minute; run it after a change to how code is executed"]
fn single_steps_are_the_oracle_of_a_long_session_of_the_tutorial() {
    session(tutorial_board::board(), 100_000_000, "@event connected");
}
