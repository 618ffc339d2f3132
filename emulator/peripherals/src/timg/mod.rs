//! A timer group: two general-purpose timers, the LACT timer, the main system watchdog, and the calibration of slow clocks
//! (ESP32 TRM, chapters "64-bit Timers" and "Watchdog Timers").
//!
//! ESP-IDF's `esp_timer` runs on the LACT timer of group 0, which the manual does not describe: it is a third timer whose
//! registers follow the same order.

mod calibration;
mod registers;
#[cfg(test)]
mod tests;
mod timer;

use espalier_core::{Device, Fidelity, Frequency, Register, Registers, Time, Unmodelled};

use crate::clocks::{SlowClock, XTAL};
use crate::watchdog::{STAGES, Spaced, WRITE_KEY, Watchdog};
use calibration::Calibration;
use registers::{REGISTERS, line, reg, wdt};
use timer::Timer;

const LINES: [u32; 3] = [line::T0, line::T1, line::LACT];

/// The reset that the main system watchdog of a group causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchdogReset {
    /// The CPU that the group watches: the PRO CPU for group 0, the APP CPU for group 1.
    Cpu,
    /// The digital system without the RTC.
    System,
}

espalier_core::persist!(
    enum WatchdogReset {
        Cpu,
        System,
    }
);

/// TIMG0 or TIMG1.
///
/// A core reset reaches the block. The caller says afterwards whether the chip boots from flash, for group 0.
///
/// Interrupt lines, in this order from bit 0: T0, T1, WDT, LACT. [`Device::interrupts`] gives the level sources
/// (TGn_x_LEVEL_INTR); the edge sources (TGn_x_EDGE_INTR) are pulses, taken with [`take_edges`](Self::take_edges).
#[derive(Clone, Debug)]
pub struct TimerGroup {
    registers: Registers,
    apb: Frequency,
    slow_clock: SlowClock,
    has_xtal_32k: bool,
    timers: [Timer; 3],
    watchdog: Watchdog,
    flash_boot: bool,
    gated: bool,
    calibration: Calibration,
    edges: u32,
    /// The watchdog's edge interrupts.
    watchdog_edges: Spaced,
    /// Its resets of a core. The core is held in reset for WDT_CPU_RESET_LENGTH, from 100 ns to 3.2 us, in which another reset
    /// changes nothing.
    core_resets: Spaced,
    reset: Option<WatchdogReset>,
}

espalier_core::persist! {
    state TimerGroup {
        registers, apb, slow_clock, timers, watchdog, flash_boot, gated, calibration, edges, watchdog_edges,
        core_resets, reset
    } fixed { has_xtal_32k }
}

impl Default for TimerGroup {
    fn default() -> TimerGroup {
        TimerGroup::new()
    }
}

impl TimerGroup {
    /// A group after reset, with the APB at the frequency of the crystal.
    pub fn new() -> TimerGroup {
        let registers = Registers::new(&REGISTERS);
        let slow_clock = SlowClock::default();
        TimerGroup {
            timers: timers(XTAL),
            watchdog: watchdog(XTAL, &registers),
            calibration: Calibration::after_reset(registers.get(reg::RTCCALICFG), Some(SlowClock::Rc8mDiv256)),
            registers,
            apb: XTAL,
            slow_clock,
            has_xtal_32k: false,
            flash_boot: false,
            gated: false,
            edges: 0,
            watchdog_edges: Spaced::default(),
            core_resets: Spaced::default(),
            reset: None,
        }
    }

    /// The APB clock changes: 80 MHz while the CPU runs from the PLL, the CPU clock otherwise.
    pub fn set_apb_clock(&mut self, apb: Frequency, now: Time) {
        self.advance(now);
        self.apb = apb;
        self.configure_timers(now);
        self.watchdog.set_clock(watchdog_clock(apb, &self.registers), now);
    }

    /// The APB clock stops, as in light sleep, or goes on. While it stands still nothing counts.
    pub fn set_clock_gated(&mut self, gated: bool, now: Time) {
        self.advance(now);
        self.gated = gated;
        for timer in &mut self.timers {
            timer.set_gated(gated);
        }
        self.configure_timers(now);
        self.run_watchdog(now);
    }

    /// The clock that RTC_CNTL selects as the RTC slow clock, which a calibration of "RTC_MUX" measures.
    pub fn set_slow_clock(&mut self, clock: SlowClock) {
        self.slow_clock = clock;
    }

    /// Whether a 32.768 kHz crystal is soldered to the chip. Without one, its calibration never becomes ready.
    pub fn set_xtal_32k(&mut self, present: bool) {
        self.has_xtal_32k = present;
    }

