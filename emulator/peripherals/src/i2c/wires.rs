//! SCL and SDA on their pads, for a capture that looks at them and for controllers on wires (UM10204, chapter 3.1).
//!
//! The bus gets whole bytes. While something looks at the pads, each condition and byte is told as levels when it is over, with the
//! times that its bits had; what a target drives is in them. Where another controller or another board hears them, the levels come
//! bit by bit instead.

use espalier_core::{OutputChange, Signal, Span, Time};

use super::I2c;
use super::regs::reg;
use super::steps::BITS_PER_BYTE;

/// Outputs, in the order of their signals in the GPIO matrix.
pub(super) const SCL: usize = 0;
pub(super) const SDA: usize = 1;
/// Changes that are kept until they are taken; of more than these the oldest are lost.
const CHANGES: usize = 1 << 16;

#[derive(Clone, Debug)]
pub(super) struct Wires {
    watched: u64,
    awaited: u64,
    /// The levels that the controller and the targets on its bus drive, and those that the wires have.
    levels: [bool; 2],
    lines: [bool; 2],
    /// The time of the last change: software that changes the timing within a byte does not turn the order of edges.
    last: Time,
    changes: Vec<OutputChange>,
}

espalier_core::persist!(value Wires { watched, awaited, levels, lines, last, changes });

impl Default for Wires {
    fn default() -> Wires {
        Wires { watched: 0, awaited: 0, levels: [true; 2], lines: [true; 2], last: Time::ZERO, changes: Vec::new() }
    }
}

impl Wires {
    pub(super) fn set_watched(&mut self, outputs: u64) {
        self.watched = outputs;
        if outputs == 0 {
            *self = Wires::default();
        }
    }

    pub(super) fn set_awaited(&mut self, outputs: u64) {
        self.awaited = outputs;
    }

    /// Whether another controller or another board hears the lines, so that they have to have their levels in time.
    pub(super) fn are_shared(&self) -> bool {
        self.awaited != 0
    }

    /// The level of a line with all that drive it.
    pub(super) fn line(&self, line: usize) -> bool {
        self.lines[line]
    }

    /// A line comes to a level; returns the one before.
    pub(super) fn hear(&mut self, line: usize, level: bool) -> bool {
        std::mem::replace(&mut self.lines[line], level)
    }

    /// The same after a reset of the block: the pads stay connected, and are released.
    pub(super) fn after_reset(&self) -> Wires {
        let Wires { watched, awaited, lines, last, .. } = *self;
        Wires { watched, awaited, lines, last, ..Wires::default() }
    }

    pub(super) fn signal(&self, output: usize) -> Signal {
        Signal::Level(self.levels.get(output).copied().unwrap_or(true))
    }

    pub(super) fn take_changes(&mut self) -> Vec<OutputChange> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn set(&mut self, output: usize, level: bool, at: Time) {
        self.last = self.last.max(at);
        if std::mem::replace(&mut self.levels[output], level) == level || self.watched >> output & 1 == 0 {
            return;
        }
        if self.changes.len() == CHANGES {
            self.changes.drain(..CHANGES / 2);
        }
        self.changes.push(OutputChange { output, at: self.last, signal: Signal::Level(level) });
    }
}

impl I2c {
    /// Whether the levels are told when a condition or a byte is over.
    fn is_traced(&self) -> bool {
        self.wires.watched != 0 && !self.wires.are_shared()
    }

    /// A START, of `setup` with both lines released and `hold` with SDA low, is over.
    pub(super) fn trace_start(&mut self, hold: Span, setup: Span, at: Time) {
        if self.is_traced() {
            let begin = at - hold - setup;
            self.wires.set(SDA, true, begin);
            self.wires.set(SCL, true, begin + Span::from_ticks(setup.ticks() / 2));
            self.wires.set(SDA, false, at - hold);
            self.wires.set(SCL, false, at);
        }
    }

    /// A byte and its acknowledge are over; SDA is high for a refusal. A target that stretches SCL does so in the last bit.
    pub(super) fn trace_byte(&mut self, byte: u8, acknowledge: bool, at: Time) {
        if !self.is_traced() {
            return;
        }
        let bit = self.bit_time();
        let mut begin = at - self.stretch - bit * BITS_PER_BYTE;
        let low = Span::from_ticks(bit.ticks() / 2);
        let bits = (0..8).rev().map(|place| byte >> place & 1 != 0).chain([acknowledge]);
        for (place, level) in bits.enumerate() {
            // SDA changes while SCL is low, a little behind its fall.
            self.wires.set(SDA, level, begin + Span::from_ticks(bit.ticks() / 8));
            let stretched = if place == 8 { self.stretch } else { Span::ZERO };
            self.wires.set(SCL, true, begin + stretched + low);
            begin = begin + stretched + bit;
            self.wires.set(SCL, false, begin);
        }
    }

    /// A STOP is over: SCL rose, then SDA.
    pub(super) fn trace_stop(&mut self, at: Time) {
        if self.is_traced() {
            let hold = self.apb.cycles(self.registers.get(reg::SCL_STOP_HOLD).into());
            let setup = self.apb.cycles(self.registers.get(reg::SCL_STOP_SETUP).into());
            let begin = at - hold - setup;
            self.wires.set(SDA, false, begin);
            self.wires.set(SCL, true, begin + Span::from_ticks(setup.ticks() / 2));
            self.wires.set(SDA, true, at - hold);
        }
    }
}
