//! How many tests ran on which kind of board, and which ones did not.
//!
//! The test runner of the standard library knows no test that is skipped while it runs. So a test that a board cannot run says so
//! where nobody captures it, and the last line of a run says what ran: a suite that skips everything must not look like one that
//! passes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::driver::{Capability, Kind};
use crate::run_id::is_nextest;

/// Environment variable with the kind of board on which at least one test has to run, or else the run fails.
pub const REQUIRE_VARIABLE: &str = "ESPALIER_REQUIRE";
const FAILURE: i32 = 1;
/// The thread of a program's start.
const MAIN: &str = "main";

/// What became of one test: the kind of its board, and what that lacks if it was skipped.
type Outcome = (Kind, Option<Capability>);

#[derive(Default)]
struct Runs {
    tests: BTreeMap<String, Outcome>,
    /// The last line will be printed.
    registered: bool,
}

static RUNS: Mutex<Runs> = Mutex::new(Runs { tests: BTreeMap::new(), registered: false });

fn runs() -> MutexGuard<'static, Runs> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes that the test of this thread has a board, and returns the name by which it is counted. A thread without a name is a test's
/// helper, and not counted.
pub(crate) fn note_board(kind: Kind) -> String {
    let mut runs = runs();
    let Some(mut name) = thread::current().name().map(str::to_owned) else { return String::new() };
    if name == MAIN {
        // Tests that run one after the other on the main thread do not say their names.
        name = format!("board {}", runs.tests.len() + 1);
    }
    runs.tests.entry(name.clone()).or_insert((kind, None));
    if is_test() && !std::mem::replace(&mut runs.registered, true) {
        // SAFETY: `last_line` is a function of the program, which stays where it is; it neither unwinds nor calls `exit`.
        // There is no safe way to have something done after the test runner's own last words. If there is no room for another
        // function, there is no last line.
        unsafe { libc::atexit(last_line) };
    }
    name
}

/// Whether this program is one of tests: Cargo puts those into a folder of their own. The `espalier` command counts nothing.
fn is_test() -> bool {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().and_then(Path::file_name) == Some(OsStr::new("deps"))
}

/// Notes and says that the test `name` cannot run on its board.
pub(crate) fn note_skipped(name: &str, kind: Kind, lacks: Capability) {
    if name.is_empty() {
        return;
    }
    runs().tests.insert(name.to_owned(), (kind, Some(lacks)));
    // Straight to the standard error: what goes through the macros is captured, and not shown when a test passes.
    let _ = writeln!(std::io::stderr(), "espalier: SKIPPED {name}: {kind} boards do not support {lacks}");
}

extern "C" fn last_line() {
    let runs = runs();
    let required = std::env::var(REQUIRE_VARIABLE).ok().filter(|kind| !kind.is_empty());
    let (text, missing) = summary(&runs.tests, required.as_deref(), is_nextest());
    // There is nobody to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{text}");
    if missing {
        // SAFETY: the process is ending, with all its output written; `exit` must not be called again here.
        unsafe { libc::_exit(FAILURE) };
    }
}

/// What the last line says, and whether the run has to fail for it. A test that is `alone` in its process does not know whether
/// another one ran on the board that is required.
fn summary(tests: &BTreeMap<String, Outcome>, required: Option<&str>, alone: bool) -> (String, bool) {
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (kind, lacks) in tests.values() {
        counts.entry(kind.name()).or_default()[usize::from(lacks.is_some())] += 1;
    }
    let count = |(kind, [ran, skipped]): (&&str, &[usize; 2])| {
        let skipped = if *skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
        format!("{ran} test{} ran on {kind} boards{skipped}", if *ran == 1 { "" } else { "s" })
    };
    let mut text = format!("espalier: {}", counts.iter().map(count).collect::<Vec<_>>().join("; "));
    let Some(required) = required else { return (text, false) };
    let [ran, skipped] = counts.get(required).copied().unwrap_or_default();
    let missing = ran == 0 && !(alone && skipped > 0);
    if missing {
        text += &format!("; {REQUIRE_VARIABLE}={required}, and none ran on such a board: FAILED");
    }
    (text, missing)
}

/// What a test returns that is skipped.
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

/// Ends the test here if its board lacks what it needs; the test is skipped, which is said and counted.
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
    use super::{Outcome, summary};
    use crate::driver::{Capability, Kind};
    use std::collections::BTreeMap;

    fn tests(outcomes: &[Outcome]) -> BTreeMap<String, Outcome> {
        outcomes.iter().enumerate().map(|(number, outcome)| (format!("test {number}"), *outcome)).collect()
    }

    #[test]
    fn the_last_line_counts_by_kind() {
        let skipped = (Kind::Bench, Some(Capability::Fork));
        let all = tests(&[(Kind::Emulated, None), (Kind::Bench, None), (Kind::Bench, None), skipped]);
        let text = "espalier: 2 tests ran on bench boards, 1 skipped; 1 test ran on emulated boards";
        assert_eq!(summary(&all, None, false), (text.to_owned(), false));
        assert_eq!(summary(&all, Some("bench"), false), (text.to_owned(), false));
    }

    #[test]
    fn nothing_on_the_required_board_is_a_failure() {
        let emulated = tests(&[(Kind::Emulated, None)]);
        let (text, missing) = summary(&emulated, Some("bench"), false);
        let end = "ESPALIER_REQUIRE=bench, and none ran on such a board: FAILED";
        assert!(missing && text.ends_with(end), "{text}");
        assert!(summary(&emulated, Some("bench"), true).1, "not even alone");
        let skipped = tests(&[(Kind::Bench, Some(Capability::Faults))]);
        assert!(summary(&skipped, Some("bench"), false).1);
        assert!(!summary(&skipped, Some("bench"), true).1, "other processes may have run");
    }
}
