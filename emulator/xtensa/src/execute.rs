//! What every instruction does: the one place that the plain interpreter and the block interpreter share.

use crate::bus::Bus;
use crate::exception::{Cause, Trap, debug_cause};
use crate::float;
use crate::instruction::{Instruction, Opcode};
use crate::mac16;
use crate::memory::{load8, load16, load32, store8, store16, store32};
use crate::operand::{COMPARE_SIGNED, COMPARE_UNSIGNED};
use crate::region::{self, Side};
use crate::register::{SpecialRegister, UserRegister};
use crate::state::{DEBUG_LEVEL, QUARTERS_IN_WINDOW, State, ps};

/// What comes after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next instruction in memory.
    Next,
    /// The instruction at an address.
    Jump(u32),
    /// The next instruction, for which the window has to be looked at again.
    Leave,
    /// The next instruction, after looking at interrupts again because `PS` changed.
    Unmask,
    /// The instruction at an address, after looking at interrupts again because `PS` changed.
    UnmaskJump(u32),
    /// The next instruction, after looking at everything again that can interrupt straight execution.
    Sync,
    /// The handler of a trap; the instruction had no effect.
    Raise(Trap),
}

const ILLEGAL: Step = Step::Raise(Trap::General(Cause::IllegalInstruction));

/// Unwraps a memory access, or leaves the instruction with its trap.
macro_rules! attempt {
    ($access:expr) => {
        match $access {
            Ok(value) => value,
            Err(trap) => return Step::Raise(trap),
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
    if condition { Step::Jump(target) } else { Step::Next }
}

/// Executes one instruction at `pc`; `cycle` counts from the start of the current run.
#[inline(always)]
pub(crate) fn execute<B: Bus>(state: &mut State, bus: &mut B, op: &Instruction, pc: u32, cycle: u32) -> Step {
    let Instruction { opcode, r, s, t, immediate, .. } = *op;
    match opcode {
        Opcode::And => state.set(r, state.get(s) & state.get(t)),
        Opcode::Or => state.set(r, state.get(s) | state.get(t)),
        Opcode::Xor => state.set(r, state.get(s) ^ state.get(t)),
        Opcode::Neg => state.set(r, state.get(t).wrapping_neg()),
        Opcode::Abs => state.set(r, (state.get(t) as i32).wrapping_abs() as u32),
        Opcode::Add | Opcode::AddN => state.set(r, state.get(s).wrapping_add(state.get(t))),
        Opcode::Addx2 => state.set(r, (state.get(s) << 1).wrapping_add(state.get(t))),
        Opcode::Addx4 => state.set(r, (state.get(s) << 2).wrapping_add(state.get(t))),
        Opcode::Addx8 => state.set(r, (state.get(s) << 3).wrapping_add(state.get(t))),
        Opcode::Sub => state.set(r, state.get(s).wrapping_sub(state.get(t))),
        Opcode::Subx2 => state.set(r, (state.get(s) << 1).wrapping_sub(state.get(t))),
        Opcode::Subx4 => state.set(r, (state.get(s) << 2).wrapping_sub(state.get(t))),
        Opcode::Subx8 => state.set(r, (state.get(s) << 3).wrapping_sub(state.get(t))),
        Opcode::Addi | Opcode::Addmi => state.set(t, state.get(s).wrapping_add(immediate)),
        Opcode::AddiN => state.set(r, state.get(s).wrapping_add(immediate)),
        Opcode::Movi => state.set(t, immediate),
        Opcode::MoviN => state.set(s, immediate),
        Opcode::MovN => state.set(t, state.get(s)),
        Opcode::Nop
        | Opcode::NopN
        | Opcode::Rsync
        | Opcode::Esync
        | Opcode::Dsync
        | Opcode::Excw
        | Opcode::Memw
        | Opcode::Extw => {}
        // Caches are outside of this core (XCHAL_ICACHE_SIZE is 0), and nobody answers a simulator call on silicon.
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
        Opcode::Isync => return Step::Sync,

        Opcode::L32r => {
            let value = attempt!(load32(bus, immediate, cycle));
            state.set(t, value);
        }
        Opcode::L8ui => {
            let value = attempt!(load8(bus, state.get(s).wrapping_add(immediate), cycle));
            state.set(t, value);
        }
        Opcode::L16ui => {
            let value = attempt!(load16(bus, state.get(s).wrapping_add(immediate), cycle));
            state.set(t, value);
        }
        Opcode::L16si => {
            let value = attempt!(load16(bus, state.get(s).wrapping_add(immediate), cycle));
            state.set(t, value as i16 as u32);
        }
        Opcode::L32i | Opcode::L32iN => {
            let value = attempt!(load32(bus, state.get(s).wrapping_add(immediate), cycle));
            state.set(t, value);
        }
        Opcode::S8i => attempt!(store8(bus, state.get(s).wrapping_add(immediate), state.get(t), cycle)),
        Opcode::S16i => attempt!(store16(bus, state.get(s).wrapping_add(immediate), state.get(t), cycle)),
        Opcode::S32i | Opcode::S32iN | Opcode::S32nb => {
            attempt!(store32(bus, state.get(s).wrapping_add(immediate), state.get(t), cycle));
        }
        Opcode::L32e => {
            let value = attempt!(load32(bus, state.get(s).wrapping_add(immediate), cycle));
            state.set(t, value);
        }
        Opcode::S32e => attempt!(store32(bus, state.get(s).wrapping_add(immediate), state.get(t), cycle)),
        Opcode::L32ai => {
            let address = attempt!(aligned(state.get(s).wrapping_add(immediate)));
            let value = attempt!(load32(bus, address, cycle));
            state.set(t, value);
        }
        Opcode::S32ri => {
            let address = attempt!(aligned(state.get(s).wrapping_add(immediate)));
            attempt!(store32(bus, address, state.get(t), cycle));
        }
        Opcode::S32c1i => {
            let address = attempt!(aligned(state.get(s).wrapping_add(immediate)));
            let value = attempt!(load32(bus, address, cycle));
            if value == state.plain(SpecialRegister::Scompare1) {
                attempt!(store32(bus, address, state.get(t), cycle));
            }
            state.set(t, value);
        }

        Opcode::Extui => state.set(r, state.get(t) >> (s & 0x1f) & immediate),
        Opcode::Slli => state.set(r, state.get(s).checked_shl(immediate).unwrap_or(0)),
        Opcode::Srai => state.set(r, ((state.get(t) as i32) >> (immediate & 0x1f)) as u32),
        Opcode::Srli => state.set(r, state.get(t) >> (immediate & 0x1f)),
        Opcode::Ssr => state.sar = state.get(s) & 0x1f,
        Opcode::Ssl => state.sar = 32 - (state.get(s) & 0x1f),
        Opcode::Ssa8l => state.sar = (state.get(s) & 3) << 3,
        Opcode::Ssa8b => state.sar = 32 - ((state.get(s) & 3) << 3),
        Opcode::Ssai => state.sar = immediate,
        Opcode::Src => {
            let pair = u64::from(state.get(s)) << 32 | u64::from(state.get(t));
            state.set(r, (pair >> state.sar) as u32);
        }
        Opcode::Srl => state.set(r, (u64::from(state.get(t)) >> state.sar) as u32),
        Opcode::Sll => state.set(r, (u64::from(state.get(s)) << 32 >> state.sar) as u32),
        Opcode::Sra => state.set(r, (i64::from(state.get(t) as i32) >> state.sar) as u32),

        Opcode::Mull => state.set(r, state.get(s).wrapping_mul(state.get(t))),
        Opcode::Muluh => state.set(r, ((u64::from(state.get(s)) * u64::from(state.get(t))) >> 32) as u32),
        Opcode::Mulsh => {
            let product = i64::from(state.get(s) as i32) * i64::from(state.get(t) as i32);
            state.set(r, (product >> 32) as u32);
        }
        Opcode::Mul16u => state.set(r, (state.get(s) & 0xffff) * (state.get(t) & 0xffff)),
        Opcode::Mul16s => {
            state.set(r, (i32::from(state.get(s) as i16) * i32::from(state.get(t) as i16)) as u32);
        }
        Opcode::Quou | Opcode::Quos | Opcode::Remu | Opcode::Rems => {
            let (dividend, divisor) = (state.get(s), state.get(t));
            if divisor == 0 {
                return Step::Raise(Trap::General(Cause::IntegerDivideByZero));
            }
            let value = match opcode {
                Opcode::Quou => dividend / divisor,
                Opcode::Remu => dividend % divisor,
                Opcode::Quos => (dividend as i32).wrapping_div(divisor as i32) as u32,
                _ => (dividend as i32).wrapping_rem(divisor as i32) as u32,
            };
            state.set(r, value);
        }
        Opcode::Sext => {
            let shift = 31 - (immediate & 0x1f);
            state.set(r, ((state.get(s) << shift) as i32 >> shift) as u32);
        }
        Opcode::Clamps => {
            let limit = 1i32 << (immediate & 0x1f);
            state.set(r, (state.get(s) as i32).clamp(-limit, limit - 1) as u32);
        }
        Opcode::Min => state.set(r, (state.get(s) as i32).min(state.get(t) as i32) as u32),
        Opcode::Max => state.set(r, (state.get(s) as i32).max(state.get(t) as i32) as u32),
        Opcode::Minu => state.set(r, state.get(s).min(state.get(t))),
        Opcode::Maxu => state.set(r, state.get(s).max(state.get(t))),
        Opcode::Nsa => {
            let value = state.get(s);
            let folded = if (value as i32) < 0 { !value } else { value };
            state.set(t, folded.leading_zeros().saturating_sub(1));
        }
        Opcode::Nsau => state.set(t, state.get(s).leading_zeros()),
        Opcode::Moveqz => {
            if state.get(t) == 0 {
                state.set(r, state.get(s));
            }
        }
        Opcode::Movnez => {
            if state.get(t) != 0 {
                state.set(r, state.get(s));
            }
        }
        Opcode::Movltz => {
            if (state.get(t) as i32) < 0 {
                state.set(r, state.get(s));
            }
        }
        Opcode::Movgez => {
            if (state.get(t) as i32) >= 0 {
                state.set(r, state.get(s));
            }
        }
        Opcode::Movf => {
            if !state.boolean(t) {
                state.set(r, state.get(s));
            }
        }
        Opcode::Movt => {
            if state.boolean(t) {
                state.set(r, state.get(s));
            }
        }
        Opcode::Andb => state.set_boolean(r, state.boolean(s) & state.boolean(t)),
        Opcode::Andbc => state.set_boolean(r, state.boolean(s) & !state.boolean(t)),
        Opcode::Orb => state.set_boolean(r, state.boolean(s) | state.boolean(t)),
        Opcode::Orbc => state.set_boolean(r, state.boolean(s) | !state.boolean(t)),
        Opcode::Xorb => state.set_boolean(r, state.boolean(s) ^ state.boolean(t)),
        Opcode::Any4 => state.set_boolean(t, state.br >> (s & 12) & 0xf != 0),
        Opcode::All4 => state.set_boolean(t, state.br >> (s & 12) & 0xf == 0xf),
        Opcode::Any8 => state.set_boolean(t, state.br >> (s & 8) & 0xff != 0),
        Opcode::All8 => state.set_boolean(t, state.br >> (s & 8) & 0xff == 0xff),

        Opcode::Beqz | Opcode::BeqzN => return branch(state.get(s) == 0, immediate),
        Opcode::Bnez | Opcode::BnezN => return branch(state.get(s) != 0, immediate),
        Opcode::Bltz => return branch((state.get(s) as i32) < 0, immediate),
        Opcode::Bgez => return branch((state.get(s) as i32) >= 0, immediate),
        Opcode::Beqi => return branch(state.get(s) == COMPARE_SIGNED[usize::from(r & 0xf)], immediate),
        Opcode::Bnei => return branch(state.get(s) != COMPARE_SIGNED[usize::from(r & 0xf)], immediate),
        Opcode::Blti => {
            return branch((state.get(s) as i32) < COMPARE_SIGNED[usize::from(r & 0xf)] as i32, immediate);
        }
        Opcode::Bgei => {
            return branch((state.get(s) as i32) >= COMPARE_SIGNED[usize::from(r & 0xf)] as i32, immediate);
        }
        Opcode::Bltui => return branch(state.get(s) < COMPARE_UNSIGNED[usize::from(r & 0xf)], immediate),
        Opcode::Bgeui => return branch(state.get(s) >= COMPARE_UNSIGNED[usize::from(r & 0xf)], immediate),
        Opcode::Beq => return branch(state.get(s) == state.get(t), immediate),
        Opcode::Bne => return branch(state.get(s) != state.get(t), immediate),
        Opcode::Blt => return branch((state.get(s) as i32) < state.get(t) as i32, immediate),
        Opcode::Bge => return branch((state.get(s) as i32) >= state.get(t) as i32, immediate),
        Opcode::Bltu => return branch(state.get(s) < state.get(t), immediate),
        Opcode::Bgeu => return branch(state.get(s) >= state.get(t), immediate),
        Opcode::Bnone => return branch(state.get(s) & state.get(t) == 0, immediate),
        Opcode::Bany => return branch(state.get(s) & state.get(t) != 0, immediate),
        Opcode::Ball => return branch(!state.get(s) & state.get(t) == 0, immediate),
        Opcode::Bnall => return branch(!state.get(s) & state.get(t) != 0, immediate),
        Opcode::Bbc => return branch(state.get(s) >> (state.get(t) & 0x1f) & 1 == 0, immediate),
        Opcode::Bbs => return branch(state.get(s) >> (state.get(t) & 0x1f) & 1 != 0, immediate),
        Opcode::Bbci => return branch(state.get(s) >> (t & 0x1f) & 1 == 0, immediate),
        Opcode::Bbsi => return branch(state.get(s) >> (t & 0x1f) & 1 != 0, immediate),
        Opcode::Bf => return branch(!state.boolean(s), immediate),
        Opcode::Bt => return branch(state.boolean(s), immediate),
        Opcode::J => return Step::Jump(immediate),
        Opcode::Jx => return Step::Jump(state.get(s)),
        Opcode::Ret | Opcode::RetN => return Step::Jump(state.get(0)),
        Opcode::Call0 => {
            state.set(0, pc.wrapping_add(u32::from(op.length)));
            return Step::Jump(immediate);
        }
        Opcode::Callx0 => {
            let target = state.get(s);
            state.set(0, pc.wrapping_add(u32::from(op.length)));
            return Step::Jump(target);
        }
        Opcode::Call4 => return state.call(1, pc, immediate),
        Opcode::Call8 => return state.call(2, pc, immediate),
        Opcode::Call12 => return state.call(3, pc, immediate),
        Opcode::Callx4 => return state.call(1, pc, state.get(s)),
        Opcode::Callx8 => return state.call(2, pc, state.get(s)),
        Opcode::Callx12 => return state.call(3, pc, state.get(s)),
        Opcode::Entry => return state.entry(s, immediate),
        Opcode::Retw | Opcode::RetwN => return state.retw(pc),
        Opcode::Movsp => {
            if state.frames_from(state.window_base.wrapping_sub(3) & 0xf) & 7 == 0 {
                return Step::Raise(Trap::General(Cause::Alloca));
            }
            state.set(t, state.get(s));
        }
        Opcode::Rotw => {
            state.rotate_to(state.window_base.wrapping_add(immediate as u8));
            state.refresh_window();
        }
        Opcode::Loop => state.start_loop(state.get(s), pc, op),
        Opcode::Loopnez => {
            let count = state.get(s);
            state.start_loop(count, pc, op);
            return branch(count == 0, immediate);
        }
        Opcode::Loopgtz => {
            let count = state.get(s);
            state.start_loop(count, pc, op);
            return branch(count as i32 <= 0, immediate);
        }

        Opcode::Ill | Opcode::IllN => return ILLEGAL,
        Opcode::Syscall => return Step::Raise(Trap::General(Cause::Syscall)),
        Opcode::Break => return state.breakpoint(debug_cause::BREAK),
        Opcode::BreakN => return state.breakpoint(debug_cause::BREAK_N),
        Opcode::Rsil => {
            let old = state.ps;
            state.set(t, old);
            state.set_ps(old & !ps::INTLEVEL | u32::from(s));
            return Step::Unmask;
        }
        Opcode::Waiti => {
            state.set_ps(state.ps & !ps::INTLEVEL | u32::from(s));
            state.waiting = true;
            return Step::Sync;
        }
        Opcode::Rfe => {
            state.set_ps(state.ps & !ps::EXCM);
            return Step::UnmaskJump(state.epc(1));
        }
        Opcode::Rfde => return Step::UnmaskJump(state.plain(SpecialRegister::Depc)),
        Opcode::Rfi => {
            let level = u32::from(s);
            state.set_ps(if level < 2 { state.ps & !ps::EXCM } else { state.eps(level) });
            return Step::UnmaskJump(state.epc(level));
        }
        // Returns from the debugger's own mode, which only the debug module can enter.
        Opcode::Rfdo | Opcode::Rfdd | Opcode::Lddr32P | Opcode::Sddr32P => return ILLEGAL,
        Opcode::Rfwo => return state.return_from_window_handler(false),
        Opcode::Rfwu => return state.return_from_window_handler(true),

        Opcode::Rsr => return state.rsr(op, cycle),
        Opcode::Wsr => return state.wsr(op, cycle),
        Opcode::Xsr => return state.xsr(op, cycle),
        Opcode::Rur => match UserRegister::from_number(immediate as u8) {
            Some(UserRegister::Fcr | UserRegister::Fsr) if !state.float_enabled() => return float::DISABLED,
            Some(register) => state.set(r, state.user(register)),
            None => return ILLEGAL,
        },
        Opcode::Wur => match UserRegister::from_number(immediate as u8) {
            Some(UserRegister::Fcr | UserRegister::Fsr) if !state.float_enabled() => return float::DISABLED,
            Some(register) => state.set_user(register, state.get(t)),
            None => return ILLEGAL,
        },
        Opcode::Rer => {
            let value = bus.read_external(state.get(s), cycle);
            state.set(t, value);
        }
        Opcode::Wer => {
            bus.write_external(state.get(s), state.get(t), cycle);
            return Step::Sync;
        }
        Opcode::Ritlb0 | Opcode::Rdtlb0 => state.set(t, region::virtual_page(state.get(s))),
        Opcode::Ritlb1 => state.set(t, region::entry(state, Side::Instruction, state.get(s))),
        Opcode::Rdtlb1 => state.set(t, region::entry(state, Side::Data, state.get(s))),
        Opcode::Pitlb | Opcode::Pdtlb => state.set(t, region::probe(state.get(s))),
        Opcode::Witlb => region::write(state, Side::Instruction, state.get(s), state.get(t)),
        Opcode::Wdtlb => region::write(state, Side::Data, state.get(s), state.get(t)),
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
            return mac16::multiply_and_load(state, bus, op, mac16::WORD, cycle);
        }
        Opcode::MulaDdLddec | Opcode::MulaDaLddec | Opcode::Lddec => {
            return mac16::multiply_and_load(state, bus, op, mac16::WORD.wrapping_neg(), cycle);
        }

        Opcode::Lsi => return float::load(state, bus, t, op, state.get(s).wrapping_add(immediate), false, cycle),
        Opcode::Lsip => return float::load(state, bus, t, op, state.get(s), true, cycle),
        Opcode::Lsx => {
            return float::load(state, bus, r, op, state.get(s).wrapping_add(state.get(t)), false, cycle);
        }
        Opcode::Lsxp => return float::load(state, bus, r, op, state.get(s), true, cycle),
        Opcode::Ssi => return float::store(state, bus, t, op, state.get(s).wrapping_add(immediate), false, cycle),
        Opcode::Ssip => return float::store(state, bus, t, op, state.get(s), true, cycle),
        Opcode::Ssx => {
            return float::store(state, bus, r, op, state.get(s).wrapping_add(state.get(t)), false, cycle);
        }
        Opcode::Ssxp => return float::store(state, bus, r, op, state.get(s), true, cycle),
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
    Step::Next
}

/// `S32C1I`, `L32AI` and `S32RI` have no support for unaligned addresses.
fn aligned(address: u32) -> Result<u32, Trap> {
    if address & 3 == 0 { Ok(address) } else { Err(Trap::Address(Cause::LoadStoreAlignment, address)) }
}

impl State {
    #[inline(always)]
    fn call(&mut self, quarters: u32, pc: u32, target: u32) -> Step {
        const RETURN_ADDRESS: u32 = 0x3fff_ffff;
        const CALL_LENGTH: u32 = 3;
        self.ps = self.ps & !ps::CALLINC | quarters << ps::CALLINC_SHIFT;
        self.set((quarters * 4) as u8, pc.wrapping_add(CALL_LENGTH) & RETURN_ADDRESS | quarters << 30);
        Step::Jump(target)
    }

    #[inline(always)]
    fn entry(&mut self, stack: u8, frame: u32) -> Step {
        let quarters = (self.ps & ps::CALLINC) >> ps::CALLINC_SHIFT;
        if stack > 3 || self.ps & (ps::WOE | ps::EXCM) != ps::WOE {
            return ILLEGAL;
        }
        if quarters as u8 > self.window_free {
            return Step::Raise(Trap::WindowOverflow);
        }
        self.set((quarters << 2) as u8 | stack, self.get(stack).wrapping_sub(frame));
        self.rotate_to(self.window_base.wrapping_add(quarters as u8));
        self.window_start |= 1 << self.window_base;
        self.refresh_window();
        if self.window_free == QUARTERS_IN_WINDOW { Step::Next } else { Step::Leave }
    }

    #[inline(always)]
    fn retw(&mut self, pc: u32) -> Step {
        const SEGMENT: u32 = 0xc000_0000;
        let link = self.get(0);
        let quarters = (link >> 30) as u8;
        // Bit 2 is the quarter just below the current frame, bit 0 the one three below.
        let below = self.frames_from(self.window_base.wrapping_sub(3) & 0xf) & 7;
        let nearest = match below {
            0 => 0,
            frames if frames & 4 != 0 => 1,
            frames if frames & 2 != 0 => 2,
            _ => 3,
        };
        let mismatch = nearest != 0 && nearest != quarters;
        if quarters == 0 || mismatch || self.ps & (ps::WOE | ps::EXCM) != ps::WOE {
            return ILLEGAL;
        }
        if nearest == 0 {
            return Step::Raise(Trap::WindowUnderflow(quarters));
        }
        self.window_start &= !(1 << self.window_base);
        self.rotate_to(self.window_base.wrapping_sub(quarters));
        self.refresh_window();
        Step::Jump(pc & SEGMENT | link & !SEGMENT)
    }

    fn return_from_window_handler(&mut self, underflow: bool) -> Step {
        let bit = 1 << self.window_base;
        if underflow {
            self.window_start |= bit;
        } else {
            self.window_start &= !bit;
        }
        self.rotate_to(((self.ps & ps::OWB) >> ps::OWB_SHIFT) as u8);
        self.set_ps(self.ps & !ps::EXCM);
        Step::UnmaskJump(self.epc(1))
    }

    fn start_loop(&mut self, count: u32, pc: u32, op: &Instruction) {
        self.lbeg = pc.wrapping_add(u32::from(op.length));
        self.lend = op.immediate;
        self.lcount = count.wrapping_sub(1);
    }

    /// `BREAK` is ignored at and above the debug level.
    fn breakpoint(&self, cause: u32) -> Step {
        if self.interrupt_level() < DEBUG_LEVEL { Step::Raise(Trap::Debug(cause)) } else { Step::Sync }
    }

    #[inline(never)]
    fn rsr(&mut self, op: &Instruction, cycle: u32) -> Step {
        match SpecialRegister::from_number(op.immediate as u8) {
            None | Some(SpecialRegister::Intclear | SpecialRegister::Mmid) => ILLEGAL,
            Some(register) => {
                self.set(op.t, self.special(register, self.started + u64::from(cycle)));
                Step::Next
            }
        }
    }

    #[inline(never)]
    fn wsr(&mut self, op: &Instruction, cycle: u32) -> Step {
        match SpecialRegister::from_number(op.immediate as u8) {
            None | Some(SpecialRegister::Prid) => ILLEGAL,
            Some(register) => {
                self.set_special(register, self.get(op.t), self.started + u64::from(cycle));
                Step::Sync
            }
        }
    }

    #[inline(never)]
    fn xsr(&mut self, op: &Instruction, cycle: u32) -> Step {
        match SpecialRegister::from_number(op.immediate as u8) {
            None
            | Some(
                SpecialRegister::Prid
                | SpecialRegister::Interrupt
                | SpecialRegister::Intclear
                | SpecialRegister::Mmid
                | SpecialRegister::Configid0
                | SpecialRegister::Configid1,
            ) => ILLEGAL,
            Some(register) => {
                let now = self.started + u64::from(cycle);
                let value = self.get(op.t);
                self.set(op.t, self.special(register, now));
                self.set_special(register, value, now);
                Step::Sync
            }
        }
    }
}
