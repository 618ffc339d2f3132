//! A frame while it is on the bus: its bits so far, as the node that sends it and those that listen see them.

use super::frame::{CRC_BITS, IDE_AT, bits_before_crc, crc};

/// Equal bits after which another one is stuffed in.
const STUFF_AFTER: u8 = 5;

/// The parts of a frame behind its stuffed bits.
pub mod tail {
    pub const CRC_DELIMITER: u8 = 0;
    pub const ACK: u8 = 1;
    pub const ACK_DELIMITER: u8 = 2;
    /// The last but one and the last bit of the end of the frame.
    pub const RECEIVED: u8 = 8;
    pub const LAST: u8 = 9;
}

/// Segments outside of frames, by the same table.
pub mod segment {
    pub const ACTIVE_FLAG: u8 = 0x11;
    pub const DOMINANT: u8 = 0x13;
    pub const PASSIVE_FLAG: u8 = 0x16;
    pub const DELIMITER: u8 = 0x17;
    pub const OVERLOAD_FLAG: u8 = 0x1C;
}

/// A frame on the bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The bits of the frame that the node sends; empty while it only listens.
    pub sent: Vec<bool>,
    /// The bits since its start, without those that were stuffed in.
    pub bits: Vec<bool>,
    /// The number of equal bits at the end, stuffed ones counted.
    pub run: u8,
    pub last: bool,
    /// Where the checksum begins, once that is known.
    pub crc_at: Option<usize>,
    /// The number of bits behind the checksum.
    pub tail: u8,
}

crate::persist! {
    value Frame { sent, bits, run, last, crc_at, tail } if Frame::is_sound;
}

impl Frame {
    fn is_sound(&self) -> bool {
        let begins = self.bits.len() <= self.sent.len() || self.sent.is_empty();
        let known = bits_before_crc(&self.bits).filter(|_| self.crc_at.is_some());
        begins && self.crc_at == known && self.tail <= tail::LAST
    }

    pub fn is_sending(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Another bit has to be stuffed in.
    pub fn is_stuffed(&self) -> bool {
        self.run == STUFF_AFTER
    }

    /// All bits with the checksum have come.
    pub fn is_complete(&self) -> bool {
        !self.is_stuffed() && self.crc_at.is_some_and(|at| self.bits.len() == at + CRC_BITS)
    }

    pub fn has_right_crc(&self) -> bool {
        let Some(at) = self.crc_at.filter(|at| self.bits.len() >= at + CRC_BITS) else { return false };
        let received = self.bits[at..at + CRC_BITS].iter().fold(0, |crc, bit| crc << 1 | u16::from(*bit));
        crc(&self.bits[..at]) == received
    }

    /// Whether the next bit is one of those by which nodes compete.
    pub fn is_arbitration(&self) -> bool {
        let extended =
            self.bits.get(IDE_AT).copied().unwrap_or_else(|| self.sent.get(IDE_AT).copied().unwrap_or(false));
        self.bits.len() <= if extended { 32 } else { 12 }
    }

    /// The place of the next bit as the SJA1000's error code capture numbers them (data sheet, table "Bit interpretation of the error code
    /// capture register").
    pub fn segment(&self) -> u8 {
        if self.is_complete() {
            return match self.tail {
                tail::CRC_DELIMITER => 0x18,
                tail::ACK => 0x19,
                tail::ACK_DELIMITER => 0x1B,
                _ => 0x1A,
            };
        }
        let at = self.bits.len();
        let extended = self.bits.get(IDE_AT) == Some(&true);
        match at {
            0 => 0x03,
            1..=8 => 0x02,
            9..=11 => 0x06,
            12 => 0x04,
            13 => 0x05,
            _ if self.crc_at.is_some_and(|crc_at| at >= crc_at) => 0x08,
            _ if self.crc_at.is_some() => 0x0A,
            14 if !extended => 0x09,
            14..=18 if extended => 0x07,
            19..=26 if extended => 0x0F,
            27..=31 => 0x0E,
            32 => 0x0C,
            33 => 0x0D,
            34 => 0x09,
            _ => 0x0B,
        }
    }

    /// Takes a bit that was not stuffed in.
    pub fn push(&mut self, level: bool) {
        self.run = if self.bits.is_empty() || self.last != level { 1 } else { self.run + 1 };
        self.last = level;
        self.bits.push(level);
        if self.crc_at.is_none() {
            self.crc_at = bits_before_crc(&self.bits);
        }
    }
}
