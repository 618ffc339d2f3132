//! What happened on a connection, for the message of a test that failed.

use std::fmt;
use std::sync::Arc;

use espalier_core::Time;

use crate::ConnState;

/// One thing that happened on a connection of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TranscriptEvent {
    /// The connection came into this state.
    State(ConnState),
    /// The peer handed these bytes to its TCP.
    Sent(Arc<[u8]>),
    /// These bytes came from the board, whether or not somebody has read them yet.
    Received(Arc<[u8]>),
}

/// An event and its guest time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptEntry {
    pub at: Time,
    pub event: TranscriptEvent,
}

impl fmt::Display for TranscriptEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.at)?;
        match &self.event {
            TranscriptEvent::State(state) => write!(f, "-- {state}"),
            TranscriptEvent::Sent(bytes) => write!(f, "-> {:?}", String::from_utf8_lossy(bytes)),
            TranscriptEvent::Received(bytes) => write!(f, "<- {:?}", String::from_utf8_lossy(bytes)),
        }
    }
}
