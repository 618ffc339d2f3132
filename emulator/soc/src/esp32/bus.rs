//! The bus as one core sees it: which memory or block an address leads to.
//!
//! Accesses to RAM and to flash behind its cache are decided here, on the hot path. Everything else goes through
//! [`Settle::read_register`] and [`Settle::write_register`].

use std::sync::Arc;

use espalier_core::{
    Bus, CodeMemory, CodeState, Fault, Frequency, InterruptTaken, Page, SteadyWords, Stored, Time, Window,
    WindowLayout, Windows,
};

use super::Esp32;
use super::memory::{
    CODE_PAGE, DRAM_BASE, DRAM_SIZE, IRAM_BASE, IRAM_SIZE, RTC_FAST_CODE_BASE, RTC_FAST_DATA_BASE, RTC_SIZE,
    RTC_SLOW_BASE, Ram, SRAM1_CODE_BASE, SRAM1_SIZE, note_decoded, sram1_code_offset, sram1_page, sram1_start, touch,
};
use super::waits::lines;
use crate::machine::{Access, Chip, ChipBus, Settle};
use crate::platform::Origin;
use crate::rom::{ROM_BASE, ROM_SIZE, ROM1_DATA_BASE, ROM1_OFFSET};

/// Flash behind the data cache (DROM0), 4 MiB in pages of 64 KiB; the first entries of the flash MMU.
const DROM_BASE: u32 = 0x3F40_0000;
const DROM_SIZE: u32 = 0x40_0000;
/// Flash behind the instruction cache: IRAM0 cache, IRAM1 and IROM0, 12 MiB less what the memories take at their start.
const IROM_BASE: u32 = 0x400C_2000;
const IROM_END: u32 = 0x40C0_0000;
const INSTRUCTION_BUS: u32 = 0x4000_0000;
/// The MMU entry of the first page of the instruction bus.
const FIRST_INSTRUCTION_ENTRY: usize = 64;
/// The part of the data bus where there are registers and no memory (ESP32 TRM, "Address Mapping").
const REGISTERS_BASE: u32 = 0x3FF0_0000;
const REGISTERS_SIZE: u32 = 0x8_0000;
/// Offset of the last byte of the longest instruction.
const LAST_BYTE: u32 = 2;
const ROM1_SIZE: u32 = 0x1_0000;

fn is_flash(address: u32) -> bool {
    (IROM_BASE..IROM_END).contains(&address)
}

/// True if there is no memory at an address, which is seen at a glance.
fn is_register(address: u32) -> bool {
    address.wrapping_sub(REGISTERS_BASE) < REGISTERS_SIZE
}

/// One core's view of the machine for one run.
pub struct CoreBus<'a> {
    pub chip: &'a mut Esp32,
    pub origin: Origin,
    /// Guest time when the run started, and the clock of the core.
    pub start: Time,
    pub clock: Frequency,
    /// Size of flash on the data bus that is read without a wait.
    waitless: u32,
    /// Cycles for which the last access waits.
    pub(super) wait: u32,
}

/// Where in RAM an address of the instruction bus leads.
#[derive(Clone, Copy)]
enum Code {
    Iram(usize),
    Sram1(usize),
    RtcFast(usize),
    RtcSlow(usize),
}

/// Where a store goes that is not for DRAM.
enum Target {
    RtcSlow(usize),
    RtcFast(usize),
    Code(Code),
    /// The PSRAM, behind the data cache.
    External,
    Peripheral,
}

pub(super) fn within(address: u32, base: u32, size: usize) -> Option<usize> {
    let offset = address.wrapping_sub(base) as usize;
    (offset < size).then_some(offset)
}

/// Reads `N` bytes at `offset`, which the caller knows to be inside.
#[inline(always)]
fn bytes<const N: usize>(memory: &[u8], offset: usize) -> Option<[u8; N]> {
    memory.get(offset..offset.wrapping_add(N))?.try_into().ok()
}

#[inline(always)]
fn put<const N: usize>(memory: &mut [u8], offset: usize, value: [u8; N]) -> bool {
    match memory.get_mut(offset..offset.wrapping_add(N)) {
        Some(target) => {
            target.copy_from_slice(&value);
            true
        }
        None => false,
    }
}

