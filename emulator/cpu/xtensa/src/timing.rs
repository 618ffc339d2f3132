//! The cycles of one instruction in silicon's time, out of its [`Cost`] and of the instructions behind it.

use std::collections::BTreeMap;

use espalier_core::CODE_PAGE;

use crate::cost::{Cost, MOST_LATENCY};
use crate::instruction::{Flow, Instruction, Opcode};
use crate::operand::{Field, Operand};

/// Bytes that are fetched at once: `XCHAL_INST_FETCH_WIDTH` of the ESP32's `core-isa.h`.
const WORD: u32 = 4;

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

/// Charges the instruction at `pc` with its cycles. To them comes the wait of an instruction behind it which needs its result too early;
/// that one is only looked for in the code page of its own, with which a block is decoded anew. `loops` has the starts of loops by their
/// ends, `fetch` decodes what is at an address.
pub(crate) fn charge(
    op: &mut Instruction,
    pc: u32,
    loops: &BTreeMap<u32, u32>,
    mut fetch: impl FnMut(u32) -> Option<Instruction>,
) {
    let next = pc.wrapping_add(u32::from(op.length()));
    let mut in_page = |at: u32| {
        const LAST_BYTE: u32 = 2;
        if (pc ^ at.wrapping_add(LAST_BYTE)) >= CODE_PAGE { None } else { fetch(at) }
    };
    let (cycles, latency) = op.opcode.description().cost.cycles();
    let mut ops = [*op; 1 + MOST_LATENCY];
    let mut count = 1;
    let mut at = next;
    while count <= usize::from(latency) && ops[count - 1].opcode.description().flow == Flow::Next {
        // All rounds of a loop but the last one go on at its start.
        at = loops.get(&at).copied().unwrap_or(at);
        let Some(next) = in_page(at) else { break };
        ops[count] = next;
        count += 1;
        at = at.wrapping_add(u32::from(next.length()));
    }
    op.after = cycles + wait(&ops[..count]);
    if op.opcode.description().cost == Cost::Division {
        op.shape.take_time_by_values();
    }
    let mut lies_across_words = |at: u32| in_page(at).is_some_and(|op| at % WORD + u32::from(op.length()) > WORD);
    let (jumps, returns) = jumps(op);
    // A called function comes back.
    op.after += u8::from(returns && lies_across_words(next));
    if jumps && lies_across_words(op.immediate) {
        op.shape.land_across_words();
    }
}

/// Whether an instruction has an address to jump to in it, and whether it is a call.
fn jumps(op: &Instruction) -> (bool, bool) {
    use Operand::{CallTarget, JumpTarget, LoopEnd, Target6, Target8, Target12};
    let targets = [CallTarget, JumpTarget, LoopEnd, Target6, Target8, Target12];
    let jumps = op.opcode.description().operands.iter().any(|operand| targets.contains(operand));
    let returns = matches!(
        op.opcode,
        Opcode::Call0
            | Opcode::Call4
            | Opcode::Call8
            | Opcode::Call12
            | Opcode::Callx0
            | Opcode::Callx4
            | Opcode::Callx8
            | Opcode::Callx12
    );
    (jumps, returns)
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
