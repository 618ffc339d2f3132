//! State of a TCP connection for a test, whether or not its control block still exists.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddrV4;

use espalier_core::Time;
use smoltcp::wire::TcpRepr;

use super::tcb::{State, Tcb};

/// Where a connection stands, as its peer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnState {
    /// The remote end has not answered yet.
    Connecting,
    /// Both ends may send.
    Open,
    /// The remote end has finished. Bytes may be left to receive, and the peer may still send.
    RemoteClosed,
    /// The peer has finished. The remote end may still send.
    LocalClosed,
    /// Both ends have finished; the remote end has not acknowledged that yet.
    Closing,
    /// Both ends have finished and know it.
    Closed,
    /// The remote end refused the connection.
    Refused,
    /// The remote end reset the connection.
    Reset,
    /// The peer reset the connection.
    Aborted,
    /// The remote end was silent for too long.
    TimedOut,
}

espalier_core::persist! {
    enum ConnState {
        Connecting, Open, RemoteClosed, LocalClosed, Closing, Closed, Refused, Reset, Aborted, TimedOut
    }
}

impl ConnState {
    /// True if nothing more can happen.
    pub fn is_final(self) -> bool {
        match self {
            ConnState::Connecting
            | ConnState::Open
            | ConnState::RemoteClosed
            | ConnState::LocalClosed
            | ConnState::Closing => false,
            ConnState::Closed | ConnState::Refused | ConnState::Reset | ConnState::Aborted | ConnState::TimedOut => {
                true
            }
        }
    }
}

impl fmt::Display for ConnState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnState::Connecting => "connecting",
            ConnState::Open => "open",
            ConnState::RemoteClosed => "closed by the board",
            ConnState::LocalClosed => "closed by the peer",
            ConnState::Closing => "closing",
            ConnState::Closed => "closed",
            ConnState::Refused => "refused",
            ConnState::Reset => "reset by the board",
            ConnState::Aborted => "reset by the peer",
            ConnState::TimedOut => "timed out",
        })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// None when the connection has ended and its time of waiting is over.
    block: Option<Box<Tcb>>,
    pub(super) local: SocketAddrV4,
    pub(super) remote: SocketAddrV4,
    /// The port that it came to, while the handshake is under way.
    pub(super) listener: Option<u16>,
    state: ConnState,
    /// Received bytes that were not read yet.
    received: VecDeque<u8>,
    /// Since when the peer waits for the remote end without hearing anything.
    pub(super) waiting_since: Option<Time>,
}

espalier_core::persist!(value Connection { block, local, remote, listener, state, received, waiting_since });

impl Connection {
    pub(super) fn new(block: Tcb, local: SocketAddrV4, remote: SocketAddrV4) -> Connection {
        Connection {
            block: Some(Box::new(block)),
            local,
            remote,
            listener: None,
            state: ConnState::Connecting,
            received: VecDeque::new(),
            waiting_since: None,
        }
    }

    pub(super) fn block_mut(&mut self) -> Option<&mut Tcb> {
        self.block.as_deref_mut()
    }

    /// Bytes that it would take now.
    pub(super) fn room(&self) -> usize {
        self.block.as_ref().map_or(0, |block| block.room())
    }

    /// True while something can come in or go out.
    pub(super) fn is_alive(&self) -> bool {
        self.block.is_some()
    }

    pub(super) fn state(&self) -> ConnState {
        self.state
    }

    /// True if the handshake has come to its end.
    pub(super) fn was_open(&self) -> bool {
        !matches!(self.state, ConnState::Connecting | ConnState::Refused | ConnState::TimedOut | ConnState::Aborted)
    }

    pub(super) fn available(&self) -> usize {
        self.received.len()
    }

    /// Takes received bytes. Returns how many, and whether the remote end is to be told that there is room again.
    pub(super) fn read(&mut self, into: &mut [u8]) -> (usize, bool) {
        let count = into.len().min(self.received.len());
        for (slot, byte) in into.iter_mut().zip(self.received.drain(..count)) {
            *slot = byte;
        }
        let unread = self.received.len();
        let opens = count > 0 && self.block_mut().is_some_and(|block| block.note_read(unread));
        (count, opens)
    }

    pub(super) fn abort_as(&mut self, state: ConnState) {
        if let Some(block) = &mut self.block {
            block.abort();
            self.enter(state);
        }
    }

    fn enter(&mut self, state: ConnState) {
        if !self.state.is_final() {
            self.state = state;
        }
    }

    /// A segment comes in. True if it is the first of another connection between the same ports.
    pub(super) fn receive(&mut self, segment: &TcpRepr<'_>, now: Time) -> bool {
        let Some(block) = &mut self.block else { return true };
        if block.is_followed_by(segment) {
            self.block = None;
            return true;
        }
        if let Some(since) = &mut self.waiting_since {
            *since = now;
        }
        block.receive(segment, &mut self.received, now);
        false
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.block.as_ref()?.deadline()
    }

    /// Guest time has come to `now`.
    pub(super) fn wake(&mut self, now: Time) {
        if let Some(block) = &mut self.block {
            block.wake(now);
        }
    }

    /// Sends what there is to send.
    pub(super) fn send_all(&mut self, now: Time, mut send: impl FnMut(SocketAddrV4, &TcpRepr<'_>)) {
        let (ends, unread) = ((self.local, self.remote), self.received.len());
        if let Some(block) = &mut self.block {
            block.send_all(ends, unread, now, |segment| send(ends.1, segment));
        }
    }

    /// Takes over how the connection stands.
    pub(super) fn update(&mut self, now: Time) {
        let Some(block) = &self.block else { return };
        let state = match block.state() {
            State::SynSent | State::SynReceived => ConnState::Connecting,
            State::Established => ConnState::Open,
            State::CloseWait => ConnState::RemoteClosed,
            State::FinWait1 | State::FinWait2 => ConnState::LocalClosed,
            State::Closing | State::LastAck => ConnState::Closing,
            State::Closed if block.was_reset() && self.state == ConnState::Connecting => ConnState::Refused,
            State::Closed if block.was_reset() => ConnState::Reset,
            State::TimeWait | State::Closed => ConnState::Closed,
        };
        self.waiting_since = block.awaits_answer().then(|| self.waiting_since.unwrap_or(now));
        if block.state() == State::Closed {
            self.block = None;
        }
        self.enter(state);
    }
}
