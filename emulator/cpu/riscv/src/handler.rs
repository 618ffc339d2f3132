//! Entering and leaving the handlers of exceptions and interrupts (volume II, "Machine-Level ISA"; TRM "ESP-RISC-V CPU", "Exception
//! Causes").

use crate::state::{Privilege, State, mstatus};
use crate::trap::Trap;

/// Exception codes of `mcause`.
mod code {
    pub const FETCH_ACCESS: u32 = 1;
    pub const ILLEGAL_INSTRUCTION: u32 = 2;
    pub const BREAKPOINT: u32 = 3;
    pub const LOAD_ACCESS: u32 = 5;
    pub const STORE_ACCESS: u32 = 7;
    pub const CALL_FROM_USER: u32 = 8;
    pub const CALL_FROM_MACHINE: u32 = 11;
    /// Set for interrupts.
    pub const INTERRUPT: u32 = 1 << 31;
}

/// Size of an entry of the vector table.
const VECTOR: u32 = 4;

impl State {
    /// Enters the handler of an exception that the instruction at `pc` raised.
    #[cold]
    pub(crate) fn raise(&mut self, trap: Trap, pc: u32) {
        let (cause, value) = match trap {
            Trap::Fetch(address) => (code::FETCH_ACCESS, address),
            Trap::Illegal(word) => (code::ILLEGAL_INSTRUCTION, word),
            Trap::Breakpoint => (code::BREAKPOINT, 0),
            Trap::Load(_, address) => (code::LOAD_ACCESS, address),
            Trap::Store(_, address) => (code::STORE_ACCESS, address),
            Trap::EnvironmentCall => match self.privilege {
                Privilege::User => (code::CALL_FROM_USER, 0),
                Privilege::Machine => (code::CALL_FROM_MACHINE, 0),
            },
        };
        self.enter(cause, value, pc);
        self.pc = self.mtvec;
    }

    /// Enters the handler of the interrupt that the controller presents, if there is one and it is not masked. Any interrupt ends
    /// `WFI`, masked or not. Returns the line if a handler was entered.
    #[inline(always)]
    pub(crate) fn take_interrupt(&mut self) -> Option<u32> {
        if self.lines == 0 { None } else { self.take_presented_interrupt() }
    }

    fn take_presented_interrupt(&mut self) -> Option<u32> {
        self.waiting = false;
        if self.mstatus & mstatus::MIE == 0 && self.privilege == Privilege::Machine {
            return None;
        }
        let number = self.lines.trailing_zeros();
        self.enter(code::INTERRUPT | number, 0, self.pc);
        self.pc = self.mtvec.wrapping_add(VECTOR * number);
        Some(number)
    }

    fn enter(&mut self, cause: u32, value: u32, pc: u32) {
        self.mcause = cause;
        self.mtval = value;
        self.mepc = pc;
        let enabled = if self.mstatus & mstatus::MIE != 0 { mstatus::MPIE } else { 0 };
        let previous = if self.privilege == Privilege::Machine { mstatus::MPP } else { 0 };
        self.mstatus = self.mstatus & !(mstatus::MIE | mstatus::MPIE | mstatus::MPP) | enabled | previous;
        self.privilege = Privilege::Machine;
    }

    /// `MRET`: goes back to where the trap came from.
    pub(crate) fn leave_trap(&mut self) -> u32 {
        self.privilege = if self.mstatus & mstatus::MPP == 0 { Privilege::User } else { Privilege::Machine };
        let enabled = if self.mstatus & mstatus::MPIE != 0 { mstatus::MIE } else { 0 };
        self.mstatus = self.mstatus & !(mstatus::MIE | mstatus::MPP) | mstatus::MPIE | enabled;
        self.mepc
    }
}
