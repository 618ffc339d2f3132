//! What the harness, or a person, asks of the firmware.

use core::fmt;
use core::net::Ipv4Addr;

/// One line to the firmware: a word and its arguments, separated by white space.
///
/// ```
/// use espalier_protocol::Command;
///
/// assert_eq!(Command::parse("server 5001"), Ok(Command::Server { port: 5001 }));
/// assert_eq!(Command::Server { port: 5001 }.to_string(), "server 5001");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `help`: what can be typed.
    Help,
    /// `hello`: who is there?
    Hello,
    /// `net dhcp` or `net static ...`: where the address comes from.
    Network(NetworkSetup),
    /// `client HOST PORT`: play the tutorial's client against a name or an address.
    Client { host: &'a str, port: u16 },
    /// `server PORT`: play the tutorial's server.
    Server { port: u16 },
    /// `status`: what is going on?
    Status,
    /// `screen`: dump the framebuffer.
    Screen,
    /// `stop`: close the connection and leave the role.
    Stop,
    /// `reset`: start the chip again.
    Reset,
}

/// Where the firmware's address comes from.
///
/// ```
/// use espalier_protocol::{Command, NetworkSetup};
///
/// assert_eq!(Command::parse("net dhcp"), Ok(Command::Network(NetworkSetup::Dhcp)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkSetup {
    /// `net dhcp`
    Dhcp,
    /// `net static ADDRESS/PREFIX [GATEWAY [DNS]]`; a dash leaves the gateway out.
    Static { address: Ipv4Addr, prefix: u8, gateway: Option<Ipv4Addr>, dns: Option<Ipv4Addr> },
}

/// A line that is not a command.
///
/// ```
/// use espalier_protocol::{Command, CommandError};
///
/// assert_eq!(Command::parse("server 0"), Err(CommandError::PortZero));
/// assert_eq!(CommandError::PortZero.to_string(), "port 0 cannot be connected to or listened on");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError<'a> {
    #[error("empty command")]
    Empty,
    #[error("unknown command {0:?}, try help")]
    Unknown(&'a str),
    #[error("{command} lacks its {argument}")]
    Missing { command: &'a str, argument: &'static str },
    #[error("{command} has too many arguments, first {argument:?}")]
    Excess { command: &'a str, argument: &'a str },
    #[error("port {0:?} is not a number")]
    PortNotANumber(&'a str),
    #[error("port {0} is out of range 0..=65535")]
    PortOutOfRange(&'a str),
    #[error("port 0 cannot be connected to or listened on")]
    PortZero,
    #[error("host {0:?} is neither a name nor an address")]
    BadHost(&'a str),
    #[error("network {0:?} is neither dhcp nor static")]
    BadNetwork(&'a str),
    #[error("address {0:?} is not of the form 192.168.4.15/24")]
    BadAddress(&'a str),
    #[error("{what} {value:?} is not an IPv4 address")]
    BadIpv4 { what: &'static str, value: &'a str },
}

/// What `help` prints, line by line.
pub const HELP: [&str; 9] = [
    "hello                                       who is there",
    "client HOST PORT                            connect, greet, show and echo what arrives",
    "server PORT                                 accept one client after another, show and echo",
    "status                                      role, state, address, counters",
    "screen                                      dump the framebuffer",
    "stop                                        close the connection and leave the role",
    "net dhcp                                    take an address from DHCP (default)",
    "net static ADDRESS/PREFIX [GATEWAY [DNS]]   take this address (- for no gateway)",
    "reset                                       start the chip again",
];

/// Longest name that DNS allows (RFC 1035, chapter 2.3.4).
const HOST_LENGTH: usize = 253;
const NO_GATEWAY: &str = "-";

impl<'a> Command<'a> {
    /// Reads one line.
    pub fn parse(line: &'a str) -> Result<Command<'a>, CommandError<'a>> {
        let mut words = Words { command: "", words: line.split_ascii_whitespace() };
        words.command = words.words.next().ok_or(CommandError::Empty)?;
        let command = match words.command {
            "help" => Command::Help,
            "hello" => Command::Hello,
            "net" => Command::Network(network(&mut words)?),
            "client" => Command::Client { host: host(words.next("host")?)?, port: port(words.next("port")?)? },
            "server" => Command::Server { port: port(words.next("port")?)? },
            "status" => Command::Status,
            "screen" => Command::Screen,
            "stop" => Command::Stop,
            "reset" => Command::Reset,
            unknown => return Err(CommandError::Unknown(unknown)),
        };
        match words.words.next() {
            Some(argument) => Err(CommandError::Excess { command: words.command, argument }),
            None => Ok(command),
        }
    }
}

struct Words<'a> {
    command: &'a str,
    words: core::str::SplitAsciiWhitespace<'a>,
}

impl<'a> Words<'a> {
    fn next(&mut self, argument: &'static str) -> Result<&'a str, CommandError<'a>> {
        self.words.next().ok_or(CommandError::Missing { command: self.command, argument })
    }
}

fn host(word: &str) -> Result<&str, CommandError<'_>> {
    let allowed = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    if allowed && word.len() <= HOST_LENGTH { Ok(word) } else { Err(CommandError::BadHost(word)) }
}

fn port(word: &str) -> Result<u16, CommandError<'_>> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CommandError::PortNotANumber(word));
    }
    match word.parse() {
        Ok(0) => Err(CommandError::PortZero),
        Ok(port) => Ok(port),
        Err(_) => Err(CommandError::PortOutOfRange(word)),
    }
}

fn network<'a>(words: &mut Words<'a>) -> Result<NetworkSetup, CommandError<'a>> {
    match words.next("dhcp or static")? {
        "dhcp" => Ok(NetworkSetup::Dhcp),
        "static" => {
            let word = words.next("address")?;
            let (address, prefix) = prefixed(word).ok_or(CommandError::BadAddress(word))?;
            let gateway = words.words.next().filter(|word| *word != NO_GATEWAY);
            let gateway = gateway.map(|word| ipv4("gateway", word)).transpose()?;
            let dns = words.words.next().map(|word| ipv4("dns server", word)).transpose()?;
            Ok(NetworkSetup::Static { address, prefix, gateway, dns })
        }
        word => Err(CommandError::BadNetwork(word)),
    }
}

