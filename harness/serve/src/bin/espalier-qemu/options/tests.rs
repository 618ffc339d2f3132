use super::{Action, Drive, Options, UsageError, help};
use espalier_core::Timing;
use espalier_serve::{Endpoint, Pace, Protocol, StreamConfig};
use espalier_soc::Strap;
use proptest::prelude::*;

fn parse(line: &str) -> Result<Action, UsageError> {
    Options::parse(line.split_whitespace().map(str::to_owned))
}

fn run(line: &str) -> Options {
    match parse(line) {
        Ok(Action::Run(options)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

fn stream(protocol: Protocol, endpoint: Endpoint) -> StreamConfig {
    StreamConfig { protocol, uart: 0, endpoint, telnet: false, wait: false }
}

fn server(port: u16) -> Endpoint {
    Endpoint::TcpServer(([127, 0, 0, 1], port).into())
}

fn kept(path: &str) -> Option<Drive> {
    Some(Drive { path: path.into(), written_back: true })
}

/// As pytest-embedded-qemu 2.9 starts it, without and with a file of eFuses.
#[test]
fn the_line_of_pytest_embedded() {
    let options = run("-nographic -machine esp32 -qmp tcp:127.0.0.1:4488,server,wait=off \
         -drive file=flash_image.bin,if=mtd,format=raw");
    assert_eq!(options.flash, kept("flash_image.bin"));
    let serial = stream(Protocol::Serial, Endpoint::Stdio);
    assert_eq!(options.streams, [stream(Protocol::Qmp, server(4488)), serial.clone()]);
    assert_eq!((options.strap, options.notes), (Strap::FlashBoot, vec![]));
    let options = run("-nographic -machine esp32 -qmp tcp:127.0.0.1:4488,server,wait=off \
         -global driver=esp32.gpio,property=strap_mode,value=0x0F -drive file=e.bin,if=none,format=raw,id=efuse \
         -global driver=nvram.esp32.efuse,property=drive,value=efuse -drive file=flash_image.bin,if=mtd,format=raw");
    assert_eq!((options.efuses, options.strap), (kept("e.bin"), Strap::Download));
    // The program that burns eFuses through this line waits for the monitor's prompt.
    let options = run("-nographic -machine esp32 -drive file=f.bin,if=mtd,format=raw -serial tcp::5566,server,nowait");
    let monitor = stream(Protocol::Monitor, Endpoint::Stdio);
    assert_eq!(options.streams, [stream(Protocol::Serial, server(5566)), monitor]);
}

/// Command lines of `idf.py qemu`, `idf.py qemu monitor`, `idf.py qemu gdb` and `idf.py qemu efuse-summary` of ESP-IDF 5.5.
#[test]
fn the_lines_of_idf_py() {
    let efuse = "-drive file=/b/qemu_efuse.bin,if=none,format=raw,id=efuse \
         -global driver=nvram.esp32.efuse,property=drive,value=efuse \
         -global driver=timer.esp32.timg,property=wdt_disable,value=true -nic user,model=open_eth";
    let line =
        |rest: &str| run(&format!("-M esp32 -m 4M -drive file=/b/qemu_flash.bin,if=mtd,format=raw {efuse} {rest}"));
    let alone = line("-nographic -serial mon:stdio");
    assert_eq!((&alone.flash, &alone.efuses), (&kept("/b/qemu_flash.bin"), &kept("/b/qemu_efuse.bin")));
    assert_eq!(alone.streams, [stream(Protocol::SerialAndMonitor, Endpoint::Stdio)]);
    assert_eq!(alone.psram_size, Some(4 << 20));
    assert_eq!((alone.signals, alone.notes.len()), (false, 1), "{:?}", alone.notes);
    let monitored = line("-nographic -serial tcp::5555,server");
    assert_eq!(monitored.streams[0], StreamConfig { wait: true, ..stream(Protocol::Serial, server(5555)) });
    let debugged = line("-gdb tcp::3333 -S -nographic -serial tcp::5555,server,nowait");
    assert_eq!(debugged.streams[0], stream(Protocol::Serial, server(5555)));
    assert_eq!((debugged.gdb.map(|address| address.port()), debugged.paused), (Some(3333), true));
    let graphic = line("-display sdl -serial mon:stdio");
    assert!(graphic.notes.iter().any(|note| note.starts_with("-display sdl: has no effect")), "{:?}", graphic.notes);
    let burning = run(&format!(
        "-M esp32 -m 4M {efuse} -nographic -global driver=esp32.gpio,property=strap_mode,value=0x0f \
         -serial tcp::5555,server,nowait"
    ));
    assert_eq!((burning.flash, burning.strap), (None, Strap::Download));
}

/// As labgrid's QEMUDriver starts it.
#[test]
fn the_line_of_labgrid() {
    let options = run("-drive if=mtd,format=raw,file=flash.bin -machine esp32 -cpu esp32 -m 4M -nographic \
         -nic user,model=open_eth -S -qmp stdio -chardev socket,id=serialsocket,path=/tmp/x/serialrw -serial chardev:serialsocket");
    let serial = stream(Protocol::Serial, Endpoint::UnixClient("/tmp/x/serialrw".into()));
    assert_eq!(options.streams, [stream(Protocol::Qmp, Endpoint::Stdio), serial]);
    assert!(options.paused);
    let flash = run("-drive if=pflash,format=raw,file=flash.bin,id=nor0 -machine esp32 -cpu esp32 -m 0 -display none");
    assert_eq!((flash.flash, flash.psram_size, flash.notes), (kept("flash.bin"), None, vec![]));
}

/// As Espressif's documentation starts it.
#[test]
fn the_line_of_the_documentation() {
    let options = run("-M esp32 -nographic -drive file=flash.bin,if=mtd,format=raw,snapshot=on \
         -nic user,model=open_eth,hostfwd=tcp:127.0.0.1:8080-:5001,hostfwd=tcp::8081-10.0.2.15:80 \
         -global driver=timer.esp32.timg,property=wdt_disable,value=true \
         -global driver=esp32.gpio,property=strap_mode,value=0x0F -serial tcp::5555,server,nowait -S");
    let forwards: Vec<_> = options.host_forwards.iter().map(|f| (f.host.port(), f.board_port)).collect();
    assert_eq!(forwards, [(8080, 5001), (8081, 80)]);
    assert_eq!((options.strap, options.paused), (Strap::Download, true));
    assert!(!options.flash.unwrap().written_back);
}

/// As a board in QEMU of the harness starts it: every connection leads to the program that starts it.
#[test]
fn the_line_of_a_board_of_the_harness() {
    let options = run("-M esp32 -display none -monitor none -serial tcp:127.0.0.1:1001 -qmp tcp:127.0.0.1:1002 \
         -nic socket,id=lan,model=open_eth,connect=127.0.0.1:1003 -drive file=flash.bin,if=mtd,format=raw \
         -global driver=timer.esp32.timg,property=wdt_disable,value=true");
    let here = |port| ([127, 0, 0, 1], port).into();
    let client = |port| Endpoint::TcpClient(here(port));
    assert_eq!(options.streams, [stream(Protocol::Serial, client(1001)), stream(Protocol::Qmp, client(1002))]);
    assert_eq!((options.cable_to, options.host_forwards.len()), (Some(here(1003)), 0));
}

#[test]
fn serial_ports_and_monitors_go_where_qemu_puts_them() {
    let file = |append| Endpoint::File { path: "log".into(), append };
    for (line, streams) in [
        ("", vec![stream(Protocol::SerialAndMonitor, Endpoint::Stdio)]),
        ("-nodefaults", vec![]),
        ("-serial none -monitor none", vec![]),
        ("-monitor none", vec![stream(Protocol::Serial, Endpoint::Stdio)]),
        ("-qmp stdio", vec![stream(Protocol::Qmp, Endpoint::Stdio)]),
        ("-serial file:log -monitor none", vec![stream(Protocol::Serial, file(false))]),
        ("-chardev file,id=f,path=log,append=on -serial chardev:f", vec![stream(Protocol::Serial, file(true))]),
        (
            "-chardev stdio,id=c,mux=on -serial chardev:c -mon chardev=c,mode=readline -serial null",
            vec![stream(Protocol::SerialAndMonitor, Endpoint::Stdio)],
        ),
        (
            "-serial telnet:localhost:23,server,nowait -monitor unix:/m,server=on,wait=off -qmp unix:/q",
            vec![
                StreamConfig { telnet: true, ..stream(Protocol::Serial, server(23)) },
                stream(Protocol::Monitor, Endpoint::UnixServer("/m".into())),
                stream(Protocol::Qmp, Endpoint::UnixClient("/q".into())),
            ],
        ),
        (
            "-chardev socket,id=s,host=127.0.0.1,port=23,server=on,telnet=on -serial chardev:s -monitor none",
            vec![StreamConfig { telnet: true, wait: true, ..stream(Protocol::Serial, server(23)) }],
        ),
    ] {
        assert_eq!(run(line).streams, streams, "{line}");
    }
    assert_eq!(run("-serial pty").ptys, [(0, "serial0".to_owned())]);
    assert_eq!(
        run("-chardev pty,id=x -serial chardev:x -serial none -serial pty").ptys,
        [(0, "x".to_owned()), (2, "serial2".to_owned())]
    );
    assert_eq!(run("-icount 3,sleep=off").pace, Some(Pace::Fast));
    let timings = ["", "-timing fast", "--timing silicon"].map(|line| run(line).timing);
    assert_eq!(timings, [None, Some(Timing::Fast), Some(Timing::Silicon)]);
    for (line, ends) in [("", false), ("-no-reboot", true), ("-action reboot=shutdown,panic=pause", true)] {
        assert_eq!(run(line).ends_with_reset, ends, "{line}");
    }
}

/// The n-th serial port is UARTn, whatever else stands on the line.
#[test]
fn more_serial_ports_are_the_other_uarts() {
    let uart = |uart, port| StreamConfig { uart, ..stream(Protocol::Serial, server(port)) };
    let options = run("-serial mon:stdio -qmp tcp::9,server=on,wait=off -serial tcp::1,server=on,wait=off \
         -serial tcp::2,server=on,wait=off");
    let both = stream(Protocol::SerialAndMonitor, Endpoint::Stdio);
    assert_eq!(options.streams, [both, stream(Protocol::Qmp, server(9)), uart(1, 1), uart(2, 2)]);
    let options = run("-chardev stdio,id=c,mux=on -serial none -monitor chardev:c -serial chardev:c");
    assert_eq!(options.streams, [StreamConfig { uart: 1, ..stream(Protocol::SerialAndMonitor, Endpoint::Stdio) }]);
}

#[test]
fn unknown_options_are_refused_by_name() {
    for (line, words) in [
        ("-machine esp32c3", "-machine esp32c3: unsupported machine type; there is esp32"),
        ("-machine esp32,secure=on", "'secure' is not known"),
        ("-nographc", "-nographc: invalid option; did you mean -nographic?"),
        ("-moniter none", "did you mean -monitor?"),
        ("-enable-kvm", "-enable-kvm: invalid option"),
        ("-smp 3", "-smp 3: invalid SMP CPUs 3; the machine has 2"),
        ("-cpu esp32s3", "unable to find this CPU model; there is esp32"),
        ("-timing slow", "'slow' is not known; there are fast and silicon"),
        ("-m much", "'much' is not the size of a PSRAM"),
        ("-m 3M", "'3M' is not the size of a PSRAM: 0, 2M, 4M and 8M are"),
        ("-gdb chardev:x", "chardev 'x' is not there"),
        ("-gdb pty", "only a serial port can be a pty"),
        ("-gdb stdio -nographic", "cannot use stdio by multiple character devices"),
        ("-drive file=x,if=none,format=raw,id=efuse", "drive 'efuse' is used by no device"),
        ("-global nvram.esp32.efuse.drive=efuse", "the eFuses use drive 'efuse', which is not there"),
        ("-drive file=x,if=sd", "the SD card's controller is not emulated"),
        ("-drive file=x,if=mtd,format=qcow2", "format 'qcow2' is not known; there is raw"),
        ("-drive file=x,if=mtd -drive file=y,if=mtd", "two drives are the same memory"),
        ("-drive", "-drive: requires an argument"),
        ("-serial /dev/ttyS0", "-serial /dev/ttyS0: there are stdio, mon:stdio"),
        ("-serial chardev:x", "chardev 'x' is not there"),
        ("-serial null -serial null -serial null -serial null", "the chip has 3 serial ports"),
        (
            "-chardev null,id=c,mux=on -serial chardev:c -serial chardev:c",
            "chardev 'c' can carry a serial port and a monitor",
        ),
        ("-chardev stdio,id=c -serial chardev:c -mon c", "mux=on lets it have several"),
        ("-serial stdio -monitor stdio", "cannot use stdio by multiple character devices"),
        ("-nographic -qmp stdio", "cannot use stdio by multiple character devices"),
        ("-nographic -daemonize", "-nographic cannot be used with -daemonize"),
        ("-nic socket,listen=127.0.0.1:1", "lacks connect="),
        ("-nic socket,model=open_eth", "lacks connect="),
        ("-nic user,model=e1000", "model 'e1000' is not known; there is open_eth"),
        ("-nic user,hostfwd=udp::1-:2", "a forwarded port is tcp:"),
        ("-device virtio-vga-gl", "'virtio-vga-gl' is not a device that can be plugged in"),
        ("flash.bin", "'flash.bin': a flash image is given as"),
    ] {
        let message = parse(line).unwrap_err().to_string();
        assert!(message.contains(words), "{line}: {message}");
    }
}

#[test]
fn options_without_a_meaning_are_accepted_with_a_notice() {
    let options =
        run("-smp 2 -cpu esp32 -nic none -net nic,model=open_eth -net user -watchdog-action none -no-shutdown \
         -L /usr/share -name board -rtc base=utc -d guest_errors -D log -smp 1 -icount 3 -vga none");
    let noted: Vec<&str> = options.notes.iter().map(|note| note.split(": has no effect: ").next().unwrap()).collect();
    assert_eq!(
        noted,
        [
            "-watchdog-action none",
            "-no-shutdown",
            "-L /usr/share",
            "-name board",
            "-rtc base=utc",
            "-d guest_errors",
            "-D log",
            "-smp 1",
            "-icount 3",
            "-vga none"
        ]
    );
}

#[test]
fn gdb_is_at_qemus_places() {
    for (line, port) in
        [("-nographic", None), ("-s -S", Some(1234)), ("-gdb tcp::3333", Some(3333)), ("-gdb none", None)]
    {
        assert_eq!(run(line).gdb.map(|address| address.port()), port, "{line}");
    }
    for (line, endpoint) in [
        ("-gdb stdio", Endpoint::Stdio),
        ("-gdb unix:/g,server=on,wait=off", Endpoint::UnixServer("/g".into())),
        ("-chardev stdio,id=x -gdb chardev:x", Endpoint::Stdio),
        ("-gdb tcp::3333 -gdb stdio", Endpoint::Stdio),
    ] {
        let options = run(&format!("{line} -serial none -monitor none"));
        assert_eq!((options.gdb, options.streams), (None, vec![stream(Protocol::Gdb, endpoint)]), "{line}");
    }
}

#[test]
fn version_and_help_end_the_line() {
    assert_eq!(parse("--version"), Ok(Action::Version));
    assert_eq!(parse("-nographic -help"), Ok(Action::Help));
    assert!(matches!(parse("-M help"), Ok(Action::List(list)) if list.contains("esp32 ")));
    let help = help();
    assert!(help.contains("  -machine, -M esp32|help\n      the only machine there is\n"), "{help}");
    assert!(help.contains("-watchdog-action") && help.lines().all(|line| line.len() <= 120), "{help}");
}

proptest! {
    #[test]
    fn no_line_panics(words in prop::collection::vec("(-(drive|nic|global|serial|qmp|chardev|mon|net|M))|[a-z=,:.0-9\u{e9}-]{0,12}", 0..6)) {
        // Names are looked up, so only addresses that are numbers are tried.
        prop_assume!(!words.iter().any(|word| word.contains("tcp:") || word.contains("telnet:")));
        let _ = Options::parse(words);
    }
}
