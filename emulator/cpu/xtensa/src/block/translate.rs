//! Blocks that are translated to code of the host: which, when, and how one is entered.

use std::sync::{Arc, OnceLock};

use espalier_core::{Bus, CODE_PAGE, CodeMemory, Executed, Timing, Translation, WindowLayout};
use espalier_jit::{Block as Lowered, CodePool, Engine, Exit, Op, Space};

use super::lower::{self, Surroundings};
use super::{Blocks, NONE};
use crate::cost::{AHEAD, Penalties};
use crate::instruction::Instruction;
use crate::state::State;

/// A block that was hot in a fork is translated after so many executions: what was made there is only copied.
const EARLY: u32 = 8;

/// Translated code, and what it was made for.
#[derive(Debug)]
pub(crate) struct Translator {
    setting: Translation,
    engine: Option<Box<Engine>>,
    /// The host has no back end, or refuses memory for code.
    refused: bool,
    /// Whether data breakpoints look at loads, and at stores.
    watched: [bool; 2],
    /// Blocks that end where code was not at hand when they were translated, with the cells of their translations.
    cut: Vec<(u32, u32)>,
    /// The code of this core and of its clones. There is none before the first clone.
    pool: OnceLock<Arc<CodePool>>,
}

impl Translator {
    pub(crate) fn new(setting: Translation) -> Translator {
        let (watched, cut, pool) = ([false; 2], Vec::new(), OnceLock::new());
        Translator { setting, engine: None, refused: false, watched, cut, pool }
    }

    /// One for a clone, which copies code out of the pool where it has translated the same.
    pub(crate) fn for_clone(&self) -> Translator {
        let pool = Arc::clone(self.pool.get_or_init(Arc::default));
        Translator { pool: pool.into(), ..Translator::new(self.setting) }
    }

    pub(crate) fn setting(&self) -> Translation {
        self.setting
    }

    /// No way leads any more to a block that is stale.
    pub(crate) fn remove(&mut self, cell: u32) {
        if cell != NONE
            && let Some(engine) = &mut self.engine
        {
            engine.remove(cell);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.cut.clear();
        if let Some(engine) = &mut self.engine {
            engine.clear();
        }
    }
}

/// The result of translated code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// The core is at an address, with so many instructions left.
    At { room: u32 },
    /// The interpreter goes on with instruction `from` of the block `index`; those before it are done and not counted.
    Within { index: u32, from: u32, room: u32 },
}

impl Blocks {
    /// True if blocks may be translated.
    #[inline(always)]
    pub(crate) fn translates(&self) -> bool {
        let translator = &self.cache.decoder.translator;
        translator.setting != Translation::Off && !translator.refused && self.cache.counting.is_translated()
    }

    pub(crate) fn set_translation(&mut self, setting: Translation) {
        self.forget_translations();
        let pool = std::mem::take(&mut self.cache.decoder.translator.pool);
        self.cache.decoder.translator = Translator { pool, ..Translator::new(setting) };
    }

    pub(crate) fn translation(&self) -> Translation {
        self.cache.decoder.translator.setting
    }

    /// Counts from now on what is executed, and drops translated code that does not.
    pub(crate) fn count(&mut self) {
        if self.cache.counting.begin() {
            self.forget_translations();
        }
    }

    /// Counts from now on the jumps that are taken, in the same way.
    pub(crate) fn count_edges(&mut self) {
        if self.cache.counting.begin_edges() {
            self.forget_translations();
        }
    }

    /// Drops translated code that does not look at data breakpoints as it has to now.
    #[inline(always)]
    pub(crate) fn note_watches(&mut self, watched: [bool; 2]) {
        if self.cache.decoder.translator.watched != watched {
            self.cache.decoder.translator.watched = watched;
            self.forget_translations();
        }
    }

    /// Code has come. A block that ended before it is stale now, and other blocks must not lead to its translation any more.
    #[cold]
    pub(crate) fn note_arrival<B: Bus>(&mut self, bus: &B) {
        let cut = std::mem::take(&mut self.cache.decoder.translator.cut);
        for (index, cell) in cut {
            let block = self.cache.block_mut(index);
            if !block.cut || block.own.native != cell {
                continue;
            }
            if bus.is_at_hand(block.end) {
                block.own.native = NONE;
                self.cache.decoder.translator.remove(cell);
            } else {
                self.cache.decoder.translator.cut.push((index, cell));
            }
        }
    }

    #[cold]
    fn forget_translations(&mut self) {
        self.cache.decoder.translator.clear();
        for block in self.cache.blocks_mut() {
            (block.own.native, block.own.heat) = (NONE, 0);
        }
        self.cache.counting.forget_places();
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
        let setting = self.translation();
        let own = &mut self.cache.block_mut(index).own;
        if own.native == NONE {
            own.heat = own.heat.saturating_add(1);
            let heat = own.heat;
            let is_hot = setting == Translation::After(heat) || heat == EARLY && self.is_known(index);
            if !is_hot || !self.translate(index, state, bus) {
                return None;
            }
        }
        let block = self.block(index);
        let native = block.own.native;
        // Registers that were read before are read again in time.
        let end = bus.steady_until(spent).clamp(spent, stop);
        let room = end - spent;
        if u32::from(block.own.most) > room || u32::from(block.own.window) > state.window_free {
            return None;
        }
        let engine = self.cache.decoder.translator.engine.as_mut()?;
        engine.refresh_pages(bus.page_generation(), |number| bus.page(number));
        let executions = self.cache.counting.executions();
        // Translated code counts back from where it stops.
        let cut = stop - end;
        state.ccount_at_stop = state.ccount_at_stop.wrapping_sub(cut);
        let outcome =
            bus.windows().and_then(|mut windows| engine.run(native, state.words(), &mut windows, executions, room));
        state.ccount_at_stop = state.ccount_at_stop.wrapping_add(cut);
        let outcome = outcome?;
        if let Some(left) = outcome.looked {
            bus.looked_at_steady(end - left);
        }
        let left = outcome.room + cut;
        match outcome.exit {
            // A block that cannot be entered after all.
            Exit::At if outcome.room == room => None,
            Exit::At | Exit::Look => Some(Entered::At { room: left }),
            Exit::Interpret { tag, index } => Some(Entered::Within { index: tag, from: index, room: left }),
        }
    }