impl<'a> CoreBus<'a> {
    pub fn new(chip: &'a mut Esp32, access: Access) -> CoreBus<'a> {
        let waitless = if chip.waits.is_empty() { DROM_SIZE } else { 0 };
        CoreBus { chip, origin: access.origin, start: access.start, clock: access.clock, waitless, wait: 0 }
    }

    /// In silicon's time accesses wait.
    fn waits(&self) -> bool {
        self.waitless == 0
    }
}

impl CoreBus<'_> {
    fn now(&self, cycle: u32) -> Time {
        self.start + self.clock.cycles(u64::from(cycle))
    }

    /// RAM on the instruction bus.
    fn code_ram(&self, address: u32) -> Option<Code> {
        if let Some(offset) = within(address, IRAM_BASE, IRAM_SIZE) {
            return Some(Code::Iram(offset));
        }
        if within(address, SRAM1_CODE_BASE, SRAM1_SIZE).is_some() {
            return Some(Code::Sram1(sram1_code_offset(address)));
        }
        if let Some(offset) = within(address, RTC_FAST_CODE_BASE, RTC_SIZE) {
            return Some(Code::RtcFast(offset));
        }
        within(address, RTC_SLOW_BASE, RTC_SIZE).map(Code::RtcSlow)
    }

    /// The bytes of flash page that the cache shows at `address` on the instruction bus, and the offset in the page.
    fn flash_code(&self, address: u32) -> Option<(&[u8], usize)> {
        if !is_flash(address) {
            return None;
        }
        let entry = FIRST_INSTRUCTION_ENTRY + ((address - INSTRUCTION_BUS) >> 16) as usize;
        Some((self.chip.flash_page(self.origin.core, entry)?, (address & 0xFFFF) as usize))
    }

    /// A load that is neither DRAM nor flash data: constants in ROM, the instruction bus, peripherals.
    #[cold]
    #[inline(never)]
    fn load_elsewhere(&mut self, address: u32, width: u32, cycle: u32) -> Result<u32, Fault> {
        let narrow = |word: [u8; 4]| {
            let word = u32::from_le_bytes(word) >> (8 * (address & 3 & !(width - 1)));
            if width == 4 { word } else { word & ((1 << (8 * width)) - 1) }
        };
        let word_address = address & !3;
        if self.waits() {
            self.wait_for_load(word_address, width)?;
            if let Some(word) = self.flash_data(word_address) {
                return Ok(narrow(word));
            }
        }
        if width == 4
            && let Some(value) = self.chip.platform.read_steady(address, self.now(cycle))
        {
            return Ok(value);
        }
        if !is_register(address) {
            if let Some(word) = self.data_word(word_address) {
                return Ok(narrow(word));
            }
            if let Some(word) = self.code_word(word_address) {
                // The instruction bus is 32 bits wide and has no byte lanes.
                return if width == 4 { Ok(word) } else { Err(Fault::Width) };
            }
        }
        let now = self.now(cycle);
        self.chip.read_register(self.origin, word_address, now).map(|word| narrow(word.to_le_bytes()))
    }

    /// Waits for what is at an address where there is something slow.
    fn wait_for_load(&mut self, address: u32, width: u32) -> Result<(), Fault> {
        let is_memory = self.memory_word(address).is_some();
        // Narrow accesses can be parts of one that is not aligned, which would wait again for the next of them. Lines stay.
        match (is_memory, width) {
            (true, 4) => self.wait_for_memory(address),
            (true, _) => self.wait_for_line(address),
            (false, 4) => self.wait_for_register(address),
            (false, _) => Ok(()),
        }
    }

    /// The word at an aligned address of the data bus that holds memory other than DRAM and flash.
    fn data_word(&self, address: u32) -> Option<[u8; 4]> {
        if let Some(offset) = within(address, ROM1_DATA_BASE, ROM1_SIZE as usize) {
            return bytes(self.chip.rom.view(self.origin.core), ROM1_OFFSET + offset);
        }
        if let Some(offset) = within(address, RTC_FAST_DATA_BASE, RTC_SIZE) {
            return bytes(&self.chip.ram.rtc_fast[..], offset);
        }
        if let Some(offset) = within(address, RTC_SLOW_BASE, RTC_SIZE) {
            return bytes(&self.chip.ram.rtc_slow[..], offset);
        }
        let (page, offset) = self.chip.psram_page(self.origin.core, address)?;
        bytes(page, offset)
    }

