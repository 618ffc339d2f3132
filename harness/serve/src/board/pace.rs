//! When the board may run, and how long it has to wait.
//!
//! At [`Pace::Fast`] the board's time runs as fast as the host can make it, with one exception: while the host owes the board an
//! answer, it keeps to the host's clock, so that no time-out on the board is over before its time. The host owes one
//!
//! - on a forwarded connection, from what the board last sent, until the host answers, and [`REACTION`] longer in case that was
//!   not all of the answer;
//! - on the serial line, for [`REACTION`] after the board has printed, if a client has typed since it came: one that only listens
//!   owes nothing. One that has just come may be about to type;
//! - on a cable that leads outside, for [`ROUND_TRIP`] after a frame;
//! - as long as a debugger is attached.
//!
//! Idle time is run through as well, but not without end: after [`IDLE_SPRINT`] of the board's time in which it did nothing and
//! no client has sent anything, it waits for a client to connect.

use std::time::{Duration, Instant};

use espalier_core::{Span, Time};

use crate::config::Pace;

/// A board that works and is further behind than this has lost the time: it does not hurry afterwards.
const LARGEST_LAG: Duration = Duration::from_millis(100);
/// Sleep of the host when a working board has come to the present.
const NAP: Duration = Duration::from_millis(2);
/// Naps are no shorter, so that timers of the board that follow each other closely share one.
const MOMENT: Duration = Duration::from_millis(1);
/// Naps are no longer, so that a nap that was computed from a state that has changed since does no harm.
const LONGEST_NAP: Duration = Duration::from_secs(1);
/// Idle time of the board that passes at full speed after something went in or out.
const IDLE_SPRINT: Span = Span::from_secs(60);
/// Time limit for a program on the host to continue a message that it has begun, or to answer on a line that need not be answered.
pub(super) const REACTION: Duration = Duration::from_millis(500);
/// Longest round trip of a frame to another program's network.
const ROUND_TRIP: Duration = Duration::from_secs(3);

/// The board's next action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It runs until this guest time.
    Run(Time),
    /// It waits so long, or until something comes in.
    Nap(Duration),
    /// It waits until something comes in.
    Block,
}

/// The state that the pace depends on, besides the clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings {
    /// A client is connected.
    pub is_watched: bool,
    /// The host owes the board an answer.
    pub owes: bool,
    /// When the board next does something by itself; None while it works.
    pub rests_until: Option<Time>,
}

/// Answers that the clients of the serial ports, and the program at the end of the cable, owe the board.
#[derive(Debug, Default)]
pub(super) struct Clients {
    connected: usize,
    /// One has typed since the first of them came.
    have_typed: bool,
    owe_until: Option<Instant>,
    frames_until: Option<Instant>,
}

impl Clients {
    /// A client typed.
    pub fn note_input(&mut self) {
        self.have_typed = true;
        self.owe_until = None;
    }

    /// The board printed.
    pub fn note_output(&mut self, now: Instant) {
        if self.have_typed {
            self.owe_until = Some(now + REACTION);
        }
    }

    /// A frame went over a cable that leads outside.
    pub fn note_frames(&mut self, now: Instant) {
        self.frames_until = Some(now + ROUND_TRIP);
    }

    /// Whether one of them owes an answer; so many are connected.
    pub fn are_owing(&mut self, connected: usize, now: Instant) -> bool {
        if connected > self.connected {
            self.owe_until = Some(now + REACTION);
        }
        if connected == 0 {
            (self.have_typed, self.owe_until) = (false, None);
        }
        self.connected = connected;
        [self.owe_until, self.frames_until].into_iter().flatten().any(|until| now < until)
    }
}

/// Ties guest time to the host's clock.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: Pace,
    host: Instant,
    guest: Time,
    /// Guest time at which something last went in or out, or the board was not idle.
    active: Time,
    /// The board ran ahead of the clock, and is not where `host` and `guest` say.
    is_ahead: bool,
}

impl Pacer {
    pub fn new(pace: Pace, host: Instant, guest: Time) -> Pacer {
        Pacer { pace, host, guest, active: guest, is_ahead: false }
    }

    /// Guest time and the host's clock are the same thing from here on.
    pub fn anchor(&mut self, host: Instant, guest: Time) {
        (self.host, self.guest, self.is_ahead) = (host, guest, false);
    }

    /// Returns the relation of guest time to the clock of the host.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// From now on, guest time passes like this.
    pub fn set_pace(&mut self, pace: Pace, host: Instant, guest: Time) {
        self.pace = pace;
        self.anchor(host, guest);
    }

    /// Something went in or out, or the board worked.
    pub fn note_activity(&mut self, guest: Time) {
        self.active = guest;
    }

    /// Returns the next step at `host` of a board that has come to `guest`.
    pub fn turn(&mut self, host: Instant, guest: Time, slice: Span, around: Surroundings) -> Turn {
        if self.pace == Pace::Fast && !around.owes {
            if guest.since(self.active) <= IDLE_SPRINT {
                self.is_ahead = true;
                return Turn::Run(guest + slice);
            }
            if !around.is_watched {
                self.is_ahead = true;
                return Turn::Block;
            }
        }
        if self.is_ahead {
            self.anchor(host, guest);
        }
        let mut present = self.present(host);
        // Until then there is nothing to do, however late it is.
        let due = around.rests_until.unwrap_or(guest).max(guest);
        if present.since(due) > Span::from(LARGEST_LAG) {
            self.anchor(host, due);
            present = due + slice;
        }
        if due > guest && present > guest {
            return Turn::Run(present.min(due));
        }
        if present > guest {
            return Turn::Run(present.min(guest + slice));
        }
        match around.rests_until {
            Some(until) => Turn::Nap(Duration::from(until.since(present)).clamp(MOMENT, LONGEST_NAP)),
            None => Turn::Nap(NAP),
        }
    }

