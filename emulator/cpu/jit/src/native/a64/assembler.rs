//! Encodings of the few AArch64 instructions that translated code consists of (*Arm Architecture Reference Manual for A-profile*, "A64
//! Base Instruction Descriptions" and "A64 Advanced SIMD and Floating-point Instruction Descriptions").
//!
//! Operations on registers are 32 bits wide unless the name says otherwise; they clear the upper half.

use crate::native::code::{Alu, Assembler, Cc, Code, Label, LoadKind, Patch, Place, Reg, Scalar, Shift, Stub};

/// Scratch of single operations here, which the translation does not use.
pub(super) const FAR: Reg = Reg(16);
pub(super) const CONSTANT: Reg = Reg(17);
/// The register of zeros, where it is not the stack pointer.
pub(super) const ZERO: Reg = Reg(31);
pub(super) const STACK: Reg = Reg(31);
/// Bit of an instruction: it works on double words.
pub(super) const WIDE: u32 = 1 << 31;

/// The instruction for an operation on two registers; a comparison also needs [`ZERO`] as its target.
fn alu(op: Alu) -> u32 {
    match op {
        Alu::Add => 0x0B00_0000,
        Alu::Or => 0x2A00_0000,
        Alu::And => 0x0A00_0000,
        Alu::Sub => 0x4B00_0000,
        Alu::Xor => 0x4A00_0000,
        Alu::Cmp => 0x6B00_0000,
    }
}

/// The code of a condition.
pub(super) fn condition(cc: Cc) -> u32 {
    match cc {
        Cc::Equal => 0,
        Cc::NotEqual => 1,
        Cc::AboveOrEqual => 2,
        Cc::Below => 3,
        Cc::Unordered => 6,
        Cc::BelowOrEqual => 9,
        Cc::GreaterOrEqual => 10,
        Cc::Less => 11,
    }
}

/// The code of the condition that one of floating-point numbers is no such number does not hold.
pub(super) const ORDERED: u32 = 7;

/// The fields `N`, `immr` and `imms` of a word as operations on bits take it: a run of ones, rotated, in elements of 2 to 32 bits that
/// repeat. Not every word is one.
fn bits(value: u32) -> Option<u32> {
    if value == 0 || value == u32::MAX {
        return None;
    }
    let mut size = 32;
    while size > 2 && value.rotate_right(size / 2) == value {
        size /= 2;
    }
    let mask = u32::MAX >> (32 - size);
    let element = value & mask;
    let ones = element.count_ones();
    let run = u32::MAX >> (32 - ones);
    // The distance by which the run is rotated right within its element.
    let rotation = (0..size).find(|by| (run >> by | run << (size - by) % 32) & mask == element)?;
    let length = (!(size * 2 - 1) & 0x3f) | (ones - 1);
    Some(rotation << 16 | length << 10)
}

/// Jumps count from themselves, in instructions; a word is in a pair of moves.
fn patch(code: &mut [u8], place: usize, patch: Patch) {
    let mut change = |place: usize, field: u32| {
        let bytes: &mut [u8] = &mut code[place..place + 4];
        let instruction = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) | field;
        bytes.copy_from_slice(&instruction.to_le_bytes());
        instruction
    };
    match patch {
        Patch::Distance(distance) => {
            let distance = distance >> 2;
            let conditional = change(place, 0) >> 24 == JUMP_IF >> 24;
            let (width, shift) = if conditional { (19, 5) } else { (26, 0) };
            assert!((-1 << (width - 1)..1 << (width - 1)).contains(&distance), "a jump within the code of a block");
            change(place, (distance as u32 & ((1 << width) - 1)) << shift);
        }
        Patch::Word(word) => {
            change(place, (word & 0xffff) << 5);
            change(place + 4, word >> 16 << 5);
        }
    }
}

const JUMP: u32 = 0x1400_0000;
const CALL: u32 = 0x9400_0000;
const JUMP_IF: u32 = 0x5400_0000;
const MOVZ: u32 = 0x5280_0000;
const MOVN: u32 = 0x1280_0000;
const MOVK: u32 = 0x7280_0000;
/// Bit of a move: it is for the upper half of the word.
const UPPER: u32 = 1 << 21;

