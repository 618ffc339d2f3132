//! The flash MMU: which page of the flash chip each core's cache shows where (TRM "Memory Management and Protection Units",
//! section "MMU").
//!
//! Each core has a table of words in its own address range. The first 256 map 64 KiB pages of flash to the data bus (entries 0
//! to 63) and the instruction bus (64 to 255); the rest maps external RAM, which no board here has.

/// Entries that map flash.
pub const FLASH_ENTRIES: usize = 256;
/// Words of one core's table, as far as its address range goes.
const TABLE_WORDS: usize = 0x2000 / 4;
/// An entry with this bit maps nothing.
const INVALID: u32 = 1 << 8;
const PAGE_MASK: u32 = 0xFF;

/// The tables of both cores.
#[derive(Clone, Debug)]
pub(crate) struct FlashMmu {
    tables: [Box<[u32]>; 2],
    /// The pages of the entries that map flash, in the form that the hot path wants.
    pages: [[Option<u8>; FLASH_ENTRIES]; 2],
}

impl Default for FlashMmu {
    fn default() -> FlashMmu {
        // The tables come up with random content on silicon; the ROM clears them before the cache is switched on.
        let table = || vec![0; TABLE_WORDS].into_boxed_slice();
        FlashMmu { tables: [table(), table()], pages: [[Some(0); FLASH_ENTRIES]; 2] }
    }
}

impl FlashMmu {
    /// The flash page behind an entry of a core's table.
    #[inline(always)]
    pub fn page(&self, core: usize, entry: usize) -> Option<u8> {
        self.pages[core & 1].get(entry).copied().flatten()
    }

    pub fn read(&self, core: usize, offset: u32) -> Option<u32> {
        self.tables[core].get(offset as usize / 4).copied()
    }

    /// Writes an entry. Returns true if the mapping of flash changed.
    pub fn write(&mut self, core: usize, offset: u32, value: u32) -> bool {
        let entry = offset as usize / 4;
        let Some(word) = self.tables[core].get_mut(entry) else { return false };
        *word = value;
        let Some(page) = self.pages[core].get_mut(entry) else { return false };
        let before = *page;
        *page = (value & INVALID == 0).then_some((value & PAGE_MASK) as u8);
        *page != before
    }
}

#[cfg(test)]
mod tests {
    use super::FlashMmu;

    #[test]
    fn an_entry_maps_a_page_until_it_is_made_invalid() {
        let mut mmu = FlashMmu::default();
        assert!(mmu.write(1, 4 * 77, 5));
        assert_eq!((mmu.page(1, 77), mmu.page(0, 77)), (Some(5), Some(0)));
        assert!(!mmu.write(1, 4 * 77, 5));
        assert!(mmu.write(1, 4 * 77, 0x100));
        assert_eq!((mmu.page(1, 77), mmu.read(1, 4 * 77)), (None, Some(0x100)));
        assert_eq!(mmu.page(0, 4000), None);
    }
}
