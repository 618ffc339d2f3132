//! The folder with what a test leaves behind.
//!
//! A test that fails leaves its console, its transcript, its pictures, and a page with all of them (`page`), in a folder of its own: `PACKAGE/BINARY/TEST` in the root, and
//! `TEST.BOARD` for a board with another name than the test's. What an earlier run has left there is removed when the board is switched on,
//! so that what is there is always from the last run of that test.
//!
//! No two boards have one folder: a second one of the same name gets a number. A board and everything that is forked off it know each
//! other's names. Boards that know nothing of each other meet in the file system: a folder appears there with a note of its process in
//! it, and no other board goes into it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sha2::{Digest, Sha256};

use crate::error::FileError;
use crate::run_id::{NEXTEST_TEST_VARIABLE, pytest_test, run_id};

/// Environment variable with the folder under which every test gets its own.
pub const ARTEFACTS_VARIABLE: &str = "ESPALIER_ARTEFACTS";
/// Environment variable that keeps the folders of tests that pass.
pub const KEEP_VARIABLE: &str = "ESPALIER_KEEP";

/// The file that tells the build directory of Cargo.
const CACHE_TAG: &str = "CACHEDIR.TAG";
/// Environment variable with the package whose tests run, which Cargo and nextest set.
const PACKAGE_VARIABLE: &str = "CARGO_PKG_NAME";
/// The file beside the tests' folders that says which run was the last one.
pub(crate) const LAST_RUN: &str = "last-run.txt";
/// Folder name of a board whose test has no name: the main thread of a program has none.
const NAMELESS: &str = "board";
const MAIN: &str = "main";
/// The longest name of a folder; names in file systems have at most 255 bytes, and a number may follow.
const LONGEST: usize = 200;
/// Number of digits of a digest that distinguish names which would look alike.
const TELLING: usize = 8;

/// The file in a board's folder that says which process it is of.
pub(crate) const OWNER: &str = ".owner";
/// Beginning of the name of a folder that is not at its place yet.
const UNPLACED: &str = ".new-";

/// The folders that a board and its forks have, or have left something in.
#[derive(Clone, Debug, Default)]
struct Taken(Arc<Mutex<BTreeSet<PathBuf>>>);

impl Taken {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This process among those of all runs: numbers of processes come again.
fn this_process() -> String {
    format!("{} {}", run_id(), std::process::id())
}

/// Whether a board of this process has left something in a folder.
fn is_ours(folder: &Path) -> bool {
    fs::read_to_string(folder.join(OWNER)).is_ok_and(|owner| owner == this_process())
}

/// Endings that tell folders of one name apart.
fn endings() -> impl Iterator<Item = String> {
    (1_usize..).map(|number| if number == 1 { String::new() } else { format!("-{number}") })
}

fn numbered(place: &Path, ending: &str) -> PathBuf {
    let mut folder = place.to_owned();
    folder.as_mut_os_string().push(ending);
    folder
}

/// Text as one word of a command, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The same, without quotes where a shell needs none.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) { text.to_owned() } else { quoted(text) }
}

/// Where the folders of some tests are.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// State that the tests of one run share.
    pub(crate) shared: PathBuf,
    /// Where the folders are.
    tests: PathBuf,
    /// Their package and binary.
    binary: String,
    /// The words of the command that runs one of them again, up to the name of its board; none if their runner has not said so.
    again: Vec<String>,
    taken: Taken,
}

impl Root {
    /// The folder of the tests of this process: `ESPALIER_ARTEFACTS`, or `espalier` in Cargo's build directory.
    pub(crate) fn of_process() -> Root {
        let program = std::env::current_exe().unwrap_or_default();
        let shared = match std::env::var_os(ARTEFACTS_VARIABLE).filter(|root| !root.is_empty()) {
            Some(root) => PathBuf::from(root),
            None => build_folder(&program).join("espalier"),
        };
        let package = std::env::var(PACKAGE_VARIABLE).ok().filter(|package| !package.is_empty());
        let binary: PathBuf = package.into_iter().chain([binary_name(&program)]).collect();
        let tests = shared.join(&binary);
        Root { tests, shared, binary: binary.display().to_string(), again: Vec::new(), taken: Taken::default() }
    }

    /// The package and the binary whose tests these are; empty for a folder that a test chose.
    pub(crate) fn binary(&self) -> &str {
        &self.binary
    }

    /// This folder, without packages and binaries in it.
    pub(crate) fn at(folder: impl Into<PathBuf>) -> Root {
        let folder = folder.into();
        Root {
            shared: folder.clone(),
            tests: folder,
            binary: String::new(),
            again: Vec::new(),
            taken: Taken::default(),
        }
    }

    /// The same, whose tests run again by a command of these words, up to the name of the board.
    pub(crate) fn again_by(self, again: Vec<String>) -> Root {
        Root { again, ..self }
    }

