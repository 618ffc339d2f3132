//! The interface between the interpreter's loop and the instructions.

use crate::cost::Penalties;
use crate::instruction::Instruction;

/// The next action after an instruction, and its address: packed into one word, because the interpreter's loop tests it after
/// every instruction and nearly always finds zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step(u64);

/// Kinds of [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next instruction in memory.
    Next,
    /// The instruction at an address.
    Jump(u32),
    /// The next instruction, for which the window has to be looked at again.
    Leave,
    /// The next instruction, after looking at interrupts again because `PS` changed.
    Unmask,
    /// The instruction at an address, after looking at interrupts again because `PS` changed.
    UnmaskJump(u32),
    /// The next instruction, after looking at everything again that can interrupt straight execution.
    Sync,
    /// The next instruction, after so many cycles more.
    Delay(u8),
    /// The handler of the trap in [`State::trap`]; the instruction had no effect.
    Raise,
}

impl Then {
    /// The cycles that come to the instruction `op`.
    pub(crate) fn penalty(self, op: &Instruction, penalties: Penalties) -> u32 {
        u32::from(match self {
            Then::Next | Then::Leave | Then::Unmask | Then::Sync => 0,
            Then::Jump(_) | Then::UnmaskJump(_) => penalties.jump + u8::from(op.lands_across_words()),
            Then::Delay(cycles) => cycles,
            Then::Raise => penalties.exception,
        })
    }
}

impl Step {
    const KIND_SHIFT: u32 = u32::BITS;
    pub(crate) const NEXT: Step = Step(0);
    pub(crate) const LEAVE: Step = Step(1 << Step::KIND_SHIFT);
    pub(crate) const UNMASK: Step = Step(2 << Step::KIND_SHIFT);
    pub(crate) const SYNC: Step = Step(3 << Step::KIND_SHIFT);
    pub(crate) const RAISE: Step = Step(4 << Step::KIND_SHIFT);
    const UNMASK_JUMP: Step = Step(5 << Step::KIND_SHIFT);
    const JUMP: Step = Step(6 << Step::KIND_SHIFT);
    const DELAY: Step = Step(7 << Step::KIND_SHIFT);

    #[inline(always)]
    pub(crate) fn jump(target: u32) -> Step {
        Step(Step::JUMP.0 | u64::from(target))
    }

    pub(crate) fn unmask_jump(target: u32) -> Step {
        Step(Step::UNMASK_JUMP.0 | u64::from(target))
    }

    pub(crate) fn delay(cycles: u8) -> Step {
        Step(Step::DELAY.0 | u64::from(cycles))
    }

    #[inline(always)]
    pub(crate) fn then(self) -> Then {
        let target = self.0 as u32;
        match Step(self.0 >> Step::KIND_SHIFT << Step::KIND_SHIFT) {
            Step::NEXT => Then::Next,
            Step::JUMP => Then::Jump(target),
            Step::LEAVE => Then::Leave,
            Step::UNMASK => Then::Unmask,
            Step::UNMASK_JUMP => Then::UnmaskJump(target),
            Step::SYNC => Then::Sync,
            Step::DELAY => Then::Delay(target as u8),
            _ => Then::Raise,
        }
    }
}

/// Where and when the block started that an instruction belongs to. Most instructions need neither.
///
/// An instruction that takes several cycles has its effect in the last of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub pc: u32,
    /// Cycles since the start of the current run.
    pub cycle: u32,
}

impl Start {
    #[inline(always)]
    pub(crate) fn pc(self, op: &Instruction) -> u32 {
        self.pc.wrapping_add(u32::from(op.offset))
    }

    #[inline(always)]
    pub(crate) fn cycle(self, op: &Instruction) -> u32 {
        self.cycle.wrapping_add(u32::from(op.after)).wrapping_sub(1)
    }
}
