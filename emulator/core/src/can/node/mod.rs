//! A node on the bus: bit after bit it drives its line and samples that of the bus.
//!
//! An idle bus costs nothing. While there is something on it, the node has a deadline at each of its bits: where the bit begins, and where
//! it is sampled. The controller or part around it calls [`advance`](CanNode::advance) then, tells it the levels of the
//! bus with [`set_level`](CanNode::set_level), and takes those that it drives.

mod sampling;

use crate::Time;

use super::bits::Frame;
use super::event::{CanEvent, CanTransmission};
use super::timing::CanTiming;

/// Bits of the pause between frames.
const INTERMISSION: u8 = 3;
/// Error counts from which on a node is passive.
const PASSIVE: u16 = 128;
/// Events that are kept until they are taken; of more than these the oldest are lost.
const EVENTS: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Off,
    Integrating {
        recessive: u8,
    },
    BusOff {
        recessive: u8,
        sequences: u8,
    },
    Idle,
    Frame(Frame),
    Flag {
        left: u8,
        sending: bool,
        overload: bool,
    },
    /// The flag is out; others may still send theirs.
    Flagged {
        dominant: u8,
        sending: bool,
        overload: bool,
    },
    Delimiter {
        left: u8,
        sending: bool,
    },
    Intermission {
        bits: u8,
        sent: bool,
    },
    Suspended {
        bits: u8,
    },
}

crate::persist! {
    enum State {
        Off,
        Integrating { recessive },
        BusOff { recessive, sequences },
        Idle,
        Frame(frame),
        Flag { left, sending, overload },
        Flagged { dominant, sending, overload },
        Delimiter { left, sending },
        Intermission { bits, sent },
        Suspended { bits },
    }
}

/// A node.
///
/// ```
/// use espalier_core::{CanFrame, CanNode, CanTiming, CanTransmission, Time};
///
/// let mut node = CanNode::new(CanTiming::of_rate(500_000));
/// node.start(Time::ZERO);
/// let frame = CanFrame { id: 0x123, ..CanFrame::default() };
/// node.send(CanTransmission { frame, once: false, heard: false }, Time::ZERO);
/// // The bus has to be quiet for eleven bits first.
/// node.advance(Time::from_micros(23));
/// assert!(!node.output(), "the start of the frame is dominant");
/// ```
#[derive(Clone, Debug)]
pub struct CanNode {
    timing: CanTiming,
    /// It drives nothing, and counts no errors.
    silent: bool,
    /// It needs no acknowledgement.
    alone: bool,
    state: State,
    /// The level of the bus.
    level: bool,
    /// The beginning of the present bit, whether it has been sampled, and whether an edge has moved it.
    begin: Time,
    sampled: bool,
    moved: bool,
    /// The driven level; true is recessive.
    output: bool,
    changes: Vec<(Time, bool)>,
    pending: Option<CanTransmission>,
    tx_errors: u16,
    rx_errors: u16,
    events: Vec<CanEvent>,
}

crate::persist! {
    value CanNode {
        timing, silent, alone, state, level, begin, sampled, moved, output, changes, pending, tx_errors, rx_errors, events
    }
}

impl CanNode {
    /// A node that takes no part yet.
    pub fn new(timing: CanTiming) -> CanNode {
        CanNode {
            timing,
            silent: false,
            alone: false,
            state: State::Off,
            level: true,
            begin: Time::ZERO,
            sampled: false,
            moved: false,
            output: true,
            changes: Vec::new(),
            pending: None,
            tx_errors: 0,
            rx_errors: 0,
            events: Vec::new(),
        }
    }

    /// Other bits from the next start on.
    pub fn set_timing(&mut self, timing: CanTiming) {
        if timing.is_sound() {
            self.timing = timing;
        }
    }

    /// Whether it only listens, and whether it sends without an acknowledgement.
    pub fn set_mode(&mut self, silent: bool, alone: bool) {
        (self.silent, self.alone) = (silent, alone);
    }

    /// It takes part once the bus has been quiet for eleven bits.
    pub fn start(&mut self, now: Time) {
        self.begin_bits(State::Integrating { recessive: 0 }, now);
    }

    /// The same after it was off the bus: 128 times eleven bits.
    pub fn recover(&mut self, now: Time) {
        self.begin_bits(State::BusOff { recessive: 0, sequences: 0 }, now);
    }

    /// It takes no part any more, and drops what it was to send.
    pub fn stop(&mut self, now: Time) {
        self.state = State::Off;
        self.pending = None;
        self.set_output(true, now);
    }

