//! The flash MMU: which page of the flash chip the cache shows where (ESP32-C3 TRM, chapter "System and Memory", "External Memory").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    ENTRY[128] @ 0x000 = 0x100, rw_bits(0x1FF) { PADDR: 0..=7, /** Nothing is mapped. */ INVALID: 8 };
}

/// Entries of the table, for pages of 64 KiB. Both buses share them.
pub const ENTRIES: usize = 128;

/// The table.
#[derive(Clone, Debug)]
pub struct FlashMmu {
    registers: Registers,
}

espalier_core::persist!(state FlashMmu { registers });

impl Default for FlashMmu {
    fn default() -> FlashMmu {
        FlashMmu { registers: Registers::new(&REGISTERS) }
    }
}

impl FlashMmu {
    /// The pages of flash behind the entries.
    pub fn pages(&self) -> [Option<u8>; ENTRIES] {
        std::array::from_fn(|entry| {
            let word = self.registers.get(reg::ENTRY + 4 * entry as u32);
            (!reg::ENTRY::INVALID.is_set(word)).then_some(reg::ENTRY::PADDR.get(word) as u8)
        })
    }
}

impl Device for FlashMmu {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Modelled
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(drop)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}
