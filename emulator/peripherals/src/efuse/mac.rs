//! The factory MAC address as it is burnt into block 0.

/// CRC-8 of Dallas/Maxim: polynomial x^8 + x^5 + x^4 + 1, least significant bit first, starting from zero. The ROM's
/// `esp_crc8` checks the factory MAC with it.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    const REFLECTED_POLYNOMIAL: u8 = 0x8C;
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 1 != 0 { crc >> 1 ^ REFLECTED_POLYNOMIAL } else { crc >> 1 })
    })
}

/// Words 1 and 2 of block 0: the address from its last byte upwards, then its checksum.
pub(super) fn words(mac: [u8; 6]) -> (u32, u32) {
    let [a, b, c, d, e, f] = mac;
    (u32::from_be_bytes([c, d, e, f]), u32::from_be_bytes([0, crc8(&mac), a, b]))
}

#[cfg(test)]
mod tests {
    use super::{crc8, words};

    #[test]
    fn crc_is_that_of_the_catalogue() {
        // CRC-8/MAXIM-DOW, check value.
        assert_eq!(crc8(b"123456789"), 0xA1);
    }

    #[test]
    fn the_mac_is_burnt_last_byte_first() {
        let mac = [0x24, 0x0A, 0xC4, 0x00, 0x01, 0x10];
        let (low, high) = words(mac);
        assert_eq!(low, 0xC400_0110);
        assert_eq!(high, u32::from(crc8(&mac)) << 16 | 0x240A);
    }
}
