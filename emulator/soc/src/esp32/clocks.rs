//! Clocks of the cores and the APB, and what holds a core (TRM "Reset and Clock").

use espalier_core::{Frequency, Time};
use espalier_peripherals::{APB_WITH_PLL, Cpu, RC_FAST, SocClock, XTAL};

use super::flash_cache::LINE;
use super::table::{APB_CTRL, DPORT, RTC_CNTL, SPI0, TIMG};
use super::{Esp32, cpu};
use crate::machine::Settle;

impl Esp32 {
    /// The cycles of `clock` that the running core waits for lines of flash which it has missed, as they come through SPI0.
    pub(super) fn stall(&mut self, clock: Frequency) -> u64 {
        match std::mem::take(&mut self.missed_lines) {
            0 => 0,
            lines => {
                let wait = self.get(SPI0).flash_read_time(LINE, self.platform.apb_clock).ticks() * u64::from(lines);
                wait.div_ceil(clock.ticks_per_cycle())
            }
        }
    }

    /// The APB stands still while the chip sleeps.
    pub(super) fn gate_clocks(&mut self, now: Time) {
        let asleep = self.get(RTC_CNTL).sleeping().is_some();
        self.for_each_block(|platform, index| platform.blocks.device_mut(index).set_clock_gated(asleep, now));
    }

    /// True if `core` has a clock, whether something holds it or not.
    pub(super) fn has_clock(&self, core: usize) -> bool {
        let clocked = cpu(core) == Cpu::Pro || self.get(DPORT).app_cpu().clocked;
        self.get(RTC_CNTL).sleeping().is_none() && clocked
    }

    pub(super) fn update_runs(&mut self) {
        let app = self.get(DPORT).app_cpu();
        let awake = self.get(RTC_CNTL).sleeping().is_none();
        let runs = [
            awake && !self.get(RTC_CNTL).is_stalled(Cpu::Pro),
            awake && !app.in_reset && app.clocked && !app.stalled && !self.get(RTC_CNTL).is_stalled(Cpu::App),
        ];
        if runs != self.runs {
            self.runs = runs;
            self.platform.attention = true;
        }
    }

    /// CPU and APB clock as the selections in three blocks say (TRM "Reset and Clock").
    pub(super) fn update_clocks(&mut self, now: Time) {
        const PLL_CLOCKS: [Frequency; 3] =
            [Frequency::from_hertz(80_000_000), Frequency::from_hertz(160_000_000), Frequency::from_hertz(240_000_000)];
        let divider = u64::from(self.get(APB_CTRL).cpu_divider());
        let (cpu, apb) = match self.get(RTC_CNTL).soc_clock() {
            SocClock::Pll => {
                // The reserved selection runs at the lowest clock.
                let selected = PLL_CLOCKS.get(self.get(DPORT).cpu_period() as usize).unwrap_or(&PLL_CLOCKS[0]);
                (*selected, APB_WITH_PLL)
            }
            SocClock::Rc8m => (RC_FAST.divided_by(divider), RC_FAST.divided_by(divider)),
            SocClock::Xtal | SocClock::Apll => (XTAL.divided_by(divider), XTAL.divided_by(divider)),
        };
        if cpu != self.platform.cpu_clock {
            self.platform.cpu_clock = cpu;
            self.platform.attention = true;
        }
        self.platform.apb_clock = apb;
        let slow = self.get(RTC_CNTL).slow_clock();
        for group in TIMG {
            self.get_mut(group).set_slow_clock(slow);
        }
        self.for_each_block(|platform, index| platform.blocks.device_mut(index).set_apb_clock(apb, now));
    }
}
