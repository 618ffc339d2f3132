//! The cases of explorations as files have them.

use serde::{Deserialize, Serialize};

/// The difference of a case, as a file has it.
///
/// ```no_run
/// use espalier_explore::{SavedCase, SavedFinding};
///
/// # fn test() -> espalier::Result<()> {
/// let finding = SavedFinding::read("tests/findings/volume.toml".as_ref())?;
/// let case: SavedCase = finding.case;
/// println!("{case:?}");
/// # Ok(())
/// # }
/// ```
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
        /// The time in which the supply falls, in ticks; 0 if it is cut at once.
        #[serde(default, skip_serializing_if = "is_zero")]
        fall: u64,
    },
    /// Frames that did not arrive as they should.
    Network {
        /// One or two of them.
        faults: Vec<SavedFault>,
    },
    /// Inputs that came when they were not expected.
    Inputs(SavedInput),
    /// Bytes that a fuzzer has made up.
    Fuzzed {
        /// The bytes, in hexadecimal.
        input: String,
    },
}

/// The sender of a frame.
///
/// ```
/// use espalier_explore::Direction;
///
/// assert_ne!(Direction::FromBoard, Direction::ToBoard);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The board.
    FromBoard,
    /// The network.
    ToBoard,
}

/// A [`FrameCase`](crate::FrameCase) as a file has it.
///
/// ```no_run
/// use espalier_explore::{SavedCase, SavedFault, SavedFinding};
///
/// # fn test() -> espalier::Result<()> {
/// if let SavedCase::Network { faults } = SavedFinding::read("tests/findings/join.toml".as_ref())?.case {
///     let first: Option<&SavedFault> = faults.first();
///     println!("{first:?}");
/// }
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// use espalier_explore::SavedInput;
///
/// let saved = SavedInput { input: "button a".to_owned(), ticks: 480_000 }; // 1 ms at 480 MHz
/// assert_eq!(saved.ticks / 480_000, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedInput {
    /// Name of the input.
    pub input: String,
    /// Time from the beginning of the scenario, in ticks.
    pub ticks: u64,
}
