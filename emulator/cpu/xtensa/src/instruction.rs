//! Decoded instructions: opcode, operands, and the search of the opcode table.

use std::sync::LazyLock;

use crate::operand::{Field, Operand};
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
    /// The opcode that this row describes.
    pub opcode: Opcode,
    /// Assembler mnemonic; `#` stands for the halves of a MAC16 product.
    pub mnemonic: &'static str,
    /// Bits of the instruction word that are compared.
    pub mask: u32,
    /// Value of the compared bits.
    pub pattern: u32,
    /// Effect on straight-line execution.
    pub flow: Flow,
    /// Operands in assembler order.
    pub operands: &'static [Operand],
}

macro_rules! define_opcodes {
    ($($opcode:ident, $mnemonic:literal, $mask:literal, $pattern:literal, $flow:ident, [$($operand:ident $(($argument:tt))?),*];)*) => {
        /// Every instruction of the ESP32's core.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the variants are the mnemonics of the ISA manual")]
        #[repr(u16)]
        pub enum Opcode {
            $($opcode),*
        }

        /// The opcode table in order of [`Opcode`].
        pub static TABLE: &[Description] = &[
            $(Description {
                opcode: Opcode::$opcode,
                mnemonic: $mnemonic,
                mask: $mask,
                pattern: $pattern,
                flow: Flow::$flow,
                operands: &[$(define_opcodes!(@operand $operand $($argument)?)),*],
            }),*
        ];
    };
    (@operand Bits ($low:literal, $width:literal)) => { Operand::Bits($low, $width) };
    (@operand Hidden $quarter:literal) => { Operand::Hidden($quarter) };
    (@operand $operand:ident $field:ident) => { Operand::$operand(Field::$field) };
    (@operand $operand:ident) => { Operand::$operand };
}

for_each_instruction!(define_opcodes);

impl Opcode {
    /// The row of the opcode table.
    pub fn description(self) -> &'static Description {
        &TABLE[self as usize]
    }
}

/// A decoded instruction. Small and of fixed size, as blocks of them are what the core executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub opcode: Opcode,
    /// Field `r` of the instruction word.
    pub r: u8,
    /// Field `s` of the instruction word, or the shift amount of `EXTUI`.
    pub s: u8,
    /// Field `t` of the instruction word, or the bit number of `BBCI` and `BBSI`.
    pub t: u8,
    /// Length in bytes, and the highest group of four address registers that is used.
    pub(crate) shape: Shape,
    /// Distance in bytes from the start of the block that holds the instruction.
    pub(crate) offset: u8,
    /// Number of instructions before it in that block.
    pub(crate) index: u8,
    /// The immediate operand, sign-extended and scaled; an absolute address for jumps, calls, branches and literals.
    pub immediate: u32,
}

/// Length of an instruction and how much of the register window it uses, in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape(u8);

impl Shape {
    const LENGTH: u8 = 3;
    const WINDOW_SHIFT: u8 = 2;

    fn new(length: u8) -> Shape {
        Shape(length)
    }

    /// Raises the highest quarter of the window that is used to `quarter`.
    pub(crate) fn use_window(&mut self, quarter: u8) {
        if self.0 >> Shape::WINDOW_SHIFT < quarter {
            self.0 = self.0 & Shape::LENGTH | quarter << Shape::WINDOW_SHIFT;
        }
    }

    /// Forgets the use of the window.
    pub(crate) fn forget_window(&mut self) {
        self.0 &= Shape::LENGTH;
    }
}

/// Lengths in bytes.
const WIDE: u8 = 3;
const NARROW: u8 = 2;

/// Lowest `op0` of 16-bit instructions.
const DENSITY_FIRST: u32 = 8;
/// Lowest `op0` that the ESP32's core leaves undefined.
const RESERVED_FIRST: u32 = 14;
/// `op0` of the instructions that `op1` and `op2` tell apart; for the others fields `r` and `t` do.
const BY_OP1_AND_OP2: [u32; 2] = [0, 4];
/// Candidate lists are indexed by `op0` and two more fields.
const CANDIDATE_LISTS: usize = 1 << 12;

/// Rows of the opcode table that can match a word, by [`candidate_key`].
static CANDIDATES: LazyLock<Vec<Vec<u16>>> = LazyLock::new(|| {
    let mut lists = vec![Vec::new(); CANDIDATE_LISTS];
    for (row, description) in TABLE.iter().enumerate() {
        let op0 = description.pattern & 0xf;
        for (high, low) in (0..16).flat_map(|high| (0..16).map(move |low| (high, low))) {
            let (word, key_mask) = if BY_OP1_AND_OP2.contains(&op0) {
                (op0 | high << 20 | low << 16, 0xff_0000)
            } else {
                (op0 | high << 12 | low << 4, 0x00_f0f0)
            };
            if (word ^ description.pattern) & description.mask & key_mask == 0 {
                lists[candidate_key(word)].push(row as u16);
            }
        }
    }
    lists
});

fn candidate_key(word: u32) -> usize {
    let op0 = word & 0xf;
    let (high, low) = if BY_OP1_AND_OP2.contains(&op0) { (word >> 20, word >> 16) } else { (word >> 12, word >> 4) };
    (op0 | (low & 0xf) << 4 | (high & 0xf) << 8) as usize
}

/// Length in bytes of the instruction whose first byte is the low byte of `word`.
pub fn length(word: u32) -> u8 {
    if word & 0xf >= DENSITY_FIRST { NARROW } else { WIDE }
}

impl Instruction {
    /// Length in bytes: 2 or 3.
    #[inline(always)]
    pub fn length(&self) -> u8 {
        self.shape.0 & Shape::LENGTH
    }

    /// Highest group of four address registers that is used (0 to 3), for the window overflow check.
    #[inline(always)]
    pub fn window(&self) -> u8 {
        self.shape.0 >> Shape::WINDOW_SHIFT
    }

    /// Decodes the instruction at `pc` from the low bytes of `word`; `None` when it is not defined for this core.
    pub fn decode(word: u32, pc: u32) -> Option<Instruction> {
        let op0 = word & 0xf;
        if op0 >= RESERVED_FIRST {
            return None;
        }
        let length = length(word);
        let word = if length == NARROW { word & 0xffff } else { word & 0xff_ffff };
        let row = CANDIDATES[candidate_key(word)].iter().find(|&&row| {
            let Description { mask, pattern, .. } = TABLE[row as usize];
            word & mask == pattern
        })?;
        let description = &TABLE[*row as usize];
        let mut instruction = Instruction {
            opcode: description.opcode,
            r: Field::R.of(word),
            s: Field::S.of(word),
            t: Field::T.of(word),
            shape: Shape::new(length),
            offset: 0,
            index: 0,
            immediate: 0,
        };
        for operand in description.operands {
            operand.decode(word, pc, &mut instruction);
        }
        Some(instruction)
    }

    /// Stands for an undefined instruction: `ILL`, which raises the same exception.
    pub(crate) fn illegal() -> Instruction {
        Instruction {
            opcode: Opcode::Ill,
            r: 0,
            s: 0,
            t: 0,
            shape: Shape::new(WIDE),
            offset: 0,
            index: 0,
            immediate: 0,
        }
    }
}
