//! A channel's transmitter: entries from its memory, one after the other.

use espalier_core::{Frequency, Span, Time};

use super::registers::entry;

/// The settings of a channel that sends.
pub(super) struct Program<'a> {
    /// The channel's own blocks.
    pub(super) words: &'a [u32],
    pub(super) clock: Frequency,
    /// Words after which the threshold event comes.
    pub(super) limit: u32,
    pub(super) wraps: bool,
    pub(super) continuous: bool,
    /// The level between transmissions, if it is not that of the last entry.
    pub(super) idle: Option<bool>,
}

/// The events of one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Events {
    pub(super) end: bool,
    pub(super) threshold: bool,
    pub(super) error: bool,
}

impl Events {
    const END: Events = Events { end: true, threshold: false, error: false };

    fn and(self, other: Events) -> Events {
        Events {
            end: self.end || other.end,
            threshold: self.threshold || other.threshold,
            error: self.error || other.error,
        }
    }
}

/// Half a word that is on the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    pub(super) start: Time,
    pub(super) until: Time,
    pub(super) level: bool,
    word: u32,
    second: bool,
}

espalier_core::persist!(value Pulse { start, until, level, word, second });

/// The counter of words that the threshold is compared with has as many bits as the register that holds it.
const WORD_COUNTS: u64 = 0x200;

/// One way through the memory, from its first word on.
#[derive(Clone, Copy, Debug)]
struct Lap {
    start: Time,
    /// The counter of words at its start.
    sent: u64,
    words: u64,
    ended: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Transmitter {
    /// The word that is fetched next.
    pub(super) read: usize,
    /// The end of the memory was reached without an end marker.
    pub(super) empty: bool,
    pub(super) pulse: Option<Pulse>,
    /// The level without its carrier.
    pub(super) level: bool,
    sent: u64,
    /// Something was sent since the memory was begun, so that a continuous transmission takes time.
    progressed: bool,
}

espalier_core::persist!(value Transmitter { read, empty, pulse, level, sent, progressed });

impl Transmitter {
    pub(super) fn is_sending(&self) -> bool {
        self.pulse.is_some()
    }

    pub(super) fn rewind(&mut self) {
        self.read = 0;
        self.sent = 0;
        self.empty = false;
    }

    pub(super) fn start(&mut self, program: &Program<'_>, now: Time) -> Events {
        self.empty = false;
        self.progressed = false;
        self.fetch(program, now)
    }

    /// The pulse on the line ends, and the next one begins.
    pub(super) fn step(&mut self, program: &Program<'_>) -> Events {
        let Some(pulse) = self.pulse.take() else { return Events::default() };
        if !pulse.second {
            return self.begin(program, pulse.word, true, pulse.until);
        }
        let threshold = self.count(1, program.limit);
        Events { threshold, ..Events::default() }.and(self.fetch(program, pulse.until))
    }

    /// Goes on to `now` for an unwatched line, and adds the pulses that it followed to `steps`. A transmission that
    /// goes round in its memory is not followed through all its laps: each is as long as the other and does the same.
    pub(super) fn skip_to(&mut self, program: &Program<'_>, now: Time, steps: &mut u64) -> Events {
        let (mut events, mut lap, mut skipped) = (Events::default(), None, false);
        while self.pulse.is_some_and(|pulse| pulse.until <= now) {
            let (step, word_is_over) = (self.step(program), self.begins_word());
            *steps += 1;
            events = events.and(step);
            if skipped || !word_is_over {
                continue;
            }
            lap = lap.map(|lap: Lap| Lap { words: lap.words + 1, ended: lap.ended || step.end, ..lap });
            let Some(start) = self.pulse.filter(|_| self.read == 1).map(|pulse| pulse.start) else { continue };
            match lap {
                // A lap that ends with the marker begins with a counter of zero, so its successors are all the same.
                Some(lap) if !lap.ended || lap.sent == self.sent => {
                    events.threshold |= self.skip_laps(lap, start, now, program.limit);
                    skipped = true;
                }
                _ => lap = Some(Lap { start, sent: self.sent, words: 0, ended: false }),
            }
        }
        events
    }

    /// True if the pulse on the line is the first one of its word.
    fn begins_word(&self) -> bool {
        self.pulse.is_some_and(|pulse| !pulse.second)
    }

    /// Leaves out the whole laps until `now`, the first of which begins at `start`. True if the threshold is met in them.
    fn skip_laps(&mut self, lap: Lap, start: Time, now: Time, limit: u32) -> bool {
        let length = start.since(lap.start);
        let laps = now.since(start).ticks() / length.ticks();
        let skipped = Span::from_ticks(length.ticks() * laps);
        self.pulse =
            self.pulse.map(|pulse| Pulse { start: pulse.start + skipped, until: pulse.until + skipped, ..pulse });
        !lap.ended && self.count(lap.words * laps, limit)
    }

    /// Counts words that were sent. True if the count has come to the threshold, where it starts again.
    fn count(&mut self, words: u64, limit: u32) -> bool {
        let limit = u64::from(limit);
        let missing = match limit.wrapping_sub(self.sent) % WORD_COUNTS {
            0 => WORD_COUNTS,
            missing => missing,
        };
        let met = words >= missing;
        self.sent = match met {
            true => (words - missing) % if limit == 0 { WORD_COUNTS } else { limit },
            false => (self.sent + words) % WORD_COUNTS,
        };
        met
    }

    fn fetch(&mut self, program: &Program<'_>, at: Time) -> Events {
        if program.wraps && self.read >= program.words.len() {
            self.read = 0;
        }
        let Some(word) = program.words.get(self.read) else {
            self.empty = true;
            self.stop(program, self.level);
            return Events { error: true, ..Events::default() };
        };
        self.read += 1;
        self.begin(program, *word, false, at)
    }

    fn begin(&mut self, program: &Program<'_>, word: u32, second: bool, start: Time) -> Events {
        let half = if second { word >> entry::BITS } else { word };
        let (level, period) = (half & entry::LEVEL != 0, half & entry::PERIOD);
        if period == 0 {
            return self.end(program, level, start);
        }
        self.level = level;
        self.progressed = true;
        let until = start + program.clock.cycles(u64::from(period));
        self.pulse = Some(Pulse { start, until, level, word, second });
        Events::default()
    }

    /// An entry without length is the end marker.
    fn end(&mut self, program: &Program<'_>, level: bool, at: Time) -> Events {
        self.sent = 0;
        if program.continuous && self.progressed {
            self.progressed = false;
            self.read = 0;
            return Events::END.and(self.fetch(program, at));
        }
        self.stop(program, level);
        Events::END
    }

    fn stop(&mut self, program: &Program<'_>, level: bool) {
        self.pulse = None;
        self.level = program.idle.unwrap_or(level);
    }
}
