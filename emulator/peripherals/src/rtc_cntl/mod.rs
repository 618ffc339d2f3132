//! The RTC controller: resets and their causes, the RTC timer and watchdog, clock selection, sleep (ESP32 TRM, chapters
//! "Reset and Clock", "Watchdog Timers" and "Low-Power Management").
//!
//! The block asks for resets and stalls with [`RtcEffect`]s. It does not know when a reset really happens: the code that resets the
//! chip, for whatever reason, tells it so with [`RtcCntl::apply_reset`], which records the cause.

mod brown_out;
mod cause;
mod device;
mod memory_crc;
mod registers;
mod sleep;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use espalier_core::{Counter, Registers, Time};

use crate::clocks::{APB_WITH_PLL, SlowClock, SocClock};
use crate::watchdog::{STAGES, Watchdog};
pub use cause::{Cpu, ResetCause, ResetScope};
use registers::{REGISTERS, reg};
pub use sleep::{Sleep, WakeupSource};

/// Bits of the RTC timer.
const TIMER_WIDTH: u32 = 48;

/// Requests of the RTC controller to the rest of the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcEffect {
    /// Reset one CPU.
    ResetCpu { cpu: Cpu, cause: ResetCause },
    /// Reset everything that is in the cause's scope.
    Reset { cause: ResetCause },
    /// Hold a CPU, or let it go on.
    StallCpu { cpu: Cpu, stalled: bool },
    /// [`RtcCntl::soc_clock`] or [`RtcCntl::slow_clock`] may have changed.
    ClockChanged,
    /// The CPUs stop. `wake_at` is when the RTC timer wakes the chip, if it is to; a deep sleep ends with a reset.
    Sleep { kind: Sleep, wake_at: Option<Time> },
    /// The light sleep is over; the CPUs go on.
    Wake,
    /// Hand these words of RTC fast memory to [`RtcCntl::finish_memory_crc`]; software waits for it.
    MemoryCrc { first_word: u32, words: u32 },
}

espalier_core::persist! {
    enum RtcEffect {
        ResetCpu { cpu, cause }, Reset { cause }, StallCpu { cpu, stalled }, ClockChanged, Sleep { kind, wake_at },
        Wake, MemoryCrc { first_word, words }
    }
}

/// RTC_CNTL. It has one interrupt line (RTC_CORE_INTR): bit 0.
#[derive(Clone, Debug)]
pub struct RtcCntl {
    registers: Registers,
    timer: Counter,
    /// When a requested TIME_UPDATE becomes valid.
    update_at: Option<Time>,
    alarm_at: Option<Time>,
    watchdog: Watchdog,
    flash_boot: bool,
    causes: [ResetCause; 2],
    stalled: [bool; 2],
    sleeping: Option<Sleep>,
    asleep_since: Time,
    /// When the chip has come up that something has woken.
    waking: Option<Time>,
    /// When the checksum of the memory is complete.
    crc_done_at: Option<Time>,
    /// Voltage of the supply, in millivolts.
    supply: u32,
    /// When the brown-out detector resets the chip.
    brown_out_at: Option<Time>,
    effects: VecDeque<RtcEffect>,
    /// The latest time that this block has seen.
    now: Time,
}

espalier_core::persist! {
    state RtcCntl {
        registers, timer, update_at, alarm_at, watchdog, flash_boot, causes, stalled, sleeping, asleep_since,
        waking, crc_done_at, supply, brown_out_at, effects, now
    }
}

impl Default for RtcCntl {
    fn default() -> RtcCntl {
        RtcCntl::new()
    }
}

impl RtcCntl {
    /// The controller after power-on.
    pub fn new() -> RtcCntl {
        let registers = Registers::new(&REGISTERS);
        let clock = SlowClock::default().frequency();
        let timeouts = std::array::from_fn::<u32, STAGES, _>(|stage| registers.get(reg::WDTCONFIG1 + 4 * stage as u32));
        let mut timer = Counter::new(clock);
        timer.set_running(true, Time::ZERO);
        RtcCntl {
            registers,
            timer,
            update_at: None,
            alarm_at: None,
            watchdog: Watchdog::new(clock, timeouts),
            flash_boot: false,
            causes: [ResetCause::PowerOn; 2],
            stalled: [false; 2],
            sleeping: None,
            asleep_since: Time::ZERO,
            waking: None,
            crc_done_at: None,
            supply: brown_out::NOMINAL_MILLIVOLTS,
            brown_out_at: None,
            effects: VecDeque::new(),
            now: Time::ZERO,
        }
    }

