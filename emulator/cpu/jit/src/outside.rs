//! The surroundings of a core, as translated code reaches them.

use espalier_core::Windows;

/// When an instruction of translated code reaches for a register of a device, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Cycles of the run that are left when the instruction accesses it.
    pub left: u32,
    /// So many of them the rest of the block can take.
    pub needed: u32,
    /// Where the block begins that it is in.
    pub block: u32,
}

/// The result of reaching for a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is done, and the code goes on. What [`Engine::run`](crate::Engine::run) was given is as it was, but for the bytes of memory.
    GoOn(Access),
    /// It is done, and the run ends behind the instruction: with [`Exit::Interpret`](crate::Exit) the next one, which may be that behind
    /// the last one of the block.
    Stop(Access),
    /// It is not done: the instruction is left to the interpreter.
    Refused,
}

/// An access to a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The word that was read.
    pub value: u32,
    /// The cycles for which the core waited first: no more than were left beyond those that were [needed](Moment::needed).
    pub waited: u32,
}

/// The surroundings of a core.
pub trait Outside {
    /// The memory that code may access.
    fn windows(&mut self) -> Option<Windows<'_>>;

    /// A word of [`Windows::steady`] was read when so many cycles were left, and none later. It is told before the next access to a
    /// register; the last one is in the [`Outcome`](crate::Outcome).
    fn looked(&mut self, left: u32);

    /// Reads the word of [`WindowLayout::registers`](crate::WindowLayout) at an aligned address.
    fn read(&mut self, address: u32, moment: Moment) -> Reached;

    /// Writes such a word.
    fn write(&mut self, address: u32, value: u32, moment: Moment) -> Reached;
}
