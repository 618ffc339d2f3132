//! The legacy FRC timers, on which `esp_timer` of ESP-IDF v3 runs. The manual leaves them out; this follows ESP-IDF's
//! `frc_timer_reg.h` and the driver.
//!
//! FRC1 counts down over 23 bits and interrupts at zero; FRC2 counts up over 32 bits and interrupts at its alarm value.

#[cfg(test)]
mod tests;

use espalier_core::{Device, Fidelity, Frequency, Register, Registers, Time, Unmodelled};

use crate::clocks::{FASTEST_EDGES, XTAL};

espalier_core::registers! {
    FRC1_LOAD @ 0x00 = 0, rw_bits(0x7F_FFFF);
    FRC1_COUNT @ 0x04 = 0, ro();
    FRC1_CTRL @ 0x08 = 0, rw_bits(0xFF) {
        /// Fields of the CTRL registers.
        LEVEL_INT: 0,
        PRESCALER: 1..=3,
        AUTOLOAD: 6,
        ENABLE: 7,
        INT_STATUS: 8,
    };
    FRC1_INT @ 0x0C = 0, wo();
    FRC2_LOAD @ 0x20 = 0, rw();
    FRC2_COUNT @ 0x24 = 0, ro();
    FRC2_CTRL @ 0x28 = 0, rw_bits(0xFF);
    FRC2_INT @ 0x2C = 0, wo();
    FRC2_ALARM @ 0x30 = 0, rw();
}

const PRESCALER_16: u32 = 2;
const PRESCALER_256: u32 = 4;
/// FRC_TIMER_INT_CLR.
const INT_CLR: u32 = 1 << 0;

/// Offsets of the registers of one timer.
const LOAD: u32 = 0x00;
const CTRL: u32 = 0x08;
const STRIDE: u32 = 0x20;
const FRC1: usize = 0;
const FRC2: usize = 1;

/// Widths of the counters.
const FRC1_MASK: u64 = (1 << 23) - 1;
const FRC2_MASK: u64 = u32::MAX as u64;

/// One of the two timers. Its counter is computed from where it stood and when.
#[derive(Clone, Debug)]
struct Frc {
    up: bool,
    mask: u64,
    clock: Frequency,
    running: bool,
    value: u64,
    since: Time,
    /// The count at which the timer interrupts.
    target: u64,
}

espalier_core::persist!(value Frc { up, mask, clock, running, value, since, target });

impl Frc {
    fn new(apb: Frequency, mask: u64, up: bool) -> Frc {
        Frc { up, mask, clock: apb, running: false, value: 0, since: Time::ZERO, target: 0 }
    }

    fn count(&self, now: Time) -> u64 {
        let steps = if self.running { self.clock.cycles_in(now.since(self.since)) } else { 0 };
        let count = if self.up { self.value.wrapping_add(steps) } else { self.value.wrapping_sub(steps) };
        count & self.mask
    }

    /// When the counter next comes to its target; one that stands there has a whole turn before it. The end of
    /// time is never.
    fn due(&self) -> Option<Time> {
        let distance =
            if self.up { self.target.wrapping_sub(self.value) } else { self.value.wrapping_sub(self.target) };
        let steps = match distance & self.mask {
            0 => self.mask + 1,
            steps => steps,
        };
        let at = self.since + self.clock.cycles(steps);
        (self.running && at != Time::from_ticks(u64::MAX)).then_some(at)
    }

    fn set_count(&mut self, value: u64, now: Time) {
        self.value = value & self.mask;
        self.since = now;
    }

    /// Changes clock and enable at `now`; the fraction of a cycle that has passed is lost, as in a prescaler that restarts.
    fn configure(&mut self, clock: Frequency, running: bool, now: Time) {
        self.set_count(self.count(now), now);
        self.clock = clock;
        self.running = running;
    }

    /// The counter has come to its target at `at`, and `now` is later. It goes on from `reload`, or just goes on.
    fn turn(&mut self, reload: Option<u64>, at: Time, now: Time) {
        match reload {
            None => self.set_count(self.count(now), now),
            Some(load) => {
                let turn = self.clock.cycles(load.max(1));
                let whole = now.since(at).ticks() / turn.ticks();
                self.set_count(load.max(1), at + turn * whole);
            }
        }
    }
}

/// FRC_TIMER: FRC1 and FRC2. Interrupt lines, from bit 0: TIMER1_INTR (FRC1), TIMER2_INTR (FRC2).
#[derive(Clone, Debug)]
pub struct FrcTimer {
    registers: Registers,
    apb: Frequency,
    timers: [Frc; 2],
    gated: bool,
    edges: u32,
    /// The last edge of each timer, and the timers with another one that has to keep its distance.
    pulsed: [Time; 2],
    due: u32,
}

espalier_core::persist!(state FrcTimer { registers, apb, timers, gated, edges, pulsed, due });

impl Default for FrcTimer {
    fn default() -> FrcTimer {
        FrcTimer::new()
    }
}

impl FrcTimer {
    /// Both timers stopped, with the APB at the frequency of the crystal.
    pub fn new() -> FrcTimer {
        FrcTimer {
            registers: Registers::new(&REGISTERS),
            apb: XTAL,
            timers: timers(XTAL),
            gated: false,
            edges: 0,
            pulsed: [Time::ZERO; 2],
            due: 0,
        }
    }

