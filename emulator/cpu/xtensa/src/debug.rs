//! The debug option: breakpoints on instructions and data, the instruction counter, and what accesses an instruction makes.

use crate::instruction::{Instruction, Opcode};
use crate::register::SpecialRegister;
use crate::state::{DEBUG_LEVEL, State};
use crate::trap::{Trap, debug_cause};
use crate::watch::{Filter, MASK, ON_LOAD, ON_STORE, Watches};

/// Instruction breakpoints: address register and bit of `IBREAKENABLE`.
const INSTRUCTION_BREAKPOINTS: [(SpecialRegister, u32); 2] =
    [(SpecialRegister::Ibreaka0, 1 << 0), (SpecialRegister::Ibreaka1, 1 << 1)];

/// Data breakpoints: address and control register.
const DATA_BREAKPOINTS: [(SpecialRegister, SpecialRegister); 2] =
    [(SpecialRegister::Dbreaka0, SpecialRegister::Dbreakc0), (SpecialRegister::Dbreaka1, SpecialRegister::Dbreakc1)];

/// A data access that an instruction is about to make.
pub(crate) struct Access {
    pub address: u32,
    pub size: u32,
    pub kinds: u32,
}

impl State {
    /// True while every instruction has to be looked at before it executes: instructions are counted, or a host's debugger waits.
    pub(crate) fn is_single_stepped(&self) -> bool {
        self.ocd.needs_attention() || self.plain(SpecialRegister::Icountlevel) != 0
    }

    /// True while the program has breakpoints of the debug option, on data or on instructions.
    pub(crate) fn has_breakpoints(&self) -> bool {
        self.is_watching() || self.has_instruction_breakpoints()
    }

    /// True while the program has breakpoints on instructions.
    pub(crate) fn has_instruction_breakpoints(&self) -> bool {
        self.plain(SpecialRegister::Ibreakenable) != 0
    }

    /// The debug exception that keeps the instruction at `pc` from executing, whatever it is. Counts instructions.
    pub(crate) fn debug_trap(&mut self, pc: u32) -> Option<Trap> {
        let level = self.interrupt_level();
        if level < self.plain(SpecialRegister::Icountlevel) {
            let count = self.plain(SpecialRegister::Icount);
            if count != u32::MAX {
                self.set_plain(SpecialRegister::Icount, count + 1);
            } else if level < DEBUG_LEVEL {
                return Some(Trap::Debug(debug_cause::ICOUNT));
            }
        }
        self.instruction_breakpoint(pc)
    }

    /// The debug exception of an instruction breakpoint at `pc`.
    pub(crate) fn instruction_breakpoint(&self, pc: u32) -> Option<Trap> {
        self.breaks_where(|address| address == pc).then_some(Trap::Debug(debug_cause::IBREAK))
    }

    /// True if a breakpoint lies on an instruction from `start` up to `end`, or may do so. Asked for each block.
    #[inline(always)]
    pub(crate) fn breaks_within(&self, start: u32, end: u32) -> bool {
        self.plain(SpecialRegister::Ibreakenable) != 0 && self.breaks_between(start, end)
    }

    #[cold]
    #[inline(never)]
    fn breaks_between(&self, start: u32, end: u32) -> bool {
        self.breaks_where(|address| address.wrapping_sub(start) < end.wrapping_sub(start))
    }

    fn breaks_where(&self, condition: impl Fn(u32) -> bool) -> bool {
        let enabled = self.plain(SpecialRegister::Ibreakenable);
        let armed = |(address, bit): &(SpecialRegister, u32)| enabled & bit != 0 && condition(self.plain(*address));
        enabled != 0 && INSTRUCTION_BREAKPOINTS.iter().any(armed) && self.interrupt_level() < DEBUG_LEVEL
    }

    /// The data access that `op` is about to make.
    pub(crate) fn access(&self, op: &Instruction) -> Option<Access> {
        let base = self.get(op.s);
        let displaced = base.wrapping_add(op.immediate);
        let indexed = base.wrapping_add(self.get(op.t));
        let (address, size, kinds) = match op.opcode {
            Opcode::L8ui => (displaced, 1, ON_LOAD),
            Opcode::L16ui | Opcode::L16si => (displaced, 2, ON_LOAD),
            Opcode::L32i | Opcode::L32iN | Opcode::L32ai | Opcode::L32e | Opcode::Lsi => (displaced, 4, ON_LOAD),
            Opcode::L32r => (op.immediate, 4, ON_LOAD),
            Opcode::S8i => (displaced, 1, ON_STORE),
            Opcode::S16i => (displaced, 2, ON_STORE),
            Opcode::S32i | Opcode::S32iN | Opcode::S32ri | Opcode::S32nb | Opcode::S32e | Opcode::Ssi => {
                (displaced, 4, ON_STORE)
            }
            Opcode::S32c1i => (displaced, 4, ON_LOAD | ON_STORE),
            Opcode::Lsip | Opcode::Lsxp => (base, 4, ON_LOAD),
            Opcode::Ssip | Opcode::Ssxp => (base, 4, ON_STORE),
            Opcode::Lsx => (indexed, 4, ON_LOAD),
            Opcode::Ssx => (indexed, 4, ON_STORE),
            Opcode::Ldinc | Opcode::MulaDdLdinc | Opcode::MulaDaLdinc => (base.wrapping_add(4), 4, ON_LOAD),
            Opcode::Lddec | Opcode::MulaDdLddec | Opcode::MulaDaLddec => (base.wrapping_sub(4), 4, ON_LOAD),
            _ => return None,
        };
        Some(Access { address, size, kinds })
    }
}

impl State {
    /// True while a data breakpoint is switched on.
    pub(crate) fn is_watching(&self) -> bool {
        self.watches != Watches::default()
    }

    /// Takes over what was written to the registers of the data breakpoints.
    pub(crate) fn refresh_watches(&mut self) {
        let breakpoints = DATA_BREAKPOINTS.map(|(address, control)| (self.plain(address), self.plain(control)));
        self.watches = Watches { load: Filter::new(breakpoints, ON_LOAD), store: Filter::new(breakpoints, ON_STORE) };
    }

    /// The debug exception that keeps an access from being made.
    #[inline(always)]
    pub(crate) fn watch(&self, address: u32, size: u32, kinds: u32) -> Result<(), Trap> {
        let Watches { load: Filter(load), store: Filter(store) } = self.watches;
        let filter = if kinds & ON_LOAD != 0 { load } else { 0 } | if kinds & ON_STORE != 0 { store } else { 0 };
        match filter & Filter::bit(address) {
            0 => Ok(()),
            _ => self.data_breakpoint(address, size, kinds),
        }
    }

    /// Compares an access with the breakpoints as the manual says (`DBREAKC`, "Debug Option").
    #[cold]
    #[inline(never)]
    fn data_breakpoint(&self, address: u32, size: u32, kinds: u32) -> Result<(), Trap> {
        if self.interrupt_level() >= DEBUG_LEVEL {
            return Ok(());
        }
        let number = DATA_BREAKPOINTS.iter().position(|(watched, control)| {
            let control = self.plain(*control);
            let mask = !MASK | control & MASK;
            let watched = self.plain(*watched) & mask;
            control & kinds != 0 && (0..size).any(|offset| address.wrapping_add(offset) & mask == watched)
        });
        match number {
            Some(number) => Err(Trap::Debug(debug_cause::DBREAK | (number as u32) << debug_cause::DBNUM_SHIFT)),
            None => Ok(()),
        }
    }
}
