//! Single-precision floating point.
//!
//! The host computes what is ordinary: rounding to nearest, a result that is an ordinary number, in code whose sticky flag for inexact
//! results stands already, so that no flag can change. All else (special values, other roundings, the helpers of division) is left to
//! [`float`](crate::float).

use espalier_jit::{Binary, Condition, Float, FloatCondition, Op, Slot, Value, Width, fuses};

use super::arithmetic::boolean;
use super::{BR, FCR, FR, FSR, Lowered, Lowering, SCRATCH, a, ar};
use crate::instruction::{Instruction, Opcode};
use crate::operand::FLOAT_CONSTANTS;
use crate::register::{ROUNDING, flag};

const SIGN: u32 = 1 << 31;

impl Lowering<'_, '_> {
    pub(super) fn float(&mut self, op: &Instruction) -> Lowered {
        let (r, s, t) = (fr(op.r), f(op.s), f(op.t));
        match op.opcode {
            Opcode::AddS => self.compute(Float::Add, r, s, t),
            Opcode::SubS => self.compute(Float::Sub, r, s, t),
            Opcode::MulS => self.compute(Float::Multiply, r, s, t),
            Opcode::MaddS if fuses() => self.compute(Float::MultiplyAdd, r, s, t),
            Opcode::MsubS if fuses() => self.compute(Float::MultiplySubtract, r, s, t),
            Opcode::MaddnS if fuses() => {
                // Rounds to nearest whatever is set, and raises no flags.
                self.guard_enabled();
                self.ops.push(Op::Float { op: Float::MultiplyAdd, to: r, left: s, right: t });
            }
            Opcode::TruncS | Opcode::RoundS if op.t == 0 => {
                self.guard_ordinary();
                self.ops.push(Op::FloatToSigned { to: ar(op.r), from: s, nearest: op.opcode == Opcode::RoundS });
            }
            Opcode::FloatS | Opcode::UfloatS if op.t == 0 => {
                self.guard_ordinary();
                self.ops.push(Op::ToFloat { to: r, from: a(op.s), signed: op.opcode == Opcode::FloatS });
            }
            Opcode::UnS => self.compare(FloatCondition::Never, op),
            Opcode::OeqS | Opcode::UeqS => self.compare(FloatCondition::Equal, op),
            Opcode::OltS | Opcode::UltS => self.compare(FloatCondition::Less, op),
            Opcode::OleS | Opcode::UleS => self.compare(FloatCondition::LessOrEqual, op),
            Opcode::Lsi | Opcode::Lsip | Opcode::Lsx | Opcode::Lsxp => self.load_float(op),
            Opcode::Ssi | Opcode::Ssip | Opcode::Ssx | Opcode::Ssxp => self.store_float(op),
            _ => return self.move_float(op),
        }
        Lowered::Next
    }

    fn move_float(&mut self, op: &Instruction) -> Lowered {
        let (r, s, t) = (fr(op.r), f(op.s), a(op.t));
        let zero = Value::Imm(0);
        let known = matches!(
            op.opcode,
            Opcode::MovS
                | Opcode::AbsS
                | Opcode::NegS
                | Opcode::ConstS
                | Opcode::Rfr
                | Opcode::Wfr
                | Opcode::MoveqzS
                | Opcode::MovnezS
                | Opcode::MovltzS
                | Opcode::MovgezS
                | Opcode::MovfS
                | Opcode::MovtS
        );
        if !known {
            return Lowered::Unknown;
        }
        self.guard_enabled();
        match op.opcode {
            Opcode::MovS => self.put(r, s),
            Opcode::AbsS => self.binary(Binary::And, r, s, Value::Imm(!SIGN)),
            Opcode::NegS => self.binary(Binary::Xor, r, s, Value::Imm(SIGN)),
            Opcode::ConstS => self.put(r, Value::Imm(FLOAT_CONSTANTS[usize::from(op.s & 0xf)])),
            Opcode::Rfr => self.put(ar(op.r), s),
            Opcode::Wfr => self.put(r, a(op.s)),
            Opcode::MoveqzS => self.select(r, Condition::Equal, t, zero, s),
            Opcode::MovnezS => self.select(r, Condition::NotEqual, t, zero, s),
            Opcode::MovltzS => self.select(r, Condition::LessSigned, t, zero, s),
            Opcode::MovgezS => self.select(r, Condition::GreaterOrEqualSigned, t, zero, s),
            Opcode::MovfS => self.select(r, Condition::Disjoint, Value::Slot(BR), boolean(op.t), s),
            _ => self.select(r, Condition::Overlap, Value::Slot(BR), boolean(op.t), s),
        }
        Lowered::Next
    }

    fn compute(&mut self, op: Float, to: Slot, left: Value, right: Value) {
        self.guard_ordinary();
        self.ops.push(Op::Float { op, to, left, right });
    }

    fn compare(&mut self, condition: FloatCondition, op: &Instruction) {
        self.guard_enabled();
        self.ops.push(Op::FloatSet { to: SCRATCH[0], condition, left: f(op.s), right: f(op.t) });
        self.set_boolean(op.r);
    }

    fn load_float(&mut self, op: &Instruction) {
        self.guard_enabled();
        let (number, base, offset) = self.place(op);
        self.load(fr(number), Width::Word, false, base, offset);
        self.update(op);
    }

    fn store_float(&mut self, op: &Instruction) {
        self.guard_enabled();
        let (number, base, offset) = self.place(op);
        self.store(f(number), Width::Word, base, offset);
        self.update(op);
    }

    /// The floating-point register that an access is about, and where in memory.
    fn place(&mut self, op: &Instruction) -> (u8, Value, u32) {
        match op.opcode {
            Opcode::Lsi | Opcode::Ssi => (op.t, a(op.s), op.immediate),
            Opcode::Lsip | Opcode::Ssip => (op.t, a(op.s), 0),
            Opcode::Lsxp | Opcode::Ssxp => (op.r, a(op.s), 0),
            _ => {
                self.binary(Binary::Add, SCRATCH[0], a(op.s), a(op.t));
                (op.r, Value::Slot(SCRATCH[0]), 0)
            }
        }
    }

    /// Moves the base register of an access that does so.
    fn update(&mut self, op: &Instruction) {
        match op.opcode {
            Opcode::Lsip | Opcode::Ssip => self.binary(Binary::Add, ar(op.s), a(op.s), Value::Imm(op.immediate)),
            Opcode::Lsxp | Opcode::Ssxp => self.binary(Binary::Add, ar(op.s), a(op.s), a(op.t)),
            _ => self.forget(1),
        }
    }

    /// As [`Lowering::guard_float`], once in a row.
    fn guard_enabled(&mut self) {
        if !self.known.float_enabled {
            self.guard_float();
            self.known.float_enabled = true;
        }
    }

    /// Leaves it to the interpreter if something else than rounding to nearest is set, or a result could set the first flag.
    fn guard_ordinary(&mut self) {
        self.guard_enabled();
        if !self.known.float_ordinary {
            self.guard(Condition::Overlap, Value::Slot(FCR), Value::Imm(ROUNDING));
            self.guard(Condition::Disjoint, Value::Slot(FSR), Value::Imm(flag::INEXACT));
            self.known.float_ordinary = true;
        }
    }
}

/// A floating-point register.
fn fr(number: u8) -> Slot {
    FR + Slot::from(number & 0xf)
}

/// Its value.
fn f(number: u8) -> Value {
    Value::Slot(fr(number))
}
