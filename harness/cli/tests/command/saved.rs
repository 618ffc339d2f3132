//! `espalier run --save-at`, and runs that go on from there.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const BOARD: [&str; 2] = ["--board", "mpython"];
const AT: &str = "/^@event address /";

/// Runs it with this typed into its console; returns exit status, output and errors.
fn run(args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.arg("run").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn save(path: &Path) {
    let (status, output, errors) =
        run(&[&[FIRMWARE, "--save-at", AT, path.to_str().unwrap()], &BOARD[..]].concat(), "");
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains("@event address "), "{output}");
}

#[test]
fn a_run_goes_on_from_where_another_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("booted.espalier");
    let saved = path.to_str().unwrap();
    save(&path);
    for _ in 0..2 {
        let (status, output, errors) = run(&[saved, "--expect", "/@status .*messages=0/"], "status\r");
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
        assert!(!output.contains("ets Jul 29 2019") && output.contains("@status "), "{output}");
    }
    // Its own board is the one that it was saved with, and time is counted from there.
    let (status, _, errors) = run(&[&[saved], &BOARD[..]].concat(), "");
    assert_eq!(status, Some(1));
    assert!(errors.contains("is a saved board, which has its own --board"), "{errors}");
    let (status, _, errors) = run(&[saved, "--expect", "never", "--within", "50ms"], "");
    assert_eq!(status, Some(1));
    assert!(errors.starts_with("error: 0.05"), "{errors}");
}

#[test]
fn a_board_that_is_not_saved_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("booted.espalier");
    let saved = path.to_str().unwrap();
    let (status, _, errors) = run(&[FIRMWARE, "--save-at", "never", saved, "--within", "200ms"], "");
    assert_eq!(status, Some(1));
    assert!(errors.contains("without \"never\" on the console") && !path.exists(), "{errors}");
    let (status, _, errors) = run(&[FIRMWARE, "--save-at", AT, saved, "--host-forward", "8080:80"], "");
    assert_eq!(status, Some(2));
    assert!(errors.contains("--host-forward") && errors.contains("cannot be used with"), "{errors}");
    let (status, _, errors) = run(&[FIRMWARE, "--save-at", "/(/", saved], "");
    assert_eq!(status, Some(1));
    assert!(errors.contains("--save-at /(/") && errors.contains("unclosed group"), "{errors}");
    // Both are waited for.
    let expect = ["--expect", "@event link", "--expect", "never", "--within", "1s"];
    let (status, _, errors) = run(&[&[FIRMWARE, "--save-at", AT, saved], &expect[..], &BOARD[..]].concat(), "");
    assert_eq!(status, Some(1));
    assert!(errors.contains("\"never\" on the console (1 of 2 seen before it)") && path.exists(), "{errors}");
}

#[test]
fn a_damaged_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("booted.espalier");
    save(&path);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (status, _, errors) = run(&[path.to_str().unwrap()], "");
    assert_eq!(status, Some(1));
    assert!(errors.contains("its checksum is not that of its content; save the board again"), "{errors}");
}
