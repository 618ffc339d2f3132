//! A SPI NOR flash chip: Winbond W25Q16/32/64/128FV, after the datasheet of the W25Q32FV.
//!
//! Single, dual and quad instructions of the SPI mode are modelled with status registers, block protection and busy times.
//! Not modelled: QPI mode, continuous read, individual block locks, security registers. Instructions that the model does not
//! have are ignored, as the chip ignores what it does not know, and the data lines stay high.
//!
//! The functions that a transfer runs through are `#[inline]`, so that they are compiled where the machine is, with its optimisation:
//! in a build for development this crate has none.
//!
//! Power that is lost while the chip programs or erases leaves what [`torn`] describes. A status register that is being written then
//! has its new value.

mod command;
mod execute;
mod history;
mod identity;
mod sectors;
mod status;
mod storage;
#[cfg(test)]
mod tests;
mod torn;
#[cfg(test)]
mod torn_tests;

use std::sync::Arc;

use espalier_core::{Span, SpiTarget, SpiTransaction, Time};

use command::Instruction;
use status::Status;
use storage::Storage;
use torn::{UnderWay, Unstable};

pub use history::{FlashHistory, FlashMemory, FlashOperation, FlashReplay};
pub use sectors::{FLASH_SECTOR_SIZE, FlashSectors};
pub use storage::FLASH_CHUNK_SIZE;
pub use torn::{FlashOperationKind, Progress};

const MEGABYTE: usize = 0x10_0000;
/// The level that the controller reads from an undriven line.
const IDLE_LINE: u8 = 0xFF;

/// A violation of the flash chip's protocol by the host.
///
/// ```
/// use espalier_parts::FlashSize;
///
/// let error = FlashSize::try_from(3 << 20).unwrap_err();
/// assert_eq!(error.to_string(), "no flash chip has 0x300000 bytes: 2, 4, 8 and 16 MiB exist");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlashError {
    #[error("{length} bytes at {offset:#x} do not fit into a flash of {size:#x} bytes")]
    OutOfRange { offset: usize, length: usize, size: usize },
    #[error("no flash chip has {0:#x} bytes: 2, 4, 8 and 16 MiB exist")]
    UnsupportedSize(usize),
}

/// Capacity of a chip.
///
/// ```
/// use espalier_parts::FlashSize;
///
/// assert_eq!(FlashSize::try_from(4 << 20), Ok(FlashSize::Mb4));
/// assert_eq!(FlashSize::Mb4.bytes(), 4 << 20);
/// ```
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

/// Time for which the chip is busy with an operation that changes it.
///
/// ```
/// use espalier_parts::{FlashChip, FlashSize, FlashTiming};
///
/// let mut flash = FlashChip::new(FlashSize::Mb4);
/// flash.set_timing(FlashTiming::Typical);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlashTiming {
    /// Ten microseconds for everything, so that tests do not wait for erases; software still sees BUSY.
    #[default]
    Quick,
    /// Typical times of the datasheet (chapter 9.6).
    Typical,
}

/// The chip. A clone shares all memory with its original until one of them writes.
///
/// ```
/// use espalier_parts::{FlashChip, FlashSize};
///
/// let mut flash = FlashChip::new(FlashSize::Mb4);
/// flash.load(0x1000, b"bootloader")?;
/// assert_eq!(flash.read(0x100A, 2)?, [0xFF, 0xFF], "the rest is erased");
/// # Ok::<(), espalier_parts::FlashError>(())
/// ```
#[derive(Clone)]
pub struct FlashChip {
    size: FlashSize,
    timing: FlashTiming,
    storage: Storage,
    status: Status,
    /// The value of `status` after power-up.
    stored_status: Status,
    write_enabled: bool,
    volatile_status_enabled: bool,
    busy_until: Time,
    /// Busy time left to a suspended erase or program.
    suspended: Option<Span>,
    powered_down: bool,
    reset_enabled: bool,
    /// The last erase or program, which may have ended.
    under_way: Option<UnderWay>,
    /// Bits that lost power has left between 0 and 1.
    unstable: Unstable,
    /// The operations on the memory, if they are recorded.
    history: Option<Box<FlashHistory>>,
    /// The sectors that were read, if reads are watched.
    reads: Option<Box<FlashSectors>>,
}

