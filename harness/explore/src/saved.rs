//! The cases of explorations as files have them.

use serde::{Deserialize, Serialize};

/// The difference of a case, as a file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "explored", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SavedCase {
    /// Power cuts.
    PowerCuts {
        /// The operation of the flash chip, counted from zero.
        operation: u64,
        /// The completed part of it, in percent.
        percent: u64,
        /// Seed of the torn bits.
        seed: u64,
    },
    /// Frames that did not arrive as they should.
    Network {
        /// One or two of them.
        faults: Vec<SavedFault>,
    },
    /// Inputs that came when they were not expected.
    Inputs(SavedInput),
}

/// The sender of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The board.
    FromBoard,
    /// The network.
    ToBoard,
}

/// A [`FrameCase`](crate::FrameCase) as a file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SavedFault {
    /// Where it is counted: `cable`, `bridge`, `air`.
    pub(crate) link: SavedLink,
    pub(crate) direction: Direction,
    pub(crate) frame: u64,
    pub(crate) fault: SavedFrameFault,
    /// For how long, in ticks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) ticks: u64,
    pub(crate) summary: String,
}

fn is_zero(ticks: &u64) -> bool {
    *ticks == 0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SavedLink {
    Cable,
    Bridge,
    Air,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SavedFrameFault {
    Drop,
    Duplicate,
    Delay,
    Reorder,
    Deauthenticate,
}

/// An [`InputCase`](crate::InputCase) as a file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedInput {
    /// Name of the input.
    pub input: String,
    /// Time from the beginning of the scenario, in ticks.
    pub ticks: u64,
}
