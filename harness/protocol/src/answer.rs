//! What the firmware says to the harness.

use core::fmt;

use crate::command::{Command, CommandError};
use crate::event::Event;
use crate::frame::{Frame, FrameError};
use crate::status::Status;

/// First character of every line that is meant for the harness.
pub const MARKER: char = '@';

/// One line from the firmware.
///
/// ```
/// use espalier_protocol::{Answer, Event};
///
/// assert_eq!(Answer::parse("@event address-lost"), Ok(Some(Answer::Event(Event::AddressLost))));
/// assert_eq!(Answer::parse("I (31) boot: ESP-IDF"), Ok(None), "lines of a log have no marker");
/// ```
#[expect(clippy::large_enum_variant, reason = "an answer is read and used at once, and nothing here allocates")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// `@hello NAME VERSION protocol=1`
    Hello { name: &'a str, version: &'a str, protocol: u32 },
    /// `@ok COMMAND ...`: the command, as it was understood, is being done.
    Accepted(Command<'a>),
    /// `@err REASON`: the line was not a command, or it cannot be done now.
    Rejected(&'a str),
    /// `@status ...`
    Status(Status),
    /// `@screen ...`
    Screen(Frame),
    /// `@event ...`
    Event(Event<'a>),
    /// `@panic MESSAGE`: the firmware failed and stopped.
    Panic(&'a str),
}

/// A line with the marker that does not make sense.
///
/// ```
/// use espalier_protocol::{Answer, AnswerError};
///
/// assert_eq!(Answer::parse("@frobnicate"), Err(AnswerError::Unknown("frobnicate")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError<'a> {
    #[error("unknown answer {0:?}")]
    Unknown(&'a str),
    #[error("malformed hello {0:?}")]
    Hello(&'a str),
    #[error("acknowledged command: {0}")]
    Accepted(CommandError<'a>),
    #[error("malformed status {0:?}")]
    Status(&'a str),
    #[error(transparent)]
    Screen(#[from] FrameError),
    #[error("unknown event {0:?}")]
    Event(&'a str),
}

impl<'a> Answer<'a> {
    /// Reads one line; none for log, which is every line without the marker.
    pub fn parse(line: &'a str) -> Result<Option<Answer<'a>>, AnswerError<'a>> {
        let Some(line) = line.strip_prefix(MARKER) else { return Ok(None) };
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answer = match kind {
            "hello" => hello(rest).ok_or(AnswerError::Hello(rest))?,
            "ok" => Answer::Accepted(Command::parse(rest).map_err(AnswerError::Accepted)?),
            "err" => Answer::Rejected(rest),
            "status" => Answer::Status(Status::parse(rest).ok_or(AnswerError::Status(rest))?),
            "screen" => Answer::Screen(Frame::parse(rest)?),
            "event" => Answer::Event(Event::parse(rest).ok_or(AnswerError::Event(rest))?),
            "panic" => Answer::Panic(rest),
            unknown => return Err(AnswerError::Unknown(unknown)),
        };
        Ok(Some(answer))
    }
}

fn hello(text: &str) -> Option<Answer<'_>> {
    let mut words = text.split(' ');
    let (name, version) = (words.next()?, words.next()?);
    let protocol = words.next()?.strip_prefix("protocol=")?.parse().ok()?;
    words.next().is_none().then_some(Answer::Hello { name, version, protocol })
}

/// The line that [`Answer::parse`] reads, without a line end.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Hello { name, version, protocol } => {
                write!(f, "{MARKER}hello {name} {version} protocol={protocol}")
            }
            Answer::Accepted(command) => write!(f, "{MARKER}ok {command}"),
            Answer::Rejected(reason) => write!(f, "{MARKER}err {reason}"),
            Answer::Status(status) => write!(f, "{MARKER}status {status}"),
            Answer::Screen(frame) => write!(f, "{MARKER}screen {frame}"),
            Answer::Event(event) => write!(f, "{MARKER}event {event}"),
            Answer::Panic(message) => write!(f, "{MARKER}panic {message}"),
        }
    }
}

#[cfg(test)]
mod tests;
