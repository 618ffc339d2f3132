//! Text that came from the board, and the part of it that a scenario can wait for.

use std::sync::LazyLock;

use espalier::Time;
use regex::Regex;

use crate::init::{beginning, pattern};

/// Bytes that are kept at most; the oldest half goes first.
const MOST: usize = 1 << 20;
/// Characters at the end of a prompt.
const PROMPTS: [char; 6] = ['>', '$', '#', ':', '?', '%'];
/// A line with fewer letters is a number, a list of numbers, or a prompt.
const LETTERS: usize = 3;

/// Control sequences of terminals (ECMA-48, 5.4).
static SEQUENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b\[[0-?]*[ -/]*[@-~]").expect("an expression of this file"));

/// Bytes with the times at which they came, since a scenario waited last.
#[derive(Debug, Default)]
pub struct Heard {
    bytes: Vec<u8>,
    /// Up to these offsets, by these times.
    pieces: Vec<(usize, Time)>,
    /// Whether the first of them are the end of a long line whose beginning was waited for.
    is_in_line: bool,
}

/// Something to wait for.
#[derive(Debug, PartialEq, Eq)]
pub struct Awaited {
    /// As a scenario has it.
    pub pattern: String,
    /// When it had come.
    pub at: Time,
}

impl Heard {
    pub fn push(&mut self, bytes: &[u8], at: Time) {
        if bytes.is_empty() {
            return;
        }
        self.bytes.extend(bytes);
        self.pieces.push((self.bytes.len(), at));
        if self.bytes.len() > MOST {
            self.drain(self.bytes.len() - MOST / 2);
        }
    }

    /// Takes all of it, and when the last of it had come.
    pub fn take(&mut self) -> Option<(Vec<u8>, Time)> {
        let (_, at) = self.pieces.drain(..).next_back()?;
        self.is_in_line = false;
        Some((std::mem::take(&mut self.bytes), at))
    }

    /// Chooses the last line that is worth it, and the prompt behind it if there is one. It goes on behind their first matches: that is
    /// where a scenario is which waits for them. A line that repeats `typed` is an echo, which says nothing.
    pub fn awaited(&mut self, typed: &str) -> Vec<Awaited> {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let text = match self.is_in_line {
            true => text.split_once('\n').map_or("", |(_, rest)| rest),
            false => &text,
        };
        let (lines, prompt) = text.rsplit_once('\n').unwrap_or(("", text));
        let is_echo = |line: &str| !typed.is_empty() && line.ends_with(typed);
        let line = lines.split('\n').rev().filter_map(plain).find(|line| !is_echo(line));
        // A line that is just being printed may go on with a number.
        let prompt = plain(prompt).filter(|prompt| prompt.ends_with(PROMPTS));
        [line, prompt].into_iter().flatten().filter_map(|line| self.await_line(&line)).collect()
    }

    fn await_line(&mut self, line: &str) -> Option<Awaited> {
        let pattern = pattern_of(line);
        let end = self.end_of(&pattern)?;
        let at = self.pieces.iter().find(|(piece, _)| *piece >= end).map_or(Time::ZERO, |(_, at)| *at);
        self.drain(end);
        self.is_in_line = beginning(line) != line;
        Some(Awaited { pattern: escaped(&pattern), at })
    }

    /// Where the first match ends.
    fn end_of(&self, pattern: &str) -> Option<usize> {
        let expression = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let expression = expression.map_or_else(|| regex::escape(pattern), str::to_owned);
        Some(regex::bytes::Regex::new(&expression).ok()?.find(&self.bytes)?.end())
    }

    fn drain(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.pieces.retain_mut(|(end, _)| {
            *end = end.saturating_sub(count);
            *end > 0
        });
    }
}

/// A pattern for a line. Numbers in a text may be times; a line of little else is a result.
fn pattern_of(line: &str) -> String {
    let letters = line.chars().filter(|one| one.is_alphabetic()).count();
    if letters >= LETTERS || line.starts_with('/') { pattern(line) } else { line.to_owned() }
}

/// A text as it stands in a scenario, where a dollar sign may begin a variable. In an expression they are escaped already.
fn escaped(pattern: &str) -> String {
    if pattern.starts_with('/') { pattern.to_owned() } else { literal(pattern) }
}

/// The same for text that is sent.
pub fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// The longest part of a line without control characters and broken ones.
fn plain(line: &str) -> Option<String> {
    let line = SEQUENCE.replace_all(line, "\0");
    let runs = line.split(|character: char| character.is_control() || character == char::REPLACEMENT_CHARACTER);
    let longest = runs.map(str::trim).max_by_key(|run| run.len())?;
    (!longest.is_empty()).then(|| longest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Awaited, Heard};
    use espalier::Time;

    fn heard(pieces: &[(&str, u64)]) -> Heard {
        let mut heard = Heard::default();
        pieces.iter().for_each(|(text, at)| heard.push(text.as_bytes(), Time::from_micros(*at)));
        heard
    }

    fn awaited(pattern: &str, at: u64) -> Vec<Awaited> {
        vec![Awaited { pattern: pattern.to_owned(), at: Time::from_micros(at) }]
    }

    #[test]
    fn the_last_line_is_awaited_at_its_first_match() {
        let mut one = heard(&[("boot\ntick\n", 1), ("tick\ntick\n", 2)]);
        assert_eq!(one.awaited(""), awaited("tick", 1));
        assert_eq!(one.awaited(""), awaited("tick", 2));
        let mut coloured = heard(&[("\x1b[0;32mI (312) main: ready\x1b[0m\r\n", 5)]);
        assert_eq!(coloured.awaited(""), awaited("/I \\(\\d+\\) main: ready/", 5));
        assert_eq!(coloured.awaited(""), []);
        assert_eq!(heard(&[("costs $5 or ${x}\n", 1)]).awaited(""), awaited("/costs \\$\\d+ or \\$\\{x\\}/", 1));
        assert_eq!(heard(&[("${x}\n", 1)]).awaited(""), awaited("$${x}", 1));
    }

    #[test]
    fn an_answer_is_awaited_before_the_prompt_and_its_echo_is_not() {
        let mut answer = heard(&[("print(6*7)\r\n42\r\n", 1), (">>> ", 2)]);
        assert_eq!(
            answer.awaited("print(6*7)"),
            awaited("42", 1).into_iter().chain(awaited(">>>", 2)).collect::<Vec<_>>()
        );
        let mut silent = heard(&[("a = 1\r\n>>> ", 3)]);
        assert_eq!(silent.awaited("a = 1"), awaited(">>>", 3));
        assert_eq!(heard(&[("ready\nI (31", 1)]).awaited(""), awaited("ready", 1));
    }

    #[test]
    fn a_long_line_is_awaited_once_by_its_first_words() {
        let line = "@status role=none state=idle link=up address=10.0.2.100/24 peer=- messages=0\n";
        let mut status = heard(&[(line, 1)]);
        assert_eq!(
            status.awaited(""),
            awaited("/@status role=none state=idle link=up address=\\d+\\.\\d+\\.\\d+\\.\\d+/\\d+/", 1)
        );
        assert_eq!(status.awaited(""), [], "its rest says nothing new");
        status.push(b"ready\n", Time::from_micros(2));
        assert_eq!(status.awaited(""), awaited("ready", 2));
        let wide = "你好".repeat(40);
        assert_eq!(
            heard(&[(&wide, 1), ("\n", 1)]).awaited(""),
            awaited(&"你好".repeat(30), 1),
            "a word without an end"
        );
        let mut prompt = heard(&[("> ", 1)]);
        assert_eq!(prompt.awaited(""), awaited(">", 1));
        prompt.push(b"OK\n", Time::from_micros(2));
        assert_eq!(prompt.awaited(""), awaited("OK", 2), "an answer behind its prompt");
    }

    #[test]
    fn noise_is_not_awaited() {
        assert_eq!(heard(&[("\r\n\r\n", 1), ("\u{1}\u{2} \u{3}", 2)]).awaited(""), []);
        let mut broken = Heard::default();
        broken.push(b"\xff\xfe>>> ", Time::from_micros(3));
        assert_eq!(broken.awaited(""), awaited(">>>", 3));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut heard = Heard::default();
        for round in 0..100_000 {
            heard.push(b"a line that comes again and again\n", Time::from_micros(round));
        }
        assert!(heard.bytes.len() <= super::MOST && heard.pieces.len() <= heard.bytes.len() / 30);
        assert_eq!(heard.take().map(|(_, at)| at), Some(Time::from_micros(99_999)));
        assert!(heard.take().is_none());
    }
}
