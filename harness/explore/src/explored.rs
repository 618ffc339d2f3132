//! The result of an exploration.

use std::fmt;
use std::path::PathBuf;

use espalier::{Cause, Error, Result, StimulusRecord, Time};

use crate::saved::SavedCase;

/// The difference in one case of an exploration: a [`Cut`](crate::Cut), a [`NetworkCase`](crate::NetworkCase), an
/// [`InputCase`](crate::InputCase).
///
/// ```no_run
/// use espalier_explore::{Case, Explored};
///
/// /// Works for explorations of every kind.
/// fn summary<C: Case>(explored: &Explored<C>) -> String {
///     explored.shortest().map_or("nothing found".to_owned(), |finding| finding.case.to_string())
/// }
/// ```
pub trait Case: Clone + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// Name of the counted moments.
    const MOMENTS: &'static str;
    /// Name of the cases.
    const CASES: &'static str;
    /// Text before a case in a message.
    const HAPPENED: &'static str = "";

    /// The case as a file has it.
    fn saved(&self) -> SavedCase;
}

/// A case in which the invariant does not hold.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// # let (scenario, invariant) = (async |_: &espalier::Board| Ok(()), async |_: &espalier::Board, _: &espalier_explore::Cut| Ok(()));
/// let explored = espalier_explore::power_cuts(&board, scenario, invariant).await?;
/// for finding in &explored.findings {
///     println!("{} at {}: {:?}", finding.message, finding.until, finding.file);
/// }
/// # explored.check()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Finding<C> {
    /// The case.
    pub case: C,
    /// The message of the invariant.
    pub message: String,
    /// The fingerprint of the board's run up to there.
    pub trace: Option<u64>,
    /// When that was, in the board's time.
    pub until: Time,
    /// All stimuli of the board up to there.
    pub stimuli: StimulusRecord,
    /// The file that shows it again; the shortest one has one.
    pub file: Option<PathBuf>,
}

impl<C: Case> fmt::Display for Finding<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}:", C::HAPPENED, self.case)?;
        self.message.lines().try_for_each(|line| write!(f, "\n    {line}"))?;
        match &self.file {
            Some(file) => write!(f, "\n`espalier replay {}` shows it again", file.display()),
            None => Ok(()),
        }
    }
}

/// The result of an exploration.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// # let (scenario, invariant) = (async |_: &espalier::Board| Ok(()), async |_: &espalier::Board, _: &espalier_explore::Cut| Ok(()));
/// let explored = espalier_explore::power_cuts(&board, scenario, invariant).await?;
/// println!("{} cases tried, {} equal to earlier ones", explored.tried, explored.merged);
/// explored.check()?; // fails with the shortest case that the invariant does not hold for
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "an exploration that found something fails only with `check`"]
pub struct Explored<C> {
    /// Number of moments of the scenario: operations on the flash chip, frames.
    pub moments: usize,
    /// Number of tried cases.
    pub tried: usize,
    /// Number of cases left out, because they were equal to earlier ones.
    pub merged: usize,
    /// The cases in which the invariant does not hold, the shortest first. Once there are as many as were asked for, longer ones are
    /// not tried.
    pub findings: Vec<Finding<C>>,
}

impl<C: Case> Explored<C> {
    /// The case that needs the least of the scenario.
    pub fn shortest(&self) -> Option<&Finding<C>> {
        self.findings.first()
    }

    /// # Errors
    /// If the invariant does not hold in every case.
    pub fn check(self) -> Result<Explored<C>> {
        match self.findings.is_empty() {
            true => Ok(self),
            false => Err(Error::from(Found(self))),
        }
    }
}

impl<C: Case> fmt::Display for Explored<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explored { moments, tried, merged, findings } = self;
        write!(f, "{moments} {}, {tried} {} tried", C::MOMENTS, C::CASES)?;
        if *merged > 0 {
            write!(f, ", {merged} left out as equal")?;
        }
        match findings.first() {
            None => write!(f, ", nothing found"),
            Some(shortest) => write!(f, "\nthe shortest case that fails: {shortest}"),
        }
    }
}

/// There is a case in which an invariant does not hold.
///
/// ```no_run
/// use espalier_explore::{Cut, Found};
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// # let (scenario, invariant) = (async |_: &espalier::Board| Ok(()), async |_: &espalier::Board, _: &Cut| Ok(()));
/// let explored = espalier_explore::power_cuts(&board, scenario, invariant).await?;
/// if let Err(error) = explored.check() {
///     let found: &Found<Cut> = error.find().expect("the cause of the error");
///     println!("{} findings", found.0.findings.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Found<C: Case>(pub Explored<C>);

impl<C: Case> Cause for Found<C> {}

/// The scenario has changed the flash chip more often than is recorded.
///
/// ```
/// let error = espalier_explore::HistoryOverflow { operations: 1000, dropped: 5 };
/// assert!(error.to_string().contains("5 times more"));
/// ```
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
