//! The command line.

mod fuzz;
mod parse;
mod shared;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use espalier::{Model, Span};
use espalier_scenario::Pattern;

use espalier_serve::Level;
pub use fuzz::FuzzArgs;
#[cfg(feature = "fuzz")]
pub use fuzz::FuzzInput;
pub use parse::{At, Endpoint, Forward, PeerForward, Signal};
use parse::{BAUD, endpoint, is_cut, is_in_air, level, span};
pub use shared::{AtArgs, CaptureArgs, NetworkArgs, SetupArgs, StrictArgs, TableArgs, TimeArgs};

/// The host's own address, which is the default: other hosts reach a board only if its user says so.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const EXAMPLES: &str = "\
Examples:
  espalier demo
      the tutorial's client and server, from flashing to the OLED
  espalier run firmware.bin
      a board with its console on this terminal; Ctrl-] leaves
  espalier run app.bin --for 2s --screen-dir out
      two seconds of board time, and every screen as a PNG
  espalier run app.bin --host-forward 8080:80
      the board's web server on http://127.0.0.1:8080
  espalier flash app.elf --output flash.bin
      through the serial download mode into a flash image
  espalier run-script hello.py --firmware micropython.bin
      a script on the board's MicroPython
  espalier test scenarios
      tests written in TOML or YAML
  espalier screen accept
      what failed tests showed becomes golden
  espalier image info firmware.bin
      what is in a firmware file

Exit status: 0 if everything held, 1 if something failed, 2 for wrong usage,
130 after Ctrl-C, 143 after SIGTERM, 141 if the reader of the output is gone.
NO_COLOR and pipes are respected.";

