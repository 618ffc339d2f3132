//! Blocks of decoded instructions that are translated: which, when, and how one is entered. The same for every instruction set, which
//! says what is its own through [`Translated`].

mod around;
mod joins;
mod reach;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use espalier_core::{AddressMap, BlockCache, Bus, CodeMemory, Decoder, Translation};

pub use around::{Around, Conditions};
use joins::Join;
pub use joins::{separate, taken_over};
use reach::Reach;

use crate::block::{Block, Exit};
use crate::engine::Engine;
use crate::ir::{Op, Ring, Slot};
use crate::native::CodePool;

/// A block that was hot in a fork is translated after so many executions: what was made there is only copied.
const EARLY: u32 = 8;
/// No cell.
const NONE: u32 = u32::MAX;

/// An instruction set whose blocks are translated.
pub trait Translated: Decoder {
    /// The register for the address of the next instruction.
    const PC: Slot;
    /// The register window.
    const RING: Option<Ring>;

    /// The translations.
    fn translator(&self) -> &Translator;

    /// The same, to be changed.
    fn translator_mut(&mut self) -> &mut Translator;

    /// The heat of a block.
    fn heat(own: &Self::Own) -> &Heat;

    /// The same, to be changed.
    fn heat_mut(own: &mut Self::Own) -> &mut Heat;

    /// The most cycles on a way through a block.
    fn most(block: &espalier_core::Block<Self::Own>) -> u32;
}

/// The number of executions of a block, and its translation.
#[derive(Clone, Debug)]
pub struct Heat {
    /// Number of executions before it was translated.
    executions: u32,
    /// The cell of its translation.
    cell: u32,
    /// Others know that it was executed a few times, and may join it.
    is_warm: bool,
}

impl Default for Heat {
    fn default() -> Heat {
        Heat { executions: 0, cell: NONE, is_warm: false }
    }
}

impl Heat {
    fn forget(&mut self) {
        (self.executions, self.cell) = (0, NONE);
    }
}

/// Translated code, and what it was made for.
#[derive(Debug)]
pub struct Translator {
    setting: Translation,
    engine: Option<Box<Engine>>,
    /// The host has no back end, or refuses memory for code.
    refused: bool,
    /// Blocks that end where code was not at hand when they were translated, with the cells of their translations.
    cut: Vec<(u32, u32)>,
    /// Blocks that were executed a few times, by their address.
    warm: HashMap<u32, u32>,
    /// The blocks that were joined to others.
    joins: Vec<Join>,
    /// The address translation that they were joined under.
    epoch: u32,
    /// Translations that wait for code to be at hand again, with the number of blocks that each one waits for, and which wait for each block.
    resting: AddressMap<u32>,
    waiting: AddressMap<Vec<u32>>,
    /// The blocks whose code was not at hand when the core began, with the cells of the translations to which they were joined, as far as
    /// so many joins say.
    waits: Vec<(u32, u32)>,
    looked_through: usize,
    /// The code of this core and of its clones. There is none before the first clone.
    pool: OnceLock<Arc<CodePool>>,
}

impl Translator {
    /// No translations.
    pub fn new(setting: Translation) -> Translator {
        Translator {
            setting,
            engine: None,
            refused: false,
            cut: Vec::new(),
            warm: HashMap::new(),
            joins: Vec::new(),
            epoch: 0,
            resting: AddressMap::default(),
            waiting: AddressMap::default(),
            waits: Vec::new(),
            looked_through: 0,
            pool: OnceLock::new(),
        }
    }

    /// One for a clone, which copies code out of the pool where it has translated the same.
    pub fn for_clone(&self) -> Translator {
        let pool = Arc::clone(self.pool.get_or_init(Arc::default));
        Translator { pool: pool.into(), ..Translator::new(self.setting) }
    }

    /// Tells which blocks are translated.
    pub fn setting(&self) -> Translation {
        self.setting
    }

    /// The block that starts at an address is no more: no way leads to its translation, and what has waited for it is not entered again.
    pub fn dropped(&mut self, start: u32, heat: &Heat) {
        let Some(engine) = &mut self.engine else { return };
        if heat.cell != NONE {
            engine.remove(heat.cell);
        }
        for cell in self.waiting.remove(&start).unwrap_or_default() {
            self.resting.remove(&cell);
            engine.remove(cell);
        }
    }

    /// All blocks were dropped.
    pub fn cleared(&mut self) {
        self.warm.clear();
        self.clear();
    }

