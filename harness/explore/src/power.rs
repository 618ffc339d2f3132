//! Power cuts.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use espalier::{Board, FlashHistory, FlashMemory, FlashProgress, FlashSectors, Result, Span, StimulusRecord};

use crate::cases::{Cases, Cut, Density, Torn};
use crate::crew::{cores, finish, work_on};
use crate::explored::{Explored, Finding, HistoryOverflow};
use crate::finding::{self, kept};
use crate::progress::Progress;
use crate::ramps::{self, Falls, span_of};
use crate::saved::SavedCase;
use crate::starts::{NAME, Starts};

/// Default number of draws of the moment in the middle of an operation.
const SEEDS: u64 = 2;
/// Contents that are kept to compare later ones with.
const PASSED_MAX: usize = 64;

/// Cuts the power of a board at every moment of a scenario at which it makes a difference, and tries an invariant on what boots then:
/// [`PowerCuts`] with what it does unless it is told otherwise.
///
/// # Errors
/// If the scenario itself fails, or the board is of a kind whose power cannot be cut.
pub async fn power_cuts(
    board: &Board,
    scenario: impl AsyncFnOnce(&Board) -> Result<()>,
    invariant: impl AsyncFn(&Board, &Cut) -> Result<()> + Sync,
) -> Result<Explored<Cut>> {
    PowerCuts::new().explore(board, scenario, invariant).await
}

/// The options for exploring power cuts.
///
/// The scenario runs once, on a fork of the board. Then power is lost before each operation of the flash chip, in the middle of it and
/// after the last one: a fork that has lost its power gets the content that the flash chip has then, is switched on, and the
/// invariant is tried on it, on all cores of this machine. A fork's peers and networks are those of the end of the scenario. The board
/// itself stays as it is.
///
/// The cells that an unfinished operation leaves are drawn from a model of NOR flash; see
/// [`Board::cut_power`](espalier::Board::cut_power).
///
/// ```no_run
/// use espalier_explore::PowerCuts;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// # let (scenario, invariant) = (async |_: &espalier::Board| Ok(()), async |_: &espalier::Board, _: &espalier_explore::Cut| Ok(()));
/// let explored = PowerCuts::new().moments(3).seeds(4).explore(&board, scenario, invariant).await?;
/// explored.check()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PowerCuts {
    density: Density,
    threads: usize,
    by_reads: bool,
    falls: Vec<Span>,
}

impl Default for PowerCuts {
    fn default() -> PowerCuts {
        PowerCuts {
            density: Density { moments: 1, seeds: SEEDS },
            threads: cores(),
            by_reads: false,
            falls: Vec::new(),
        }
    }
}

impl PowerCuts {
    /// One moment in each operation, drawn twice.
    pub fn new() -> PowerCuts {
        PowerCuts::default()
    }

    /// Sets the number of moments in each operation, at equal distances. With none, power is lost between operations only.
    #[must_use]
    pub fn moments(mut self, moments: u64) -> PowerCuts {
        self.density.moments = moments;
        self
    }

    /// Sets the number of draws of each moment in an operation.
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

    /// Tries one case for all contents that are equal where the board reads the flash chip, until the invariant holds. It is for
    /// scenarios that write much which is read later or never, such as updates, and for invariants that ask the board alone: not the
    /// moment of the cut, nor what is in the flash chip.
    #[must_use]
    pub fn only_what_is_read(mut self) -> PowerCuts {
        self.by_reads = true;
        self
    }

