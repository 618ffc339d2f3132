//! The AES unit of the Low Energy core.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use espalier_core::GuestMemory;

use super::registers::{self, ble_int, reg};
use super::{Bluetooth, LOW_ENERGY, exchange};

const BLOCK_WORDS: u32 = 4;

impl Bluetooth {
    /// AES-128 of the block at AESPTR, as Low Energy's security functions use it (Core Specification, volume 3, part H, 2.2.1). Key and
    /// blocks have their least significant byte first; the result lies behind the input.
    pub(super) fn encrypt(&mut self, memory: &mut dyn GuestMemory) {
        let mut key = [0; 16];
        for (index, bytes) in (0..BLOCK_WORDS).zip(key.chunks_exact_mut(4)) {
            bytes.copy_from_slice(&self.registers.get(reg::AESKEY + 4 * index).to_le_bytes());
        }
        key.reverse();
        let at = self.registers.get(reg::AESPTR);
        let mut block = exchange::block(at, memory);
        block.reverse();
        let mut block = block.into();
        Aes128::new(&key.into()).encrypt_block(&mut block);
        let mut result: [u8; 16] = block.into();
        result.reverse();
        exchange::set_block(at + result.len() as u32, result, memory);
        self.registers.modify(reg::AESCNTL, registers::AES_START, 0);
        self.raise(LOW_ENERGY, ble_int::CRYPT);
    }
}
