//! The receiver's FIFO and its time-out.

use std::collections::VecDeque;

use espalier_core::{Span, Time};

use super::frame::{Format, Passed};
use super::registers::reg;
use super::sampler::Sampled;

#[derive(Clone, Debug, Default)]
pub(super) struct Receiver {
    pub(super) fifo: VecDeque<u8>,
    /// Bytes that went into the FIFO, and that were taken out of it, since reset: its pointers.
    pub(super) written: u32,
    pub(super) taken: u32,
    /// When the time-out expires if nothing else comes.
    pub(super) timeout_at: Option<Time>,
    /// The time-out has expired and the FIFO has not been emptied since; software cannot clear its interrupt before.
    pub(super) timed_out: bool,
}

espalier_core::persist!(value Receiver { fifo, written, taken, timeout_at, timed_out });

/// The settings of the receiver in the registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiveSettings {
    pub(super) capacity: usize,
    pub(super) timeout: Option<Span>,
    pub(super) drop_errors: bool,
    /// `RXFIFO_RST` is held.
    pub(super) held_in_reset: bool,
}

impl Receiver {
    /// A byte came in. Returns the interrupts.
    pub(super) fn arrive(&mut self, frame: Passed, settings: ReceiveSettings) -> u32 {
        self.expire(frame.start);
        self.timed_out = false;
        if settings.held_in_reset {
            return 0;
        }
        let overflow = self.fifo.len() >= settings.capacity;
        if !overflow {
            self.fifo.push_back(frame.byte);
            self.written = self.written.wrapping_add(1);
        }
        self.timeout_at = settings.timeout.map(|timeout| frame.end + timeout);
        if overflow { reg::INT_RAW::RXFIFO_OVF.mask() } else { 0 }
    }
}

impl Sampled {
    /// Returns the interrupts of a frame that was sampled, and its byte unless that is dropped.
    pub(super) fn read(self, format: Format, settings: ReceiveSettings) -> (u32, Option<Passed>) {
        let frame = self;
        let levels = frame.levels;
        let no_stop = levels >> format.stop_bit() & 1 == 0;
        let mut interrupts = if no_stop { reg::INT_RAW::FRM_ERR.mask() } else { 0 };
        if no_stop && levels == 0 {
            interrupts |= reg::INT_RAW::BRK_DET.mask();
        }
        if format.parity_is_wrong(levels) {
            interrupts |= reg::INT_RAW::PARITY_ERR.mask();
        }
        let passed = Passed { byte: format.data(levels), start: frame.start, end: frame.at };
        (interrupts, (interrupts == 0 || !settings.drop_errors).then_some(passed))
    }
}

impl Receiver {
    /// Nothing came until `now`.
    pub(super) fn expire(&mut self, now: Time) {
        if self.timeout_at.is_some_and(|at| at <= now) {
            self.timeout_at = None;
            self.timed_out |= !self.fifo.is_empty();
        }
    }

    pub(super) fn take(&mut self) -> Option<u8> {
        let byte = self.fifo.pop_front()?;
        self.taken = self.taken.wrapping_add(1);
        self.timed_out &= !self.fifo.is_empty();
        Some(byte)
    }

    pub(super) fn clear(&mut self) {
        self.fifo.clear();
        self.taken = self.written;
        self.timed_out = false;
    }
}
