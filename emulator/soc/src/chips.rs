//! The chips that there are.

use crate::boards::ChipKind;
use crate::error::SocError;
use crate::machine::{Machine, MachineConfig};
use crate::{esp32, esp32c3};

impl Machine {
    /// A board that has just been switched on. Its flash chip has what the board's definition puts there and is erased
    /// otherwise.
    ///
    /// # Errors
    /// If the definition asks for what cannot be, such as two networks of one address.
    pub fn new(config: &MachineConfig) -> Result<Machine, SocError> {
        let engine = match config.board.chip {
            ChipKind::Esp32 => esp32::assemble(config)?,
            ChipKind::Esp32c3 => esp32c3::assemble(config)?,
        };
        Machine::with_engine(config, engine)
    }
}
