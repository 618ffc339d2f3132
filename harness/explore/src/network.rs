//! Frames that do not arrive as they should.

use std::collections::BTreeMap;
use std::fmt;

use espalier::{Board, CountedFrames, FrameFault, FrameLink, FramePlan, Result, Span, Stimulus};

use crate::explored::{Case, Explored};
use crate::finding::kept;
use crate::saved::{Direction, SavedCase, SavedFault, SavedFrameFault, SavedLink};
use crate::trials::{Bounds, Trial, forks, try_all};

/// Name of the forks.
const NAME: &str = "network";
/// The places at which frames are counted.
const LINKS: [FrameLink; 3] = [FrameLink::Cable, FrameLink::Bridge, FrameLink::Air];

/// Runs a scenario once for each of its first frames that gets lost, comes twice, comes late or is overtaken, and for pairs of them:
/// [`NetworkFaults`] with what it does unless it is told otherwise.
///
/// # Errors
/// If the scenario or the invariant fails without any fault, or the board is of a kind that cannot be forked.
pub async fn network(
    board: &Board,
    scenario: impl AsyncFn(&Board) -> Result<()> + Sync,
    invariant: impl AsyncFn(&Board, &NetworkCase) -> Result<()> + Sync,
) -> Result<Explored<NetworkCase>> {
    NetworkFaults::new().explore(board, scenario, invariant).await
}

/// An exploration of network faults.
///
/// The scenario runs on a fork without any fault first, and its frames are counted: on the cable, or behind the access points and in
/// the air, in both directions. Then it runs again for each of the first frames and each fault, each time on another fork of the same
/// board, and the invariant is tried behind it. The scenario has to succeed each time, within what it waits for: give its waits the
/// time that a repetition takes. A board that has crashed by the end is a finding too.
///
/// In the air, frames are lost with all their repetitions, and a frame comes twice because its acknowledgement is lost; right behind
/// each frame there is a case in which all networks send their stations away.
///
/// ```no_run
/// use espalier_explore::NetworkFaults;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// # let (scenario, invariant) = (async |_: &espalier::Board| Ok(()), async |_: &espalier::Board, _: &espalier_explore::NetworkCase| Ok(()));
/// let explored = NetworkFaults::new().frames(8).pairs(0).explore(&board, scenario, invariant).await?;
/// explored.check()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NetworkFaults {
    frames: usize,
    pairs: usize,
    late: Span,
    overtaken: Span,
    bounds: Bounds,
}

impl Default for NetworkFaults {
    fn default() -> NetworkFaults {
        NetworkFaults {
            frames: 12,
            pairs: 3,
            late: Span::from_millis(500),
            overtaken: Span::from_millis(20),
            bounds: Bounds::default(),
        }
    }
}

impl NetworkFaults {
    /// The first 12 frames in each direction, and pairs of the first three; delays of 500 ms, and 20 ms in which others overtake.
    pub fn new() -> NetworkFaults {
        NetworkFaults::default()
    }

    /// Number of frames in each direction.
    #[must_use]
    pub fn frames(mut self, frames: usize) -> NetworkFaults {
        self.frames = frames;
        self
    }

    /// From how many frames in each direction pairs are made. Each of two has every fault, so pairs are many: 4 frames in each
    /// direction of one link are 448 cases.
    #[must_use]
    pub fn pairs(mut self, frames: usize) -> NetworkFaults {
        self.pairs = frames;
        self
    }

    /// By how much frames are delayed, and for how long others can overtake one.
    #[must_use]
    pub fn spans(mut self, late: Span, overtaken: Span) -> NetworkFaults {
        (self.late, self.overtaken) = (late, overtaken);
        self
    }

