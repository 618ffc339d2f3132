//! The outputs on their pads, for parts that look at levels: LEDs that take their bits from the data line, a display on a parallel bus, a
//! capture (TRM, chapter "I2S", sections "Supported Audio Standards", "PDM Mode" and "LCD Mode").
//!
//! Frames are told as levels when they are told as frames: at the end of a buffer, or earlier if a register is accessed. Word select is low
//! for the left channel and high for the right one, in parallel mode too, where it is the strobe: with RIGHT_FIRST it rises with the data.

use espalier_core::{AudioClock, AudioFrame, OutputChange, Signal, Span, Time};

/// The parallel data lines are outputs 0 to 23; serial data goes out on the last of them.
const DATA_LINES: usize = 24;
const DATA: usize = DATA_LINES - 1;
const WORD_SELECT: usize = 24;
const BIT_CLOCK: usize = 25;
/// A 24-bit datum is in the upper bits of a sample, and so is a narrower one.
const BELOW_DATA: u32 = i32::BITS - DATA_LINES as u32;
/// Changes that are kept until they are taken; of more than these the oldest are lost.
const CHANGES: usize = 1 << 18;

/// The way of a frame over the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Bit after bit of one channel, then of the other.
    Serial,
    /// In the density of pulses: a pulse for each channel in every clock, which goes out as word select.
    Density,
    /// All bits at once: a channel in each half of the frame.
    Parallel,
}

/// The form of a frame on the lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub way: Way,
    /// Bits of a sample, the highest first.
    pub bits: u32,
    /// Each sample comes a bit late, as Philips has it.
    pub late: bool,
    pub right_first: bool,
    /// Clocks of a frame, as a fraction.
    pub clocks: (u64, u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    watched: u64,
    /// Levels of the outputs: bit n is output n.
    levels: u64,
    changes: Vec<OutputChange>,
    /// The frame before, and the error of each channel's modulator so far.
    before: AudioFrame,
    errors: [i64; 2],
}

espalier_core::persist!(value Line { watched, levels, changes, before, errors });

impl Line {
    pub fn set_watched(&mut self, outputs: u64) {
        self.watched = outputs;
    }

    /// The same after a reset of the block: the pads stay connected.
    pub fn after_reset(&self) -> Line {
        Line { watched: self.watched, ..Line::default() }
    }

    pub fn signal(&self, output: usize) -> Signal {
        Signal::Level(self.levels >> output & 1 != 0)
    }

    pub fn take_changes(&mut self) -> Vec<OutputChange> {
        std::mem::take(&mut self.changes)
    }

    fn tell(&mut self, output: usize, level: bool, at: Time) {
        if self.watched >> output & 1 == 0 || (self.levels >> output & 1 != 0) == level {
            return;
        }
        self.levels ^= 1 << output;
        if self.changes.len() == CHANGES {
            self.changes.drain(..CHANGES / 2);
        }
        self.changes.push(OutputChange { output, at, signal: Signal::Level(level) });
    }

    /// Frames have been sent one after the other; nothing follows them if they are the `last` ones.
    pub fn carry(&mut self, clock: AudioClock, frames: &[AudioFrame], form: Form, last: bool) {
        if self.watched == 0 || frames.is_empty() {
            return;
        }
        for (place, frame) in (0..).zip(frames) {
            let begin = clock.at(place);
            let length = clock.at(place + 1).since(begin);
            let pair = if form.right_first { [frame[1], frame[0]] } else { *frame };
            match form.way {
                Way::Serial => self.carry_serially(pair, begin, length, form),
                Way::Parallel => self.carry_at_once(pair, begin, length, form),
                Way::Density => self.carry_density(place, pair, begin, length, form),
            }
        }
        if last {
            let end = clock.at(frames.len() as u64);
            let bits = match form.way {
                Way::Serial => 2 * u64::from(form.bits.clamp(1, i32::BITS)) * frames.len() as u64,
                Way::Density | Way::Parallel => 1,
            };
            let late = u64::from(form.late && form.way == Way::Serial);
            let data_end = end + Span::from_ticks(end.since(clock.first).ticks() * late / bits);
            [WORD_SELECT, BIT_CLOCK].into_iter().for_each(|output| self.tell(output, false, end));
            (0..DATA_LINES).for_each(|output| self.tell(output, false, data_end));
        }
        self.changes.sort_by_key(|change| change.at);
    }

    fn carry_serially(&mut self, pair: AudioFrame, begin: Time, length: Span, form: Form) {
        let bits = form.bits.clamp(1, i32::BITS);
        // Half bits, from the fall of the bit clock on.
        let at = |halves: u64| begin + Span::from_ticks(length.ticks() * halves / (4 * u64::from(bits)));
        for (slot, sample) in (0..).zip(pair) {
            for bit in 0..bits {
                let level = sample as u32 >> (i32::BITS - 1 - bit) & 1 != 0;
                let place = 2 * u64::from(slot * bits + bit);
                self.tell(DATA, level, at(place + 2 * u64::from(form.late)));
                self.tell(BIT_CLOCK, false, at(place));
                self.tell(BIT_CLOCK, true, at(place + 1));
            }
            self.tell(WORD_SELECT, (slot == 1) != form.right_first, at(2 * u64::from(slot * bits)));
        }
    }

