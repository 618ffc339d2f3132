//! The answer of a slave on wires to a controller: the levels of its data input, sampled when the transaction is over (TRM, chapter 7.4.2).
//!
//! Each bit is sampled in its middle, at the edge of the clock that is for sampling; what changes at that very instant comes too late.

use espalier_core::{Span, Time};

use super::BYTE_BITS;

/// Edges that are kept of one transaction; of more than these the oldest are lost.
const EDGES: usize = 1 << 20;

/// The data input.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// The level of the line; None while nothing drives it.
    level: Option<bool>,
    /// The bytes that the present transaction waits for, and the edges since its begin.
    reading: Option<Reading>,
    edges: Vec<(Time, bool)>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    start: Time,
    bit: Span,
    /// Bits of the transaction before the first that is read.
    skipped: u64,
    bytes: usize,
    /// The level at its begin.
    before: bool,
}

espalier_core::persist! {
    value Answer { level, reading, edges }
    value Reading { start, bit, skipped, bytes, before } if Reading::is_sound;
}

impl Reading {
    /// The length registers have 24 bits.
    fn is_sound(&self) -> bool {
        self.bytes <= 1 << 24
    }

    /// When the bit at this place among those that are read is sampled.
    fn samples(&self, place: u64) -> Time {
        self.start + Span::from_ticks(self.bit.ticks().saturating_mul(2 * (self.skipped + place) + 1) / 2)
    }
}

impl Answer {
    /// The same after a reset of the block: the line stays connected.
    pub(super) fn after_reset(&self) -> Answer {
        Answer { level: self.level, ..Answer::default() }
    }

    pub(super) fn is_driven(&self) -> bool {
        self.level.is_some()
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.reading.is_some()
    }

    /// The line has this level from `at` on, or nothing drives it.
    pub(super) fn set(&mut self, level: Option<bool>, at: Option<Time>) {
        self.level = level;
        if self.reading.is_none() {
            return;
        }
        if let Some(at) = at {
            if self.edges.len() == EDGES {
                self.edges.drain(..EDGES / 2);
            }
            // A line that nothing drives stays high, as one without a slave is read.
            self.edges.push((at, level.unwrap_or(true)));
        }
    }

    /// A transaction begins in which so many bytes are read after other bits.
    pub(super) fn begin(&mut self, skipped: u64, bytes: usize, bit: Span, start: Time) {
        self.edges.clear();
        self.reading = Some(Reading { start, bit, skipped, bytes, before: self.level.unwrap_or(true) });
    }

    /// The bytes that the transaction has read.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let reading = self.reading.take()?;
        let mut edges = std::mem::take(&mut self.edges).into_iter().peekable();
        let mut level = reading.before;
        let mut bytes = vec![0; reading.bytes];
        for (index, byte) in bytes.iter_mut().enumerate() {
            for bit in 0..u64::from(BYTE_BITS) {
                let at = reading.samples(index as u64 * u64::from(BYTE_BITS) + bit);
                while let Some((_, next)) = edges.next_if(|(edge, _)| *edge < at) {
                    level = next;
                }
                *byte = *byte << 1 | u8::from(level);
            }
        }
        Some(bytes)
    }
}
