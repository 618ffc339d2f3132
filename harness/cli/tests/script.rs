//! `espalier run-script` as its user sees it, on official MicroPython v1.23.0.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, what needs it is reported as ignored, and a line
//! says why.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

const IMAGE: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";
const OLED_HELLO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/scripts/oled_hello.py");
const OLED_GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/micropython/oled-hello.png");

/// `ESPALIER_IMAGES` names a directory with fetched images; otherwise it is where `ci/fetch-images` puts them.
fn image_path() -> PathBuf {
    let directory = std::env::var_os("ESPALIER_IMAGES").map(PathBuf::from);
    directory.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/images")).join(IMAGE)
}

fn run_script(image: Option<&Path>, script: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.args(["run-script", script]).args(args).env_remove("ESPALIER_IMAGE");
    command.envs(image.map(|image| ("ESPALIER_IMAGE", image)));
    let Output { status, stdout, stderr } = command.output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is text");
    (status.code(), text(stdout), text(stderr))
}

/// Runs `source` as `demo.py`, with these arguments of its own.
fn run(source: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("demo.py");
    std::fs::write(&path, source).expect("a file");
    run_script(Some(&image_path()), path.to_str().expect("a path"), args)
}

/// Runs `source` as `demo.py`, with these options of the command.
fn run_with(source: &str, options: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("demo.py");
    std::fs::write(&path, source).expect("a file");
    let (first, rest) = options.split_first().expect("an option");
    run_script(Some(&image_path()), first, &[rest, &[path.to_str().expect("a path")]].concat())
}

fn output_and_arguments_go_through() {
    let (status, output, errors) = run("import sys\nprint('你好')\nprint(sys.argv[1:])\n", &["--port", "5001"]);
    assert_eq!((status, output.as_str(), errors.as_str()), (Some(0), "你好\n['--port', '5001']\n", ""));
}

fn an_exception_is_a_failure_with_its_line() {
    let (status, output, errors) = run("print('before')\ndef f():\n  return 1 / 0\nf()\n", &[]);
    assert_eq!((status, output.as_str()), (Some(1), "before\n"));
    assert!(
        errors.starts_with("error: ZeroDivisionError: divide by zero\n  at ") && errors.contains("demo.py:3 in f"),
        "{errors}"
    );
    assert!(errors.contains("    3 │   return 1 / 0\n"), "{errors}");
}

fn time_is_limited_when_asked_for() {
    let (status, output, errors) =
        run("import sys\nprint(sys.argv[1:])\nwhile True: pass\n", &["--within", "500ms", "x", "--within"]);
    assert_eq!((status, output.as_str()), (Some(1), "['x', '--within']\n"));
    assert!(errors.contains("demo.py still ran after 0.5"), "{errors}");
}

fn an_exit_decides_the_status() {
    for (leaves, status, errors) in [
        ("sys.exit()", 0, ""),
        ("sys.exit(1)", 1, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no network')", 1, "no network\n"),
        ("raise SystemExit(None)", 0, ""),
    ] {
        let expected = (Some(status), "before\n".to_owned(), errors.to_owned());
        assert_eq!(run(&format!("import sys\nprint('before')\n{leaves}\n"), &[]), expected, "{leaves}");
    }
}

fn a_board_that_restarts_ends_the_script() {
    let restarts = "import machine\nprint('before')\nmachine.reset()\n";
    let (status, output, errors) = run(restarts, &[]);
    assert_eq!((status, output.as_str()), (Some(1), "before\n"));
    assert!(
        errors.starts_with("error: the board restarted while MicroPython was at work, by SW_CPU_RESET (0xc)"),
        "{errors}"
    );
    assert!(errors.contains("--allow-reset"), "{errors}");
    let sleeps = "import machine\nprint('before')\nmachine.deepsleep(1000)\n";
    for script in [restarts, sleeps] {
        assert_eq!(run_with(script, &["--allow-reset"]), (Some(0), "before\n".to_owned(), String::new()));
    }
    let (status, _, errors) = run("import machine\nmachine.WDT(timeout=1000)\nwhile True: pass\n", &[]);
    assert_eq!(status, Some(1));
    assert!(errors.starts_with("error: the firmware panicked: "), "{errors}");
}

fn connections_lead_to_the_host_and_are_recorded() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = server.accept().expect("the board connects");
        client.write_all(b"hello from the host\n").expect("the board reads");
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (pcap, air_pcap, peer) = (file("x.pcap"), file("air.pcap"), format!("5001=127.0.0.1:{port}"));
    let script = "import network, socket, time\n\
        wlan = network.WLAN(network.STA_IF)\nwlan.active(True)\nwlan.connect('home', '12345678')\n\
        while not wlan.isconnected(): time.sleep_ms(10)\n\
        s = socket.socket()\ns.connect(socket.getaddrinfo('peer.lan', 5001)[0][-1])\nprint(s.recv(100))\n";
    let options = [
        "--access-point",
        "home:12345678",
        "--peer",
        &peer,
        "--pcap",
        &pcap,
        "--air-pcap",
        &air_pcap,
        "--within",
        "60s",
    ];
    let (status, output, errors) = run_with(script, &options);
    assert_eq!((status, output.as_str(), errors.as_str()), (Some(0), "b'hello from the host\\n'\n", ""));
    serving.join().expect("no panic");
    assert!([pcap, air_pcap].iter().all(|path| std::fs::metadata(path).expect("a file").len() > 24));
}