    /// Guest time that belongs to `host`.
    pub fn present(&self, host: Instant) -> Time {
        let elapsed = host.saturating_duration_since(self.host);
        self.guest + Span::from_micros(elapsed.as_micros() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clients, IDLE_SPRINT, LARGEST_LAG, NAP, Pacer, REACTION, Surroundings, Turn};
    use crate::config::Pace;
    use espalier_core::{Span, Time};
    use std::time::{Duration, Instant};

    const SLICE: Span = Span::from_millis(1);
    const WATCHED: Surroundings = Surroundings { is_watched: true, owes: false, rests_until: None };

    #[test]
    fn real_time_is_never_ahead() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::RealTime, start, Time::ZERO);
        assert_eq!(pacer.turn(start, Time::ZERO, SLICE, WATCHED), Turn::Nap(NAP));
        let later = start + Duration::from_micros(500);
        assert_eq!(pacer.turn(later, Time::ZERO, SLICE, WATCHED), Turn::Run(Time::from_micros(500)));
        let later = start + Duration::from_millis(5);
        assert_eq!(pacer.turn(later, Time::ZERO, SLICE, WATCHED), Turn::Run(Time::from_micros(1000)));
    }

    #[test]
    fn an_idle_board_sleeps_until_it_has_something_to_do() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::RealTime, start, Time::ZERO);
        let idle = Surroundings { rests_until: Some(Time::from_micros(300_000)), ..WATCHED };
        assert_eq!(pacer.turn(start, Time::ZERO, SLICE, idle), Turn::Nap(Duration::from_millis(300)));
        // It is late, but has lost nothing: there was nothing to do.
        let late = start + Duration::from_millis(310);
        assert_eq!(pacer.turn(late, Time::ZERO, SLICE, idle), Turn::Run(Time::from_micros(300_000)));
        assert_eq!(pacer.turn(late, Time::from_micros(300_000), SLICE, WATCHED), Turn::Run(Time::from_micros(301_000)));
    }

    #[test]
    fn lost_time_is_not_made_up() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::RealTime, start, Time::ZERO);
        let late = start + LARGEST_LAG * 2;
        assert_eq!(pacer.turn(late, Time::ZERO, SLICE, WATCHED), Turn::Run(Time::ZERO + SLICE));
        assert_eq!(pacer.turn(late, Time::ZERO + SLICE, SLICE, WATCHED), Turn::Nap(NAP));
    }

    #[test]
    fn a_fast_board_sprints_then_walks_then_sleeps() {
        let start = Instant::now();
        let mut pacer = Pacer::new(Pace::Fast, start, Time::ZERO);
        let alone = Surroundings::default();
        assert_eq!(pacer.turn(start, Time::ZERO, SLICE, alone), Turn::Run(Time::ZERO + SLICE));
        let idle = Time::ZERO + IDLE_SPRINT;
        assert_eq!(pacer.turn(start, idle, SLICE, WATCHED), Turn::Run(idle + SLICE));
        assert_eq!(pacer.turn(start, idle + SLICE, SLICE, WATCHED), Turn::Nap(NAP));
        assert_eq!(pacer.turn(start, idle + SLICE, SLICE, alone), Turn::Block);
        pacer.note_activity(idle);
        assert_eq!(pacer.turn(start, idle + SLICE, SLICE, alone), Turn::Run(idle + SLICE + SLICE));
    }

    #[test]
    fn a_fast_board_keeps_to_the_clock_while_the_host_owes_an_answer() {
        let mut now = Instant::now();
        let mut pacer = Pacer::new(Pace::Fast, now, Time::ZERO);
        let mut guest = Time::ZERO;
        let mut run = |owes, now: Instant| {
            let around = Surroundings { owes, ..WATCHED };
            while let Turn::Run(limit) = pacer.turn(now, guest, SLICE, around) {
                guest = limit;
                if guest.since(Time::ZERO) > Span::from_secs(5) {
                    break;
                }
            }
            guest
        };
        assert!(run(false, now) > Time::from_micros(5_000_000), "five seconds take no time");
        let begun = run(true, now);
        for _ in 0..300 {
            now += Duration::from_millis(1);
            run(true, now);
        }
        assert_eq!(run(true, now).since(begun), Span::from_millis(300));
    }

    #[test]
    fn only_clients_that_talk_owe_answers() {
        let (mut clients, start) = (Clients::default(), Instant::now());
        assert!(!clients.are_owing(0, start));
        assert!(clients.are_owing(1, start), "it may be about to type");
        let later = start + REACTION;
        assert!(!clients.are_owing(1, later));
        clients.note_output(later);
        assert!(!clients.are_owing(1, later), "it only listens");
        clients.note_input();
        assert!(!clients.are_owing(1, later));
        clients.note_output(later);
        assert!(clients.are_owing(1, later));
        assert!(!clients.are_owing(1, later + REACTION));
        clients.note_output(later);
        assert!(!clients.are_owing(0, later), "it has gone");
    }
}
