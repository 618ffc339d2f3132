//! Pictures that failed tests left behind, and what makes them golden.
//!
//! Beside `NAME.actual.png` lies `NAME.golden.txt`, which says which golden it would replace, what that was when the test ran, and of
//! which test and run it is.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Failure, FileError};
use crate::session::artefacts::{LAST_RUN, hexadecimal};
use crate::session::{Error, Result};

/// Environment variable that makes what screens show the new goldens.
pub const BLESS_VARIABLE: &str = "ESPALIER_BLESS";
/// End of the file beside a picture that says which golden it would replace.
pub(super) const TARGET_SUFFIX: &str = ".golden.txt";
/// End of the picture that a failure leaves behind.
pub(super) const ACTUAL_SUFFIX: &str = ".actual.png";
/// End of the golden that it was compared with.
pub(super) const EXPECTED_SUFFIX: &str = ".expected.png";
/// End of the picture with the differences.
pub(super) const DIFFERENCE_SUFFIX: &str = ".diff.png";

/// Stands for the digest of a golden that did not exist.
const ABSENT: &str = "absent";

/// Writes a golden picture.
pub(super) fn replace(path: &Path, file: &[u8]) -> std::result::Result<(), FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(FileError::of("create", folder))?;
    }
    espalier_files::write(path, file).map_err(FileError::of("write", path))
}

/// A picture that a test left behind and that can become golden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) golden: PathBuf,
    /// The digest of the golden's file when the test ran.
    pub(super) was: Option<String>,
    pub(super) test: String,
    pub(super) run: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let was = self.was.as_deref().unwrap_or(ABSENT);
        writeln!(f, "golden {}\nwas {was}\ntest {}\nrun {}", self.golden.display(), self.test, self.run)
    }
}

impl Target {
    fn parse(text: &str) -> Option<Target> {
        let value =
            |key: &str| text.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(' ')?.to_owned()));
        let was = value("was")?;
        Some(Target {
            golden: PathBuf::from(value("golden")?),
            was: (was != ABSENT).then_some(was),
            test: value("test")?,
            run: value("run")?,
        })
    }
}

/// A picture that a failed test left behind, which can become golden.
///
/// ```no_run
/// for pending in espalier::PendingGoldens::find("target/espalier")?.ready {
///     println!("{} by {}", pending.golden().display(), pending.test());
///     pending.accept()?;
/// }
/// # Ok::<_, espalier::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingGolden {
    target: Target,
    /// The files beside each other, without their ends; several if tests left the same picture.
    stems: Vec<PathBuf>,
    digest: String,
}

/// Why a picture does not become golden.
///
/// ```
/// use espalier::GoldenRefusal;
///
/// let refusal = GoldenRefusal::Unreadable { path: "menu.toml".into() };
/// assert!(refusal.to_string().ends_with("run the test again"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The golden is not what it was when the test ran.
    #[error("{} has changed since {test} has run; run the test again", golden.display())]
    Stale {
        /// The golden.
        golden: PathBuf,
        /// The test that left the picture.
        test: String,
    },
    /// Several tests left different pictures for it.
    #[error("{} cannot be the golden of all these tests, which show different pictures: {}; give each a golden of its own", golden.display(), tests.join(", "))]
    Contested {
        /// The golden.
        golden: PathBuf,
        /// The tests that left pictures.
        tests: Vec<String>,
    },
    /// A file does not say what it should.
    #[error("{} does not say which golden it is about; run the test again", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

/// The pictures that the last test runs left in a folder.
///
/// ```no_run
/// let pending = espalier::PendingGoldens::find("target/espalier")?;
/// println!("{} pictures can become golden, {} cannot", pending.ready.len(), pending.refused.len());
/// # Ok::<_, espalier::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingGoldens {
    /// Pictures that can become golden, by golden.
    pub ready: Vec<PendingGolden>,
    /// Pictures that cannot, and why.
    pub refused: Vec<Refusal>,
    /// Number of pictures of runs before the last one of their test binary.
    pub earlier: usize,
}

