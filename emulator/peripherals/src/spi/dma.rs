//! DMA of the general-purpose controllers: linked lists of buffers (TRM, chapters 6.3.1 and 7.6).

use espalier_core::{DmaFault, GuestMemory};

use super::registers::{dma_link, reg};
use super::{Spi, dma_int};

/// The link registers hold the low 20 bits of an address in internal memory.
const LINK_BASE: u32 = 0x3FF0_0000;
/// ESP-IDF starts the receiving list with address 0 where it wants nothing received.
const NO_LIST: u32 = LINK_BASE;
/// More than any transaction needs, so that a list of empty descriptors that runs in a circle ends.
const MAX_DESCRIPTORS: u32 = 0x1_0000;

mod descriptor {
    pub const SIZE: u32 = 0xFFF;
    pub const LENGTH_SHIFT: u32 = 12;
    pub const LENGTH: u32 = 0xFFF << LENGTH_SHIFT;
    pub const EOF: u32 = 1 << 30;
    /// The DMA may use the descriptor; cleared, it is the software's.
    pub const OWNER: u32 = 1 << 31;
    pub const BUFFER_OFFSET: u32 = 4;
    pub const NEXT_OFFSET: u32 = 8;
}

/// A list of descriptors that software started: the next one to use.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    next: Option<u32>,
}

impl Link {
    pub(super) fn start(&mut self, register: u32) {
        self.next = Some(LINK_BASE | register & dma_link::ADDR);
    }

    pub(super) fn stop(&mut self) {
        self.next = None;
    }

    pub(super) fn is_running(&self) -> bool {
        self.next.is_some()
    }
}

struct Descriptor {
    control: u32,
    buffer: u32,
    next: u32,
}

impl Descriptor {
    fn read(address: u32, memory: &mut dyn GuestMemory) -> Result<Descriptor, DmaFault> {
        Ok(Descriptor {
            control: memory.read_u32(address)?,
            buffer: memory.read_u32(address.wrapping_add(descriptor::BUFFER_OFFSET))?,
            next: memory.read_u32(address.wrapping_add(descriptor::NEXT_OFFSET))?,
        })
    }
}

impl Spi {
    /// Takes `length` bytes from the list; what the list lacks is sent as zeros.
    pub(super) fn dma_fetch(&mut self, length: usize, memory: &mut dyn GuestMemory) -> Vec<u8> {
        let mut data = Vec::new();
        for _ in 0..MAX_DESCRIPTORS {
            let Some(address) = self.outlink.next else { break };
            if data.len() >= length {
                break;
            }
            if self.fetch_one(address, &mut data, memory).is_err() {
                self.outlink.stop();
                self.raise_dma(dma_int::OUTLINK_DSCR_ERROR);
            }
        }
        self.outlink.stop();
        data.resize(length, 0);
        data
    }

    fn fetch_one(&mut self, address: u32, data: &mut Vec<u8>, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let Descriptor { control, buffer, next } = Descriptor::read(address, memory)?;
        if control & descriptor::OWNER == 0 {
            return Err(DmaFault { address });
        }
        let start = data.len();
        data.resize(start + ((control & descriptor::LENGTH) >> descriptor::LENGTH_SHIFT) as usize, 0);
        memory.read(buffer, &mut data[start..])?;
        self.registers.set(reg::OUTLINK_DSCR, address);
        self.raise_dma(dma_int::OUT_DONE);
        if control & descriptor::EOF != 0 || next == 0 {
            self.registers.set(reg::OUT_EOF_DES_ADDR, address);
            self.raise_dma(dma_int::OUT_EOF | dma_int::OUT_TOTAL_EOF);
            self.outlink.stop();
        } else {
            self.outlink.next = Some(next);
        }
        Ok(())
    }

    /// Puts received bytes into the list's buffers and marks where they end.
    pub(super) fn dma_store(&mut self, data: &[u8], memory: &mut dyn GuestMemory) {
        let mut rest = data;
        for _ in 0..MAX_DESCRIPTORS {
            let Some(address) = self.inlink.next.filter(|address| *address != NO_LIST) else { break };
            match self.store_one(address, &mut rest, memory) {
                Ok(()) if rest.is_empty() => break,
                Ok(()) => {}
                Err(DmaFault { .. }) => {
                    self.inlink.stop();
                    self.raise_dma(dma_int::INLINK_DSCR_ERROR);
                }
            }
        }
        self.inlink.stop();
    }

    fn store_one(&mut self, address: u32, rest: &mut &[u8], memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let Descriptor { control, buffer, next } = Descriptor::read(address, memory)?;
        if control & descriptor::OWNER == 0 {
            return Err(DmaFault { address });
        }
        let (part, tail) = rest.split_at(rest.len().min((control & descriptor::SIZE) as usize));
        memory.write(buffer, part)?;
        *rest = tail;
        let kept = control & !(descriptor::OWNER | descriptor::LENGTH | descriptor::EOF);
        let eof = if tail.is_empty() { descriptor::EOF } else { 0 };
        memory.write_u32(address, kept | (part.len() as u32) << descriptor::LENGTH_SHIFT | eof)?;
        self.registers.set(reg::INLINK_DSCR, address);
        self.raise_dma(dma_int::IN_DONE);
        if tail.is_empty() {
            self.registers.set(reg::IN_SUC_EOF_DES_ADDR, address);
            self.raise_dma(dma_int::IN_SUC_EOF);
        } else if next == 0 {
            self.raise_dma(dma_int::INLINK_DSCR_EMPTY);
            self.inlink.stop();
        } else {
            self.inlink.next = Some(next);
        }
        Ok(())
    }
}
