//! Output of the console, up to a bound, and the position up to which expectations have read it.

use std::fmt;

use espalier_core::{Span, Time};
use regex::bytes::{Captures, Regex};

use crate::text::{escaped, find};

/// Silence of the console after which a line without an end counts as complete, as a prompt is.
pub(crate) const QUIET: Span = Span::from_millis(10);
/// Bytes that are kept, with [`LINE`] more for each line. The oldest are dropped, read or not.
const KEPT: usize = 4 << 20;
/// So much more may come before the oldest are dropped, so that not every byte moves all others.
const SLACK: usize = KEPT / 4;
/// Memory of a line besides its bytes.
const LINE: usize = size_of::<(usize, Time)>();

/// A line of the console.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// for line in board.console().tail(3) {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
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

/// The console's bytes from power-on to now. Offsets count from power-on, whatever was dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    bytes: Vec<u8>,
    /// The offset of the first of `bytes`.
    dropped: usize,
    dropped_lines: usize,
    /// Where each line begins, and when its first byte came.
    lines: Vec<(usize, Time)>,
    /// Everything before this offset has been consumed by an expectation.
    cursor: usize,
    last_byte: Time,
}

espalier_core::persist!(value Log { bytes, dropped, dropped_lines, lines, cursor, last_byte } if Log::is_sound;);