fn a_missing_part_is_hinted_at() {
    let script = "from machine import I2C, Pin\nI2C(0, scl=Pin(22), sda=Pin(23)).writeto(0x3c, b'')\n";
    let (status, _, errors) = run(script, &[]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("ENODEV") && errors.contains("hint: ") && errors.contains("--board mpython"), "{errors}");
}

#[cfg(unix)]
fn a_signal_ends_it_with_its_own_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, pcap) = (folder.path().join("endless.py"), folder.path().join("x.pcap"));
    std::fs::write(&path, "print('runs')\nwhile True: pass\n").expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.arg("run-script").arg("--pcap").arg(&pcap).arg(&path).env("ESPALIER_IMAGE", image_path());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the command runs");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
    assert_eq!(line, "runs\n");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("a signal");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(std::fs::metadata(pcap).expect("a file").len() >= 24);
}

#[cfg(not(unix))]
fn a_signal_ends_it_with_its_own_status() {}

fn the_screen_is_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("oled.png");
    let image = image_path();
    let args = ["--screen", picture.to_str().expect("a path"), "--firmware", image.to_str().expect("a path")];
    let (status, output, errors) = run_script(None, OLED_HELLO, &args);
    assert_eq!((status, output.as_str(), errors.as_str()), (Some(0), "SSD1306 at 0x3c\n", ""));
    let pixels = |path: &Path| espalier::decode_png(&std::fs::read(path).expect("a file")).expect("a picture");
    assert!(pixels(&picture) == pixels(Path::new(OLED_GOLDEN)));
}

/// A write and a read of the first register of PWM2, which no driver explains.
const PWM2: &str = "import machine\nmachine.mem32[0x3ff6f000] = 5\nprint(machine.mem32[0x3ff6f000])\n";

fn unmodelled_registers_are_reported_once_and_counted() {
    let (status, output, errors) = run(PWM2, &[]);
    assert_eq!((status, output.as_str()), (Some(0), "5\n"));
    let lines: Vec<&str> = errors.lines().collect();
    let [note, summary] = lines[..] else { panic!("{errors}") };
    assert!(note.starts_with("espalier: not modelled: write of 0x5 to PWM2+0x0 (0x3ff6f000) by core "), "{note}");
    assert!(note.contains(" in the code at 0x40"), "{note}");
    assert_eq!(summary.trim_end(), "espalier: touched, but not modelled: PWM2: 2 accesses to 1 register");
}

fn a_driver_that_waits_for_hardware_that_is_not_there_is_explained() {
    // A register of PWM3, as of a state that never comes.
    let script = "import machine\nwhile not machine.mem32[0x3ff70008] & 1: pass\n";
    let (_, _, errors) = run(script, &["--within", "2s"]);
    let notes: Vec<&str> = errors.lines().filter(|line| line.starts_with("espalier: not modelled: ")).collect();
    assert!(!notes.is_empty() && notes.iter().all(|note| note.contains("PWM3+")), "{errors}");
    assert!(errors.contains("touched, but not modelled: "), "{errors}");
}

