//! The chips that there are.

use crate::error::SocError;
use crate::esp32;
use crate::machine::{Machine, MachineConfig};

impl Machine {
    /// A board that has just been switched on. Its flash chip has what the board's definition puts there and is erased
    /// otherwise.
    ///
    /// # Errors
    /// If the definition asks for what cannot be, such as two networks of one address.
    pub fn new(config: &MachineConfig) -> Result<Machine, SocError> {
        Machine::with_engine(config, esp32::assemble(config)?)
    }
}
