//! Every option: its names, its argument, what it does. Parsing, the help text and the hint for a misspelt name come from here.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Parsed;
use super::global::take_global;
use super::line::{Line, Role};
use super::network::{take_device, take_net, take_nic};
use super::take::{
    NO_WINDOW, take_action, take_chardev, take_cpu, take_display, take_drive, take_gdb, take_icount, take_machine,
    take_memory, take_mon, take_smp, take_timing, take_user,
};

/// The effect of an option.
#[derive(Clone, Copy)]
pub enum Meaning {
    Version,
    Help,
    Flag(fn(&mut Line)),
    Value(fn(&mut Line, &str) -> Parsed<()>),
    /// Nothing, for this reason.
    Moot(&'static str),
}

/// An option.
pub struct Row {
    names: &'static [&'static str],
    /// Empty: it takes none.
    pub argument: &'static str,
    help: &'static str,
    pub meaning: Meaning,
}

const fn row(names: &'static [&'static str], argument: &'static str, meaning: Meaning, help: &'static str) -> Row {
    Row { names, argument, help, meaning }
}

const fn moot(names: &'static [&'static str], argument: &'static str, reason: &'static str) -> Row {
    row(names, argument, Meaning::Moot(reason), "")
}

/// Where `-s` listens.
const GDB_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1234);
const NO_LOG: &str = "what is not modelled is told anyhow";
const NO_LOADER: &str = "firmware comes from the flash chip";
const NOT_QEMU: &str = "it is about how QEMU itself runs";

const TABLE: &[Row] = &[
    row(&["machine", "M"], "esp32|help", Meaning::Value(take_machine), "the only machine there is"),
    row(&["cpu"], "esp32|help", Meaning::Value(take_cpu), "its only kind of core"),
    row(&["smp"], "2", Meaning::Value(take_smp), "it has two of them"),
    row(
        &["m"],
        "SIZE",
        Meaning::Value(take_memory),
        "size of the PSRAM: 2M, 4M or 8M; without it, or with 0, there is none",
    ),
    row(
        &["drive"],
        "file=F,if=mtd,format=raw[,readonly=on][,snapshot=on]",
        Meaning::Value(take_drive),
        "the flash chip: 2, 4, 8 or 16 MB; written back as a whole when the program ends, through symbolic links, and in place only \
         if it has several hard links; no other program may write it meanwhile. With if=none,id=efuse and -global \
         driver=nvram.esp32.efuse,property=drive,value=efuse: the eFuses, 124 bytes, written when one is burnt",
    ),
    row(
        &["mtdblock"],
        "F",
        Meaning::Value(|line, value| take_drive(line, &format!("if=mtd,format=raw,file={value}"))),
        "-drive file=F,if=mtd",
    ),
    row(&["snapshot"], "", Meaning::Flag(|line| line.snapshot = true), "write nothing back"),
    row(
        &["global"],
        "driver=D,property=P,value=V",
        Meaning::Value(take_global),
        "esp32.gpio strap_mode=0x0f starts in the ROM's download mode",
    ),
    row(
        &["kernel"],
        "F",
        Meaning::Value(|line, value| {
            line.kernel = Some(value.into());
            Ok(())
        }),
        "an ELF file whose segments are put into RAM and that starts instead of the ROM",
    ),
    row(
        &["nographic"],
        "",
        Meaning::Flag(|line| line.nographic = true),
        "UART0 and monitor on standard input and output (Ctrl-A h)",
    ),
    row(
        &["serial"],
        "TARGET",
        Meaning::Value(|line, value| take_user(line, Role::Serial, value)),
        "where UART0 goes; given again, where UART1 and UART2 go: stdio, \
        mon:stdio, pty, null, none, file:PATH, tcp:HOST:PORT, telnet:HOST:PORT, unix:PATH, chardev:ID; sockets with ,server=on and \
        ,wait=off",
    ),
    row(
        &["monitor"],
        "TARGET",
        Meaning::Value(|line, value| take_user(line, Role::Monitor, value)),
        "where commands for people come from",
    ),
    row(
        &["qmp", "qmp-pretty"],
        "TARGET",
        Meaning::Value(|line, value| take_user(line, Role::Qmp, value)),
        "where commands for programs \
        come from: system_reset, screendump, stop, cont, quit, ...",
    ),
    row(
        &["chardev"],
        "BACKEND,id=ID[,mux=on]",
        Meaning::Value(take_chardev),
        "a target that the three above name: socket, stdio, pty, file, null",
    ),
    row(&["mon"], "[chardev=]ID[,mode=readline|control]", Meaning::Value(take_mon), "a monitor or QMP on it"),
    row(
        &["nic", "netdev"],
        "user[,hostfwd=tcp:[ADDRESS]:PORT-:BOARDPORT]",
        Meaning::Value(take_nic),
        "ports of the host that lead to \
        ports of the board; socket,connect=HOST:PORT: Ethernet frames to and from a program",
    ),
    row(&["net"], "nic|user[,...]", Meaning::Value(take_net), "the same in QEMU's older words"),
    row(&["device"], "open_eth[,netdev=ID]", Meaning::Value(take_device), "the same"),
    row(
        &["gdb"],
        "tcp:[HOST]:PORT|TARGET",
        Meaning::Value(take_gdb),
        "a server for GDB, on TCP or anywhere that a serial port can go but a pty: GDB's `target remote | espalier-qemu -gdb stdio \
        ...` starts the board",
    ),
    row(&["s"], "", Meaning::Flag(|line| line.gdb = Some(GDB_ADDRESS)), "-gdb tcp::1234"),
    row(&["S"], "", Meaning::Flag(|line| line.paused = true), "do not run until QMP says `cont` or GDB continues"),
    row(
        &["no-reboot"],
        "",
        Meaning::Flag(|line| line.ends_with_reset = true),
        "end the program instead of resetting the chip",
    ),
    row(
        &["action"],
        "reboot=reset|shutdown",
        Meaning::Value(take_action),
        "what a reset does; -no-reboot is the second",
    ),
    row(
        &["icount"],
        "N[,sleep=off]",
        Meaning::Value(take_icount),
        "guest time is exact anyhow; with sleep=off as fast as the host can",
    ),
    row(
        &["timing"],
        "fast|silicon",
        Meaning::Value(take_timing),
        "the cycles that instructions and memory take: one for each instruction, or about those of the chip",
    ),
    row(
        &["pidfile"],
        "F",
        Meaning::Value(|line, value| {
            line.pid_file = Some(value.into());
            Ok(())
        }),
        "holds the process number while the program runs",
    ),
    row(
        &["daemonize"],
        "",
        Meaning::Flag(|line| line.daemonize = true),
        "go on in the background once every port is open",
    ),
    row(
        &["nodefaults"],
        "",
        Meaning::Flag(|line| line.no_defaults = true),
        "no serial port and no monitor unless they are named",
    ),
    row(&["display"], "none|...", Meaning::Value(take_display), "there is no window"),
    row(&["version"], "", Meaning::Version, "say which version of QEMU this takes the place of"),
    row(&["help", "h"], "", Meaning::Help, "this"),
    moot(&["accel", "overcommit", "msg", "sandbox", "run-with", "trace"], "X", NOT_QEMU),
    moot(&["no-user-config", "no-fd-bootchk"], "", NOT_QEMU),
    moot(&["L", "bios"], "PATH", "the chip's ROM is built in"),
    moot(&["name", "uuid"], "X", "boards are told apart by their ports"),
    moot(&["d", "D"], "X", NO_LOG),
    moot(&["rtc"], "X", "the chip's clock starts at zero, as on silicon"),
    moot(&["append", "dtb", "initrd", "boot"], "X", NO_LOADER),
    moot(&["watchdog-action"], "X", "a watchdog resets the chip, as on silicon"),
    moot(&["no-shutdown"], "", "nothing that the firmware does switches the board off"),
    moot(&["vga", "vnc", "k"], "X", NO_WINDOW),
    moot(&["full-screen"], "", NO_WINDOW),
    moot(&["audio", "audiodev"], "X", "there is no sound"),
    moot(&["parallel"], "X", "the chip has no parallel port"),
];

