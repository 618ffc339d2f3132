//! The engine of secure boot version 1, which makes the digest of a bootloader with a key that only it can read.
//!
//! The reference manual has its address, its clock and its reset, and nothing else. Registers, their names and their order of use are
//! those of the functions `ets_secure_boot_*` of the mask ROM; the digest is the one of ESP-IDF ("Secure Boot", section "Secure Boot
//! Digest Algorithm") and of `espsecure.py digest_secure_bootloader`: SHA-512 over what AES-256 makes of 128 random bytes and of the
//! image.

#[cfg(test)]
mod tests;

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};
use sha2::block_api::compress512;

use crate::sha::SHA512_INITIAL;

espalier_core::registers! {
    IV[32] @ 0x000 = 0, ro();
    TEXT[32] @ 0x080 = 0, rw();
    ABSTRACT[16] @ 0x100 = 0, ro();
    EXPECTED[16] @ 0x140 = 0, rw();
    RESULT @ 0x180 = 0, ro() { DIFFERS: 0 };
    START @ 0x1C0 = 0, wo() { GO: 0 };
    HASH @ 0x1C4 = 0, wo() { GO: 0 };
    OBTAIN @ 0x1C8 = 0, wo() { GO: 0 };
    CHECK @ 0x1CC = 0, wo() { GO: 0 };
    FINISH @ 0x1D0 = 0, wo() { GO: 0 };
    BUSY @ 0x1D4 = 0, ro() { BUSY: 0 };
}

const TEXT_WORDS: usize = 32;
const TEXT_BYTES: usize = 4 * TEXT_WORDS;
const ABSTRACT_WORDS: u32 = 16;
const AES_BLOCK: usize = 16;

/// SECURE_BOOT.
#[derive(Clone, Debug)]
pub struct SecureBoot {
    registers: Registers,
    started: bool,
    key: [u8; 32],
    digest: [u64; 8],
    /// Blocks of text in the digest.
    blocks: u64,
}

espalier_core::persist!(state SecureBoot { registers, started, key, digest, blocks });

impl SecureBoot {
    /// The engine after reset.
    pub fn new() -> SecureBoot {
        SecureBoot {
            registers: Registers::new(&REGISTERS),
            started: false,
            key: [0; 32],
            digest: SHA512_INITIAL,
            blocks: 0,
        }
    }

    /// Whether software has started a digest, which [`begin`](SecureBoot::begin) answers.
    pub fn take_start(&mut self) -> bool {
        std::mem::take(&mut self.started)
    }

    /// Begins a digest with the key of the fuses, in the order of key files, and 128 random bytes. They are the first text unless software
    /// writes another.
    pub fn begin(&mut self, key: [u8; 32], mut random: impl FnMut() -> u32) {
        (self.key, self.digest, self.blocks) = (key, SHA512_INITIAL, 0);
        for offset in (0..TEXT_BYTES as u32).step_by(4) {
            let word = random();
            self.registers.set(reg::IV + offset, word);
            self.registers.set(reg::TEXT + offset, word);
        }
    }

    /// Takes the text into the digest. Bytes of a block of AES run backwards, and words reach SHA-512 with their lowest byte last.
    fn hash(&mut self) {
        let cipher = Aes256::new(&self.key.into());
        let mut text = [0; TEXT_BYTES];
        for (index, bytes) in text.as_chunks_mut().0.iter_mut().enumerate() {
            *bytes = self.registers.get(reg::TEXT + 4 * index as u32).to_le_bytes();
        }
        for block in text.as_chunks_mut::<AES_BLOCK>().0 {
            block.reverse();
            cipher.encrypt_block(block.into());
            block.reverse();
        }
        text.as_chunks_mut::<4>().0.iter_mut().for_each(|word| word.reverse());
        compress512(&mut self.digest, &[text]);
        self.blocks += 1;
    }

    /// Shows the digest of the text so far, which may go on.
    fn obtain(&mut self) {
        let mut padding = [0; TEXT_BYTES];
        padding[0] = 0x80;
        let bits = u128::from(self.blocks) * 8 * TEXT_BYTES as u128;
        padding[TEXT_BYTES - 16..].copy_from_slice(&bits.to_be_bytes());
        let mut digest = self.digest;
        compress512(&mut digest, &[padding]);
        let halves = digest.iter().flat_map(|word| [(word >> 32) as u32, *word as u32]);
        for (half, offset) in halves.zip((reg::ABSTRACT..).step_by(4)) {
            self.registers.set(offset, half);
        }
    }

    fn check(&mut self) {
        let differs = (0..ABSTRACT_WORDS)
            .any(|word| self.registers.get(reg::ABSTRACT + 4 * word) != self.registers.get(reg::EXPECTED + 4 * word));
        self.registers.set_field(reg::RESULT::DIFFERS, differs.into());
    }
}

impl Default for SecureBoot {
    fn default() -> SecureBoot {
        SecureBoot::new()
    }
}

impl Device for SecureBoot {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "known from the mask ROM's functions; what they do not use is not known; operations take no time",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        // The field has this place in all of them.
        if !reg::START::GO.is_set(value) {
            return Ok(());
        }
        match offset {
            reg::START => self.started = true,
            reg::HASH => self.hash(),
            reg::OBTAIN => self.obtain(),
            reg::CHECK => self.check(),
            reg::FINISH => *self = SecureBoot::new(),
            _ => {}
        }
        Ok(())
    }

    fn reset(&mut self) {
        *self = SecureBoot::new();
    }
}
