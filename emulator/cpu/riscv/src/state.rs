//! The core's registers.

use crate::config::Config;
use crate::counter::PerformanceCounter;
use crate::register::{PLACES, SINK, ZERO};
use crate::trap::Trap;

/// Number of triggers.
pub(crate) const TRIGGERS: usize = 8;

/// The privilege level of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// User mode.
    User,
    /// Machine mode.
    Machine,
}

espalier_core::persist!(
    enum Privilege {
        User,
        Machine,
    }
);

/// Fields of `mstatus`.
pub(crate) mod mstatus {
    /// UIE and UPIE, the interrupts of user mode, which are never delegated here: the bits only store.
    pub const USER: u32 = 1 | 1 << 4;
    /// Interrupts are taken in machine mode.
    pub const MIE: u32 = 1 << 3;
    /// `MIE` before the trap.
    pub const MPIE: u32 = 1 << 7;
    /// Privilege before the trap: machine or user.
    pub const MPP: u32 = 3 << 11;
    /// User mode may not wait.
    pub const TW: u32 = 1 << 21;

    /// `value` as the register stores it. `MPP` has one bit of its own: there are two modes.
    pub fn legal(value: u32) -> u32 {
        let previous = if value & MPP == MPP { MPP } else { 0 };
        value & (USER | MIE | MPIE | TW) | previous
    }
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    /// General registers, and a place for what is written to `zero`.
    x: [u32; PLACES],
    pub pc: u32,
    pub privilege: Privilege,
    pub mstatus: u32,
    pub mtvec: u32,
    pub mscratch: u32,
    pub mepc: u32,
    pub mcause: u32,
    pub mtval: u32,
    /// In `WFI`.
    pub waiting: bool,
    /// Interrupts that the controller presents.
    pub lines: u32,
    /// The exception of the last instruction that could not complete.
    pub trap: Trap,
    /// Cycles since reset when the current `run` or `step` started.
    pub started: u64,
    /// Cycles since reset in which the core executed nothing, and those that instructions took beside one each.
    pub idled: u64,
    pub counter: PerformanceCounter,
    pub pmpcfg: [u8; 16],
    pub pmpaddr: [u32; 16],
    pub tselect: usize,
    pub tdata1: [u32; TRIGGERS],
    pub tdata2: [u32; TRIGGERS],
    pub tcontrol: u32,
    pub gpio_enable: u32,
    pub gpio_in: u32,
    pub gpio_out: u32,
    pub config: Config,
}

espalier_core::persist! {
    state State {
        x, pc, privilege, mstatus, mtvec, mscratch, mepc, mcause, mtval, waiting, lines, trap, started, idled, counter, pmpcfg,
        pmpaddr, tselect, tdata1, tdata2, tcontrol, gpio_enable, gpio_in, gpio_out, config
    } if State::is_sound;
}

impl State {
    /// Checks the invariants of the core: `zero` is 0, `tselect` names a trigger, code lies at even addresses.
    fn is_sound(&self) -> bool {
        self.get(ZERO) == 0 && self.tselect < TRIGGERS && self.pc & 1 == 0
    }

    pub(crate) fn new(config: Config) -> State {
        State {
            x: [0; PLACES],
            pc: config.reset_vector,
            privilege: Privilege::Machine,
            mstatus: 0,
            mtvec: 0,
            mscratch: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            waiting: false,
            lines: 0,
            trap: Trap::Breakpoint,
            started: 0,
            idled: 0,
            counter: PerformanceCounter::new(),
            pmpcfg: [0; 16],
            pmpaddr: [0; 16],
            tselect: 0,
            tdata1: [0; TRIGGERS],
            tdata2: [0; TRIGGERS],
            tcontrol: 0,
            gpio_enable: 0,
            gpio_in: 0,
            gpio_out: 0,
            config,
        }
    }

    /// A general register; 0 for `zero`.
    #[inline(always)]
    pub(crate) fn get(&self, number: u8) -> u32 {
        self.x[usize::from(number) % PLACES]
    }

    /// Writes the general register in `place`, which an instruction's decoded destination is.
    #[inline(always)]
    pub(crate) fn set(&mut self, place: u8, value: u32) {
        self.x[usize::from(place) % PLACES] = value;
    }

    /// The general registers and the places behind them, as translated code has them.
    pub(crate) fn words(&mut self) -> &mut [u32] {
        &mut self.x
    }

    /// Forgets what is behind the general registers: no instruction reads it.
    pub(crate) fn tidy(&mut self) {
        self.x[usize::from(SINK)..].fill(0);
    }

    /// Writes a general register by its number.
    pub(crate) fn set_register(&mut self, number: u8, value: u32) {
        self.set(if number == ZERO { SINK } else { number }, value);
    }
}
