//! Devices on an I2C bus whose registers are methods of an object of Python.
//!
//! The board asks its parts while it is locked, and a part of Python asks the interpreter then: a thread that waits for the board must
//! not hold the interpreter. Operations that take board time let go of it; so a board with such parts is for one thread of Python.

use std::fmt;

use espalier::part::{Damaged, I2cTarget, Load, Part, PartError, Persist, Reader, Time, Wiring, Writer, persist};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A device with registers of one byte. The first byte that is written after a start chooses the register, and each further one, in
/// either direction, goes on to the next.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    object: Object,
    register: u8,
    choosing: bool,
}

persist!(state Device { object, register, choosing });

impl Device {
    /// Whether an object can be a device: it has an address and two methods, and can be copied.
    pub(crate) fn check(object: &Bound<'_, PyAny>) -> PyResult<u8> {
        let address = object.getattr("address").and_then(|address| address.extract::<u8>());
        let address =
            address.map_err(|error| wrong(object, "address, the default of its address on the bus", error))?;
        for method in ["read", "write"] {
            let callable = object.getattr(method).is_ok_and(|found| found.is_callable());
            if !callable {
                return Err(PyTypeError::new_err(format!("{object} has no method `{method}`, so it is no device")));
            }
        }
        copy(object)?;
        Ok(address)
    }

    /// A part of a board, which has a copy of the object.
    pub(crate) fn make(object: &Py<PyAny>, address: u8, wiring: &mut Wiring<'_>) -> Result<Device, PartError> {
        wiring.i2c(address)?;
        let object = Python::attach(|py| Object(object.clone_ref(py)));
        Ok(Device { object: object.clone(), register: 0, choosing: false })
    }

    pub(crate) fn object(&self, py: Python<'_>) -> Py<PyAny> {
        self.object.0.clone_ref(py)
    }

    fn next(&mut self) -> u8 {
        let register = self.register;
        self.register = register.wrapping_add(1);
        register
    }
}

fn wrong(object: &Bound<'_, PyAny>, what: &str, error: PyErr) -> PyErr {
    let told = PyTypeError::new_err(format!("{object} has no {what}, so it is no device"));
    told.set_cause(object.py(), Some(error));
    told
}

fn copy<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    object.py().import("copy")?.call_method1("deepcopy", (object,))
}

/// An object of Python that is copied as a whole, and whose attributes are its state.
struct Object(Py<PyAny>);

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Python::attach(|py| write!(f, "{}", self.0.bind(py)))
    }
}

impl Clone for Object {
    fn clone(&self) -> Object {
        Python::attach(|py| {
            let copied = copy(self.0.bind(py)).map(Bound::unbind);
            // It could be copied when the board was started; what it holds since then cannot, which its author has to see.
            Object(copied.unwrap_or_else(|error| {
                error.write_unraisable(py, Some(self.0.bind(py)));
                self.0.clone_ref(py)
            }))
        })
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
        let text = Python::attach(|py| {
            state_of(self.0.bind(py)).unwrap_or_else(|error| {
                error.write_unraisable(py, Some(self.0.bind(py)));
                String::new()
            })
        });
        text.save(to);
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

impl Part for Device {
    fn power_cycle(&mut self, _now: Time) {
        (self.register, self.choosing) = (0, false);
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }
}

/// Asks the object. Python prints an error of its methods (`sys.unraisablehook`), and there is no answer then.
fn asked<T>(object: &Object, ask: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Option<T> {
    Python::attach(|py| {
        let object = object.0.bind(py);
        ask(object).map_err(|error| error.write_unraisable(py, Some(object))).ok()
    })
}

impl I2cTarget for Device {
    fn start(&mut self, _address: u8, read: bool, _now: Time) -> bool {
        self.choosing = !read;
        true
    }

    fn write(&mut self, byte: u8, _now: Time) -> bool {
        if std::mem::take(&mut self.choosing) {
            self.register = byte;
            return true;
        }
        let register = self.next();
        asked(&self.object, |object| object.call_method1("write", (register, byte)).map(drop)).is_some()
    }

    fn read(&mut self, _now: Time) -> u8 {
        /// The byte that a bus carries when nothing pulls it low.
        const NOTHING: u8 = 0xFF;
        let register = self.next();
        asked(&self.object, |object| object.call_method1("read", (register,))?.extract()).unwrap_or(NOTHING)
    }

    fn stop(&mut self, _now: Time) {}
}
