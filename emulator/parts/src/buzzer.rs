//! A passive buzzer: it sounds as its line swings.

use std::collections::VecDeque;

use espalier_core::{Signal, Span, Time};

use crate::part::{PadUse, Part, PartError, Wiring};

/// Tones that are kept; of more than these the oldest are forgotten.
const HISTORY: usize = 4096;
/// The longest period that is a tone: 20 Hz, the lower end of hearing.
const LONGEST: Span = Span::from_millis(50);
/// A line that swings for fewer periods only clicks, as while software sets up its PWM step by step.
const FEWEST: u64 = 2;
/// Single swings make a tone as long as their periods differ by less than this part of it.
const STEADY: u64 = 16;

/// A tone that the buzzer made.
///
/// ```
/// use espalier_core::{Span, Time};
/// use espalier_parts::Sound;
///
/// let sound = Sound { start: Time::ZERO, end: None, period: Span::from_micros(2500), high: Span::from_micros(1250) };
/// assert_eq!(1.0 / sound.period.as_secs_f64(), 400.0, "its frequency in Hz");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    pub start: Time,
    /// None while it goes on.
    pub end: Option<Time>,
    pub period: Span,
    /// Time for which the line is high in each period; where single swings were measured, their mean.
    pub high: Span,
}

espalier_core::persist!(value Sound { start, end, period, high });

/// Swings of one length, one after the other.
#[derive(Clone, Copy, Debug)]
struct Swings {
    start: Time,
    /// The last edge.
    last: Time,
    /// Whole periods, and how long they were high together.
    count: u64,
    length: Span,
    high: Span,
}

espalier_core::persist!(value Swings { start, last, count, length, high });

/// A buzzer that records the tones on its line.
///
/// ```
/// use espalier_core::{Signal, Span, Time};
/// use espalier_parts::Buzzer;
///
/// let mut buzzer = Buzzer::new();
/// let (period, high) = (Span::from_millis(1), Span::from_micros(500));
/// buzzer.signal(Signal::pulses(period, high, Time::ZERO), Time::ZERO);
/// let tone = buzzer.sounds(Time::from_micros(100_000))[0];
/// assert_eq!((tone.period, tone.end), (period, None), "1 kHz, and it goes on");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Buzzer {
    sounds: VecDeque<Sound>,
    /// Tones that were forgotten.
    forgotten: u64,
    /// The last sound is one of steady pulses and goes on.
    pulsing: bool,
    level: bool,
    risen: Option<Time>,
    fallen: Time,
    swings: Option<Swings>,
}

espalier_core::persist!(value Buzzer { sounds, forgotten, pulsing, level, risen, fallen, swings });

impl Sound {
    fn is_tone(&self, now: Time) -> bool {
        self.end.unwrap_or(now).since(self.start) >= self.period * FEWEST
    }
}

impl Swings {
    fn sound(&self, now: Time) -> Option<Sound> {
        if self.count < FEWEST {
            return None;
        }
        let period = mean(self.length, self.count);
        let over = now.since(self.last) > period * 2;
        Some(Sound { start: self.start, end: over.then_some(self.last), period, high: mean(self.high, self.count) })
    }

    fn continues_with(&self, length: Span) -> bool {
        let period = mean(self.length, self.count).ticks();
        length.ticks().abs_diff(period) <= period / STEADY
    }
}

fn mean(total: Span, count: u64) -> Span {
    Span::from_ticks((total.ticks() + count / 2) / count)
}

impl Buzzer {
    const LINE: usize = 0;

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("gpio", Buzzer::LINE, PadUse::Hears)?;
        Ok(Box::new(Buzzer::new()))
    }

    /// A silent buzzer.
    pub fn new() -> Buzzer {
        Buzzer::default()
    }

    /// The line changes.
    pub fn signal(&mut self, signal: Signal, at: Time) {
        if self.pulsing
            && let Some(sound) = self.sounds.pop_back().filter(|sound| sound.is_tone(at))
        {
            self.keep(Sound { end: Some(at), ..sound });
        }
        self.pulsing = false;
        match signal {
            Signal::Pulses { period, high, .. } => {
                self.end_swings(at.min(self.fallen));
                self.risen = None;
                self.level = false;
                self.keep(Sound { start: at, end: None, period, high });
                self.pulsing = true;
            }
            Signal::Level(level) if level != self.level => {
                self.level = level;
                self.edge(at);
            }
            Signal::Level(_) => {}
        }
    }

    /// The last 4096 tones until `now`, in order; the last one may go on.
    pub fn sounds(&self, now: Time) -> Vec<Sound> {
        let swinging = self.swings.and_then(|swings| swings.sound(now));
        self.sounds.iter().copied().chain(swinging).filter(|sound| sound.is_tone(now)).collect()
    }

    /// Tones that were made before those which [`sounds`](Self::sounds) gives.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn keep(&mut self, sound: Sound) {
        if self.sounds.len() == HISTORY {
            self.sounds.pop_front();
            self.forgotten += 1;
        }
        self.sounds.push_back(sound);
    }

    fn edge(&mut self, at: Time) {
        if !self.level {
            self.fallen = at;
            if let Some(swings) = &mut self.swings {
                swings.last = at;
            }
            return;
        }
        let Some(risen) = self.risen.replace(at) else { return };
        let (length, high) = (at.since(risen), self.fallen.since(risen));
        match &mut self.swings {
            Some(swings) if swings.continues_with(length) => {
                swings.count += 1;
                swings.length = swings.length + length;
                swings.high = swings.high + high;
                swings.last = at;
            }
            _ => {
                // Swings of another length follow at once, or none for long.
                self.end_swings(if length <= LONGEST { risen } else { self.fallen });
                self.swings = (length <= LONGEST).then_some(Swings { start: risen, last: at, count: 1, length, high });
            }
        }
    }

    fn end_swings(&mut self, end: Time) {
        if let Some(sound) = self.swings.take().and_then(|swings| swings.sound(end)) {
            self.keep(Sound { end: sound.end.or(Some(end)), ..sound });
        }
    }
}

