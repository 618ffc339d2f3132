//! Traps: the reasons why an instruction cannot complete, and their numbers (ISA manual, chapters "Exception Option" and "Debug Option").

use espalier_core::Fault;

/// Values of `EXCCAUSE` that this core raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the cause names of the ISA manual")]
#[repr(u8)]
pub enum Cause {
    IllegalInstruction = 0,
    Syscall = 1,
    InstructionFetchError = 2,
    LoadStoreError = 3,
    Level1Interrupt = 4,
    Alloca = 5,
    IntegerDivideByZero = 6,
    LoadStoreAlignment = 9,
    InstFetchProhibited = 20,
    LoadProhibited = 28,
    StoreProhibited = 29,
    Coprocessor0Disabled = 32,
}

espalier_core::persist! {
    enum Cause {
        IllegalInstruction, Syscall, InstructionFetchError, LoadStoreError, Level1Interrupt, Alloca,
        IntegerDivideByZero, LoadStoreAlignment, InstFetchProhibited, LoadProhibited, StoreProhibited,
        Coprocessor0Disabled
    }
}

/// Bits of `DEBUGCAUSE`.
pub(crate) mod debug_cause {
    pub const ICOUNT: u32 = 1 << 0;
    pub const IBREAK: u32 = 1 << 1;
    pub const DBREAK: u32 = 1 << 2;
    pub const BREAK: u32 = 1 << 3;
    pub const BREAK_N: u32 = 1 << 4;
    pub const DEBUG_INTERRUPT: u32 = 1 << 5;
    pub const DBNUM_SHIFT: u32 = 8;
}

/// The reason why an instruction cannot complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// A general exception.
    General(Cause),
    /// The bus did not deliver the word of code at an aligned address.
    Fetch(Fault, u32),
    /// The bus did not load from an address.
    Load(Fault, u32),
    /// The bus did not store to an address.
    Store(Fault, u32),
    /// The register window overlaps a frame that is still live.
    WindowOverflow,
    /// The caller's frame, this many quarters below, is not in the register file.
    WindowUnderflow(u8),
    /// A debug exception with bits of `DEBUGCAUSE`.
    Debug(u32),
}

impl Trap {
    /// True if the instruction is executed again once memory is there.
    pub(crate) fn is_wait(self) -> bool {
        matches!(self, Trap::Load(Fault::Wait, _) | Trap::Store(Fault::Wait, _))
    }
}

espalier_core::persist! {
    enum Trap {
        General(value), Fetch(a, b), Load(a, b), Store(a, b), WindowOverflow, WindowUnderflow(value), Debug(value)
    }
}
