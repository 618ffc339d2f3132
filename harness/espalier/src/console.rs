//! The board's console: its first serial port.
//!
//! The console keeps the last 4 MiB of the board's output, with 16 bytes counted for each line. An expectation searches the text that no
//! earlier expectation has consumed, and consumes up to the end of its match, so two lines that arrive in one buffer are two lines. Older
//! text is dropped; it was consumed long before, unless a test receives megabytes without an expectation.

use std::sync::{Arc, MutexGuard};
use std::task::Poll;

use espalier_core::Time;
use regex::bytes::Regex;

use crate::session::{CONSOLE, Line, Log, Shared, State, Wait};
use crate::text::{escaped, find};

/// Text that was expected and came.
///
/// ```
/// use espalier::Units;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let found = board.console().expect("ready").within(2.s()).await?;
/// println!("{} after {:?}", found.at, found.before);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// When the line with the text began.
    pub at: Time,
    /// The output since the last expectation, up to the match.
    pub before: String,
    /// The text itself.
    pub text: String,
}

/// The captured groups of a regular expression.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let port = board.console().expect_regex(r"port (?<number>\d+)").await?;
/// assert_eq!(port.name("number"), Some("5001"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When the line with the match began.
    pub at: Time,
    groups: Vec<(Option<String>, Option<String>)>,
}

impl Captured {
    /// Group `index`; group 0 is the whole match. `None` if the group took no part in the match.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.groups.get(index)?.1.as_deref()
    }

    /// All groups in their order, each with its name if it has one; the first is the whole match.
    pub fn groups(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
        self.groups.iter().map(|(name, text)| (name.as_deref(), text.as_deref()))
    }

    /// The group called `name`, as in `(?<name>...)`.
    pub fn name(&self, name: &str) -> Option<&str> {
        self.groups.iter().find(|(known, _)| known.as_deref() == Some(name))?.1.as_deref()
    }
}

/// The console of a board. Handles are cheap and all lead to the same console.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let console = board.console();
/// console.send_line("status").await?;
/// let line = console.expect_line("heap").await?;
/// println!("{line}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Console {
    shared: Arc<Shared>,
    /// The UART.
    port: usize,
}

impl Console {
    pub(crate) fn new(shared: Arc<Shared>) -> Console {
        Console::at(shared, CONSOLE)
    }

    /// The console of another UART.
    pub(crate) fn at(shared: Arc<Shared>, port: usize) -> Console {
        Console { shared, port }
    }

    /// Name of the port in messages.
    fn name(&self) -> String {
        if self.port == CONSOLE { "the console".to_owned() } else { format!("UART{}", self.port) }
    }

