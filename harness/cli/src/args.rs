//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use espalier::{Model, Span};

use crate::network::Network;

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
  espalier screen accept
      what failed tests showed becomes golden
  espalier image info firmware.bin
      what is in a firmware file

Exit status: 0 if everything held, 1 if something failed, 2 for wrong usage.
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
    /// Run a script on a board's MicroPython, with its output and its exit status here.
    RunScript(ScriptArgs),
    /// Make an emulated board reachable: RFC 2217, TCP, PTY, QMP, GDB, HTTP.
    Serve(ServeArgs),
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

Examples:
  espalier run firmware.bin --board mpython
  espalier run firmware.bin --for 500ms --pcap boot.pcap
  espalier run firmware.bin --host-forward 5001:5001
      then: nc 127.0.0.1 5001
  espalier run firmware.bin --peer 5001=127.0.0.1:6001
      the board's peer.lan:5001 is port 6001 here
  espalier run micropython.bin --access-point home:12345678 --air-pcap air.pcap
      its script joins the network home; Wireshark reads the file
  echo status | espalier run firmware.bin | grep @status")]
pub struct RunArgs {
    /// Firmware: an application's .bin, a merged image, or an ELF file.
    pub image: PathBuf,
    #[command(flatten)]
    pub table: TableArgs,
    /// The board around the chip: esp32-devkit, mpython, or a TOML file that describes one.
    #[arg(long, value_name = "NAME|FILE", default_value_t)]
    pub board: Model,
    /// Stop after this much board time, such as 2s or 500ms.
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub limit: Option<Span>,
    /// Save every screen that stays for a moment into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub screen_dir: Option<PathBuf>,
    /// Do not draw the OLED.
    #[arg(long)]
    pub no_screen: bool,
    /// Show the OLED in a window, in a build with the feature "window".
    #[arg(long, conflicts_with = "no_screen")]
    pub window: bool,
    /// Carry connections to this port of the host to a port of the board.
    #[arg(long, value_name = "HOSTPORT:BOARDPORT", value_parser = forward)]
    pub host_forward: Vec<Forward>,
    /// Carry the board's connections to this port of peer.lan to a server of the host.
    #[arg(long, value_name = "PORT=HOST:PORT", value_parser = peer)]
    pub peer: Vec<PeerForward>,
    /// Record the network into this file.
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Put a Wi-Fi network into the air around the board: open, or with WPA2.
    #[arg(long, value_name = "SSID[:PASSWORD]")]
    pub access_point: Vec<Network>,
    /// Record what is in the air into this file, as a Wi-Fi sniffer would.
    #[arg(long, value_name = "FILE")]
    pub air_pcap: Option<PathBuf>,
    /// Seed of everything that is random on the board.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Stop when the firmware touches hardware that is not modelled.
    #[arg(long)]
    pub strict: bool,
    /// With --strict, go on at this block of the chip, such as SDMMC. May be given several times.
    #[arg(long, value_name = "BLOCK", requires = "strict")]
    pub allow: Vec<String>,
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
    /// Firmware: an application's .bin, a merged image, or an ELF file.
    pub image: PathBuf,
    #[command(flatten)]
    pub table: TableArgs,
    /// The board around the chip: esp32-devkit, mpython, or a TOML file that describes one.
    #[arg(long, value_name = "NAME|FILE", default_value_t)]
    pub board: Model,
    /// Save the content of the flash chip into this file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Bits per second on the serial line.
    #[arg(long, value_name = "RATE", default_value_t = 921_600)]
    pub baud: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The board boots its MicroPython, the script runs in the raw REPL, and what it
prints goes to the standard output. An exception ends it with exit status 1 and
its traceback. Options come before the script's own arguments, which it finds
in sys.argv. Without --within, a server runs until Ctrl-C.

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
    /// The board around the chip: esp32-devkit, mpython, or a TOML file that describes one.
    #[arg(long, value_name = "NAME|FILE", default_value_t)]
    pub board: Model,
    /// Fail if the script runs longer than this much board time, such as 10s.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub within: Option<Span>,
    /// Save what the OLED shows at the end.
    #[arg(long, value_name = "FILE")]
    pub screen: Option<PathBuf>,
    /// The display or its driver's class, such as mpython.oled, for boards whose OLED only MicroPython knows.
    #[arg(long, value_name = "NAME")]
    pub mirror: Option<String>,
    /// Put a Wi-Fi network into the air around the board: open, or with WPA2.
    #[arg(long, value_name = "SSID[:PASSWORD]")]
    pub access_point: Vec<Network>,
    /// Record what is in the air into this file, as a Wi-Fi sniffer would.
    #[arg(long, value_name = "FILE")]
    pub air_pcap: Option<PathBuf>,
    /// Seed of everything that is random on the board.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Stop when the firmware touches hardware that is not modelled.
    #[arg(long)]
    pub strict: bool,
    /// With --strict, go on at this block of the chip, such as SDMMC. May be given several times.
    #[arg(long, value_name = "BLOCK", requires = "strict")]
    pub allow: Vec<String>,
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
    /// Firmware: an application's .bin or ELF file, or a merged flash image.
    pub image: Option<PathBuf>,
    #[command(flatten)]
    pub table: TableArgs,
    /// The board around the chip: esp32-devkit, mpython, or a TOML file that describes one.
    #[arg(long, value_name = "NAME|FILE", default_value_t)]
    pub board: Model,
    /// Run as fast as the host can while the board has work, not in real time.
    #[arg(long)]
    pub fast: bool,
    /// Start in the ROM's serial download mode.
    #[arg(long)]
    pub download: bool,
    /// Address to listen on; other hosts can reach the board if it is theirs to reach.
    #[arg(long, value_name = "ADDRESS", default_value_t = crate::serve::LOOPBACK)]
    pub listen: IpAddr,
    /// Port for UART0 as RFC 2217.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub rfc2217: u16,
    /// Port for UART0 as plain TCP.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub serial: u16,
    /// Offer QMP, the control protocol of QEMU, on this port. Whoever can connect to it can have pictures written to files of yours.
    #[arg(long, value_name = "PORT")]
    pub qmp: Option<u16>,
    /// Port for GDB; on --listen's address unless it comes with one of its own.
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = endpoint, default_value = "0")]
    pub gdb: Endpoint,
    /// Do not run before GDB or QMP says so.
    #[arg(long)]
    pub halt: bool,
    /// Port for the page with the OLED.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub http: u16,
    /// Show the page under this name of the computer too, beside localhost and its address.
    #[arg(long, value_name = "NAME")]
    pub http_name: Vec<String>,
    /// Carry connections to this port of the host to a port of the board.
    #[arg(long, value_name = "HOSTPORT:BOARDPORT", value_parser = forward)]
    pub host_forward: Vec<Forward>,
    /// Carry the board's connections to this port of peer.lan to a server of the host.
    #[arg(long, value_name = "PORT=HOST:PORT", value_parser = peer)]
    pub peer: Vec<PeerForward>,
    /// Put a Wi-Fi network into the air around the board: open, or with WPA2.
    #[arg(long, value_name = "SSID[:PASSWORD]")]
    pub access_point: Vec<Network>,
    /// Seed of everything that is random on the board.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
}

