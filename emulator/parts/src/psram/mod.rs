//! A serial PSRAM: AP Memory APS1604M, APS3204 and APS6404L, after the datasheet of the APS6404L-3SQR.
//!
//! The chip has the flash chip's data lines and a chip select of its own. Software identifies it and switches it to four lines by
//! transactions; after that the cache of the chip reads and writes it, for which [`Psram::page`] and [`Psram::page_mut`] are there.
//! Instructions work in both modes, since a transaction does not tell on how many lines it comes. Not modelled: bursts that wrap,
//! clock limits, refresh.

mod command;
mod storage;
#[cfg(test)]
mod tests;

use espalier_core::{SpiTarget, SpiTransaction, Time};

use command::{Frame, Instruction};
pub use storage::PSRAM_PAGE_SIZE;
use storage::Storage;

const MEGABYTE: usize = 0x10_0000;
/// The level that the controller reads from an undriven line.
const IDLE_LINE: u8 = 0xFF;
/// Manufacturer, and "known good die" (datasheet, "Read ID").
const MANUFACTURER: u8 = 0x0D;
const KNOWN_GOOD_DIE: u8 = 0x5D;
/// The bits of EID below its density. Zero there is the first revision of the smaller chips, which wants two clocks more in each transaction.
const REVISION: u8 = 1;
const DENSITY_SHIFT: u32 = 5;
/// Bytes of the extended identification.
const EXTENDED_ID: usize = 6;

/// No PSRAM has this size.
///
/// ```
/// use espalier_parts::PsramSize;
///
/// let error = PsramSize::try_from(3 << 20).unwrap_err();
/// assert_eq!(error.to_string(), "no PSRAM has 0x300000 bytes: 2, 4 and 8 MiB exist");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no PSRAM has {0:#x} bytes: 2, 4 and 8 MiB exist")]
pub struct PsramSizeError(pub usize);

/// Capacity of a PSRAM.
///
/// ```
/// use espalier_parts::PsramSize;
///
/// assert_eq!(PsramSize::try_from(8 << 20), Ok(PsramSize::Mb8));
/// assert_eq!(PsramSize::Mb8.bytes(), 8 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PsramSize {
    Mb2,
    Mb4,
    Mb8,
}

impl PsramSize {
    /// Returns the number of bytes.
    pub const fn bytes(self) -> usize {
        match self {
            PsramSize::Mb2 => 2 * MEGABYTE,
            PsramSize::Mb4 => 4 * MEGABYTE,
            PsramSize::Mb8 => 8 * MEGABYTE,
        }
    }

    /// Returns the first byte of the extended identification, whose upper three bits are the density.
    fn extended_id(self) -> u8 {
        let density = match self {
            PsramSize::Mb2 => 0,
            PsramSize::Mb4 => 1,
            PsramSize::Mb8 => 2,
        };
        density << DENSITY_SHIFT | REVISION
    }
}

impl TryFrom<usize> for PsramSize {
    type Error = PsramSizeError;

    fn try_from(bytes: usize) -> Result<PsramSize, PsramSizeError> {
        let sizes = [PsramSize::Mb2, PsramSize::Mb4, PsramSize::Mb8];
        sizes.into_iter().find(|size| size.bytes() == bytes).ok_or(PsramSizeError(bytes))
    }
}

/// The chip. A clone shares all memory with its original until one of them writes.
///
/// ```
/// use espalier_parts::{PSRAM_PAGE_SIZE, Psram, PsramSize};
///
/// let mut psram = Psram::new(PsramSize::Mb4);
/// psram.page_mut(3)[0] = 7;
/// let pages = PsramSize::Mb4.bytes() / PSRAM_PAGE_SIZE;
/// assert_eq!(psram.page(pages + 3)[0], 7, "addresses past its end are those from its start");
/// ```
#[derive(Clone, Debug)]
pub struct Psram {
    size: PsramSize,
    storage: Storage,
}

espalier_core::persist!(state Psram { storage } fixed { size });

impl Psram {
    /// A chip after power-up, which reads as zeros.
    pub fn new(size: PsramSize) -> Psram {
        Psram { size, storage: Storage::new(size.bytes()) }
    }

    /// Returns the capacity.
    pub fn size(&self) -> PsramSize {
        self.size
    }

    /// Returns the memory of a page of [`PSRAM_PAGE_SIZE`] bytes.
    #[inline]
    pub fn page(&self, number: usize) -> &[u8; PSRAM_PAGE_SIZE] {
        self.storage.page(number)
    }

    /// The same to be written.
    #[inline]
    pub fn page_mut(&mut self, number: usize) -> &mut [u8; PSRAM_PAGE_SIZE] {
        self.storage.page_mut(number)
    }

    /// The chip has no power: its content is gone.
    pub fn lose_power(&mut self) {
        self.storage = Storage::new(self.size.bytes());
    }

    fn id_byte(&self, position: usize) -> u8 {
        match position % (2 + EXTENDED_ID) {
            0 => MANUFACTURER,
            1 => KNOWN_GOOD_DIE,
            2 => self.size.extended_id(),
            _ => 0,
        }
    }
}

impl SpiTarget for Psram {
    fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], _now: Time) {
        miso.fill(IDLE_LINE);
        let frame = Frame::of(transaction);
        let Some(address) = frame.address() else { return };
        let (idle, skipped) = frame.answer();
        let miso = miso.get_mut(idle..).unwrap_or_default();
        match frame.instruction() {
            Some(Instruction::Read) => self.storage.read(address + skipped, miso),
            Some(Instruction::Write) => self.storage.write(address, frame.data()),
            Some(Instruction::ReadId) => {
                for (index, byte) in miso.iter_mut().enumerate() {
                    *byte = self.id_byte(skipped + index);
                }
            }
            None => {}
        }
    }
}
