//! Operands: where they sit in the instruction word and how they are written.

use std::fmt::{self, Formatter};

use crate::instruction::{Instruction, Opcode};
use crate::register::{SpecialRegister, UserRegister};

/// A four-bit register field of the instruction word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Bits 15 to 12.
    R,
    /// Bits 11 to 8.
    S,
    /// Bits 7 to 4.
    T,
}

impl Field {
    /// The field's value in `word`.
    pub fn of(self, word: u32) -> u8 {
        let shift = match self {
            Field::R => 12,
            Field::S => 8,
            Field::T => 4,
        };
        (word >> shift & 0xf) as u8
    }

    fn get(self, instruction: &Instruction) -> u8 {
        match self {
            Field::R => instruction.r,
            Field::S => instruction.s,
            Field::T => instruction.t,
        }
    }
}

/// Kinds of operands. Each fills its own part of an [`Instruction`], so that a row of the table cannot name two
/// operands that need the same place unless they are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An address register.
    Reg(Field),
    /// A floating-point register.
    Float(Field),
    /// A boolean register.
    Bool(Field),
    /// A group of four boolean registers in `s`, written as its first one.
    BoolGroup4,
    /// A group of eight boolean registers in `s`, written as its first one.
    BoolGroup8,
    /// MAC16 register m0 or m1 in bit 14.
    MacX,
    /// MAC16 register m2 or m3 in bit 6.
    MacY,
    /// MAC16 register m0 to m3 in bits 13 and 12.
    MacW,
    /// Not written: the quarter of the register window that the instruction uses implicitly.
    Hidden(u8),
    /// Not written as an operand: which halves a MAC16 product takes, in the two low bits of `op1`.
    Halves,
    /// Special register number in bits 15 to 8.
    Special,
    /// User register number in `s` and `t`.
    UserRead,
    /// User register number in bits 15 to 8.
    UserWrite,
    /// Interrupt level, or first operand of `BREAK`, in `s`.
    Level,
    /// Second operand of `BREAK` in `t`.
    BreakT,
    /// Signed window rotation in `t`.
    RotateAmount,
    /// Shift amount of `SSAI`.
    SsaiAmount,
    /// Left shift, stored as 32 minus the amount.
    SlliAmount,
    /// Arithmetic right shift.
    SraiAmount,
    /// Logical right shift below 16.
    SrliAmount,
    /// Shift of `EXTUI`; replaces `s`.
    ExtractShift,
    /// Width of `EXTUI`, kept as a mask.
    ExtractMask,
    /// Position of the sign bit of `SEXT` and `CLAMPS`: 7 to 22.
    SignBit,
    /// Power of two of a conversion, in `t`.
    FloatScale,
    /// Index of a floating-point constant, in `s`.
    FloatConstant,
    /// Negative offset of `L32E` and `S32E`: -64 to -4.
    WindowOffset,
    /// Unsigned byte offset.
    Offset8,
    /// Unsigned offset in halfwords.
    Offset8x2,
    /// Unsigned offset in words.
    Offset8x4,
    /// Unsigned offset in words in field `r`.
    OffsetRx4,
    /// Signed 8-bit immediate.
    Immediate8,
    /// Signed 8-bit immediate times 256.
    Immediate8x256,
    /// Signed 12-bit immediate of `MOVI`.
    Immediate12,
    /// Immediate of `MOVI.N`: -32 to 95.
    Immediate7,
    /// Immediate of `ADDI.N`: -1 or 1 to 15.
    ImmediateT,
    /// Stack frame size of `ENTRY`.
    FrameSize,
    /// Address of a literal of `L32R`.
    Literal,
    /// Word-aligned target of a call.
    CallTarget,
    /// Target of `J`.
    JumpTarget,
    /// Branch target with a signed 12-bit distance.
    Target12,
    /// Branch target with a signed 8-bit distance.
    Target8,
    /// Branch target with an unsigned 6-bit distance.
    Target6,
    /// End of a zero-overhead loop, unsigned 8-bit distance.
    LoopEnd,
    /// Index into the table of signed comparison constants, in `r`.
    CompareSigned,
    /// Index into the table of unsigned comparison constants, in `r`.
    CompareUnsigned,
    /// Bit number; replaces `t`.
    BitNumber,
    /// Bit number in `t` and bit 8.
    BitIndex,
    /// So many bits from a bit of the word on, kept in their places.
    Bits(u8, u8),
}

