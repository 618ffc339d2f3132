//! A timer: a counter that is computed from when it was at zero, never ticked.

use espalier_core::{Frequency, Span, Time};

/// The fraction of the divider has this many steps.
const FRACTION: u64 = 256;
/// Bits of the counter (TRM, register LEDC_HSTIMERx_CONF).
const MAX_BITS: u32 = 20;

/// The settings of a timer's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) clock: Frequency,
    /// In 256ths.
    pub(super) divider: u32,
    pub(super) bits: u32,
    pub(super) running: bool,
}

espalier_core::persist!(value Settings { clock, divider, bits, running });

#[derive(Clone, Debug)]
pub(super) struct Timer {
    settings: Settings,
    since: Time,
    /// The counter at `since`.
    count: u64,
    /// Overflows since then that have been dealt with.
    pub(super) taken: u64,
}

espalier_core::persist!(value Timer { settings, since, count, taken });

impl Timer {
    pub(super) fn new(settings: Settings) -> Timer {
        Timer { settings, since: Time::ZERO, count: 0, taken: 0 }
    }

    /// Ticks of guest time in 256 steps of the counter.
    fn pace(&self) -> u64 {
        // A divider below one is not allowed.
        self.settings.clock.ticks_per_cycle() * u64::from(self.settings.divider).max(FRACTION)
    }

    fn bits(&self) -> u32 {
        self.settings.bits.min(MAX_BITS)
    }

    /// Whether the counter moves and can overflow.
    pub(super) fn is_running(&self) -> bool {
        self.settings.running && self.settings.bits > 0
    }

    /// Steps since the counter was at zero, over all overflows.
    fn steps(&self, now: Time) -> u64 {
        if !self.is_running() {
            return self.count;
        }
        let passed = u128::from(now.since(self.since).ticks()) * u128::from(FRACTION) / u128::from(self.pace());
        self.count + passed as u64
    }

    pub(super) fn range(&self) -> u64 {
        1 << self.bits()
    }

    pub(super) fn value(&self, now: Time) -> u32 {
        (self.steps(now) & (self.range() - 1)) as u32
    }

    pub(super) fn overflows(&self, now: Time) -> u64 {
        self.steps(now) >> self.bits()
    }

    /// When the overflow after `ahead` more than those taken happens.
    pub(super) fn overflow_at(&self, ahead: u64) -> Option<Time> {
        if !self.is_running() {
            return None;
        }
        let steps = ((self.taken + ahead) << self.bits()).saturating_sub(self.count);
        let ticks = (u128::from(steps) * u128::from(self.pace())).div_ceil(u128::from(FRACTION));
        Some(self.since + Span::from_ticks(ticks as u64))
    }

    /// From one overflow to the next.
    pub(super) fn period(&self) -> Span {
        Span::from_ticks((self.pace() * self.range() + FRACTION / 2) / FRACTION)
    }

    /// Goes on with other settings. All overflows until `now` have been taken.
    pub(super) fn configure(&mut self, settings: Settings, now: Time) {
        if settings == self.settings {
            return;
        }
        let value = u64::from(self.value(now));
        self.settings = settings;
        self.count = value & (self.range() - 1);
        self.since = now;
        self.taken = 0;
    }

    pub(super) fn clear(&mut self, now: Time) {
        self.count = 0;
        self.since = now;
        self.taken = 0;
    }
}
