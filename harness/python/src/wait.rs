//! Something to wait for, as Python sees it: a program that blocks lets it run to its end, one with asyncio awaits it.
//!
//! asyncio polls it on the thread of its loop, one slice of the board's time after another, and not on a thread of its own: what
//! several tasks do to a board happens in the order in which the loop runs them, so a test has the same trace every time.

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use crate::device::waiting;
use crate::error::raised;
use crate::values::span;

/// Longest time for which a blocked program does not look for signals such as Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(20);
/// After so long asyncio looks again at a board that has not called; a board on a bench calls as often.
const LOOK: f64 = 0.001;

/// Makes the result an object of Python, once the interpreter is at hand again.
type Made = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;
pub(crate) type Operation = Pin<Box<dyn Future<Output = PyResult<Made>> + Send>>;

/// Something to wait for. Nothing happens, and nothing is sent, before it is awaited or its `wait` is called.
#[pyclass(frozen, generic, module = "espalier._native")]
pub(crate) struct Wait {
    operation: Mutex<Option<Operation>>,
    /// The sleep that asyncio waits for meanwhile.
    pause: Mutex<Option<Py<PyAny>>>,
}

impl Wait {
    pub(crate) fn new<T: for<'py> IntoPyObject<'py> + Send + 'static>(
        future: impl Future<Output = espalier::Result<T>> + Send + 'static,
    ) -> Wait {
        Wait::of(async { future.await.map_err(raised) })
    }

    /// The same where Python itself can fail.
    pub(crate) fn of<T: for<'py> IntoPyObject<'py> + Send + 'static>(
        future: impl Future<Output = PyResult<T>> + Send + 'static,
    ) -> Wait {
        let operation = async {
            let value = future.await?;
            // Python's nothing is None, not a tuple without items.
            let is_nothing = TypeId::of::<T>() == TypeId::of::<()>();
            let made: Made = Box::new(move |py| if is_nothing { Ok(py.None()) } else { value.into_py_any(py) });
            Ok(made)
        };
        Wait { operation: Mutex::new(Some(Box::pin(operation))), pause: Mutex::default() }
    }

    /// The operation; an error if it was waited for already.
    pub(crate) fn take(&self) -> PyResult<Operation> {
        let operation = self.operation.lock().unwrap_or_else(PoisonError::into_inner).take();
        operation.ok_or_else(|| PyRuntimeError::new_err("this was waited for already; call the method again"))
    }

    /// One look of asyncio's; a result, or what asyncio is to wait for before the next look.
    fn step(&self, py: Python<'_>) -> PyResult<Poll<Py<PyAny>>> {
        if let Some(pause) = self.pause.lock().unwrap_or_else(PoisonError::into_inner).take()
            && let Some(waits) = self.resume(py, pause)?
        {
            return Ok(Poll::Ready(waits));
        }
        let mut operation = self.take()?;
        let flag = Arc::new(Flag::default());
        match waiting(py, || operation.as_mut().poll(&mut Context::from_waker(&Waker::from(flag.clone()))))? {
            Poll::Ready(made) => Err(PyStopIteration::new_err((made?(py)?,))),
            Poll::Pending => {
                *self.operation.lock().unwrap_or_else(PoisonError::into_inner) = Some(operation);
                if flag.0.load(Ordering::Acquire) {
                    return Ok(Poll::Pending);
                }
                let sleep = py.import("asyncio")?.call_method1("sleep", (LOOK,))?;
                let pause = sleep.call_method0("__await__")?.unbind();
                Ok(self.resume(py, pause)?.map_or(Poll::Pending, Poll::Ready))
            }
        }
    }

    /// Lets asyncio's own sleep go on, and says what it waits for; `None` once it is over.
    fn resume(&self, py: Python<'_>, pause: Py<PyAny>) -> PyResult<Option<Py<PyAny>>> {
        match pause.call_method0(py, "__next__") {
            Ok(waits) => {
                *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause);
                Ok(Some(waits))
            }
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[pymethods]
impl Wait {
    /// Blocks until it has come, and returns it. Other threads of Python run meanwhile, and Ctrl-C ends it.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut operation = self.take()?;
        let parked = Arc::new(Parked { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(parked.clone());
        loop {
            if let Some(made) = waiting(py, || run(&mut operation, &waker, &parked))? {
                return made?(py);
            }
            py.check_signals()?;
        }
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match self.step(py)? {
            Poll::Ready(waits) => waits,
            // asyncio goes round its other tasks and comes back.
            Poll::Pending => py.None(),
        })
    }
}

/// Runs an operation to its end, or until it is time to look for signals.
fn run(operation: &mut Operation, waker: &Waker, parked: &Parked) -> Option<PyResult<Made>> {
    let begun = Instant::now();
    loop {
        if let Poll::Ready(made) = operation.as_mut().poll(&mut Context::from_waker(waker)) {
            return Some(made);
        }
        while !parked.woken.swap(false, Ordering::AcqRel) {
            let left = SIGNALS.checked_sub(begun.elapsed())?;
            thread::park_timeout(left);
        }
        if begun.elapsed() >= SIGNALS {
            return None;
        }
    }
}

/// Says that something may have changed.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// The thread that is blocked.
struct Parked {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// The patience of a wait, if it is to be another one.
pub(crate) fn within<T>(wait: espalier::Wait<T>, seconds: Option<f64>) -> PyResult<espalier::Wait<T>> {
    Ok(match seconds {
        Some(seconds) => wait.within(span(seconds)?),
        None => wait,
    })
}
