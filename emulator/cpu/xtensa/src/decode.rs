//! Decoding: the search of the opcode table, and the operands in an instruction word.

use std::sync::LazyLock;

use crate::instruction::{self, Description, Instruction, NARROW, Shape, TABLE};
use crate::operand::{Field, Operand};

/// Lowest `op0` that the ESP32's core leaves undefined.
const RESERVED_FIRST: u32 = 14;
/// `op0` of the instructions that `op1` and `op2` tell apart; for the others fields `r` and `t` do.
const BY_OP1_AND_OP2: [u32; 2] = [0, 4];
/// Candidate lists are indexed by `op0` and two more fields.
const CANDIDATE_LISTS: usize = 1 << 12;

/// A row of the opcode table, with what it compares.
struct Candidate {
    mask: u32,
    pattern: u32,
    row: usize,
}

/// Rows of the opcode table that can match a word, by [`candidate_key`].
static CANDIDATES: LazyLock<Vec<Vec<Candidate>>> = LazyLock::new(|| {
    let mut lists: Vec<Vec<Candidate>> = (0..CANDIDATE_LISTS).map(|_| Vec::new()).collect();
    for (row, description) in TABLE.iter().enumerate() {
        let op0 = description.pattern & 0xf;
        for (high, low) in (0..16).flat_map(|high| (0..16).map(move |low| (high, low))) {
            let (word, key_mask) = if BY_OP1_AND_OP2.contains(&op0) {
                (op0 | high << 20 | low << 16, 0xff_0000)
            } else {
                (op0 | high << 12 | low << 4, 0x00_f0f0)
            };
            if (word ^ description.pattern) & description.mask & key_mask == 0 {
                let Description { mask, pattern, .. } = *description;
                lists[candidate_key(word)].push(Candidate { mask, pattern, row });
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

/// Distance from an instruction to the base of its relative branch.
const BRANCH_BASE: u32 = 4;

fn signed(value: u32, bits: u32) -> u32 {
    let shift = u32::BITS - bits;
    ((value << shift) as i32 >> shift) as u32
}

impl Instruction {
    /// Decodes the instruction at `pc` from the low bytes of `word`; `None` when it is not defined for this core.
    pub fn decode(word: u32, pc: u32) -> Option<Instruction> {
        let op0 = word & 0xf;
        if op0 >= RESERVED_FIRST {
            return None;
        }
        let length = instruction::length(word);
        let word = if length == NARROW { word & 0xffff } else { word & 0xff_ffff };
        let mut candidates = CANDIDATES[candidate_key(word)].iter();
        let found = candidates.find(|candidate| word & candidate.mask == candidate.pattern)?;
        let description = &TABLE[found.row];
        let mut instruction = Instruction {
            opcode: description.opcode,
            r: Field::R.of(word),
            s: Field::S.of(word),
            t: Field::T.of(word),
            shape: Shape::new(length),
            offset: 0,
            after: 1,
            immediate: 0,
        };
        for operand in description.operands {
            operand.decode(word, pc, &mut instruction);
        }
        Some(instruction)
    }
}

impl Operand {
    /// Extracts the operand from `word` into `instruction`.
    fn decode(self, word: u32, pc: u32, instruction: &mut Instruction) {
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
}

fn target(pc: u32, distance: u32) -> u32 {
    pc.wrapping_add(distance).wrapping_add(BRANCH_BASE)
}
