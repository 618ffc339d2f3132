//! The chips that there are.

use espalier_parts::PartKinds;

use crate::boards::ChipKind;
use crate::error::SocError;
use crate::machine::{Engine, Machine, MachineConfig, SnapshotError};
use crate::{esp32, esp32c3};

/// The chip of a board with its cores, without power.
fn assemble(config: &MachineConfig) -> Result<Box<dyn Engine>, SocError> {
    match config.board.chip {
        ChipKind::Esp32 => esp32::assemble(config),
        ChipKind::Esp32c3 => esp32c3::assemble(config),
    }
}

impl Machine {
    /// A board that has just been switched on. Its flash chip has what the board's definition puts there and is erased
    /// otherwise.
    ///
    /// # Errors
    /// If the definition asks for what cannot be, such as two networks of one address.
    pub fn new(config: &MachineConfig) -> Result<Machine, SocError> {
        Machine::with_engine(config, assemble(config)?)
    }

    /// The machine that [`save`](Machine::save) has written. It goes on as the one that was saved would have.
    ///
    /// # Errors
    /// If the bytes are not a snapshot, or a damaged one, or one of another build.
    pub fn load(file: &[u8]) -> Result<Machine, SnapshotError> {
        Machine::load_with_parts(file, &PartKinds::default())
    }

    /// The same for a board with parts of other kinds than those that come with Espalier.
    ///
    /// # Errors
    /// As [`load`](Machine::load).
    pub fn load_with_parts(file: &[u8], kinds: &PartKinds) -> Result<Machine, SnapshotError> {
        Machine::load_around(file, kinds, assemble)
    }
}
