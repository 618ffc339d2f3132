//! Execution of each instruction.

use espalier_core::{Bus, Stored};

use crate::csr::Csr;
use crate::instruction::{Instruction, Opcode};
use crate::memory::{load8, load16, load32, store8, store16, store32};
use crate::register::{SINK, ZERO};
use crate::state::{Privilege, State, mstatus};
use crate::step::{Start, Step};
use crate::trap::Trap;

/// Bits of a register that say how far to shift.
const SHIFT: u32 = 31;
/// `JALR` clears the lowest bit of its target.
const TARGET: u32 = !1;

/// The numbers that a conditional branch compares, before it is executed; none of any other instruction.
pub(crate) fn compared(state: &State, op: &Instruction) -> Option<(u32, u32)> {
    match op.opcode {
        Opcode::Beq | Opcode::Bne | Opcode::Blt | Opcode::Bge | Opcode::Bltu | Opcode::Bgeu => {
            Some((state.get(op.fields.rs1), state.get(op.fields.rs2)))
        }
        _ => None,
    }
}

/// [`execute`] where few instructions go through: compiled once for any bus, and not once more for each place.
#[inline(never)]
pub(crate) fn execute_apart(state: &mut State, bus: &mut dyn Bus, op: &Instruction, start: Start) -> Step {
    execute(state, bus, op, start)
}

/// Executes one instruction. If it raises an exception, nothing but [`State::trap`] has changed.
#[inline(always)]
pub(crate) fn execute<B: Bus + ?Sized>(state: &mut State, bus: &mut B, op: &Instruction, start: Start) -> Step {
    let immediate = op.fields.immediate;
    let first = state.get(op.fields.rs1);
    let second = state.get(op.fields.rs2);
    let address = first.wrapping_add(immediate);
    let value = match op.opcode {
        Opcode::Lui => immediate,
        Opcode::Auipc => start.pc(op).wrapping_add(immediate),
        Opcode::Jal => {
            let pc = start.pc(op);
            state.set(op.fields.rd, pc.wrapping_add(u32::from(op.length())));
            return Step::jump(pc.wrapping_add(immediate));
        }
        Opcode::Jalr => {
            state.set(op.fields.rd, start.pc(op).wrapping_add(u32::from(op.length())));
            return Step::jump(address & TARGET);
        }
        Opcode::Beq => return branch(first == second, op, start),
        Opcode::Bne => return branch(first != second, op, start),
        Opcode::Blt => return branch((first as i32) < second as i32, op, start),
        Opcode::Bge => return branch(first as i32 >= second as i32, op, start),
        Opcode::Bltu => return branch(first < second, op, start),
        Opcode::Bgeu => return branch(first >= second, op, start),
        Opcode::Lb => match load8(bus, address, start.cycle(op)) {
            Ok(value) => value as i8 as u32,
            Err(trap) => return state.refuse(trap),
        },
        Opcode::Lh => match load16(bus, address, start.cycle(op)) {
            Ok(value) => value as i16 as u32,
            Err(trap) => return state.refuse(trap),
        },
        Opcode::Lw => match load32(bus, address, start.cycle(op)) {
            Ok(value) => value,
            Err(trap) => return state.refuse(trap),
        },
        Opcode::Lbu => match load8(bus, address, start.cycle(op)) {
            Ok(value) => value,
            Err(trap) => return state.refuse(trap),
        },
        Opcode::Lhu => match load16(bus, address, start.cycle(op)) {
            Ok(value) => value,
            Err(trap) => return state.refuse(trap),
        },
        Opcode::Sb => return state.stored(store8(bus, address, second, start.cycle(op))),
        Opcode::Sh => return state.stored(store16(bus, address, second, start.cycle(op))),
        Opcode::Sw => return state.stored(store32(bus, address, second, start.cycle(op))),
        Opcode::Addi => address,
        Opcode::Slti => u32::from((first as i32) < immediate as i32),
        Opcode::Sltiu => u32::from(first < immediate),
        Opcode::Xori => first ^ immediate,
        Opcode::Ori => first | immediate,
        Opcode::Andi => first & immediate,
        Opcode::Slli => first << (immediate & SHIFT),
        Opcode::Srli => first >> (immediate & SHIFT),
        Opcode::Srai => (first as i32 >> (immediate & SHIFT)) as u32,
        Opcode::Add => first.wrapping_add(second),
        Opcode::Sub => first.wrapping_sub(second),
        Opcode::Sll => first << (second & SHIFT),
        Opcode::Slt => u32::from((first as i32) < second as i32),
        Opcode::Sltu => u32::from(first < second),
        Opcode::Xor => first ^ second,
        Opcode::Srl => first >> (second & SHIFT),
        Opcode::Sra => (first as i32 >> (second & SHIFT)) as u32,
        Opcode::Or => first | second,
        Opcode::And => first & second,
        Opcode::Mul => first.wrapping_mul(second),
        Opcode::Mulh => ((i64::from(first as i32) * i64::from(second as i32)) >> 32) as u32,
        Opcode::Mulhsu => ((i64::from(first as i32) * i64::from(second)) >> 32) as u32,
        Opcode::Mulhu => ((u64::from(first) * u64::from(second)) >> 32) as u32,
        Opcode::Div | Opcode::Divu | Opcode::Rem | Opcode::Remu => {
            state.set(op.fields.rd, divided(op.opcode, first, second));
            return if op.more > 0 { Step::delay(op.more) } else { Step::NEXT };
        }
        Opcode::Fence | Opcode::FenceTso => return Step::NEXT,
        Opcode::FenceI => return Step::LEAVE,
        Opcode::Unimp => return state.refuse(Trap::Illegal(immediate)),
        Opcode::Ecall => return state.refuse(Trap::EnvironmentCall),
        Opcode::Ebreak => return state.refuse(Trap::Breakpoint),
        Opcode::Mret => {
            if state.privilege == Privilege::User {
                return state.refuse(Trap::Illegal(immediate));
            }
            return Step::sync_jump(state.leave_trap());
        }
        Opcode::Wfi => {
            if state.privilege == Privilege::User && state.mstatus & mstatus::TW != 0 {
                return state.refuse(Trap::Illegal(immediate));
            }
            state.waiting = true;
            return Step::SYNC;
        }
        Opcode::Csrrw => return state.access_csr(op, start, true, |_| first),
        Opcode::Csrrs => return state.access_csr(op, start, op.fields.rs1 != ZERO, |old| old | first),
        Opcode::Csrrc => return state.access_csr(op, start, op.fields.rs1 != ZERO, |old| old & !first),
        Opcode::Csrrwi => return state.access_csr(op, start, true, |_| u32::from(op.fields.rs1)),
        Opcode::Csrrsi => return state.access_csr(op, start, op.fields.rs1 != 0, |old| old | u32::from(op.fields.rs1)),
        Opcode::Csrrci => {
            return state.access_csr(op, start, op.fields.rs1 != 0, |old| old & !u32::from(op.fields.rs1));
        }
    };
    state.set(op.fields.rd, value);
    Step::NEXT
}