    /// The memory that the instruction bus shows at an address, and where in it that is. SRAM1 has the order of its words reversed there.
    #[inline]
    fn code_place(&self, address: u32) -> Option<(&[u8], usize)> {
        match self.code_ram(address) {
            Some(Code::Iram(offset)) => Some((self.chip.ram.sram.iram(), offset)),
            Some(Code::Sram1(offset)) => Some((self.chip.ram.sram.dram(), offset)),
            Some(Code::RtcFast(offset)) => Some((&self.chip.ram.rtc_fast[..], offset)),
            Some(Code::RtcSlow(offset)) => Some((&self.chip.ram.rtc_slow[..], offset)),
            None => match within(address, ROM_BASE, ROM_SIZE) {
                Some(offset) => Some((self.chip.rom.view(self.origin.core), offset)),
                None => self.flash_code(address),
            },
        }
    }

    /// The word at an address of the instruction bus that holds memory.
    #[inline]
    fn code_word(&self, address: u32) -> Option<u32> {
        let (memory, offset) = self.code_place(address)?;
        bytes(memory, offset).map(u32::from_le_bytes)
    }

    /// Where a store of so many bytes goes, unless memory refuses it.
    fn store_target(&self, address: u32, width: u32) -> Result<Target, Fault> {
        if is_register(address) {
            return Ok(Target::Peripheral);
        }
        if let Some(offset) = within(address, RTC_SLOW_BASE, RTC_SIZE) {
            return Ok(Target::RtcSlow(offset));
        }
        if let Some(offset) = within(address, RTC_FAST_DATA_BASE, RTC_SIZE) {
            return Ok(Target::RtcFast(offset));
        }
        match self.code_ram(address) {
            Some(_) if width != 4 => return Err(Fault::Width),
            Some(code) => return Ok(Target::Code(code)),
            None => {}
        }
        if within(address, ROM_BASE, ROM_SIZE).is_some()
            || within(address, ROM1_DATA_BASE, ROM1_SIZE as usize).is_some()
        {
            return Err(Fault::ReadOnly);
        }
        if self.chip.psram_page(self.origin.core, address).is_some() {
            return Ok(Target::External);
        }
        Ok(Target::Peripheral)
    }

    #[cold]
    #[inline(never)]
    fn store_elsewhere(&mut self, address: u32, width: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        let target = self.store_target(address, width)?;
        let is_rtc = matches!(
            target,
            Target::RtcSlow(_) | Target::RtcFast(_) | Target::Code(Code::RtcSlow(_) | Code::RtcFast(_))
        );
        if is_rtc && width == 4 && self.waits() {
            self.wait_for_memory(address)?;
        }
        let (ram, offset, version) = match target {
            Target::RtcSlow(offset) | Target::Code(Code::RtcSlow(offset)) => {
                (&mut self.chip.ram.rtc_slow[..], offset, &mut self.chip.ram.versions.rtc_slow[offset / CODE_PAGE])
            }
            Target::RtcFast(offset) | Target::Code(Code::RtcFast(offset)) => {
                (&mut self.chip.ram.rtc_fast[..], offset, &mut self.chip.ram.versions.rtc_fast[offset / CODE_PAGE])
            }
            Target::Code(Code::Iram(offset)) => {
                (self.chip.ram.sram.iram_mut(), offset, &mut self.chip.ram.versions.iram[offset / CODE_PAGE])
            }
            Target::Code(Code::Sram1(offset)) => {
                (self.chip.ram.sram.dram_mut(), offset, &mut self.chip.ram.versions.sram1[sram1_page(offset)])
            }
            // Only the data bus reaches it, so that it never holds code.
            Target::External => {
                if self.waits() {
                    self.wait_for_line(address)?;
                    self.note_dirty(address);
                }
                let (page, offset) = self.chip.psram_page_mut(self.origin.core, address).ok_or(Fault::Unmapped)?;
                store_narrow(page, offset, width, value)?;
                return Ok(Stored::Data);
            }
            Target::Peripheral if width == 4 => {
                self.wait_for_register(address)?;
                return self.store_to_peripheral(address, value, cycle);
            }
            Target::Peripheral => return self.store_to_peripheral(address, value, cycle),
        };
        store_narrow(ram, offset, width, value)?;
        Ok(touch(version))
    }

