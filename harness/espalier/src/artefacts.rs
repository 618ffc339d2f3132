//! The folder with what a test leaves behind.
//!
//! A test that fails leaves its console, its transcript and its pictures in a folder of its own; the folder of a test that
//! passes is removed, so that what is there is always from the last run that failed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ErrorKind;

/// Environment variable with the folder under which every test gets its own.
pub const ARTEFACTS_VARIABLE: &str = "ESPALIER_ARTEFACTS";
/// Environment variable that keeps the folders of tests that pass.
pub const KEEP_VARIABLE: &str = "ESPALIER_KEEP";

/// The file that tells the build directory of Cargo.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// A test's folder. Nothing is written before there is something to keep.
#[derive(Debug)]
pub(crate) struct Artefacts {
    root: PathBuf,
    folder: PathBuf,
    keep: bool,
}

impl Artefacts {
    /// The folder `name` under `root`.
    pub(crate) fn new(root: PathBuf, name: &str) -> Artefacts {
        let keep = std::env::var_os(KEEP_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0");
        Artefacts { folder: root.join(file_name(name)), root, keep }
    }

    /// The folder beside this one for a fork called `name`.
    pub(crate) fn sibling(&self, name: &str) -> Artefacts {
        Artefacts::new(self.root.clone(), name)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is here will be looked for: something failed.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.keep
    }

    /// Writes a file into the folder and says where it is.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> Result<PathBuf, ErrorKind> {
        let path = self.folder.join(name);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(ErrorKind::file("create", parent))?;
        fs::write(&path, contents).map_err(ErrorKind::file("write", &path))?;
        Ok(path)
    }

    /// Removes what an earlier run left behind.
    pub(crate) fn remove(&self) {
        // It may never have been there, and a test that passed does not fail for leftovers.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where the tests of this process leave their folders: `ESPALIER_ARTEFACTS`, or `espalier/<test binary>` in Cargo's build
/// directory.
pub(crate) fn default_root() -> PathBuf {
    if let Some(root) = std::env::var_os(ARTEFACTS_VARIABLE) {
        return PathBuf::from(root);
    }
    let program = std::env::current_exe().unwrap_or_default();
    build_folder(&program).join("espalier").join(binary_name(&program))
}

/// Cargo's build directory, in which `program` lies: it has a tag if Cargo made it, and `PROFILE/deps` for test binaries.
fn build_folder(program: &Path) -> PathBuf {
    let tagged = program.ancestors().find(|folder| folder.join(CACHE_TAG).is_file());
    let deps = program.ancestors().find(|folder| folder.file_name() == Some(OsStr::new("deps")));
    let above_profile = || deps?.parent()?.parent();
    tagged.or_else(above_profile).unwrap_or(Path::new("target")).to_path_buf()
}

/// The name of a test binary without the hash that Cargo appends.
fn binary_name(program: &Path) -> String {
    let stem = program.file_stem().and_then(OsStr::to_str).unwrap_or("test");
    match stem.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => name.to_owned(),
        _ => stem.to_owned(),
    }
}

/// The name of the test that runs on this thread.
pub(crate) fn test_name() -> String {
    std::thread::current().name().unwrap_or("board").to_owned()
}

/// `name` as it can stand in a file system.
fn file_name(name: &str) -> String {
    let safe = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    name.replace("::", ".").chars().map(|character| if safe(character) { character } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Artefacts, binary_name, build_folder, file_name};
    use std::path::Path;

    #[test]
    fn names_become_file_names() {
        assert_eq!(binary_name(Path::new("/t/deps/tutorial-0123456789abcdef")), "tutorial");
        assert_eq!(binary_name(Path::new("/t/release/espalier")), "espalier");
        assert_eq!(file_name("client::case_1::sends \"x\"/.."), "client.case_1.sends__x__..");
    }

    #[test]
    fn the_build_folder_is_known_by_its_tag_or_its_shape() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("debug/deps/test");
        assert_eq!(build_folder(&program), root.path());
        assert_eq!(build_folder(Path::new("/usr/bin/espalier")), Path::new("target"));
        std::fs::create_dir_all(root.path().join("debug")).unwrap();
        std::fs::write(root.path().join("CACHEDIR.TAG"), b"").unwrap();
        assert_eq!(build_folder(&root.path().join("debug/espalier")), root.path());
    }

    #[test]
    fn a_folder_appears_with_its_first_file() {
        let root = tempfile::tempdir().unwrap();
        let artefacts = Artefacts::new(root.path().to_owned(), "test");
        assert!(!artefacts.folder().exists());
        let path = artefacts.write("console.log", b"x").unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"x");
        artefacts.remove();
        assert!(!artefacts.folder().exists());
    }
}
