//! The transmitting half: transmit descriptors (sections "TX Buffer Descriptors" and "Frame Transmission").

use espalier_core::{DmaFault, GuestMemory};

use super::descriptor::{LEN, POINTER, tx};
use super::{OpenCoresEth, interrupt, moder};
use crate::ethernet::{FCS, crc};

/// Frames of this many bytes or fewer are not sent at all (TX buffer descriptor, LEN).
const TX_TOO_SHORT: usize = 4;

impl OpenCoresEth {
    /// True if the transmitter is on and its current descriptor is ready: [`take_frame`](Self::take_frame) has work.
    pub fn has_frame(&self) -> bool {
        self.running(moder::TXEN) && self.tx_count() > 0 && self.tx_flags() & tx::RD != 0
    }

    /// Sends the next ready descriptor's frame, without its frame check sequence. None when there is nothing to send.
    ///
    /// In loopback mode the frame goes to the receiver and not to the caller. Without a link it is sent into the void.
    pub fn take_frame(&mut self, memory: &mut dyn GuestMemory) -> Option<Vec<u8>> {
        // A descriptor loses its ready bit when it is taken, so this ends within one round of the ring.
        while self.has_frame() {
            let frame = self.transmit_one(memory);
            if self.moder() & moder::LOOPBCK != 0 {
                if let Some(frame) = frame {
                    self.store(&frame, memory);
                }
            } else if self.phy.link() && frame.is_some() {
                return frame;
            }
        }
        None
    }

    /// Takes one ready descriptor. None if nothing of it reaches the wire intact.
    fn transmit_one(&mut self, memory: &mut dyn GuestMemory) -> Option<Vec<u8>> {
        let flags = self.tx_flags();
        let fetched = self.fetch(flags, memory);
        let status = if fetched.is_err() { tx::UR } else { 0 };
        let offset = self.transmit.offset();
        self.registers.set(offset, (flags & !(tx::RD | tx::STATUS)) | status);
        self.transmit.advance(flags & tx::WR != 0, 0, self.tx_count());
        if flags & tx::IRQ != 0 {
            self.raise(if status == 0 { interrupt::TXB } else { interrupt::TXE });
        }
        fetched.ok().flatten()
    }

    /// Reads a frame out of memory and makes it what the wire carries, less the frame check sequence.
    fn fetch(&self, flags: u32, memory: &mut dyn GuestMemory) -> Result<Option<Vec<u8>>, DmaFault> {
        let length = LEN.get(flags) as usize;
        if length <= TX_TOO_SHORT {
            return Ok(None);
        }
        let mut bytes = vec![0; length];
        memory.read(self.tx_pointer(), &mut bytes)?;
        let (shortest, longest) = self.frame_limits();
        let moder = self.moder();
        let limit = if moder & moder::HUGEN != 0 { usize::MAX } else { longest };
        if moder & moder::CRCEN != 0 || flags & tx::CRC != 0 {
            bytes.truncate(limit.saturating_sub(FCS));
            if moder & moder::PAD != 0 || flags & tx::PAD != 0 {
                bytes.resize(bytes.len().max(shortest.saturating_sub(FCS)), 0);
            }
            return Ok(Some(bytes));
        }
        // Software brought its own frame check sequence; a wrong one makes a frame that no receiver on the wire accepts.
        bytes.truncate(limit);
        let body = bytes.len().saturating_sub(FCS);
        let intact = bytes[body..] == crc::fcs(&bytes[..body]).to_le_bytes();
        bytes.truncate(body);
        Ok(intact.then_some(bytes))
    }

    fn tx_flags(&self) -> u32 {
        self.registers.get(self.transmit.offset())
    }

    fn tx_pointer(&self) -> u32 {
        self.registers.get(self.transmit.offset() + POINTER)
    }
}
