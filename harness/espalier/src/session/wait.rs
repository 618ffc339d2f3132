//! Waiting in board time.
//!
//! An emulated board stands still unless a test waits on it. A pending [`Wait`] lets the board run for a slice of its time
//! inside `poll`, looks whether what it waits for has come, and wakes its task again; so several waits can be joined, other
//! tasks of the runtime get their turn, and all of it happens in virtual time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use espalier_core::{Span, Time};

use super::calm::Deadline;
use super::{Error, Shared, State};
use crate::error::{Cause, Failure};

/// Default time limit of waits; [`Wait::within`] sets another one.
pub const PATIENCE: Span = Span::from_secs(10);

/// Time for which a screen has to stay the same to count as settled.
pub const SETTLED: Span = Span::from_millis(50);

/// The awaited event did not come in time.
///
/// ```
/// use espalier::Units;
///
/// let error = espalier::Timeout { what: "a line".to_owned(), waited: 2.s() };
/// assert!(error.to_string().starts_with("waited "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("waited {waited} of board time for {what}, which did not come")]
pub struct Timeout {
    /// The awaited event.
    pub what: String,
    /// The waiting time, in the board's time.
    pub waited: Span,
}

impl Cause for Timeout {}

/// The condition of a wait. It gets to know when it is checked for the last time.
type Check<T> = Box<dyn FnMut(&mut State, Ask) -> Poll<Result<T, Failure>> + Send>;

/// Whether a wait is asked again if it is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Again,
    LastTime,
}

/// Something to wait for. Its patience is counted in the board's time, from the first time it is polled.
///
/// ```
/// use espalier::Units;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let waiting = board.console().expect("ready").within(30.s());
/// waiting.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is waited for, or sent, until this is awaited"]
pub struct Wait<T> {
    until: Until,
    check: Check<T>,
}

impl<T> Wait<T> {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        what: impl Into<String>,
        check: impl FnMut(&mut State, Ask) -> Poll<Result<T, Failure>> + Send + 'static,
    ) -> Wait<T> {
        Wait { until: Until::new(shared, what), check: Box::new(check) }
    }

    /// Its check looks at nothing but what the board has printed, not even at the clock.
    pub(crate) fn for_output(mut self) -> Wait<T> {
        self.until.is_for_output = true;
        self
    }

    /// Fails after `patience` of the board's time instead of after [`PATIENCE`].
    pub fn within(mut self, patience: Span) -> Wait<T> {
        self.until.patience = patience;
        self
    }
}

impl<T> Future for Wait<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        let Wait { until, check } = self.get_mut();
        until.poll(cx, check)
    }
}

/// The awaited event, its board, and the patience.
pub(crate) struct Until {
    shared: Arc<Shared>,
    what: String,
    pub(crate) patience: Span,
    begun: Option<Time>,
    /// Whether anything but output can meet it.
    is_for_output: bool,
    deadline: Option<Deadline>,
}

impl Until {
    pub(crate) fn new(shared: &Arc<Shared>, what: impl Into<String>) -> Until {
        Until {
            shared: shared.clone(),
            what: what.into(),
            patience: PATIENCE,
            begun: None,
            is_for_output: false,
            deadline: None,
        }
    }

    /// Looks with `check` whether it has come, and lets the board run a little if it has not.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut check: impl FnMut(&mut State, Ask) -> Poll<Result<T, Failure>>,
    ) -> Poll<Result<T, Error>> {
        let is_new = self.begun.is_none();
        let mut state = if is_new { self.shared.lock() } else { self.shared.lock_calmly() };
        let begun = *self.begun.get_or_insert(state.driver.now());
        let deadline = begun + self.patience;
        if is_new {
            self.deadline = Some(state.calm.keep(deadline));
        }
        state.collect();
        state.calm.begin_look(self.is_for_output);
        let ask = if state.driver.now() >= deadline { Ask::LastTime } else { Ask::Again };
        if let Poll::Ready(result) = check(&mut state, ask) {
            state.calm.end();
            return Poll::Ready(result.map_err(|kind| state.fail(kind)));
        }
        if ask == Ask::LastTime {
            let waited = state.driver.now().since(begun);
            let kind = Timeout { what: self.what.clone(), waited };
            return Poll::Ready(Err(state.fail(kind)));
        }
        let now = state.driver.now();
        let passed = match state.calm.note_poll(now) {
            Some(enough) => state.driver.poll_calm(cx, deadline, enough),
            None => state.driver.poll_advance(cx, deadline),
        };
        match passed {
            Ok(()) => Poll::Pending,
            Err(kind) => Poll::Ready(Err(state.fail(kind))),
        }
    }
}

#[cfg(test)]
mod tests;
