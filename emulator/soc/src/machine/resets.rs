//! Log of the chip's resets for its observers: a reset leaves nothing behind inside the chip but a cause in the RTC.

use std::collections::VecDeque;

use espalier_core::Time;
use espalier_peripherals::ResetCause;

use crate::platform::Reset;

/// Number of resets kept until they are taken. Older ones are dropped; the gap in the numbers shows how many.
const KEPT: usize = 16;

/// A reset that came from inside the chip: from software, a watchdog, or a wake from deep sleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipReset {
    /// Counted from one since the machine was made.
    pub number: u64,
    /// When it happened.
    pub at: Time,
    /// The reason.
    pub cause: ResetCause,
    /// Where the cores were.
    pub pcs: Vec<u32>,
    /// A register in which software may leave word for after the reset: RTC_CNTL_STORE6 on the ESP32.
    pub store6: u32,
}

espalier_core::persist!(value ChipReset { number, at, cause, pcs, store6 });

/// The last resets.
#[derive(Clone, Debug, Default)]
pub struct Resets {
    count: u64,
    kept: VecDeque<ChipReset>,
}

espalier_core::persist!(value Resets { count, kept });

impl Resets {
    /// Whether there is none since the last call of [`take`](Resets::take).
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Takes the resets since the last call, oldest first.
    pub fn take(&mut self) -> Vec<ChipReset> {
        self.kept.drain(..).collect()
    }

    /// Notes a reset that the chip has done to itself. That a core starts another one is none, and a core that software restarts
    /// beside the first is one with it.
    pub fn note(&mut self, reset: Reset, now: Time, pcs: impl Iterator<Item = u32>, store6: u32) {
        // All cores restart on their own, one after the other, where software restarts them.
        let restarts = reset.core.is_some_and(|core| core != 0) && reset.cause == ResetCause::SoftwareCpu;
        if reset.cause == ResetCause::ProCpu || restarts {
            return;
        }
        self.count += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(ChipReset { number: self.count, at: now, cause: reset.cause, pcs: pcs.collect(), store6 });
    }
}
