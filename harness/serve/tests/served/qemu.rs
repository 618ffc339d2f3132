//! `espalier-qemu` as other people's programs start it: `idf.py`, labgrid, suites for QEMU.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Link, PATIENCE, free};
use crate::network::tutorial_parts;

/// The tutorial's board.
const FLASH: usize = 8 << 20;
/// The ROM's first output.
const BANNER: &str = "ets Jul 29 2019";

/// A port that is free at the moment.
fn unused_port() -> u16 {
    TcpListener::bind(free()).unwrap().local_addr().unwrap().port()
}

fn flash_file(folder: &Path) -> PathBuf {
    let path = folder.join("qemu_flash.bin");
    let mut flash = vec![0xFF; FLASH];
    for (offset, bytes) in tutorial_parts() {
        flash[offset as usize..][..bytes.len()].copy_from_slice(&bytes);
    }
    std::fs::write(&path, &flash).unwrap();
    path
}

/// Starts the program with the words of `line`, in which braces stand for files of `folder`.
fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier-qemu"));
    command.current_dir(folder).args(line.split_whitespace()).env_remove("ESPALIER_PACE");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program that runs, with its terminal.
struct Program {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    said: String,
}

impl Program {
    fn start(folder: &Path, line: &str) -> Program {
        let mut child = command(folder, line).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Program { child, input, output, said: String::new() }
    }

