//! Plain values: what was printed, and moments.

use std::time::Duration;

use espalier::{Span, Time};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

/// Seconds since power-on.
pub(crate) fn seconds(at: Time) -> f64 {
    at.since(Time::ZERO).as_secs_f64()
}

pub(crate) fn length(span: Span) -> f64 {
    span.as_secs_f64()
}

/// A length of board time out of seconds.
pub(crate) fn span(seconds: f64) -> PyResult<Span> {
    /// Thirty years, beyond which nothing is added to a board's time.
    const LONGEST: f64 = 1e9;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if seconds <= LONGEST => Ok(Span::from(duration)),
        _ => Err(PyValueError::new_err(format!("{seconds} is no number of seconds from 0 to {LONGEST}"))),
    }
}

/// Text or bytes. Text is sent as UTF-8.
#[derive(FromPyObject)]
pub(crate) enum Data {
    Text(String),
    Bytes(Vec<u8>),
}

impl Data {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Data::Text(text) => text.into_bytes(),
            Data::Bytes(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        match self {
            Data::Text(text) => text.as_bytes(),
            Data::Bytes(bytes) => bytes,
        }
    }
}

/// Text that was expected and came.
#[pyclass(frozen, get_all, module = "espalier._native")]
pub(crate) struct Match {
    /// When the line with the text began, in seconds of the board's time.
    at: f64,
    /// The output since the last expectation, up to the match.
    before: String,
    /// The text itself.
    text: String,
}

impl From<espalier::Match> for Match {
    fn from(found: espalier::Match) -> Match {
        Match { at: seconds(found.at), before: found.before, text: found.text }
    }
}

#[pymethods]
impl Match {
    fn __repr__(&self) -> String {
        format!("<Match {:?} at {:.6}>", self.text, self.at)
    }
}

/// The groups of a regular expression that was expected and came.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Captured {
    /// When the line with the match began, in seconds of the board's time.
    #[pyo3(get)]
    at: f64,
    captured: espalier::Captured,
}

impl From<espalier::Captured> for Captured {
    fn from(captured: espalier::Captured) -> Captured {
        Captured { at: seconds(captured.at), captured }
    }
}

/// A group by its number or its name.
#[derive(FromPyObject)]
enum Group {
    Number(usize),
    Name(String),
}

#[pymethods]
impl Captured {
    /// The whole match.
    #[getter]
    fn text(&self) -> &str {
        self.captured.get(0).unwrap_or_default()
    }

    /// A group by its number or its name; group 0 is the whole match. `None` if the group took no part in the match.
    fn __getitem__(&self, group: Group) -> PyResult<Option<&str>> {
        let groups = || self.captured.groups();
        let found = match &group {
            Group::Number(number) => groups().nth(*number),
            Group::Name(name) => groups().find(|(known, _)| known.is_some_and(|known| known == name)),
        };
        let name = || match &group {
            Group::Number(number) => number.to_string(),
            Group::Name(name) => format!("{name:?}"),
        };
        Ok(found.ok_or_else(|| PyIndexError::new_err(format!("the expression has no group {}", name())))?.1)
    }

    /// All groups but the whole match, in order.
    fn groups(&self) -> Vec<Option<&str>> {
        self.captured.groups().skip(1).map(|(_, text)| text).collect()
    }

    /// The groups that have names.
    fn groupdict(&self) -> std::collections::BTreeMap<&str, Option<&str>> {
        self.captured.groups().filter_map(|(name, text)| Some((name?, text))).collect()
    }

    fn __repr__(&self) -> String {
        format!("<Captured {:?} at {:.6}>", self.text(), self.at)
    }
}

/// A line of the console.
#[pyclass(frozen, get_all, module = "espalier._native")]
pub(crate) struct Line {
    /// When its first byte came, in seconds of the board's time.
    at: f64,
    /// Its text without the line end; what is no text is escaped, as in `\xff`.
    text: String,
}

impl From<espalier::Line> for Line {
    fn from(line: espalier::Line) -> Line {
        Line { at: seconds(line.at), text: line.text }
    }
}

#[pymethods]
impl Line {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<Line {:?} at {:.6}>", self.text, self.at)
    }
}
