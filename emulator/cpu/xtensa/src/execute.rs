//! Execution of every instruction: the one place that the plain interpreter and the block interpreter share.

use crate::atomic;
use crate::cost;
use crate::float;
use crate::instruction::{Instruction, Opcode};
use crate::mac16;
use crate::memory::{Port, stored};
use crate::ocd::DebugRegister;
use crate::operand::{COMPARE_SIGNED, COMPARE_UNSIGNED};
use crate::region::{self, Side};
use crate::register::{SpecialRegister, UserRegister};
use crate::state::{DEBUG_LEVEL, State, ps};
use crate::step::{Start, Step};
use crate::trap::{Cause, Trap, debug_cause};
use espalier_core::{Bus, Fault};

/// The numbers that a conditional branch compares, before it is executed; none of any other instruction, and of one that looks at bits.
pub(crate) fn compared(state: &State, op: &Instruction) -> Option<(u32, u32)> {
    let constant = usize::from(op.r & 0xf);
    let other = match op.opcode {
        Opcode::Beq | Opcode::Bne | Opcode::Blt | Opcode::Bge | Opcode::Bltu | Opcode::Bgeu => state.get(op.t),
        Opcode::Beqi | Opcode::Bnei | Opcode::Blti | Opcode::Bgei => COMPARE_SIGNED[constant],
        Opcode::Bltui | Opcode::Bgeui => COMPARE_UNSIGNED[constant],
        Opcode::Beqz | Opcode::BeqzN | Opcode::Bnez | Opcode::BnezN | Opcode::Bltz | Opcode::Bgez => 0,
        _ => return None,
    };
    Some((state.get(op.s), other))
}

/// Unwraps a memory access, or leaves the instruction with its trap.
macro_rules! attempt {
    ($state:ident, $access:expr) => {
        match $access {
            Ok(value) => value,
            Err(trap) => return $state.trap_step(trap),
        }
    };
}

impl State {
    #[inline(always)]
    pub(crate) fn get(&self, number: u8) -> u32 {
        self.ar[usize::from(number & 0xf)]
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, number: u8, value: u32) {
        self.ar[usize::from(number & 0xf)] = value;
    }

    #[inline(always)]
    pub(crate) fn boolean(&self, number: u8) -> bool {
        self.br >> (number & 0xf) & 1 != 0
    }

    #[inline(always)]
    pub(crate) fn set_boolean(&mut self, number: u8, value: bool) {
        let bit = 1 << (number & 0xf);
        self.br = self.br & !bit | if value { bit } else { 0 };
    }
}

#[inline(always)]
fn branch(condition: bool, target: u32) -> Step {
    if condition { Step::jump(target) } else { Step::NEXT }
}

/// [`execute`] where few instructions go through: compiled once for any bus, and not once more for each place, since each copy holds all
/// instructions.
#[inline(never)]
pub(crate) fn execute_apart<const WATCHED: bool>(
    state: &mut State,
    bus: &mut dyn Bus,
    op: &Instruction,
    start: Start,
) -> Step {
    execute::<WATCHED, dyn Bus>(state, bus, op, start)
}

