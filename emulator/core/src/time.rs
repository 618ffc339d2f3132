//! Guest time.
//!
//! Guest time is counted in ticks of 480 MHz, a common multiple of every clock the ESP32 family derives from its 40 MHz
//! crystal: 240, 160 and 80 MHz CPU clocks, the 80 MHz APB clock, the crystal itself, 1 MHz REF_TICK and the 150 kHz slow
//! clock are all whole numbers of ticks. A `u64` of ticks lasts 1200 years. Nothing here ever reads the host's clock.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// Ticks in one second of guest time.
const TICKS_PER_SECOND: u64 = 480_000_000;
const TICKS_PER_MICRO: u64 = TICKS_PER_SECOND / 1_000_000;

/// An instant of guest time, counted from power-on.
///
/// ```
/// use espalier_core::{Span, Time};
///
/// let later = Time::from_micros(1500) + Span::from_millis(2);
/// assert_eq!(later.as_micros(), 3500);
/// assert_eq!(later.since(Time::from_micros(500)), Span::from_millis(3));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// A length of guest time.
///
/// ```
/// use espalier_core::Span;
///
/// assert_eq!(Span::from_millis(3) * 2, Span::from_micros(6000));
/// assert_eq!(Span::from_millis(1500).as_secs_f64(), 1.5);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// A clock whose period is a whole number of ticks.
///
/// ```
/// use espalier_core::{Frequency, Span};
///
/// let apb = Frequency::from_hertz(80_000_000);
/// assert_eq!(apb.divided_by(80).cycles(1000), Span::from_millis(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequency {
    ticks_per_cycle: u64,
}

crate::persist! {
    value Time(ticks)
    value Span(ticks)
    value Frequency { ticks_per_cycle } if Frequency::has_a_period;
    enum Direction { Up, Down }
    value Counter { since, value, clock, direction, running }
}

impl Time {
    pub const ZERO: Time = Time(0);
    /// The end of time.
    pub const MAX: Time = Time(u64::MAX);

    #[inline]
    pub const fn from_ticks(ticks: u64) -> Time {
        Time(ticks)
    }

    #[inline]
    pub const fn ticks(self) -> u64 {
        self.0
    }

    pub const fn from_micros(micros: u64) -> Time {
        Time(micros * TICKS_PER_MICRO)
    }

    /// Whole microseconds since power-on, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / TICKS_PER_MICRO
    }

    /// Time since `earlier`, or zero if `earlier` is later.
    #[inline]
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    pub const ZERO: Span = Span(0);

    #[inline]
    pub const fn from_ticks(ticks: u64) -> Span {
        Span(ticks)
    }

    #[inline]
    pub const fn ticks(self) -> u64 {
        self.0
    }

    #[inline]
    pub const fn from_nanos(nanos: u64) -> Span {
        Span((nanos as u128 * TICKS_PER_SECOND as u128 / 1_000_000_000) as u64)
    }

    pub const fn from_micros(micros: u64) -> Span {
        Span(micros * TICKS_PER_MICRO)
    }

    pub const fn from_millis(millis: u64) -> Span {
        Span(millis * 1000 * TICKS_PER_MICRO)
    }

    pub const fn from_secs(secs: u64) -> Span {
        Span(secs * TICKS_PER_SECOND)
    }

    /// Whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / TICKS_PER_MICRO
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / TICKS_PER_SECOND as f64
    }
}

impl From<std::time::Duration> for Span {
    fn from(duration: std::time::Duration) -> Span {
        Span((duration.as_nanos() * u128::from(TICKS_PER_SECOND) / 1_000_000_000).min(u128::from(u64::MAX)) as u64)
    }
}

impl From<Span> for std::time::Duration {
    fn from(span: Span) -> std::time::Duration {
        let nanos = u128::from(span.0) * 1_000_000_000 / u128::from(TICKS_PER_SECOND);
        std::time::Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
    }
}

impl Frequency {
    /// A clock of `hertz`, rounded to the nearest whole number of ticks per cycle.
    pub const fn from_hertz(hertz: u64) -> Frequency {
        let ticks = (TICKS_PER_SECOND + hertz / 2) / hertz;
        Frequency { ticks_per_cycle: if ticks == 0 { 1 } else { ticks } }
    }

    #[inline]
    pub const fn ticks_per_cycle(self) -> u64 {
        self.ticks_per_cycle
    }

    pub const fn hertz(self) -> u64 {
        TICKS_PER_SECOND / self.ticks_per_cycle
    }

    const fn has_a_period(&self) -> bool {
        self.ticks_per_cycle != 0
    }

    /// This clock behind a divider; a divisor of zero counts as one.
    pub const fn divided_by(self, divisor: u64) -> Frequency {
        Frequency { ticks_per_cycle: self.ticks_per_cycle * if divisor == 0 { 1 } else { divisor } }
    }

    /// Length of `count` cycles.
    #[inline]
    pub const fn cycles(self, count: u64) -> Span {
        Span(self.ticks_per_cycle.saturating_mul(count))
    }

    /// Whole cycles that fit into `span`.
    pub const fn cycles_in(self, span: Span) -> u64 {
        span.0 / self.ticks_per_cycle
    }
}