/// An access of memory.
#[derive(Clone, Copy, Debug)]
struct Access {
    /// The instruction with a displacement in units of the size.
    scaled: u32,
    /// The instruction with an index that is a word without a sign.
    indexed: u32,
    /// Bytes, as a shift.
    size: u8,
}

const LOAD: Access = Access { scaled: 0xB940_0000, indexed: 0xB860_4800, size: 2 };
const STORE: Access = Access { scaled: 0xB900_0000, indexed: 0xB820_4800, size: 2 };
const LOAD_WIDE: Access = Access { scaled: 0xF940_0000, indexed: 0xF860_4800, size: 3 };
const STORE_WIDE: Access = Access { scaled: 0xF900_0000, indexed: 0xF820_4800, size: 3 };

impl Assembler {
    /// The code, for any engine.
    pub fn finish(self) -> Code {
        self.resolve(patch)
    }

    pub(super) fn instruction(&mut self, instruction: u32) {
        self.code.extend(instruction.to_le_bytes());
    }

    /// An instruction with one operand.
    pub(super) fn one(&mut self, instruction: u32, to: Reg, from: Reg) {
        self.instruction(instruction | u32::from(from.0) << 5 | u32::from(to.0));
    }

    /// An instruction with two operands.
    pub(super) fn two(&mut self, instruction: u32, to: Reg, left: Reg, right: Reg) {
        self.one(instruction | u32::from(right.0) << 16, to, left);
    }

    /// An instruction with three operands.
    pub(super) fn three(&mut self, instruction: u32, to: Reg, left: Reg, right: Reg, third: Reg) {
        self.two(instruction | u32::from(third.0) << 10, to, left, right);
    }

    /// An access at `base + displacement`.
    fn memory(&mut self, access: Access, reg: u8, base: Reg, displacement: i32) {
        let displacement = displacement as u32;
        let units = displacement >> access.size;
        if units << access.size == displacement && units < 1 << 12 {
            self.one(access.scaled | units << 10, Reg(reg), base);
        } else {
            self.mov_imm(FAR, displacement);
            self.two(access.indexed, Reg(reg), base, FAR);
        }
    }

    /// Saves a register for a while.
    pub fn push(&mut self, reg: Reg) {
        const STORE_BEFORE: u32 = 0xF800_0C00;
        const LESS_16: u32 = (-16i32 as u32 & 0x1ff) << 12;
        self.one(STORE_BEFORE | LESS_16, reg, STACK);
    }

    pub fn pop(&mut self, reg: Reg) {
        const LOAD_BEHIND: u32 = 0xF840_0400;
        const PLUS_16: u32 = 16 << 12;
        self.one(LOAD_BEHIND | PLUS_16, reg, STACK);
    }

    pub fn ret(&mut self) {
        self.instruction(0xD65F_03C0);
    }

    pub fn mov(&mut self, to: Reg, from: Reg) {
        if to != from {
            self.two(alu(Alu::Or), to, ZERO, from);
        }
    }

    pub fn mov_wide(&mut self, to: Reg, from: Reg) {
        self.two(alu(Alu::Or) | WIDE, to, ZERO, from);
    }

    pub fn mov_imm(&mut self, to: Reg, value: u32) {
        let (low, high) = (value & 0xffff, value >> 16);
        match (low, high) {
            (_, 0) => self.one(MOVZ | low << 5, to, Reg(0)),
            (0, _) => self.one(MOVZ | UPPER | high << 5, to, Reg(0)),
            (_, 0xffff) => self.one(MOVN | (!low & 0xffff) << 5, to, Reg(0)),
            (0xffff, _) => self.one(MOVN | UPPER | (!high & 0xffff) << 5, to, Reg(0)),
            _ => {
                if let Some(bits) = bits(value) {
                    return self.one(0x3200_0000 | bits, to, ZERO);
                }
                self.one(MOVZ | low << 5, to, Reg(0));
                self.one(MOVK | UPPER | high << 5, to, Reg(0));
            }
        }
    }

