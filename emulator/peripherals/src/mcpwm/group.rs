//! The state of a timer and its operators where the timer came to zero: if they are again as they were, everything between
//! repeats itself until something comes from outside, and need not be followed.

use std::collections::VecDeque;

use espalier_core::{Signal, Span, Time};

use super::TIMERS;
use super::operator::Operator;
use super::timer::Timer;

/// Cycles that are looked back at: an output that toggles once a cycle repeats itself after two.
const CYCLES: usize = 2;
/// Edges of an output that are kept: more of them in two cycles are no pulse.
const EDGES: usize = 8;

/// Timers and operators of a group at the start of a cycle, with times counted from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) timers: [Option<Timer>; TIMERS],
    pub(super) operators: [Option<Operator>; TIMERS],
}

espalier_core::persist!(value State { timers, operators });

#[derive(Clone, Copy, Debug)]
struct Cycle {
    start: Time,
    state: State,
    /// Interrupts since then.
    raised: u32,
}

espalier_core::persist!(value Cycle { start, state, raised });

/// A stretch of time that repeats itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) length: Span,
    pub(super) raised: u32,
}

espalier_core::persist!(value Round { length, raised } if Round::has_length;);

impl Round {
    fn has_length(&self) -> bool {
        self.length > Span::ZERO
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    cycles: VecDeque<Cycle>,
    pub(super) round: Option<Round>,
}

espalier_core::persist!(value Group { cycles, round });

impl Group {
    /// Something came from outside.
    pub(super) fn disturb(&mut self) {
        self.cycles.clear();
        self.round = None;
    }

    pub(super) fn raise(&mut self, interrupts: u32) {
        for cycle in &mut self.cycles {
            cycle.raised |= interrupts;
        }
    }

    /// A cycle begins. Returns the start of the round that ends here, if it repeats itself.
    pub(super) fn begin(&mut self, state: State, at: Time) -> Option<Time> {
        let same = self.cycles.iter().rev().find(|cycle| cycle.state == state && cycle.start < at);
        self.round = same.map(|cycle| Round { length: at.since(cycle.start), raised: cycle.raised });
        let start = same.map(|cycle| cycle.start);
        if self.cycles.len() == CYCLES {
            self.cycles.pop_front();
        }
        self.cycles.push_back(Cycle { start: at, state, raised: 0 });
        start
    }

    /// All of it as much later as `by` says.
    pub(super) fn delay(&mut self, by: Span) {
        for cycle in &mut self.cycles {
            cycle.start += by;
        }
    }
}

/// A change of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Level(bool),
    /// A wave of the carrier begins.
    Wave,
}

espalier_core::persist!(
    enum Edge {
        Level(level),
        Wave,
    }
);

/// An output: what it does, and what is said about it.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// The signal that it carries at present: a level, or a wave of the carrier.
    pub(super) actual: Signal,
    /// The signal that it was said to carry from some time on.
    pub(super) told: Signal,
    /// Whether that is the wave that its edges make, rather than the last of them.
    pub(super) is_described: bool,
    /// Whether it has edges in a round that no description covers.
    pub(super) is_restless: bool,
    edges: VecDeque<(Time, Edge)>,
}

espalier_core::persist!(value Output { actual, told, is_described, is_restless, edges });

impl Output {
    pub(super) fn new() -> Output {
        let low = Signal::Level(false);
        Output { actual: low, told: low, is_described: false, is_restless: false, edges: VecDeque::new() }
    }

    pub(super) fn change(&mut self, signal: Signal, at: Time) {
        self.actual = signal;
        let edge = if let Signal::Level(level) = signal { Edge::Level(level) } else { Edge::Wave };
        // Of edges at one time, only what the last one leaves is seen.
        self.edges.retain(|(other, _)| *other != at);
        if self.edges.len() == EDGES {
            self.edges.pop_front();
        }
        self.edges.push_back((at, edge));
    }

    /// Returns the wave of a round, from its start to its end, if it is one pulse.
    pub(super) fn describe(&mut self, start: Time, end: Time) -> Option<Signal> {
        // Edges of the start are those of the end, if the level there was another one.
        let mut edges = self.edges.iter().filter(|(at, _)| *at > start && *at <= end);
        let all = [edges.next(), edges.next(), edges.next()];
        self.is_restless = all[0].is_some();
        let (rise, fall) = match all {
            [Some((rise, Edge::Level(true))), Some((fall, Edge::Level(false))), None] => (*rise, *fall),
            [Some((fall, Edge::Level(false))), Some((rise, Edge::Level(true))), None] => (*rise, *fall),
            _ => return None,
        };
        self.is_restless = false;
        let round = end.since(start);
        let high =
            if fall > rise { fall.since(rise) } else { Span::from_ticks(round.ticks() - rise.since(fall).ticks()) };
        Some(Signal::pulses(round, high, rise))
    }

    /// Its edges as much later as `by` says.
    pub(super) fn delay(&mut self, by: Span) {
        for (at, _) in &mut self.edges {
            *at += by;
        }
    }
}
