//! The MMU of external memories: which page of the flash chip or of the PSRAM a core's cache shows where (TRM "Memory Management and
//! Protection Units", section "MMU").
//!
//! Each core has a table of words in its own address range. The first 256 map 64 KiB pages of flash to the data bus (entries 0
//! to 63) and the instruction bus (64 to 255). The 128 from 1152 on map pages of external RAM ([`super::external_ram`]) for the
//! processes 0 and 1; those of the other processes map nothing here, as every core runs as process 0.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    ENTRY[2048] @ 0x000 = 0, rw() { PADDR: 0..=7, /** Nothing is mapped. */ INVALID: 8 };
}

/// Entries that map flash.
pub const FLASH_ENTRIES: usize = 256;
/// Entries that map external RAM, and the first of them.
pub const RAM_ENTRIES: usize = 128;
const FIRST_RAM_ENTRY: usize = 1152;

/// An entry and the page behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    Flash(usize, Option<u8>),
    /// The entry is counted from the first one of external RAM.
    Ram(usize, Option<u8>),
}

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
    /// The entry that was just written, if it maps memory.
    pub fn take_change(&mut self) -> Option<Mapping> {
        let entry = self.written.take()?;
        let page = page(self.registers.get(reg::ENTRY + 4 * entry as u32));
        match entry.checked_sub(FIRST_RAM_ENTRY) {
            Some(entry) if entry < RAM_ENTRIES => Some(Mapping::Ram(entry, page)),
            None if entry < FLASH_ENTRIES => Some(Mapping::Flash(entry, page)),
            _ => None,
        }
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
        Fidelity::Partial(
            "maps flash in pages of 64 KiB, whatever size is selected; entries of processes other than 0 and 1 are storage only",
        )
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

    use super::{FlashMmu, Mapping};

    #[test]
    fn an_entry_maps_a_page_until_it_is_made_invalid() {
        let mut mmu = FlashMmu::default();
        mmu.write(4 * 77, 5, Time::ZERO).unwrap();
        assert_eq!(mmu.take_change(), Some(Mapping::Flash(77, Some(5))));
        assert_eq!(mmu.take_change(), None);
        mmu.write(4 * 77, 0x100, Time::ZERO).unwrap();
        assert_eq!((mmu.take_change(), mmu.read(4 * 77, Time::ZERO)), (Some(Mapping::Flash(77, None)), Ok(0x100)));
        assert!(mmu.read(4 * 4000, Time::ZERO).is_err());
    }

    #[test]
    fn entries_behind_those_of_flash_map_external_ram_for_one_process() {
        let mut mmu = FlashMmu::default();
        let cases = [
            (1151, None),
            (1152, Some(Mapping::Ram(0, Some(5)))),
            (1279, Some(Mapping::Ram(127, Some(5)))),
            (1280, None),
            (2047, None),
        ];
        for (entry, change) in cases {
            mmu.write(4 * entry, 5, Time::ZERO).unwrap();
            assert_eq!(mmu.take_change(), change, "entry {entry}");
        }
    }
}
