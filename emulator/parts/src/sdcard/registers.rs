//! The registers of the card, and the checksums around them and around blocks.

use super::SdCard;

/// Sizes are in units of 512 KiB (section 5.3.3, C_SIZE).
pub(super) const UNIT_BLOCKS: u32 = 1024;

/// SD specification 3.0, both bus widths (section 5.6).
pub(super) const SCR: [u8; 8] = [0x02, 0x35, 0x80, 0, 0, 0, 0, 0];

/// TRAN_SPEED of 25 and of 50 MHz (section 5.3.2).
const DEFAULT_SPEED: u8 = 0x32;
const HIGH_SPEED: u8 = 0x5A;

/// CRC-16 of data blocks (section 4.5).
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 })
    })
}

/// CRC-7 of registers, with the end bit (section 4.5).
pub(super) fn crc7(bytes: &[u8]) -> u8 {
    let crc = bytes.iter().fold(0_u8, |crc, byte| {
        (0..8).rev().fold(crc, |crc, bit| {
            let mix = (crc >> 6 ^ byte >> bit) & 1 != 0;
            crc << 1 & 0x7F ^ if mix { 0x09 } else { 0 }
        })
    });
    crc << 1 | 1
}

impl SdCard {
    /// CSD version 2.0 (section 5.3.3).
    pub(super) fn csd(&self, high_speed: bool) -> [u8; 16] {
        let units = self.size / UNIT_BLOCKS - 1;
        let [_, high, middle, low] = units.to_be_bytes();
        let speed = if high_speed { HIGH_SPEED } else { DEFAULT_SPEED };
        let mut csd = [0x40, 0x0E, 0, speed, 0x5B, 0x59, 0, high & 0x3F, middle, low, 0x7F, 0x80, 0x0A, 0x40, 0, 0];
        csd[15] = crc7(&csd[..15]);
        csd
    }

    /// CID (section 5.2), with a manufacturer number that is not assigned.
    pub(super) fn cid() -> [u8; 16] {
        let mut cid = *b"\x00XXSPALR\x10\x00\x00\x00\x01\x01\x88\x00";
        cid[15] = crc7(&cid[..15]);
        cid
    }
}

/// The status of the switch command (section 4.3.10.4): 100 mA, the functions that each group has, and those that are chosen. The first
/// group has the functions of `speeds`.
pub(super) fn switch_status(speeds: u8, chosen: u8) -> [u8; 64] {
    let mut status = [0; 64];
    status[1] = 100;
    (2..14).step_by(2).for_each(|group| status[group + 1] = 1);
    status[13] = speeds;
    status[16] = chosen;
    status
}
