//! Exceptions of MicroPython as values.

use std::fmt;

use super::script::{COMPILED, STDIN, Script};
use crate::driver::MARK;

/// First line of a traceback.
const HEADING: &str = "Traceback (most recent call last):";

/// A call that an exception went through.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// if let Err(error) = board.micropython().exec("def f():\n    1 / 0\nf()").await {
///     let raised = error.exception().expect("the script raises");
///     let innermost = raised.frames.last().expect("it has a traceback");
///     assert_eq!((innermost.line, innermost.function.as_deref()), (2, Some("f")));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracebackFrame {
    /// The file, as the board knows it; for a script, the name that it was given.
    pub file: String,
    /// The line, counted from one.
    pub line: u32,
    /// The function, `<module>` outside of any; `None` where MicroPython does not say, as for a syntax error.
    pub function: Option<String>,
}

/// An exception that ended a script.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// if let Err(error) = board.micropython().exec("1 / 0").await {
///     assert_eq!(error.exception().map(|raised| raised.kind.as_str()), Some("ZeroDivisionError"));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MicroPythonError {
    /// The exception's class, such as `ZeroDivisionError`.
    pub kind: String,
    /// The message, such as `divide by zero`.
    pub message: String,
    /// The calls, the outermost first.
    pub frames: Vec<TracebackFrame>,
    /// The script's output before.
    pub output: String,
    /// The traceback as the board printed it.
    pub traceback: String,
    /// The script, to show its lines.
    source: String,
    /// The script's name.
    script: String,
    exit: Option<Exit>,
}

/// The exit that a `SystemExit` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exit {
    status: u8,
    has_message: bool,
}

impl Exit {
    fn parse(status: &str) -> Exit {
        match status.trim_end() {
            "text" => Exit { status: 1, has_message: true },
            // CPython takes a number that is too large for -1.
            number => {
                let status = number.parse::<i64>().map_or(u8::MAX, |number| number as u8);
                Exit { status, has_message: false }
            }
        }
    }
}

impl MicroPythonError {
    /// Reads a traceback. Text that is none becomes a message of its own.
    pub(super) fn parse(traceback: &str, output: String) -> MicroPythonError {
        let traceback = traceback.replace("\r\n", "\n");
        if let Some((_, exit)) = traceback.split_once(&format!("{}exit ", char::from(MARK))) {
            let (status, traceback) = exit.split_once('\n').unwrap_or((exit, ""));
            return MicroPythonError { exit: Some(Exit::parse(status)), ..MicroPythonError::parse(traceback, output) };
        }
        let (mut frames, mut rest) = (Vec::new(), traceback.trim_start());
        // Firmware that runs out of memory prints the exception alone.
        if let Some((before, after)) = rest.split_once(HEADING)
            && before.trim().is_empty()
        {
            rest = after.trim_start_matches('\n');
            while let Some((line, after)) = rest.split_once('\n') {
                let Some(frame) = parse_frame(line) else { break };
                frames.push(frame);
                rest = after;
            }
        }
        let first = rest.lines().next().unwrap_or_default();
        let (kind, message) = match rest.split_once(':') {
            Some((kind, message)) if is_name(kind) => (kind, message),
            _ if is_name(first.trim_end()) => (first.trim_end(), ""),
            _ => ("", rest),
        };
        let (kind, message) = (kind.to_owned(), message.trim().to_owned());
        let (source, script, exit) = (String::new(), String::new(), None);
        MicroPythonError { kind, message, frames, output, traceback, source, script, exit }
    }

    /// Gives the script's own frames its name, and its lines to the message. The frames of what runs it are left out.
    pub(super) fn of_script(mut self, script: &Script) -> MicroPythonError {
        let runs_it = self.frames.iter().take_while(|frame| frame.file == STDIN).count();
        self.frames.drain(..runs_it);
        for frame in self.frames.iter_mut().filter(|frame| frame.file == COMPILED) {
            script.name().clone_into(&mut frame.file);
        }
        script.name().clone_into(&mut self.script);
        script.source().clone_into(&mut self.source);
        self
    }

    /// Where it was raised: the innermost call.
    pub fn raised_at(&self) -> Option<&TracebackFrame> {
        self.frames.last()
    }

    /// The exit status that a `SystemExit` asks for, as CPython has it: the low eight bits of a number, and 1 for anything else, which
    /// is then in [`message`](MicroPythonError::message). Nothing for every other exception.
    pub fn exit_status(&self) -> Option<u8> {
        self.exit.map(|exit| exit.status)
    }

    /// Returns the message of a `SystemExit` that carries no number.
    pub fn exit_message(&self) -> Option<&str> {
        self.exit.is_some_and(|exit| exit.has_message).then_some(self.message.as_str())
    }

    /// The number of an `OSError`, as `errno` names them.
    pub fn errno(&self) -> Option<u32> {
        if self.kind != "OSError" {
            return None;
        }
        let number = self.message.strip_prefix("[Errno ").unwrap_or(&self.message);
        let digits = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
        number[..digits].parse().ok()
    }

    /// The text of the script's line in which `frame` stands.
    fn line_of(&self, frame: &TracebackFrame) -> Option<&str> {
        let index = (frame.line as usize).checked_sub(1)?;
        if frame.file == self.script { self.source.lines().nth(index) } else { None }
    }
}

