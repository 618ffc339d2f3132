//! The block that encrypts 32 bytes for the flash (ESP32 TRM, chapter "External Memory Encryption and Decryption (FLASH)"; SPI_ENCRYPT in
//! the table of addresses).
//!
//! Software writes the bytes and the address at which they are to lie, and starts. While DPORT says so, SPI1 then programs these bytes
//! in the place of those in its own buffer. The key is in eFuses, which software cannot read, so that the wiring
//! brings it.

mod cipher;
#[cfg(test)]
mod tests;

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

pub use cipher::{FLASH_CIPHER_BYTES, FlashCipher};

espalier_core::registers! {
    BUFFER[8] @ 0x000 = 0, wo();
    START @ 0x020 = 0, wo();
    ADDRESS @ 0x024 = 0, wo();
    DONE @ 0x028 = 0, ro() { FLASH_DONE: 0 };
}

const START: u32 = 1;

/// SPI_ENCRYPT.
#[derive(Clone, Debug)]
pub struct FlashEncryption {
    registers: Registers,
    started: bool,
    /// The bytes of the last run.
    encrypted: [u8; FLASH_CIPHER_BYTES],
}

espalier_core::persist!(state FlashEncryption { registers, started, encrypted });

impl FlashEncryption {
    /// The block after reset.
    pub fn new() -> FlashEncryption {
        FlashEncryption { registers: Registers::new(&REGISTERS), started: false, encrypted: [0; FLASH_CIPHER_BYTES] }
    }

    /// Encrypts with the key of the fuses if software has started the block. Returns whether it had.
    pub fn run(&mut self, cipher: &FlashCipher) -> bool {
        if !std::mem::take(&mut self.started) {
            return false;
        }
        for (index, word) in self.encrypted.as_chunks_mut().0.iter_mut().enumerate() {
            *word = self.registers.get(reg::BUFFER + 4 * index as u32).to_le_bytes();
        }
        cipher.encrypt(self.registers.get(reg::ADDRESS), &mut self.encrypted);
        self.registers.set_field(reg::DONE::FLASH_DONE, 1);
        true
    }

    /// The bytes that the last run made.
    pub fn encrypted(&self) -> [u8; FLASH_CIPHER_BYTES] {
        self.encrypted
    }
}

impl Default for FlashEncryption {
    fn default() -> FlashEncryption {
        FlashEncryption::new()
    }
}

impl Device for FlashEncryption {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("a run takes no time")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        if offset == reg::START && value & START != 0 {
            self.started = true;
        }
        Ok(())
    }

    fn reset(&mut self) {
        *self = FlashEncryption::new();
    }
}
