//! The bus of the core: which memory or block an address leads to.

use espalier_core::{
    Bus, CacheLines, CodeMemory, CodeState, Fault, Frequency, InterruptTaken, SteadyWords, Stored, Time, Window,
    WindowLayout, Windows,
};
use espalier_rom::esp32c3 as rom;

use super::Esp32c3;
use super::memory::{DRAM_BASE, IRAM_BASE, SRAM1_SIZE};
use super::table::{INTERRUPT_CORE0, WINDOWS};
use crate::machine::{Chip, ChipBus, Settle};
use crate::platform::Origin;

/// Flash behind the cache on the data bus and on the instruction bus, 8 MiB in pages of 64 KiB. Both share the entries of the MMU.
const DROM_BASE: u32 = 0x3C00_0000;
const IROM_BASE: u32 = 0x4200_0000;
const FLASH_SIZE: u32 = 0x80_0000;
const PAGE: u32 = 0x1_0000;

/// The core's view of the chip for one run.
pub struct CoreBus<'a> {
    pub chip: &'a mut Esp32c3,
    pub origin: Origin,
    /// Guest time when the run started, and the clock of the core.
    pub start: Time,
    pub clock: Frequency,
}

/// Where an address of flash lies in what the cache shows.
fn flash_offset(address: u32) -> Option<u32> {
    [DROM_BASE, IROM_BASE].into_iter().map(|base| address.wrapping_sub(base)).find(|offset| *offset < FLASH_SIZE)
}

impl CoreBus<'_> {
    fn now(&self, cycle: u32) -> Time {
        self.start + self.clock.cycles(u64::from(cycle))
    }

    /// `N` bytes of memory. Reading them has no effect.
    #[inline(always)]
    fn memory<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        self.chip.ram.get(address).or_else(|| self.read_only(address))
    }

    fn read_only<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        if let Some(start) = rom::offset(address) {
            return self.chip.rom.get(start..start + N)?.try_into().ok();
        }
        let offset = flash_offset(address)?;
        let page = self.chip.flash_page((offset / PAGE) as usize)?;
        let start = (offset % PAGE) as usize;
        page.get(start..start + N)?.try_into().ok()
    }

    /// A register, whose bytes a narrow load takes from their lanes.
    fn load_register(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        let now = self.now(cycle);
        let word = self.chip.read_register(self.origin, address & !3, now)?;
        Ok(word >> (8 * (address & 3)))
    }

    fn store<const N: usize>(&mut self, address: u32, bytes: [u8; N], value: u32, cycle: u32) -> Result<Stored, Fault> {
        if let Some(stored) = self.chip.ram.put(address, bytes) {
            return Ok(stored);
        }
        if rom::offset(address).is_some() || flash_offset(address).is_some() {
            return Err(Fault::ReadOnly);
        }
        let (now, before) = (self.now(cycle), (self.chip.platform.code_epoch, self.chip.ram.dma));
        // A narrow write puts its bytes on their lanes; the others carry zeros.
        self.chip.write_register(self.origin, address & !3, value << (8 * (address & 3)), now)?;
        let after = (self.chip.platform.code_epoch, self.chip.ram.dma);
        Ok(if before == after { Stored::Data } else { Stored::Code })
    }
}

