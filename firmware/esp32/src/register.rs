//! A word of a peripheral.

/// A 32-bit register at a fixed address.
#[derive(Clone, Copy)]
pub struct Register(u32);

impl Register {
    /// The register at `offset` of the block at `base`.
    pub const fn at(base: u32, offset: u32) -> Register {
        Register(base + offset)
    }

    /// The `index`-th register of an array that starts here.
    pub const fn nth(self, index: u32) -> Register {
        Register(self.0 + 4 * index)
    }

    /// Reads the register; reading a FIFO takes a word from it.
    pub fn read(self) -> u32 {
        // SAFETY: registers are only made in this crate, at addresses of the chip's peripherals, where loads of aligned
        // words touch no memory that Rust knows of.
        unsafe { core::ptr::read_volatile(self.0 as *const u32) }
    }

    /// Writes the register.
    pub fn write(self, value: u32) {
        // SAFETY: as for `read`; what the peripheral then does to memory (DMA of the Ethernet controller) is confined to
        // the buffers that its driver owns.
        unsafe { core::ptr::write_volatile(self.0 as *mut u32, value) }
    }

    /// Clears and sets bits.
    pub fn modify(self, clear: u32, set: u32) {
        self.write((self.read() & !clear) | set);
    }
}
