//! Flat memory with nothing else on the bus.

use std::collections::BTreeSet;
use std::ops::Range;

use espalier_core::{
    Bus, CODE_PAGE, CacheLines, CodeMemory, Fault, SteadyWords, Stored, Window, WindowLayout, Windows,
};

/// Memory from address 0 on. External registers read as the complement of their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flat {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Stores below this address are refused.
    pub writable_from: u32,
    /// The fault of accesses beyond the end.
    pub missing: Fault,
    /// Stores from this address on make the bus want [`Bus::attention`].
    pub attentive_from: u32,
    /// Words from this address on are registers of devices, which read differently in each cycle, and are written so. Of eight, one refuses
    /// what is written; in some cycles, another one makes the bus want attention, and one changes code behind [`OVERWRITTEN`].
    pub registers_from: u32,
    /// Cycles for which a core waits for each of them.
    pub register_wait: u32,
    /// The register that was waited for.
    granted: Option<u32>,
    /// Set by such stores.
    pub attention: bool,
    /// Lines of [`LINE`] bytes whose code has to be waited for once.
    pub absent: BTreeSet<u32>,
    /// Cycles before the present run.
    pub base: u64,
    /// When such stores came, and where to.
    pub attended: Vec<(u64, u32)>,
    /// Code and data that cannot be written come through a cache.
    pub cached: bool,
    /// The lines that the cache holds.
    pub lines: CacheLines,
    /// Cycles for which the last access waits.
    pub wait: u32,
    /// Counts changes of address translation.
    pub epoch: u32,
    /// Instructions whose effect is not public, where they were.
    pub unmodelled: Vec<(&'static str, u32)>,
    /// Version of each page that code was decoded from: counts its writes; odd while code is decoded from it.
    versions: Vec<u32>,
}

/// Where code begins that a device changes.
const OVERWRITTEN: u32 = 0x400;
/// Bytes of a line of code.
pub const LINE: u32 = 32;
/// Cycles for which a core waits for a line of the cache.
pub const MISS: u32 = 21;
/// Offset of the last byte of the longest instruction.
const LAST_BYTE: u32 = 2;
/// Bit of a version that says that code was decoded from the page.
const DECODED: u32 = 1;

impl Flat {
    /// Memory of `size` bytes that starts with `image`.
    pub fn new(size: usize, image: &[u8]) -> Flat {
        let mut bytes = image.to_vec();
        bytes.resize(size, 0);
        Flat {
            bytes,
            writable_from: 0,
            missing: Fault::Prohibited,
            attentive_from: u32::MAX,
            registers_from: u32::MAX,
            register_wait: 0,
            granted: None,
            attention: false,
            base: 0,
            absent: BTreeSet::new(),
            attended: Vec::new(),
            cached: false,
            lines: CacheLines::EMPTY,
            wait: 0,
            epoch: 0,
            unmodelled: Vec::new(),
            versions: vec![0; size.div_ceil(CODE_PAGE as usize)],
        }
    }

    fn read<const N: usize>(&self, address: u32) -> Result<[u8; N], Fault> {
        let start = address as usize;
        self.bytes.get(start..start + N).and_then(|bytes| bytes.try_into().ok()).ok_or(self.missing)
    }

    /// Waits for the register at `address`, unless that is over.
    fn wait_for_register(&mut self, address: u32) -> Result<(), Fault> {
        if address < self.registers_from || self.register_wait == 0 || self.granted.take() == Some(address) {
            return Ok(());
        }
        self.granted = Some(address);
        self.wait += self.register_wait;
        Err(Fault::Wait)
    }

    /// A number that is another one in each cycle.
    fn noise(&self, cycle: u32) -> u32 {
        (self.base as u32).wrapping_add(cycle).wrapping_mul(0x9E37_79B9) >> 7
    }

    /// Waits for the line at `address` if it is not in the cache.
    fn look_up(&mut self, address: u32) -> Result<(), Fault> {
        if self.cached && (address as usize) < self.window().start && self.lines.fill(address) {
            self.wait += MISS;
            return Err(Fault::Wait);
        }
        Ok(())
    }

    fn write<const N: usize>(&mut self, address: u32, value: [u8; N], cycle: u32) -> Result<Stored, Fault> {
        let start = address as usize;
        if address >= self.attentive_from {
            self.attention = true;
            self.attended.push((self.base + u64::from(cycle), address));
        }
        self.check(address, N)?;
        self.bytes[start..start + N].copy_from_slice(&value);
        let version = &mut self.versions[start / CODE_PAGE as usize];
        let decoded = *version & DECODED;
        *version += decoded;
        Ok(if decoded == 0 { Stored::Data } else { Stored::Code })
    }

    /// The memory that translated code may read and write by itself: whole pages that can be written.
    fn window(&self) -> Range<usize> {
        let start = (self.writable_from as usize).next_multiple_of(CODE_PAGE as usize);
        let end = self.bytes.len().min(self.attentive_from.min(self.registers_from) as usize);
        start.min(end)..end
    }

