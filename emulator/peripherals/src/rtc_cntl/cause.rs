//! Why a core was reset (ESP32 TRM, chapter "Reset and Clock", table "PRO_CPU and APP_CPU Reset Reason Values").

/// One of the two CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cpu {
    Pro,
    App,
}

espalier_core::persist!(
    enum Cpu {
        Pro,
        App,
    }
);

impl Cpu {
    /// Both CPUs.
    pub const ALL: [Cpu; 2] = [Cpu::Pro, Cpu::App];
}

/// Reset causes, with the values that RTC_CNTL_RESET_STATE shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ResetCause {
    /// The chip was powered, or its EN pin rose.
    PowerOn = 1,
    /// RTC_CNTL_SW_SYS_RST.
    SoftwareSystem = 3,
    /// Woken from deep sleep.
    DeepSleep = 5,
    /// The SDIO slave.
    Sdio = 6,
    /// The main watchdog of timer group 0 resets the system.
    TimerGroup0System = 7,
    /// The main watchdog of timer group 1 resets the system.
    TimerGroup1System = 8,
    /// The RTC watchdog resets the system.
    RtcWatchdogSystem = 9,
    /// The main watchdog of a timer group resets its CPU.
    TimerGroupCpu = 11,
    /// RTC_CNTL_SW_PROCPU_RST or RTC_CNTL_SW_APPCPU_RST.
    SoftwareCpu = 12,
    /// The RTC watchdog resets a CPU.
    RtcWatchdogCpu = 13,
    /// The PRO CPU resets the APP CPU through DPORT.
    ProCpu = 14,
    /// The supply voltage was too low.
    BrownOut = 15,
    /// The RTC watchdog resets the system and the RTC.
    RtcWatchdogRtc = 16,
}

espalier_core::persist! {
    enum ResetCause {
        PowerOn, SoftwareSystem, DeepSleep, Sdio, TimerGroup0System, TimerGroup1System, RtcWatchdogSystem,
        TimerGroupCpu, SoftwareCpu, RtcWatchdogCpu, ProCpu, BrownOut, RtcWatchdogRtc
    }
}

/// The part of the chip that a reset covers; each scope contains the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResetScope {
    /// One CPU and nothing else.
    Cpu,
    /// The digital core: CPUs and peripherals, but not the RTC.
    Core,
    /// The digital core and the RTC.
    System,
    /// The whole chip, as after power-on.
    Chip,
}

impl ResetCause {
    /// The part of the chip that this reset reaches.
    pub fn scope(self) -> ResetScope {
        match self {
            ResetCause::PowerOn => ResetScope::Chip,
            ResetCause::BrownOut | ResetCause::RtcWatchdogRtc => ResetScope::System,
            ResetCause::TimerGroupCpu | ResetCause::SoftwareCpu | ResetCause::RtcWatchdogCpu | ResetCause::ProCpu => {
                ResetScope::Cpu
            }
            _ => ResetScope::Core,
        }
    }
}