    /// Lets the supply of 3.3 V fall too, by so many volts each millisecond, from each operation of the flash chip on. The board runs until it
    /// has less than 2.3 V: a brown-out detector that the firmware has switched on interrupts or resets it before. These cases come after
    /// all others.
    ///
    /// ```no_run
    /// use espalier_explore::PowerCuts;
    ///
    /// # async fn test(board: espalier::Board) -> espalier::Result<()> {
    /// # let (scenario, invariant) = (async |_: &espalier::Board| Ok(()), async |_: &espalier::Board, _: &espalier_explore::Cut| Ok(()));
    /// // A large and a small capacitor: 33 ms and 1.1 ms to nothing.
    /// PowerCuts::new().ramps([0.1, 3.0]).explore(&board, scenario, invariant).await?.check()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ramps(mut self, volts_per_millisecond: impl IntoIterator<Item = f64>) -> PowerCuts {
        self.falls = volts_per_millisecond.into_iter().map(span_of).collect();
        self
    }

    /// Explores the power cuts of a scenario.
    ///
    /// # Errors
    /// If the scenario itself fails, or the board is of a kind whose power cannot be cut; with [`ramps`](PowerCuts::ramps), if what it does
    /// to the board is no data ([`NotRepeatable`](crate::NotRepeatable)).
    pub async fn explore(
        &self,
        board: &Board,
        scenario: impl AsyncFnOnce(&Board) -> Result<()>,
        invariant: impl AsyncFn(&Board, &Cut) -> Result<()> + Sync,
    ) -> Result<Explored<Cut>> {
        let test = board.name();
        let base = board.fork_as(NAME)?;
        base.record_flash()?;
        base.record_stimuli()?;
        scenario(&base).await?;
        let done = base.stimuli().unwrap_or_default();
        let history = base.flash_history();
        let end = base.now();
        base.cut_power(0)?;
        base.console().take_unread();
        let Some(history) = history else { return Ok(Work::default().explored(0, 0)) };
        let kept = kept(&test)?;
        if history.dropped() > 0 {
            let operations = history.operations().len();
            return Err(HistoryOverflow { operations, dropped: history.dropped() }.into());
        }
        let starts = Starts::new(&base, &history)?;
        let known = kept.iter().filter_map(kept_cut).collect();
        let cases = Cases::new(&history, self.density, end, known);
        let (mut work, mut merged) = self.try_all(&starts, &history, cases, &invariant)?;
        let falls_known: Vec<_> = kept.iter().filter_map(kept_fall).collect();
        if work.findings.is_empty() && !(self.falls.is_empty() && falls_known.is_empty()) {
            let falls = Falls::new(board, done, &history, &self.falls, falls_known)?;
            let outcome = ramps::try_all(falls, self.threads, &invariant)?;
            work.tried += outcome.tried;
            merged += outcome.merged;
            let failed = outcome.failed.into_iter();
            work.findings = failed.map(|(number, finding, board)| (number, finding, Before::Fall(board))).collect();
        }
        if let Some((_, finding, before)) = work.findings.first_mut() {
            let before = match before {
                Before::Cut(memory) => starts.boot(finding.case.operation, memory)?,
                Before::Fall(board) => board.fork_as(NAME)?,
            };
            finding.file = Some(finding::write(&base, &before, &test, finding)?);
        }
        Ok(work.explored(history.operations().len(), merged))
    }

    /// Tries cases in order, until one fails. Gives the number of those that were equal to earlier ones too.
    fn try_all(
        &self,
        starts: &Starts,
        history: &FlashHistory,
        cases: Cases<'_>,
        invariant: &(impl AsyncFn(&Board, &Cut) -> Result<()> + Sync),
    ) -> Result<(Work, usize)> {
        let progress = Progress::new("power cuts", Cases::bound(history, self.density));
        let cases = Mutex::new(cases);
        let work = Mutex::new(Work::default());
        work_on(self.threads, || {
            while let Some((case, left_out)) = next(&cases, &work) {
                progress.passed(left_out);
                let start = starts.number(case.cut.operation);
                if self.by_reads && lock(&work).is_known(&case.memory, start) {
                    progress.passed(1);
                    continue;
                }
                let outcome = attempt(starts, &case, self.by_reads, invariant);
                let mut work = lock(&work);
                work.tried += 1;
                progress.passed(1);
                match outcome {
                    Ok(Some(reads)) => work.note_reads(Passed { memory: case.memory, start, reads }),
                    Ok(None) => {}
                    Err(finding) => {
                        progress.found();
                        work.findings.push((case.number, finding, Before::Cut(case.memory)));
                    }
                }
            }
        })?;
        let merged = lock(&cases).merged();
        let mut work = work.into_inner().unwrap_or_else(PoisonError::into_inner);
        work.findings.sort_by_key(|(number, ..)| *number);
        Ok((work, merged))
    }
}

