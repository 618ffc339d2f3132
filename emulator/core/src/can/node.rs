//! A node on the bus: bit after bit it drives its line and samples that of the bus.
//!
//! An idle bus costs nothing. While there is something on it, the node has a deadline at each of its bits: where the bit begins, and where
//! it is sampled. The controller or part around it calls [`advance`](CanNode::advance) then, tells it the levels of the
//! bus with [`set_level`](CanNode::set_level), and takes those that it drives.

use crate::{Span, Time};

use super::frame::{CRC_BITS, CanFrame, IDE_AT, bits_before_crc, crc};

/// Equal bits after which another one is stuffed in.
const STUFF_AFTER: u8 = 5;
/// Recessive bits after which a node takes part, and how often it needs them after it was off the bus.
const INTEGRATION: u8 = 11;
const RECOVERIES: u8 = 128;
/// Bits of an error flag, of the delimiter behind it, of the pause between frames, and of that of a passive transmitter.
const FLAG: u8 = 6;
const DELIMITER: u8 = 8;
const INTERMISSION: u8 = 3;
const SUSPENSION: u8 = 8;
/// Error counts at which a node is passive, and over which it is off the bus.
const PASSIVE: u16 = 128;
const BUS_OFF: u16 = 255;
/// Events that are kept until they are taken; of more than these the oldest are lost.
const EVENTS: usize = 1024;

/// The parts of a frame behind its stuffed bits.
mod tail {
    pub const CRC_DELIMITER: u8 = 0;
    pub const ACK: u8 = 1;
    pub const ACK_DELIMITER: u8 = 2;
    /// The last but one and the last bit of the end of the frame.
    pub const RECEIVED: u8 = 8;
    pub const LAST: u8 = 9;
}

/// The length of a bit, where it is sampled, and by how much an edge may move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanTiming {
    pub bit: Span,
    pub sample: Span,
    pub jump: Span,
}

crate::persist! {
    value CanTiming { bit, sample, jump } if CanTiming::is_sound;
}

impl CanTiming {
    /// The usual bit of a rate, in bits per second: sampled at three quarters, with jumps of an eighth.
    pub fn of_rate(rate: u32) -> CanTiming {
        let bit = Span::from_nanos(1_000_000_000 / u64::from(rate.max(1)));
        CanTiming { bit, sample: Span::from_ticks(bit.ticks() * 3 / 4), jump: Span::from_ticks(bit.ticks() / 8) }
    }

    fn is_sound(&self) -> bool {
        self.sample.ticks() > 0 && self.sample < self.bit && self.jump < self.bit
    }
}

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanError {
    Bit,
    Form,
    Stuff,
    /// A wrong checksum, or a frame without an acknowledgement.
    Other,
}

/// Something that happened to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanEvent {
    Received(CanFrame),
    /// The frame that was to be sent is on the bus as a whole.
    Sent,
    /// The frame that was to be sent has left the node without that.
    Dropped,
    /// Another frame went first; bits of the identifier that had been sent.
    Lost {
        bits: u8,
    },
    /// An error, with the place as the SJA1000 numbers them, and whether the node was sending.
    Error {
        kind: CanError,
        segment: u8,
        sending: bool,
    },
    /// Too many errors while sending.
    BusOff,
    /// It takes part again.
    Recovered,
}

crate::persist! {
    enum CanError { Bit, Form, Stuff, Other }
    enum CanEvent {
        Received(frame),
        Sent,
        Dropped,
        Lost { bits },
        Error { kind, segment, sending },
        BusOff,
        Recovered,
    }
}

/// A frame to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanTransmission {
    pub frame: CanFrame,
    /// It is not sent again if it fails.
    pub once: bool,
    /// The node receives it, too.
    pub heard: bool,
}

/// A frame on the bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Frame {
    /// The bits of the frame that the node sends; empty while it only listens.
    sent: Vec<bool>,
    /// The bits since its start, without those that were stuffed in.
    bits: Vec<bool>,
    /// The number of equal bits at the end, stuffed ones counted.
    run: u8,
    last: bool,
    /// Where the checksum begins, once that is known.
    crc_at: Option<usize>,
    /// The number of bits behind the checksum.
    tail: u8,
}

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
    value CanTransmission { frame, once, heard }
    value Frame { sent, bits, run, last, crc_at, tail } if Frame::is_sound;
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