/// Quotient or remainder. Volume I, "Division Operations": dividing by zero gives all ones and leaves the dividend, and the quotient that
/// does not fit wraps.
fn divided(opcode: Opcode, first: u32, second: u32) -> u32 {
    match opcode {
        Opcode::Div if second == 0 => u32::MAX,
        Opcode::Div => (first as i32).wrapping_div(second as i32) as u32,
        Opcode::Divu => first.checked_div(second).unwrap_or(u32::MAX),
        Opcode::Rem if second == 0 => first,
        Opcode::Rem => (first as i32).wrapping_rem(second as i32) as u32,
        _ => first.checked_rem(second).unwrap_or(first),
    }
}

#[inline(always)]
fn branch(taken: bool, op: &Instruction, start: Start) -> Step {
    if taken { Step::jump(start.pc(op).wrapping_add(op.fields.immediate)) } else { Step::NEXT }
}

impl State {
    #[cold]
    fn refuse(&mut self, trap: Trap) -> Step {
        self.trap = trap;
        Step::RAISE
    }

    #[inline(always)]
    fn stored(&mut self, stored: Result<Stored, Trap>) -> Step {
        match stored {
            Ok(Stored::Data) => Step::NEXT,
            Ok(Stored::Code) => Step::LEAVE,
            Err(trap) => self.refuse(trap),
        }
    }

    /// Reads a control and status register, and writes what `change` makes of it if the instruction `writes`.
    #[inline(never)]
    fn access_csr(&mut self, op: &Instruction, start: Start, writes: bool, change: impl Fn(u32) -> u32) -> Step {
        let Some(csr) = self.usable_csr(op.fields.immediate >> 20).filter(|csr| !(writes && csr.is_read_only())) else {
            return self.refuse(Trap::Illegal(op.fields.immediate));
        };
        let cycles = self.started + u64::from(start.cycle(op));
        let old = self.csr(csr, cycles);
        if writes {
            self.set_csr(csr, change(old), cycles);
        }
        if op.fields.rd != SINK {
            self.set(op.fields.rd, old);
        }
        // Only `mstatus` decides about interrupts.
        if writes && csr == Csr::Mstatus { Step::SYNC } else { Step::LEAVE }
    }
}
