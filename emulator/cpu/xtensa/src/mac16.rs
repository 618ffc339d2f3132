//! The MAC16 option: 16-bit products and a 40-bit accumulator.

use crate::instruction::{Instruction, Opcode};
use crate::memory::Port;
use crate::state::State;
use crate::step::Step;
use espalier_core::Bus;

/// By how much the loads of `LDINC` and `LDDEC` move their pointer.
pub(crate) const WORD: u32 = 4;

fn half(value: u32, high: bool) -> i64 {
    i64::from((if high { value >> 16 } else { value }) as i16)
}

/// The product and accumulate instructions without a load.
#[inline(never)]
pub(crate) fn multiply(state: &mut State, op: &Instruction) {
    let x = match op.opcode {
        Opcode::UmulAa
        | Opcode::MulAa
        | Opcode::MulaAa
        | Opcode::MulsAa
        | Opcode::MulAd
        | Opcode::MulaAd
        | Opcode::MulsAd => state.get(op.s),
        _ => state.mac(op.r >> 2 & 1),
    };
    let y = match op.opcode {
        Opcode::UmulAa
        | Opcode::MulAa
        | Opcode::MulaAa
        | Opcode::MulsAa
        | Opcode::MulDa
        | Opcode::MulaDa
        | Opcode::MulsDa
        | Opcode::MulaDaLdinc
        | Opcode::MulaDaLddec => state.get(op.t),
        _ => state.mac(2 + (op.t >> 2 & 1)),
    };
    let (x, y) = (half(x, op.immediate & 1 != 0), half(y, op.immediate & 2 != 0));
    let sum = match op.opcode {
        Opcode::UmulAa => (x & 0xffff) * (y & 0xffff),
        Opcode::MulAa | Opcode::MulAd | Opcode::MulDa | Opcode::MulDd => x * y,
        Opcode::MulsAa | Opcode::MulsAd | Opcode::MulsDa | Opcode::MulsDd => state.acc() - x * y,
        _ => state.acc() + x * y,
    };
    state.set_acc(sum);
}

/// `LDINC`, `LDDEC` and the products that do the same at once. The product uses the register's value before the load.
#[inline(never)]
pub(crate) fn multiply_and_load<const WATCHED: bool, B: Bus + ?Sized>(
    state: &mut State,
    bus: &mut B,
    op: &Instruction,
    step: u32,
    cycle: u32,
) -> Step {
    let address = state.get(op.s).wrapping_add(step);
    let value = match (Port::<WATCHED, B> { state, bus, cycle }).load32(address) {
        Ok(value) => value,
        Err(trap) => return state.trap_step(trap),
    };
    if !matches!(op.opcode, Opcode::Ldinc | Opcode::Lddec) {
        multiply(state, op);
    }
    state.set(op.s, address);
    state.set_mac(op.r & 3, value);
    Step::NEXT
}
