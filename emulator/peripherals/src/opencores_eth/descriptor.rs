//! Buffer descriptors of the OpenCores Ethernet MAC (section "Buffer Descriptors"): a word of length and flags, then a pointer.

use espalier_core::Field;

use super::reg;

/// Transmit and receive descriptors together.
pub(super) const DESCRIPTORS: usize = 128;
/// Bytes of one descriptor.
const SIZE: u32 = 8;
/// Offset of the pointer in a descriptor.
pub(super) const POINTER: u32 = 4;
/// Bytes of the frame.
pub(super) const LEN: Field = Field::new("LEN", 16, 31);

/// Bits of a transmit descriptor.
pub(super) mod tx {
    pub(crate) const RD: u32 = 1 << 15;
    pub(crate) const IRQ: u32 = 1 << 14;
    pub(crate) const WR: u32 = 1 << 13;
    pub(crate) const PAD: u32 = 1 << 12;
    pub(crate) const CRC: u32 = 1 << 11;
    pub(crate) const UR: u32 = 1 << 8;
    /// UR, RTRY, RL, LC, DF and CS: what the core reports.
    pub(crate) const STATUS: u32 = 0x1FF;
}

/// Bits of a receive descriptor.
pub(super) mod rx {
    pub(crate) const E: u32 = 1 << 15;
    pub(crate) const IRQ: u32 = 1 << 14;
    pub(crate) const WRAP: u32 = 1 << 13;
    pub(crate) const CF: u32 = 1 << 8;
    pub(crate) const M: u32 = 1 << 7;
    pub(crate) const OR: u32 = 1 << 6;
    pub(crate) const TL: u32 = 1 << 3;
    pub(crate) const SF: u32 = 1 << 2;
    /// The bits of an erroneous frame.
    pub(crate) const ERRORS: u32 = OR | TL | SF;
}

/// Where the core stands in one of its two rings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    index: u32,
}

espalier_core::persist!(value Ring { index });

impl Ring {
    pub(super) fn at(index: u32) -> Ring {
        Ring { index }
    }

    /// Register offset of the current descriptor's first word.
    pub(super) fn offset(self) -> u32 {
        // Software may move the border between the rings under a running core, so the index is kept in the table.
        reg::BD + self.index % DESCRIPTORS as u32 * SIZE
    }

    /// To the next descriptor of the ring `start..end`.
    pub(super) fn advance(&mut self, wrap: bool, start: u32, end: u32) {
        self.index = if wrap || self.index + 1 >= end { start } else { self.index + 1 };
    }
}
