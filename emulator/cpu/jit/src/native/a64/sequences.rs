//! Operations for which AArch64 needs several instructions, or has better ones than the translation asks for.

use super::assembler::{CONSTANT, FAR, ORDERED, STACK, WIDE, condition};
use super::{A, B, CELLS, CONTEXT, DATA, REGISTERS, ROOM};
use crate::native::code::{Alu, Assembler, Cc, Division, Label, Operand, Product, Reg, Shift};

/// Pairs of registers that the way out has to restore, by their first one; the last has the link register, which calls of shared code change.
const SAVED: [u8; 4] = [19, 21, 23, 29];
/// Bytes of the frame that they are saved in.
const FRAME: i32 = 16 * SAVED.len() as i32;

impl Assembler {
    /// An access to a pair of registers at a displacement from the stack pointer.
    fn pair(&mut self, instruction: u32, first: u8, displacement: i32) {
        let field = (displacement >> 3) as u32 & 0x7f;
        self.three(instruction | field << 15, Reg(first), STACK, Reg(0), Reg(first + 1));
    }

    /// Saves what the caller keeps in registers, and puts what it gives to where translated code has it.
    pub fn enter(&mut self) {
        const STORE_BEFORE: u32 = 0xA980_0000;
        const STORE: u32 = 0xA900_0000;
        for (number, first) in SAVED.into_iter().enumerate() {
            match number {
                0 => self.pair(STORE_BEFORE, first, -FRAME),
                _ => self.pair(STORE, first, 16 * number as i32),
            }
        }
        for (argument, to) in [REGISTERS, DATA, CONTEXT, CELLS].into_iter().enumerate() {
            self.mov_wide(to, Reg(argument as u8));
        }
        self.mov(ROOM, Reg(4));
    }

    /// Restores what the caller keeps in registers, and returns.
    pub fn leave(&mut self) {
        const LOAD: u32 = 0xA940_0000;
        const LOAD_BEHIND: u32 = 0xA8C0_0000;
        for (number, first) in SAVED.into_iter().enumerate().rev() {
            match number {
                0 => self.pair(LOAD_BEHIND, first, FRAME),
                _ => self.pair(LOAD, first, 16 * number as i32),
            }
        }
        self.ret();
    }

    /// Calls what the context has at a displacement, in shared code that has saved the registers of the guest: with the context, the address
    /// in `A`, the value in `C`, which is where it has to be, and the spot in `B`.
    pub fn call_with_context(&mut self, displacement: i32) {
        const LINK: Reg = Reg(30);
        self.push(LINK);
        self.load_wide(FAR, CONTEXT, displacement);
        self.mov(Reg(3), B);
        self.mov(B, A);
        self.mov_wide(A, CONTEXT);
        self.call_register(FAR);
        self.pop(LINK);
    }

    pub fn put(&mut self, to: Reg, from: Operand) {
        match from {
            Operand::Reg(from) => self.mov(to, from),
            Operand::Imm(value) => self.mov_imm(to, value),
        }
    }

    /// The operand in a register, which is `scratch` if it is a constant.
    fn in_register(&mut self, operand: Operand, scratch: Reg) -> Reg {
        match operand {
            Operand::Reg(reg) => reg,
            Operand::Imm(value) => {
                self.mov_imm(scratch, value);
                scratch
            }
        }
    }

    /// `to = left op right`
    pub fn alu_of(&mut self, op: Alu, to: Reg, left: Operand, right: Operand) {
        let left = self.in_register(left, A);
        match right {
            Operand::Reg(right) => self.alu_to(op, to, left, right),
            Operand::Imm(right) => self.alu_imm_to(op, to, left, right),
        }
    }

    /// `to = left op right`, by the low five bits of `right`.
    pub fn shift_of(&mut self, op: Shift, to: Reg, left: Operand, right: Operand) {
        let left = self.in_register(left, A);
        match right {
            Operand::Reg(right) => self.shift_to(op, 0, to, left, right),
            Operand::Imm(amount) => self.shift_imm_to(op, to, left, (amount & 0x1f) as u8),
        }
    }

    /// Shifts by the low six bits of `B`.
    pub fn shift_wide(&mut self, op: Shift, to: Reg) {
        self.shift_to(op, WIDE, to, to, B);
    }

