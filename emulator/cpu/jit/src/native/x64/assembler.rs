//! Encodings of the few x86-64 instructions that translated code consists of (*Intel 64 and IA-32 Architectures Software Developer's
//! Manual*, volume 2).
//!
//! Operations on registers are 32 bits wide unless the name says otherwise.

use crate::native::code::{Alu, Assembler, Cc, Code, Label, LoadKind, Patch, Place, Reg, Scalar, Shift, Stub};

pub(super) const RAX: Reg = Reg(0);
pub(super) const RCX: Reg = Reg(1);
pub(super) const RDX: Reg = Reg(2);
pub(super) const RBX: Reg = Reg(3);
pub(super) const RBP: Reg = Reg(5);
pub(super) const RSI: Reg = Reg(6);
pub(super) const RDI: Reg = Reg(7);
pub(super) const R8: Reg = Reg(8);
pub(super) const R9: Reg = Reg(9);
pub(super) const R10: Reg = Reg(10);
pub(super) const R11: Reg = Reg(11);
pub(super) const R12: Reg = Reg(12);
pub(super) const R13: Reg = Reg(13);
pub(super) const R14: Reg = Reg(14);
pub(super) const R15: Reg = Reg(15);

/// Operations on `edx:eax`, by their opcode extension.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wide {
    Multiply = 4,
    MultiplySigned = 5,
    Divide = 6,
    DivideSigned = 7,
}

/// The opcode extension of an operation.
fn alu(op: Alu) -> u8 {
    match op {
        Alu::Add => 0,
        Alu::Or => 1,
        Alu::And => 4,
        Alu::Sub => 5,
        Alu::Xor => 6,
        Alu::Cmp => 7,
    }
}

/// The opcode extension of a shift.
fn shift(op: Shift) -> u8 {
    match op {
        Shift::Left => 4,
        Shift::Right => 5,
        Shift::RightSigned => 7,
    }
}

/// The code of a condition.
fn condition(cc: Cc) -> u8 {
    match cc {
        Cc::Below => 2,
        Cc::AboveOrEqual => 3,
        Cc::Equal => 4,
        Cc::NotEqual => 5,
        Cc::BelowOrEqual => 6,
        Cc::Unordered => 10,
        Cc::Less => 12,
        Cc::GreaterOrEqual => 13,
    }
}

/// The displacement of a jump counts from behind it, and a word is as it is.
fn patch(code: &mut [u8], place: usize, patch: Patch) {
    let word = match patch {
        Patch::Distance(distance) => (distance - 4) as u32,
        Patch::Word(word) => word,
    };
    code[place..place + 4].copy_from_slice(&word.to_le_bytes());
}

/// Jumps are always of the long form.
impl Assembler {
    /// The code, for any engine.
    pub fn finish(self) -> Code {
        self.resolve(patch)
    }

    /// A word that depends on the engine.
    fn word(&mut self, place: Place) {
        self.note_place(place);
        self.imm32(0);
    }

    fn byte(&mut self, byte: u8) {
        self.code.push(byte);
    }

    fn imm32(&mut self, value: u32) {
        self.code.extend(value.to_le_bytes());
    }

    fn rex(&mut self, wide: bool, reg: u8, index: u8, base: u8, force: bool) {
        let rex = 0x40 | u8::from(wide) << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3;
        if rex != 0x40 || force {
            self.byte(rex);
        }
    }

    /// An instruction on two registers.
    fn registers(&mut self, wide: bool, opcode: &[u8], reg: u8, rm: Reg) {
        self.rex(wide, reg, 0, rm.0, false);
        self.code.extend(opcode);
        self.byte(0xC0 | (reg & 7) << 3 | rm.0 & 7);
    }

    /// An instruction on a register and memory at `base + displacement`.
    fn memory(&mut self, wide: bool, opcode: &[u8], reg: u8, base: Reg, displacement: i32) {
        self.rex(wide, reg, 0, base.0, false);
        self.code.extend(opcode);
        let short = i8::try_from(displacement).ok();
        self.byte(if short.is_some() { 0x40 } else { 0x80 } | (reg & 7) << 3 | base.0 & 7);
        if base.0 & 7 == 4 {
            self.byte(0x24);
        }
        match short {
            Some(displacement) => self.byte(displacement as u8),
            None => self.imm32(displacement as u32),
        }
    }

