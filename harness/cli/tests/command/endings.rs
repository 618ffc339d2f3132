//! Ends of `espalier run` and their exit status: crashes, expected and forbidden text, signals, and readers that leave.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use object::{Object, ObjectSection, ObjectSymbol};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// Longer than any test waits.
const FOR_EVER: &str = "100000s";
/// The end of the mangled name of `espalier_app::client::Client::connect`.
const BROKEN: &str = "6Client7connect";
/// ILL, which raises IllegalInstruction (Xtensa ISA reference manual, 4.4).
const ILLEGAL: [u8; 3] = [0; 3];

/// The tutorial's firmware with an illegal instruction where the client connects.
fn broken_firmware(folder: &Path) -> PathBuf {
    let mut bytes = fs::read(Path::new(FIRMWARE).with_extension("elf")).unwrap();
    let at = {
        let elf = object::File::parse(&*bytes).unwrap();
        let function = elf.symbols().find(|symbol| symbol.name().is_ok_and(|name| name.ends_with(BROKEN))).unwrap();
        let section = elf.section_by_index(function.section_index().unwrap()).unwrap();
        (section.file_range().unwrap().0 + function.address() - section.address()) as usize
    };
    bytes[at..at + ILLEGAL.len()].copy_from_slice(&ILLEGAL);
    let path = folder.join("broken.elf");
    fs::write(&path, bytes).unwrap();
    path
}

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.arg("run").args(args).args(["--board", "mpython"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs")
}

/// Runs it with this typed into its console; returns exit status, output and errors.
fn run(args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = start(args);
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_panic_is_a_failure_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let firmware = broken_firmware(folder.path());
    let firmware = firmware.to_str().unwrap();
    let (status, output, errors) = run(&[firmware, "--for", "20s"], "client 10.0.2.2 5001\r");
    assert_eq!(status, Some(1), "{output}{errors}");
    assert!(errors.starts_with("error: the firmware panicked: @panic exception: EXCCAUSE 0"), "{errors}");
    assert!(errors.contains("Client>::connect") && errors.contains("--allow-reset"), "{errors}");
    let (status, output, errors) = run(&[firmware, "--for", "5s", "--allow-reset"], "client 10.0.2.2 5001\r");
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains("@panic exception"), "{output}");
}

#[test]
fn a_panic_at_the_very_end_is_printed_whole() {
    let folder = tempfile::tempdir().unwrap();
    let firmware = broken_firmware(folder.path());
    let firmware = firmware.to_str().unwrap();
    let (status, output, errors) = run(&[firmware, "--expect", "@panic"], "client 10.0.2.2 5001\r");
    assert_eq!((status, errors.as_str()), (Some(0), ""), "what was expected was seen: {output}");
    let (status, _, errors) = run(&[firmware, "--expect", "never", "--within", "20s"], "client 10.0.2.2 5001\r");
    assert_eq!(status, Some(1));
    assert!(errors.starts_with("error: the firmware panicked: "), "{errors}");
}

#[test]
fn a_restart_that_the_firmware_asks_for_is_no_failure() {
    let (status, output, errors) = run(&[FIRMWARE, "--for", "5s"], "reset\r");
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
    assert_eq!(output.matches("@event started").count(), 2, "{output}");
}

#[test]
fn a_chip_without_firmware_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    // A merged image whose bootloader is sound and whose application is not.
    let flash = folder.path().join("flash.bin");
    let (status, _, errors) = flashed(&flash);
    assert_eq!(status, Some(0), "{errors}");
    let mut bytes = fs::read(&flash).unwrap();
    bytes[0x10000..0x20000].fill(0xFF);
    fs::write(&flash, bytes).unwrap();
    let (status, output, errors) = run(&[flash.to_str().unwrap(), "--for", "20s"], "");
    assert_eq!(status, Some(1), "{output}{errors}");
}

