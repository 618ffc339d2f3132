//! Content of the memory after a loss of power during an erase or a program.
//!
//! A datasheet says how long an operation takes (W25Q32FV, chapter 9.6) and that its supply must not fail meanwhile, not what is left
//! if it does. This is a model of NOR cells:
//!
//! - Programming only clears bits. Each bit takes a time of its own, so after a part of the operation some of those that it was to
//!   clear are clear. A bit never becomes 1.
//! - Erasing first programs all cells of its unit (the first eighth of the time here), then erases all of them together, each in a time
//!   of its own (until seven eighths), and then trims those that are weak. So a sector that was being erased may have old bits that
//!   are 0 now, and may look erased although it is not.
//! - A bit whose time had nearly come, or has just passed, is unstable: it reads either way after each time that power comes back, and
//!   the same way until power is lost again. Erasing it, or programming it to 0, makes it stable.
//!
//! The times of bits and what unstable ones read are drawn by a seed. The shares of the phases are round numbers: no datasheet gives
//! them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use espalier_core::Span;

use super::storage::Storage;

const NOTHING: Progress = Progress(0);
const ALL: Progress = Progress(Progress::WHOLE);
/// Ends of the first two phases of an erase.
const PREPROGRAMMED: Progress = Progress(Progress::WHOLE / 8);
const ERASED: Progress = Progress(Progress::WHOLE / 8 * 7);
/// Largest distance of a bit's time from the loss of power at which the bit is unstable, of 256.
const WINDOW: u32 = 8;
/// Of so many bytes one has a weak bit until an erase has ended.
const WEAK: u64 = 2048;
/// Bytes with unstable bits that are kept in mind; more of them stay as they were first read.
const UNSTABLE_MAX: usize = 1 << 16;

/// The kind of an operation on the memory.
///
/// ```
/// use espalier_parts::{FlashChip, FlashOperationKind, FlashSize};
///
/// let mut flash = FlashChip::new(FlashSize::Mb4);
/// flash.record_history(1 << 20);
/// // ... the firmware runs ...
/// let operations = flash.history().expect("it is recorded").operations();
/// assert_eq!(operations.iter().filter(|operation| operation.kind == FlashOperationKind::Erase).count(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlashOperationKind {
    /// Bits are cleared.
    Program,
    /// All bits are set.
    Erase,
}

espalier_core::persist!(
    enum FlashOperationKind {
        Program,
        Erase,
    }
);

/// The completed part of an operation, from nothing to all of it.
///
/// ```
/// use espalier_parts::Progress;
///
/// assert_eq!(Progress::of(1, 4).share(), 0.25);
/// assert!(Progress::of(1, 4) < Progress::of(1, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Progress(u32);

impl Progress {
    const WHOLE: u32 = 1 << 16;

    /// `done` parts of `all`; all of it if there are no parts.
    pub const fn of(done: u64, all: u64) -> Progress {
        if done >= all {
            return Progress(Progress::WHOLE);
        }
        Progress((done as u128 * Progress::WHOLE as u128 / all as u128) as u32)
    }

    /// As a share of 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / f64::from(Progress::WHOLE)
    }

    /// Position of this on the way from `start` to `end`, of 256.
    fn between(self, start: Progress, end: Progress) -> u32 {
        (self.0.saturating_sub(start.0) * 256 / (end.0 - start.0)).min(256)
    }
}

/// An erase or program, with what was there before.
#[derive(Clone)]
pub(super) struct UnderWay {
    kind: FlashOperationKind,
    start: u32,
    before: Arc<[u8]>,
    duration: Span,
}

espalier_core::persist!(value UnderWay { kind, start, before, duration });

impl UnderWay {
    pub(super) fn new(kind: FlashOperationKind, start: usize, before: Vec<u8>, duration: Span) -> UnderWay {
        UnderWay { kind, start: start as u32, before: before.into(), duration }
    }

    /// Returns the completed part when `rest` of its time is left.
    pub(super) fn progress(&self, rest: Span) -> Progress {
        let all = self.duration.ticks();
        Progress::of(all.saturating_sub(rest.ticks()), all)
    }

