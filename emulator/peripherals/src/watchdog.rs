//! The watchdog of four stages that the timer groups and the RTC controller share (ESP32 TRM, chapter "Watchdog Timers").
//!
//! Stages follow each other; each lasts for its own number of clock cycles. What a stage does when it expires is up to the
//! block that owns the watchdog.

use espalier_core::{Frequency, Time};

use crate::clocks::FASTEST_EDGES;

/// Stages of a watchdog.
pub(crate) const STAGES: usize = 4;

/// The value of a write-protect register that leaves the watchdog writable.
pub(crate) const WRITE_KEY: u32 = 0x50D8_3AA1;

#[derive(Clone, Debug)]
pub(crate) struct Watchdog {
    clock: Frequency,
    timeouts: [u32; STAGES],
    stage: usize,
    /// Cycles of the current stage that had passed at `since`.
    elapsed: u64,
    since: Time,
    running: bool,
}

espalier_core::persist!(value Watchdog { clock, timeouts, stage, elapsed, since, running } if Watchdog::is_sound;);

impl Watchdog {
    /// A stopped watchdog in its first stage.
    pub(crate) fn new(clock: Frequency, timeouts: [u32; STAGES]) -> Watchdog {
        Watchdog { clock, timeouts, stage: 0, elapsed: 0, since: Time::ZERO, running: false }
    }

    fn is_sound(&self) -> bool {
        self.stage < STAGES
    }

    /// Starts or stops counting. The count is kept while the watchdog stands still.
    pub(crate) fn set_running(&mut self, running: bool, now: Time) {
        self.rebase(now);
        self.running = running;
    }

    pub(crate) fn set_clock(&mut self, clock: Frequency, now: Time) {
        self.rebase(now);
        self.clock = clock;
    }

    pub(crate) fn set_timeout(&mut self, stage: usize, cycles: u32) {
        self.timeouts[stage] = cycles;
    }

    /// Back to the beginning of the first stage.
    pub(crate) fn feed(&mut self, now: Time) {
        self.stage = 0;
        self.elapsed = 0;
        self.since = now;
    }

    /// When a stage next expires of which `acts` says that this does something. The others pass unheard, so that a watchdog
    /// whose stages are as short as can be does not keep the emulator busy. The end of time is never.
    pub(crate) fn deadline(&self, acts: impl Fn(usize) -> bool) -> Option<Time> {
        if !self.running {
            return None;
        }
        let mut left = self.left();
        for ahead in 0..STAGES {
            let stage = (self.stage + ahead) % STAGES;
            if ahead > 0 {
                left += self.timeout(stage);
            }
            if acts(stage) {
                return self.after(left);
            }
        }
        None
    }

    /// When so many cycles of the current stage and those after it will have passed.
    fn after(&self, cycles: u64) -> Option<Time> {
        let at = self.since + self.clock.cycles(cycles);
        (self.running && at != Time::from_ticks(u64::MAX)).then_some(at)
    }

    /// Cycles of the current stage that had not passed at `since`.
    fn left(&self) -> u64 {
        self.timeout(self.stage).saturating_sub(self.elapsed)
    }

    /// The stage that has expired at `now`, if any; the next one has begun then. To be asked until it gives `None`.
    pub(crate) fn take_expired(&mut self, now: Time) -> Option<usize> {
        let at = self.after(self.left())?;
        if at > now {
            return None;
        }
        // A call later than two whole rounds would only repeat the same stages.
        let round = self.clock.cycles((0..STAGES).map(|stage| self.timeout(stage)).sum());
        let rounds = now.since(at).ticks() / round.ticks().max(1);
        self.since = at + round * rounds.saturating_sub(1);
        self.elapsed = 0;
        let expired = self.stage;
        self.stage = (self.stage + 1) % STAGES;
        Some(expired)
    }

    /// A timeout of zero expires with the next cycle.
    fn timeout(&self, stage: usize) -> u64 {
        u64::from(self.timeouts[stage].max(1))
    }

