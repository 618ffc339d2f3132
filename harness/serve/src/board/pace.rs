//! When the board may run, and how long it has to wait.

use std::time::{Duration, Instant};

use espalier_core::{Span, Time};

use crate::config::Pace;

/// A board that is further behind than this has lost the time: it does not hurry afterwards.
const LARGEST_LAG: Duration = Duration::from_millis(100);
/// How long the host sleeps when the board has come to the present.
const NAP: Duration = Duration::from_millis(2);
/// Idle guest time that passes at full speed after something went in or out.
const IDLE_SPRINT: Span = Span::from_secs(2);

/// What the board does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It runs until this guest time.
    Run(Time),
    /// It waits so long, or until something comes in.
    Nap(Duration),
    /// It waits until something comes in.
    Block,
}

/// Ties guest time to the host's clock.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: Pace,
    host: Instant,
    guest: Time,
    /// Guest time at which something last went in or out, or the board was not idle.
    active: Time,
}

impl Pacer {
    pub fn new(pace: Pace, host: Instant, guest: Time) -> Pacer {
        Pacer { pace, host, guest, active: guest }
    }

    /// Guest time and the host's clock are the same thing from here on.
    pub fn anchor(&mut self, host: Instant, guest: Time) {
        (self.host, self.guest) = (host, guest);
    }

    /// Something went in or out, or the board worked.
    pub fn note_activity(&mut self, guest: Time) {
        self.active = guest;
    }

    /// What to do at `host` with a board that has come to `guest`. `watched` says whether anybody is connected.
    pub fn turn(&mut self, host: Instant, guest: Time, slice: Span, watched: bool) -> Turn {
        if self.pace == Pace::Fast {
            if guest.since(self.active) <= IDLE_SPRINT {
                self.anchor(host, guest);
                return Turn::Run(guest + slice);
            }
            if !watched {
                return Turn::Block;
            }
        }
        let mut present = self.present(host);
        if present.since(guest) > Span::from_micros(LARGEST_LAG.as_micros() as u64) {
            self.anchor(host, guest);
            present = guest + slice;
        }
        if present <= guest { Turn::Nap(NAP) } else { Turn::Run(present.min(guest + slice)) }
    }

    /// Guest time that belongs to `host`.
    fn present(&self, host: Instant) -> Time {
        let elapsed = host.saturating_duration_since(self.host);
        self.guest + Span::from_micros(elapsed.as_micros() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::{IDLE_SPRINT, LARGEST_LAG, NAP, Pacer, Turn};
    use crate::config::Pace;
    use espalier_core::{Span, Time};
    use std::time::{Duration, Instant};

    const SLICE: Span = Span::from_millis(1);

    #[test]
    fn real_time_is_never_ahead() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::RealTime, start, Time::ZERO);
        assert_eq!(pacer.turn(start, Time::ZERO, SLICE, true), Turn::Nap(NAP));
        let later = start + Duration::from_micros(500);
        assert_eq!(pacer.turn(later, Time::ZERO, SLICE, true), Turn::Run(Time::from_micros(500)));
        let later = start + Duration::from_millis(5);
        assert_eq!(pacer.turn(later, Time::ZERO, SLICE, true), Turn::Run(Time::from_micros(1000)));
    }

    #[test]
    fn lost_time_is_not_made_up() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::RealTime, start, Time::ZERO);
        let late = start + LARGEST_LAG * 2;
        assert_eq!(pacer.turn(late, Time::ZERO, SLICE, true), Turn::Run(Time::ZERO + SLICE));
        assert_eq!(pacer.turn(late, Time::ZERO + SLICE, SLICE, true), Turn::Nap(NAP));
    }

    #[test]
    fn a_fast_board_sprints_then_walks_then_sleeps() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::Fast, start, Time::ZERO);
        assert_eq!(pacer.turn(start, Time::ZERO, SLICE, false), Turn::Run(Time::ZERO + SLICE));
        let idle = Time::ZERO + IDLE_SPRINT;
        assert_eq!(pacer.turn(start, idle, SLICE, true), Turn::Run(idle + SLICE));
        assert_eq!(pacer.turn(start, idle + SLICE, SLICE, true), Turn::Nap(NAP));
        assert_eq!(pacer.turn(start, idle + SLICE, SLICE, false), Turn::Block);
        pacer.note_activity(idle);
        assert_eq!(pacer.turn(start, idle + SLICE, SLICE, false), Turn::Run(idle + SLICE + SLICE));
    }
}
