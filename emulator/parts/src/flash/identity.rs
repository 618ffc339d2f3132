//! The chip's identification: JEDEC ID and the SFDP table (JESD216).

use super::FlashSize;

/// Winbond's JEDEC manufacturer code.
pub(super) const MANUFACTURER: u8 = 0xEF;
/// Memory type of the W25Q family in SPI mode.
const MEMORY_TYPE: u8 = 0x40;

const SFDP_SIGNATURE: u32 = u32::from_le_bytes(*b"SFDP");
/// JESD216 1.0, one parameter header.
const SFDP_REVISION: u32 = 0xFF00_0100;
/// Basic flash parameter table of JESD216 1.0 with nine words, at `BASIC_TABLE_OFFSET`.
const BASIC_TABLE_HEADER: u32 = 0x0901_0000;
const BASIC_TABLE_POINTER: u32 = 0xFF00_0000 | BASIC_TABLE_OFFSET as u32;
const BASIC_TABLE_OFFSET: usize = 0x80;
const SFDP_SIZE: usize = 0x100;

/// The bytes that instruction 9Fh returns.
pub(super) fn jedec_id(size: FlashSize) -> [u8; 3] {
    [MANUFACTURER, MEMORY_TYPE, size.bytes().trailing_zeros() as u8]
}

/// The device identification of ABh and 90h: one less than the capacity code of 9Fh.
pub(super) fn device_id(size: FlashSize) -> u8 {
    size.bytes().trailing_zeros() as u8 - 1
}

/// Reads the bytes that instruction 5Ah returns from `offset` on; outside of the tables the lines stay high.
pub(super) fn read_sfdp(size: FlashSize, offset: usize, into: &mut [u8]) {
    let words = basic_table(size);
    let headers = [SFDP_SIGNATURE, SFDP_REVISION, BASIC_TABLE_HEADER, BASIC_TABLE_POINTER];
    let mut image = [0xFF; SFDP_SIZE];
    for (start, words) in [(0, headers.as_slice()), (BASIC_TABLE_OFFSET, words.as_slice())] {
        for (index, word) in words.iter().enumerate() {
            image[start + 4 * index..][..4].copy_from_slice(&word.to_le_bytes());
        }
    }
    for (index, byte) in into.iter_mut().enumerate() {
        *byte = image[(offset + index) % SFDP_SIZE];
    }
}

/// JESD216 1.0, chapter 6.4: words 1 to 9.
fn basic_table(size: FlashSize) -> [u32; 9] {
    [
        // 4 KiB erase 20h, 64-byte program granularity, 3-byte addresses, fast reads 1-1-2, 1-2-2, 1-1-4 and 1-4-4.
        0xFFF1_20E5,
        // Density: number of bits, less one.
        (size.bytes() * 8 - 1) as u32,
        // 1-4-4 EBh with 2 mode and 4 dummy clocks; 1-1-4 6Bh with 8 dummy clocks.
        0x6B08_EB44,
        // 1-1-2 3Bh with 8 dummy clocks; 1-2-2 BBh with 4 mode clocks.
        0xBB80_3B08,
        // Neither 2-2-2 nor 4-4-4.
        0xFFFF_FFEE,
        0xFF00_FFFF,
        0xFF00_FFFF,
        // Erase types: 4 KiB 20h, 32 KiB 52h.
        0x520F_200C,
        // Erase types: 64 KiB D8h, none.
        0xFF00_D810,
    ]
}
