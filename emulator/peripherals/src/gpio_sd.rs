//! The sigma-delta outputs of GPIO (ESP32 TRM, chapter "IO_MUX and GPIO Matrix").

use crate::storage::Storage;

espalier_core::registers! {
    SIGMADELTA0[8] @ 0x00 = 0xFF00, rw_bits(0xFFFF);
    SIGMADELTA_CG @ 0x20 = 0, rw_bits(0x8000_0000);
    SIGMADELTA_MISC @ 0x24 = 0, rw_bits(0x8000_0000);
    SIGMADELTA_VERSION @ 0x28 = 0x0150_6190, rw_bits(0x0FFF_FFFF);
}

/// GPIO_SD, the eight channels after reset.
pub fn gpio_sd() -> Storage {
    Storage::new(&REGISTERS, "the pulses themselves are not made")
}