    /// On how many threads; on as many as there are cores, unless it is said. It changes nothing that is found.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> NetworkFaults {
        self.bounds.threads = threads;
        self
    }

    /// Goes on until so many cases were found; it stops at the first one otherwise.
    #[must_use]
    pub fn findings(mut self, findings: usize) -> NetworkFaults {
        self.bounds.findings = findings.max(1);
        self
    }

    /// Largest number of cases, 10,000 unless it is said: with more, nothing is tried.
    #[must_use]
    pub fn cases(mut self, limit: usize) -> NetworkFaults {
        self.bounds.cases = limit;
        self
    }

    /// Explores a scenario.
    ///
    /// # Errors
    /// If the scenario or the invariant fails without any fault, the board is of a kind that cannot be forked, or there are more cases than
    /// the limit ([`TooManyCases`](crate::TooManyCases)).
    pub async fn explore(
        &self,
        board: &Board,
        scenario: impl AsyncFn(&Board) -> Result<()> + Sync,
        invariant: impl AsyncFn(&Board, &NetworkCase) -> Result<()> + Sync,
    ) -> Result<Explored<NetworkCase>> {
        let test = board.name();
        let (base, plain) = forks(board, NAME)?;
        LINKS.iter().try_for_each(|link| plain.at(plain.now(), Stimulus::frames(*link, FramePlan::default())))?;
        scenario(&plain).await?;
        invariant(&plain, &NetworkCase { faults: Vec::new() }).await?;
        let counted = LINKS.map(|link| (link, plain.counted_frames(link).unwrap_or_default()));
        let frames: usize = counted.iter().map(|(_, frames)| frames.from_board.len() + frames.to_board.len()).sum();
        let known = |saved: SavedCase| match saved {
            SavedCase::Network { faults } => {
                Some(NetworkCase { faults: faults.into_iter().map(FrameCase::from).collect() })
            }
            _ => None,
        };
        let mut cases: Vec<NetworkCase> = kept(&test)?.into_iter().filter_map(known).collect();
        cases.extend(self.plan(&counted)?);
        let trials = cases.into_iter().map(|case| Trial { stimuli: case.stimuli(&base), case }).collect();
        let outcome = try_all(&base, &test, NAME, self.bounds, trials, scenario, invariant)?;
        Ok(Explored { moments: frames, tried: outcome.tried, merged: 0, findings: outcome.findings })
    }

    /// Single faults first, in the order of the frames, and then pairs.
    ///
    /// # Errors
    /// If they are more than the limit; pairs are not made then.
    fn plan(&self, counted: &[(FrameLink, CountedFrames)]) -> Result<Vec<NetworkCase>> {
        let mut singles = Vec::new();
        let mut paired = Vec::new();
        // Where the board says nothing it is not plugged in: what is there for all is not for it.
        for (link, frames) in counted.iter().filter(|(_, frames)| !frames.from_board.is_empty()) {
            let directions = [(Direction::FromBoard, &frames.from_board), (Direction::ToBoard, &frames.to_board)];
            for (direction, frames) in directions {
                for (number, frame) in frames.iter().take(self.frames).enumerate() {
                    let faults = self.faults(*link).into_iter().map(|fault| FrameCase {
                        link: *link,
                        direction,
                        number: number as u64,
                        fault,
                        summary: frame.summary.clone(),
                    });
                    let faults: Vec<FrameCase> = faults.collect();
                    if number < self.pairs {
                        paired.push(faults.clone());
                    }
                    singles.extend(faults.into_iter().map(|fault| (frame.at, fault)));
                }
            }
        }
        singles.sort_by_key(|(at, fault)| (*at, fault.number));
        let mut pairs = 0_usize;
        let mut before = 0_usize;
        for faults in &paired {
            pairs = pairs.saturating_add(before.saturating_mul(faults.len()));
            before += faults.len();
        }
        self.bounds.check(singles.len().saturating_add(pairs))?;
        let mut cases: Vec<_> = singles.into_iter().map(|(_, fault)| NetworkCase { faults: vec![fault] }).collect();
        for (place, first) in paired.iter().enumerate() {
            for second in &paired[place + 1..] {
                let both = first.iter().flat_map(|one| second.iter().map(|other| vec![one.clone(), other.clone()]));
                cases.extend(both.map(|faults| NetworkCase { faults }));
            }
        }
        Ok(cases)
    }

    fn faults(&self, link: FrameLink) -> Vec<FrameFault> {
        let (late, overtaken) = (FrameFault::Delay(self.late), FrameFault::Reorder(self.overtaken));
        match link {
            FrameLink::Cable | FrameLink::Bridge => vec![FrameFault::Drop, FrameFault::Duplicate, late, overtaken],
            FrameLink::Air => vec![FrameFault::Drop, FrameFault::Duplicate, late, FrameFault::Deauthenticate],
        }
    }
}

/// One or two frames that do not arrive as they should.
///
/// ```
/// use espalier_explore::NetworkCase;
///
/// assert_eq!(NetworkCase { faults: Vec::new() }.to_string(), "without a fault");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkCase {
    /// The frames and their faults; none in the run without faults.
    pub faults: Vec<FrameCase>,
}

