//! A SPI NOR flash chip: Winbond W25Q16/32/64/128FV, after the datasheet of the W25Q32FV.
//!
//! Single, dual and quad instructions of the SPI mode are modelled with status registers, block protection and busy times.
//! Not modelled: QPI mode, continuous read, individual block locks, security registers. Instructions that the model does not
//! have are ignored, as the chip ignores what it does not know, and the data lines stay high.

mod command;
mod identity;
mod status;
mod storage;
#[cfg(test)]
mod tests;

use espalier_core::{Span, SpiTarget, SpiTransaction, Time};

use command::{Frame, opcode};
use status::{BUSY, SUS, Status, WEL};
use storage::Storage;

pub use storage::FLASH_CHUNK_SIZE;

const PAGE_SIZE: usize = 256;
const SECTOR_SIZE: usize = 0x1000;
const HALF_BLOCK_SIZE: usize = 0x8000;
const BLOCK_SIZE: usize = 0x1_0000;
const MEGABYTE: usize = 0x10_0000;
/// What the controller reads from a line that nobody drives.
const IDLE_LINE: u8 = 0xFF;
/// What 4Bh returns. Every chip has another number; this model's chips share one, so that runs are alike.
const UNIQUE_ID: [u8; 8] = *b"\xE6\x4C\x3D\x52\x27\x1A\x0B\x29";

/// What a host can do wrong with a flash chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlashError {
    #[error("{length} bytes at {offset:#x} do not fit into a flash of {size:#x} bytes")]
    OutOfRange { offset: usize, length: usize, size: usize },
    #[error("no flash chip has {0:#x} bytes: 2, 4, 8 and 16 MiB exist")]
    UnsupportedSize(usize),
}

/// Capacity of a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlashSize {
    Mb2,
    Mb4,
    Mb8,
    Mb16,
}

impl FlashSize {
    pub const fn bytes(self) -> usize {
        match self {
            FlashSize::Mb2 => 2 * MEGABYTE,
            FlashSize::Mb4 => 4 * MEGABYTE,
            FlashSize::Mb8 => 8 * MEGABYTE,
            FlashSize::Mb16 => 16 * MEGABYTE,
        }
    }
}

impl TryFrom<usize> for FlashSize {
    type Error = FlashError;

    fn try_from(bytes: usize) -> Result<FlashSize, FlashError> {
        [FlashSize::Mb2, FlashSize::Mb4, FlashSize::Mb8, FlashSize::Mb16]
            .into_iter()
            .find(|size| size.bytes() == bytes)
            .ok_or(FlashError::UnsupportedSize(bytes))
    }
}

/// How long the chip is busy after it was told to change something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlashTiming {
    /// Ten microseconds for everything, so that tests do not wait for erases; software still sees BUSY.
    #[default]
    Quick,
    /// Typical times of the datasheet (chapter 9.6).
    Typical,
}

#[derive(Clone, Copy)]
enum Operation {
    Program,
    EraseSector,
    EraseHalfBlock,
    EraseBlock,
    EraseChip,
    WriteStatus,
}

/// The chip. A clone shares all memory with its original until one of them writes.
#[derive(Clone)]
pub struct FlashChip {
    size: FlashSize,
    timing: FlashTiming,
    storage: Storage,
    status: Status,
    /// What `status` is after power-up.
    stored_status: Status,
    write_enabled: bool,
    volatile_status_enabled: bool,
    busy_until: Time,
    /// Busy time left to a suspended erase or program.
    suspended: Option<Span>,
    powered_down: bool,
    reset_enabled: bool,
}

impl FlashChip {
    /// An erased chip as the factory ships it.
    pub fn new(size: FlashSize) -> FlashChip {
        FlashChip {
            size,
            timing: FlashTiming::default(),
            storage: Storage::erased(size.bytes()),
            status: Status::factory(),
            stored_status: Status::factory(),
            write_enabled: false,
            volatile_status_enabled: false,
            busy_until: Time::ZERO,
            suspended: None,
            powered_down: false,
            reset_enabled: false,
        }
    }

    pub fn size(&self) -> FlashSize {
        self.size
    }

    pub fn set_timing(&mut self, timing: FlashTiming) {
        self.timing = timing;
    }

    /// The memory of the `page`-th 64 KiB; past the end it starts again, as the chip ignores address bits it does not have.
    #[inline]
    pub fn chunk(&self, page: usize) -> &[u8; FLASH_CHUNK_SIZE] {
        self.storage.chunk(page)
    }

    /// Counts the changes of the `page`-th 64 KiB.
    #[inline]
    pub fn version(&self, page: usize) -> u32 {
        self.storage.version(page)
    }

