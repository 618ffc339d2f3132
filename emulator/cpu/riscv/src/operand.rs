//! Operands: where they lie in the instruction word, and how they are written.

use std::fmt;

use crate::csr;
use crate::register::{RA, SINK, SP, ZERO, register_name};

/// The values of an instruction's operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    /// Place in the register file that is written: not that of `zero`, which is never written.
    pub rd: u8,
    pub rs1: u8,
    /// The second source, or the immediate operand of the instructions for control and status registers.
    pub rs2: u8,
    /// The immediate operand, sign-extended and scaled; relative to the instruction itself for jumps and branches. The instruction
    /// word for what can be illegal, which has the number of a control and status register in its upper 12 bits.
    pub immediate: u32,
}

impl Fields {
    /// No operands: nothing is read and nothing written.
    pub const NONE: Fields = Fields { rd: SINK, rs1: ZERO, rs2: ZERO, immediate: 0 };
}

/// An operand of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The destination.
    Rd,
    /// The destination, which must not be `zero`.
    RdNotZero,
    /// The first source.
    Rs1,
    /// The first source of a 16-bit jump, which lies where others have their destination and must not be `zero`.
    Rs1NotZero,
    /// The second source.
    Rs2,
    /// The second source of a 16-bit instruction.
    Rs2Low,
    /// The second source of a 16-bit instruction, which must not be `zero`.
    Rs2NotZero,
    /// A register that is source and destination.
    RdAndRs1,
    /// One of `s0` to `a5` in bits 4 to 2, as destination.
    RdShort,
    /// One of `s0` to `a5` in bits 9 to 7, as source.
    Rs1Short,
    /// One of `s0` to `a5` in bits 4 to 2, as source.
    Rs2Short,
    /// One of `s0` to `a5` in bits 9 to 7, as source and destination.
    RdAndRs1Short,
    /// `sp` as source, written in the assembler.
    BaseSp,
    /// `sp` as source and destination, written once.
    SpAndSp,
    /// `ra` as destination, not written in the assembler.
    Link,
    /// No destination.
    NoRd,
    /// `zero` as the first source, not written in the assembler.
    NoRs1,
    /// `zero` as the second source, not written in the assembler.
    NoRs2,
    /// An offset of 0, not written in the assembler.
    NoOffset,
    /// 12 bits, signed.
    Immediate,
    /// 6 bits, signed.
    Signed6,
    /// 5 bits, unsigned, in place of the first source.
    Unsigned5,
    /// An amount to shift by.
    Shift,
    /// The same in a 16-bit instruction.
    Shift6,
    /// The upper 20 bits of a word.
    Upper,
    /// Bits 17 to 12 of a word, signed, not 0.
    Upper6,
    /// A multiple of 4 that is added to `sp`, unsigned, not 0.
    StackAdd,
    /// A multiple of 16 by which `sp` moves, signed, not 0.
    StackMove,
    /// Where a jump goes.
    Jump,
    /// Where a 16-bit jump goes.
    ShortJump,
    /// Where a branch goes.
    Target,
    /// Where a 16-bit branch goes.
    ShortTarget,
    /// A register plus 12 bits.
    LoadAddress,
    /// The same as stores have it.
    StoreAddress,
    /// One of `s0` to `a5` plus a multiple of 4.
    WordAddress,
    /// `sp` plus a multiple of 4.
    StackLoad,
    /// The same as stores have it.
    StackStore,
    /// A control and status register.
    Csr,
    /// The accesses ordered before and after a fence.
    FenceSets,
    /// The word itself, for instructions that can be illegal. Not written in the assembler.
    Word,
}

/// Bits `low` to `low + width - 1` of `word`, moved to bit `to`.
const fn bits(word: u32, low: u32, width: u32, to: u32) -> u32 {
    (word >> low & ((1 << width) - 1)) << to
}

/// Extends the sign of a number of `width` bits.
const fn signed(value: u32, width: u32) -> u32 {
    ((value << (32 - width)) as i32 >> (32 - width)) as u32
}

/// The full number of a register that has three bits.
fn short(word: u32, low: u32) -> u8 {
    8 + bits(word, low, 3, 0) as u8
}

