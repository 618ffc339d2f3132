//! Findings as files: what is needed to see one again.
//!
//! `NAME.toml` says what was found, and `NAME.espalier` beside it is the board that has just lost its power, switched on as far as its
//! boot does not depend on what the scenario has written. It goes on by itself, so it does what it did in the test as long as the
//! invariant only looked on. Only the build that wrote it reads it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use espalier::{Board, Cause, Result, Time};
use serde::{Deserialize, Serialize};

use crate::cases::Cut;

/// The folder with findings, in that of all tests.
const FOLDER: &str = "findings";
const BOARD_EXTENSION: &str = "espalier";
/// Name of the board that replays a finding.
const REPLAYED: &str = "replay";

/// A finding as its file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedFinding {
    /// The kind of exploration.
    pub explored: Kind,
    /// The moment in words.
    pub moment: String,
    /// The message of the invariant.
    pub message: String,
    /// The operation of the flash chip, counted from zero.
    pub operation: u64,
    /// The completed part of it, in percent.
    pub percent: u64,
    /// Seed of the torn bits.
    pub seed: u64,
    /// The saved board, beside this file.
    pub board: PathBuf,
    /// Until when the board ran, in ticks of its clock.
    pub until: u64,
    /// The fingerprint of its run, in hexadecimal.
    pub trace: String,
}

/// A kind of exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Power cuts.
    PowerCuts,
}

/// A finding's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} is no finding: {source}", path.display())]
pub struct NoFinding {
    /// The file.
    pub path: PathBuf,
    /// The error of the parser.
    pub source: toml::de::Error,
}

impl Cause for NoFinding {}

/// Where and how a finding is written.
pub(crate) struct Place {
    toml: PathBuf,
}

impl Place {
    /// The place for what was found on a board.
    pub(crate) fn of(board: &Board) -> Place {
        let own = board.artefacts();
        let name = own.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Place { toml: board.shared_artefacts().join(FOLDER).join(format!("{name}.toml")) }
    }

    /// Writes a finding, with `start` as the board that shows it. Gives the file.
    pub(crate) fn write(self, start: &Board, cut: &Cut, message: &str, until: Time, trace: u64) -> Result<PathBuf> {
        let board = self.toml.with_extension(BOARD_EXTENSION);
        let finding = SavedFinding {
            explored: Kind::PowerCuts,
            moment: cut.to_string(),
            message: message.to_owned(),
            operation: cut.operation as u64,
            percent: (cut.progress.share() * 100.0).round() as u64,
            seed: cut.seed,
            board: board.file_name().map(PathBuf::from).unwrap_or_default(),
            until: until.ticks(),
            trace: format!("{trace:016x}"),
        };
        if let Some(folder) = self.toml.parent() {
            fs::create_dir_all(folder)?;
        }
        start.save(&board)?;
        fs::write(&self.toml, toml::to_string(&finding).map_err(std::io::Error::other)?)?;
        Ok(self.toml)
    }
}

/// A finding that was shown again.
pub struct Replayed {
    /// The board where it stood when the invariant failed.
    pub board: Board,
    /// The finding in the file.
    pub finding: SavedFinding,
    /// Whether the run was the same.
    pub is_same: bool,
}

impl fmt::Debug for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayed")
            .field("finding", &self.finding)
            .field("is_same", &self.is_same)
            .finish_non_exhaustive()
    }
}

/// Shows the finding in a file again.
///
/// # Errors
/// If the file or the board beside it cannot be used: [`NoFinding`], [`SnapshotError`](espalier::SnapshotError).
pub async fn replay(path: impl AsRef<Path>) -> Result<Replayed> {
    let path = path.as_ref();
    let finding: SavedFinding =
        toml::from_str(&fs::read_to_string(path)?).map_err(|source| NoFinding { path: path.to_owned(), source })?;
    let board = Board::load_as(path.with_file_name(&finding.board), REPLAYED)?;
    let until = Time::from_ticks(finding.until);
    if board.now() < until {
        let span = until.since(board.now());
        board.run_for(span).await?;
    }
    let is_same = board.trace_hash().is_some_and(|trace| format!("{trace:016x}") == finding.trace);
    Ok(Replayed { board, finding, is_same })
}
