//! The moments at which power may be lost, each with what is in the flash chip then.
//!
//! Nothing but the flash chip remembers anything that a scenario has changed, so a cut is as good as its content: two moments with
//! equal contents, bits that may read either way included, are one case.

use std::collections::HashSet;
use std::fmt;

use espalier::{
    FLASH_CHUNK_SIZE, FlashHistory, FlashMemory, FlashOperation, FlashOperationKind, FlashProgress, FlashReplay, Time,
};
use sha2::{Digest, Sha256};

/// A moment at which power is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The operation of the flash chip that is under way or comes next, counted from zero. Behind the last one it is their number.
    pub operation: usize,
    /// Which operation that is.
    pub kind: Option<FlashOperationKind>,
    /// The flash chip's bytes that it changes.
    pub range: std::ops::Range<u32>,
    /// When that is, in the scenario's time.
    pub at: Time,
    /// How much of the operation is done.
    pub progress: FlashProgress,
    /// Draws what a torn operation leaves.
    pub seed: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { operation, kind, range, at, progress, seed } = self;
        let what = match kind {
            None => return write!(f, "after the last of {operation} operations"),
            Some(FlashOperationKind::Program) => "program",
            Some(FlashOperationKind::Erase) => "erase",
        };
        let (start, end) = (range.start, range.end);
        if progress.share() == 0.0 {
            return write!(f, "at {at}, before operation {operation}, which would {what} {start:#x}..{end:#x}");
        }
        let percent = progress.share() * 100.0;
        write!(
            f,
            "at {at}, {percent:.0} % into operation {operation}, which was to {what} {start:#x}..{end:#x}, seed {seed}"
        )
    }
}

/// How many moments there are in each operation, and how often each is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Density {
    pub(crate) moments: u64,
    pub(crate) seeds: u64,
}

/// A case, with the content of the flash chip.
pub(crate) struct Case {
    /// Its place among the cases.
    pub(crate) number: usize,
    pub(crate) cut: Cut,
    pub(crate) memory: FlashMemory,
}

/// Goes through the cases of a history, in the order of their moments. Contents are made when they are asked for: together they would
/// take more than a machine has.
pub(crate) struct Cases<'a> {
    replay: FlashReplay<'a>,
    chunks: Vec<usize>,
    density: Density,
    operation: usize,
    /// When the last operation ended.
    end: Time,
    /// The next moment of the operation: zero is before it.
    moment: u64,
    seed: u64,
    seen: HashSet<[u8; 32]>,
    made: usize,
    merged: usize,
    finished: bool,
}

impl<'a> Cases<'a> {
    pub(crate) fn new(history: &'a FlashHistory, density: Density) -> Cases<'a> {
        Cases {
            replay: history.replay(),
            chunks: history.chunks(),
            density,
            operation: 0,
            end: Time::ZERO,
            moment: 0,
            seed: 0,
            seen: HashSet::new(),
            made: 0,
            merged: 0,
            finished: false,
        }
    }

    /// How many cases there are at most.
    pub(crate) fn bound(history: &FlashHistory, density: Density) -> usize {
        history.operations().len() * (1 + density.moments * density.seeds) as usize + 1
    }

    /// How many moments had the flash content of an earlier one so far.
    pub(crate) fn merged(&self) -> usize {
        self.merged
    }

    pub(crate) fn next(&mut self) -> Option<Case> {
        while !self.finished {
            let operation = self.replay.next_operation();
            let progress = FlashProgress::of(self.moment, self.density.moments + 1);
            let memory = match (operation, self.moment) {
                (None, _) | (_, 0) => self.replay.content().clone(),
                _ => self.replay.torn(progress, self.seed),
            };
            let cut = self.cut(operation, progress);
            self.advance(operation.is_some());
            if !self.seen.insert(digest(&memory, &self.chunks)) {
                self.merged += 1;
                continue;
            }
            self.made += 1;
            return Some(Case { number: self.made - 1, cut, memory });
        }
        None
    }

    fn cut(&self, operation: Option<&FlashOperation>, progress: FlashProgress) -> Cut {
        let Cases { operation: number, seed, .. } = *self;
        let Some(FlashOperation { kind, at, duration, range, .. }) = operation else {
            return Cut { operation: number, kind: None, range: 0..0, at: self.end, progress, seed };
        };
        let done = espalier::Span::from_ticks((duration.ticks() as f64 * progress.share()) as u64);
        Cut { operation: number, kind: Some(*kind), range: range.clone(), at: *at + done, progress, seed }
    }

    /// Goes on to the next seed, moment or operation.
    fn advance(&mut self, has_operation: bool) {
        let Density { moments, seeds } = self.density;
        if self.moment > 0 && self.seed + 1 < seeds {
            self.seed += 1;
            return;
        }
        self.seed = 0;
        if self.moment < moments {
            self.moment += 1;
        } else {
            self.moment = 0;
            self.operation += 1;
            self.end = self.replay.next_operation().map_or(self.end, |ended| ended.at + ended.duration);
            self.replay.step();
        }
        self.finished = !has_operation;
    }
}

/// Tells contents apart that differ in these parts of the chip at most.
fn digest(memory: &FlashMemory, chunks: &[usize]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for chunk in chunks {
        debug_assert_eq!(memory.chunk(*chunk).len(), FLASH_CHUNK_SIZE);
        digest.update(memory.chunk(*chunk));
    }
    for (address, bits) in memory.unstable() {
        digest.update(address.to_le_bytes());
        digest.update([bits]);
    }
    digest.finalize().into()
}
