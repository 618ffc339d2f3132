//! Everything that the console has printed, and how far expectations have read it.

use std::fmt;

use espalier_core::{Span, Time};
use regex::bytes::{Captures, Regex};

use super::text::escaped;

/// How long the console has to be quiet before a line without an end counts as complete, as a prompt is.
pub(super) const QUIET: Span = Span::from_millis(10);

/// A line of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When its first byte came.
    pub at: Time,
    /// Its text without the line end; what is no text is escaped, as in `\xff`.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>13} │ {}", self.at.to_string(), self.text)
    }
}

/// The console's bytes from power-on to now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    bytes: Vec<u8>,
    /// Where each line begins, and when its first byte came.
    lines: Vec<(usize, Time)>,
    /// Everything before this offset has been consumed by an expectation.
    cursor: usize,
    last_byte: Time,
}

/// Where an expectation was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Log {
    pub(crate) fn push(&mut self, at: Time, byte: u8) {
        if self.bytes.last().is_none_or(|last| *last == b'\n') {
            self.lines.push((self.bytes.len(), at));
        }
        self.bytes.push(byte);
        self.last_byte = at;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that no expectation has consumed yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.cursor..]
    }

    /// Where the unread bytes begin.
    pub(crate) fn position(&self) -> usize {
        self.cursor
    }

    /// Consumes up to `offset`.
    pub(crate) fn skip_to(&mut self, offset: usize) {
        self.cursor = offset.clamp(self.cursor, self.bytes.len());
    }

    pub(super) fn consume(&mut self, hit: Hit) {
        self.cursor = hit.end;
    }

    /// Takes all that no expectation has consumed yet.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        let unread = self.unread().to_vec();
        self.cursor = self.bytes.len();
        unread
    }

    /// The first occurrence of `needle` at or after both the cursor and `from`.
    pub(super) fn find(&self, needle: &[u8], from: usize) -> Option<Hit> {
        let from = from.max(self.cursor);
        let start = from + find(&self.bytes[from..], needle)?;
        Some(Hit { start, end: start + needle.len() })
    }

    /// The first match of `regex` after the cursor. A match that touches the end of what has come so far counts only once
    /// the console is quiet, so that `(\d+)` never captures half of a number.
    pub(super) fn find_regex(&self, regex: &Regex, now: Time) -> Option<(Hit, Captures<'_>)> {
        let captures = regex.captures(self.unread())?;
        let whole = captures.get(0)?;
        if self.cursor + whole.end() == self.bytes.len() && !self.is_quiet(now) && !self.ends_with_line() {
            return None;
        }
        let hit = Hit { start: self.cursor + whole.start(), end: self.cursor + whole.end() };
        Some((hit, captures))
    }

    /// The first complete line after the cursor, line end included.
    pub(super) fn find_line(&self) -> Option<Hit> {
        let length = self.unread().iter().position(|byte| *byte == b'\n')? + 1;
        Some(Hit { start: self.cursor, end: self.cursor + length })
    }

    /// When the line that holds `offset` began.
    pub(super) fn time_at(&self, offset: usize) -> Time {
        let after = self.lines.partition_point(|(start, _)| *start <= offset);
        after.checked_sub(1).map_or(Time::ZERO, |index| self.lines[index].1)
    }

    pub(super) fn text(&self, hit: Hit) -> String {
        escaped(trim_line_end(&self.bytes[hit.start..hit.end]))
    }

    pub(super) fn before(&self, hit: Hit) -> String {
        String::from_utf8_lossy(&self.bytes[self.cursor..hit.start]).into_owned()
    }

    pub(super) fn is_quiet(&self, now: Time) -> bool {
        now.since(self.last_byte) >= QUIET
    }

    fn ends_with_line(&self) -> bool {
        self.bytes.last() == Some(&b'\n')
    }

    pub(crate) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The last `count` lines, the one that is not yet complete included.
    pub(crate) fn tail(&self, count: usize) -> Vec<Line> {
        let first = self.lines.len().saturating_sub(count);
        (first..self.lines.len()).map(|index| self.line(index)).collect()
    }

    fn line(&self, index: usize) -> Line {
        let (start, at) = self.lines[index];
        let end = self.lines.get(index + 1).map_or(self.bytes.len(), |(next, _)| *next);
        Line { at, text: escaped(trim_line_end(&self.bytes[start..end])) }
    }
}

/// Where `needle` first occurs in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    // ESP-IDF and MicroPython both end lines with CR LF, and the ROM sometimes with CR CR LF.
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::{Hit, Line, Log, QUIET};
    use espalier_core::Time;
    use regex::bytes::Regex;

    fn log(text: &[u8]) -> Log {
        let mut log = Log::default();
        for (index, byte) in text.iter().enumerate() {
            log.push(Time::from_micros(index as u64), *byte);
        }
        log
    }

    #[test]
    fn two_lines_in_one_buffer_are_both_found() {
        let mut log = log(b"ready\r\nready\r\n");
        for start in [0, 7] {
            let hit = log.find(b"ready", 0).unwrap();
            assert_eq!(hit.start, start);
            log.consume(hit);
        }
        assert_eq!(log.find(b"ready", 0), None);
        assert_eq!(log.tail(9).len(), 2, "what was consumed is still kept");
    }

    #[test]
    fn half_a_number_is_not_captured() {
        let regex = Regex::new(r"port (\d+)").unwrap();
        let mut log = log(b"port 50");
        let last = Time::from_micros(6);
        assert!(log.find_regex(&regex, last).is_none());
        log.push(last, b'0');
        assert!(log.find_regex(&regex, last).is_none());
        let (hit, captures) = log.find_regex(&regex, last + QUIET).unwrap();
        assert_eq!(hit, Hit { start: 0, end: 8 });
        assert_eq!(&captures[1], b"500");
        log.push(last, b'\n');
        assert!(log.find_regex(&regex, last).is_some(), "the line is complete");
    }

    #[test]
    fn lines_carry_the_time_of_their_first_byte() {
        let log = log(b"ab\r\n\xffc");
        let lines = log.tail(2);
        assert_eq!(lines[0], Line { at: Time::ZERO, text: "ab".to_owned() });
        assert_eq!(lines[1], Line { at: Time::from_micros(4), text: "\\xffc".to_owned() });
        assert_eq!(log.tail(1), lines[1..]);
        assert_eq!(log.time_at(5), Time::from_micros(4));
        assert_eq!(lines[1].to_string(), "    0.000004s │ \\xffc");
    }
}
