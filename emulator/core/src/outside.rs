//! Interfaces of the chip's blocks to devices and memory outside them.

use crate::time::Time;

/// A device on an I2C bus. Bytes and acknowledgements are those of the I2C-bus specification (NXP UM10204, chapter 3.1).
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
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), DmaFault>;
    fn write(&mut self, address: u32, from: &[u8]) -> Result<(), DmaFault>;

    /// A little-endian word.
    fn read_u32(&mut self, address: u32) -> Result<u32, DmaFault> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn write_u32(&mut self, address: u32, value: u32) -> Result<(), DmaFault> {
        self.write(address, &value.to_le_bytes())
    }
}
