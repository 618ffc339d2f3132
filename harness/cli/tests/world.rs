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
fn missing_text_is_a_failure_that_names_the_board() {
    let (status, output, errors) = run("never", &["--within", "3s"]);
    assert_eq!(status, Some(1), "{output}");
    assert!(errors.starts_with("error: client: still no \"never\" on the console"), "{errors}");
}
