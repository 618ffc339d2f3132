//! Internal memories: SRAM, RTC memories and what the bus aliases of each look like (TRM "System and Memory").
//!
//! The machine keeps all of it behind one `Arc`: a fork shares it until one of the two runs, then copies it, the SRAM by pages that are
//! written ([`Pages`]). While a machine runs it holds the block exclusively, so the hot paths read and write plain arrays.

use espalier_core::{Damaged, DmaFault, GuestMemory, Persist, Reader, Stored, Writer, restore_sparse, save_sparse};
use espalier_pages::Pages;

/// SRAM2 and SRAM1 on the data bus, without a gap.
pub const DRAM_BASE: u32 = 0x3FFA_E000;
pub const DRAM_SIZE: usize = 0x5_2000;
/// SRAM1 on the data bus; what lies below it is SRAM2, which the instruction bus cannot reach.
pub const SRAM1_DATA_BASE: u32 = 0x3FFE_0000;
const SRAM1_OFFSET: usize = (SRAM1_DATA_BASE - DRAM_BASE) as usize;
pub const SRAM1_SIZE: usize = 0x2_0000;
/// SRAM0 on the instruction bus. Its first 64 KiB serve as cache memory where a cache is switched on.
pub const IRAM_BASE: u32 = 0x4007_0000;
pub const IRAM_SIZE: usize = 0x3_0000;
/// SRAM1 on the instruction bus, its words in reverse order.
pub const SRAM1_CODE_BASE: u32 = 0x400A_0000;
/// RTC FAST memory, on both buses. The manual gives it to the PRO CPU alone; but ESP-IDF 5.0 reads it from the APP CPU on the way
/// into deep sleep and gets through on silicon, so here it is open to both.
pub const RTC_FAST_CODE_BASE: u32 = 0x400C_0000;
pub const RTC_FAST_DATA_BASE: u32 = 0x3FF8_0000;
/// RTC SLOW memory, on both buses of both cores.
pub const RTC_SLOW_BASE: u32 = 0x5000_0000;
pub const RTC_SIZE: usize = 0x2000;

/// Bytes that share one version; a write to any of them makes decoded code of all of them stale.
pub const CODE_PAGE: usize = espalier_core::CODE_PAGE as usize;

/// SRAM2, SRAM1 and SRAM0 in one piece.
#[derive(Clone, Debug, Default)]
pub struct Sram(Pages<{ DRAM_SIZE + IRAM_SIZE }>);

impl Sram {
    /// SRAM2 and SRAM1, as the data bus has them.
    #[inline(always)]
    pub fn dram(&self) -> &[u8] {
        &self.0[..DRAM_SIZE]
    }

    #[inline(always)]
    pub fn dram_mut(&mut self) -> &mut [u8] {
        &mut self.0[..DRAM_SIZE]
    }

    /// SRAM0.
    #[inline(always)]
    pub fn iram(&self) -> &[u8] {
        &self.0[DRAM_SIZE..]
    }

    #[inline(always)]
    pub fn iram_mut(&mut self) -> &mut [u8] {
        &mut self.0[DRAM_SIZE..]
    }

    /// Both.
    #[inline(always)]
    pub fn split_mut(&mut self) -> (&mut [u8], &mut [u8]) {
        self.0.split_at_mut(DRAM_SIZE)
    }
}

/// The internal memories of the chip.
#[derive(Clone)]
pub struct Ram {
    pub sram: Sram,
    pub rtc_fast: Box<[u8; RTC_SIZE]>,
    pub rtc_slow: Box<[u8; RTC_SIZE]>,
    pub versions: Versions,
}

impl Persist for Ram {
    fn save(&self, to: &mut Writer) {
        let Ram { sram, rtc_fast, rtc_slow, versions } = self;
        for memory in [sram.dram(), sram.iram(), &rtc_fast[..], &rtc_slow[..]] {
            save_sparse(memory, 0, to);
        }
        versions.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let Ram { sram, rtc_fast, rtc_slow, versions } = self;
        let (dram, iram) = sram.split_mut();
        for memory in [dram, iram, &mut rtc_fast[..], &mut rtc_slow[..]] {
            restore_sparse(memory, 0, from)?;
        }
        versions.restore(from)
    }
}

/// The version of each page of a memory that can hold code: it changes with the first write after code was decoded from the page.
#[derive(Clone)]
pub struct Versions {
    pub iram: Box<[u32; IRAM_SIZE / CODE_PAGE]>,
    pub sram1: Box<[u32; SRAM1_SIZE / CODE_PAGE]>,
    pub rtc_fast: Box<[u32; RTC_SIZE / CODE_PAGE]>,
    pub rtc_slow: Box<[u32; RTC_SIZE / CODE_PAGE]>,
    /// Number of writes by DMA to a page that code was decoded from.
    pub dma: u32,
}

espalier_core::persist!(state Versions { iram, sram1, rtc_fast, rtc_slow, dma });

