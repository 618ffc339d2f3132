//! DMA of the general-purpose controllers: linked lists of buffers (TRM, chapters 6.3.1 and 7.6).

use espalier_core::{DmaFault, GuestMemory};

use super::Spi;
use super::registers::reg;
use crate::linked_list::{self, Descriptor, MAX_EMPTY, OWNER};

/// ESP-IDF starts the receiving list with address 0 where it wants nothing received.
const NO_LIST: u32 = linked_list::BASE;

/// A list of descriptors that software started: the next one to use.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    next: Option<u32>,
}

espalier_core::persist!(value Link { next });

impl Link {
    pub(super) fn start(&mut self, register: u32) {
        self.next = Some(linked_list::BASE | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(register));
    }

    pub(super) fn stop(&mut self) {
        self.next = None;
    }

    pub(super) fn is_running(&self) -> bool {
        self.next.is_some()
    }
}

impl Spi {
    /// Takes `length` bytes from the list; what the list lacks is sent as zeros.
    pub(super) fn dma_fetch(&mut self, length: usize, memory: &mut dyn GuestMemory) -> Vec<u8> {
        let (mut data, mut empty) = (Vec::new(), 0);
        while let Some(address) = self.outlink.next
            && data.len() < length
        {
            let before = data.len();
            let fetched = self.fetch_one(address, &mut data, memory);
            empty = if data.len() == before { empty + 1 } else { 0 };
            if fetched.is_err() || empty > MAX_EMPTY {
                self.outlink.stop();
                self.raise_dma(reg::DMA_INT_RAW::OUTLINK_DSCR_ERROR.mask());
            }
        }
        self.outlink.stop();
        data.resize(length, 0);
        data
    }

    fn fetch_one(&mut self, address: u32, data: &mut Vec<u8>, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let descriptor = Descriptor::read(address, memory)?;
        if !descriptor.is_for_dma() {
            return Err(DmaFault { address });
        }
        let start = data.len();
        data.resize(start + descriptor.length() as usize, 0);
        memory.read(descriptor.buffer, &mut data[start..])?;
        self.registers.set(reg::OUTLINK_DSCR, address);
        self.raise_dma(reg::DMA_INT_RAW::OUT_DONE.mask());
        if descriptor.is_end() || descriptor.next == 0 {
            self.registers.set(reg::OUT_EOF_DES_ADDR, address);
            self.raise_dma(reg::DMA_INT_RAW::OUT_EOF.mask() | reg::DMA_INT_RAW::OUT_TOTAL_EOF.mask());
            self.outlink.stop();
        } else {
            self.outlink.next = Some(descriptor.next);
        }
        Ok(())
    }

    /// Puts received bytes into the list's buffers and marks where they end.
    pub(super) fn dma_store(&mut self, data: &[u8], memory: &mut dyn GuestMemory) {
        let (mut rest, mut empty) = (data, 0);
        while let Some(address) = self.inlink.next.filter(|address| *address != NO_LIST) {
            let before = rest.len();
            let stored = self.store_one(address, &mut rest, memory);
            empty = if rest.len() == before { empty + 1 } else { 0 };
            if stored.is_err() || empty > MAX_EMPTY {
                self.inlink.stop();
                self.raise_dma(reg::DMA_INT_RAW::INLINK_DSCR_ERROR.mask());
            } else if rest.is_empty() {
                break;
            }
        }
        self.inlink.stop();
    }

    fn store_one(&mut self, address: u32, rest: &mut &[u8], memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let descriptor = Descriptor::read(address, memory)?;
        if !descriptor.is_for_dma() {
            return Err(DmaFault { address });
        }
        let (part, tail) = rest.split_at(rest.len().min(descriptor.size() as usize));
        memory.write(descriptor.buffer, part)?;
        *rest = tail;
        memory.write_u32(address, descriptor.filled(part.len() as u32, tail.is_empty()) & !OWNER)?;
        self.registers.set(reg::INLINK_DSCR, address);
        self.raise_dma(reg::DMA_INT_RAW::IN_DONE.mask());
        if tail.is_empty() {
            self.registers.set(reg::IN_SUC_EOF_DES_ADDR, address);
            self.raise_dma(reg::DMA_INT_RAW::IN_SUC_EOF.mask());
        } else if descriptor.next == 0 {
            self.raise_dma(reg::DMA_INT_RAW::INLINK_DSCR_EMPTY.mask());
            self.inlink.stop();
        } else {
            self.inlink.next = Some(descriptor.next);
        }
        Ok(())
    }
}