    fn wait_for(&mut self, text: &str) {
        while !self.said.contains(text) {
            let mut piece = [0; 1024];
            let length = self.output.read(&mut piece).unwrap();
            assert_ne!(length, 0, "no {text:?} in {}", self.said);
            self.said.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.said.clear();
        self.input.write_all(keys).unwrap();
    }

    /// Waits for its end, and returns what it wrote to standard error.
    fn finish(mut self) -> String {
        drop(self.input);
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(self.child.wait().unwrap().success(), "{errors}");
        errors
    }
}

fn connect(port: u16) -> TcpStream {
    eventually(|| TcpStream::connect(("127.0.0.1", port)).ok())
}

fn eventually<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(outcome) = attempt() {
            return outcome;
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes a new eFuse file as `idf.py` does: a chip of revision 3 without a MAC address.
fn efuse_file(folder: &Path) -> PathBuf {
    let path = folder.join("qemu_efuse.bin");
    let mut efuses = [0; 124];
    (efuses[13], efuses[22]) = (0x80, 0x10);
    std::fs::write(&path, efuses).unwrap();
    path
}

/// The arguments that `idf.py qemu` of ESP-IDF 5.5 gives, up to the serial port.
const IDF: &str = "-M esp32 -m 4M -drive file=qemu_flash.bin,if=mtd,format=raw \
     -drive file=qemu_efuse.bin,if=none,format=raw,id=efuse -global driver=nvram.esp32.efuse,property=drive,value=efuse \
     -global driver=timer.esp32.timg,property=wdt_disable,value=true -nic user,model=open_eth -nographic";

#[test]
fn the_line_of_idf_py_has_console_and_monitor_on_one_terminal() {
    let folder = tempfile::tempdir().unwrap();
    flash_file(folder.path());
    let efuses = efuse_file(folder.path());
    let before = std::fs::read(&efuses).unwrap();
    let mut program = Program::start(folder.path(), &format!("{IDF} -serial mon:stdio"));
    program.wait_for("@event address");
    program.type_in(b"\x01c");
    program.wait_for("QEMU 9.2.2 monitor - type 'help' for more information\r\n(qemu) ");
    program.type_in(b"info status\r");
    program.wait_for("VM status: running");
    program.type_in(b"\x01c");
    program.type_in(b"server 5001\r\n");
    program.wait_for("@event listening");
    program.type_in(b"\x01cquit\r");
    let errors = program.finish();
    let option = "-global driver=timer.esp32.timg,property=wdt_disable,value=true";
    assert!(errors.contains(&format!("espalier-qemu: {option}: has no effect: ")), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert_eq!(std::fs::read(&efuses).unwrap(), before, "nothing was burnt");
}

#[test]
fn the_line_of_idf_py_with_a_monitor_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    flash_file(folder.path());
    efuse_file(folder.path());
    let (serial, monitor) = (unused_port(), unused_port());
    let line = format!(
        "{IDF} -serial tcp::{serial},server -monitor telnet:127.0.0.1:{monitor},server,nowait -pidfile number -d unimp"
    );
    let mut program = Program::start(folder.path(), &line);
    // The first client gets the board's output from its beginning.
    let mut first = connect(serial);
    first.wait_for(BANNER.as_bytes());
    first.wait_for(b"@event address");
    // `idf.py` connects once to see that the port is open, then its monitor does.
    drop(first);
    let mut console = connect(serial);
    console.write_all(b"server 5001\r\n").unwrap();
    console.wait_for(b"@event listening");
    let mut monitor = connect(monitor);
    let greeting = monitor.wait_for(b"(qemu) ");
    // The server echoes and suppresses go-aheads.
    assert!(greeting.starts_with(&[255, 251, 1, 255, 251, 3]), "{}", greeting.escape_ascii());
    monitor.write_all(b"nonsense\r\0").unwrap();
    monitor.wait_for(b"unknown command: 'nonsense'; type 'help'\r\n(qemu) ");
    let number = std::fs::read_to_string(folder.path().join("number")).unwrap();
    assert_eq!(number.trim(), program.child.id().to_string());
    assert!(Command::new("/bin/kill").args(["-TERM", number.trim()]).status().unwrap().success());
    program.said.clear();
    program.finish();
    assert!(!folder.path().join("number").exists());
}

#[cfg(unix)]
#[test]
fn the_line_of_labgrid_speaks_qmp_on_its_terminal_and_the_console_over_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    flash_file(folder.path());
    let listener = std::os::unix::net::UnixListener::bind(folder.path().join("serialrw")).unwrap();
    let mut program = Program::start(
        folder.path(),
        "-drive if=mtd,format=raw,file=qemu_flash.bin -machine esp32 -cpu esp32 -m 0 -nographic -nic user,model=open_eth -S -qmp stdio \
         -chardev socket,id=serialsocket,path=serialrw -serial chardev:serialsocket",
    );
    let (mut console, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(&mut program.output).lines();
    let mut answer = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert!(answer()["QMP"].is_object());
    let mut execute = |request: Value| {
        writeln!(program.input, "{request}").unwrap();
        loop {
            let answer = answer();
            if answer.get("event").is_none() {
                return answer["return"].clone();
            }
        }
    };
    execute(json!({"execute": "qmp_capabilities"}));
    assert_eq!(execute(json!({"execute": "query-status"}))["status"], "paused");
    let port = unused_port();
    let forward = |command: &str| json!({"execute": "human-monitor-command", "arguments": {"command-line": command}});
    assert_eq!(execute(forward(&format!("hostfwd_add tcp:127.0.0.1:{port}-:5001"))), "");
    execute(json!({"execute": "cont"}));
    let mut said = Vec::new();
    let mut hear = |console: &mut std::os::unix::net::UnixStream, text: &[u8]| {
        while !said.windows(text.len()).any(|window| window == text) {
            let mut piece = [0; 1024];
            let length = console.read(&mut piece).unwrap();
            assert_ne!(length, 0, "no {:?} in {}", text.escape_ascii(), said.escape_ascii());
            said.extend(&piece[..length]);
        }
    };
    hear(&mut console, b"@event address");
    console.write_all(b"server 5001\r\n").unwrap();
    hear(&mut console, b"@event listening");
    let mut client = connect(port);
    client.write_all(b"through a port that came later").unwrap();
    client.wait_for(b"through a port that came later");
    let removed = execute(forward(&format!("hostfwd_remove tcp:127.0.0.1:{port}")));
    assert_eq!(removed, format!("host forwarding rule for tcp:127.0.0.1:{port} removed\n"));
    execute(json!({"execute": "quit"}));
    program.finish();
}

#[test]
fn flash_console_forward_and_qmp_are_where_qemu_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = flash_file(folder.path());
    let (qmp, forward) = (unused_port(), unused_port());
    let line = format!(
        "-nographic -machine esp32 -qmp tcp:127.0.0.1:{qmp},server,wait=off -drive file=qemu_flash.bin,if=mtd,format=raw \
         -nic user,model=open_eth,hostfwd=tcp:127.0.0.1:{forward}-:5001"
    );
    let mut program = Program::start(folder.path(), &line);
    program.wait_for("@event address");
    program.type_in(b"server 5001\r\n");
    program.wait_for("@event listening");
    let mut client = TcpStream::connect(("127.0.0.1", forward)).unwrap();
    client.write_all(b"through the port of the host").unwrap();
    client.wait_for(b"through the port of the host");
    // Another board does not write the same file, but may read it.
    let refused = command(folder.path(), "-drive file=qemu_flash.bin,if=mtd,format=raw").output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(message.contains("'qemu_flash.bin' is in use: another process writes to it"), "{message}");
    let mut reader = Program::start(folder.path(), "-nographic -drive file=qemu_flash.bin,if=mtd,format=raw -snapshot");
    reader.wait_for(BANNER);
    reader.type_in(b"\x01x");
    reader.finish();
    let mut control = TcpStream::connect(("127.0.0.1", qmp)).unwrap();
    control.write_all(br#"{"execute":"qmp_capabilities"}{"execute":"quit"}"#).unwrap();
    program.finish();
    assert_eq!(std::fs::read(&path).unwrap().len(), FLASH);
}

#[cfg(unix)]
/// As `target remote | espalier-qemu -gdb stdio ...` does.
#[test]
fn gdb_can_be_at_the_other_end_of_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    flash_file(folder.path());
    let line = "-S -gdb stdio -serial none -monitor none -drive file=qemu_flash.bin,if=mtd,format=raw";
    let mut program = Program::start(folder.path(), line);
    program.type_in(b"$?#3f");
    program.wait_for("+$T05");
    // The address of the reset vector, in the order of its bytes in memory.
    program.type_in(b"+$p0#a0");
    program.wait_for("$00040040#");
    program.child.kill().unwrap();
    program.child.wait().unwrap();
}

#[test]
fn a_board_in_the_background_is_found_by_its_number_and_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let line = "-M esp32 -display none -daemonize -pidfile number -monitor none -serial file:console.log -qmp unix:qmp,server=on,wait=off";
    let started = command(folder.path(), line).output().unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let number: u32 = std::fs::read_to_string(at("number")).unwrap().trim().parse().unwrap();
    assert_ne!(number, 0);
    let second = command(folder.path(), line).output().unwrap();
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(message.contains("cannot create PID file 'number': another process holds it"), "{message}");
    eventually(|| std::fs::read_to_string(at("console.log")).is_ok_and(|log| log.contains(BANNER)).then_some(()));
    let mut control = std::os::unix::net::UnixStream::connect(at("qmp")).unwrap();
    control.write_all(br#"{"execute":"qmp_capabilities"}{"execute":"quit"}"#).unwrap();
    eventually(|| (!at("number").exists() && !at("qmp").exists()).then_some(()));
}

/// A program that writes `value` to `register` and stands still.
fn kernel(machine: u8, address: u32, register: u32, value: u32) -> Vec<u8> {
    #[rustfmt::skip]
    let code = [
        0x32, 0x62, 0x00, // s32i a3, a2, 0
        0x06, 0xFF, 0xFF, // j .
    ];
    elf(machine, address, [register, value], &code)
}

/// A program that sends back what UART1 and UART2 receive.
fn echo() -> Vec<u8> {
    #[rustfmt::skip]
    let code = [
        0x42, 0x22, 0x07, // first: l32i a4, a2, 28, the status of UART1
        0x40, 0x40, 0x74, // extui a4, a4, 0, 8, how much it has received
        0x16, 0x54, 0x00, // beqz a4, second
        0x42, 0x22, 0x00, // l32i a4, a2, 0
        0x42, 0x62, 0x00, // s32i a4, a2, 0
        0x42, 0x23, 0x07, // second: the same with UART2
        0x40, 0x40, 0x74,
        0x16, 0x74, 0xFE, // beqz a4, first
        0x42, 0x23, 0x00,
        0x42, 0x63, 0x00,
        0x86, 0xF7, 0xFF, // j first
    ];
    elf(XTENSA, 0x4008_0000, [UART1, UART2], &code)
}

/// An ELF file with one segment in instruction RAM, which has two words, and code that begins with them in a2 and a3.
fn elf(machine: u8, address: u32, [first, second]: [u32; 2], code: &[u8]) -> Vec<u8> {
    const HEADERS: usize = 52 + 32;
    let code = [
        first.to_le_bytes().as_slice(),
        &second.to_le_bytes(),
        &[0x21, 0xFE, 0xFF], // l32r a2, the first word
        &[0x31, 0xFE, 0xFF], // l32r a3, the second word
        code,
    ]
    .concat();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut elf = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    elf.extend([machine, 0]);
    elf.extend(words(&[1, address + 8, 52, 0, 0, 52 | 32 << 16, 1 | 40 << 16, 0]));
    elf.extend(words(&[1, HEADERS as u32, address, address, code.len() as u32, code.len() as u32, 5, 4]));
    assert_eq!(elf.len(), HEADERS);
    elf.extend(code);
    elf
}

/// EM_XTENSA.
const XTENSA: u8 = 94;
const UART0_FIFO: u32 = 0x3FF4_0000;
const UART1: u32 = 0x3FF5_0000;
const UART2: u32 = 0x3FF6_E000;
/// RTC_CNTL_OPTIONS0, whose highest bit resets the chip.
const RTC_OPTIONS: u32 = 0x3FF4_8000;
const SW_SYS_RST: u32 = 1 << 31;

#[test]
fn a_chip_that_resets_itself_ends_the_program_if_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kernel.elf"), kernel(XTENSA, 0x4008_0000, RTC_OPTIONS, SW_SYS_RST)).unwrap();
    // Several times: it may be over before anything waits for its end.
    for line in
        ["-kernel kernel.elf -nographic -no-reboot", "-kernel kernel.elf -nographic -action reboot=shutdown"].repeat(4)
    {
        Program::start(folder.path(), line).finish();
    }
}

