//! The coding schemes of blocks 1 to 3 (ESP32 TRM, chapter "eFuse Controller", section "System Parameter coding_scheme").
//!
//! Software writes blocks that are encoded; a read operation decodes them. "None" leaves 256 bits of data, "3/4" 192 and "Repeat" 128.

use super::protect::WORDS;

/// Bytes of data in each group of 3/4 coding, and with their two checks.
const DATA_BYTES: usize = 6;
const GROUP_BYTES: usize = 8;
/// Groups of a block, each with a bit in DEC_STATUS.
pub(super) const GROUPS: usize = 4;
const REPEATED_WORDS: usize = 4;

/// EFUSE_RD_CODING_SCHEME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    None,
    ThreeQuarters,
    Repeat,
}

/// A block after a read operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub words: [u32; WORDS],
    /// The groups in which errors were found: bits 0 to 3.
    pub warnings: u32,
}

impl Coding {
    /// The scheme by its number. The fourth one is None again, for chips whose first bits failed.
    pub fn of(field: u32) -> Coding {
        match field {
            1 => Coding::ThreeQuarters,
            2 => Coding::Repeat,
            _ => Coding::None,
        }
    }

    /// Bytes of data that a block has.
    pub fn data_bytes(self) -> usize {
        match self {
            Coding::None => 4 * WORDS,
            Coding::ThreeQuarters => GROUPS * DATA_BYTES,
            Coding::Repeat => 4 * REPEATED_WORDS,
        }
    }

    /// Decodes the fuses of a block.
    pub fn decode(self, fuses: &[u32; WORDS]) -> Decoded {
        match self {
            Coding::None => Decoded { words: *fuses, warnings: 0 },
            Coding::ThreeQuarters => three_quarters(fuses),
            Coding::Repeat => repeat(fuses),
        }
    }
}

/// Each six bytes are followed by their sum without carry, and by the number of bits of each times its place from 1 on.
fn checks(data: &[u8; DATA_BYTES]) -> (u8, u8) {
    data.iter().zip(1..).fold((0, 0), |(xor, sum), (byte, place)| (xor ^ byte, sum + place * byte.count_ones() as u8))
}

fn three_quarters(fuses: &[u32; WORDS]) -> Decoded {
    let mut data = [0; 4 * WORDS];
    let mut warnings = 0;
    let (pairs, _) = fuses.as_chunks::<2>();
    for (group, (words, into)) in pairs.iter().zip(data.as_chunks_mut::<DATA_BYTES>().0).enumerate() {
        let bytes: [u8; GROUP_BYTES] = (u64::from(words[1]) << u32::BITS | u64::from(words[0])).to_le_bytes();
        let [a, b, c, d, e, f, xor, sum] = bytes;
        *into = [a, b, c, d, e, f];
        if checks(into) != (xor, sum) {
            warnings |= 1 << group;
            correct(into, (xor, sum));
        }
    }
    let words = std::array::from_fn(|index| u32::from_le_bytes(data.as_chunks().0[index]));
    Decoded { words, warnings }
}

/// Turns the one bit with which both checks are right, if there is one.
fn correct(data: &mut [u8; DATA_BYTES], stored: (u8, u8)) {
    for bit in 0..8 * DATA_BYTES {
        let mut turned = *data;
        turned[bit / 8] ^= 1 << (bit % 8);
        if checks(&turned) == stored {
            *data = turned;
            return;
        }
    }
}

/// The upper half holds the lower one again. A bit that only one of them has was meant to be burnt.
fn repeat(fuses: &[u32; WORDS]) -> Decoded {
    let (mut words, mut warnings) = ([0; WORDS], 0);
    for index in 0..REPEATED_WORDS {
        let [first, second] = [fuses[index], fuses[index + REPEATED_WORDS]];
        words[index] = first | second;
        warnings |= u32::from(first != second) << index;
    }
    Decoded { words, warnings }
}

#[cfg(test)]
mod tests {
    use super::{Coding, Decoded};

    /// The words that `espefuse` writes for the bytes 0x80 to 0x97 (`EfuseBlock.apply_coding_scheme` of esptool 4.12).
    const ENCODED: [u32; 8] =
        [0x8382_8180, 0x3301_8584, 0x8988_8786, 0x4401_8B8A, 0x8F8E_8D8C, 0x4701_9190, 0x9594_9392, 0x5601_9796];
    const DATA: [u32; 8] = [0x8382_8180, 0x8786_8584, 0x8B8A_8988, 0x8F8E_8D8C, 0x9392_9190, 0x9796_9594, 0, 0];

    #[test]
    fn three_quarters_is_decoded_as_espefuse_encodes_it() {
        assert_eq!(Coding::of(1).decode(&ENCODED), Decoded { words: DATA, warnings: 0 });
    }

    #[test]
    fn one_wrong_bit_of_a_group_is_corrected_and_reported() {
        for bit in 0..256 {
            let mut fuses = ENCODED;
            fuses[bit / 32] ^= 1 << (bit % 32);
            let expected = Decoded { words: DATA, warnings: 1 << (bit / 64) };
            assert_eq!(Coding::of(1).decode(&fuses), expected, "bit {bit}");
        }
    }

    #[test]
    fn repeat_takes_each_bit_that_one_half_has() {
        let fuses = [1, 2, 4, 8, 1, 2, 0, 8];
        assert_eq!(Coding::of(2).decode(&fuses), Decoded { words: [1, 2, 4, 8, 0, 0, 0, 0], warnings: 0b100 });
    }

    #[test]
    fn the_other_numbers_leave_blocks_as_they_are() {
        for number in [0, 3] {
            assert_eq!(Coding::of(number).decode(&ENCODED), Decoded { words: ENCODED, warnings: 0 });
        }
    }
}
