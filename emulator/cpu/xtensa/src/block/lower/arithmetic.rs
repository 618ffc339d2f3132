//! Arithmetic, shifts and moves.

use espalier_jit::{Binary, Condition, Op, Slot, Unary, Value};

use super::{BR, Lowered, Lowering, SAR, SCRATCH, a, ar};
use crate::instruction::{Instruction, Opcode};

const WORD: u32 = 32;

impl Lowering<'_, '_> {
    pub(super) fn arithmetic(&mut self, op: &Instruction) -> Lowered {
        let (r, s, t) = (ar(op.r), a(op.s), a(op.t));
        let immediate = Value::Imm(op.immediate);
        match op.opcode {
            Opcode::And => self.binary(Binary::And, r, s, t),
            Opcode::Or => self.binary(Binary::Or, r, s, t),
            Opcode::Xor => self.binary(Binary::Xor, r, s, t),
            Opcode::Add | Opcode::AddN => self.binary(Binary::Add, r, s, t),
            Opcode::Sub => self.binary(Binary::Sub, r, s, t),
            Opcode::Neg => self.binary(Binary::Sub, r, Value::Imm(0), t),
            Opcode::Abs => self.absolute(r, t),
            Opcode::Addx2 => self.scaled(Binary::Add, r, s, t, 1),
            Opcode::Addx4 => self.scaled(Binary::Add, r, s, t, 2),
            Opcode::Addx8 => self.scaled(Binary::Add, r, s, t, 3),
            Opcode::Subx2 => self.scaled(Binary::Sub, r, s, t, 1),
            Opcode::Subx4 => self.scaled(Binary::Sub, r, s, t, 2),
            Opcode::Subx8 => self.scaled(Binary::Sub, r, s, t, 3),
            Opcode::Addi | Opcode::Addmi => self.binary(Binary::Add, ar(op.t), s, immediate),
            Opcode::AddiN => self.binary(Binary::Add, r, s, immediate),
            Opcode::Movi => self.put(ar(op.t), immediate),
            Opcode::MoviN => self.put(ar(op.s), immediate),
            Opcode::MovN => self.put(ar(op.t), s),
            Opcode::Nop
            | Opcode::NopN
            | Opcode::Rsync
            | Opcode::Esync
            | Opcode::Isync
            | Opcode::Dsync
            | Opcode::Excw
            | Opcode::Memw
            | Opcode::Extw => {}
            Opcode::Extui => {
                self.binary(Binary::ShiftRight, r, t, Value::Imm(u32::from(op.s & 0x1f)));
                self.binary(Binary::And, r, Value::Slot(r), immediate);
            }
            Opcode::Slli if op.immediate >= WORD => self.put(r, Value::Imm(0)),
            Opcode::Slli => self.binary(Binary::ShiftLeft, r, s, immediate),
            Opcode::Srai => self.binary(Binary::ShiftRightSigned, r, t, immediate),
            Opcode::Srli => self.binary(Binary::ShiftRight, r, t, immediate),
            Opcode::Ssr => self.binary(Binary::And, SAR, s, Value::Imm(0x1f)),
            Opcode::Ssl => {
                self.binary(Binary::And, SCRATCH[0], s, Value::Imm(0x1f));
                self.complement_shift();
            }
            Opcode::Ssa8l => {
                self.binary(Binary::And, SAR, s, Value::Imm(3));
                self.binary(Binary::ShiftLeft, SAR, Value::Slot(SAR), Value::Imm(3));
            }
            Opcode::Ssa8b => {
                self.binary(Binary::And, SCRATCH[0], s, Value::Imm(3));
                self.binary(Binary::ShiftLeft, SCRATCH[0], Value::Slot(SCRATCH[0]), Value::Imm(3));
                self.complement_shift();
            }
            Opcode::Ssai => self.put(SAR, immediate),
            Opcode::Src => self.funnel(r, s, t),
            Opcode::Srl => self.funnel(r, Value::Imm(0), t),
            Opcode::Sll => self.funnel(r, s, Value::Imm(0)),
            Opcode::Sra => self.ops.push(Op::LongShiftRightSigned { to: r, from: t, amount: Value::Slot(SAR) }),
            Opcode::Mull => self.binary(Binary::Multiply, r, s, t),
            Opcode::Muluh => self.binary(Binary::MultiplyHighUnsigned, r, s, t),
            Opcode::Mulsh => self.binary(Binary::MultiplyHighSigned, r, s, t),
            Opcode::Mul16u => {
                self.binary(Binary::And, SCRATCH[0], s, Value::Imm(0xffff));
                self.binary(Binary::And, SCRATCH[1], t, Value::Imm(0xffff));
                self.multiply_scratch(r);
            }
            Opcode::Mul16s => {
                for (to, from) in SCRATCH.into_iter().zip([s, t]) {
                    self.sign_extend(to, from, 16);
                }
                self.multiply_scratch(r);
            }
            Opcode::Quou => self.binary(Binary::DivideUnsigned, r, s, t),
            Opcode::Quos => self.binary(Binary::DivideSigned, r, s, t),
            Opcode::Remu => self.binary(Binary::RemainderUnsigned, r, s, t),
            Opcode::Rems => self.binary(Binary::RemainderSigned, r, s, t),
            Opcode::Sext => self.sign_extend(r, s, 31 - (op.immediate & 0x1f)),
            Opcode::Clamps => self.clamp(r, s, op.immediate),
            Opcode::Min => self.extreme(Condition::LessSigned, r, s, t),
            Opcode::Max => self.extreme(Condition::GreaterOrEqualSigned, r, s, t),
            Opcode::Minu => self.extreme(Condition::LessUnsigned, r, s, t),
            Opcode::Maxu => self.extreme(Condition::GreaterOrEqualUnsigned, r, s, t),
            Opcode::Nsa => {
                let scratch = SCRATCH[0];
                self.binary(Binary::ShiftRightSigned, scratch, s, Value::Imm(31));
                self.binary(Binary::Xor, scratch, Value::Slot(scratch), s);
                self.ops.push(Op::Unary { op: Unary::LeadingZeros, to: scratch, from: Value::Slot(scratch) });
                self.binary(Binary::Sub, ar(op.t), Value::Slot(scratch), Value::Imm(1));
                self.forget(1);
            }
            Opcode::Nsau => self.ops.push(Op::Unary { op: Unary::LeadingZeros, to: ar(op.t), from: s }),
            Opcode::Moveqz => self.select(r, Condition::Equal, t, Value::Imm(0), s),
            Opcode::Movnez => self.select(r, Condition::NotEqual, t, Value::Imm(0), s),
            Opcode::Movltz => self.select(r, Condition::LessSigned, t, Value::Imm(0), s),
            Opcode::Movgez => self.select(r, Condition::GreaterOrEqualSigned, t, Value::Imm(0), s),
            Opcode::Movf => self.select(r, Condition::Disjoint, Value::Slot(BR), boolean(op.t), s),
            Opcode::Movt => self.select(r, Condition::Overlap, Value::Slot(BR), boolean(op.t), s),
            Opcode::Andb => self.boolean(Binary::And, 0, op),
            Opcode::Andbc => self.boolean(Binary::And, 1, op),
            Opcode::Orb => self.boolean(Binary::Or, 0, op),
            Opcode::Orbc => self.boolean(Binary::Or, 1, op),
            Opcode::Xorb => self.boolean(Binary::Xor, 0, op),
            Opcode::Any4 => self.any(op.t, 0xf << (op.s & 12)),
            Opcode::Any8 => self.any(op.t, 0xff << (op.s & 8)),
            Opcode::All4 => self.all(op.t, 0xf << (op.s & 12)),
            Opcode::All8 => self.all(op.t, 0xff << (op.s & 8)),
            _ => return Lowered::Unknown,
        }
        Lowered::Next
    }