    /// Whether a fork has found a block at the same address hot.
    #[inline(never)]
    fn is_known(&self, index: u32) -> bool {
        let translator = &self.cache.decoder.translator;
        let waits = matches!(translator.setting, Translation::After(heat) if heat > EARLY);
        waits && translator.pool.get().is_some_and(|pool| pool.knows(self.block(index).start()))
    }

    /// Translates a block. False if that cannot be done.
    #[inline(never)]
    fn translate<B: Bus>(&mut self, index: u32, state: &State, bus: &mut B) -> bool {
        let layout = bus.window_layout();
        if self.cache.decoder.translator.engine.is_none() {
            let translator = &mut self.cache.decoder.translator;
            let pool = translator.pool.get().map(Arc::clone);
            translator.engine = Engine::sharing(layout, lower::PC, Some(lower::RING), pool).map(Box::new);
            translator.refused = translator.engine.is_none();
        }
        let (timing, block) = (self.timing(), self.block(index));
        let is_cached = block.own.is_cached();
        let (start, end, memory, most) = (block.start(), block.end, block.memory, u32::from(block.own.most));
        let mut versions = Vec::new();
        if memory == CodeMemory::Writable {
            for (address, version) in [start, end.wrapping_sub(1)].into_iter().zip(block.versions) {
                let Some((space, page)) = versioned_page(&layout, address) else { return false };
                versions.push((space, page, version));
            }
            versions.dedup();
        }
        let mut around = Surroundings {
            start,
            end,
            window: block.own.window,
            versions: &versions,
            watched: self.cache.decoder.translator.watched,
            jump: u32::from(Penalties::of(self.timing()).jump),
            loop_start: (state.lend == end).then_some(state.lbeg),
            lines: is_cached.then_some([start, start.wrapping_add(AHEAD)]),
            constant: &mut |address| {
                // State that can change more easily than the block itself is loaded each time.
                let there = bus.code_memory(address);
                let is_there = there <= memory && there != CodeMemory::Writable;
                let value = if is_there { bus.fetch(address).ok()? } else { return None };
                Some((value, timing == Timing::Silicon && there == CodeMemory::Mapped))
            },
        };
        let Some(mut ops) = lower::lower(self.instructions(block), &mut around) else { return false };
        if self.cache.counting.is_on() {
            ops = self.tallied(index, &ops);
        }
        let lowered = Lowered { address: start, tag: index, count: most, ops: &ops };
        let Some(engine) = &mut self.cache.decoder.translator.engine else { return false };
        match engine.install(&lowered) {
            Some(cell) => {
                let block = self.cache.block_mut(index);
                block.own.native = cell;
                let (is_cut, cut) = (block.cut, &mut self.cache.decoder.translator.cut);
                if is_cut && !cut.contains(&(index, cell)) {
                    cut.push((index, cell));
                }
                true
            }
            // All room is taken: what is still hot will soon be there again.
            None => {
                self.forget_translations();
                false
            }
        }
    }

    /// The operations of a block, with each way out counted.
    fn tallied(&mut self, index: u32, ops: &[Op]) -> Vec<Op> {
        let block = self.block(index);
        let start = block.start();
        let after = |op: &Instruction| start.wrapping_add(u32::from(op.offset) + u32::from(op.length()));
        let ends: Vec<u32> = self.instructions(block).iter().map(after).collect();
        let mut tallied = Vec::with_capacity(ops.len() + ops.len() / 2);
        let mut present = 0;
        for op in ops {
            let way = match *op {
                Op::Instruction(index) => {
                    present = index as usize;
                    None
                }
                Op::Branch { target, .. } | Op::Jump { target, .. } | Op::Look { target, .. } => Some(Some(target)),
                Op::JumpIndirect { .. } => Some(None),
                _ => None,
            };
            if let Some(target) = way {
                let end = ends[present];
                let run = Executed { start, end, jumped: target != Some(end), unfinished: false };
                tallied.extend(self.cache.counting.place(run).map(|place| Op::Tally { place }));
            }
            tallied.push(*op);
        }
        tallied
    }
}

/// The page with a version that code at `address` lies on.
fn versioned_page(layout: &WindowLayout, address: u32) -> Option<(Space, u32)> {
    if let Some(offset) = layout.words.offset(address, 1) {
        return Some((Space::Words, offset / CODE_PAGE));
    }
    let offset = layout.data.offset(address, 1)?.checked_sub(layout.versioned_from)?;
    Some((Space::Data, offset / CODE_PAGE))
}
