//! Conversations with MicroPython as waits in board time.

use std::sync::Arc;
use std::task::Poll;

use espalier_core::Time;

use super::exception::MicroPythonError;
use super::raw::{Event, Ran, RawRepl};
use super::script::{MicroPythonOutput, Script, plain_text};
use crate::error::{Error, ErrorKind};
use crate::state::{Shared, State};
use crate::wait::{Ask, Wait};

/// How a script ended.
pub(super) type Ended = Result<MicroPythonOutput, MicroPythonError>;

/// What to do at the raw REPL.
pub(super) enum Next<T> {
    Run(Script),
    SoftReset,
    Done(T),
}

/// Enters raw mode, does what `next` says until that is done, and leaves raw mode. `next` is told how the last script ended.
pub(super) fn session<T: Send + 'static>(
    shared: &Arc<Shared>,
    mut next: impl FnMut(Option<Ended>) -> Result<Next<T>, ErrorKind> + Send + 'static,
) -> Wait<T> {
    let (mut result, mut script) = (None, Script::new(""));
    converse(shared, RawRepl::entering, move |_, repl, event| {
        let ended = match event {
            Event::Left => return result.take(),
            Event::Started => return None,
            Event::Ready => None,
            Event::Finished(ran) => Some(ended(ran, &script)),
        };
        let step = next(ended).and_then(|step| {
            if let Next::Run(next) = &step {
                repl.run(next.bytes()?);
                script = next.clone();
            }
            Ok(step)
        });
        result = match step {
            Ok(Next::Run(_)) => return None,
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

/// Starts `script`, and is done when it runs: with the offset in the console where its output begins.
pub(super) fn start(shared: &Arc<Shared>, script: Script) -> Wait<usize> {
    let mut preparation = script.preparation();
    let mut failure = None;
    converse(shared, RawRepl::entering, move |position, repl, event| {
        let next = match event {
            Event::Started if preparation.is_none() => return Some(Ok(position)),
            Event::Started => return None,
            Event::Left => return failure.take(),
            Event::Ready => preparation.as_ref().unwrap_or(&script).bytes(),
            Event::Finished(ran) => match preparation.take().map(|preparation| ended(ran, &preparation)) {
                Some(Err(error)) => Err(error.into()),
                _ => script.bytes(),
            },
        };
        match next {
            Ok(bytes) => repl.run(bytes),
            Err(kind) => {
                failure = Some(Err(kind));
                repl.leave();
            }
        }
        None
    })
}

/// Drives a conversation until `on` has a result. It is told the offset in the console after which an event happened.
pub(super) fn converse<T: Send + 'static>(
    shared: &Arc<Shared>,
    begin: fn(Time) -> RawRepl,
    mut on: impl FnMut(usize, &mut RawRepl, Event) -> Option<Result<T, ErrorKind>> + Send + 'static,
) -> Wait<T> {
    let mut conversation = None;
    Wait::new(shared, "MicroPython", move |state, ask| {
        let now = state.rig.now();
        let (repl, begun) = conversation.get_or_insert_with(|| {
            // What was printed before is no answer.
            state.console.take_unread();
            (begin(now), now)
        });
        if let Some(result) = turn(state, repl, &mut on) {
            return Poll::Ready(result);
        }
        match ask {
            Ask::Again => Poll::Pending,
            Ask::LastTime => {
                let waited = now.since(*begun);
                Poll::Ready(Err(ErrorKind::Timeout { what: repl.awaited().to_owned(), waited }))
            }
        }
    })
}

fn turn<T>(
    state: &mut State,
    repl: &mut RawRepl,
    on: &mut impl FnMut(usize, &mut RawRepl, Event) -> Option<T>,
) -> Option<T> {
    let now = state.rig.now();
    repl.tick(now);
    let mut result = None;
    let first = state.console.position();
    let unread = state.console.unread().to_vec();
    let mut taken = 0;
    while let (None, Some(byte)) = (&result, unread.get(taken)) {
        taken += 1;
        if let Some(event) = repl.byte(now, *byte) {
            result = on(first + taken, repl, event);
        }
    }
    state.console.skip_to(first + taken);
    let outgoing = repl.take_outgoing();
    if !outgoing.is_empty() {
        state.rig.console_send(&outgoing);
    }
    result
}

/// How `script` ended.
pub(super) fn ended(ran: Ran, script: &Script) -> Ended {
    if ran.traceback.is_empty() {
        return Ok(MicroPythonOutput::new(ran.printed));
    }
    let error = MicroPythonError::parse(&plain_text(&ran.traceback), plain_text(&ran.printed));
    Err(error.of_script(script.name(), script.source()))
}

impl Error {
    /// The exception that ended a script of MicroPython, if that is why it failed.
    pub fn exception(&self) -> Option<&MicroPythonError> {
        match self.kind() {
            ErrorKind::MicroPython(failure) => failure.exception(),
            _ => None,
        }
    }
}
