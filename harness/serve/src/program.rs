//! A program that is put into RAM at every reset and started instead of the ROM, as QEMU's `-kernel` does.

use espalier_soc::{Machine, MemoryError};

/// The core that starts.
const PRO_CPU: usize = 0;

/// The contents of RAM when the chip comes out of reset, and the address of the first instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Addresses and what is there.
    pub segments: Vec<(u32, Vec<u8>)>,
    /// Where the first core starts.
    pub entry: u32,
}

/// A program does not fit into the chip's RAM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its segment at {address:#010x} is not in RAM ({source})")]
pub struct ProgramError {
    /// Where the segment starts.
    pub address: u32,
    /// The error of the memory.
    pub source: MemoryError,
}

impl Program {
    /// Puts it into a machine that has just been reset.
    pub(crate) fn load(&self, machine: &mut Machine) -> Result<(), ProgramError> {
        for (address, bytes) in &self.segments {
            let poked = machine.poke(PRO_CPU, *address, bytes);
            poked.map_err(|source| ProgramError { address: *address, source })?;
        }
        machine.cpu_mut(PRO_CPU).set_pc(self.entry);
        Ok(())
    }
}