impl Frame {
    fn is_sound(&self) -> bool {
        let begins = self.bits.len() <= self.sent.len() || self.sent.is_empty();
        let known = bits_before_crc(&self.bits).filter(|_| self.crc_at.is_some());
        begins && self.crc_at == known && self.tail <= tail::LAST
    }

    fn is_sending(&self) -> bool {
        !self.sent.is_empty()
    }

    /// Another bit has to be stuffed in.
    fn is_stuffed(&self) -> bool {
        self.run == STUFF_AFTER
    }

    /// All bits with the checksum have come.
    fn is_complete(&self) -> bool {
        !self.is_stuffed() && self.crc_at.is_some_and(|at| self.bits.len() == at + CRC_BITS)
    }

    fn has_right_crc(&self) -> bool {
        let Some(at) = self.crc_at.filter(|at| self.bits.len() >= at + CRC_BITS) else { return false };
        let received = self.bits[at..at + CRC_BITS].iter().fold(0, |crc, bit| crc << 1 | u16::from(*bit));
        crc(&self.bits[..at]) == received
    }

    /// Whether the next bit is one of those by which nodes compete.
    fn is_arbitration(&self) -> bool {
        let extended =
            self.bits.get(IDE_AT).copied().unwrap_or_else(|| self.sent.get(IDE_AT).copied().unwrap_or(false));
        self.bits.len() <= if extended { 32 } else { 12 }
    }

    /// The place of the next bit as the SJA1000's error code capture numbers them (data sheet, table "Bit interpretation of the error code
    /// capture register").
    fn segment(&self) -> u8 {
        if self.is_complete() {
            return match self.tail {
                tail::CRC_DELIMITER => 0x18,
                tail::ACK => 0x19,
                tail::ACK_DELIMITER => 0x1B,
                _ => 0x1A,
            };
        }
        let at = self.bits.len();
        let extended = self.bits.get(IDE_AT) == Some(&true);
        match at {
            0 => 0x03,
            1..=8 => 0x02,
            9..=11 => 0x06,
            12 => 0x04,
            13 => 0x05,
            _ if self.crc_at.is_some_and(|crc_at| at >= crc_at) => 0x08,
            _ if self.crc_at.is_some() => 0x0A,
            14 if !extended => 0x09,
            14..=18 if extended => 0x07,
            19..=26 if extended => 0x0F,
            27..=31 => 0x0E,
            32 => 0x0C,
            33 => 0x0D,
            34 => 0x09,
            _ => 0x0B,
        }
    }
}

/// Segments outside of frames, by the same table.
mod segment {
    pub const ACTIVE_FLAG: u8 = 0x11;
    pub const DOMINANT: u8 = 0x13;
    pub const PASSIVE_FLAG: u8 = 0x16;
    pub const DELIMITER: u8 = 0x17;
    pub const OVERLOAD_FLAG: u8 = 0x1C;
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

    /// Whether a frame of its own, or of another node, is on the bus.
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

    /// The bus is free, or its first bit has come: the node's own frame begins, or another's.
    fn begin_frame(&mut self, has_begun: bool) {
        let sent = self.pending.filter(|_| !self.silent).map(|pending| pending.frame.bits()).unwrap_or_default();
        let mut frame = Frame { sent, ..Frame::default() };
        if has_begun {
            frame.push(false);
        }
        self.state = State::Frame(frame);
    }

    /// A bit begins: drives what belongs into it.
    fn drive(&mut self, at: Time) {
        if self.state == State::Idle {
            return;
        }
        let silent = self.silent;
        let level = match &self.state {
            State::Frame(frame) if !frame.is_complete() => match frame.sent.get(frame.bits.len()) {
                _ if !frame.is_sending() => true,
                _ if frame.is_stuffed() => !frame.last,
                Some(bit) => *bit,
                None => true,
            },
            State::Frame(frame) => frame.tail != tail::ACK || frame.is_sending() || !frame.has_right_crc() || silent,
            State::Flag { overload, .. } => silent || self.is_passive() && !overload,
            _ => true,
        };
        self.set_output(level, at);
    }

