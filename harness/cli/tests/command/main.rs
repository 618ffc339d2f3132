//! The command as its user sees it: output, files and exit status.

mod endings;
mod live;
mod saved;
mod scenario;
mod world;

use std::process::{Command, Output};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");

fn espalier(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_espalier")).args(args).output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_demo_matches_every_golden_and_leaves_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let (status, output, errors) = espalier(&["demo", "--output", folder.path().to_str().unwrap()]);
    assert_eq!(status, Some(0), "{output}{errors}");
    assert!(output.contains("screens match their goldens"), "{output}");
    assert!(!output.contains('\x1b'), "a pipe gets no colours");
    let report = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.contains("Everything held") && report.contains("hello mPython,I am TCP Client"));
    assert!(folder.path().join("client-received-chinese.png").exists());
}

#[test]
fn boards_of_the_bench_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.toml");
    let list = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        let Output { status, stdout, stderr } = command.arg("boards").env("ESPALIER_BENCH", &file).output().unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    };
    let (status, output, errors) = list(
        "[board.left]\nport = \"rfc2217://bench:4000\"\n[board.right]\nserial = \"a serial number that nothing has\"",
    );
    assert_eq!(status, Some(0), "{errors}");
    let row = |name: &str| output.lines().find(|line| line.starts_with(name)).map(str::to_owned).unwrap_or_default();
    assert!(row("emulated").contains("in every process"), "{output}");
    assert!(row("left").ends_with("rfc2217://bench:4000"), "{output}");
    assert!(row("right").contains("is not plugged in"), "{output}");
    let (status, _, errors) = list("[board.left]\nport = \"p\"\nwifi = { ssid = \"w\", password = \"secret\" }");
    assert_eq!(status, Some(1));
    assert!(errors.contains("name an environment variable that holds it"), "{errors}");
}

#[test]
fn running_prints_the_console_and_saves_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (screens, pcap) = (folder.path().join("screens"), folder.path().join("boot.pcap"));
    let (status, output, errors) = espalier(&[
        "run",
        FIRMWARE,
        "--board",
        "mpython",
        "--for",
        "300ms",
        "--screen-dir",
        screens.to_str().unwrap(),
        "--pcap",
        pcap.to_str().unwrap(),
    ]);
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.starts_with("ets Jul 29 2019") && output.contains("@event address "), "{output}");
    assert_eq!(std::fs::read_dir(screens).unwrap().count(), 1);
    // Magic number of a pcap file with nanoseconds.
    assert!(std::fs::read(pcap).unwrap().starts_with(&0xA1B2_3C4D_u32.to_le_bytes()));
}

#[test]
fn pins_are_recorded_with_what_their_protocols_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pins.vcd");
    let run = |signals: &str| {
        let vcd = file.to_str().unwrap();
        espalier(&["run", FIRMWARE, "--board", "mpython", "--for", "300ms", "--vcd", vcd, "--signals", signals])
    };
    let (status, output, errors) = run("1:115200,i2c:22:23,17");
    assert_eq!(status, Some(0), "{errors}");
    let text = std::fs::read_to_string(&file).unwrap();
    let code = |name: &str| {
        let declared = text.lines().find(|line| line.starts_with("$var") && line.contains(&format!(" {name} ")));
        declared.and_then(|line| line.split_whitespace().nth(3)).map(str::to_owned).expect(name)
    };
    let words = |name: &str| {
        let end = format!(" {}", code(name));
        let word = move |line: &str| line.strip_prefix('s')?.strip_suffix(&end).map(str::to_owned);
        text.lines().filter_map(word).collect::<Vec<String>>()
    };
    // The console's bytes, as the console itself has them.
    let said = words("GPIO1_uart").concat().replace("\\r\\n", "\n").replace("\\x20", " ");
    let first: String = output.lines().take(3).collect::<Vec<_>>().join("\n").replace('\r', "");
    assert!(said.starts_with(&first), "{said}\n{output}");
    // The display is at 0x3c: a byte that says what follows, then commands or pixels.
    let bus = words("GPIO22_GPIO23_i2c");
    assert!(bus.windows(2).any(|pair| pair == ["start", "0x3c_write_ack"]), "{bus:?}");
    assert!(bus.len() > 1000 && bus.last().is_some_and(|word| word == "stop"), "{} words", bus.len());
    code("GPIO17");
    let (status, _, errors) = run("i2c:22");
    assert_eq!(status, Some(2));
    assert!(errors.contains("nor a bus, such as i2c:SCL:SDA or spi:SCK:DATA:CS"), "{errors}");
}

#[test]
fn a_board_of_ones_own_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let run = |text: &str| {
        std::fs::write(&file, text).unwrap();
        espalier(&["run", FIRMWARE, "--board", file.to_str().unwrap(), "--for", "300ms"])
    };
    let (status, output, errors) = run("extends = \"mpython\"\n[chip]\nmac = \"24:0a:c4:00:01:20\"\n");
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.contains("@event address "), "{output}");
    let (status, _, errors) = run("[[part]]\nkind = \"ws2812\"\ngpio = 20\ncount = 3\n");
    assert_eq!(status, Some(1));
    assert!(errors.contains("mine.toml: line 3: ws2812 \"ws2812\": gpio is 20, not a pin of the chip"), "{errors}");
    let (status, _, errors) = espalier(&["run", FIRMWARE, "--board", "mPython"]);
    assert_eq!(status, Some(2));
    assert!(
        errors.contains("supported: esp32-devkit, esp32c3-devkit, mpython, or the path of a .toml file"),
        "{errors}"
    );
}

