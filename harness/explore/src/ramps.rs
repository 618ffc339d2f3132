//! Power that fails slowly: the supply falls while the board runs, so a brown-out detector may interrupt or reset it first.
//!
//! The scenario is not run again: a fork from before it is done the same to at the same moments, and is forked in turn where each operation of
//! the flash chip begins. What follows a loss of power depends on nothing but the flash chip, so equal contents are one case.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use espalier::{
    Board, Cause, Error, FlashHistory, FlashMemory, FlashOperation, Result, Span, Stimulus, StimulusRecord, Time,
};

use crate::cases::{Cut, Digests, Fingerprint};
use crate::crew::{finish, work_on};
use crate::explored::Finding;
use crate::progress::Progress;

/// The supply before, in volts, and the number of steps in which it falls to nothing.
const FULL: f64 = 3.3;
const STEPS: u64 = 100;
/// Name of the forks.
const NAME: &str = "brown-out";

/// The scenario has done something to the board that is no data.
///
/// ```
/// let error = espalier_explore::NotRepeatable { reason: "a part was acted on by code".to_owned() };
/// assert!(error.to_string().starts_with("the supply cannot fall in this scenario"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the supply cannot fall in this scenario, which cannot be done again as data: {reason}")]
pub struct NotRepeatable {
    /// Why not.
    pub reason: String,
}

impl Cause for NotRepeatable {}

/// The time in which a supply falls to nothing that falls by so many volts each millisecond.
pub(crate) fn span_of(volts_per_millisecond: f64) -> Span {
    let seconds = FULL / volts_per_millisecond / 1000.0;
    Span::from_ticks((seconds * Span::from_secs(1).ticks() as f64).round() as u64)
}

/// The cases that are left: in the order of the operations, for each time in which the supply may fall.
pub(crate) struct Falls<'a> {
    /// A board in the middle of the scenario, and what is done to it later.
    runner: Board,
    later: VecDeque<(Time, Stimulus)>,
    operations: VecDeque<(usize, &'a FlashOperation)>,
    falls: Vec<Span>,
    /// Kept cases: the operation, the time and the seed.
    known: Vec<(usize, Span, u64)>,
    queue: VecDeque<Fall>,
    made: usize,
}

/// A case, the board at its moment, and what is done to it later.
struct Fall {
    cut: Cut,
    board: Board,
    later: VecDeque<(Time, Stimulus)>,
}

impl<'a> Falls<'a> {
    /// Of a board before the scenario, and what was done to it there.
    pub(crate) fn new(
        start: &Board,
        done: StimulusRecord,
        history: &'a FlashHistory,
        falls: &[Span],
        known: Vec<(usize, Span, u64)>,
    ) -> Result<Falls<'a>> {
        if let Some(reason) = done.incomplete {
            return Err(NotRepeatable { reason }.into());
        }
        let runner = start.fork_as(NAME)?;
        let operations = history.operations().iter().enumerate().collect();
        let later = done.stimuli.into();
        Ok(Falls { runner, later, operations, falls: falls.to_vec(), known, queue: VecDeque::new(), made: 0 })
    }

    /// Largest number of cases.
    fn bound(&self) -> usize {
        self.operations.len() * self.falls.len() + self.known.len()
    }

    /// The next case and its number.
    fn next(&mut self) -> Result<Option<(usize, Fall)>> {
        while self.queue.is_empty()
            && let Some((number, operation)) = self.operations.pop_front()
        {
            while let Some((at, stimulus)) = self.later.pop_front_if(|(at, _)| *at <= operation.at) {
                self.runner.at(at, stimulus)?;
            }
            if self.runner.now() < operation.at {
                let span = operation.at.since(self.runner.now());
                finish(self.runner.run_for(span)).map_err(std::io::Error::other)??;
            }
            let known = self.known.iter().filter(|(known, ..)| *known == number).map(|(_, fall, seed)| (*fall, *seed));
            for (fall, seed) in known.chain(self.falls.iter().map(|fall| (*fall, 0))) {
                let cut = Cut::by_fall(number, operation, fall, seed);
                self.queue.push_back(Fall { cut, board: self.runner.fork_as(NAME)?, later: self.later.clone() });
            }
        }
        let next = self.queue.pop_front().map(|fall| (self.made, fall));
        self.made += usize::from(next.is_some());
        Ok(next)
    }
}

