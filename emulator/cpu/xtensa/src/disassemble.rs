//! Instructions in assembler syntax.

use std::fmt::{self, Formatter};

use crate::instruction::{Instruction, Opcode};
use crate::operand::{COMPARE_SIGNED, COMPARE_UNSIGNED, Field, Operand};
use crate::register::{SpecialRegister, UserRegister};

/// The register that `field` of the instruction names.
fn register(field: Field, instruction: &Instruction) -> u8 {
    match field {
        Field::R => instruction.r,
        Field::S => instruction.s,
        Field::T => instruction.t,
    }
}

impl Operand {
    /// Writes the operand of `instruction` in assembler syntax; nothing for hidden operands.
    fn write(self, instruction: &Instruction, f: &mut Formatter<'_>) -> fmt::Result {
        let Instruction { r, s, t, immediate, .. } = *instruction;
        match self {
            Operand::Reg(field) => write!(f, "a{}", register(field, instruction)),
            Operand::Float(field) => write!(f, "f{}", register(field, instruction)),
            Operand::Bool(field) => write!(f, "b{}", register(field, instruction)),
            Operand::BoolGroup4 => write!(f, "b{}", s & 12),
            Operand::BoolGroup8 => write!(f, "b{}", s & 8),
            Operand::MacX => write!(f, "m{}", r >> 2 & 1),
            Operand::MacY => write!(f, "m{}", 2 + (t >> 2 & 1)),
            Operand::MacW => write!(f, "m{}", r & 3),
            Operand::Hidden(_) | Operand::Halves => Ok(()),
            Operand::Special => match SpecialRegister::from_number(immediate as u8) {
                Some(register) => f.write_str(register_name(instruction.opcode, register)),
                None => write!(f, "{immediate}"),
            },
            Operand::UserRead | Operand::UserWrite => match UserRegister::from_number(immediate as u8) {
                Some(register) => f.write_str(register.name()),
                None => write!(f, "{immediate}"),
            },
            Operand::Level | Operand::ExtractShift | Operand::FloatConstant => write!(f, "{s}"),
            Operand::BreakT | Operand::BitNumber | Operand::FloatScale => write!(f, "{t}"),
            Operand::ExtractMask => write!(f, "{}", immediate.count_ones()),
            Operand::CompareSigned => write!(f, "{}", COMPARE_SIGNED[usize::from(r & 0xf)] as i32),
            Operand::CompareUnsigned => write!(f, "{}", COMPARE_UNSIGNED[usize::from(r & 0xf)]),
            Operand::Literal
            | Operand::CallTarget
            | Operand::JumpTarget
            | Operand::Target12
            | Operand::Target8
            | Operand::Target6
            | Operand::LoopEnd => write!(f, "{immediate:#x}"),
            Operand::Bits(low, width) => write!(f, "{}", immediate >> low & ((1 << width) - 1)),
            Operand::RotateAmount
            | Operand::BitIndex
            | Operand::SsaiAmount
            | Operand::SlliAmount
            | Operand::SraiAmount
            | Operand::SrliAmount
            | Operand::SignBit
            | Operand::WindowOffset
            | Operand::Offset8
            | Operand::Offset8x2
            | Operand::Offset8x4
            | Operand::OffsetRx4
            | Operand::Immediate8
            | Operand::Immediate8x256
            | Operand::Immediate12
            | Operand::Immediate7
            | Operand::ImmediateT
            | Operand::FrameSize => write!(f, "{}", immediate as i32),
        }
    }
}

/// `INTERRUPT` is read and written under different names.
fn register_name(opcode: Opcode, register: SpecialRegister) -> &'static str {
    match (opcode, register) {
        (Opcode::Wsr | Opcode::Xsr, SpecialRegister::Interrupt) => "intset",
        _ => register.name(),
    }
}

/// Halves of the operands of a MAC16 product, by the two low bits of `op1`.
const HALVES: [&str; 4] = ["ll", "hl", "lh", "hh"];

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let description = self.opcode.description();
        match description.mnemonic.split_once('#') {
            Some((before, after)) => write!(f, "{before}{}{after}", HALVES[(self.immediate & 3) as usize])?,
            None => f.write_str(description.mnemonic)?,
        }
        let mut separator = " ";
        for operand in description.operands {
            if !matches!(operand, Operand::Hidden(_) | Operand::Halves) {
                f.write_str(separator)?;
                separator = ", ";
                operand.write(self, f)?;
            }
        }
        Ok(())
    }
}
