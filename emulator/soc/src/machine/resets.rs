//! What has reset the chip, told to who watches the board: a reset leaves nothing behind inside of it but a cause in the RTC.

use std::collections::VecDeque;

use espalier_core::Time;
use espalier_peripherals::{Cpu, ResetCause};

use super::{CORES, Machine};

/// How many resets are kept until they are taken. Older ones are dropped; their numbers tell how many.
const KEPT: usize = 16;

/// A reset that came from inside the chip: from software, a watchdog, or a wake from deep sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChipReset {
    /// Counted from one since the machine was made.
    pub number: u64,
    /// When it happened.
    pub at: Time,
    /// Why.
    pub cause: ResetCause,
    /// Where both cores were.
    pub pcs: [u32; CORES],
    /// RTC_CNTL_STORE6, where software may leave word for after the reset.
    pub store6: u32,
}

/// The last resets.
#[derive(Clone, Debug, Default)]
pub(super) struct Resets {
    count: u64,
    kept: VecDeque<ChipReset>,
}

impl Machine {
    /// Takes the resets from inside the chip since the last call, oldest first, and no more than 16. That the PRO CPU starts the
    /// APP CPU is none.
    pub fn take_resets(&mut self) -> Vec<ChipReset> {
        self.resets.kept.drain(..).collect()
    }

    pub(super) fn note_reset(&mut self, cause: ResetCause, cpu: Option<Cpu>) {
        // Both cores restart on their own, one after the other, where software restarts both.
        let app_restarts = cpu == Some(Cpu::App) && cause == ResetCause::SoftwareCpu;
        if cause == ResetCause::ProCpu || app_restarts {
            return;
        }
        self.resets.count += 1;
        if self.resets.kept.len() == KEPT {
            self.resets.kept.pop_front();
        }
        self.resets.kept.push_back(ChipReset {
            number: self.resets.count,
            at: self.now,
            cause,
            pcs: std::array::from_fn(|core| self.cpus[core].pc()),
            store6: self.system.store6(),
        });
    }
}
