//! Coverage of the code that the board's cores execute.

use std::path::PathBuf;

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

    /// The ELF file of its firmware, if one lies beside the image or is the image.
    pub fn elf(&self) -> Option<PathBuf> {
        self.shared.lock().elf.clone()
    }
}