    /// Prepares [`Assembler::funnel`], which needs nothing here.
    pub fn funnel_amount(&mut self, _amount: Operand) {}

    /// The low word of `high:low` shifted right by the low six bits of the amount. `to` is scratch.
    pub fn funnel(&mut self, to: Reg, high: Operand, low: Operand, amount: Operand) {
        const WORD: u32 = 32;
        /// The word becomes the high one of a double word.
        const INSERT_HIGH: u32 = 0xB360_7C00;
        /// The word of a pair of words that begins at a bit of the low one.
        const EXTRACT: u32 = 0x1380_0000;
        match amount {
            Operand::Imm(amount) => match amount & 63 {
                0 => self.put(to, low),
                amount @ 1..WORD => {
                    let (high, low) = (self.in_register(high, A), self.in_register(low, B));
                    self.two(EXTRACT | amount << 10, to, high, low);
                }
                amount => {
                    let high = self.in_register(high, A);
                    self.shift_imm_to(Shift::Right, to, high, (amount - WORD) as u8);
                }
            },
            Operand::Reg(amount) => {
                let high = self.in_register(high, B);
                self.put(to, low);
                self.one(INSERT_HIGH, to, high);
                self.shift_to(Shift::Right, WIDE, to, to, amount);
            }
        }
    }

    /// The register with a part of a product.
    pub fn multiply(&mut self, part: Product, left: Operand, right: Operand) -> Reg {
        const HIGH: u32 = 0xD360_FC00;
        let (left, right) = (self.in_register(left, A), self.in_register(right, B));
        match part {
            Product::Low => self.two(0x1B00_7C00, A, left, right),
            Product::HighUnsigned => self.two(0x9BA0_7C00, A, left, right),
            Product::HighSigned => self.two(0x9B20_7C00, A, left, right),
        }
        if !matches!(part, Product::Low) {
            self.one(HIGH, A, A);
        }
        A
    }

    /// The register with a result of a division; goes to `leave` if the divisor is 0, or -1 where there are signs.
    pub fn divide(&mut self, result: Division, signed: bool, left: Operand, right: Operand, leave: Label) -> Reg {
        let (left, right) = (self.in_register(left, A), self.in_register(right, B));
        self.cmp_zero(right);
        self.jump_if(Cc::Equal, leave);
        if signed {
            self.alu_imm(Alu::Cmp, right, u32::MAX);
            self.jump_if(Cc::Equal, leave);
        }
        self.two(if signed { 0x1AC0_0C00 } else { 0x1AC0_0800 }, FAR, left, right);
        match result {
            Division::Quotient => self.mov(A, FAR),
            // left - quotient * right
            Division::Remainder => self.three(0x1B00_8000, A, FAR, right, left),
        }
        A
    }

    /// The number of leading zeros.
    pub fn leading_zeros(&mut self, to: Reg, from: Reg) {
        self.one(0x5AC0_1000, to, from);
    }

    /// The number of the lowest set bit.
    pub fn lowest_bit(&mut self, to: Reg, from: Reg) {
        const REVERSE: u32 = 0x5AC0_0000;
        self.one(REVERSE, to, from);
        self.leading_zeros(to, to);
    }

    /// Jumps if bit `bit % 64` of `value` is set.
    pub fn jump_if_bit(&mut self, value: Reg, bit: Reg, label: Label) {
        self.shift_to(Shift::Right, WIDE, FAR, value, bit);
        self.test_imm(FAR, 1);
        self.jump_if(Cc::NotEqual, label);
    }

    /// A whole number; the lowest one stands for what is no number or out of range.
    pub fn convert_to_signed(&mut self, to: Reg, from: u8, nearest: bool) {
        const LOWEST: u32 = 1 << 31;
        // Into a double word: what is too large for a word stays so.
        self.one(if nearest { 0x9E20_0000 } else { 0x9E38_0000 }, FAR, Reg(from));
        self.extend_wide(to, FAR);
        self.two(0x6B00_0000 | WIDE, Reg(31), FAR, to);
        self.mov_imm(CONSTANT, LOWEST);
        self.select(condition(Cc::Equal), to, FAR, CONSTANT);
        // No number became 0.
        self.compare_scalars(from, from);
        self.select(ORDERED, to, to, CONSTANT);
    }
}
