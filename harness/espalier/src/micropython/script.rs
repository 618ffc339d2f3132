//! Scripts, and what they print.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::driver::MARK;
use crate::error::{Failure, FileError};
use crate::session::Result;

/// MicroPython's name for a script that came over the console.
pub(super) const STDIN: &str = "<stdin>";
/// The file name given to MicroPython for a test's script, to tell its lines from those of the scripts that run it. The script's own
/// name may be longer than MicroPython allows.
pub(super) const COMPILED: &str = "<script>";

/// Runs what was compiled, and says how a `SystemExit` ends it, for the raw REPL passes over that. One that means success is passed
/// on, because `machine.soft_reset()` raises it.
const RUN: &str = "
def _espalier():
 g = globals()
 del g['_espalier']
 try:
  exec(g.pop('_espalier_code'), g)
 except SystemExit as e:
  v = e.args[0] if len(e.args) == 1 else e.args or None
  n = isinstance(v, (int, bool))
  if v is None or n and not v:
   raise
  import io, sys
  t = io.StringIO()
  sys.print_exception(e, t)
  raise Exception('MARKexit %s\\n%s' % (int(v) if n else 'text', t.getvalue()))
_espalier()
";

/// A script for the board's MicroPython.
///
/// ```
/// use espalier::Script;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let script = Script::new("print('hello')").named("greeting");
/// assert_eq!(board.micropython().exec(script).await?, "hello\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    name: String,
    source: String,
    arguments: Option<Vec<String>>,
    /// The file that it was read from.
    file: Option<PathBuf>,
}

impl Script {
    /// A script from memory.
    pub fn new(source: impl Into<String>) -> Script {
        Script { name: STDIN.to_owned(), source: source.into(), arguments: None, file: None }
    }

    /// Reads a script of this computer.
    ///
    /// # Errors
    /// If the file cannot be read, or is not text.
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

    /// The file that it was read from, if it was.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the scripts to run: first one that compiles it, then one that runs the compiled code.
    pub(super) fn steps(&self) -> [Script; 2] {
        let compile = format!("_espalier_code = compile({}, '{COMPILED}', 'exec')\n", literal(&self.source));
        let words: Option<Vec<String>> = self
            .arguments
            .as_ref()
            .map(|arguments| [&self.name].into_iter().chain(arguments).map(|word| literal(word)).collect());
        let arguments = words.map(|words| format!("__import__('sys').argv[:] = [{}]\n", words.join(", ")));
        let run = RUN.trim_start().replace("MARK", &format!("\\x{MARK:02x}"));
        [Script::new(arguments.unwrap_or_default() + &compile), Script::new(run)]
    }
}

pub(super) fn read(path: &Path) -> Result<Script, Failure> {
    let source = std::fs::read_to_string(path).map_err(FileError::of("read", path))?;
    Ok(Script { file: Some(path.to_owned()), ..Script::new(source).named(path.display().to_string()) })
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
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            control if control.is_ascii_control() => literal.push_str(&format!("\\x{:02x}", control as u32)),
            plain => literal.push(plain),
        }
    }
    literal + "'"
}

/// The output of a script.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let output = board.micropython().exec("print(6 * 7)").await?;
/// assert_eq!(output.text().trim(), "42");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
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
        assert_eq!(literal("it's\\n 好\n\r\x04"), r"'it\'s\\n 好\n\r\x04'");
    }

    #[test]
    fn nothing_that_is_sent_has_a_meaning_to_the_raw_repl() {
        let steps = Script::new("a\nb = '\x04'\n").named("x\x01.py").arguments(["\x05"]).steps();
        assert!(steps.iter().all(|step| !step.source().bytes().any(|byte| (1..=5).contains(&byte))), "{steps:?}");
    }

    #[test]
    fn arguments_are_set_before_the_script() {
        assert!(!Script::new("x").steps()[0].source().contains("argv"));
        let script = Script::new("x").named("x.py").arguments(["a b", "it's"]);
        assert!(script.steps()[0].source().contains(r"['x.py', 'a b', 'it\'s']"));
    }
}
