//! A receiver whose rate is not the sender's: it takes a level in the middle of what it believes to be the bits.

use espalier_core::{Span, Time};

use super::frame::{BitTime, Format};

/// The state of the receiver between two samples of the line.
#[derive(Clone, Debug, Default)]
pub(super) struct Sampler {
    frame: Option<Sampling>,
    /// The line has been low since the end of a frame, so that its fall was no start bit.
    held_low: bool,
}

espalier_core::persist!(value Sampler { frame, held_low });

#[derive(Clone, Debug)]
struct Sampling {
    start: Time,
    next: u32,
    levels: u32,
}

espalier_core::persist!(value Sampling { start, next, levels } if Sampling::is_sound;);

impl Sampling {
    fn is_sound(&self) -> bool {
        self.next < u32::BITS
    }
}

/// A frame as it was sampled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled {
    pub(super) start: Time,
    /// The middle of its first stop bit.
    pub(super) at: Time,
    /// Bit n is the level in the middle of its n-th bit.
    pub(super) levels: u32,
}

impl Sampler {
    /// A receiver that is connected to a line; one that is low already has begun no frame.
    pub(super) fn joined(low: bool) -> Sampler {
        Sampler { frame: None, held_low: low }
    }

    /// When the frame began that is being sampled.
    pub(super) fn began(&self) -> Option<Time> {
        self.frame.as_ref().map(|sampling| sampling.start)
    }

    /// The line was at `level` from `from` until `until`. Frames that end in this time are appended to `frames`.
    pub(super) fn advance(
        &mut self,
        level: bool,
        (from, until): (Time, Time),
        format: Format,
        bit: BitTime,
        frames: &mut Vec<Sampled>,
    ) {
        self.held_low &= !level;
        loop {
            let Some(sampling) = &mut self.frame else {
                if level || self.held_low {
                    return;
                }
                self.frame = Some(Sampling { start: from, next: 0, levels: 0 });
                continue;
            };
            let at = sampling.start + bit.half_bits(2 * sampling.next + 1);
            if at >= until {
                return;
            }
            sampling.levels |= u32::from(level) << sampling.next;
            let false_start = sampling.next == 0 && level;
            if !false_start && sampling.next < format.stop_bit() {
                sampling.next += 1;
                continue;
            }
            if !false_start {
                frames.push(Sampled { start: sampling.start, at, levels: sampling.levels });
            }
            self.frame = None;
            self.held_low = !level;
        }
    }

    /// True while the line is high and no frame has begun.
    pub(super) fn is_idle(&self) -> bool {
        self.frame.is_none() && !self.held_low
    }

    /// When the frame that is being sampled ends.
    pub(super) fn ends(&self, format: Format, bit: BitTime) -> Option<Time> {
        let sampling = self.frame.as_ref()?;
        // One tick later, because a sample counts once the line has shown its level for longer than until then.
        let end = bit.half_bits(2 * format.stop_bit() + 1).ticks() + 1;
        Some(sampling.start + Span::from_ticks(end))
    }
}
