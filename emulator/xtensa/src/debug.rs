//! The debug option: instruction and data breakpoints and the instruction counter.

use crate::exception::{Trap, debug_cause};
use crate::instruction::{Instruction, Opcode};
use crate::register::SpecialRegister;
use crate::state::{DEBUG_LEVEL, State};

/// Instruction breakpoints: address register and bit of `IBREAKENABLE`.
const INSTRUCTION_BREAKPOINTS: [(SpecialRegister, u32); 2] =
    [(SpecialRegister::Ibreaka0, 1 << 0), (SpecialRegister::Ibreaka1, 1 << 1)];
/// Data breakpoints: address and control register.
const DATA_BREAKPOINTS: [(SpecialRegister, SpecialRegister); 2] =
    [(SpecialRegister::Dbreaka0, SpecialRegister::Dbreakc0), (SpecialRegister::Dbreaka1, SpecialRegister::Dbreakc1)];
/// Fields of `DBREAKC`.
const MASK: u32 = 0x3f;
pub(crate) const ON_LOAD: u32 = 1 << 30;
pub(crate) const ON_STORE: u32 = 1 << 31;

/// A data access that an instruction is about to make.
pub(crate) struct Access {
    pub address: u32,
    pub size: u32,
    pub kinds: u32,
}

impl State {
    /// True while some debug register makes every instruction be looked at before it executes.
    pub(crate) fn is_debugged(&self) -> bool {
        self.ocd.needs_attention()
            || self.plain(SpecialRegister::Icountlevel)
                | self.plain(SpecialRegister::Ibreakenable)
                | (self.plain(SpecialRegister::Dbreakc0) | self.plain(SpecialRegister::Dbreakc1)) & (ON_LOAD | ON_STORE)
                != 0
    }

    /// The debug exception that keeps the instruction at `pc` from executing. Counts instructions.
    pub(crate) fn debug_trap(&mut self, op: &Instruction, pc: u32) -> Option<Trap> {
        let level = self.interrupt_level();
        if level < self.plain(SpecialRegister::Icountlevel) {
            let count = self.plain(SpecialRegister::Icount);
            if count != u32::MAX {
                self.set_plain(SpecialRegister::Icount, count + 1);
            } else if level < DEBUG_LEVEL {
                return Some(Trap::Debug(debug_cause::ICOUNT));
            }
        }
        if level >= DEBUG_LEVEL || !self.is_debugged() {
            return None;
        }
        let enabled = self.plain(SpecialRegister::Ibreakenable);
        if INSTRUCTION_BREAKPOINTS.iter().any(|(address, bit)| enabled & bit != 0 && self.plain(*address) == pc) {
            return Some(Trap::Debug(debug_cause::IBREAK));
        }
        let access = self.access(op)?;
        let number = DATA_BREAKPOINTS.iter().position(|(address, control)| {
            let control = self.plain(*control);
            let mask = !MASK | control & MASK;
            let watched = self.plain(*address) & mask;
            control & access.kinds != 0
                && (0..access.size).any(|offset| access.address.wrapping_add(offset) & mask == watched)
        })?;
        Some(Trap::Debug(debug_cause::DBREAK | (number as u32) << debug_cause::DBNUM_SHIFT))
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
