//! The cycles of one instruction in silicon's time, out of its [`Cost`] and of the instructions behind it.

use espalier_core::CODE_PAGE;

use crate::cost::Cost;
use crate::instruction::{Flow, Instruction, Opcode};
use crate::operand::{Field, Operand};

/// A register that an instruction waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Register {
    Address(u8),
    Float(u8),
}

fn register(operand: Operand, op: &Instruction) -> Option<Register> {
    let number = |field| match field {
        Field::R => op.r,
        Field::S => op.s,
        Field::T => op.t,
    };
    match operand {
        Operand::Reg(field) => Some(Register::Address(number(field))),
        Operand::Float(field) => Some(Register::Float(number(field))),
        _ => None,
    }
}

/// Whether the value in a register decides what an instruction does.
fn uses(op: &Instruction, wanted: Register) -> bool {
    let description = op.opcode.description();
    let is_changed = matches!(
        op.opcode,
        Opcode::Moveqz | Opcode::Movnez | Opcode::Movltz | Opcode::Movgez | Opcode::MaddS | Opcode::MsubS
    );
    let results = usize::from(description.cost != Cost::Use && !is_changed);
    description.operands.iter().skip(results).any(|operand| register(*operand, op) == Some(wanted))
}

/// The cycles of the instruction at `pc`. It is charged for the wait of an instruction behind it which needs its result too early;
/// that one is only looked for in the code page of its own, with which a block is decoded anew. `fetch` decodes what is at an address.
pub(crate) fn cycles(op: &Instruction, pc: u32, mut fetch: impl FnMut(u32) -> Option<Instruction>) -> u8 {
    let description = op.opcode.description();
    let (cycles, latency) = description.cost.cycles();
    let result = description.operands.first().and_then(|operand| register(*operand, op));
    let Some(result) = result.filter(|_| latency > 0) else { return cycles };
    let mut at = pc.wrapping_add(u32::from(op.length()));
    for wait in (1..=latency).rev() {
        const LAST_BYTE: u32 = 2;
        if (pc ^ at.wrapping_add(LAST_BYTE)) >= CODE_PAGE {
            break;
        }
        let Some(next) = fetch(at) else { break };
        if uses(&next, result) {
            return cycles + wait;
        }
        if next.opcode.description().flow != Flow::Next {
            break;
        }
        at = at.wrapping_add(u32::from(next.length()));
    }
    cycles
}