    /// A boolean register from two others, the second one's bit flipped if `flip` is 1.
    fn boolean(&mut self, op: Binary, flip: u32, instruction: &Instruction) {
        let [left, right, ..] = SCRATCH;
        self.binary(Binary::ShiftRight, left, Value::Slot(BR), Value::Imm(u32::from(instruction.s & 0xf)));
        self.binary(Binary::ShiftRight, right, Value::Slot(BR), Value::Imm(u32::from(instruction.t & 0xf)));
        if flip != 0 {
            self.binary(Binary::Xor, right, Value::Slot(right), Value::Imm(flip));
        }
        self.binary(op, left, Value::Slot(left), Value::Slot(right));
        self.binary(Binary::And, left, Value::Slot(left), Value::Imm(1));
        self.set_boolean(instruction.r);
    }

    fn any(&mut self, to: u8, of: u32) {
        let (left, right) = (Value::Slot(BR), Value::Imm(of));
        self.ops.push(Op::Set { to: SCRATCH[0], condition: Condition::Overlap, left, right });
        self.set_boolean(to);
    }

    fn all(&mut self, to: u8, of: u32) {
        let found = Value::Slot(SCRATCH[0]);
        self.binary(Binary::And, SCRATCH[0], Value::Slot(BR), Value::Imm(of));
        self.ops.push(Op::Set { to: SCRATCH[0], condition: Condition::Equal, left: found, right: Value::Imm(of) });
        self.set_boolean(to);
    }