/// The board before what was found happened.
enum Before {
    /// It is switched on with this content of its flash chip.
    Cut(FlashMemory),
    /// It runs, and its supply is about to fall.
    Fall(Board),
}

/// The moments tried so far.
#[derive(Default)]
struct Work {
    tried: usize,
    /// With the number of their case.
    findings: Vec<(usize, Finding<Cut>, Before)>,
    /// Contents with which the invariant holds; the last ones.
    passed: VecDeque<Passed>,
    /// Cases that were left out because of them.
    known: usize,
}

/// A content with which the invariant holds.
struct Passed {
    memory: FlashMemory,
    /// The number of the start that its board went on from.
    start: usize,
    /// Where it was read from there on.
    reads: FlashSectors,
}

impl Work {
    /// Whether a board that goes on from this start does the same with this content as one did before. One from a later start has read
    /// more that was not watched.
    fn is_known(&mut self, memory: &FlashMemory, start: usize) -> bool {
        let does_the_same = |passed: &Passed| passed.start <= start && memory.is_same_in(&passed.memory, &passed.reads);
        let known = self.passed.iter().rev().any(does_the_same);
        self.known += usize::from(known);
        known
    }

    fn note_reads(&mut self, passed: Passed) {
        if self.passed.len() == PASSED_MAX {
            self.passed.pop_front();
        }
        self.passed.push_back(passed);
    }

    fn explored(self, operations: usize, merged: usize) -> Explored<Cut> {
        let findings = self.findings.into_iter().map(|(_, finding, _)| finding).collect();
        Explored { moments: operations, tried: self.tried, merged: merged + self.known, findings }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next case, and how many moments were left out before it. Cases are handed out in order, so all that are shorter than one that
/// fails are being tried already.
fn next(cases: &Mutex<Cases<'_>>, work: &Mutex<Work>) -> Option<(Torn, usize)> {
    let mut cases = lock(cases);
    if !lock(work).findings.is_empty() {
        return None;
    }
    let before = cases.merged();
    let case = cases.next()?;
    Some((case, cases.merged() - before))
}

/// A kept case: the operation, how much of it was done, and the seed.
fn kept_cut(case: &SavedCase) -> Option<(usize, FlashProgress, u64)> {
    match case {
        SavedCase::PowerCuts { operation, percent, seed, fall: 0 } => {
            Some((usize::try_from(*operation).ok()?, FlashProgress::of(*percent, 100), *seed))
        }
        _ => None,
    }
}

/// A kept case of a supply that falls: the operation, the time that it takes, and the seed.
fn kept_fall(case: &SavedCase) -> Option<(usize, Span, u64)> {
    match case {
        SavedCase::PowerCuts { operation, seed, fall, .. } if *fall > 0 => {
            Some((usize::try_from(*operation).ok()?, Span::from_ticks(*fall), *seed))
        }
        _ => None,
    }
}

/// Boots a board after a cut, and tries the invariant on it. Gives what was read of the flash chip, if that is watched.
fn attempt(
    starts: &Starts,
    case: &Torn,
    watch: bool,
    invariant: &impl AsyncFn(&Board, &Cut) -> Result<()>,
) -> std::result::Result<Option<FlashSectors>, Finding<Cut>> {
    let finding = |message, trace, until, stimuli| {
        Err(Finding { case: case.cut.clone(), message, trace, until, stimuli, file: None })
    };
    let booted = || {
        let board = starts.boot(case.cut.operation, &case.memory)?;
        board.record_stimuli()?;
        if watch {
            board.watch_flash_reads(true)?;
        }
        Ok::<_, espalier::Error>(board)
    };
    let board = match booted() {
        Ok(board) => board,
        Err(error) => {
            return finding(error.to_string(), None, starts.now(case.cut.operation), StimulusRecord::default());
        }
    };
    let message = match finish(invariant(&board, &case.cut)) {
        Ok(Ok(())) => return Ok(board.flash_reads()),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic,
    };
    finding(message, board.trace_hash(), board.now(), board.stimuli().unwrap_or_default())
}
