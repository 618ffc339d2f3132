//! Pins of the chip.

use pyo3::prelude::*;

use crate::error::Raise;
use crate::values::seconds;
use crate::wait::{Wait, within};

/// A pin of the chip by the number of its GPIO. Handles are cheap and all lead to the same pin.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Pin(pub(crate) espalier::Pin);

#[pymethods]
impl Pin {
    /// Whether it is high now.
    fn is_high(&self) -> PyResult<bool> {
        self.0.is_high().raise()
    }

    /// Drives it from outside, high or low, until `release`.
    fn drive(&self, high: bool) -> PyResult<()> {
        self.0.drive(high).raise()
    }

    /// Lets go of it.
    fn release(&self) -> PyResult<()> {
        self.0.release().raise()
    }

    /// Waits until it is high, and says since when; at once if it is.
    #[pyo3(signature = (*, within=None))]
    fn goes_high(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.goes_high(), within)?;
        Ok(Wait::new(async { Ok(seconds(wait.await?)) }))
    }

    /// The same for low.
    #[pyo3(signature = (*, within=None))]
    fn goes_low(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.goes_low(), within)?;
        Ok(Wait::new(async { Ok(seconds(wait.await?)) }))
    }

    /// Records its edges from now on.
    fn edges(&self) -> PyResult<Edges> {
        Ok(Edges(self.0.edges().raise()?))
    }
}

/// An edge of a pin.
#[pyclass(frozen, get_all, module = "espalier._native")]
pub(crate) struct Edge {
    /// When, in seconds of the board's time.
    at: f64,
    /// From low to high.
    rises: bool,
}

#[pymethods]
impl Edge {
    fn __repr__(&self) -> String {
        format!("<Edge {} at {:.9}>", if self.rises { "rises" } else { "falls" }, self.at)
    }
}

/// The edges of a pin since they were asked for.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Edges(espalier::Edges);

#[pymethods]
impl Edges {
    /// Their number.
    fn count(&self) -> PyResult<u64> {
        self.0.count().raise()
    }

    /// All of them, in order.
    fn list(&self) -> PyResult<Vec<Edge>> {
        let edges = self.0.list().raise()?;
        Ok(edges.into_iter().map(|edge| Edge { at: seconds(edge.at), rises: edge.rises }).collect())
    }

    /// In hertz; `None` if there are fewer than two rises.
    fn frequency(&self) -> PyResult<Option<f64>> {
        self.0.frequency().raise()
    }

    /// The part of each period in which the pin is high, from 0 to 1.
    fn duty(&self) -> PyResult<Option<f64>> {
        self.0.duty().raise()
    }
}

/// A record of some pins, for logic analysers.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct PinCapture(pub(crate) espalier::PinCapture);

#[pymethods]
impl PinCapture {
    /// The value change dump, which PulseView and GTKWave read.
    fn vcd(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        py.detach(|| self.0.vcd()).raise()
    }
}
