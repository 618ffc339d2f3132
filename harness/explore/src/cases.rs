//! The moments at which power may be lost, each with what is in the flash chip then.
//!
//! Nothing but the flash chip remembers anything that a scenario has changed, so a cut is as good as its content: two moments with
//! equal contents, bits that may read either way included, are one case.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use espalier::{FlashHistory, FlashMemory, FlashOperation, FlashOperationKind, FlashProgress, FlashReplay, Span, Time};
use sha2::{Digest, Sha256};

use crate::explored::Case;
use crate::saved::SavedCase;

/// A moment at which power is lost.
///
/// ```no_run
/// use espalier_explore::{Cut, power_cuts};
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let explored = power_cuts(
///     &board,
///     async |board| board.console().send_line("volume 7").await,
///     async |board, cut: &Cut| {
///         println!("power lost at {}, in operation {}", cut.at, cut.operation);
///         board.console().expect("ready").await.map(drop)
///     },
/// )
/// .await?;
/// # explored.check()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The operation of the flash chip that is under way or comes next, counted from zero. Behind the last one it is their number.
    pub operation: usize,
    /// The kind of that operation.
    pub kind: Option<FlashOperationKind>,
    /// The flash chip's bytes that it changes.
    pub range: std::ops::Range<u32>,
    /// When that is, in the scenario's time.
    pub at: Time,
    /// The completed part of the operation.
    pub progress: FlashProgress,
    /// Draws what a torn operation leaves.
    pub seed: u64,
    /// The time in which the supply falls to nothing, from the beginning of the operation on. None if it is cut at once.
    pub fall: Option<Span>,
}

impl Cut {
    /// Of no operation.
    const BEFORE: Cut = Cut {
        operation: 0,
        kind: None,
        range: 0..0,
        at: Time::ZERO,
        progress: FlashProgress::of(0, 1),
        seed: 0,
        fall: None,
    };

    /// The supply falls from the beginning of an operation on.
    pub(crate) fn by_fall(number: usize, operation: &FlashOperation, fall: Span, seed: u64) -> Cut {
        let FlashOperation { kind, at, range, .. } = operation;
        Cut {
            operation: number,
            kind: Some(*kind),
            range: range.clone(),
            at: *at,
            seed,
            fall: Some(fall),
            ..Cut::BEFORE
        }
    }
}

impl Case for Cut {
    const MOMENTS: &'static str = "flash operations";
    const CASES: &'static str = "power cuts";
    const HAPPENED: &'static str = "power lost ";

    fn saved(&self) -> SavedCase {
        SavedCase::PowerCuts {
            operation: self.operation as u64,
            percent: (self.progress.share() * 100.0).round() as u64,
            seed: self.seed,
            fall: self.fall.map_or(0, Span::ticks),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { operation, kind, range, at, progress, seed, fall } = self;
        let what = match kind {
            None => return write!(f, "after the last of {operation} operations"),
            Some(FlashOperationKind::Program) => "program",
            Some(FlashOperationKind::Erase) => "erase",
        };
        let (start, end) = (range.start, range.end);
        if let Some(fall) = fall {
            return write!(f, "within {fall} from {at}, when operation {operation} was to {what} {start:#x}..{end:#x}");
        }
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

/// Number of moments in each operation, and of draws of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Density {
    pub(crate) moments: u64,
    pub(crate) seeds: u64,
}

/// A cut, with the content of the flash chip.
pub(crate) struct Torn {
    /// Its place among the cases.
    pub(crate) number: usize,
    pub(crate) cut: Cut,
    pub(crate) memory: FlashMemory,
}

/// Goes through the cases of a history, in the order of their moments. Contents are made when they are asked for: together they would
/// take more than a machine has.
pub(crate) struct Cases<'a> {
    replay: FlashReplay<'a>,
    density: Density,
    operation: usize,
    /// When the scenario ended.
    end: Time,
    /// Cases that were kept: the operation, how much of it was done, and the seed.
    known: Vec<(usize, FlashProgress, u64)>,
    /// The cases of the operation that was looked at last.
    queue: VecDeque<(Cut, FlashMemory)>,
    seen: HashSet<Fingerprint>,
    digests: Digests,
    made: usize,
    merged: usize,
    finished: bool,
}

impl<'a> Cases<'a> {
    /// Of a scenario that ended at `end`.
    pub(crate) fn new(
        history: &'a FlashHistory,
        density: Density,
        end: Time,
        known: Vec<(usize, FlashProgress, u64)>,
    ) -> Cases<'a> {
        Cases {
            replay: history.replay(),
            density,
            operation: 0,
            end,
            known,
            queue: VecDeque::new(),
            seen: HashSet::new(),
            digests: Digests::of(history.chunks(), history.replay().content().clone()),
            made: 0,
            merged: 0,
            finished: false,
        }
    }

