//! Connections of the peer: bytes that have come and were not taken yet.

use std::collections::VecDeque;

use super::{Event, State};
use crate::driver::{ConnectionId, Link};

/// One connection of the peer, as a test has read it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) received: VecDeque<u8>,
    pub(crate) ended: Option<Ended>,
    /// The peer has said that it will send no more.
    pub(crate) finished: bool,
}

impl Connection {
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received).into()
    }
}

/// The end of a connection by the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Finished,
    Reset,
}

impl State {
    /// Takes over what has come over `connection`.
    pub(crate) fn pump(&mut self, connection: ConnectionId) {
        let bytes = self.driver.receive(connection);
        if !bytes.is_empty() {
            self.record(connection, Event::FromBoard(bytes.clone()));
        }
        let Some(known) = self.connections.get_mut(&connection) else { return };
        known.received.extend(bytes);
        if known.ended.is_some() {
            return;
        }
        let (ended, event) = match self.driver.link(connection) {
            Link::Connecting | Link::Open => return,
            Link::Finished => (Ended::Finished, Event::BoardFinished),
            Link::Refused | Link::Reset => (Ended::Reset, Event::Reset),
        };
        known.ended = Some(ended);
        self.record(connection, event);
    }

    /// The connection with all that has come over it.
    pub(crate) fn incoming(&mut self, connection: ConnectionId) -> &mut Connection {
        self.pump(connection);
        self.connections.entry(connection).or_default()
    }
}
