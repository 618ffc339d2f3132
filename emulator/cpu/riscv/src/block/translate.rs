//! RISC-V's own part of translating blocks to code of the host. Only blocks of a core that keeps no time of silicon are translated.

use espalier_core::{Bus, Timing, Translation};
use espalier_jit::translator::{self, Entered, Heat, Translated, Translator};
use espalier_jit::{Ring, Slot};

use super::lower::lower;
use super::{Blocks, RiscV};
use crate::register::PC;
use crate::state::State;

impl Translated for RiscV {
    const PC: Slot = PC;
    const RING: Option<Ring> = None;

    fn translator(&self) -> &Translator {
        &self.translator
    }

    fn translator_mut(&mut self) -> &mut Translator {
        &mut self.translator
    }

    fn heat(own: &Heat) -> &Heat {
        own
    }

    fn heat_mut(own: &mut Heat) -> &mut Heat {
        own
    }

    fn most(block: &espalier_core::Block<Heat>) -> u32 {
        block.count
    }
}

/// True if blocks may be translated.
#[inline(always)]
pub(crate) fn translates(blocks: &Blocks) -> bool {
    translator::translates(blocks) && blocks.decoder.timing == Timing::Fast
}

/// Executes translated code from the block `index` on, which is at the core's address and current. None if the interpreter has to do that
/// block. The run has taken `spent` cycles and ends when it has taken `stop`.
#[inline]
pub(crate) fn enter<B: Bus>(
    blocks: &mut Blocks,
    index: u32,
    state: &mut State,
    bus: &mut B,
    [spent, stop]: [u32; 2],
) -> Option<Entered> {
    let translate = |blocks: &mut Blocks| translator::translate(blocks, index, bus, |around| lower(around, index));
    if !translator::is_translated(blocks, index, translate) {
        return None;
    }
    let end = translator::end(bus, spent, stop);
    let entered = translator::enter(blocks, index, state.words(), bus, [spent, end, stop]);
    if let Some(Entered::At { .. }) = entered {
        state.pc = state.words()[usize::from(PC)];
    }
    entered
}

/// Chooses which blocks are translated.
pub(crate) fn set_translation(blocks: &mut Blocks, setting: Translation) {
    translator::set_translation(blocks, setting);
}

/// Counts from now on what is executed, or the jumps that are taken, and drops translated code that does not.
pub(crate) fn count(blocks: &mut Blocks, edges: bool) {
    let counting = &mut blocks.counting;
    if if edges { counting.begin_edges() } else { counting.begin() } {
        translator::forget(blocks);
    }
}
