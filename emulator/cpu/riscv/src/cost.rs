//! The cycles that instructions take when a core keeps the time of silicon ([`Timing::Silicon`]): what comes to one cycle for each.
//!
//! The figures are of an ESP32-C3 at 160 MHz, in WLED's issue 4206, by the program of post 82090 on esp32.com. A round of it has sixteen
//! operations and goes back by a branch.
//!
//! - 127.08 million sums a second are 20.1 cycles a round: sixteen, one for counting, and three for the branch that is taken. Jumps are charged
//!   as it is, for want of a figure, and so is the entry of an exception or an interrupt.
//! - 4.63 million divisions of 1 by 1 are 34.3 cycles each. No figure says that others take longer or less.
//! - Products and sums that need them at once take a cycle each: 127.22 million of both together.
//!
//! Loads are charged a cycle, for want of a figure.

use espalier_core::Timing;

use crate::instruction::Opcode;

/// Cycles that come to a jump or a branch that is taken.
const JUMP: u8 = 2;
/// Cycles that come to a division.
const DIVISION: u8 = 33;

/// Cycles that come to any jump.
pub(crate) fn of_jump(timing: Timing) -> u32 {
    match timing {
        Timing::Fast => 0,
        Timing::Silicon => u32::from(JUMP),
    }
}

/// Cycles that come to an instruction wherever it goes on.
pub(crate) fn of(opcode: Opcode, timing: Timing) -> u8 {
    match (timing, opcode) {
        (Timing::Silicon, Opcode::Div | Opcode::Divu | Opcode::Rem | Opcode::Remu) => DIVISION,
        _ => 0,
    }
}
