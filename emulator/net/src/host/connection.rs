//! What is known of a TCP connection, whether or not its socket still exists.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddrV4;
use std::sync::Arc;

use espalier_core::Time;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;

use crate::{TranscriptEntry, TranscriptEvent};

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

/// Why a host looks at its sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A segment came in.
    Segment { reset: bool },
    /// Something else came in, time has passed or a test asked for something.
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// None when the stack has forgotten the connection.
    pub(super) socket: Option<SocketHandle>,
    pub(super) local: SocketAddrV4,
    pub(super) remote: SocketAddrV4,
    pub(super) state: ConnState,
    /// Bytes that came in and that nobody has read.
    pub(super) received: VecDeque<u8>,
    /// Since when the peer waits for the remote end without hearing anything.
    pub(super) waiting_since: Option<Time>,
    transcript: Arc<Vec<TranscriptEntry>>,
}

impl Connection {
    pub(super) fn new(socket: SocketHandle, local: SocketAddrV4, remote: SocketAddrV4) -> Connection {
        Connection {
            socket: Some(socket),
            local,
            remote,
            state: ConnState::Connecting,
            received: VecDeque::new(),
            waiting_since: None,
            transcript: Arc::default(),
        }
    }

    pub(super) fn transcript(&self) -> &[TranscriptEntry] {
        &self.transcript
    }

    pub(super) fn note(&mut self, at: Time, event: TranscriptEvent) {
        Arc::make_mut(&mut self.transcript).push(TranscriptEntry { at, event });
    }

    pub(super) fn enter(&mut self, state: ConnState, at: Time) {
        if self.state != state && !self.state.is_final() {
            self.state = state;
            self.note(at, TranscriptEvent::State(state));
        }
    }

    /// What the socket's state and the way it got there mean.
    pub(super) fn read_state(&self, socket: tcp::State, cause: Cause) -> ConnState {
        match socket {
            tcp::State::Listen | tcp::State::SynSent | tcp::State::SynReceived => ConnState::Connecting,
            tcp::State::Established => ConnState::Open,
            tcp::State::CloseWait => ConnState::RemoteClosed,
            tcp::State::FinWait1 | tcp::State::FinWait2 => ConnState::LocalClosed,
            tcp::State::Closing | tcp::State::LastAck => ConnState::Closing,
            tcp::State::TimeWait => ConnState::Closed,
            tcp::State::Closed => match (cause, self.state) {
                (Cause::Segment { reset: true }, ConnState::Connecting) => ConnState::Refused,
                (Cause::Segment { reset: true }, _) => ConnState::Reset,
                _ => ConnState::Closed,
            },
        }
    }
}

/// True if a socket in this state waits for the remote end to answer.
pub(super) fn awaits_answer(state: tcp::State, unacknowledged: usize) -> bool {
    unacknowledged != 0
        || matches!(
            state,
            tcp::State::SynSent
                | tcp::State::SynReceived
                | tcp::State::FinWait1
                | tcp::State::Closing
                | tcp::State::LastAck
        )
}
