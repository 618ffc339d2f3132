//! RAM of the ESP32-C3 (TRM, chapter "System and Memory"), and what of it code was decoded from.

use espalier_core::{
    CODE_PAGE, Damaged, DmaFault, GuestMemory, Persist, Reader, Stored, Writer, restore_sparse, save_sparse,
};
use espalier_pages::Pages;

/// Internal SRAM 1 on the data bus and on the instruction bus.
pub const DRAM_BASE: u32 = 0x3FC8_0000;
pub const IRAM_BASE: u32 = 0x4038_0000;
pub const SRAM1_SIZE: u32 = 0x6_0000;
/// Internal SRAM 0, which the cache can take, on the instruction bus.
const SRAM0_BASE: u32 = 0x4037_C000;
const SRAM0_SIZE: u32 = 0x4000;
const RTC_BASE: u32 = 0x5000_0000;
const RTC_SIZE: u32 = 0x2000;

/// Where the memories lie in [`Ram::bytes`].
const SRAM0_START: u32 = SRAM1_SIZE;
const RTC_START: u32 = SRAM0_START + SRAM0_SIZE;
const SIZE: usize = (RTC_START + RTC_SIZE) as usize;

/// Bit of a version that says that code was decoded from the page.
const DECODED: u32 = 1;

/// All of it.
#[derive(Clone)]
pub struct Ram {
    bytes: Pages<SIZE>,
    /// Version of each page that code was decoded from: counts its writes; odd while code is decoded from it.
    versions: Box<[u32]>,
    /// Counts the writes of blocks to pages that code was decoded from.
    pub dma: u32,
}

impl Persist for Ram {
    fn save(&self, to: &mut Writer) {
        let Ram { bytes, versions, dma: _ } = self;
        save_sparse(&bytes[..], 0, to);
        versions.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        restore_sparse(&mut self.bytes[..], 0, from)?;
        self.versions.restore(from)
    }
}

/// Where an address leads in [`Ram::bytes`].
#[inline(always)]
pub fn place(address: u32) -> Option<usize> {
    let within = |base: u32, size: u32| Some(address.wrapping_sub(base)).filter(|offset| *offset < size);
    let offset = within(DRAM_BASE, SRAM1_SIZE)
        .or_else(|| within(IRAM_BASE, SRAM1_SIZE))
        .or_else(|| within(SRAM0_BASE, SRAM0_SIZE).map(|offset| offset + SRAM0_START))
        .or_else(|| within(RTC_BASE, RTC_SIZE).map(|offset| offset + RTC_START))?;
    Some(offset as usize)
}

impl Ram {
    pub fn new() -> Ram {
        Ram { bytes: Pages::default(), versions: vec![0; SIZE / CODE_PAGE as usize].into_boxed_slice(), dma: 0 }
    }

    /// The version of each page.
    pub fn versions(&self) -> &[u32] {
        &self.versions
    }

    /// Memories lose what they hold; what was decoded from them is stale.
    pub fn lose_power(&mut self) {
        self.bytes.fill(0);
        self.versions.iter_mut().for_each(touch);
    }

    /// SRAM 1 and the versions of its pages.
    pub fn sram1(&mut self) -> (&mut [u8], &[u32]) {
        (&mut self.bytes[..SRAM1_SIZE as usize], &self.versions[..(SRAM1_SIZE / CODE_PAGE) as usize])
    }

    /// `N` bytes at an address, if they are in RAM.
    #[inline(always)]
    pub fn get<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        let start = place(address)?;
        self.bytes.get(start..start + N)?.try_into().ok()
    }

    /// So many bytes from an address on, if they are in one memory.
    pub fn slice(&self, address: u32, length: usize) -> Option<&[u8]> {
        let start = place(address)?;
        let end = place(address.checked_add(u32::try_from(length).ok()?.checked_sub(1)?)?)? + 1;
        self.bytes.get(start..end).filter(|bytes| bytes.len() == length)
    }

    /// Writes `N` bytes, and says what that has changed.
    #[inline(always)]
    pub fn put<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Option<Stored> {
        let start = place(address)?;
        self.bytes.get_mut(start..start + N)?.copy_from_slice(&value);
        let version = &mut self.versions[start / CODE_PAGE as usize];
        let decoded = *version & DECODED != 0;
        touch(version);
        Some(if decoded { Stored::Code } else { Stored::Data })
    }

    pub fn version(&self, address: u32) -> Option<u32> {
        Some(self.versions[place(address)? / CODE_PAGE as usize])
    }

    pub fn note_decoded(&mut self, address: u32) -> Option<u32> {
        let version = &mut self.versions[place(address)? / CODE_PAGE as usize];
        *version |= DECODED;
        Some(*version)
    }
}

/// Bytes of a page change.
fn touch(version: &mut u32) {
    *version += *version & DECODED;
}

impl GuestMemory for Ram {
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), DmaFault> {
        for (index, byte) in into.iter_mut().enumerate() {
            let address = address.wrapping_add(index as u32);
            [*byte] = self.get(address).ok_or(DmaFault { address })?;
        }
        Ok(())
    }

    fn write(&mut self, address: u32, from: &[u8]) -> Result<(), DmaFault> {
        for (index, byte) in from.iter().enumerate() {
            let address = address.wrapping_add(index as u32);
            let stored = self.put(address, [*byte]).ok_or(DmaFault { address })?;
            self.dma = self.dma.wrapping_add(u32::from(stored == Stored::Code));
        }
        Ok(())
    }
}