impl Bus for CoreBus<'_> {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.memory(address).map(u32::from_le_bytes).ok_or(Fault::Unmapped)
    }

    fn code(&self, address: u32, length: usize) -> Option<&[u8]> {
        if let Some(bytes) = self.chip.ram.slice(address, length) {
            return Some(bytes);
        }
        if let Some(start) = rom::offset(address) {
            let last = address.checked_add(u32::try_from(length).ok()?.checked_sub(1)?)?;
            let end = rom::offset(last)? + 1;
            return self.chip.rom.get(start..end).filter(|bytes| bytes.len() == length);
        }
        let offset = flash_offset(address)?;
        let (page, start) = (self.chip.flash_page((offset / PAGE) as usize)?, (offset % PAGE) as usize);
        page.get(start..start.checked_add(length)?)
    }

    fn load8(&mut self, address: u32, cycle: u32) -> Result<u8, Fault> {
        match self.memory(address) {
            Some(bytes) => Ok(u8::from_le_bytes(bytes)),
            None => self.load_register(address, cycle).map(|value| value as u8),
        }
    }

    fn load16(&mut self, address: u32, cycle: u32) -> Result<u16, Fault> {
        match self.memory(address) {
            Some(bytes) => Ok(u16::from_le_bytes(bytes)),
            None => self.load_register(address, cycle).map(|value| value as u16),
        }
    }

    fn load32(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        match self.memory(address) {
            Some(bytes) => Ok(u32::from_le_bytes(bytes)),
            None => self.load_register(address, cycle),
        }
    }

    fn store8(&mut self, address: u32, value: u8, cycle: u32) -> Result<Stored, Fault> {
        self.store(address, [value], u32::from(value), cycle)
    }

    fn store16(&mut self, address: u32, value: u16, cycle: u32) -> Result<Stored, Fault> {
        self.store(address, value.to_le_bytes(), u32::from(value), cycle)
    }

    fn store32(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        self.store(address, value.to_le_bytes(), value, cycle)
    }

    fn check_store8(&self, address: u32) -> Result<(), Fault> {
        match self.chip.ram.get::<1>(address) {
            Some(_) => Ok(()),
            None if rom::offset(address).is_some() || flash_offset(address).is_some() => Err(Fault::ReadOnly),
            None if self.chip.platform.answers_at(address) => Ok(()),
            None => Err(Fault::Unmapped),
        }
    }

    fn executing(&mut self, address: u32) {
        self.origin.pc = address;
    }

    fn interrupted(&mut self, from: u32, vector: u32, line: u32, cycle: u32) {
        let level = self.chip.get(INTERRUPT_CORE0).priority(line as usize);
        let interrupt = InterruptTaken { core: self.origin.core, from, vector, level, at: self.now(cycle) };
        self.chip.platform.events.interrupt(interrupt);
    }

    fn attention(&self) -> bool {
        self.chip.platform.attention
    }

    fn code_version(&self, address: u32) -> u32 {
        self.chip.ram.version(address).unwrap_or(0)
    }

    fn note_decoded(&mut self, address: u32) -> u32 {
        self.chip.ram.note_decoded(address).unwrap_or(0)
    }

    fn code_memory(&self, address: u32) -> CodeMemory {
        match rom::offset(address) {
            Some(_) => CodeMemory::Fixed,
            None if flash_offset(address).is_some() => CodeMemory::Mapped,
            None => CodeMemory::Writable,
        }
    }

    fn code_epoch(&self) -> u32 {
        self.chip.platform.code_epoch
    }

    fn code_state(&self) -> CodeState {
        Chip::code_state(self.chip)
    }

    fn window_layout(&self) -> WindowLayout {
        let registers = &WINDOWS[0];
        WindowLayout {
            data: Window { base: DRAM_BASE, size: SRAM1_SIZE },
            code: Window { base: IRAM_BASE, size: SRAM1_SIZE },
            registers: Window { base: registers.base, size: registers.size },
            ..WindowLayout::default()
        }
    }

    fn windows(&mut self) -> Option<Windows<'_>> {
        let (data, data_versions) = self.chip.ram.sram1();
        Some(Windows {
            data,
            data_versions,
            words: &[],
            word_versions: &[],
            steady: &SteadyWords::NONE,
            lines: &CacheLines::EMPTY,
        })
    }
}

impl ChipBus for CoreBus<'_> {
    fn start(&self) -> Time {
        self.start
    }

    fn set_start(&mut self, start: Time) {
        self.start = start;
    }

    fn clock(&self) -> Frequency {
        self.clock
    }

    fn memory_word(&self, address: u32) -> Option<u32> {
        self.memory(address).map(u32::from_le_bytes)
    }

    fn steady_word(&mut self, address: u32) -> Option<(u32, Time)> {
        match self.memory_word(address) {
            Some(word) => Some((word, Time::MAX)),
            None => self.chip.platform.steady_word(address, self.start),
        }
    }

    fn plain_write(&self, address: u32, value: u32) -> Option<u32> {
        self.chip.platform.plain_write(address, value)
    }
}
