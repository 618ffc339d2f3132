//! The tutorial on a board of a page, against the goldens of every other suite.

use espalier_page::Export;
use espalier_tutorial::{FIRMWARE, golden};
use serde_json::{Value, json};

use espalier_wasm::{Session, SessionError};

/// Board time after which the firmware has an address.
const BOOT: u32 = 4_000_000;

fn tutorial() -> Session {
    Session::start("mpython", "tutorial-esp32.bin", FIRMWARE).unwrap()
}

fn act(session: &mut Session, action: Value) -> Value {
    session.act(&action.to_string()).unwrap()
}

/// The dots of a picture: whether each is lit.
fn dots(screen: &[u8]) -> Vec<bool> {
    screen[8..].chunks(4).map(|pixel| pixel[0] > 127).collect()
}

fn golden_dots(name: &str) -> Vec<bool> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(golden(name).unwrap()));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    samples[..info.buffer_size()].iter().step_by(info.color_type.samples()).map(|sample| *sample > 127).collect()
}

fn assert_shows(session: &Session, name: &str) {
    assert!(dots(&session.screen("").unwrap()) == golden_dots(name), "the display is not as in the golden {name}");
}

/// The conversation on the peer's first connection, and the way in which it ended.
fn said(session: &mut Session) -> (String, Value) {
    let peer = act(session, json!({"do": "state"}))["peer"].clone();
    let socket = &peer["sockets"][0];
    (socket["said"].as_str().unwrap().to_owned(), socket["ended"].clone())
}

/// Plays the client of the tutorial, running in steps of so many microseconds. Returns the session and what its peer heard and said.
fn client(step: u32) -> (Session, String) {
    let mut session = tutorial();
    let run = |session: &mut Session, microseconds: u32| {
        (0..microseconds / step).for_each(|_| session.run(step));
        session.run(microseconds % step);
    };
    run(&mut session, BOOT);
    act(&mut session, json!({"do": "listen", "port": 5001}));
    act(&mut session, json!({"do": "send", "text": "client 10.0.2.2 5001\r"}));
    run(&mut session, 1_000_000);
    act(&mut session, json!({"do": "peer-send", "connection": "socket", "text": "Hello, OLED!"}));
    run(&mut session, 1_000_000);
    let (said, _) = said(&mut session);
    (session, said)
}

#[test]
fn the_tutorials_client_talks_to_a_peer_that_listens() {
    let (session, said) = client(1_000_000);
    assert_eq!(said, "< hello mPython,I am TCP Client\n> Hello, OLED!\n< Hello, OLED!\n");
    assert_shows(&session, "client-received-ascii");
}

#[test]
fn steps_of_any_length_make_one_run() {
    let [(long, heard), (short, heard_in_steps)] = [client(1_000_000), client(7_300)];
    assert_eq!(heard, heard_in_steps);
    assert_eq!(long.trace_hash(), short.trace_hash());
}

#[test]
fn the_tutorials_server_answers_a_peer_that_connects() {
    let mut session = tutorial();
    session.run(BOOT);
    act(&mut session, json!({"do": "send", "text": "server 5001\r"}));
    session.run(1_000_000);
    assert_shows(&session, "server-accepting");
    let told = act(&mut session, json!({"do": "connect", "port": 5001}));
    session.run(500_000);
    let connection = &told["connection"];
    act(&mut session, json!({"do": "peer-send", "connection": connection, "text": "Hello, server!"}));
    session.run(1_000_000);
    assert_shows(&session, "server-received");
    act(&mut session, json!({"do": "peer-close", "connection": connection}));
    session.run(1_000_000);
    assert!(said(&mut session).0.starts_with("> Hello, server!\n< Hello, server!\n"));
    assert_eq!(said(&mut session).1, "closed");
    let late = session.act(&json!({"do": "peer-send", "connection": connection, "text": "late"}).to_string());
    assert!(late.unwrap_err().to_string().contains("it has ended"));
}

#[test]
fn a_board_goes_on_out_of_its_snapshot() {
    let mut session = tutorial();
    session.run(BOOT);
    let mut loaded = Session::start("", "board.espalier", &session.export(Export::Snapshot)).unwrap();
    assert_shows(&loaded, "idle");
    for session in [&mut session, &mut loaded] {
        act(session, json!({"do": "press", "part": "a"}));
        act(session, json!({"do": "step", "milliseconds": 1000}));
    }
    assert_eq!(session.trace_hash(), loaded.trace_hash());
}

#[test]
fn a_paused_board_stands_still_and_steps() {
    let mut session = Session::start("chip = \"esp32\"\nname = \"bare\"\n", "", &[]).unwrap();
    let time = |session: &mut Session| act(session, json!({"do": "state"}))["state"]["time"].as_f64().unwrap();
    act(&mut session, json!({"do": "stop"}));
    session.run(10_000);
    assert_eq!(time(&mut session), 0.0);
    act(&mut session, json!({"do": "step", "milliseconds": 1}));
    assert!((0.001..0.002).contains(&time(&mut session)));
    assert_eq!(session.look()["state"]["running"], false);
}

#[test]
fn refusals_say_what_is_wrong() {
    let refused =
        |board: &str, name: &str, firmware: &[u8]| Session::start(board, name, firmware).unwrap_err().to_string();
    assert!(refused("mpythn", "", &[]).contains("mpython"));
    assert!(refused("chip = \"esp32\"\nflsh = 1\n", "", &[]).contains("board.toml"));
    assert!(refused("mpython", "notes.txt", b"hello").starts_with("notes.txt is not firmware: it starts with 0x68"));
    let mut session = Session::start("mpython", "", &[]).unwrap();
    let mut refused = |action: Value| session.act(&action.to_string()).unwrap_err();
    assert!(matches!(refused(json!({"do": "press", "part": "c"})), SessionError::Action(_)));
    assert!(refused(json!({"do": "connect", "port": 1})).to_string().starts_with("the board has no address yet"));
    assert!(
        refused(json!({"do": "peer-close", "connection": "socket"})).to_string().contains("no connection \"socket\"")
    );
    assert!(matches!(refused(json!({"do": "call"})), SessionError::Json(_)));
}
