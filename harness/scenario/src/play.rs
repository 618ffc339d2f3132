//! Playing steps on a board.

mod act;
mod stage;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use espalier::{Board, Capability, Listener, PATIENCE, PeerStream, Span, Station, UdpSocket};

pub(crate) use stage::{Hardware, Stage, Start};

use crate::form::{Need, Placed, Step};
use crate::load::Document;
use crate::pattern::Pattern;
use crate::problem::Location;
use crate::text::{ADDRESSES, TextError, Variables, expand, mentions};

/// Why a test failed, and where.
///
/// ```no_run
/// use espalier_scenario::{Options, Outcome, Suite, load};
///
/// let records = Suite::new(&load(&["scenarios"])?)?.run(&Options::default(), |_| {});
/// for record in &records {
///     if let Outcome::Failed(failure) = &record.outcome {
///         println!("{}:{}: {}", failure.path.display(), failure.at, failure.message);
///     }
/// }
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    /// The file of the scenario.
    pub path: PathBuf,
    /// The step in it.
    pub at: Location,
    /// The error, with the scene: console, traffic, screen.
    pub message: String,
    /// The folder with what the test left behind.
    pub artefacts: Option<PathBuf>,
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.at, self.message)
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Board(#[from] espalier::Error),
    /// A step inside of this one failed.
    #[error(transparent)]
    Inner(#[from] Box<Failure>),
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("{0}")]
    Pattern(#[from] regex::Error),
    #[error("no {what} \"{name}\"; {}", known(names))]
    Unknown { what: &'static str, name: String, names: Vec<String> },
    #[error(
        "no {what} has been opened before this step; what was open before a fork or at the end of `setup` is closed"
    )]
    None { what: &'static str },
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Content(String),
    #[error("the output of the script does not contain {pattern:?}; it is:\n{output}")]
    Output { pattern: String, output: String },
    #[error("{left:?} is not {right:?}")]
    Different { left: String, right: String },
    #[error("the board has sent {0:?}, and nothing was expected")]
    Unexpected(String),
    #[error("a datagram of {} bytes came instead of {expected:?}: {actual:?}", actual.len())]
    Datagram { expected: String, actual: String },
}

fn known(names: &[String]) -> String {
    if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) }
}

/// A board while steps are played on it.
pub(crate) struct Player {
    pub board: Board,
    document: Arc<Document>,
    pub variables: Variables,
    fail_on: Vec<Pattern>,
    /// Lines of the console that `fail_on` has seen, by their bytes.
    looked: usize,
    sockets: Opened<PeerStream>,
    listeners: Opened<Listener>,
    datagrams: Opened<UdpSocket>,
    stations: BTreeMap<String, Station>,
}

/// Things that were opened, by name, and which of them was the last.
struct Opened<T> {
    what: &'static str,
    all: BTreeMap<String, T>,
    last: Option<String>,
}

impl<T> Opened<T> {
    fn new(what: &'static str) -> Opened<T> {
        Opened { what, all: BTreeMap::new(), last: None }
    }

    fn insert(&mut self, name: String, value: T) {
        self.last = Some(name.clone());
        self.all.insert(name, value);
    }

    /// The one of this name, or the last one.
    fn get(&self, name: Option<&str>) -> Result<&T, StepError> {
        let Some(name) = name.or(self.last.as_deref()) else { return Err(StepError::None { what: self.what }) };
        self.all.get(name).ok_or_else(|| self.unknown(name))
    }

    fn take(&mut self, name: &str) -> Result<T, StepError> {
        let unknown = self.unknown(name);
        self.last.take_if(|last| last == name);
        self.all.remove(name).ok_or(unknown)
    }

    fn unknown(&self, name: &str) -> StepError {
        StepError::Unknown { what: self.what, name: name.to_owned(), names: self.all.keys().cloned().collect() }
    }
}

