//! Clients that mean no good, or do not know what they do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use espalier_serve::{ServeConfig, Server};
use espalier_soc::Strap;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;

use crate::client::{Bridge, Link, PATIENCE, downloading, free};
use crate::network::tutorial;

const DOWNLOADING: &[u8] = b"waiting for download";
/// Far more than the line and what is before it can take at once.
const BACKLOG: usize = 600_000;

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
    // Unread bytes end a connection by a reset.
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

/// Sends a lot, and closes in order: there is nothing that was not read, so that the end comes behind all that was sent.
fn flood(address: SocketAddr) {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(&vec![b'A'; BACKLOG]).unwrap();
    client.hear();
    client.shutdown(Shutdown::Both).unwrap();
}

/// Resets the board until the client has heard of it: it has the port once the one before has given way, and what the board says until then
/// is lost.
fn resets(server: &Server, client: &mut impl Link) {
    let deadline = Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    for round in 0.. {
        if round % 100 == 0 && heard.is_empty() {
            server.board().reset(Strap::Download).unwrap();
        }
        heard.extend(client.hear());
        if heard.windows(DOWNLOADING.len()).any(|window| window == DOWNLOADING) {
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", heard.escape_ascii().to_string());
    }
}

#[test]
fn unsent_input_of_a_client_does_not_keep_the_next_one_out() {
    let server = downloading(0x60);
    let (serial, rfc2217) = (server.serial_address().unwrap(), server.rfc2217_address().unwrap());
    for _ in 0..3 {
        flood(serial);
        resets(&server, &mut TcpStream::connect(serial).unwrap());
        flood(rfc2217);
        resets(&server, &mut Bridge::connect(rfc2217, 115_200));
    }
}

/// Returns a port's answer to bytes, until it ends the connection. It may do so before it has taken them all.
fn answered(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = client.write_all(bytes).and_then(|()| client.shutdown(Shutdown::Write));
    let mut heard = Vec::new();
    if let Err(error) = client.read_to_end(&mut heard) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{}", bytes.escape_ascii());
    }
    heard
}

/// Sends what is made of these words, and of anything, to one board again and again.
fn hostile(words: &'static [&'static [u8]], check: impl Fn(&[u8]) -> Result<(), TestCaseError>) {
    let word = prop_oneof![
        6 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => (0_usize..20_000).prop_map(|length| vec![b' '; length]),
    ];
    let bytes = prop::collection::vec(word, 0..30).prop_map(|words| words.concat());
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    runner.run(&bytes, |bytes| check(&bytes)).unwrap();
}

#[test]
fn hostile_requests_are_answered_by_qmp_or_end_the_connection() {
    let server = downloading(0x61);
    let address = server.qmp_address().unwrap();
    let words: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\"",
        b"\n",
        b"1e999",
        b"null",
        b"\"execute\"",
        b"\"stop\"",
        b"\"arguments\"",
        br#"{"execute":"qmp_capabilities"}"#,
        br#"{"execute":"cont","id":[{"a":null}]}"#,
        br#"{"execute":"set_link","arguments":{"name":"","up":7}}"#,
        br#"{"execute":"screendump","arguments":{"filename":""}}"#,
        br#"{"exec-oob":"query-commands","arguments":[]}"#,
        b"POST / HTTP/1.1\r\n",
    ];
    hostile(words, |bytes| {
        let heard = answered(address, bytes);
        for line in heard.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let answer: Value = serde_json::from_slice(line).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let known = ["QMP", "return", "error", "event"];
            prop_assert!(known.iter().any(|kind| answer.get(kind).is_some()), "{answer}");
        }
        Ok(())
    });
    TcpStream::connect(address).unwrap().wait_for(b"QMP");
}

#[test]
fn hostile_requests_are_answered_by_http_or_end_the_connection() {
    let server = downloading(0x62);
    let address = server.http_address().unwrap();
    let words: &[&[u8]] = &[
        b"GET ",
        b"POST ",
        b"/",
        b"/status",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\n",
        b"Host: localhost\r\n",
        b"Host: ",
        b"Origin: null\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"[::",
        b"]:99999",
        b"%00",
        b"a: b\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
    ];
    hostile(words, |bytes| {
        let heard = answered(address, bytes);
        prop_assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 "), "{}", heard.escape_ascii());
        Ok(())
    });
    assert!(answered(address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn hostile_packets_are_answered_by_gdb_or_end_the_connection() {
    let server = tutorial(ServeConfig { gdb: Some(free()), ..ServeConfig::default() });
    let address = server.gdb_address().unwrap();
    let words: &[&[u8]] = &[
        b"$",
        b"#",
        b"+",
        b"-",
        b"\x03",
        b"#00",
        b"$?#3f",
        b"$g#67",
        b"$m40000400,ffffffff#",
        b"$vCont;c#a8",
        b"$c#63",
        b"$s#73",
        b"$k#6b",
        b"$D#44",
        b"$QStartNoAckMode#b0",
        b"$Z0,40000400,3#",
        b"$vCont;s:1#",
        b"}",
        b"*",
        b"GET / HTTP/1.1\r\n",
    ];
    hostile(words, |bytes| {
        answered(address, bytes);
        Ok(())
    });
    let mut next = TcpStream::connect(address).unwrap();
    next.write_all(b"$?#3f").unwrap();
    next.wait_for(b"+$T05");
}
