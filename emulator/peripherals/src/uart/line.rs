//! The line into the receiver: bytes that the other side sends, what they look like, and what autobaud measures on it.

use std::collections::VecDeque;

use espalier_core::{Frequency, Span, Time};

use super::frame::{BitTime, Format, Passed};

/// Bytes on their way in. The first one's start bit fell, or will fall, at `start`; the others follow without a gap.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) bytes: VecDeque<u8>,
    pub(super) start: Time,
    pub(super) bit: BitTime,
    pub(super) frame: Span,
}

espalier_core::persist!(value Line { bytes, start, bit, frame });

impl Line {
    pub(super) fn queue(&mut self, bytes: &[u8], now: Time) {
        if self.bytes.is_empty() {
            self.start = self.start.max(now);
        }
        self.bytes.extend(bytes);
    }

    /// Takes the next byte if all of its frame has passed at `now`.
    pub(super) fn take_passed(&mut self, now: Time) -> Option<Passed> {
        let (start, end) = (self.start, self.start + self.frame);
        if end > now {
            return None;
        }
        let byte = self.bytes.pop_front()?;
        self.start = end;
        Some(Passed { byte, start, end })
    }

    /// The frame that is on the line at `now`, with its beginning.
    pub(super) fn current(&self, now: Time) -> Option<(u8, Time)> {
        let byte = *self.bytes.front()?;
        (self.start <= now).then_some((byte, self.start))
    }

    /// Sets how long bits and frames last. A byte that is on the line at `now` begins again.
    pub(super) fn set_timing(&mut self, bit: BitTime, format: Format, now: Time) {
        let frame = bit.half_bits(format.half_bits());
        if frame != self.frame || bit != self.bit {
            self.bit = bit;
            self.frame = frame;
            self.start = self.start.max(now);
        }
    }

    /// When the `count`-th byte from now on will have passed; None if fewer are on their way.
    pub(super) fn passes(&self, count: usize) -> Option<Time> {
        (1..=self.bytes.len()).contains(&count).then(|| self.start + self.frame * count as u64)
    }
}

/// The pulse counters of the baud rate detection (TRM, chapter 13.3.4).
#[derive(Clone, Debug)]
pub(super) struct Autobaud {
    pub(super) edges: u32,
    low: Option<Span>,
    high: Option<Span>,
    positive: Option<Span>,
    negative: Option<Span>,
    last_rise: Option<Time>,
    last_fall: Option<Time>,
}

espalier_core::persist!(value Autobaud { edges, low, high, positive, negative, last_rise, last_fall });

impl Autobaud {
    const MOST_EDGES: u32 = 0x3FF;
    const LONGEST_PULSE: u32 = 0xF_FFFF;
    /// The counters fall short of a pulse by this many cycles: the ROM adds it to what it reads (`uart_baudrate_detect`).
    const LAG: u64 = 9;

    pub(super) fn new() -> Autobaud {
        Autobaud { edges: 0, low: None, high: None, positive: None, negative: None, last_rise: None, last_fall: None }
    }

    pub(super) fn observe(&mut self, frame: Passed, format: Format, bit: BitTime) {
        let levels = format.levels(frame.byte);
        let mut before = true;
        for index in 0..=format.stop_bit() {
            let level = levels >> index & 1 != 0;
            if level != before {
                self.edge(level, frame.start + bit.bits(index));
                before = level;
            }
        }
    }

    pub(super) fn edge(&mut self, rising: bool, at: Time) {
        self.edges = (self.edges + 1).min(Autobaud::MOST_EDGES);
        if rising {
            shorten(&mut self.low, self.last_fall, at);
            shorten(&mut self.positive, self.last_rise, at);
            self.last_rise = Some(at);
        } else {
            shorten(&mut self.high, self.last_rise, at);
            shorten(&mut self.negative, self.last_fall, at);
            self.last_fall = Some(at);
        }
    }

    pub(super) fn low_pulse(&self, clock: Frequency) -> u32 {
        count(self.low, clock)
    }

    pub(super) fn high_pulse(&self, clock: Frequency) -> u32 {
        count(self.high, clock)
    }

    pub(super) fn positive_pulse(&self, clock: Frequency) -> u32 {
        count(self.positive, clock)
    }

    pub(super) fn negative_pulse(&self, clock: Frequency) -> u32 {
        count(self.negative, clock)
    }
}

fn shorten(shortest: &mut Option<Span>, from: Option<Time>, to: Time) {
    if let Some(from) = from {
        let pulse = to.since(from);
        *shortest = Some(shortest.map_or(pulse, |shortest| shortest.min(pulse)));
    }
}

fn count(pulse: Option<Span>, clock: Frequency) -> u32 {
    let longest = u64::from(Autobaud::LONGEST_PULSE);
    pulse.map_or(longest, |pulse| clock.cycles_in(pulse).saturating_sub(Autobaud::LAG).min(longest)) as u32
}
