//! Records which tests ran on which kind of board, and which were skipped.
//!
//! The test runner of the standard library knows no test that is skipped while it runs: such a test passes. So it says on the
//! standard error that it was skipped, and a file that `ESPALIER_RUNS` names gets one line for each test of all processes of a run:
//! a script counts them, so that a suite that skips everything does not look like one that passes.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::driver::{Capability, Kind};
use crate::error::{Cause, FileError};

/// Environment variable with a file to which each test appends what board it ran on, or why it was skipped.
pub const RUNS_VARIABLE: &str = "ESPALIER_RUNS";
/// Environment variable with the only kind of board that the environment may choose.
pub const REQUIRE_VARIABLE: &str = "ESPALIER_REQUIRE";

/// The environment chose another kind of board than it requires.
///
/// ```
/// let error = espalier::WrongKind { required: "bench".to_owned(), kind: espalier::Kind::Emulated };
/// assert!(error.to_string().starts_with("ESPALIER_REQUIRE is \"bench\""));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{REQUIRE_VARIABLE} is {required:?}, and ESPALIER_BOARD chooses the kind {kind}; change one of them")]
pub struct WrongKind {
    /// The required kind.
    pub required: String,
    /// The chosen kind.
    pub kind: Kind,
}

impl Cause for WrongKind {}

/// Fails if the environment requires another kind of board.
pub(crate) fn check_required(kind: Kind) -> Result<(), WrongKind> {
    is_allowed(std::env::var(REQUIRE_VARIABLE).unwrap_or_default(), kind)
}

fn is_allowed(required: String, kind: Kind) -> Result<(), WrongKind> {
    if required.is_empty() || required == kind.name() { Ok(()) } else { Err(WrongKind { required, kind }) }
}

/// Says that the test `name` cannot run on its board.
pub(crate) fn say_skipped(name: &str, kind: Kind, lacks: Capability) {
    // Straight to the standard error: the runner captures what goes through the macros, and drops it when a test passes. If the
    // standard error is closed, the file still has it.
    let _ = writeln!(std::io::stderr(), "espalier: SKIPPED {name}: {kind} boards do not support {lacks}");
}

/// Appends the outcome of the test `name` to the file that the environment names.
pub(crate) fn record(name: &str, kind: Kind, lacks: Option<Capability>) -> Result<(), FileError> {
    match std::env::var_os(RUNS_VARIABLE).filter(|file| !file.is_empty()) {
        Some(file) => append(file.as_ref(), &line(name, kind, lacks)),
        None => Ok(()),
    }
}

/// `ran on bench: TEST`, or `skipped on bench for forking: TEST`.
fn line(name: &str, kind: Kind, lacks: Option<Capability>) -> String {
    match lacks {
        None => format!("ran on {kind}: {name}\n"),
        Some(lacks) => format!("skipped on {kind} for {lacks}: {name}\n"),
    }
}

/// One write at the end of the file: lines of several processes do not mix.
fn append(file: &Path, line: &str) -> Result<(), FileError> {
    let opened = OpenOptions::new().append(true).create(true).open(file);
    opened.and_then(|mut opened| opened.write_all(line.as_bytes())).map_err(FileError::of("append to", file))
}

/// The result of a test that is skipped.
///
/// ```
/// use espalier::Skipped;
///
/// // What `needs!` returns from a test that this board cannot run.
/// assert!(espalier::Result::<()>::skipped().is_ok());
/// ```
pub trait Skipped {
    /// As if it had passed.
    fn skipped() -> Self;
}

impl Skipped for () {
    fn skipped() {}
}

impl<E> Skipped for Result<(), E> {
    fn skipped() -> Result<(), E> {
        Ok(())
    }
}

/// Ends the test here if its board lacks an ability; the test is skipped, and says so.
///
/// ```
/// use espalier::{Board, Capability, needs};
///
/// async fn a_fork_is_the_same(board: Board) -> espalier::Result<()> {
///     needs!(board, Capability::Fork);
///     assert_eq!(board.fork()?.trace_hash(), board.trace_hash());
///     Ok(())
/// }
/// ```
#[macro_export]
macro_rules! needs {
    ($board:expr, $($capability:expr),+ $(,)?) => {
        match &$board {
            board => {
                $(
                    if !board.has_or_skips($capability) {
                        return $crate::Skipped::skipped();
                    }
                )+
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{append, is_allowed, line};
    use crate::driver::{Capability, Kind};

    #[test]
    fn every_test_has_a_line_in_the_order_in_which_they_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("runs.txt");
        append(&file, &line("client", Kind::Bench, None)).unwrap();
        append(&file, &line("fork", Kind::Bench, Some(Capability::Fork))).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, "ran on bench: client\nskipped on bench for forking: fork\n");
        let error = append(folder.path(), "").unwrap_err().to_string();
        assert!(error.starts_with("cannot append to "), "{error}");
    }

    #[test]
    fn another_kind_than_the_required_one_is_refused() {
        assert!(is_allowed(String::new(), Kind::Emulated).is_ok());
        assert!(is_allowed("bench".to_owned(), Kind::Bench).is_ok());
        let error = is_allowed("bench".to_owned(), Kind::Emulated).unwrap_err().to_string();
        assert!(error.starts_with("ESPALIER_REQUIRE is \"bench\""), "{error}");
    }
}
