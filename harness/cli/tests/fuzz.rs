//! `espalier fuzz` as its user sees it, on the tutorial's firmware: a finding, its replay, a search without one, and a wrong option.

use std::path::Path;
use std::process::{Command, Output};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// Options that bring the tutorial's server to where it waits for messages.
const SERVER: [&str; 7] = ["--board", "mpython", "--send", "server 5001", "--ready", "@event listening", "--threads=1"];

/// Runs the command in a folder. Gives its exit status and what it says.
fn espalier(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    let Output { status, stderr, .. } = command.args(args).current_dir(folder).output().expect("the command runs");
    (status.code(), String::from_utf8(stderr).expect("output is text"))
}

#[test]
fn a_message_that_must_not_be_printed_is_found_and_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("example"), "Hello").unwrap();
    let wanted =
        ["--input", "tcp:5001", "--example", "example", "--fail-on", "@event received", "--first", "--least", "50ms"];
    let (status, told) = espalier(folder.path(), &[&["fuzz", FIRMWARE], &SERVER[..], &wanted].concat());
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("text: the console has \"@event received\"") && told.contains("found: 1"), "{told}");
    let (_, rest) = told.split_once("`espalier replay ").expect("a file");
    let (file, _) = rest.split_once('`').expect("its end");
    let (status, told) = espalier(folder.path(), &["replay", file]);
    assert_eq!(status, Some(0), "{told}");
}

#[test]
fn firmware_without_a_fault_has_no_finding_and_fills_the_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = ["--input", "ethernet", "--for", "2s", "--corpus", "corpus"];
    let (status, told) = espalier(folder.path(), &[&["fuzz", FIRMWARE], &SERVER[..], &wanted].concat());
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains(" executions, ") && told.contains("nothing found"), "{told}");
    assert!(std::fs::read_dir(folder.path().join("corpus")).unwrap().count() > 0, "{told}");
}

#[test]
fn a_way_into_a_board_that_is_none_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (status, told) = espalier(folder.path(), &["fuzz", FIRMWARE, "--input", "smoke:1"]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("\"smoke:1\" is no way into a board"), "{told}");
}

#[test]
fn an_example_that_is_not_there_is_named_before_the_board_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = ["--input", "uart", "--ready", "never printed", "--example", "nowhere.bin"];
    let (status, told) = espalier(folder.path(), &[&["fuzz", FIRMWARE], &wanted[..]].concat());
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("nowhere.bin") && !told.contains("never printed"), "{told}");
}
