//! Blocks of the radio whose registers have no published names and no effect that software could see.

use crate::storage::Storage;

espalier_core::registers! {
    WORD[2048] @ 0x000 = 0, rw();
}

/// A block of `words` registers, at most 2048, all of them zero.
pub fn radio_storage(words: usize) -> Storage {
    let table = &REGISTERS[..words.min(REGISTERS.len())];
    Storage::new(table, "configuration of the physical layer, which is not modelled: registers only store")
}