#[test]
fn a_kernel_starts_in_ram_after_each_reset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kernel.elf");
    std::fs::write(&path, kernel(XTENSA, 0x4008_0000, UART0_FIFO, u32::from(b'K'))).unwrap();
    let mut program = Program::start(folder.path(), "-kernel kernel.elf -serial mon:stdio");
    program.wait_for("K");
    assert_eq!(program.said, "K", "the ROM has not run");
    program.type_in(b"\x01csystem_reset\r");
    program.wait_for("(qemu) K");
    program.type_in(b"\x01x");
    program.finish();
    for (content, words) in [
        (
            kernel(XTENSA, 0x400D_0020, 0, 0),
            "'kernel.elf' has code or data in flash, at 0x400d0020: `espalier flash kernel.elf",
        ),
        (kernel(XTENSA, 0x4000_0000, 0, 0), "the program: its segment at 0x40000000 is not in RAM"),
        (kernel(3, 0x4008_0000, 0, 0), "'kernel.elf' is no ELF file for Xtensa"),
        (b"\xe9 application".to_vec(), "'kernel.elf' is no ELF file for Xtensa"),
    ] {
        std::fs::write(&path, content).unwrap();
        let refused = command(folder.path(), "-kernel kernel.elf").output().unwrap();
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(message.starts_with(&format!("espalier-qemu: {words}")), "{message}");
    }
}

