//! Sleeping and waking (ESP32 TRM, chapter "Low-Power Management").

use espalier_core::{Field, Time};

use super::registers::reg;
use super::{RtcCntl, RtcEffect};

/// The sources that can wake the chip; the bits of WAKEUP_ENA and WAKEUP_CAUSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum WakeupSource {
    /// One RTC pad.
    Ext0 = 1 << 0,
    /// A set of RTC pads.
    Ext1 = 1 << 1,
    /// Any GPIO; light sleep only.
    Gpio = 1 << 2,
    /// The RTC timer reaches SLP_VAL.
    Timer = 1 << 3,
    Sdio = 1 << 4,
    Mac = 1 << 5,
    Uart0 = 1 << 6,
    Uart1 = 1 << 7,
    Touch = 1 << 8,
    UlpCp = 1 << 9,
    Bt = 1 << 10,
}

/// The two ways to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// The digital core is clock-gated and goes on after waking.
    Light,
    /// The digital core is powered down and is reset on waking.
    Deep,
}

espalier_core::persist!(
    enum Sleep {
        Light,
        Deep,
    }
);

impl RtcCntl {
    /// Returns the kind of sleep, if the chip sleeps.
    pub fn sleeping(&self) -> Option<Sleep> {
        self.sleeping
    }

    /// Something wakes the chip. It does so only if the chip sleeps and the source is enabled; and the chip is awake only when
    /// its clocks and power domains have come up.
    pub fn wake(&mut self, source: WakeupSource, now: Time) {
        let enabled = self.registers.field(reg::WAKEUP_STATE::WAKEUP_ENA);
        if enabled & source as u32 == 0 || self.sleeping.is_none() || self.waking.is_some() {
            return;
        }
        self.registers.modify(reg::WAKEUP_STATE, reg::WAKEUP_STATE::WAKEUP_CAUSE.mask(), source as u32);
        let slow = self.slow_clock().frequency();
        let shortest = slow.cycles(self.cycles(reg::TIMER5::MIN_SLP_VAL));
        self.waking = Some(now.max(self.asleep_since + shortest) + slow.cycles(self.waking_cycles().max(1)));
    }

    /// The chip goes on if it has come up by `now`.
    pub(super) fn come_up(&mut self, now: Time) {
        if self.waking.is_none_or(|at| at > now) {
            return;
        }
        self.waking = None;
        let Some(kind) = self.sleeping.take() else { return };
        self.registers.modify(reg::STATE0, reg::STATE0::SLEEP_EN.mask(), 0);
        self.raise(reg::INT_RAW::SLP_WAKEUP.mask());
        self.run_watchdog(now);
        self.effects.push_back(match kind {
            Sleep::Light => RtcEffect::Wake,
            Sleep::Deep => RtcEffect::Reset { cause: super::ResetCause::DeepSleep },
        });
    }

    /// Cycles of the slow clock that it takes to come up: the waits for the RC oscillator, the crystal and the PLL, and for the
    /// power domains. The manual does not say which of these go on side by side. With the times that ESP-IDF sets, PLL and
    /// domains take the seven cycles that it reckons with (RTC_CNTL_WAKEUP_DELAY_CYCLES).
    fn waking_cycles(&self) -> u64 {
        let together = |fields: &[Field]| fields.iter().map(|field| self.cycles(*field)).sum::<u64>();
        let rom_ram = together(&[reg::TIMER3::ROM_RAM_POWERUP_TIMER, reg::TIMER3::ROM_RAM_WAIT_TIMER]);
        let wifi = together(&[reg::TIMER3::WIFI_POWERUP_TIMER, reg::TIMER3::WIFI_WAIT_TIMER]);
        together(&[reg::TIMER1::CK8M_WAIT, reg::TIMER1::XTL_BUF_WAIT, reg::TIMER1::PLL_BUF_WAIT])
            + together(&[reg::TIMER4::POWERUP_TIMER, reg::TIMER4::WAIT_TIMER])
            + together(&[reg::TIMER4::DG_WRAP_POWERUP_TIMER, reg::TIMER4::DG_WRAP_WAIT_TIMER])
            + rom_ram.max(wifi)
    }

    fn cycles(&self, field: Field) -> u64 {
        self.registers.field(field).into()
    }
}
