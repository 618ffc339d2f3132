//! Code behind a block that finishes what is rare.

use super::code::{Label, LoadKind, Operand, Reg};
use crate::ir::Width;

/// Code behind the block that finishes an access.
#[derive(Clone, Copy, Debug)]
pub(super) enum Detour {
    Elsewhere { label: Label, resume: Label, leave: Label, to: Reg, kind: LoadKind, width: Width, word: Option<Word> },
    Outside { label: Label, resume: Label, leave: Label, from: Operand, word: Word },
    Versioned { label: Label, resume: Label, leave: Label, width: Width },
    Wrap { label: Label, resume: Label },
}

/// An instruction that accesses a whole word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    /// Cycles that are over when it accesses it, and those that the rest of the block can take.
    pub before: u32,
    pub needed: u32,
    /// Where its block begins.
    pub block: u32,
    /// Where control leaves behind it, if it may access a register of a device.
    pub behind: Option<Label>,
}