impl Player {
    pub(crate) fn new(board: Board, document: Arc<Document>, variables: Variables) -> Player {
        // They were looked at when the file was read, but for those with variables, which these do not have.
        let fail_on = document.scenario.fail_on.iter().filter_map(|text| text.parse().ok()).collect();
        let looked = board.console().dropped() + board.console().bytes().len();
        Player {
            board,
            document,
            variables,
            fail_on,
            looked,
            sockets: Opened::new("connection"),
            listeners: Opened::new("listener"),
            datagrams: Opened::new("UDP port"),
            stations: BTreeMap::new(),
        }
    }

    /// The first of `needs` that the board cannot do.
    pub(crate) fn lacks(&self, needs: &[Need]) -> Option<Capability> {
        needs.iter().map(|need| capability(*need)).find(|capability| !self.board.supports(*capability))
    }

    /// Plays steps until one fails.
    pub(crate) async fn play(&mut self, steps: &[Placed<Step>]) -> Result<(), Failure> {
        for Placed { at, value: step } in steps {
            let played = self.step(step).await;
            let verdict = self.verdict();
            let problem = match (played, verdict) {
                (Ok(()), None) => continue,
                (Err(StepError::Inner(failure)), _) => return Err(*failure),
                (Ok(()), Some(verdict)) => verdict,
                (Err(error), None) => error.to_string(),
                (Err(error), Some(verdict)) => format!("{verdict}\nand {error}"),
            };
            let message = match &step.name {
                Some(name) => format!("{name}: {problem}"),
                None => problem,
            };
            let folder = self.board.artefacts();
            let artefacts = folder.is_dir().then_some(folder);
            return Err(Failure { path: self.document.path.clone(), at: *at, message, artefacts });
        }
        Ok(())
    }

    /// Returns a failure that no step detects: a crash, or a forbidden line on the console.
    fn verdict(&mut self) -> Option<String> {
        if !self.document.scenario.allow_reset
            && let Some(crash) = self.board.crash()
        {
            return Some(crash.to_string());
        }
        if self.fail_on.is_empty() {
            return None;
        }
        let console = self.board.console();
        let (dropped, bytes) = (console.dropped(), console.bytes());
        let fresh = &bytes[self.looked.saturating_sub(dropped).min(bytes.len())..];
        // A line that has not ended is looked at again.
        let ended = fresh.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.looked = dropped + bytes.len() - fresh.len() + ended;
        let text = String::from_utf8_lossy(fresh);
        let line = text.lines().find(|line| self.fail_on.iter().any(|pattern| pattern.is_in(line)))?;
        Some(format!("the console shows text that `fail-on` forbids: {line}"))
    }

    async fn step(&mut self, step: &Step) -> Result<(), StepError> {
        // Files with another number of actions were refused.
        let Ok(action) = step.action() else { return Ok(()) };
        let patience = step.within.or(self.document.scenario.within).map_or(PATIENCE, |within| within.0);
        self.act(action, patience).await
    }

    /// A text with the values of its variables. Addresses are asked for when they are needed.
    async fn text(&mut self, text: &str, patience: Span) -> Result<String, StepError> {
        for name in ADDRESSES.into_iter().filter(|name| mentions(text, name)) {
            let address = match name {
                "peer" => self.board.peer().address(),
                _ => self.board.address().within(patience).await?,
            };
            self.variables.insert(name.to_owned(), address.to_string());
        }
        Ok(expand(text, &self.variables)?)
    }
}

fn capability(need: Need) -> Capability {
    match need {
        Need::Fork => Capability::Fork,
        Need::VirtualTime => Capability::VirtualTime,
        Need::Screen => Capability::Screen,
        Need::VanishingPeer => Capability::VanishingPeer,
        Need::Faults => Capability::Faults,
        Need::Refusal => Capability::Refusal,
        Need::Wifi => Capability::Wifi,
        Need::Air => Capability::Air,
        Need::Datagrams => Capability::Datagrams,
        Need::Controls => Capability::Controls,
        Need::Leds => Capability::Leds,
        Need::Buzzer => Capability::Buzzer,
        Need::Pins => Capability::Pins,
        Need::Uarts => Capability::Uarts,
        Need::Power => Capability::Power,
        Need::Snapshot => Capability::Snapshot,
    }
}
