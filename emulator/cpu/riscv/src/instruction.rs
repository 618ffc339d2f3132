//! Decoded instructions: opcode, operands, and the search of the opcode table.

use std::fmt;
use std::sync::LazyLock;

use crate::operand::{Fields, Operand};
use crate::table::for_each_instruction;

/// The effect of an instruction on straight-line execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Execution goes on with the next instruction.
    Next,
    /// A conditional branch: execution may go on with the next instruction.
    Branch,
    /// A jump, or a change of state after which decoded code must be looked up anew.
    End,
}

/// One row of the opcode table.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The operation. Several rows can have the same one.
    pub opcode: Opcode,
    /// Assembler mnemonic.
    pub mnemonic: &'static str,
    /// Bits of the instruction word that are compared.
    pub mask: u32,
    /// Value of the compared bits.
    pub pattern: u32,
    /// Length in bytes: 2 or 4.
    pub length: u8,
    /// Operands in assembler order.
    pub operands: &'static [Operand],
}

macro_rules! define_opcodes {
    (
        $($opcode:ident, $mnemonic:literal, $mask:literal, $pattern:literal, $flow:ident, [$($operand:ident),*];)*
        @compressed
        $($whole:ident, $short:literal, $short_mask:literal, $short_pattern:literal, [$($short_operand:ident),*];)*
    ) => {
        /// Everything that an instruction can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the variants are the mnemonics of the ISA manual")]
        #[repr(u8)]
        pub enum Opcode {
            $($opcode),*
        }

        const FLOWS: &[Flow] = &[$(Flow::$flow),*];

        /// The opcode table: the 32-bit instructions in order of [`Opcode`], then the 16-bit ones.
        pub static TABLE: &[Description] = &[
            $(Description {
                opcode: Opcode::$opcode,
                mnemonic: $mnemonic,
                mask: $mask,
                pattern: $pattern,
                length: WIDE,
                operands: &[$(Operand::$operand),*],
            },)*
            $(Description {
                opcode: Opcode::$whole,
                mnemonic: $short,
                mask: $short_mask,
                pattern: $short_pattern,
                length: NARROW,
                operands: &[$(Operand::$short_operand),*],
            },)*
        ];
    };
}

/// Lengths in bytes.
const WIDE: u8 = 4;
const NARROW: u8 = 2;

for_each_instruction!(define_opcodes);

impl Opcode {
    /// Effect on straight-line execution.
    pub fn flow(self) -> Flow {
        FLOWS[self as usize]
    }
}

/// A decoded instruction. Small and of fixed size, as blocks of them are what the core executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub opcode: Opcode,
    /// Row of the opcode table.
    row: u8,
    length: u8,
    /// Distance in bytes from the start of the block that holds the instruction.
    pub(crate) offset: u8,
    /// Number of instructions before it in that block.
    pub(crate) index: u8,
    /// Cycles that come to it in silicon's time.
    pub(crate) more: u8,
    pub(crate) fields: Fields,
}

/// Set in both low bits of every 32-bit instruction.
const WIDE_BITS: u32 = 3;
/// The bits that say that an instruction is longer than 32 bits.
const LONGER_BITS: u32 = 0x1f;
/// Candidate lists are indexed by major opcode and `funct3`; 16-bit instructions by quadrant and `funct3`.
const CANDIDATE_LISTS: usize = 1 << 8;

/// Rows of the opcode table that can match a word, by [`candidate_key`].
static CANDIDATES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut lists = vec![Vec::new(); CANDIDATE_LISTS];
    for (row, description) in TABLE.iter().enumerate() {
        for funct3 in 0..8 {
            let (word, key_mask) = match description.length {
                WIDE => (description.pattern & 0x7f | funct3 << 12, 0x7000),
                _ => (description.pattern & 3 | funct3 << 13, 0xe000),
            };
            if (word ^ description.pattern) & description.mask & key_mask == 0 {
                lists[candidate_key(word)].push(row as u8);
            }
        }
    }
    lists
});

fn candidate_key(word: u32) -> usize {
    // 16-bit and 32-bit instructions can share a list: their lengths are compared as well.
    let key = if word & WIDE_BITS == WIDE_BITS {
        word >> 2 & 0x1f | (word >> 12 & 7) << 5
    } else {
        word & 3 | (word >> 13 & 7) << 5
    };
    key as usize
}

/// Length in bytes of the instruction whose low half is that of `word`.
pub(crate) fn length(word: u32) -> u8 {
    if word & WIDE_BITS == WIDE_BITS { WIDE } else { NARROW }
}

impl Instruction {
    /// Length in bytes: 2 or 4.
    #[inline(always)]
    pub fn length(&self) -> u8 {
        self.length
    }

    /// The row of the opcode table.
    pub fn description(&self) -> &'static Description {
        &TABLE[usize::from(self.row)]
    }

    /// Decodes the instruction in the low bytes of `word`; `None` when it is not defined for this core.
    pub fn decode(word: u32) -> Option<Instruction> {
        let length = length(word);
        let word = if length == NARROW { word & 0xffff } else { word };
        if length == WIDE && word & LONGER_BITS == LONGER_BITS {
            return None;
        }
        CANDIDATES[candidate_key(word)].iter().find_map(|&row| {
            let description = &TABLE[usize::from(row)];
            if description.length != length || word & description.mask != description.pattern {
                return None;
            }
            let mut instruction = Instruction {
                opcode: description.opcode,
                row,
                length,
                offset: 0,
                index: 0,
                more: 0,
                fields: Fields::NONE,
            };
            let accepted = description.operands.iter().all(|operand| operand.decode(word, &mut instruction.fields));
            accepted.then_some(instruction)
        })
    }

    /// The substitute for an undefined instruction `word`: `UNIMP`, which raises the same exception.
    pub(crate) fn illegal(word: u32) -> Instruction {
        let length = length(word);
        Instruction {
            opcode: Opcode::Unimp,
            row: Opcode::Unimp as u8,
            length,
            offset: 0,
            index: 0,
            more: 0,
            fields: Fields { immediate: if length == NARROW { word & 0xffff } else { word }, ..Fields::NONE },
        }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let description = self.description();
        formatter.write_str(description.mnemonic)?;
        let mut separator = " ";
        for operand in description.operands.iter().filter(|operand| operand.is_shown()) {
            formatter.write_str(separator)?;
            operand.format(self.fields, formatter)?;
            separator = ", ";
        }
        Ok(())
    }
}
