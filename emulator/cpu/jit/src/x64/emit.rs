//! From operations to x86-64.
//!
//! `rbp` holds the address of the guest's registers, `rbx` that of the registers that the window of the ring shows, `r12` that of the
//! data window, `r13` the [`Context`], `r14` the cells that lead from block to block, `r15d` the instructions that are left. `rax`, `rcx`
//! and `rdx` are scratch; the others hold registers of the guest. What is rare lies behind the block.
//!
//! A block that leads to itself is there twice: the second time with the guest's registers in those of the host where the first one
//! left them, so that a loop neither stores nor loads them.

use espalier_core::{CODE_PAGE, CacheLines, SteadyWords, WindowLayout};

use super::assembler::{
    Alu, Assembler, Cc, Code, Label, LoadKind, R12, R13, R14, R15, RAX, RBP, RCX, RDX, Reg, Shift, Stub, Wide,
};
use super::cache::{Cache, GROUP_SHIFT, WINDOW, displacement};
use super::context::{
    DATA_VERSIONS, EXECUTIONS, LOOKED, NEWER_LINES, OLDER_LINES, PAGES, STEADY, WORD_VERSIONS, WORDS,
};
use crate::engine::Block;
use crate::ir::{Binary, Condition, Op, Ring, Space, Unary, Value, Width};

const PAGE_SHIFT: u8 = CODE_PAGE.trailing_zeros() as u8;
const TABLE_PAGE_SHIFT: u8 = 16;
/// Bit of a version: code was decoded from the page.
const DECODED: u8 = 1;
/// Bytes of an entry of the table of pages.
const ENTRY_SHIFT: u8 = 3;
/// Bytes of a group of registers of the ring.
const GROUP_BYTES: i32 = 1 << GROUP_SHIFT;

/// Where control goes when it leaves a block.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The block is not entered.
    Refuse,
    /// The interpreter does the instruction and the rest of the block.
    Interpret { index: u32 },
    /// Another block, after so many instructions of this one, with the place of its count.
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

/// Code behind the block that finishes an access.
#[derive(Clone, Copy, Debug)]
enum Detour {
    Elsewhere { label: Label, resume: Label, leave: Label, to: Reg, kind: LoadKind, width: Width, index: Option<u32> },
    Versioned { label: Label, resume: Label, leave: Label, width: Width },
    Wrap { label: Label, resume: Label, ring: Ring },
}