impl Part for Buzzer {
    fn power_cycle(&mut self, _now: Time) {
        *self = Buzzer::new();
    }

    fn sense(&mut self, _terminal: usize, signal: Signal, at: Time) {
        self.signal(signal, at);
    }

    fn dropped(&self) -> Option<(u64, &'static str)> {
        Some((self.forgotten, "tones"))
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Signal, Span, Time};

    use super::{Buzzer, HISTORY, Sound};

    fn at(micros: u64) -> Time {
        Time::from_micros(micros)
    }

    #[test]
    fn steady_pulses_are_a_tone_until_something_else_comes() {
        let mut buzzer = Buzzer::new();
        let period = Span::from_micros(2272);
        let high = Span::from_micros(1136);
        buzzer.signal(Signal::pulses(period, high, at(1000)), at(1000));
        let sound = Sound { start: at(1000), end: None, period, high };
        assert_eq!(buzzer.sounds(at(9000)), [sound]);
        buzzer.signal(Signal::Level(false), at(10_000));
        assert_eq!(buzzer.sounds(at(20_000)), [Sound { end: Some(at(10_000)), ..sound }]);
    }

    #[test]
    fn pulses_that_are_set_up_step_by_step_are_one_tone() {
        let mut buzzer = Buzzer::new();
        let pulses = |high| Signal::pulses(Span::from_micros(1000), Span::from_micros(high), at(0));
        buzzer.signal(pulses(500), at(0));
        assert_eq!(buzzer.sounds(at(1500)), []);
        buzzer.signal(pulses(250), at(1900));
        assert_eq!(buzzer.sounds(at(10_000)).iter().map(|sound| sound.start).collect::<Vec<_>>(), [at(1900)]);
    }

    /// Swings the line by hand.
    fn swing(buzzer: &mut Buzzer, start: u64, period: u64, count: u64) {
        for index in 0..count {
            buzzer.signal(Signal::Level(true), at(start + index * period));
            buzzer.signal(Signal::Level(false), at(start + index * period + period / 4));
        }
    }

    #[test]
    fn single_swings_are_measured() {
        let mut buzzer = Buzzer::new();
        swing(&mut buzzer, 0, 1000, 20);
        let sound = buzzer.sounds(at(19_500))[0];
        assert_eq!((sound.period, sound.end), (Span::from_micros(1000), None));
        swing(&mut buzzer, 20_000, 500, 20);
        let sounds = buzzer.sounds(at(100_000));
        let periods: Vec<_> = sounds.iter().map(|sound| (sound.period.as_micros(), sound.high.as_micros())).collect();
        assert_eq!(periods, [(1000, 250), (500, 125)]);
        assert_eq!((sounds[0].start, sounds[0].end), (at(0), Some(at(20_000))));
        assert_eq!((sounds[1].start, sounds[1].end), (at(20_000), Some(at(29_625))));
    }

    #[test]
    fn the_oldest_tones_are_forgotten() {
        let mut buzzer = Buzzer::new();
        let pulses = |period| Signal::pulses(Span::from_micros(period), Span::from_micros(1), at(0));
        for tone in 0..5000 {
            buzzer.signal(pulses(10 + tone % 2), at(100 * tone));
        }
        let sounds = buzzer.sounds(at(1_000_000));
        assert_eq!((sounds.len() as u64, buzzer.forgotten()), (HISTORY as u64, 5000 - HISTORY as u64));
        assert_eq!((sounds[0].start, sounds[HISTORY - 1].start), (at(100 * (5000 - HISTORY as u64)), at(499_900)));
    }

    #[test]
    fn a_click_is_no_tone() {
        let mut buzzer = Buzzer::new();
        swing(&mut buzzer, 0, 200_000, 10);
        assert_eq!(buzzer.sounds(at(9_000_000)), []);
    }
}