/// Executes one instruction of a block; one that touches what a data breakpoint watches raises its exception only if `WATCHED`.
#[inline(always)]
pub(crate) fn execute<const WATCHED: bool, B: Bus + ?Sized>(
    state: &mut State,
    bus: &mut B,
    op: &Instruction,
    start: Start,
) -> Step {
    /// The way to memory.
    macro_rules! port {
        () => {
            Port::<WATCHED, B> { state, bus, cycle: start.cycle(op) }
        };
    }
    match op.opcode {
        Opcode::And => state.set(op.r, state.get(op.s) & state.get(op.t)),
        Opcode::Or => state.set(op.r, state.get(op.s) | state.get(op.t)),
        Opcode::Xor => state.set(op.r, state.get(op.s) ^ state.get(op.t)),
        Opcode::Neg => state.set(op.r, state.get(op.t).wrapping_neg()),
        Opcode::Abs => state.set(op.r, (state.get(op.t) as i32).wrapping_abs() as u32),
        Opcode::Add | Opcode::AddN => state.set(op.r, state.get(op.s).wrapping_add(state.get(op.t))),
        Opcode::Addx2 => state.set(op.r, (state.get(op.s) << 1).wrapping_add(state.get(op.t))),
        Opcode::Addx4 => state.set(op.r, (state.get(op.s) << 2).wrapping_add(state.get(op.t))),
        Opcode::Addx8 => state.set(op.r, (state.get(op.s) << 3).wrapping_add(state.get(op.t))),
        Opcode::Sub => state.set(op.r, state.get(op.s).wrapping_sub(state.get(op.t))),
        Opcode::Subx2 => state.set(op.r, (state.get(op.s) << 1).wrapping_sub(state.get(op.t))),
        Opcode::Subx4 => state.set(op.r, (state.get(op.s) << 2).wrapping_sub(state.get(op.t))),
        Opcode::Subx8 => state.set(op.r, (state.get(op.s) << 3).wrapping_sub(state.get(op.t))),
        Opcode::Addi | Opcode::Addmi => state.set(op.t, state.get(op.s).wrapping_add(op.immediate)),
        Opcode::AddiN => state.set(op.r, state.get(op.s).wrapping_add(op.immediate)),
        Opcode::Movi => state.set(op.t, op.immediate),
        Opcode::MoviN => state.set(op.s, op.immediate),
        Opcode::MovN => state.set(op.t, state.get(op.s)),
        Opcode::Nop
        | Opcode::NopN
        | Opcode::Rsync
        | Opcode::Esync
        | Opcode::Dsync
        | Opcode::Excw
        | Opcode::Memw
        | Opcode::Extw => {}
        // Caches are outside of this core (XCHAL_ICACHE_SIZE is 0), and silicon does not answer simulator calls.
        Opcode::Dpfr
        | Opcode::Dpfw
        | Opcode::Dpfro
        | Opcode::Dpfwo
        | Opcode::Dhwb
        | Opcode::Dhwbi
        | Opcode::Dhi
        | Opcode::Dii
        | Opcode::Ipf
        | Opcode::Ihi
        | Opcode::Iii
        | Opcode::Simcall => {}
        Opcode::Isync => return Step::SYNC,

        Opcode::L32r => {
            let value = attempt!(state, port!().load32(op.immediate));
            state.set(op.t, value);
        }
        Opcode::L8ui => {
            let value = attempt!(state, port!().load8(state.get(op.s).wrapping_add(op.immediate)));
            state.set(op.t, value);
        }
        Opcode::L16ui => {
            let value = attempt!(state, port!().load16(state.get(op.s).wrapping_add(op.immediate)));
            state.set(op.t, value);
        }
        Opcode::L16si => {
            let value = attempt!(state, port!().load16(state.get(op.s).wrapping_add(op.immediate)));
            state.set(op.t, value as i16 as u32);
        }
        Opcode::L32i | Opcode::L32iN => {
            let value = attempt!(state, port!().load32(state.get(op.s).wrapping_add(op.immediate)));
            state.set(op.t, value);
        }
        Opcode::S8i => {
            return stored(state, port!().store8(state.get(op.s).wrapping_add(op.immediate), state.get(op.t)));
        }
        Opcode::S16i => {
            return stored(state, port!().store16(state.get(op.s).wrapping_add(op.immediate), state.get(op.t)));
        }
        Opcode::S32i | Opcode::S32iN | Opcode::S32nb => {
            return stored(state, port!().store32(state.get(op.s).wrapping_add(op.immediate), state.get(op.t)));
        }
        Opcode::L32e => {
            let value = attempt!(state, port!().load32(state.get(op.s).wrapping_add(op.immediate)));
            state.set(op.t, value);
        }
        Opcode::S32e => {
            return stored(state, port!().store32(state.get(op.s).wrapping_add(op.immediate), state.get(op.t)));
        }
        Opcode::L32ai => {
            let address = attempt!(state, aligned(state.get(op.s).wrapping_add(op.immediate)));
            let value = attempt!(state, port!().load32(address));
            state.set(op.t, value);
        }
        Opcode::S32ri => {
            let address = attempt!(state, aligned(state.get(op.s).wrapping_add(op.immediate)));
            return stored(state, port!().store32(address, state.get(op.t)));
        }
        Opcode::S32c1i => return atomic::store_conditionally::<WATCHED, B>(state, bus, op, start.cycle(op)),

        Opcode::Extui => state.set(op.r, state.get(op.t) >> (op.s & 0x1f) & op.immediate),
        Opcode::Slli => state.set(op.r, state.get(op.s).checked_shl(op.immediate).unwrap_or(0)),
        Opcode::Srai => state.set(op.r, ((state.get(op.t) as i32) >> (op.immediate & 0x1f)) as u32),
        Opcode::Srli => state.set(op.r, state.get(op.t) >> (op.immediate & 0x1f)),
        Opcode::Ssr => state.sar = state.get(op.s) & 0x1f,
        Opcode::Ssl => state.sar = 32 - (state.get(op.s) & 0x1f),
        Opcode::Ssa8l => state.sar = (state.get(op.s) & 3) << 3,
        Opcode::Ssa8b => state.sar = 32 - ((state.get(op.s) & 3) << 3),
        Opcode::Ssai => state.sar = op.immediate,
        Opcode::Src => {
            let pair = u64::from(state.get(op.s)) << 32 | u64::from(state.get(op.t));
            state.set(op.r, (pair >> state.sar) as u32);
        }
        Opcode::Srl => state.set(op.r, (u64::from(state.get(op.t)) >> state.sar) as u32),
        Opcode::Sll => state.set(op.r, (u64::from(state.get(op.s)) << 32 >> state.sar) as u32),
        Opcode::Sra => state.set(op.r, (i64::from(state.get(op.t) as i32) >> state.sar) as u32),

        Opcode::Mull => state.set(op.r, state.get(op.s).wrapping_mul(state.get(op.t))),
        Opcode::Muluh => state.set(op.r, ((u64::from(state.get(op.s)) * u64::from(state.get(op.t))) >> 32) as u32),
        Opcode::Mulsh => {
            let product = i64::from(state.get(op.s) as i32) * i64::from(state.get(op.t) as i32);
            state.set(op.r, (product >> 32) as u32);
        }
        Opcode::Mul16u => state.set(op.r, (state.get(op.s) & 0xffff) * (state.get(op.t) & 0xffff)),
        Opcode::Mul16s => {
            state.set(op.r, (i32::from(state.get(op.s) as i16) * i32::from(state.get(op.t) as i16)) as u32);
        }
        Opcode::Quou | Opcode::Quos | Opcode::Remu | Opcode::Rems => {
            let (dividend, divisor) = (state.get(op.s), state.get(op.t));
            if divisor == 0 {
                return state.trap_step(Trap::General(Cause::IntegerDivideByZero));
            }
            let value = match op.opcode {
                Opcode::Quou => dividend / divisor,
                Opcode::Remu => dividend % divisor,
                Opcode::Quos => (dividend as i32).wrapping_div(divisor as i32) as u32,
                _ => (dividend as i32).wrapping_rem(divisor as i32) as u32,
            };
            state.set(op.r, value);
            if op.takes_time_by_values() {
                let signed = matches!(op.opcode, Opcode::Quos | Opcode::Rems);
                let magnitude = |value: u32| if signed { (value as i32).unsigned_abs() } else { value };
                return Step::delay(cost::more_of_division(magnitude(dividend) / magnitude(divisor)));
            }
        }
        Opcode::Sext => {
            let shift = 31 - (op.immediate & 0x1f);
            state.set(op.r, ((state.get(op.s) << shift) as i32 >> shift) as u32);
        }
        Opcode::Clamps => {
            let limit = 1i32 << (op.immediate & 0x1f);
            state.set(op.r, (state.get(op.s) as i32).clamp(-limit, limit - 1) as u32);
        }
        Opcode::Min => state.set(op.r, (state.get(op.s) as i32).min(state.get(op.t) as i32) as u32),
        Opcode::Max => state.set(op.r, (state.get(op.s) as i32).max(state.get(op.t) as i32) as u32),
        Opcode::Minu => state.set(op.r, state.get(op.s).min(state.get(op.t))),
        Opcode::Maxu => state.set(op.r, state.get(op.s).max(state.get(op.t))),
        Opcode::Nsa => {
            let value = state.get(op.s);
            let folded = if (value as i32) < 0 { !value } else { value };
            state.set(op.t, folded.leading_zeros().saturating_sub(1));
        }
        Opcode::Nsau => state.set(op.t, state.get(op.s).leading_zeros()),
        Opcode::Moveqz => {
            if state.get(op.t) == 0 {
                state.set(op.r, state.get(op.s));
            }
        }
        Opcode::Movnez => {
            if state.get(op.t) != 0 {
                state.set(op.r, state.get(op.s));
            }
        }
        Opcode::Movltz => {
            if (state.get(op.t) as i32) < 0 {
                state.set(op.r, state.get(op.s));
            }
        }
        Opcode::Movgez => {
            if (state.get(op.t) as i32) >= 0 {
                state.set(op.r, state.get(op.s));
            }
        }
        Opcode::Movf => {
            if !state.boolean(op.t) {
                state.set(op.r, state.get(op.s));
            }
        }
        Opcode::Movt => {
            if state.boolean(op.t) {
                state.set(op.r, state.get(op.s));
            }
        }
        Opcode::Andb => state.set_boolean(op.r, state.boolean(op.s) & state.boolean(op.t)),
        Opcode::Andbc => state.set_boolean(op.r, state.boolean(op.s) & !state.boolean(op.t)),
        Opcode::Orb => state.set_boolean(op.r, state.boolean(op.s) | state.boolean(op.t)),
        Opcode::Orbc => state.set_boolean(op.r, state.boolean(op.s) | !state.boolean(op.t)),
        Opcode::Xorb => state.set_boolean(op.r, state.boolean(op.s) ^ state.boolean(op.t)),
        Opcode::Any4 => state.set_boolean(op.t, state.br >> (op.s & 12) & 0xf != 0),
        Opcode::All4 => state.set_boolean(op.t, state.br >> (op.s & 12) & 0xf == 0xf),
        Opcode::Any8 => state.set_boolean(op.t, state.br >> (op.s & 8) & 0xff != 0),
        Opcode::All8 => state.set_boolean(op.t, state.br >> (op.s & 8) & 0xff == 0xff),

        Opcode::Beqz | Opcode::BeqzN => return branch(state.get(op.s) == 0, op.immediate),
        Opcode::Bnez | Opcode::BnezN => return branch(state.get(op.s) != 0, op.immediate),
        Opcode::Bltz => return branch((state.get(op.s) as i32) < 0, op.immediate),
        Opcode::Bgez => return branch((state.get(op.s) as i32) >= 0, op.immediate),
        Opcode::Beqi => return branch(state.get(op.s) == COMPARE_SIGNED[usize::from(op.r & 0xf)], op.immediate),
        Opcode::Bnei => return branch(state.get(op.s) != COMPARE_SIGNED[usize::from(op.r & 0xf)], op.immediate),
        Opcode::Blti => {
            return branch((state.get(op.s) as i32) < COMPARE_SIGNED[usize::from(op.r & 0xf)] as i32, op.immediate);
        }
        Opcode::Bgei => {
            return branch((state.get(op.s) as i32) >= COMPARE_SIGNED[usize::from(op.r & 0xf)] as i32, op.immediate);
        }
        Opcode::Bltui => return branch(state.get(op.s) < COMPARE_UNSIGNED[usize::from(op.r & 0xf)], op.immediate),
        Opcode::Bgeui => return branch(state.get(op.s) >= COMPARE_UNSIGNED[usize::from(op.r & 0xf)], op.immediate),
        Opcode::Beq => return branch(state.get(op.s) == state.get(op.t), op.immediate),
        Opcode::Bne => return branch(state.get(op.s) != state.get(op.t), op.immediate),
        Opcode::Blt => return branch((state.get(op.s) as i32) < state.get(op.t) as i32, op.immediate),
        Opcode::Bge => return branch((state.get(op.s) as i32) >= state.get(op.t) as i32, op.immediate),
        Opcode::Bltu => return branch(state.get(op.s) < state.get(op.t), op.immediate),
        Opcode::Bgeu => return branch(state.get(op.s) >= state.get(op.t), op.immediate),
        Opcode::Bnone => return branch(state.get(op.s) & state.get(op.t) == 0, op.immediate),
        Opcode::Bany => return branch(state.get(op.s) & state.get(op.t) != 0, op.immediate),
        Opcode::Ball => return branch(!state.get(op.s) & state.get(op.t) == 0, op.immediate),
        Opcode::Bnall => return branch(!state.get(op.s) & state.get(op.t) != 0, op.immediate),
        Opcode::Bbc => return branch(state.get(op.s) >> (state.get(op.t) & 0x1f) & 1 == 0, op.immediate),
        Opcode::Bbs => return branch(state.get(op.s) >> (state.get(op.t) & 0x1f) & 1 != 0, op.immediate),
        Opcode::Bbci => return branch(state.get(op.s) >> (op.t & 0x1f) & 1 == 0, op.immediate),
        Opcode::Bbsi => return branch(state.get(op.s) >> (op.t & 0x1f) & 1 != 0, op.immediate),
        Opcode::Bf => return branch(!state.boolean(op.s), op.immediate),
        Opcode::Bt => return branch(state.boolean(op.s), op.immediate),
        Opcode::J => return Step::jump(op.immediate),
        Opcode::Jx => return Step::jump(state.get(op.s)),
        Opcode::Ret | Opcode::RetN => return Step::jump(state.get(0)),
        Opcode::Call0 => {
            state.set(0, start.pc(op).wrapping_add(u32::from(op.length())));
            return Step::jump(op.immediate);
        }
        Opcode::Callx0 => {
            let target = state.get(op.s);
            state.set(0, start.pc(op).wrapping_add(u32::from(op.length())));
            return Step::jump(target);
        }
        Opcode::Call4 => return state.call(1, start.pc(op), op.immediate),
        Opcode::Call8 => return state.call(2, start.pc(op), op.immediate),
        Opcode::Call12 => return state.call(3, start.pc(op), op.immediate),
        Opcode::Callx4 => return state.call(1, start.pc(op), state.get(op.s)),
        Opcode::Callx8 => return state.call(2, start.pc(op), state.get(op.s)),
        Opcode::Callx12 => return state.call(3, start.pc(op), state.get(op.s)),
        Opcode::Entry => return state.entry(op.s, op.immediate),
        Opcode::Retw | Opcode::RetwN => return state.retw(start.pc(op)),
        Opcode::Movsp => {
            if state.frames_from(state.window_base.wrapping_sub(3) & 0xf) & 7 == 0 {
                return state.trap_step(Trap::General(Cause::Alloca));
            }
            state.set(op.t, state.get(op.s));
        }
        Opcode::Rotw => {
            state.rotate_to(state.window_base.wrapping_add(op.immediate));
            state.refresh_window();
        }
        Opcode::Loop => state.start_loop(state.get(op.s), start.pc(op), op),
        Opcode::Loopnez => {
            let count = state.get(op.s);
            state.start_loop(count, start.pc(op), op);
            return branch(count == 0, op.immediate);
        }
        Opcode::Loopgtz => {
            let count = state.get(op.s);
            state.start_loop(count, start.pc(op), op);
            return branch(count as i32 <= 0, op.immediate);
        }

        Opcode::Ill | Opcode::IllN => return state.illegal(),
        Opcode::Syscall => return state.trap_step(Trap::General(Cause::Syscall)),
        Opcode::Break => return state.breakpoint(debug_cause::BREAK),
        Opcode::BreakN => return state.breakpoint(debug_cause::BREAK_N),
        Opcode::Rsil => {
            let old = state.ps;
            state.set(op.t, old);
            state.set_ps(old & !ps::INTLEVEL | u32::from(op.s));
            return Step::UNMASK;
        }
        Opcode::Waiti => {
            state.set_ps(state.ps & !ps::INTLEVEL | u32::from(op.s));
            state.waiting = true;
            return Step::SYNC;
        }
        Opcode::Rfe => {
            state.set_ps(state.ps & !ps::EXCM);
            return Step::unmask_jump(state.epc(1));
        }
        Opcode::Rfde => return Step::unmask_jump(state.plain(SpecialRegister::Depc)),
        Opcode::Rfi => {
            let level = u32::from(op.s);
            state.set_ps(if level < 2 { state.ps & !ps::EXCM } else { state.eps(level) });
            return Step::unmask_jump(state.epc(level));
        }
        Opcode::Rfdo | Opcode::Rfdd | Opcode::Lddr32P | Opcode::Sddr32P => {
            return state.debug_instruction(bus, op, start.cycle(op));
        }
        Opcode::Rfwo => return state.return_from_window_handler(false),
        Opcode::Rfwu => return state.return_from_window_handler(true),

        Opcode::Rsr => return state.rsr(op, start.cycle(op)),
        Opcode::Wsr => return state.wsr(op, start.cycle(op)),
        Opcode::Xsr => return state.xsr(op, start.cycle(op)),
        Opcode::Rur => match UserRegister::from_number(op.immediate as u8) {
            Some(UserRegister::Fcr | UserRegister::Fsr) if !state.float_enabled() => return state.float_disabled(),
            Some(register) => state.set(op.r, state.user(register)),
            None => return state.illegal(),
        },
        Opcode::Wur => match UserRegister::from_number(op.immediate as u8) {
            Some(UserRegister::Fcr | UserRegister::Fsr) if !state.float_enabled() => return state.float_disabled(),
            Some(register) => state.set_user(register, state.get(op.t)),
            None => return state.illegal(),
        },
        Opcode::SetbExpstate => state.expstate |= 1 << (op.immediate & 0x1f),
        Opcode::ClrbExpstate => state.expstate &= !(1 << (op.immediate & 0x1f)),
        Opcode::WrmskExpstate => {
            let (value, mask) = (state.get(op.t), state.get(op.s));
            state.expstate = state.expstate & !mask | value & mask;
        }
        // Nothing is connected to the core's import wires on the ESP32.
        Opcode::ReadImpwire => state.set(op.t, 0),
        // The results of the helpers of double-precision arithmetic are not public; their encodings are.
        Opcode::F64iter
        | Opcode::F64rnd
        | Opcode::F64addc
        | Opcode::F64subc
        | Opcode::F64sig
        | Opcode::F64cmpl
        | Opcode::F64cmph
        | Opcode::F64norm
        | Opcode::F64sexp
        | Opcode::Rf64r
        | Opcode::Wf64r => {
            bus.unmodelled_instruction(op.opcode.description().mnemonic, start.pc(op));
            return state.illegal();
        }
        Opcode::Rer => {
            let address = state.get(op.s);
            let value = match DebugRegister::from_external(address) {
                Some(register) => state.debug_register(register),
                None => bus.read_external(address, start.cycle(op)),
            };
            state.set(op.t, value);
        }
        Opcode::Wer => {
            let (address, value) = (state.get(op.s), state.get(op.t));
            match DebugRegister::from_external(address) {
                Some(register) => state.set_debug_register(register, value),
                None => bus.write_external(address, value, start.cycle(op)),
            }
            return Step::SYNC;
        }
        Opcode::Ritlb0 | Opcode::Rdtlb0 => state.set(op.t, region::virtual_page(state.get(op.s))),
        Opcode::Ritlb1 => state.set(op.t, region::entry(state, Side::Instruction, state.get(op.s))),
        Opcode::Rdtlb1 => state.set(op.t, region::entry(state, Side::Data, state.get(op.s))),
        Opcode::Pitlb | Opcode::Pdtlb => state.set(op.t, region::probe(state.get(op.s))),
        Opcode::Witlb => region::write(state, Side::Instruction, state.get(op.s), state.get(op.t)),
        Opcode::Wdtlb => region::write(state, Side::Data, state.get(op.s), state.get(op.t)),
        // The entries of a region protection unit cannot be invalidated.
        Opcode::Iitlb | Opcode::Idtlb => {}

        Opcode::UmulAa
        | Opcode::MulAa
        | Opcode::MulaAa
        | Opcode::MulsAa
        | Opcode::MulAd
        | Opcode::MulaAd
        | Opcode::MulsAd
        | Opcode::MulDa
        | Opcode::MulaDa
        | Opcode::MulsDa
        | Opcode::MulDd
        | Opcode::MulaDd
        | Opcode::MulsDd => mac16::multiply(state, op),
        Opcode::MulaDdLdinc | Opcode::MulaDaLdinc | Opcode::Ldinc => {
            return mac16::multiply_and_load::<WATCHED, B>(state, bus, op, mac16::WORD, start.cycle(op));
        }
        Opcode::MulaDdLddec | Opcode::MulaDaLddec | Opcode::Lddec => {
            return mac16::multiply_and_load::<WATCHED, B>(state, bus, op, mac16::WORD.wrapping_neg(), start.cycle(op));
        }

        Opcode::Lsi => {
            return float::load::<WATCHED, B>(
                state,
                bus,
                op.t,
                op,
                state.get(op.s).wrapping_add(op.immediate),
                false,
                start.cycle(op),
            );
        }
        Opcode::Lsip => return float::load::<WATCHED, B>(state, bus, op.t, op, state.get(op.s), true, start.cycle(op)),
        Opcode::Lsx => {
            return float::load::<WATCHED, B>(
                state,
                bus,
                op.r,
                op,
                state.get(op.s).wrapping_add(state.get(op.t)),
                false,
                start.cycle(op),
            );
        }
        Opcode::Lsxp => return float::load::<WATCHED, B>(state, bus, op.r, op, state.get(op.s), true, start.cycle(op)),
        Opcode::Ssi => {
            return float::store::<WATCHED, B>(
                state,
                bus,
                op.t,
                op,
                state.get(op.s).wrapping_add(op.immediate),
                false,
                start.cycle(op),
            );
        }
        Opcode::Ssip => {
            return float::store::<WATCHED, B>(state, bus, op.t, op, state.get(op.s), true, start.cycle(op));
        }
        Opcode::Ssx => {
            return float::store::<WATCHED, B>(
                state,
                bus,
                op.r,
                op,
                state.get(op.s).wrapping_add(state.get(op.t)),
                false,
                start.cycle(op),
            );
        }
        Opcode::Ssxp => {
            return float::store::<WATCHED, B>(state, bus, op.r, op, state.get(op.s), true, start.cycle(op));
        }
        Opcode::AddS
        | Opcode::SubS
        | Opcode::MulS
        | Opcode::MaddS
        | Opcode::MsubS
        | Opcode::MaddnS
        | Opcode::DivnS
        | Opcode::RoundS
        | Opcode::TruncS
        | Opcode::FloorS
        | Opcode::CeilS
        | Opcode::FloatS
        | Opcode::UfloatS
        | Opcode::UtruncS
        | Opcode::MovS
        | Opcode::AbsS
        | Opcode::ConstS
        | Opcode::Rfr
        | Opcode::Wfr
        | Opcode::NegS
        | Opcode::Div0S
        | Opcode::Recip0S
        | Opcode::Sqrt0S
        | Opcode::Rsqrt0S
        | Opcode::Nexp01S
        | Opcode::MksadjS
        | Opcode::MkdadjS
        | Opcode::AddexpS
        | Opcode::AddexpmS
        | Opcode::UnS
        | Opcode::OeqS
        | Opcode::UeqS
        | Opcode::OltS
        | Opcode::UltS
        | Opcode::OleS
        | Opcode::UleS
        | Opcode::MoveqzS
        | Opcode::MovnezS
        | Opcode::MovltzS
        | Opcode::MovgezS
        | Opcode::MovfS
        | Opcode::MovtS => return float::execute(state, op),
    }
    Step::NEXT
}

/// `L32AI` and `S32RI` have no support for unaligned addresses.
fn aligned(address: u32) -> Result<u32, Trap> {
    if address & 3 == 0 { Ok(address) } else { Err(Trap::Load(Fault::Alignment, address)) }
}

impl State {
    /// Leaves a trap for the interpreter to raise.
    #[cold]
    pub(crate) fn trap_step(&mut self, trap: Trap) -> Step {
        self.trap = trap;
        Step::RAISE
    }

    pub(crate) fn illegal(&mut self) -> Step {
        self.trap_step(Trap::General(Cause::IllegalInstruction))
    }

    pub(crate) fn float_disabled(&mut self) -> Step {
        self.trap_step(Trap::General(Cause::Coprocessor0Disabled))
    }

    fn start_loop(&mut self, count: u32, pc: u32, op: &Instruction) {
        self.lbeg = pc.wrapping_add(u32::from(op.length()));
        self.lend = op.immediate;
        self.lcount = count.wrapping_sub(1);
    }

    /// `BREAK` is ignored at and above the debug level.
    fn breakpoint(&mut self, cause: u32) -> Step {
        if self.interrupt_level() < DEBUG_LEVEL { self.trap_step(Trap::Debug(cause)) } else { Step::SYNC }
    }
}
