//! The time for which a board is left alone.
//!
//! Time passes in slices, between which other tasks get their turn: they may be about to do something with the board because of what it
//! has done. Where nothing was done with it for a while but to wait for what it prints, more and more slices pass at once. So 12 hours
//! of sleep cost some hundred turns of the runtime, and a task that needs a few turns gets them as it always does.

use std::sync::{Arc, Weak};

use espalier_core::{Span, Time};

/// Polls of waits after which nothing is to be expected of other tasks.
const POLLS: u32 = 64;
/// Afterwards, one part in so many of the time that has passed already passes at once.
const PART: u64 = 16;

/// Since when nothing was done with a board but to wait for its output, and until when others wait.
#[derive(Default)]
pub(crate) struct Calm {
    polls: u32,
    since: Time,
    /// The wait that is being polled looks at nothing but output.
    is_for_output: bool,
    deadlines: Vec<(Weak<()>, Time)>,
}

/// As long as it lives, no more passes at once than up to a deadline.
pub(crate) struct Deadline {
    _alive: Arc<()>,
}

impl Calm {
    /// Something was done with the board.
    pub(super) fn end(&mut self) {
        self.polls = 0;
    }

    /// The clock is looked at when it has come to `at`.
    pub(super) fn keep(&mut self, at: Time) -> Deadline {
        self.deadlines.retain(|(waiting, _)| waiting.strong_count() > 0);
        let alive = Arc::new(());
        self.deadlines.push((Arc::downgrade(&alive), at));
        Deadline { _alive: alive }
    }

    /// A wait begins to look at the board: at nothing but its output, or at anything unless it says otherwise.
    pub(super) fn begin_look(&mut self, is_for_output: bool) {
        self.is_for_output = is_for_output;
    }

    /// The wait that looks has seen nothing that can change but by output.
    pub(crate) fn look_at_output(&mut self) {
        self.is_for_output = true;
    }

    /// A wait has looked in vain at `now`. Until when the board may go on at once, if it may for longer than a slice.
    pub(super) fn note_poll(&mut self, now: Time) -> Option<Time> {
        if !self.is_for_output {
            self.end();
            return None;
        }
        if self.polls == 0 {
            self.since = now;
        }
        self.polls = (self.polls + 1).min(POLLS);
        if self.polls < POLLS {
            return None;
        }
        let limit = now + Span::from_ticks(now.since(self.since).ticks() / PART);
        let waiting = self.deadlines.iter().filter(|(waiting, at)| waiting.strong_count() > 0 && *at > now);
        Some(waiting.map(|(_, at)| *at).fold(limit, Time::min))
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Span, Time};

    use super::{Calm, POLLS};

    const SLICE: Span = Span::from_millis(1);

    /// Polls until `span` has passed, of a wait that lets a slice pass unless more may.
    fn polls(calm: &mut Calm, now: &mut Time, span: Span) -> u32 {
        let end = *now + span;
        calm.begin_look(true);
        let mut polls = 0;
        while *now < end {
            let limit = calm.note_poll(*now).unwrap_or(*now);
            *now = limit.max(*now + SLICE).min(end);
            polls += 1;
        }
        polls
    }

    #[test]
    fn hours_pass_in_some_hundred_polls_and_the_first_milliseconds_one_by_one() {
        let (mut calm, mut now) = (Calm::default(), Time::ZERO);
        assert_eq!(polls(&mut calm, &mut now, Span::from_millis(50)), 50);
        let hours = polls(&mut calm, &mut now, Span::from_secs(12 * 3600));
        assert!(hours < 400, "{hours}");
        calm.end();
        assert_eq!(polls(&mut calm, &mut now, Span::from_millis(60)), 60);
    }

    #[test]
    fn no_more_passes_than_up_to_a_deadline_that_still_counts() {
        let (mut calm, mut now) = (Calm::default(), Time::ZERO);
        polls(&mut calm, &mut now, Span::from_secs(100));
        let at = now + Span::from_millis(7);
        let deadline = calm.keep(at);
        calm.begin_look(true);
        assert_eq!(calm.note_poll(now), Some(at));
        drop(deadline);
        assert_eq!(calm.note_poll(now), Some(now + Span::from_ticks(now.since(Time::ZERO).ticks() / 16)));
        let past = calm.keep(now);
        assert!(calm.note_poll(now).is_some_and(|limit| limit > now));
        drop(past);
    }

    #[test]
    fn a_wait_for_something_else_than_output_has_slices_pass_one_by_one() {
        let (mut calm, mut now) = (Calm::default(), Time::ZERO);
        polls(&mut calm, &mut now, Span::from_secs(1));
        assert!(calm.note_poll(now).is_some());
        calm.begin_look(false);
        assert_eq!(calm.note_poll(now), None);
        calm.begin_look(false);
        calm.look_at_output();
        for _ in 1..POLLS {
            assert_eq!(calm.note_poll(now), None);
        }
        assert!(calm.note_poll(now).is_some());
    }
}
