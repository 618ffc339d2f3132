//! Single-precision arithmetic with the host's instructions.

use super::code::{Alu, Cc, Reg, Scalar, Shift};
use super::emit::Emitter;
use super::host::{A, B};
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
        self.asm.move_from_vector(A, FIRST);
        self.asm.mov(B, A);
        self.asm.shift_imm(Shift::Left, B, 1);
        self.asm.shift_imm(Shift::Right, B, FRACTION_BITS + 1);
        self.asm.alu_imm(Alu::Sub, B, LOWEST_EXPONENT);
        self.asm.alu_imm(Alu::Cmp, B, EXPONENTS);
        self.asm.jump_if(Cc::AboveOrEqual, leave);
        self.result(to, A);
    }

    pub(super) fn float_set(&mut self, to: u16, condition: FloatCondition, left: Value, right: Value) {
        self.vector(LEFT, left);
        self.vector(RIGHT, right);
        let leave = self.hand_over();
        self.asm.compare_scalars(LEFT, RIGHT);
        self.asm.jump_if(Cc::Unordered, leave);
        match condition {
            FloatCondition::Never => self.asm.mov_imm(A, 0),
            FloatCondition::Equal => self.asm.set(Cc::Equal, A),
            FloatCondition::Less => self.asm.set(Cc::Below, A),
            FloatCondition::LessOrEqual => self.asm.set(Cc::BelowOrEqual, A),
        }
        self.result(to, A);
    }

    pub(super) fn float_to_signed(&mut self, to: u16, from: Value, nearest: bool) {
        self.vector(FIRST, from);
        let leave = self.hand_over();
        self.asm.convert_to_signed(A, FIRST, nearest);
        self.asm.alu_imm(Alu::Cmp, A, INDEFINITE);
        self.asm.jump_if(Cc::Equal, leave);
        self.result(to, A);
    }

    pub(super) fn number_to_float(&mut self, to: u16, from: Value, signed: bool) {
        let from: Reg = self.in_register(from, A);
        // A word without a sign is a double word with one.
        self.asm.mov(B, from);
        self.asm.convert_to_scalar(FIRST, B, !signed);
        self.asm.move_from_vector(A, FIRST);
        self.result(to, A);
    }

    /// The value in a vector register.
    fn vector(&mut self, number: u8, value: Value) {
        let from = self.in_register(value, A);
        self.asm.move_to_vector(number, from);
    }
}
