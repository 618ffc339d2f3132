//! The chips that there are.

use espalier_parts::PartKinds;
use {espalier_riscv as riscv, espalier_xtensa as xtensa};

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

/// Returns the conditional branches in code that begins with an instruction: the address of each, and the one behind it. `machine` is
/// that of the ELF file with the code (its `e_machine`); there are no branches in code for others.
pub fn conditional_branches(machine: u16, code: &[u8], address: u32) -> Vec<(u32, u32)> {
    const EM_XTENSA: u16 = 94;
    const EM_RISCV: u16 = 243;
    let decode = |word: u32, at: u32| match machine {
        EM_XTENSA => {
            let decoded = xtensa::Instruction::decode(word, at)?;
            Some((decoded.length(), decoded.opcode.description().flow == xtensa::Flow::Branch))
        }
        EM_RISCV => {
            let decoded = riscv::Instruction::decode(word)?;
            Some((decoded.length(), decoded.opcode.flow() == riscv::Flow::Branch))
        }
        _ => None,
    };
    let (mut at, mut branches) = (0, Vec::new());
    while at < code.len() {
        let mut word = [0; 4];
        let present = (code.len() - at).min(word.len());
        word[..present].copy_from_slice(&code[at..at + present]);
        let here = address + at as u32;
        // Behind bytes that are no instruction it is not known where the next one begins.
        let Some((length, is_branch)) = decode(u32::from_le_bytes(word), here) else { break };
        if is_branch {
            branches.push((here, here + u32::from(length)));
        }
        at += usize::from(length);
    }
    branches
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

#[cfg(test)]
mod tests {
    use super::conditional_branches;

    #[test]
    fn branches_are_told_from_jumps() {
        // entry a1, 32; beqz.n a2, .+6; bne a2, a3, .+8; j .+4; retw.n
        let code = [0x36, 0x41, 0x00, 0x8C, 0x22, 0x37, 0x92, 0x04, 0x06, 0x00, 0x00, 0x1D, 0xF0];
        assert_eq!(
            conditional_branches(94, &code, 0x400D_0000),
            [(0x400D_0003, 0x400D_0005), (0x400D_0005, 0x400D_0008)]
        );
        // c.nop; beq a0, a1, .+8; jal x0, .+4; c.beqz a0, .+4
        let code = [0x01, 0x00, 0x63, 0x04, 0xB5, 0x00, 0x6F, 0x00, 0x40, 0x00, 0x11, 0xC1];
        assert_eq!(conditional_branches(243, &code, 0x100), [(0x102, 0x106), (0x10A, 0x10C)]);
        assert_eq!(conditional_branches(62, &code, 0), []);
        assert_eq!(conditional_branches(94, &[0x8C], 0), [(0, 2)]);
    }
}
