//! Commands to a node, and the events that it reports.

use super::frame::CanFrame;

/// A frame to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanTransmission {
    pub frame: CanFrame,
    /// It is not sent again if it fails.
    pub once: bool,
    /// The node receives it, too.
    pub heard: bool,
}

crate::persist! {
    value CanTransmission { frame, once, heard }
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
