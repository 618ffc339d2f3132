//! Parts of a board that a hand or the world acts on.

use espalier::part::Value as PartValue;
use pyo3::prelude::*;

use std::sync::Arc;

use crate::device::{Device, take_raised};
use crate::error::Raise;
use crate::values::span;
use crate::wait::{Wait, within};

/// A value of a part's property.
#[derive(FromPyObject, IntoPyObject)]
pub(crate) enum Value {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
}

impl From<Value> for PartValue {
    fn from(value: Value) -> PartValue {
        match value {
            Value::Flag(flag) => PartValue::Flag(flag),
            Value::Integer(integer) => PartValue::Integer(integer),
            Value::Number(number) => PartValue::Number(number),
            Value::Text(text) => PartValue::Text(text),
            Value::Numbers(numbers) => PartValue::Numbers(numbers),
        }
    }
}

impl From<PartValue> for Value {
    fn from(value: PartValue) -> Value {
        match value {
            PartValue::Flag(flag) => Value::Flag(flag),
            PartValue::Integer(integer) => Value::Integer(integer),
            PartValue::Number(number) => Value::Number(number),
            PartValue::Text(text) => Value::Text(text),
            PartValue::Numbers(numbers) => Value::Numbers(numbers),
        }
    }
}

/// A part of the board by its name in the board file.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Part {
    pub(crate) board: Arc<espalier::Board>,
    #[pyo3(get)]
    pub(crate) name: String,
}

#[pymethods]
impl Part {
    /// Sets a property, such as the temperature that a sensor is at.
    fn set(&self, property: &str, value: Value) -> PyResult<()> {
        self.board.set_part(&self.name, property, value).raise()
    }

    /// The present value of a property; `None` if it can only be set.
    fn get(&self, property: &str) -> PyResult<Option<Value>> {
        Ok(self.board.part_property(&self.name, property).raise()?.map(Value::from))
    }

    /// The object that is this part, if it is a device of a test's own.
    #[getter]
    fn device(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let object = self.board.part::<Device>(&self.name).with(|device, _| device.object(py)).raise()?;
        take_raised().map_or(Ok(object), Err)
    }

    /// Has the board follow what a test has changed of the object that is this part: its pads, and when it changes next.
    fn update(&self) -> PyResult<()> {
        self.board.part::<Device>(&self.name).with(|_, _| ()).raise()?;
        take_raised().map_or(Ok(()), Err)
    }

    /// Waits until a property has this value. An integer is a number too.
    #[pyo3(signature = (property, value, *, within=None))]
    fn expect(&self, property: &str, value: Value, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.board.expect_part(&self.name, property, value), within)?))
    }
}

/// A push button of the board; it stays as it was left.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Button(pub(crate) espalier::Button);

#[pymethods]
impl Button {
    /// Presses it.
    fn press(&self) -> PyResult<()> {
        self.0.press().raise()
    }

    /// Lets go of it.
    fn release(&self) -> PyResult<()> {
        self.0.release().raise()
    }

    /// Presses it, lets the board run for some seconds of its time, and lets go of it.
    #[pyo3(signature = (seconds=0.05))]
    fn click(&self, seconds: f64) -> PyResult<Wait> {
        let (button, length) = (self.0.clone(), span(seconds)?);
        Ok(Wait::new(async move { button.click(length).await }))
    }
}

/// A touch pad of the board; the finger stays until it is taken off.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct TouchPad(pub(crate) espalier::TouchPad);

#[pymethods]
impl TouchPad {
    /// Puts a finger on it.
    fn press(&self) -> PyResult<()> {
        self.0.press().raise()
    }

    /// Takes the finger off.
    fn release(&self) -> PyResult<()> {
        self.0.release().raise()
    }

    /// Puts a finger on it, lets the board run for some seconds of its time, and takes the finger off.
    #[pyo3(signature = (seconds=0.05))]
    fn tap(&self, seconds: f64) -> PyResult<Wait> {
        let (pad, length) = (self.0.clone(), span(seconds)?);
        Ok(Wait::new(async move { pad.tap(length).await }))
    }
}

/// A sensor of the board; it goes on measuring what it was set to.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Sensor(pub(crate) espalier::Sensor);

#[pymethods]
impl Sensor {
    /// Sets an analog sensor, from 0 for nothing to 1 for its full range.
    fn set(&self, level: f64) -> PyResult<()> {
        self.0.set(level).raise()
    }

    /// Sets an analog sensor by the volts that it gives to its pin.
    fn set_volts(&self, volts: f64) -> PyResult<()> {
        self.0.set_volts(volts).raise()
    }

    /// Sets the accelerometer: what it feels along its own axes, in g.
    fn set_acceleration(&self, x: f64, y: f64, z: f64) -> PyResult<()> {
        self.0.set_acceleration([x, y, z]).raise()
    }

    /// Holds the board still, turned by these angles in degrees.
    fn tilt(&self, pitch: f64, roll: f64) -> PyResult<()> {
        self.0.tilt(pitch, roll).raise()
    }

    /// Sets the magnetometer: the field along its own axes, in gauss.
    fn set_field(&self, x: f64, y: f64, z: f64) -> PyResult<()> {
        self.0.set_field([x, y, z]).raise()
    }
}