fn is_name(text: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    !text.is_empty() && text.chars().all(part) && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// Reads `File "main.py", line 7, in work`.
fn parse_frame(line: &str) -> Option<TracebackFrame> {
    let (file, rest) = line.trim_start().strip_prefix("File \"")?.rsplit_once("\", line ")?;
    let (number, function) = match rest.split_once(", in ") {
        Some((number, function)) => (number, Some(function.trim_end().to_owned())),
        None => (rest, None),
    };
    Some(TracebackFrame { file: file.to_owned(), line: number.trim_end().parse().ok()?, function })
}

impl fmt::Display for MicroPythonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.as_str(), self.message.as_str()) {
            ("", message) => write!(f, "the script failed: {message}")?,
            (kind, "") => f.write_str(kind)?,
            (kind, message) => write!(f, "{kind}: {message}")?,
        }
        for frame in self.frames.iter().rev() {
            write!(f, "\n  at {}:{}", frame.file, frame.line)?;
            if let Some(function) = &frame.function {
                write!(f, " in {function}")?;
            }
            if let Some(text) = self.line_of(frame) {
                write!(f, "\n  {:>5} │ {text}", frame.line)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for MicroPythonError {}

#[cfg(test)]
mod tests {
    use super::{MicroPythonError, TracebackFrame};
    use crate::micropython::Script;
    use proptest::prelude::*;

    fn parse(text: &str) -> MicroPythonError {
        MicroPythonError::parse(text, String::new())
    }

    #[test]
    fn a_traceback_becomes_frames_and_shows_its_lines() {
        let error = parse(
            "Traceback (most recent call last):\r\n  File \"<stdin>\", line 14, in <module>\r\n  \
             File \"<stdin>\", line 5, in _espalier\r\n  File \"<script>\", line 3, in <module>\r\n  \
             File \"lib/net.py\", line 12, in open\r\n  File \"<script>\", line 2, in div\r\nZeroDivisionError: divide by zero\r\n",
        );
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("ZeroDivisionError", "divide by zero"));
        assert_eq!((error.frames.len(), error.exit_status()), (5, None));
        let frame = TracebackFrame { file: "<script>".to_owned(), line: 2, function: Some("div".to_owned()) };
        assert_eq!(error.raised_at(), Some(&frame));
        let script = Script::new("def div():\n  return 1 / 0\ndiv()\n").named("demo.py");
        let shown = error.of_script(&script).to_string();
        assert_eq!(
            shown,
            "ZeroDivisionError: divide by zero\n  at demo.py:2 in div\n      2 │   return 1 / 0\n  \
             at lib/net.py:12 in open\n  at demo.py:3 in <module>\n      3 │ div()"
        );
    }

    #[test]
    fn a_syntax_error_has_no_function() {
        let error = parse(
            "Traceback (most recent call last):\r\n  File \"<stdin>\", line 4\r\nSyntaxError: invalid syntax\r\n",
        );
        assert_eq!(error.raised_at(), Some(&TracebackFrame { file: "<stdin>".to_owned(), line: 4, function: None }));
        assert_eq!(error.kind, "SyntaxError");
    }

    #[test]
    fn messages_may_be_empty_long_or_odd() {
        let interrupt =
            parse("Traceback (most recent call last):\n  File \"<stdin>\", line 1, in <module>\nKeyboardInterrupt: \n");
        assert_eq!((interrupt.kind.as_str(), interrupt.message.as_str()), ("KeyboardInterrupt", ""));
        assert_eq!(parse("MemoryError: memory allocation failed\r\n").kind, "MemoryError");
        assert_eq!(parse("Stop").kind, "Stop");
        let two = parse("Traceback (most recent call last):\n  File \"a\", line 1, in f\nError: one: 1\ntwo\n");
        assert_eq!(two.message, "one: 1\ntwo");
        let odd = parse("what is this?");
        assert_eq!((odd.kind.as_str(), odd.to_string().as_str()), ("", "the script failed: what is this?"));
    }

    #[test]
    fn an_exit_has_its_status_as_in_cpython() {
        let exit = |status: &str, message: &str| {
            parse(&format!(
                "Traceback (most recent call last):\n  File \"<stdin>\", line 5, in _espalier\nException: \x1eexit {status}\r\n\
                 Traceback (most recent call last):\r\n  File \"<script>\", line 4, in leave\r\nSystemExit: {message}\r\n"
            ))
        };
        let statuses = [("3", 3), ("-1", 255), ("256", 0), ("123456789012345678901", 255), ("text", 1)];
        for (status, expected) in statuses {
            assert_eq!(exit(status, status).exit_status(), Some(expected), "{status}");
        }
        let error = exit("text", "no network");
        assert_eq!((error.kind.as_str(), error.exit_message()), ("SystemExit", Some("no network")));
        assert_eq!(exit("3", "3").exit_message(), None);
        assert_eq!(error.raised_at().map(|frame| frame.line), Some(4));
    }

    #[test]
    fn errors_of_the_system_have_their_number() {
        assert_eq!(parse("OSError: [Errno 2] ENOENT: x.py").errno(), Some(2));
        assert_eq!(parse("OSError: 28").errno(), Some(28));
        assert_eq!(parse("OSError: -203").errno(), None);
        assert_eq!(parse("ValueError: 2").errno(), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_shown(text: String, prefixed: bool, line: u32) {
            let traceback = match prefixed {
                true => format!("Traceback (most recent call last):\n  File \"{text}\", line {line}, in {text}\n{text}"),
                false => text.clone(),
            };
            let error = parse(&traceback).of_script(&Script::new(&text).named(&text));
            let _ = (error.to_string(), error.errno());
        }
    }
}
