//! Operations for which x86-64 needs several instructions, or certain registers.

use super::assembler::{R8, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, Wide};
use crate::native::code::{Alu, Assembler, Cc, Division, Label, Operand, Product, Reg, Shift};

/// Registers that the way out has to restore (System V ABI, "Register Usage").
const SAVED: [Reg; 6] = [RBX, RBP, R12, R13, R14, R15];

impl Assembler {
    /// Saves what the caller keeps in registers, and puts what it gives to where translated code has it.
    pub fn enter(&mut self) {
        SAVED.iter().for_each(|reg| self.push(*reg));
        self.mov_wide(RBP, RDI);
        self.mov_wide(R12, RSI);
        self.mov_wide(R13, RDX);
        self.mov_wide(R14, RCX);
        self.mov(R15, R8);
    }

    /// Restores what the caller keeps in registers, and returns.
    pub fn leave(&mut self) {
        SAVED.iter().rev().for_each(|reg| self.pop(*reg));
        self.ret();
    }

    /// Calls what the context has at a displacement, in shared code that has saved the registers of the guest: with the context, the address
    /// in `A`, the value in `C` and the spot in `B`, which are where they have to be but for the address.
    pub fn call_with_context(&mut self, displacement: i32) {
        self.mov(RSI, RAX);
        self.mov_wide(RDI, R13);
        self.call_memory(R13, displacement);
    }

    pub fn put(&mut self, to: Reg, from: Operand) {
        match from {
            Operand::Reg(from) => self.mov(to, from),
            Operand::Imm(value) => self.mov_imm(to, value),
        }
    }

    /// `to = left op right`
    pub fn alu_of(&mut self, op: Alu, to: Reg, left: Operand, right: Operand) {
        match (op, left, right) {
            (Alu::Add, Operand::Reg(left), Operand::Reg(right)) if to != left => return self.lea_sum(to, left, right),
            (Alu::Add, Operand::Reg(left), Operand::Imm(right)) if to != left => return self.lea(to, left, right),
            (Alu::Sub, Operand::Reg(left), Operand::Imm(right)) if to != left => {
                return self.lea(to, left, right.wrapping_neg());
            }
            _ => {}
        }
        let target = if right == Operand::Reg(to) && left != right { RAX } else { to };
        self.put(target, left);
        match right {
            Operand::Reg(right) => self.alu(op, target, right),
            Operand::Imm(right) => self.alu_imm(op, target, right),
        }
        self.mov(to, target);
    }

    /// `to = left op right`, by the low five bits of `right`.
    pub fn shift_of(&mut self, op: Shift, to: Reg, left: Operand, right: Operand) {
        if let Operand::Reg(right) = right {
            self.mov(RCX, right);
        }
        self.put(to, left);
        match right {
            Operand::Reg(_) => self.shift(op, to),
            Operand::Imm(amount) => self.shift_imm(op, to, (amount & 0x1f) as u8),
        }
    }

    /// The register with a part of a product.
    pub fn multiply(&mut self, part: Product, left: Operand, right: Operand) -> Reg {
        self.put(RAX, left);
        self.put(RCX, right);
        match part {
            Product::Low => {
                self.imul(RAX, RCX);
                return RAX;
            }
            Product::HighUnsigned => self.wide(Wide::Multiply, RCX),
            Product::HighSigned => self.wide(Wide::MultiplySigned, RCX),
        }
        RDX
    }

    /// The register with a result of a division; goes to `leave` if the divisor is 0, or -1 where there are signs.
    pub fn divide(&mut self, result: Division, signed: bool, left: Operand, right: Operand, leave: Label) -> Reg {
        self.put(RAX, left);
        self.put(RCX, right);
        self.test(RCX, RCX);
        self.jump_if(Cc::Equal, leave);
        if signed {
            self.alu_imm(Alu::Cmp, RCX, u32::MAX);
            self.jump_if(Cc::Equal, leave);
            self.cdq();
        } else {
            self.mov_imm(RDX, 0);
        }
        self.wide(if signed { Wide::DivideSigned } else { Wide::Divide }, RCX);
        match result {
            Division::Quotient => RAX,
            Division::Remainder => RDX,
        }
    }

    /// Prepares [`Assembler::funnel`], before the other operands are known.
    pub fn funnel_amount(&mut self, amount: Operand) {
        self.put(RCX, amount);
    }

    /// The low word of `high:low` shifted right by the low six bits of the amount. `to` is scratch.
    pub fn funnel(&mut self, to: Reg, high: Operand, low: Operand, _amount: Operand) {
        const WORD: u8 = 32;
        self.put(to, high);
        if high != Operand::Imm(0) {
            self.shift_wide_imm(Shift::Left, to, WORD);
        }
        if low != Operand::Imm(0) {
            self.put(RDX, low);
            self.or_wide(to, RDX);
        }
        self.shift_wide(Shift::Right, to);
    }

    /// The number of leading zeros.
    pub fn leading_zeros(&mut self, to: Reg, from: Reg) {
        self.bit_scan_reverse(to, from);
        self.mov_imm(RDX, 63);
        self.cmov(Cc::Equal, to, RDX);
        self.alu_imm(Alu::Xor, to, 31);
    }

    /// Jumps if bit `bit % 64` of `value` is set.
    pub fn jump_if_bit(&mut self, value: Reg, bit: Reg, label: Label) {
        self.bit_test_wide(value, bit);
        self.jump_if(Cc::Below, label);
    }
}
