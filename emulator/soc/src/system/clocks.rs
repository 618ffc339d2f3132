//! Clocks of the cores and the APB, and what holds a core (TRM "Reset and Clock").

use espalier_core::{Frequency, Time};
use espalier_peripherals::{APB_WITH_PLL, Cpu, RC_FAST, SocClock, XTAL};

use super::{System, UARTS};
use crate::flash_cache::LINE;
use crate::map::Block;

impl System {
    /// The cycles of `clock` that the running core waits for lines of flash which it has missed, as they come through SPI0.
    pub fn take_stall(&mut self, clock: Frequency) -> u64 {
        match std::mem::take(&mut self.missed_lines) {
            0 => 0,
            lines => {
                let wait = self.spis[0].flash_read_time(LINE, self.apb_clock).ticks() * u64::from(lines);
                wait.div_ceil(clock.ticks_per_cycle())
            }
        }
    }

    /// The APB stands still while the chip sleeps.
    pub(super) fn gate_clocks(&mut self, now: Time) {
        let asleep = self.rtc.sleeping().is_some();
        self.frc.set_clock_gated(asleep, now);
        self.renew_deadline(Block::Frc);
        self.ledc.set_clock_gated(asleep, now);
        self.carry_changes();
        self.renew_deadline(Block::Ledc);
        for unit in 0..self.timgs.len() {
            self.timgs[unit].set_clock_gated(asleep, now);
            self.renew_deadline(Block::Timg(unit as u8));
        }
    }

    /// True if `core` has a clock, whether something holds it or not.
    pub fn has_clock(&self, core: Cpu) -> bool {
        self.rtc.sleeping().is_none() && (core == Cpu::Pro || self.dport.app_cpu().clocked)
    }

    /// True if `core` starts in ROM after its next reset.
    pub fn starts_from_rom(&self, core: Cpu) -> bool {
        self.rtc.starts_from_rom(core)
    }

    pub(super) fn update_runs(&mut self) {
        let app = self.dport.app_cpu();
        let awake = self.rtc.sleeping().is_none();
        let runs = [
            awake && !self.rtc.is_stalled(Cpu::Pro),
            awake && !app.in_reset && app.clocked && !app.stalled && !self.rtc.is_stalled(Cpu::App),
        ];
        if runs != self.runs {
            self.runs = runs;
            self.attention = true;
        }
    }

    /// CPU and APB clock as the selections in three blocks say (TRM "Reset and Clock").
    pub(super) fn update_clocks(&mut self, now: Time) {
        const PLL_CLOCKS: [Frequency; 3] =
            [Frequency::from_hertz(80_000_000), Frequency::from_hertz(160_000_000), Frequency::from_hertz(240_000_000)];
        let divider = u64::from(self.apb_ctrl.cpu_divider());
        let (cpu, apb) = match self.rtc.soc_clock() {
            SocClock::Pll => {
                // The reserved selection runs at the lowest clock.
                let selected = PLL_CLOCKS.get(self.dport.cpu_period() as usize).unwrap_or(&PLL_CLOCKS[0]);
                (*selected, APB_WITH_PLL)
            }
            SocClock::Rc8m => (RC_FAST.divided_by(divider), RC_FAST.divided_by(divider)),
            SocClock::Xtal | SocClock::Apll => (XTAL.divided_by(divider), XTAL.divided_by(divider)),
        };
        if cpu != self.cpu_clock {
            self.cpu_clock = cpu;
            self.attention = true;
        }
        self.apb_clock = apb;
        let slow = self.rtc.slow_clock();
        for unit in 0..self.timgs.len() {
            self.timgs[unit].set_slow_clock(slow);
            self.timgs[unit].set_apb_clock(apb, now);
            self.renew_deadline(Block::Timg(unit as u8));
        }
        self.spis.iter_mut().for_each(|spi| spi.set_apb_clock(apb));
        self.rmt.set_apb_clock(apb, now);
        self.renew_deadline(Block::Rmt);
        self.ledc.set_apb_clock(apb, now);
        self.renew_deadline(Block::Ledc);
        self.carry_changes();
        self.frc.set_apb_clock(apb, now);
        self.renew_deadline(Block::Frc);
        for unit in 0..UARTS {
            self.uarts[unit].set_apb_clock(apb, now);
            self.renew_deadline(Block::Uart(unit as u8));
        }
    }
}
