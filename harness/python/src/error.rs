//! Errors of the library as exceptions of Python: which class stands for which, and what they carry.

use std::fmt;

#[cfg(unix)]
use espalier::QemuError;
use espalier::{
    Absent, AirError, BenchError, ConnectionClosed, ConnectionRefused, EmulatorError, Error, FileError, FlashError,
    Halted, ImageError, MicroPythonFailure, ModelError, NoFirmware, NoSuchBoard, NoSuchPin, NoSuchUart, NotPlayed,
    PropertyError, Scene as Seen, ScreenError, SnapshotError, Timeout, UnknownPart, Unsupported, WrongColours,
    WrongKind, WrongPart, WrongProperty,
};
use pyo3::prelude::*;

use crate::values::{Line, seconds};

/// The module with the classes.
const ERRORS: &str = "espalier._errors";

/// Whether an error's cause is of this type.
type Is = fn(&Error) -> bool;

fn is<T: espalier::Cause>(error: &Error) -> bool {
    error.find::<T>().is_some()
}

/// The classes, and what each stands for.
const CLASSES: &[(&str, &[Is])] = &[
    ("TimeoutError", &[is::<Timeout>]),
    ("UnsupportedError", &[is::<Unsupported>]),
    ("GoldenError", &[is::<ScreenError>]),
    ("ExpectationError", &[is::<WrongColours>, is::<WrongProperty>, is::<NotPlayed>]),
    ("ConnectionRefusedError", &[is::<ConnectionRefused>]),
    ("ConnectionClosedError", &[is::<ConnectionClosed>]),
    ("MicroPythonError", &[is::<MicroPythonFailure>]),
    ("HaltedError", &[is::<Halted>]),
    ("FirmwareError", &[is::<NoFirmware>, is::<ImageError>, is::<FlashError>]),
    ("SnapshotError", &[is::<SnapshotError>]),
    ("AirError", &[is::<AirError>]),
    ("FileError", &[is::<FileError>]),
    ("BoardError", &[is::<BenchError>, is::<EmulatorError>, is::<Absent>, is::<WrongKind>, is::<ModelError>]),
    #[cfg(unix)]
    ("BoardError", &[is::<QemuError>]),
    #[cfg(feature = "probe")]
    ("BoardError", &[is::<espalier::probe::ProbeFailure>]),
    (
        "NotThereError",
        &[
            is::<UnknownPart>,
            is::<WrongPart>,
            is::<PropertyError>,
            is::<NoSuchPin>,
            is::<NoSuchUart>,
            is::<NoSuchBoard>,
        ],
    ),
];
const ANY: &str = "EspalierError";

/// The state of a board at the moment of a failure.
#[pyclass(frozen, get_all, module = "espalier._native")]
pub(crate) struct Scene {
    /// The kind of board: `emulated`, `qemu` or `bench`.
    kind: String,
    /// The board's name, usually that of the test.
    name: String,
    /// The board's time in seconds.
    at: f64,
    /// The last lines of the console.
    console: Vec<Py<Line>>,
    /// The last traffic on the network, one line each.
    network: Vec<String>,
    /// Where the firmware panicked last, one line for each call.
    backtrace: Vec<String>,
    /// The folder with the files that this failure leaves behind.
    artefacts: std::path::PathBuf,
    /// All of it, as the message has it.
    text: String,
}

#[pymethods]
impl Scene {
    fn __str__(&self) -> &str {
        &self.text
    }
}

impl Scene {
    fn of(py: Python<'_>, seen: &Seen) -> PyResult<Scene> {
        Ok(Scene {
            kind: seen.kind.to_string(),
            name: seen.name.clone(),
            at: seconds(seen.at),
            console: seen.console.iter().map(|line| Py::new(py, Line::from(line.clone()))).collect::<PyResult<_>>()?,
            network: seen.transcript.iter().map(ToString::to_string).collect(),
            backtrace: seen.backtrace.iter().map(ToString::to_string).collect(),
            artefacts: seen.artefacts.clone(),
            text: seen.to_string(),
        })
    }
}

/// An exception of Python on its way through the library.
#[derive(Debug)]
pub(crate) struct Raised(pub(crate) PyErr);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Raised {}

impl espalier::Cause for Raised {}

/// An error of the library as the exception that stands for it.
pub(crate) fn raised(error: Error) -> PyErr {
    Python::attach(|py| exception(py, &error).unwrap_or_else(|failure| failure))
}

fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    if let Some(Raised(raised)) = error.find() {
        return Ok(raised.clone_ref(py));
    }
    let found = CLASSES.iter().find(|(_, causes)| causes.iter().any(|is| is(error)));
    let class = py.import(ERRORS)?.getattr(found.map_or(ANY, |(name, _)| name))?;
    let scene = error.scene().map(|seen| Scene::of(py, seen)).transpose()?;
    let raised = class.call1((error.to_string(), error.cause().to_string(), scene))?;
    if let Some(exception) = error.exception() {
        raised.setattr("kind", &exception.kind)?;
        raised.setattr("output", &exception.output)?;
        raised.setattr("traceback", &exception.traceback)?;
    }
    Ok(PyErr::from_value(raised))
}

/// An expectation that was not met, without a board.
pub(crate) fn unexpected(py: Python<'_>, message: &str) -> PyResult<PyErr> {
    let class = py.import(ERRORS)?.getattr("ExpectationError")?;
    Ok(PyErr::from_value(class.call1((message,))?))
}

/// An ability that this build lacks.
#[cfg(not(feature = "probe"))]
pub(crate) fn unsupported(py: Python<'_>, message: &str) -> PyResult<PyErr> {
    let class = py.import(ERRORS)?.getattr("UnsupportedError")?;
    Ok(PyErr::from_value(class.call1((message,))?))
}

/// For `map_err` where no wait is in between.
pub(crate) trait Raise<T> {
    fn raise(self) -> PyResult<T>;
}

impl<T> Raise<T> for espalier::Result<T> {
    fn raise(self) -> PyResult<T> {
        self.map_err(raised)
    }
}
