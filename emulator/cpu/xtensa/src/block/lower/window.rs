//! Calls, returns and the register window.

use espalier_jit::{Binary, Condition, Op, Slot, Unary, Value};

use super::{INTENABLE, Lowered, Lowering, PS, SCRATCH, WINDOW_BASE, WINDOW_FREE, WINDOW_START, a, ar, special_slot};
use crate::instruction::{Instruction, Opcode};
use crate::register::SpecialRegister;
use crate::state::{QUARTER, QUARTERS, QUARTERS_IN_WINDOW, ps};

/// Bits of an address that a return address keeps, and how far the number of quarters stands above them.
const RETURN_ADDRESS: u32 = 0x3fff_ffff;
const QUARTERS_SHIFT: u32 = 30;
const QUARTERS_MASK: Value = Value::Imm(QUARTERS as u32 - 1);
/// The two quarters below and above the frames that `RETW` looks at.
const BELOW: u32 = 3;
const BELOW_MASK: u32 = 7;

impl Lowering<'_, '_> {
    pub(super) fn window(&mut self, op: &Instruction) -> Lowered {
        match op.opcode {
            Opcode::Call4 => self.call(1, Value::Imm(op.immediate)),
            Opcode::Call8 => self.call(2, Value::Imm(op.immediate)),
            Opcode::Call12 => self.call(3, Value::Imm(op.immediate)),
            Opcode::Callx4 => self.call(1, a(op.s)),
            Opcode::Callx8 => self.call(2, a(op.s)),
            Opcode::Callx12 => self.call(3, a(op.s)),
            Opcode::Entry => self.entry(op),
            Opcode::Retw | Opcode::RetwN => self.retw(),
            Opcode::Rotw => {
                self.binary(Binary::Add, SCRATCH[0], Value::Slot(WINDOW_BASE), Value::Imm(op.immediate));
                self.rotate();
                Lowered::Next
            }
            Opcode::Rfwo => self.return_from_handler(Binary::And, u32::MAX),
            Opcode::Rfwu => self.return_from_handler(Binary::Or, 0),
            Opcode::Movsp => {
                self.frames_below(SCRATCH[0]);
                self.guard(Condition::Equal, Value::Slot(SCRATCH[0]), Value::Imm(0));
                self.put(ar(op.t), a(op.s));
                self.forget(1);
                Lowered::Next
            }
            _ => Lowered::Unknown,
        }
    }

    fn call(&mut self, quarters: u32, target: Value) -> Lowered {
        if let Value::Slot(_) = target {
            self.put(SCRATCH[0], target);
        }
        self.binary(Binary::And, PS, Value::Slot(PS), Value::Imm(!ps::CALLINC));
        self.binary(Binary::Or, PS, Value::Slot(PS), Value::Imm(quarters << ps::CALLINC_SHIFT));
        let link = self.next & RETURN_ADDRESS | quarters << QUARTERS_SHIFT;
        self.put(ar((quarters * QUARTER as u32) as u8), Value::Imm(link));
        match target {
            Value::Imm(target) => self.jump(target),
            Value::Slot(_) => self.jump_to(Value::Slot(SCRATCH[0])),
        }
    }

    /// Leaves to the interpreter what happens while windows are not checked.
    fn guard_windowed(&mut self) {
        let scratch = SCRATCH[0];
        self.binary(Binary::And, scratch, Value::Slot(PS), Value::Imm(ps::WOE | ps::EXCM));
        self.guard(Condition::NotEqual, Value::Slot(scratch), Value::Imm(ps::WOE));
    }

    fn entry(&mut self, op: &Instruction) -> Lowered {
        if op.s > 3 {
            return Lowered::Unknown;
        }
        self.guard_windowed();
        let [quarters, stack, ..] = SCRATCH;
        self.binary(Binary::ShiftRight, quarters, Value::Slot(PS), Value::Imm(ps::CALLINC_SHIFT));
        self.binary(Binary::And, quarters, Value::Slot(quarters), Value::Imm(3));
        self.guard(Condition::LessUnsigned, Value::Slot(WINDOW_FREE), Value::Slot(quarters));
        self.binary(Binary::Sub, stack, a(op.s), Value::Imm(op.immediate));
        self.binary(Binary::Add, quarters, Value::Slot(WINDOW_BASE), Value::Slot(quarters));
        self.ops.push(Op::Rotate { to: Value::Slot(quarters) });
        self.put(ar(op.s), Value::Slot(stack));
        self.mark(Binary::Or, 0);
        self.refresh_free();
        self.forget(3);
        let enough = Value::Imm(QUARTERS_IN_WINDOW);
        if self.next != self.around.end {
            self.go_on_if(Condition::NotEqual, Value::Slot(WINDOW_FREE), enough, self.next);
        }
        Lowered::Next
    }

