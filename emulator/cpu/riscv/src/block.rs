//! RISC-V's part of blocks of decoded instructions: they go on through conditional branches up to a jump or a change of state that
//! decoding cannot see through.

use espalier_core::{BlockCache, Bus, Damaged, Decoder, Persist, Reader, Timing, Writer};

use crate::cost;
use crate::instruction::{self, Flow, Instruction};
use crate::trap::Trap;

/// All decoded blocks.
pub(crate) type Blocks = BlockCache<RiscV>;
/// Why there is no block at an address.
pub(crate) type Absent = espalier_core::Absent<Trap>;

/// The instruction set, and the cycles that its instructions take.
#[derive(Clone, Debug)]
pub(crate) struct RiscV {
    pub timing: Timing,
}

impl Persist for RiscV {
    fn save(&self, _to: &mut Writer) {}

    fn restore(&mut self, _from: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

impl Decoder for RiscV {
    type Instruction = Instruction;
    type Own = ();
    type Trap = Trap;
    const ALIGNMENT: u32 = 1;

    fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<Instruction, Trap> {
        fetch(bus, pc)
    }

    fn length(instruction: &Instruction) -> u32 {
        u32::from(instruction.length())
    }

    fn charge<B: Bus>(&self, _bus: &mut B, _pc: u32, instruction: &mut Instruction) {
        instruction.more = cost::of(instruction.opcode, self.timing);
    }

    fn add(&mut self, instruction: &mut Instruction, index: u8, offset: u8, _own: &mut ()) -> bool {
        (instruction.index, instruction.offset) = (index, offset);
        instruction.opcode.flow() == Flow::End
    }

    fn take(&mut self) -> RiscV {
        self.clone()
    }

    fn suits(&self, other: &RiscV) -> bool {
        self.timing == other.timing
    }
}

/// Fetches and decodes the instruction at `pc`. What is not defined decodes as `UNIMP`, which raises the same exception.
pub(crate) fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<Instruction, Trap> {
    let mut word_at = |address| bus.fetch(address).map_err(|_| Trap::Fetch(address));
    let (address, byte) = (pc & !3, pc & 2);
    let mut word = word_at(address)? >> (8 * byte);
    if byte + u32::from(instruction::length(word)) > 4 {
        word |= word_at(address.wrapping_add(4))? << (32 - 8 * byte);
    }
    Ok(Instruction::decode(word).unwrap_or_else(|| Instruction::illegal(word)))
}