    pub fn is_on(&self) -> bool {
        self.state != State::Off
    }

    fn begin_bits(&mut self, state: State, now: Time) {
        self.state = state;
        (self.begin, self.sampled, self.moved) = (now, false, false);
        self.set_output(true, now);
    }

    /// Hands it a frame to send. One that waits already is dropped without a word.
    pub fn send(&mut self, transmission: CanTransmission, now: Time) {
        self.advance(now);
        self.pending = Some(transmission);
        if self.state == State::Idle {
            (self.begin, self.sampled, self.moved) = (now, false, false);
            self.begin_frame(false);
            self.drive(now);
        }
    }

    /// Drops the frame that waits; one that is on the bus is not sent again.
    pub fn abort(&mut self) {
        match &self.state {
            State::Frame(frame) if frame.is_sending() => {
                if let Some(pending) = &mut self.pending {
                    pending.once = true;
                }
            }
            _ if self.pending.take().is_some() => self.tell(CanEvent::Dropped),
            _ => {}
        }
    }

    /// The frame that waits to be sent, or is being sent.
    pub fn pending(&self) -> Option<&CanTransmission> {
        self.pending.as_ref()
    }

    /// Whether a frame of its own is on the bus, or one of another node.
    pub fn is_sending(&self) -> bool {
        matches!(&self.state, State::Frame(frame) if frame.is_sending())
    }

    pub fn is_receiving(&self) -> bool {
        matches!(&self.state, State::Frame(frame) if !frame.is_sending())
    }

    /// The counts of errors, as a sender and as a receiver.
    pub fn errors(&self) -> (u16, u16) {
        (self.tx_errors, self.rx_errors)
    }

    pub fn set_errors(&mut self, tx: u16, rx: u16) {
        (self.tx_errors, self.rx_errors) = (tx, rx);
    }

    pub fn is_passive(&self) -> bool {
        self.tx_errors >= PASSIVE || self.rx_errors >= PASSIVE
    }

    /// The level that it drives; true is recessive.
    pub fn output(&self) -> bool {
        self.output
    }

    /// Takes the changes of that level.
    pub fn take_changes(&mut self) -> Vec<(Time, bool)> {
        std::mem::take(&mut self.changes)
    }

    /// Takes what has happened.
    pub fn take_events(&mut self) -> Vec<CanEvent> {
        std::mem::take(&mut self.events)
    }

    fn tell(&mut self, event: CanEvent) {
        if self.events.len() == EVENTS {
            self.events.drain(..EVENTS / 2);
        }
        self.events.push(event);
    }

    /// When it next does something by itself.
    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Off | State::Idle => None,
            _ if self.sampled => Some(self.begin + self.timing.bit),
            _ => Some(self.begin + self.timing.sample),
        }
    }

    /// Guest time has come to `now`.
    pub fn advance(&mut self, now: Time) {
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            if self.sampled {
                (self.begin, self.sampled, self.moved) = (due, false, false);
                self.drive(due);
            } else {
                self.sampled = true;
                self.sample();
            }
        }
    }

    /// The node is connected to a bus of this level, which is no edge.
    pub fn connect(&mut self, level: bool) {
        self.level = level;
    }

    /// The bus has this level from `at` on.
    pub fn set_level(&mut self, level: bool, at: Time) {
        self.advance(at);
        if std::mem::replace(&mut self.level, level) == level || level {
            return;
        }
        match &self.state {
            State::Off => {}
            State::Idle => {
                (self.begin, self.sampled, self.moved) = (at, false, true);
                self.state = State::Frame(Frame::default());
            }
            // A frame may begin in the last bit of the pause.
            State::Intermission { bits, .. } if *bits + 1 == INTERMISSION && !self.sampled => {
                (self.begin, self.moved) = (at, true);
            }
            _ if !self.moved && self.output => self.synchronise(at),
            _ => {}
        }
    }

    /// An edge lies where the bit should begin.
    fn synchronise(&mut self, at: Time) {
        let jump = self.timing.jump;
        self.moved = true;
        if self.sampled {
            // It came early: the next bit has begun.
            let early = (self.begin + self.timing.bit).since(at);
            self.begin = self.begin - early.min(jump);
        } else {
            self.begin += at.since(self.begin).min(jump);
        }
    }

    fn set_output(&mut self, level: bool, at: Time) {
        if std::mem::replace(&mut self.output, level) != level {
            if self.changes.len() == EVENTS {
                self.changes.drain(..EVENTS / 2);
            }
            self.changes.push((at, level));
        }
    }
}
