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
    /// The number of the lowest set bit; of no meaning for zero.
    LowestBit,
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

/// Names of registers that stand for others as a window moves over a file of registers, four of them at a time. The file is a ring.
///
/// Outside of translated code, what a window shows is in the registers that the names say, and the file is stale there. While code
/// runs it is in the file alone: so a call that moves the window copies nothing. Behind the file there is room for what a window shows
/// that begins near its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The first of the names.
    pub visible: Slot,
    /// The number of groups of four that are visible.
    pub shown: u16,
    /// The first register of the file. It is followed by that of the room behind the file, for `shown - 1` groups.
    pub file: Slot,
    /// Groups of the file, a power of two.
    pub groups: u16,
    /// The register with the number of the group that is visible first.
    pub base: Slot,
}

impl Ring {
    /// Registers of a group.
    pub const GROUP: u16 = 4;

    /// The first group at which a window reaches beyond the end of the file.
    pub(crate) fn wraps_from(&self) -> u16 {
        self.groups + 1 - self.shown
    }

    /// The highest register that a window shows.
    pub(crate) fn highest(&self) -> usize {
        usize::from(self.file) + usize::from(Ring::GROUP) * usize::from(self.groups + self.shown - 1) - 1
    }

    /// Whether an operation may change a register by its name.
    pub(crate) fn lets_change(&self, slot: Slot) -> bool {
        slot != self.base && !(usize::from(self.file)..=self.highest()).contains(&usize::from(slot))
    }

    /// Code is about to run: what the names say goes to the file.
    pub(crate) fn spread(&self, registers: &mut [u32]) {
        let [visible, file, shown, first] = self.places(registers);
        self.wrap(registers, first, true);
        copy(registers, visible, file + first, shown);
    }

    /// Code has run: what the window shows goes to where the names say.
    pub(crate) fn gather(&self, registers: &mut [u32]) {
        let [visible, file, shown, first] = self.places(registers);
        copy(registers, file + first, visible, shown);
        self.wrap(registers, first, false);
    }

    /// Where the names and the file begin, how many registers are visible, and which of the file is the first of them.
    fn places(&self, registers: &[u32]) -> [usize; 4] {
        let group = usize::from(Ring::GROUP);
        let base = registers[usize::from(self.base)] as usize;
        assert!(base < usize::from(self.groups), "a window that begins at group {base} of {}", self.groups);
        [usize::from(self.visible), usize::from(self.file), group * usize::from(self.shown), group * base]
    }

    /// Copies what a window shows that reaches beyond the end of the file, to behind it or back.
    #[inline]
    fn wrap(&self, registers: &mut [u32], first: usize, there: bool) {
        let group = usize::from(Ring::GROUP);
        if first >= group * usize::from(self.wraps_from()) {
            let file = usize::from(self.file);
            let behind = file + group * usize::from(self.groups);
            let (from, to) = if there { (file, behind) } else { (behind, file) };
            registers.copy_within(from..from + group * usize::from(self.shown - 1), to);
        }
    }
}

