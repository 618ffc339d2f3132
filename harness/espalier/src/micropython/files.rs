//! The board's files, over its console.
//!
//! Contents travel as hexadecimal digits inside of scripts and their output, in pieces that fit into the board's memory.
//! Both directions end with length and CRC-32, so what is damaged on the way is not taken for the file.

mod error;

use std::path::Path;

use espalier_protocol::crc32;

use super::{MicroPython, MicroPythonFailure};
pub use error::{RemoteFileError, RemoteFileReason};

use super::script::{MicroPythonOutput, Script, literal};
use super::session::{Ended, Next, session};
use crate::error::{Failure, FileError};
use crate::session::{Result, Wait};

/// Bytes of a file that travel at once.
const PIECE: usize = 1024;

/// A file or a directory of the board.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// for entry in board.micropython().list("/").await? {
///     println!("{} ({} bytes)", entry.name, entry.size);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteEntry {
    /// Its name, without the directory.
    pub name: String,
    /// Its size in bytes; 0 for a directory.
    pub size: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// The progress of a file.
enum Stage {
    Beginning,
    Writing,
    Checking,
    /// It did not fit.
    Discarding(Failure),
}

/// One thing that is done with one path.
#[derive(Clone)]
struct Errand {
    action: &'static str,
    path: String,
}

impl Errand {
    fn fails(&self, reason: RemoteFileReason) -> Failure {
        let error = RemoteFileError { action: self.action, path: self.path.clone(), reason };
        MicroPythonFailure::File(error).into()
    }

    fn damaged(&self, what: impl Into<String>) -> Failure {
        self.fails(RemoteFileReason::Damaged(what.into()))
    }

    /// The output, or the exception as a reason.
    fn output(&self, ended: Ended) -> Result<MicroPythonOutput, Failure> {
        ended.map_err(|error| self.fails(error.into()))
    }

    /// A script whose names are gone when it ends. `body` is that of a function with the path in `p`.
    fn script(&self, body: &str) -> Script {
        let body = body.trim_matches('\n').replace('\n', "\n ");
        let path = literal(&self.path);
        Script::new(format!("def _espalier(p):\n {body}\ntry:\n _espalier({path})\nfinally:\n del _espalier\n"))
    }
}

/// Prints length and checksum of the file, without holding all of it.
const CHECK: &str = "
import binascii
n = c = 0
with open(p, 'rb') as f:
 b = f.read(512)
 while b:
  n += len(b)
  c = binascii.crc32(b, c)
  b = f.read(512)
print(n, c & 0xffffffff)
";

/// Prints the file's pieces as hexadecimal digits, and then length and checksum.
const READ: &str = "
import binascii
n = c = 0
with open(p, 'rb') as f:
 b = f.read(256)
 while b:
  n += len(b)
  c = binascii.crc32(b, c)
  print(binascii.hexlify(b).decode())
  b = f.read(256)
print(n, c & 0xffffffff)
";

/// Prints kind, size and name of what is in the directory, the name as hexadecimal digits.
const LIST: &str = "
import os, binascii
for e in os.ilistdir(p):
 d = e[1] & 0x4000
 print(1 if d else 0, e[3] if len(e) > 3 and not d else 0, binascii.hexlify(e[0].encode()).decode())
";

/// Removes the file or the empty directory.
const REMOVE: &str = "
import os
(os.rmdir if os.stat(p)[0] & 0x4000 else os.remove)(p)
";

/// Removes what is left of a file that did not fit.
const DISCARD: &str = "
import os
try:
 os.remove(p)
except OSError:
 pass
";

impl MicroPython {
    /// Writes a file of the board, and checks what has arrived. A file that is there is replaced; one that does not fit is
    /// removed.
    pub fn put(&self, contents: impl AsRef<[u8]>, remote: impl Into<String>) -> Wait<()> {
        let errand = Errand { action: "write", path: remote.into() };
        let contents = contents.as_ref().to_vec();
        let (mut written, mut stage) = (0, Stage::Beginning);
        session(self.shared(), move |ended| {
            let outcome = ended.map(|ended| errand.output(ended)).transpose();
            stage = match (std::mem::replace(&mut stage, Stage::Writing), outcome) {
                (Stage::Discarding(kind), _) => return Err(kind),
                (Stage::Writing, Err(kind)) if is_full(&kind) => Stage::Discarding(kind),
                (_, Err(kind)) => return Err(kind),
                (Stage::Checking, Ok(check)) => {
                    let (sent, stored) = (summary(&contents), check.map(|check| check.text()).unwrap_or_default());
                    if stored.trim_end() == sent {
                        return Ok(Next::Done(()));
                    }
                    return Err(errand.damaged(format!("sent {sent}, stored {}", stored.trim_end())));
                }
                (Stage::Writing, Ok(_)) if written == contents.len() => Stage::Checking,
                (Stage::Beginning | Stage::Writing, Ok(_)) => Stage::Writing,
            };
            Ok(Next::Run(match stage {
                Stage::Discarding(_) => errand.script(DISCARD),
                Stage::Checking => errand.script(CHECK),
                Stage::Beginning | Stage::Writing => {
                    let piece = &contents[written..contents.len().min(written + PIECE)];
                    let mode = if written == 0 { "wb" } else { "ab" };
                    written += piece.len();
                    errand.script(&format!(
                        "import binascii\nwith open(p, '{mode}') as f:\n f.write(binascii.unhexlify('{}'))",
                        hex(piece)
                    ))
                }
            }))
        })
    }