    /// Counts the changes of the whole memory.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.storage.changes()
    }

    /// Writes memory from the host's side, regardless of protection and of what was there.
    pub fn load(&mut self, offset: usize, data: &[u8]) -> Result<(), FlashError> {
        self.storage.load(offset, data)
    }

    /// Reads memory from the host's side.
    pub fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, FlashError> {
        if offset.checked_add(length).is_none_or(|end| end > self.size.bytes()) {
            return Err(FlashError::OutOfRange { offset, length, size: self.size.bytes() });
        }
        let mut data = vec![0; length];
        self.storage.read(offset, &mut data);
        Ok(data)
    }

    /// The whole memory.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut data = vec![0; self.size.bytes()];
        self.storage.read(0, &mut data);
        data
    }

    /// Takes the chip's supply away and gives it back.
    pub fn power_cycle(&mut self) {
        self.stored_status.clear_power_supply_lock();
        self.reset();
    }

    fn reset(&mut self) {
        self.status = self.stored_status;
        self.write_enabled = false;
        self.volatile_status_enabled = false;
        self.busy_until = Time::ZERO;
        self.suspended = None;
        self.powered_down = false;
        self.reset_enabled = false;
    }

    fn execute(&mut self, frame: &Frame<'_>, miso: &mut [u8], now: Time) {
        if self.powered_down && frame.opcode != opcode::RELEASE_POWER_DOWN {
            return;
        }
        let reset_enabled = std::mem::replace(&mut self.reset_enabled, frame.opcode == opcode::ENABLE_RESET);
        match frame.opcode {
            opcode::READ_STATUS_1 => miso.fill(self.status_1(now)),
            opcode::READ_STATUS_2 => miso.fill(self.status_2()),
            opcode::READ_STATUS_3 => miso.fill(self.status.get(2)),
            opcode::RESET if reset_enabled => self.reset(),
            opcode::SUSPEND => self.suspend(now),
            _ if now < self.busy_until => {}
            _ => self.execute_idle(frame, miso, now),
        }
    }

    /// Instructions that a busy chip ignores.
    fn execute_idle(&mut self, frame: &Frame<'_>, miso: &mut [u8], now: Time) {
        match frame.opcode {
            opcode::WRITE_ENABLE => self.write_enabled = true,
            opcode::WRITE_DISABLE => self.write_enabled = false,
            opcode::WRITE_ENABLE_VOLATILE_STATUS => self.volatile_status_enabled = true,
            opcode::WRITE_STATUS_1 => self.write_status(0, frame, now),
            opcode::WRITE_STATUS_2 => self.write_status(1, frame, now),
            opcode::WRITE_STATUS_3 => self.write_status(2, frame, now),
            opcode::READ_DATA | opcode::FAST_READ | opcode::FAST_READ_DUAL_OUTPUT | opcode::FAST_READ_DUAL_IO => {
                self.read_memory(frame, miso);
            }
            opcode::FAST_READ_QUAD_OUTPUT | opcode::FAST_READ_QUAD_IO if self.status.quad_enabled() => {
                self.read_memory(frame, miso);
            }
            opcode::PAGE_PROGRAM => self.program(frame, now),
            opcode::QUAD_PAGE_PROGRAM if self.status.quad_enabled() => self.program(frame, now),
            opcode::SECTOR_ERASE => self.erase(frame, SECTOR_SIZE, Operation::EraseSector, now),
            opcode::BLOCK_ERASE_32K => self.erase(frame, HALF_BLOCK_SIZE, Operation::EraseHalfBlock, now),
            opcode::BLOCK_ERASE_64K => self.erase(frame, BLOCK_SIZE, Operation::EraseBlock, now),
            opcode::CHIP_ERASE | opcode::CHIP_ERASE_ALTERNATE => {
                self.change(0..self.size.bytes(), Operation::EraseChip, now, |storage, range| {
                    storage.erase(range.start, range.len());
                });
            }
            opcode::RESUME => self.resume(now),
            opcode::POWER_DOWN => self.powered_down = true,
            opcode::RELEASE_POWER_DOWN => {
                self.powered_down = false;
                miso.fill(identity::device_id(self.size));
            }
            opcode::JEDEC_ID => answer(miso, &identity::jedec_id(self.size)),
            opcode::MANUFACTURER_DEVICE_ID => {
                let swapped = frame.address().is_some_and(|address| address & 1 != 0);
                let (manufacturer, device) = (identity::MANUFACTURER, identity::device_id(self.size));
                answer(miso, &if swapped { [device, manufacturer] } else { [manufacturer, device] });
            }
            opcode::READ_UNIQUE_ID => answer(miso, &UNIQUE_ID),
            opcode::READ_SFDP => {
                if let Some(address) = frame.address() {
                    identity::read_sfdp(self.size, address, miso);
                }
            }
            _ => {}
        }
    }

    fn status_1(&self, now: Time) -> u8 {
        let busy = if now < self.busy_until { BUSY } else { 0 };
        let latch = if self.write_enabled { WEL } else { 0 };
        self.status.get(0) | busy | latch
    }

    fn status_2(&self) -> u8 {
        self.status.get(1) | if self.suspended.is_some() { SUS } else { 0 }
    }

    /// Writes one status register, or registers 1 and 2 at once if `first` is register 1 and two bytes follow.
    fn write_status(&mut self, first: usize, frame: &Frame<'_>, now: Time) {
        let volatile = std::mem::take(&mut self.volatile_status_enabled);
        let latched = std::mem::take(&mut self.write_enabled);
        if !(volatile || latched) || self.status.locked() || frame.length() == 0 {
            return;
        }
        let count = if first == 0 { 2 } else { 1 };
        for (register, value) in (0..count).filter_map(|index| Some((first + index, frame.byte(index)?))) {
            self.status.set(register, value);
            if latched {
                self.stored_status.set(register, value);
            }
        }
        if latched {
            self.busy_until = now + self.duration(Operation::WriteStatus);
        }
    }

    fn read_memory(&self, frame: &Frame<'_>, miso: &mut [u8]) {
        if let Some(address) = frame.address() {
            self.storage.read(address, miso);
        }
    }

    fn program(&mut self, frame: &Frame<'_>, now: Time) {
        let Some(address) = frame.address() else { return };
        let address = address % self.size.bytes();
        let page = address - address % PAGE_SIZE;
        let mut buffer = [0xFF; PAGE_SIZE];
        let mut sent = 0;
        // Past the end of a page the address wraps to its start; of more than 256 bytes the last ones count.
        for (index, byte) in frame.data().enumerate() {
            buffer[(address + index) % PAGE_SIZE] = byte;
            sent += 1;
        }
        if sent > 0 {
            self.change(page..page + PAGE_SIZE, Operation::Program, now, |storage, range| {
                storage.program(range.start, &buffer);
            });
        }
    }

    fn erase(&mut self, frame: &Frame<'_>, unit: usize, operation: Operation, now: Time) {
        let Some(address) = frame.address() else { return };
        let address = address % self.size.bytes();
        let start = address - address % unit;
        self.change(start..start + unit, operation, now, |storage, range| storage.erase(range.start, range.len()));
    }

    /// Runs an erase or program if the latch and the protection let it. Nothing is erased or programmed while another
    /// operation is suspended.
    fn change(
        &mut self,
        range: std::ops::Range<usize>,
        operation: Operation,
        now: Time,
        apply: impl FnOnce(&mut Storage, std::ops::Range<usize>),
    ) {
        let enabled = std::mem::take(&mut self.write_enabled);
        if !enabled || self.suspended.is_some() || self.status.protects(&range, self.size.bytes()) {
            return;
        }
        apply(&mut self.storage, range);
        self.busy_until = now + self.duration(operation);
    }

    fn suspend(&mut self, now: Time) {
        if now < self.busy_until {
            self.suspended = Some(self.busy_until.since(now));
            self.busy_until = now;
        }
    }

    fn resume(&mut self, now: Time) {
        if let Some(rest) = self.suspended.take() {
            self.busy_until = now + rest;
        }
    }

    fn duration(&self, operation: Operation) -> Span {
        if self.timing == FlashTiming::Quick {
            return Span::from_micros(10);
        }
        match operation {
            Operation::Program => Span::from_micros(700),
            Operation::EraseSector => Span::from_millis(45),
            Operation::EraseHalfBlock => Span::from_millis(120),
            Operation::EraseBlock => Span::from_millis(150),
            Operation::EraseChip => Span::from_millis(2500) * (self.size.bytes() / MEGABYTE) as u64,
            Operation::WriteStatus => Span::from_millis(10),
        }
    }
}

impl SpiTarget for FlashChip {
    fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], now: Time) {
        miso.fill(IDLE_LINE);
        if let Some(frame) = Frame::new(transaction) {
            self.execute(&frame, miso, now);
        }
    }
}

/// The size and where it stands: a whole memory does not fit into a message.
impl std::fmt::Debug for FlashChip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FlashChip({:?}, {:?}, {} changes)", self.size, self.status, self.changes())
    }
}

/// An answer that starts again when the controller reads on.
fn answer(miso: &mut [u8], bytes: &[u8]) {
    for (into, byte) in miso.iter_mut().zip(bytes.iter().cycle()) {
        *into = *byte;
    }
}