    /// Largest number of cases.
    pub(crate) fn bound(history: &FlashHistory, density: Density) -> usize {
        let moments = usize::try_from(density.moments.saturating_mul(density.seeds)).unwrap_or(usize::MAX);
        history.operations().len().saturating_mul(moments.saturating_add(1)).saturating_add(1)
    }

    /// Number of moments so far that had the flash content of another one.
    pub(crate) fn merged(&self) -> usize {
        self.merged
    }

    pub(crate) fn next(&mut self) -> Option<Torn> {
        while self.queue.is_empty() && !self.finished {
            self.look_at_operation();
        }
        let (cut, memory) = self.queue.pop_front()?;
        self.made += 1;
        Some(Torn { number: self.made - 1, cut, memory })
    }

    /// Makes the cases before the next operation and in it, and goes on behind it.
    fn look_at_operation(&mut self) {
        let before = self.replay.content().clone();
        let fingerprint = self.digests.keep(&before);
        let Some(operation) = self.replay.next_operation() else {
            self.finished = true;
            let cut = Cut { operation: self.operation, kind: None, range: 0..0, at: self.end, ..Cut::BEFORE };
            return self.offer(fingerprint, cut, before);
        };
        let number = self.operation;
        let FlashOperation { kind, at, duration, range, .. } = operation;
        let moment = |progress: FlashProgress, seed| {
            let done = Span::from_ticks((duration.ticks() as f64 * progress.share()) as u64);
            let range = range.clone();
            Cut { operation: number, kind: Some(*kind), range, at: *at + done, progress, seed, fall: None }
        };
        let mut torn = Vec::new();
        for part in 1..=self.density.moments {
            let progress = FlashProgress::of(part, self.density.moments + 1);
            torn.extend((0..self.density.seeds).map(|seed| (moment(progress, seed), self.replay.torn(progress, seed))));
        }
        for (_, progress, seed) in self.known.iter().filter(|(operation, ..)| *operation == number) {
            torn.push((moment(*progress, *seed), self.replay.torn(*progress, *seed)));
        }
        self.replay.step();
        self.operation += 1;
        // The last moment with a content counts: a board may have said by then that something is stored.
        if self.digests.fingerprint(self.replay.content()) == fingerprint {
            self.merged += 1;
        } else {
            self.offer(fingerprint, moment(FlashProgress::of(0, 1), 0), before);
        }
        for (cut, memory) in torn {
            let fingerprint = self.digests.fingerprint(&memory);
            self.offer(fingerprint, cut, memory);
        }
    }

    /// A case, unless there was one with this content.
    fn offer(&mut self, fingerprint: Fingerprint, cut: Cut, memory: FlashMemory) {
        if self.seen.insert(fingerprint) {
            self.queue.push_back((cut, memory));
        } else {
            self.merged += 1;
        }
    }
}

pub(crate) type Fingerprint = [u8; 32];

/// Tells contents apart. Chunks that are the same memory as those of the content that was kept are not looked at again.
pub(crate) struct Digests {
    /// The chunks in which contents may differ.
    chunks: Vec<usize>,
    kept: FlashMemory,
    /// Of the chunks of `kept`.
    of_kept: Vec<Fingerprint>,
}

impl Digests {
    /// Told apart by these chunks; `kept` is one that most share.
    pub(crate) fn of(chunks: Vec<usize>, kept: FlashMemory) -> Digests {
        let of_kept = chunks.iter().map(|chunk| Sha256::digest(kept.chunk(*chunk)).into()).collect();
        Digests { chunks, kept, of_kept }
    }

    fn digests(&self, memory: &FlashMemory) -> Vec<Fingerprint> {
        let chunks = self.chunks.iter().zip(&self.of_kept);
        let digest = |(chunk, known): (&usize, &Fingerprint)| match memory.chunk(*chunk) {
            same if std::ptr::eq(same, self.kept.chunk(*chunk)) => *known,
            other => Sha256::digest(other).into(),
        };
        chunks.map(digest).collect()
    }

    pub(crate) fn fingerprint(&self, memory: &FlashMemory) -> Fingerprint {
        fingerprint(memory, &self.digests(memory))
    }

    /// The same, of a content that later ones share most of.
    fn keep(&mut self, memory: &FlashMemory) -> Fingerprint {
        self.of_kept = self.digests(memory);
        self.kept = memory.clone();
        fingerprint(memory, &self.of_kept)
    }
}

fn fingerprint(memory: &FlashMemory, chunks: &[Fingerprint]) -> Fingerprint {
    let mut digest = Sha256::new();
    chunks.iter().for_each(|chunk| digest.update(chunk));
    for (address, bits) in memory.unstable() {
        digest.update(address.to_le_bytes());
        digest.update([bits]);
    }
    digest.finalize().into()
}
