//! An object of Python inside a part: called, copied with its board, and written into files. What it raises is raised again by the
//! operation that waits for the board.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use espalier::part::{Damaged, Load, Persist, Reader, Writer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Different keys of pads in one process.
const MOST_KEYS: usize = 4096;

thread_local! {
    /// Whether this thread waits for a board.
    static WAITS: Cell<bool> = const { Cell::new(false) };
    /// The exception of a part of the board for which this thread waits.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// The exception of a part that ran on another thread than the one that waits, as the boards of a world do.
static RAISED_ELSEWHERE: Mutex<Option<PyErr>> = Mutex::new(None);

/// Keys of pads: the emulator names them as long as the process lives.
static KEYS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Does something in which this thread waits for a board, and then what its parts have raised, if they have.
pub(crate) fn waiting<T>(py: Python<'_>, wait: impl FnOnce() -> T + Send) -> PyResult<T>
where
    T: Send,
{
    let done = py.detach(|| {
        let before = WAITS.replace(true);
        let done = wait();
        WAITS.set(before);
        done
    });
    match take_raised() {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

/// The exception that a part has raised, once.
pub(crate) fn take_raised() -> Option<PyErr> {
    let elsewhere = || RAISED_ELSEWHERE.lock().unwrap_or_else(PoisonError::into_inner).take();
    RAISED.take().or_else(elsewhere)
}

/// Keeps an exception for the operation that waits. Python prints further ones before that (`sys.unraisablehook`).
fn raise_later(object: &Bound<'_, PyAny>, error: PyErr) {
    let keep = |kept: &mut Option<PyErr>| match kept {
        Some(_) => error.write_unraisable(object.py(), Some(object)),
        None => *kept = Some(error),
    };
    if WAITS.get() {
        RAISED.with_borrow_mut(keep);
    } else {
        keep(&mut RAISED_ELSEWHERE.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The key of a pad, for as long as the process lives.
pub(super) fn key(name: &str) -> PyResult<&'static str> {
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = keys.get(name) {
        return Ok(known);
    }
    if keys.len() == MOST_KEYS {
        return Err(PyValueError::new_err(format!(
            "pads of parts have {MOST_KEYS} different keys at most in one process"
        )));
    }
    let key: &'static str = Box::leak(name.to_owned().into_boxed_str());
    keys.insert(key);
    Ok(key)
}

/// A copy of an object and of all that it holds.
pub(super) fn copy<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    object.py().import("copy")?.call_method1("deepcopy", (object,))
}

/// An object of Python that is copied as a whole, and whose attributes are its state.
pub(super) struct Object(Py<PyAny>);

impl Object {
    pub(super) fn new(object: Py<PyAny>) -> Object {
        Object(object)
    }

    /// The object itself, not a copy.
    pub(super) fn shared(&self, py: Python<'_>) -> Py<PyAny> {
        self.0.clone_ref(py)
    }

    /// Asks the object. If it raises, there is no answer.
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Option<T> {
        Python::attach(|py| {
            let object = self.0.bind(py);
            ask(object).map_err(|error| raise_later(object, error)).ok()
        })
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Python::attach(|py| write!(f, "{}", self.0.bind(py)))
    }
}

impl Clone for Object {
    fn clone(&self) -> Object {
        // It could be copied when the board was started; what it holds since then cannot, which its author has to see.
        let copied = self.ask(|object| copy(object).map(Bound::unbind));
        Object(copied.unwrap_or_else(|| Python::attach(|py| self.0.clone_ref(py))))
    }
}

/// The text that Python writes for the attributes, if it reads the same again: numbers, texts, bytes, and collections of them.
fn state_of(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let attributes = object.getattr("__dict__")?;
    let text = attributes.repr()?.extract::<String>()?;
    let read = object.py().import("ast")?.call_method1("literal_eval", (&text,))?;
    if read.eq(&attributes)? {
        return Ok(text);
    }
    Err(PyTypeError::new_err(format!(
        "{object} has attributes that are more than numbers, texts, bytes and collections of them"
    )))
}

impl Persist for Object {
    fn save(&self, to: &mut Writer) {
        self.ask(state_of).unwrap_or_default().save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let text = String::load(from)?;
        let restored = Python::attach(|py| {
            let read = py.import("ast")?.call_method1("literal_eval", (text,))?;
            let attributes = self.0.bind(py).getattr("__dict__")?.cast_into::<PyDict>()?;
            attributes.clear();
            attributes.update(read.cast_into::<PyDict>()?.as_mapping())
        });
        restored.map_err(|_: PyErr| from.damaged("no attributes of a device in Python"))
    }
}
