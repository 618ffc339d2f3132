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
    let networks = ["--access-point", "home:correct horse", "--access-point", "guest"];
    let mut served =
        Running::start(&[&["serve", FIRMWARE, "--board", "mpython", "--qmp", "0"][..], &networks].concat());
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
        assert_eq!(done(&["cable", "--at", at]), "plugged in\n");
        assert_eq!(done(&["cable", "cut", "--at", at]), "cut\n");
        assert_eq!(done(&["cable", "back", "--at", at]), "plugged in\n");
        let before = done(&["network", "--at", at]);
        let named = |name: &str| before.lines().any(|line| line.starts_with(&format!("{name}  channel 1, ")));
        assert!(named("home") && named("guest") && before.contains("WPA2, -40 dBm, 0 joined"), "{before}");
        assert_eq!(done(&["network", "home", "away", "--at", at]), "");
        let home = |text: &str| text.lines().find(|line| line.starts_with("home  ")).unwrap().to_owned();
        assert!(home(&done(&["network", "--at", at])).ends_with(", taken away"));
        done(&["network", "home", "back", "--at", at]);
        assert_eq!(home(&done(&["network", "--at", at])), home(&before));
        let (status, _, errors) = espalier(&["network", "office", "away", "--at", at]);
        assert!(status == Some(1) && errors.contains("no network \"office\""), "{errors}");
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

/// The address of the page, out of what a run says on the standard error. What it says later is read and forgotten.
fn page_of(run: &mut Running) -> String {
    let mut errors = BufReader::new(run.0.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("http://") {
        line.clear();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "the board has a page");
    }
    std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
    line.trim().to_owned()
}

/// Asks the page for a file, or to do something.
fn http(page: &str, path: &str, body: Option<&str>) -> Vec<u8> {
    let (host, query) = page.strip_prefix("http://").unwrap().split_once("/?").unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    let head = format!("/{path}?{query} HTTP/1.1\r\nHost: {host}\r\n");
    match body {
        None => write!(socket, "GET {head}\r\n").unwrap(),
        Some(body) => {
            write!(socket, "POST {head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                .unwrap()
        }
    }
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    answer
}

/// Does something on the page that is possible.
fn act(page: &str, body: &str) -> String {
    let answer = String::from_utf8(http(page, "act", Some(body))).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{body}: {answer}");
    answer
}

#[test]
fn a_board_on_a_page_is_a_test_with_files_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let args = ["run", FIRMWARE, "--board", "mpython", "--live", "--strict", "--within", "60s"];
    let files = ["--pcap", &file("a.pcap"), "--vcd", &file("a.vcd"), "--signals", "0", "--expect", "@event address"];
    let (status, output, errors) = espalier(&[&args[..], &files].concat());
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.contains("@event address") && errors.contains("http://127.0.0.1:"), "{output}{errors}");
    let frames = std::fs::read(file("a.pcap")).unwrap();
    assert!(frames.len() > 500, "a lease from DHCP: {} bytes", frames.len());
    assert!(std::fs::read_to_string(file("a.vcd")).unwrap().contains("$enddefinitions"));
    let (status, _, errors) = espalier(&["run", FIRMWARE, "--live", "--for", "50ms", "--expect", "never"]);
    assert!(status == Some(1) && errors.contains("have passed without \"never\""), "{errors}");
}

