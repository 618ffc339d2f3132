//! Running tests on several threads.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use espalier::{CoverageRecord, Kind, Target, Time};

pub use crate::play::Failure;
use crate::play::{Player, Start};
use crate::problem::Location;
use crate::suite::{Planned, Suite};

/// The options of a run. The default is one thread for each processor, and the environment's settings.
///
/// ```
/// let options = espalier_scenario::Options { fail_fast: true, ..espalier_scenario::Options::default() };
/// assert!(options.target.is_none(), "ESPALIER_BOARD chooses the board");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Number of tests that run at once; the processors of this computer if none is given. Boards that are not emulated run one at a time.
    pub jobs: Option<NonZeroUsize>,
    /// Board to run on; otherwise the one that `ESPALIER_BOARD` names.
    pub target: Option<Target>,
    /// The folder under which a failure leaves its own.
    pub artefacts: Option<PathBuf>,
    /// Makes pictures that differ from their goldens the new goldens.
    pub bless: bool,
    /// Number of runs of every test.
    pub repeat: Option<NonZeroUsize>,
    /// No test is begun after the first failure.
    pub fail_fast: bool,
    /// Adds up here what the cores of all boards execute.
    pub coverage: Option<CoverageRecord>,
}

/// The outcome of a test.
///
/// ```
/// let outcome = espalier_scenario::Outcome::Skipped("the board has no display".to_owned());
/// assert!(!matches!(outcome, espalier_scenario::Outcome::Passed));
/// ```
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Everything came as it had to.
    Passed,
    /// Something did not.
    Failed(Box<Failure>),
    /// It was not run, for this reason.
    Skipped(String),
}

/// The result of a test.
///
/// ```
/// use espalier_scenario::{Document, Options, Suite};
///
/// let suite = Suite::new(&[Document::parse("idle.yaml", "steps:\n  - run-for: 1ms\n")?])?;
/// # std::env::set_current_dir(std::env::temp_dir()).unwrap();
/// for record in suite.run(&Options::default(), |_| {}) {
///     println!("{}: {}", record.name, if record.failed() { "failed" } else { "passed" });
/// }
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Where it begins in its file.
    pub at: Location,
    /// The outcome.
    pub outcome: Outcome,
    /// The duration on the host's clock.
    pub took: Duration,
    /// The board's time when it ended; none if there was no board.
    pub board_time: Option<Time>,
}

impl Record {
    /// Whether it failed.
    pub fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

impl Suite {
    /// Runs the tests and calls `tell` with each record as soon as it is there. Returns all of them, in the order of the suite.
    pub fn run(&self, options: &Options, mut tell: impl FnMut(&Record)) -> Vec<Record> {
        let repeat = options.repeat.map_or(1, NonZeroUsize::get);
        let count = self.tests().len() * repeat;
        let kind = options.target.clone().unwrap_or_else(Target::from_env).kind();
        let available = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let jobs = if kind == Kind::Emulated { options.jobs.unwrap_or_else(available).get() } else { 1 };
        let start = Start {
            target: options.target.clone(),
            artefacts: options.artefacts.clone(),
            bless: options.bless,
            coverage: options.coverage.clone(),
        };
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        let mut records: Vec<Option<Record>> = vec![None; count];
        thread::scope(|scope| {
            for _ in 0..jobs.min(count) {
                let (sender, next, stopped, start) = (sender.clone(), &next, &stopped, &start);
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= count || stopped.load(Ordering::Relaxed) {
                            return;
                        }
                        let planned = &self.tests()[index % self.tests().len()];
                        let mut record = run(planned, start);
                        if repeat > 1 {
                            record.name = format!("{}#{}", record.name, index / self.tests().len() + 1);
                        }
                        stopped.fetch_or(options.fail_fast && record.failed(), Ordering::Relaxed);
                        // The receiver outlives the threads.
                        let _ = sender.send((index, record));
                    }
                });
            }
            drop(sender);
            for (index, record) in receiver {
                tell(&record);
                records[index] = Some(record);
            }
        });
        records.into_iter().flatten().collect()
    }
}

/// Runs one test.
fn run(planned: &Planned, start: &Start) -> Record {
    let begun = Instant::now();
    let (outcome, board_time) = match &planned.skip {
        Some(reason) => (Outcome::Skipped(reason.clone()), None),
        None => perform(planned, start),
    };
    Record {
        name: planned.name.clone(),
        path: planned.document.path.clone(),
        at: planned.at,
        outcome,
        took: begun.elapsed(),
        board_time,
    }
}

fn perform(planned: &Planned, start: &Start) -> (Outcome, Option<Time>) {
    let failed = |failure| Outcome::Failed(Box::new(failure));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("cannot start a runtime: {error}");
            let (path, at) = (planned.document.path.clone(), planned.at);
            return (failed(Failure { path, at, message, artefacts: None }), None);
        }
    };
    runtime.block_on(async {
        let (board, mut variables) = match planned.stage.reach(&planned.name, start).await {
            Ok(reached) => reached,
            Err(failure) => return (failed(failure), None),
        };
        variables.extend(planned.variables.clone());
        let mut player = Player::new(board, planned.document.clone(), variables);
        let outcome = match player.lacks(&planned.needs) {
            Some(capability) => Outcome::Skipped(format!("{} boards do not support {capability}", player.board.kind())),
            None => player.play(&planned.steps).await.map_or_else(failed, |()| Outcome::Passed),
        };
        (outcome, Some(player.board.now()))
    })
}