/// Reads `192.168.4.15/24`.
pub(crate) fn prefixed(word: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, prefix) = word.split_once('/')?;
    let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    Some((address.parse().ok()?, prefix))
}

fn ipv4<'a>(what: &'static str, value: &'a str) -> Result<Ipv4Addr, CommandError<'a>> {
    value.parse().map_err(|_| CommandError::BadIpv4 { what, value })
}

/// The line that [`Command::parse`] reads.
impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Help => f.write_str("help"),
            Command::Hello => f.write_str("hello"),
            Command::Network(setup) => write!(f, "net {setup}"),
            Command::Client { host, port } => write!(f, "client {host} {port}"),
            Command::Server { port } => write!(f, "server {port}"),
            Command::Status => f.write_str("status"),
            Command::Screen => f.write_str("screen"),
            Command::Stop => f.write_str("stop"),
            Command::Reset => f.write_str("reset"),
        }
    }
}

impl fmt::Display for NetworkSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetworkSetup::Dhcp => f.write_str("dhcp"),
            NetworkSetup::Static { address, prefix, gateway, dns } => {
                write!(f, "static {address}/{prefix}")?;
                match (gateway, dns) {
                    (Some(gateway), _) => write!(f, " {gateway}")?,
                    (None, Some(_)) => write!(f, " {NO_GATEWAY}")?,
                    (None, None) => {}
                }
                dns.map_or(Ok(()), |dns| write!(f, " {dns}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Command, CommandError, NetworkSetup};

    #[test]
    fn errors_name_the_thing_and_the_value() {
        for (line, message) in [
            ("  ", "empty command"),
            ("fly", "unknown command \"fly\", try help"),
            ("client", "client lacks its host"),
            ("client 192.168.4.2", "client lacks its port"),
            ("server 70000", "port 70000 is out of range 0..=65535"),
            ("server -1", "port -1 is out of range 0..=65535"),
            ("server 0", "port 0 cannot be connected to or listened on"),
            ("server http", "port \"http\" is not a number"),
            ("client a_b 1", "host \"a_b\" is neither a name nor an address"),
            ("status now", "status has too many arguments, first \"now\""),
            ("net wifi", "network \"wifi\" is neither dhcp nor static"),
            ("net static 1.2.3.4/33", "address \"1.2.3.4/33\" is not of the form 192.168.4.15/24"),
            ("net static 1.2.3.4/8 home", "gateway \"home\" is not an IPv4 address"),
        ] {
            assert_eq!(Command::parse(line).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn white_space_is_free() {
        assert_eq!(Command::parse(" client\tpeer.lan   5001 "), Ok(Command::Client { host: "peer.lan", port: 5001 }));
        assert_eq!(Command::parse(""), Err(CommandError::Empty));
    }

    fn setup() -> impl Strategy<Value = NetworkSetup> {
        let other = any::<Option<std::net::Ipv4Addr>>();
        let fixed = (any::<std::net::Ipv4Addr>(), 0u8..=32, other.clone(), other);
        prop_oneof![
            Just(NetworkSetup::Dhcp),
            fixed.prop_map(|(address, prefix, gateway, dns)| NetworkSetup::Static { address, prefix, gateway, dns }),
        ]
    }

    proptest! {
        #[test]
        fn network_setups_survive_the_wire(setup in setup()) {
            let line = Command::Network(setup).to_string();
            prop_assert_eq!(Command::parse(&line), Ok(Command::Network(setup)));
        }

        #[test]
        fn roles_survive_the_wire(host in "[a-z0-9.-]{1,40}", port in 1u16..) {
            for command in [Command::Client { host: &host, port }, Command::Server { port }] {
                let line = command.to_string();
                prop_assert_eq!(Command::parse(&line), Ok(command));
            }
        }

        #[test]
        fn arbitrary_lines_never_panic(line: String) {
            if let Err(error) = Command::parse(&line) {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