    /// A store to a register, which can have code mapped elsewhere or written by DMA.
    fn store_to_peripheral(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        let now = self.now(cycle);
        let before = (self.chip.platform.code_epoch, self.chip.ram.versions.dma);
        // A narrow write puts its bytes on their lanes; the others carry zeros.
        self.chip.write_register(self.origin, address & !3, value << (8 * (address & 3)), now)?;
        let after = (self.chip.platform.code_epoch, self.chip.ram.versions.dma);
        Ok(if before == after { Stored::Data } else { Stored::Code })
    }

    /// Returns the effect of a write to DRAM: it changes code where the instruction bus can see it.
    #[inline(always)]
    fn touch_dram(&mut self, offset: usize) -> Stored {
        if offset >= sram1_start()
            && let Some(version) = self.chip.ram.versions.sram1.get_mut(sram1_page(offset))
        {
            return touch(version);
        }
        Stored::Data
    }

    /// Flash behind the data cache.
    #[inline(always)]
    fn drom<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        if address.wrapping_sub(DROM_BASE) >= self.waitless { None } else { self.flash_data(address) }
    }

    /// The same, in the cache or not.
    #[inline(always)]
    fn flash_data<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        let offset = address.wrapping_sub(DROM_BASE);
        if offset >= DROM_SIZE {
            return None;
        }
        bytes(self.chip.flash_page(self.origin.core, (offset >> 16) as usize)?, (offset & 0xFFFF) as usize)
    }
}

fn store_narrow(memory: &mut [u8], offset: usize, width: u32, value: u32) -> Result<(), Fault> {
    let value = value.to_le_bytes();
    let stored = match width {
        1 => put(memory, offset, [value[0]]),
        2 => put(memory, offset, [value[0], value[1]]),
        _ => put(memory, offset, value),
    };
    if stored { Ok(()) } else { Err(Fault::Unmapped) }
}