espalier_core::persist! {
    state FlashChip {
        storage, status, stored_status, write_enabled, volatile_status_enabled, busy_until, suspended, powered_down,
        reset_enabled, under_way, unstable
    } fixed { size, timing, history, reads }
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
            under_way: None,
            unstable: Unstable::default(),
            history: None,
            reads: None,
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

    /// The memory of the `page`-th 64 KiB as it is now, to be kept.
    pub fn shared_chunk(&self, page: usize) -> Arc<[u8; FLASH_CHUNK_SIZE]> {
        self.storage.shared_chunk(page)
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
    ///
    /// # Errors
    /// If the bytes go beyond the end of the chip.
    pub fn load(&mut self, offset: usize, data: &[u8]) -> Result<(), FlashError> {
        self.storage.load(offset, data)?;
        self.unstable.after(&(offset..offset + data.len()), None);
        Ok(())
    }

    /// Reads memory from the host's side.
    ///
    /// # Errors
    /// If the bytes go beyond the end of the chip.
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

    /// Takes the chip's supply away at `now` and gives it back. An erase or program that was under way leaves torn content, by `seed`.
    pub fn lose_power(&mut self, now: Time, seed: u64) {
        let rest = self.suspended.unwrap_or(self.busy_until.since(now));
        if let Some(under_way) = self.under_way.take()
            && rest > Span::ZERO
        {
            under_way.tear(under_way.progress(rest), seed, &mut self.storage, &mut self.unstable);
        }
        self.unstable.draw_again(&mut self.storage);
        self.stored_status.clear_power_supply_lock();
        self.reset();
    }

    /// The memory as it is now, to be kept or put into another chip of this size.
    pub fn content(&self) -> FlashMemory {
        FlashMemory { storage: self.storage.clone(), unstable: self.unstable.clone() }
    }

    /// Replaces the memory by that of a chip of the same size.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn set_content(&mut self, content: &FlashMemory) -> Result<(), FlashError> {
        if content.size() != self.size.bytes() {
            return Err(FlashError::OutOfRange { offset: 0, length: content.size(), size: self.size.bytes() });
        }
        self.storage.become_like(&content.storage);
        self.unstable = content.unstable.clone();
        self.under_way = None;
        Ok(())
    }

    /// Records from now on what instructions do to the memory, as long as that takes no more than `limit` bytes.
    pub fn record_history(&mut self, limit: usize) {
        self.history = Some(Box::new(FlashHistory::new(self.content(), limit)));
    }

    /// Notes from now on which sectors are read, or forgets them. Who reads past the chip's instructions, such as a cache, says so by
    /// [`note_read`](FlashChip::note_read).
    pub fn watch_reads(&mut self, watch: bool) {
        self.reads = watch.then(Box::default);
    }

    /// These bytes are read.
    #[inline]
    pub fn note_read(&mut self, offset: usize, length: usize) {
        if let Some(reads) = &mut self.reads {
            let start = offset % self.size.bytes();
            reads.insert(&(start..(start + length).min(self.size.bytes())));
        }
    }

    /// The sectors that were read.
    pub fn reads(&self) -> Option<&FlashSectors> {
        self.reads.as_deref()
    }

    /// Returns the recorded operations.
    pub fn history(&self) -> Option<&FlashHistory> {
        self.history.as_deref()
    }

    /// Resets the chip, as a supply cycle and the reset instruction do.
    fn reset(&mut self) {
        self.status = self.stored_status;
        self.write_enabled = false;
        self.volatile_status_enabled = false;
        self.busy_until = Time::ZERO;
        self.suspended = None;
        self.powered_down = false;
        self.reset_enabled = false;
    }
}

impl SpiTarget for FlashChip {
    #[inline]
    fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], now: Time) {
        miso.fill(IDLE_LINE);
        if let Some(instruction) = Instruction::new(transaction) {
            self.execute(&instruction, miso, now);
        }
    }
}

/// The size and where it stands: a whole memory does not fit into a message.
impl std::fmt::Debug for FlashChip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FlashChip({:?}, {:?}, {} changes)", self.size, self.status, self.changes())
    }
}
