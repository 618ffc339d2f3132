//! The folder of the locks where each user has a folder for temporary files and no other user can reach it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// In the folder for temporary files.
const FOLDER: &str = "espalier-boards";

/// A folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The one of this user.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn shared() -> io::Result<Folder> {
        let path = Folder::shared_path();
        std::fs::create_dir_all(&path)?;
        Ok(Folder { path })
    }

    /// Where that is.
    pub fn shared_path() -> PathBuf {
        std::env::temp_dir().join(FOLDER)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file that is there.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    /// A file that is there or is made now.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn open_or_create(&self, name: &str) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(false).open(self.path.join(name))
    }

    /// True if `file` is the one that has this name now: an open file keeps its name on such systems.
    ///
    /// # Errors
    /// Never on such systems.
    pub fn still_has(&self, _name: &str, _file: &File) -> io::Result<bool> {
        Ok(true)
    }
}