fn flashed(flash: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    let output = command.args(["flash", FIRMWARE, "--output"]).arg(flash).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn expected_text_decides() {
    let expect = ["--expect", "@event started", "--expect", r"/^@event address \d+\.\d+\.\d+\.\d+/"];
    let (status, output, errors) = run(&[&[FIRMWARE, "--for", FOR_EVER], &expect[..]].concat(), "");
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
    let swapped = ["--expect", "@event address", "--expect", "@event started", "--within", "2s"];
    let (status, _, errors) = run(&[&[FIRMWARE], &swapped[..]].concat(), "");
    assert_eq!(status, Some(1));
    let told = "of board time have passed without \"@event started\" on the console (1 of 2 seen before it)\n";
    assert!(errors.contains(told) && errors.contains("│ @event address"), "{errors}");
    let (status, _, errors) = run(&[FIRMWARE, "--for", "300ms", "--expect", "never"], "");
    assert_eq!(status, Some(1), "{errors}");
    let (status, _, errors) = run(&[FIRMWARE, "--expect", "never", "--fail-on", "/^@event addr/"], "");
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("the console shows text that --fail-on /^@event addr/ forbids")
            && errors.contains(": @event address "),
        "{errors}"
    );
    let (status, _, errors) = run(&[FIRMWARE, "--expect", "/(/"], "");
    assert_eq!(status, Some(2));
    assert!(errors.contains("unclosed group"), "{errors}");
}

#[test]
fn an_answer_can_be_expected() {
    let (status, output, errors) = run(&[FIRMWARE, "--expect", "/@status .*messages=0/"], "status\r");
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
}

#[cfg(unix)]
#[test]
fn signals_end_it_with_their_own_status_and_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let pcap = folder.path().join(format!("{signal}.pcap"));
        let mut child = start(&[FIRMWARE, "--for", FOR_EVER, "--pcap", pcap.to_str().unwrap()]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("@event address")));
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(status), "{signal}");
        assert!(fs::metadata(&pcap).unwrap().len() > 24, "{signal}: there is more than the head of a file");
    }
}

#[test]
fn a_reader_that_leaves_ends_it_without_a_word() {
    let mut child = start(&[FIRMWARE, "--for", FOR_EVER]);
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(141));
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((line.trim_end(), errors.as_str()), ("ets Jul 29 2019 12:21:46", ""));
    // The expected text is awaited all the same.
    let mut child = start(&[FIRMWARE, "--expect", "@event address", "--within", "10s"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn impossible_options_are_refused_before_the_board_runs() {
    let (status, output, errors) = run(&[FIRMWARE, "--for", "1s", "--pcap", "/no/such/folder/x.pcap"], "");
    assert_eq!((status, output.as_str()), (Some(1), ""));
    assert!(errors.starts_with("error: cannot write /no/such/folder/x.pcap: "), "{errors}");
    let (status, output, errors) = run(&[FIRMWARE, "--access-point", "home:123"], "");
    assert_eq!((status, output.as_str()), (Some(2), ""));
    assert!(errors.contains("has 8 to 63 characters, this one has 3"), "{errors}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    let output = command.args(["flash", FIRMWARE, "--baud", "0"]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
}

#[test]
fn a_file_stays_as_it_is_until_there_is_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("x.pcap");
    fs::write(&pcap, vec![7; 100_000]).unwrap();
    let (status, ..) = run(&["/no/such/firmware.bin", "--pcap", pcap.to_str().unwrap()], "");
    assert_eq!((status, fs::metadata(&pcap).unwrap().len()), (Some(1), 100_000));
    let (status, ..) = run(&[FIRMWARE, "--for", "1ms", "--pcap", pcap.to_str().unwrap()], "");
    assert_eq!((status, fs::metadata(&pcap).unwrap().len()), (Some(0), 24), "nothing of the old one is left");
}

#[test]
fn a_run_leaves_its_coverage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tutorial.info");
    let name = file.to_str().unwrap();
    let (status, _, errors) = run(&[FIRMWARE, "--coverage", name, "--expect", "@event address"], "");
    assert_eq!(status, Some(0), "{errors}");
    let report = fs::read_to_string(&file).unwrap();
    assert!(report.starts_with("TN:core0\nSF:") && report.ends_with("end_of_record\n"), "{report:.300}");
    let called = report.lines().filter(|line| line.starts_with("FNDA:") && !line.starts_with("FNDA:0,")).count();
    assert!(called > 50, "{called} functions are called");
}
