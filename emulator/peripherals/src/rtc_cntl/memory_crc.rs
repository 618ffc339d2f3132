//! The checksum over RTC fast memory. The manual does not give its polynomial, and software only compares two results of the
//! hardware with each other; this is CRC-32 (ISO-HDLC).

const REFLECTED_POLYNOMIAL: u32 = 0xEDB8_8320;

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 != 0 { crc >> 1 ^ REFLECTED_POLYNOMIAL } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn crc_is_that_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
