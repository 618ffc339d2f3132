//! The wires of flash encryption and of secure boot: keys from the eFuses to their engines, and what decides whether flash is encrypted
//! (TRM, chapter "External Memory Encryption and Decryption (FLASH)").
//!
//! The caches decrypt while FLASH_CRYPT_CNT has an odd number of bits. In the download mode they do it if SPI_DECRYPT_ENABLE of
//! DPORT says so, as far as the eFuses allow. SPI1 programs what the encryption block made while SPI_ENCRYPT_ENABLE is set.

use super::Esp32;
use super::table::{DPORT, EFUSE, RNG, SECURE_BOOT, SPI_ENCRYPT, SPI1};

impl Esp32 {
    /// Something changed that decides on encryption: eFuses, DPORT or the boot mode.
    pub(super) fn follow_flash_encryption(&mut self) {
        let (fuses, dport) = (self.get(EFUSE), self.get(DPORT));
        let limits = fuses.download_limits();
        let (encrypts, decrypts) = match self.flash_boot {
            true => (dport.encrypts_flash(), fuses.flash_is_encrypted()),
            false => (dport.encrypts_flash() && !limits.encrypt, dport.decrypts_flash() && !limits.decrypt),
        };
        let cipher = decrypts.then(|| fuses.flash_cipher());
        let encrypted = encrypts.then(|| self.get(SPI_ENCRYPT).encrypted());
        self.get_mut(SPI1).set_encrypted(encrypted);
        self.platform.set_flash_cipher(cipher);
    }

    /// Whether the caches may show flash at all.
    pub(super) fn shows_flash(&self) -> bool {
        self.flash_boot || !self.get(EFUSE).download_limits().cache
    }

    /// Runs the encryption block if software has started it.
    pub(super) fn settle_flash_encryption(&mut self) {
        let cipher = self.get(EFUSE).flash_cipher();
        if self.get_mut(SPI_ENCRYPT).run(&cipher) {
            self.follow_flash_encryption();
        }
    }

    /// Begins a digest of secure boot if software has started one.
    pub(super) fn settle_secure_boot(&mut self) {
        if self.get_mut(SECURE_BOOT).take_start() {
            let key = self.get(EFUSE).secure_boot_key();
            let mut random = self.get(RNG).clone();
            self.get_mut(SECURE_BOOT).begin(key, || random.next_word());
            *self.get_mut(RNG) = random;
        }
    }
}
