//! Call stacks of a stopped core.
//!
//! With the windowed calling convention a caller's `a0` to `a3` lie below the stack pointer of what it called, once they
//! have left the register file (*Xtensa ISA Reference Manual*, "Windowed Procedure-Call Protocol"). probe-rs writes live frames
//! out first.

use std::fmt;

use probe_rs::{Core as ProbeCore, MemoryInterface, RegisterId};

use super::Core;
use super::symbols::{Symbol, Symbols};

/// Register numbers of probe-rs.
pub(super) const PC: RegisterId = RegisterId(0xff00);
pub(super) const PS: RegisterId = RegisterId(0xff01);
const A0: RegisterId = RegisterId(0);
const A1: RegisterId = RegisterId(1);
/// Where `a0` and `a1` of the caller are, from the stack pointer of what it called.
const SAVED_REGISTERS: u32 = 16;
/// Bits of a return address that hold the size of the window; the region of the code takes their place.
const WINDOW_BITS: u32 = 0xc000_0000;
/// Length of a call instruction.
const CALL: u32 = 3;
/// Frames after which a stack is taken to be broken.
const DEEPEST: usize = 64;
/// Data RAM, where stacks are (TRM "System and Memory").
const STACKS: std::ops::Range<u32> = 0x3ffa_e000..0x4000_0000;

/// One function on the stack.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use espalier::probe::Core;
///
/// let mut probe = board.probe()?;
/// probe.halt(Core::Pro)?;
/// for frame in probe.backtrace(Core::Pro)?.frames {
///     println!("{:#010x} {}", frame.pc, frame.symbol);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFrame {
    /// The instruction that runs next, or for callers the call.
    pub pc: u32,
    /// The stack pointer.
    pub sp: u32,
    /// Function and line.
    pub symbol: Symbol,
}

/// The call stack of a core.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use espalier::probe::Core;
///
/// let mut probe = board.probe()?;
/// probe.halt(Core::App)?;
/// println!("{}", probe.backtrace(Core::App)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backtrace {
    /// The core.
    pub core: Core,
    /// From the innermost function on. Empty if the core has no clock: the APP CPU until software starts it.
    pub frames: Vec<CallFrame>,
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.frames.is_empty() {
            return write!(f, "{}: has not been started", self.core);
        }
        write!(f, "{}:", self.core)?;
        for (number, frame) in self.frames.iter().enumerate() {
            write!(f, "\n  #{number} {:#010x} {}", frame.pc, frame.symbol)?;
        }
        Ok(())
    }
}

/// Walks the stack of `core`, which is stopped.
pub(super) fn walk(number: Core, core: &mut ProbeCore<'_>, symbols: &Symbols) -> Result<Backtrace, probe_rs::Error> {
    core.spill_registers()?;
    let mut pc: u32 = core.read_core_reg(PC)?;
    let mut sp: u32 = core.read_core_reg(A1)?;
    let mut return_address: u32 = core.read_core_reg(A0)?;
    let mut frames = vec![CallFrame { pc, sp, symbol: symbols.at(pc) }];
    // Zero is what the first function of a task returns to.
    while return_address != 0 && frames.len() < DEEPEST && STACKS.contains(&sp) && sp.is_multiple_of(4) {
        let call = (return_address & !WINDOW_BITS | pc & WINDOW_BITS).wrapping_sub(CALL);
        let mut saved = [0; 2];
        core.read_32(u64::from(sp.wrapping_sub(SAVED_REGISTERS)), &mut saved)?;
        let caller_sp = saved[1];
        if caller_sp <= sp || !STACKS.contains(&caller_sp) {
            frames.push(CallFrame { pc: call, sp: caller_sp, symbol: symbols.at(call) });
            break;
        }
        (pc, sp, return_address) = (call, caller_sp, saved[0]);
        frames.push(CallFrame { pc, sp, symbol: symbols.at(pc) });
    }
    Ok(Backtrace { core: number, frames })
}