#[derive(Debug, Subcommand)]
pub enum ScreenAction {
    /// Draw a picture on the terminal.
    Show {
        /// A PNG file.
        picture: PathBuf,
    },
    /// Compare two pictures pixel by pixel; the exit status is 1 if they differ.
    Diff {
        /// What it should look like.
        expected: PathBuf,
        /// What it looks like.
        actual: PathBuf,
        /// Write the difference in colour: red is missing, green is too much.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make what failed tests showed the new golden pictures.
    Accept {
        /// Where failed tests leave their files.
        #[arg(default_value = "target/espalier")]
        folder: PathBuf,
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

/// How a firmware file is read.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// Where the partition table of a merged image is in flash, such as 0x10000. Otherwise it is looked for, from 0x8000 on.
    #[arg(long, value_name = "OFFSET", value_parser = flash_offset)]
    pub partition_table: Option<u32>,
}

/// A port of the host that leads to a port of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    pub host: u16,
    pub board: u16,
}

/// A port of the peer that leads to a server of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerForward {
    pub port: u16,
    pub host: SocketAddr,
}

/// A port to listen on, and perhaps an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub address: Option<IpAddr>,
    pub port: u16,
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    let (address, port) = match text.rsplit_once(':') {
        Some(("", port)) => (None, port),
        Some((address, port)) => {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            (Some(address.parse().map_err(|_| format!("'{address}' is no address"))?), port)
        }
        None => (None, text),
    };
    Ok(Endpoint { address, port: port.parse().map_err(|_| format!("'{port}' is no port"))? })
}

fn flash_offset(text: &str) -> Result<u32, String> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    let offset = u32::from_str_radix(&digits.replace('_', ""), radix);
    offset
        .ok()
        .filter(|offset| offset.is_multiple_of(0x1000) && *offset < 16 << 20)
        .ok_or_else(|| format!("{text:?} is no start of a flash sector, such as 0x8000 or 0x10000"))
}

fn forward(text: &str) -> Result<Forward, String> {
    let (host, board) = text.split_once(':').ok_or("expected HOSTPORT:BOARDPORT, such as 8080:80")?;
    Ok(Forward { host: port(host)?, board: port(board)? })
}

fn peer(text: &str) -> Result<PeerForward, String> {
    let (from, to) = text.split_once('=').ok_or("expected PORT=HOST:PORT, such as 5001=127.0.0.1:6001")?;
    let host = to.parse().map_err(|_| format!("{to:?} is no address with a port, such as 127.0.0.1:6001"))?;
    Ok(PeerForward { port: port(from)?, host })
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("{text:?} is no port between 1 and 65535"))
}

fn span(text: &str) -> Result<Span, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "min" => 60e6,
        _ => return Err(format!("{text:?} is no time, such as 2s, 500ms or 1.5min")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{number:?} is no number"))?;
    Ok(Span::from_micros((number * micros) as u64))
}

#[cfg(test)]
mod tests {
    use super::{Cli, Forward, flash_offset, forward, peer, span};
    use clap::CommandFactory;
    use espalier::Units;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_and_ports_are_read_or_explained() {
        assert_eq!(span("2s"), Ok(2.s()));
        assert_eq!(span("1.5ms"), Ok(1_500.us()));
        assert!(span("2").unwrap_err().contains("is no time"));
        assert_eq!(flash_offset("0x1_0000"), Ok(0x1_0000));
        assert_eq!(flash_offset("32768"), Ok(0x8000));
        assert!(["0x8001", "0x1000000", "there", "-1"].into_iter().all(|text| flash_offset(text).is_err()));
        assert_eq!(forward("8080:80"), Ok(Forward { host: 8080, board: 80 }));
        assert!(forward("8080:0").unwrap_err().contains("no port"));
        assert_eq!(peer("5001=127.0.0.1:6001").unwrap().host.port(), 6001);
        assert!(peer("5001=there").unwrap_err().contains("no address"));
    }
}
