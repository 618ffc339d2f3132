//! Coverage of the firmware: the code that was executed, by address, and by function and line as far as an ELF file knows them.

#[cfg(feature = "symbols")]
mod lcov;

use std::path::{Path, PathBuf};

use crate::driver::{Executed, Machine, executed};
use crate::session::{CoverageRecord, Result};
#[cfg(feature = "symbols")]
pub use lcov::NoSymbols;

/// Record of the code that boards have executed.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.cover()?;
/// board.console().expect("ready").await?;
/// let coverage = board.coverage();
/// std::fs::write("firmware.info", coverage.lcov("firmware.elf".as_ref())?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    executed: Executed,
}

impl Coverage {
    pub(crate) fn of(executed: Executed) -> Coverage {
        Coverage { executed }
    }

    /// Adds what another board, or another run, has executed.
    pub fn merge(&mut self, other: &Coverage) {
        self.executed.add(&other.executed);
    }

    /// Whether the instruction at an address was executed by any core.
    pub fn has(&self, address: u32) -> bool {
        self.executed.blocks.keys().any(|block| (block.start..block.end).contains(&address))
    }

    /// Returns the counts of executed code: the core's number, the first address, the one after the last, the count.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, u32, u32, u64)> {
        let blocks = self.executed.blocks.iter();
        blocks.map(|(block, executions)| (usize::from(block.core), block.start, block.end, executions.count))
    }

    /// Executions that are missing, because there were too many different blocks.
    pub fn dropped(&self) -> u64 {
        self.executed.dropped
    }

    /// The records that boards have written to the folder that `ESPALIER_COVERAGE` named, whatever their firmware;
    /// [`CoverageRecord::read`] tells them apart.
    ///
    /// # Errors
    /// If the folder or a file in it cannot be read.
    pub fn read(folder: &Path) -> Result<Coverage> {
        let mut all = Executed::default();
        CoverageRecord::read(folder)?.executed().values().for_each(|executed| all.add(executed));
        Ok(Coverage { executed: all })
    }

    /// The counts of the cores of a machine; see [`Machine::count_blocks`]. Empty if they do not count.
    pub fn of_machine(machine: &Machine) -> Coverage {
        Coverage { executed: executed(machine).unwrap_or_default() }
    }
}

impl CoverageRecord {
    /// The coverage of each firmware, with its ELF file where one was beside the image.
    pub fn by_firmware(&self) -> Vec<(Option<PathBuf>, Coverage)> {
        self.executed().into_iter().map(|(elf, executed)| (elf, Coverage { executed })).collect()
    }
}
