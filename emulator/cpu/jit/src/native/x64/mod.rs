//! x86-64 under the System V ABI: which registers translated code uses for what, and what else depends on the host.

mod assembler;
mod sequences;

use assembler::{R8, R9, R10, R11, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI};

use super::code::Reg;

/// Scratch.
pub(super) const A: Reg = RAX;
pub(super) const B: Reg = RCX;
pub(super) const C: Reg = RDX;
/// The address of the guest's registers.
pub(super) const REGISTERS: Reg = RBP;
/// The address of the registers that the window of the ring shows.
pub(super) const WINDOW: Reg = RBX;
/// The address of the data window.
pub(super) const DATA: Reg = R12;
/// The address of the context.
pub(super) const CONTEXT: Reg = R13;
/// The address of the cells that lead from block to block.
pub(super) const CELLS: Reg = R14;
/// The instructions that are left.
pub(super) const ROOM: Reg = R15;
/// The address of the first block, for the way in.
pub(super) const ENTRY: Reg = R9;
/// Registers that hold registers of the guest.
pub(super) const POOL: [Reg; 6] = [RSI, RDI, R8, R9, R10, R11];

/// Whether the host multiplies and adds with one rounding.
pub fn fuses() -> bool {
    std::is_x86_feature_detected!("fma")
}

/// Caches of instructions see what is written.
pub(super) const MAY_KEEP_OLD_CODE: bool = false;

/// New code can be executed at once.
pub(super) fn publish(_written: *const u8, _executed: *const u8, _bytes: usize) {}

/// Code that is about to be executed is the published one.
pub(super) fn observe() {}
