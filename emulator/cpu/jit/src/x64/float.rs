//! Single-precision arithmetic with the host's SSE and FMA instructions.

use super::assembler::{Alu, Cc, RAX, RCX, Reg, Scalar, Shift};
use super::emit::Emitter;
use crate::ir::{Float, FloatCondition, Value};

/// Scratch vector registers.
const FIRST: u8 = 0;
const LEFT: u8 = 1;
const RIGHT: u8 = 2;
/// Exponents, as they are encoded, of numbers that cannot have lost bits below them: the lowest, and how many there are.
const LOWEST_EXPONENT: u32 = 2;
const EXPONENTS: u32 = 253;
const FRACTION_BITS: u8 = 23;
/// The result of a conversion of numbers that are out of range.
const INDEFINITE: u32 = 0x8000_0000;

impl Emitter<'_> {
    pub(super) fn float(&mut self, op: Float, to: u16, left: Value, right: Value) {
        if matches!(op, Float::MultiplyAdd | Float::MultiplySubtract) {
            self.vector(FIRST, Value::Slot(to));
            self.vector(LEFT, left);
            self.vector(RIGHT, right);
            self.asm.multiply_add(op == Float::MultiplySubtract);
        } else {
            self.vector(FIRST, left);
            self.vector(RIGHT, right);
            let scalar = match op {
                Float::Sub => Scalar::Sub,
                Float::Multiply => Scalar::Multiply,
                _ => Scalar::Add,
            };
            self.asm.scalar(scalar, FIRST, RIGHT);
        }
        let leave = self.hand_over();
        self.asm.move_from_vector(RAX, FIRST);
        self.asm.mov(RCX, RAX);
        self.asm.shift_imm(Shift::Left, RCX, 1);
        self.asm.shift_imm(Shift::Right, RCX, FRACTION_BITS + 1);
        self.asm.alu_imm(Alu::Sub, RCX, LOWEST_EXPONENT);
        self.asm.alu_imm(Alu::Cmp, RCX, EXPONENTS);
        self.asm.jump_if(Cc::AboveOrEqual, leave);
        self.result(to, RAX);
    }

    pub(super) fn float_set(&mut self, to: u16, condition: FloatCondition, left: Value, right: Value) {
        self.vector(LEFT, left);
        self.vector(RIGHT, right);
        let leave = self.hand_over();
        self.asm.compare_scalars(LEFT, RIGHT);
        self.asm.jump_if(Cc::Parity, leave);
        match condition {
            FloatCondition::Never => self.asm.mov_imm(RAX, 0),
            FloatCondition::Equal => self.asm.set(Cc::Equal, RAX),
            FloatCondition::Less => self.asm.set(Cc::Below, RAX),
            FloatCondition::LessOrEqual => self.asm.set(Cc::BelowOrEqual, RAX),
        }
        self.result(to, RAX);
    }

    pub(super) fn float_to_signed(&mut self, to: u16, from: Value, nearest: bool) {
        self.vector(FIRST, from);
        let leave = self.hand_over();
        self.asm.convert_to_signed(RAX, FIRST, nearest);
        self.asm.alu_imm(Alu::Cmp, RAX, INDEFINITE);
        self.asm.jump_if(Cc::Equal, leave);
        self.result(to, RAX);
    }

    pub(super) fn number_to_float(&mut self, to: u16, from: Value, signed: bool) {
        let from: Reg = self.in_register(from, RAX);
        // A word without a sign is a double word with one.
        self.asm.mov(RCX, from);
        self.asm.convert_to_scalar(FIRST, RCX, !signed);
        self.asm.move_from_vector(RAX, FIRST);
        self.result(to, RAX);
    }

    /// The value in a vector register.
    fn vector(&mut self, number: u8, value: Value) {
        let from = self.in_register(value, RAX);
        self.asm.move_to_vector(number, from);
    }
}
