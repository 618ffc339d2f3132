//! One TCP connection as a value: the transmission control block of RFC 9293.
//!
//! A fork of a board takes its peers with it, so a connection has to be something that can be cloned, in whatever state it is and
//! however much went over it. The sockets of smoltcp cannot; its formats of packets are used here, its state machine is not.

mod receiver;
mod sender;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use espalier_core::{Span, Time};
use smoltcp::wire::{TcpControl, TcpRepr, TcpSeqNumber};

use crate::gateway::reply::blank_segment;
use receiver::Receiver;
use sender::{Acknowledged, MSS, Sender, distance};

/// Time for which an end that has closed first answers for the connection: twice the lifetime of a segment, which on a LAN is short.
const TIME_WAIT: Span = Span::from_secs(10);
/// Segments without sense are answered no more often than this (RFC 5961, 7).
const CHALLENGES: Span = Span::from_secs(1);

/// RFC 9293, 3.3.2. A listening port is no connection yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}

espalier_core::persist! {
    enum State {
        SynSent, SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait, Closed
    }
}

#[derive(Clone, Debug)]
pub(super) struct Tcb {
    state: State,
    sender: Sender,
    receiver: Receiver,
    /// The remote end has reset it.
    was_reset: bool,
    acknowledges: bool,
    /// The number of a reset that is to be sent.
    resets: Option<u32>,
    challenged: Option<Time>,
    /// When TIME-WAIT ends.
    ends: Option<Time>,
}

espalier_core::persist!(value Tcb { state, sender, receiver, was_reset, acknowledges, resets, challenged, ends });

impl Tcb {
    fn new(state: State, initial: u32, receiver: Receiver) -> Tcb {
        let sender = Sender::new(initial);
        Tcb {
            state,
            sender,
            receiver,
            was_reset: false,
            acknowledges: false,
            resets: None,
            challenged: None,
            ends: None,
        }
    }

    /// A connection that this end asks for. Its first number is `initial`.
    pub(super) fn connect(initial: u32) -> Tcb {
        Tcb::new(State::SynSent, initial, Receiver::default())
    }

    /// A connection that the remote end asks for with `syn`.
    pub(super) fn accept(initial: u32, syn: &TcpRepr<'_>) -> Tcb {
        let seq = number(syn.seq_number);
        let mut block = Tcb::new(State::SynReceived, initial, Receiver::new(seq));
        block.sender.meet(seq, initial, syn.window_len, syn.max_seg_size);
        block
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// True if the remote end has reset it.
    pub(super) fn was_reset(&self) -> bool {
        self.was_reset
    }

    /// True while it cannot go on without an answer of the remote end.
    pub(super) fn awaits_answer(&self) -> bool {
        self.state != State::Closed && self.sender.is_owed_an_answer()
    }

    /// Bytes that it would take now; none if this end may not send.
    pub(super) fn room(&self) -> usize {
        match self.state {
            State::Established | State::CloseWait => self.sender.room(),
            _ => 0,
        }
    }

    /// Takes what there is room for.
    pub(super) fn send(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.sender.push(&bytes[..count]);
        count
    }

    /// This end has nothing more to send.
    pub(super) fn close(&mut self) {
        self.state = match self.state {
            State::SynSent => State::Closed,
            State::SynReceived | State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            _ => return,
        };
        if self.state != State::Closed {
            self.sender.finish();
        }
    }

    /// This end gives the connection up, and tells the remote end if that knows of it.
    pub(super) fn abort(&mut self) {
        let is_known = !matches!(self.state, State::SynSent | State::TimeWait | State::Closed);
        self.resets = is_known.then(|| self.sender.highest());
        self.state = State::Closed;
    }

    /// True if `segment` asks for a connection in the place of this one, which is over (RFC 9293, 3.6.1).
    pub(super) fn is_followed_by(&self, segment: &TcpRepr<'_>) -> bool {
        self.state == State::TimeWait
            && segment.control == TcpControl::Syn
            && segment.ack_number.is_none()
            && distance(number(segment.seq_number), self.receiver.next()) >= 0
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Closed => None,
            State::TimeWait => self.ends,
            _ => self.sender.deadline(),
        }
    }

    /// Guest time has come to `now`.
    pub(super) fn wake(&mut self, now: Time) {
        match self.state {
            State::Closed => {}
            State::TimeWait if self.ends.is_some_and(|at| at <= now) => self.state = State::Closed,
            State::TimeWait => {}
            _ => self.sender.wake(now),
        }
    }

    /// The test has read, and has left so many bytes. True if the remote end is to be told that there is room.
    pub(super) fn note_read(&mut self, unread: usize) -> bool {
        let may_receive = matches!(self.state, State::Established | State::FinWait1 | State::FinWait2);
        let opens = may_receive && self.receiver.has_room_to_offer(unread);
        self.acknowledges |= opens;
        opens
    }

    /// A segment comes in (RFC 9293, 3.10.7). What it brings goes into `stream`.
    pub(super) fn receive(&mut self, segment: &TcpRepr<'_>, stream: &mut VecDeque<u8>, now: Time) {
        match self.state {
            State::Closed => {}
            State::SynSent => self.receive_answer(segment, now),
            _ => self.receive_later(segment, stream, now),
        }
    }

