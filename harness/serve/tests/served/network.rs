//! Ports that lead from the host to the board and back, with the tutorial's firmware.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use espalier_serve::{GuestForward, HostForward, Pace, ServeConfig, Server};
use espalier_soc::{BoardDefinition, Machine, MachineConfig};
use espflash::flasher::{FlashData, FlashSettings, FlashSize};
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::{Chip, XtalFrequency};

use crate::client::{Link, free};

pub const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.elf");
/// The tutorial's port.
const PORT: u16 = 5001;

/// What belongs into the flash chip: where, and the bytes.
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
    client.set_read_timeout(Some(crate::client::PATIENCE)).unwrap();
    assert_eq!(std::io::Read::read(&mut client, &mut [0; 1]).unwrap_or(0), 0);
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