/// Where an expectation was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Log {
    pub(crate) fn push(&mut self, at: Time, byte: u8) {
        if self.bytes.last().is_none_or(|last| *last == b'\n') {
            self.lines.push((self.end(), at));
        }
        self.bytes.push(byte);
        self.last_byte = at;
        if self.bytes.len() + LINE * self.lines.len() > KEPT + SLACK {
            self.drop_oldest();
        }
    }

    /// Whether lines and cursor are where bytes are.
    fn is_sound(&self) -> bool {
        let Some(end) = self.dropped.checked_add(self.bytes.len()) else { return false };
        let starts = || self.lines.iter().map(|(start, _)| *start);
        self.lines.is_empty() == self.bytes.is_empty()
            && starts().is_sorted()
            && starts().all(|start| (self.dropped..end).contains(&start))
            && self.cursor <= end
    }

    fn drop_oldest(&mut self) {
        let (end, count) = (self.end(), self.lines.len());
        let lines = self.lines.iter().enumerate();
        let fits = lines.map(|(index, (start, _))| (index, *start));
        let first = fits.into_iter().find(|(index, start)| end - start + LINE * (count - index) <= KEPT);
        // One line that is longer than all that is kept loses its beginning.
        let (line, cut) = first.unwrap_or((count - 1, end - KEPT / 2));
        self.lines.drain(..line);
        self.lines[0].0 = cut;
        self.bytes.drain(..cut - self.dropped);
        self.dropped = cut;
        self.dropped_lines += line;
        self.cursor = self.cursor.max(cut);
    }

    /// The offset of the byte that comes next.
    pub(crate) fn end(&self) -> usize {
        self.dropped + self.bytes.len()
    }

    /// The kept bytes from `offset` on, and the offset of the first of them.
    pub(crate) fn since(&self, offset: usize) -> (usize, &[u8]) {
        let first = offset.clamp(self.dropped, self.end());
        (first, &self.bytes[first - self.dropped..])
    }

    pub(crate) fn between(&self, from: usize, to: usize) -> &[u8] {
        &self.since(from).1[..to - from]
    }

    /// Bytes that were dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped
    }

    /// Bytes that no expectation has consumed yet.
    pub(crate) fn unread(&self) -> &[u8] {
        self.since(self.cursor).1
    }

    /// Where the unread bytes begin.
    pub(crate) fn position(&self) -> usize {
        self.cursor
    }

    /// Consumes up to `offset`.
    pub(crate) fn skip_to(&mut self, offset: usize) {
        self.cursor = offset.clamp(self.cursor, self.end());
    }

    pub(crate) fn consume(&mut self, hit: Hit) {
        self.cursor = hit.end;
    }

    /// Takes all that no expectation has consumed yet.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        let unread = self.unread().to_vec();
        self.cursor = self.end();
        unread
    }

    /// The first occurrence of `needle` at or after both the cursor and `from`.
    pub(crate) fn find(&self, needle: &[u8], from: usize) -> Option<Hit> {
        let from = from.max(self.cursor);
        let start = from + find(self.since(from).1, needle)?;
        Some(Hit { start, end: start + needle.len() })
    }

    /// The first match of `regex` after the cursor. A match that touches the end of what has come so far counts only once
    /// the console is quiet, so that `(\d+)` never captures half of a number.
    pub(crate) fn find_regex(&self, regex: &Regex, now: Time) -> Option<(Hit, Captures<'_>)> {
        let captures = regex.captures(self.unread())?;
        let whole = captures.get(0)?;
        if self.cursor + whole.end() == self.end() && !self.is_quiet(now) && !self.ends_with_line() {
            return None;
        }
        let hit = Hit { start: self.cursor + whole.start(), end: self.cursor + whole.end() };
        Some((hit, captures))
    }

    /// The first complete line after the cursor, line end included.
    pub(crate) fn find_line(&self) -> Option<Hit> {
        let length = self.unread().iter().position(|byte| *byte == b'\n')? + 1;
        Some(Hit { start: self.cursor, end: self.cursor + length })
    }

    /// When the line that holds `offset` began.
    pub(crate) fn time_at(&self, offset: usize) -> Time {
        let after = self.lines.partition_point(|(start, _)| *start <= offset);
        after.checked_sub(1).map_or(Time::ZERO, |index| self.lines[index].1)
    }

    pub(crate) fn text(&self, hit: Hit) -> String {
        escaped(trim_line_end(self.between(hit.start, hit.end)))
    }

    pub(crate) fn before(&self, hit: Hit) -> String {
        String::from_utf8_lossy(self.between(self.cursor, hit.start)).into_owned()
    }

    pub(crate) fn is_quiet(&self, now: Time) -> bool {
        now.since(self.last_byte) >= QUIET
    }

    fn ends_with_line(&self) -> bool {
        self.bytes.last() == Some(&b'\n')
    }

    pub(crate) fn line_count(&self) -> usize {
        self.dropped_lines + self.lines.len()
    }

    /// The last `count` lines, the one that is not yet complete included. If that is more than are kept, the first says how much was
    /// dropped.
    pub(crate) fn tail(&self, count: usize) -> Vec<Line> {
        let first = self.lines.len().saturating_sub(count);
        let lines = (first..self.lines.len()).map(|index| self.line(index));
        let is_short = count > self.lines.len() && self.dropped > 0;
        let notice = is_short.then(|| Line {
            at: self.time_at(self.dropped),
            text: format!("... {} bytes of the console before this were dropped", self.dropped),
        });
        notice.into_iter().chain(lines).collect()
    }

    fn line(&self, index: usize) -> Line {
        let (start, at) = self.lines[index];
        let end = self.lines.get(index + 1).map_or(self.end(), |(next, _)| *next);
        Line { at, text: escaped(trim_line_end(self.between(start, end))) }
    }
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    // ESP-IDF and MicroPython both end lines with CR LF, and the ROM sometimes with CR CR LF.
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::{Hit, KEPT, LINE, Line, Log, QUIET, SLACK};
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

    #[test]
    fn old_lines_are_dropped_and_offsets_stay() {
        let mut log = Log::default();
        let line = |n: usize| format!("line {n:010}\n");
        let lines = 2 * KEPT / line(0).len();
        for n in 0..lines {
            line(n).bytes().for_each(|byte| log.push(Time::from_micros(n as u64), byte));
            assert!(log.bytes.len() + LINE * log.lines.len() <= KEPT + SLACK);
            if n % 1000 == 0 {
                let hit = log.find(line(n).as_bytes(), 0).unwrap();
                assert_eq!((hit.start, log.time_at(hit.start)), (n * line(0).len(), Time::from_micros(n as u64)));
                log.consume(hit);
            }
        }
        assert_eq!(log.line_count(), lines);
        let all = log.tail(usize::MAX);
        assert_eq!(all[0].text, format!("... {} bytes of the console before this were dropped", log.dropped()));
        assert_eq!(format!("{}\n", all[all.len() - 1].text), line(lines - 1));
        assert_eq!(log.tail(3).len(), 3);
        assert_eq!(log.since(0).0, log.dropped());
    }

    #[test]
    fn a_line_without_end_loses_its_beginning() {
        let mut log = Log::default();
        for n in 0..3 * KEPT {
            log.push(Time::ZERO, b'a' + (n % 26) as u8);
            assert!(log.bytes.len() <= KEPT + SLACK);
        }
        assert_eq!((log.line_count(), log.end()), (1, 3 * KEPT));
        assert_eq!(log.unread().len(), log.bytes.len(), "unread bytes are dropped as well");
    }
}
