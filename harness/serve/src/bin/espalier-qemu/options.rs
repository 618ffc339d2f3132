//! The command line of `qemu-system-xtensa`, as far as it makes sense for the emulated board.
//!
//! Options follow QEMU's manual ("Invocation"). Those that change nothing a guest can see are taken and ignored; any other that
//! is not known is refused, because a suite that asks for something must not silently get something else.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use espalier_serve::HostForward;
use espalier_soc::Strap;

/// Options without a value that change nothing here.
const IGNORED_FLAGS: [&str; 3] = ["no-user-config", "nodefaults", "no-shutdown"];
/// Options with a value that change nothing here: names, logs, and how QEMU itself runs.
const IGNORED_VALUES: [&str; 6] = ["accel", "D", "d", "icount", "name", "rtc"];
/// Options for things that are not there, which is all that they may say.
const ABSENT: [&str; 4] = ["audio", "display", "monitor", "vga"];
/// Properties that QEMU needs because its time is the host's, and that a board in guest time does not.
const IGNORED_GLOBALS: [&str; 1] = ["wdt_disable"];
const STRAP_PROPERTY: &str = "strap_mode";
/// GPIO_STRAP for flash boot and for the serial download mode.
const STRAP_FLASH: u32 = 0x12;
const STRAP_DOWNLOAD: u32 = 0x0F;
const MACHINE: &str = "esp32";
/// Where `-s` listens.
const GDB_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1234);
const NIC_MODEL: &str = "open_eth";
/// The kind of network that is somebody else's.
const SOCKET: &str = "socket,";

/// What is wrong with the command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("{0}: invalid option")]
    Unknown(String),
    #[error("-{0}: requires an argument")]
    NoValue(String),
    #[error("-{option} {value}: {reason}")]
    Value { option: String, value: String, reason: String },
    #[error("'{0}': a flash image is given as -drive file=F,if=mtd,format=raw")]
    Positional(String),
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Version,
    Machines,
    Help,
    Run(Box<Options>),
}

/// Where UART0 goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialTarget {
    /// Standard input and output, with Ctrl-A as an escape.
    MuxedStdio,
    /// Standard input and output.
    Stdio,
    /// A pseudo-terminal.
    Pty,
    /// A TCP port.
    Tcp(SocketAddr),
    /// A TCP connection to a program that listens there.
    TcpTo(SocketAddr),
    /// Nowhere.
    Null,
}

impl SerialTarget {
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            SerialTarget::Tcp(address) => Some(address),
            _ => None,
        }
    }

    pub fn destination(self) -> Option<SocketAddr> {
        match self {
            SerialTarget::TcpTo(address) => Some(address),
            _ => None,
        }
    }

    pub fn uses_stdio(self) -> bool {
        matches!(self, SerialTarget::MuxedStdio | SerialTarget::Stdio)
    }
}

/// The flash chip's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    pub path: PathBuf,
    /// What the firmware writes is written to the file.
    pub written_back: bool,
}

/// A board that is to run.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    pub flash: Option<Drive>,
    pub serial: SerialTarget,
    pub qmp: Option<SocketAddr>,
    pub gdb: Option<SocketAddr>,
    /// A QMP client that listens.
    pub qmp_to: Option<SocketAddr>,
    /// A program that listens for the board's Ethernet frames.
    pub cable_to: Option<SocketAddr>,
    pub host_forwards: Vec<HostForward>,
    pub strap: Strap,
    pub paused: bool,
}

type Parsed<T> = Result<T, String>;

