//! One input on one fork.

use espalier::{Board, Span, StimulusRecord, Time};

use crate::FuzzError;
use crate::compare::coloured;
use crate::entry::Entry;
use crate::fault::Fault;

/// Name of the forks.
const NAME: &str = "fuzz";

/// The time for which a board is looked at after an input: its own time.
///
/// ```
/// use espalier::Units;
/// use espalier_fuzz::Limits;
///
/// let slow = Limits { most: 2.s(), ..Limits::default() };
/// assert!(slow.least < slow.most);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At least so long: an input takes its time to arrive, and what the board answers, too.
    pub least: Span,
    /// A board that is still busy after this hangs.
    pub most: Span,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { least: Span::from_millis(2), most: Span::from_millis(500) }
    }
}

/// A board that waits for inputs, and what is looked at.
pub(crate) struct Trial {
    pub(crate) base: Board,
    entry: Entry,
    limits: Limits,
    texts: Vec<String>,
    /// It comes to rest without an input. Firmware that polls does not, and then no input makes it hang.
    rests: bool,
}

/// A fault, and all that shows it again.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) fault: Fault,
    pub(crate) until: Time,
    pub(crate) trace: Option<u64>,
    pub(crate) stimuli: StimulusRecord,
}

impl Trial {
    /// A fork of `board` that counts its jumps.
    ///
    /// # Errors
    /// If the board fails by itself, or cannot be forked.
    pub(crate) fn new(board: &Board, entry: Entry, limits: Limits, texts: Vec<String>) -> Result<Trial, FuzzError> {
        let base = board.fork_as(NAME)?;
        base.count_edges()?;
        base.console().take_unread();
        let mut trial = Trial { base, entry, limits, texts, rests: true };
        if trial.entry.starts_anew() {
            trial.rests = false;
            return Ok(trial);
        }
        let plain = trial.base.fork_as(NAME)?;
        trial.rests = plain.run_to_rest(limits.least, limits.most)?;
        if let Some(fault) = Fault::look(&plain, true, None, &trial.texts)? {
            return Err(FuzzError::Unsound { message: fault.to_string() });
        }
        Ok(trial)
    }

    /// The same on another thread, with a board of its own: forks of one board wait for each other.
    pub(crate) fn again(&self) -> espalier::Result<Trial> {
        let base = self.base.fork_as(NAME)?;
        let (entry, texts) = (self.entry.clone(), self.texts.clone());
        Ok(Trial { base, entry, limits: self.limits, texts, rests: self.rests })
    }

    pub(crate) fn rests(&self) -> bool {
        self.rests
    }

    /// The pairs of numbers that a fork compares with these bytes and not with others, each once.
    pub(crate) fn comparisons(&self, bytes: &[u8]) -> espalier::Result<Vec<(u32, u32)>> {
        let compared = |bytes: &[u8]| -> espalier::Result<Vec<(u32, u32)>> {
            let fork = self.base.fork_as(NAME)?;
            fork.note_comparisons()?;
            let now = fork.now();
            for stimulus in self.entry.stimuli(bytes) {
                fork.at(now, stimulus)?;
            }
            fork.run_to_rest(self.limits.least, self.limits.most)?;
            Ok(fork.take_comparisons())
        };
        let (mut pairs, others) = (compared(bytes)?, compared(&coloured(bytes))?);
        pairs.retain(|pair| others.binary_search(pair).is_err());
        Ok(pairs)
    }

    /// Gives a fork these bytes, and tells the counters of the jumps that it took.
    pub(crate) fn run(&self, bytes: &[u8], edge: Option<&mut dyn FnMut(usize, u8)>) -> espalier::Result<Option<Seen>> {
        let fork = self.base.fork_as(NAME)?;
        let now = fork.now();
        for stimulus in self.entry.stimuli(bytes) {
            fork.at(now, stimulus)?;
        }
        let stopped = fork.run_to_rest(self.limits.least, self.limits.most)?;
        if let Some(edge) = edge {
            fork.each_edge(edge);
        }
        // A firmware that polls never rests, so that only what it prints and its resets tell.
        let bound = self.rests.then_some(self.limits.most);
        let Some(fault) = Fault::look(&fork, stopped || !self.rests, bound, &self.texts)? else { return Ok(None) };
        let stimuli = self.entry.stimuli(bytes).map(|stimulus| (now, stimulus)).collect();
        let stimuli = StimulusRecord { stimuli, incomplete: None };
        Ok(Some(Seen { fault, until: fork.now(), trace: fork.trace_hash(), stimuli }))
    }
}
