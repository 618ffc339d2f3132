//! The result of an exploration.

use std::fmt;
use std::path::PathBuf;

use espalier::{Cause, Error, Result, Time};

use crate::cases::Cut;

/// A case in which the invariant does not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    /// When power was lost.
    pub cut: Cut,
    /// The message of the invariant.
    pub message: String,
    /// The fingerprint of the board's run up to there.
    pub trace: Option<u64>,
    /// When that was, in the board's time.
    pub until: Time,
    /// The file that shows it again; the shortest one has one.
    pub file: Option<PathBuf>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "power lost {}:", self.cut)?;
        self.message.lines().try_for_each(|line| write!(f, "\n    {line}"))?;
        match &self.file {
            Some(file) => write!(f, "\n`espalier replay {}` shows it again", file.display()),
            None => Ok(()),
        }
    }
}

/// The result of an exploration.
#[derive(Clone, Debug)]
#[must_use = "an exploration that found something fails only with `check`"]
pub struct Explored {
    /// Number of the scenario's operations on the flash chip.
    pub operations: usize,
    /// Number of tried cases.
    pub tried: usize,
    /// Number of moments left out, because the flash chip had the same content as at an earlier one.
    pub merged: usize,
    /// The cases in which the invariant does not hold, the shortest first. Once there is one, later moments are not tried.
    pub findings: Vec<Finding>,
}

impl Explored {
    /// The case that needs the least of the scenario.
    pub fn shortest(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// # Errors
    /// If the invariant does not hold in every case.
    pub fn check(self) -> Result<Explored> {
        match self.findings.is_empty() {
            true => Ok(self),
            false => Err(Error::from(Found(self))),
        }
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explored { operations, tried, merged, findings } = self;
        write!(f, "{operations} flash operations, {tried} power cuts tried, {merged} left out as equal")?;
        match findings.first() {
            None => write!(f, ", nothing found"),
            Some(shortest) => write!(f, "\nthe shortest case that fails: {shortest}"),
        }
    }
}

/// There is a moment at which a board must not lose its power.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Found(pub Explored);

impl Cause for Found {}

/// The scenario has changed the flash chip more often than is recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the scenario changed the flash chip {operations} times and then {dropped} times more, which were not recorded; split it"
)]
pub struct HistoryOverflow {
    /// Number of recorded operations.
    pub operations: usize,
    /// Number of operations that were not recorded.
    pub dropped: u64,
}

impl Cause for HistoryOverflow {}
