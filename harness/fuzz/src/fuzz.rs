//! A search: its settings and its report.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use espalier::{Board, escaped};
use espalier_explore::{SavedCase, Sighting};

use crate::corpus;
use crate::entry::Entry;
use crate::error::FuzzError;
use crate::fault::Fault;
use crate::progress::Progress;
use crate::search::{Plan, Search};
use crate::shrink::shrink;
use crate::trial::{Limits, Seen, Trial};

/// Interval at which progress is told.
#[cfg(feature = "search")]
const TOLD: Duration = Duration::from_millis(250);
/// The time of a search, unless another is said.
const TIME: Duration = Duration::from_secs(60);

/// A search for bytes that a board does not survive.
///
/// ```no_run
/// # use espalier_fuzz::{Entry, Fuzz, FuzzError};
/// # fn test(board: espalier::Board) -> Result<(), FuzzError> {
/// let fuzz = Fuzz::new(Entry::uart(0)).seed("help\r\n").until_found();
/// println!("{}", fuzz.run(&board, || false)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Fuzz {
    entry: Entry,
    limits: Limits,
    texts: Vec<String>,
    seeds: Vec<Vec<u8>>,
    corpus: Option<PathBuf>,
    time: Duration,
    threads: usize,
    first: bool,
    comparisons: bool,
    random: u64,
}

impl Fuzz {
    /// For a minute, on as many threads as there are cores, with no input to begin with but an empty one.
    pub fn new(entry: Entry) -> Fuzz {
        Fuzz {
            entry,
            limits: Limits::default(),
            texts: Vec::new(),
            seeds: Vec::new(),
            corpus: None,
            time: TIME,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            first: false,
            comparisons: true,
            random: 0,
        }
    }

    /// The time for which a board is looked at after an input.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Fuzz {
        self.limits = limits;
        self
    }

    /// A text that the console must not have.
    #[must_use]
    pub fn fail_on(mut self, text: impl Into<String>) -> Fuzz {
        self.texts.push(text.into());
        self
    }

    /// An input to begin with: something that the firmware understands saves a search much time.
    #[must_use]
    pub fn seed(mut self, input: impl Into<Vec<u8>>) -> Fuzz {
        self.seeds.push(input.into());
        self
    }

    /// A folder with inputs to begin with, to which those are added that lead to something new.
    #[must_use]
    pub fn corpus(mut self, folder: impl Into<PathBuf>) -> Fuzz {
        self.corpus = Some(folder.into());
        self
    }

    /// For how long, in the host's time.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Fuzz {
        self.time = time;
        self
    }

    /// On how many threads.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Fuzz {
        self.threads = threads.max(1);
        self
    }

    /// Ends with the first finding.
    #[must_use]
    pub fn until_found(mut self) -> Fuzz {
        self.first = true;
        self
    }

    /// Mutates inputs at random only. Otherwise, numbers of an input that the firmware compares with others are replaced by those.
    #[must_use]
    pub fn without_comparisons(mut self) -> Fuzz {
        self.comparisons = false;
        self
    }

    /// Another seed of the random numbers makes other inputs. A search on one thread without a limit of time repeats.
    #[must_use]
    pub fn random(mut self, seed: u64) -> Fuzz {
        self.random = seed;
        self
    }

    /// Searches until its time is over, or `stop` says so. The board stays as it is.
    ///
    /// # Errors
    /// If the board fails without an input or cannot be forked, or the corpus cannot be used.
    #[cfg(feature = "search")]
    pub fn run(&self, board: &Board, stop: impl Fn() -> bool + Sync) -> Result<Report, FuzzError> {
        self.run_and_tell(board, stop, |_| ())
    }

    /// The same, with its progress told about four times a second.
    ///
    /// # Errors
    /// As [`run`](Fuzz::run).
    #[cfg(feature = "search")]
    pub fn run_and_tell(
        &self,
        board: &Board,
        stop: impl Fn() -> bool + Sync,
        tell: impl FnMut(&Progress),
    ) -> Result<Report, FuzzError> {
        let trial = Trial::new(board, self.entry.clone(), self.limits, self.texts.clone())?;
        let (corpus, comparisons) = (self.corpus.clone(), self.comparisons);
        let plan = Plan { corpus, time: self.time, first: self.first, comparisons, random: self.random };
        let search = Search::new(plan, &trial, self.seeds_of_all()?);
        run(&search, self.threads, stop, tell)?;
        let (progress, found) = search.into_found();
        let findings = found.into_iter().map(|(seen, input)| self.keep(&trial, board, &seen, input));
        Ok(Report { progress, rests: trial.rests(), findings: findings.collect::<Result<_, FuzzError>>()? })
    }

    /// Gives one input to a fork of the board, and says what it did.
    ///
    /// # Errors
    /// If the board fails without an input or cannot be forked.
    pub fn attempt(&self, board: &Board, input: &[u8]) -> Result<Option<Fault>, FuzzError> {
        let trial = Trial::new(board, self.entry.clone(), self.limits, self.texts.clone())?;
        Ok(trial.run(input, None)?.map(|seen| seen.fault))
    }

    fn seeds_of_all(&self) -> Result<Vec<Vec<u8>>, FuzzError> {
        let mut seeds = self.seeds.clone();
        if let Some(folder) = &self.corpus {
            seeds.extend(corpus::read(folder)?);
        }
        if seeds.is_empty() {
            seeds.push(Vec::new());
        }
        Ok(seeds)
    }

    /// Shrinks an input that was found, and writes its file.
    fn keep(&self, trial: &Trial, board: &Board, seen: &Seen, input: Vec<u8>) -> Result<Found, FuzzError> {
        let key = seen.fault.key();
        let mut last = None;
        let input = shrink(&input, |candidate| match trial.run(candidate, None) {
            Ok(Some(again)) if again.fault.key() == key => {
                last = Some(again);
                true
            }
            _ => false,
        });
        let seen = match trial.run(&input, None)? {
            Some(again) => again,
            None => last.unwrap_or_else(|| seen.clone()),
        };
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        let sighting = Sighting {
            test: board.name(),
            moment: format!("{} gets {} bytes: \"{}\"", self.entry, input.len(), escaped(&input)),
            message: seen.fault.to_string(),
            case: SavedCase::Fuzzed { input: hex },
            until: seen.until,
            trace: seen.trace,
            stimuli: seen.stimuli.clone(),
        };
        let name = format!("fuzz-{}-{:08x}", seen.fault.kind, corpus::digest(key.as_bytes()) as u32);
        let file = sighting.write(&trial.base, &name)?;
        Ok(Found { fault: seen.fault, input, file })
    }
}

