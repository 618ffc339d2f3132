//! The linked lists of buffers that DMA works through (ESP32 TRM, chapter "DMA Controller", section "Linked List").

use espalier_core::{DmaFault, Field, GuestMemory};

/// Registers hold the low 20 bits of a descriptor's address; the list lies in internal memory.
pub(crate) const BASE: u32 = 0x3FF0_0000;
/// Empty descriptors one after the other: more than any list needs, so that one of them that runs in a circle ends.
pub(crate) const MAX_EMPTY: u32 = 64;
/// Where a descriptor holds the address of the next one.
pub(crate) const NEXT_OFFSET: u32 = 8;
/// In a descriptor's first word: the DMA may use it; cleared, it is the software's.
pub(crate) const OWNER: u32 = 1 << 31;

const BUFFER_OFFSET: u32 = 4;
const SIZE: Field = Field::new("SIZE", 0, 11);
const LENGTH: Field = Field::new("LENGTH", 12, 23);
const EOF: Field = Field::new("EOF", 30, 30);

/// A descriptor as it lies in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor {
    pub address: u32,
    control: u32,
    pub buffer: u32,
    /// Zero at the end of the list.
    pub next: u32,
}

espalier_core::persist!(value Descriptor { address, control, buffer, next });

impl Descriptor {
    pub fn read(address: u32, memory: &mut dyn GuestMemory) -> Result<Descriptor, DmaFault> {
        Ok(Descriptor {
            address,
            control: memory.read_u32(address)?,
            buffer: memory.read_u32(address.wrapping_add(BUFFER_OFFSET))?,
            next: memory.read_u32(address.wrapping_add(NEXT_OFFSET))?,
        })
    }

    /// Bytes that fit into the buffer.
    pub fn size(&self) -> u32 {
        SIZE.get(self.control)
    }

    /// Bytes that are in the buffer.
    pub fn length(&self) -> u32 {
        LENGTH.get(self.control)
    }

    /// True if a frame ends in the buffer.
    pub fn is_end(&self) -> bool {
        EOF.is_set(self.control)
    }

    /// True if the DMA may use it.
    pub fn is_for_dma(&self) -> bool {
        self.control & OWNER != 0
    }

    /// The first word once `length` bytes have been put into the buffer, the last ones of a frame or not.
    pub fn filled(&self, length: u32, end: bool) -> u32 {
        EOF.replace(LENGTH.replace(self.control, length), end.into())
    }
}