    /// An instruction on a register and memory at `base + (index << scale)`.
    fn indexed(&mut self, wide: bool, opcode: &[u8], reg: u8, memory: (Reg, Reg, u8), force: bool) {
        let (base, index, scale) = memory;
        self.rex(wide, reg, index.0, base.0, force);
        self.code.extend(opcode);
        self.byte(0x44 | (reg & 7) << 3);
        self.byte(scale << 6 | (index.0 & 7) << 3 | base.0 & 7);
        self.byte(0);
    }

    /// Compares a register with the word at `base + (index << scale)`.
    pub fn cmp_indexed(&mut self, left: Reg, base: Reg, index: Reg, scale: u8) {
        self.indexed(false, &[0x3B], left.0, (base, index, scale), false);
    }

    pub fn push(&mut self, reg: Reg) {
        self.rex(false, 0, 0, reg.0, false);
        self.byte(0x50 | reg.0 & 7);
    }

    pub fn pop(&mut self, reg: Reg) {
        self.rex(false, 0, 0, reg.0, false);
        self.byte(0x58 | reg.0 & 7);
    }

    pub fn ret(&mut self) {
        self.byte(0xC3);
    }

    pub fn mov(&mut self, to: Reg, from: Reg) {
        if to != from {
            self.registers(false, &[0x89], from.0, to);
        }
    }

    pub fn mov_wide(&mut self, to: Reg, from: Reg) {
        self.registers(true, &[0x89], from.0, to);
    }

    pub fn mov_imm(&mut self, to: Reg, value: u32) {
        self.rex(false, 0, 0, to.0, false);
        self.byte(0xB8 | to.0 & 7);
        self.imm32(value);
    }

    pub fn load(&mut self, to: Reg, base: Reg, displacement: i32) {
        self.memory(false, &[0x8B], to.0, base, displacement);
    }

    pub fn load_wide(&mut self, to: Reg, base: Reg, displacement: i32) {
        self.memory(true, &[0x8B], to.0, base, displacement);
    }

    pub fn store(&mut self, base: Reg, displacement: i32, from: Reg) {
        self.memory(false, &[0x89], from.0, base, displacement);
    }

    pub fn store_imm(&mut self, base: Reg, displacement: i32, value: u32) {
        self.memory(false, &[0xC7], 0, base, displacement);
        self.imm32(value);
    }

    /// Adds one to the doubleword at `base` that the tally counts in which is the operation with this number.
    pub fn count(&mut self, base: Reg, tally: u32) {
        self.rex(true, 0, 0, base.0, false);
        self.code.extend([0xFF, 0x80 | base.0 & 7]);
        self.word(Place::Tally(tally));
    }

    /// The tag of the block, or of the one that the operation with this number joins to it.
    pub fn mov_tag(&mut self, to: Reg, joined: Option<u32>) {
        self.rex(false, 0, 0, to.0, false);
        self.byte(0xB8 | to.0 & 7);
        self.word(Place::Tag(joined));
    }

    pub fn alu(&mut self, op: Alu, to: Reg, from: Reg) {
        self.registers(false, &[alu(op) << 3 | 1], from.0, to);
    }

    pub fn alu_imm(&mut self, op: Alu, to: Reg, value: u32) {
        match i8::try_from(value as i32) {
            Ok(short) => {
                self.registers(false, &[0x83], alu(op), to);
                self.byte(short as u8);
            }
            Err(_) => {
                self.registers(false, &[0x81], alu(op), to);
                self.imm32(value);
            }
        }
    }

    pub fn cmp_memory_imm(&mut self, base: Reg, displacement: i32, value: u32) {
        self.memory(false, &[0x81], alu(Alu::Cmp), base, displacement);
        self.imm32(value);
    }

    /// Compares with zero.
    pub fn cmp_zero(&mut self, left: Reg) {
        self.test(left, left);
    }

    pub fn test(&mut self, left: Reg, right: Reg) {
        self.registers(false, &[0x85], right.0, left);
    }

    pub fn test_wide(&mut self, left: Reg, right: Reg) {
        self.registers(true, &[0x85], right.0, left);
    }

    pub fn test_imm(&mut self, left: Reg, value: u32) {
        self.registers(false, &[0xF7], 0, left);
        self.imm32(value);
    }