fn destination(word: u32) -> u8 {
    match bits(word, 7, 5, 0) as u8 {
        ZERO => SINK,
        number => number,
    }
}

impl Operand {
    /// Takes the operand out of `word`. False if its value is reserved.
    pub(crate) fn decode(self, word: u32, fields: &mut Fields) -> bool {
        match self {
            Operand::Rd => fields.rd = destination(word),
            Operand::RdNotZero => {
                fields.rd = destination(word);
                return fields.rd != SINK;
            }
            Operand::Rs1 => fields.rs1 = bits(word, 15, 5, 0) as u8,
            Operand::Rs1NotZero => {
                fields.rs1 = bits(word, 7, 5, 0) as u8;
                return fields.rs1 != ZERO;
            }
            Operand::Rs2 => fields.rs2 = bits(word, 20, 5, 0) as u8,
            Operand::Rs2Low => fields.rs2 = bits(word, 2, 5, 0) as u8,
            Operand::Rs2NotZero => {
                fields.rs2 = bits(word, 2, 5, 0) as u8;
                return fields.rs2 != ZERO;
            }
            Operand::RdAndRs1 => {
                fields.rd = destination(word);
                fields.rs1 = bits(word, 7, 5, 0) as u8;
            }
            Operand::RdShort => fields.rd = short(word, 2),
            Operand::Rs1Short => fields.rs1 = short(word, 7),
            Operand::Rs2Short => fields.rs2 = short(word, 2),
            Operand::RdAndRs1Short => {
                fields.rd = short(word, 7);
                fields.rs1 = fields.rd;
            }
            Operand::BaseSp => fields.rs1 = SP,
            Operand::SpAndSp => {
                fields.rd = SP;
                fields.rs1 = SP;
            }
            Operand::Link => fields.rd = RA,
            Operand::NoRd => fields.rd = SINK,
            Operand::NoRs1 => fields.rs1 = ZERO,
            Operand::NoRs2 => fields.rs2 = ZERO,
            Operand::NoOffset => fields.immediate = 0,
            Operand::Immediate => fields.immediate = immediate(word),
            Operand::Signed6 => fields.immediate = signed(six(word), 6),
            Operand::Unsigned5 => fields.rs1 = bits(word, 15, 5, 0) as u8,
            Operand::Shift => fields.immediate = bits(word, 20, 5, 0),
            Operand::Shift6 => {
                fields.immediate = six(word);
                // The sixth bit belongs to RV64.
                return fields.immediate < 32;
            }
            Operand::Upper => fields.immediate = word & 0xffff_f000,
            Operand::Upper6 => {
                fields.immediate = signed(six(word), 6) << 12;
                return fields.immediate != 0;
            }
            Operand::StackAdd => {
                fields.immediate =
                    bits(word, 11, 2, 4) | bits(word, 7, 4, 6) | bits(word, 6, 1, 2) | bits(word, 5, 1, 3);
                return fields.immediate != 0;
            }
            Operand::StackMove => {
                let value = bits(word, 12, 1, 9)
                    | bits(word, 6, 1, 4)
                    | bits(word, 5, 1, 6)
                    | bits(word, 3, 2, 7)
                    | bits(word, 2, 1, 5);
                fields.immediate = signed(value, 10);
                return value != 0;
            }
            Operand::Jump => {
                let value =
                    bits(word, 31, 1, 20) | bits(word, 12, 8, 12) | bits(word, 20, 1, 11) | bits(word, 21, 10, 1);
                fields.immediate = signed(value, 21);
            }
            Operand::ShortJump => {
                let value = bits(word, 12, 1, 11)
                    | bits(word, 11, 1, 4)
                    | bits(word, 9, 2, 8)
                    | bits(word, 8, 1, 10)
                    | bits(word, 7, 1, 6)
                    | bits(word, 6, 1, 7)
                    | bits(word, 3, 3, 1)
                    | bits(word, 2, 1, 5);
                fields.immediate = signed(value, 12);
            }
            Operand::Target => {
                let value = bits(word, 31, 1, 12) | bits(word, 7, 1, 11) | bits(word, 25, 6, 5) | bits(word, 8, 4, 1);
                fields.immediate = signed(value, 13);
            }
            Operand::ShortTarget => {
                let value = bits(word, 12, 1, 8)
                    | bits(word, 10, 2, 3)
                    | bits(word, 5, 2, 6)
                    | bits(word, 3, 2, 1)
                    | bits(word, 2, 1, 5);
                fields.immediate = signed(value, 9);
            }
            Operand::LoadAddress => {
                fields.rs1 = bits(word, 15, 5, 0) as u8;
                fields.immediate = immediate(word);
            }
            Operand::StoreAddress => {
                fields.rs1 = bits(word, 15, 5, 0) as u8;
                fields.immediate = signed(bits(word, 25, 7, 5) | bits(word, 7, 5, 0), 12);
            }
            Operand::WordAddress => {
                fields.rs1 = short(word, 7);
                fields.immediate = bits(word, 10, 3, 3) | bits(word, 6, 1, 2) | bits(word, 5, 1, 6);
            }
            Operand::StackLoad => {
                fields.rs1 = SP;
                fields.immediate = bits(word, 12, 1, 5) | bits(word, 4, 3, 2) | bits(word, 2, 2, 6);
            }
            Operand::StackStore => {
                fields.rs1 = SP;
                fields.immediate = bits(word, 9, 4, 2) | bits(word, 7, 2, 6);
            }
            Operand::FenceSets => fields.immediate = word >> 20,
            Operand::Csr | Operand::Word => fields.immediate = word,
        }
        true
    }

