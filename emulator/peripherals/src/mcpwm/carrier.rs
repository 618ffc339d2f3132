//! The carrier of an output: chops what is high into pulses, of which the first is a long one.

use espalier_core::{Signal, Span, Time};

use super::registers::reg::CARRIER0_CFG;

/// Cycles of PC_clk in a period of the carrier.
const EIGHTHS: u64 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carrier {
    input: bool,
    /// When the first pulse began.
    rise: Time,
    /// When it ends.
    due: Option<Time>,
    /// The wave behind it.
    wave: Option<Signal>,
}

espalier_core::persist!(value Carrier { input, rise, due, wave });

impl Carrier {
    pub(super) const IDLE: Carrier = Carrier { input: false, rise: Time::ZERO, due: None, wave: None };

    /// Returns what leaves it at `at`, with CARRIERn_CFG and a cycle of PWM_clk.
    pub(super) fn settle(&mut self, level: bool, config: u32, clock: Span, at: Time) -> Signal {
        if !CARRIER0_CFG::EN.is_set(config) {
            *self = Carrier::IDLE;
            return Signal::Level(level);
        }
        let input = level != CARRIER0_CFG::IN_INVERT.is_set(config);
        let eighth = clock * u64::from(CARRIER0_CFG::PRESCALE.get(config) + 1);
        let period = eighth * EIGHTHS;
        let high = eighth * u64::from(CARRIER0_CFG::DUTY.get(config));
        match (self.input, input) {
            (false, true) => {
                let first = period * u64::from(CARRIER0_CFG::OSHTWTH.get(config) + 1);
                *self = Carrier { input, rise: at, due: Some(at + first), wave: None };
            }
            (true, false) => *self = Carrier::IDLE,
            _ => {}
        }
        if let Some(due) = self.due.filter(|due| *due <= at) {
            // Low first: otherwise the first pulse would be longer than the manual says.
            let rise = due + Span::from_ticks(period.ticks() - high.ticks());
            (self.due, self.wave) = (None, Some(Signal::pulses(period, high, rise)));
        }
        self.wave.unwrap_or(Signal::Level(input)).inverted(CARRIER0_CFG::OUT_INVERT.is_set(config))
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }

    /// The same as much later as `by` says, if it began in the period from `since` on that is left out so often.
    pub(super) fn delayed(self, by: Span, since: Time) -> Carrier {
        match self.input && self.rise >= since {
            true => Carrier {
                rise: self.rise + by,
                due: self.due.map(|due| due + by),
                wave: self.wave.map(|wave| wave.delayed(by)),
                ..self
            },
            false => self,
        }
    }

    /// The state that decides how it goes on, with times counted from `start`: where it is in a wave matters to nothing else.
    pub(super) fn relative(self, start: Time) -> Carrier {
        let due = self.due.map(|due| Time::from_ticks(due.since(start).ticks()));
        Carrier { rise: Time::ZERO, due, wave: None, ..self }
    }
}
