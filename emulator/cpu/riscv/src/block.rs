//! RISC-V's part of blocks of decoded instructions: they go on through conditional branches up to a jump or a change of state that
//! decoding cannot see through; and they may be translated to code of the host.

mod lower;
mod translate;

use espalier_core::{BlockCache, Bus, Damaged, Decoder, Persist, Reader, Timing, Translation, Writer};
use espalier_jit::translator::{self, Heat, Translator};

use crate::cost;
use crate::instruction::{self, Flow, Instruction};
use crate::trap::Trap;
pub(crate) use espalier_jit::translator::Entered;
pub(crate) use translate::{count, enter, set_translation, translates};

/// All decoded blocks.
pub(crate) type Blocks = BlockCache<RiscV>;
/// Why there is no block at an address.
pub(crate) type Absent = espalier_core::Absent<Trap>;

/// The instruction set, the cycles that its instructions take, and what is translated.
#[derive(Debug)]
pub(crate) struct RiscV {
    pub timing: Timing,
    translator: Translator,
}

impl RiscV {
    pub(crate) fn new(timing: Timing, translation: Translation) -> RiscV {
        RiscV { timing, translator: Translator::new(translation) }
    }

    pub(crate) fn translation(&self) -> Translation {
        self.translator.setting()
    }
}

/// A clone has no code translated yet.
impl Clone for RiscV {
    fn clone(&self) -> RiscV {
        RiscV { timing: self.timing, translator: self.translator.for_clone() }
    }
}

impl Persist for RiscV {
    fn save(&self, _to: &mut Writer) {}

    fn restore(&mut self, _from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = RiscV::new(self.timing, self.translation());
        Ok(())
    }
}

impl Decoder for RiscV {
    type Instruction = Instruction;
    type Own = Heat;
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

    fn add(&mut self, instruction: &mut Instruction, index: u8, offset: u8, _own: &mut Heat) -> bool {
        (instruction.index, instruction.offset) = (index, offset);
        instruction.opcode.flow() == Flow::End
    }

    fn dropped(&mut self, start: u32, own: &Heat) {
        self.translator.dropped(start, own);
    }

    fn cleared(&mut self) {
        self.translator.cleared();
    }

    fn take(&mut self) -> RiscV {
        let empty = RiscV::new(self.timing, self.translation());
        std::mem::replace(self, empty)
    }

    fn suits(&self, other: &RiscV) -> bool {
        (self.timing, self.translation()) == (other.timing, other.translation())
    }

    fn taken_over(cache: &mut BlockCache<RiscV>, asleep: &[u32]) {
        translator::taken_over(cache, asleep);
    }

    fn woken(&mut self, start: u32) {
        self.translator.woken(start);
    }
}

/// Drops what a change of address translation made stale.
#[inline(always)]
pub(crate) fn note_epoch(blocks: &mut Blocks, epoch: u32) {
    translator::note_mapping(blocks, epoch);
    blocks.note_epoch(epoch);
}

/// Code has come. A block that ended before it is stale now.
#[cold]
pub(crate) fn note_arrival<B: Bus>(blocks: &mut Blocks, bus: &B) {
    translator::note_arrival(blocks, bus);
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