/// A free-running hardware counter, computed from where it stood and when, never ticked.
///
/// ```
/// use espalier_core::{Counter, Frequency, Time};
///
/// let mut counter = Counter::new(Frequency::from_hertz(1_000_000));
/// counter.set_running(true, Time::ZERO);
/// assert_eq!(counter.value(Time::from_micros(250)), 250);
/// assert_eq!(counter.reaches(1000, 32, Time::ZERO), Some(Time::from_micros(1000)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    since: Time,
    value: u64,
    clock: Frequency,
    direction: Direction,
    running: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Counter {
    /// A stopped counter at zero that will count up with `clock`.
    pub fn new(clock: Frequency) -> Counter {
        Counter { since: Time::ZERO, value: 0, clock, direction: Direction::Up, running: false }
    }

    /// The value at `now`, wrapping at 2^64; callers mask it to the width of their register.
    pub fn value(&self, now: Time) -> u64 {
        if !self.running {
            return self.value;
        }
        let steps = self.clock.cycles_in(now.since(self.since));
        match self.direction {
            Direction::Up => self.value.wrapping_add(steps),
            Direction::Down => self.value.wrapping_sub(steps),
        }
    }

    pub fn set_value(&mut self, value: u64, now: Time) {
        self.value = value;
        self.since = now;
    }

    pub fn set_running(&mut self, running: bool, now: Time) {
        self.rebase(now);
        self.running = running;
    }

    pub fn is_running(&self) -> bool {
        self.running
    }

    pub fn set_clock(&mut self, clock: Frequency, now: Time) {
        self.rebase(now);
        self.clock = clock;
    }

    pub fn set_counting_up(&mut self, up: bool, now: Time) {
        self.rebase(now);
        self.direction = if up { Direction::Up } else { Direction::Down };
    }

    /// The instant at which a counter of `width` bits next reaches `target`, counted from its value at `now`; a counter
    /// that stands at `target` reaches it at `now`. None while it is stopped.
    pub fn reaches(&self, target: u64, width: u32, now: Time) -> Option<Time> {
        if !self.running {
            return None;
        }
        let mask = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
        let value = self.value(now);
        let steps = match self.direction {
            Direction::Up => target.wrapping_sub(value),
            Direction::Down => value.wrapping_sub(target),
        } & mask;
        if steps == 0 {
            return Some(now);
        }
        let done = self.clock.cycles_in(now.since(self.since));
        let ticks = self.clock.ticks_per_cycle.checked_mul(done.checked_add(steps)?)?;
        Some(Time(self.since.0.checked_add(ticks)?))
    }

    /// Moves the base to `now` without losing the fraction of a cycle that has already passed.
    fn rebase(&mut self, now: Time) {
        if self.running {
            let whole = self.clock.cycles_in(now.since(self.since));
            self.value = self.value(now);
            self.since += self.clock.cycles(whole);
        } else {
            self.since = now;
        }
    }
}

impl Add<Span> for Time {
    type Output = Time;
    #[inline]
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    #[inline]
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    #[inline]
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Span;
    #[inline]
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    #[inline]
    fn mul(self, factor: u64) -> Span {
        Span(self.0.saturating_mul(factor))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Seconds with six decimals, as in `1.002341s`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.as_micros();
        write!(f, "{}.{:06}s", micros / 1_000_000, micros % 1_000_000)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Time(self.0), f)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Time(self.0), f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, Frequency, Span, Time};

    #[test]
    fn clocks_of_the_chip_are_whole_ticks() {
        for (hertz, ticks) in [(240_000_000, 2), (160_000_000, 3), (80_000_000, 6), (40_000_000, 12), (150_000, 3200)] {
            assert_eq!(Frequency::from_hertz(hertz).ticks_per_cycle(), ticks);
        }
    }

    #[test]
    fn counter_keeps_its_fraction_over_a_change_of_clock() {
        let apb = Frequency::from_hertz(80_000_000);
        let mut counter = Counter::new(apb.divided_by(80));
        counter.set_running(true, Time::ZERO);
        assert_eq!(counter.value(Time::from_ticks(719)), 1);
        counter.set_clock(apb.divided_by(80), Time::from_ticks(719));
        assert_eq!(counter.value(Time::from_ticks(960)), 2);
    }

    #[test]
    fn counter_says_when_it_reaches_a_value() {
        let mut counter = Counter::new(Frequency::from_hertz(1_000_000));
        assert_eq!(counter.reaches(5, 64, Time::ZERO), None);
        counter.set_running(true, Time::ZERO);
        assert_eq!(counter.reaches(5, 64, Time::from_micros(2)), Some(Time::from_micros(5)));
        assert_eq!(counter.reaches(1, 8, Time::from_micros(2)), Some(Time::from_micros(257)));
        counter.set_counting_up(false, Time::from_micros(2));
        assert_eq!(counter.value(Time::from_micros(3)), 1);
        assert_eq!(counter.reaches(0, 64, Time::from_micros(3)), Some(Time::from_micros(4)));
    }

    #[test]
    fn spans_convert_to_and_from_durations() {
        let duration = std::time::Duration::from_micros(1_234_567);
        assert_eq!(Span::from(duration), Span::from_micros(1_234_567));
        assert_eq!(std::time::Duration::from(Span::from_micros(1_234_567)), duration);
        assert_eq!(Time::from_micros(1_002_341).to_string(), "1.002341s");
    }
}
