//! Frames from the wire to memory (TRM, section "Receive DMA").

use espalier_core::{DmaFault, GuestMemory};

use super::descriptor::{Descriptor, OWN, rx};
use super::dma::{EmacDma, interrupt, reg};
use super::filter::Passed;
use super::mac::Emac;
use crate::ethernet::{HEADER, WIRE_MIN, crc, kind};

/// The place of the type holds a length up to here (IEEE 802.3, 3.2.6).
const LONGEST_LENGTH: u16 = 1500;
/// Longer frames are cut off by the receiver's watchdog.
const LONGEST: usize = 16_383;

impl EmacDma {
    /// A frame arrives from the wire, without its frame check sequence. True if it is in memory now; false if the receiver is off, the
    /// filter rejected it or no descriptor was ready.
    pub fn receive(&mut self, mac: &Emac, frame: &[u8], memory: &mut dyn GuestMemory) -> bool {
        mac.link() && !mac.loops_back() && self.store(mac, frame, memory)
    }

    /// Receives a frame, wherever it comes from.
    pub(super) fn store(&mut self, mac: &Emac, frame: &[u8], memory: &mut dyn GuestMemory) -> bool {
        if !mac.receives() || !self.is_receiving() || !(HEADER..LONGEST).contains(&frame.len()) {
            return false;
        }
        let Some(passed) = mac.filter(frame) else { return false };
        let kind = kind(frame);
        let mut bytes = frame.to_vec();
        if mac.strips() && kind <= LONGEST_LENGTH {
            bytes.truncate(HEADER + usize::from(kind));
        } else {
            bytes.resize(bytes.len().max(WIRE_MIN), 0);
            bytes.extend_from_slice(&crc::fcs(&bytes).to_le_bytes());
        }
        let mut status = if kind > LONGEST_LENGTH { rx::TYPED } else { 0 };
        if passed == Passed::All {
            status |= rx::FILTER_FAILED;
        }
        self.fill(&bytes, status, memory).unwrap_or_else(|DmaFault { .. }| {
            self.fail();
            false
        })
    }

    /// Puts a frame into as many buffers as it needs. False if there were not so many.
    fn fill(&mut self, bytes: &[u8], status: u32, memory: &mut dyn GuestMemory) -> Result<bool, DmaFault> {
        let (mut left, mut first) = (bytes, rx::FIRST);
        loop {
            let descriptor = Descriptor::receive(self.receive.at, memory)?;
            if !descriptor.is_ours() {
                self.miss();
                self.suspend_receiver();
                return Ok(false);
            }
            self.receive.suspended = false;
            for (address, size) in descriptor.buffers {
                let (piece, rest) = left.split_at(left.len().min(size as usize));
                memory.write(address, piece)?;
                left = rest;
            }
            let next = self.after(descriptor.address, descriptor.follows, reg::DMARXBASEADDR);
            // The DMA looks at the next descriptor before it gives one back, so that the last one says that the frame was cut.
            let is_cut = !left.is_empty() && memory.read_u32(next)? & OWN == 0;
            let mut word = first;
            if left.is_empty() || is_cut {
                word |= rx::LAST | status | rx::LENGTH.put((bytes.len() - left.len()) as u32);
            }
            if is_cut {
                word |= rx::ERRORS | rx::CUT;
            }
            memory.write_u32(descriptor.address, word)?;
            self.receive.at = next;
            first = 0;
            if word & rx::LAST != 0 {
                if descriptor.interrupts {
                    self.raise(interrupt::RECEIVED);
                }
                if is_cut {
                    self.suspend_receiver();
                }
                return Ok(!is_cut);
            }
        }
    }

    fn suspend_receiver(&mut self) {
        self.receive.suspended = true;
        self.raise(interrupt::NO_BUFFER);
    }
}
