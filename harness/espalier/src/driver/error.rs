//! Errors of boards, whatever they are made of.

use super::{Capability, Kind, MODEL_VARIABLE, UnknownModel};
use crate::error::{Cause, Source};

/// This kind of board cannot do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} boards do not support {capability}")]
pub struct Unsupported {
    /// What was asked for.
    pub capability: Capability,
    /// The kind of board that was asked.
    pub kind: Kind,
}

/// The board stopped for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board halted: {reason}")]
pub struct Halted {
    /// Why, and where.
    pub reason: String,
}

/// The board has no part of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board has no {what} {name:?}; {}", there_are(what, names))]
pub struct UnknownPart {
    /// What kind of part was looked for.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The names of the parts of this kind.
    pub names: Vec<String>,
}

/// The board is made without such a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the board has no {what}")]
pub struct Absent {
    /// What was asked for, such as "display".
    pub what: &'static str,
}

/// Only the firmware knows what the display shows, and it has not announced that it can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this board's display can only be read through its firmware, which has not announced support by an \"@event started\" (on \
     MicroPython, `mirror` has the display send every picture)"
)]
pub struct DisplayMute;

/// The peer could not do something on the network.
#[derive(Debug, thiserror::Error)]
#[error("the peer cannot {action}: {source}")]
pub struct PeerError {
    /// What it was about to do, such as "listen on port 5001".
    pub action: String,
    /// Why it cannot.
    pub source: Source,
}

impl PeerError {
    pub(crate) fn new(action: impl Into<String>, source: impl Into<Source>) -> PeerError {
        PeerError { action: action.into(), source: source.into() }
    }
}

/// The emulator, or its network, could not do something.
#[derive(Debug, thiserror::Error)]
#[error("the emulated board refused: {0}")]
pub struct EmulatorError(#[source] pub Source);

impl EmulatorError {
    pub(super) fn new(source: impl Into<Source>) -> EmulatorError {
        EmulatorError(source.into())
    }
}

/// No board can be made of a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The environment asks for a model of board that does not exist.
    #[error("{MODEL_VARIABLE}: {0}")]
    Unknown(UnknownModel),
    /// The description of a board cannot be used. The message names the file, the key and the value.
    #[error("{0}")]
    Description(#[source] Source),
}

fn there_are(what: &str, names: &[String]) -> String {
    match names {
        [] => format!("it has no {what} at all"),
        names => format!("it has {}", names.join(", ")),
    }
}

impl Cause for Unsupported {}
impl Cause for Halted {}
impl Cause for UnknownPart {}
impl Cause for Absent {}
impl Cause for DisplayMute {}
impl Cause for PeerError {}
impl Cause for EmulatorError {}
impl Cause for ModelError {}
