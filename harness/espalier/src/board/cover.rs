//! Coverage of the code that the board's cores execute.

use std::path::PathBuf;

use espalier_core::{EDGES, Span};

use super::Board;
use crate::coverage::Coverage;
use crate::driver::Capability;
use crate::session::Result;

impl Board {
    /// Counts from now on what its cores execute; its forks count for themselves. What the board does is the same.
    ///
    /// With a folder in `ESPALIER_COVERAGE`, every board does that from its start, and adds what it has executed to a file there when it is
    /// forked and when it is gone; see [`CoverageRecord`](crate::CoverageRecord).
    ///
    /// # Errors
    /// If the board is not emulated.
    pub fn cover(&self) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Coverage)?;
        state.driver.cover();
        Ok(())
    }

    /// Returns the coverage since [`cover`](Board::cover); empty if that was not called.
    pub fn coverage(&self) -> Coverage {
        Coverage::of(self.shared.lock().driver.executed().unwrap_or_default())
    }

    /// Counts from now on the jumps that its cores take, in [`EDGES`] counters; its forks count for themselves. This is for fuzzers: the
    /// same input counts in the same counters in every run, and two jumps may share one. What the board does is the same.
    ///
    /// # Errors
    /// If the board is not emulated.
    pub fn count_edges(&self) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Coverage)?;
        state.driver.count_edges();
        Ok(())
    }

    /// Adds the jumps since [`count_edges`](Board::count_edges), or since it was forked, to these counters. False if none are counted.
    pub fn add_edges(&self, sum: &mut [u8; EDGES]) -> bool {
        self.each_edge(|counter, count| sum[counter] = sum[counter].saturating_add(count))
    }

    /// Tells the counters of jumps that are not zero, each with its count, which may come in several parts. An input leads through a few
    /// hundred of them, so that this is faster than to look through them all. False if none are counted.
    pub fn each_edge(&self, mut tell: impl FnMut(usize, u8)) -> bool {
        self.shared.lock().driver.each_edge(&mut tell)
    }

    /// Notes from now on the numbers that the conditional branches of its cores compare; its forks note none. This is for fuzzers, which
    /// replace one such number in an input by the other. The board does the same as before, at the speed of the interpreter.
    ///
    /// # Errors
    /// If the board is not emulated.
    pub fn note_comparisons(&self) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Coverage)?;
        state.driver.note_comparisons();
        Ok(())
    }

    /// Ends [`note_comparisons`](Board::note_comparisons). Returns each pair of different numbers once, and 65,536 of them at most.
    pub fn take_comparisons(&self) -> Vec<(u32, u32)> {
        self.shared.lock().driver.take_comparisons()
    }

    /// Runs until no core executes anything, but for at least the first span, and at most for the second. False if one executes then.
    /// It is faster than a wait of a test, and does not yield to other tasks.
    ///
    /// # Errors
    /// If the board cannot go on, or is not emulated.
    pub fn run_to_rest(&self, least: Span, most: Span) -> Result<bool> {
        let mut state = self.shared.lock();
        state.require(Capability::Coverage)?;
        let now = state.driver.now();
        state.driver.run_to_rest(now + least, now + most).map_err(|failure| state.fail(failure))
    }

    /// The ELF file of its firmware, if one lies beside the image or is the image.
    pub fn elf(&self) -> Option<PathBuf> {
        self.shared.lock().elf.clone()
    }
}
