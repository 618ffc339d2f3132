//! Memory for the tests of blocks that read and write it by themselves.

use std::ops::Range;

use espalier_core::{DmaFault, GuestMemory};

/// Bytes from an address on; every other address is a fault.
pub(crate) struct Ram {
    base: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Ram {
    /// So many bytes of zeros from `base` on.
    pub(crate) fn new(base: u32, size: usize) -> Ram {
        Ram { base, bytes: vec![0; size] }
    }

    fn range(&self, address: u32, length: usize) -> Result<Range<usize>, DmaFault> {
        let start = address.checked_sub(self.base).ok_or(DmaFault { address })? as usize;
        if start + length <= self.bytes.len() { Ok(start..start + length) } else { Err(DmaFault { address }) }
    }
}

impl GuestMemory for Ram {
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), DmaFault> {
        into.copy_from_slice(&self.bytes[self.range(address, into.len())?]);
        Ok(())
    }

    fn write(&mut self, address: u32, from: &[u8]) -> Result<(), DmaFault> {
        let range = self.range(address, from.len())?;
        self.bytes[range].copy_from_slice(from);
        Ok(())
    }
}
