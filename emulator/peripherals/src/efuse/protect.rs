//! The bits that each protection bit of block 0 covers (ESP32 TRM, chapter "eFuse Controller", table "System Parameter").

use espalier_core::Field;

/// Words of the longest block.
pub(super) const WORDS: usize = 8;
/// Blocks of the controller.
pub(super) const BLOCKS: usize = 4;

/// One eFuse array: four blocks of up to 256 bits.
pub(super) type Fuses = [[u32; WORDS]; BLOCKS];

/// Bits of `mask` in a word, or a whole block, that a protection bit covers.
struct Cover {
    bit: u32,
    block: usize,
    /// None: the whole block.
    word: Option<usize>,
    mask: u32,
}

const fn cover(bit: u32, word: usize, mask: u32) -> Cover {
    Cover { bit, block: 0, word: Some(word), mask }
}

const fn whole(bit: u32, block: usize) -> Cover {
    Cover { bit, block, word: None, mask: u32::MAX }
}

/// Write protection, by bits of EFUSE_WR_DIS.
const WRITE: [Cover; 19] = [
    cover(0, 0, 0x000F_0000),
    cover(1, 0, 0x0000_FFFF),
    cover(2, 0, 0x0FF0_0000),
    cover(3, 1, u32::MAX),
    cover(3, 2, 0x00FF_FFFF),
    cover(3, 3, 0x0000_000B),
    cover(3, 5, 0x00C0_0000),
    cover(4, 4, 0x0000_1FFF),
    cover(5, 4, 0x0001_C000),
    cover(6, 5, 0x000F_FFFF),
    whole(7, 1),
    whole(8, 2),
    whole(9, 3),
    cover(10, 5, 0xF000_0000),
    cover(10, 6, 0x0000_0403),
    cover(12, 6, 0x0000_0010),
    cover(13, 6, 0x0000_0020),
    cover(14, 6, 0x0000_0040),
    cover(15, 6, 0x0000_0384),
];

/// Read protection, by bits of EFUSE_RD_DIS.
const READ: [Cover; 5] = [whole(0, 1), whole(1, 2), whole(2, 3), cover(3, 5, 0xF000_0000), cover(3, 6, 0x0000_0403)];

const WR_DIS: Field = Field::new("WR_DIS", 0, 15);
const RD_DIS: Field = Field::new("RD_DIS", 16, 19);

/// The fuses that programming may set.
pub(super) fn writable(fuses: &Fuses) -> Fuses {
    without(WR_DIS.get(fuses[0][0]), &WRITE)
}

/// The fuses that software can read.
pub(super) fn readable(fuses: &Fuses) -> Fuses {
    without(RD_DIS.get(fuses[0][0]), &READ)
}

fn without(disabled: u32, covers: &[Cover]) -> Fuses {
    let mut allowed = [[u32::MAX; WORDS]; BLOCKS];
    for cover in covers.iter().filter(|cover| disabled >> cover.bit & 1 != 0) {
        match cover.word {
            Some(word) => allowed[cover.block][word] &= !cover.mask,
            None => allowed[cover.block] = [0; WORDS],
        }
    }
    allowed
}
