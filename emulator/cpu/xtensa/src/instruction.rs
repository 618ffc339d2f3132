//! The opcode table, and decoded instructions.

use crate::cost::Cost;
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
    /// The cycles that it takes.
    pub cost: Cost,
    /// Operands in assembler order.
    pub operands: &'static [Operand],
}

macro_rules! define_opcodes {
    ($($opcode:ident, $mnemonic:literal, $mask:literal, $pattern:literal, $flow:ident, $cost:ident, [$($operand:ident $(($argument:tt))?),*];)*) => {
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
                cost: Cost::$cost,
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

    /// Whether it begins a zero-overhead loop.
    pub(crate) fn begins_loop(self) -> bool {
        matches!(self, Opcode::Loop | Opcode::Loopnez | Opcode::Loopgtz)
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
    /// Length in bytes, the highest group of four address registers that is used, and what silicon's time has to know beside its cycles.
    pub(crate) shape: Shape,
    /// Distance in bytes from the start of the block that holds the instruction.
    pub(crate) offset: u8,
    /// Cycles from the start of that block until it is done, by itself before it is in a block.
    pub(crate) after: u8,
    /// The immediate operand, sign-extended and scaled; an absolute address for jumps, calls, branches and literals.
    pub immediate: u32,
}

/// Length of an instruction, how much of the register window it uses, how its target lies and whether its cycles depend on values, in one
/// byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape(u8);

impl Shape {
    const LENGTH: u8 = 3;
    const WINDOW_SHIFT: u8 = 2;
    const WINDOW: u8 = 0b1100;
    const ACROSS_WORDS: u8 = 1 << 4;
    const TIME_BY_VALUES: u8 = 1 << 5;

    pub(crate) fn new(length: u8) -> Shape {
        Shape(length)
    }

    /// Raises the highest quarter of the window that is used to `quarter`.
    pub(crate) fn use_window(&mut self, quarter: u8) {
        let quarter = quarter << Shape::WINDOW_SHIFT;
        if self.0 & Shape::WINDOW < quarter {
            self.0 = self.0 & !Shape::WINDOW | quarter;
        }
    }

    /// Forgets the use of the window.
    pub(crate) fn forget_window(&mut self) {
        self.0 &= !Shape::WINDOW;
    }

    /// Says that values decide how long it takes.
    pub(crate) fn take_time_by_values(&mut self) {
        self.0 |= Shape::TIME_BY_VALUES;
    }

    /// Says that the target lies across two words.
    pub(crate) fn land_across_words(&mut self) {
        self.0 |= Shape::ACROSS_WORDS;
    }
}

/// Lengths in bytes.
const WIDE: u8 = 3;
pub(crate) const NARROW: u8 = 2;

/// Lowest `op0` of 16-bit instructions.
const DENSITY_FIRST: u32 = 8;

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
        (self.shape.0 & Shape::WINDOW) >> Shape::WINDOW_SHIFT
    }

    /// Whether it jumps to an instruction that lies across two words, which is only known in silicon's time.
    pub(crate) fn lands_across_words(&self) -> bool {
        self.shape.0 & Shape::ACROSS_WORDS != 0
    }

    /// Whether values decide how long it takes, which they do in silicon's time only.
    #[inline(always)]
    pub(crate) fn takes_time_by_values(&self) -> bool {
        self.shape.0 & Shape::TIME_BY_VALUES != 0
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
            after: 1,
            immediate: 0,
        }
    }
}