impl PendingGoldens {
    /// Looks for pictures in `folder` and what is in it: the one that `ESPALIER_ARTEFACTS` names, or `espalier` in Cargo's build
    /// directory.
    ///
    /// # Errors
    /// If it or a file in it cannot be read.
    pub fn find(folder: impl AsRef<Path>) -> Result<PendingGoldens> {
        let (mut found, mut pending) = (Vec::new(), PendingGoldens::default());
        pending.look(folder.as_ref(), None, &mut found)?;
        found.sort_by(|one: &PendingGolden, other| one.stems.cmp(&other.stems));
        let mut by_golden: BTreeMap<PathBuf, Vec<PendingGolden>> = BTreeMap::new();
        for picture in found {
            by_golden.entry(picture.target.golden.clone()).or_default().push(picture);
        }
        for (golden, mut pictures) in by_golden {
            let tests = || pictures.iter().map(|picture| picture.target.test.clone()).collect();
            if pictures.iter().any(|picture| picture.digest != pictures[0].digest) {
                pending.refused.push(Refusal::Contested { tests: tests(), golden });
            } else if let Some(stale) = pictures.iter().find(|picture| !picture.is_fresh()) {
                pending.refused.push(Refusal::Stale { test: stale.target.test.clone(), golden });
            } else {
                let stems = pictures.iter().flat_map(|picture| picture.stems.clone()).collect();
                pending.ready.extend(pictures.pop().map(|picture| PendingGolden { stems, ..picture }));
            }
        }
        Ok(pending)
    }

    /// Looks into a folder whose tests had their last run under the name `run`, if it is known.
    fn look(&mut self, folder: &Path, run: Option<&str>, found: &mut Vec<PendingGolden>) -> Result<(), Failure> {
        let last = fs::read_to_string(folder.join(LAST_RUN)).ok();
        let run = last.as_deref().or(run);
        for entry in fs::read_dir(folder).map_err(FileError::of("read", folder))? {
            let path = entry.map_err(FileError::of("read", folder))?.path();
            if path.is_dir() {
                self.look(&path, run, found)?;
                continue;
            }
            let Some(stem) = path.to_str().and_then(|path| path.strip_suffix(TARGET_SUFFIX)) else { continue };
            let text = fs::read_to_string(&path).map_err(FileError::of("read", &path))?;
            let actual = PathBuf::from(format!("{stem}{ACTUAL_SUFFIX}"));
            match Target::parse(&text) {
                None => self.refused.push(Refusal::Unreadable { path }),
                Some(target) if run.is_some_and(|run| run != target.run) => self.earlier += 1,
                Some(target) => {
                    let picture = fs::read(&actual).map_err(FileError::of("read", &actual))?;
                    found.push(PendingGolden { target, stems: vec![stem.into()], digest: hexadecimal(&picture) });
                }
            }
        }
        Ok(())
    }
}

impl PendingGolden {
    /// The golden that it would replace.
    pub fn golden(&self) -> &Path {
        &self.target.golden
    }

    /// The picture.
    pub fn actual(&self) -> PathBuf {
        self.file(ACTUAL_SUFFIX)
    }

    /// The test that left it.
    pub fn test(&self) -> &str {
        &self.target.test
    }

    fn file(&self, suffix: &str) -> PathBuf {
        let stem = self.stems.first().map(|stem| stem.display().to_string()).unwrap_or_default();
        PathBuf::from(stem + suffix)
    }

    /// Whether the golden is what it was when the test ran.
    fn is_fresh(&self) -> bool {
        fs::read(&self.target.golden).ok().map(|file| hexadecimal(&file)) == self.target.was
    }