    /// Replaces what the whole operation has left in `storage` by what this much of it leaves.
    pub(super) fn tear(&self, progress: Progress, seed: u64, storage: &mut Storage, unstable: &mut Unstable) {
        if progress >= ALL {
            return;
        }
        let start = self.start as usize;
        let mut cells = storage.copy(&(start..start + self.before.len()));
        let draw = mix(seed);
        unstable.seed = draw;
        for (address, (cell, before)) in (self.start..).zip(cells.iter_mut().zip(self.before.iter())) {
            let times = mix(draw ^ u64::from(address));
            let bits;
            (*cell, bits) = match self.kind {
                FlashOperationKind::Program => part(*before, *cell, progress.between(NOTHING, ALL), times),
                FlashOperationKind::Erase if progress < PREPROGRAMMED => {
                    part(*before, 0, progress.between(NOTHING, PREPROGRAMMED), times)
                }
                FlashOperationKind::Erase if progress < ERASED => {
                    part(0, 0xFF, progress.between(PREPROGRAMMED, ERASED), times)
                }
                FlashOperationKind::Erase => (0xFF, if times.is_multiple_of(WEAK) { 1 << (times >> 61) } else { 0 }),
            };
            unstable.note(address, bits);
        }
        storage.overwrite(start, &cells);
    }
}

/// A byte on its way from `before` to `after`, `done` of 256: what its stable bits are, and which bits are not.
fn part(before: u8, after: u8, done: u32, times: u64) -> (u8, u8) {
    let (mut changed, mut unstable) = (0, 0);
    for (bit, time) in times.to_le_bytes().into_iter().enumerate() {
        let time = u32::from(time);
        changed |= u8::from(time < done) << bit;
        unstable |= u8::from(done != 0 && time.abs_diff(done) < WINDOW) << bit;
    }
    let moving = before ^ after;
    (before ^ (moving & changed), moving & unstable)
}

/// Bits between 0 and 1, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unstable {
    bits: BTreeMap<u32, u8>,
    seed: u64,
    draws: u64,
}

espalier_core::persist!(value Unstable { bits, seed, draws });

impl Unstable {
    /// Keeps these bits in mind, with those of the byte that were unstable before.
    fn note(&mut self, address: u32, bits: u8) {
        if bits != 0 && (self.bits.len() < UNSTABLE_MAX || self.bits.contains_key(&address)) {
            *self.bits.entry(address).or_default() |= bits;
        }
    }

    fn read(&self, address: u32, cell: u8, unstable: u8) -> u8 {
        let drawn = mix(self.seed.rotate_left(17) ^ self.draws << 40 ^ u64::from(address)) as u8;
        (cell & !unstable) | (drawn & unstable)
    }

    /// Power was lost: each of them reads one way or the other from now on.
    pub(super) fn draw_again(&mut self, storage: &mut Storage) {
        if self.bits.is_empty() {
            return;
        }
        self.draws += 1;
        for (address, unstable) in &self.bits {
            let mut cell = [0];
            storage.read(*address as usize, &mut cell);
            storage.overwrite(*address as usize, &[self.read(*address, cell[0], *unstable)]);
        }
    }

    /// An operation has begun that makes bits stable: those that it erases, or programs to 0.
    #[inline]
    pub(super) fn after(&mut self, range: &Range<usize>, data: Option<&[u8]>) {
        if self.bits.is_empty() {
            return;
        }
        let found: Vec<(u32, u8)> =
            self.bits.range(range.start as u32..range.end as u32).map(|(address, bits)| (*address, *bits)).collect();
        for (address, bits) in found {
            let kept = data.map_or(0, |data| bits & data[address as usize - range.start]);
            if kept == 0 {
                self.bits.remove(&address);
            } else {
                self.bits.insert(address, kept);
            }
        }
    }

    /// Bytes of `range` that have unstable bits, and which.
    pub(super) fn bits_in(&self, range: Range<u32>) -> impl Iterator<Item = (u32, u8)> {
        self.bits.range(range).map(|(address, bits)| (*address, *bits))
    }

    /// Every byte that has unstable bits, and which.
    pub(super) fn bits(&self) -> impl Iterator<Item = (u32, u8)> {
        self.bits.iter().map(|(address, bits)| (*address, *bits))
    }
}

/// The mixing function of SplitMix64.
fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ state >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ state >> 31
}
