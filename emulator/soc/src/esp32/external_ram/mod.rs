//! External RAM on the data bus: where in the PSRAM an address leads (TRM "System and Memory", sections "External Memory" and "Cache").
//!
//! The bus has 4 MiB for it. Each core's cache translates them in 128 pages by its own table ([`super::flash_mmu`]). With both caches in
//! use, the address decides which of them serves an access, whichever core makes it. The caches hold no stale lines here, so the
//! order in which they write back is not seen.

#[cfg(test)]
mod tests;

use espalier_parts::PSRAM_PAGE_SIZE;
use espalier_peripherals::{ExternalRamControl, RamSharing};

use super::CORES;
use super::flash_mmu::RAM_ENTRIES;

/// External RAM on the data bus.
pub const EXTERNAL_RAM_BASE: u32 = 0x3F80_0000;
pub const EXTERNAL_RAM_SIZE: u32 = 0x40_0000;
/// The bit of an address that tells the halves, and that which tells even lines from odd ones.
const UPPER_HALF_BIT: u32 = 21;
const ODD_LINE_BIT: u32 = 5;
/// The bits of an address in the largest pages; each step of the page mode takes one away.
const PAGE_BITS: u32 = PSRAM_PAGE_SIZE.ilog2();
/// The largest mode that there is: pages of 2 KiB.
const SMALLEST_PAGES: u32 = 4;

/// The tables of both caches and how the cores use them.
#[derive(Clone, Debug)]
pub struct ExternalRam {
    pages: [[Option<u8>; RAM_ENTRIES]; CORES],
    control: [ExternalRamControl; CORES],
}

espalier_core::persist!(value ExternalRam { pages, control });

impl Default for ExternalRam {
    fn default() -> ExternalRam {
        ExternalRam { pages: [[Some(0); RAM_ENTRIES]; CORES], control: [ExternalRamControl::default(); CORES] }
    }
}

impl ExternalRam {
    /// An entry of a core's table changes.
    pub fn map(&mut self, core: usize, entry: usize, page: Option<u8>) {
        self.pages[core][entry] = page;
    }

    /// The controls of both caches are these.
    pub fn set_control(&mut self, control: [ExternalRamControl; CORES]) {
        self.control = control;
    }

    /// Returns the offset in the PSRAM that an address of the data bus has for a core; None if its cache shows nothing there.
    #[inline]
    pub fn place(&self, core: usize, address: u32) -> Option<usize> {
        let offset = address.wrapping_sub(EXTERNAL_RAM_BASE);
        if offset >= EXTERNAL_RAM_SIZE {
            return None;
        }
        let cache = match self.control[core].sharing {
            RamSharing::Own => core,
            RamSharing::Halves => (offset >> UPPER_HALF_BIT & 1) as usize,
            RamSharing::Lines => (offset >> ODD_LINE_BIT & 1) as usize,
        };
        let control = &self.control[cache];
        if !control.open {
            return None;
        }
        let bits = PAGE_BITS - control.page_mode.min(SMALLEST_PAGES);
        let entry = (offset >> bits) as usize;
        let page = self.pages[cache].get(entry).copied().flatten()?;
        Some(usize::from(page) << bits | (offset & ((1 << bits) - 1)) as usize)
    }
}
