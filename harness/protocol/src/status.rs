//! What the firmware answers to `status`.

use core::fmt;
use core::net::{Ipv4Addr, SocketAddrV4};

use crate::command::prefixed;

/// `role=client state=connected link=up address=192.168.4.15/24 peer=192.168.4.2:5001 messages=1 received=5 sent=32 cut=no`;
/// what does not exist is a dash.
///
/// ```
/// use espalier_protocol::{Answer, Role};
///
/// let line = "@status role=client state=connected link=up address=192.168.4.15/24 peer=192.168.4.2:5001 messages=1 received=5 sent=32 cut=no";
/// let Ok(Some(Answer::Status(status))) = Answer::parse(line) else { panic!("a status") };
/// assert_eq!((status.role, status.received, status.cut), (Role::Client, 5, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub role: Role,
    pub state: State,
    pub link: bool,
    pub address: Option<(Ipv4Addr, u8)>,
    pub peer: Option<SocketAddrV4>,
    /// Messages shown since the role was taken.
    pub messages: u32,
    /// Bytes received since the role was taken.
    pub received: u32,
    /// Bytes handed to TCP since the role was taken.
    pub sent: u32,
    /// Whether the message on the screen did not fit.
    pub cut: bool,
}

/// The tone that the firmware plays.
///
/// ```
/// use espalier_protocol::Role;
///
/// assert_eq!(Role::Client.to_string(), "client");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    None,
    Client,
    Server,
}

/// How far it is with that.
///
/// ```
/// use espalier_protocol::State;
///
/// assert_eq!(State::Connected.to_string(), "connected");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    /// A role was chosen and there is no address yet.
    WaitingForAddress,
    Resolving,
    Connecting,
    Accepting,
    Connected,
}

const ROLES: [(Role, &str); 3] = [(Role::None, "none"), (Role::Client, "client"), (Role::Server, "server")];
const STATES: [(State, &str); 6] = [
    (State::Idle, "idle"),
    (State::WaitingForAddress, "waiting-for-address"),
    (State::Resolving, "resolving"),
    (State::Connecting, "connecting"),
    (State::Accepting, "accepting"),
    (State::Connected, "connected"),
];
const ABSENT: &str = "-";

impl Status {
    /// Reads what follows `@status `.
    pub(crate) fn parse(text: &str) -> Option<Status> {
        let mut fields = text.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let status = Status {
            role: named(&ROLES, field("role")?)?,
            state: named(&STATES, field("state")?)?,
            link: named(&[(true, "up"), (false, "down")], field("link")?)?,
            address: optional(field("address")?, prefixed)?,
            peer: optional(field("peer")?, |word| word.parse().ok())?,
            messages: field("messages")?.parse().ok()?,
            received: field("received")?.parse().ok()?,
            sent: field("sent")?.parse().ok()?,
            cut: named(&[(true, "yes"), (false, "no")], field("cut")?)?,
        };
        fields.next().is_none().then_some(status)
    }
}

fn named<T: Copy>(names: &[(T, &str)], word: &str) -> Option<T> {
    names.iter().find(|(_, name)| *name == word).map(|(value, _)| *value)
}

fn optional<T>(word: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if word == ABSENT { Some(None) } else { parse(word).map(Some) }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role={} state={} link={}", self.role, self.state, if self.link { "up" } else { "down" })?;
        match self.address {
            Some((address, prefix)) => write!(f, " address={address}/{prefix}")?,
            None => write!(f, " address={ABSENT}")?,
        }
        match self.peer {
            Some(peer) => write!(f, " peer={peer}")?,
            None => write!(f, " peer={ABSENT}")?,
        }
        write!(f, " messages={} received={} sent={}", self.messages, self.received, self.sent)?;
        write!(f, " cut={}", if self.cut { "yes" } else { "no" })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(&ROLES, self, f)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(&STATES, self, f)
    }
}

fn write_name<T: PartialEq>(names: &[(T, &str)], value: &T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    names.iter().find(|(other, _)| other == value).map_or(Err(fmt::Error), |(_, name)| f.write_str(name))
}
