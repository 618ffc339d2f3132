//! Xtensa's own part of translating blocks to code of the host.

use espalier_core::{Bus, CodeMemory, Executed, Timing, Translation};
use espalier_jit::translator::{self, Around, Heat, Translated, Translator};
use espalier_jit::{Ring, Slot};

use super::lower::{self, Manner, Part, Surroundings};
use super::{Block, Blocks, Own, Xtensa};
use crate::cost::{AHEAD, Penalties};
use crate::state::State;

pub(crate) use translator::Entered;

impl Translated for Xtensa {
    const PC: Slot = lower::PC;
    const RING: Option<Ring> = Some(lower::RING);

    fn translator(&self) -> &Translator {
        &self.translator
    }

    fn translator_mut(&mut self) -> &mut Translator {
        &mut self.translator
    }

    fn heat(own: &Own) -> &Heat {
        &own.heat
    }

    fn heat_mut(own: &mut Own) -> &mut Heat {
        &mut own.heat
    }

    fn most(block: &Block) -> u32 {
        u32::from(block.own.most)
    }
}

/// Surroundings of a block that is translated.
struct Neighbours<'a, 'b, 'c, B> {
    around: &'c mut Around<'a, 'b, Xtensa, B>,
    /// The start and the end of the loop that the core is in.
    current_loop: [u32; 2],
}

impl<'a, B: Bus> Neighbours<'a, '_, '_, B> {
    fn timing(&self) -> Timing {
        self.around.cache.decoder.timing
    }

    /// A block as it can be lowered.
    fn part(&self, index: u32) -> Option<Part<'a>> {
        let cache = self.around.cache;
        let block = cache.block(index);
        let (start, end) = (block.start(), block.end);
        Some(Part {
            tag: index,
            start,
            end,
            instructions: cache.instructions(block),
            most: u32::from(block.own.most),
            window: block.own.window,
            memory: block.memory,
            versions: self.around.conditions(index)?,
            lines: block.own.is_cached().then_some([start, start.wrapping_add(AHEAD)]),
            loop_start: (self.current_loop[1] == end).then_some(self.current_loop[0]),
        })
    }
}

impl<'a, B: Bus> Surroundings<'a> for Neighbours<'a, '_, '_, B> {
    fn constant(&mut self, memory: CodeMemory, address: u32) -> Option<(u32, bool)> {
        // State that can change more easily than the block itself is loaded each time.
        let bus = &mut *self.around.bus;
        let there = bus.code_memory(address);
        let is_there = there <= memory && there != CodeMemory::Writable;
        let value = if is_there { bus.fetch(address).ok()? } else { return None };
        Some((value, self.timing() == Timing::Silicon && there == CodeMemory::Mapped))
    }

    fn next(&mut self, address: u32, falls: bool) -> Option<Part<'a>> {
        let decoder = &self.around.cache.decoder;
        // No loop ends within a block.
        if falls && decoder.loop_ends.contains(&address) {
            return None;
        }
        let index = self.around.next(address)?;
        let part = self.part(index)?;
        let last = part.instructions.last();
        if last.is_some_and(|op| op.opcode.begins_loop() && !decoder.knows_loop(part.end, op.immediate)) {
            return None;
        }
        self.around.join(index, falls);
        Some(part)
    }

    fn place(&mut self, way: &[Executed]) -> Option<u32> {
        self.around.place(way)
    }
}

impl Blocks {
    /// True if blocks may be translated.
    #[inline(always)]
    pub(crate) fn translates(&self) -> bool {
        translator::translates(&self.cache)
    }

    pub(crate) fn set_translation(&mut self, setting: Translation) {
        translator::set_translation(&mut self.cache, setting);
    }

    pub(crate) fn translation(&self) -> Translation {
        self.cache.decoder.translator.setting()
    }

    /// Counts from now on what is executed, and drops translated code that does not.
    pub(crate) fn count(&mut self) {
        if self.cache.counting.begin() {
            translator::forget(&mut self.cache);
        }
    }

    /// Counts from now on the jumps that are taken, in the same way.
    pub(crate) fn count_edges(&mut self) {
        if self.cache.counting.begin_edges() {
            translator::forget(&mut self.cache);
        }
    }

    /// Drops translated code that does not look at data breakpoints as it has to now.
    #[inline(always)]
    pub(crate) fn note_watches(&mut self, watched: [bool; 2]) {
        if self.cache.decoder.watched != watched {
            self.cache.decoder.watched = watched;
            translator::forget(&mut self.cache);
        }
    }

    /// Code has come. A block that ended before it is stale now.
    #[cold]
    pub(crate) fn note_arrival<B: Bus>(&mut self, bus: &B) {
        translator::note_arrival(&mut self.cache, bus);
    }

    /// Executes translated code from the block `index` on, which is at the core's address and current. None if the interpreter
    /// has to do that block. The run has taken `spent` cycles and ends when it has taken `stop`.
    #[inline]
    pub(crate) fn enter<B: Bus>(
        &mut self,
        index: u32,
        state: &mut State,
        bus: &mut B,
        spent: u32,
        stop: u32,
    ) -> Option<Entered> {
        let is_plain = self.is_plain();
        let translate = |cache: &mut _| translate(cache, index, is_plain, [state.lbeg, state.lend], bus);
        if !translator::is_translated(&mut self.cache, index, translate)
            || is_plain && u32::from(self.block(index).own.window) > state.window_free
        {
            return None;
        }
        let end = translator::end(bus, spent, stop);
        // Translated code counts back from where it stops.
        let cut = stop - end;
        state.ccount_at_stop = state.ccount_at_stop.wrapping_sub(cut);
        let entered = translator::enter(&mut self.cache, index, state.words(), bus, [spent, end, stop]);
        state.ccount_at_stop = state.ccount_at_stop.wrapping_add(cut);
        entered
    }

    /// Whether window exceptions are left to the interpreter.
    fn is_plain(&self) -> bool {
        self.cache.counting.follows_cuts()
    }
}

/// Translates a block. False if that cannot be done.
fn translate<B: Bus>(
    cache: &mut espalier_core::BlockCache<Xtensa>,
    index: u32,
    plain: bool,
    current_loop: [u32; 2],
    bus: &mut B,
) -> bool {
    let (block, decoder) = (cache.block(index), &cache.decoder);
    let last = cache.instructions(block).last();
    if last.is_some_and(|op| op.opcode.begins_loop() && !decoder.knows_loop(block.end, op.immediate)) {
        return false;
    }
    let manner = Manner { watched: decoder.watched, penalties: Penalties::of(decoder.timing), plain };
    translator::translate(cache, index, bus, |around| {
        let mut neighbours = Neighbours { around, current_loop };
        let part = neighbours.part(index)?;
        lower::lower(part, manner, &mut neighbours)
    })
}
