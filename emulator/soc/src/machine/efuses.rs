//! The chip's eFuses, for whoever keeps them in a file.

use espalier_peripherals::EFUSE_IMAGE_BYTES;

use super::Machine;

impl Machine {
    /// The fuses as they are burnt, whatever is protected: the words of blocks 0 to 3, the lowest byte first, as Espressif's QEMU
    /// keeps them in a file.
    pub fn efuses(&self) -> [u8; EFUSE_IMAGE_BYTES] {
        self.system.efuses()
    }

    /// Gives the chip other fuses than those that the board's definition burns. Firmware that runs finds them changed.
    pub fn set_efuses(&mut self, image: &[u8; EFUSE_IMAGE_BYTES]) {
        self.system.set_efuses(image);
    }
}
