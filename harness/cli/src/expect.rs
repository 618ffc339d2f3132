//! Text that the console of a board must print, and text that it must not print: `--expect` and `--fail-on`.
//!
//! Lines count, as with `grep`: each one is looked at without its colours when it has ended, or when the console is quiet after it, as
//! it is after a prompt.

use std::collections::VecDeque;

use anstream::adapter::strip_str;
use espalier::{Span, Time, escaped};
use espalier_scenario::Pattern;

/// Silence of the console after which a line without an end counts.
const QUIET: Span = Span::from_millis(10);
/// The longest line; what is longer counts as several.
const LINE: usize = 1 << 16;

/// The state of the expectations.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing is decided.
    Open,
    /// All that was expected has been seen.
    Met,
    /// Something has been seen that must not be: the pattern and the line.
    Failed { pattern: String, line: String },
}

/// The texts that are still awaited, in order, and those that are forbidden.
#[derive(Debug)]
pub struct Expectations {
    awaited: VecDeque<Pattern>,
    count: usize,
    fail_on: Vec<Pattern>,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Up to where expectations have consumed the text of that line.
    consumed: usize,
    last_byte: Time,
    fresh: bool,
}

impl Expectations {
    pub fn new(expected: &[Pattern], fail_on: &[Pattern]) -> Expectations {
        Expectations {
            awaited: expected.iter().cloned().collect(),
            count: expected.len(),
            fail_on: fail_on.to_vec(),
            line: Vec::new(),
            consumed: 0,
            last_byte: Time::ZERO,
            fresh: false,
        }
    }

    /// Whether something is expected that has not been seen.
    pub fn is_open(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Takes what the console has printed up to `now`.
    pub fn take(&mut self, bytes: &[u8], now: Time) -> Verdict {
        for byte in bytes {
            self.last_byte = now;
            self.fresh = true;
            if *byte != b'\n' {
                self.line.push(*byte);
            }
            if *byte == b'\n' || self.line.len() >= LINE {
                let verdict = self.look();
                self.line.clear();
                self.consumed = 0;
                if !matches!(verdict, Verdict::Open) {
                    return verdict;
                }
            }
        }
        if self.fresh && now.since(self.last_byte) >= QUIET {
            return self.look();
        }
        Verdict::Open
    }

    /// Looks at the line.
    fn look(&mut self) -> Verdict {
        self.fresh = false;
        let raw = String::from_utf8_lossy(&self.line);
        let text = strip_str(raw.trim_end_matches('\r')).to_string();
        if let Some(pattern) = self.fail_on.iter().find(|pattern| pattern.end_in(&text, 0).is_some()) {
            return Verdict::Failed { pattern: pattern.to_string(), line: escaped(text.as_bytes()) };
        }
        let awaiting = self.is_open();
        while let Some(end) = self.awaited.front().and_then(|next| next.end_in(&text, self.consumed.min(text.len()))) {
            self.consumed = end;
            self.awaited.pop_front();
        }
        if awaiting && !self.is_open() { Verdict::Met } else { Verdict::Open }
    }

    /// The next awaited event, for a message.
    pub fn awaited(&self) -> Option<String> {
        let next = self.awaited.front()?;
        let seen = self.count - self.awaited.len();
        let of = if self.count > 1 { format!(" ({seen} of {} seen before it)", self.count) } else { String::new() };
        Some(format!("{next} on the console{of}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Expectations, Pattern, QUIET, Verdict};
    use espalier::{Span, Time};

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn take(expectations: &mut Expectations, text: &str) -> Verdict {
        expectations.take(text.as_bytes(), Time::ZERO)
    }

    #[test]
    fn expected_texts_come_in_order() {
        let mut expectations = Expectations::new(&patterns(&["ready", "/^port (\\d+)$/", "ready"]), &[]);
        assert!(matches!(take(&mut expectations, "port 1\r\nrea"), Verdict::Open), "not in order");
        assert!(matches!(take(&mut expectations, "dy\r\n\x1b[0;32mport 50"), Verdict::Open));
        assert_eq!(expectations.awaited().unwrap(), "/^port (\\d+)$/ on the console (1 of 3 seen before it)");
        assert!(matches!(take(&mut expectations, "01\x1b[0m\r\n"), Verdict::Open));
        assert!(matches!(take(&mut expectations, "ready\n"), Verdict::Met));
        assert!(!expectations.is_open());
    }

    #[test]
    fn one_line_can_meet_two_but_not_one_twice() {
        let mut expectations = Expectations::new(&patterns(&["a", "b", "b"]), &[]);
        assert!(matches!(take(&mut expectations, "a b\n"), Verdict::Open));
        assert!(matches!(take(&mut expectations, "b\n"), Verdict::Met));
    }

    #[test]
    fn a_prompt_counts_when_the_console_is_quiet() {
        let mut expectations = Expectations::new(&patterns(&["/^>>> $/"]), &[]);
        assert!(matches!(take(&mut expectations, ">>> "), Verdict::Open));
        assert!(matches!(expectations.take(b"", Time::ZERO + QUIET - Span::from_ticks(1)), Verdict::Open));
        assert!(matches!(expectations.take(b"", Time::ZERO + QUIET), Verdict::Met));
    }

    #[test]
    fn forbidden_text_is_reported_with_its_line() {
        let mut expectations = Expectations::new(&patterns(&["done"]), &patterns(&["/err(or)?:/"]));
        let Verdict::Failed { pattern, line } = take(&mut expectations, "ok\nE: error: 7\ndone\n") else { panic!() };
        assert_eq!((pattern.as_str(), line.as_str()), ("/err(or)?:/", "E: error: 7"));
    }

    #[test]
    fn a_pattern_is_text_unless_slashes_enclose_it() {
        assert!("/(/".parse::<Pattern>().is_err());
        assert_eq!(
            patterns(&["a/b", "/", "//", "/x/"]).iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["\"a/b\"", "\"/\"", "\"//\"", "/x/"]
        );
    }
}
