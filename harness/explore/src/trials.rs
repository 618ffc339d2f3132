//! Cases that are planned before a scenario runs: each is a fork of one board, with stimuli at moments of its time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use espalier::{Board, Cause, Result, Stimulus, StimulusRecord, Time};

use crate::crew::{cores, finish, work_on};
use crate::explored::{Case, Finding};
use crate::finding;
use crate::progress::Progress;

/// A case, and what is done to the board in it.
#[derive(Clone, Debug)]
pub(crate) struct Trial<C> {
    pub(crate) case: C,
    pub(crate) stimuli: Vec<(Time, Stimulus)>,
}

/// Limits of the trials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) threads: usize,
    /// Number of findings after which the trials end.
    pub(crate) findings: usize,
    /// Largest number of cases. They are planned as a whole, and pairs are as many as the square of what they are made of.
    pub(crate) cases: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { threads: cores(), findings: 1, cases: 10_000 }
    }
}

impl Bounds {
    /// # Errors
    /// If there are more cases than that.
    pub(crate) fn check(self, cases: usize) -> Result<()> {
        match self.cases {
            limit if cases > limit => Err(TooManyCases { cases, limit }.into()),
            _ => Ok(()),
        }
    }
}

/// An exploration of frames or inputs has more cases than it may try. None was tried.
///
/// ```
/// let error = espalier_explore::TooManyCases { cases: 50_880, limit: 10_000 };
/// assert!(error.to_string().contains("50880 cases"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the exploration has {cases} cases, and its limit is {limit}, so none was tried: ask for fewer with `frames`, `pairs` or `moments`, or \
     set another limit with `cases`"
)]
pub struct TooManyCases {
    /// Number of cases that it has.
    pub cases: usize,
    /// Largest number of cases that it may have.
    pub limit: usize,
}

impl Cause for TooManyCases {}

/// The result of the trials.
pub(crate) struct Outcome<C> {
    pub(crate) tried: usize,
    pub(crate) findings: Vec<Finding<C>>,
}

/// Trials that are left, and what was found so far, each with its number.
struct Work<C> {
    left: VecDeque<(usize, Trial<C>)>,
    tried: usize,
    findings: Vec<(usize, Finding<C>)>,
}

/// Forks a board into the one that all cases begin from, with nothing unread on its console, and the one of the run without a case.
pub(crate) fn forks(board: &Board, name: &str) -> Result<(Board, Board)> {
    let base = board.fork_as(name)?;
    base.console().take_unread();
    let plain = base.fork_as(name)?;
    Ok((base, plain))
}

/// Tries cases in order, until enough was found; `name` is what the forks are called.
pub(crate) fn try_all<C: Case>(
    base: &Board,
    test: &str,
    name: &str,
    bounds: Bounds,
    trials: Vec<Trial<C>>,
    scenario: impl AsyncFn(&Board) -> Result<()> + Sync,
    invariant: impl AsyncFn(&Board, &C) -> Result<()> + Sync,
) -> Result<Outcome<C>> {
    let progress = Progress::new(C::CASES, trials.len());
    let work = Mutex::new(Work { left: trials.into_iter().enumerate().collect(), tried: 0, findings: Vec::new() });
    let lock = || work.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || {
        let mut work = lock();
        if work.findings.len() >= bounds.findings { None } else { work.left.pop_front() }
    };
    work_on(bounds.threads, || {
        while let Some((number, trial)) = next() {
            let found = attempt(base, name, &trial, &scenario, &invariant);
            progress.passed(1);
            let mut work = lock();
            work.tried += 1;
            if let Some(finding) = found {
                progress.found();
                work.findings.push((number, finding));
            }
        }
    })?;
    let Work { tried, mut findings, .. } = work.into_inner().unwrap_or_else(PoisonError::into_inner);
    findings.sort_by_key(|(number, _)| *number);
    findings.truncate(bounds.findings.max(1));
    let mut findings: Vec<_> = findings.into_iter().map(|(_, finding)| finding).collect();
    if let Some(shortest) = findings.first_mut() {
        shortest.file = Some(finding::write(base, &base.fork_as(name)?, test, shortest)?);
    }
    Ok(Outcome { tried, findings })
}

/// Plays the scenario and the invariant on a fork, and gives what is wrong there.
fn attempt<C: Case>(
    base: &Board,
    name: &str,
    trial: &Trial<C>,
    scenario: &impl AsyncFn(&Board) -> Result<()>,
    invariant: &impl AsyncFn(&Board, &C) -> Result<()>,
) -> Option<Finding<C>> {
    let finding = |message, trace, until, stimuli| {
        Some(Finding { case: trial.case.clone(), message, trace, until, stimuli, file: None })
    };
    let start = || {
        let board = base.fork_as(name)?;
        board.record_stimuli()?;
        trial.stimuli.iter().try_for_each(|(at, stimulus)| board.at(*at, stimulus.clone()))?;
        Ok::<_, espalier::Error>(board)
    };
    let board = match start() {
        Ok(board) => board,
        Err(error) => return finding(error.to_string(), None, base.now(), StimulusRecord::default()),
    };
    let played = async {
        scenario(&board).await?;
        invariant(&board, &trial.case).await
    };
    let (message, crash) = match finish(played) {
        Ok(Ok(())) => (None, board.crash()),
        Ok(Err(error)) => (Some(error.to_string()), None),
        Err(panic) => (Some(panic), None),
    };
    let message = message.or_else(|| crash.map(|crash| crash.to_string()))?;
    finding(message, board.trace_hash(), board.now(), board.stimuli().unwrap_or_default())
}
