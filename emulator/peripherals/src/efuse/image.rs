//! All fuses as bytes: the words of blocks 0 to 3 one after the other as they are burnt, each with its lowest byte first. Espressif's
//! QEMU keeps them in a file of this form.

use std::ops::Range;

use super::{BLOCKS, Efuse, LAYOUT, WORDS, words};

/// Bytes of an image: block 0 has seven words, the others eight.
pub const EFUSE_IMAGE_BYTES: usize = 4 * (LAYOUT[0].2 + (BLOCKS - 1) * WORDS);

/// The factory MAC, in words 1 and 2 of block 0.
const MAC: Range<usize> = 4..10;

impl Efuse {
    /// The fuses themselves, whatever is protected.
    pub fn image(&self) -> [u8; EFUSE_IMAGE_BYTES] {
        let mut image = [0; EFUSE_IMAGE_BYTES];
        for ((block, word, ..), bytes) in words().zip(image.chunks_exact_mut(4)) {
            bytes.copy_from_slice(&self.fuses[block][word].to_le_bytes());
        }
        image
    }

    /// Burns an image onto a chip from the factory, whatever is protected. An image with a factory MAC is that of a whole chip, whose
    /// fuses take the place of these.
    pub fn burn_image(&mut self, image: &[u8; EFUSE_IMAGE_BYTES]) {
        let mut burnt = *image;
        if image[MAC].iter().all(|byte| *byte == 0) {
            burnt.iter_mut().zip(self.image()).for_each(|(byte, factory)| *byte |= factory);
        }
        self.set_image(&burnt);
    }

    /// Takes another chip's fuses, and loads them as a reset does.
    pub fn set_image(&mut self, image: &[u8; EFUSE_IMAGE_BYTES]) {
        for ((block, word, ..), bytes) in words().zip(image.chunks_exact(4)) {
            self.fuses[block][word] = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        self.load();
    }
}
