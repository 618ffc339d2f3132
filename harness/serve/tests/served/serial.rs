//! UART0 in its forms.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use espalier_core::Time;
use espalier_serve::{ServeConfig, ServeError, Server};
use espalier_soc::Strap;
use proptest::prelude::*;

use crate::client::{Bridge, Link, PATIENCE, downloading, free, machine, wait_for_clients};

const DOWNLOADING: &[u8] = b"waiting for download";

/// esptool's classic sequence and its hard reset.
#[test]
fn dtr_and_rts_choose_between_download_and_flash_boot() {
    let server = downloading(0x10);
    let mut bridge = Bridge::connect(server.rfc2217_address().unwrap(), 115_200);
    bridge.set_lines(false, true);
    bridge.set_lines(false, false);
    let said = bridge.wait_for(b"SPI_FAST_FLASH_BOOT");
    assert!(said.windows(7).any(|window| window == b"rst:0x1"), "{}", said.escape_ascii());
    bridge.set_lines(false, true);
    bridge.set_lines(true, true);
    bridge.set_lines(true, false);
    bridge.wait_for(DOWNLOADING);
    // Lines that are at rest, or both asserted, leave the chip alone.
    bridge.set_lines(false, false);
    let heard: Vec<u8> = (0..10).flat_map(|_| bridge.hear()).collect();
    assert!(!heard.windows(4).any(|window| window == b"rst:"), "{}", heard.escape_ascii());
}

#[test]
fn a_port_has_one_client_and_serves_the_next() {
    let server = downloading(0x10);
    let address = server.serial_address().unwrap();
    for _ in 0..3 {
        let mut first = TcpStream::connect(address).unwrap();
        wait_for_clients(&server, 1);
        server.board().reset(Strap::Download).unwrap();
        first.wait_for(DOWNLOADING);
        let mut refused = String::new();
        TcpStream::connect(address).unwrap().read_to_string(&mut refused).unwrap();
        assert_eq!(refused, "espalier: the port is busy: another client is connected\r\n");
        drop(first);
        wait_for_clients(&server, 0);
    }
}

#[test]
fn two_ports_show_the_same_line() {
    let server = downloading(0x10);
    let mut socket = TcpStream::connect(server.serial_address().unwrap()).unwrap();
    let mut bridge = Bridge::connect(server.rfc2217_address().unwrap(), 115_200);
    wait_for_clients(&server, 2);
    server.board().reset(Strap::Download).unwrap();
    socket.wait_for(DOWNLOADING);
    bridge.wait_for(DOWNLOADING);
}

/// The ROM polls its UARTs while it waits for a download. Who does nothing else is idle, so a fast board comes to rest.
#[test]
fn a_board_that_only_polls_comes_to_rest_and_answers_to_typed_input() {
    let server = downloading(0x10);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let now = || runtime.block_on(server.board().status()).unwrap().now;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = now();
        std::thread::sleep(Duration::from_millis(100));
        if now() == before && before > Time::from_micros(60_000_000) {
            break;
        }
        assert!(Instant::now() < deadline, "it does not rest at {before:?}");
    }
    let mut socket = TcpStream::connect(server.serial_address().unwrap()).unwrap();
    let mut sync = vec![0xC0, 0, 8, 36, 0, 0, 0, 0, 0, 7, 7, 0x12, 0x20];
    sync.extend([0x55; 32]);
    sync.push(0xC0);
    let mut heard = Vec::new();
    while !heard.windows(3).any(|window| window == [0xC0, 1, 8]) {
        assert!(Instant::now() < deadline, "no answer in {}", heard.escape_ascii());
        socket.write_all(&sync).unwrap();
        heard.extend(socket.hear());
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind(free()).unwrap();
    let address = taken.local_addr().unwrap();
    let config = ServeConfig { rfc2217: Some(address), ..ServeConfig::default() };
    let refused = Server::start(machine(0x10, Strap::FlashBoot), &config).unwrap_err();
    assert!(matches!(&refused, ServeError::Listen { address: named, .. } if *named == address));
    assert!(refused.to_string().starts_with(&format!("RFC 2217 cannot listen on {address}: ")), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_pty_is_a_port_that_can_be_opened_again() {
    let config = ServeConfig { ptys: vec![0], ..ServeConfig::default() };
    let server = Server::start(machine(0x10, Strap::Download), &config).unwrap();
    for _ in 0..2 {
        let mut terminal = std::fs::File::options().read(true).write(true).open(server.pty_path().unwrap()).unwrap();
        wait_for_clients(&server, 1);
        server.board().reset(Strap::Download).unwrap();
        let mut said: Vec<u8> = Vec::new();
        while !said.windows(DOWNLOADING.len()).any(|window| window == DOWNLOADING) {
            let mut piece = [0; 256];
            let length = terminal.read(&mut piece).unwrap();
            said.extend(&piece[..length]);
        }
        drop(terminal);
        wait_for_clients(&server, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Telnet commands cut short, unknown options, requests without end.
    #[test]
    fn hostile_telnet_leaves_the_port_in_order(
        bytes in prop::collection::vec(prop_oneof![Just(0xFF_u8), Just(0xFA), Just(0xF0), Just(0x2C), any::<u8>()], 0..600),
    ) {
        let server = downloading(0x10);
        let address = server.rfc2217_address().unwrap();
        let mut hostile = TcpStream::connect(address).unwrap();
        hostile.write_all(&bytes).unwrap();
        hostile.hear();
        drop(hostile);
        wait_for_clients(&server, 0);
        let mut bridge = Bridge::connect(address, 115_200);
        server.board().reset(Strap::Download).unwrap();
        bridge.wait_for(DOWNLOADING);
    }
}