impl Options {
    /// Reads the arguments, without the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Action, UsageError> {
        let mut options = Options {
            flash: None,
            serial: SerialTarget::MuxedStdio,
            qmp: None,
            gdb: None,
            qmp_to: None,
            cable_to: None,
            host_forwards: Vec::new(),
            strap: Strap::FlashBoot,
            paused: false,
        };
        let (mut serials, mut snapshot) = (0, false);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let Some(name) = argument.strip_prefix('-').filter(|name| !name.is_empty()) else {
                return Err(UsageError::Positional(argument));
            };
            let name = name.strip_prefix('-').unwrap_or(name).to_owned();
            match name.as_str() {
                "version" => return Ok(Action::Version),
                "help" | "h" => return Ok(Action::Help),
                "nographic" => continue,
                "S" => options.paused = true,
                "s" => options.gdb = Some(GDB_ADDRESS),
                "snapshot" => snapshot = true,
                flag if IGNORED_FLAGS.contains(&flag) => {}
                option if is_known(option) => {
                    let value = arguments.next().ok_or_else(|| UsageError::NoValue(name.clone()))?;
                    if ["M", "machine"].contains(&option) && value == "help" {
                        return Ok(Action::Machines);
                    }
                    options.take(option, &value, &mut serials).map_err(|reason| UsageError::Value {
                        option: name.clone(),
                        value,
                        reason,
                    })?;
                }
                _ => return Err(UsageError::Unknown(argument)),
            }
        }
        if let Some(drive) = &mut options.flash {
            drive.written_back &= !snapshot;
        }
        Ok(Action::Run(Box::new(options)))
    }

    fn take(&mut self, option: &str, value: &str, serials: &mut u32) -> Parsed<()> {
        match option {
            "M" | "machine" => check_machine(value)?,
            "drive" => self.flash = Some(parse_drive(value)?),
            "gdb" => self.gdb = parse_gdb(value)?,
            "qmp" => match parse_tcp(value)? {
                End::Server(address) => self.qmp = Some(address),
                End::Client(address) => self.qmp_to = Some(address),
            },
            "nic" | "netdev" if value.starts_with(SOCKET) => self.cable_to = Some(parse_cable(value)?),
            "nic" | "netdev" => self.host_forwards.extend(parse_nic(value)?),
            "global" => {
                if let Some(strap) = parse_global(value)? {
                    self.strap = strap;
                }
            }
            "serial" => {
                *serials += 1;
                let target = parse_serial(value)?;
                match *serials {
                    1 => self.serial = target,
                    _ if target == SerialTarget::Null => {}
                    _ => return Err("only UART0 can be reached".to_owned()),
                }
            }
            absent if ABSENT.contains(&absent) && !["none", "null"].contains(&value) => {
                return Err("there is none".to_owned());
            }
            // The others change nothing here.
            _ => {}
        }
        Ok(())
    }
}

fn is_known(option: &str) -> bool {
    ["M", "machine", "drive", "qmp", "gdb", "nic", "netdev", "global", "serial"].contains(&option)
        || IGNORED_VALUES.contains(&option)
        || ABSENT.contains(&option)
}

fn check_machine(value: &str) -> Parsed<()> {
    for (index, field) in fields(value).enumerate() {
        match field {
            (MACHINE, None) if index == 0 => {}
            ("type", Some(MACHINE)) | ("graphics", Some("off")) => {}
            (name, _) if index != 0 => return unexpected(name),
            _ => return Err(format!("unsupported machine type; there is {MACHINE}")),
        }
    }
    Ok(())
}

/// `name=value` and `name` in a list.
fn fields(list: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    list.split(',').map(|field| match field.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (field, None),
    })
}

fn unexpected<T>(name: &str) -> Parsed<T> {
    Err(format!("'{name}' is not known"))
}

fn parse_switch(value: &str) -> Parsed<bool> {
    match value {
        "on" | "yes" | "true" => Ok(true),
        "off" | "no" | "false" => Ok(false),
        other => Err(format!("'{other}' is neither on nor off")),
    }
}

fn parse_drive(value: &str) -> Parsed<Drive> {
    let (mut path, mut interface, mut written_back) = (None, None, true);
    for (name, value) in fields(value) {
        match (name, value) {
            ("file", Some(file)) => path = Some(PathBuf::from(file)),
            ("if", Some(kind)) => interface = Some(kind),
            ("format", Some("raw")) | ("id" | "cache" | "aio" | "index", Some(_)) => {}
            ("format", Some(format)) => return Err(format!("format '{format}' is not known; there is raw")),
            ("readonly" | "snapshot", Some(switch)) => written_back &= !parse_switch(switch)?,
            _ => return unexpected(name),
        }
    }
    match interface {
        Some("mtd") => path.map(|path| Drive { path, written_back }).ok_or_else(|| "lacks file=".to_owned()),
        Some("none") => Err("eFuse and other drives are not there; only if=mtd is".to_owned()),
        _ => Err("only if=mtd is there".to_owned()),
    }
}

/// `none`, or `tcp:HOST:PORT`, which is a server whether it says so or not.
fn parse_gdb(value: &str) -> Parsed<Option<SocketAddr>> {
    if value == "none" {
        return Ok(None);
    }
    let (End::Server(address) | End::Client(address)) = parse_tcp(value)?;
    Ok(Some(address))
}

/// Who listens on a TCP connection.
enum End {
    Server(SocketAddr),
    Client(SocketAddr),
}

/// `tcp:HOST:PORT[,server[,wait=off|nowait]]`; an empty host is this computer.
fn parse_tcp(value: &str) -> Parsed<End> {
    let address = value.strip_prefix("tcp:").ok_or("only tcp:HOST:PORT is there")?;
    let (address, rest) = address.split_once(',').unwrap_or((address, ""));
    let mut server = false;
    for (name, value) in fields(rest).filter(|(name, _)| !name.is_empty()) {
        match (name, value) {
            ("server", None | Some("on")) => server = true,
            ("server", Some("off")) => {}
            // The board does not wait for a client.
            ("nowait", None) | ("wait", Some("off")) | ("nodelay", _) => {}
            ("wait", Some("on")) => return Err("wait=on is not there".to_owned()),
            _ => return unexpected(name),
        }
    }
    let address = resolve(address)?;
    Ok(if server { End::Server(address) } else { End::Client(address) })
}

