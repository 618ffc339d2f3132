//! Interrupts and the cycle counter's timers.
//!
//! The kind and level of the 32 interrupts are fixed by the ESP32's core configuration (`core-isa.h` of the core; the
//! ESP32 Technical Reference Manual lists them in "Interrupt Matrix", table "CPU Interrupts").

use crate::register::{EDGE, SOFTWARE, SpecialRegister};
use crate::state::{NMI, NMI_LEVEL, State};
use crate::trap::Cause;

/// Interrupts of each maskable level, 0 to 6.
const LEVEL_MASK: [u32; 7] = [0, 0x0006_37ff, 0x0038_0000, 0x28c0_8800, 0x5300_0000, 0x8401_0000, 0];
/// Interrupts of levels above each of 0 to 6, without the one that is not maskable.
pub(crate) const ABOVE: [u32; 7] = {
    let mut above = [0; 7];
    let mut level = above.len() - 1;
    while level > 0 {
        above[level - 1] = above[level] | LEVEL_MASK[level];
        level -= 1;
    }
    above
};
/// External inputs whose level is the interrupt.
const LEVEL: u32 = 0x8fbe_333f;
/// Interrupts of CCOMPARE0 to CCOMPARE2.
const TIMERS: [(SpecialRegister, u32); 3] = [
    (SpecialRegister::Ccompare0, 1 << 6),
    (SpecialRegister::Ccompare1, 1 << 15),
    (SpecialRegister::Ccompare2, 1 << 16),
];
/// Values of the 32-bit cycle counter.
const COUNTER_PERIOD: u64 = 1 << 32;

impl State {
    /// Takes over the levels of the interrupt inputs.
    pub(crate) fn set_lines(&mut self, lines: u32) {
        let rising = lines & !self.lines;
        self.lines = lines;
        self.interrupt = self.interrupt & !LEVEL | lines & LEVEL | rising & (EDGE | NMI);
    }

    /// `INTSET`.
    pub(crate) fn set_software_interrupts(&mut self, bits: u32) {
        self.interrupt |= bits & SOFTWARE;
    }

    /// `INTCLEAR`.
    pub(crate) fn clear_interrupts(&mut self, bits: u32) {
        self.interrupt &= !(bits & (SOFTWARE | EDGE));
    }

    /// The cycle counter at `cycles` since reset.
    pub(crate) fn ccount(&self, cycles: u64) -> u32 {
        self.ccount_offset.wrapping_add(cycles as u32)
    }

    pub(crate) fn set_ccount(&mut self, value: u32, cycles: u64) {
        self.ccount_offset = value.wrapping_sub(cycles as u32);
    }

    /// Writes CCOMPARE`index`, which also clears its interrupt.
    pub(crate) fn set_ccompare(&mut self, register: SpecialRegister, value: u32) {
        self.set_plain(register, value);
        for (compare, bit) in TIMERS {
            if compare == register {
                self.interrupt &= !bit;
            }
        }
    }

    fn cycles_to(&self, compare: SpecialRegister, cycles: u64) -> u64 {
        match self.plain(compare).wrapping_sub(self.ccount(cycles)) {
            0 => COUNTER_PERIOD,
            distance => u64::from(distance),
        }
    }

    /// Cycles from `cycles` on until some timer matches.
    pub(crate) fn cycles_to_match(&self, cycles: u64) -> u64 {
        TIMERS.iter().map(|(compare, _)| self.cycles_to(*compare, cycles)).min().unwrap_or(COUNTER_PERIOD)
    }

    /// Cycles from `cycles` on until a timer match raises an enabled interrupt that is not yet pending.
    pub(crate) fn cycles_to_interrupt(&self, cycles: u64) -> Option<u64> {
        TIMERS
            .iter()
            .filter(|(_, bit)| self.intenable & !self.interrupt & bit != 0)
            .map(|(compare, _)| self.cycles_to(*compare, cycles))
            .min()
    }

    /// Latches the timers that match while time goes on from `before` by `cycles`.
    pub(crate) fn latch_timers(&mut self, before: u64, cycles: u64) {
        for (compare, bit) in TIMERS {
            if self.cycles_to(compare, before) <= cycles {
                self.interrupt |= bit;
            }
        }
    }

    /// The highest level above the current one at which an enabled interrupt is pending.
    pub(crate) fn pending_level(&self) -> Option<u32> {
        let pending = self.interrupt & (self.intenable | NMI);
        if pending == 0 {
            return None;
        }
        let current = self.interrupt_level();
        // No mask holds it back but its own handler, whose EPC and EPS a second one would overwrite: it waits until that is done.
        if pending & NMI != 0 && current != NMI_LEVEL {
            return Some(NMI_LEVEL);
        }
        (current + 1..NMI_LEVEL).rev().find(|&level| pending & LEVEL_MASK[level as usize] != 0)
    }

    /// Enters the handler of the most urgent interrupt, if there is one, and returns its level.
    pub(crate) fn take_interrupt(&mut self) -> Option<u32> {
        let level = self.pending_level()?;
        self.waiting = false;
        match level {
            1 => self.raise_general(Cause::Level1Interrupt, self.pc),
            NMI_LEVEL => {
                self.interrupt &= !NMI;
                self.enter_level(level, self.pc);
            }
            _ => self.enter_level(level, self.pc),
        }
        Some(level)
    }
}
