use super::{Action, Drive, Options, SerialTarget, UsageError};
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

/// As pytest-embedded-qemu 2.9 starts it.
#[test]
fn the_line_of_pytest_embedded() {
    let options = run("-nographic -machine esp32 -qmp tcp:127.0.0.1:4488,server,wait=off \
         -drive file=flash_image.bin,if=mtd,format=raw");
    assert_eq!(options.flash, Some(Drive { path: "flash_image.bin".into(), written_back: true }));
    assert_eq!(options.qmp, Some(([127, 0, 0, 1], 4488).into()));
    assert_eq!((options.serial, options.strap), (SerialTarget::MuxedStdio, Strap::FlashBoot));
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
    assert_eq!(options.serial, SerialTarget::Tcp(([127, 0, 0, 1], 5555).into()));
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
    assert_eq!(options.serial, SerialTarget::TcpTo(here(1001)));
    assert_eq!((options.qmp_to, options.cable_to), (Some(here(1002)), Some(here(1003))));
    assert_eq!((options.qmp, options.host_forwards.len()), (None, 0));
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    for (line, words) in [
        ("-machine esp32c3", "-machine esp32c3: unsupported machine type; there is esp32"),
        ("-machine esp32,secure=on", "'secure' is not known"),
        ("-monitor stdio", "-monitor stdio: there is none"),
        ("-gdb chardev:x", "-gdb chardev:x: only tcp:HOST:PORT"),
        ("-m 4M", "-m: invalid option"),
        ("-drive file=x,if=none,format=raw,id=efuse", "eFuse and other drives are not there; only if=mtd is"),
        ("-drive", "-drive: requires an argument"),
        ("-qmp unix:/x,server", "only tcp:HOST:PORT is there"),
        ("-nic socket,listen=127.0.0.1:1", "'listen' is not known"),
        ("-nic socket,model=open_eth", "lacks connect="),
        ("-nic user,hostfwd=udp::1-:2", "only hostfwd=tcp: is there"),
        ("flash.bin", "'flash.bin': a flash image is given as"),
    ] {
        let message = parse(line).unwrap_err().to_string();
        assert!(message.contains(words), "{line}: {message}");
    }
}

#[test]
fn gdb_is_at_qemus_places() {
    for (line, port) in
        [("-nographic", None), ("-s -S", Some(1234)), ("-gdb tcp::3333", Some(3333)), ("-gdb none", None)]
    {
        assert_eq!(run(line).gdb.map(|address| address.port()), port, "{line}");
    }
}

#[test]
fn version_and_help_end_the_line() {
    assert_eq!(parse("--version"), Ok(Action::Version));
    assert_eq!(parse("-nographic -help"), Ok(Action::Help));
    assert_eq!(parse("-M help"), Ok(Action::Machines));
}

proptest! {
    #[test]
    fn no_line_panics(words in prop::collection::vec("(-(drive|nic|global|serial|qmp|M))|[a-z=,:.0-9\u{e9}-]{0,12}", 0..6)) {
        // Names are looked up, so only addresses that are numbers are tried.
        prop_assume!(!words.iter().any(|word| word.contains("tcp:")));
        let _ = Options::parse(words);
    }
}
