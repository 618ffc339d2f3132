//! The bit time of a bus.

use crate::Span;

/// The length of a bit, where it is sampled, and by how much an edge may move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanTiming {
    pub bit: Span,
    pub sample: Span,
    pub jump: Span,
}

crate::persist! {
    value CanTiming { bit, sample, jump } if CanTiming::is_sound;
}

impl CanTiming {
    /// The usual bit of a rate, in bits per second: sampled at three quarters, with jumps of an eighth.
    pub fn of_rate(rate: u32) -> CanTiming {
        let bit = Span::from_nanos(1_000_000_000 / u64::from(rate.max(1)));
        CanTiming { bit, sample: Span::from_ticks(bit.ticks() * 3 / 4), jump: Span::from_ticks(bit.ticks() / 8) }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.sample.ticks() > 0 && self.sample < self.bit && self.jump < self.bit
    }
}
