//! The debug probe: probe-rs at both cores. It takes minutes to build, so only a module that was built with the feature `probe` has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use espalier::Board;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use self::attached::{Attached, Core};
use crate::device::waiting;
use crate::error::Raise;
use crate::values::{Data, span};

/// Bytes that are read at once.
const MOST: usize = 16 << 20;

/// A debug probe that is attached to a board. Its calls block, and what they do takes board time. Deleting it lets the cores go.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Probe(Mutex<Attached>);

impl Probe {
    pub(crate) fn attach(py: Python<'_>, board: &Arc<Board>) -> PyResult<Probe> {
        Ok(Probe(Mutex::new(attached::attach(py, board)?)))
    }

    fn lock(&self) -> MutexGuard<'_, Attached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on<T: Send>(
        &self,
        py: Python<'_>,
        core: &str,
        act: impl FnOnce(&mut Attached, Core) -> espalier::Result<T> + Send,
    ) -> PyResult<T> {
        let core = match core {
            "pro" => Core::Pro,
            "app" => Core::App,
            _ => return Err(PyValueError::new_err(format!("{core:?} is no core: \"pro\" and \"app\" are"))),
        };
        waiting(py, || act(&mut self.lock(), core))?.raise()
    }
}

#[pymethods]
impl Probe {
    /// Stops a core, and returns the address of its next instruction.
    #[pyo3(signature = (core="pro"))]
    fn halt(&self, py: Python<'_>, core: &str) -> PyResult<u32> {
        self.on(py, core, |probe, core| probe.halt(core))
    }

    /// Lets a core go on. At a breakpoint it steps over it first.
    #[pyo3(signature = (core="pro"))]
    fn resume(&self, py: Python<'_>, core: &str) -> PyResult<()> {
        self.on(py, core, |probe, core| probe.resume(core))
    }

    /// Executes one instruction of a stopped core, and returns the address of the next one.
    #[pyo3(signature = (core="pro"))]
    fn step(&self, py: Python<'_>, core: &str) -> PyResult<u32> {
        self.on(py, core, |probe, core| probe.step(core))
    }

    /// Whether a core is stopped.
    #[pyo3(signature = (core="pro"))]
    fn is_halted(&self, py: Python<'_>, core: &str) -> PyResult<bool> {
        self.on(py, core, |probe, core| probe.is_halted(core))
    }

    /// Lets the board run until a core stops, for so many seconds of its time at most, and returns the address of its next instruction.
    #[pyo3(signature = (core="pro", *, within=10.0))]
    fn wait_for_halt(&self, py: Python<'_>, core: &str, within: f64) -> PyResult<u32> {
        let within = span(within)?;
        self.on(py, core, |probe, core| probe.wait_for_halt(core, within))
    }

    /// The registers of a stopped core: `pc`, `ps`, and `a0` to `a15` of its window.
    #[pyo3(signature = (core="pro"))]
    fn registers(&self, py: Python<'_>, core: &str) -> PyResult<std::collections::BTreeMap<String, u32>> {
        let read = self.on(py, core, |probe, core| probe.registers(core))?;
        let window = read.a.into_iter().enumerate().map(|(number, value)| (format!("a{number}"), value));
        Ok(window.chain([("pc".to_owned(), read.pc), ("ps".to_owned(), read.ps)]).collect())
    }

    /// Stops a core whenever it comes to an address. Each core has two of these.
    #[pyo3(signature = (address, core="pro"))]
    fn set_breakpoint(&self, py: Python<'_>, address: u32, core: &str) -> PyResult<()> {
        self.on(py, core, |probe, core| probe.set_breakpoint(core, address))
    }

    /// Takes a breakpoint away.
    #[pyo3(signature = (address, core="pro"))]
    fn clear_breakpoint(&self, py: Python<'_>, address: u32, core: &str) -> PyResult<()> {
        self.on(py, core, |probe, core| probe.clear_breakpoint(core, address))
    }