    /// A word that depends on the engine, into a register.
    fn mov_word(&mut self, to: Reg, place: Place) {
        self.note_place(place);
        self.one(MOVZ, to, Reg(0));
        self.one(MOVK | UPPER, to, Reg(0));
    }

    pub fn load(&mut self, to: Reg, base: Reg, displacement: i32) {
        self.memory(LOAD, to.0, base, displacement);
    }

    pub fn load_wide(&mut self, to: Reg, base: Reg, displacement: i32) {
        self.memory(LOAD_WIDE, to.0, base, displacement);
    }

    pub fn store(&mut self, base: Reg, displacement: i32, from: Reg) {
        self.memory(STORE, from.0, base, displacement);
    }

    pub fn store_imm(&mut self, base: Reg, displacement: i32, value: u32) {
        self.mov_imm(CONSTANT, value);
        self.store(base, displacement, CONSTANT);
    }

    /// Adds one to the doubleword at `base` that the tally counts in which is the operation with this number.
    pub fn count(&mut self, base: Reg, tally: u32) {
        self.mov_word(FAR, Place::Tally(tally));
        self.two(LOAD_WIDE.indexed, CONSTANT, base, FAR);
        self.one(0x1100_0000 | WIDE | 1 << 10, CONSTANT, CONSTANT);
        self.two(STORE_WIDE.indexed, CONSTANT, base, FAR);
    }

    /// The tag of the block, or of the one that the operation with this number joins to it.
    pub fn mov_tag(&mut self, to: Reg, joined: Option<u32>) {
        self.mov_word(to, Place::Tag(joined));
    }

    /// `to = left op right`
    pub(super) fn alu_to(&mut self, op: Alu, to: Reg, left: Reg, right: Reg) {
        self.two(alu(op), if matches!(op, Alu::Cmp) { ZERO } else { to }, left, right);
    }

    /// `to = left op value`
    pub(super) fn alu_imm_to(&mut self, op: Alu, to: Reg, left: Reg, value: u32) {
        const ADD: u32 = 0x1100_0000;
        const SUB: u32 = 0x5100_0000;
        /// Bit of an instruction: it sets the flags.
        const FLAGS: u32 = 1 << 29;
        let twelve = |value: u32| match value {
            0..=0xfff => Some(value << 10),
            _ if value & 0xfff == 0 && value < 1 << 24 => Some(1 << 22 | value >> 12 << 10),
            _ => None,
        };
        let (instruction, field, to) = match op {
            Alu::And => (0x1200_0000, bits(value), to),
            Alu::Or => (0x3200_0000, bits(value), to),
            Alu::Xor => (0x5200_0000, bits(value), to),
            Alu::Add | Alu::Sub | Alu::Cmp => {
                // Adding the opposite sets the same flags, but where there is none: 0 and the lowest number.
                let opposite = twelve(value).is_none();
                let adds = matches!(op, Alu::Add) != opposite;
                let to = if matches!(op, Alu::Cmp) { ZERO } else { to };
                let flags = if matches!(op, Alu::Cmp) { FLAGS } else { 0 };
                let field = if opposite { twelve(value.wrapping_neg()) } else { twelve(value) };
                (if adds { ADD } else { SUB } | flags, field, to)
            }
        };
        match field {
            Some(field) => self.one(instruction | field, to, left),
            None => {
                self.mov_imm(CONSTANT, value);
                self.alu_to(op, to, left, CONSTANT);
            }
        }
    }

    pub fn alu(&mut self, op: Alu, to: Reg, from: Reg) {
        self.alu_to(op, to, to, from);
    }

    pub fn alu_imm(&mut self, op: Alu, to: Reg, value: u32) {
        self.alu_imm_to(op, to, to, value);
    }

    /// Compares with zero.
    pub fn cmp_zero(&mut self, left: Reg) {
        self.alu_imm(Alu::Cmp, left, 0);
    }

    pub fn cmp_memory_imm(&mut self, base: Reg, displacement: i32, value: u32) {
        self.memory(LOAD, FAR.0, base, displacement);
        self.alu_imm(Alu::Cmp, FAR, value);
    }

