//! Blocks of instructions as operations that can be translated to code of the host.
//!
//! [`execute`](crate::execute) defines the effect of each instruction; this module expresses the common ones a second time in the
//! operations of `espalier-jit`, and tests compare the two. All other instructions, and special cases of these, are left to `execute`.

use espalier_core::{Bus, Executed};
use espalier_jit::translator::Around;
use espalier_jit::{Binary, Condition, Op, Slot, Value, Width};

use super::RiscV;
use crate::instruction::{Instruction, Opcode};
use crate::register::{SCRATCH, SINK, ZERO};

/// Bits of a register that say how far to shift.
const SHIFT: u32 = 31;
/// `JALR` clears the lowest bit of its target.
const TARGET: u32 = !1;
/// The most instructions of blocks that are joined: longer ones would hold much code that is seldom reached.
const MAX_JOINED: usize = 64;

/// The result of lowering an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lowered {
    /// Execution goes on with the next one.
    Next,
    /// Control has left the block, for this address if it is known.
    Left(Option<u32>),
    /// The interpreter has to do it.
    Unknown,
}

/// The operations of a block in the making.
struct Lowering<'a, 'b, 'c, B> {
    around: &'c mut Around<'a, 'b, RiscV, B>,
    ops: Vec<Op>,
    /// Where the present part starts, and the present instruction and the next one are.
    start: u32,
    pc: u32,
    next: u32,
    /// Instructions of the part that are over with the present one.
    done: u32,
    /// All that was executed before the present part.
    way: Vec<Executed>,
}

/// The operations of a block, and of those that follow it if they may be joined. None if its first instruction has none.
pub(super) fn lower<B: Bus>(around: &mut Around<'_, '_, RiscV, B>, index: u32) -> Option<Vec<Op>> {
    let start = around.cache.block(index).start();
    let mut lowering = Lowering { around, ops: Vec::new(), start, pc: start, next: start, done: 0, way: Vec::new() };
    let (mut index, mut joined, mut count) = (index, vec![start], 0);
    loop {
        let cache = lowering.around.cache;
        let block = cache.block(index);
        let instructions = cache.instructions(block);
        count += instructions.len();
        let left = match lowering.part(index, instructions)? {
            Lowered::Unknown if lowering.done == 1 && joined.len() == 1 => return None,
            Lowered::Unknown => {
                lowering.ops.push(Op::Leave);
                return Some(lowering.ops);
            }
            Lowered::Next => None,
            Lowered::Left(target) => Some(target),
        };
        let Some(target) = left.unwrap_or(Some(block.end)) else { return Some(lowering.ops) };
        let has_room = |index: &u32| count + cache.block(*index).count as usize <= MAX_JOINED;
        let is_new = !joined.contains(&target);
        let next = if is_new { lowering.around.next(target).filter(has_room) } else { None };
        let Some(next) = next else {
            lowering.leave(Op::Jump { target, done: lowering.done }, Some(target));
            return Some(lowering.ops);
        };
        let run = lowering.run(Some(target));
        lowering.tally(run);
        lowering.way.push(run);
        let (tag, count) = (next, cache.block(next).count);
        lowering.ops.push(Op::Join { address: target, tag, count, done: lowering.done });
        lowering.around.join(next, left.is_none());
        joined.push(target);
        (index, lowering.start) = (next, target);
    }
}

