//! The flash MMU: which page of the flash chip the cache shows where (ESP32-C3 TRM, chapter "System and Memory", "External Memory").

use espalier_core::{Device, Fidelity, Register, Time, Unmodelled};

/// Entries of the table, for pages of 64 KiB. Both buses share them.
pub const ENTRIES: usize = 128;
/// An entry with this bit maps nothing.
const INVALID: u32 = 1 << 8;
const PAGE: u32 = 0xFF;

/// The table.
#[derive(Clone, Debug)]
pub struct FlashMmu {
    words: [u32; ENTRIES],
}

espalier_core::persist!(state FlashMmu { words });

impl Default for FlashMmu {
    fn default() -> FlashMmu {
        FlashMmu { words: [INVALID; ENTRIES] }
    }
}

impl FlashMmu {
    /// The pages of flash behind the entries.
    pub fn pages(&self) -> [Option<u8>; ENTRIES] {
        self.words.map(|word| (word & INVALID == 0).then_some((word & PAGE) as u8))
    }
}

impl Device for FlashMmu {
    fn registers(&self) -> &'static [Register] {
        &[]
    }

    fn register_count(&self) -> usize {
        ENTRIES
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Modelled
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.words.get(offset as usize / 4).copied().ok_or(Unmodelled)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        *self.words.get_mut(offset as usize / 4).ok_or(Unmodelled)? = value & (INVALID | PAGE);
        Ok(())
    }

    fn reset(&mut self) {
        *self = FlashMmu::default();
    }
}