    /// Compares a register with the word at `base + (index << scale)`.
    pub fn cmp_indexed(&mut self, left: Reg, base: Reg, index: Reg, scale: u8) {
        self.lea_indexed(FAR, base, index, scale);
        self.load(FAR, FAR, 0);
        self.alu(Alu::Cmp, left, FAR);
    }

    /// Whether some bit is set in both.
    pub fn test(&mut self, left: Reg, right: Reg) {
        self.two(0x6A00_0000, ZERO, left, right);
    }

    pub fn test_wide(&mut self, left: Reg, right: Reg) {
        self.two(0x6A00_0000 | WIDE, ZERO, left, right);
    }

    pub fn test_imm(&mut self, left: Reg, value: u32) {
        match bits(value) {
            Some(bits) => self.one(0x7200_0000 | bits, ZERO, left),
            None => {
                self.mov_imm(CONSTANT, value);
                self.test(left, CONSTANT);
            }
        }
    }

    /// Tests bits of the byte at `base + (index << scale)`.
    pub fn test_byte_indexed(&mut self, base: Reg, index: Reg, scale: u8, bits: u8) {
        const LOAD_BYTE: u32 = 0x3940_0000;
        self.lea_indexed(FAR, base, index, scale);
        self.one(LOAD_BYTE, FAR, FAR);
        self.test_imm(FAR, u32::from(bits));
    }

    /// `to = left op right`, by the low five bits of `right`, or six of a double word.
    pub(super) fn shift_to(&mut self, op: Shift, width: u32, to: Reg, left: Reg, right: Reg) {
        let instruction = match op {
            Shift::Left => 0x1AC0_2000,
            Shift::Right => 0x1AC0_2400,
            Shift::RightSigned => 0x1AC0_2800,
        };
        self.two(instruction | width, to, left, right);
    }

    /// `to = left op amount` for less than 32.
    pub(super) fn shift_imm_to(&mut self, op: Shift, to: Reg, left: Reg, amount: u8) {
        let amount = u32::from(amount);
        let (instruction, first, last) = match op {
            Shift::Left => (0x5300_0000, (32 - amount) % 32, 31 - amount),
            Shift::Right => (0x5300_0000, amount, 31),
            Shift::RightSigned => (0x1300_0000, amount, 31),
        };
        self.one(instruction | first << 16 | last << 10, to, left);
    }

    pub fn shift_imm(&mut self, op: Shift, to: Reg, amount: u8) {
        self.shift_imm_to(op, to, to, amount);
    }

    pub fn add_wide(&mut self, to: Reg, from: Reg) {
        self.two(alu(Alu::Add) | WIDE, to, to, from);
    }

    /// Sign-extends a word to a double word.
    pub fn extend_wide(&mut self, to: Reg, from: Reg) {
        self.one(0x9340_7C00, to, from);
    }

    /// `to = base + displacement`
    pub fn lea(&mut self, to: Reg, base: Reg, displacement: u32) {
        self.alu_imm_to(Alu::Add, to, base, displacement);
    }

    pub fn load_indexed(&mut self, kind: LoadKind, to: Reg, base: Reg, index: Reg) {
        let instruction = match kind {
            LoadKind::Byte => 0x3860_4800,
            LoadKind::ByteSigned => 0x38E0_4800,
            LoadKind::Half => 0x7860_4800,
            LoadKind::HalfSigned => 0x78E0_4800,
            LoadKind::Word => LOAD.indexed,
        };
        self.two(instruction, to, base, index);
    }

    pub fn load_wide_indexed(&mut self, to: Reg, base: Reg, index: Reg, scale: u8) {
        self.lea_indexed(FAR, base, index, scale);
        self.load_wide(to, FAR, 0);
    }

    /// `to = base + (index << scale)`, an address of the host.
    pub fn lea_indexed(&mut self, to: Reg, base: Reg, index: Reg, scale: u8) {
        self.two(0x8B20_4000 | u32::from(scale) << 10, to, base, index);
    }

