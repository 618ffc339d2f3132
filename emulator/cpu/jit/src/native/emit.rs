//! From operations to code of the host.
//!
//! The host says which of its registers have the addresses of the guest's registers, of those that the window of the ring shows, of the
//! data window, of the [`Context`](super::context::Context) and of the cells that lead from block to block, and which one the instructions
//! that are left. `A`, `B` and `C` are scratch; others hold registers of the guest. What is rare lies behind the block.
//!
//! Other blocks may be joined to a block ([`Op::Join`]). The instructions that are left are counted where control leaves, for all of them
//! at once.
//!
//! A block that leads to itself is there twice: the second time with the guest's registers in those of the host where the first one
//! left them, so that a loop neither stores nor loads them.

use std::ops::Range;

use espalier_core::{CacheLines, WindowLayout};

use super::cache::{Cache, GROUP_SHIFT, displacement};
use super::code::{Alu, Assembler, Cc, Code, Division, Label, LoadKind, Operand, Product, Reg, Shift, Stub};
use super::context::{DATA_VERSIONS, EXECUTIONS, NEWER_LINES, OLDER_LINES, WORD_VERSIONS};
use super::detour::Detour;
use super::host::{A, B, C, CELLS, CONTEXT, REGISTERS, ROOM, WINDOW};
use super::stubs;
use super::table::TABLE_CODE;
use crate::block::Block;
use crate::ir::{Binary, Condition, Op, Ring, Space, Unary, Value};

/// A block, or one that is joined to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) address: u32,
    /// The number of the operation that joins it.
    joined: Option<u32>,
    /// Cycles that are over when it starts, and the most that it takes.
    pub(super) before: u32,
    pub(super) count: u32,
    /// The tally that counts what came before it, where control does not leave by a way out of it.
    passed: Option<u32>,
}

/// Where control goes when it leaves a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// The part is not entered.
    Refuse { part: Part },
    /// The interpreter does the instruction and the rest of the part.
    Interpret { part: Part, index: u32 },
    /// Another block, after so many cycles of all parts, with the tally that counts it.
    Chain { target: u32, done: u32, tally: Option<u32> },
    /// The end of the run.
    Look { target: u32, done: u32, tally: Option<u32> },
}

/// Code behind the block that stores what is in registers and leaves.
#[derive(Debug)]
struct Out {
    label: Label,
    cache: Cache,
    way: Way,
}

/// Operations under a condition, whose code comes behind the block, and what is known where they begin.
#[derive(Debug)]
struct Aside {
    label: Label,
    cache: Cache,
    part: Part,
    index: Option<u32>,
    cycle: u32,
    ops: Range<usize>,
}

/// The translation of one block.
pub(super) struct Emitter<'a> {
    pub(super) asm: Assembler,
    pub(super) cache: Cache,
    block: &'a Block<'a>,
    pub(super) layout: &'a WindowLayout,
    ring: Option<Ring>,
    start: Label,
    pub(super) part: Part,
    /// The instruction whose operations are being translated, none before the first, and the cycles of its part that are over when it
    /// accesses memory.
    pub(super) index: Option<u32>,
    pub(super) cycle: u32,
    /// The block is translated a second time, for when it leads to itself.
    repeats: bool,
    /// The tally that counts the next way out.
    tally: Option<u32>,
    outs: Vec<Out>,
    asides: Vec<Aside>,
    pub(super) detours: Vec<Detour>,
}

/// Translates a block. Its tag and the places of its tallies make no difference.
pub(super) fn emit<'a>(block: &'a Block<'a>, layout: &'a WindowLayout, ring: Option<Ring>) -> Code {
    let mut asm = Assembler::default();
    let start = asm.label();
    let mut emitter = Emitter {
        asm,
        cache: Cache::new(ring),
        block,
        layout,
        ring,
        start,
        part: Part { address: block.address, joined: None, before: 0, count: block.count, passed: None },
        index: None,
        cycle: 0,
        repeats: false,
        tally: None,
        outs: Vec::new(),
        asides: Vec::new(),
        detours: Vec::new(),
    };
    emitter.run();
    emitter.asm.finish()
}

