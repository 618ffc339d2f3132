//! MicroPython on the board.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use espalier::Script;
use pyo3::prelude::*;

use crate::values::Data;
use crate::wait::{Wait, within};

/// MicroPython on a board, over nothing but its console. Handles are cheap.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct MicroPython(pub(crate) espalier::MicroPython);

#[pymethods]
impl MicroPython {
    /// Runs a script to its end, and returns what it printed. An exception on the board is a `MicroPythonError` here.
    #[pyo3(signature = (script, *, within=None))]
    fn exec(&self, script: &str, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.exec(script), within)?;
        Ok(Wait::new(async { Ok(wait.await?.text()) }))
    }

    /// Runs a script of this computer to its end, as `exec` does.
    #[pyo3(signature = (path, *, within=None))]
    fn run_file(&self, path: PathBuf, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.run_file(path), within)?;
        Ok(Wait::new(async { Ok(wait.await?.text()) }))
    }

    /// The value of an expression, as `repr` shows it.
    #[pyo3(signature = (expression, *, within=None))]
    fn eval(&self, expression: &str, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.eval(expression), within)?))
    }

    /// Starts a script and returns when it runs. Its output goes to the console.
    fn start(&self, script: &str) -> Wait {
        let (python, script) = (self.0.clone(), Script::new(script));
        Wait::new(async move { Ok(RunningScript(Mutex::new(python.start(script).await?))) })
    }

    /// Ends what runs.
    #[pyo3(signature = (*, within=None))]
    fn interrupt(&self, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.interrupt(), within)?))
    }

    /// Starts the interpreter afresh.
    #[pyo3(signature = (*, within=None))]
    fn soft_reset(&self, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.soft_reset(), within)?))
    }

    /// Writes a file of the board, and checks what has arrived.
    #[pyo3(signature = (contents, remote, *, within=None))]
    fn put(&self, contents: Data, remote: &str, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.put(contents, remote), within)?))
    }

    /// Writes a file of this computer to the board.
    fn put_file(&self, local: PathBuf, remote: String) -> Wait {
        let python = self.0.clone();
        Wait::new(async move { python.put_file(local, remote).await })
    }

    /// Reads a file of the board.
    #[pyo3(signature = (remote, *, within=None))]
    fn get(&self, remote: &str, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.get(remote), within)?))
    }

    /// The names in a directory of the board, sorted; those of directories end in a slash.
    #[pyo3(signature = (directory="", *, within=None))]
    fn list(&self, directory: &str, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.list(directory), within)?;
        Ok(Wait::new(async {
            let entries = wait.await?.into_iter();
            Ok(entries.map(|entry| entry.name + if entry.is_directory { "/" } else { "" }).collect::<Vec<_>>())
        }))
    }

    /// Removes a file or an empty directory of the board.
    #[pyo3(signature = (remote, *, within=None))]
    fn remove(&self, remote: &str, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.remove(remote), within)?))
    }

    /// Makes a directory on the board.
    #[pyo3(signature = (directory, *, within=None))]
    fn mkdir(&self, directory: &str, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.mkdir(directory), within)?))
    }
}

/// A script that runs. Its output goes to the board's console.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct RunningScript(Mutex<espalier::RunningScript>);

impl RunningScript {
    fn with<T>(&self, act: impl FnOnce(&mut espalier::RunningScript) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl RunningScript {
    /// Whether it has ended. No time passes.
    fn has_ended(&self) -> bool {
        self.with(|running| running.has_ended())
    }

    /// The output since the last call. No time passes.
    fn take_output(&self) -> Vec<u8> {
        self.with(espalier::RunningScript::take_output)
    }

    /// Waits until it ends by itself, and returns what it printed.
    #[pyo3(signature = (*, within=None))]
    fn finished(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.with(|running| running.finished()), within)?;
        Ok(Wait::new(async { Ok(wait.await?.text()) }))
    }

    /// Interrupts it and waits until it has ended.
    #[pyo3(signature = (*, within=None))]
    fn interrupt(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.with(|running| running.interrupt()), within)?;
        Ok(Wait::new(async { Ok(wait.await?.text()) }))
    }
}