    /// Sends bytes to the board as they are.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Wait<()> {
        let (bytes, port) = (bytes.as_ref().to_vec(), self.port);
        Wait::new(&self.shared, format!("{} to take input", self.name()), move |state, _| {
            if port == CONSOLE {
                state.driver.console_send(&bytes);
            } else {
                state.driver.uart_send(port, &bytes)?;
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Sends a line, ended as the Enter key ends it: with a carriage return.
    pub fn send_line(&self, line: impl AsRef<str>) -> Wait<()> {
        self.send(format!("{}\r", line.as_ref()))
    }

    /// Waits until `text` has been printed, and consumes up to its end.
    pub fn expect(&self, text: impl AsRef<[u8]>) -> Wait<Match> {
        let (needle, port) = (text.as_ref().to_vec(), self.port);
        let what = format!("\"{}\" on {}", escaped(&needle), self.name());
        let mut from = 0;
        Wait::new(&self.shared, what, move |state, _| {
            let log = state.log(port);
            let Some(hit) = log.find(&needle, from) else {
                // A match may begin in what is already there, but no earlier than this.
                from = (log.end() + 1).saturating_sub(needle.len());
                return Poll::Pending;
            };
            let found = Match {
                at: log.time_at(hit.start),
                before: log.before(hit),
                text: String::from_utf8_lossy(&needle).into_owned(),
            };
            log.consume(hit);
            Poll::Ready(Ok(found))
        })
        .for_output()
    }

    /// Waits until a match of `pattern` has been printed, and consumes up to its end.
    ///
    /// The pattern is searched in all unconsumed text; `(?m)^` and `(?m)$` stand for line borders. A match that reaches the
    /// end of what has been printed counts once the line is complete or the console is quiet, so a group never captures
    /// half of a number.
    pub fn expect_regex(&self, pattern: impl AsRef<str>) -> Wait<Captured> {
        let pattern = pattern.as_ref().to_owned();
        let what = format!("a match of /{pattern}/ on {}", self.name());
        let (regex, port) = (Regex::new(&pattern), self.port);
        Wait::new(&self.shared, what, move |state, _| {
            let regex = match &regex {
                Ok(regex) => regex,
                Err(error) => return Poll::Ready(Err(error.clone().into())),
            };
            let now = state.driver.now();
            let log = state.log(port);
            let Some((hit, captures)) = log.find_regex(regex, now) else { return Poll::Pending };
            let text = |group: regex::bytes::Match<'_>| String::from_utf8_lossy(group.as_bytes()).into_owned();
            let names = regex.capture_names().map(|name| name.map(str::to_owned));
            let groups = names.zip(captures.iter().map(|group| group.map(text))).collect();
            let found = Captured { at: log.time_at(hit.start), groups };
            log.consume(hit);
            Poll::Ready(Ok(found))
        })
    }

    /// Waits for a complete line that contains `text`, and consumes up to its end.
    pub fn expect_line(&self, text: impl AsRef<[u8]>) -> Wait<Line> {
        let (needle, port) = (text.as_ref().to_vec(), self.port);
        let what = format!("a line with \"{}\" on {}", escaped(&needle), self.name());
        Wait::new(&self.shared, what, move |state, _| {
            while let Some((line, bytes)) = next_line(state.log(port)) {
                if find(&bytes, &needle).is_some() {
                    return Poll::Ready(Ok(line));
                }
            }
            Poll::Pending
        })
        .for_output()
    }

    /// Waits for the next complete line and consumes it.
    pub fn next_line(&self) -> Wait<Line> {
        let port = self.port;
        Wait::new(&self.shared, format!("a line on {}", self.name()), move |state, _| {
            match next_line(state.log(port)) {
                Some((line, _)) => Poll::Ready(Ok(line)),
                None => Poll::Pending,
            }
        })
        .for_output()
    }

    /// The last `count` lines, the unfinished one included. Consumes nothing.
    pub fn tail(&self, count: usize) -> Vec<Line> {
        self.collected().log(self.port).tail(count)
    }

    /// Every line since power-on that is kept, the unfinished one included. If some were dropped, the first line says how much.
    /// Consumes nothing.
    pub fn lines(&self) -> Vec<Line> {
        self.tail(usize::MAX)
    }

    /// Every byte since power-on that is kept. Consumes nothing.
    pub fn bytes(&self) -> Vec<u8> {
        self.collected().log(self.port).since(0).1.to_vec()
    }

    /// Returns the number of dropped bytes, because the board printed more than is kept.
    pub fn dropped(&self) -> usize {
        self.collected().log(self.port).dropped()
    }

    /// Takes what no expectation has consumed yet, without waiting.
    pub fn take_unread(&self) -> Vec<u8> {
        self.collected().log(self.port).take_unread()
    }

    /// The board with all that it has printed: it may have gone on while a test waited for another one of its world.
    fn collected(&self) -> MutexGuard<'_, State> {
        let mut state = self.shared.lock();
        state.collect();
        state
    }
}

fn next_line(log: &mut Log) -> Option<(Line, Vec<u8>)> {
    let hit = log.find_line()?;
    let line = Line { at: log.time_at(hit.start), text: log.text(hit) };
    let bytes = log.between(hit.start, hit.end).to_vec();
    log.consume(hit);
    Some((line, bytes))
}

#[cfg(test)]
mod tests;