#[test]
fn a_board_takes_efuses_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("efuse.bin");
    let run = |efuses: &[u8]| {
        std::fs::write(&file, efuses).unwrap();
        espalier(&["run", FIRMWARE, "--efuses", file.to_str().unwrap(), "--for", "300ms", "--allow-reset"])
    };
    // ABS_DONE_0: the ROM wants a digest of the bootloader, which this firmware does not have.
    let mut efuses = [0; 124];
    efuses[24] = 1 << 4;
    let (status, output, errors) = run(&efuses);
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.contains("Secure boot check fail"), "{output}");
    let (status, _, errors) = run(&efuses[..32]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("chip.efuses is an image of 32 bytes, not one of 124"), "{errors}");
    let (status, _, errors) = espalier(&["run", FIRMWARE, "--efuses", "no/efuse.bin"]);
    assert_eq!(status, Some(2));
    assert!(errors.contains("invalid value 'no/efuse.bin' for '--efuses <FILE>'"), "{errors}");
}

#[test]
fn the_exit_status_tells_failure_from_wrong_usage() {
    let (status, _, errors) = espalier(&["image", "info", file!()]);
    assert_eq!(status, Some(1));
    assert!(errors.starts_with("error: "), "{errors}");
    let (status, _, errors) = espalier(&["run", FIRMWARE, "--host-forward", "80"]);
    assert_eq!(status, Some(2));
    assert!(errors.contains("expected HOSTPORT:BOARDPORT"), "{errors}");
    let (status, output, _) = espalier(&["image", "info", FIRMWARE]);
    assert_eq!(status, Some(0));
    assert!(output.contains("tutorial-esp32") && output.contains("mapped from flash"), "{output}");
}

#[cfg(not(feature = "window"))]
#[test]
fn a_build_without_windows_says_how_to_get_them() {
    let (status, _, errors) = espalier(&["run", FIRMWARE, "--window"]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("libsdl2-dev"), "{errors}");
    assert!(errors.contains("cargo run --release --features window -- run"), "{errors}");
}

#[cfg(feature = "window")]
#[test]
fn a_window_opens_or_says_why_not() {
    let run = |driver: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        command.args(["run", FIRMWARE, "--board", "mpython", "--window", "--for", "300ms"]);
        command.env("SDL_VIDEODRIVER", driver).output().expect("the command runs")
    };
    // SDL's driver for machines without a display.
    let output = run("dummy");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("@event address "));
    let output = run("nonsense");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.starts_with("error: cannot open a window: nonsense not available"), "{errors}");
}

#[test]
fn help_shows_examples() {
    for args in [&["--help"][..], &["run", "--help"]] {
        let (status, output, _) = espalier(args);
        assert_eq!(status, Some(0));
        assert!(output.contains("Examples:"), "{output}");
    }
}

#[test]
fn flashed_firmware_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("flash.bin");
    let flash = flash.to_str().unwrap();
    let (status, output, errors) = espalier(&["flash", FIRMWARE, "--output", flash]);
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.contains("written and verified"), "{output}");
    assert_eq!(std::fs::metadata(flash).unwrap().len(), 4 << 20);
    let (status, output, errors) = espalier(&["run", flash, "--for", "250ms"]);
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.contains("@event started"), "{output}");
}

/// Serves a board until the process gets a signal. Returns the exit status and what was printed.
#[cfg(unix)]
fn serve_until(signal: &str, args: &[&str]) -> (Option<i32>, String) {
    use std::io::{BufRead, BufReader, Read};
    let mut server = Command::new(env!("CARGO_BIN_EXE_espalier"))
        .args(["serve", FIRMWARE, "--board", "mpython"])
        .args(args)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut printed = String::new();
    // The line about the page is the last one.
    while !printed.contains("http://") {
        assert_ne!(output.read_line(&mut printed).unwrap(), 0, "{printed}");
    }
    let killed = Command::new("/bin/kill").args([signal, &server.id().to_string()]).status().unwrap();
    assert!(killed.success());
    output.read_to_string(&mut printed).unwrap();
    (server.wait().unwrap().code(), printed)
}

#[cfg(unix)]
#[test]
fn a_server_leaves_its_coverage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("served.info");
    let (status, printed) = serve_until("-INT", &["--fast", "--coverage", file.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{printed}");
    let report = std::fs::read_to_string(file).unwrap();
    assert!(report.starts_with("TN:core0\nSF:") && report.ends_with("end_of_record\n"), "{report:.300}");
    let (status, _, errors) = espalier(&["serve", file!(), "--coverage", "x.info"]);
    assert!(status == Some(1) && !std::path::Path::new("x.info").exists(), "{errors}");
}

#[cfg(unix)]
#[test]
fn a_server_ends_orderly_by_either_signal_and_says_what_each_port_is_for() {
    let (status, printed) = serve_until("-TERM", &[]);
    assert_eq!(status, Some(143), "{printed}");
    assert!(printed.contains("stopped at ") && printed.ends_with(" of board time\n"), "{printed}");
    let line = |name: &str| printed.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
    assert!(line("PTY").contains("without DTR and RTS") && line("PTY").contains("rfc2217://"), "{printed}");
    assert!(line("serial").contains("telnet"), "{printed}");
    assert!(line("GDB").contains("xtensa-esp32-elf-gdb"), "{printed}");
    assert_eq!(line("QMP"), "", "it is not offered unless it is asked for");
    let (status, printed) = serve_until("-INT", &["--qmp", "0"]);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("QMP") && printed.contains("stopped at "), "{printed}");
}
