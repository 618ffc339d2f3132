//! Data breakpoints as loads and stores look at them.
//!
//! Firmware keeps them for as long as it runs: FreeRTOS watches the end of the stack of every task. So an access costs two
//! comparisons for each breakpoint that is about its kind; only one that comes near is compared bit by bit.

use crate::exception::{Trap, debug_cause};
use crate::register::SpecialRegister;
use crate::state::{DEBUG_LEVEL, State};

/// Data breakpoints: address and control register.
const DATA_BREAKPOINTS: [(SpecialRegister, SpecialRegister); 2] =
    [(SpecialRegister::Dbreaka0, SpecialRegister::Dbreakc0), (SpecialRegister::Dbreaka1, SpecialRegister::Dbreakc1)];
/// Fields of `DBREAKC`: the address bits below the 64th byte that are compared, and the kinds of access.
const MASK: u32 = 0x3f;
pub(crate) const ON_LOAD: u32 = 1 << 30;
pub(crate) const ON_STORE: u32 = 1 << 31;

/// Size of the widest access.
const WIDEST: u32 = 4;

/// Addresses of accesses that may touch what a breakpoint watches; none if it is switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Near {
    start: u32,
    length: u32,
}

impl Near {
    /// The addresses for breakpoint register values, if the breakpoint is about `kind`.
    fn new(address: u32, control: u32, kind: u32) -> Near {
        if control & kind == 0 {
            return Near::default();
        }
        Near { start: (address & !MASK).wrapping_sub(WIDEST - 1), length: MASK + WIDEST }
    }

    #[inline(always)]
    fn holds(self, address: u32) -> bool {
        address.wrapping_sub(self.start) < self.length
    }
}

/// What the data breakpoints come to, recomputed when their registers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watches {
    load: [Near; 2],
    store: [Near; 2],
}

impl State {
    /// True while a data breakpoint is switched on.
    pub(crate) fn is_watching(&self) -> bool {
        self.watches != Watches::default()
    }

    /// Takes over what was written to the registers of the data breakpoints.
    pub(crate) fn refresh_watches(&mut self) {
        let near =
            |kind| DATA_BREAKPOINTS.map(|(address, control)| Near::new(self.plain(address), self.plain(control), kind));
        self.watches = Watches { load: near(ON_LOAD), store: near(ON_STORE) };
    }

    /// The debug exception that keeps an access from being made.
    #[inline(always)]
    pub(crate) fn watch(&self, address: u32, size: u32, kinds: u32) -> Result<(), Trap> {
        let [first, second] = if kinds & ON_STORE != 0 { self.watches.store } else { self.watches.load };
        let [third, fourth] = if kinds == ON_LOAD | ON_STORE { self.watches.load } else { Default::default() };
        if first.holds(address) || second.holds(address) || third.holds(address) || fourth.holds(address) {
            self.data_breakpoint(address, size, kinds)
        } else {
            Ok(())
        }
    }

    /// Compares an access with the breakpoints as the manual says (`DBREAKC`, "Debug Option").
    #[cold]
    #[inline(never)]
    fn data_breakpoint(&self, address: u32, size: u32, kinds: u32) -> Result<(), Trap> {
        if self.interrupt_level() >= DEBUG_LEVEL {
            return Ok(());
        }
        let number = DATA_BREAKPOINTS.iter().position(|(watched, control)| {
            let control = self.plain(*control);
            let mask = !MASK | control & MASK;
            let watched = self.plain(*watched) & mask;
            control & kinds != 0 && (0..size).any(|offset| address.wrapping_add(offset) & mask == watched)
        });
        match number {
            Some(number) => Err(Trap::Debug(debug_cause::DBREAK | (number as u32) << debug_cause::DBNUM_SHIFT)),
            None => Ok(()),
        }
    }
}