    fn carry_at_once(&mut self, pair: AudioFrame, begin: Time, length: Span, form: Form) {
        let at = |quarters: u64| begin + Span::from_ticks(length.ticks() * quarters / 4);
        for (half, sample) in (0..).zip(pair) {
            let data = sample as u32 >> BELOW_DATA;
            for line in 0..DATA_LINES {
                self.tell(line, data >> line & 1 != 0, at(2 * half));
            }
            self.tell(WORD_SELECT, (half == 1) != form.right_first, at(2 * half));
            self.tell(BIT_CLOCK, false, at(2 * half));
            self.tell(BIT_CLOCK, true, at(2 * half + 1));
        }
    }

    /// A modulator of the first order behind an interpolation by straight lines. Those of the chip have other filters, whose shape is not
    /// public; what is heard behind a low pass is the same.
    fn carry_density(&mut self, frame: u64, pair: AudioFrame, begin: Time, length: Span, form: Form) {
        const FULL: i64 = 1 << (i32::BITS - 1);
        let (clocks, parts) = (form.clocks.0.max(1), form.clocks.1.max(1));
        let (mut clock, into) = ((frame * clocks).div_ceil(parts), frame * clocks);
        while clock * parts < into + clocks {
            let place = clock * parts - into;
            let at = |half: u64| {
                begin + Span::from_ticks(length.ticks() * (2 * place + half * parts).min(2 * clocks) / (2 * clocks))
            };
            for (half, sample) in (0..).zip(pair) {
                let (from, error) = (i64::from(self.before[half]), &mut self.errors[half]);
                *error += from + (i64::from(sample) - from) * place as i64 / clocks as i64;
                let level = *error >= 0;
                *error += if level { -FULL } else { FULL };
                self.tell(DATA, level, at(half as u64));
                self.tell(WORD_SELECT, (half == 1) != form.right_first, at(half as u64));
            }
            clock += 1;
        }
        self.before = pair;
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{AudioClock, Signal, Span, Time};

    use super::{BIT_CLOCK, DATA, Form, Line, WORD_SELECT, Way};

    /// Frames of 32 us, as long as the bits of two samples of 16.
    const CLOCK: AudioClock = AudioClock { first: Time::ZERO, ticks: Span::from_micros(32).ticks(), frames: 1 };
    const FORM: Form = Form { way: Way::Serial, bits: 16, late: false, right_first: false, clocks: (32, 1) };

    /// The changes of one output, by half microseconds.
    fn edges_of(output: usize, frames: &[[i32; 2]], form: Form, last: bool) -> Vec<(u64, bool)> {
        let mut line = Line::default();
        line.set_watched(1 << output);
        line.carry(CLOCK, frames, form, last);
        let half = Span::from_nanos(500).ticks();
        line.take_changes()
            .iter()
            .map(|change| (change.at.ticks() / half, change.signal == Signal::Level(true)))
            .collect()
    }

    fn edges(frames: &[[i32; 2]], form: Form, last: bool) -> Vec<(u64, bool)> {
        edges_of(DATA, frames, form, last).into_iter().map(|(halves, level)| (halves / 2, level)).collect()
    }

    #[test]
    fn clocks_go_with_the_bits() {
        let frames = [[0; 2]; 2];
        assert_eq!(edges_of(WORD_SELECT, &frames, FORM, true), [(32, true), (64, false), (96, true), (128, false)]);
        let first = Form { right_first: true, ..FORM };
        assert_eq!(edges_of(WORD_SELECT, &frames, first, false), [(0, true), (32, false), (64, true), (96, false)]);
        let clock = edges_of(BIT_CLOCK, &frames, FORM, true);
        assert_eq!((clock.len(), &clock[..3]), (128, &[(1, true), (2, false), (3, true)][..]));
    }

    /// As ESP-IDF's driver of parallel displays has it: both channels carry the datum, and the strobe falls in the middle.
    #[test]
    fn a_datum_is_on_all_lines_while_the_strobe_falls() {
        let form = Form { way: Way::Parallel, right_first: true, clocks: (2, 1), ..FORM };
        let frames = [0x1234_i32, 0x00FF].map(|datum| [datum << 16; 2]);
        let strobe = edges_of(WORD_SELECT, &frames, form, true);
        assert_eq!(strobe, [(0, true), (32, false), (64, true), (96, false)]);
        for (line, expected) in
            [(8 + 2, vec![(0, true), (128, false)]), (8 + 12, vec![(0, true), (64, false)]), (7, vec![])]
        {
            assert_eq!(edges_of(line, &frames, form, true), expected, "line {line}");
        }
    }

    /// The share of high levels is that of the sample between full scales; there are 64 clocks in a frame.
    #[test]
    fn pulses_are_as_dense_as_the_samples_are_high() {
        let form = Form { way: Way::Density, clocks: (64, 1), ..FORM };
        for (sample, expected) in [(0, 0.5), (i32::MAX / 2, 0.75), (i32::MIN / 2, 0.25), (i32::MIN, 0.0)] {
            let edges = edges_of(DATA, &[[sample; 2]; 20], form, true);
            // The first frames go up to the sample.
            let (mut high, mut since, mut level) = (0, 4 * 64, false);
            for (at, to) in edges {
                if at >= 4 * 64 {
                    high += if level { at - since } else { 0 };
                    since = at;
                }
                level = to;
            }
            let share = high as f64 / (16 * 64) as f64;
            assert!((share - expected).abs() < 0.02, "{sample}: {share}");
        }
        assert_eq!(edges_of(WORD_SELECT, &[[0; 2]; 2], form, true).len(), 2 * 2 * 64);
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