    /// Moves the base to `now` without losing the fraction of a cycle that has already passed.
    fn rebase(&mut self, now: Time) {
        if !self.running {
            self.since = now;
            return;
        }
        let cycles = self.clock.cycles_in(now.since(self.since));
        self.elapsed = self.elapsed.saturating_add(cycles);
        self.since += self.clock.cycles(cycles);
    }
}

/// Limits the effects of stages to one in a microsecond, however short they are: earlier effects are merged with the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spaced {
    last: Time,
    is_due: bool,
}

espalier_core::persist!(value Spaced { last, is_due });

impl Spaced {
    /// A stage has caused it.
    pub(crate) fn cause(&mut self) {
        self.is_due = true;
    }

    /// When it next comes, if a stage causes it at `next`.
    pub(crate) fn deadline(&self, next: Option<Time>) -> Option<Time> {
        let earliest = self.last + FASTEST_EDGES;
        if self.is_due { Some(earliest) } else { next.map(|at| at.max(earliest)) }
    }

    /// Whether it comes now.
    pub(crate) fn take(&mut self, now: Time) -> bool {
        let comes = self.is_due && self.last + FASTEST_EDGES <= now;
        if comes {
            *self = Spaced { last: now, is_due: false };
        }
        comes
    }
}

#[cfg(test)]
mod tests {
    use super::{STAGES, Watchdog};
    use espalier_core::{Frequency, Time};

    const KILOHERTZ: Frequency = Frequency::from_hertz(1000);

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1000)
    }

    #[test]
    fn stages_follow_each_other_and_start_again() {
        let mut watchdog = Watchdog::new(KILOHERTZ, [10, 20, 5, 5]);
        assert_eq!(watchdog.deadline(|_| true), None);
        watchdog.set_running(true, at(100));
        assert_eq!(watchdog.take_expired(at(109)), None);
        assert_eq!(watchdog.take_expired(at(131)), Some(0));
        assert_eq!(watchdog.take_expired(at(131)), Some(1));
        assert_eq!(watchdog.deadline(|_| true), Some(at(135)));
        assert_eq!(watchdog.take_expired(at(141)), Some(2));
        assert_eq!(watchdog.take_expired(at(141)), Some(3));
        assert_eq!(watchdog.deadline(|_| true), Some(at(150)));
        assert_eq!(watchdog.deadline(|stage| stage == 2), Some(at(175)));
        assert_eq!(watchdog.deadline(|_| false), None);
    }

    #[test]
    fn rounds_that_are_left_out_keep_the_pace() {
        let mut watchdog = Watchdog::new(KILOHERTZ, [10, 20, 5, 5]);
        watchdog.set_running(true, at(0));
        let mut expired = Vec::new();
        while let Some(stage) = watchdog.take_expired(at(40 * 1_000_000 + 31)) {
            expired.push(stage);
        }
        assert!(expired.len() < 10 && (0..STAGES).all(|stage| expired.contains(&stage)), "{expired:?}");
        assert_eq!(watchdog.deadline(|stage| stage == 3), Some(at(40 * 1_000_000 + 40)));
    }

    #[test]
    fn feeding_starts_the_first_stage_again() {
        let mut watchdog = Watchdog::new(KILOHERTZ, [10; 4]);
        watchdog.set_running(true, at(0));
        assert_eq!(watchdog.take_expired(at(10)), Some(0));
        watchdog.feed(at(15));
        assert_eq!(watchdog.deadline(|_| true), Some(at(25)));
    }

    #[test]
    fn a_pause_keeps_the_count() {
        let mut watchdog = Watchdog::new(KILOHERTZ, [10; 4]);
        watchdog.set_running(true, at(0));
        watchdog.set_running(false, at(4));
        watchdog.set_running(true, at(100));
        assert_eq!(watchdog.deadline(|_| true), Some(at(106)));
    }

    #[test]
    fn timeouts_of_zero_do_not_stall_a_late_caller() {
        let mut watchdog = Watchdog::new(Frequency::from_hertz(80_000_000), [0; 4]);
        watchdog.set_running(true, at(0));
        let late = Time::from_ticks(u64::MAX);
        let mut expired = 0;
        while watchdog.take_expired(late).is_some() {
            expired += 1;
            assert!(expired < 10);
        }
    }
}
