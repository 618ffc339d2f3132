//! The flash MMU: which page of the flash chip a core's cache shows where (TRM "Memory Management and Protection Units", section
//! "MMU").
//!
//! Each core has a table of words in its own address range. The first 256 map 64 KiB pages of flash to the data bus (entries 0
//! to 63) and the instruction bus (64 to 255); the rest maps external RAM, which no board here has.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    ENTRY[2048] @ 0x000 = 0, rw() { PADDR: 0..=7, /** Nothing is mapped. */ INVALID: 8 };
}

/// Entries that map flash.
pub const FLASH_ENTRIES: usize = 256;

/// The table of one core.
#[derive(Clone, Debug)]
pub struct FlashMmu {
    registers: Registers,
    /// The entry that was written last, unless [`FlashMmu::take_change`] has told of it.
    written: Option<usize>,
}

espalier_core::persist!(state FlashMmu { registers, written });

impl Default for FlashMmu {
    fn default() -> FlashMmu {
        // The tables come up with random content on silicon; the ROM clears them before the cache is switched on.
        FlashMmu { registers: Registers::new(&REGISTERS), written: None }
    }
}

impl FlashMmu {
    /// The entry that was just written, and the flash page behind it.
    pub fn take_change(&mut self) -> Option<(usize, Option<u8>)> {
        let entry = self.written.take().filter(|entry| *entry < FLASH_ENTRIES)?;
        Some((entry, page(self.registers.get(reg::ENTRY + 4 * entry as u32))))
    }
}

fn page(word: u32) -> Option<u8> {
    (!reg::ENTRY::INVALID.is_set(word)).then_some(reg::ENTRY::PADDR.get(word) as u8)
}

impl Device for FlashMmu {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("maps flash in pages of 64 KiB; other page sizes and external RAM are storage only")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        self.written = Some(offset as usize / 4);
        Ok(())
    }

    fn reset(&mut self) {
        *self = FlashMmu::default();
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, Time};

    use super::FlashMmu;

    #[test]
    fn an_entry_maps_a_page_until_it_is_made_invalid() {
        let mut mmu = FlashMmu::default();
        mmu.write(4 * 77, 5, Time::ZERO).unwrap();
        assert_eq!(mmu.take_change(), Some((77, Some(5))));
        assert_eq!(mmu.take_change(), None);
        mmu.write(4 * 77, 0x100, Time::ZERO).unwrap();
        assert_eq!((mmu.take_change(), mmu.read(4 * 77, Time::ZERO)), (Some((77, None)), Ok(0x100)));
        mmu.write(4 * 2000, 5, Time::ZERO).unwrap();
        assert_eq!(mmu.take_change(), None, "external RAM");
        assert!(mmu.read(4 * 4000, Time::ZERO).is_err());
    }
}