/// A case in which the invariant does not hold: its number, and the board at its moment.
pub(crate) type Failed = (usize, Finding<Cut>, Board);

/// The result.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) tried: usize,
    pub(crate) merged: usize,
    pub(crate) failed: Vec<Failed>,
    error: Option<Error>,
}

/// The contents of the flash chip that were there before.
struct Seen {
    digests: Digests,
    contents: HashSet<Fingerprint>,
}

/// Tries cases in order, until one fails.
pub(crate) fn try_all(
    falls: Falls<'_>,
    threads: usize,
    invariant: &(impl AsyncFn(&Board, &Cut) -> Result<()> + Sync),
) -> Result<Outcome> {
    let progress = Progress::new("brown-outs", falls.bound());
    let start = content(&falls.runner)?;
    let chunks = start.size() / start.chunk(0).len();
    let seen = Mutex::new(Seen { digests: Digests::of((0..chunks).collect(), start), contents: HashSet::new() });
    let (falls, outcome) = (Mutex::new(falls), Mutex::new(Outcome::default()));
    let lock = || outcome.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || {
        let mut falls = falls.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = {
            let outcome = lock();
            outcome.error.is_some() || !outcome.failed.is_empty()
        };
        if ends { Ok(None) } else { falls.next() }
    };
    work_on(threads, || {
        loop {
            let (number, fall) = match next() {
                Ok(Some(case)) => case,
                Ok(None) => return,
                Err(error) => {
                    lock().error = Some(error);
                    return;
                }
            };
            let tried = attempt(&fall, &seen, invariant);
            progress.passed(1);
            let mut outcome = lock();
            match tried {
                Ok(None) => outcome.merged += 1,
                Ok(Some(None)) => outcome.tried += 1,
                Ok(Some(Some(finding))) => {
                    outcome.tried += 1;
                    progress.found();
                    outcome.failed.push((number, finding, fall.board));
                }
                Err(error) => outcome.error = Some(error),
            }
        }
    })?;
    let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.failed.sort_by_key(|(number, ..)| *number);
    match outcome.error.take() {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}

/// The content of the flash chip of a board.
fn content(board: &Board) -> Result<FlashMemory> {
    let board = board.fork_as(NAME)?;
    board.record_flash()?;
    let history = board.flash_history();
    Ok(history.map(|history| history.replay().content().clone()).ok_or_else(|| std::io::Error::other("no history"))?)
}

/// Lets the supply of a board fall, gives it back, and tries the invariant. None if the flash chip has a content that was tried before.
fn attempt(
    case: &Fall,
    seen: &Mutex<Seen>,
    invariant: &impl AsyncFn(&Board, &Cut) -> Result<()>,
) -> Result<Option<Option<Finding<Cut>>>> {
    let Fall { cut, board, later } = case;
    let board = board.fork_as(NAME)?;
    board.record_stimuli()?;
    let fall = cut.fall.unwrap_or(Span::ZERO);
    later
        .iter()
        .filter(|(at, _)| *at < cut.at + fall)
        .try_for_each(|(at, stimulus)| board.at(*at, stimulus.clone()))?;
    for step in 1..=STEPS {
        let at = cut.at + Span::from_ticks(fall.ticks() / STEPS * step);
        let volts = FULL * (STEPS - step) as f64 / STEPS as f64;
        board.at(at, Stimulus::supply(volts, cut.seed))?;
    }
    let rest = (cut.at + fall).since(board.now()) + Span::from_millis(1);
    let ran = finish(board.run_for(rest)).map_err(std::io::Error::other)?;
    if let Err(error) = ran {
        return Ok(Some(Some(finding(&board, cut, error.to_string()))));
    }
    let content = content(&board)?;
    let is_new = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = seen.digests.fingerprint(&content);
        seen.contents.insert(fingerprint)
    };
    if !is_new {
        return Ok(None);
    }
    board.console().take_unread();
    board.supply(FULL, cut.seed)?;
    let message = match finish(invariant(&board, cut)) {
        Ok(Ok(())) => return Ok(Some(None)),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic,
    };
    Ok(Some(Some(finding(&board, cut, message))))
}

fn finding(board: &Board, cut: &Cut, message: String) -> Finding<Cut> {
    Finding {
        case: cut.clone(),
        message,
        trace: board.trace_hash(),
        until: board.now(),
        stimuli: board.stimuli().unwrap_or_default(),
        file: None,
    }
}
