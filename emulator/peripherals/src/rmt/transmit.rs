//! A channel's transmitter: entries from its memory, one after the other.

use espalier_core::{Frequency, Time};

use super::registers::entry;

/// What a channel is set to send.
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

/// What happened at one instant.
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

#[derive(Clone, Debug, Default)]
pub(super) struct Transmitter {
    /// The word that is fetched next.
    pub(super) read: usize,
    /// The end of the memory was reached without an end marker.
    pub(super) empty: bool,
    pub(super) pulse: Option<Pulse>,
    /// The level without its carrier.
    pub(super) level: bool,
    sent: u32,
    /// Something was sent since the memory was begun, so that a continuous transmission takes time.
    progressed: bool,
}

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
        self.sent += 1;
        let threshold = self.sent == program.limit;
        if threshold {
            self.sent = 0;
        }
        Events { threshold, ..Events::default() }.and(self.fetch(program, pulse.until))
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
