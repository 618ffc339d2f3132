//! Boards that are served, and the commands and pages that touch them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");

/// A command that runs until the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(args: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(command.spawn().expect("the command runs"))
    }

    /// Reads until a line has a word that fits, and returns the word.
    fn word(output: impl Read, fits: impl Fn(&str) -> bool) -> String {
        let lines = BufReader::new(output).lines().map(Result::unwrap);
        let mut words = lines.flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        words.find(|word| fits(word)).expect("the board is served")
    }
}

fn espalier(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_espalier")).args(args).output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is text");
    (status.code(), text(stdout), text(stderr))
}

/// Runs a command that holds, and returns its output.
fn done(args: &[&str]) -> String {
    let (status, output, errors) = espalier(args);
    assert_eq!(status, Some(0), "{args:?}: {errors}");
    output
}

#[test]
fn scripts_touch_a_board_that_is_served() {
    let mut served = Running::start(&["serve", FIRMWARE, "--board", "mpython", "--qmp", "0"]);
    let mut output = BufReader::new(served.0.stdout.take().unwrap());
    let mut found = Vec::new();
    while found.len() < 2 {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the board is served");
        let mut words = line.split_whitespace();
        if matches!(words.next(), Some("QMP" | "page")) {
            found.push(words.next().unwrap().to_owned());
        }
    }
    let [qmp, page] = found.try_into().unwrap();
    for at in [&qmp, &page] {
        assert_eq!(done(&["press", "a", "--down", "--at", at]), "");
        assert_eq!(done(&["pin", "0", "--at", at]), "low\n");
        done(&["press", "a", "--up", "--at", at]);
        while done(&["pin", "0", "--at", at]) == "low\n" {}
        done(&["press", "P", "--for", "20ms", "--at", at]);
        done(&["set", "light", "level", "0.25", "--at", at]);
        done(&["set", "accelerometer", "acceleration", "[0, 0, -1]", "--at", at]);
        assert_eq!(done(&["pin", "25", "high", "--at", at]), "high\n");
        assert_eq!(done(&["pin", "25", "low", "--at", at]), "low\n");
        done(&["pin", "25", "released", "--at", at]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("screen.png");
        assert!(done(&["screen", "save", file.to_str().unwrap(), "--at", at]).ends_with("screen.png (128x64)\n"));
        assert!(std::fs::read(file).unwrap().starts_with(b"\x89PNG"));
        let (status, _, errors) = espalier(&["press", "c", "--at", at]);
        assert!(status == Some(1) && errors.contains("has no part \"c\"; it has display, a, b"), "{errors}");
    }
    let (status, _, errors) = espalier(&["press", "a", "--at", &page.replace("token=", "token=0")]);
    assert!(status == Some(1) && errors.contains("lacks the token of this run"), "{errors}");
    drop(served);
    let (status, _, errors) = espalier(&["press", "a", "--at", &qmp]);
    assert!(status == Some(1) && errors.contains("no board answers at"), "{errors}");
}

#[test]
fn a_board_runs_on_a_page_with_its_console_here() {
    let mut run = Running::start(&["run", FIRMWARE, "--board", "mpython", "--live"]);
    let errors = run.0.stderr.take().unwrap();
    let page = Running::word(errors, |word| word.starts_with("http://"));
    let (host, query) = page.trim().strip_prefix("http://").unwrap().split_once("/?").unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    write!(socket, "GET /status?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("running\nguest time "), "{answer}");
    let mut output = run.0.stdout.take().unwrap();
    assert!(Running::word(&mut output, |word| word == "@event").starts_with("@event"));
    writeln!(run.0.stdin.as_mut().unwrap(), "status\r").unwrap();
    Running::word(output, |word| word == "@status");
}

#[test]
fn a_board_on_a_page_is_no_test() {
    let (status, _, errors) = espalier(&["run", FIRMWARE, "--live", "--expect", "ready"]);
    assert!(status == Some(2) && errors.contains("cannot be used with"), "{errors}");
}
