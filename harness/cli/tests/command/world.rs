//! `espalier world`: two boards with the tutorial's firmware, one the server, the other its client.

use std::fs;
use std::process::Command;

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");

/// Runs a world in which the client expects this; returns exit status, output and errors.
fn run(expected: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.toml");
    let board = |name: &str, input: &str, expect: &str| {
        format!(
            "[[board]]\nname = \"{name}\"\nmodel = \"mpython\"\nfirmware = {FIRMWARE:?}\n\
             input = [\"{input}\"]\nexpect = [\"{expect}\"]\nfail-on = [\"@panic\"]\n"
        )
    };
    let server = board("server", "server 5001", "@event accepted 10.0.4.103:");
    let client = board("client", "client 10.0.4.101 5001", expected);
    fs::write(&file, server + &client).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    let output = command.arg("world").arg(&file).args(more).output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn boards_of_a_file_meet() {
    let (status, output, errors) = run("@event received 29", &[]);
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains(" server @event listening 10.0.4.101:5001\n"), "{output}");
    assert_eq!(run("@event received 29", &["--threads", "1"]).1, output);
}

#[test]
fn boards_of_a_file_keep_the_time_that_is_asked_for() {
    let (_, fast, _) = run("@event received 29", &[]);
    let (status, silicon, errors) = run("@event received 29", &["--timing", "silicon"]);
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{silicon}");
    assert_ne!(silicon, fast, "nothing takes longer");
    let (status, _, errors) = run("@event received 29", &["--timing", "slow"]);
    assert_eq!(status, Some(2));
    assert!(errors.contains("it is fast or silicon"), "{errors}");
}

/// The console of one board is typed into that of the other, which understands no word of it.
#[test]
fn a_wire_of_a_file_brings_the_output_of_a_board_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.toml");
    let board = |name: &str, more: &str| {
        format!("[[board]]\nname = \"{name}\"\nmodel = \"mpython\"\nfirmware = {FIRMWARE:?}\n{more}")
    };
    let wire = "[[wire]]\nfrom = \"left.1\"\nto = \"right.3\"\n";
    let right = board("right", "expect = [\"unknown command \\\"@event\\\"\"]\n");
    fs::write(&file, board("left", "") + &right + wire).unwrap();
    let run = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        let output = command.arg("world").arg(&file).args(["--within", "5s", "--threads", threads]).output();
        let output = output.expect("the command runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(run("1"), run("2"));
}

#[test]
fn wires_of_a_file_join_its_boards_and_bad_ones_name_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.toml");
    let boards: String =
        ["left", "right"].map(|name| format!("[[board]]\nname = \"{name}\"\nfirmware = {FIRMWARE:?}\n")).concat();
    let run = |wire: &str| {
        fs::write(&file, format!("{boards}[[wire]]\n{wire}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        let output = command.arg("world").arg(&file).args(["--for", "5ms"]).output().expect("the command runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run("from = \"left.17\"\nto = \"right.16\"\n"), (Some(0), String::new()));
    for (wire, reason) in [
        (
            "from = \"left.17\"\nto = \"rigth.16\"\n",
            "line 9: wire.to: there is no board \"rigth\"; there are left, right",
        ),
        (
            "from = \"left.6\"\nto = \"right.16\"\n",
            "line 8: a wire cannot lead to GPIO6 of board \"left\", which is not a pin",
        ),
        (
            "from = \"left.17\"\nto = \"right.20\"\n",
            "GPIO20 of board \"right\", which is not a pin of the chip: 0 to 19,",
        ),
        ("from = \"left\"\nto = \"right.16\"\n", "a board's name, a dot and the number of a GPIO, such as \"left.17\""),
    ] {
        let (status, errors) = run(wire);
        assert_eq!(status, Some(1), "{wire}");
        assert!(errors.contains("world.toml") && errors.contains(reason), "{errors}");
    }
}

#[test]
fn missing_text_is_a_failure_that_names_the_board() {
    let (status, output, errors) = run("never", &["--within", "3s"]);
    assert_eq!(status, Some(1), "{output}");
    assert!(errors.starts_with("error: client: still no \"never\" on the console"), "{errors}");
}
