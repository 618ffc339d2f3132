//! Clients that mean no good, or do not know what they do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use espalier_serve::{ServeConfig, Server};
use espalier_soc::Strap;

use crate::client::{Bridge, Link, PATIENCE, downloading, free};
use crate::network::tutorial;

const DOWNLOADING: &[u8] = b"waiting for download";
/// Far more than the line and what is before it can take at once.
const BACKLOG: usize = 200_000;

/// Sends a request as a browser does for a page of another site, and waits until the connection ends.
fn post(address: SocketAddr, body: &str) {
    let mut browser = TcpStream::connect(address).unwrap();
    browser.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nOrigin: http://evil.example\r\nContent-Length: {length}\r\n\r\n"
    );
    browser.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut heard = Vec::new();
    // Bytes that nobody read end a connection by a reset.
    let _ = browser.read_to_end(&mut heard);
    assert!(!String::from_utf8_lossy(&heard).contains("return"), "{}", heard.escape_ascii());
}

#[test]
fn a_web_page_reaches_the_board_through_no_port() {
    let every = ServeConfig { rfc2217: Some(free()), qmp: Some(free()), gdb: Some(free()), ..ServeConfig::default() };
    let server = tutorial(every);
    let said = || String::from_utf8_lossy(&server.board().console()).into_owned();
    while !said().contains("@event address") {
        std::thread::yield_now();
    }
    let mut events = server.board().events();
    for serial in [server.serial_address(), server.rfc2217_address()] {
        post(serial.unwrap(), "\r\nserver 5001\r\n");
    }
    post(server.gdb_address().unwrap(), "$qSupported:#39$k#6b\x03");
    let dump = tempfile::NamedTempFile::new().unwrap();
    let path = dump.path().display();
    let request = format!(
        r#"{{"execute":"qmp_capabilities"}}{{"execute":"screendump","arguments":{{"filename":"{path}"}}}}{{"execute":"stop"}}"#
    );
    post(server.qmp_address().unwrap(), &format!("\n{request}\n"));
    // The line carries what it is given in order, so that nothing comes later.
    let mut console = TcpStream::connect(server.serial_address().unwrap()).unwrap();
    console.write_all(b"\r\nclient 203.0.113.1 1\r\n").unwrap();
    console.wait_for(b"203.0.113.1");
    assert!(!said().contains("@event listening"), "{}", said());
    assert!(events.try_recv().is_err(), "the board was neither stopped nor reset");
    assert_eq!(dump.as_file().metadata().unwrap().len(), 0);
}

/// The typing of a person who begins as a request does.
#[test]
fn keys_of_a_person_are_typed() {
    let server = tutorial(ServeConfig::default());
    let mut console = TcpStream::connect(server.serial_address().unwrap()).unwrap();
    while !String::from_utf8_lossy(&server.board().console()).contains("@event address") {
        console.hear();
    }
    for typed in [&b"G"[..], b"ET"] {
        console.write_all(typed).unwrap();
        // The firmware answers lines.
        console.hear();
    }
    console.write_all(b" /\r\n").unwrap();
    console.wait_for(b"unknown command \"GET\"");
}

fn flood(address: SocketAddr) {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(&vec![b'A'; BACKLOG]).unwrap();
    client.shutdown(Shutdown::Both).unwrap();
}

fn resets(server: &Server, client: &mut impl Link) {
    server.board().reset(Strap::Download).unwrap();
    client.wait_for(DOWNLOADING);
}

#[test]
fn what_a_client_leaves_unsent_does_not_keep_the_next_one_out() {
    let server = downloading(0x60);
    let (serial, rfc2217) = (server.serial_address().unwrap(), server.rfc2217_address().unwrap());
    for _ in 0..3 {
        flood(serial);
        resets(&server, &mut TcpStream::connect(serial).unwrap());
        flood(rfc2217);
        resets(&server, &mut Bridge::connect(rfc2217, 115_200));
    }
}
