//! Interfaces of the chip's blocks to devices and memory outside them.

use crate::time::Time;

/// A device on an I2C bus. Bytes and acknowledgements are those of the I2C-bus specification (NXP UM10204, chapter 3.1).
///
/// ```
/// use espalier_core::{I2cTarget, Time};
///
/// /// A target with one register.
/// #[derive(Default)]
/// struct Latch(u8);
///
/// impl I2cTarget for Latch {
///     fn start(&mut self, address: u8, _read: bool, _now: Time) -> bool {
///         address == 0x20
///     }
///
///     fn write(&mut self, byte: u8, _now: Time) -> bool {
///         self.0 = byte;
///         true
///     }
///
///     fn read(&mut self, _now: Time) -> u8 {
///         self.0
///     }
///
///     fn stop(&mut self, _now: Time) {}
/// }
///
/// let mut latch = Latch::default();
/// assert!(latch.start(0x20, false, Time::ZERO) && latch.write(7, Time::ZERO));
/// assert_eq!(latch.read(Time::ZERO), 7);
/// ```
pub trait I2cTarget {
    /// A start or repeated start condition with a 7-bit `address`. True acknowledges it.
    fn start(&mut self, address: u8, read: bool, now: Time) -> bool;

    /// The controller sends a byte. True acknowledges it.
    fn write(&mut self, byte: u8, now: Time) -> bool;

    /// The controller reads a byte.
    fn read(&mut self, now: Time) -> u8;

    /// A stop condition.
    fn stop(&mut self, now: Time);
}

/// One transaction of a SPI controller, from the fall of chip select to its rise.
///
/// ```
/// use espalier_core::SpiTransaction;
///
/// // JEDEC identification of a flash chip: an instruction of 8 bits, and no address.
/// let transaction = SpiTransaction { command: (0x9F, 8), ..SpiTransaction::default() };
/// assert_eq!(transaction.address.1, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpiTransaction<'a> {
    /// Command phase: value and length in bits, most significant bit first; length 0 if the phase is absent.
    pub command: (u16, u8),
    /// Address phase: value (right-aligned) and length in bits; length 0 if the phase is absent.
    pub address: (u64, u8),
    /// Dummy phase, in clock cycles.
    pub dummy_cycles: u16,
    /// Bytes that the controller sends in the data phase, after address and dummy.
    pub mosi: &'a [u8],
    /// The device sends at the same time as `mosi`, not after it.
    pub full_duplex: bool,
    /// Chip select stays low afterwards.
    pub keeps_selected: bool,
}

/// A device that is selected on a SPI bus.
///
/// ```
/// use espalier_core::{SpiTarget, SpiTransaction, Time};
///
/// /// Sends the first byte of the command back.
/// struct Echo;
///
/// impl SpiTarget for Echo {
///     fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], _now: Time) {
///         miso.fill(transaction.command.0 as u8);
///     }
/// }
///
/// let mut answer = [0; 2];
/// Echo.transfer(&SpiTransaction { command: (0x42, 8), ..SpiTransaction::default() }, &mut answer, Time::ZERO);
/// assert_eq!(answer, [0x42; 2]);
/// ```
pub trait SpiTarget {
    /// Runs one transaction; `miso` is filled with what the device sends in its data phase.
    fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], now: Time);
}

/// A DMA transfer went to an address where there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for DMA at {address:#010x}")]
pub struct DmaFault {
    pub address: u32,
}

/// The chip's memory as a DMA master sees it.
pub trait GuestMemory {
    /// Reads the bytes from `address` on.
    ///
    /// # Errors
    /// If there is no memory at one of the addresses.
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), DmaFault>;

    /// Writes bytes from `address` on.
    ///
    /// # Errors
    /// If there is no memory at one of the addresses.
    fn write(&mut self, address: u32, from: &[u8]) -> Result<(), DmaFault>;

    /// Reads a little-endian word.
    ///
    /// # Errors
    /// If there is no memory at the address.
    fn read_u32(&mut self, address: u32) -> Result<u32, DmaFault> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Writes a little-endian word.
    ///
    /// # Errors
    /// If there is no memory at the address.
    fn write_u32(&mut self, address: u32, value: u32) -> Result<(), DmaFault> {
        self.write(address, &value.to_le_bytes())
    }
}
