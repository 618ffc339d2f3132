//! A file that this process alone writes.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process holds it.
    #[error("another process holds it")]
    InUse,
    /// The host's error.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Opens a file and locks it until it is closed. It is made if it is not there, and keeps what is in it.
///
/// # Errors
/// If another process holds it, or the host says no.
pub fn create_locked(path: &Path) -> Result<File, HoldError> {
    loop {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        try_lock(&file)?;
        // The previous holder may have removed it.
        match is_named(&file, path) {
            Ok(true) => return Ok(file),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn try_lock(file: &File) -> Result<(), HoldError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(HoldError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// A file that was read, and that no other process that asks writes until this is dropped.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    /// Locked as long as it is open.
    file: File,
    content: Vec<u8>,
}

impl Held {
    /// Opens, locks and reads a file.
    ///
    /// # Errors
    /// If another process holds it, or it cannot be read and written.
    pub fn open(path: &Path) -> Result<Held, HoldError> {
        Held::open_and(path, try_lock)
    }

    /// The same for a file that others hold for a moment only: waits until they let go of it.
    ///
    /// # Errors
    /// If it cannot be read and written.
    pub fn wait(path: &Path) -> io::Result<Held> {
        Held::open_and(path, File::lock)
    }

    fn open_and<E: From<io::Error>>(path: &Path, lock: impl Fn(&File) -> Result<(), E>) -> Result<Held, E> {
        loop {
            let mut file = File::options().read(true).write(true).open(path)?;
            lock(&file)?;
            // The process that held it before may have put another file in its place.
            if is_named(&file, path)? {
                let mut content = Vec::new();
                file.read_to_end(&mut content)?;
                return Ok(Held { path: path.to_owned(), file, content });
            }
        }
    }

    /// The file's contents when it was opened.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Puts new content into the file, by [`write`](crate::write), and lets go of it.
    ///
    /// # Errors
    /// The host's error.
    pub fn write(self, content: &[u8]) -> io::Result<()> {
        // Windows renames nothing over a file that is open.
        let held = if cfg!(windows) { None } else { Some(self.file) };
        let written = crate::write(&self.path, content);
        drop(held);
        written
    }
}

#[cfg(unix)]
fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// Windows does not let go of the name of an open file.
#[cfg(not(unix))]
fn is_named(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::{Held, HoldError};

    #[test]
    fn one_at_a_time_holds_a_file_and_the_next_one_finds_what_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("flash.bin");
        std::fs::write(&path, b"before").unwrap();
        let held = Held::open(&path).unwrap();
        assert_eq!(held.content(), b"before");
        assert!(matches!(Held::open(&path), Err(HoldError::InUse)));
        held.write(b"after").unwrap();
        assert_eq!(Held::open(&path).unwrap().content(), b"after");
        assert!(matches!(Held::open(&path.join("nothing")), Err(HoldError::Io(_))));
    }
}