/// Searches on so many threads until it is over.
#[cfg(feature = "search")]
fn run(
    search: &Search<'_>,
    threads: usize,
    stop: impl Fn() -> bool + Sync,
    mut tell: impl FnMut(&Progress),
) -> Result<(), FuzzError> {
    use std::sync::atomic::{AtomicBool, Ordering};

    let ended = AtomicBool::new(false);
    let over = || ended.load(Ordering::Relaxed) || search.is_over() || stop();
    let trials = (0..threads).map(|_| search.trial.again()).collect::<espalier::Result<Vec<_>>>()?;
    std::thread::scope(|scope| {
        let over = &over;
        let spawn = |(number, trial): (usize, Trial)| {
            let work = move || crate::engine::search(search, &trial, number as u64, over);
            std::thread::Builder::new().name("fuzz".to_owned()).spawn_scoped(scope, work)
        };
        let spawned: Vec<_> = trials.into_iter().enumerate().map(spawn).collect();
        let is_done = |thread: &std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| {
            thread.as_ref().map_or(true, std::thread::ScopedJoinHandle::is_finished)
        };
        while !spawned.iter().all(is_done) {
            std::thread::park_timeout(TOLD);
            tell(&search.progress());
            // The others do not go on without one of them.
            ended.fetch_or(spawned.iter().any(is_done), Ordering::Relaxed);
        }
        let panicked = || FuzzError::Engine("a thread has panicked".to_owned());
        spawned.into_iter().try_for_each(|thread| thread?.join().map_err(|_| panicked())?)
    })
}

/// An input that a board does not survive.
///
/// ```no_run
/// # use espalier_fuzz::{Entry, Fuzz, FuzzError};
/// # fn test(board: espalier::Board) -> Result<(), FuzzError> {
/// for found in Fuzz::new(Entry::ethernet()).run(&board, || false)?.findings {
///     println!("{}: {} bytes, {}", found.fault, found.input.len(), found.file().display());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Found {
    /// The fault.
    pub fault: Fault,
    /// The bytes, shrunk.
    pub input: Vec<u8>,
    /// The file that shows it again.
    pub file: PathBuf,
}

impl Found {
    /// The file that shows it again.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { fault, input, file } = self;
        write!(f, "{fault}\n    {} bytes: \"{}\"", input.len(), escaped(input))?;
        write!(f, "\n    `espalier replay {}` shows it again", file.display())
    }
}

/// The report of a search.
///
/// ```no_run
/// # use espalier_fuzz::{Entry, Fuzz, FuzzError};
/// # fn test(board: espalier::Board) -> Result<(), FuzzError> {
/// let report = Fuzz::new(Entry::uart(0)).run(&board, || false)?;
/// assert!(report.findings.is_empty(), "{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// Its counters.
    pub progress: Progress,
    /// Whether the board comes to rest by itself; if not, endless loops are not looked for.
    pub rests: bool,
    /// The findings, each of another kind or place.
    pub findings: Vec<Found>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.progress)?;
        if !self.rests {
            write!(f, "\nthe board never rests, so endless loops were not looked for")?;
        }
        self.findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
    }
}
