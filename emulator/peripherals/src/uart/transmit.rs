//! The transmitter: a FIFO and a shift register that takes guest time.

use std::collections::VecDeque;

use espalier_core::{Span, Time};

use super::frame::Passed;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Idle,
    Frame {
        byte: u8,
        start: Time,
        end: Time,
    },
    /// The line is held low after the last byte.
    Break {
        end: Time,
    },
    /// The pause after a break.
    Pause {
        end: Time,
    },
}

espalier_core::persist!(enum Phase { Idle, Frame { byte, start, end }, Break { end }, Pause { end } });

/// The last step of the transmitter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Sent {
        frame: Passed,
        /// The FIFO was empty behind it.
        last: bool,
    },
    BreakDone {
        at: Time,
    },
    PauseDone {
        at: Time,
    },
}

/// Durations, and the action after the last byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct TransmitTiming {
    pub(super) frame: Span,
    /// Length of the break that follows the last byte, and of the pause after it.
    pub(super) breaking: Option<(Span, Span)>,
    /// The other side is not ready: no frame begins.
    pub(super) held: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Transmitter {
    pub(super) fifo: VecDeque<u8>,
    /// A character of flow control, which is sent next, whether or not the FIFO waits.
    pub(super) urgent: Option<u8>,
    pub(super) phase: Phase,
    /// Bytes that left, with the end of their frames.
    pub(super) sent: Vec<(Time, u8)>,
    /// Bytes that went into the shift register since reset.
    pub(super) taken: u32,
}

espalier_core::persist!(value Transmitter { fifo, urgent, phase, sent, taken });

impl Transmitter {
    /// Goes on to the next thing that ends at or before `now`.
    pub(super) fn step(&mut self, now: Time, timing: TransmitTiming) -> Option<Step> {
        match self.phase {
            Phase::Frame { byte, start, end } if end <= now => {
                let last = self.fifo.is_empty() && self.urgent.is_none();
                match timing.breaking {
                    Some((length, _)) if last => self.phase = Phase::Break { end: end + length },
                    _ => self.load(end, timing),
                }
                Some(Step::Sent { frame: Passed { byte, start, end }, last })
            }
            Phase::Break { end } if end <= now => {
                let pause = timing.breaking.map_or(Span::ZERO, |(_, pause)| pause);
                self.phase = Phase::Pause { end: end + pause };
                Some(Step::BreakDone { at: end })
            }
            Phase::Pause { end } if end <= now => {
                self.load(end, timing);
                Some(Step::PauseDone { at: end })
            }
            _ => None,
        }
    }

    /// Puts a byte into the FIFO; a full one loses it.
    pub(super) fn push(&mut self, byte: u8, capacity: usize, now: Time, timing: TransmitTiming) {
        if self.fifo.len() < capacity {
            self.fifo.push_back(byte);
        }
        if self.phase == Phase::Idle {
            self.load(now, timing);
        }
    }

    /// Begins a frame if one waits for the other side, which may be ready now.
    pub(super) fn go_on(&mut self, now: Time, timing: TransmitTiming) {
        if self.phase == Phase::Idle && (self.urgent.is_some() || !self.fifo.is_empty()) {
            self.load(now, timing);
        }
    }

    /// Starts a break on an idle line.
    pub(super) fn start_break(&mut self, now: Time, timing: TransmitTiming) {
        if let (Phase::Idle, Some((length, _))) = (self.phase, timing.breaking) {
            self.phase = Phase::Break { end: now + length };
        }
    }

    /// When the FIFO will have no more than `level` bytes, if it has more.
    pub(super) fn drains_to(&self, level: usize, frame: Span) -> Option<Time> {
        let above = self.fifo.len().checked_sub(level).filter(|above| *above > 0)?;
        match self.phase {
            Phase::Frame { end, .. } | Phase::Break { end } | Phase::Pause { end } => {
                Some(end + frame * (above as u64 - 1))
            }
            Phase::Idle => None,
        }
    }

    /// When the frame, the break or the pause ends that is under way.
    pub(super) fn phase_ends(&self) -> Option<Time> {
        match self.phase {
            Phase::Frame { end, .. } | Phase::Break { end } | Phase::Pause { end } => Some(end),
            Phase::Idle => None,
        }
    }

    /// When the byte in the shift register will have left.
    pub(super) fn next_byte(&self) -> Option<Time> {
        match self.phase {
            Phase::Frame { end, .. } => Some(end),
            _ => None,
        }
    }

    /// When the last byte will have left, or a break or its pause ends.
    pub(super) fn ends(&self, frame: Span) -> Option<Time> {
        match self.phase {
            Phase::Frame { end, .. } => {
                Some(end + frame * (self.fifo.len() + usize::from(self.urgent.is_some())) as u64)
            }
            Phase::Break { end } | Phase::Pause { end } => Some(end),
            Phase::Idle => None,
        }
    }

    fn load(&mut self, start: Time, timing: TransmitTiming) {
        let next = self.urgent.take().or_else(|| {
            let byte = if timing.held { None } else { self.fifo.pop_front() };
            self.taken = self.taken.wrapping_add(u32::from(byte.is_some()));
            byte
        });
        self.phase = match next {
            Some(byte) => Phase::Frame { byte, start, end: start + timing.frame },
            None => Phase::Idle,
        };
    }
}
