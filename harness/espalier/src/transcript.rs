//! What went over the peer's connections, both ways.

use std::fmt;

use espalier_core::Time;

use crate::console::escaped;
use crate::kind::ConnectionId;

/// How many characters of a message a transcript line shows.
const SHOWN: usize = 96;

/// One event of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened; for bytes from the board, when the peer read them.
    pub at: Time,
    connection: ConnectionId,
    /// What happened.
    pub event: Event,
}

/// What can happen on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The board connected to the peer.
    Accepted(String),
    /// The peer connects to the board.
    Connecting(String),
    /// The connection that the peer asked for stands.
    Connected,
    /// The board sent bytes.
    FromBoard(Vec<u8>),
    /// The peer sent bytes.
    ToBoard(Vec<u8>),
    /// The board will send no more.
    BoardFinished,
    /// The peer will send no more.
    PeerFinished,
    /// The board refused the connection.
    Refused,
    /// The connection was cut by the board, or given up.
    Reset,
    /// The peer cut the connection.
    Aborted,
    /// The peer fell silent.
    Vanished,
}

impl Entry {
    pub(crate) fn new(at: Time, connection: ConnectionId, event: Event) -> Entry {
        Entry { at, connection, event }
    }

    /// A number that tells the connections of one board apart.
    pub fn connection(&self) -> u64 {
        self.connection.0
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>13} │ #{} ", self.at.to_string(), self.connection.0)?;
        match &self.event {
            Event::Accepted(from) => write!(f, "board connects from {from}"),
            Event::Connecting(to) => write!(f, "peer connects to {to}"),
            Event::Connected => f.write_str("connected"),
            Event::FromBoard(bytes) => message(f, "board → peer", bytes),
            Event::ToBoard(bytes) => message(f, "peer → board", bytes),
            Event::BoardFinished => f.write_str("board finishes"),
            Event::PeerFinished => f.write_str("peer finishes"),
            Event::Refused => f.write_str("board refuses"),
            Event::Reset => f.write_str("connection reset"),
            Event::Aborted => f.write_str("peer aborts"),
            Event::Vanished => f.write_str("peer vanishes"),
        }
    }
}

fn message(f: &mut fmt::Formatter<'_>, direction: &str, bytes: &[u8]) -> fmt::Result {
    let text = escaped(bytes);
    let plural = if bytes.len() == 1 { "" } else { "s" };
    write!(f, "{direction}  {} byte{plural}  \"", bytes.len())?;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => write!(f, "{}\"…", &text[..end]),
        None => write!(f, "{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Event};
    use crate::kind::ConnectionId;
    use espalier_core::Time;

    #[test]
    fn messages_are_readable_and_not_endless() {
        let entry = |event| Entry::new(Time::from_micros(1_500_000), ConnectionId(2), event).to_string();
        assert_eq!(entry(Event::ToBoard("你好".into())), "    1.500000s │ #2 peer → board  6 bytes  \"你好\"");
        let long = entry(Event::FromBoard(vec![b'a'; 2000]));
        assert!(long.contains("2000 bytes") && long.ends_with("a\"…"));
        assert!(long.chars().count() < 160);
    }
}