    fn retw(&mut self) -> Lowered {
        self.guard_windowed();
        let [quarters, frames, target, base] = SCRATCH;
        self.binary(Binary::ShiftRight, quarters, a(0), Value::Imm(QUARTERS_SHIFT));
        self.binary(Binary::Sub, base, Value::Slot(WINDOW_BASE), Value::Slot(quarters));
        self.binary(Binary::And, base, Value::Slot(base), QUARTERS_MASK);
        self.put(frames, Value::Slot(base));
        self.rotated_frames(frames, target);
        // Of the frames from the caller's on, it has to be the first, and there must be none before the current one. If the
        // return address names no caller, none is looked at.
        self.binary(Binary::ShiftLeft, quarters, Value::Imm(1), Value::Slot(quarters));
        self.binary(Binary::Sub, target, Value::Slot(quarters), Value::Imm(1));
        self.binary(Binary::And, target, Value::Slot(target), Value::Slot(frames));
        self.guard(Condition::NotEqual, Value::Slot(target), Value::Imm(1));
        self.binary(Binary::And, target, a(0), Value::Imm(RETURN_ADDRESS));
        self.binary(Binary::Or, target, Value::Slot(target), Value::Imm(self.pc & !RETURN_ADDRESS));
        // The current frame is none any more.
        self.binary(Binary::Xor, quarters, Value::Slot(quarters), Value::Imm(u32::MAX));
        self.binary(Binary::And, frames, Value::Slot(frames), Value::Slot(quarters));
        self.binary(Binary::ShiftRight, frames, Value::Slot(frames), Value::Imm(1));
        self.count_free(frames);
        self.binary(Binary::ShiftLeft, quarters, Value::Imm(1), Value::Slot(WINDOW_BASE));
        self.binary(Binary::Xor, quarters, Value::Slot(quarters), Value::Imm(u32::MAX));
        self.binary(Binary::And, WINDOW_START, Value::Slot(WINDOW_START), Value::Slot(quarters));
        self.ops.push(Op::Rotate { to: Value::Slot(base) });
        [quarters, frames, base].iter().for_each(|slot| self.ops.push(Op::Forget { slot: *slot }));
        self.jump_to(Value::Slot(target))
    }

    /// Back from the handler that spilled or filled a frame, whose bit it clears or sets.
    fn return_from_handler(&mut self, op: Binary, flip: u32) -> Lowered {
        self.guard_quiet(Value::Slot(PS), ps::INTLEVEL, Value::Slot(INTENABLE));
        self.guard(Condition::Disjoint, Value::Slot(PS), Value::Imm(ps::WOE));
        self.mark(op, flip);
        self.binary(Binary::ShiftRight, SCRATCH[0], Value::Slot(PS), Value::Imm(ps::OWB_SHIFT));
        self.ops.push(Op::Rotate { to: Value::Slot(SCRATCH[0]) });
        self.binary(Binary::And, PS, Value::Slot(PS), Value::Imm(!ps::EXCM));
        self.refresh_free();
        self.forget(2);
        self.jump_to(Value::Slot(special_slot(SpecialRegister::Epc1)))
    }

    /// Sets or clears the bit of the current frame in `WINDOWSTART`: `WINDOWSTART op (bit ^ flip)`.
    fn mark(&mut self, op: Binary, flip: u32) {
        let bit = SCRATCH[1];
        self.binary(Binary::ShiftLeft, bit, Value::Imm(1), Value::Slot(WINDOW_BASE));
        if flip != 0 {
            self.binary(Binary::Xor, bit, Value::Slot(bit), Value::Imm(flip));
        }
        self.binary(op, WINDOW_START, Value::Slot(WINDOW_START), Value::Slot(bit));
    }

    /// The low bits of `to` become those of `WINDOWSTART` rotated right by the low four bits of `amount`, which is in `to`.
    fn rotated_frames(&mut self, to: Slot, doubled: Slot) {
        self.binary(Binary::ShiftLeft, doubled, Value::Slot(WINDOW_START), Value::Imm(QUARTERS as u32));
        self.binary(Binary::Or, doubled, Value::Slot(doubled), Value::Slot(WINDOW_START));
        self.binary(Binary::ShiftRight, to, Value::Slot(doubled), Value::Slot(to));
    }

    /// Finds which of the three quarters below the current frame start a frame: bit 2 is the nearest.
    fn frames_below(&mut self, to: Slot) {
        self.binary(Binary::Sub, to, Value::Slot(WINDOW_BASE), Value::Imm(BELOW));
        self.binary(Binary::And, to, Value::Slot(to), QUARTERS_MASK);
        self.rotated_frames(to, SCRATCH[2]);
        self.binary(Binary::And, to, Value::Slot(to), Value::Imm(BELOW_MASK));
    }

    /// Moves the window to where the first scratch register says.
    pub(super) fn rotate(&mut self) {
        self.ops.push(Op::Rotate { to: Value::Slot(SCRATCH[0]) });
        self.refresh_window();
    }

    /// Recomputes how much of the window can be used.
    pub(super) fn refresh_window(&mut self) {
        self.refresh_free();
        let checks = SCRATCH[0];
        self.binary(Binary::And, checks, Value::Slot(PS), Value::Imm(ps::WOE | ps::EXCM));
        self.ops.push(Op::Select {
            to: WINDOW_FREE,
            condition: Condition::NotEqual,
            left: Value::Slot(checks),
            right: Value::Imm(ps::WOE),
            then: Value::Imm(QUARTERS_IN_WINDOW),
        });
        self.forget(2);
    }

    /// Recomputes how much of the window can be used, while windows are checked.
    fn refresh_free(&mut self) {
        let [frames, doubled, ..] = SCRATCH;
        self.binary(Binary::Add, frames, Value::Slot(WINDOW_BASE), Value::Imm(1));
        self.rotated_frames(frames, doubled);
        self.count_free(frames);
    }

    /// As many quarters can be used as there are before the first frame among those in `frames`, which starts behind the first
    /// quarter of the window.
    fn count_free(&mut self, frames: Slot) {
        self.binary(Binary::Or, frames, Value::Slot(frames), Value::Imm(1 << QUARTERS_IN_WINDOW));
        self.ops.push(Op::Unary { op: Unary::LowestBit, to: WINDOW_FREE, from: Value::Slot(frames) });
    }
}