/// The translation of one block.
pub(super) struct Emitter<'a> {
    pub(super) asm: Assembler,
    pub(super) cache: Cache,
    block: &'a Block<'a>,
    layout: &'a WindowLayout,
    ring: Option<Ring>,
    start: Label,
    /// The instruction whose operations are being translated; none before the first.
    index: Option<u32>,
    /// The block is translated a second time, for when it leads to itself.
    repeats: bool,
    /// The tallies so far, and the number of the one that counts the next way out.
    tallies: u32,
    tally: Option<u32>,
    outs: Vec<Out>,
    detours: Vec<Detour>,
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
        index: None,
        repeats: false,
        tallies: 0,
        tally: None,
        outs: Vec::new(),
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
        self.asm.alu_imm(Alu::Cmp, R15, self.block.count);
        let refuse = self.leave(Way::Refuse);
        self.asm.jump_if(Cc::Below, refuse);
        self.tallies = 0;
        for op in self.block.ops {
            self.op(op);
        }
        for detour in std::mem::take(&mut self.detours) {
            self.detour(detour);
        }
        std::mem::take(&mut self.outs)
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
    fn leave(&mut self, way: Way) -> Label {
        let label = self.asm.label();
        self.outs.push(Out { label, cache: self.cache.clone(), way });
        label
    }

    /// Where an instruction that cannot be executed here is left to the interpreter.
    pub(super) fn hand_over(&mut self) -> Label {
        match self.index {
            Some(index) => self.leave(Way::Interpret { index }),
            None => self.leave(Way::Refuse),
        }
    }

    fn go(&mut self, way: Way) {
        match way {
            Way::Refuse => {
                self.asm.mov_imm(RAX, self.block.address);
                self.asm.jump_to(Stub::At);
            }
            Way::Interpret { index } => {
                self.asm.mov_tag(RAX);
                self.asm.mov_imm(RCX, index);
                self.asm.jump_to(Stub::Interpret);
            }
            Way::Chain { target, done, tally } => {
                self.spend(done, tally);
                if target == self.block.address {
                    self.asm.jump(self.start);
                } else {
                    self.asm.mov_imm(RAX, target);
                    self.asm.jump_cell(R14, target);
                }
            }
            Way::Look { target, done, tally } => {
                self.spend(done, tally);
                self.asm.mov_imm(RAX, target);
                self.asm.jump_to(Stub::Look);
            }
        }
    }

    /// So many instructions of the block are done, and it is left.
    fn spend(&mut self, done: u32, tally: Option<u32>) {
        if let Some(tally) = tally {
            self.asm.load_wide(RCX, R13, EXECUTIONS);
            self.asm.count(RCX, tally);
        }
        self.asm.alu_imm(Alu::Sub, R15, done);
    }

    fn op(&mut self, op: &Op) {
        match *op {
            Op::Instruction(index) => self.index = Some(index),
            Op::Move { to, from } => {
                let from = self.value(from);
                let reg = self.cache.reserve(&mut self.asm, to);
                self.put(reg, from);
                self.cache.written(to);
            }
            Op::Binary { op, to, left, right } => self.binary(op, to, left, right),
            Op::Unary { op: Unary::LeadingZeros, to, from } => {
                let from = self.in_register(from, RCX);
                self.asm.bit_scan_reverse(RAX, from);
                self.asm.mov_imm(RDX, 63);
                self.asm.cmov(Cc::Equal, RAX, RDX);
                self.asm.alu_imm(Alu::Xor, RAX, 31);
                self.result(to, RAX);
            }
            Op::Unary { op: Unary::LowestBit, to, from } => {
                let from = self.in_register(from, RCX);
                self.asm.bit_scan_forward(RAX, from);
                self.result(to, RAX);
            }
            Op::Funnel { to, high, low, amount } => self.funnel(to, high, low, amount),
            Op::LongShiftRightSigned { to, from, amount } => {
                let from = self.in_register(from, RAX);
                self.asm.extend_wide(RAX, from);
                let amount = self.value(amount);
                self.put(RCX, amount);
                self.asm.shift_wide(Shift::RightSigned, RAX);
                self.result(to, RAX);
            }
            Op::Select { to, condition, left, right, then } => {
                let then = self.in_register(then, RDX);
                let reg = self.cache.read(&mut self.asm, to);
                let cc = self.compare(condition, left, right);
                self.asm.cmov(cc, reg, then);
                self.cache.written(to);
            }
            Op::Set { to, condition, left, right } => {
                let cc = self.compare(condition, left, right);
                self.asm.set(cc, RAX);
                self.result(to, RAX);
            }
            Op::Load { to, width, signed, base, offset } => self.load(to, kind(width, signed), width, base, offset),
            Op::Store { from, width, base, offset } => self.store(from, width, base, offset),
            Op::Watch { filter, base, offset } => {
                self.address(base, offset, RCX);
                let leave = self.hand_over();
                self.asm.shift_imm(Shift::Right, RCX, 6);
                self.asm.load_wide(RDX, RBP, displacement(filter));
                self.asm.bit_test_wide(RDX, RCX);
                self.asm.jump_if(Cc::Below, leave);
            }
            Op::Guard { condition, left, right } => {
                let cc = self.compare(condition, left, right);
                let leave = self.hand_over();
                self.asm.jump_if(cc, leave);
            }
            Op::Version { space, page, expected } => {
                let versions = match space {
                    Space::Data => DATA_VERSIONS,
                    Space::Words => WORD_VERSIONS,
                };
                self.asm.load_wide(RCX, R13, versions);
                self.asm.cmp_memory_imm(RCX, (page * 4) as i32, expected);
                let leave = self.hand_over();
                self.asm.jump_if(Cc::NotEqual, leave);
            }
            // The lines that the block lies in are still there when it comes to itself.
            Op::Line { .. } if self.repeats && self.index.is_none() => {}
            Op::Line { address } => {
                let (line, set) = CacheLines::place(address);
                let (there, leave) = (self.asm.label(), self.hand_over());
                self.asm.load_wide(RCX, R13, NEWER_LINES);
                self.asm.cmp_memory_imm(RCX, 4 * set as i32, line);
                self.asm.jump_if(Cc::Equal, there);
                self.asm.load_wide(RCX, R13, OLDER_LINES);
                self.asm.cmp_memory_imm(RCX, 4 * set as i32, line);
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
                self.asm.mov(RAX, end);
                self.asm.alu(Alu::Sub, RAX, R15);
                self.asm.alu_imm(Alu::Add, RAX, done);
                self.result(to, RAX);
            }
            Op::Forget { slot } => self.cache.forget(slot),
            Op::Tally { .. } => {
                self.tally = Some(self.tallies);
                self.tallies += 1;
            }
            Op::Branch { condition, left, right, target, done } => {
                let tally = self.tally.take();
                self.leave_if(condition, left, right, Way::Chain { target, done, tally });
            }
            Op::Look { condition, left, right, target, done } => {
                let tally = self.tally.take();
                self.leave_if(condition, left, right, Way::Look { target, done, tally });
            }
            Op::Jump { target, done } if target == self.block.address => {
                let tally = self.tally.take();
                let again = self.leave(Way::Chain { target, done, tally });
                self.asm.jump(again);
            }
            Op::Jump { target, done } => {
                self.cache.flush(&mut self.asm);
                let tally = self.tally.take();
                self.go(Way::Chain { target, done, tally });
            }
            Op::JumpIndirect { target, done } => {
                let target = self.value(target);
                self.put(RAX, target);
                self.cache.flush(&mut self.asm);
                let tally = self.tally.take();
                self.spend(done, tally);
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
    fn value(&mut self, value: Value) -> Operand {
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

    fn put(&mut self, to: Reg, from: Operand) {
        match from {
            Operand::Reg(from) => self.asm.mov(to, from),
            Operand::Imm(value) => self.asm.mov_imm(to, value),
        }
    }

    /// The value in `from` becomes that of `to`.
    pub(super) fn result(&mut self, to: u16, from: Reg) {
        let reg = self.cache.reserve(&mut self.asm, to);
        self.asm.mov(reg, from);
        self.cache.written(to);
    }

    /// Sets the flags; the condition that tells whether it holds. Leaves `rdx` alone.
    fn compare(&mut self, condition: Condition, left: Value, right: Value) -> Cc {
        let left = self.in_register(left, RAX);
        let right = self.value(right);
        let bits = matches!(condition, Condition::Disjoint | Condition::Overlap);
        match right {
            Operand::Reg(right) if bits => self.asm.test(left, right),
            Operand::Imm(right) if bits => self.asm.test_imm(left, right),
            Operand::Imm(0) => self.asm.test(left, left),
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
            Binary::Multiply => {
                self.put(RAX, left);
                self.put(RCX, right);
                self.asm.imul(RAX, RCX);
                self.result(to, RAX);
            }
            Binary::MultiplyHighUnsigned => self.wide(Wide::Multiply, to, left, right, RDX),
            Binary::MultiplyHighSigned => self.wide(Wide::MultiplySigned, to, left, right, RDX),
            Binary::DivideUnsigned => self.wide(Wide::Divide, to, left, right, RAX),
            Binary::DivideSigned => self.wide(Wide::DivideSigned, to, left, right, RAX),
            Binary::RemainderUnsigned => self.wide(Wide::Divide, to, left, right, RDX),
            Binary::RemainderSigned => self.wide(Wide::DivideSigned, to, left, right, RDX),
        }
    }

    fn simple(&mut self, op: Alu, to: u16, left: Operand, right: Operand) {
        let reg = self.cache.reserve(&mut self.asm, to);
        let target = if right == Operand::Reg(reg) && left != right { RAX } else { reg };
        self.put(target, left);
        match right {
            Operand::Reg(right) => self.asm.alu(op, target, right),
            Operand::Imm(right) => self.asm.alu_imm(op, target, right),
        }
        self.asm.mov(reg, target);
        self.cache.written(to);
    }

    fn shift(&mut self, op: Shift, to: u16, left: Operand, right: Operand) {
        let reg = self.cache.reserve(&mut self.asm, to);
        if let Operand::Reg(right) = right {
            self.asm.mov(RCX, right);
        }
        self.put(reg, left);
        match right {
            Operand::Reg(_) => self.asm.shift(op, reg),
            Operand::Imm(amount) => self.asm.shift_imm(op, reg, (amount & 0x1f) as u8),
        }
        self.cache.written(to);
    }

    fn wide(&mut self, op: Wide, to: u16, left: Operand, right: Operand, result: Reg) {
        self.put(RAX, left);
        self.put(RCX, right);
        if matches!(op, Wide::Divide | Wide::DivideSigned) {
            let leave = self.hand_over();
            self.asm.test(RCX, RCX);
            self.asm.jump_if(Cc::Equal, leave);
            if matches!(op, Wide::DivideSigned) {
                self.asm.alu_imm(Alu::Cmp, RCX, u32::MAX);
                self.asm.jump_if(Cc::Equal, leave);
                self.asm.cdq();
            } else {
                self.asm.mov_imm(RDX, 0);
            }
        }
        self.asm.wide(op, RCX);
        self.result(to, result);
    }

    fn funnel(&mut self, to: u16, high: Value, low: Value, amount: Value) {
        const WORD: u8 = 32;
        let amount = self.value(amount);
        self.put(RCX, amount);
        let (high, low) = (self.value(high), self.value(low));
        self.put(RAX, high);
        if high != Operand::Imm(0) {
            self.asm.shift_wide_imm(Shift::Left, RAX, WORD);
        }
        if low != Operand::Imm(0) {
            self.put(RDX, low);
            self.asm.or_wide(RAX, RDX);
        }
        self.asm.shift_wide(Shift::Right, RAX);
        self.result(to, RAX);
    }

    /// `base + offset` in `to`.
    fn address(&mut self, base: Value, offset: u32, to: Reg) {
        match self.value(base) {
            Operand::Reg(base) => self.asm.lea(to, base, offset),
            Operand::Imm(base) => self.asm.mov_imm(to, base.wrapping_add(offset)),
        }
    }

    fn load(&mut self, to: u16, kind: LoadKind, width: Width, base: Value, offset: u32) {
        let layout = *self.layout;
        if let (Value::Imm(base), Width::Word) = (base, width)
            && let Some(place) = layout.words.offset(base.wrapping_add(offset), 4)
            && place % 4 == 0
        {
            self.asm.load_wide(RCX, R13, WORDS);
            let reg = self.cache.reserve(&mut self.asm, to);
            self.asm.load(reg, RCX, place as i32);
            return self.cache.written(to);
        }
        self.address(base, offset.wrapping_sub(layout.data.base), RAX);
        let reg = self.cache.reserve(&mut self.asm, to);
        let leave = self.hand_over();
        self.asm.alu_imm(Alu::Cmp, RAX, (layout.data.size + 1).saturating_sub(width.bytes()));
        let resume = self.asm.label();
        // Only a word of an instruction can be steady.
        let index = self.index.filter(|_| width == Width::Word);
        if layout.paged.size > 0 || index.is_some() {
            let label = self.asm.label();
            self.asm.jump_if(Cc::AboveOrEqual, label);
            self.detours.push(Detour::Elsewhere { label, resume, leave, to: reg, kind, width, index });
        } else {
            self.asm.jump_if(Cc::AboveOrEqual, leave);
        }
        self.asm.load_indexed(kind, reg, R12, RAX);
        self.asm.bind(resume);
        self.cache.written(to);
    }

    fn store(&mut self, from: Value, width: Width, base: Value, offset: u32) {
        let layout = *self.layout;
        let from = self.value(from);
        self.address(base, offset.wrapping_sub(layout.data.base), RAX);
        let leave = self.hand_over();
        self.asm.alu_imm(Alu::Cmp, RAX, (layout.data.size + 1).saturating_sub(width.bytes()));
        self.asm.jump_if(Cc::AboveOrEqual, leave);
        if layout.versioned_from < layout.data.size {
            let (label, resume) = (self.asm.label(), self.asm.label());
            self.asm.alu_imm(Alu::Cmp, RAX, (layout.versioned_from + 1).saturating_sub(width.bytes()));
            self.asm.jump_if(Cc::AboveOrEqual, label);
            self.asm.bind(resume);
            self.detours.push(Detour::Versioned { label, resume, leave, width });
        }
        let from = match from {
            Operand::Reg(reg) => reg,
            Operand::Imm(value) => {
                self.asm.mov_imm(RDX, value);
                RDX
            }
        };
        self.asm.store_indexed(width.bytes(), R12, RAX, from);
    }

    fn detour(&mut self, detour: Detour) {
        match detour {
            // `rax` is the distance from the data window.
            Detour::Elsewhere { label, resume, leave, to, kind, width, index } => {
                self.asm.bind(label);
                let other = index.map_or(leave, |_| self.asm.label());
                self.asm.lea(RCX, RAX, self.layout.data.base.wrapping_sub(self.layout.paged.base));
                self.asm.alu_imm(Alu::Cmp, RCX, self.layout.paged.size);
                self.asm.jump_if(Cc::AboveOrEqual, other);
                if width != Width::Byte {
                    self.asm.test_imm(RCX, width.bytes() - 1);
                    self.asm.jump_if(Cc::NotEqual, leave);
                }
                if self.layout.cached {
                    self.leave_without_line(leave);
                }
                self.asm.mov(RAX, RCX);
                self.asm.shift_imm(Shift::Right, RAX, TABLE_PAGE_SHIFT);
                self.asm.load_wide(RDX, R13, PAGES);
                self.asm.load_wide_indexed(RDX, RDX, RAX, ENTRY_SHIFT);
                self.asm.alu_imm(Alu::And, RCX, (1 << TABLE_PAGE_SHIFT) - 1);
                self.asm.test_wide(RDX, RDX);
                self.asm.jump_if(Cc::Equal, leave);
                self.asm.load_indexed(kind, to, RDX, RCX);
                self.asm.jump(resume);
                if let Some(index) = index {
                    self.asm.bind(other);
                    self.steady(to, leave, index);
                    self.asm.jump(resume);
                }
            }
            // `rdx` is the new base, and what has to be added to it for a window that reaches beyond the end of the file.
            Detour::Wrap { label, resume, ring } => {
                let file = displacement(ring.file);
                let behind = file + i32::from(ring.groups) * GROUP_BYTES;
                let back = self.asm.label();
                self.asm.bind(label);
                self.asm.test_imm(RDX, u32::from(ring.groups));
                self.asm.jump_if(Cc::Equal, back);
                self.copy_groups(ring.shown - 1, file, behind);
                self.asm.jump(resume);
                self.asm.bind(back);
                self.copy_groups(ring.shown - 1, behind, file);
                self.asm.jump(resume);
            }
            Detour::Versioned { label, resume, leave, width } => {
                self.asm.bind(label);
                if width != Width::Byte {
                    self.asm.test_imm(RAX, width.bytes() - 1);
                    self.asm.jump_if(Cc::NotEqual, leave);
                }
                self.asm.lea(RCX, RAX, 0u32.wrapping_sub(self.layout.versioned_from));
                self.asm.shift_imm(Shift::Right, RCX, PAGE_SHIFT);
                self.asm.load_wide(RDX, R13, DATA_VERSIONS);
                self.asm.test_byte_indexed(RDX, RCX, 2, DECODED);
                self.asm.jump_if(Cc::NotEqual, leave);
                self.asm.jump(resume);
            }
        }
    }

    /// Leaves unless the line is in the cache at `rcx` in the memory that is read by pages.
    fn leave_without_line(&mut self, leave: Label) {
        const WORD_SHIFT: u8 = 2;
        let there = self.asm.label();
        self.asm.push(RCX);
        self.asm.lea(RDX, RCX, self.layout.paged.base);
        self.asm.shift_imm(Shift::Right, RDX, CacheLines::LINE.trailing_zeros() as u8);
        self.asm.mov(RCX, RDX);
        self.asm.alu_imm(Alu::And, RCX, CacheLines::sets() - 1);
        self.asm.load_wide(RAX, R13, NEWER_LINES);
        self.asm.cmp_indexed(RDX, RAX, RCX, WORD_SHIFT);
        self.asm.jump_if(Cc::Equal, there);
        self.asm.load_wide(RAX, R13, OLDER_LINES);
        self.asm.cmp_indexed(RDX, RAX, RCX, WORD_SHIFT);
        self.asm.bind(there);
        // The flags stay as they are.
        self.asm.pop(RCX);
        self.asm.jump_if(Cc::NotEqual, leave);
    }

    fn copy_groups(&mut self, groups: u16, from: i32, to: i32) {
        for group in 0..i32::from(groups) {
            self.asm.load_quad(0, RBP, from + group * GROUP_BYTES);
            self.asm.store_quad(RBP, to + group * GROUP_BYTES, 0);
        }
    }

    /// Loads a word of a register that reads as it did. `rax` is the distance from the data window.
    fn steady(&mut self, to: Reg, leave: Label, index: u32) {
        const PAIR_SHIFT: u8 = 3;
        self.asm.lea(RDX, RAX, self.layout.data.base);
        self.asm.mov(RCX, RDX);
        self.asm.shift_imm(Shift::Right, RCX, 2);
        self.asm.alu_imm(Alu::And, RCX, SteadyWords::COUNT as u32 - 1);
        self.asm.load_wide(RAX, R13, STEADY);
        self.asm.cmp_indexed(RDX, RAX, RCX, PAIR_SHIFT);
        self.asm.jump_if(Cc::NotEqual, leave);
        // The value follows the address.
        self.asm.lea_indexed(RAX, RAX, RCX, PAIR_SHIFT);
        self.asm.load(to, RAX, 4);
        self.asm.mov(RCX, R15);
        self.asm.alu_imm(Alu::Sub, RCX, index);
        self.asm.store(R13, LOOKED, RCX);
    }

    /// Moves the window: `rbx` follows the register with its base. Where it comes to reach beyond the end of the file, or does not any
    /// more, what it shows there is copied to the room behind the file, or back.
    fn rotate(&mut self, to: Value) {
        let Some(ring) = self.ring else { unreachable!("`Engine::install` has seen to that") };
        let (label, resume) = (self.asm.label(), self.asm.label());
        let to = self.value(to);
        self.put(RCX, to);
        self.asm.alu_imm(Alu::And, RCX, u32::from(ring.groups) - 1);
        self.cache.flush_window(&mut self.asm);
        let beyond = u32::from(ring.groups - ring.wraps_from());
        let from = self.cache.read(&mut self.asm, ring.base);
        self.asm.lea(RAX, from, beyond);
        self.asm.lea(RDX, RCX, beyond);
        self.asm.alu(Alu::Xor, RAX, RDX);
        self.result(ring.base, RCX);
        self.asm.test_imm(RAX, u32::from(ring.groups));
        self.asm.jump_if(Cc::NotEqual, label);
        self.asm.bind(resume);
        self.asm.shift_imm(Shift::Left, RCX, GROUP_SHIFT);
        self.asm.lea_wide(WINDOW, RBP, RCX, displacement(ring.file));
        self.detours.push(Detour::Wrap { label, resume, ring });
    }
}

/// An operand as instructions of the host take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Reg(Reg),
    Imm(u32),
}

fn kind(width: Width, signed: bool) -> LoadKind {
    match (width, signed) {
        (Width::Byte, false) => LoadKind::Byte,
        (Width::Byte, true) => LoadKind::ByteSigned,
        (Width::Half, false) => LoadKind::Half,
        (Width::Half, true) => LoadKind::HalfSigned,
        (Width::Word, _) => LoadKind::Word,
    }
}
