//! Inputs that come when they are not expected.

use std::fmt;

use espalier::{Board, Result, Span, Stimulus, Time};

use crate::explored::{Case, Explored};
use crate::finding::kept;
use crate::saved::{SavedCase, SavedInput};
use crate::trials::{Bounds, Trial, forks, try_all};

/// Name of the forks.
const NAME: &str = "input";
/// For how long a button is held, and a pin is driven.
const HELD: Span = Span::from_millis(80);
const PULSE: Span = Span::from_millis(1);

/// Something that reaches a board at some moment of a scenario.
///
/// ```
/// use espalier::Units;
/// use espalier_explore::Input;
///
/// let inputs = [Input::press("a"), Input::uart(0, "reboot\r\n"), Input::pulse(4, false)];
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    name: String,
    stimuli: Vec<(Span, Stimulus)>,
}

impl Input {
    /// Several stimuli, each so long after the moment that is tried.
    pub fn new(name: impl Into<String>, stimuli: impl IntoIterator<Item = (Span, Stimulus)>) -> Input {
        Input { name: name.into(), stimuli: stimuli.into_iter().collect() }
    }

    /// The button of this name is pressed for 80 ms.
    pub fn press(button: &str) -> Input {
        let stimuli = [(Span::ZERO, Stimulus::press(button)), (HELD, Stimulus::release(button))];
        Input::new(format!("button {button} is pressed"), stimuli)
    }

    /// A UART gets bytes; UART0 is the console.
    pub fn uart(number: usize, bytes: impl Into<Vec<u8>>) -> Input {
        let stimulus = Stimulus::uart(number, bytes);
        Input::new(stimulus.to_string(), [(Span::ZERO, stimulus)])
    }

    /// A pin is driven to a level for a millisecond, which makes an edge where it was at the other one.
    pub fn pulse(gpio: usize, level: bool) -> Input {
        let stimuli = [(Span::ZERO, Stimulus::drive(gpio, level)), (PULSE, Stimulus::let_go(gpio))];
        Input::new(stimuli[0].1.to_string(), stimuli)
    }
}

/// Runs a scenario once for each input at each of so many moments: [`Inputs`] with what it does unless it is told otherwise.
///
/// # Errors
/// If the scenario or the invariant fails without any such input, or the board is of a kind that cannot be forked.
pub async fn inputs(
    board: &Board,
    inputs: impl IntoIterator<Item = Input>,
    scenario: impl AsyncFn(&Board) -> Result<()> + Sync,
    invariant: impl AsyncFn(&Board, &InputCase) -> Result<()> + Sync,
) -> Result<Explored<InputCase>> {
    Inputs::new(inputs).explore(board, scenario, invariant).await
}

/// An exploration of inputs.
///
/// The scenario runs on a fork without any of them first, which tells how long it takes. Then it runs again for each input and each of
/// so many moments at equal distances, each time on another fork of the same board, and the invariant is tried behind it. The scenario
/// has to succeed each time. A board that has crashed by the end is a finding too.
///
/// ```no_run
/// use espalier_explore::{Input, Inputs};
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// # let (scenario, invariant) = (async |_: &espalier::Board| Ok(()), async |_: &espalier::Board, _: &espalier_explore::InputCase| Ok(()));
/// let explored = Inputs::new([Input::press("a")]).moments(20).explore(&board, scenario, invariant).await?;
/// explored.check()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Inputs {
    inputs: Vec<Input>,
    moments: u64,
    bounds: Bounds,
}

impl Inputs {
    /// Each of these inputs at 50 moments.
    pub fn new(inputs: impl IntoIterator<Item = Input>) -> Inputs {
        Inputs { inputs: inputs.into_iter().collect(), moments: 50, bounds: Bounds::default() }
    }

    /// At how many moments of the scenario.
    #[must_use]
    pub fn moments(mut self, moments: u64) -> Inputs {
        self.moments = moments;
        self
    }

    /// On how many threads; on as many as there are cores, unless it is said. It changes nothing that is found.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Inputs {
        self.bounds.threads = threads;
        self
    }

    /// Goes on until so many cases were found; it stops at the first one otherwise.
    #[must_use]
    pub fn findings(mut self, findings: usize) -> Inputs {
        self.bounds.findings = findings.max(1);
        self
    }

    /// Largest number of cases, 10,000 unless it is said: with more, nothing is tried.
    #[must_use]
    pub fn cases(mut self, limit: usize) -> Inputs {
        self.bounds.cases = limit;
        self
    }

    /// Explores a scenario. The invariant gets no case after the run without inputs.
    ///
    /// # Errors
    /// If the scenario or the invariant fails without any such input, the board is of a kind that cannot be forked, or there are more cases
    /// than the limit ([`TooManyCases`](crate::TooManyCases)).
    pub async fn explore(
        &self,
        board: &Board,
        scenario: impl AsyncFn(&Board) -> Result<()> + Sync,
        invariant: impl AsyncFn(&Board, &InputCase) -> Result<()> + Sync,
    ) -> Result<Explored<InputCase>> {
        let moments = usize::try_from(self.moments).unwrap_or(usize::MAX);
        self.bounds.check(moments.saturating_mul(self.inputs.len()))?;
        let test = board.name();
        let (base, plain) = forks(board, NAME)?;
        let begin = base.now();
        scenario(&plain).await?;
        let length = plain.now().since(begin);
        invariant(&plain, &InputCase { input: String::new(), at: begin, since: Span::ZERO }).await?;
        let trial = |input: &Input, since: Span| {
            let at = begin + since;
            let stimuli = input.stimuli.iter().map(|(later, stimulus)| (at + *later, stimulus.clone())).collect();
            Trial { case: InputCase { input: input.name.clone(), at, since }, stimuli }
        };
        let known = |saved: SavedCase| match saved {
            SavedCase::Inputs(SavedInput { input, ticks }) => {
                let input = self.inputs.iter().find(|known| known.name == input)?;
                Some(trial(input, Span::from_ticks(ticks)))
            }
            _ => None,
        };
        let mut trials: Vec<Trial<InputCase>> = kept(&test)?.into_iter().filter_map(known).collect();
        for moment in 0..self.moments {
            let since =
                Span::from_ticks((u128::from(length.ticks()) * u128::from(moment) / u128::from(self.moments)) as u64);
            trials.extend(self.inputs.iter().map(|input| trial(input, since)));
        }
        let outcome = try_all(&base, &test, NAME, self.bounds, trials, scenario, invariant)?;
        Ok(Explored { moments, tried: outcome.tried, merged: 0, findings: outcome.findings })
    }
}

/// An input at a moment.
///
/// ```
/// use espalier::{Span, Time};
/// use espalier_explore::InputCase;
///
/// let case = InputCase { input: "button a".to_owned(), at: Time::from_micros(1_500_000), since: Span::from_millis(500) };
/// assert!(case.to_string().ends_with("button a"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputCase {
    /// Name of the input; empty in the run without inputs.
    pub input: String,
    /// When, in the board's time.
    pub at: Time,
    /// Time from the beginning of the scenario.
    pub since: Span,
}

impl Case for InputCase {
    const MOMENTS: &'static str = "moments";
    const CASES: &'static str = "inputs";

    fn saved(&self) -> SavedCase {
        SavedCase::Inputs(SavedInput { input: self.input.clone(), ticks: self.since.ticks() })
    }
}

impl fmt::Display for InputCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.input.as_str() {
            "" => write!(f, "without an input"),
            input => write!(f, "at {}, {} into the scenario, {input}", self.at, self.since),
        }
    }
}
