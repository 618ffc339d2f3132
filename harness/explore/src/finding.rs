//! Findings as files: what is needed to see one again, and to keep it.
//!
//! `NAME.toml` says what was found, and `NAME.espalier` beside it is the board before it happened, with all that the test has done to
//! it since planned for its moments. So it does again what it did in the test. Only the build that wrote that board reads it. A kept
//! finding is its TOML file without the board: explorations of the test that it names try its case first.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use espalier::{Board, Cause, Result, StimulusRecord, Time};
use serde::{Deserialize, Serialize};

use crate::explored::{Case, Finding};
use crate::saved::SavedCase;

/// The folder with findings, in that of all tests.
const FOLDER: &str = "findings";
/// Where findings are kept, in the folder of a package.
pub const KEPT_FOLDER: &str = "tests/findings";
const EXTENSION: &str = "toml";
const BOARD_EXTENSION: &str = "espalier";
/// Name of the board that replays a finding.
const REPLAYED: &str = "replay";

/// A finding as its file has it.
///
/// ```no_run
/// use espalier_explore::SavedFinding;
///
/// # fn test() -> espalier::Result<()> {
/// let finding = SavedFinding::read("tests/findings/volume.toml".as_ref())?;
/// println!("{}: {}", finding.moment, finding.message);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedFinding {
    /// The test that has found it.
    pub test: String,
    /// The moment in words.
    pub moment: String,
    /// The message of the invariant.
    pub message: String,
    /// The case.
    pub case: SavedCase,
    /// The run that shows it again; a kept finding has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<SavedReplay>,
}

/// The run that shows a finding again.
///
/// ```no_run
/// use espalier_explore::SavedFinding;
///
/// # fn test() -> espalier::Result<()> {
/// let finding = SavedFinding::read("target/espalier/findings/volume.toml".as_ref())?;
/// if let Some(replay) = finding.replay {
///     println!("{} shows it until tick {}", replay.board.display(), replay.until);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedReplay {
    /// The saved board, beside this file.
    pub board: PathBuf,
    /// Until when the board ran, in ticks of its clock.
    pub until: u64,
    /// The fingerprint of its run, in hexadecimal.
    pub trace: String,
    /// Number of stimuli from the test.
    pub stimuli: u64,
    /// Why the run may be another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

/// A finding's file cannot be used.
///
/// ```no_run
/// # fn test() {
/// let error = espalier_explore::SavedFinding::read("Cargo.toml".as_ref()).unwrap_err();
/// assert!(error.find::<espalier_explore::NoFinding>().is_some());
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{} is no finding: {source}", path.display())]
pub struct NoFinding {
    /// The file.
    pub path: PathBuf,
    /// The error of the parser.
    pub source: toml::de::Error,
}

impl Cause for NoFinding {}

/// A finding that was kept has no board.
///
/// ```
/// let error = espalier_explore::KeptWithoutBoard { path: "volume.toml".into(), test: "volume".to_owned() };
/// assert!(error.to_string().contains("volume.toml"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{} was kept without its board: run the test {test}, which tries its case first", path.display())]
pub struct KeptWithoutBoard {
    /// The file.
    pub path: PathBuf,
    /// The test.
    pub test: String,
}

impl Cause for KeptWithoutBoard {}

impl SavedFinding {
    /// Reads the file of a finding.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<SavedFinding> {
        let text = fs::read_to_string(path)?;
        Ok(toml::from_str(&text).map_err(|source| NoFinding { path: path.to_owned(), source })?)
    }

    fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, toml::to_string(self).map_err(std::io::Error::other)?)?)
    }
}

/// A fault that a search has seen on a board, with all that its file needs.
///
/// ```no_run
/// use espalier_explore::{SavedCase, Sighting};
///
/// # fn test(start: &espalier::Board, stimuli: espalier::StimulusRecord) -> espalier::Result<()> {
/// let sighting = Sighting {
///     test: "fuzz".to_owned(),
///     moment: "a frame of 60 bytes".to_owned(),
///     message: "panic".to_owned(),
///     case: SavedCase::Fuzzed { input: "00ff".to_owned() },
///     until: start.now(),
///     trace: start.trace_hash(),
///     stimuli,
/// };
/// println!("{}", sighting.write(start, "fuzz-1")?.display());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The test that has found it.
    pub test: String,
    /// The moment in words.
    pub moment: String,
    /// The words for what was wrong.
    pub message: String,
    /// The case.
    pub case: SavedCase,
    /// Until when the board ran.
    pub until: Time,
    /// The fingerprint of its run up to there.
    pub trace: Option<u64>,
    /// All that was done to the board since it stood as it is given to [`write`](Sighting::write).
    pub stimuli: StimulusRecord,
}

