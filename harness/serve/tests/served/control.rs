//! QMP.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::client::{Link, downloading};

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
        (r#"{"execute":"x-press"}"#, "GenericError", "x-press: missing field `part`"),
        (
            r#"{"execute":"x-press","arguments":{"part":"c"}}"#,
            "GenericError",
            "has no part \"c\"; it has display, boot",
        ),
        (r#"{"execute":"x-reset"}"#, "CommandNotFound", "x-reset has not been found"),
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
fn the_board_is_touched_as_on_the_page() {
    let server = downloading(0x10);
    let mut qmp = Qmp::connect(server.qmp_address().unwrap());
    let mut ask = |command: &str, arguments: Value| {
        let answer = qmp.ask(&json!({"execute": command, "arguments": arguments}).to_string());
        answer.get("return").cloned().unwrap_or(answer)
    };
    let level = |ask: &mut dyn FnMut(&str, Value) -> Value| ask("x-pin", json!({"gpio": 0}))["level"].clone();
    assert_eq!(ask("x-press", json!({"part": "boot", "pressed": true})), json!({}));
    assert_eq!(level(&mut ask), 0);
    ask("x-press", json!({"part": "boot", "pressed": false}));
    while level(&mut ask) == 0 {}
    assert_eq!(ask("x-pin", json!({"gpio": 25, "level": "high"})), json!({"level": 1}));
    let picture = ask("x-screen", json!({}));
    assert!(picture["png"].as_str().unwrap().starts_with("iVBORw0KGgo"), "{picture}");
    ask("stop", json!({}));
    let micros = |ask: &mut dyn FnMut(&str, Value) -> Value| {
        (ask("x-state", json!({}))["state"]["time"].as_f64().unwrap() * 1e6).round()
    };
    let before = micros(&mut ask);
    ask("x-step", json!({"milliseconds": 5}));
    let passed = micros(&mut ask) - before;
    // A slice of its time is not cut in two.
    assert!((5_000.0..6_000.0).contains(&passed), "{passed} us");
    assert_eq!(ask("x-state", json!({}))["state"]["running"], false);
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
    let expected = format!("failed to write '{}': it is not a plain file", pipe.display());
    assert_eq!(answer["error"]["desc"], expected);
    assert_eq!(qmp.ask(r#"{"execute":"query-name"}"#)["return"]["name"], "espalier");
}
