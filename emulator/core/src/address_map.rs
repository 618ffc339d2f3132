//! Maps by addresses of the guest.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by address, whose order shows nowhere: whatever uses one looks up and adds for every few instructions that are met anew.
pub type AddressMap<V> = HashMap<u32, V, BuildHasherDefault<AddressHasher>>;

/// A hash of an address by one multiplication.
#[derive(Clone, Debug, Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        const MULTIPLIER: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
        let product = (u128::from(self.0 ^ u64::from(word)) + 1).wrapping_mul(MULTIPLIER);
        // Both halves depend on all bits of the word.
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
