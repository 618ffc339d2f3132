//! A channel: when within a timer's period its output is high, and how that changes.

use espalier_core::{Signal, Span, Time};

use super::registers::reg;
use super::timer::Timer;

/// The duty has this many bits after the point.
const FRACTION_BITS: u32 = 4;
/// TRM, register LEDC_HSCHn_DUTY.
const DUTY_MASK: u32 = 0x1FF_FFFF;

/// A change of the duty that software has asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) hpoint: u32,
    pub(super) duty: u32,
    pub(super) conf1: u32,
}

espalier_core::persist!(value Change { hpoint, duty, conf1 });

#[derive(Clone, Copy, Debug)]
struct Fade {
    up: bool,
    scale: u32,
    /// Overflows from one step to the next.
    cycle: u64,
    left: u64,
    /// Overflows until the next step.
    wait: u64,
}

espalier_core::persist!(value Fade { up, scale, cycle, left, wait });

#[derive(Clone, Debug, Default)]
pub(super) struct Channel {
    /// CONF0 as it is in effect.
    conf0: u32,
    hpoint: u32,
    pub(super) duty: u32,
    /// Takes effect with the next overflow.
    pending: Option<Change>,
    fade: Option<Fade>,
}

espalier_core::persist!(value Channel { conf0, hpoint, duty, pending, fade });

impl Channel {
    /// The timer of its group that it follows.
    pub(super) fn timer(&self) -> usize {
        reg::LSCH0_CONF0::TIMER_SEL.get(self.conf0) as usize
    }

    pub(super) fn set_conf0(&mut self, conf0: u32) {
        self.conf0 = conf0;
    }

    pub(super) fn ask(&mut self, change: Option<Change>) {
        self.fade = None;
        self.pending = change;
    }

    /// Overflows until something changes.
    pub(super) fn waits(&self) -> Option<u64> {
        if self.pending.is_some() { Some(1) } else { self.fade.map(|fade| fade.wait) }
    }

    /// Overflows until a change that software has asked for is complete.
    pub(super) fn ends_after(&self) -> Option<u64> {
        if let Some(change) = self.pending {
            let fade = Fade::of(change.conf1);
            return Some(1 + fade.left * fade.cycle);
        }
        self.fade.map(|fade| fade.wait + (fade.left - 1) * fade.cycle)
    }

    /// Overflows pass in which nothing changes.
    pub(super) fn pass(&mut self, overflows: u64) {
        if let Some(fade) = &mut self.fade {
            fade.wait -= overflows;
        }
    }

    /// The overflow comes that [`waits`](Self::waits) has announced. True if the change is complete.
    pub(super) fn step(&mut self) -> bool {
        if let Some(change) = self.pending.take() {
            self.hpoint = change.hpoint;
            self.duty = change.duty;
            let fade = Fade::of(change.conf1);
            self.fade = (fade.left > 0).then_some(fade);
            return self.fade.is_none();
        }
        let Some(mut fade) = self.fade.take() else { return false };
        let step = fade.scale << FRACTION_BITS;
        let duty = if fade.up { self.duty.wrapping_add(step) } else { self.duty.wrapping_sub(step) };
        self.duty = duty & DUTY_MASK;
        fade.left -= 1;
        fade.wait = fade.cycle;
        self.fade = (fade.left > 0).then_some(fade);
        self.fade.is_none()
    }

    /// The channel's output.
    pub(super) fn signal(&self, timer: &Timer, now: Time) -> Signal {
        if !reg::LSCH0_CONF0::SIG_OUT_EN.is_set(self.conf0) {
            return Signal::Level(reg::LSCH0_CONF0::IDLE_LV.is_set(self.conf0));
        }
        let one = timer.range() << FRACTION_BITS;
        let start = u64::from(self.hpoint) << FRACTION_BITS;
        let high = u64::from(self.duty).min(one.saturating_sub(start));
        if high == 0 || high == one {
            return Signal::Level(high == one);
        }
        if !timer.is_running() {
            let value = u64::from(timer.value(now)) << FRACTION_BITS;
            return Signal::Level((start..start + high).contains(&value));
        }
        let period = timer.period();
        // The fraction of the duty is spread over periods: this is their mean.
        let high = (u128::from(period.ticks()) * u128::from(high) + u128::from(one / 2)) / u128::from(one);
        // Each period begins with an overflow, the pulse in it at the channel's point.
        let lead = Span::from_ticks((u128::from(period.ticks()) * u128::from(start) / u128::from(one)) as u64);
        let rise = timer.overflow_at(1).unwrap_or(now) + lead;
        Signal::pulses(period, Span::from_ticks(high as u64), rise)
    }
}

impl Fade {
    fn of(conf1: u32) -> Fade {
        let cycle = u64::from(reg::LSCH0_CONF1::DUTY_CYCLE.get(conf1)).max(1);
        Fade {
            up: reg::LSCH0_CONF1::DUTY_INC.is_set(conf1),
            scale: reg::LSCH0_CONF1::DUTY_SCALE.get(conf1),
            cycle,
            left: u64::from(reg::LSCH0_CONF1::DUTY_NUM.get(conf1)),
            wait: cycle,
        }
    }
}