    /// Notes that the tests here are in a run of their own now.
    fn note_run(&self) -> Result<(), FileError> {
        let path = self.tests.join(LAST_RUN);
        fs::create_dir_all(&self.tests).map_err(FileError::of("create", &self.tests))?;
        fs::write(&path, run_id()).map_err(FileError::of("write", &path))
    }
}

/// A board's folder. Nothing is written before there is something to keep.
#[derive(Debug)]
pub(crate) struct Artefacts {
    root: Root,
    /// The test that has the board; empty if it is not known, or the board's name is all that counts.
    test: String,
    name: String,
    /// The folder without a number.
    place: PathBuf,
    /// The folder, unless a board that this one does not know is faster.
    wanted: PathBuf,
    /// The folder since there is something in it.
    folder: OnceLock<PathBuf>,
    keep: bool,
}

impl Artefacts {
    /// The folder of the board `name` of the test that runs on this thread.
    pub(crate) fn new(root: Root, name: &str) -> Artefacts {
        let test = known_test_name().unwrap_or_default();
        Artefacts::claim(root, test, name)
    }

    /// The folder `name` in `root`, whatever test it is for.
    #[cfg(test)]
    pub(crate) fn alone(root: impl Into<PathBuf>, name: &str) -> Artefacts {
        Artefacts::claim(Root::at(root), String::new(), name)
    }

    fn claim(root: Root, test: String, name: &str) -> Artefacts {
        let keep = std::env::var_os(KEEP_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0");
        let place = if test.is_empty() || test == name { name.to_owned() } else { format!("{test}.{name}") };
        let place = root.tests.join(file_name(&place));
        let mut taken = root.taken.lock();
        let mut free = endings().map(|ending| (numbered(&place, &ending), format!("{name}{ending}")));
        // There are more numbers than boards.
        let (wanted, name) = free.find(|(folder, _)| !taken.contains(folder) && !is_ours(folder)).unwrap_or_default();
        taken.insert(wanted.clone());
        drop(taken);
        // Often there is nothing, and what cannot be removed fails no test that has not begun.
        if wanted.exists() && !is_ours(&wanted) {
            let _ = fs::remove_dir_all(&wanted);
        }
        if root.tests.join(LAST_RUN).exists() {
            let _ = root.note_run();
        }
        Artefacts { root, test, name, place, wanted, folder: OnceLock::new(), keep }
    }

    /// The folder beside this one for a fork called `name`, which belongs to the test that runs on this thread.
    pub(crate) fn sibling(&self, name: &str) -> Artefacts {
        match self.test.is_empty() {
            true => Artefacts::claim(self.root.clone(), String::new(), name),
            false => Artefacts::new(self.root.clone(), name),
        }
    }

    /// Goes on in the folder of the board `name`.
    pub(crate) fn rename(&mut self, name: &str) {
        self.release();
        let renamed = self.sibling(name);
        let mut before = std::mem::replace(self, renamed);
        self.keep |= before.keep;
        // It has been released, and its folder may be this one again.
        before.keep = true;
    }

    /// The folder that a test chose for its boards' folders, if it chose one.
    pub(crate) fn own_root(&self) -> Option<&Path> {
        self.root.binary.is_empty().then_some(&self.root.shared)
    }

    /// The board's name; it has a number if there was one of that name before.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The test that has it, with the name of its binary.
    pub(crate) fn owner(&self) -> String {
        let test = if self.test.is_empty() { &self.name } else { &self.test };
        if self.root.binary.is_empty() { test.clone() } else { format!("{} {test}", self.root.binary) }
    }

    /// The command that runs the test again, if it is known.
    pub(crate) fn again(&self) -> Option<String> {
        if !self.root.again.is_empty() {
            let words: Vec<String> = self.root.again.iter().map(|text| word(text)).collect();
            return Some(format!("{} {}", words.join(" "), quoted(&self.name)));
        }
        let (package, _) = self.root.binary.split_once('/')?;
        (!self.test.is_empty()).then(|| format!("cargo test -p {package} {} -- --exact", quoted(&self.test)))
    }

    /// State that the tests of one run share.
    pub(crate) fn shared(&self) -> &Path {
        &self.root.shared
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.get().unwrap_or(&self.wanted)
    }

    /// The folder, which is there when this returns, and is no other board's.
    fn make_folder(&self) -> Result<&Path, FileError> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder);
        }
        let tests = &self.root.tests;
        fs::create_dir_all(tests).map_err(FileError::of("create", tests))?;
        let begun = tempfile::Builder::new().prefix(UNPLACED).tempdir_in(tests);
        let begun = begun.map_err(FileError::of("create", tests))?;
        // Temporary folders are for their user alone.
        let unplaced = begun.path().join("folder");
        fs::create_dir(&unplaced).map_err(FileError::of("create", &unplaced))?;
        let owner = |folder: &Path| folder.join(OWNER);
        let note = |folder: &Path| {
            let path = owner(folder);
            fs::write(&path, this_process()).map_err(FileError::of("write", &path))
        };
        note(&unplaced)?;
        let numbered = endings().map(|ending| numbered(&self.place, &ending));
        for folder in std::iter::once(self.wanted.clone()).chain(numbered) {
            // It appears with its note, and only where there is none.
            match fs::rename(&unplaced, &folder) {
                Ok(()) => return Ok(self.folder.get_or_init(|| folder)),
                Err(_) if owner(&folder).exists() => {}
                // A test has put something there itself.
                Err(_) if folder.is_dir() => {
                    note(&folder)?;
                    return Ok(self.folder.get_or_init(|| folder));
                }
                Err(error) => return Err(FileError::of("create", &folder)(error)),
            }
        }
        Ok(&self.wanted)
    }

    /// Keeps the files: something failed.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.keep
    }

    /// Writes a file into the folder and says where it is.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> Result<PathBuf, FileError> {
        let path = self.make_folder()?.join(name);
        let parent = path.parent().unwrap_or(self.folder());
        self.root.note_run()?;
        fs::create_dir_all(parent).map_err(FileError::of("create", parent))?;
        fs::write(&path, contents).map_err(FileError::of("write", &path))?;
        Ok(path)
    }

    /// Lets another board have the folder, unless something was left in it.
    fn release(&self) {
        if !self.keep {
            if let Some(folder) = self.folder.get() {
                // Without its note the folder is one of an earlier run.
                let _ = fs::remove_file(folder.join(OWNER));
            }
            self.root.taken.lock().remove(&self.wanted);
        }
    }
}