    /// Makes it golden, and removes what the failure left beside it.
    ///
    /// # Errors
    /// If a file cannot be read, written or removed.
    pub fn accept(&self) -> Result<()> {
        let actual = self.actual();
        let file = fs::read(&actual).map_err(FileError::of("read", &actual))?;
        replace(&self.target.golden, &file)?;
        for stem in &self.stems {
            for suffix in [ACTUAL_SUFFIX, TARGET_SUFFIX, EXPECTED_SUFFIX, DIFFERENCE_SUFFIX] {
                let path = PathBuf::from(format!("{}{suffix}", stem.display()));
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::from(FileError::of("remove", &path)(error)));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{ACTUAL_SUFFIX, PendingGoldens, Refusal, TARGET_SUFFIX, Target};
    use crate::session::artefacts::{LAST_RUN, hexadecimal};

    struct Left(tempfile::TempDir);

    impl Left {
        fn new() -> Left {
            let left = Left(tempfile::tempdir().unwrap());
            fs::create_dir_all(left.0.path().join("artefacts/binary")).unwrap();
            left.run("now");
            left
        }

        fn run(&self, run: &str) {
            fs::write(self.0.path().join("artefacts/binary").join(LAST_RUN), run).unwrap();
        }

        fn golden(&self) -> PathBuf {
            self.0.path().join("goldens/client/greeting.png")
        }

        /// Leaves the files of a failed test that compared the current golden.
        fn fails(&self, test: &str, picture: &[u8]) {
            let folder = self.0.path().join("artefacts/binary").join(test).join("client");
            fs::create_dir_all(&folder).unwrap();
            let was = fs::read(self.golden()).ok().map(|file| hexadecimal(&file));
            let target = Target { golden: self.golden(), was, test: test.to_owned(), run: "now".to_owned() };
            fs::write(folder.join(format!("greeting{TARGET_SUFFIX}")), target.to_string()).unwrap();
            fs::write(folder.join(format!("greeting{ACTUAL_SUFFIX}")), picture).unwrap();
            fs::write(folder.join("greeting.diff.png"), b"difference").unwrap();
        }

        fn find(&self) -> PendingGoldens {
            PendingGoldens::find(self.0.path().join("artefacts")).unwrap()
        }
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_picture_becomes_golden_and_the_rest_goes() {
        let left = Left::new();
        left.fails("one", b"picture");
        left.fails("two", b"picture");
        let found = left.find();
        assert_eq!((found.ready.len(), found.refused.len(), found.earlier), (1, 0, 0));
        found.ready[0].accept().unwrap();
        assert_eq!(fs::read(left.golden()).unwrap(), b"picture");
        let folder = |test: &str| left.0.path().join("artefacts/binary").join(test).join("client");
        assert_eq!((files(&folder("one")), files(&folder("two"))), (0, 0));
        assert_eq!(left.find(), PendingGoldens::default());
    }

    #[test]
    fn a_golden_that_has_changed_is_left_alone() {
        let left = Left::new();
        left.fails("one", b"picture");
        fs::create_dir_all(left.golden().parent().unwrap()).unwrap();
        fs::write(left.golden(), b"new").unwrap();
        let stale = Refusal::Stale { golden: left.golden(), test: "one".to_owned() };
        assert_eq!((left.find().refused, left.find().ready), (vec![stale], vec![]));
        left.fails("one", b"picture");
        assert_eq!(left.find().ready.len(), 1, "the test has seen the new one");
    }

    #[test]
    fn two_pictures_for_one_golden_name_both_tests() {
        let left = Left::new();
        left.fails("one", b"picture");
        left.fails("two", b"another");
        let tests = vec!["one".to_owned(), "two".to_owned()];
        let found = left.find();
        assert_eq!((found.refused, found.ready), (vec![Refusal::Contested { golden: left.golden(), tests }], vec![]));
    }

    #[test]
    fn only_the_last_run_counts() {
        let left = Left::new();
        left.fails("one", b"picture");
        left.run("later");
        assert_eq!(left.find(), PendingGoldens { earlier: 1, ..PendingGoldens::default() });
        assert!(PendingGoldens::find(left.0.path().join("nowhere")).is_err());
    }

    #[test]
    fn files_of_another_make_are_refused() {
        let left = Left::new();
        left.fails("one", b"picture");
        let path = left.0.path().join("artefacts/binary/one/client").join(format!("greeting{TARGET_SUFFIX}"));
        fs::write(&path, left.golden().display().to_string()).unwrap();
        assert_eq!(left.find().refused, [Refusal::Unreadable { path }]);
    }
}
