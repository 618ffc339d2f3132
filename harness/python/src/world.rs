//! A world as a whole: its boards, its time, its files.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::board::Board;
use crate::error::Raise;
use crate::start::World;
use crate::values::{seconds, span};
use crate::wait::Wait;

impl World {
    fn of(world: espalier::World) -> World {
        World(Arc::new(world))
    }
}

#[pymethods]
impl World {
    /// A world without boards, on one thread for each processor unless told otherwise. The run does not depend on it.
    #[new]
    #[pyo3(signature = (seed=0, *, threads=None))]
    fn new(seed: u64, threads: Option<usize>) -> PyResult<World> {
        let world = match threads {
            Some(threads) => espalier::World::with_threads(seed, threads),
            None => espalier::World::seeded(seed),
        };
        Ok(World::of(world.raise()?))
    }

    /// The board of this name.
    fn find(&self, name: &str) -> PyResult<Board> {
        Ok(Board::of(self.0.find(name).raise()?))
    }

    /// The names of its boards, in the order in which they were started.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    /// The time of all its boards, in seconds.
    #[getter]
    fn now(&self) -> f64 {
        seconds(self.0.now())
    }

    /// Lets all boards run for some seconds of their time.
    fn run_for(&self, seconds: f64) -> PyResult<Wait> {
        let (world, length) = (self.0.clone(), span(seconds)?);
        Ok(Wait::new(async move { world.run_for(length).await }))
    }

    /// A second world that starts where this one stands.
    fn fork(&self, py: Python<'_>) -> World {
        World::of(py.detach(|| self.0.fork()))
    }

    /// Writes the world into a file.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save(path)).raise()
    }

    /// A world that goes on where the one stood that was saved there.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<World> {
        Ok(World::of(py.detach(|| espalier::World::load(path)).raise()?))
    }

    /// A fingerprint of everything that has happened.
    fn trace_hash(&self) -> u64 {
        self.0.trace_hash()
    }
}
