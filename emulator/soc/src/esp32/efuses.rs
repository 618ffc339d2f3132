//! The chip's eFuses, for storage in a file.

use super::Esp32;
use super::table::EFUSE;

impl Esp32 {
    /// The words of blocks 0 to 3, the lowest byte first, as Espressif's QEMU keeps them in a file.
    pub(super) fn fuse_image(&self) -> Vec<u8> {
        self.get(EFUSE).image().to_vec()
    }

    pub(super) fn burn_image(&mut self, bytes: &[u8]) {
        let mut image = self.get(EFUSE).image();
        let known = bytes.len().min(image.len());
        image[..known].copy_from_slice(&bytes[..known]);
        self.get_mut(EFUSE).set_image(&image);
        self.follow_flash_encryption();
    }
}
