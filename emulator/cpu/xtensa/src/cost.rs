//! The cycles that instructions take when a core keeps the time of silicon ([`Timing::Silicon`]).
//!
//! The cycles of an instruction are known when it is decoded: they depend on its own opcode, on the few instructions behind it and on the
//! loops that were begun, never on how it was reached. So a block adds up its cycles once, for the interpreter and for translated code
//! alike, and single steps, blocks and translated code agree however the code is cut into blocks. Only a taken branch, an exception and
//! what memory takes come to it while the code runs.
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
//! - A division ends early: it takes two cycles where the quotient has one bit. An ESP32 at 240 MHz was measured to do 118.94 million divisions
//!   of 1 by 1 a second (WLED's issue 4206, by the program of post 82090 on esp32.com, whose sixteen of them make a round of a
//!   zero-overhead loop). That it goes on by three bits a cycle is an estimate. The same table has 158.49 million steps of a product and the
//!   sum that needs it, counted as two: three cycles; sums and products that wait for nothing take one, also in single precision.
//! - A zero-overhead loop goes back without a cycle (ISA manual, "Loop Option"). What its last instructions wait for is in the next round:
//!   ESP-DSP's dot product takes four cycles for a round of four instructions, though its sum is stored right behind the loop.
//! - The core fetches words (`XCHAL_INST_FETCH_WIDTH` is 4 in the ESP32's `core-isa.h`). Where a jump leads to an instruction that lies across
//!   two of them, a second fetch comes before it, for which the GNU assembler aligns targets and what is behind a call (its manual, "Automatic
//!   Instruction Alignment"). Jumps whose target is in a register are not charged: functions are aligned, and a call is charged for its return.

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
    /// `DIVISION` cycles, and more for a longer quotient.
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
/// Cycles of a division whose quotient has no more than [`DIVISION_BITS`] bits.
const DIVISION: u8 = 2;
/// Bits of a quotient that a cycle gives.
const DIVISION_BITS: u32 = 3;
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

/// Cycles that come to a division which has this quotient, but for its sign.
pub(crate) fn more_of_division(quotient: u32) -> u8 {
    let bits = u32::BITS - quotient.leading_zeros();
    bits.div_ceil(DIVISION_BITS).saturating_sub(1) as u8
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
