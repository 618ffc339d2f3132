//! The receiving half: address filter and receive descriptors (sections "RX Buffer Descriptors" and "Frame Reception").

use espalier_core::GuestMemory;

use super::descriptor::{DESCRIPTORS, LEN, POINTER, rx};
use super::{OpenCoresEth, control, interrupt, moder, reg};
use crate::ethernet::{HEADER, TYPE_MAC_CONTROL, WIRE_MIN, crc, kind};

/// The address filter's verdict on a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Match,
    /// Only taken because the MAC is promiscuous.
    Miss,
    Reject,
}

impl OpenCoresEth {
    /// True if a frame that arrives now finds a receiver that is on and a descriptor that is empty.
    pub fn can_receive(&self) -> bool {
        self.running(moder::RXEN) && self.rx_start() < DESCRIPTORS as u32 && self.rx_flags() & rx::E != 0
    }

    /// A frame arrives from the wire, without its frame check sequence. True if it is in memory now; false if the
    /// receiver is off, the address filter rejected it or no descriptor was empty.
    pub fn receive(&mut self, frame: &[u8], memory: &mut dyn GuestMemory) -> bool {
        self.phy.link() && self.moder() & moder::LOOPBCK == 0 && self.store(frame, memory)
    }

    /// Receives a frame, wherever it comes from.
    pub(super) fn store(&mut self, frame: &[u8], memory: &mut dyn GuestMemory) -> bool {
        if !self.running(moder::RXEN) || self.rx_start() >= DESCRIPTORS as u32 || frame.len() < HEADER {
            return false;
        }
        let filter = self.filter(frame);
        let pause = kind(frame) == TYPE_MAC_CONTROL;
        let ctrlmoder = self.registers.get(reg::CTRLMODER);
        if pause && ctrlmoder & control::RXFLOW != 0 {
            self.raise(interrupt::RXC);
        }
        if filter == Filter::Reject || (pause && ctrlmoder & control::PASSALL == 0) {
            return false;
        }
        let mut bytes = frame.to_vec();
        bytes.resize(bytes.len().max(WIRE_MIN), 0);
        bytes.extend_from_slice(&crc::fcs(&bytes).to_le_bytes());
        let (shortest, longest) = self.frame_limits();
        let mut status = 0;
        if filter == Filter::Miss {
            status |= rx::M;
        }
        if pause {
            status |= rx::CF;
        }
        if bytes.len() < shortest {
            if self.moder() & moder::RECSMALL == 0 {
                return false;
            }
            status |= rx::SF;
        }
        if bytes.len() > longest {
            status |= rx::TL;
            if self.moder() & moder::HUGEN == 0 {
                bytes.truncate(longest);
            }
        }
        if self.rx_flags() & rx::E == 0 {
            self.raise(interrupt::BUSY);
            return false;
        }
        let stored = memory.write(self.rx_pointer(), &bytes).is_ok();
        if !stored {
            status |= rx::OR;
            bytes.clear();
        }
        self.finish_receive(bytes.len(), status);
        stored
    }

    fn finish_receive(&mut self, length: usize, status: u32) {
        let offset = self.receive.offset();
        let flags = self.registers.get(offset) & (rx::IRQ | rx::WRAP);
        let length = u32::try_from(length).unwrap_or(0).min(LEN.max());
        self.registers.set(offset, LEN.put(length) | flags | status);
        self.receive.advance(flags & rx::WRAP != 0, self.rx_start(), DESCRIPTORS as u32);
        if flags & rx::IRQ != 0 {
            self.raise(if status & rx::ERRORS == 0 { interrupt::RXB } else { interrupt::RXE });
        }
    }

    fn filter(&self, frame: &[u8]) -> Filter {
        let destination = &frame[..6];
        let moder = self.moder();
        let accepted = if destination.iter().all(|&byte| byte == 0xFF) {
            moder & moder::BRO == 0
        } else if destination[0] & 1 != 0 || moder & moder::IAM != 0 {
            let bit = crc::hash_bit(destination);
            let word = if bit < 32 { reg::HASH0_ADR } else { reg::HASH1_ADR };
            self.registers.get(word) & (1 << (bit % 32)) != 0
        } else {
            let [a, b] = (self.registers.get(reg::MAC_ADDR1) as u16).to_be_bytes();
            destination[..2] == [a, b] && destination[2..] == self.registers.get(reg::MAC_ADDR0).to_be_bytes()
        };
        match (accepted, moder & moder::PRO != 0) {
            (true, _) => Filter::Match,
            (false, true) => Filter::Miss,
            (false, false) => Filter::Reject,
        }
    }

    fn rx_flags(&self) -> u32 {
        self.registers.get(self.receive.offset())
    }

    fn rx_pointer(&self) -> u32 {
        self.registers.get(self.receive.offset() + POINTER)
    }
}