    /// The block at `start` is there: what has waited for nothing else can be entered again.
    pub fn woken(&mut self, start: u32) {
        let Some(engine) = &mut self.engine else { return };
        for cell in self.waiting.remove(&start).unwrap_or_default() {
            if let Some(others) = self.resting.get_mut(&cell) {
                *others -= 1;
                if *others == 0 {
                    self.resting.remove(&cell);
                    engine.resume(cell);
                }
            }
        }
    }

    /// The translation in this cell waits for the block at `start`.
    fn rest(&mut self, cell: u32, start: u32) {
        if let Some(engine) = &mut self.engine {
            engine.suspend(cell);
            *self.resting.entry(cell).or_default() += 1;
            self.waiting.entry(start).or_default().push(cell);
        }
    }

    /// Drops all translations.
    fn clear(&mut self) {
        self.cut.clear();
        self.joins.clear();
        self.resting.clear();
        self.waiting.clear();
        (self.waits, self.looked_through) = (Vec::new(), 0);
        if let Some(engine) = &mut self.engine {
            engine.clear();
        }
    }
}

/// The result of translated code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// The core is at an address, with so many cycles left.
    At {
        /// The cycles.
        room: u32,
    },
    /// The interpreter goes on with instruction `from` of the block `index`; those before it are done and not counted. If code `is_changed`
    /// by the last of them, it leaves the block there.
    Within {
        /// The block.
        index: u32,
        /// The instruction.
        from: u32,
        /// The cycles that were left when the block began.
        room: u32,
        /// Whether the interpreter has to leave it.
        is_changed: bool,
    },
}

/// True if blocks may be translated.
#[inline(always)]
pub fn translates<D: Translated>(cache: &BlockCache<D>) -> bool {
    let translator = cache.decoder.translator();
    translator.setting != Translation::Off && !translator.refused && cache.counting.is_translated()
}

/// Chooses which blocks are translated from now on.
pub fn set_translation<D: Translated>(cache: &mut BlockCache<D>, setting: Translation) {
    forget(cache);
    let translator = cache.decoder.translator_mut();
    let pool = std::mem::take(&mut translator.pool);
    *translator = Translator { pool, ..Translator::new(setting) };
}

/// Code has come. A block that ended before it is stale now, and other blocks must not lead to its translation any more.
#[cold]
pub fn note_arrival<D: Translated, B: Bus>(cache: &mut BlockCache<D>, bus: &B) {
    let mut cut = std::mem::take(&mut cache.decoder.translator_mut().cut);
    cut.retain(|(index, cell)| {
        let block = cache.block_mut(*index);
        if !block.cut || D::heat(&block.own).cell != *cell {
            return false;
        }
        let has_come = bus.is_at_hand(block.end);
        if has_come {
            D::heat_mut(&mut block.own).cell = NONE;
            if let Some(engine) = &mut cache.decoder.translator_mut().engine {
                engine.remove(*cell);
            }
        }
        !has_come
    });
    cache.decoder.translator_mut().cut = cut;
}

/// Drops translations that a change of address translation makes stale, though it does not the blocks that they begin with.
#[inline(always)]
pub fn note_mapping<D: Translated>(cache: &mut BlockCache<D>, epoch: u32) {
    let translator = cache.decoder.translator_mut();
    if translator.epoch != epoch {
        translator.epoch = epoch;
        separate(cache, |join| join.is_mapped);
    }
}

/// Drops all translations: code would be another one now.
#[cold]
pub fn forget<D: Translated>(cache: &mut BlockCache<D>) {
    cache.decoder.translator_mut().clear();
    cache.blocks_mut().for_each(|block| D::heat_mut(&mut block.own).forget());
    cache.counting.forget_places();
}

/// Whether a block is translated, or gets hot enough now that [`translate`] does it.
#[inline(always)]
pub fn is_translated<D: Translated>(
    cache: &mut BlockCache<D>,
    index: u32,
    translate: impl FnOnce(&mut BlockCache<D>) -> bool,
) -> bool {
    let setting = cache.decoder.translator().setting;
    let heat = D::heat_mut(&mut cache.block_mut(index).own);
    if heat.cell != NONE {
        return true;
    }
    heat.executions = heat.executions.saturating_add(1);
    let executions = heat.executions;
    if !heat.is_warm && (executions == EARLY || setting == Translation::After(executions)) {
        heat.is_warm = true;
        let start = cache.block(index).start();
        // Others may have joined what was at this address before.
        if cache.decoder.translator_mut().warm.insert(start, index).is_some() {
            separate(cache, |join| join.start == start);
        }
    }
    let is_hot = setting == Translation::After(executions) || executions == EARLY && is_known(cache, index);
    is_hot && translate(cache)
}

