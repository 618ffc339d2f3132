//! The bits of a node: it drives a level where each begins, and judges that of the bus where it is sampled.

use crate::Time;

use super::super::bits::{Frame, segment, tail};
use super::super::event::{CanError, CanEvent};
use super::super::frame::CanFrame;
use super::{CanNode, INTERMISSION, PASSIVE, State};

/// Recessive bits after which a node takes part, and how often it needs them after it was off the bus.
const INTEGRATION: u8 = 11;
const RECOVERIES: u8 = 128;
/// Bits of an error flag, of the delimiter behind it, and of the pause of a passive transmitter.
const FLAG: u8 = 6;
const DELIMITER: u8 = 8;
const SUSPENSION: u8 = 8;
/// The count of errors over which a node is off the bus.
const BUS_OFF: u16 = 255;

impl CanNode {
    /// The bus is free, or its first bit has come: the node's own frame begins, or another's.
    pub(super) fn begin_frame(&mut self, has_begun: bool) {
        let sent = self.pending.filter(|_| !self.silent).map(|pending| pending.frame.bits()).unwrap_or_default();
        let mut frame = Frame { sent, ..Frame::default() };
        if has_begun {
            frame.push(false);
        }
        self.state = State::Frame(frame);
    }

    /// A bit begins: drives what belongs into it.
    pub(super) fn drive(&mut self, at: Time) {
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
    pub(super) fn sample(&mut self) {
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
