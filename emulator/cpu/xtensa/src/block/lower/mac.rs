//! The MAC16 option: products of halves, and the accumulator of 40 bits.

use espalier_jit::{Binary, Condition, Op, Slot, Value, Width};

use super::{ACC, Lowered, Lowering, SCRATCH, a, ar, special_slot};
use crate::instruction::{Instruction, Opcode};
use crate::register::SpecialRegister;
use crate::state::ACC_BITS;

/// By how much a load moves its pointer.
const WORD: u32 = 4;
/// Bits of a half, and those of a word above the accumulator's in its high word.
const HALF: u32 = 16;
const HIGH_UNUSED: u32 = 2 * u32::BITS - ACC_BITS;

/// The use of a product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sum {
    Unsigned,
    Product,
    Added,
    Subtracted,
}

impl Lowering<'_, '_> {
    pub(super) fn mac(&mut self, op: &Instruction) -> Lowered {
        let x = mac_register(op.r >> 2 & 1);
        let y = mac_register(2 + (op.t >> 2 & 1));
        let (s, t) = (a(op.s), a(op.t));
        let (sum, x, y) = match op.opcode {
            Opcode::UmulAa => (Sum::Unsigned, s, t),
            Opcode::MulAa => (Sum::Product, s, t),
            Opcode::MulaAa => (Sum::Added, s, t),
            Opcode::MulsAa => (Sum::Subtracted, s, t),
            Opcode::MulAd => (Sum::Product, s, y),
            Opcode::MulaAd => (Sum::Added, s, y),
            Opcode::MulsAd => (Sum::Subtracted, s, y),
            Opcode::MulDa => (Sum::Product, x, t),
            Opcode::MulaDa => (Sum::Added, x, t),
            Opcode::MulsDa => (Sum::Subtracted, x, t),
            Opcode::MulDd => (Sum::Product, x, y),
            Opcode::MulaDd => (Sum::Added, x, y),
            Opcode::MulsDd => (Sum::Subtracted, x, y),
            Opcode::MulaDdLdinc => return self.product_and_load(op, Some([x, y]), WORD),
            Opcode::MulaDdLddec => return self.product_and_load(op, Some([x, y]), WORD.wrapping_neg()),
            Opcode::MulaDaLdinc => return self.product_and_load(op, Some([x, t]), WORD),
            Opcode::MulaDaLddec => return self.product_and_load(op, Some([x, t]), WORD.wrapping_neg()),
            Opcode::Ldinc => return self.product_and_load(op, None, WORD),
            Opcode::Lddec => return self.product_and_load(op, None, WORD.wrapping_neg()),
            _ => return Lowered::Unknown,
        };
        self.product(op, sum, [x, y]);
        self.forget(2);
        Lowered::Next
    }

    fn product(&mut self, op: &Instruction, sum: Sum, factors: [Value; 2]) {
        let [product, other, ..] = SCRATCH;
        let [low, high] = ACC;
        for (number, (to, factor)) in SCRATCH.into_iter().zip(factors).enumerate() {
            let is_high = op.immediate >> number & 1 != 0;
            match (is_high, sum) {
                (true, Sum::Unsigned) => self.binary(Binary::ShiftRight, to, factor, Value::Imm(HALF)),
                (false, Sum::Unsigned) => self.binary(Binary::And, to, factor, Value::Imm(0xffff)),
                (true, _) => self.binary(Binary::ShiftRightSigned, to, factor, Value::Imm(HALF)),
                (false, _) => self.sign_extend(to, factor, HALF),
            }
        }
        self.binary(Binary::Multiply, product, Value::Slot(product), Value::Slot(other));
        let carry = |left| Op::Set {
            to: other,
            condition: Condition::LessUnsigned,
            left: Value::Slot(left),
            right: Value::Slot(product),
        };
        let operation = match sum {
            Sum::Unsigned => {
                self.put(low, Value::Slot(product));
                return self.put(high, Value::Imm(0));
            }
            Sum::Product => {
                self.put(low, Value::Slot(product));
                return self.binary(Binary::ShiftRightSigned, high, Value::Slot(product), Value::Imm(u32::BITS - 1));
            }
            Sum::Added => {
                self.binary(Binary::Add, low, Value::Slot(low), Value::Slot(product));
                self.ops.push(carry(low));
                Binary::Add
            }
            Sum::Subtracted => {
                self.ops.push(carry(low));
                self.binary(Binary::Sub, low, Value::Slot(low), Value::Slot(product));
                Binary::Sub
            }
        };
        self.binary(operation, high, Value::Slot(high), Value::Slot(other));
        self.binary(Binary::ShiftRightSigned, product, Value::Slot(product), Value::Imm(u32::BITS - 1));
        self.binary(operation, high, Value::Slot(high), Value::Slot(product));
        self.sign_extend(high, Value::Slot(high), HIGH_UNUSED);
    }

    /// The load comes first, since it can be left to the interpreter; the product uses what the register holds before it.
    fn product_and_load(&mut self, op: &Instruction, factors: Option<[Value; 2]>, step: u32) -> Lowered {
        let loaded = SCRATCH[2];
        self.load(loaded, Width::Word, false, a(op.s), step);
        if let Some(factors) = factors {
            self.product(op, Sum::Added, factors);
        }
        self.binary(Binary::Add, ar(op.s), a(op.s), Value::Imm(step));
        self.put(mac_slot(op.r & 3), Value::Slot(loaded));
        self.forget(3);
        Lowered::Next
    }
}

/// The place of the MAC16 register `number`.
fn mac_slot(number: u8) -> Slot {
    special_slot(SpecialRegister::M0) + Slot::from(number & 3)
}

fn mac_register(number: u8) -> Value {
    Value::Slot(mac_slot(number))
}
