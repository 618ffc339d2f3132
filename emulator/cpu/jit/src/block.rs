//! A block to be translated, and how a run of translated code ends.

use crate::ir::Op;

/// A block of guest code, lowered.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Where it starts.
    pub address: u32,
    /// Identifies it in [`Exit::Interpret`].
    pub tag: u32,
    /// The most cycles on a way through it: its instructions, where each takes one. It is entered only if there is room for them.
    pub count: u32,
    /// The operations of its translation. Every path through them ends with a jump or with [`Op::Leave`].
    pub ops: &'a [Op],
}

/// Why translated code stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The guest is at the address in its register for that, where no code is, or code that cannot be entered now.
    At,
    /// The interpreter has to go on with an instruction of a block. The instructions of that block before it are done and not yet
    /// counted.
    Interpret {
        /// The tag of the block.
        tag: u32,
        /// The number of the instruction.
        index: u32,
    },
    /// As [`Exit::At`], and the core has to look at its interrupts.
    Look,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Why.
    pub exit: Exit,
    /// Cycles that are left.
    pub room: u32,
    /// The cycles that were left when a word of [`Windows::steady`](crate::Windows::steady) was read last.
    pub looked: Option<u32>,
}