impl Versions {
    /// The versions of each memory.
    pub fn all(&self) -> [&[u32]; 4] {
        let Versions { iram, sram1, rtc_fast, rtc_slow, dma: _ } = self;
        [&iram[..], &sram1[..], &rtc_fast[..], &rtc_slow[..]]
    }

    fn touch_all(&mut self) {
        let Versions { iram, sram1, rtc_fast, rtc_slow, dma: _ } = self;
        let sram = iram.iter_mut().chain(sram1.iter_mut());
        sram.chain(rtc_fast.iter_mut()).chain(rtc_slow.iter_mut()).for_each(|version| _ = touch(version));
    }
}

/// Bit of a version: code was decoded from the page since it was last written.
const DECODED: u32 = 1;

/// Notes that code is decoded from a page. Returns its version.
pub fn note_decoded(version: &mut u32) -> u32 {
    *version |= DECODED;
    *version
}

/// Notes a write to a page.
#[inline(always)]
pub fn touch(version: &mut u32) -> Stored {
    if *version & DECODED == 0 {
        return Stored::Data;
    }
    *version = version.wrapping_add(DECODED);
    Stored::Code
}

impl Default for Ram {
    fn default() -> Ram {
        Ram {
            sram: Sram::default(),
            rtc_fast: boxed(),
            rtc_slow: boxed(),
            versions: Versions { iram: boxed(), sram1: boxed(), rtc_fast: boxed(), rtc_slow: boxed(), dma: 0 },
        }
    }
}

/// A zeroed array on the heap that was never on the stack.
fn boxed<T: Copy + Default, const N: usize>() -> Box<[T; N]> {
    match vec![T::default(); N].into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("the vector has N elements"),
    }
}

impl Ram {
    /// Clears what loses its power in deep sleep: all but the RTC memories.
    pub fn clear_digital(&mut self) {
        self.sram.0.fill(0);
        let Versions { iram, sram1, .. } = &mut self.versions;
        iram.iter_mut().chain(sram1.iter_mut()).for_each(|version| _ = touch(version));
    }

    /// The memory after the power was off. Blocks that were decoded before are stale.
    pub fn after_power_loss(&self) -> Ram {
        let mut versions = self.versions.clone();
        versions.touch_all();
        Ram { versions, ..Ram::default() }
    }
}

/// DMA reaches SRAM through the data bus.
impl GuestMemory for Ram {
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), DmaFault> {
        let range = dma_range(address, into.len())?;
        into.copy_from_slice(&self.sram.dram()[range]);
        Ok(())
    }

    fn write(&mut self, address: u32, from: &[u8]) -> Result<(), DmaFault> {
        let range = dma_range(address, from.len())?;
        for offset in (range.start.max(SRAM1_OFFSET)..range.end).step_by(CODE_PAGE).chain(range.clone().next_back()) {
            if offset >= SRAM1_OFFSET && touch(&mut self.versions.sram1[sram1_page(offset)]) == Stored::Code {
                self.versions.dma = self.versions.dma.wrapping_add(1);
            }
        }
        self.sram.dram_mut()[range].copy_from_slice(from);
        Ok(())
    }
}

fn dma_range(address: u32, length: usize) -> Result<std::ops::Range<usize>, DmaFault> {
    let start = address.checked_sub(DRAM_BASE).ok_or(DmaFault { address })? as usize;
    if start + length > DRAM_SIZE {
        return Err(DmaFault { address });
    }
    Ok(start..start + length)
}

/// Offset in [`Sram::dram`] of the byte that the instruction bus sees at `address` in SRAM1: the order of the words is
/// reversed, that of the bytes within a word is not.
pub const fn sram1_code_offset(address: u32) -> usize {
    let offset = address - SRAM1_CODE_BASE;
    SRAM1_OFFSET + (SRAM1_SIZE - 4 - (offset as usize & !3)) + (offset as usize & 3)
}

/// The version page of an offset in [`Sram::dram`] that lies in SRAM1.
pub const fn sram1_page(dram_offset: usize) -> usize {
    (dram_offset - SRAM1_OFFSET) / CODE_PAGE
}

/// The first offset in [`Sram::dram`] that belongs to SRAM1.
pub const fn sram1_start() -> usize {
    SRAM1_OFFSET
}

#[cfg(test)]
mod tests {
    use super::{DRAM_BASE, sram1_code_offset};

    /// TRM "Internal SRAM 1": 0x400A_0000 is the word at 0x3FFF_FFFC, 0x400B_FFFC the one at 0x3FFE_0000.
    #[test]
    fn sram1_is_reversed_word_by_word_on_the_instruction_bus() {
        for (code, data) in [(0x400A_0000, 0x3FFF_FFFC), (0x400B_FFFC, 0x3FFE_0000), (0x400A_0005, 0x3FFF_FFF9)] {
            assert_eq!(sram1_code_offset(code), (data - DRAM_BASE) as usize);
        }
    }
}