impl Drop for Artefacts {
    fn drop(&mut self) {
        self.release();
    }
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

/// The name of the test that runs on this thread, or a word for one that is not known.
pub(crate) fn test_name() -> String {
    known_test_name().unwrap_or_else(|| NAMELESS.to_owned())
}

/// The test runner of the standard library gives each test a thread with its name, unless it runs one after the other on the main
/// thread. nextest says it to every process, and pytest at each of its tests. None offers another way, but an attribute of one's own on
/// each test.
fn known_test_name() -> Option<String> {
    let told = std::env::var(NEXTEST_TEST_VARIABLE).ok().filter(|name| !name.is_empty());
    told.or_else(pytest_test).or_else(|| std::thread::current().name().filter(|name| *name != MAIN).map(str::to_owned))
}

/// `name` as it can stand in a file system. A digest distinguishes names that would look alike.
fn file_name(name: &str) -> String {
    let plain = name.replace("::", ".");
    let safe = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    let mut file: String = plain.chars().map(|character| if safe(character) { character } else { '_' }).collect();
    if file == plain && file.len() <= LONGEST && !file.trim_matches('.').is_empty() {
        return file;
    }
    let cut = (0..=LONGEST.min(file.len())).rev().find(|end| file.is_char_boundary(*end)).unwrap_or_default();
    file.truncate(cut);
    format!("{file}-{}", &hexadecimal(name.as_bytes())[..TELLING])
}

/// The SHA-256 digest of `bytes` in hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Artefacts, LAST_RUN, OWNER, Root, binary_name, build_folder, file_name, test_name};
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn names_become_file_names() {
        assert_eq!(binary_name(Path::new("/t/deps/tutorial-0123456789abcdef")), "tutorial");
        assert_eq!(binary_name(Path::new("/t/release/espalier")), "espalier");
        assert_eq!(file_name("client::case_1::sends"), "client.case_1.sends");
        assert!(file_name("client::case_1::sends \"x\"/..").starts_with("client.case_1.sends__x__..-"));
    }

