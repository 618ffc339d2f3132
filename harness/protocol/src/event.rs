//! What the firmware says unasked.

use core::fmt;
use core::net::{Ipv4Addr, SocketAddrV4};

use crate::command::prefixed;

/// Something happened to the firmware.
///
/// ```
/// use espalier_protocol::Event;
///
/// let event = Event::Refused("192.168.4.2:5001".parse()?);
/// assert_eq!(event.to_string(), "refused 192.168.4.2:5001");
/// # Ok::<_, core::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// `started NAME VERSION`: the application runs and takes commands.
    Started { name: &'a str, version: &'a str },
    /// `link up`, `link down`: the cable.
    Link { up: bool },
    /// `address 192.168.4.15/24 dhcp`
    Address { address: Ipv4Addr, prefix: u8, origin: Origin },
    /// `address-lost`: the lease ended or the setup was changed.
    AddressLost,
    /// `dhcp-silent`: no DHCP server has answered yet; the firmware goes on asking.
    DhcpSilent,
    /// `resolving HOST`
    Resolving(&'a str),
    /// `unresolved HOST`: there is no such name, or no answer.
    Unresolved(&'a str),
    /// `connecting ADDRESS:PORT`
    Connecting(SocketAddrV4),
    /// `connected ADDRESS:PORT`: the client's connection stands.
    Connected(SocketAddrV4),
    /// `refused ADDRESS:PORT`: the connection was refused; no socket listens there.
    Refused(SocketAddrV4),
    /// `unanswered ADDRESS:PORT`: no answer came to the connection request.
    Unanswered(SocketAddrV4),
    /// `listening ADDRESS:PORT`
    Listening(SocketAddrV4),
    /// `accepted ADDRESS:PORT`: the server serves this client now.
    Accepted(SocketAddrV4),
    /// `received BYTES shown|cut utf-8|malformed`: a message, whether it fitted on the screen and whether it was text.
    Received { bytes: usize, cut: bool, malformed: bool },
    /// `closed ADDRESS:PORT`: zero bytes were received, so the connection was closed.
    Closed(SocketAddrV4),
    /// `reset ADDRESS:PORT`: the peer broke the connection.
    Reset(SocketAddrV4),
    /// `silent ADDRESS:PORT`: the peer is gone without a word.
    Silent(SocketAddrV4),
    /// `stopped`: the role was left on command or because the address went away.
    Stopped,
    /// `display-failed`: the OLED does not answer.
    DisplayFailed,
    /// `display-restored`: the OLED answers again.
    DisplayRestored,
    /// `lines-lost COUNT`: the console was too slow for what was to be said.
    LinesLost(u32),
}

/// Where an address came from.
///
/// ```
/// use espalier_protocol::{Answer, Event, Origin};
///
/// let line = "@event address 192.168.4.15/24 dhcp";
/// let Ok(Some(Answer::Event(Event::Address { origin, .. }))) = Answer::parse(line) else { panic!("an address") };
/// assert_eq!(origin, Origin::Dhcp);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Dhcp,
    Static,
}

impl<'a> Event<'a> {
    /// Reads what follows `@event `.
    pub(crate) fn parse(text: &'a str) -> Option<Event<'a>> {
        let mut words = text.split(' ');
        let name = words.next()?;
        let mut endpoint = |make: fn(SocketAddrV4) -> Event<'a>| words.next()?.parse().ok().map(make);
        let event = match name {
            "connecting" => endpoint(Event::Connecting)?,
            "connected" => endpoint(Event::Connected)?,
            "refused" => endpoint(Event::Refused)?,
            "unanswered" => endpoint(Event::Unanswered)?,
            "listening" => endpoint(Event::Listening)?,
            "accepted" => endpoint(Event::Accepted)?,
            "closed" => endpoint(Event::Closed)?,
            "reset" => endpoint(Event::Reset)?,
            "silent" => endpoint(Event::Silent)?,
            "started" => Event::Started { name: words.next()?, version: words.next()? },
            "link" => Event::Link { up: either(words.next()?, "down", "up")? },
            "address" => {
                let (address, prefix) = prefixed(words.next()?)?;
                let fixed = either(words.next()?, "dhcp", "static")?;
                Event::Address { address, prefix, origin: if fixed { Origin::Static } else { Origin::Dhcp } }
            }
            "address-lost" => Event::AddressLost,
            "dhcp-silent" => Event::DhcpSilent,
            "resolving" => Event::Resolving(words.next()?),
            "unresolved" => Event::Unresolved(words.next()?),
            "received" => Event::Received {
                bytes: words.next()?.parse().ok()?,
                cut: either(words.next()?, "shown", "cut")?,
                malformed: either(words.next()?, "utf-8", "malformed")?,
            },
            "stopped" => Event::Stopped,
            "display-failed" => Event::DisplayFailed,
            "display-restored" => Event::DisplayRestored,
            "lines-lost" => Event::LinesLost(words.next()?.parse().ok()?),
            _ => return None,
        };
        words.next().is_none().then_some(event)
    }
}

/// False or true by one of two words.
fn either(word: &str, no: &str, yes: &str) -> Option<bool> {
    (word == no || word == yes).then_some(word == yes)
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Started { name, version } => write!(f, "started {name} {version}"),
            Event::Link { up } => write!(f, "link {}", if *up { "up" } else { "down" }),
            Event::Address { address, prefix, origin } => write!(f, "address {address}/{prefix} {origin}"),
            Event::AddressLost => f.write_str("address-lost"),
            Event::DhcpSilent => f.write_str("dhcp-silent"),
            Event::Resolving(host) => write!(f, "resolving {host}"),
            Event::Unresolved(host) => write!(f, "unresolved {host}"),
            Event::Connecting(endpoint) => write!(f, "connecting {endpoint}"),
            Event::Connected(endpoint) => write!(f, "connected {endpoint}"),
            Event::Refused(endpoint) => write!(f, "refused {endpoint}"),
            Event::Unanswered(endpoint) => write!(f, "unanswered {endpoint}"),
            Event::Listening(endpoint) => write!(f, "listening {endpoint}"),
            Event::Accepted(endpoint) => write!(f, "accepted {endpoint}"),
            Event::Received { bytes, cut, malformed } => {
                let shown = if *cut { "cut" } else { "shown" };
                write!(f, "received {bytes} {shown} {}", if *malformed { "malformed" } else { "utf-8" })
            }
            Event::Closed(endpoint) => write!(f, "closed {endpoint}"),
            Event::Reset(endpoint) => write!(f, "reset {endpoint}"),
            Event::Silent(endpoint) => write!(f, "silent {endpoint}"),
            Event::Stopped => f.write_str("stopped"),
            Event::DisplayFailed => f.write_str("display-failed"),
            Event::DisplayRestored => f.write_str("display-restored"),
            Event::LinesLost(count) => write!(f, "lines-lost {count}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Dhcp => "dhcp",
            Origin::Static => "static",
        })
    }
}