    /// The level in the middle of the bit.
    fn sample(&mut self) {
        let level = self.level;
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Off => self.state = State::Off,
            State::Idle => {}
            State::Integrating { recessive } => {
                let recessive = if level { recessive + 1 } else { 0 };
                if recessive < INTEGRATION {
                    self.state = State::Integrating { recessive };
                } else {
                    self.become_free();
                }
            }
            State::BusOff { recessive, sequences } => {
                let recessive = if level { recessive + 1 } else { 0 };
                let done = recessive == INTEGRATION;
                let sequences = sequences + u8::from(done);
                self.state = State::BusOff { recessive: if done { 0 } else { recessive }, sequences };
                if sequences == RECOVERIES {
                    (self.tx_errors, self.rx_errors) = (0, 0);
                    self.tell(CanEvent::Recovered);
                    self.become_free();
                }
            }
            State::Frame(frame) if frame.is_complete() => self.sample_tail(frame, level),
            State::Frame(frame) => self.sample_bit(frame, level),
            State::Flag { left, sending, overload } => {
                if !self.output && level {
                    let at = if overload { segment::OVERLOAD_FLAG } else { segment::ACTIVE_FLAG };
                    return self.fail(CanError::Bit, at, sending);
                }
                self.state = match left {
                    1 => State::Flagged { dominant: 0, sending, overload },
                    _ => State::Flag { left: left - 1, sending, overload },
                };
            }
            State::Flagged { sending, .. } if level => self.state = State::Delimiter { left: DELIMITER - 1, sending },
            State::Flagged { dominant, sending, overload } => self.sample_flagged(dominant, sending, overload),
            State::Delimiter { left, sending } => self.sample_delimiter(left, sending, level),
            State::Intermission { bits, sent } => self.sample_intermission(bits, sent, level),
            State::Suspended { .. } if !level => self.hear_start(),
            State::Suspended { bits } if bits + 1 == SUSPENSION => self.become_free(),
            State::Suspended { bits } => self.state = State::Suspended { bits: bits + 1 },
        }
    }

    /// The next bit may be the first one of a frame.
    fn become_free(&mut self) {
        if self.pending.is_some() && !self.silent {
            self.begin_frame(false);
        } else {
            self.state = State::Idle;
        }
    }

    /// The start of another's frame has come.
    fn hear_start(&mut self) {
        let mut frame = Frame::default();
        frame.push(false);
        self.state = State::Frame(frame);
    }

    /// A dominant bit behind a flag: a node that hears that at once did not send the first flag.
    fn sample_flagged(&mut self, dominant: u8, sending: bool, overload: bool) {
        let dominant = dominant + 1;
        if dominant == 1 && !sending && !overload {
            self.count(false, 8);
        }
        if dominant == 8 {
            self.count(sending, 8);
            self.tell(CanEvent::Error { kind: CanError::Form, segment: segment::DOMINANT, sending });
        }
        // Further ones are counted from there on.
        let dominant = if dominant == 8 { 1 } else { dominant };
        self.state = State::Flagged { dominant, sending, overload };
        self.check_bus_off();
    }

    fn sample_delimiter(&mut self, left: u8, sending: bool, level: bool) {
        match (left, level) {
            (1, true) => self.state = State::Intermission { bits: 0, sent: sending },
            (_, true) => self.state = State::Delimiter { left: left - 1, sending },
            (1, false) => self.state = State::Flag { left: FLAG, sending, overload: true },
            (_, false) => self.fail(CanError::Form, segment::DELIMITER, sending),
        }
    }

    fn sample_intermission(&mut self, bits: u8, sent: bool, level: bool) {
        let is_last = bits + 1 == INTERMISSION;
        match (level, is_last) {
            (true, true) if sent && self.is_passive() => self.state = State::Suspended { bits: 0 },
            (true, true) => self.become_free(),
            (true, false) => self.state = State::Intermission { bits: bits + 1, sent },
            (false, true) => self.begin_frame(true),
            (false, false) => self.state = State::Flag { left: FLAG, sending: sent, overload: true },
        }
    }

    /// A bit up to the checksum.
    fn sample_bit(&mut self, mut frame: Frame, level: bool) {
        if frame.bits.is_empty() && level && !frame.is_sending() {
            // The edge was no start of a frame.
            self.state = State::Idle;
            return;
        }
        let place = frame.segment();
        if frame.is_sending() && level != self.output {
            if !level && frame.is_arbitration() && !frame.is_stuffed() && !frame.bits.is_empty() {
                frame.sent.clear();
                let bits = frame.bits.len() as u8 - 1;
                self.lose(bits);
            } else {
                return self.fail(CanError::Bit, place, true);
            }
        }
        if frame.is_stuffed() {
            if level == frame.last {
                return self.fail(CanError::Stuff, place, frame.is_sending());
            }
            (frame.run, frame.last) = (1, level);
        } else {
            frame.push(level);
        }
        self.state = State::Frame(frame);
    }

    fn lose(&mut self, bits: u8) {
        self.tell(CanEvent::Lost { bits });
        if self.pending.is_some_and(|pending| pending.once) {
            self.pending = None;
            self.tell(CanEvent::Dropped);
        }
    }

    /// A bit behind the checksum.
    fn sample_tail(&mut self, mut frame: Frame, level: bool) {
        let (sending, place) = (frame.is_sending(), frame.segment());
        match frame.tail {
            tail::ACK if sending && level && !self.alone => return self.fail(CanError::Other, place, true),
            tail::ACK => {}
            tail::LAST if !sending && !level => {
                self.state = State::Flag { left: FLAG, sending, overload: true };
                return;
            }
            _ if !level => return self.fail(CanError::Form, place, sending),
            tail::ACK_DELIMITER if !sending && !frame.has_right_crc() => {
                return self.fail(CanError::Other, place, false);
            }
            tail::RECEIVED if !sending => {
                self.rx_errors = match self.rx_errors {
                    0 => 0,
                    errors if errors < PASSIVE => errors - 1,
                    _ => PASSIVE - 1,
                };
                self.tell(CanEvent::Received(CanFrame::of_bits(&frame.bits)));
            }
            tail::LAST if sending => {
                self.tx_errors = self.tx_errors.saturating_sub(1);
                self.tell(CanEvent::Sent);
                if self.pending.take().is_some_and(|pending| pending.heard) {
                    self.tell(CanEvent::Received(CanFrame::of_bits(&frame.bits)));
                }
            }
            _ => {}
        }
        self.state = if frame.tail == tail::LAST {
            State::Intermission { bits: 0, sent: sending }
        } else {
            frame.tail += 1;
            State::Frame(frame)
        };
    }

    fn count(&mut self, sending: bool, errors: u16) {
        if !self.silent {
            let count = if sending { &mut self.tx_errors } else { &mut self.rx_errors };
            *count = count.saturating_add(errors).min(if sending { BUS_OFF + 8 } else { BUS_OFF });
        }
    }

    /// An error: it is counted and shown to the others, and the frame is sent again, unless it was to be sent once.
    fn fail(&mut self, kind: CanError, place: u8, sending: bool) {
        let place = if place == segment::ACTIVE_FLAG && self.is_passive() { segment::PASSIVE_FLAG } else { place };
        self.tell(CanEvent::Error { kind, segment: place, sending });
        // A passive node that is alone on the bus does not go off it for want of an acknowledgement.
        let unheard = sending && kind == CanError::Other && self.is_passive();
        if !unheard {
            self.count(sending, if sending { 8 } else { 1 });
        }
        self.state = State::Flag { left: FLAG, sending, overload: false };
        if sending && self.pending.is_some_and(|pending| pending.once) {
            self.pending = None;
            self.tell(CanEvent::Dropped);
        }
        self.check_bus_off();
    }

    fn check_bus_off(&mut self) {
        if self.tx_errors > BUS_OFF {
            self.state = State::BusOff { recessive: 0, sequences: 0 };
            self.tell(CanEvent::BusOff);
        }
    }
}

impl Frame {
    /// Takes a bit that was not stuffed in.
    fn push(&mut self, level: bool) {
        self.run = if self.bits.is_empty() || self.last != level { 1 } else { self.run + 1 };
        self.last = level;
        self.bits.push(level);
        if self.crc_at.is_none() {
            self.crc_at = bits_before_crc(&self.bits);
        }
    }
}