/// Whether a fork has found a block at the same address hot.
#[inline(never)]
fn is_known<D: Translated>(cache: &BlockCache<D>, index: u32) -> bool {
    let translator = cache.decoder.translator();
    let waits = matches!(translator.setting, Translation::After(heat) if heat > EARLY);
    waits && translator.pool.get().is_some_and(|pool| pool.knows(cache.block(index).start()))
}

/// Translates a block to the operations that `lower` makes of it. False if that cannot be done.
#[inline(never)]
pub fn translate<D: Translated, B: Bus>(
    cache: &mut BlockCache<D>,
    index: u32,
    bus: &mut B,
    lower: impl FnOnce(&mut Around<'_, '_, D, B>) -> Option<Vec<Op>>,
) -> bool {
    let layout = bus.window_layout();
    let translator = cache.decoder.translator_mut();
    if translator.engine.is_none() {
        let pool = translator.pool.get().map(Arc::clone);
        translator.engine = Engine::sharing(layout, D::PC, D::RING, pool).map(Box::new);
        translator.refused = translator.engine.is_none();
    }
    let counting = std::mem::take(&mut cache.counting);
    let mut around = Around::new(cache, bus, layout, counting);
    let lowered = lower(&mut around);
    let Around { joined, counting, .. } = around;
    cache.counting = counting;
    let Some(ops) = lowered else { return false };
    let block = cache.block(index);
    let (start, is_cut, head, count) = (block.start(), block.cut, block.memory, D::most(block));
    let lowered = Block { address: start, tag: index, count, ops: &ops };
    let translator = cache.decoder.translator_mut();
    let Some(engine) = &mut translator.engine else { return false };
    let Some(cell) = engine.install(&lowered) else {
        // All room is taken: what is still hot will soon be there again.
        forget(cache);
        return false;
    };
    if is_cut && !translator.cut.contains(&(index, cell)) {
        translator.cut.push((index, cell));
    }
    D::heat_mut(&mut cache.block_mut(index).own).cell = cell;
    for (joined, falls) in joined {
        let block = cache.block(joined);
        let is_mapped = block.memory == CodeMemory::Mapped && head != CodeMemory::Mapped;
        let join =
            Join { head: index, head_start: start, cell, start: block.start(), end: block.end, falls, is_mapped };
        cache.decoder.translator_mut().joins.push(join);
    }
    true
}

/// The cycle of the core's run in which translated code stops that is entered in cycle `spent`, at the latest `stop`: registers that were
/// read before are read again in time.
#[inline(always)]
pub fn end<B: Bus>(bus: &mut B, spent: u32, stop: u32) -> u32 {
    bus.steady_until(spent).clamp(spent, stop)
}

/// Executes translated code from the block `index` on, which is translated, at the core's address and current. None if the interpreter
/// has to do that block. The run has taken `spent` cycles and ends when it has taken `stop`; the code stops in the cycle [`end`].
#[inline]
pub fn enter<D: Translated, B: Bus>(
    cache: &mut BlockCache<D>,
    index: u32,
    registers: &mut [u32],
    bus: &mut B,
    [spent, end, stop]: [u32; 3],
) -> Option<Entered> {
    let block = cache.block(index);
    let (cell, room) = (D::heat(&block.own).cell, end - spent);
    if D::most(block) > room {
        return None;
    }
    let engine = cache.decoder.translator_mut().engine.as_mut()?;
    let generation = bus.page_generation();
    engine.refresh_pages(generation, |number| bus.page(number));
    let mut reach = Reach { bus, end, generation, is_changed: false };
    let outcome = engine.run(cell, registers, &mut reach, cache.counting.executions(), room);
    let (bus, is_changed) = (reach.bus, reach.is_changed);
    let Some(outcome) = outcome else {
        // Its cell has been emptied, unless it waits.
        if !cache.decoder.translator().resting.contains_key(&cell) {
            D::heat_mut(&mut cache.block_mut(index).own).forget();
        }
        return None;
    };
    if let Some(left) = outcome.looked {
        bus.looked_at_steady(end - left);
    }
    // Translated code counts back from where it stops.
    let left = outcome.room + (stop - end);
    match outcome.exit {
        // A block that cannot be entered after all.
        Exit::At if outcome.room == room => None,
        Exit::At | Exit::Look => Some(Entered::At { room: left }),
        Exit::Interpret { tag, index } => Some(Entered::Within { index: tag, from: index, room: left, is_changed }),
    }
}
