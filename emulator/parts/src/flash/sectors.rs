//! Sets of sectors of a flash chip, the smallest units that it erases.

use std::ops::Range;

/// Bytes of a sector.
pub const FLASH_SECTOR_SIZE: usize = 0x1000;

/// Some sectors of a flash chip.
///
/// ```
/// use espalier_parts::FlashSectors;
///
/// let mut sectors = FlashSectors::default();
/// sectors.insert(&(0xFFF..0x1001));
/// assert!(sectors.iter().eq([0, 1]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlashSectors(Vec<u64>);

impl FlashSectors {
    /// Adds every sector with a byte of `range`.
    pub fn insert(&mut self, range: &Range<usize>) {
        for sector in range.start / FLASH_SECTOR_SIZE..range.end.div_ceil(FLASH_SECTOR_SIZE) {
            let word = sector / 64;
            if self.0.len() <= word {
                self.0.resize(word + 1, 0);
            }
            self.0[word] |= 1 << (sector % 64);
        }
    }

    /// Whether a sector is in both.
    pub fn meet(&self, other: &FlashSectors) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| one & other != 0)
    }

    /// The numbers of its sectors, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().enumerate();
        words.flat_map(|(word, bits)| (0..64).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| word * 64 + bit))
    }
}

#[cfg(test)]
mod tests {
    use super::FlashSectors;

    #[test]
    fn a_sector_is_there_if_any_of_its_bytes_is() {
        let mut some = FlashSectors::default();
        some.insert(&(0x1FFF..0x3001));
        some.insert(&(0x8_0000..0x8_0000));
        some.insert(&(0x4_1000..0x4_1001));
        assert_eq!(some.iter().collect::<Vec<_>>(), [1, 2, 3, 65]);
        let mut other = FlashSectors::default();
        assert!(!some.meet(&other));
        other.insert(&(0..0x1000));
        assert!(!some.meet(&other));
        other.insert(&(0x4_1FFF..0x4_2000));
        assert!(some.meet(&other) && other.meet(&some));
    }
}
