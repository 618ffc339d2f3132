//! Events of the peer's connections, both ways, up to a bound.

use std::collections::VecDeque;
use std::fmt;

use espalier_core::Time;

use crate::driver::ConnectionId;
use crate::text::escaped;

/// Number of characters of a message in a transcript line.
const SHOWN: usize = 96;
/// Bytes of messages that are kept, with [`EVENT`] more for each event. The oldest events are dropped.
const KEPT: usize = 1 << 20;
/// Memory of an event besides its bytes.
const EVENT: usize = size_of::<Entry>();

/// One event of a connection.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// for entry in board.peer().transcript() {
///     println!("{entry}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened; for bytes from the board, when the peer read them.
    pub at: Time,
    connection: ConnectionId,
    /// The event.
    pub event: Event,
}

espalier_core::persist!(value Entry { at, connection, event });

/// An event on a connection.
///
/// ```
/// use espalier::Event;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let sent = board.peer().transcript().iter().filter(|entry| matches!(entry.event, Event::FromBoard(_))).count();
/// println!("the board sent {sent} messages");
/// # Ok(())
/// # }
/// ```
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
    /// There was more before this, on all connections together, than is kept.
    Dropped {
        /// Number of events.
        events: u64,
        /// Number of bytes of messages.
        bytes: u64,
    },
}

espalier_core::persist! {
    enum Event {
        Accepted(value), Connecting(value), Connected, FromBoard(value), ToBoard(value), BoardFinished, PeerFinished,
        Refused, Reset, Aborted, Vanished, Dropped { events, bytes }
    }
}

impl Event {
    fn message(&self) -> &[u8] {
        match self {
            Event::FromBoard(bytes) | Event::ToBoard(bytes) => bytes,
            _ => &[],
        }
    }
}

/// The last events of all connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    entries: VecDeque<Entry>,
    size: usize,
    /// The last dropped entry, and the number of all.
    dropped: Option<Entry>,
}

espalier_core::persist!(value Transcript { entries, size, dropped } if Transcript::is_sound;);

impl Transcript {
    /// Whether the size is that of the entries.
    fn is_sound(&self) -> bool {
        self.size == self.entries.iter().map(|entry| EVENT + entry.event.message().len()).sum::<usize>()
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.size += EVENT + entry.event.message().len();
        self.entries.push_back(entry);
        while self.size > KEPT
            && self.entries.len() > 1
            && let Some(oldest) = self.entries.pop_front()
        {
            let length = oldest.event.message().len();
            self.size -= EVENT + length;
            let (events, bytes) = match self.dropped.as_ref().map(|entry| &entry.event) {
                Some(Event::Dropped { events, bytes }) => (*events, *bytes),
                _ => (0, 0),
            };
            let event = Event::Dropped { events: events + 1, bytes: bytes + length as u64 };
            self.dropped = Some(Entry { event, ..oldest });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All that is kept. If something was dropped, the first entry says how much.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.dropped.iter().chain(&self.entries)
    }

    /// The last `count` entries.
    pub(crate) fn tail(&self, count: usize) -> Vec<Entry> {
        self.entries.range(self.entries.len().saturating_sub(count)..).cloned().collect()
    }
}

impl Entry {
    pub(crate) fn new(at: Time, connection: ConnectionId, event: Event) -> Entry {
        Entry { at, connection, event }
    }

    /// A number that tells the connections of one board apart. That of [`Event::Dropped`] has no meaning.
    pub fn connection(&self) -> u64 {
        self.connection.0
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>13} │ ", self.at.to_string())?;
        self.tell(f)
    }
}

impl Entry {
    /// Returns the event as text, without its time.
    pub(crate) fn without_time(&self) -> String {
        struct Told<'a>(&'a Entry);
        impl fmt::Display for Told<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.tell(f)
            }
        }
        Told(self).to_string()
    }

    fn tell(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Event::Dropped { events, bytes } = self.event {
            return write!(f, "... {events} events with {bytes} bytes until here were dropped");
        }
        write!(f, "#{} ", self.connection.0)?;
        match &self.event {
            Event::Dropped { .. } => Ok(()),
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
    let plural = if bytes.len() == 1 { "" } else { "s" };
    write!(f, "{direction}  {} byte{plural}  {}", bytes.len(), quoted(bytes))
}

/// The beginning of `bytes` as text in quotation marks; an ellipsis stands for the rest.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    // A character has four bytes at most.
    let beginning = &bytes[..bytes.len().min(4 * SHOWN)];
    let text = escaped(beginning);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}\"…", &text[..end]),
        None if beginning.len() < bytes.len() => format!("\"{text}\"…"),
        None => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::{EVENT, Entry, Event, KEPT, Transcript};
    use crate::driver::ConnectionId;
    use espalier_core::Time;

    #[test]
    fn messages_are_readable_and_not_endless() {
        let entry = |event| Entry::new(Time::from_micros(1_500_000), ConnectionId(2), event).to_string();
        assert_eq!(entry(Event::ToBoard("你好".into())), "    1.500000s │ #2 peer → board  6 bytes  \"你好\"");
        let long = entry(Event::FromBoard(vec![b'a'; 2000]));
        assert!(long.contains("2000 bytes") && long.ends_with("a\"…"));
        assert!(long.chars().count() < 160);
    }

    #[test]
    fn old_events_are_dropped_and_counted() {
        let mut transcript = Transcript::default();
        let entry =
            |n: u64, length| Entry::new(Time::from_micros(n), ConnectionId(1), Event::ToBoard(vec![b'x'; length]));
        for n in 0..10_000 {
            transcript.push(entry(n, 1000));
            assert!(transcript.size <= KEPT);
        }
        let kept = (KEPT / (1000 + EVENT)) as u64;
        let first = transcript.entries().next().unwrap();
        let (events, bytes) = (10_000 - kept, (10_000 - kept) * 1000);
        assert_eq!(first.event, Event::Dropped { events, bytes });
        assert!(
            first.to_string().ends_with(&format!("│ ... {events} events with {bytes} bytes until here were dropped"))
        );
        assert_eq!(transcript.tail(2)[1].at, Time::from_micros(9999));
        // One message that is larger than all that is kept is kept alone.
        transcript.push(entry(10_000, 2 * KEPT));
        assert_eq!(transcript.entries().count(), 2);
    }
}