impl Emitter<'_> {
    fn run(&mut self) {
        self.asm.bind(self.start);
        let outs = self.once();
        let again = outs.iter().position(|out| self.spent_on_itself(out.way).is_some());
        for (index, out) in outs.iter().enumerate() {
            if Some(index) != again {
                self.out(out);
            }
        }
        if let Some(index) = again {
            self.repeat(&outs[index]);
        }
    }

    /// Goes on with the block where it leads to itself.
    fn repeat(&mut self, from: &Out) {
        self.asm.bind(from.label);
        let (done, tally) = self.spent_on_itself(from.way).unwrap_or_default();
        self.spend(done, tally);
        let head = self.asm.label();
        self.asm.bind(head);
        (self.cache, self.index, self.repeats) = (from.cache.clone(), None, true);
        for out in self.once() {
            match self.spent_on_itself(out.way) {
                Some((done, tally)) if out.cache.agrees(&from.cache) => {
                    self.asm.bind(out.label);
                    self.spend(done, tally);
                    self.asm.jump(head);
                }
                _ => self.out(&out),
            }
        }
    }

    /// Translates the block once. Returns the ways out, whose code is still missing.
    fn once(&mut self) -> Vec<Out> {
        let (address, count) = (self.block.address, self.block.count);
        self.begin(Part { address, joined: None, before: 0, count, passed: None });
        self.ops(0..self.block.ops.len());
        for Aside { label, cache, part, index, cycle, ops } in std::mem::take(&mut self.asides) {
            self.asm.bind(label);
            (self.cache, self.part, self.index, self.cycle) = (cache, part, index, cycle);
            self.ops(ops);
        }
        for detour in std::mem::take(&mut self.detours) {
            self.detour(detour);
        }
        std::mem::take(&mut self.outs)
    }

    /// Begins a part, which needs room for its cycles.
    fn begin(&mut self, part: Part) {
        (self.part, self.index) = (part, None);
        self.asm.alu_imm(Alu::Cmp, ROOM, part.before + part.count);
        let refuse = self.hand_over();
        self.asm.jump_if(Cc::Below, refuse);
    }

    fn ops(&mut self, mut range: Range<usize>) {
        while let Some(number) = range.next() {
            match self.block.ops[number] {
                Op::When { condition, left, right, count } => {
                    let cc = self.compare(condition, left, right);
                    let (label, ops) = (self.asm.label(), range.start..range.start + count as usize);
                    self.asm.jump_if(cc, label);
                    range.start = ops.end;
                    let (cache, part, index, cycle) = (self.cache.clone(), self.part, self.index, self.cycle);
                    self.asides.push(Aside { label, cache, part, index, cycle, ops });
                }
                op => self.op(op, number as u32),
            }
        }
    }

    /// Returns the number of instructions that are done on a way to the start of the block, if it leads there, and the place of its count.
    fn spent_on_itself(&self, way: Way) -> Option<(u32, Option<u32>)> {
        match way {
            Way::Chain { target, done, tally } if target == self.block.address => Some((done, tally)),
            _ => None,
        }
    }

    fn out(&mut self, out: &Out) {
        self.asm.bind(out.label);
        for (reg, slot) in out.cache.dirty() {
            let (base, displacement) = out.cache.home(slot);
            self.asm.store(base, displacement, reg);
        }
        self.go(out.way);
    }

    /// A label behind the block from which control leaves, with the registers as they are now.
    pub(super) fn leave(&mut self, way: Way) -> Label {
        let label = self.asm.label();
        self.outs.push(Out { label, cache: self.cache.clone(), way });
        label
    }

    /// Where an instruction that cannot be executed here is left to the interpreter.
    pub(super) fn hand_over(&mut self) -> Label {
        match self.index {
            Some(index) => self.leave(Way::Interpret { part: self.part, index }),
            None => self.leave(Way::Refuse { part: self.part }),
        }
    }

    fn go(&mut self, way: Way) {
        match way {
            Way::Refuse { part } => {
                self.spend(part.before, part.passed);
                self.asm.mov_imm(A, part.address);
                self.asm.jump_to(Stub::At);
            }
            Way::Interpret { part, index } => {
                self.spend(part.before, part.passed);
                self.asm.mov_tag(A, part.joined);
                self.asm.mov_imm(B, index);
                self.asm.jump_to(Stub::Interpret);
            }
            Way::Chain { target, done, tally } => {
                self.spend(done, tally);
                if target == self.block.address {
                    self.asm.jump(self.start);
                } else {
                    self.asm.mov_imm(A, target);
                    self.asm.jump_cell(CELLS, target);
                }
            }
            Way::Look { target, done, tally } => {
                self.spend(done, tally);
                self.asm.mov_imm(A, target);
                self.asm.jump_to(Stub::Look);
            }
        }
    }

    /// So many cycles of the block and those joined to it are over, and it is left.
    fn spend(&mut self, done: u32, tally: Option<u32>) {
        if let Some(tally) = tally {
            self.asm.load_wide(B, CONTEXT, EXECUTIONS);
            self.asm.count(B, tally);
        }
        if done > 0 {
            self.asm.alu_imm(Alu::Sub, ROOM, done);
        }
    }

    /// Translates the operation with this number.
    fn op(&mut self, op: Op, number: u32) {
        let before = self.part.before;
        match op {
            Op::Instruction { number, cycle } => (self.index, self.cycle) = (Some(number), cycle),
            Op::Move { to, from } => {
                let from = self.value(from);
                let reg = self.cache.reserve(&mut self.asm, to);
                self.asm.put(reg, from);
                self.cache.written(to);
            }
            Op::Binary { op, to, left, right } => self.binary(op, to, left, right),
            Op::Unary { op: Unary::LeadingZeros, to, from } => {
                let from = self.in_register(from, B);
                self.asm.leading_zeros(A, from);
                self.result(to, A);
            }
            Op::Unary { op: Unary::LowestBit, to, from } => {
                let from = self.in_register(from, B);
                self.asm.lowest_bit(A, from);
                self.result(to, A);
            }
            Op::Funnel { to, high, low, amount } => self.funnel(to, high, low, amount),
            Op::LongShiftRightSigned { to, from, amount } => {
                let from = self.in_register(from, A);
                self.asm.extend_wide(A, from);
                let amount = self.value(amount);
                self.asm.put(B, amount);
                self.asm.shift_wide(Shift::RightSigned, A);
                self.result(to, A);
            }
            Op::Select { to, condition, left, right, then } => {
                let then = self.in_register(then, C);
                let reg = self.cache.read(&mut self.asm, to);
                let cc = self.compare(condition, left, right);
                self.asm.cmov(cc, reg, then);
                self.cache.written(to);
            }
            Op::Set { to, condition, left, right } => {
                let cc = self.compare(condition, left, right);
                self.asm.set(cc, A);
                self.result(to, A);
            }
            Op::Load { to, width, signed, base, offset, last } => {
                self.load(to, LoadKind::of(width, signed), width, (base, offset), last);
            }
            Op::Store { from, width, base, offset, last } => self.store(from, width, (base, offset), last),
            Op::Watch { filter, base, offset } => {
                self.address(base, offset, B);
                let leave = self.hand_over();
                self.asm.shift_imm(Shift::Right, B, 6);
                self.asm.load_wide(C, REGISTERS, displacement(filter));
                self.asm.jump_if_bit(C, B, leave);
            }
            Op::Guard { condition, left, right } => {
                let cc = self.compare(condition, left, right);
                let leave = self.hand_over();
                self.asm.jump_if(cc, leave);
            }
            // They do not change while translated code runs.
            Op::Line { .. } if self.repeats && self.index.is_none() && self.part.joined.is_none() => {}
            Op::Version { .. } if self.repeats && self.index.is_none() && self.part.joined.is_none() => {}
            Op::Version { space, page, expected } => {
                let versions = match space {
                    Space::Data => DATA_VERSIONS,
                    Space::Words => WORD_VERSIONS,
                };
                self.asm.load_wide(B, CONTEXT, versions);
                self.asm.cmp_memory_imm(B, (page * 4) as i32, expected);
                let leave = self.hand_over();
                self.asm.jump_if(Cc::NotEqual, leave);
            }
            Op::Line { address } => {
                let (line, set) = CacheLines::place(address);
                let (there, leave) = (self.asm.label(), self.hand_over());
                self.asm.load_wide(B, CONTEXT, NEWER_LINES);
                self.asm.cmp_memory_imm(B, 4 * set as i32, line);
                self.asm.jump_if(Cc::Equal, there);
                self.asm.load_wide(B, CONTEXT, OLDER_LINES);
                self.asm.cmp_memory_imm(B, 4 * set as i32, line);
                self.asm.jump_if(Cc::NotEqual, leave);
                self.asm.bind(there);
            }
            Op::Rotate { to } => self.rotate(to),
            Op::Float { op, to, left, right } => self.float(op, to, left, right),
            Op::FloatSet { to, condition, left, right } => self.float_set(to, condition, left, right),
            Op::FloatToSigned { to, from, nearest } => self.float_to_signed(to, from, nearest),
            Op::ToFloat { to, from, signed } => self.number_to_float(to, from, signed),
            Op::Count { to, end, done } => {
                let end = self.cache.read(&mut self.asm, end);
                self.asm.mov(A, end);
                self.asm.alu(Alu::Sub, A, ROOM);
                self.asm.alu_imm(Alu::Add, A, before + done);
                self.result(to, A);
            }
            Op::Forget { slot } => self.cache.forget(slot),
            Op::Tally { .. } => self.tally = Some(number),
            Op::Join { address, count, done, .. } => {
                let passed = self.tally.take();
                self.begin(Part { address, joined: Some(number), before: before + done, count, passed });
            }
            Op::When { .. } => unreachable!("`ops` has met it"),
            Op::Branch { condition, left, right, target, done } => {
                let tally = self.tally.take();
                self.leave_if(condition, left, right, Way::Chain { target, done: before + done, tally });
            }
            Op::Look { condition, left, right, target, done } => {
                let tally = self.tally.take();
                self.leave_if(condition, left, right, Way::Look { target, done: before + done, tally });
            }
            Op::Jump { target, done } if target == self.block.address => {
                let tally = self.tally.take();
                let again = self.leave(Way::Chain { target, done: before + done, tally });
                self.asm.jump(again);
            }
            Op::Jump { target, done } => {
                self.cache.flush(&mut self.asm);
                let tally = self.tally.take();
                self.go(Way::Chain { target, done: before + done, tally });
            }
            Op::JumpIndirect { target, done } => {
                let target = self.value(target);
                self.asm.put(A, target);
                self.cache.flush(&mut self.asm);
                let tally = self.tally.take();
                self.spend(before + done, tally);
                // Each place has a jump of its own, so that the host learns where it leads.
                let elsewhere = self.asm.label();
                stubs::look_up(&mut self.asm);
                self.asm.jump_if(Cc::NotEqual, elsewhere);
                self.asm.jump_memory(B, TABLE_CODE);
                self.asm.bind(elsewhere);
                self.asm.jump_to(Stub::Indirect);
            }
            Op::Leave => {
                let leave = self.hand_over();
                self.asm.jump(leave);
            }
        }
    }

    fn leave_if(&mut self, condition: Condition, left: Value, right: Value, way: Way) {
        let cc = self.compare(condition, left, right);
        let label = self.leave(way);
        self.asm.jump_if(cc, label);
    }

    /// The operand in a register of the host, or a constant.
    pub(super) fn value(&mut self, value: Value) -> Operand {
        match value {
            Value::Slot(slot) => Operand::Reg(self.cache.read(&mut self.asm, slot)),
            Value::Imm(value) => Operand::Imm(value),
        }
    }

    /// The operand in a register, which is `scratch` if it is a constant.
    pub(super) fn in_register(&mut self, value: Value, scratch: Reg) -> Reg {
        match self.value(value) {
            Operand::Reg(reg) => reg,
            Operand::Imm(value) => {
                self.asm.mov_imm(scratch, value);
                scratch
            }
        }
    }

    /// The value in `from` becomes that of `to`.
    pub(super) fn result(&mut self, to: u16, from: Reg) {
        let reg = self.cache.reserve(&mut self.asm, to);
        self.asm.mov(reg, from);
        self.cache.written(to);
    }

    /// Sets the flags; the condition that tells whether it holds. Leaves `C` alone.
    fn compare(&mut self, condition: Condition, left: Value, right: Value) -> Cc {
        let left = self.in_register(left, A);
        let right = self.value(right);
        let bits = matches!(condition, Condition::Disjoint | Condition::Overlap);
        match right {
            Operand::Reg(right) if bits => self.asm.test(left, right),
            Operand::Imm(right) if bits => self.asm.test_imm(left, right),
            Operand::Imm(0) => self.asm.cmp_zero(left),
            Operand::Reg(right) => self.asm.alu(Alu::Cmp, left, right),
            Operand::Imm(right) => self.asm.alu_imm(Alu::Cmp, left, right),
        }
        match condition {
            Condition::Equal | Condition::Disjoint => Cc::Equal,
            Condition::NotEqual | Condition::Overlap => Cc::NotEqual,
            Condition::LessSigned => Cc::Less,
            Condition::GreaterOrEqualSigned => Cc::GreaterOrEqual,
            Condition::LessUnsigned => Cc::Below,
            Condition::GreaterOrEqualUnsigned => Cc::AboveOrEqual,
        }
    }

    fn binary(&mut self, op: Binary, to: u16, left: Value, right: Value) {
        let (left, right) = (self.value(left), self.value(right));
        match op {
            Binary::Add => self.simple(Alu::Add, to, left, right),
            Binary::Sub => self.simple(Alu::Sub, to, left, right),
            Binary::And => self.simple(Alu::And, to, left, right),
            Binary::Or => self.simple(Alu::Or, to, left, right),
            Binary::Xor => self.simple(Alu::Xor, to, left, right),
            Binary::ShiftLeft => self.shift(Shift::Left, to, left, right),
            Binary::ShiftRight => self.shift(Shift::Right, to, left, right),
            Binary::ShiftRightSigned => self.shift(Shift::RightSigned, to, left, right),
            Binary::Multiply => self.multiply(Product::Low, to, left, right),
            Binary::MultiplyHighUnsigned => self.multiply(Product::HighUnsigned, to, left, right),
            Binary::MultiplyHighSigned => self.multiply(Product::HighSigned, to, left, right),
            Binary::DivideUnsigned => self.divide(Division::Quotient, false, to, left, right),
            Binary::DivideSigned => self.divide(Division::Quotient, true, to, left, right),
            Binary::RemainderUnsigned => self.divide(Division::Remainder, false, to, left, right),
            Binary::RemainderSigned => self.divide(Division::Remainder, true, to, left, right),
        }
    }

    fn simple(&mut self, op: Alu, to: u16, left: Operand, right: Operand) {
        let reg = self.cache.reserve(&mut self.asm, to);
        self.asm.alu_of(op, reg, left, right);
        self.cache.written(to);
    }

    fn shift(&mut self, op: Shift, to: u16, left: Operand, right: Operand) {
        let reg = self.cache.reserve(&mut self.asm, to);
        self.asm.shift_of(op, reg, left, right);
        self.cache.written(to);
    }

    fn multiply(&mut self, part: Product, to: u16, left: Operand, right: Operand) {
        let result = self.asm.multiply(part, left, right);
        self.result(to, result);
    }

    fn divide(&mut self, result: Division, signed: bool, to: u16, left: Operand, right: Operand) {
        let leave = self.hand_over();
        let result = self.asm.divide(result, signed, left, right, leave);
        self.result(to, result);
    }

    fn funnel(&mut self, to: u16, high: Value, low: Value, amount: Value) {
        let amount = self.value(amount);
        self.asm.funnel_amount(amount);
        let (high, low) = (self.value(high), self.value(low));
        self.asm.funnel(A, high, low, amount);
        self.result(to, A);
    }

    /// Moves the window: the address of what it shows follows the register with its base. Where it comes to reach beyond the end of the file, or does not any
    /// more, what it shows there is copied to the room behind the file, or back.
    fn rotate(&mut self, to: Value) {
        let Some(ring) = self.ring else { unreachable!("`Engine::install` has seen to that") };
        let (label, resume) = (self.asm.label(), self.asm.label());
        let to = self.value(to);
        self.asm.put(B, to);
        self.asm.alu_imm(Alu::And, B, u32::from(ring.groups) - 1);
        self.cache.flush_window(&mut self.asm);
        let beyond = u32::from(ring.groups - ring.wraps_from());
        let from = self.cache.read(&mut self.asm, ring.base);
        self.asm.lea(A, from, beyond);
        self.asm.lea(C, B, beyond);
        self.asm.alu(Alu::Xor, A, C);
        self.result(ring.base, B);
        self.asm.test_imm(A, u32::from(ring.groups));
        self.asm.jump_if(Cc::NotEqual, label);
        self.asm.bind(resume);
        self.asm.shift_imm(Shift::Left, B, GROUP_SHIFT);
        self.asm.lea_wide(WINDOW, REGISTERS, B, displacement(ring.file));
        self.detours.push(Detour::Wrap { label, resume });
    }
}
