//! Exceptions of instructions that cannot complete (volume II, "Machine-Level ISA").

use espalier_core::Fault;

/// The exception of an instruction that cannot complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// No instruction can be fetched at this address.
    Fetch(u32),
    /// The instruction with this word is not defined, or not here.
    Illegal(u32),
    Breakpoint,
    /// A load from this address was refused. The core itself splits unaligned accesses, so there is no other reason.
    Load(Fault, u32),
    Store(Fault, u32),
    EnvironmentCall,
}

espalier_core::persist!(
    enum Trap {
        Fetch(a),
        Illegal(a),
        Breakpoint,
        Load(a, b),
        Store(a, b),
        EnvironmentCall,
    }
);