/// A served board says the same, as it happens.
fn a_served_board_reports_unmodelled_registers() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.arg("serve").arg(image_path()).arg("--fast").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("the command runs");
    // The rest of what it prints has somewhere to go as long as this lives.
    let mut output = BufReader::new(server.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"));
    let socket =
        output.by_ref().find_map(|line| Some(line.split_once("socket://")?.1.split_whitespace().next()?.to_owned()));
    let console = TcpStream::connect(socket.expect("an address")).expect("a port");
    let wait_for_prompt = || {
        let mut heard = Vec::new();
        while !heard.ends_with(b">>> ") {
            let mut byte = [0];
            (&console).read_exact(&mut byte).expect("a board that runs");
            heard.extend(byte);
        }
    };
    wait_for_prompt();
    (&console).write_all(b"import machine; machine.mem32[0x3ff6f000] = 5\r").expect("a port");
    wait_for_prompt();
    let interrupt = Command::new("kill").args(["-INT", &server.id().to_string()]).status().expect("kill runs");
    assert!(interrupt.success());
    let errors = BufReader::new(server.stderr.take().expect("a pipe")).lines();
    let errors: Vec<String> = errors.map(|line| line.expect("a line")).collect();
    let note = "espalier: not modelled: write of 0x5 to PWM2+0x0 (0x3ff6f000) by core ";
    assert!(errors.first().is_some_and(|line| line.starts_with(note)), "{errors:?}");
    let summary = "espalier: touched, but not modelled: PWM2: 1 access to 1 register";
    assert!(errors.iter().any(|line| line.trim_end() == summary), "{errors:?}");
    server.wait().expect("it ends");
}

fn strict_runs_go_on_at_blocks_that_are_allowed() {
    let strictly = |more: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("demo.py");
        std::fs::write(&path, PWM2).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
        command.args(["run-script", "--strict"]).args(more).arg(path).env("ESPALIER_IMAGE", image_path());
        let Output { status, stderr, .. } = command.output().expect("the command runs");
        (status.code(), String::from_utf8(stderr).expect("output is text"))
    };
    let (status, errors) = strictly(&[]);
    assert!(status == Some(1) && errors.contains("write of 0x5 to PWM2+0x0"), "{errors}");
    let (status, errors) = strictly(&["--allow", "PWM3", "--allow", "pwm2"]);
    assert_eq!(status, Some(0), "{errors}");
    let (status, errors) = strictly(&["--allow", "PMW2"]);
    assert!(
        status == Some(1)
            && errors.contains("no block `PMW2` to allow; its blocks are ")
            && errors.contains(", PWM2, "),
        "{errors}"
    );
}

fn without_firmware_the_error_names_the_variable() {
    let (status, _, errors) = run_script(None, OLED_HELLO, &[]);
    assert_eq!(status, Some(1));
    assert!(errors.starts_with("error: no firmware") && errors.contains("ESPALIER_IMAGE"), "{errors}");
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = !image_path().exists();
    if missing && !arguments.list {
        eprintln!(
            "\nWARNING: most of these tests do NOT run: {} is missing. Fetch it with ci/fetch-images.\n",
            image_path().display()
        );
    }
    let on_a_board: [(&str, fn()); 13] = [
        ("output_and_arguments_go_through", output_and_arguments_go_through),
        ("an_exception_is_a_failure_with_its_line", an_exception_is_a_failure_with_its_line),
        ("time_is_limited_when_asked_for", time_is_limited_when_asked_for),
        ("the_screen_is_saved", the_screen_is_saved),
        ("unmodelled_registers_are_reported_once_and_counted", unmodelled_registers_are_reported_once_and_counted),
        (
            "a_driver_that_waits_for_hardware_that_is_not_there_is_explained",
            a_driver_that_waits_for_hardware_that_is_not_there_is_explained,
        ),
        ("a_served_board_reports_unmodelled_registers", a_served_board_reports_unmodelled_registers),
        ("strict_runs_go_on_at_blocks_that_are_allowed", strict_runs_go_on_at_blocks_that_are_allowed),
        ("an_exit_decides_the_status", an_exit_decides_the_status),
        ("a_board_that_restarts_ends_the_script", a_board_that_restarts_ends_the_script),
        ("connections_lead_to_the_host_and_are_recorded", connections_lead_to_the_host_and_are_recorded),
        ("a_missing_part_is_hinted_at", a_missing_part_is_hinted_at),
        ("a_signal_ends_it_with_its_own_status", a_signal_ends_it_with_its_own_status),
    ];
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    let mut trials: Vec<Trial> =
        on_a_board.into_iter().map(|(name, test)| trial(name, test).with_ignored_flag(missing)).collect();
    trials.push(trial("without_firmware_the_error_names_the_variable", without_firmware_the_error_names_the_variable));
    libtest_mimic::run(&arguments, trials).exit_code()
}
