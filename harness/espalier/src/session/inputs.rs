//! The files of this computer that made a board what it is after it was switched on: a board in a file is of no use once one of them
//! has changed.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Files by their paths, each with its SHA-256 digest; `None` for what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inputs {
    files: BTreeMap<String, Option<[u8; 32]>>,
    /// Something else made it what it is, and the harness does not know where that came from.
    unknown: bool,
}

espalier_core::persist!(value Inputs { files, unknown });

impl Inputs {
    /// Notes that the board depends on a file.
    pub(crate) fn add(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        match path.to_str() {
            Some(name) => _ = self.files.insert(name.to_owned(), digest(&path)),
            None => self.unknown = true,
        }
    }

    /// Notes that the board depends on what has no name.
    pub(crate) fn add_unknown(&mut self) {
        self.unknown = true;
    }

    /// The first file that is not what it was; a word for what has no name.
    pub(crate) fn changed(&self) -> Option<&str> {
        let changed = self.files.iter().find(|(path, known)| digest(Path::new(path)) != **known);
        let unknown = self.unknown.then_some("firmware that was flashed after the start");
        changed.map(|(path, _)| path.as_str()).or(unknown)
    }
}

fn digest(path: &Path) -> Option<[u8; 32]> {
    let content = std::fs::read(path).ok()?;
    Some(Sha256::digest(content).into())
}

#[cfg(test)]
mod tests {
    use super::Inputs;

    #[test]
    fn a_file_that_changes_goes_or_comes_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let [file, missing] = ["main.py", "boot.py"].map(|name| folder.path().join(name));
        std::fs::write(&file, "print(1)").unwrap();
        let mut inputs = Inputs::default();
        inputs.add(&file);
        inputs.add(&missing);
        assert_eq!(inputs.changed(), None);
        std::fs::write(&file, "print(2)").unwrap();
        assert_eq!(inputs.changed(), file.to_str());
        std::fs::write(&file, "print(1)").unwrap();
        std::fs::write(&missing, "").unwrap();
        assert_eq!(inputs.changed(), missing.to_str());
        std::fs::remove_file(&missing).unwrap();
        inputs.add_unknown();
        assert_eq!(inputs.changed(), Some("firmware that was flashed after the start"));
    }
}
