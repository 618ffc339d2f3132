//! The file on which a board is locked, and who has it written there.
//!
//! Every user of this computer may open it: they all want the one board. So its contents are untrusted, and nothing is
//! written into a file that does not look as these do.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};

use super::super::error::BenchError;
use super::folder::Folder;

/// The first words of a file that says which process has a board.
const MARK: &str = "process ";
/// Bytes of it that are written and read.
const LONGEST: usize = 512;
/// Number of times that a file may be exchanged while it is being locked.
const ATTEMPTS: u32 = 16;
const NOT_A_LOCK: &str = "it is not the lock of a board, so it is left alone; remove it";

/// Locks the file of the board that `key` names until the file is dropped, or says who has locked it.
pub(super) fn lock(key: &str) -> Result<Result<File, String>, BenchError> {
    let failed = |path, error: io::Error| BenchError::Lock { path, reason: error.to_string() };
    let folder = Folder::shared().map_err(|error| failed(Folder::shared_path(), error))?;
    lock_in(&folder, key).map_err(|error| failed(folder.path().join(name_of(key)), error))
}

fn lock_in(folder: &Folder, key: &str) -> io::Result<Result<File, String>> {
    let name = name_of(key);
    for _ in 0..ATTEMPTS {
        let mut file = folder.open_or_create(&name)?;
        match file.try_lock() {
            // A cleaner of old files may have removed this one: a lock on it would exclude no process.
            Ok(()) if !folder.still_has(&name, &file)? => continue,
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Err(who(&mut file))),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if read(&mut file)?.is_none() {
            return Err(io::Error::other(NOT_A_LOCK));
        }
        let text = format!("{MARK}{} ({})", std::process::id(), command());
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&text.as_bytes()[..text.floor_char_boundary(LONGEST)])?;
        return Ok(Ok(file));
    }
    Err(io::Error::other("another process removes it again and again"))
}

/// The process that has the board that `key` names, if one has it.
pub(super) fn holder(folder: &Folder, key: &str) -> Option<String> {
    let mut file = folder.open(&name_of(key)).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| who(&mut file))
}

fn who(file: &mut File) -> String {
    // It may be about to be written.
    let holder = read(file).ok().flatten().unwrap_or_default();
    if holder.is_empty() { "another process".to_owned() } else { holder }
}

/// Returns the text of the file without control characters; `None` if it is not a lock file.
fn read(file: &mut File) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    let ours = bytes.is_empty() || (bytes.len() <= LONGEST && bytes.starts_with(MARK.as_bytes()));
    let printable = |character: char| if character.is_control() { ' ' } else { character };
    Ok(ours.then(|| String::from_utf8_lossy(&bytes).chars().map(printable).collect()))
}

/// The command of this process, as it was typed.
fn command() -> String {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    words.join(" ")
}

/// The file's name in its folder.
fn name_of(key: &str) -> String {
    let safe =
        |character: char| if character.is_ascii_alphanumeric() || "-.".contains(character) { character } else { '_' };
    let name: String = key.chars().map(safe).collect();
    format!("{name}.lock")
}

/// Where the file of a board is.
#[cfg(test)]
pub(super) fn path_of(key: &str) -> std::path::PathBuf {
    Folder::shared_path().join(name_of(key))
}

#[cfg(all(test, unix))]
mod tests;