impl NetworkCase {
    /// Plans of all links, from the beginning on.
    fn stimuli(&self, base: &Board) -> Vec<(espalier::Time, Stimulus)> {
        let mut plans: BTreeMap<FrameLink, FramePlan> = BTreeMap::new();
        for fault in &self.faults {
            let plan = plans.entry(fault.link).or_default();
            let frames = match fault.direction {
                Direction::FromBoard => &mut plan.from_board,
                Direction::ToBoard => &mut plan.to_board,
            };
            frames.insert(fault.number, fault.fault);
        }
        plans.into_iter().map(|(link, plan)| (base.now(), Stimulus::frames(link, plan))).collect()
    }
}

impl Case for NetworkCase {
    const MOMENTS: &'static str = "frames";
    const CASES: &'static str = "faults";

    fn saved(&self) -> SavedCase {
        SavedCase::Network { faults: self.faults.iter().map(SavedFault::from).collect() }
    }
}

impl fmt::Display for NetworkCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return write!(f, "without a fault");
        }
        for (place, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if place == 0 { "" } else { ", and " })?;
        }
        Ok(())
    }
}

/// A frame, and what happens to it.
///
/// ```no_run
/// use espalier_explore::{Direction, FrameCase, NetworkCase};
///
/// /// The faults of frames that the board has sent.
/// fn from_board(case: &NetworkCase) -> Vec<&FrameCase> {
///     case.faults.iter().filter(|frame| frame.direction == Direction::FromBoard).collect()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameCase {
    /// Where it is counted.
    pub link: FrameLink,
    /// Its sender.
    pub direction: Direction,
    /// Its number there, from zero.
    pub number: u64,
    /// Its fault.
    pub fault: FrameFault,
    /// Its summary in the run without faults.
    pub summary: String,
}

impl fmt::Display for FrameCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrameCase { link, direction, number, fault, summary } = self;
        let direction = match direction {
            Direction::FromBoard => "from the board",
            Direction::ToBoard => "to the board",
        };
        let link = match link {
            FrameLink::Cable => "on the cable",
            FrameLink::Bridge => "behind the access point",
            FrameLink::Air => "in the air",
        };
        write!(f, "frame {number} {direction} {link} ({summary}) ")?;
        match fault {
            FrameFault::Drop => write!(f, "is lost"),
            FrameFault::Duplicate => write!(f, "comes twice"),
            FrameFault::Delay(span) => write!(f, "is {span} late"),
            FrameFault::Reorder(span) => write!(f, "is overtaken for {span}"),
            FrameFault::Deauthenticate => write!(f, "is the last one before the networks send their stations away"),
        }
    }
}

impl From<&FrameCase> for SavedFault {
    fn from(case: &FrameCase) -> SavedFault {
        let (fault, span) = match case.fault {
            FrameFault::Drop => (SavedFrameFault::Drop, Span::ZERO),
            FrameFault::Duplicate => (SavedFrameFault::Duplicate, Span::ZERO),
            FrameFault::Delay(span) => (SavedFrameFault::Delay, span),
            FrameFault::Reorder(span) => (SavedFrameFault::Reorder, span),
            FrameFault::Deauthenticate => (SavedFrameFault::Deauthenticate, Span::ZERO),
        };
        let link = match case.link {
            FrameLink::Cable => SavedLink::Cable,
            FrameLink::Bridge => SavedLink::Bridge,
            FrameLink::Air => SavedLink::Air,
        };
        let FrameCase { direction, number, summary, .. } = case.clone();
        SavedFault { link, direction, frame: number, fault, ticks: span.ticks(), summary }
    }
}

impl From<SavedFault> for FrameCase {
    fn from(saved: SavedFault) -> FrameCase {
        let span = Span::from_ticks(saved.ticks);
        let fault = match saved.fault {
            SavedFrameFault::Drop => FrameFault::Drop,
            SavedFrameFault::Duplicate => FrameFault::Duplicate,
            SavedFrameFault::Delay => FrameFault::Delay(span),
            SavedFrameFault::Reorder => FrameFault::Reorder(span),
            SavedFrameFault::Deauthenticate => FrameFault::Deauthenticate,
        };
        let link = match saved.link {
            SavedLink::Cable => FrameLink::Cable,
            SavedLink::Bridge => FrameLink::Bridge,
            SavedLink::Air => FrameLink::Air,
        };
        FrameCase { link, direction: saved.direction, number: saved.frame, fault, summary: saved.summary }
    }
}
