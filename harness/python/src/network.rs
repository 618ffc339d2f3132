//! The board's cable.
use crate::values::span;

use espalier::Faults;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::Raise;

/// The board's side of the network: its cable. Handles are cheap and all lead to the same cable.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Network(pub(crate) espalier::Network);

#[pymethods]
impl Network {
    /// From now on, these faults happen and no others: probabilities from 0 to 1, and times in seconds. `direction` is `"both"`,
    /// `"from_board"` or `"to_board"`.
    #[expect(clippy::too_many_arguments, reason = "they are keywords, one for each fault")]
    #[pyo3(signature = (
        *, loss=0.0, duplication=0.0, corruption=0.0, reordering=0.0, reordered_by=0.001, jitter=0.0, direction="both"
    ))]
    fn set_faults(
        &self,
        loss: f64,
        duplication: f64,
        corruption: f64,
        reordering: f64,
        reordered_by: f64,
        jitter: f64,
        direction: &str,
    ) -> PyResult<()> {
        let (reordered_by, jitter) = (span(reordered_by)?, span(jitter)?);
        let faults = Faults { cut: false, loss, duplication, corruption, reordering, reordered_by, jitter };
        match direction {
            "both" => self.0.set_faults(faults).raise(),
            "from_board" => self.0.set_faults_from_board(faults).raise(),
            "to_board" => self.0.set_faults_to_board(faults).raise(),
            other => Err(PyValueError::new_err(format!("{other:?} is none of \"both\", \"from_board\", \"to_board\""))),
        }
    }

    /// Cuts the cable. The board's PHY notices, unlike with `Peer.vanish`.
    fn cut_cable(&self) -> PyResult<()> {
        self.0.cut_cable().raise()
    }

    /// Puts the cable back, with the faults that it had.
    fn restore_cable(&self) -> PyResult<()> {
        self.0.restore_cable().raise()
    }
}