    fn receive_answer(&mut self, segment: &TcpRepr<'_>, now: Time) {
        let seq = number(segment.seq_number);
        let ack = segment.ack_number.map(number);
        if let Some(ack) = ack.filter(|ack| *ack != self.sender.highest()) {
            // It belongs to an earlier connection, which the remote end takes for this one until it is told.
            self.resets = (segment.control != TcpControl::Rst).then_some(ack);
            return;
        }
        match segment.control {
            TcpControl::Rst if ack.is_some() => self.end_by_reset(),
            TcpControl::Syn => {
                self.receiver = Receiver::new(seq);
                self.sender.meet(seq, ack.unwrap_or(seq), segment.window_len, segment.max_seg_size);
                match ack {
                    Some(ack) => {
                        self.sender.acknowledge(seq, ack, segment.window_len, false, now);
                        self.state = State::Established;
                        self.acknowledges = true;
                    }
                    // Both ends have asked at the same time.
                    None => {
                        self.sender.reopen();
                        self.state = State::SynReceived;
                    }
                }
            }
            _ => {}
        }
    }

    fn receive_later(&mut self, segment: &TcpRepr<'_>, stream: &mut VecDeque<u8>, now: Time) {
        let seq = number(segment.seq_number);
        let resets = segment.control == TcpControl::Rst;
        let opens = segment.control == TcpControl::Syn;
        if self.state == State::SynReceived && opens && seq.wrapping_add(1) == self.receiver.next() {
            self.sender.reopen();
            return;
        }
        if !self.receiver.accepts(seq, segment.segment_len() as u32) {
            if segment.segment_len() == 0 {
                self.challenge(now, !resets);
            } else if !resets {
                // Its data is known: the acknowledgement was lost.
                self.acknowledges = true;
                self.restart_time_wait(now);
            }
            return;
        }
        if resets {
            if seq == self.receiver.next() {
                self.end_by_reset();
            } else {
                self.challenge(now, true);
            }
            return;
        }
        let Some(ack) = segment.ack_number.map(number).filter(|_| !opens) else {
            self.challenge(now, opens);
            return;
        };
        let empty = segment.segment_len() == 0;
        if self.sender.acknowledge(seq, ack, segment.window_len, empty, now) == Acknowledged::Unsent {
            self.challenge(now, true);
            return;
        }
        self.note_acknowledged(now);
        let may_receive = matches!(self.state, State::Established | State::FinWait1 | State::FinWait2);
        if may_receive && !empty {
            self.acknowledges = true;
            if self.receiver.take(seq, segment.payload, segment.control == TcpControl::Fin, stream) {
                self.note_end_of_stream(now);
            }
        }
    }

    fn note_acknowledged(&mut self, now: Time) {
        if self.state == State::SynReceived && !self.sender.is_opening() {
            self.state = State::Established;
        }
        if self.sender.has_finished() {
            match self.state {
                State::FinWait1 => self.state = State::FinWait2,
                State::Closing => self.enter_time_wait(now),
                State::LastAck => self.state = State::Closed,
                _ => {}
            }
        }
    }

    fn note_end_of_stream(&mut self, now: Time) {
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(now),
            _ => {}
        }
    }

    fn enter_time_wait(&mut self, now: Time) {
        self.state = State::TimeWait;
        self.ends = Some(now + TIME_WAIT);
    }

    fn restart_time_wait(&mut self, now: Time) {
        if self.state == State::TimeWait {
            self.enter_time_wait(now);
        }
    }

    fn end_by_reset(&mut self) {
        self.was_reset = true;
        self.state = State::Closed;
    }

    /// Answers a segment that cannot be right, but not without end: the remote end may think the same of the answer.
    fn challenge(&mut self, now: Time, answers: bool) {
        if answers && self.challenged.is_none_or(|at| now.since(at) >= CHALLENGES) {
            self.challenged = Some(now);
            self.acknowledges = true;
        }
    }

    /// Sends all that is to be sent now, with `unread` bytes left in the stream.
    pub(super) fn send_all(
        &mut self,
        (local, remote): (SocketAddrV4, SocketAddrV4),
        unread: usize,
        now: Time,
        mut send: impl FnMut(&TcpRepr<'_>),
    ) {
        let base = blank_segment(local.port(), remote.port());
        if let Some(seq) = self.resets.take() {
            let ack_number = (self.state != State::SynSent).then(|| sequence(self.receiver.next()));
            send(&TcpRepr { control: TcpControl::Rst, seq_number: sequence(seq), ack_number, ..base });
        }
        if self.state == State::Closed {
            return;
        }
        while let Some(piece) = self.sender.next_piece(now) {
            let asks = self.state == State::SynSent;
            self.acknowledges = false;
            send(&TcpRepr {
                control: match &piece {
                    piece if piece.opens => TcpControl::Syn,
                    piece if piece.finishes => TcpControl::Fin,
                    piece if piece.pushes => TcpControl::Psh,
                    _ => TcpControl::None,
                },
                seq_number: sequence(piece.seq),
                ack_number: (!asks).then(|| sequence(self.receiver.next())),
                window_len: if asks { Receiver::default().offer(unread) } else { self.receiver.offer(unread) },
                max_seg_size: piece.opens.then_some(MSS),
                payload: &piece.payload,
                ..base
            });
        }
        if std::mem::take(&mut self.acknowledges) {
            send(&TcpRepr {
                seq_number: sequence(self.sender.next()),
                ack_number: Some(sequence(self.receiver.next())),
                window_len: self.receiver.offer(unread),
                ..base
            });
        }
    }
}

fn number(number: TcpSeqNumber) -> u32 {
    number.0 as u32
}

fn sequence(number: u32) -> TcpSeqNumber {
    TcpSeqNumber(number as i32)
}
