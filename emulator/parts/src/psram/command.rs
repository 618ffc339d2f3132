//! The bytes of a transaction as the chip takes them, whatever phases of the controller they come from.

use espalier_core::SpiTransaction;

/// Instructions of the chip that do something here (datasheet, "Command Truth Table"). Those that switch the number of lines, and that
/// of the reset, leave the content alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    Read,
    Write,
    ReadId,
}

impl Instruction {
    fn of(code: u8) -> Option<Instruction> {
        match code {
            // Read, fast read, and fast read on four lines.
            0x03 | 0x0B | 0xEB => Some(Instruction::Read),
            // On one line, and on four.
            0x02 | 0x38 => Some(Instruction::Write),
            0x9F => Some(Instruction::ReadId),
            _ => None,
        }
    }
}

const BYTE_BITS: u32 = 8;
/// The instruction and 24 bits of address.
const HEADER: usize = 4;

/// The bytes that the controller sends.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Vec<u8>,
    /// The byte of the frame during which the first byte is taken in.
    answered_from: usize,
}

impl Frame {
    /// Drivers that let the chip's clock come two cycles late, by a detour through the GPIO matrix, send something for two cycles before
    /// the instruction: two bits on one line, or a byte of zeros on four. The chip has no clock then and takes no notice.
    pub fn of(transaction: &SpiTransaction<'_>) -> Frame {
        let (command, command_bits) = transaction.command;
        let (address, address_bits) = transaction.address;
        let bits = u32::from(command_bits) + u32::from(address_bits);
        let head = (u128::from(command) << address_bits | u128::from(address)) & ((1 << bits) - 1);
        let whole = (bits / BYTE_BITS) as usize;
        let mut bytes: Vec<u8> = (0..whole).rev().map(|byte| (head >> (BYTE_BITS as usize * byte)) as u8).collect();
        let before_data = bytes.len();
        bytes.extend_from_slice(transaction.mosi);
        let late = usize::from(bytes.first() == Some(&0));
        bytes.drain(..late);
        let end = if transaction.full_duplex { before_data } else { before_data + transaction.mosi.len() };
        Frame { bytes, answered_from: end.saturating_sub(late) }
    }

    pub fn instruction(&self) -> Option<Instruction> {
        Instruction::of(*self.bytes.first()?)
    }

    /// Returns the address, if one was sent.
    pub fn address(&self) -> Option<usize> {
        let bytes = self.bytes.get(1..HEADER)?;
        Some(bytes.iter().fold(0, |address, byte| address << BYTE_BITS | usize::from(*byte)))
    }

    pub fn data(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The answer of the chip follows the address: returns the bytes that the controller takes in before that, and those of the answer that
    /// pass while it does not listen yet.
    pub fn answer(&self) -> (usize, usize) {
        (HEADER.saturating_sub(self.answered_from), self.answered_from.saturating_sub(HEADER))
    }
}
