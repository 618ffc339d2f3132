//! Scripts that run while the test does something else.

use std::sync::Arc;
use std::task::Poll;

use super::MicroPythonFailure;
use super::exception::MicroPythonError;
use super::loss::Since;
use super::raw::{CTRL_B, CTRL_C, CTRL_D, PROMPT, ScriptOutput};
use super::script::{MicroPythonOutput, Script};
use super::session::{Ended, ended};
use crate::error::Failure;
use crate::session::{Ask, Log, Shared, Timeout, Wait};
use crate::text::find;

/// The exception that Ctrl-C raises.
const INTERRUPTED: &str = "KeyboardInterrupt";

/// A script that runs. Its output goes to the board's console, where expectations see it.
///
/// The script goes on when this is dropped; [`interrupt`](super::MicroPython::interrupt) ends it then.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let running = board.micropython().start("while True: pass").await?;
/// assert!(!running.has_ended());
/// running.interrupt().await?;
/// # Ok(())
/// # }
/// ```
pub struct RunningScript {
    shared: Arc<Shared>,
    script: Script,
    /// Where its output begins in the console.
    begin: usize,
    /// Up to where [`take_output`](RunningScript::take_output) has taken it.
    taken: usize,
    /// When it began.
    since: Since,
}

impl RunningScript {
    pub(super) fn new(shared: Arc<Shared>, script: Script, begin: usize, since: Since) -> RunningScript {
        RunningScript { shared, script, begin, taken: begin, since }
    }

    /// Whether it has ended: by itself, with an exception, or because the board crashed or restarted. No time passes.
    pub fn has_ended(&self) -> bool {
        let mut state = self.shared.lock();
        state.collect();
        Answer::of(&state.console, self.begin).traceback_end.is_some()
            || (self.since.lost(&state).is_some() && self.since.is_heard_out(&state))
    }

    /// Returns the output since the last call, whatever expectations have consumed. No time passes. Output that the console has
    /// dropped by then is missing at its beginning.
    pub fn take_output(&mut self) -> Vec<u8> {
        let mut state = self.shared.lock();
        state.collect();
        let answered = Answer::of(&state.console, self.begin).output_end;
        let end = answered.or_else(|| self.since.end(&state)).unwrap_or(state.console.end());
        let (first, bytes) = state.console.since(self.taken);
        let output = bytes.get(..end.saturating_sub(first)).unwrap_or_default().to_vec();
        self.taken = end;
        output
    }

    /// Waits until it ends by itself; the board is at its prompt then.
    pub fn finished(&self) -> Wait<MicroPythonOutput> {
        self.end(false)
    }

    /// Interrupts it and waits until it has ended. That it ends with a `KeyboardInterrupt` is no failure.
    pub fn interrupt(&self) -> Wait<MicroPythonOutput> {
        self.end(true)
    }

    fn end(&self, mut interrupt: bool) -> Wait<MicroPythonOutput> {
        let (script, begin, since) = (self.script.clone(), self.begin, self.since);
        let (interrupted, mut leaving, mut begun) = (interrupt, false, None);
        Wait::new(&self.shared, "the end of the script", move |state, ask| {
            let now = state.driver.now();
            let begun = *begun.get_or_insert(now);
            if let Some(loss) = since.lost(state) {
                return Poll::Ready(Err(MicroPythonFailure::Lost(loss).into()));
            }
            let answer = Answer::of(&state.console, begin);
            if let Some(end) = answer.traceback_end {
                if find(state.console.since(end).1, PROMPT).is_some() {
                    let ended = ended(answer.ran(&state.console)).map_err(|error| error.of_script(&script));
                    return Poll::Ready(if interrupted { forgive(ended) } else { ended }.map_err(Failure::from));
                }
                if !leaving {
                    leaving = true;
                    state.driver.console_send(&[CTRL_B]);
                }
            } else if interrupt {
                interrupt = false;
                state.driver.console_send(&[CTRL_C]);
            }
            if !state.watch.is_panicking() {
                state.calm.look_at_output();
            }
            match ask {
                Ask::Again => Poll::Pending,
                Ask::LastTime => {
                    let what = format!("the end of {}", script.name());
                    Poll::Ready(Err(Timeout { what, waited: now.since(begun) }.into()))
                }
            }
        })
    }
}

/// An interrupt that was asked for is no exception.
fn forgive(ended: Ended) -> Ended {
    match ended {
        Err(MicroPythonError { kind, output, .. }) if kind == INTERRUPTED => {
            Ok(MicroPythonOutput::new(output.into_bytes()))
        }
        ended => ended,
    }
}

/// Where the parts of the board's answer to a script end, each at its mark.
struct Answer {
    begin: usize,
    output_end: Option<usize>,
    traceback_end: Option<usize>,
}

impl Answer {
    fn of(console: &Log, begin: usize) -> Answer {
        let mark = |from: usize| {
            let (first, bytes) = console.since(from);
            Some(first + bytes.iter().position(|byte| *byte == CTRL_D)?)
        };
        let output_end = mark(begin);
        Answer { begin, output_end, traceback_end: output_end.and_then(|end| mark(end + 1)) }
    }

    fn ran(&self, console: &Log) -> ScriptOutput {
        let part = |from: Option<usize>, to: Option<usize>| {
            let (Some(from), Some(to)) = (from, to) else { return Vec::new() };
            let (first, bytes) = console.since(from);
            let mut part = Vec::new();
            if first > from {
                part.extend(format!("... {} bytes dropped\n", first - from).bytes());
            }
            part.extend(bytes.get(..to.saturating_sub(first)).unwrap_or_default());
            part
        };
        let traceback = part(self.output_end.map(|end| end + 1), self.traceback_end);
        ScriptOutput { printed: part(Some(self.begin), self.output_end), traceback }
    }
}

impl From<MicroPythonError> for Failure {
    fn from(error: MicroPythonError) -> Failure {
        MicroPythonFailure::Exception(Box::new(error)).into()
    }
}