/// Copies what a window shows: sixteen registers at once, which all windows of Xtensa have.
#[inline(always)]
fn copy(registers: &mut [u32], from: usize, to: usize, count: usize) {
    const SIXTEEN: usize = 16;
    let values = registers.get(from..).and_then(|registers| registers.first_chunk::<SIXTEEN>()).copied();
    let place = registers.get_mut(to..).and_then(|registers| registers.first_chunk_mut::<SIXTEEN>());
    match (values, place) {
        (Some(values), Some(place)) if count == SIXTEEN => *place = values,
        _ => registers.copy_within(from..from + count, to),
    }
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
/// `done` is the number of cycles of the block that are over when control leaves there: its instructions, where each takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The guest's instruction with this number starts, which accesses memory when `cycle` cycles of the block are over. What comes
    /// before instruction 0 are conditions for entering the block: one that fails ends the run with [`Exit::At`](crate::Exit) the
    /// block itself.
    Instruction { number: u32, cycle: u32 },
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
    /// `to = memory[base + offset]`; leaves the instruction to the interpreter where no window is. If it is `last`, no operation of
    /// its instruction follows, and it reads words of [`WindowLayout::registers`](crate::WindowLayout) as well.
    Load { to: Slot, width: Width, signed: bool, base: Value, offset: u32, last: bool },
    /// `memory[base + offset] = from`; leaves the instruction to the interpreter where no window is, and where code lies. If it is
    /// `last`, as with a load, it writes such words as well.
    Store { from: Value, width: Width, base: Value, offset: u32, last: bool },
    /// Leaves the instruction to the interpreter if the filter of 64 bits in `filter` and the slot after it has the bit of the
    /// address: its lines of 64 bytes, modulo 64.
    Watch { filter: Slot, base: Value, offset: u32 },
    /// Leaves the instruction to the interpreter if the condition holds.
    Guard { condition: Condition, left: Value, right: Value },
    /// Leaves the instruction to the interpreter unless the page's version is as expected.
    Version { space: Space, page: u32, expected: u32 },
    /// Leaves the instruction to the interpreter unless the line of memory at this address is in
    /// [`Windows::lines`](crate::Windows::lines). They do not change while translated code runs.
    Line { address: u32 },
    /// Moves the window of the [`Ring`] to the group `to` modulo the number of groups. Nothing else changes its base.
    Rotate { to: Value },
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
    /// `to` = the counter of cycles, when `done` cycles of the block are over: `end` less what is left of the run.
    Count { to: Slot, end: Slot, done: u32 },
    /// The content of the register is not needed any more.
    Forget { slot: Slot },
    /// If the condition holds, the next `count` operations are done and nothing behind them: they let control leave. If it does not, they
    /// are skipped. There is none of these among them.
    When { condition: Condition, left: Value, right: Value, count: u32 },
    /// Goes on at a constant address with the block that lies there, whose operations follow: the conditions for entering it, which end
    /// the run with [`Exit::At`](crate::Exit) that block if one fails, and its instructions from 0 on. From here on, `done` counts from
    /// the start of that block, and [`Exit::Interpret`](crate::Exit) has its `tag`. It is entered only if there is room for `count` cycles.
    Join { address: u32, tag: u32, count: u32, done: u32 },
    /// Counts how often control leaves by the next way out, which is that of the operation behind this one: `executions[place] += 1`.
    /// Before [`Op::Join`] it counts how often control comes to the block that is joined and does not get to the next way out that is
    /// counted: it ends the run there or leaves an instruction to the interpreter.
    Tally { place: u32 },
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

impl Op {
    /// The register that the operation changes, if it is one by its name.
    pub fn changed(&self) -> Option<Slot> {
        match self {
            Op::Move { to, .. }
            | Op::Unary { to, .. }
            | Op::FloatToSigned { to, .. }
            | Op::ToFloat { to, .. }
            | Op::Binary { to, .. }
            | Op::Set { to, .. }
            | Op::Float { to, .. }
            | Op::FloatSet { to, .. }
            | Op::Funnel { to, .. }
            | Op::LongShiftRightSigned { to, .. }
            | Op::Select { to, .. }
            | Op::Load { to, .. }
            | Op::Count { to, .. } => Some(*to),
            Op::Instruction { .. }
            | Op::Leave
            | Op::Tally { .. }
            | Op::Jump { .. }
            | Op::JumpIndirect { .. }
            | Op::Store { .. }
            | Op::Watch { .. }
            | Op::Guard { .. }
            | Op::When { .. }
            | Op::Join { .. }
            | Op::Branch { .. }
            | Op::Look { .. }
            | Op::Version { .. }
            | Op::Line { .. }
            | Op::Rotate { .. }
            | Op::Forget { .. } => None,
        }
    }
}