/// Constants of `CONST.S`, by their bits; the manual defines the first four: 0, 1, 2 and 0.5.
pub(crate) const FLOAT_CONSTANTS: [u32; 16] =
    [0, 0x3f80_0000, 0x4000_0000, 0x3f00_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Constants of `BEQI`, `BNEI`, `BLTI` and `BGEI` (ISA manual, table "Branch Immediate (b4const) Encodings").
pub const COMPARE_SIGNED: [u32; 16] = [u32::MAX, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256];
/// Constants of `BLTUI` and `BGEUI` (ISA manual, table "Branch Unsigned Immediate (b4constu) Encodings").
pub const COMPARE_UNSIGNED: [u32; 16] = [32768, 65536, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256];

/// Distance from an instruction to the base of its relative branch.
const BRANCH_BASE: u32 = 4;

fn signed(value: u32, bits: u32) -> u32 {
    let shift = u32::BITS - bits;
    ((value << shift) as i32 >> shift) as u32
}

impl Operand {
    /// Extracts the operand from `word` into `instruction`.
    pub(crate) fn decode(self, word: u32, pc: u32, instruction: &mut Instruction) {
        let (r, s, t) = (u32::from(instruction.r), u32::from(instruction.s), u32::from(instruction.t));
        let byte = word >> 16 & 0xff;
        let number = word >> 8 & 0xff;
        match self {
            Operand::Reg(field) => instruction.shape.use_window(field.of(word) >> 2),
            Operand::Hidden(quarter) => instruction.shape.use_window(quarter),
            Operand::ExtractShift => instruction.s = (s | word >> 12 & 0x10) as u8,
            Operand::BitNumber => instruction.t = (t | word >> 8 & 0x10) as u8,
            Operand::Float(_)
            | Operand::Bool(_)
            | Operand::BoolGroup4
            | Operand::BoolGroup8
            | Operand::MacX
            | Operand::MacY
            | Operand::MacW
            | Operand::Level
            | Operand::BreakT
            | Operand::FloatScale
            | Operand::FloatConstant
            | Operand::CompareSigned
            | Operand::CompareUnsigned => {}
            Operand::Halves => instruction.immediate = word >> 16 & 3,
            Operand::Special | Operand::UserWrite => instruction.immediate = number,
            Operand::UserRead => instruction.immediate = s << 4 | t,
            Operand::RotateAmount => instruction.immediate = signed(t, 4),
            Operand::BitIndex => instruction.immediate = t | word >> 4 & 0x10,
            Operand::Bits(low, width) => instruction.immediate |= word & ((1 << width) - 1) << low,
            Operand::SsaiAmount => instruction.immediate = s | (t & 1) << 4,
            Operand::SlliAmount => instruction.immediate = 32 - (t | word >> 16 & 0x10),
            Operand::SraiAmount => instruction.immediate = s | word >> 16 & 0x10,
            Operand::SrliAmount => instruction.immediate = s,
            Operand::ExtractMask => instruction.immediate = (2 << (word >> 20)) - 1,
            Operand::SignBit => instruction.immediate = t + 7,
            Operand::WindowOffset => instruction.immediate = (r << 2).wrapping_sub(64),
            Operand::Offset8 => instruction.immediate = byte,
            Operand::Offset8x2 => instruction.immediate = byte << 1,
            Operand::Offset8x4 => instruction.immediate = byte << 2,
            Operand::OffsetRx4 => instruction.immediate = r << 2,
            Operand::Immediate8 => instruction.immediate = signed(byte, 8),
            Operand::Immediate8x256 => instruction.immediate = signed(byte, 8) << 8,
            Operand::Immediate12 => instruction.immediate = signed(byte | s << 8, 12),
            Operand::Immediate7 => {
                let value = r | (t & 7) << 4;
                instruction.immediate = if value >= 96 { value.wrapping_sub(128) } else { value };
            }
            Operand::ImmediateT => instruction.immediate = if t == 0 { u32::MAX } else { t },
            Operand::FrameSize => instruction.immediate = word >> 12 << 3,
            Operand::Literal => {
                let distance = word >> 8 << 2 | 0xfffc_0000;
                instruction.immediate = (pc.wrapping_add(3) & !3).wrapping_add(distance);
            }
            Operand::CallTarget => {
                instruction.immediate = (pc & !3).wrapping_add(signed(word >> 6, 18) << 2).wrapping_add(BRANCH_BASE);
            }
            Operand::JumpTarget => instruction.immediate = target(pc, signed(word >> 6, 18)),
            Operand::Target12 => instruction.immediate = target(pc, signed(word >> 12, 12)),
            Operand::Target8 => instruction.immediate = target(pc, signed(byte, 8)),
            Operand::Target6 => instruction.immediate = target(pc, r | (t & 3) << 4),
            Operand::LoopEnd => instruction.immediate = target(pc, byte),
        }
    }

    /// Writes the operand of `instruction` in assembler syntax; nothing for hidden operands.
    fn write(self, instruction: &Instruction, f: &mut Formatter<'_>) -> fmt::Result {
        let Instruction { r, s, t, immediate, .. } = *instruction;
        match self {
            Operand::Reg(field) => write!(f, "a{}", field.get(instruction)),
            Operand::Float(field) => write!(f, "f{}", field.get(instruction)),
            Operand::Bool(field) => write!(f, "b{}", field.get(instruction)),
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

fn target(pc: u32, distance: u32) -> u32 {
    pc.wrapping_add(distance).wrapping_add(BRANCH_BASE)
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
