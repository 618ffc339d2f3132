//! AArch64 under the procedure call standard of Arm (*Procedure Call Standard for the Arm 64-bit Architecture*, "Machine registers"):
//! which registers translated code uses for what, and how new code becomes visible to what executes it.
//!
//! Floating point works as the standard has it at calls: rounding to
//! nearest, subnormal numbers as they are, no trap.

mod assembler;
mod sequences;

use std::arch::asm;

use super::code::Reg;

/// Scratch.
pub(super) const A: Reg = Reg(0);
pub(super) const B: Reg = Reg(1);
pub(super) const C: Reg = Reg(2);
/// The address of the guest's registers.
pub(super) const REGISTERS: Reg = Reg(19);
/// The address of the registers that the window of the ring shows.
pub(super) const WINDOW: Reg = Reg(20);
/// The address of the data window.
pub(super) const DATA: Reg = Reg(21);
/// The address of the context.
pub(super) const CONTEXT: Reg = Reg(22);
/// The address of the cells that lead from block to block.
pub(super) const CELLS: Reg = Reg(23);
/// The instructions that are left.
pub(super) const ROOM: Reg = Reg(24);
/// The address of the first block, for the way in.
pub(super) const ENTRY: Reg = Reg(5);
/// Registers that hold registers of the guest.
pub(super) const POOL: [Reg; 12] =
    [Reg(4), Reg(5), Reg(6), Reg(7), Reg(8), Reg(9), Reg(10), Reg(11), Reg(12), Reg(13), Reg(14), Reg(15)];

/// Whether the host multiplies and adds with one rounding.
pub fn fuses() -> bool {
    true
}

/// QEMU before 8.1, where it plays this host for a program, does: it takes no notice of `ic ivau`, nor of writes by way of another mapping.
pub(super) const MAY_KEEP_OLD_CODE: bool = true;

/// Bytes of a line of the data cache and of the instruction cache, or none where that cache needs no care (*Arm Architecture Reference
/// Manual*, `CTR_EL0`).
fn lines() -> [Option<usize>; 2] {
    const WORD: usize = 4;
    let register: u64;
    // SAFETY: Linux lets programs read this register, or does it for them. Reading it changes nothing.
    unsafe { asm!("mrs {}, ctr_el0", out(reg) register, options(nomem, nostack, preserves_flags)) };
    let line = |shift: u32, coherent: u32| (register >> coherent & 1 == 0).then_some(WORD << (register >> shift & 0xf));
    [line(16, 28), line(0, 29)]
}

/// Makes new code, which was written at one address and will be executed at another, visible to the fetching of instructions (*Arm
/// Architecture Reference Manual*, "Synchronization and coherency issues between data and instruction accesses").
pub(super) fn publish(written: *const u8, executed: *const u8, bytes: usize) {
    let [data, instructions] = lines();
    if let Some(line) = data {
        for address in lines_of(written, bytes, line) {
            // SAFETY: cleaning a line of memory that is mapped changes no value.
            unsafe { asm!("dc cvau, {}", in(reg) address, options(nostack, preserves_flags)) };
        }
    }
    // SAFETY: a barrier changes nothing.
    unsafe { asm!("dsb ish", options(nostack, preserves_flags)) };
    if let Some(line) = instructions {
        for address in lines_of(executed, bytes, line) {
            // SAFETY: dropping a line of the instruction cache changes no value, for nothing is ever written there alone.
            unsafe { asm!("ic ivau, {}", in(reg) address, options(nostack, preserves_flags)) };
        }
        // SAFETY: a barrier changes nothing.
        unsafe { asm!("dsb ish", options(nostack, preserves_flags)) };
    }
}

fn lines_of(start: *const u8, bytes: usize, line: usize) -> impl Iterator<Item = usize> {
    let (first, end) = (start as usize & !(line - 1), start as usize + bytes);
    (first..end).step_by(line)
}

/// Drops instructions that this thread may have fetched before they were published, by whichever thread.
pub(super) fn observe() {
    // SAFETY: a barrier changes nothing.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
}
