//! Samples in the words of the FIFOs (TRM, chapter "I2S", sections "Transmitting Data" and "Receiving Data").
//!
//! A pair of samples is one word of 16-bit channels or two of 32-bit ones. The left channel is in the upper half of the word, or in the first
//! word, unless MSB_RIGHT swaps them. Of two 16-bit samples of one channel, the earlier one is in the upper half of their word.

use espalier_core::AudioFrame;

use super::registers::{FIFO_16_DUAL, FIFO_16_SINGLE, FIFO_32_DUAL};

/// The format that FIFO_MOD and MSB_RIGHT select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    wide: bool,
    dual: bool,
    right_above: bool,
}

impl Format {
    pub fn new(fifo_mode: u32, right_above: bool) -> Format {
        Format {
            wide: !matches!(fifo_mode, FIFO_16_DUAL | FIFO_16_SINGLE),
            dual: matches!(fifo_mode, FIFO_16_DUAL | FIFO_32_DUAL),
            right_above,
        }
    }

    /// Frames that fill a whole number of words.
    pub fn frames_per_group(self) -> u64 {
        if !self.wide && !self.dual { 2 } else { 1 }
    }

    /// Words of such a group.
    pub fn words_per_group(self) -> u64 {
        if self.wide && self.dual { 2 } else { 1 }
    }

    fn pair(self, below: i32, above: i32) -> AudioFrame {
        if self.right_above { [below, above] } else { [above, below] }
    }

    /// The frames of a group of words. Of one channel, both carry the same.
    pub fn frames(self, words: &[u32]) -> Vec<AudioFrame> {
        let (first, last) = match words {
            [] => return Vec::new(),
            [first, .., last] => (*first, *last),
            [only] => (*only, *only),
        };
        let (low, high) = ((first << u16::BITS) as i32, (first & 0xFFFF_0000) as i32);
        match (self.wide, self.dual) {
            (true, true) => vec![self.pair(last as i32, first as i32)],
            (true, false) => vec![[first as i32; 2]],
            (false, true) => vec![self.pair(low, high)],
            (false, false) => vec![[high; 2], [low; 2]],
        }
    }

    /// The words of a group of frames. One channel is the left one, or the right one if that is above.
    pub fn words(self, frames: &[AudioFrame]) -> Vec<u32> {
        let narrow = |sample: i32| sample as u32 >> u16::BITS;
        let single = |frame: &AudioFrame| frame[usize::from(self.right_above)];
        match (frames, self.wide, self.dual) {
            ([frame, ..], _, true) => {
                let [below, above] = if self.right_above { *frame } else { [frame[1], frame[0]] };
                if self.wide {
                    vec![above as u32, below as u32]
                } else {
                    vec![narrow(above) << u16::BITS | narrow(below)]
                }
            }
            ([frame, ..], true, false) => vec![single(frame) as u32],
            ([first, second, ..], false, false) => vec![narrow(single(first)) << u16::BITS | narrow(single(second))],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    /// A mode, whether the right channel stands above, the words of a group and its frames.
    type Case = (u32, bool, &'static [u32], &'static [[i32; 2]]);

    #[test]
    fn words_become_frames_and_frames_words() {
        let cases: [Case; 6] = [
            (0, true, &[0x2222_1111], &[[0x1111_0000, 0x2222_0000]]),
            (0, false, &[0x2222_1111], &[[0x2222_0000, 0x1111_0000]]),
            (2, true, &[0x1111_1111, 0x2222_2222], &[[0x2222_2222, 0x1111_1111]]),
            (2, false, &[0x1111_1111, 0x2222_2222], &[[0x1111_1111, 0x2222_2222]]),
            (1, false, &[0x1111_2222], &[[0x1111_0000; 2], [0x2222_0000; 2]]),
            (3, false, &[0x1234_5678], &[[0x1234_5678; 2]]),
        ];
        for (mode, right_above, words, frames) in cases {
            let format = Format::new(mode, right_above);
            assert_eq!(format.frames(words), frames, "mode {mode}");
            assert_eq!(format.words(frames), words, "mode {mode}");
            assert_eq!(format.frames_per_group(), frames.len() as u64);
            assert_eq!(format.words_per_group(), words.len() as u64);
        }
        assert!(Format::new(0, false).frames(&[]).is_empty() && Format::new(0, false).words(&[]).is_empty());
    }
}
