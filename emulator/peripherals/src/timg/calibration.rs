//! Measures a slow clock against the crystal: RTCCALICFG and RTCCALICFG1.

use espalier_core::{Span, Time};

use crate::clocks::{SlowClock, XTAL, XTAL_HERTZ};

/// Fields of TIMGn_RTCCALICFG and TIMGn_RTCCALICFG1.
pub(super) mod field {
    pub const START_CYCLING: u32 = 1 << 12;
    pub const CLK_SEL_SHIFT: u32 = 13;
    pub const CLK_SEL_MASK: u32 = 3;
    pub const RDY: u32 = 1 << 15;
    pub const MAX_SHIFT: u32 = 16;
    pub const MAX_MASK: u32 = 0x7FFF;
    pub const START: u32 = 1 << 31;
    pub const VALUE_SHIFT: u32 = 7;
    pub const VALUE_MAX: u64 = (1 << 25) - 1;
}

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
        let started = new & !old & field::START != 0;
        let cycling = new & field::START_CYCLING != 0 && new != old;
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
        self.done.filter(|(at, _)| *at <= now).map_or(0, |(_, value)| value << field::VALUE_SHIFT)
    }
}

/// How long `MAX` periods of `clock` last, and how many periods of the crystal that is, to the nearest. A measurement of no
/// period ends with the next edge of the clock; drivers wait for that edge so.
fn measure(config: u32, clock: SlowClock) -> (Span, u32) {
    let periods = u64::from(config >> field::MAX_SHIFT & field::MAX_MASK);
    let crystal = |periods: u64| (periods * XTAL_HERTZ * 1000 + clock.millihertz() / 2) / clock.millihertz();
    (XTAL.cycles(crystal(periods.max(1))), crystal(periods).min(field::VALUE_MAX) as u32)
}
