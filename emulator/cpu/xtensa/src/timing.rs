//! The cycles of one instruction in silicon's time, out of its [`Cost`] and of the instructions behind it.

use espalier_core::CODE_PAGE;

use crate::cost::{Cost, MOST_LATENCY};
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
    let (cycles, latency) = op.opcode.description().cost.cycles();
    let mut ops = [*op; 1 + MOST_LATENCY];
    let mut count = 1;
    let mut at = pc.wrapping_add(u32::from(op.length()));
    while count <= usize::from(latency) && ops[count - 1].opcode.description().flow == Flow::Next {
        const LAST_BYTE: u32 = 2;
        if (pc ^ at.wrapping_add(LAST_BYTE)) >= CODE_PAGE {
            break;
        }
        let Some(next) = fetch(at) else { break };
        ops[count] = next;
        count += 1;
        at = at.wrapping_add(u32::from(next.length()));
    }
    cycles + wait(&ops[..count])
}

/// The cycles that come to the first of these instructions because one of the others needs its result. What is between the two takes
/// its time as well, also by the waits for it that are over when the result is needed.
fn wait(ops: &[Instruction]) -> u8 {
    let Some((op, behind)) = ops.split_first() else { return 0 };
    let description = op.opcode.description();
    let (_, latency) = description.cost.cycles();
    let result = description.operands.first().and_then(|operand| register(*operand, op));
    let Some(result) = result.filter(|_| latency > 0) else { return 0 };
    let Some(distance) = behind.iter().position(|next| uses(next, result)) else { return 0 };
    let between: u8 = (1..=distance)
        .map(|index| {
            let (cycles, _) = ops[index].opcode.description().cost.cycles();
            cycles + wait(&ops[index..=distance + 1])
        })
        .sum();
    latency.saturating_sub(between)
}
