//! The dead time generator of an operator: switches S0 to S8 around a delay of rising and one of falling edges.

use espalier_core::{Span, Time};

use super::registers::reg::DT0_CFG;

/// A delay of the edges of one kind. An edge of the other kind passes at once and takes back one that still waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Delay {
    input: bool,
    output: bool,
    due: Option<Time>,
}

espalier_core::persist!(value Delay { input, output, due });

impl Delay {
    const LOW: Delay = Delay { input: false, output: false, due: None };

    /// The input has a level at `at`; edges to the level `late` are delayed.
    fn set(&mut self, level: bool, late: bool, delay: Span, at: Time) {
        if level != self.input {
            self.input = level;
            self.due = (level == late).then(|| at + delay);
        }
        if self.due.is_none_or(|due| due <= at) {
            (self.output, self.due) = (self.input, None);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeadTime {
    rising: Delay,
    falling: Delay,
}

espalier_core::persist!(value DeadTime { rising, falling });

impl DeadTime {
    pub(super) const IDLE: DeadTime = DeadTime { rising: Delay::LOW, falling: Delay::LOW };

    /// Returns what leaves the generator at `at`, with DTn_CFG and both delays.
    pub(super) fn settle(
        &mut self,
        levels: [bool; 2],
        config: u32,
        [rising, falling]: [Span; 2],
        at: Time,
    ) -> [bool; 2] {
        let bypassed = [DT0_CFG::A_OUTBYPASS, DT0_CFG::B_OUTBYPASS].map(|field| field.is_set(config));
        if bypassed == [true; 2] {
            // Edges that no output shows are not followed.
            *self = DeadTime::IDLE;
        } else {
            let source = levels[DT0_CFG::RED_INSEL.get(config) as usize];
            self.rising.set(source, true, rising, at);
            let source = match DT0_CFG::DEB_MODE.is_set(config) {
                true => self.rising.output,
                false => levels[DT0_CFG::FED_INSEL.get(config) as usize],
            };
            self.falling.set(source, false, falling, at);
        }
        let a = if bypassed[0] { levels[0] } else { self.rising.output != DT0_CFG::RED_OUTINVERT.is_set(config) };
        let b = if bypassed[1] { levels[1] } else { self.falling.output != DT0_CFG::FED_OUTINVERT.is_set(config) };
        let swapped = [DT0_CFG::A_OUTSWAP, DT0_CFG::B_OUTSWAP].map(|field| field.is_set(config));
        [if swapped[0] { b } else { a }, if swapped[1] { a } else { b }]
    }

    /// When an edge comes out.
    pub(super) fn due(&self) -> Option<Time> {
        [self.rising.due, self.falling.due].into_iter().flatten().min()
    }

    /// The same with its times as `time` makes them.
    pub(super) fn map_times(self, time: impl Fn(Time) -> Time) -> DeadTime {
        let map = |delay: Delay| Delay { due: delay.due.map(&time), ..delay };
        DeadTime { rising: map(self.rising), falling: map(self.falling) }
    }
}
