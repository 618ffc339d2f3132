//! Accesses to memory and to registers of devices.

use espalier_core::{CODE_PAGE, CacheLines, SteadyWords};

use super::code::{Alu, Cc, Label, LoadKind, Operand, Reg, Shift, Stub};
use super::context::{
    BLOCK, DATA_VERSIONS, LOOKED, NEEDED, NEWER_LINES, OLDER_LINES, PAGES, REFUSED, STEADY, VALUE, WORDS,
};
use super::detour::{Detour, Word};
use super::emit::{Emitter, Way};
use super::host::{A, B, C, CONTEXT, DATA, ROOM};
use crate::ir::{Value, Width};

const PAGE_SHIFT: u8 = CODE_PAGE.trailing_zeros() as u8;
const TABLE_PAGE_SHIFT: u8 = 16;
/// Bit of a version: code was decoded from the page.
const DECODED: u8 = 1;
/// Bytes of an entry of the table of pages.
const ENTRY_SHIFT: u8 = 3;

impl Emitter<'_> {
    /// `base + offset` in `to`.
    pub(super) fn address(&mut self, base: Value, offset: u32, to: Reg) {
        match self.value(base) {
            Operand::Reg(base) => self.asm.lea(to, base, offset),
            Operand::Imm(base) => self.asm.mov_imm(to, base.wrapping_add(offset)),
        }
    }

    pub(super) fn load(&mut self, to: u16, kind: LoadKind, width: Width, (base, offset): (Value, u32), last: bool) {
        let layout = *self.layout;
        if let (Value::Imm(base), Width::Word) = (base, width)
            && let Some(place) = layout.words.offset(base.wrapping_add(offset), 4)
            && place % 4 == 0
        {
            self.asm.load_wide(B, CONTEXT, WORDS);
            let reg = self.cache.reserve(&mut self.asm, to);
            self.asm.load(reg, B, place as i32);
            return self.cache.written(to);
        }
        self.address(base, offset.wrapping_sub(layout.data.base), A);
        let reg = self.cache.reserve(&mut self.asm, to);
        let leave = self.hand_over();
        self.asm.alu_imm(Alu::Cmp, A, (layout.data.size + 1).saturating_sub(width.bytes()));
        let resume = self.asm.label();
        // Only a word of an instruction can be steady.
        let label = self.asm.label();
        self.asm.jump_if(Cc::AboveOrEqual, label);
        self.asm.load_indexed(kind, reg, DATA, A);
        self.asm.bind(resume);
        self.cache.written(to);
        let word = self.word(width, last);
        self.detours.push(Detour::Elsewhere { label, resume, leave, to: reg, kind, width, word });
    }

    pub(super) fn store(&mut self, from: Value, width: Width, (base, offset): (Value, u32), last: bool) {
        let layout = *self.layout;
        let from = self.value(from);
        self.address(base, offset.wrapping_sub(layout.data.base), A);
        let leave = self.hand_over();
        self.asm.alu_imm(Alu::Cmp, A, (layout.data.size + 1).saturating_sub(width.bytes()));
        let done = match self.word(width, last) {
            Some(word @ Word { behind: Some(_), .. }) => {
                let (label, resume) = (self.asm.label(), self.asm.label());
                self.asm.jump_if(Cc::AboveOrEqual, label);
                self.detours.push(Detour::Outside { label, resume, leave, from, word });
                Some(resume)
            }
            _ => {
                self.asm.jump_if(Cc::AboveOrEqual, leave);
                None
            }
        };
        if layout.versioned_from < layout.data.size {
            let (label, resume) = (self.asm.label(), self.asm.label());
            self.asm.alu_imm(Alu::Cmp, A, (layout.versioned_from + 1).saturating_sub(width.bytes()));
            self.asm.jump_if(Cc::AboveOrEqual, label);
            self.asm.bind(resume);
            self.detours.push(Detour::Versioned { label, resume, leave, width });
        }
        let from = match from {
            Operand::Reg(reg) => reg,
            Operand::Imm(value) => {
                self.asm.mov_imm(C, value);
                C
            }
        };
        self.asm.store_indexed(width.bytes(), DATA, A, from);
        done.into_iter().for_each(|label| self.asm.bind(label));
    }

    /// The present instruction, which has done its work, if it accesses a whole word.
    fn word(&mut self, width: Width, last: bool) -> Option<Word> {
        let index = self.index.filter(|_| width == Width::Word)?;
        let reaches = last && self.layout.registers.size > 0;
        let behind = reaches.then(|| self.leave(Way::Interpret { part: self.part, index: index + 1 }));
        let needed = self.part.count - self.cycle;
        Some(Word { before: self.part.before + self.cycle, needed, block: self.part.address, behind })
    }

    pub(super) fn detour(&mut self, detour: Detour) {
        match detour {
            // `A` is the distance from the data window.
            Detour::Elsewhere { label, resume, leave, to, kind, width, word } => {
                self.asm.bind(label);
                let other = word.map_or(leave, |_| self.asm.label());
                self.asm.lea(B, A, self.layout.data.base.wrapping_sub(self.layout.paged.base));
                self.asm.alu_imm(Alu::Cmp, B, self.layout.paged.size);
                self.asm.jump_if(Cc::AboveOrEqual, other);
                if width != Width::Byte {
                    self.asm.test_imm(B, width.bytes() - 1);
                    self.asm.jump_if(Cc::NotEqual, leave);
                }
                if self.layout.cached {
                    self.leave_without_line(leave);
                }
                self.asm.mov(A, B);
                self.asm.shift_imm(Shift::Right, A, TABLE_PAGE_SHIFT);
                self.asm.load_wide(C, CONTEXT, PAGES);
                self.asm.load_wide_indexed(C, C, A, ENTRY_SHIFT);
                self.asm.alu_imm(Alu::And, B, (1 << TABLE_PAGE_SHIFT) - 1);
                self.asm.test_wide(C, C);
                self.asm.jump_if(Cc::Equal, leave);
                self.asm.load_indexed(kind, to, C, B);
                self.asm.jump(resume);
                if let Some(word) = word {
                    self.asm.bind(other);
                    let Some(behind) = word.behind else {
                        self.steady(to, leave, word.before);
                        return self.asm.jump(resume);
                    };
                    let register = self.asm.label();
                    self.steady(to, register, word.before);
                    self.asm.jump(resume);
                    self.asm.bind(register);
                    self.asm.mov(A, C);
                    self.reach(leave, word, false);
                    self.asm.alu_imm(Alu::Cmp, A, REFUSED);
                    self.asm.jump_if(Cc::Equal, leave);
                    self.asm.load(to, CONTEXT, VALUE);
                    self.asm.cmp_zero(A);
                    self.asm.jump_if(Cc::Equal, resume);
                    self.asm.jump(behind);
                }
            }
            Detour::Outside { label, resume, leave, from, word } => {
                self.asm.bind(label);
                self.asm.lea(A, A, self.layout.data.base);
                self.asm.put(C, from);
                self.reach(leave, word, true);
                self.asm.cmp_zero(A);
                self.asm.jump_if(Cc::Equal, resume);
                self.asm.alu_imm(Alu::Cmp, A, REFUSED);
                self.asm.jump_if(Cc::Equal, leave);
                word.behind.into_iter().for_each(|behind| self.asm.jump(behind));
            }
            Detour::Wrap { label, resume } => {
                self.asm.bind(label);
                self.asm.call(Stub::Wrap);
                self.asm.jump(resume);
            }
            Detour::Versioned { label, resume, leave, width } => {
                self.asm.bind(label);
                if width != Width::Byte {
                    self.asm.test_imm(A, width.bytes() - 1);
                    self.asm.jump_if(Cc::NotEqual, leave);
                }
                self.asm.lea(B, A, 0u32.wrapping_sub(self.layout.versioned_from));
                self.asm.shift_imm(Shift::Right, B, PAGE_SHIFT);
                self.asm.load_wide(C, CONTEXT, DATA_VERSIONS);
                self.asm.test_byte_indexed(C, B, 2, DECODED);
                self.asm.jump_if(Cc::NotEqual, leave);
                self.asm.jump(resume);
            }
        }
    }

    /// Leaves unless the line is in the cache at `B` in the memory that is read by pages.
    fn leave_without_line(&mut self, leave: Label) {
        const WORD_SHIFT: u8 = 2;
        let there = self.asm.label();
        self.asm.push(B);
        self.asm.lea(C, B, self.layout.paged.base);
        self.asm.shift_imm(Shift::Right, C, CacheLines::LINE.trailing_zeros() as u8);
        self.asm.mov(B, C);
        self.asm.alu_imm(Alu::And, B, CacheLines::sets() - 1);
        self.asm.load_wide(A, CONTEXT, NEWER_LINES);
        self.asm.cmp_indexed(C, A, B, WORD_SHIFT);
        self.asm.jump_if(Cc::Equal, there);
        self.asm.load_wide(A, CONTEXT, OLDER_LINES);
        self.asm.cmp_indexed(C, A, B, WORD_SHIFT);
        self.asm.bind(there);
        // The flags stay as they are.
        self.asm.pop(B);
        self.asm.jump_if(Cc::NotEqual, leave);
    }

    /// Asks for the register at the address in `A`, with the value for it in `C`. `A` says how that went.
    fn reach(&mut self, leave: Label, word: Word, stores: bool) {
        let registers = self.layout.registers;
        self.asm.lea(B, A, 0u32.wrapping_sub(registers.base));
        self.asm.alu_imm(Alu::Cmp, B, registers.size);
        self.asm.jump_if(Cc::AboveOrEqual, leave);
        self.asm.test_imm(B, 3);
        self.asm.jump_if(Cc::NotEqual, leave);
        self.asm.mov_imm(B, 2 * word.before + u32::from(stores));
        self.asm.store_imm(CONTEXT, BLOCK, word.block);
        self.asm.store_imm(CONTEXT, NEEDED, word.needed);
        self.asm.call(Stub::Reach);
    }

    /// Loads a word of a register that reads as it did, or goes to `other` with its address in `C`. `A` is the distance from the data window.
    fn steady(&mut self, to: Reg, other: Label, index: u32) {
        const PAIR_SHIFT: u8 = 3;
        self.asm.lea(C, A, self.layout.data.base);
        self.asm.mov(B, C);
        self.asm.shift_imm(Shift::Right, B, 2);
        self.asm.alu_imm(Alu::And, B, SteadyWords::COUNT as u32 - 1);
        self.asm.load_wide(A, CONTEXT, STEADY);
        self.asm.cmp_indexed(C, A, B, PAIR_SHIFT);
        self.asm.jump_if(Cc::NotEqual, other);
        // The value follows the address.
        self.asm.lea_indexed(A, A, B, PAIR_SHIFT);
        self.asm.load(to, A, 4);
        self.asm.mov(B, ROOM);
        self.asm.alu_imm(Alu::Sub, B, index);
        self.asm.store(CONTEXT, LOOKED, B);
    }
}
