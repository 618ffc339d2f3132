//! A timer: a counter that is computed from when it had a value, never ticked.

use espalier_core::{Span, Time};

use super::registers::cfg1;

/// Values of the counter, which has 16 bits.
const RANGE: u64 = 1 << 16;

/// Where a timer stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Never,
    AtZero,
    AtPeriod,
}

espalier_core::persist!(
    enum Stop {
        Never,
        AtZero,
        AtPeriod,
    }
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    /// The counter from `since` on.
    pub(super) count: u32,
    pub(super) down: bool,
    pub(super) since: Time,
    /// A cycle of its clock, PT_clk.
    pub(super) tick: Span,
    /// The active period.
    pub(super) period: u32,
    mode: u32,
    pub(super) running: bool,
    pub(super) stop: Stop,
}

espalier_core::persist!(value Timer { count, down, since, tick, period, mode, running, stop } if Timer::is_possible;);

impl Timer {
    pub(super) fn new(tick: Span, period: u32) -> Timer {
        let stop = Stop::AtZero;
        Timer { count: 0, down: false, since: Time::ZERO, tick, period, mode: cfg1::FREEZE, running: false, stop }
    }

    fn is_possible(&self) -> bool {
        self.tick > Span::ZERO
            && u64::from(self.count) < RANGE
            && u64::from(self.period) < RANGE
            && self.mode <= cfg1::UP_DOWN
    }

    /// Whether the counter moves.
    pub(super) fn moves(&self) -> bool {
        self.running && self.mode != cfg1::FREEZE
    }

    /// The counter and whether it counts down.
    pub(super) fn value(&self, now: Time) -> (u32, bool) {
        if self.moves() { self.after(self.ticks(now)) } else { (self.count, self.down) }
    }

    fn ticks(&self, now: Time) -> u64 {
        now.since(self.since).ticks() / self.tick.ticks()
    }

    /// Counts up to `now`, and keeps the part of a tick that has passed.
    pub(super) fn follow(&mut self, now: Time) {
        if !self.moves() {
            self.since = now;
            return;
        }
        let ticks = self.ticks(now);
        (self.count, self.down) = self.after(ticks);
        self.since += self.tick * ticks;
    }

    /// Goes on from `now` as MOD says.
    pub(super) fn set_mode(&mut self, mode: u32, now: Time) {
        self.follow(now);
        self.mode = mode;
        match mode {
            cfg1::UP => self.down = false,
            cfg1::DOWN => self.down = true,
            _ => {}
        }
    }

    /// Puts the counter to a value; the direction matters to a timer that counts up and down.
    pub(super) fn load(&mut self, count: u32, down: bool, now: Time) {
        (self.count, self.since) = (count, now);
        if self.mode == cfg1::UP_DOWN {
            self.down = down;
        }
    }

    /// Ticks in a cycle.
    pub(super) fn cycle(&self) -> u64 {
        match self.mode {
            cfg1::UP_DOWN => 2 * u64::from(self.period).max(1),
            _ => u64::from(self.period) + 1,
        }
    }

    /// Where it is in a cycle of counting up and down, in ticks from zero.
    fn position(&self) -> u64 {
        let (count, period) = (u64::from(self.count), u64::from(self.period));
        if self.down { 2 * period - count } else { count }
    }

    /// The counter after some ticks. Above its period, as one that was made shorter leaves it, it counts up to its 16 bits, or down.
    fn after(&self, ticks: u64) -> (u32, bool) {
        let (count, period) = (u64::from(self.count), u64::from(self.period));
        let (count, down) = match self.mode {
            cfg1::UP if count > period && count + ticks < RANGE => (count + ticks, false),
            cfg1::UP if count > period => ((count + ticks - RANGE) % (period + 1), false),
            cfg1::UP => ((count + ticks) % (period + 1), false),
            cfg1::DOWN if ticks <= count => (count - ticks, true),
            cfg1::DOWN => (period - (ticks - count - 1) % (period + 1), true),
            cfg1::UP_DOWN if count > period && ticks <= count - period => (count - ticks, true),
            cfg1::UP_DOWN if count > period => {
                return Timer { count: self.period, down: true, ..*self }.after(ticks - (count - period));
            }
            cfg1::UP_DOWN if period == 0 => (0, false),
            cfg1::UP_DOWN => match (self.position() + ticks) % (2 * period) {
                position if position < period => (position, false),
                position => (2 * period - position, true),
            },
            _ => (count, self.down),
        };
        (count as u32, down)
    }

    /// When the counter next comes to `target`, in whatever direction.
    pub(super) fn arrives(&self, target: u32) -> Option<Time> {
        if !self.moves() {
            return None;
        }
        let (count, period, target) = (u64::from(self.count), u64::from(self.period), u64::from(target));
        let full = |ticks: u64, cycle: u64| if ticks == 0 { cycle } else { ticks };
        let ticks = match self.mode {
            cfg1::UP if count > period && target > count => target - count,
            cfg1::UP if target > period => return None,
            cfg1::UP if count > period => RANGE - count + target,
            cfg1::UP => full((target + period + 1 - count) % (period + 1), period + 1),
            cfg1::DOWN if target < count => count - target,
            cfg1::DOWN if target > period => return None,
            cfg1::DOWN => count + 1 + period - target,
            _ if count > period && target < count => count - target,
            _ if target > period => return None,
            _ if period == 0 => 1,
            _ => {
                let cycle = 2 * period;
                let to = |position: u64| full((position + cycle - self.position()) % cycle, cycle);
                to(target).min(to(cycle - target))
            }
        };
        Some(self.since + self.tick * ticks)
    }

    /// The same with its times counted from `start`.
    pub(super) fn relative(self, start: Time) -> Timer {
        let since = if self.moves() { start.since(self.since) } else { Span::ZERO };
        Timer { since: Time::from_ticks(since.ticks()), ..self }
    }
}
