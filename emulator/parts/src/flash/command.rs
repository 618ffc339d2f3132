//! Instructions of the chip (W25Q32FV datasheet, chapter 8.1) and how they lie in a SPI transaction.

use espalier_core::SpiTransaction;

/// Instruction codes.
pub(super) mod opcode {
    pub const WRITE_STATUS_1: u8 = 0x01;
    pub const PAGE_PROGRAM: u8 = 0x02;
    pub const READ_DATA: u8 = 0x03;
    pub const WRITE_DISABLE: u8 = 0x04;
    pub const READ_STATUS_1: u8 = 0x05;
    pub const WRITE_ENABLE: u8 = 0x06;
    pub const FAST_READ: u8 = 0x0B;
    pub const WRITE_STATUS_3: u8 = 0x11;
    pub const READ_STATUS_3: u8 = 0x15;
    pub const SECTOR_ERASE: u8 = 0x20;
    pub const WRITE_STATUS_2: u8 = 0x31;
    pub const QUAD_PAGE_PROGRAM: u8 = 0x32;
    pub const READ_STATUS_2: u8 = 0x35;
    pub const FAST_READ_DUAL_OUTPUT: u8 = 0x3B;
    pub const READ_UNIQUE_ID: u8 = 0x4B;
    pub const WRITE_ENABLE_VOLATILE_STATUS: u8 = 0x50;
    pub const BLOCK_ERASE_32K: u8 = 0x52;
    pub const READ_SFDP: u8 = 0x5A;
    pub const CHIP_ERASE_ALTERNATE: u8 = 0x60;
    pub const ENABLE_RESET: u8 = 0x66;
    pub const FAST_READ_QUAD_OUTPUT: u8 = 0x6B;
    pub const SUSPEND: u8 = 0x75;
    pub const RESUME: u8 = 0x7A;
    pub const MANUFACTURER_DEVICE_ID: u8 = 0x90;
    pub const RESET: u8 = 0x99;
    pub const JEDEC_ID: u8 = 0x9F;
    pub const RELEASE_POWER_DOWN: u8 = 0xAB;
    pub const POWER_DOWN: u8 = 0xB9;
    pub const FAST_READ_DUAL_IO: u8 = 0xBB;
    pub const CHIP_ERASE: u8 = 0xC7;
    pub const BLOCK_ERASE_64K: u8 = 0xD8;
    pub const FAST_READ_QUAD_IO: u8 = 0xEB;
}

const ADDRESS_BYTES: usize = 3;

/// An instruction and the bytes after it, as they come out of a transaction, whichever phases of the controller sent them.
pub(super) struct Instruction<'a> {
    pub(super) opcode: u8,
    /// Bytes of the controller's address phase, first one first; a part of a byte is filled up with zeros.
    head: [u8; 8],
    head_length: usize,
    /// Bytes of the controller's data phase.
    tail: &'a [u8],
}

impl<'a> Instruction<'a> {
    /// None if the controller did not send as much as an instruction.
    #[inline]
    pub(super) fn new(transaction: &SpiTransaction<'a>) -> Option<Instruction<'a>> {
        let (address, bits) = transaction.address;
        let bits = u32::from(bits).min(u64::BITS);
        let aligned = if bits == 0 { 0 } else { address << (u64::BITS - bits) };
        let mut instruction = Instruction {
            opcode: 0,
            head: aligned.to_be_bytes(),
            head_length: bits.div_ceil(8) as usize,
            tail: transaction.mosi,
        };
        match transaction.command {
            (_, 0) => instruction.opcode = instruction.take_first()?,
            (command, 1..=8) => instruction.opcode = command as u8,
            // Sixteen bits of command are an instruction and the first byte after it.
            (command, _) => {
                let [opcode, first] = command.to_be_bytes();
                instruction.opcode = opcode;
                instruction.head.copy_within(0..7, 1);
                instruction.head[0] = first;
                instruction.head_length = (instruction.head_length + 1).min(instruction.head.len());
            }
        }
        Some(instruction)
    }

    /// The 24-bit address, if the controller sent all of it.
    #[inline]
    pub(super) fn address(&self) -> Option<usize> {
        let mut address = 0;
        for index in 0..ADDRESS_BYTES {
            address = address << 8 | usize::from(self.byte(index)?);
        }
        Some(address)
    }

    /// The byte at `index` after the instruction.
    #[inline]
    pub(super) fn byte(&self, index: usize) -> Option<u8> {
        if index < self.head_length { Some(self.head[index]) } else { self.tail.get(index - self.head_length).copied() }
    }

    /// Number of bytes that follow the instruction.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.head_length + self.tail.len()
    }

    /// The bytes after the address.
    #[inline]
    pub(super) fn data(&self) -> impl Iterator<Item = u8> {
        (ADDRESS_BYTES..self.length()).filter_map(|index| self.byte(index))
    }

    #[inline]
    fn take_first(&mut self) -> Option<u8> {
        let first = self.byte(0)?;
        if self.head_length > 0 {
            self.head.copy_within(1.., 0);
            self.head_length -= 1;
        } else {
            self.tail = &self.tail[1..];
        }
        Some(first)
    }
}