    /// Reads memory as a core sees it. A core that runs is stopped for it and goes on.
    #[pyo3(signature = (address, length, core="pro"))]
    fn read(&self, py: Python<'_>, address: u32, length: usize, core: &str) -> PyResult<Vec<u8>> {
        if length > MOST {
            return Err(PyValueError::new_err(format!(
                "{length} bytes are more than {MOST}, which can be read at once"
            )));
        }
        self.on(py, core, |probe, core| {
            let mut bytes = vec![0; length];
            probe.read(core, address, &mut bytes)?;
            Ok(bytes)
        })
    }

    /// Reads a word at an address that is a multiple of four.
    #[pyo3(signature = (address, core="pro"))]
    fn read_word(&self, py: Python<'_>, address: u32, core: &str) -> PyResult<u32> {
        self.on(py, core, |probe, core| probe.read_word(core, address))
    }

    /// Writes memory as a core sees it. A core that runs is stopped for it and goes on.
    #[pyo3(signature = (address, data, core="pro"))]
    fn write(&self, py: Python<'_>, address: u32, data: Data, core: &str) -> PyResult<()> {
        self.on(py, core, |probe, core| probe.write(core, address, data.as_ref()))
    }

    /// Resets the chip and lets it start.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.on(py, "pro", |probe, _| probe.reset())
    }

    /// Resets the chip and stops its first core at the reset vector, whose address it returns.
    fn reset_and_halt(&self, py: Python<'_>) -> PyResult<u32> {
        self.on(py, "pro", |probe, _| probe.reset_and_halt())
    }

    /// The call stack of a core, one line for each function. A core that runs is stopped for it and goes on.
    #[pyo3(signature = (core="pro"))]
    fn backtrace(&self, py: Python<'_>, core: &str) -> PyResult<Vec<String>> {
        let trace = self.on(py, core, |probe, core| probe.backtrace(core))?;
        Ok(trace.frames.iter().map(|frame| format!("{:#010x} {}", frame.pc, frame.symbol)).collect())
    }
}

#[cfg(feature = "probe")]
mod attached {
    use std::sync::Arc;

    use espalier::Board;
    pub(super) use espalier::probe::{Core, Probe as Attached};
    use pyo3::prelude::*;

    use crate::device::waiting;
    use crate::error::Raise;

    pub(super) fn attach(py: Python<'_>, board: &Arc<Board>) -> PyResult<Attached> {
        waiting(py, || board.probe())?.raise()
    }
}

/// Stands in for the probe that this module was built without, so that the class has the same methods everywhere.
#[cfg(not(feature = "probe"))]
mod attached {
    use std::sync::Arc;

    use espalier::{Board, Result, Span};
    use pyo3::prelude::*;

    pub(super) enum Attached {}

    #[derive(Clone, Copy)]
    pub(super) enum Core {
        Pro,
        App,
    }

    pub(super) struct Registers {
        pub pc: u32,
        pub ps: u32,
        pub a: [u32; 16],
    }

    pub(super) struct Backtrace {
        pub frames: Vec<CallFrame>,
    }

    pub(super) struct CallFrame {
        pub pc: u32,
        pub symbol: String,
    }

    pub(super) fn attach(py: Python<'_>, _board: &Arc<Board>) -> PyResult<Attached> {
        let reason = "this build has no debug probe, which takes minutes to compile; one with it is made by \
                      MATURIN_PEP517_ARGS=\"--features probe\" pip install ./harness/python";
        Err(crate::error::unsupported(py, reason)?)
    }

    macro_rules! absent {
        ($($name:ident($($argument:ty),*) -> $result:ty;)*) => {
            impl Attached {
                $(pub fn $name(&mut self $(, _: $argument)*) -> Result<$result> {
                    match *self {}
                })*
            }
        };
    }

    absent! {
        halt(Core) -> u32;
        resume(Core) -> ();
        step(Core) -> u32;
        is_halted(Core) -> bool;
        wait_for_halt(Core, Span) -> u32;
        registers(Core) -> Registers;
        set_breakpoint(Core, u32) -> ();
        clear_breakpoint(Core, u32) -> ();
        read(Core, u32, &mut [u8]) -> ();
        read_word(Core, u32) -> u32;
        write(Core, u32, &[u8]) -> ();
        reset() -> ();
        reset_and_halt() -> u32;
        backtrace(Core) -> Backtrace;
    }
}