    /// Whether the assembler writes the operand.
    pub(crate) fn is_shown(self) -> bool {
        !matches!(
            self,
            Operand::Link | Operand::NoRd | Operand::NoRs1 | Operand::NoRs2 | Operand::NoOffset | Operand::Word
        )
    }

    /// Writes the operand as the assembler has it.
    pub(crate) fn format(self, fields: Fields, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields { rd, rs1, rs2, immediate } = fields;
        match self {
            Operand::Rd
            | Operand::RdNotZero
            | Operand::RdAndRs1
            | Operand::RdShort
            | Operand::RdAndRs1Short
            | Operand::SpAndSp => out.write_str(register_name(rd)),
            Operand::Rs1 | Operand::Rs1NotZero | Operand::Rs1Short | Operand::BaseSp => {
                out.write_str(register_name(rs1))
            }
            Operand::Rs2 | Operand::Rs2Low | Operand::Rs2NotZero | Operand::Rs2Short => {
                out.write_str(register_name(rs2))
            }
            Operand::Immediate
            | Operand::Signed6
            | Operand::Shift
            | Operand::Shift6
            | Operand::StackAdd
            | Operand::StackMove
            | Operand::Jump
            | Operand::ShortJump
            | Operand::Target
            | Operand::ShortTarget => write!(out, "{}", immediate as i32),
            Operand::Unsigned5 => write!(out, "{rs1}"),
            Operand::Upper | Operand::Upper6 => write!(out, "{}", immediate >> 12),
            Operand::LoadAddress
            | Operand::StoreAddress
            | Operand::WordAddress
            | Operand::StackLoad
            | Operand::StackStore => write!(out, "{}({})", immediate as i32, register_name(rs1)),
            Operand::Csr => match csr::Csr::from_number(immediate >> 20) {
                Some(csr) => out.write_str(csr.name()),
                None => write!(out, "{}", immediate >> 20),
            },
            Operand::FenceSets => write!(out, "{}, {}", FenceSet(immediate >> 4), FenceSet(immediate)),
            Operand::Link | Operand::NoRd | Operand::NoRs1 | Operand::NoRs2 | Operand::NoOffset | Operand::Word => {
                Ok(())
            }
        }
    }
}

fn immediate(word: u32) -> u32 {
    signed(word >> 20, 12)
}

/// The six bits that most 16-bit instructions have as an immediate.
fn six(word: u32) -> u32 {
    bits(word, 12, 1, 5) | bits(word, 2, 5, 0)
}

/// The accesses that a fence orders.
struct FenceSet(u32);

impl fmt::Display for FenceSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & 0xf == 0 {
            return out.write_str("0");
        }
        let names = [(8, "i"), (4, "o"), (2, "r"), (1, "w")];
        names.iter().filter(|(bit, _)| self.0 & bit != 0).try_for_each(|(_, name)| out.write_str(name))
    }
}
