use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};

use super::{Guarded, KEPT, Output, describe};

/// Names the folder in which the process of `holds_a_program` works.
const FOLDER_VARIABLE: &str = "ESPALIER_TEST_GUARD";
const PATIENCE: Duration = Duration::from_secs(20);

fn wait_until(what: &str, mut met: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !met() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A program that writes down its own number and that of a child, and would run for an hour.
fn program(folder: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = r#"sleep 3600 & echo $! $$ >"$1/pids.partial" && mv "$1/pids.partial" "$1/pids"; wait"#;
    command.args(["-c", script, "program"]).arg(folder);
    command
}

/// The numbers that the program has written down.
fn pids(folder: &Path) -> Vec<Pid> {
    wait_until("the program's start", || folder.join("pids").exists());
    let text = fs::read_to_string(folder.join("pids")).unwrap();
    text.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect()
}

fn lives(pid: Pid) -> bool {
    // A process that has ended and was not waited for by its parent is not alive.
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
    match status {
        Ok(status) => !status.contains(") Z "),
        Err(_) => test_kill_process(pid).is_ok() && !Path::new("/proc/self").exists(),
    }
}

#[test]
fn a_program_ends_with_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let guarded = Guarded::start(&program(folder.path()), &[]).unwrap();
    let pids = pids(folder.path());
    assert!(pids.iter().all(|pid| lives(*pid)));
    drop(guarded);
    wait_until("the end of the program and its child", || !pids.iter().any(|pid| lives(*pid)));
}

/// Not a test: the process that `a_program_ends_with_a_process_that_is_killed` kills.
#[test]
fn holds_a_program() {
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else { return };
    let folder = Path::new(&folder);
    let left = folder.join("left");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("flash.bin"), b"flash").unwrap();
    let _guarded = Guarded::start(&program(folder), &[left.join("flash.bin"), left]).unwrap();
    thread::sleep(Duration::from_secs(3600));
}

#[test]
fn a_program_ends_with_a_process_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "driver::qemu::process::tests::holds_a_program"])
        .env(FOLDER_VARIABLE, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pids = pids(folder.path());
    assert!(pids.iter().all(|pid| lives(*pid)) && folder.path().join("left/flash.bin").exists());
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until("the end of the program and its child", || !pids.iter().any(|pid| lives(*pid)));
    wait_until("the removal of what was left", || !folder.path().join("left").exists());
}

#[test]
fn the_exit_status_and_the_output_of_a_program_are_known() {
    let run = |script: &str| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let mut guarded = Guarded::start(&command, &[]).unwrap();
        wait_until("the program's end", || guarded.ended().is_some());
        (describe(guarded.ended().unwrap()), guarded.output(), guarded.last_words())
    };
    let expected = ("exit status 3".to_owned(), "yes\n".to_owned(), "no\n".to_owned());
    assert_eq!(run("echo yes; echo no >&2; exit 3"), expected);
    assert_eq!(run("kill -KILL $$").0, "killed by signal 9");
    // Nothing to read from, so that a program does not wait for input.
    assert_eq!(run("cat; echo over").1, "over\n");
    let absent = Guarded::start(&Command::new("/nowhere/qemu"), &[]);
    let mut absent = absent.unwrap();
    wait_until("the program's end", || absent.ended().is_some());
    assert!(absent.last_words().contains("/nowhere/qemu"), "{}", absent.last_words());
}

#[test]
fn output_is_there_while_other_processes_may_still_write() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let output = Output::keep(reader).unwrap();
    // No thread has to have had its turn, and the pipe does not have to be closed.
    for round in 1..=100 {
        writer.write_all(b"esp32                Espressif ESP32 machine\n").unwrap();
        assert_eq!(output.text().lines().count(), round);
    }
    let more = vec![b'x'; 2 * KEPT];
    let writing = thread::spawn(move || writer.write_all(&more).unwrap());
    writing.join().unwrap();
    assert_eq!(output.text(), "x".repeat(KEPT), "the last is kept");
}

#[test]
fn a_program_that_leaves_children_behind_has_said_all_it_says() {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "sleep 3600 & echo esp32"]);
    let mut guarded = Guarded::start(&command, &[]).unwrap();
    wait_until("the program's end", || guarded.ended().is_some());
    assert_eq!(guarded.output(), "esp32\n");
}
