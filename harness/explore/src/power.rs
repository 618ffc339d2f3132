//! Power cuts.

use std::sync::{Mutex, MutexGuard, PoisonError};

use espalier::{Board, FlashHistory, Result};

use crate::cases::{Case, Cases, Cut, Density};
use crate::crew::{cores, finish, work_on};
use crate::explored::{Explored, Finding, HistoryOverflow};
use crate::progress::Progress;

/// How often the moment in the middle of an operation is drawn, unless it is said.
const SEEDS: u64 = 2;
/// What the board is called on which the invariant is tried.
const NAME: &str = "power-cut";

/// Cuts the power of a board at every moment of a scenario at which it makes a difference, and tries an invariant on what boots then:
/// [`PowerCuts`] with what it does unless it is told otherwise.
///
/// # Errors
/// If the scenario itself fails, or the board is of a kind whose power cannot be cut.
pub async fn power_cuts(
    board: &Board,
    scenario: impl AsyncFnOnce(&Board) -> Result<()>,
    invariant: impl AsyncFn(&Board, &Cut) -> Result<()> + Sync,
) -> Result<Explored> {
    PowerCuts::new().explore(board, scenario, invariant).await
}

/// How power cuts are explored.
///
/// The scenario runs once, on a fork of the board. Then power is lost before each operation of the flash chip, in the middle of it and
/// after the last one: a fork that has lost its power gets the content that the flash chip has then, is switched on, and the
/// invariant is tried on it, on all cores of this machine. A fork's peers and networks are those of the end of the scenario. The board
/// itself stays as it is.
///
/// What an operation leaves that was not finished is drawn from a model of NOR flash; see
/// [`Board::cut_power`](espalier::Board::cut_power).
#[derive(Clone, Debug)]
pub struct PowerCuts {
    density: Density,
    threads: usize,
}

impl Default for PowerCuts {
    fn default() -> PowerCuts {
        PowerCuts { density: Density { moments: 1, seeds: SEEDS }, threads: cores() }
    }
}

impl PowerCuts {
    /// One moment in each operation, drawn twice.
    pub fn new() -> PowerCuts {
        PowerCuts::default()
    }

    /// How many moments in each operation, at equal distances. With none, power is lost between operations only.
    #[must_use]
    pub fn moments(mut self, moments: u64) -> PowerCuts {
        self.density.moments = moments;
        self
    }

    /// How often each moment in an operation is drawn.
    #[must_use]
    pub fn seeds(mut self, seeds: u64) -> PowerCuts {
        self.density.seeds = seeds.max(1);
        self
    }

    /// On how many threads; on as many as there are cores, unless it is said. It changes nothing that is found.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> PowerCuts {
        self.threads = threads;
        self
    }

    /// Explores the power cuts of a scenario.
    ///
    /// # Errors
    /// If the scenario itself fails, or the board is of a kind whose power cannot be cut.
    pub async fn explore(
        &self,
        board: &Board,
        scenario: impl AsyncFnOnce(&Board) -> Result<()>,
        invariant: impl AsyncFn(&Board, &Cut) -> Result<()> + Sync,
    ) -> Result<Explored> {
        let base = board.fork_as(NAME)?;
        base.record_flash()?;
        scenario(&base).await?;
        let history = base.flash_history();
        base.cut_power(0)?;
        base.console().take_unread();
        let Some(history) = history else { return Ok(Work::default().explored(0, 0)) };
        if history.dropped() > 0 {
            let operations = history.operations().len();
            return Err(HistoryOverflow { operations, dropped: history.dropped() }.into());
        }
        self.try_all(&base, &history, invariant)
    }

    fn try_all(
        &self,
        base: &Board,
        history: &FlashHistory,
        invariant: impl AsyncFn(&Board, &Cut) -> Result<()> + Sync,
    ) -> Result<Explored> {
        let progress = Progress::new("power cuts", Cases::bound(history, self.density));
        let cases = Mutex::new(Cases::new(history, self.density));
        let work = Mutex::new(Work::default());
        work_on(self.threads, || {
            while let Some((case, left_out)) = next(&cases, &work) {
                let outcome = attempt(base, &case, &invariant);
                let mut work = lock(&work);
                work.tried += 1;
                if let Some(finding) = outcome {
                    progress.found();
                    work.findings.push((case.number, finding));
                }
                progress.tried(left_out);
            }
        })?;
        let merged = lock(&cases).merged();
        let work = work.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(work.explored(history.operations().len(), merged))
    }
}

/// What was tried so far.
#[derive(Default)]
struct Work {
    tried: usize,
    /// With the number of their case.
    findings: Vec<(usize, Finding)>,
}

impl Work {
    fn explored(mut self, operations: usize, merged: usize) -> Explored {
        self.findings.sort_by_key(|(number, _)| *number);
        let findings = self.findings.into_iter().map(|(_, finding)| finding).collect();
        Explored { operations, tried: self.tried, merged, findings }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next case, and how many moments were left out before it. Cases are handed out in order, so all that are shorter than one that
/// fails are being tried already.
fn next(cases: &Mutex<Cases<'_>>, work: &Mutex<Work>) -> Option<(Case, usize)> {
    let mut cases = lock(cases);
    if !lock(work).findings.is_empty() {
        return None;
    }
    let before = cases.merged();
    let case = cases.next()?;
    Some((case, cases.merged() - before))
}

/// Boots a board after a cut, and tries the invariant on it.
fn attempt(base: &Board, case: &Case, invariant: &impl AsyncFn(&Board, &Cut) -> Result<()>) -> Option<Finding> {
    let finding = |message, trace| Some(Finding { cut: case.cut.clone(), message, trace });
    let booted = || {
        let board = base.fork_as(NAME)?;
        board.set_flash_memory(&case.memory)?;
        board.power_on()?;
        Ok::<_, espalier::Error>(board)
    };
    let board = match booted() {
        Ok(board) => board,
        Err(error) => return finding(error.to_string(), None),
    };
    match finish(invariant(&board, &case.cut)) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => finding(error.to_string(), board.trace_hash()),
        Err(panic) => finding(panic, board.trace_hash()),
    }
}