    /// The chip was reset with its straps set to boot from flash. The watchdog of group 0 then runs until software clears
    /// WDT_FLASHBOOT_MOD_EN, and resets the system when its first stage expires, unless software gave that stage an action.
    pub fn set_flash_boot(&mut self, flash_boot: bool, now: Time) {
        self.advance(now);
        self.flash_boot = flash_boot;
        self.run_watchdog(now);
    }

    /// The reset that the watchdog asks for.
    pub fn take_reset(&mut self) -> Option<WatchdogReset> {
        self.reset.take()
    }

    /// Edge interrupts since the last call: bit n is a pulse on the n-th line.
    pub fn take_edges(&mut self) -> u32 {
        std::mem::take(&mut self.edges)
    }

    fn guarded_by_flash_boot(&self) -> bool {
        self.flash_boot && self.registers.is_set(reg::WDTCONFIG0::WDT_FLASHBOOT_MOD_EN)
    }

    fn configure_timers(&mut self, now: Time) {
        for timer in &mut self.timers {
            timer.configure(&self.registers, self.apb, now);
            timer.arm(&self.registers, now);
        }
    }

    fn run_watchdog(&mut self, now: Time) {
        let enabled = self.registers.is_set(reg::WDTCONFIG0::WDT_EN) || self.guarded_by_flash_boot();
        if !enabled {
            self.watchdog.feed(now);
        }
        self.watchdog.set_running(enabled && !self.gated, now);
    }

    fn watchdog_written(&mut self, offset: u32, value: u32, now: Time) {
        match offset {
            reg::WDTCONFIG0 => self.run_watchdog(now),
            reg::WDTCONFIG1 => self.watchdog.set_clock(watchdog_clock(self.apb, &self.registers), now),
            reg::WDTFEED => self.watchdog.feed(now),
            offset => self.watchdog.set_timeout(((offset - reg::WDTCONFIG2) / 4) as usize, value),
        }
    }

    fn watchdog_action(&self, stage: usize) -> u32 {
        use reg::WDTCONFIG0;
        let actions = [WDTCONFIG0::WDT_STG0, WDTCONFIG0::WDT_STG1, WDTCONFIG0::WDT_STG2, WDTCONFIG0::WDT_STG3];
        match self.registers.field(actions[stage]) {
            wdt::OFF if stage == 0 && self.guarded_by_flash_boot() => wdt::RESET_SYSTEM,
            action => action,
        }
    }

    /// When a stage of the watchdog next expires with an effect outside the block.
    fn watchdog_deadline(&self) -> Option<Time> {
        let config = self.registers.get(reg::WDTCONFIG0);
        let raises =
            reg::WDTCONFIG0::WDT_LEVEL_INT_EN.is_set(config) && self.registers.get(reg::INT_RAW) & line::WDT == 0;
        let pulses = reg::WDTCONFIG0::WDT_EDGE_INT_EN.is_set(config);
        let acts = self.watchdog.deadline(|stage| match self.watchdog_action(stage) {
            wdt::INTERRUPT => raises,
            action => action == wdt::RESET_SYSTEM,
        });
        let edge = self.watchdog.deadline(|stage| pulses && self.watchdog_action(stage) == wdt::INTERRUPT);
        let core_reset = self.watchdog.deadline(|stage| self.watchdog_action(stage) == wdt::RESET_CPU);
        [acts, self.watchdog_edges.deadline(edge), self.core_resets.deadline(core_reset)].into_iter().flatten().min()
    }

    fn watchdog_expired(&mut self, stage: usize) {
        let config = self.registers.get(reg::WDTCONFIG0);
        match self.watchdog_action(stage) {
            wdt::INTERRUPT => {
                self.raise(line::WDT, reg::WDTCONFIG0::WDT_LEVEL_INT_EN.is_set(config), false);
                if reg::WDTCONFIG0::WDT_EDGE_INT_EN.is_set(config) {
                    self.watchdog_edges.cause();
                }
            }
            wdt::RESET_CPU => self.core_resets.cause(),
            wdt::RESET_SYSTEM => self.reset = Some(WatchdogReset::System),
            _ => {}
        }
    }

    fn raise(&mut self, line: u32, level: bool, edge: bool) {
        if level {
            self.registers.modify(reg::INT_RAW, 0, line);
        }
        if edge {
            self.edges |= line;
        }
    }

