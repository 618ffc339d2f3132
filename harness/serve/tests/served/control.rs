//! QMP and HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use espalier_serve::{ServeConfig, Server};
use espalier_soc::Strap;
use serde_json::{Value, json};

use crate::client::{Link, downloading, free, machine};

/// A conversation in which every command is sent without a newline.
struct Qmp {
    socket: TcpStream,
    heard: Vec<u8>,
}

impl Qmp {
    fn connect(address: SocketAddr) -> Qmp {
        let mut qmp = Qmp { socket: TcpStream::connect(address).unwrap(), heard: Vec::new() };
        let greeting = qmp.next();
        assert!(greeting["QMP"]["version"]["qemu"]["major"].is_u64(), "{greeting}");
        assert_eq!(greeting["QMP"]["capabilities"], json!(["oob"]));
        let enabled = qmp.ask(r#"{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": 1}"#);
        assert_eq!(enabled, json!({"return": {}, "id": 1}));
        qmp
    }

    fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return serde_json::from_slice(&line).unwrap();
            }
            let bytes = self.socket.wait_for(b"\n");
            self.heard.extend(bytes);
        }
    }

    /// The next answer; events on the way are dropped.
    fn ask(&mut self, request: &str) -> Value {
        self.socket.write_all(request.as_bytes()).unwrap();
        self.next_without("event")
    }

    fn next_without(&mut self, field: &str) -> Value {
        loop {
            let value = self.next();
            if value.get(field).is_none() {
                return value;
            }
        }
    }
}

#[test]
fn clients_come_anew_for_each_command() {
    let server = downloading(0x10);
    let address = server.qmp_address().unwrap();
    let status = |running: bool| {
        json!({"return": {"status": if running { "running" } else { "paused" },
        "running": running, "singlestep": false}})
    };
    for (command, running) in [("stop", false), ("cont", true), ("stop", false), ("cont", true)] {
        assert_eq!(Qmp::connect(address).ask(&format!(r#"{{"execute":"{command}"}}"#)), json!({"return": {}}));
        assert_eq!(Qmp::connect(address).ask(r#"{"execute":"query-status"}"#), status(running));
    }
    let mut qmp = Qmp::connect(address);
    qmp.socket.write_all(br#"{"execute":"system_reset"}"#).unwrap();
    assert_eq!(qmp.next_without("return")["event"], "RESET");
}

#[test]
fn mistakes_are_answered() {
    let server = downloading(0x10);
    let address = server.qmp_address().unwrap();
    let mut early = TcpStream::connect(address).unwrap();
    early.write_all(br#"{"execute":"stop"}"#).unwrap();
    early.wait_for(b"Expecting capabilities negotiation");
    let mut qmp = Qmp::connect(address);
    for (request, class, words) in [
        (r#"{"execute":"device_add"}"#, "CommandNotFound", "device_add has not been found"),
        ("[1]", "GenericError", "must be a JSON object"),
        (r#"{"execute":"screendump"}"#, "GenericError", "'filename' is missing"),
        (r#"{"execute":"screendump","arguments":{"filename":7}}"#, "GenericError", "expected: string"),
        (r#"{"execute":"screendump","arguments":{"filename":"/nowhere/x.png"}}"#, "GenericError", "failed to write"),
        ("{]\n", "GenericError", "Invalid JSON syntax"),
    ] {
        let answer = qmp.ask(request);
        assert_eq!(answer["error"]["class"], class, "{answer}");
        assert!(answer["error"]["desc"].as_str().unwrap().contains(words), "{answer}");
    }
}

#[test]
fn the_screen_is_dumped_in_two_formats() {
    let server = downloading(0x10);
    let folder = tempfile::tempdir().unwrap();
    for (name, magic) in [("screen.png", &b"\x89PNG"[..]), ("screen.ppm", b"P6\n128 64\n")] {
        let path = folder.path().join(name);
        let request = json!({"execute": "screendump", "arguments": {"filename": path}});
        let answer = Qmp::connect(server.qmp_address().unwrap()).ask(&request.to_string());
        assert_eq!(answer, json!({"return": {}}));
        assert!(std::fs::read(path).unwrap().starts_with(magic));
    }
}

#[test]
fn quit_ends_the_board_after_its_answer() {
    let server = downloading(0x10);
    let mut qmp = Qmp::connect(server.qmp_address().unwrap());
    assert_eq!(qmp.ask(r#"{"execute":"quit"}"#), json!({"return": {}}));
    let board = server.board().clone();
    server.wait();
    assert!(board.pause().is_err());
}

fn get(address: SocketAddr, request: &str) -> String {
    get_from(address, request, &format!("Host: {address}"))
}

fn get_from(address: SocketAddr, request: &str, fields: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "{request} HTTP/1.1\r\n{fields}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_browser_sees_display_and_console() {
    let server = downloading(0x10);
    let address = server.http_address().unwrap();
    assert!(get(address, "GET /").contains("<img id=\"screen\""));
    let screen = get(address, "GET /screen.png?1");
    assert!(screen.starts_with("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n") && screen.contains("PNG"), "{screen}");
    while !get(address, "GET /console").contains("waiting for download") {}
    assert!(get(address, "GET /status").contains("running\nguest time "));
    assert!(get(address, "GET /../etc/passwd").starts_with("HTTP/1.1 404 "));
    assert!(get(address, "DELETE /").starts_with("HTTP/1.1 405 "));
}

#[test]
fn only_those_who_ask_for_this_server_see_the_board() {
    let names = vec!["bench.lan".to_owned()];
    let config = ServeConfig { http: Some(free()), http_names: names, ..ServeConfig::default() };
    let server = Server::start(machine(0x10, Strap::Download), &config).unwrap();
    let address = server.http_address().unwrap();
    let port = address.port();
    for fields in [format!("Host: localhost:{port}"), "Host: bench.lan\r\nOrigin: http://bench.lan".to_owned()] {
        assert!(get_from(address, "GET /console", &fields).starts_with("HTTP/1.1 200 OK\r\n"), "{fields}");
    }
    // A name that was made to lead here, and a page that asks from elsewhere.
    for fields in [format!("Host: evil.example:{port}"), format!("Host: {address}\r\nOrigin: http://evil.example")] {
        assert!(get_from(address, "GET /console", &fields).starts_with("HTTP/1.1 403 Forbidden\r\n"), "{fields}");
    }
}

#[cfg(unix)]
#[test]
fn a_screen_that_is_dumped_into_a_pipe_does_not_block_other_clients() {
    let server = downloading(0x10);
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut qmp = Qmp::connect(server.qmp_address().unwrap());
    let request = json!({"execute": "screendump", "arguments": {"filename": pipe}});
    let answer = qmp.ask(&request.to_string());
    let expected = format!("failed to write '{}': it is no plain file", pipe.display());
    assert_eq!(answer["error"]["desc"], expected);
    assert_eq!(qmp.ask(r#"{"execute":"query-name"}"#)["return"]["name"], "espalier");
}