impl Sighting {
    /// Writes it as `NAME.toml` in the folder of findings, with the board as it stood before beside it. The board stays as it is. Gives
    /// the file.
    ///
    /// # Errors
    /// If a file cannot be written, or the board is of a kind that cannot be saved.
    pub fn write(&self, start: &Board, name: &str) -> Result<PathBuf> {
        self.write_and_plan(&start.fork_as(REPLAYED)?, name)
    }

    /// The same, with what was done planned on the board itself.
    fn write_and_plan(&self, start: &Board, name: &str) -> Result<PathBuf> {
        let path = start.shared_artefacts().join(FOLDER).join(format!("{name}.{EXTENSION}"));
        let board = path.with_extension(BOARD_EXTENSION);
        let saved = SavedFinding {
            test: self.test.clone(),
            moment: self.moment.clone(),
            message: self.message.clone(),
            case: self.case.clone(),
            replay: Some(SavedReplay {
                board: board.file_name().map(PathBuf::from).unwrap_or_default(),
                until: self.until.ticks(),
                trace: format!("{:016x}", self.trace.unwrap_or_default()),
                stimuli: self.stimuli.stimuli.len() as u64,
                incomplete: self.stimuli.incomplete.clone(),
            }),
        };
        for (at, stimulus) in &self.stimuli.stimuli {
            start.at(*at, stimulus.clone())?;
        }
        saved.write(&path)?;
        start.save(&board)?;
        Ok(path)
    }
}

/// Writes a finding of `test`, with `start` as the board before it happened; it is called as the files of `base` are. Gives the file.
pub(crate) fn write<C: Case>(base: &Board, start: &Board, test: &str, finding: &Finding<C>) -> Result<PathBuf> {
    let own = base.artefacts();
    let name = own.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let sighting = Sighting {
        test: test.to_owned(),
        moment: format!("{}{}", C::HAPPENED, finding.case),
        message: finding.message.clone(),
        case: finding.case.saved(),
        until: finding.until,
        trace: finding.trace,
        stimuli: finding.stimuli.clone(),
    };
    sighting.write_and_plan(start, &name)
}

/// The cases that were kept of a test, in the order of their files' names.
pub(crate) fn kept(test: &str) -> Result<Vec<SavedCase>> {
    let Ok(folder) = fs::read_dir(KEPT_FOLDER) else { return Ok(Vec::new()) };
    let paths = folder.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let mut paths: Vec<_> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|it| it == EXTENSION)).collect();
    paths.sort();
    let findings = paths.iter().map(|path| SavedFinding::read(path)).collect::<Result<Vec<_>>>()?;
    Ok(findings.into_iter().filter(|finding| finding.test == test).map(|finding| finding.case).collect())
}

/// Keeps a finding as a file in `folder`, from where explorations of its test take its case. Gives the file.
///
/// # Errors
/// If there is one of that name, or a file cannot be used.
pub fn keep(path: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<PathBuf> {
    let finding = SavedFinding { replay: None, ..SavedFinding::read(path.as_ref())? };
    let name = path.as_ref().file_name().unwrap_or_default();
    let kept = folder.as_ref().join(name);
    finding.write(&kept)?;
    Ok(kept)
}

/// A finding that was shown again.
///
/// ```no_run
/// # async fn test() -> espalier::Result<()> {
/// let replayed = espalier_explore::replay("target/espalier/findings/volume.toml").await?;
/// assert!(replayed.is_same, "the run was another one");
/// println!("{}", String::from_utf8_lossy(&replayed.board.console().bytes()));
/// # Ok(())
/// # }
/// ```
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
/// If the file or the board beside it cannot be used: [`NoFinding`], [`KeptWithoutBoard`],
/// [`SnapshotError`](espalier::SnapshotError).
pub async fn replay(path: impl AsRef<Path>) -> Result<Replayed> {
    let path = path.as_ref();
    let finding = SavedFinding::read(path)?;
    let Some(replay) = &finding.replay else {
        return Err(KeptWithoutBoard { path: path.to_owned(), test: finding.test }.into());
    };
    let board = Board::load_as(path.with_file_name(&replay.board), REPLAYED)?;
    let until = Time::from_ticks(replay.until);
    if board.now() < until {
        let span = until.since(board.now());
        board.run_for(span).await?;
    }
    let is_same = board.trace_hash().is_some_and(|trace| format!("{trace:016x}") == replay.trace);
    Ok(Replayed { board, finding, is_same })
}