    /// `to = base + index + displacement`, an address of the host.
    pub fn lea_wide(&mut self, to: Reg, base: Reg, index: Reg, displacement: i32) {
        self.alu_imm_to(Alu::Add, CONSTANT, index, displacement as u32);
        self.lea_indexed(to, base, CONSTANT, 0);
    }

    /// Stores the low `bytes` bytes of `from`.
    pub fn store_indexed(&mut self, bytes: u32, base: Reg, index: Reg, from: Reg) {
        let instruction = match bytes {
            1 => 0x3820_4800,
            2 => 0x7820_4800,
            _ => STORE.indexed,
        };
        self.two(instruction, from, base, index);
    }

    pub fn move_to_vector(&mut self, number: u8, from: Reg) {
        self.one(0x1E27_0000, Reg(number), from);
    }

    pub fn move_from_vector(&mut self, to: Reg, number: u8) {
        self.one(0x1E26_0000, to, Reg(number));
    }

    /// An operation on two vector registers.
    pub fn scalar(&mut self, op: Scalar, to: u8, from: u8) {
        let instruction = match op {
            Scalar::Add => 0x1E20_2800,
            Scalar::Multiply => 0x1E20_0800,
            Scalar::Sub => 0x1E20_3800,
        };
        self.two(instruction, Reg(to), Reg(to), Reg(from));
    }

    /// `v0 = v0 + v1 * v2`, or minus, with one rounding.
    pub fn multiply_add(&mut self, negate: bool) {
        self.three(if negate { 0x1F00_8000 } else { 0x1F00_0000 }, Reg(0), Reg(1), Reg(2), Reg(0));
    }

    pub fn compare_scalars(&mut self, left: u8, right: u8) {
        self.two(0x1E20_2000, Reg(0), Reg(left), Reg(right));
    }

    /// Converts a word, or a double word, with a sign.
    pub fn convert_to_scalar(&mut self, to: u8, from: Reg, wide: bool) {
        self.one(0x1E22_0000 | if wide { WIDE } else { 0 }, Reg(to), from);
    }

    /// `to` is 1 if the condition holds, else 0.
    pub fn set(&mut self, cc: Cc, to: Reg) {
        // It increments zero if the opposite does not hold.
        self.two(0x1A80_0400 | (condition(cc) ^ 1) << 12, to, ZERO, ZERO);
    }

    /// `to = then`, or `otherwise` if the condition with this code does not hold.
    pub(super) fn select(&mut self, condition: u32, to: Reg, then: Reg, otherwise: Reg) {
        self.two(0x1A80_0000 | condition << 12, to, then, otherwise);
    }

    pub fn cmov(&mut self, cc: Cc, to: Reg, from: Reg) {
        self.select(condition(cc), to, from, to);
    }

    pub fn jump(&mut self, label: Label) {
        self.note_jump(label);
        self.instruction(JUMP);
    }

    pub fn jump_if(&mut self, cc: Cc, label: Label) {
        self.note_jump(label);
        self.instruction(JUMP_IF | condition(cc));
    }

    /// Calls shared code, within 128 MiB.
    pub fn call(&mut self, stub: Stub) {
        self.note_place(Place::Stub(stub));
        self.instruction(CALL);
    }

    /// Jumps to shared code, within 128 MiB.
    pub fn jump_to(&mut self, stub: Stub) {
        self.note_place(Place::Stub(stub));
        self.instruction(JUMP);
    }

    pub fn jump_register(&mut self, to: Reg) {
        self.one(0xD61F_0000, Reg(0), to);
    }

    pub(super) fn call_register(&mut self, to: Reg) {
        self.one(0xD63F_0000, Reg(0), to);
    }

    pub fn jump_memory(&mut self, base: Reg, displacement: i32) {
        self.load_wide(FAR, base, displacement);
        self.jump_register(FAR);
    }

    /// Jumps to where the cell of a guest address leads, in the list of cells at `base`.
    pub fn jump_cell(&mut self, base: Reg, target: u32) {
        self.mov_word(FAR, Place::Cell(target));
        self.two(LOAD_WIDE.indexed, FAR, base, FAR);
        self.jump_register(FAR);
    }
}
