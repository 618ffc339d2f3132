//! The signal on a line.

use crate::time::{Span, Time};

/// The signal on a line from some instant on.
///
/// ```
/// use espalier_core::{Signal, Span, Time};
///
/// let pwm = Signal::pulses(Span::from_micros(100), Span::from_micros(25), Time::ZERO);
/// assert!(pwm.level_at(Time::from_micros(110)) && !pwm.level_at(Time::from_micros(130)));
/// assert_eq!(pwm.edges(Time::ZERO, Time::from_micros(1000)), 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// One level.
    Level(bool),
    /// The same pulse over and over: high for `high`, then low for the rest of `period`, neither of which is zero. It rises whenever guest time
    /// is `phase` beyond a multiple of `period`, so that two descriptions of one wave are equal. All are rounded to ticks.
    Pulses { period: Span, high: Span, phase: Span },
}

crate::persist!(enum Signal { Level(level), Pulses { period, high, phase } });

impl Signal {
    /// Pulses of which one begins at `rise`. A pulse that fills its period, or takes nothing of it, is a level.
    pub fn pulses(period: Span, high: Span, rise: Time) -> Signal {
        if high == Span::ZERO || high >= period {
            return Signal::Level(high != Span::ZERO);
        }
        Signal::Pulses { period, high, phase: Span::from_ticks(rise.ticks() % period.ticks()) }
    }

    /// The level at an instant.
    pub fn level_at(self, at: Time) -> bool {
        match self {
            Signal::Level(level) => level,
            Signal::Pulses { period, high, phase } => into_period(at, period, phase) < high.ticks(),
        }
    }

    /// The first edge after `after`, and the level behind it.
    pub fn next_edge(self, after: Time) -> Option<(Time, bool)> {
        let Signal::Pulses { period, high, phase } = self else { return None };
        let into = into_period(after, period, phase);
        let (left, rises) =
            if into < high.ticks() { (high.ticks() - into, false) } else { (period.ticks() - into, true) };
        Some((after + Span::from_ticks(left), rises))
    }

    /// Number of edges after `after` and not after `until`.
    pub fn edges(self, after: Time, until: Time) -> u64 {
        let Signal::Pulses { period, .. } = self else { return 0 };
        if until <= after {
            return 0;
        }
        let turns = until.since(after).ticks() / period.ticks().max(1);
        let rest = after + period * turns;
        let Some((first, _)) = self.next_edge(rest).filter(|(first, _)| *first <= until) else { return 2 * turns };
        2 * turns + 1 + u64::from(self.next_edge(first).is_some_and(|(second, _)| second <= until))
    }

    /// The same, as much later as `by` says.
    #[must_use]
    pub fn delayed(self, by: Span) -> Signal {
        match self {
            Signal::Level(level) => Signal::Level(level),
            Signal::Pulses { period, high, phase } => {
                let turn = period.ticks().max(1);
                let phase = (phase.ticks() % turn).wrapping_add(by.ticks() % turn) % turn;
                Signal::Pulses { period, high, phase: Span::from_ticks(phase) }
            }
        }
    }

    /// The other way round, if `inverted`.
    #[must_use]
    pub fn inverted(self, inverted: bool) -> Signal {
        match self {
            signal if !inverted => signal,
            Signal::Level(level) => Signal::Level(!level),
            Signal::Pulses { period, high, phase } => Signal::Pulses {
                period,
                high: Span::from_ticks(period.ticks().saturating_sub(high.ticks())),
                phase: Span::from_ticks((phase.ticks() + high.ticks()) % period.ticks().max(1)),
            },
        }
    }
}

/// Ticks since the last rise of a wave. A damaged snapshot may bring one without a period.
fn into_period(at: Time, period: Span, phase: Span) -> u64 {
    let period = period.ticks().max(1);
    (at.ticks() % period + period - phase.ticks() % period) % period
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::Signal;
    use crate::time::{Span, Time};

    fn at(ticks: u64) -> Time {
        Time::from_ticks(ticks)
    }

    #[test]
    fn one_wave_has_one_description() {
        let wave = |rise| Signal::pulses(Span::from_ticks(10), Span::from_ticks(3), at(rise));
        assert_eq!(wave(4), wave(1_000_004));
        assert_ne!(wave(4), wave(5));
        assert_eq!(wave(4).inverted(true), Signal::pulses(Span::from_ticks(10), Span::from_ticks(7), at(7)));
        assert_eq!(Signal::pulses(Span::from_ticks(10), Span::ZERO, at(4)), Signal::Level(false));
        assert_eq!(Signal::pulses(Span::from_ticks(10), Span::from_ticks(10), at(4)), Signal::Level(true));
    }

    proptest! {
        #[test]
        fn edges_are_where_the_level_changes(period in 2u64..40, high in 1u64..39, rise in 0u64..90, from in 0u64..200, length in 0u64..200) {
            let high = high.min(period - 1);
            let wave = Signal::pulses(Span::from_ticks(period), Span::from_ticks(high), at(rise));
            let changes: Vec<u64> =
                (from + 1..=from + length).filter(|t| wave.level_at(at(*t)) != wave.level_at(at(t - 1))).collect();
            prop_assert_eq!(wave.edges(at(from), at(from + length)), changes.len() as u64);
            if let Some(first) = changes.first() {
                prop_assert_eq!(wave.next_edge(at(from)), Some((at(*first), wave.level_at(at(*first)))));
            }
            prop_assert_eq!(wave.inverted(true).level_at(at(from)), !wave.level_at(at(from)));
            prop_assert_eq!(wave.delayed(Span::from_ticks(length)).level_at(at(from + length)), wave.level_at(at(from)));
        }
    }
}