impl Bus for CoreBus<'_> {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.code_word(address).ok_or(Fault::Unmapped)
    }

    fn code(&self, address: u32, length: usize) -> Option<&[u8]> {
        if within(address, SRAM1_CODE_BASE, SRAM1_SIZE).is_some() {
            return None;
        }
        let (memory, offset) = self.code_place(address)?;
        memory.get(offset..offset.checked_add(length)?)
    }

    fn wait_for_code(&mut self, first: u32, last: u32) -> u32 {
        self.bring_line(first).saturating_add(self.bring_line(last))
    }

    fn take_wait(&mut self) -> u32 {
        std::mem::take(&mut self.wait)
    }

    fn wait_ahead(&mut self, address: u32, most: u32) -> Option<u32> {
        self.wait_for_register_within(address, most)
    }

    fn load_register(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        self.wait_for_register(address)?;
        let now = self.now(cycle);
        self.chip.read_register(self.origin, address, now)
    }

    fn store_register(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        self.wait_for_register(address)?;
        self.store_to_peripheral(address, value, cycle)
    }

    fn bring_in(&mut self, address: u32) -> bool {
        if self.is_at_hand(address) {
            return true;
        }
        for end in [address, address.wrapping_add(LAST_BYTE)] {
            if is_flash(end) && self.chip.flash_cache.fill(self.origin.core, end - IROM_BASE) {
                self.chip.missed_lines += 1;
            }
        }
        self.chip.platform.attention = true;
        false
    }

    /// An instruction may lie across two lines.
    #[inline]
    fn is_at_hand(&self, address: u32) -> bool {
        // In silicon's time cores ask before they execute what may have gone again.
        if self.waits() {
            return true;
        }
        [address, address.wrapping_add(LAST_BYTE)]
            .into_iter()
            .all(|end| !is_flash(end) || self.chip.flash_cache.holds(self.origin.core, end - IROM_BASE))
    }

    #[inline(always)]
    fn load8(&mut self, address: u32, cycle: u32) -> Result<u8, Fault> {
        if let Some([value]) = bytes(self.chip.ram.sram.dram(), address.wrapping_sub(DRAM_BASE) as usize) {
            return Ok(value);
        }
        if let Some([value]) = self.drom(address) {
            return Ok(value);
        }
        self.load_elsewhere(address, 1, cycle).map(|value| value as u8)
    }

    #[inline(always)]
    fn load16(&mut self, address: u32, cycle: u32) -> Result<u16, Fault> {
        if let Some(value) = bytes(self.chip.ram.sram.dram(), address.wrapping_sub(DRAM_BASE) as usize) {
            return Ok(u16::from_le_bytes(value));
        }
        if let Some(value) = self.drom(address) {
            return Ok(u16::from_le_bytes(value));
        }
        self.load_elsewhere(address, 2, cycle).map(|value| value as u16)
    }

    #[inline(always)]
    fn load32(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        if let Some(value) = bytes(self.chip.ram.sram.dram(), address.wrapping_sub(DRAM_BASE) as usize) {
            return Ok(u32::from_le_bytes(value));
        }
        if let Some(value) = self.drom(address) {
            return Ok(u32::from_le_bytes(value));
        }
        if !is_register(address)
            && let Some(word) = self.code_word(address)
        {
            if self.waits() {
                self.wait_for_memory(address)?;
            }
            return Ok(word);
        }
        self.load_elsewhere(address, 4, cycle)
    }

    #[inline(always)]
    fn store8(&mut self, address: u32, value: u8, cycle: u32) -> Result<Stored, Fault> {
        let offset = address.wrapping_sub(DRAM_BASE) as usize;
        if put(self.chip.ram.sram.dram_mut(), offset, [value]) {
            return Ok(self.touch_dram(offset));
        }
        self.store_elsewhere(address, 1, u32::from(value), cycle)
    }

    #[inline(always)]
    fn store16(&mut self, address: u32, value: u16, cycle: u32) -> Result<Stored, Fault> {
        let offset = address.wrapping_sub(DRAM_BASE) as usize;
        if put(self.chip.ram.sram.dram_mut(), offset, value.to_le_bytes()) {
            return Ok(self.touch_dram(offset));
        }
        self.store_elsewhere(address, 2, u32::from(value), cycle)
    }

    #[inline(always)]
    fn store32(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        let offset = address.wrapping_sub(DRAM_BASE) as usize;
        if put(self.chip.ram.sram.dram_mut(), offset, value.to_le_bytes()) {
            return Ok(self.touch_dram(offset));
        }
        self.store_elsewhere(address, 4, value, cycle)
    }

    fn check_store8(&self, address: u32) -> Result<(), Fault> {
        match within(address, DRAM_BASE, DRAM_SIZE) {
            Some(_) => Ok(()),
            None => match self.store_target(address, 1)? {
                Target::Peripheral if !self.chip.platform.answers_at(address) => Err(Fault::Unmapped),
                _ => Ok(()),
            },
        }
    }

    #[inline(always)]
    fn executing(&mut self, address: u32) {
        self.origin.pc = address;
    }

    fn interrupted(&mut self, from: u32, vector: u32, level: u32, cycle: u32) {
        let interrupt = InterruptTaken { core: self.origin.core, from, vector, level, at: self.now(cycle) };
        self.chip.platform.events.interrupt(interrupt);
    }

    #[inline(always)]
    fn attention(&self) -> bool {
        self.chip.platform.attention
    }

    #[inline]
    fn code_version(&self, address: u32) -> u32 {
        match self.code_ram(address) {
            Some(Code::Iram(offset)) => self.chip.ram.versions.iram[offset / CODE_PAGE],
            Some(Code::Sram1(offset)) => self.chip.ram.versions.sram1[sram1_page(offset)],
            Some(Code::RtcFast(offset)) => self.chip.ram.versions.rtc_fast[offset / CODE_PAGE],
            Some(Code::RtcSlow(offset)) => self.chip.ram.versions.rtc_slow[offset / CODE_PAGE],
            None => 0,
        }
    }

    fn note_decoded(&mut self, address: u32) -> u32 {
        let Some(code) = self.code_ram(address) else { return 0 };
        let versions = &mut self.chip.ram.versions;
        note_decoded(match code {
            Code::Iram(offset) => &mut versions.iram[offset / CODE_PAGE],
            Code::Sram1(offset) => &mut versions.sram1[sram1_page(offset)],
            Code::RtcFast(offset) => &mut versions.rtc_fast[offset / CODE_PAGE],
            Code::RtcSlow(offset) => &mut versions.rtc_slow[offset / CODE_PAGE],
        })
    }

    #[inline]
    fn code_memory(&self, address: u32) -> CodeMemory {
        if self.code_ram(address).is_some() {
            CodeMemory::Writable
        } else if within(address, ROM_BASE, ROM_SIZE).is_some() {
            CodeMemory::Fixed
        } else {
            CodeMemory::Mapped
        }
    }

    fn window_layout(&self) -> WindowLayout {
        WindowLayout {
            data: Window { base: DRAM_BASE, size: DRAM_SIZE as u32 },
            versioned_from: sram1_start() as u32,
            code: Window::default(),
            words: Window { base: IRAM_BASE, size: IRAM_SIZE as u32 },
            paged: Window { base: DROM_BASE, size: DROM_SIZE },
            cached: self.waits(),
            registers: Window { base: REGISTERS_BASE, size: REGISTERS_SIZE },
        }
    }

    fn windows(&mut self) -> Option<Windows<'_>> {
        // In silicon's time a register takes its time each time.
        let steady = if self.waits() { &SteadyWords::NONE } else { self.chip.platform.steady() };
        let lines = lines(&self.chip.waits, self.origin.core);
        let Ram { sram, versions, .. } = &mut self.chip.ram;
        let (dram, iram) = sram.split_mut();
        Some(Windows {
            data: dram,
            data_versions: &versions.sram1[..],
            words: iram,
            word_versions: &versions.iram[..],
            steady,
            lines,
        })
    }

    #[inline]
    fn steady_until(&mut self, cycle: u32) -> u32 {
        if self.waits() {
            return u32::MAX;
        }
        match self.chip.platform.steady_until(self.now(cycle)) {
            Time::MAX => u32::MAX,
            until => {
                let cycles = until.since(self.start).ticks().div_ceil(self.clock.ticks_per_cycle());
                cycles.try_into().unwrap_or(u32::MAX)
            }
        }
    }

    fn looked_at_steady(&mut self, cycle: u32) {
        let now = self.now(cycle);
        self.chip.platform.tick(now);
    }

    fn page_generation(&self) -> u64 {
        u64::from(self.chip.platform.code_epoch)
    }

    fn page(&self, number: usize) -> Option<Arc<Page>> {
        self.chip.shared_flash_page(self.origin.core, number)
    }

    #[inline(always)]
    fn code_epoch(&self) -> u32 {
        self.chip.platform.code_epoch
    }

    fn code_state(&self) -> CodeState {
        Chip::code_state(self.chip)
    }

    fn unmodelled_instruction(&mut self, mnemonic: &'static str, pc: u32) {
        self.chip.platform.note_unmodelled_instruction(mnemonic, Origin { pc, ..self.origin });
    }
}

impl ChipBus for CoreBus<'_> {
    fn note_read(&mut self, address: u32, length: u32) {
        let entry = match address.wrapping_sub(DROM_BASE) {
            offset if offset < DROM_SIZE => (offset >> 16) as usize,
            _ if is_flash(address) => FIRST_INSTRUCTION_ENTRY + ((address - INSTRUCTION_BUS) >> 16) as usize,
            _ => return,
        };
        let page = self.chip.pages[self.origin.core & 1].get(entry).copied().flatten();
        if let Some(page) = page {
            let offset = usize::from(page) << 16 | (address & 0xFFFF) as usize;
            self.chip.platform.parts.flash.note_read(offset, length as usize);
        }
    }

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
        let dram = bytes(self.chip.ram.sram.dram(), address.wrapping_sub(DRAM_BASE) as usize);
        let word = dram.or_else(|| self.flash_data(address)).or_else(|| self.data_word(address));
        word.map(u32::from_le_bytes).or_else(|| self.code_word(address))
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