    fn check(&self, address: u32, size: usize) -> Result<(), Fault> {
        match address {
            _ if address < self.writable_from => Err(Fault::ReadOnly),
            _ if address as usize + size > self.bytes.len() => Err(self.missing),
            _ => Ok(()),
        }
    }
}

impl Bus for Flat {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.read(address).map(u32::from_le_bytes)
    }

    fn bring_in(&mut self, address: u32) -> bool {
        let was_there = self.is_at_hand(address);
        [address, address.wrapping_add(LAST_BYTE)].iter().for_each(|byte| _ = self.absent.remove(&(byte / LINE)));
        was_there
    }

    fn is_at_hand(&self, address: u32) -> bool {
        [address, address.wrapping_add(LAST_BYTE)].iter().all(|byte| !self.absent.contains(&(byte / LINE)))
    }

    fn code(&self, address: u32, length: usize) -> Option<&[u8]> {
        self.bytes.get(address as usize..(address as usize).checked_add(length)?)
    }

    fn wait_for_code(&mut self, first: u32, last: u32) -> u32 {
        let missed = self.lines.fill(first) as u32 + self.lines.fill(last) as u32;
        MISS * missed
    }

    fn take_wait(&mut self) -> u32 {
        std::mem::take(&mut self.wait)
    }

    fn wait_ahead(&mut self, address: u32, most: u32) -> Option<u32> {
        match self.granted {
            Some(granted) if granted == address => Some(0),
            _ if self.register_wait > most => None,
            _ => {
                self.granted = Some(address);
                Some(self.register_wait)
            }
        }
    }

    fn code_memory(&self, address: u32) -> CodeMemory {
        let never_changes = address | (CODE_PAGE - 1) < self.writable_from;
        if self.cached && never_changes { CodeMemory::Mapped } else { CodeMemory::Writable }
    }

    fn load8(&mut self, address: u32, _: u32) -> Result<u8, Fault> {
        self.look_up(address)?;
        self.read(address).map(u8::from_le_bytes)
    }

    fn load16(&mut self, address: u32, _: u32) -> Result<u16, Fault> {
        self.look_up(address)?;
        self.read(address).map(u16::from_le_bytes)
    }

    fn load32(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        self.look_up(address)?;
        self.wait_for_register(address)?;
        let word = self.read(address).map(u32::from_le_bytes)?;
        Ok(if address < self.registers_from { word } else { word ^ self.noise(cycle) })
    }

    fn store8(&mut self, address: u32, value: u8, cycle: u32) -> Result<Stored, Fault> {
        self.write(address, value.to_le_bytes(), cycle)
    }

    fn store16(&mut self, address: u32, value: u16, cycle: u32) -> Result<Stored, Fault> {
        self.write(address, value.to_le_bytes(), cycle)
    }

    fn store32(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        if address < self.registers_from {
            return self.write(address, value.to_le_bytes(), cycle);
        }
        self.wait_for_register(address)?;
        let noise = self.noise(cycle);
        match address / 4 % 8 {
            3 => return Err(Fault::Prohibited),
            5 => self.attention |= noise.is_multiple_of(4),
            6 if noise.is_multiple_of(16) => {
                let code = OVERWRITTEN + (value & 0x7c);
                let other = u32::from_le_bytes(self.read(code)?) ^ 1 << 20;
                return self.write(code, other.to_le_bytes(), cycle);
            }
            _ => {}
        }
        self.write(address, (value ^ noise).to_le_bytes(), cycle)
    }

    fn check_store8(&self, address: u32) -> Result<(), Fault> {
        self.check(address, 1)
    }

    fn attention(&self) -> bool {
        self.attention
    }

    fn code_version(&self, address: u32) -> u32 {
        self.versions.get(address as usize / CODE_PAGE as usize).copied().unwrap_or(0)
    }

    fn note_decoded(&mut self, address: u32) -> u32 {
        let Some(version) = self.versions.get_mut(address as usize / CODE_PAGE as usize) else { return 0 };
        *version |= DECODED;
        *version
    }

    fn unmodelled_instruction(&mut self, mnemonic: &'static str, pc: u32) {
        self.unmodelled.push((mnemonic, pc));
    }

    fn window_layout(&self) -> WindowLayout {
        let (data, end) = (self.window(), self.bytes.len() as u32);
        let size = end.saturating_sub(self.registers_from);
        WindowLayout {
            data: Window { base: data.start as u32, size: data.len() as u32 },
            registers: Window { base: end - size, size },
            ..WindowLayout::default()
        }
    }

    fn windows(&mut self) -> Option<Windows<'_>> {
        let data = self.window();
        let versions = &self.versions[data.start / CODE_PAGE as usize..];
        let data = &mut self.bytes[data];
        Some(Windows {
            data,
            data_versions: versions,
            words: &[],
            word_versions: &[],
            steady: &SteadyWords::NONE,
            lines: &self.lines,
        })
    }

    fn code_epoch(&self) -> u32 {
        self.epoch
    }

    fn read_external(&mut self, address: u32, _: u32) -> u32 {
        !address
    }

    fn write_external(&mut self, _: u32, _: u32, _: u32) {}
}