    /// The next thing that the block wants, oldest first.
    pub fn take_effect(&mut self) -> Option<RtcEffect> {
        self.effects.pop_front()
    }

    /// A reset happens. `cpu` is the CPU that is reset if the cause's scope is one CPU; otherwise both are.
    ///
    /// A CPU reset and a core reset leave the RTC's registers alone, but for the causes. A system reset and power-on bring
    /// them back to their reset values, release stalled CPUs and start the RTC timer from zero.
    pub fn apply_reset(&mut self, cause: ResetCause, cpu: Option<Cpu>, now: Time) {
        use espalier_core::Device;
        self.advance(now);
        if cause.scope() >= ResetScope::System {
            let (flash_boot, supply) = (self.flash_boot, self.supply);
            *self = RtcCntl { supply, ..RtcCntl::new() };
            self.now = now;
            self.timer.set_value(0, now);
            self.set_flash_boot(flash_boot, now);
        }
        (self.sleeping, self.waking) = (None, None);
        self.run_watchdog(now);
        for reset in Cpu::ALL {
            if cause.scope() > ResetScope::Cpu || cpu == Some(reset) {
                self.causes[reset as usize] = cause;
            }
        }
    }

    /// The cause of the last reset of `cpu`.
    pub fn reset_cause(&self, cpu: Cpu) -> ResetCause {
        self.causes[cpu as usize]
    }

    /// The chip was reset with its straps set to boot from flash. The watchdog then runs until software clears
    /// WDT_FLASHBOOT_MOD_EN, and resets system and RTC when its first stage expires, unless software gave that stage an
    /// action.
    pub fn set_flash_boot(&mut self, flash_boot: bool, now: Time) {
        self.flash_boot = flash_boot;
        self.run_watchdog(now);
    }

    /// The source of the CPU clock.
    pub fn soc_clock(&self) -> SocClock {
        SocClock::from_field(self.registers.field(reg::CLK_CONF::SOC_CLK_SEL))
    }

    /// The clock of the RTC timer and the RTC watchdog.
    pub fn slow_clock(&self) -> SlowClock {
        SlowClock::from_field(self.registers.field(reg::CLK_CONF::ANA_CLK_RTC_SEL))
    }

    /// RTC_CNTL_STORE6: software keeps here what it wants to know after a reset.
    pub fn store6(&self) -> u32 {
        self.registers.get(reg::STORE6)
    }

    /// Whether the timer of the touch controller is enabled.
    pub fn is_touch_timer_enabled(&self) -> bool {
        self.registers.is_set(reg::STATE0::TOUCH_SLP_TIMER_EN)
    }

    /// Whether the timer of the ULP coprocessor is enabled, and the cycles of the slow clock that it waits before each start.
    pub fn ulp_timer(&self) -> (bool, u32) {
        let wait = self.registers.field(reg::TIMER2::ULPCP_TOUCH_START_WAIT);
        (self.registers.is_set(reg::STATE0::ULP_CP_SLP_TIMER_EN), wait)
    }

    /// The ULP coprocessor wants the chip to wake up.
    pub fn woken_by_ulp(&mut self, now: Time) {
        self.raise(reg::INT_RAW::ULP_CP.mask());
        self.wake(WakeupSource::UlpCp, now);
    }

    /// The touch controller has found pads touched.
    pub fn raise_touch_interrupt(&mut self) {
        self.raise(reg::INT_RAW::TOUCH.mask());
    }

    /// Whether software holds `cpu`.
    pub fn is_stalled(&self, cpu: Cpu) -> bool {
        self.stalled[cpu as usize]
    }

    /// Whether `cpu` starts at the reset vector in ROM (true) or in RTC slow memory.
    pub fn starts_from_rom(&self, cpu: Cpu) -> bool {
        let bit = match cpu {
            Cpu::Pro => reg::RESET_STATE::PROCPU_STAT_VECTOR_SEL.mask(),
            Cpu::App => reg::RESET_STATE::APPCPU_STAT_VECTOR_SEL.mask(),
        };
        self.registers.get(reg::RESET_STATE) & bit != 0
    }