    #[test]
    fn names_that_look_alike_or_lead_elsewhere_are_distinguished() {
        let long = "x".repeat(300);
        let names = ["a b", "a_b", "a/b", "", ".", "..", &long, &long[1..], "你好", "a"];
        let files: BTreeSet<String> = names.iter().map(|name| file_name(name)).collect();
        assert_eq!(files.len(), names.len());
        let plain = |file: &String| file.len() < 255 && !file.contains('/') && !file.trim_matches('.').is_empty();
        assert!(files.iter().all(plain), "{files:?}");
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
        let mut artefacts = Artefacts::alone(root.path(), "test");
        assert!(!artefacts.folder().exists());
        let path = artefacts.write("console.log", b"x").unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"x");
        artefacts.keep();
        let folder = artefacts.folder().to_owned();
        drop(artefacts);
        assert!(folder.exists() && root.path().join(LAST_RUN).exists());
    }

    #[test]
    fn every_board_has_a_folder_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let old = root.path().join("test");
        std::fs::create_dir(&old).unwrap();
        let mut first = Artefacts::alone(root.path(), "test");
        assert!(!old.exists(), "what an earlier run has left is gone");
        first.write("console.log", b"first").unwrap();
        let second = Artefacts::alone(root.path(), "test");
        assert_eq!((second.name(), second.folder()), ("test-2", &*root.path().join("test-2")));
        first.keep();
        drop((first, second));
        let third = Artefacts::alone(root.path(), "test");
        assert_eq!(third.name(), "test-2", "it takes nothing that was left behind");
        assert!(old.join("console.log").exists());
    }

    #[test]
    fn boards_that_know_nothing_of_each_other_have_folders_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("test");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(OWNER), "another process").unwrap();
        let (mut first, mut second) = (Artefacts::alone(root.path(), "test"), Artefacts::alone(root.path(), "test"));
        assert!(!folder.exists(), "what an earlier run has left is gone");
        assert_eq!((first.name(), second.name()), ("test", "test"), "neither has left anything");
        let [one, other] = [&first, &second].map(|artefacts| artefacts.write("console.log", b"x").unwrap());
        assert_eq!((one, other), (folder.join("console.log"), root.path().join("test-2/console.log")));
        first.keep();
        second.keep();
        drop((first, second));
        let third = Artefacts::alone(root.path(), "test");
        assert_eq!((third.name(), third.folder()), ("test-3", &*root.path().join("test-3")));
        assert!(folder.join("console.log").exists());
    }

    #[test]
    fn a_folder_that_is_not_kept_is_free_again() {
        let root = tempfile::tempdir().unwrap();
        let first = Artefacts::alone(root.path(), "test");
        first.write("console.log", b"x").unwrap();
        drop(first);
        let second = Artefacts::alone(root.path(), "test");
        assert_eq!((second.name(), second.folder().exists()), ("test", false));
    }

    #[test]
    fn files_of_the_test_itself_stay() {
        let root = tempfile::tempdir().unwrap();
        let artefacts = Artefacts::alone(root.path(), "test");
        std::fs::create_dir(artefacts.folder()).unwrap();
        std::fs::write(artefacts.folder().join("trace.txt"), b"x").unwrap();
        let written = artefacts.write("console.log", b"x").unwrap();
        assert!(written.parent().unwrap().join("trace.txt").exists());
    }

    #[test]
    fn many_threads_do_not_meet_in_one_folder() {
        let root = tempfile::tempdir().unwrap();
        let write = || {
            let mut artefacts = Artefacts::alone(root.path(), "test");
            artefacts.keep();
            artefacts.write("console.log", b"x").unwrap()
        };
        let written: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(write)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(written.iter().collect::<BTreeSet<_>>().len(), written.len(), "{written:?}");
    }

    #[test]
    fn a_board_that_is_renamed_leaves_its_folder_to_others() {
        let root = tempfile::tempdir().unwrap();
        let mut booted = Artefacts::alone(root.path(), "test");
        booted.rename("boot");
        let test = booted.sibling("test");
        assert_eq!((booted.name(), test.name()), ("boot", "test"));
        booted.rename("boot");
        assert_eq!(booted.name(), "boot");
        assert_eq!(booted.sibling("boot").name(), "boot-2");
    }

    #[test]
    fn a_runner_says_how_its_tests_run_again() {
        let folder = tempfile::tempdir().unwrap();
        let root =
            Root::at(folder.path()).again_by(["play", "my scenes/boot.toml", "--filter"].map(str::to_owned).into());
        let setup = Artefacts::new(root, "setup");
        let again = setup.sibling("boot: it's there").again();
        assert_eq!(again.as_deref(), Some(r"play 'my scenes/boot.toml' --filter 'boot: it'\''s there'"));
    }

    #[test]
    fn tests_of_all_binaries_are_distinguished() {
        let thread = std::thread::Builder::new().name("screens::case_1::a_test".to_owned());
        let told = thread.spawn(|| (test_name(), Artefacts::new(Root::of_process(), "display"))).unwrap().join();
        let (test, artefacts) = told.unwrap();
        let folder = artefacts.folder();
        assert_eq!(folder.file_name().unwrap().to_str().unwrap(), file_name(&format!("{test}.display")));
        assert!(artefacts.owner().ends_with(&test));
        let again = format!("cargo test -p {} '{test}' -- --exact", env!("CARGO_PKG_NAME"));
        assert_eq!(artefacts.again(), Some(again));
        let program = std::env::current_exe().unwrap();
        assert_eq!(folder.parent().unwrap().file_name().unwrap().to_str().unwrap(), binary_name(&program));
        let package = std::env::var("CARGO_PKG_NAME").expect("Cargo and nextest say it");
        assert!(folder.ancestors().nth(2).unwrap().ends_with(package));
    }
}
