//! Boot once, fork per test, in all processes of a run.

use std::sync::Arc;

use pyo3::prelude::*;

use crate::board::Board;
use crate::error::{Raised, raised};
use crate::wait::{Operation, Wait};

/// A board that is booted once and forked for every test.
///
/// `start` returns the wait of a `Board.start`, and `ready` is called with the board; what it returns is waited for, if it is a wait. An
/// emulated board is also kept in a file for the other processes of a run: `place` says who boots, and `build` changes when what is done
/// there does.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct BootOnce {
    once: Arc<espalier::BootOnce>,
    start: Py<PyAny>,
    ready: Option<Py<PyAny>>,
}

#[pymethods]
impl BootOnce {
    #[new]
    #[pyo3(signature = (start, ready=None, *, place, build))]
    fn new(start: Py<PyAny>, ready: Option<Py<PyAny>>, place: String, build: String) -> BootOnce {
        BootOnce { once: Arc::new(espalier::BootOnce::at(place, build)), start, ready }
    }

    /// A fork of the booted board for the test that runs now. The first one to ask boots it.
    fn fork(&self, py: Python<'_>) -> Wait {
        let (once, start) = (self.once.clone(), self.start.clone_ref(py));
        let ready = self.ready.as_ref().map(|ready| ready.clone_ref(py));
        Wait::of(async move {
            let fork = once.fork(|| boot(start, ready)).await;
            Ok(Board::of(fork.map_err(raised)?))
        })
    }
}

/// Boots a board. A wait of this thread that `ready` has blocks here, which holds up no other board.
async fn boot(start: Py<PyAny>, ready: Option<Py<PyAny>>) -> espalier::Result<espalier::Board> {
    let starting = Python::attach(|py| operation(start.bind(py).call0()?)).map_err(Raised)?;
    let made = starting.await.map_err(Raised)?;
    let board = Python::attach(|py| Ok(made(py)?.cast_bound::<Board>(py)?.clone().unbind())).map_err(Raised)?;
    if let Some(ready) = ready {
        let done = Python::attach(|py| {
            let done = ready.bind(py).call1((&board,))?;
            if done.is_none() { Ok(None) } else { operation(done).map(Some) }
        });
        if let Some(waiting) = done.map_err(Raised)? {
            drop(waiting.await.map_err(Raised)?);
        }
    }
    Ok(board.get().board().handle())
}

/// The operation of a wait that Python has made.
fn operation(wait: Bound<'_, PyAny>) -> PyResult<Operation> {
    wait.cast::<Wait>()?.get().take()
}