    /// Levels of the RTC pads, bit n for RTC GPIO n, and the pad that RTC_IO selects for EXT0. Wakes a sleeping chip if EXT0
    /// or EXT1 is enabled and its condition holds. To be told when a pad changes and when the chip has fallen asleep.
    pub fn set_rtc_pads(&mut self, levels: u32, ext0_pad: u32, now: Time) {
        let config = self.registers.get(reg::EXT_WAKEUP_CONF);
        let ext0 = levels.checked_shr(ext0_pad).unwrap_or(0) & 1 != 0;
        if ext0 == reg::EXT_WAKEUP_CONF::EXT_WAKEUP0_LV.is_set(config) {
            self.wake(WakeupSource::Ext0, now);
        }
        let selected = self.registers.get(reg::EXT_WAKEUP1);
        let any_high = reg::EXT_WAKEUP_CONF::EXT_WAKEUP1_LV.is_set(config);
        let met = if any_high { levels & selected != 0 } else { selected != 0 && levels & selected == 0 };
        if met && self.sleeping.is_some() && self.waking.is_none() {
            self.registers.set(reg::EXT_WAKEUP1_STATUS, if any_high { levels & selected } else { selected });
            self.wake(WakeupSource::Ext1, now);
        }
    }

    /// The content of RTC fast memory that [`RtcEffect::MemoryCrc`] asked for. ESP-IDF has it checked before and after a deep
    /// sleep, both times by this block. It takes the block a cycle for each word.
    pub fn finish_memory_crc(&mut self, memory: &[u8]) {
        self.registers.set(reg::MEM_CRC_RES, memory_crc::crc32(memory));
        let words = memory.len() as u64 / 4;
        self.crc_done_at = Some(self.now + APB_WITH_PLL.cycles(words.max(1)));
    }

    fn raise(&mut self, interrupt: u32) {
        self.registers.modify(reg::INT_RAW, 0, interrupt);
    }

    fn guarded_by_flash_boot(&self) -> bool {
        self.flash_boot && self.registers.is_set(reg::WDTCONFIG0::WDT_FLASHBOOT_MOD_EN)
    }

    fn run_watchdog(&mut self, now: Time) {
        let config = self.registers.get(reg::WDTCONFIG0);
        let enabled = reg::WDTCONFIG0::WDT_EN.is_set(config) || self.guarded_by_flash_boot();
        let paused = self.sleeping.is_some() && reg::WDTCONFIG0::WDT_PAUSE_IN_SLP.is_set(config);
        if !enabled {
            self.watchdog.feed(now);
        }
        self.watchdog.set_running(enabled && !paused, now);
    }

    /// Whether software or the chip finds out at once that a stage of the watchdog has expired.
    fn watchdog_acts(&self, stage: usize) -> bool {
        match self.watchdog_action(stage) {
            registers::WDT_OFF => false,
            registers::WDT_INTERRUPT => {
                self.registers.get(reg::INT_ENA) & !self.registers.get(reg::INT_RAW) & reg::INT_RAW::WDT.mask() != 0
            }
            _ => true,
        }
    }

    fn watchdog_action(&self, stage: usize) -> u32 {
        use reg::WDTCONFIG0;
        let actions = [WDTCONFIG0::WDT_STG0, WDTCONFIG0::WDT_STG1, WDTCONFIG0::WDT_STG2, WDTCONFIG0::WDT_STG3];
        match self.registers.field(actions[stage]) {
            registers::WDT_OFF if stage == 0 && self.guarded_by_flash_boot() => registers::WDT_RESET_RTC,
            action => action,
        }
    }

    fn watchdog_expired(&mut self, stage: usize) {
        let config = self.registers.get(reg::WDTCONFIG0);
        match self.watchdog_action(stage) {
            registers::WDT_INTERRUPT => self.raise(reg::INT_RAW::WDT.mask()),
            registers::WDT_RESET_CPU => {
                let cause = ResetCause::RtcWatchdogCpu;
                for (cpu, enable) in [
                    (Cpu::Pro, reg::WDTCONFIG0::WDT_PROCPU_RESET_EN.mask()),
                    (Cpu::App, reg::WDTCONFIG0::WDT_APPCPU_RESET_EN.mask()),
                ] {
                    if config & enable != 0 {
                        self.effects.push_back(RtcEffect::ResetCpu { cpu, cause });
                    }
                }
            }
            registers::WDT_RESET_SYSTEM => {
                self.effects.push_back(RtcEffect::Reset { cause: ResetCause::RtcWatchdogSystem });
            }
            registers::WDT_RESET_RTC => {
                self.effects.push_back(RtcEffect::Reset { cause: ResetCause::RtcWatchdogRtc });
            }
            _ => {}
        }
    }
}
