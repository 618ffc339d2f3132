//! Explorations: power cuts, frames that go wrong, inputs at any moment.
//!
//! Scenario and invariant are functions of Python that block, as tests are. They are called on the explorer's threads, and what they
//! raise is a finding.

use std::fmt::Display;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use espalier_explore::{Case, Explored as Outcome, NetworkFaults, PowerCuts};
use pyo3::prelude::*;

use crate::board::Board;
use crate::device::take_raised;
use crate::error::{Raise, Raised, unexpected};
use crate::values::{Data, seconds};

/// A case in which the invariant does not hold.
#[pyclass(frozen, get_all, module = "espalier._native")]
pub(crate) struct Finding {
    /// The case in words.
    case: String,
    /// The message of the invariant.
    message: String,
    /// When that was, in seconds of the board's time.
    until: f64,
    /// The file with which `espalier replay` shows it again.
    file: Option<PathBuf>,
}

#[pymethods]
impl Finding {
    fn __repr__(&self) -> String {
        format!("<Finding {:?} at {:.6}>", self.case, self.until)
    }
}

/// The result of an exploration.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Explored {
    /// Number of moments of the scenario.
    #[pyo3(get)]
    moments: usize,
    /// Number of tried cases.
    #[pyo3(get)]
    tried: usize,
    /// Number of cases left out, because they were equal to earlier ones.
    #[pyo3(get)]
    merged: usize,
    /// The cases in which the invariant does not hold, the shortest first.
    #[pyo3(get)]
    findings: Vec<Py<Finding>>,
    text: String,
}

#[pymethods]
impl Explored {
    /// Fails with the shortest case in which the invariant does not hold.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        if self.findings.is_empty() { Ok(()) } else { Err(unexpected(py, &self.text)?) }
    }

    fn __str__(&self) -> &str {
        &self.text
    }
}

impl Explored {
    fn of<C: Case>(py: Python<'_>, outcome: &Outcome<C>) -> PyResult<Explored> {
        let finding = |found: &espalier_explore::Finding<C>| {
            let (case, message) = (found.case.to_string(), found.message.clone());
            Py::new(py, Finding { case, message, until: seconds(found.until), file: found.file.clone() })
        };
        Ok(Explored {
            moments: outcome.moments,
            tried: outcome.tried,
            merged: outcome.merged,
            findings: outcome.findings.iter().map(finding).collect::<PyResult<_>>()?,
            text: outcome.to_string(),
        })
    }
}

/// Something that happens to a board while a scenario runs.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Input(espalier_explore::Input);

#[pymethods]
impl Input {
    /// The button of this name is pressed for 80 ms.
    #[staticmethod]
    fn press(button: &str) -> Input {
        Input(espalier_explore::Input::press(button))
    }

    /// A UART gets text or bytes; UART0 is the console.
    #[staticmethod]
    fn uart(number: usize, data: Data) -> Input {
        Input(espalier_explore::Input::uart(number, data.into_bytes()))
    }

    /// A pin is driven to a level for a millisecond.
    #[staticmethod]
    fn pulse(gpio: usize, level: bool) -> Input {
        Input(espalier_explore::Input::pulse(gpio, level))
    }
}

/// Calls a function with a board, and with what else it gets.
fn call(function: &Py<PyAny>, board: &espalier::Board, case: Option<&dyn Display>) -> espalier::Result<()> {
    let called = Python::attach(|py| {
        let board = Board::of(board.handle());
        match case {
            None => function.call1(py, (board,)),
            Some(case) => function.call1(py, (board, case.to_string())),
        }
    });
    let called = called.and_then(|done| take_raised().map_or(Ok(done), Err));
    called.map(drop).map_err(|error| Raised(error).into())
}

/// Runs an exploration to its end; it waits for nothing but functions that block.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

/// Cuts the board's power at every moment of a scenario at which it makes a difference, and tries an invariant on what boots then.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
#[pyo3(signature = (board, scenario, invariant, *, moments=1, seeds=2, threads=None, only_what_is_read=false))]
pub(crate) fn power_cuts(
    py: Python<'_>,
    board: &Board,
    scenario: Py<PyAny>,
    invariant: Py<PyAny>,
    moments: u64,
    seeds: u64,
    threads: Option<usize>,
    only_what_is_read: bool,
) -> PyResult<Explored> {
    let mut cuts = PowerCuts::new().moments(moments).seeds(seeds);
    if let Some(threads) = threads {
        cuts = cuts.threads(threads);
    }
    if only_what_is_read {
        cuts = cuts.only_what_is_read();
    }
    let board = board.board();
    let outcome = py.detach(|| {
        let scenario = async |board: &espalier::Board| call(&scenario, board, None);
        let invariant =
            async |board: &espalier::Board, case: &_| call(&invariant, board, Some(case as &espalier_explore::Cut));
        finish(cuts.explore(board, scenario, invariant))
    });
    Explored::of(py, &outcome.raise()?)
}

/// Runs a scenario once for each frame that is lost, doubled, late or overtaken, and tries an invariant behind it.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
#[pyo3(signature = (board, scenario, invariant, *, frames=12, pairs=3, findings=1, threads=None, cases=10_000))]
pub(crate) fn network_faults(
    py: Python<'_>,
    board: &Board,
    scenario: Py<PyAny>,
    invariant: Py<PyAny>,
    frames: usize,
    pairs: usize,
    findings: usize,
    threads: Option<usize>,
    cases: usize,
) -> PyResult<Explored> {
    let mut faults = NetworkFaults::new().frames(frames).pairs(pairs).findings(findings).cases(cases);
    if let Some(threads) = threads {
        faults = faults.threads(threads);
    }
    let board = board.board();
    let outcome = py.detach(|| {
        let scenario = async |board: &espalier::Board| call(&scenario, board, None);
        let invariant = async |board: &espalier::Board, case: &_| {
            call(&invariant, board, Some(case as &espalier_explore::NetworkCase))
        };
        finish(faults.explore(board, scenario, invariant))
    });
    Explored::of(py, &outcome.raise()?)
}

/// Runs a scenario once for each input at each of so many moments, and tries an invariant behind it.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
#[pyo3(signature = (board, inputs, scenario, invariant, *, moments=50, findings=1, threads=None, cases=10_000))]
pub(crate) fn explore_inputs(
    py: Python<'_>,
    board: &Board,
    inputs: Vec<Py<Input>>,
    scenario: Py<PyAny>,
    invariant: Py<PyAny>,
    moments: u64,
    findings: usize,
    threads: Option<usize>,
    cases: usize,
) -> PyResult<Explored> {
    let inputs = inputs.iter().map(|input| input.get().0.clone());
    let mut inputs = espalier_explore::Inputs::new(inputs).moments(moments).findings(findings).cases(cases);
    if let Some(threads) = threads {
        inputs = inputs.threads(threads);
    }
    let board = board.board();
    let outcome = py.detach(|| {
        let scenario = async |board: &espalier::Board| call(&scenario, board, None);
        let invariant = async |board: &espalier::Board, case: &_| {
            call(&invariant, board, Some(case as &espalier_explore::InputCase))
        };
        finish(inputs.explore(board, scenario, invariant))
    });
    Explored::of(py, &outcome.raise()?)
}