impl Row {
    pub fn find(name: &str) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.names.contains(&name))
    }

    /// The name that was meant, if one is close.
    pub fn nearest(name: &str) -> Option<&'static str> {
        let names = TABLE.iter().flat_map(|row| row.names).filter(|known| known.len() > 1);
        let distances = names.map(|known| (strsim::damerau_levenshtein(name, known), *known));
        let (distance, nearest) = distances.min()?;
        (distance <= 2 && distance < name.len()).then_some(nearest)
    }
}

/// The help text.
pub fn help() -> String {
    const WIDTH: usize = 100;
    const INDENT: usize = 6;
    let mut text =
        "usage: espalier-qemu [options]\n\nAn emulated ESP32 that takes the command line of qemu-system-xtensa.\n\n"
            .to_owned();
    let (moot, rows): (Vec<&Row>, Vec<&Row>) = TABLE.iter().partition(|row| matches!(row.meaning, Meaning::Moot(_)));
    let paragraph = |words: &mut dyn Iterator<Item = &str>, text: &mut String| {
        let mut column = WIDTH;
        for word in words {
            if column + 1 + word.len() > WIDTH {
                text.push('\n');
                text.push_str(&" ".repeat(INDENT));
                column = INDENT;
            } else {
                text.push(' ');
                column += 1;
            }
            text.push_str(word);
            column += word.len();
        }
        text.push('\n');
    };
    for row in rows {
        let names: Vec<String> = row.names.iter().map(|name| format!("-{name}")).collect();
        // Writing to a string cannot fail.
        let _ = write!(text, "  {} {}", names.join(", "), row.argument);
        paragraph(&mut row.help.split_whitespace(), &mut text);
    }
    let names: Vec<String> = moot.iter().flat_map(|row| row.names).map(|name| format!("-{name}")).collect();
    text.push_str("\nTaken, with a line that says that it has no effect:");
    paragraph(&mut names.iter().map(String::as_str), &mut text);
    text.push_str("\n  ESPALIER_PACE=fast\n      guest time as fast as the host can, instead of real time\n");
    text.push_str("  ESPALIER_TIMING=fast|silicon\n      -timing, which comes before it\n");
    text
}
