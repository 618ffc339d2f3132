//! Ports that lead from the host to the board and back, with the tutorial's firmware.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use espalier_core::Span;

use espalier_serve::{GuestForward, HostForward, Pace, ServeConfig, Server};
use espalier_soc::{BoardDefinition, Machine, MachineConfig};
use espflash::flasher::{FlashData, FlashSettings, FlashSize};
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::{Chip, XtalFrequency};

use crate::client::{Link, PATIENCE, free};

pub const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.elf");
/// The tutorial's port.
const PORT: u16 = 5001;

/// The contents of the flash chip: offsets and bytes.
pub fn tutorial_parts() -> Vec<(u32, Vec<u8>)> {
    let settings = FlashSettings::new(None, Some(FlashSize::_8Mb), None);
    let data = FlashData::new(settings, 0, None, Chip::Esp32, XtalFrequency::_40Mhz);
    let elf = std::fs::read(FIRMWARE).unwrap();
    let image = IdfBootloaderFormat::new(&elf, &data, None, None, None, None).unwrap();
    image.flash_segments().map(|segment| (segment.addr, segment.data.into_owned())).collect()
}

pub fn tutorial(config: ServeConfig) -> Server {
    let board = BoardDefinition::by_name("mpython").unwrap();
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    for (offset, bytes) in tutorial_parts() {
        machine.load_flash(offset, &bytes).unwrap();
    }
    let config = ServeConfig { pace: Pace::Fast, serial: Some(free()), ..config };
    Server::start(machine, &config).unwrap()
}

fn order(server: &Server, command: &str) -> TcpStream {
    let mut console = TcpStream::connect(server.serial_address().unwrap()).unwrap();
    while !String::from_utf8_lossy(&server.board().console()).contains("@event address") {
        console.hear();
    }
    console.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    console
}

#[test]
fn a_port_of_the_host_leads_to_the_board() {
    let forward = HostForward { host: free(), board_port: PORT };
    let server = tutorial(ServeConfig { host_forwards: vec![forward], ..ServeConfig::default() });
    let address = server.host_forward_addresses()[0];
    let mut console = order(&server, "server 5001");
    console.wait_for(b"@event listening");
    for round in ["first", "你好"] {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(round.as_bytes()).unwrap();
        client.wait_for(round.as_bytes());
        drop(client);
        console.wait_for(b"@event closed");
    }
}

#[test]
fn a_port_where_the_board_does_not_listen_is_closed() {
    let forward = HostForward { host: free(), board_port: PORT };
    let server = tutorial(ServeConfig { host_forwards: vec![forward], ..ServeConfig::default() });
    let _console = order(&server, "status");
    let mut client = TcpStream::connect(server.host_forward_addresses()[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    // The board's refusal arrives as what it is, not as an orderly end.
    assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// Closes a connection with a reset.
fn reset(socket: TcpStream) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        socket.set_nonblocking(true).unwrap();
        tokio::net::TcpStream::from_std(socket).unwrap().set_zero_linger().unwrap();
    });
}

#[test]
fn the_end_of_a_host_and_its_reset_are_different_things() {
    let forward = HostForward { host: free(), board_port: PORT };
    let server = tutorial(ServeConfig { host_forwards: vec![forward], ..ServeConfig::default() });
    let address = server.host_forward_addresses()[0];
    let mut console = order(&server, "server 5001");
    console.wait_for(b"@event listening");
    for ends_by_reset in [true, false, true] {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"hello").unwrap();
        client.wait_for(b"hello");
        if ends_by_reset {
            reset(client);
            let said = console.wait_for(b"@event reset");
            assert!(!said.windows(13).any(|window| window == b"@event closed"), "{}", said.escape_ascii());
        } else {
            drop(client);
            console.wait_for(b"@event closed");
        }
    }
}

#[test]
fn an_end_after_which_the_host_still_listens_leaves_the_other_direction_open() {
    let forward = HostForward { host: free(), board_port: PORT };
    let server = tutorial(ServeConfig { host_forwards: vec![forward], ..ServeConfig::default() });
    let mut console = order(&server, "server 5001");
    console.wait_for(b"@event listening");
    let mut client = TcpStream::connect(server.host_forward_addresses()[0]).unwrap();
    client.write_all(b"last words").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"last words", "the echo, and an orderly end");
}

fn board_time(server: &Server) -> espalier_core::Time {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(server.board().status()).unwrap().now
}

/// However long the host takes: the board's time-outs are not over before their time.
#[test]
fn a_fast_board_does_not_run_ahead_of_a_host_that_owes_it_an_answer() {
    let listener = TcpListener::bind(free()).unwrap();
    let forward = GuestForward { peer_port: PORT, host: listener.local_addr().unwrap() };
    let server = tutorial(ServeConfig { guest_forwards: vec![forward], ..ServeConfig::default() });
    let mut console = order(&server, "client peer.lan 5001");
    let (mut client, _) = listener.accept().unwrap();
    client.wait_for(b"hello mPython,I am TCP Client");
    let (host, board) = (Instant::now(), board_time(&server));
    // Longer than a client of the serial line would be waited for.
    while host.elapsed() < Duration::from_millis(1500) {
        console.hear();
        let passed = board_time(&server).since(board);
        // A board that a busy host has held up makes up for a tenth of a second, and a slice is a millisecond.
        assert!(
            Duration::from(passed) <= host.elapsed() + Duration::from_millis(110),
            "{passed} of {:?}",
            host.elapsed()
        );
    }
    client.write_all(b"late").unwrap();
    client.wait_for(b"late");
}

#[test]
fn a_fast_board_runs_ahead_when_no_client_owes_it_an_answer() {
    let server = tutorial(ServeConfig::default());
    let (host, board) = (Instant::now(), board_time(&server));
    while board_time(&server).since(board) < Span::from_secs(50) {
        assert!(host.elapsed() < Duration::from_secs(45), "the board keeps to the clock");
    }
}

#[test]
fn the_board_reaches_a_server_of_the_host() {
    let listener = TcpListener::bind(free()).unwrap();
    let forward = GuestForward { peer_port: PORT, host: listener.local_addr().unwrap() };
    let server = tutorial(ServeConfig { guest_forwards: vec![forward], ..ServeConfig::default() });
    let mut console = order(&server, "client peer.lan 5001");
    let (mut client, _) = listener.accept().unwrap();
    client.wait_for(b"hello mPython,I am TCP Client");
    client.write_all(b"from the host").unwrap();
    client.wait_for(b"from the host");
    drop(client);
    console.wait_for(b"@event closed");
}
