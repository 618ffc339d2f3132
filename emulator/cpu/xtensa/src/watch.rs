//! Data breakpoints as loads and stores look at them.
//!
//! Firmware keeps them for as long as it runs: FreeRTOS watches the end of the stack of every task. So an access costs the test of one
//! bit; only one that may come near is compared with its registers as the manual says.

/// Fields of `DBREAKC`: the address bits below the 64th byte that are compared, and the kinds of access.
pub(crate) const MASK: u32 = 0x3f;
pub(crate) const ON_LOAD: u32 = 1 << 30;
pub(crate) const ON_STORE: u32 = 1 << 31;

/// Bytes that a breakpoint can watch at most, which is how many each bit of a [`Filter`] speaks for.
const LINE_SHIFT: u32 = 6;
const LINES: u32 = 64;
/// Bytes of the widest access.
const WIDEST: u32 = 4;

/// The accesses that have to be compared with the breakpoints: a bit for each line of 64 bytes, and lines 4096 bytes apart share one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub(crate) struct Filter(pub u64);

espalier_core::persist!(value Filter(value));

impl Filter {
    /// Accesses that can touch what the breakpoints watch that are about `kind`, which are given as their address and control
    /// registers.
    pub(crate) fn new(breakpoints: [(u32, u32); 2], kind: u32) -> Filter {
        let armed = breakpoints.into_iter().filter(|(_, control)| control & kind != 0);
        // An access may begin in the line before.
        let lines = armed.flat_map(|(address, _)| [address, (address & !MASK).wrapping_sub(WIDEST - 1)]);
        Filter(lines.fold(0, |filter, address| filter | Filter::bit(address)))
    }

    #[inline(always)]
    pub(crate) fn bit(address: u32) -> u64 {
        1 << ((address >> LINE_SHIFT) % LINES)
    }
}

/// The data breakpoints in evaluated form, recomputed when their registers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Watches {
    pub load: Filter,
    pub store: Filter,
}

impl Watches {
    /// Whether loads and whether stores have to be looked at.
    #[inline(always)]
    pub(crate) fn kinds(self) -> [bool; 2] {
        [self.load.0 != 0, self.store.0 != 0]
    }
}

espalier_core::persist!(value Watches { load, store });