    /// Writes a file of this computer to the board; see [`put`](MicroPython::put).
    ///
    /// # Errors
    /// If the local file cannot be read, or the board refuses to write it ([`RemoteFileError`](crate::RemoteFileError)).
    pub async fn put_file(&self, local: impl AsRef<Path>, remote: impl Into<String>) -> Result<()> {
        let local = local.as_ref();
        let contents = std::fs::read(local).map_err(FileError::of("read", local))?;
        self.shared.lock().inputs.add(local);
        self.put(contents, remote).await
    }

    /// Reads a file of the board.
    pub fn get(&self, remote: impl Into<String>) -> Wait<Vec<u8>> {
        let errand = Errand { action: "read", path: remote.into() };
        self.errand(errand, READ, |errand, output| {
            let text = output.text();
            let Some((digits, check)) = split_last_line(&text) else {
                return Err(errand.damaged("it has no checksum"));
            };
            let digits: String = digits.split('\n').collect();
            let contents = unhex(&digits).ok_or_else(|| errand.damaged("its digits are garbled"))?;
            let received = summary(&contents);
            if received == check {
                Ok(contents)
            } else {
                Err(errand.damaged(format!("the board read {check}, received {received}")))
            }
        })
    }

    /// The entries of a directory of the board, sorted by name. The empty path is the current directory.
    pub fn list(&self, directory: impl Into<String>) -> Wait<Vec<RemoteEntry>> {
        let errand = Errand { action: "list", path: directory.into() };
        self.errand(errand, LIST, |errand, output| {
            let entries: Option<Vec<RemoteEntry>> = output.text().lines().map(parse_entry).collect();
            let mut entries = entries.ok_or_else(|| errand.damaged("the list is garbled"))?;
            entries.sort_by(|left, right| left.name.cmp(&right.name));
            Ok(entries)
        })
    }

    /// Removes a file or an empty directory of the board.
    pub fn remove(&self, remote: impl Into<String>) -> Wait<()> {
        self.errand(Errand { action: "remove", path: remote.into() }, REMOVE, |_, _| Ok(()))
    }

    /// Makes a directory on the board.
    pub fn mkdir(&self, directory: impl Into<String>) -> Wait<()> {
        let errand = Errand { action: "make", path: directory.into() };
        self.errand(errand, "import os\nos.mkdir(p)", |_, _| Ok(()))
    }

    /// Runs one script for `errand`, and makes a value of its output.
    fn errand<T: Send + 'static>(
        &self,
        errand: Errand,
        body: &str,
        value: impl Fn(&Errand, MicroPythonOutput) -> Result<T, Failure> + Send + 'static,
    ) -> Wait<T> {
        let script = errand.script(body);
        session(self.shared(), move |ended| match ended {
            None => Ok(Next::Run(script.clone())),
            Some(ended) => Ok(Next::Done(value(&errand, errand.output(ended)?)?)),
        })
    }
}

/// Length and checksum, as [`CHECK`] prints them.
fn summary(contents: &[u8]) -> String {
    format!("{} {}", contents.len(), crc32(contents))
}

fn is_full(failure: &Failure) -> bool {
    let Some(MicroPythonFailure::File(error)) = failure.find() else { return false };
    matches!(error.reason, RemoteFileReason::Full)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let pair = |pair: &[u8]| Some(value(*pair.first()?)? << 4 | value(*pair.get(1)?)?);
    digits.chunks(2).map(pair).collect()
}

/// The last line, and what comes before it.
fn split_last_line(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix('\n')?;
    Some(text.rsplit_once('\n').unwrap_or(("", text)))
}

/// Reads a line that [`LIST`] printed.
fn parse_entry(line: &str) -> Option<RemoteEntry> {
    let mut words = line.split(' ');
    let (kind, size, name) = (words.next()?, words.next()?, words.next()?);
    let name = String::from_utf8(unhex(name)?).ok()?;
    Some(RemoteEntry { name, size: size.parse().ok()?, is_directory: kind == "1" })
}

#[cfg(test)]
mod tests {
    use super::{hex, parse_entry, split_last_line, unhex};
    use proptest::prelude::*;

    #[test]
    fn entries_are_read_whatever_their_name() {
        let entry = parse_entry("0 12 626f6f742e7079").unwrap();
        assert_eq!((entry.name.as_str(), entry.size, entry.is_directory), ("boot.py", 12, false));
        assert!(parse_entry("1 0 6c6962").unwrap().is_directory);
        assert_eq!(parse_entry("0 0"), None);
    }

    #[test]
    fn the_checksum_is_the_last_line() {
        assert_eq!(split_last_line("aa\nbb\n2 7\n"), Some(("aa\nbb", "2 7")));
        assert_eq!(split_last_line("0 0\n"), Some(("", "0 0")));
        assert_eq!(split_last_line("aa\nbb"), None);
    }

    proptest! {
        #[test]
        fn digits_survive_and_garbage_does_no_harm(bytes: Vec<u8>, garbage: String) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
            let _ = (unhex(&garbage), parse_entry(&garbage), split_last_line(&garbage));
        }
    }
}
