//! The flash MMU: which page of the flash chip the cache shows where (ESP32-C3 TRM, chapter "System and Memory", "External Memory").

use espalier_peripherals::Storage;

espalier_core::registers! {
    ENTRY[128] @ 0x000 = 0x100, rw_bits(0x1FF) { PADDR: 0..=7, /** Nothing is mapped. */ INVALID: 8 };
}

/// Entries of the table, for pages of 64 KiB. Both buses share them.
pub const ENTRIES: usize = 128;

/// The table after reset, where nothing is mapped.
pub fn flash_mmu() -> Storage {
    Storage::whole(&REGISTERS)
}

/// The pages of flash behind the entries.
pub fn pages(table: &Storage) -> [Option<u8>; ENTRIES] {
    std::array::from_fn(|entry| {
        let word = table.get(reg::ENTRY + 4 * entry as u32);
        (!reg::ENTRY::INVALID.is_set(word)).then_some(reg::ENTRY::PADDR.get(word) as u8)
    })
}