/// `socket,connect=HOST:PORT`: frames instead of a network of one's own.
fn parse_cable(value: &str) -> Parsed<SocketAddr> {
    let mut connect = None;
    for (name, value) in fields(value).skip(1) {
        match (name, value) {
            ("model", Some(NIC_MODEL)) | ("id", Some(_)) => {}
            ("model", Some(model)) => return Err(format!("model '{model}' is not known; there is {NIC_MODEL}")),
            ("connect", Some(address)) => connect = Some(resolve(address)?),
            _ => return unexpected(name),
        }
    }
    connect.ok_or_else(|| "lacks connect=".to_owned())
}

fn resolve(address: &str) -> Parsed<SocketAddr> {
    let (host, port) = address.rsplit_once(':').ok_or("lacks a port")?;
    let port: u16 = port.parse().map_err(|_| format!("'{port}' is no port"))?;
    let host = if host.is_empty() { "127.0.0.1" } else { host.trim_start_matches('[').trim_end_matches(']') };
    let found = (host, port).to_socket_addrs().map_err(|error| format!("'{host}': {error}"))?;
    // A name like `localhost` has two; most clients try this one.
    let addresses: Vec<SocketAddr> = found.collect();
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| format!("'{host}' has no address"))
}

fn parse_nic(value: &str) -> Parsed<Vec<HostForward>> {
    let mut forwards = Vec::new();
    for (index, (name, value)) in fields(value).enumerate() {
        match (name, value) {
            ("user" | "none", None) if index == 0 => {}
            ("model", Some(NIC_MODEL)) | ("id", Some(_)) => {}
            ("model", Some(model)) => return Err(format!("model '{model}' is not known; there is {NIC_MODEL}")),
            ("hostfwd", Some(rule)) => forwards.push(parse_forward(rule)?),
            _ if index == 0 => return Err("only 'user' is there".to_owned()),
            _ => return unexpected(name),
        }
    }
    Ok(forwards)
}

/// `tcp:[ADDRESS]:PORT-[ADDRESS]:PORT`. The board's address is the one that DHCP gave it.
fn parse_forward(rule: &str) -> Parsed<HostForward> {
    let rule = rule.strip_prefix("tcp:").or_else(|| rule.strip_prefix(':')).ok_or("only hostfwd=tcp: is there")?;
    let (host, board) = rule.split_once('-').ok_or("hostfwd lacks a '-'")?;
    let (_, port) = board.rsplit_once(':').ok_or("hostfwd lacks the board's port")?;
    let board_port = port.parse().map_err(|_| format!("'{port}' is no port"))?;
    Ok(HostForward { host: resolve(host)?, board_port })
}

/// `driver=D,property=P,value=V` or `D.P=V`.
fn parse_global(value: &str) -> Parsed<Option<Strap>> {
    let (mut property, mut setting) = (None, None);
    for (name, value) in fields(value) {
        match (name, value) {
            ("driver", Some(_)) => {}
            ("property", Some(name)) => property = Some(name),
            ("value", value) => setting = value,
            (short, value) => (property, setting) = (short.rsplit('.').next(), value),
        }
    }
    let property = property.ok_or("lacks a property")?;
    if IGNORED_GLOBALS.contains(&property) {
        return Ok(None);
    }
    if property != STRAP_PROPERTY {
        return Err(format!("property '{property}' is not there"));
    }
    let digits = setting.unwrap_or_default();
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    match number {
        Ok(STRAP_FLASH) => Ok(Some(Strap::FlashBoot)),
        Ok(STRAP_DOWNLOAD) => Ok(Some(Strap::Download)),
        _ => Err(format!("strap_mode is {STRAP_FLASH:#x} (flash boot) or {STRAP_DOWNLOAD:#x} (download)")),
    }
}

fn parse_serial(value: &str) -> Parsed<SerialTarget> {
    match value {
        "mon:stdio" => Ok(SerialTarget::MuxedStdio),
        "stdio" => Ok(SerialTarget::Stdio),
        "pty" => Ok(SerialTarget::Pty),
        "null" | "none" => Ok(SerialTarget::Null),
        _ => parse_tcp(value).map(|end| match end {
            End::Server(address) => SerialTarget::Tcp(address),
            End::Client(address) => SerialTarget::TcpTo(address),
        }),
    }
}
