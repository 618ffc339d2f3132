//! Measures a slow clock against the crystal: RTCCALICFG and RTCCALICFG1.

use espalier_core::{Span, Time};

use super::registers::reg;
use crate::clocks::{SlowClock, XTAL, XTAL_HERTZ};

#[derive(Clone, Debug)]
pub(super) struct Calibration {
    done: Option<(Time, u32)>,
}

espalier_core::persist!(value Calibration { done });

impl Calibration {
    /// The state after reset, in which the hardware measures over and over, so that a value is there.
    pub(super) fn after_reset(config: u32, clock: Option<SlowClock>) -> Calibration {
        Calibration { done: clock.map(|clock| (Time::ZERO, measure(config, clock).1)) }
    }

    /// Software changes RTCCALICFG from `old` to `new`; `clock` is the clock to measure, if it is running at all.
    pub(super) fn written(&mut self, old: u32, new: u32, clock: Option<SlowClock>, now: Time) {
        let started = reg::RTCCALICFG::RTC_CALI_START.is_set(new & !old);
        let cycling = reg::RTCCALICFG::RTC_CALI_START_CYCLING.is_set(new) && new != old;
        if started || cycling {
            self.done = clock.map(|clock| {
                let (span, value) = measure(new, clock);
                (now + span, value)
            });
        }
    }

    pub(super) fn is_ready(&self, now: Time) -> bool {
        self.done.is_some_and(|(at, _)| at <= now)
    }

    /// The content of RTCCALICFG1 at `now`.
    pub(super) fn value(&self, now: Time) -> u32 {
        self.done.filter(|(at, _)| *at <= now).map_or(0, |(_, value)| reg::RTCCALICFG1::RTC_CALI_VALUE.put(value))
    }
}

/// Returns the duration of `MAX` periods of `clock`, and its length in periods of the crystal, to the nearest. A measurement of no
/// period ends with the next edge of the clock; drivers wait for that edge so.
fn measure(config: u32, clock: SlowClock) -> (Span, u32) {
    let periods = u64::from(reg::RTCCALICFG::RTC_CALI_MAX.get(config));
    let crystal = |periods: u64| (periods * XTAL_HERTZ * 1000 + clock.millihertz() / 2) / clock.millihertz();
    (
        XTAL.cycles(crystal(periods.max(1))),
        crystal(periods).min(u64::from(reg::RTCCALICFG1::RTC_CALI_VALUE.max())) as u32,
    )
}
