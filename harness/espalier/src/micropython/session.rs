//! Conversations with MicroPython as waits in board time.

use std::sync::Arc;
use std::task::Poll;

use espalier_core::Time;

use super::MicroPythonFailure;
use super::exception::MicroPythonError;
use super::loss::{BoardLoss, Since};
use super::raw::{Event, RawRepl, ScriptOutput};
use super::script::{MicroPythonOutput, Script, plain_text};
use crate::error::Failure;
use crate::session::{Ask, Error, Shared, State, Timeout, Wait};

/// The end of a script.
pub(super) type Ended = Result<MicroPythonOutput, MicroPythonError>;

/// The next step at the raw REPL.
pub(super) enum Next<T> {
    Run(Script),
    SoftReset,
    Done(T),
}

/// Enters raw mode, does what `next` says until that is done, and leaves raw mode. `next` gets the end of the last script.
pub(super) fn session<T: Send + 'static>(
    shared: &Arc<Shared>,
    mut next: impl FnMut(Option<Ended>) -> Result<Next<T>, Failure> + Send + 'static,
) -> Wait<T> {
    let mut result = None;
    converse(shared, RawRepl::entering, move |_, repl, event| {
        let ended = match event {
            Event::Left => return result.take(),
            Event::Started => return None,
            Event::Ready => None,
            Event::Finished(ran) => Some(ended(ran)),
        };
        result = match next(ended) {
            Ok(Next::Run(script)) => {
                repl.run(script.source().into());
                return None;
            }
            Ok(Next::SoftReset) => {
                repl.soft_reset();
                return None;
            }
            Ok(Next::Done(value)) => Some(Ok(value)),
            Err(kind) => Some(Err(kind)),
        };
        repl.leave();
        None
    })
}

/// Runs `script` to its end, and makes of its output what `on` says.
pub(super) fn run<T: Send + 'static>(
    shared: &Arc<Shared>,
    script: Script,
    on: impl Fn(MicroPythonOutput) -> Result<T, Failure> + Send + 'static,
) -> Wait<T> {
    let mut steps = script.steps().into_iter();
    session(shared, move |ended| {
        let output = ended.transpose().map_err(|error| error.of_script(&script))?;
        match (steps.next(), output) {
            (Some(step), _) => Ok(Next::Run(step)),
            (None, output) => on(output.unwrap_or_default()).map(Next::Done),
        }
    })
}

/// Starts `script`, and is done when it runs: with the offset in the console where its output begins, and that moment.
pub(super) fn start(shared: &Arc<Shared>, script: Script) -> Wait<(usize, Since)> {
    let mut steps = script.steps().into_iter().peekable();
    let mut failure = None;
    converse(shared, RawRepl::entering, move |Moment { position, since }, repl, event| {
        match event {
            Event::Started if steps.peek().is_none() => return Some(Ok((position, since))),
            Event::Started => return None,
            Event::Left => return failure.take(),
            Event::Ready => {}
            Event::Finished(ran) => {
                if let Err(error) = ended(ran) {
                    failure = Some(Err(error.of_script(&script).into()));
                }
            }
        }
        match steps.next() {
            Some(step) if failure.is_none() => repl.run(step.source().into()),
            _ => repl.leave(),
        }
        None
    })
}

/// Where the console is when something happens, and what has happened to the board before.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// The offset in the console after it.
    position: usize,
    since: Since,
}

/// Drives a conversation until `on` has a result.
pub(super) fn converse<T: Send + 'static>(
    shared: &Arc<Shared>,
    begin: fn(Time) -> RawRepl,
    mut on: impl FnMut(Moment, &mut RawRepl, Event) -> Option<Result<T, Failure>> + Send + 'static,
) -> Wait<T> {
    let mut conversation = None;
    Wait::new(shared, "MicroPython", move |state, ask| {
        let now = state.driver.now();
        let (repl, begun, since) = conversation.get_or_insert_with(|| {
            // Earlier output is not part of the answer.
            state.console.take_unread();
            (begin(now), now, Since::now(state))
        });
        match since.lost(state) {
            // Nothing was sent to it yet; it may be waking.
            Some(BoardLoss::Restart(_)) if repl.is_asking() => *since = Since::now(state),
            Some(loss) => return Poll::Ready(Err(MicroPythonFailure::Lost(loss).into())),
            None => {}
        }
        if let Some(result) = turn(state, repl, *since, &mut on) {
            return Poll::Ready(result);
        }
        if !repl.looks_at_clock() && !state.watch.is_panicking() {
            state.calm.look_at_output();
        }
        match ask {
            Ask::Again => Poll::Pending,
            Ask::LastTime => {
                let waited = now.since(*begun);
                Poll::Ready(Err(Timeout { what: repl.awaited().to_owned(), waited }.into()))
            }
        }
    })
}

fn turn<T>(
    state: &mut State,
    repl: &mut RawRepl,
    since: Since,
    on: &mut impl FnMut(Moment, &mut RawRepl, Event) -> Option<T>,
) -> Option<T> {
    let now = state.driver.now();
    repl.tick(now);
    let mut result = None;
    let first = state.console.position();
    let unread = state.console.unread().to_vec();
    let mut taken = 0;
    while let (None, Some(byte)) = (&result, unread.get(taken)) {
        taken += 1;
        if let Some(event) = repl.byte(now, *byte) {
            result = on(Moment { position: first + taken, since }, repl, event);
        }
    }
    state.console.skip_to(first + taken);
    let outgoing = repl.take_outgoing();
    if !outgoing.is_empty() {
        state.driver.console_send(&outgoing);
    }
    result
}

/// Returns the end of a script.
pub(super) fn ended(ran: ScriptOutput) -> Ended {
    if ran.traceback.is_empty() {
        return Ok(MicroPythonOutput::new(ran.printed));
    }
    Err(MicroPythonError::parse(&plain_text(&ran.traceback), plain_text(&ran.printed)))
}

impl Error {
    /// Returns the loss of the board on which a script ran, if that is why it failed.
    pub fn board_loss(&self) -> Option<&BoardLoss> {
        match self.find()? {
            MicroPythonFailure::Lost(loss) => Some(loss),
            _ => None,
        }
    }

    /// The exception that ended a script of MicroPython, if that is why it failed.
    pub fn exception(&self) -> Option<&MicroPythonError> {
        self.find::<MicroPythonFailure>()?.exception()
    }
}