impl<B: Bus> Lowering<'_, '_, '_, B> {
    /// Emits the operations of a part, but for going on behind its end. None if code that it depends on cannot be looked at.
    fn part(&mut self, index: u32, instructions: &[Instruction]) -> Option<Lowered> {
        for (space, page, expected) in self.around.conditions(index)? {
            self.ops.push(Op::Version { space, page, expected });
        }
        for (number, op) in (0..).zip(instructions) {
            self.done = number + 1;
            self.pc = self.start.wrapping_add(u32::from(op.offset));
            self.next = self.pc.wrapping_add(u32::from(op.length()));
            self.ops.push(Op::Instruction { number, cycle: number });
            match self.instruction(op) {
                Lowered::Next => {}
                lowered => return Some(lowered),
            }
        }
        Some(Lowered::Next)
    }

    fn instruction(&mut self, op: &Instruction) -> Lowered {
        let immediate = op.fields.immediate;
        let (first, second) = (x(op.fields.rs1), x(op.fields.rs2));
        let target = self.pc.wrapping_add(immediate);
        match op.opcode {
            Opcode::Lui => self.put(op, Value::Imm(immediate)),
            Opcode::Auipc => self.put(op, Value::Imm(target)),
            Opcode::Jal => {
                self.put(op, Value::Imm(self.next));
                return Lowered::Left(Some(target));
            }
            Opcode::Jalr => {
                let to = SCRATCH;
                self.ops.push(Op::Binary { op: Binary::Add, to, left: first, right: Value::Imm(immediate) });
                self.ops.push(Op::Binary { op: Binary::And, to, left: Value::Slot(to), right: Value::Imm(TARGET) });
                self.put(op, Value::Imm(self.next));
                self.leave(Op::JumpIndirect { target: Value::Slot(to), done: self.done }, None);
                return Lowered::Left(None);
            }
            Opcode::Beq => self.branch(Condition::Equal, first, second, target),
            Opcode::Bne => self.branch(Condition::NotEqual, first, second, target),
            Opcode::Blt => self.branch(Condition::LessSigned, first, second, target),
            Opcode::Bge => self.branch(Condition::GreaterOrEqualSigned, first, second, target),
            Opcode::Bltu => self.branch(Condition::LessUnsigned, first, second, target),
            Opcode::Bgeu => self.branch(Condition::GreaterOrEqualUnsigned, first, second, target),
            Opcode::Lb => self.load(op, Width::Byte, true),
            Opcode::Lh => self.load(op, Width::Half, true),
            Opcode::Lw => self.load(op, Width::Word, false),
            Opcode::Lbu => self.load(op, Width::Byte, false),
            Opcode::Lhu => self.load(op, Width::Half, false),
            Opcode::Sb => self.store(op, Width::Byte),
            Opcode::Sh => self.store(op, Width::Half),
            Opcode::Sw => self.store(op, Width::Word),
            Opcode::Addi => self.binary(op, Binary::Add, first, Value::Imm(immediate)),
            Opcode::Slti => self.set(op, Condition::LessSigned, first, Value::Imm(immediate)),
            Opcode::Sltiu => self.set(op, Condition::LessUnsigned, first, Value::Imm(immediate)),
            Opcode::Xori => self.binary(op, Binary::Xor, first, Value::Imm(immediate)),
            Opcode::Ori => self.binary(op, Binary::Or, first, Value::Imm(immediate)),
            Opcode::Andi => self.binary(op, Binary::And, first, Value::Imm(immediate)),
            Opcode::Slli => self.binary(op, Binary::ShiftLeft, first, Value::Imm(immediate & SHIFT)),
            Opcode::Srli => self.binary(op, Binary::ShiftRight, first, Value::Imm(immediate & SHIFT)),
            Opcode::Srai => self.binary(op, Binary::ShiftRightSigned, first, Value::Imm(immediate & SHIFT)),
            Opcode::Add => self.binary(op, Binary::Add, first, second),
            Opcode::Sub => self.binary(op, Binary::Sub, first, second),
            Opcode::Sll => self.binary(op, Binary::ShiftLeft, first, second),
            Opcode::Slt => self.set(op, Condition::LessSigned, first, second),
            Opcode::Sltu => self.set(op, Condition::LessUnsigned, first, second),
            Opcode::Xor => self.binary(op, Binary::Xor, first, second),
            Opcode::Srl => self.binary(op, Binary::ShiftRight, first, second),
            Opcode::Sra => self.binary(op, Binary::ShiftRightSigned, first, second),
            Opcode::Or => self.binary(op, Binary::Or, first, second),
            Opcode::And => self.binary(op, Binary::And, first, second),
            Opcode::Mul => self.binary(op, Binary::Multiply, first, second),
            Opcode::Mulh => self.binary(op, Binary::MultiplyHighSigned, first, second),
            Opcode::Mulhu => self.binary(op, Binary::MultiplyHighUnsigned, first, second),
            Opcode::Mulhsu => self.multiply_signed_by_unsigned(op, first, second),
            Opcode::Div => self.binary(op, Binary::DivideSigned, first, second),
            Opcode::Divu => self.binary(op, Binary::DivideUnsigned, first, second),
            Opcode::Rem => self.binary(op, Binary::RemainderSigned, first, second),
            Opcode::Remu => self.binary(op, Binary::RemainderUnsigned, first, second),
            Opcode::Fence | Opcode::FenceTso => {}
            Opcode::FenceI
            | Opcode::Unimp
            | Opcode::Ecall
            | Opcode::Ebreak
            | Opcode::Mret
            | Opcode::Wfi
            | Opcode::Csrrw
            | Opcode::Csrrs
            | Opcode::Csrrc
            | Opcode::Csrrwi
            | Opcode::Csrrsi
            | Opcode::Csrrci => return Lowered::Unknown,
        }
        Lowered::Next
    }

    /// The destination gets a value, unless it is `zero`.
    fn put(&mut self, op: &Instruction, from: Value) {
        let to = Slot::from(op.fields.rd);
        self.ops.extend((op.fields.rd != SINK).then_some(Op::Move { to, from }));
    }

    fn binary(&mut self, op: &Instruction, binary: Binary, left: Value, right: Value) {
        let to = Slot::from(op.fields.rd);
        self.ops.extend((op.fields.rd != SINK).then_some(Op::Binary { op: binary, to, left, right }));
    }

    fn set(&mut self, op: &Instruction, condition: Condition, left: Value, right: Value) {
        let to = Slot::from(op.fields.rd);
        self.ops.extend((op.fields.rd != SINK).then_some(Op::Set { to, condition, left, right }));
    }

    /// The high word of the unsigned product, less the second factor if the first one is negative.
    fn multiply_signed_by_unsigned(&mut self, op: &Instruction, first: Value, second: Value) {
        let [high, less] = [SCRATCH, SCRATCH + 1];
        let mut push = |op, to, left, right| self.ops.push(Op::Binary { op, to, left, right });
        push(Binary::MultiplyHighUnsigned, high, first, second);
        push(Binary::ShiftRightSigned, less, first, Value::Imm(SHIFT));
        push(Binary::And, less, Value::Slot(less), second);
        self.binary(op, Binary::Sub, Value::Slot(high), Value::Slot(less));
        self.ops.extend([high, less].map(|slot| Op::Forget { slot }));
    }

    /// A load also accesses what `zero` is loaded from.
    fn load(&mut self, op: &Instruction, width: Width, signed: bool) {
        let (base, offset) = (x(op.fields.rs1), op.fields.immediate);
        self.ops.push(Op::Load { to: Slot::from(op.fields.rd), width, signed, base, offset, last: true });
    }

    fn store(&mut self, op: &Instruction, width: Width) {
        let (base, offset) = (x(op.fields.rs1), op.fields.immediate);
        self.ops.push(Op::Store { from: x(op.fields.rs2), width, base, offset, last: true });
    }

    fn branch(&mut self, condition: Condition, left: Value, right: Value, target: u32) {
        self.leave(Op::Branch { condition, left, right, target, done: self.done }, Some(target));
    }

    /// Emits a way out behind the present instruction, for an address if it is known.
    fn leave(&mut self, op: Op, target: Option<u32>) {
        let run = self.run(target);
        self.tally(run);
        self.ops.push(op);
    }

    /// The part executed up to the next instruction, where control goes on at another one, or at one that is not known.
    fn run(&self, target: Option<u32>) -> Executed {
        Executed { start: self.start, end: self.next, jumped: target != Some(self.next), unfinished: false }
    }

    /// Counts the next way out, where so much of the present part was executed.
    fn tally(&mut self, run: Executed) {
        self.way.push(run);
        let place = self.around.place(&self.way);
        self.ops.extend(place.map(|place| Op::Tally { place }));
        self.way.pop();
    }
}

/// The value of a general register.
fn x(number: u8) -> Value {
    if number == ZERO { Value::Imm(0) } else { Value::Slot(Slot::from(number)) }
}
