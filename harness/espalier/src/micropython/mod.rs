//! MicroPython on the board, over nothing but its console.
//!
//! ```no_run
//! use espalier::{Board, Units};
//!
//! # async fn test() -> espalier::Result<()> {
//! let board = Board::builder().firmware("ESP32_GENERIC-20240602-v1.23.0.bin").start().await?;
//! let python = board.micropython();
//! assert_eq!(python.exec("print(6 * 7)").await?, "42\n");
//! python.put("LIMIT = 5\n", "config.py").await?;
//! let error = python.run_file("scripts/measure.py").within(30.s()).await.unwrap_err();
//! let exception = error.exception().expect("it raises");
//! assert_eq!((exception.kind.as_str(), exception.raised_at().map(|frame| frame.line)), ("ValueError", Some(7)));
//! # Ok(())
//! # }
//! ```

mod display;
mod exception;
mod files;
mod loss;
mod raw;
mod running;
mod script;
mod session;

use std::path::Path;
use std::sync::Arc;
use std::task::Poll;

pub use exception::{MicroPythonError, TracebackFrame};
pub use files::{RemoteEntry, RemoteFileError, RemoteFileReason};
pub use loss::BoardLoss;
use raw::{Event, RawRepl};
pub use running::RunningScript;
pub use script::{MicroPythonOutput, Script};
use session::{Next, converse, run, session};

use crate::error::Cause;
use crate::session::{Result, Shared, Wait};

/// Why MicroPython did not do what it was asked.
///
/// ```
/// use espalier::MicroPythonFailure;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// if let Err(error) = board.micropython().exec("1 / 0").await {
///     assert!(matches!(error.find(), Some(MicroPythonFailure::Exception(_))));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MicroPythonFailure {
    /// A script raised an exception.
    #[error("{0}")]
    Exception(#[source] Box<MicroPythonError>),
    /// Something could not be done with a file of the board.
    #[error(transparent)]
    File(RemoteFileError),
    /// The board crashed or restarted, and the script with it.
    #[error(transparent)]
    Lost(BoardLoss),
}

impl Cause for MicroPythonFailure {}

impl MicroPythonFailure {
    /// The exception behind it, if there is one.
    pub fn exception(&self) -> Option<&MicroPythonError> {
        match self {
            MicroPythonFailure::Exception(error) => Some(error),
            MicroPythonFailure::File(RemoteFileError { reason: RemoteFileReason::Exception(error), .. }) => Some(error),
            _ => None,
        }
    }
}

/// MicroPython on a board; [`Board::micropython`](crate::Board::micropython) gives it. Handles are cheap.
///
/// Everything here begins and ends at MicroPython's prompt, and waits for the prompt of a board that is still booting. What
/// was printed before and no expectation has consumed is passed over. A program that runs, `main.py` for one, is not
/// disturbed: [`interrupt`](MicroPython::interrupt) ends it.
///
/// Scripts share one set of global names until the next [`soft_reset`](MicroPython::soft_reset).
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// assert_eq!(board.micropython().eval("6 * 7").await?, "42");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MicroPython {
    shared: Arc<Shared>,
}

impl MicroPython {
    pub(crate) fn new(shared: Arc<Shared>) -> MicroPython {
        MicroPython { shared }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Ends what runs, and what was left of a script that did not end in time.
    pub fn interrupt(&self) -> Wait<()> {
        converse(&self.shared, RawRepl::interrupting, |_, _, event| (event == Event::Left).then_some(Ok(())))
    }

    /// Starts the interpreter afresh: names and modules are gone, and `boot.py` runs, but `main.py` does not.
    pub fn soft_reset(&self) -> Wait<()> {
        let mut done = false;
        session(&self.shared, move |_| {
            Ok(if std::mem::replace(&mut done, true) { Next::Done(()) } else { Next::SoftReset })
        })
    }

    /// Runs a script to its end. An exception is an error; see [`Error::exception`](crate::Error::exception). `SystemExit` is none if
    /// it says success, which it does with nothing, `None` and 0; otherwise see
    /// [`exit_status`](MicroPythonError::exit_status). A board that crashes or restarts meanwhile ends it at once, with
    /// [`MicroPythonFailure::Lost`].
    ///
    /// The time that the script may take includes the time that it is on its way, about a tenth of a second for a kilobyte.
    pub fn exec(&self, script: impl Into<Script>) -> Wait<MicroPythonOutput> {
        let script = script.into();
        self.note_file(&script);
        run(&self.shared, script, Ok)
    }

    /// Runs a script of this computer to its end, as [`exec`](MicroPython::exec) does.
    pub fn run_file(&self, path: impl AsRef<Path>) -> Wait<MicroPythonOutput> {
        match script::read(path.as_ref()) {
            Ok(script) => self.exec(script),
            Err(kind) => {
                let mut kind = Some(kind);
                Wait::new(&self.shared, "a script", move |_, _| {
                    kind.take().map_or(Poll::Pending, |kind| Poll::Ready(Err(kind)))
                })
            }
        }
    }

    /// Notes that the board depends on the file of a script.
    fn note_file(&self, script: &Script) {
        if let Some(file) = script.file() {
            self.shared.lock().inputs.add(file);
        }
    }

    /// The value of an expression, as `repr` shows it.
    pub fn eval(&self, expression: impl AsRef<str>) -> Wait<String> {
        let expression = expression.as_ref();
        let script = Script::new(format!("print(repr(({expression})), end='')")).named("<expression>");
        run(&self.shared, script, |output| Ok(output.text()))
    }

    /// Starts a script and returns when it runs. Its output goes to the console, for [`expect`](crate::Console::expect) and
    /// its kin.
    ///
    /// # Errors
    /// If the board does not come to its prompt, or the script does not compile.
    pub async fn start(&self, script: impl Into<Script>) -> Result<RunningScript> {
        let script = script.into();
        self.note_file(&script);
        let (begin, since) = session::start(&self.shared, script.clone()).await?;
        Ok(RunningScript::new(self.shared.clone(), script, begin, since))
    }
}
