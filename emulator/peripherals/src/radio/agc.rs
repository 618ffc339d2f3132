//! The receiver's gain control: of its configuration only the bandwidth is understood.

use espalier_core::Field;

use crate::storage::Storage;

espalier_core::registers! {
    AGC_CONF_000[276] @ 0x000 = 0, rw();
    BANDWIDTH @ 0x450 = 0, rw() {
        /// Set by Espressif's PHY library for channels of 40 MHz.
        WIDE: 2..=3,
    };
    AGC_CONF_454[491] @ 0x454 = 0, rw();
}

/// Not zero while the radio uses two neighbouring channels of 20 MHz as one; it is then tuned to the middle between them.
pub const RADIO_WIDE: Field = reg::BANDWIDTH::WIDE;

/// The block at 0x3FF5_C000, all registers at zero.
pub fn radio_agc() -> Storage {
    Storage::new(
        &REGISTERS,
        "the bandwidth; other registers only store. There is no signal: strength is what a test says, noise is -97 dBm, and \
         distance, power and interference lose no frame",
    )
}

#[cfg(test)]
mod tests {
    use super::{RADIO_WIDE, radio_agc, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn the_bandwidth_is_what_software_chose() {
        let mut block = radio_agc();
        assert_eq!(block.field(RADIO_WIDE), 0);
        block.write(reg::BANDWIDTH, 3 << 2, Time::ZERO).unwrap();
        assert_ne!(block.field(RADIO_WIDE), 0);
    }
}
