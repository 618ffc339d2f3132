//! The cycles that instructions take when a core keeps the time of silicon ([`Timing::Silicon`]).
//!
//! The cycles of an instruction are known when it is decoded: they depend on its own opcode and on the few instructions behind it, never on
//! how it was reached. So a block adds up its cycles once, for the interpreter and for translated code alike, and single
//! steps, blocks and translated code agree however the code is cut into blocks. Only a taken branch, an exception and what memory takes
//! come to it while the code runs.
//!
//! - The core has seven stages (ESP32 datasheet, "CPU"). With seven stages a result of a load can be used by the third instruction
//!   behind it without waiting, and a taken branch, jump, call or return refills three stages (*Xtensa LX Microprocessor Overview
//!   Handbook*, "Pipeline"). A loop of `addi` and `bnez` was measured to take five cycles a round, which is 1 + 1 + 3
//!   (pcm1723, "ESP32 no meirei jikko saikuru su", 2018).
//! - Products are there one instruction later than sums, single-precision results three (`xtensa_mul32` and `xtensa_fmadd` in the
//!   pipeline description of GCC, gcc/config/xtensa/xtensa.md). The cycles that Espressif publishes of the kernels in ESP-DSP agree: a
//!   round of the biquad filter takes 17 cycles, in which nine instructions wait for each other in three places.
//! - A number that is loaded into a floating-point register can be used at once: a round of ESP-DSP's dot product, whose `madd.s` comes
//!   right behind the load of its factor, takes the four cycles of its four instructions.
//! - When a jump is known, the words of the stages that it refills have been fetched. Where they lie in the next line of the cache, that line
//!   comes as well, [`AHEAD`] bytes before execution gets there. ESP-FAQ ("SPI Flash") tells of such speculative reads.
//! - Literals lie in memory of instructions, where a load is slower than in data RAM (ISA manual, "Instruction RAM Option"); by how much
//!   is not public. [`LITERAL`] is an estimate that brings the mean of published benchmarks (docs/src/timing.md) close.
//! - An interrupt is entered as an exception is, for want of a figure.
//! - Division is not public; `DIVISION` is an estimate for 32 bits at three bits a cycle.
//! - A zero-overhead loop goes back without a cycle (ISA manual, "Loop Option").

use espalier_core::Timing;

/// The cycles of an instruction: the column of the opcode table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// One cycle; the first operand is the result, and the next instruction can use it.
    One,
    /// One cycle; the first operand is used as all others are.
    Use,
    /// One cycle, and the result comes with `LOAD` more.
    Load,
    /// [`Cost::Load`] from memory of instructions, `LITERAL` cycles more.
    Literal,
    /// One cycle, and the result comes with `PRODUCT` more.
    Product,
    /// `DIVISION` cycles.
    Division,
    /// One cycle, and the result comes with `FLOAT` more.
    Float,
    /// The instructions behind it are fetched anew, as behind a jump.
    Refill,
}

/// Cycles that an instruction waits which uses the result of a load at once.
const LOAD: u8 = 2;
/// Cycles that come to a load from memory of instructions.
const LITERAL: u8 = 3;
/// Cycles that an instruction waits which uses the result of a product at once.
const PRODUCT: u8 = 1;
/// The same for a single-precision number.
const FLOAT: u8 = 3;
/// Cycles of a division.
const DIVISION: u8 = 11;
/// Cycles of refilling the stages before the one that knows where to go on.
const REFILL: u8 = 3;
/// The same where an exception is raised, which the stage before the last does.
const EXCEPTION: u8 = 5;

/// The most instructions behind one that can have to wait for its result.
pub(crate) const MOST_LATENCY: usize = 3;
/// Bytes from the start of an instruction to the last one that has been fetched when it is known where to go on: a word for each
/// of the stages that a jump refills.
pub(crate) const AHEAD: u32 = 4 * REFILL as u32;

/// A block ends behind the instruction with which it takes more cycles, so that those of every block fit in a byte.
pub(crate) const MOST_CYCLES: u8 = 200;

impl Cost {
    /// Cycles until the next instruction can start, and those that it has to wait for the result.
    pub(crate) fn cycles(self) -> (u8, u8) {
        match self {
            Cost::One | Cost::Use => (1, 0),
            Cost::Load => (1, LOAD),
            Cost::Literal => (1 + LITERAL, LOAD),
            Cost::Product => (1, PRODUCT),
            Cost::Division => (DIVISION, 0),
            Cost::Float => (1, FLOAT),
            Cost::Refill => (1 + REFILL, 0),
        }
    }
}

/// Cycles that come to an instruction where the next one in memory does not follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Penalties {
    /// It jumps.
    pub jump: u8,
    /// It raises an exception.
    pub exception: u8,
    /// An interrupt comes before it.
    pub interrupt: u8,
}

impl Penalties {
    pub(crate) fn of(timing: Timing) -> Penalties {
        match timing {
            Timing::Fast => Penalties::default(),
            Timing::Silicon => Penalties { jump: REFILL, exception: EXCEPTION, interrupt: EXCEPTION },
        }
    }
}
