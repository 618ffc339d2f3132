//! The host's own DMA: descriptors in a chain or side by side (TRM, section "Descriptor Structure").

use espalier_core::{DmaFault, Field, GuestMemory};

const NO_INTERRUPT: u32 = 1 << 1;
const CHAINED: u32 = 1 << 4;
const END_OF_RING: u32 = 1 << 5;
const OWN: u32 = 1 << 31;
const FIRST_SIZE: Field = Field::new("BS1", 0, 12);
const SECOND_SIZE: Field = Field::new("BS2", 13, 25);
/// Bytes of a descriptor.
const SIZE: u32 = 16;
/// Descriptors without room one after the other: more than any list needs, so that one that runs in a circle ends.
const MOST_EMPTY: u32 = 64;

/// The end of an access by the DMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All bytes were moved.
    Done,
    /// The next descriptor is the software's.
    NoDescriptor,
    /// There is no memory.
    Fault,
}

/// A descriptor that the DMA works on.
#[derive(Clone, Copy, Debug)]
struct Open {
    control: u32,
    /// Address and size of both buffers, and the bytes that were moved.
    buffers: [(u32, u32); 2],
    moved: u32,
    next: u32,
}

/// The DMA.
#[derive(Clone, Debug, Default)]
pub(super) struct Dma {
    /// Where the current or next descriptor is.
    pub at: u32,
    /// The buffer that was used last.
    pub buffer: u32,
    open: Option<Open>,
    /// A descriptor was finished that wants to tell.
    finished: bool,
}

espalier_core::persist! {
    value Open { control, buffers, moved, next }
    value Dma { at, buffer, open, finished }
}

impl Open {
    /// The place of the next byte, and how many follow there.
    fn place(&self) -> Option<(u32, u32)> {
        let mut before = 0;
        for (address, size) in self.buffers {
            if self.moved < u32::saturating_add(before, size) {
                let inside = self.moved.saturating_sub(before);
                return Some((address.wrapping_add(inside), size.saturating_sub(inside)));
            }
            before = before.saturating_add(size);
        }
        None
    }
}

impl Dma {
    /// A list begins at an address.
    pub fn start(&mut self, address: u32) {
        *self = Dma { at: address & !3, ..Dma::default() };
    }

    /// Whether a descriptor was finished that wants to tell, since this was last asked.
    pub fn take_finished(&mut self) -> bool {
        std::mem::take(&mut self.finished)
    }

    /// Opens the next descriptor that has room.
    fn open(&mut self, base: u32, skip: u32, memory: &mut dyn GuestMemory) -> Result<bool, DmaFault> {
        for _ in 0..MOST_EMPTY {
            if let Some(open) = self.open {
                if open.place().is_some() {
                    return Ok(true);
                }
                self.close(memory)?;
            }
            let control = memory.read_u32(self.at)?;
            if control & OWN == 0 {
                return Ok(false);
            }
            let sizes = memory.read_u32(self.at.wrapping_add(4))?;
            let first = memory.read_u32(self.at.wrapping_add(8))?;
            let second = memory.read_u32(self.at.wrapping_add(12))?;
            let chained = control & CHAINED != 0;
            let next = match control & END_OF_RING != 0 {
                true => base & !3,
                false if chained => second & !3,
                false => self.at.wrapping_add(SIZE + 4 * skip),
            };
            let buffers = [(first, FIRST_SIZE.get(sizes)), (second, if chained { 0 } else { SECOND_SIZE.get(sizes) })];
            self.open = Some(Open { control, buffers, moved: 0, next });
        }
        Ok(false)
    }

    /// Gives the open descriptor back to software.
    pub fn close(&mut self, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let Some(open) = self.open.take() else { return Ok(()) };
        memory.write_u32(self.at, open.control & !OWN)?;
        self.finished |= open.control & NO_INTERRUPT == 0;
        self.at = open.next;
        Ok(())
    }

    /// Calls `access` with the address and the number of bytes of each piece of memory until `left` bytes were moved.
    pub fn work(
        &mut self,
        (base, skip): (u32, u32),
        memory: &mut dyn GuestMemory,
        left: &mut u32,
        mut access: impl FnMut(&mut dyn GuestMemory, u32, u32) -> Result<(), DmaFault>,
    ) -> Ended {
        let mut work = || {
            while *left > 0 {
                if !self.open(base, skip, memory)? {
                    return Ok(false);
                }
                let Some(open) = &mut self.open else { return Ok(false) };
                let Some((address, room)) = open.place() else { return Ok(false) };
                let bytes = room.min(*left);
                self.buffer = address;
                access(memory, address, bytes)?;
                open.moved += bytes;
                *left -= bytes;
                if open.place().is_none() {
                    self.close(memory)?;
                }
            }
            Ok(true)
        };
        match work() {
            Ok(true) => Ended::Done,
            Ok(false) => Ended::NoDescriptor,
            Err(DmaFault { .. }) => Ended::Fault,
        }
    }
}