    /// Tests bits of the byte at `base + (index << scale)`.
    pub fn test_byte_indexed(&mut self, base: Reg, index: Reg, scale: u8, bits: u8) {
        self.indexed(false, &[0xF6], 0, (base, index, scale), false);
        self.byte(bits);
    }

    /// Shifts by the low five bits of `ecx`.
    pub fn shift(&mut self, op: Shift, to: Reg) {
        self.registers(false, &[0xD3], shift(op), to);
    }

    /// Shifts by the low six bits of `ecx`.
    pub fn shift_wide(&mut self, op: Shift, to: Reg) {
        self.registers(true, &[0xD3], shift(op), to);
    }

    pub fn shift_imm(&mut self, op: Shift, to: Reg, amount: u8) {
        self.registers(false, &[0xC1], shift(op), to);
        self.byte(amount);
    }

    pub fn shift_wide_imm(&mut self, op: Shift, to: Reg, amount: u8) {
        self.registers(true, &[0xC1], shift(op), to);
        self.byte(amount);
    }

    pub fn or_wide(&mut self, to: Reg, from: Reg) {
        self.registers(true, &[0x09], from.0, to);
    }

    pub fn add_wide(&mut self, to: Reg, from: Reg) {
        self.registers(true, &[0x01], from.0, to);
    }

    /// Sign-extends a word to a double word.
    pub fn extend_wide(&mut self, to: Reg, from: Reg) {
        self.registers(true, &[0x63], to.0, from);
    }

    pub fn imul(&mut self, to: Reg, from: Reg) {
        self.registers(false, &[0x0F, 0xAF], to.0, from);
    }

    pub(super) fn wide(&mut self, op: Wide, by: Reg) {
        self.registers(false, &[0xF7], op as u8, by);
    }

    /// Sign-extends `eax` into `edx`.
    pub fn cdq(&mut self) {
        self.byte(0x99);
    }

    /// Index of the highest set bit; the zero flag says that there is none.
    pub fn bit_scan_reverse(&mut self, to: Reg, from: Reg) {
        self.registers(false, &[0x0F, 0xBD], to.0, from);
    }

    /// Index of the lowest set bit, of which there is one: `tzcnt`, which is `bsf` to older processors and takes longer there.
    pub fn lowest_bit(&mut self, to: Reg, from: Reg) {
        self.byte(0xF3);
        self.registers(false, &[0x0F, 0xBC], to.0, from);
    }

    /// Bit `bit % 64` of `value` into the carry flag.
    pub fn bit_test_wide(&mut self, value: Reg, bit: Reg) {
        self.registers(true, &[0x0F, 0xA3], bit.0, value);
    }

    /// `to = base + displacement`
    pub fn lea(&mut self, to: Reg, base: Reg, displacement: u32) {
        self.memory(false, &[0x8D], to.0, base, displacement as i32);
    }

    /// `to = left + right`
    pub fn lea_sum(&mut self, to: Reg, left: Reg, right: Reg) {
        self.indexed(false, &[0x8D], to.0, (left, right, 0), false);
    }

    pub fn load_indexed(&mut self, kind: LoadKind, to: Reg, base: Reg, index: Reg) {
        let opcode: &[u8] = match kind {
            LoadKind::Byte => &[0x0F, 0xB6],
            LoadKind::ByteSigned => &[0x0F, 0xBE],
            LoadKind::Half => &[0x0F, 0xB7],
            LoadKind::HalfSigned => &[0x0F, 0xBF],
            LoadKind::Word => &[0x8B],
        };
        self.indexed(false, opcode, to.0, (base, index, 0), false);
    }

    pub fn load_wide_indexed(&mut self, to: Reg, base: Reg, index: Reg, scale: u8) {
        self.indexed(true, &[0x8B], to.0, (base, index, scale), false);
    }

    /// `to = base + (index << scale)`, an address of the host.
    pub fn lea_indexed(&mut self, to: Reg, base: Reg, index: Reg, scale: u8) {
        self.indexed(true, &[0x8D], to.0, (base, index, scale), false);
    }

    /// Stores the low `bytes` bytes of `from`.
    pub fn store_indexed(&mut self, bytes: u32, base: Reg, index: Reg, from: Reg) {
        match bytes {
            1 => self.indexed(false, &[0x88], from.0, (base, index, 0), true),
            2 => {
                self.byte(0x66);
                self.indexed(false, &[0x89], from.0, (base, index, 0), false);
            }
            _ => self.indexed(false, &[0x89], from.0, (base, index, 0), false),
        }
    }

