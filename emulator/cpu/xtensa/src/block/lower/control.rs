//! Branches, jumps and zero-overhead loops.

use espalier_jit::{Binary, Condition, Op, Value};

use super::arithmetic::boolean;
use super::{BR, LBEG, LCOUNT, LEND, Lowered, Lowering, PS, SCRATCH, a, ar};
use crate::instruction::{Instruction, Opcode};
use crate::operand::{COMPARE_SIGNED, COMPARE_UNSIGNED};
use crate::state::ps;

const ZERO: Value = Value::Imm(0);

impl Lowering<'_, '_> {
    pub(super) fn control(&mut self, op: &Instruction) -> Lowered {
        let (s, t) = (a(op.s), a(op.t));
        let signed = Value::Imm(COMPARE_SIGNED[usize::from(op.r & 0xf)]);
        let unsigned = Value::Imm(COMPARE_UNSIGNED[usize::from(op.r & 0xf)]);
        let (condition, left, right) = match op.opcode {
            Opcode::Beqz | Opcode::BeqzN => (Condition::Equal, s, ZERO),
            Opcode::Bnez | Opcode::BnezN => (Condition::NotEqual, s, ZERO),
            Opcode::Bltz => (Condition::LessSigned, s, ZERO),
            Opcode::Bgez => (Condition::GreaterOrEqualSigned, s, ZERO),
            Opcode::Beqi => (Condition::Equal, s, signed),
            Opcode::Bnei => (Condition::NotEqual, s, signed),
            Opcode::Blti => (Condition::LessSigned, s, signed),
            Opcode::Bgei => (Condition::GreaterOrEqualSigned, s, signed),
            Opcode::Bltui => (Condition::LessUnsigned, s, unsigned),
            Opcode::Bgeui => (Condition::GreaterOrEqualUnsigned, s, unsigned),
            Opcode::Beq => (Condition::Equal, s, t),
            Opcode::Bne => (Condition::NotEqual, s, t),
            Opcode::Blt => (Condition::LessSigned, s, t),
            Opcode::Bge => (Condition::GreaterOrEqualSigned, s, t),
            Opcode::Bltu => (Condition::LessUnsigned, s, t),
            Opcode::Bgeu => (Condition::GreaterOrEqualUnsigned, s, t),
            Opcode::Bnone => (Condition::Disjoint, s, t),
            Opcode::Bany => (Condition::Overlap, s, t),
            Opcode::Ball => (Condition::Disjoint, self.complement(s), t),
            Opcode::Bnall => (Condition::Overlap, self.complement(s), t),
            Opcode::Bbc => (Condition::Disjoint, s, self.bit(t)),
            Opcode::Bbs => (Condition::Overlap, s, self.bit(t)),
            Opcode::Bbci => (Condition::Disjoint, s, Value::Imm(1 << (op.t & 0x1f))),
            Opcode::Bbsi => (Condition::Overlap, s, Value::Imm(1 << (op.t & 0x1f))),
            Opcode::Bf => (Condition::Disjoint, Value::Slot(BR), boolean(op.s)),
            Opcode::Bt => (Condition::Overlap, Value::Slot(BR), boolean(op.s)),
            _ => return self.unconditional(op),
        };
        self.branch(condition, left, right, op.immediate);
        self.forget(1);
        Lowered::Next
    }

    fn complement(&mut self, value: Value) -> Value {
        self.binary(Binary::Xor, SCRATCH[0], value, Value::Imm(u32::MAX));
        Value::Slot(SCRATCH[0])
    }

    fn bit(&mut self, number: Value) -> Value {
        self.binary(Binary::ShiftLeft, SCRATCH[0], Value::Imm(1), number);
        Value::Slot(SCRATCH[0])
    }

    fn unconditional(&mut self, op: &Instruction) -> Lowered {
        match op.opcode {
            Opcode::J => self.jump(op.immediate),
            Opcode::Jx => self.jump_to(a(op.s)),
            Opcode::Ret | Opcode::RetN => self.jump_to(a(0)),
            Opcode::Call0 => {
                self.put(ar(0), Value::Imm(self.next));
                self.jump(op.immediate)
            }
            Opcode::Callx0 => {
                self.put(SCRATCH[0], a(op.s));
                self.put(ar(0), Value::Imm(self.next));
                self.jump_to(Value::Slot(SCRATCH[0]))
            }
            Opcode::Loop | Opcode::Loopnez | Opcode::Loopgtz => {
                let count = a(op.s);
                self.put(LBEG, Value::Imm(self.next));
                self.put(LEND, Value::Imm(op.immediate));
                self.binary(Binary::Sub, LCOUNT, count, Value::Imm(1));
                match op.opcode {
                    Opcode::Loopnez => self.branch(Condition::Equal, count, ZERO, op.immediate),
                    Opcode::Loopgtz => {
                        // Not more than zero.
                        self.branch(Condition::LessSigned, count, Value::Imm(1), op.immediate);
                    }
                    _ => {}
                }
                Lowered::Next
            }
            _ => Lowered::Unknown,
        }
    }

    pub(super) fn jump_to(&mut self, target: Value) -> Lowered {
        self.leave(Op::JumpIndirect { target, done: self.jumped() });
        Lowered::Left
    }

    /// Goes on with the instruction at `end` after the last one of the block, or at the start of the loop that ends there.
    pub(super) fn go_on_at(&mut self, end: u32) {
        self.go_on_if(Condition::NotEqual, Value::Slot(LEND), Value::Imm(end), end);
        self.go_on_if(Condition::Equal, Value::Slot(LCOUNT), ZERO, end);
        self.go_on_if(Condition::Overlap, Value::Slot(PS), Value::Imm(ps::EXCM), end);
        self.binary(Binary::Sub, LCOUNT, Value::Slot(LCOUNT), Value::Imm(1));
        if let Some(start) = self.part.loop_start {
            self.go_on_if(Condition::Equal, Value::Slot(LBEG), Value::Imm(start), start);
        }
        self.leave(Op::JumpIndirect { target: Value::Slot(LBEG), done: self.after });
    }
}