#[test]
fn the_page_stops_the_board_and_its_snapshot_is_a_saved_board() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("board.espalier");
    let mut run = Running::start(&["run", FIRMWARE, "--board", "mpython", "--live"]);
    let page = page_of(&mut run);
    Running::word(run.0.stdout.take().unwrap(), |word| word == "address");
    let time = |body: &str| {
        act(&page, body);
        let state = act(&page, r#"{"do":"state"}"#);
        let state: serde_json::Value = serde_json::from_str(state.split_once("\r\n\r\n").unwrap().1).unwrap();
        (state["state"]["time"].as_f64().unwrap(), state["state"]["running"] == true)
    };
    let (stopped, runs) = time(r#"{"do":"stop"}"#);
    assert!(!runs && time(r#"{"do":"stop"}"#).0 == stopped);
    let (stepped, runs) = loop {
        let (now, runs) = time(r#"{"do":"step","milliseconds":7}"#);
        if now > stopped {
            break (now, runs);
        }
    };
    // The numbers are rounded.
    assert!(!runs && stepped > stopped + 0.006_999, "{stopped} {stepped}");
    let file = http(&page, "board.espalier", None);
    let body = file.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    std::fs::write(&saved, &file[body..]).unwrap();
    assert!(time(r#"{"do":"cont"}"#).1);
    drop(run);
    // The same file for `run`, and for `serve`.
    let saved = saved.to_str().unwrap();
    let mut run = Running::start(&["run", saved, "--expect", "@status"]);
    run.0.stdin.take().unwrap().write_all(b"status\r").unwrap();
    assert!(run.0.wait().unwrap().success());
    let mut served = Running::start(&["serve", saved]);
    Running::word(served.0.stdout.take().unwrap(), |word| word.starts_with("http://"));
}

#[test]
#[cfg(unix)]
fn a_session_by_hand_becomes_a_scenario_that_passes() {
    for name in ["first.toml", "first.yaml"] {
        let folder = tempfile::tempdir().unwrap();
        let scenario = folder.path().join("scenarios").join(name);
        let path = scenario.to_str().unwrap();
        let mut run = Running::start(&["record", FIRMWARE, "--board", "mpython", "--output", path]);
        let page = page_of(&mut run);
        let output = run.0.stdout.take().unwrap();
        let mut lines = BufReader::new(output).lines().map(Result::unwrap);
        let mut says = |text: &str| lines.find(|line| line.contains(text)).unwrap();
        says("@event address");
        act(&page, r#"{"do":"listen","port":5001}"#);
        let peer = act(&page, r#"{"do":"state"}"#);
        let (_, peer) = peer.split_once(r#""peer":{"address":""#).unwrap();
        let peer = peer.split('"').next().unwrap();
        act(&page, &format!(r#"{{"do":"send","text":"client {peer} 5001\r"}}"#));
        says("@event connected");
        while !act(&page, r#"{"do":"state"}"#).contains("TCP Client") {}
        act(&page, r#"{"do":"peer-send","connection":"socket","text":"\u4f60\u597d"}"#);
        says("@event received");
        let steps = || {
            let state = act(&page, r#"{"do":"state"}"#);
            let state: serde_json::Value = serde_json::from_str(state.split_once("\r\n\r\n").unwrap().1).unwrap();
            state["recording"]["steps"].as_u64().unwrap()
        };
        let before = steps();
        act(&page, r#"{"do":"expect","what":"screen","name":"greeted"}"#);
        while !act(&page, r#"{"do":"state"}"#).contains("\"keeps\":false") {}
        assert!(steps() > before);
        done(&["press", "a", "--for", "200ms", "--at", &page]);
        done(&["set", "light", "level", "0.25", "--at", &page]);
        act(&page, r#"{"do":"expect","what":"tone"}"#);
        act(&page, r#"{"do":"expect","what":"pin","gpio":0}"#);
        act(&page, r#"{"do":"peer-close","connection":"socket"}"#);
        says("@event closed");
        let id = run.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert_eq!(run.0.wait().unwrap().code(), Some(0), "{}", std::fs::read_to_string(path).unwrap_or_default());
        let text = std::fs::read_to_string(path).unwrap();
        for step in ["listen", "accept", "peer-send", "screen", "press", "run-for", "release", "part", "silence"] {
            assert!(text.contains(step), "{step}: {text}");
        }
        assert!(!text.lines().next_back().unwrap().contains("run-for"), "nothing comes after a last pause: {text}");
        assert!(text.contains("client ${peer} 5001") && text.contains("你好"), "{text}");
        assert!(scenario.with_file_name("goldens").join("greeted.png").is_file());
        // It passes once more, and another board would not.
        let (status, output, errors) = super::scenario::test(folder.path(), &[path]);
        assert!(status == Some(0) && output.contains("1 passed"), "{output}\n{errors}");
        let mended = text.replace("你好", "what it does not show");
        std::fs::write(path, mended).unwrap();
        let (status, output, _) = super::scenario::test(folder.path(), &[path]);
        assert!(status == Some(1) && output.contains("greeted"), "{output}");
        let (status, _, errors) = espalier(&["record", FIRMWARE, "--output", path]);
        assert!(status == Some(1) && errors.contains("is there already"), "{errors}");
    }
}

#[test]
fn boards_of_a_served_world_have_monitors_and_the_world_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let board =
        |name: &str| format!("[[board]]\nname = \"{name}\"\nmodel = \"mpython\"\nfirmware = {FIRMWARE:?}\nqmp = 0\n");
    std::fs::write(file("world.toml"), board("left") + &board("right")).unwrap();
    let mut served = Running::start(&["serve", "--world", &file("world.toml")]);
    let mut output = BufReader::new(served.0.stdout.take().unwrap());
    let mut found = Vec::new();
    while found.len() < 3 {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the world is served");
        let mut words = line.split_whitespace();
        if matches!(words.next(), Some("QMP" | "page")) {
            found.push(words.next().unwrap().to_owned());
        }
    }
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let [page, left, right] = found.try_into().unwrap();
    done(&["press", "a", "--down", "--at", &right]);
    assert_eq!(done(&["pin", "0", "--at", &left]), "high\n");
    assert_eq!(done(&["pin", "0", "--at", &right]), "low\n");
    assert_eq!(done(&["pin", "0", "--at", &format!("{page}&board=1")]), "low\n");
    done(&["set", "light", "level", "0.25", "--at", &left]);
    assert!(done(&["screen", "save", &file("screen.png"), "--at", &right]).ends_with("(128x64)\n"));
    // All UARTs have a console, and the peer's connections are at the board that they are with.
    let other = format!("{page}&board=1");
    let state = |page: &str| -> serde_json::Value {
        let state = act(page, r#"{"do":"state"}"#);
        serde_json::from_str(state.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    act(&page, r#"{"do":"send","uart":2,"text":"hello"}"#);
    let refused = String::from_utf8(http(&page, "act", Some(r#"{"do":"send","uart":3,"text":""}"#))).unwrap();
    assert!(refused.contains("the board has no UART 3; it has 3"), "{refused}");
    act(&page, r#"{"do":"listen","port":5001}"#);
    while state(&page)["state"]["address"].is_null() || state(&other)["state"]["address"].is_null() {}
    let peer = state(&page)["peer"]["address"].as_str().unwrap().to_owned();
    act(&page, &format!(r#"{{"do":"send","text":"client {peer} 5001\r"}}"#));
    while !state(&page)["peer"].to_string().contains("TCP Client") {}
    assert_eq!(state(&other)["peer"]["sockets"], serde_json::json!([]));
    assert_eq!(state(&other)["peer"]["listening"], serde_json::json!([5001]));
    act(&other, r#"{"do":"connect","port":5002}"#);
    while state(&other)["peer"]["sockets"][0]["ended"] != "refused by the board" {}
    assert_eq!(state(&page)["peer"]["sockets"].as_array().unwrap().len(), 1);
    let saved = http(&page, "board.espalier", None);
    let body = saved.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    std::fs::write(file("world.espalier"), &saved[body..]).unwrap();
    done(&["world", &file("world.espalier"), "--for", "20ms"]);
    let (status, _, errors) = espalier(&["run", &file("world.espalier")]);
    assert!(status == Some(1) && errors.contains("a world of 2 boards"), "{errors}");
    let (status, _, errors) = espalier(&["serve", &file("world.espalier")]);
    assert!(status == Some(1) && errors.contains("serve it with --world"), "{errors}");
    let quit =
        r#"{"execute":"qmp_capabilities"}{"execute":"set_link","arguments":{"name":"n","up":false}}{"execute":"quit"}"#;
    let mut monitor = TcpStream::connect(&left).unwrap();
    monitor.write_all(quit.as_bytes()).unwrap();
    assert!(served.0.wait().unwrap().success());
}