    pub fn move_to_vector(&mut self, number: u8, from: Reg) {
        self.byte(0x66);
        self.registers(false, &[0x0F, 0x6E], number, from);
    }

    pub fn move_from_vector(&mut self, to: Reg, number: u8) {
        self.byte(0x66);
        self.registers(false, &[0x0F, 0x7E], number, to);
    }

    /// An operation on two vector registers below 8.
    pub fn scalar(&mut self, op: Scalar, to: u8, from: u8) {
        let opcode = match op {
            Scalar::Add => 0x58,
            Scalar::Multiply => 0x59,
            Scalar::Sub => 0x5C,
        };
        self.byte(0xF3);
        self.registers(false, &[0x0F, opcode], to, Reg(from));
    }

    /// `xmm0 = xmm0 + xmm1 * xmm2`, or minus, with one rounding.
    pub fn multiply_add(&mut self, negate: bool) {
        self.code.extend([0xC4, 0xE2, 0x71, if negate { 0xBD } else { 0xB9 }, 0xC2]);
    }

    /// The parity flag says that one is no number; else the flags are those of a comparison without signs.
    pub fn compare_scalars(&mut self, left: u8, right: u8) {
        self.registers(false, &[0x0F, 0x2E], left, Reg(right));
    }

    pub fn convert_to_signed(&mut self, to: Reg, from: u8, nearest: bool) {
        self.byte(0xF3);
        self.registers(false, &[0x0F, if nearest { 0x2D } else { 0x2C }], to.0, Reg(from));
    }

    /// Converts a word, or a double word, with a sign.
    pub fn convert_to_scalar(&mut self, to: u8, from: Reg, wide: bool) {
        self.byte(0xF3);
        self.registers(wide, &[0x0F, 0x2A], to, from);
    }

    /// `to = base + index + displacement`, an address of the host.
    pub fn lea_wide(&mut self, to: Reg, base: Reg, index: Reg, displacement: i32) {
        self.rex(true, to.0, index.0, base.0, false);
        self.byte(0x8D);
        self.byte(0x84 | (to.0 & 7) << 3);
        self.byte((index.0 & 7) << 3 | base.0 & 7);
        self.imm32(displacement as u32);
    }

    pub fn set(&mut self, cc: Cc, to: Reg) {
        self.rex(false, 0, 0, to.0, true);
        self.code.extend([0x0F, 0x90 | condition(cc)]);
        self.byte(0xC0 | to.0 & 7);
        self.rex(false, to.0, 0, to.0, true);
        self.code.extend([0x0F, 0xB6]);
        self.byte(0xC0 | (to.0 & 7) << 3 | to.0 & 7);
    }

    pub fn cmov(&mut self, cc: Cc, to: Reg, from: Reg) {
        self.registers(false, &[0x0F, 0x40 | condition(cc)], to.0, from);
    }

    pub fn jump(&mut self, label: Label) {
        self.byte(0xE9);
        self.note_jump(label);
        self.imm32(0);
    }

    pub fn jump_if(&mut self, cc: Cc, label: Label) {
        self.code.extend([0x0F, 0x80 | condition(cc)]);
        self.note_jump(label);
        self.imm32(0);
    }

    /// Calls shared code, within 2 GiB.
    pub fn call(&mut self, stub: Stub) {
        self.byte(0xE8);
        self.word(Place::Stub(stub));
    }

    /// Jumps to shared code, within 2 GiB.
    pub fn jump_to(&mut self, stub: Stub) {
        self.byte(0xE9);
        self.word(Place::Stub(stub));
    }

    pub fn jump_register(&mut self, to: Reg) {
        self.registers(false, &[0xFF], 4, to);
    }

    pub fn jump_memory(&mut self, base: Reg, displacement: i32) {
        self.memory(false, &[0xFF], 4, base, displacement);
    }

    pub fn call_memory(&mut self, base: Reg, displacement: i32) {
        self.memory(false, &[0xFF], 2, base, displacement);
    }

    /// Jumps to where the cell of a guest address leads, in the list of cells at `base`.
    pub fn jump_cell(&mut self, base: Reg, target: u32) {
        self.rex(false, 0, 0, base.0, false);
        self.code.extend([0xFF, 0x80 | 4 << 3 | base.0 & 7]);
        self.word(Place::Cell(target));
    }
}