/// As in Espressif's QEMU, where the second and the third `-serial` are UART1 and UART2.
#[test]
fn the_other_uarts_are_the_other_serial_ports() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kernel.elf"), echo()).unwrap();
    let (first, second) = (unused_port(), unused_port());
    let line = format!(
        "-kernel kernel.elf -serial mon:stdio -serial tcp:127.0.0.1:{first},server=on,wait=off \
         -serial tcp:127.0.0.1:{second},server=on,wait=off"
    );
    let mut program = Program::start(folder.path(), &line);
    let (mut first, mut second) = (connect(first), connect(second));
    first.write_all(b"to the first").unwrap();
    second.write_all(b"to the second").unwrap();
    assert_eq!(first.wait_for(b"first"), b"to the first");
    assert_eq!(second.wait_for(b"second"), b"to the second");
    program.type_in(b"not echoed\x01x");
    let mut said = String::new();
    program.output.read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "UART0 says nothing");
    program.finish();
}

#[test]
fn a_bad_flash_file_is_named() {
    let run = |line: &str| command(Path::new("/"), line).output().unwrap();
    let missing = run("-drive file=/nowhere/flash.bin,if=mtd,format=raw");
    assert_eq!(missing.status.code(), Some(1));
    let message = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(message.starts_with("espalier-qemu: could not open '/nowhere/flash.bin': "), "{message}");
    let efuses = run("-drive file=/dev/null,if=none,id=e -global nvram.esp32.efuse.drive=e");
    let message = String::from_utf8_lossy(&efuses.stderr).into_owned();
    assert_eq!(message, "espalier-qemu: the eFuses: '/dev/null' has 0 bytes; the eFuses of an ESP32 have 124\n");
}
