//! Scripts, and what they print.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use super::MicroPythonFailure;
use crate::error::{ErrorKind, Result};

/// What MicroPython calls a script that came over the console.
pub(super) const STDIN: &str = "<stdin>";
/// Ctrl-A to Ctrl-E, which mean something to the raw REPL and cannot be part of a script.
const RESERVED: RangeInclusive<u8> = 0x01..=0x05;

/// A script for the board's MicroPython.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    name: String,
    source: String,
    arguments: Option<Vec<String>>,
}

impl Script {
    /// A script from memory.
    pub fn new(source: impl Into<String>) -> Script {
        Script { name: STDIN.to_owned(), source: source.into(), arguments: None }
    }

    /// Reads a script of this computer.
    pub fn read(path: impl AsRef<Path>) -> Result<Script> {
        Ok(read(path.as_ref())?)
    }

    /// Gives it a name, for exceptions.
    pub fn named(mut self, name: impl Into<String>) -> Script {
        self.name = name.into();
        self
    }

    /// Gives it arguments: `sys.argv` becomes its name and these.
    pub fn arguments<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Script {
        self.arguments = Some(arguments.into_iter().map(Into::into).collect());
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// A script that has to run before this one, if it has arguments.
    pub(super) fn preparation(&self) -> Option<Script> {
        let words = [&self.name].into_iter().chain(self.arguments.as_ref()?);
        let list: Vec<String> = words.map(|word| literal(word)).collect();
        Some(Script::new(format!("import sys\nsys.argv[:] = [{}]\ndel sys\n", list.join(", "))))
    }

    /// The bytes to send.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, ErrorKind> {
        let bytes = self.source.as_bytes();
        match bytes.iter().position(|byte| RESERVED.contains(byte)) {
            None => Ok(bytes.to_vec()),
            Some(at) => {
                let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
                Err(MicroPythonFailure::Reserved { script: self.name.clone(), line, byte: bytes[at] }.into())
            }
        }
    }
}

pub(super) fn read(path: &Path) -> Result<Script, ErrorKind> {
    let source = std::fs::read_to_string(path).map_err(ErrorKind::file("read", path))?;
    Ok(Script::new(source).named(path.display().to_string()))
}

impl From<&str> for Script {
    fn from(source: &str) -> Script {
        Script::new(source)
    }
}

impl From<String> for Script {
    fn from(source: String) -> Script {
        Script::new(source)
    }
}

/// `text` as a Python string literal.
pub(super) fn literal(text: &str) -> String {
    let mut literal = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => literal.extend(['\\', character]),
            control if control.is_ascii_control() => literal.push_str(&format!("\\x{:02x}", control as u32)),
            plain => literal.push(plain),
        }
    }
    literal + "'"
}

/// What a script printed.
#[derive(Clone, PartialEq, Eq)]
pub struct MicroPythonOutput {
    bytes: Vec<u8>,
}

impl MicroPythonOutput {
    pub(super) fn new(bytes: Vec<u8>) -> MicroPythonOutput {
        MicroPythonOutput { bytes }
    }

    /// As text, with line ends as Python means them; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        plain_text(&self.bytes)
    }

    /// As it came over the console, which ends lines with carriage return and line feed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for MicroPythonOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

impl fmt::Display for MicroPythonOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl PartialEq<str> for MicroPythonOutput {
    fn eq(&self, text: &str) -> bool {
        self.text() == text
    }
}

impl PartialEq<&str> for MicroPythonOutput {
    fn eq(&self, text: &&str) -> bool {
        self.text() == *text
    }
}

pub(super) fn plain_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::{Script, literal};

    #[test]
    fn literals_survive_quotes_and_controls() {
        assert_eq!(literal("it's\\n 好\n\x04"), r"'it\'s\\n 好\x0a\x04'");
    }

    #[test]
    fn control_characters_of_the_protocol_are_refused_with_their_line() {
        let error = Script::new("a\nb = '\x04'\n").named("x.py").bytes().unwrap_err().to_string();
        assert_eq!(error, "x.py:2 holds the control character \\x04, which ends scripts; write it as an escape");
        assert!(Script::new("tab\t\r\n\x1b").bytes().is_ok());
    }

    #[test]
    fn arguments_are_set_before_the_script() {
        assert_eq!(Script::new("x").preparation(), None);
        let script = Script::new("x").named("x.py").arguments(["a b", "it's"]);
        assert!(script.preparation().unwrap().source().contains(r"['x.py', 'a b', 'it\'s']"));
    }
}
