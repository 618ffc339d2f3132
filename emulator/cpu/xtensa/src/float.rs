//! The single-precision floating-point coprocessor.

use crate::float_divide as divide;
use crate::float_number::{
    Rounding, SIGN, add, is_nan, is_signaling, multiply, multiply_add, narrow, power_of_two, to_signed, to_unsigned,
};
use crate::instruction::{Instruction, Opcode};
use crate::memory::{Port, stored};
use crate::operand::FLOAT_CONSTANTS;
use crate::register::{COPROCESSOR_0, SpecialRegister, flag};
use crate::state::State;
use crate::step::Step;
use espalier_core::Bus;

impl State {
    pub(crate) fn float_enabled(&self) -> bool {
        self.plain(SpecialRegister::Cpenable) & COPROCESSOR_0 != 0
    }

    fn float(&self, number: u8) -> u32 {
        self.fr[usize::from(number & 0xf)]
    }

    fn set_float(&mut self, number: u8, bits: u32) {
        self.fr[usize::from(number & 0xf)] = bits;
    }
}

/// Comparison results: less, equal, greater or unordered.
fn compare(state: &mut State, op: &Instruction, quiet: bool) -> Option<std::cmp::Ordering> {
    let (a, b) = (state.float(op.s), state.float(op.t));
    if is_signaling(a) || is_signaling(b) || !quiet && (is_nan(a) || is_nan(b)) {
        state.fsr |= flag::INVALID;
    }
    f32::from_bits(a).partial_cmp(&f32::from_bits(b))
}

/// Executes a floating-point instruction that does not access memory.
#[inline(never)]
pub(crate) fn execute(state: &mut State, op: &Instruction) -> Step {
    use std::cmp::Ordering::{Equal, Less};

    if !state.float_enabled() {
        return state.float_disabled();
    }
    let Instruction { r, s, t, .. } = *op;
    let rounding = Rounding::from_fcr(state.fcr);
    let (fr, fs, ft) = (state.float(r), state.float(s), state.float(t));
    let (result, flags) = match op.opcode {
        Opcode::AddS => add(fs, ft, rounding),
        Opcode::SubS => add(fs, if is_nan(ft) { ft } else { ft ^ SIGN }, rounding),
        Opcode::MulS => multiply(fs, ft, rounding),
        Opcode::MaddS => multiply_add(fr, fs, ft, rounding),
        Opcode::MsubS => multiply_add(fr, if is_nan(fs) { fs } else { fs ^ SIGN }, ft, rounding),
        Opcode::MaddnS => divide::maddn(fr, fs, ft),
        Opcode::DivnS => divide::divn(fr),
        Opcode::Div0S => divide::div0(fs),
        Opcode::Recip0S => divide::recip0(fs),
        Opcode::Sqrt0S => divide::sqrt0(fs),
        Opcode::Rsqrt0S => divide::rsqrt0(fs),
        Opcode::Nexp01S => divide::nexp01(fs),
        Opcode::MksadjS => divide::mksadj(fs, rounding),
        Opcode::MkdadjS => divide::mkdadj(fr, fs, rounding),
        Opcode::AddexpS => divide::addexp(fr),
        Opcode::AddexpmS => divide::addexpm(fs),
        Opcode::MovS => (fs, 0),
        Opcode::AbsS => (fs & !SIGN, 0),
        Opcode::NegS => (fs ^ SIGN, 0),
        Opcode::ConstS => (FLOAT_CONSTANTS[usize::from(s & 0xf)], 0),
        Opcode::Wfr => (state.get(s), 0),
        Opcode::MoveqzS => (if state.get(t) == 0 { fs } else { fr }, 0),
        Opcode::MovnezS => (if state.get(t) != 0 { fs } else { fr }, 0),
        Opcode::MovltzS => (if (state.get(t) as i32) < 0 { fs } else { fr }, 0),
        Opcode::MovgezS => (if (state.get(t) as i32) >= 0 { fs } else { fr }, 0),
        Opcode::MovfS => (if state.boolean(t) { fr } else { fs }, 0),
        Opcode::MovtS => (if state.boolean(t) { fs } else { fr }, 0),
        Opcode::FloatS => narrow(f64::from(state.get(s) as i32) * power_of_two(-i32::from(t)), rounding),
        Opcode::UfloatS => narrow(f64::from(state.get(s)) * power_of_two(-i32::from(t)), rounding),
        _ => {
            match op.opcode {
                Opcode::Rfr => state.set(r, fs),
                Opcode::RoundS => state.convert(r, to_signed(fs, t, Rounding::Nearest)),
                Opcode::TruncS => state.convert(r, to_signed(fs, t, Rounding::Zero)),
                Opcode::FloorS => state.convert(r, to_signed(fs, t, Rounding::Down)),
                Opcode::CeilS => state.convert(r, to_signed(fs, t, Rounding::Up)),
                Opcode::UtruncS => state.convert(r, to_unsigned(fs, t)),
                comparison => {
                    // Only the ordered comparisons of magnitude mind a quiet NaN.
                    let quiet = !matches!(comparison, Opcode::OltS | Opcode::OleS);
                    let order = compare(state, op, quiet);
                    let result = match comparison {
                        Opcode::UnS => order.is_none(),
                        Opcode::OeqS => order == Some(Equal),
                        Opcode::UeqS => matches!(order, None | Some(Equal)),
                        Opcode::OltS => order == Some(Less),
                        Opcode::UltS => matches!(order, None | Some(Less)),
                        Opcode::OleS => matches!(order, Some(Less | Equal)),
                        _ => matches!(order, None | Some(Less | Equal)),
                    };
                    state.set_boolean(r, result);
                }
            }
            return Step::NEXT;
        }
    };
    state.set_float(r, result);
    state.fsr |= flags;
    Step::NEXT
}

impl State {
    fn convert(&mut self, register: u8, (result, flags): (u32, u32)) {
        self.set(register, result);
        self.fsr |= flags;
    }
}

/// Address after a load or store that updates its base: the sum of the base and the offset or index.
fn updated(state: &State, op: &Instruction) -> u32 {
    let step = match op.opcode {
        Opcode::Lsxp | Opcode::Ssxp => state.get(op.t),
        _ => op.immediate,
    };
    state.get(op.s).wrapping_add(step)
}

/// Loads floating-point register `number` from `address`; `update` moves the base register afterwards.
#[inline(never)]
pub(crate) fn load<const WATCHED: bool, B: Bus + ?Sized>(
    state: &mut State,
    bus: &mut B,
    number: u8,
    op: &Instruction,
    address: u32,
    update: bool,
    cycle: u32,
) -> Step {
    if !state.float_enabled() {
        return state.float_disabled();
    }
    match (Port::<WATCHED, B> { state, bus, cycle }).load32(address) {
        Ok(value) => state.set_float(number, value),
        Err(trap) => return state.trap_step(trap),
    }
    if update {
        state.set(op.s, updated(state, op));
    }
    Step::NEXT
}

/// Stores floating-point register `number` to `address`; `update` moves the base register afterwards.
#[inline(never)]
pub(crate) fn store<const WATCHED: bool, B: Bus + ?Sized>(
    state: &mut State,
    bus: &mut B,
    number: u8,
    op: &Instruction,
    address: u32,
    update: bool,
    cycle: u32,
) -> Step {
    if !state.float_enabled() {
        return state.float_disabled();
    }
    let result = (Port::<WATCHED, B> { state, bus, cycle }).store32(address, state.float(number));
    if update && result.is_ok() {
        state.set(op.s, updated(state, op));
    }
    stored(state, result)
}
