//! The cipher between the chip and its flash (ESP32 TRM, chapter "External Memory Encryption and Decryption (FLASH)"; ESP-IDF, "Flash
//! Encryption", section "Flash Encryption Algorithm").
//!
//! AES-256, used the other way round: what decrypts AES encrypts flash. Each 32 bytes have a key of their own, that of the fuses with
//! bits of their address added; FLASH_CRYPT_CONFIG says to which quarters of the key. Bytes of a block run backwards.

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

/// Bytes that share a key: what the engine encrypts at a time.
pub const FLASH_CIPHER_BYTES: usize = 32;
const AES_BLOCK: usize = 16;
const KEY_BYTES: usize = 32;

/// The bits of an address that tell one 32 bytes from another: 23 to 5.
const ADDRESS_BITS: u32 = 19;
/// To each quarter of the key all of these bits are added three times, and then so many of their lowest ones.
const TAILS: [u32; 4] = [10, 8, 6, 4];
const REPEATED: u32 = 3;

/// The cipher of a chip's flash: a key, and the quarters of it that the address is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashCipher {
    key: [u8; KEY_BYTES],
    /// FLASH_CRYPT_CONFIG.
    config: u32,
}

espalier_core::persist!(value FlashCipher { key, config });

impl FlashCipher {
    /// A cipher by its key, in the order of key files, and FLASH_CRYPT_CONFIG, 0 to 15.
    ///
    /// ```
    /// use espalier_peripherals::FlashCipher;
    ///
    /// let cipher = FlashCipher::new([0x42; 32], 0xF);
    /// let mut data = *b"a line of 32 bytes in the flash!";
    /// cipher.encrypt(0x1000, &mut data);
    /// cipher.decrypt(0x1000, &mut data);
    /// assert_eq!(&data, b"a line of 32 bytes in the flash!");
    /// ```
    pub fn new(key: [u8; KEY_BYTES], config: u32) -> FlashCipher {
        FlashCipher { key, config }
    }

    /// Encrypts bytes that come to lie at `address`, a multiple of 32. What is left after the last 32 stays as it is.
    pub fn encrypt(&self, address: u32, data: &mut [u8]) {
        self.each(address, data, |cipher, block| cipher.decrypt_block(block.into()));
    }

    /// Decrypts bytes that lie at `address`, a multiple of 32. What is left after the last 32 stays as it is.
    pub fn decrypt(&self, address: u32, data: &mut [u8]) {
        self.each(address, data, |cipher, block| cipher.encrypt_block(block.into()));
    }

    fn each(&self, address: u32, data: &mut [u8], apply: impl Fn(&Aes256, &mut [u8; AES_BLOCK])) {
        let (lines, _) = data.as_chunks_mut::<FLASH_CIPHER_BYTES>();
        for (line, address) in lines.iter_mut().zip((address..).step_by(FLASH_CIPHER_BYTES)) {
            let cipher = Aes256::new(&self.key_at(address).into());
            for block in line.as_chunks_mut::<AES_BLOCK>().0 {
                block.reverse();
                apply(&cipher, block);
                block.reverse();
            }
        }
    }

    /// The key of the 32 bytes at an address.
    fn key_at(&self, address: u32) -> [u8; KEY_BYTES] {
        let line = u128::from((address / FLASH_CIPHER_BYTES as u32) & ((1 << ADDRESS_BITS) - 1));
        let mut added = [0; 2];
        for (quarter, tail) in TAILS.into_iter().enumerate() {
            let line = if self.config >> quarter & 1 != 0 { line } else { 0 };
            (0..REPEATED).for_each(|_| append(&mut added, line, ADDRESS_BITS));
            append(&mut added, line & ((1 << tail) - 1), tail);
        }
        let mut key = self.key;
        let added = added.iter().flat_map(|half| half.to_be_bytes());
        key.iter_mut().zip(added).for_each(|(byte, added)| *byte ^= added);
        key
    }
}

/// Moves 256 bits up by `count`, and puts `bits` below.
fn append([high, low]: &mut [u128; 2], bits: u128, count: u32) {
    *high = *high << count | *low >> (u128::BITS - count);
    *low = *low << count | bits;
}