    /// The clock that a calibration with this RTCCALICFG measures, if it is running.
    fn calibrated_clock(&self, config: u32) -> Option<SlowClock> {
        let clock = match reg::RTCCALICFG::RTC_CALI_CLK_SEL.get(config) {
            1 => SlowClock::Rc8mDiv256,
            2 => SlowClock::Xtal32k,
            _ => self.slow_clock,
        };
        (clock != SlowClock::Xtal32k || self.has_xtal_32k).then_some(clock)
    }
}

fn timers(apb: Frequency) -> [Timer; 3] {
    [(reg::T0CONFIG, reg::T0LO), (reg::T1CONFIG, reg::T1LO), (reg::LACTCONFIG, reg::LACTLO)]
        .map(|(config, low)| Timer::new(config, low, apb))
}

fn watchdog(apb: Frequency, registers: &Registers) -> Watchdog {
    let timeouts = std::array::from_fn::<u32, STAGES, _>(|stage| registers.get(reg::WDTCONFIG2 + 4 * stage as u32));
    Watchdog::new(watchdog_clock(apb, registers), timeouts)
}

fn watchdog_clock(apb: Frequency, registers: &Registers) -> Frequency {
    apb.divided_by(u64::from(registers.field(reg::WDTCONFIG1::WDT_CLK_PRESCALE)))
}

impl Device for TimerGroup {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "LACT does not count with the RTC slow clock during light sleep, and the watchdog's edge interrupts and resets of a \
             core come at most once in a microsecond each",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        // A latched count does not depend on later events.
        if self.timers.iter().any(|timer| timer.latched().contains(&offset)) {
            return self.registers.read(offset);
        }
        self.advance(now);
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::RTCCALICFG if self.calibration.is_ready(now) => value | reg::RTCCALICFG::RTC_CALI_RDY.mask(),
            reg::RTCCALICFG1 => self.calibration.value(now),
            reg::INT_ST => self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.advance(now);
        if let Some(timer) = self.timers.iter().find(|timer| timer.is_update(offset)) {
            self.registers.write(offset, value)?;
            timer.latch(&mut self.registers, now);
            return Ok(());
        }
        let guarded = (reg::WDTCONFIG0..=reg::WDTFEED).contains(&offset);
        if guarded && self.registers.get(reg::WDTWPROTECT) != WRITE_KEY {
            return Ok(());
        }
        let old = self.registers.read(offset)?;
        let new = self.registers.write(offset, value)?;
        if guarded {
            self.watchdog_written(offset, new, now);
        } else if let Some(timer) = self.timers.iter_mut().find(|timer| timer.owns(offset)) {
            timer.written(offset, &mut self.registers, self.apb, now);
        } else {
            match offset {
                reg::RTCCALICFG => self.calibration.written(old, new, self.calibrated_clock(new), now),
                reg::INT_CLR => self.registers.modify(reg::INT_RAW, new, 0),
                _ => {}
            }
        }
        self.advance(now);
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.timers.iter().filter_map(Timer::deadline).chain(self.watchdog_deadline()).min()
    }

    fn advance(&mut self, now: Time) {
        for (index, line) in LINES.into_iter().enumerate() {
            if let Some(alarm) = self.timers[index].take_alarm(&mut self.registers, now) {
                self.raise(line, alarm.level, alarm.edge);
            }
        }
        while let Some(stage) = self.watchdog.take_expired(now) {
            self.watchdog_expired(stage);
        }
        if self.watchdog_edges.take(now) {
            self.raise(line::WDT, false, true);
        }
        if self.core_resets.take(now) {
            self.reset = self.reset.or(Some(WatchdogReset::Cpu));
        }
    }

    /// The level lines follow INT_RAW: on this chip INT_ENA only masks INT_ST, and LEVEL_INT_EN decides whether an alarm
    /// reaches the line, which is why drivers switch that bit.
    fn interrupts(&self) -> u32 {
        self.registers.get(reg::INT_RAW)
    }

    /// Only a calibration is worked out from the time that software reads it.
    fn steady_until(&self, offset: u32, _now: Time) -> Option<Time> {
        let is_calibration = matches!(offset, reg::RTCCALICFG | reg::RTCCALICFG1);
        (!is_calibration && self.registers.read(offset).is_ok()).then_some(Time::MAX)
    }

    /// Software has the counter written down before it reads the time.
    fn quiet_write(&self, offset: u32) -> Option<[u32; 2]> {
        self.timers.iter().find(|timer| timer.is_update(offset)).map(Timer::latched)
    }

    fn reset(&mut self) {
        let previous = std::mem::take(self);
        self.apb = previous.apb;
        self.timers = timers(self.apb);
        self.watchdog = watchdog(self.apb, &self.registers);
        self.slow_clock = previous.slow_clock;
        self.has_xtal_32k = previous.has_xtal_32k;
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