    /// The APB clock changes.
    pub fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.advance(now);
        self.apb = apb;
        for timer in [FRC1, FRC2] {
            self.configure(timer, now);
        }
    }

    /// The APB clock stops, as in light sleep, or goes on.
    pub fn set_clock_gated(&mut self, gated: bool, now: Time) {
        self.gated = gated;
        self.set_apb_clock(self.apb, now);
    }

    /// Edge interrupts since the last call: bit n is a pulse on the n-th line. Timers without LEVEL_INT give these.
    pub fn take_edges(&mut self) -> u32 {
        std::mem::take(&mut self.edges)
    }

    fn control(&self, timer: usize) -> u32 {
        self.registers.get(base(timer) + CTRL)
    }

    fn configure(&mut self, timer: usize, now: Time) {
        let control = self.control(timer);
        let clock = self.apb.divided_by(prescaler(control));
        self.timers[timer].configure(clock, reg::FRC1_CTRL::ENABLE.is_set(control) && !self.gated, now);
    }

    /// When a timer next does something that a core can notice.
    fn next_interrupt(&self, timer: usize) -> Option<Time> {
        let control = self.control(timer);
        let next_edge = self.pulsed[timer] + FASTEST_EDGES;
        if self.due >> timer & 1 != 0 {
            return Some(next_edge);
        }
        match reg::FRC1_CTRL::LEVEL_INT.is_set(control) {
            true if reg::FRC1_CTRL::INT_STATUS.is_set(control) => None,
            true => self.timers[timer].due(),
            false => Some(self.timers[timer].due()?.max(next_edge)),
        }
    }

    fn fire(&mut self, timer: usize, at: Time, now: Time) {
        let control = self.control(timer);
        if reg::FRC1_CTRL::LEVEL_INT.is_set(control) {
            self.registers.modify(base(timer) + CTRL, 0, reg::FRC1_CTRL::INT_STATUS.mask());
        } else {
            self.due |= 1 << timer;
        }
        let load = u64::from(self.registers.get(base(timer) + LOAD));
        let reload = (timer == FRC1 && control & reg::FRC1_CTRL::AUTOLOAD.mask() != 0).then_some(load);
        self.timers[timer].turn(reload, at, now);
    }
}

fn timers(apb: Frequency) -> [Frc; 2] {
    [Frc::new(apb, FRC1_MASK, false), Frc::new(apb, FRC2_MASK, true)]
}

fn base(timer: usize) -> u32 {
    timer as u32 * STRIDE
}

fn prescaler(control: u32) -> u64 {
    match reg::FRC1_CTRL::PRESCALER.get(control) {
        PRESCALER_16 => 16,
        PRESCALER_256 => 256,
        _ => 1,
    }
}

impl Device for FrcTimer {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("autoload of FRC2 has no effect, and edge interrupts come at most once in a microsecond")
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.advance(now);
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::FRC1_COUNT => self.timers[FRC1].count(now) as u32,
            reg::FRC2_COUNT => self.timers[FRC2].count(now) as u32,
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.advance(now);
        let new = self.registers.write(offset, value)?;
        let timer = (offset / STRIDE) as usize;
        match offset {
            reg::FRC1_LOAD | reg::FRC2_LOAD => self.timers[timer].set_count(u64::from(new), now),
            reg::FRC1_CTRL | reg::FRC2_CTRL => self.configure(timer, now),
            reg::FRC1_INT | reg::FRC2_INT if value & INT_CLR != 0 => {
                self.registers.modify(base(timer) + CTRL, reg::FRC1_CTRL::INT_STATUS.mask(), 0);
            }
            reg::FRC2_ALARM => {
                // The distance to the alarm counts from now on.
                self.timers[FRC2].target = u64::from(new);
                self.configure(FRC2, now);
            }
            _ => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        [FRC1, FRC2].into_iter().filter_map(|timer| self.next_interrupt(timer)).min()
    }

    fn advance(&mut self, now: Time) {
        for timer in [FRC1, FRC2] {
            if let Some(at) = self.timers[timer].due().filter(|at| *at <= now) {
                self.fire(timer, at, now);
            }
            if self.due >> timer & 1 != 0 && self.pulsed[timer] + FASTEST_EDGES <= now {
                self.edges |= 1 << timer;
                self.due &= !(1 << timer);
                self.pulsed[timer] = now;
            }
        }
    }

    fn interrupts(&self) -> u32 {
        [FRC1, FRC2].into_iter().fold(0, |lines, timer| {
            let control = self.control(timer);
            let raised = reg::FRC1_CTRL::INT_STATUS.is_set(control) && control & reg::FRC1_CTRL::LEVEL_INT.mask() != 0;
            lines | u32::from(raised) << timer
        })
    }

    fn reset(&mut self) {
        *self = FrcTimer { apb: self.apb, timers: timers(self.apb), ..FrcTimer::new() };
    }

    fn take_edges(&mut self) -> u32 {
        self.take_edges()
    }

    fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.set_apb_clock(apb, now);
    }

    fn set_clock_gated(&mut self, gated: bool, now: Time) {
        self.set_clock_gated(gated, now);
    }
}
