//! Calls, returns and the register window.

use espalier_core::Executed;
use espalier_jit::{Binary, Condition, Op, Slot, Unary, Value};

use super::{
    INTENABLE, Link, Lowered, Lowering, PS, SCRATCH, WINDOW_BASE, WINDOW_FREE, WINDOW_START, a, ar, special_slot,
};
use crate::exception::vector;
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
/// Quarters of the largest frame.
const LARGEST_FRAME: u32 = 3;

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
        self.known.increment = Some(quarters);
        let link = self.next & RETURN_ADDRESS | quarters << QUARTERS_SHIFT;
        let register = (quarters * QUARTER as u32) as u8;
        self.put(ar(register), Value::Imm(link));
        self.known.link = Some(Link { register, value: link, from: self.ops.len() });
        match target {
            Value::Imm(target) => self.jump(target),
            Value::Slot(_) => self.jump_to(Value::Slot(SCRATCH[0])),
        }
    }

    /// Leaves to the interpreter what happens while windows are not checked.
    fn guard_windowed(&mut self) {
        if self.known.windowed {
            return;
        }
        self.known.windowed = true;
        let scratch = SCRATCH[0];
        self.binary(Binary::And, scratch, Value::Slot(PS), Value::Imm(ps::WOE | ps::EXCM));
        self.guard(Condition::NotEqual, Value::Slot(scratch), Value::Imm(ps::WOE));
    }

    fn entry(&mut self, op: &Instruction) -> Lowered {
        if op.s > 3 {
            return Lowered::Unknown;
        }
        self.guard_windowed();
        let [base, stack, ..] = SCRATCH;
        let quarters = match self.known.increment {
            Some(quarters) => Value::Imm(quarters),
            None => {
                self.binary(Binary::ShiftRight, base, Value::Slot(PS), Value::Imm(ps::CALLINC_SHIFT));
                self.binary(Binary::And, base, Value::Slot(base), Value::Imm(3));
                Value::Slot(base)
            }
        };
        if self.known.increment.is_none_or(|quarters| quarters > u32::from(self.known.free)) {
            self.overflow_if(quarters, self.next, self.after);
        }
        self.binary(Binary::Sub, stack, a(op.s), Value::Imm(op.immediate));
        self.binary(Binary::Add, base, Value::Slot(WINDOW_BASE), quarters);
        let link = self.known.link.filter(|link| {
            let is_moved_to = self.known.increment.map(|quarters| quarters * QUARTER as u32);
            is_moved_to == Some(u32::from(link.register)) && self.is_kept(*link)
        });
        self.ops.push(Op::Rotate { to: Value::Slot(base) });
        self.known.link = link.map(|link| Link { register: 0, from: self.ops.len(), ..link });
        self.put(ar(op.s), Value::Slot(stack));
        self.mark(Binary::Or, 0);
        self.refresh_free();
        self.forget(3);
        let enough = Value::Imm(QUARTERS_IN_WINDOW);
        if self.next != self.part.end {
            self.go_on_if(Condition::NotEqual, Value::Slot(WINDOW_FREE), enough, self.next);
            self.known.free = QUARTERS_IN_WINDOW as u8;
        }
        Lowered::Next
    }

    fn retw(&mut self) -> Lowered {
        self.guard_windowed();
        let [quarters, start, frames, base] = SCRATCH;
        let link = self.known.link.filter(|link| link.register == 0 && self.is_kept(*link)).map(|link| link.value);
        let count = match link {
            Some(link) => Value::Imm(link >> QUARTERS_SHIFT),
            None => {
                self.binary(Binary::ShiftRight, quarters, a(0), Value::Imm(QUARTERS_SHIFT));
                Value::Slot(quarters)
            }
        };
        self.binary(Binary::Sub, base, Value::Slot(WINDOW_BASE), count);
        self.binary(Binary::And, base, Value::Slot(base), QUARTERS_MASK);
        // The current frame will be none any more.
        self.binary(Binary::ShiftLeft, start, Value::Imm(1), Value::Slot(WINDOW_BASE));
        self.binary(Binary::Xor, start, Value::Slot(start), Value::Imm(u32::MAX));
        self.binary(Binary::And, start, Value::Slot(start), Value::Slot(WINDOW_START));
        // Of those from the caller's on, which is the current one if the return address names none, the caller's has to be there, and
        // none before the current one.
        self.binary(Binary::ShiftLeft, frames, Value::Slot(start), Value::Imm(QUARTERS as u32));
        self.binary(Binary::Or, frames, Value::Slot(frames), Value::Slot(start));
        self.binary(Binary::ShiftRight, frames, Value::Slot(frames), Value::Slot(base));
        let first = Value::Imm(1);
        if self.manner.plain {
            self.guard(Condition::Disjoint, Value::Slot(frames), first);
        } else {
            self.when(Condition::Disjoint, Value::Slot(frames), first, |lowering| lowering.underflow(base));
        }
        self.binary(Binary::ShiftRight, frames, Value::Slot(frames), first);
        self.binary(Binary::Or, frames, Value::Slot(frames), Value::Imm(1 << QUARTERS_IN_WINDOW));
        self.ops.push(Op::Unary { op: Unary::LowestBit, to: frames, from: Value::Slot(frames) });
        self.guard(Condition::LessUnsigned, Value::Slot(frames), count);
        self.put(WINDOW_START, Value::Slot(start));
        self.put(WINDOW_FREE, Value::Slot(frames));
        let segment = self.pc & !RETURN_ADDRESS;
        if link.is_none() {
            self.binary(Binary::And, quarters, a(0), Value::Imm(RETURN_ADDRESS));
            if segment != 0 {
                self.binary(Binary::Or, quarters, Value::Slot(quarters), Value::Imm(segment));
            }
        }
        self.ops.push(Op::Rotate { to: Value::Slot(base) });
        [start, frames, base].iter().for_each(|slot| self.ops.push(Op::Forget { slot: *slot }));
        match link {
            Some(link) => {
                (self.known.link, self.known.free) = (None, (link >> QUARTERS_SHIFT) as u8);
                self.jump(link & RETURN_ADDRESS | segment)
            }
            None => self.jump_to(Value::Slot(quarters)),
        }
    }

    /// Whether a register has had its return address since it was written.
    fn is_kept(&self, link: Link) -> bool {
        let mut ops = self.ops[link.from..].iter();
        while let Some(op) = ops.next() {
            match op {
                // They let control leave.
                Op::When { count, .. } => ops = ops.as_slice()[*count as usize..].iter(),
                Op::Rotate { .. } => return false,
                op if op.changed() == Some(ar(link.register)) => return false,
                _ => {}
            }
        }
        true
    }

    /// Emits the check that a quarter of the window can be used, unless it is known.
    pub(super) fn check_window(&mut self, quarter: u8) {
        if quarter > self.known.free {
            self.overflow_if(Value::Imm(u32::from(quarter)), self.pc, self.before + 1);
            self.known.free = quarter;
        }
    }

    /// Raises the exception for window overflow if fewer quarters can be used. What was executed ends at `end`, when so many cycles are over.
    fn overflow_if(&mut self, needed: Value, end: u32, done: u32) {
        let free = Value::Slot(WINDOW_FREE);
        if self.manner.plain {
            return self.guard(Condition::LessUnsigned, free, needed);
        }
        self.when(Condition::LessUnsigned, free, needed, |lowering| {
            let [oldest, size, doubled, _] = SCRATCH;
            // The frame to be spilled is the first one behind what can be used. It ends where the next one begins, which is looked for
            // in the two quarters behind its first.
            lowering.binary(Binary::Add, oldest, Value::Slot(WINDOW_BASE), free);
            lowering.binary(Binary::Add, oldest, Value::Slot(oldest), Value::Imm(1));
            lowering.binary(Binary::And, oldest, Value::Slot(oldest), QUARTERS_MASK);
            lowering.binary(Binary::Add, size, Value::Slot(oldest), Value::Imm(1));
            lowering.rotated_frames(size, doubled);
            lowering.binary(Binary::Or, size, Value::Slot(size), Value::Imm(1 << (LARGEST_FRAME - 1)));
            lowering.ops.push(Op::Unary { op: Unary::LowestBit, to: size, from: Value::Slot(size) });
            lowering.enter_handler(size, vector::OVERFLOW, oldest, (end, done));
        });
    }

    /// Raises the exception for window underflow, unless something else is wrong with the return address of which it is the frame that
    /// begins at `base`.
    fn underflow(&mut self, base: Slot) {
        let [quarters, below, doubled, _] = SCRATCH;
        self.binary(Binary::ShiftRight, quarters, a(0), Value::Imm(QUARTERS_SHIFT));
        self.guard(Condition::Equal, Value::Slot(quarters), Value::Imm(0));
        self.binary(Binary::Sub, below, Value::Slot(WINDOW_BASE), Value::Imm(BELOW));
        self.binary(Binary::And, below, Value::Slot(below), QUARTERS_MASK);
        self.rotated_frames(below, doubled);
        self.guard(Condition::Overlap, Value::Slot(below), Value::Imm(BELOW_MASK));
        self.binary(Binary::Sub, quarters, Value::Slot(quarters), Value::Imm(1));
        self.enter_handler(quarters, vector::UNDERFLOW, base, (self.next, self.after));
    }

    /// Goes to the handler of a window exception for a frame of `size` quarters and one more, that begins at `base`. What was executed ends
    /// at `end`, when so many cycles are over.
    fn enter_handler(&mut self, size: Slot, vectors: [u32; 4], base: Slot, (end, done): (u32, u32)) {
        let [.., owner, _] = SCRATCH;
        // The vectors of a kind lie at equal distances.
        let [_, first, second, _] = vectors;
        let distance = second - first;
        self.binary(Binary::ShiftLeft, size, Value::Slot(size), Value::Imm(distance.trailing_zeros()));
        self.binary(Binary::Add, size, Value::Slot(size), Value::Imm(first));
        self.binary(Binary::Add, size, Value::Slot(size), Value::Slot(special_slot(SpecialRegister::Vecbase)));
        self.binary(Binary::ShiftLeft, owner, Value::Slot(WINDOW_BASE), Value::Imm(ps::OWB_SHIFT));
        self.binary(Binary::And, PS, Value::Slot(PS), Value::Imm(!ps::OWB));
        self.binary(Binary::Or, PS, Value::Slot(PS), Value::Slot(owner));
        self.binary(Binary::Or, PS, Value::Slot(PS), Value::Imm(ps::EXCM));
        self.put(special_slot(SpecialRegister::Epc1), Value::Imm(self.pc));
        self.ops.push(Op::Rotate { to: Value::Slot(base) });
        self.put(WINDOW_FREE, Value::Imm(QUARTERS_IN_WINDOW));
        [base, owner].iter().for_each(|slot| self.ops.push(Op::Forget { slot: *slot }));
        let run = Executed { jumped: false, ..self.run(end, None) };
        self.tally(Some(run).filter(|run| run.start != run.end));
        let done = done + u32::from(self.manner.penalties.exception);
        self.ops.push(Op::JumpIndirect { target: Value::Slot(size), done });
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
        self.known.windowed = false;
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
        self.known.free = 0;
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