    /// The boolean register becomes what is in the first scratch register, 0 or 1.
    pub(super) fn set_boolean(&mut self, number: u8) {
        let (value, number) = (SCRATCH[0], u32::from(number & 0xf));
        self.binary(Binary::ShiftLeft, value, Value::Slot(value), Value::Imm(number));
        self.binary(Binary::And, BR, Value::Slot(BR), Value::Imm(!(1 << number)));
        self.binary(Binary::Or, BR, Value::Slot(BR), Value::Slot(value));
        self.forget(2);
    }

    /// Saturates to a signed number of `bits + 1` bits.
    fn clamp(&mut self, to: Slot, from: Value, bits: u32) {
        let limit = 1u32 << (bits & 0x1f);
        let (lowest, highest) = (Value::Imm(limit.wrapping_neg()), Value::Imm(limit - 1));
        let value = SCRATCH[0];
        self.put(value, from);
        self.select(value, Condition::LessSigned, Value::Slot(value), lowest, lowest);
        self.select(value, Condition::GreaterOrEqualSigned, Value::Slot(value), highest, highest);
        self.put(to, Value::Slot(value));
        self.forget(1);
    }

    pub(super) fn select(&mut self, to: Slot, condition: Condition, left: Value, right: Value, then: Value) {
        self.ops.push(Op::Select { to, condition, left, right, then });
    }

    fn funnel(&mut self, to: Slot, high: Value, low: Value) {
        self.ops.push(Op::Funnel { to, high, low, amount: Value::Slot(SAR) });
    }

    fn scaled(&mut self, op: Binary, to: Slot, left: Value, right: Value, shift: u32) {
        self.binary(Binary::ShiftLeft, SCRATCH[0], left, Value::Imm(shift));
        self.binary(op, to, Value::Slot(SCRATCH[0]), right);
        self.forget(1);
    }

    fn absolute(&mut self, to: Slot, from: Value) {
        self.put(SCRATCH[0], from);
        self.binary(Binary::Sub, SCRATCH[1], Value::Imm(0), from);
        self.select(SCRATCH[0], Condition::LessSigned, from, Value::Imm(0), Value::Slot(SCRATCH[1]));
        self.put(to, Value::Slot(SCRATCH[0]));
        self.forget(2);
    }

    /// The one of two values for which the comparison with the other holds.
    fn extreme(&mut self, condition: Condition, to: Slot, left: Value, right: Value) {
        self.put(SCRATCH[0], right);
        self.select(SCRATCH[0], condition, left, right, left);
        self.put(to, Value::Slot(SCRATCH[0]));
        self.forget(1);
    }

    pub(super) fn sign_extend(&mut self, to: Slot, from: Value, shift: u32) {
        self.binary(Binary::ShiftLeft, to, from, Value::Imm(shift));
        self.binary(Binary::ShiftRightSigned, to, Value::Slot(to), Value::Imm(shift));
    }

    fn multiply_scratch(&mut self, to: Slot) {
        self.binary(Binary::Multiply, to, Value::Slot(SCRATCH[0]), Value::Slot(SCRATCH[1]));
        self.forget(2);
    }

    /// `SAR` becomes the number of bits in a word less what was computed.
    fn complement_shift(&mut self) {
        self.binary(Binary::Sub, SAR, Value::Imm(WORD), Value::Slot(SCRATCH[0]));
        self.forget(1);
    }
}

/// The bit of a boolean register.
pub(super) fn boolean(number: u8) -> Value {
    Value::Imm(1 << (number & 0xf))
}