/// An emulated ESP32 board, and a harness that tests firmware on it.
#[derive(Debug, Parser)]
#[command(name = "espalier", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play the tutorial's TCP client and server on an emulated board and check every screen.
    Demo(DemoArgs),
    /// Run firmware with its console on this terminal and its OLED drawn live.
    Run(RunArgs),
    /// Write firmware into an emulated chip through its serial download mode, and save the flash.
    Flash(FlashArgs),
    /// Run firmware, and write what its user does and sees as a scenario.
    Record(RecordArgs),
    /// Run a script on a board's MicroPython, with its output and its exit status here.
    RunScript(ScriptArgs),
    /// Run tests that are written in TOML or YAML.
    Test(TestArgs),
    /// Make a report of what the boards of a test run have executed.
    Coverage(CoverageArgs),
    /// Show again what an exploration has found.
    Replay {
        /// The finding: `target/espalier/findings/NAME.toml`.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Keep its case in this folder of a package, from where its test takes it from now on, instead of showing it.
        #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = espalier_explore::KEPT_FOLDER)]
        keep: Option<PathBuf>,
    },
    /// Look for bytes that firmware does not survive.
    Fuzz(FuzzArgs),
    /// Write a first test for the firmware of a project.
    Init(InitArgs),
    /// Make an emulated board reachable: RFC 2217, TCP, PTY, QMP, GDB, and a page in a browser.
    Serve(ServeArgs),
    /// Press a button or a touch pad of a board that is served.
    Press(PressArgs),
    /// Set a property of a part of a board that is served, such as the level of a sensor.
    Set {
        /// The name of the part.
        part: String,
        /// The property, such as level, volts, temperature or acceleration.
        property: String,
        /// A number, a list such as `[0,0,1]`, true, false, or a text.
        #[arg(allow_hyphen_values = true)]
        value: String,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Print what a pin of a board that is served carries, or drive it.
    Pin {
        /// The number of the GPIO.
        gpio: usize,
        /// Hold it at a level from now on, or let go of it.
        #[arg(value_parser = level)]
        level: Option<Level>,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Say whether the Ethernet cable of a board that is served is cut, or cut it.
    Cable {
        /// Cut it, or put it back.
        #[arg(value_name = "cut|back", value_parser = is_cut)]
        cut: Option<bool>,
        #[command(flatten)]
        at: AtArgs,
    },
    /// List the Wi-Fi networks around a board that is served, or take one away.
    Network {
        /// Its name; otherwise all networks are listed.
        #[arg(requires = "on")]
        ssid: Option<String>,
        /// Take it out of the air, or give back one that was taken.
        #[arg(value_name = "away|back", value_parser = is_in_air)]
        on: Option<bool>,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Run several boards of a file in one world, with their consoles here.
    World(WorldArgs),
    /// Show, compare and accept pictures of screens.
    Screen {
        #[command(subcommand)]
        action: ScreenAction,
    },
    /// Look into firmware files.
    Image {
        #[command(subcommand)]
        action: ImageAction,
    },
    /// List the boards that ESPALIER_BOARD can name, and who uses them.
    Boards,
    /// Check that everything works here, and say what does not.
    Doctor,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The firmware is what ESP-IDF, PlatformIO, Arduino or Cargo have built in the
folder, or what --firmware names. It runs for three seconds of board time, and
what it prints and shows becomes what scenarios/boot.toml expects.

Examples:
  espalier init
  espalier init --firmware micropython.bin")]
pub struct InitArgs {
    /// The folder of the project.
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    /// The firmware, if it is not in the project's folder.
    #[arg(long, value_name = "FIRMWARE")]
    pub firmware: Option<PathBuf>,
    #[command(flatten)]
    pub setup: SetupArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A scenario names a board, its firmware, and steps:

  board = \"mpython\"
  firmware = \"firmware.bin\"
  steps = [
      { expect = '/@event address (?<address>[0-9.]+)/' },
      { listen = 5001 },
      { send = \"client ${peer} 5001\" },
      { accept = \"phone\" },
      { peer-send = \"hello\" },
      { screen = \"client-received\" },
  ]

Paths in it are from its own folder. --schema prints the JSON Schema, with which
editors complete and check scenarios; it explains every key. A folder stands for
all scenarios in it.

A test that fails leaves its console, traffic and pictures in a folder below
target/espalier/scenarios, or below ESPALIER_ARTEFACTS. Inside GitHub's workflows,
failures are shown beside the lines of the scenario.

Examples:
  espalier test scenarios --filter client
  espalier test login.yaml --repeat 100 --fail-fast
  espalier test scenarios --junit junit.xml
  espalier test scenarios --target qemu")]
pub struct TestArgs {
    /// Scenarios, and folders of them; otherwise the folder `scenarios`.
    #[arg(value_name = "FILE|FOLDER")]
    pub paths: Vec<PathBuf>,
    /// Only tests whose names contain this text. May be given several times.
    #[arg(long, value_name = "TEXT")]
    pub filter: Vec<String>,
    /// Print the names of the tests and run none.
    #[arg(long)]
    pub list: bool,
    /// Make pictures that differ from their goldens the new goldens.
    #[arg(long)]
    pub bless: bool,
    /// Run every test so often.
    #[arg(long, value_name = "NUMBER")]
    pub repeat: Option<NonZeroUsize>,
    /// Begin no test after the first failure.
    #[arg(long)]
    pub fail_fast: bool,
    /// Number of tests that run at once; otherwise as many as there are processors.
    #[arg(short, long, value_name = "NUMBER")]
    pub jobs: Option<NonZeroUsize>,
    /// Board to run on, overriding ESPALIER_BOARD: emulator, qemu, bench, a serial port, or a name in bench.toml.
    #[arg(long, value_name = "BOARD")]
    pub target: Option<String>,
    /// Write a report in JUnit's format.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write a report in the Test Anything Protocol.
    #[arg(long, value_name = "FILE")]
    pub tap: Option<PathBuf>,
    /// Count the code that the cores of all boards execute, and write a tracefile of lcov: functions, lines and branches of the ELF file
    /// beside each firmware.
    #[arg(long, value_name = "FILE")]
    pub coverage: Option<PathBuf>,
    /// Print the JSON Schema of scenarios.
    #[arg(long)]
    pub schema: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
With a folder in ESPALIER_COVERAGE, every emulated board of a test run counts the
code that its cores execute, and writes it there. The report is a tracefile of
lcov: functions, lines and branches of the ELF file beside each firmware, each
core as a test of its own.

Example:
  ESPALIER_COVERAGE=target/coverage cargo test
  espalier coverage target/coverage -o firmware.info
  genhtml --branch-coverage firmware.info -o target/coverage/html")]
pub struct CoverageArgs {
    /// The folder.
    pub folder: PathBuf,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The ELF file of firmware that has none beside its image.
    #[arg(long, value_name = "FILE")]
    pub elf: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The file is TOML; paths in it are seen from its folder:

  access-points = [\"home:12345678\"]    # in the air: SSID, or SSID:PASSWORD
  [[board]]
  name = \"server\"
  model = \"mpython\"                    # esp32-devkit if it is left out
  firmware = \"server.bin\"
  input = [\"server 5001\"]              # lines for its console, once that is quiet
  expect = [\"listening\", \"/accepted .*/\"]
  fail-on = [\"panic\"]

All boards have one clock, one air and one LAN: 10.0.0.0/16, the first at
10.0.4.100 by Wi-Fi and 10.0.4.101 by Ethernet, the second at .102 and .103.

With an expect in it, the world ends as soon as all consoles have said what is
expected, each in this order, and with exit status 1 if that does not happen:
before --for is over, or --within, which is 30s otherwise.")]
pub struct WorldArgs {
    /// The file that describes the world.
    pub file: PathBuf,
    /// Stop after this much time of the world, such as 2s or 500ms.
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub limit: Option<Span>,
    /// Fail if not all that is expected was seen within this much time of the world, such as 5s.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub within: Option<Span>,
    /// Threads for the boards; otherwise one for each processor. What happens is the same.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub time: TimeArgs,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the pictures and the report.
    #[arg(long, value_name = "FOLDER", default_value = "target/espalier/demo")]
    pub output: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal, keys go to the board, Ctrl-C included; Ctrl-] leaves. Board time
then keeps pace with the clock on the wall. Elsewhere, or with --for, the board
runs as fast as it can; without --for it ends when the input has ended and the
console has been quiet for two seconds of board time. With --window, it keeps
pace as well, and ends when the window is closed.

A crash ends it with exit status 1: a panic or abort of the firmware, a reset by
a watchdog or for want of voltage, or three restarts within two seconds of each
other. A restart that the firmware asks for is none, nor is a wake from deep
sleep. With --allow-reset the board goes on.

With --expect it ends as soon as everything expected was seen, in this order,
each in a line of the console, and with exit status 1 if that does not happen:
before --for is over, or --within, which is 30s otherwise.

Examples:
  espalier run firmware.bin --board mpython
  espalier run firmware.bin --for 500ms --pcap boot.pcap
  espalier run firmware.bin --host-forward 5001:5001
      then: nc 127.0.0.1 5001
  espalier run firmware.bin --peer 5001=127.0.0.1:6001
      the board's peer.lan:5001 is port 6001 here
  espalier run micropython.bin --access-point home:12345678 --air-pcap air.pcap
      its script joins the network home; Wireshark reads the file
  echo status | espalier run firmware.bin --expect '/@status .*messages=0/'
  espalier run firmware.bin --expect ready --fail-on '/^E \\(/' --within 5s
  espalier run micropython.bin --save-at '>>> ' at-the-prompt.espalier
      and from there, as often as it is wanted:
  espalier run at-the-prompt.espalier
  espalier run firmware.bin --board mpython --live
      its buttons, sensors and display in a browser")]
#[command(group(ArgGroup::new("awaited").args(["expect", "save_at"]).multiple(true)))]
pub struct RunArgs {
    /// Firmware: an application's .bin, a merged image, an ELF file, or the folder of a build; or a board that --save-at has saved.
    pub image: PathBuf,
    #[command(flatten)]
    pub table: TableArgs,
    #[command(flatten)]
    pub setup: SetupArgs,
    /// Stop after this much board time, such as 2s or 500ms.
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub limit: Option<Span>,
    /// Text or a regular expression that a line of the console has to contain; several in this order.
    #[arg(long, value_name = "TEXT|/REGEX/")]
    pub expect: Vec<Pattern>,
    /// Fail when a line of the console contains this text or regular expression.
    #[arg(long, value_name = "TEXT|/REGEX/")]
    pub fail_on: Vec<Pattern>,
    /// Save the board into this file when a line of the console contains this text or regular expression, and end there unless
    /// something is expected too. A run of that file goes on from that moment.
    #[arg(long, num_args = 2, value_names = ["TEXT|/REGEX/", "FILE"], conflicts_with_all = ["host_forward", "peer"])]
    pub save_at: Vec<String>,
    /// Fail if not all that is expected was seen within this much board time, such as 5s.
    #[arg(long, value_name = "TIME", value_parser = span, requires = "awaited")]
    pub within: Option<Span>,
    /// Go on when the firmware crashes.
    #[arg(long)]
    pub allow_reset: bool,
    /// Save every screen that stays for a moment into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub screen_dir: Option<PathBuf>,
    /// Do not draw the OLED.
    #[arg(long)]
    pub no_screen: bool,
    /// Show the OLED in a window, in a build with the feature "window".
    #[arg(long, conflicts_with = "no_screen")]
    pub window: bool,
    /// Show the board on a page that this computer serves, on a port of its choice or on this one, to watch and to touch. It runs
    /// in real time, until Ctrl-C if nothing else ends it, and the page pauses it, saves its records, and more.
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    pub live: Option<u16>,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub captures: CaptureArgs,
    #[command(flatten)]
    pub strict: StrictArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The board runs as with `espalier run --live`: its console is here, and on the
page whose address is printed are its buttons, sensors and pins, and the peer on
its network, which listens, connects and sends. What you do becomes a step, and
before it the scenario waits for the last line that the board had printed or
sent. `Expect` on the page, or Ctrl-\\ here, has the scenario expect what the
display shows. Ctrl-] or Ctrl-C ends the session, writes the file and the golden
pictures beside it, and plays the scenario once to see whether it passes.

Connections of --peer and --host-forward do not become steps.

Examples:
  espalier record firmware.bin --board mpython --output scenarios/menu.toml
  espalier test scenarios/menu.toml")]
pub struct RecordArgs {
    /// The scenario to write: TOML, or YAML if its name ends in .yaml.
    #[arg(short, long, value_name = "FILE", default_value = "scenarios/recorded.toml")]
    pub output: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The chip's own ROM loader and espflash's stub do the work, as on a real board.
The file holds the whole flash chip; run it with espalier, or with any emulator
that takes a flash image.

Examples:
  espalier flash app.bin
      is it written and verified?
  espalier flash app.elf --output flash.bin
      and what is in flash then?
  espalier run flash.bin")]
pub struct FlashArgs {
    /// Firmware: an application's .bin, a merged image, an ELF file, or the folder of a build.
    pub image: PathBuf,
    #[command(flatten)]
    pub table: TableArgs,
    /// The board around the chip: esp32-devkit, esp32c3-devkit, mpython, or a TOML file that describes one.
    #[arg(long, value_name = "NAME|FILE", default_value_t)]
    pub board: Model,
    /// Save the content of the flash chip into this file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Bits per second on the serial line.
    #[arg(long, value_name = "RATE", default_value_t = 921_600, value_parser = clap::value_parser!(u32).range(BAUD))]
    pub baud: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The board boots its MicroPython, the script runs in the raw REPL, and what it
prints goes to the standard output. An exception ends it with exit status 1 and
its traceback, SystemExit with the status that it asks for. Options come before
the script's own arguments, which it finds in sys.argv. Without --within, a
server runs until Ctrl-C.

A board that crashes or restarts ends the script, and that is a failure, even if
the script itself called machine.reset() or machine.deepsleep(). With
--allow-reset it is an end as any other.

Examples:
  espalier run-script hello.py --firmware micropython.bin
  ESPALIER_IMAGE=micropython.bin espalier run-script measure.py --rounds 5
  espalier run-script draw.py --within 10s --screen oled.png")]
pub struct ScriptArgs {
    /// MicroPython's firmware, otherwise what ESPALIER_IMAGE names.
    #[arg(long, value_name = "IMAGE")]
    pub firmware: Option<PathBuf>,
    #[command(flatten)]
    pub table: TableArgs,
    #[command(flatten)]
    pub setup: SetupArgs,
    /// Fail if the script runs longer than this much board time, such as 10s.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub within: Option<Span>,
    /// Take a crash or a restart of the board for the script's end.
    #[arg(long)]
    pub allow_reset: bool,
    /// Save what the OLED shows at the end.
    #[arg(long, value_name = "FILE")]
    pub screen: Option<PathBuf>,
    /// The display or its driver's class, such as mpython.oled, for boards whose OLED only MicroPython knows.
    #[arg(long, value_name = "NAME")]
    pub mirror: Option<String>,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub captures: CaptureArgs,
    #[command(flatten)]
    pub strict: StrictArgs,
    /// The script.
    pub script: PathBuf,
    /// Arguments of the script.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without an image the flash chip is erased, for a tool to write. A port of 0 is
a free one; what was chosen is printed.

Examples:
  espalier serve micropython.bin --rfc2217 4000
  mpremote connect rfc2217://127.0.0.1:4000 exec 'print(1)'
  espalier serve --rfc2217 4000
  esptool --port rfc2217://127.0.0.1:4000 flash-id
  espalier serve app.bin --board mpython --qmp 4444
  espalier press a --at 4444
      and the same by hand on the page whose address is printed
  espalier serve app.elf --gdb 3333 --halt
  xtensa-esp32-elf-gdb app.elf -ex 'target remote :3333' -ex 'break main'

Which port for which tool: esptool, esp-idf-monitor, mpremote and ser2net reset
the board by DTR and RTS, which only rfc2217:// carries; the PTY has neither.
The plain TCP port is for socket:// of pyserial, or for nc; telnet sends whole
lines, and codes of its own. GDB has to know Xtensa, as xtensa-esp32-elf-gdb
does. The gdb-multiarch of Debian does not: \"'g' packet reply is too long\".

Of a board that --halt holds, code in flash cannot be read yet: the bootloader
maps it later. `set trust-readonly-sections on` has GDB take it from the file.")]
pub struct ServeArgs {
    /// Firmware: an application's .bin or ELF file, or a merged flash image; or a snapshot that the page has saved.
    pub image: Option<PathBuf>,
    #[command(flatten)]
    pub table: TableArgs,
    /// Serve the boards of this file instead, all in one world and in real time; see `espalier world`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["image", "fast", "download", "qmp"])]
    pub world: Option<PathBuf>,
    /// Have the world wait for its clients, so that time-outs on its boards do not depend on how busy this computer is.
    ///
    /// The boards' time stands while a client of a PTY has not read what its board has just printed, for about 250 ms at most, and then
    /// for about 50 ms, unless a client types something before.
    #[arg(long, requires = "world")]
    pub wait_for_clients: bool,
    #[command(flatten)]
    pub setup: SetupArgs,
    /// Run as fast as the host can, not in real time.
    ///
    /// The board's time keeps to the clock only while the host owes it an answer: on a forwarded connection from what the board
    /// sent last until the host answers, and half a second longer; on the serial line for half a second after the board has
    /// printed, if a client has typed since it came. A board that has been idle for 60 s of its time without a client stands
    /// still until a client connects.
    #[arg(long)]
    pub fast: bool,
    /// Start in the ROM's serial download mode.
    #[arg(long)]
    pub download: bool,
    /// Address to listen on; other hosts can reach the board if it is theirs to reach.
    #[arg(long, value_name = "ADDRESS", default_value_t = LOOPBACK)]
    pub listen: IpAddr,
    /// Port for UART0 as RFC 2217.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub rfc2217: u16,
    /// Port for UART0 as plain TCP.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub serial: u16,
    /// Offer QMP, the control protocol of QEMU, on this port. Beside QEMU's commands, x-press, x-set, x-pin, x-watch, x-send, x-screen,
    /// x-state, x-step, x-fast, x-cable and x-network do what the page does. Every program that can connect to it can have pictures
    /// written to your files.
    #[arg(long, value_name = "PORT")]
    pub qmp: Option<u16>,
    /// Port for GDB; on --listen's address unless it comes with one of its own. Otherwise a free one, if GDB knows the chip's cores.
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = endpoint)]
    pub gdb: Option<Endpoint>,
    /// Do not run before GDB or QMP says so.
    #[arg(long)]
    pub halt: bool,
    /// Count the code that the cores execute, and write a tracefile of lcov at the end: functions, lines and branches of the ELF file
    /// beside the image.
    #[arg(long, value_name = "FILE", requires = "image", conflicts_with = "world")]
    pub coverage: Option<PathBuf>,
    /// Port for the page on which the board is watched and touched. Its address has a token that is new in each run.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub http: u16,
    /// Show the page under this name of the computer too, beside localhost and its address.
    #[arg(long, value_name = "NAME")]
    pub http_name: Vec<String>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Times are of the board. A press that --up ends lasts 50 ms at least.

Examples:
  espalier press a --at 4444
  espalier press a --for 2s --at 4444
  espalier press P --down --at 4444
  espalier press a --at 'http://127.0.0.1:8080/?token=...'")]
pub struct PressArgs {
    /// The name of the button or the touch pad.
    pub part: String,
    /// Length of the press, such as 2s or 150ms; otherwise 100ms.
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub length: Option<Span>,
    /// Hold it until --up.
    #[arg(long, conflicts_with_all = ["length", "up"])]
    pub down: bool,
    /// Let go of it.
    #[arg(long, conflicts_with = "length")]
    pub up: bool,
    #[command(flatten)]
    pub at: AtArgs,
}

#[derive(Debug, Subcommand)]
pub enum ScreenAction {
    /// Draw a picture on the terminal.
    Show {
        /// A PNG file.
        picture: PathBuf,
    },
    /// Save what a display of a board that is served shows.
    Save {
        /// The PNG file to write.
        file: PathBuf,
        /// The display's name, otherwise the first one of the board.
        #[arg(long, value_name = "NAME")]
        display: Option<String>,
        #[command(flatten)]
        at: AtArgs,
    },
    /// Compare two pictures pixel by pixel; the exit status is 1 if they differ.
    Diff {
        /// The expected picture.
        expected: PathBuf,
        /// The actual picture.
        actual: PathBuf,
        /// Write the difference in colour: red is missing, green is too much.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make what failed tests showed the new golden pictures.
    Accept {
        /// Where failed tests leave their files: otherwise what ESPALIER_ARTEFACTS names, or espalier in Cargo's build directory.
        folder: Option<PathBuf>,
        /// Only say what would be done.
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ImageAction {
    /// Say what is in a firmware file, and whether it is sound.
    Info {
        /// An application's .bin, a merged image, or an ELF file.
        file: PathBuf,
        #[command(flatten)]
        table: TableArgs,
    },
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
