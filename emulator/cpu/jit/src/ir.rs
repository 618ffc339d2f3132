//! The intermediate representation to which a core lowers its instructions.

/// Number of a 32-bit register of the guest, as an index into the words that [`Engine::run`](crate::Engine::run) gets.
pub type Slot = u16;

/// An operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A register of the guest.
    Slot(Slot),
    /// A constant.
    Imm(u32),
}

/// Operations on two values. Shifts use the low five bits of the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Binary {
    Add,
    Sub,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
    Multiply,
    MultiplyHighUnsigned,
    MultiplyHighSigned,
    /// Division leaves the instruction to the interpreter if the divisor is 0, or -1 where there are signs.
    DivideUnsigned,
    DivideSigned,
    RemainderUnsigned,
    RemainderSigned,
}

/// Operations on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// The number of leading zeros, 32 for zero.
    LeadingZeros,
}

/// A comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Condition {
    Equal,
    NotEqual,
    LessSigned,
    GreaterOrEqualSigned,
    LessUnsigned,
    GreaterOrEqualUnsigned,
    /// No bit is set in both.
    Disjoint,
    /// Some bit is set in both.
    Overlap,
}

/// Operations on single-precision numbers, by their bits; `MultiplyAdd` is `to + left * right`, `MultiplySubtract` is
/// `to - left * right`, both with one rounding (see [`fuses`](crate::fuses)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Float {
    Add,
    Sub,
    Multiply,
    MultiplyAdd,
    MultiplySubtract,
}

/// A comparison of two single-precision numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FloatCondition {
    Never,
    Equal,
    Less,
    LessOrEqual,
}

/// Size of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Width {
    Byte,
    Half,
    Word,
}

impl Width {
    /// In bytes.
    pub fn bytes(self) -> u32 {
        match self {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        }
    }
}

/// Four registers in a row: those from `slot` on, or those `4 * ((index + add) % groups)` after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first register of the group, or of the groups.
    pub slot: Slot,
    /// The register with the index, what is added to it, and the number of groups, a power of two.
    pub index: Option<(Slot, u8, u16)>,
}

/// The memory whose pages have versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// [`Windows::data_versions`](crate::Windows).
    Data,
    /// [`Windows::word_versions`](crate::Windows).
    Words,
}

/// One operation.
///
/// `done` is the number of the block's instructions that have been executed when control leaves there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The guest's instruction with this number starts. What comes before instruction 0 are conditions for entering the block: one
    /// that fails ends the run with [`Exit::At`](crate::Exit) the block itself.
    Instruction(u32),
    /// `to = from`
    Move { to: Slot, from: Value },
    /// `to = left op right`
    Binary { op: Binary, to: Slot, left: Value, right: Value },
    /// `to = op from`
    Unary { op: Unary, to: Slot, from: Value },
    /// The low word of `high:low` shifted right by the low six bits of `amount`.
    Funnel { to: Slot, high: Value, low: Value, amount: Value },
    /// The low word of the sign-extended `from` shifted right by the low six bits of `amount`.
    LongShiftRightSigned { to: Slot, from: Value, amount: Value },
    /// `if left condition right { to = then }`
    Select { to: Slot, condition: Condition, left: Value, right: Value, then: Value },
    /// `to = left condition right`, as 0 or 1.
    Set { to: Slot, condition: Condition, left: Value, right: Value },
    /// `to = memory[base + offset]`; leaves the instruction to the interpreter where no window is.
    Load { to: Slot, width: Width, signed: bool, base: Value, offset: u32 },
    /// `memory[base + offset] = from`; leaves the instruction to the interpreter where no window is, and where code lies.
    Store { from: Value, width: Width, base: Value, offset: u32 },
    /// Leaves the instruction to the interpreter if the filter of 64 bits in `filter` and the slot after it has the bit of the
    /// address: its lines of 64 bytes, modulo 64.
    Watch { filter: Slot, base: Value, offset: u32 },
    /// Leaves the instruction to the interpreter if the condition holds.
    Guard { condition: Condition, left: Value, right: Value },
    /// Leaves the instruction to the interpreter unless the page's version is as expected.
    Version { space: Space, page: u32, expected: u32 },
    /// Copies four registers.
    Copy { to: Place, from: Place },
    /// `to = left op right` in single precision, rounded to nearest; leaves the instruction to the interpreter unless the result is an
    /// ordinary number: neither zero, nor so small that bits may be lost below it, nor infinite, nor none.
    Float { op: Float, to: Slot, left: Value, right: Value },
    /// `to = left condition right`, as 0 or 1; leaves the instruction to the interpreter if one of them is no number.
    FloatSet { to: Slot, condition: FloatCondition, left: Value, right: Value },
    /// The number nearest to `from`, or the next one towards zero; leaves what is not in the range, or the lowest of it, to the
    /// interpreter.
    FloatToSigned { to: Slot, from: Value, nearest: bool },
    /// `from` in single precision, rounded to nearest.
    ToFloat { to: Slot, from: Value, signed: bool },
    /// `to` = the counter of cycles, when `done` instructions of the block have been executed: `end` less what is left of the run.
    Count { to: Slot, end: Slot, done: u32 },
    /// The content of the register is not needed any more.
    Forget { slot: Slot },
    /// Goes on at a constant address if the condition holds.
    Branch { condition: Condition, left: Value, right: Value, target: u32, done: u32 },
    /// Goes on at a constant address.
    Jump { target: u32, done: u32 },
    /// Goes on at a computed address.
    JumpIndirect { target: Value, done: u32 },
    /// Ends the run with [`Exit::Look`](crate::Exit) if the condition holds; the guest goes on at `target`.
    Look { condition: Condition, left: Value, right: Value, target: u32, done: u32 },
    /// Leaves this instruction and the rest of the block to the interpreter.
    Leave,
}
