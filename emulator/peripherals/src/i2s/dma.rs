//! From the receiving FIFO into the buffers of a linked list (TRM, chapter "DMA Controller", section "Linked List").

use espalier_core::{DmaFault, GuestMemory};

use super::I2s;
use super::format::Format;
use super::registers::{FIFO_16_DUAL, FIFO_16_SINGLE, reg};
use crate::linked_list::{Descriptor, OWNER};

const WORD: u32 = 4;

/// The buffer that is being filled.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    descriptor: Descriptor,
    /// Words in it.
    filled: u32,
}

espalier_core::persist!(value Buffer { descriptor, filled } if Buffer::has_room;);

impl Buffer {
    /// A full one is finished at once.
    fn has_room(&self) -> bool {
        self.filled < self.size()
    }

    /// Words that fit.
    fn size(&self) -> u32 {
        self.descriptor.size() / WORD
    }
}

impl I2s {
    fn rx_format(&self) -> Format {
        let mode = self.registers.field(reg::FIFO_CONF::RX_FIFO_MOD);
        Format::new(mode, self.registers.is_set(reg::CONF::RX_MSB_RIGHT))
    }

    fn samples_per_word(&self) -> u64 {
        let mode = self.registers.field(reg::FIFO_CONF::RX_FIFO_MOD);
        if mode == FIFO_16_SINGLE { 2 } else { 1 }
    }

    /// Samples until software hears of it.
    pub(super) fn samples_to_fill(&self) -> u64 {
        let in_buffer = self.buffer.as_ref().map_or(1, |buffer| buffer.size() - buffer.filled);
        let in_file = self.words_in_file().saturating_sub(self.words).max(1);
        let words = u64::from(in_buffer.min(in_file));
        if self.is_adc_mode() {
            return (words * self.samples_per_word()).saturating_sub(self.fifo.len() as u64);
        }
        let format = self.rx_format();
        let frames = words.div_ceil(format.words_per_group()) * format.frames_per_group();
        frames.saturating_sub(self.frames.len() as u64)
    }

    fn words_in_file(&self) -> u32 {
        self.registers.get(reg::RXEOF_NUM)
    }

    /// Moves what is in the FIFO into memory. Each buffer takes at least one word of it.
    pub fn run_dma(&mut self, memory: &mut dyn GuestMemory) {
        while let Some(descriptor) = self.link {
            if let Err(DmaFault { .. }) = self.fill(descriptor, memory) {
                self.stop_link();
                self.running = None;
                self.raise(reg::INT_RAW::IN_DSCR_ERR.mask());
            }
            if self.buffer.is_some() {
                return;
            }
        }
    }

    /// Fills one buffer as far as the FIFO goes.
    fn fill(&mut self, descriptor: u32, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let mut buffer = match self.buffer.take() {
            Some(buffer) => buffer,
            None => Buffer { descriptor: Descriptor::read(descriptor, memory)?, filled: 0 },
        };
        let checked = self.registers.is_set(reg::LC_CONF::CHECK_OWNER);
        if buffer.size() == 0 || checked && !buffer.descriptor.is_for_dma() {
            return Err(DmaFault { address: descriptor });
        }
        self.registers.set(reg::INLINK_DSCR, descriptor);
        loop {
            let words = self.take_words();
            if words.is_empty() {
                break;
            }
            for word in words {
                // A buffer that is no whole number of pairs has no room for the second half of its last one.
                if buffer.filled < buffer.size() {
                    memory.write_u32(buffer.descriptor.buffer.wrapping_add(WORD * buffer.filled), word)?;
                    buffer.filled += 1;
                    self.words += 1;
                }
            }
            let ended = self.words >= self.words_in_file();
            if ended || buffer.filled == buffer.size() {
                return self.finish(&buffer, ended, memory);
            }
        }
        self.buffer = Some(buffer);
        Ok(())
    }

    /// The next words of the FIFO that belong together; none if it is empty.
    fn take_words(&mut self) -> Vec<u32> {
        if self.is_adc_mode() {
            return self.take_word().into_iter().collect();
        }
        let format = self.rx_format();
        let group = format.frames_per_group() as usize;
        if self.frames.len() < group {
            return Vec::new();
        }
        let frames: Vec<_> = self.frames.drain(..group).collect();
        format.words(&frames)
    }

    /// One word of samples of the ADCs. Of two samples the earlier one is in its upper half.
    fn take_word(&mut self) -> Option<u32> {
        let mode = self.registers.field(reg::FIFO_CONF::RX_FIFO_MOD);
        if (self.fifo.len() as u64) < self.samples_per_word() {
            return None;
        }
        let first = u32::from(self.fifo.pop_front()?);
        let second = match mode {
            FIFO_16_SINGLE => u32::from(self.fifo.pop_front()?),
            FIFO_16_DUAL => first,
            _ => 0,
        };
        Some(first << u16::BITS | second)
    }

    fn finish(&mut self, buffer: &Buffer, ended: bool, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let descriptor = &buffer.descriptor;
        memory.write_u32(descriptor.address, descriptor.filled(WORD * buffer.filled, ended) & !OWNER)?;
        self.raise(reg::INT_RAW::IN_DONE.mask());
        if ended {
            self.words = 0;
            self.registers.set(reg::IN_EOF_DES_ADDR, descriptor.address);
            self.raise(reg::INT_RAW::IN_SUC_EOF.mask());
        }
        if descriptor.next == 0 {
            self.stop_link();
            self.running = None;
            self.raise(reg::INT_RAW::IN_DSCR_EMPTY.mask());
        } else {
            self.link = Some(descriptor.next);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Load, Persist, Reader, Writer};

    use super::Buffer;

    /// Saves a buffer of 16 bytes of which so many words are filled, and loads it again.
    fn loaded(filled: u32) -> Option<u32> {
        let mut to = Writer::new();
        for word in [0x3FFB_0000_u32, 16, 0x3FFB_0100, 0, filled] {
            word.save(&mut to);
        }
        Buffer::load(&mut Reader::new(&to.into_bytes())).ok().map(|buffer| buffer.filled)
    }

    #[test]
    fn a_buffer_that_holds_more_than_fits_is_damaged() {
        assert_eq!(loaded(3), Some(3));
        assert_eq!([4, 5, u32::MAX].map(loaded), [None; 3]);
    }
}
