//! The data output on its pad, for parts that look at its levels: LEDs that take their bits from the data line, a capture (TRM, chapter
//! "I2S", section "Supported Audio Standards").
//!
//! Frames are told as levels when they are told as frames: at the end of a buffer, or earlier if a register is accessed.

use espalier_core::{AudioClock, AudioFrame, OutputChange, Signal, Span, Time};

/// The only output.
pub(super) const DATA: usize = 0;
/// Changes that are kept until they are taken; of more than these the oldest are lost.
const CHANGES: usize = 1 << 18;

/// The form of a frame on the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Bits of a sample, the highest first.
    pub bits: u32,
    /// Each sample comes a bit late, as Philips has it.
    pub late: bool,
    pub right_first: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    watched: bool,
    level: bool,
    changes: Vec<OutputChange>,
}

espalier_core::persist!(value Line { watched, level, changes });

impl Line {
    pub fn set_watched(&mut self, outputs: u64) {
        self.watched = outputs >> DATA & 1 != 0;
    }

    /// The same after a reset of the block: the pad stays connected.
    pub fn after_reset(&self) -> Line {
        Line { watched: self.watched, ..Line::default() }
    }

    pub fn signal(&self) -> Signal {
        Signal::Level(self.level)
    }

    pub fn take_changes(&mut self) -> Vec<OutputChange> {
        std::mem::take(&mut self.changes)
    }

    fn tell(&mut self, level: bool, at: Time) {
        if std::mem::replace(&mut self.level, level) == level {
            return;
        }
        if self.changes.len() == CHANGES {
            self.changes.drain(..CHANGES / 2);
        }
        self.changes.push(OutputChange { output: DATA, at, signal: Signal::Level(level) });
    }

    /// Frames have been sent one after the other; nothing follows them if they are the `last` ones.
    pub fn carry(&mut self, clock: AudioClock, frames: &[AudioFrame], form: Form, last: bool) {
        if !self.watched || frames.is_empty() {
            return;
        }
        let bits = form.bits.clamp(1, i32::BITS);
        let (slots, late) = (2 * u64::from(bits), u64::from(form.late));
        for (place, [left, right]) in (0..).zip(frames) {
            let begin = clock.at(place);
            let frame = clock.at(place + 1).since(begin);
            let pair = if form.right_first { [right, left] } else { [left, right] };
            for (slot, sample) in (0..).zip(pair) {
                for bit in 0..bits {
                    let level = *sample as u32 >> (i32::BITS - 1 - bit) & 1 != 0;
                    let after = u64::from(slot * bits + bit) + late;
                    self.tell(level, begin + Span::from_ticks(frame.ticks() * after / slots));
                }
            }
        }
        if last {
            let end = clock.at(frames.len() as u64);
            self.tell(
                false,
                end + Span::from_ticks(end.since(clock.first).ticks() * late / (slots * frames.len() as u64)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{AudioClock, Signal, Span, Time};

    use super::{Form, Line};

    /// Frames of 32 us, as long as the bits of two samples of 16.
    const CLOCK: AudioClock = AudioClock { first: Time::ZERO, ticks: Span::from_micros(32).ticks(), frames: 1 };
    const FORM: Form = Form { bits: 16, late: false, right_first: false };

    fn edges(frames: &[[i32; 2]], form: Form, last: bool) -> Vec<(u64, bool)> {
        let mut line = Line::default();
        line.set_watched(1);
        line.carry(CLOCK, frames, form, last);
        let micro = Span::from_micros(1).ticks();
        line.take_changes()
            .iter()
            .map(|change| (change.at.ticks() / micro, change.signal == Signal::Level(true)))
            .collect()
    }

    #[test]
    fn bits_go_out_from_the_highest_on_channel_after_channel() {
        let frames = [[0x8001 << 16, 0x4000 << 16], [0, 1 << 16]];
        assert_eq!(
            edges(&frames, FORM, true),
            [(0, true), (1, false), (15, true), (16, false), (17, true), (18, false), (63, true), (64, false)]
        );
        assert_eq!(
            edges(&frames[..1], Form { right_first: true, ..FORM }, false),
            [(1, true), (2, false), (16, true), (17, false), (31, true)]
        );
        assert_eq!(
            edges(&frames[..1], Form { late: true, ..FORM }, false),
            [(1, true), (2, false), (16, true), (17, false), (18, true), (19, false)]
        );
        // Equal bits at the border of frames are one pulse; wider samples have their own pace.
        assert_eq!(edges(&[[0, 1 << 16], [1 << 31, 0]], FORM, true), [(31, true), (33, false)]);
        assert_eq!(edges(&[[1 << 31, 0]], Form { bits: 8, ..FORM }, true), [(0, true), (2, false)]);
    }

    #[test]
    fn a_line_at_which_nothing_looks_is_not_followed() {
        let mut line = Line::default();
        line.carry(CLOCK, &[[-1; 2]], FORM, false);
        assert!(line.take_changes().is_empty());
    }
}
