//! Blocks that are translated to code of the host: which, when, and how one is entered.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use espalier_core::{
    AddressMap, BlockCache, Bus, CODE_PAGE, CodeMemory, Counting, Executed, Stored, Timing, Translation, WindowLayout,
    Windows,
};
use espalier_jit::{Access, Block as Lowered, CodePool, Engine, Exit, Moment, Outside, Reached, Space};

use super::lower::{self, Manner, Part, Surroundings};
use super::{Blocks, NONE, Xtensa};
use crate::cost::{AHEAD, Penalties};
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
    pub(crate) fn new(setting: Translation) -> Translator {
        Translator {
            setting,
            engine: None,
            refused: false,
            watched: [false; 2],
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

    /// All blocks were dropped.
    pub(crate) fn cleared(&mut self) {
        self.warm.clear();
        self.clear();
    }

    /// The translation in this cell waits for the block at `start`.
    fn rest(&mut self, cell: u32, start: u32) {
        if let Some(engine) = &mut self.engine {
            engine.suspend(cell);
            *self.resting.entry(cell).or_default() += 1;
            self.waiting.entry(start).or_default().push(cell);
        }
    }

    /// The block at `start` is there: what has waited for nothing else can be entered again.
    pub(super) fn woken(&mut self, start: u32) {
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

    /// The block at `start` is no more: what has waited for it is not entered again.
    pub(super) fn lost(&mut self, start: u32) {
        let Some(engine) = &mut self.engine else { return };
        for cell in self.waiting.remove(&start).unwrap_or_default() {
            self.resting.remove(&cell);
            engine.remove(cell);
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

/// A block that was joined to another one when that was translated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Join {
    /// The block that begins the translation, where it starts, and the cell of the translation.
    head: u32,
    head_start: u32,
    cell: u32,
    /// Where the block that was joined starts and ends.
    start: u32,
    end: u32,
    /// Control comes to it from the instruction before it.
    falls: bool,
    /// A change of address translation makes it stale as well, which it does not do to the block that begins it.
    is_mapped: bool,
}

/// The blocks are those of another core, which maps other pages. All are there but for these: translations of them, or to which they were
/// joined, wait; those of blocks that will be decoded anew wait without end.
pub(super) fn taken_over(cache: &mut BlockCache<Xtensa>, asleep: &[u32]) {
    // None is joined to one that ends where code was not at hand.
    let blocks = asleep.iter().map(|index| cache.block(*index)).filter(|block| !block.may_wake() && !block.cut);
    let gone: BTreeSet<u32> = blocks.map(|block| block.start()).collect();
    if !gone.is_empty() {
        separate(cache, |join| gone.contains(&join.start));
    }
    let own = asleep.iter().map(|index| cache.block(*index)).map(|block| (block.start(), block.own.native));
    let own: Vec<(u32, u32)> = own.collect();
    let starts: AddressMap<()> = own.iter().map(|(start, _)| (*start, ())).collect();
    let translator = &mut cache.decoder.translator;
    translator.cut.clear();
    translator.resting.clear();
    translator.waiting.clear();
    let Some(engine) = &mut translator.engine else { return };
    engine.forget_pages();
    // Of the joins that there were when the other core began, those that wait have waited there.
    let mut joined = std::mem::take(&mut translator.waits);
    joined.retain(|(start, _)| starts.contains_key(start));
    let more = translator.joins[translator.looked_through..].iter().map(|join| (join.start, join.cell));
    joined.extend(more.filter(|(start, _)| starts.contains_key(start)));
    let own = own.into_iter().filter(|(_, cell)| *cell != NONE);
    own.chain(joined.iter().copied()).for_each(|(start, cell)| translator.rest(cell, start));
    (translator.waits, translator.looked_through) = (joined, translator.joins.len());
}

/// Drops the translations to which such blocks were joined.
pub(super) fn separate(cache: &mut BlockCache<Xtensa>, is_stale: impl Fn(&Join) -> bool) {
    if cache.decoder.translator.joins.is_empty() {
        return;
    }
    let joins = std::mem::take(&mut cache.decoder.translator.joins);
    let (stale, others) = joins.into_iter().partition::<Vec<_>, _>(|join| is_stale(join));
    let translator = &mut cache.decoder.translator;
    translator.joins = others;
    if !stale.is_empty() {
        (translator.waits, translator.looked_through) = (Vec::new(), 0);
    }
    for Join { head, head_start, cell, .. } in stale {
        let block = cache.block_mut(head);
        // Else it was dropped for another reason, and the cell may be that of the block which is there now.
        if block.start() == head_start && block.own.native == cell {
            (block.own.native, block.own.heat) = (NONE, 0);
            cache.decoder.translator.remove(cell);
        }
    }
}

impl Join {
    /// The verdict of `is_so` on its start and its end.
    pub(super) fn lies(&self, is_so: impl Fn(u32, u32) -> bool) -> bool {
        is_so(self.start, self.end)
    }

    /// True if no loop may end at `address`.
    pub(super) fn runs_across(&self, address: u32) -> bool {
        (self.start < address || self.falls && self.start == address) && address < self.end
    }
}

/// Surroundings of a block that is translated.
struct Around<'a, 'b, B> {
    blocks: &'a Blocks,
    bus: &'b mut B,
    layout: WindowLayout,
    /// The start and the end of the loop that the core is in.
    current_loop: [u32; 2],
    timing: Timing,
    /// The blocks that were joined, and whether control comes to them from the instruction before.
    joined: Vec<(u32, bool)>,
    /// The counts of the code, as long as it is translated.
    counting: Counting,
}

impl<'a, B: Bus> Around<'a, '_, B> {
    /// A block as it can be lowered.
    fn part(&self, index: u32) -> Option<Part<'a>> {
        let block = self.blocks.block(index);
        let (start, end) = (block.start(), block.end);
        let mut versions = Vec::new();
        if block.memory == CodeMemory::Writable {
            for (address, version) in [start, end.wrapping_sub(1)].into_iter().zip(block.versions) {
                let (space, page) = versioned_page(&self.layout, address)?;
                versions.push((space, page, version));
            }
            versions.dedup();
        }
        Some(Part {
            tag: index,
            start,
            end,
            instructions: self.blocks.instructions(block),
            most: u32::from(block.own.most),
            window: block.own.window,
            memory: block.memory,
            versions,
            lines: block.own.is_cached().then_some([start, start.wrapping_add(AHEAD)]),
            loop_start: (self.current_loop[1] == end).then_some(self.current_loop[0]),
        })
    }
}

impl<'a, B: Bus> Surroundings<'a> for Around<'a, '_, B> {
    fn constant(&mut self, memory: CodeMemory, address: u32) -> Option<(u32, bool)> {
        // State that can change more easily than the block itself is loaded each time.
        let there = self.bus.code_memory(address);
        let is_there = there <= memory && there != CodeMemory::Writable;
        let value = if is_there { self.bus.fetch(address).ok()? } else { return None };
        Some((value, self.timing == Timing::Silicon && there == CodeMemory::Mapped))
    }

    fn next(&mut self, address: u32, falls: bool) -> Option<Part<'a>> {
        let decoder = &self.blocks.cache.decoder;
        // No loop ends within a block.
        if falls && decoder.loop_ends.contains(&address) {
            return None;
        }
        let index = *decoder.translator.warm.get(&address)?;
        let block = self.blocks.block(index);
        let is_current = block.start() == address
            && !block.cut
            && block.is_awake()
            && (block.memory != CodeMemory::Writable
                || [address, block.end.wrapping_sub(1)].map(|place| self.bus.code_version(place)) == block.versions);
        let part = if is_current { self.part(index)? } else { return None };
        let last = part.instructions.last();
        if last.is_some_and(|op| op.opcode.begins_loop() && !self.blocks.knows_loop(part.end, op.immediate)) {
            return None;
        }
        self.joined.push((index, falls));
        Some(part)
    }

    fn place(&mut self, way: &[Executed]) -> Option<u32> {
        self.counting.place(way)
    }
}

/// The result of translated code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// The core is at an address, with so many instructions left.
    At { room: u32 },
    /// The interpreter goes on with instruction `from` of the block `index`; those before it are done and not counted. If code `is_changed`
    /// by the last of them, it leaves the block there.
    Within { index: u32, from: u32, room: u32, is_changed: bool },
}

/// The bus of a core, as translated code reaches it.
struct Reach<'a, B> {
    bus: &'a mut B,
    /// The cycle of the core's run in which that of translated code ends.
    end: u32,
    /// The generation of the pages that it knows.
    generation: u64,
    /// The last access has changed code.
    is_changed: bool,
}

impl<B: Bus> Reach<'_, B> {
    /// An access with this result is done. The code goes on unless the interpreter would have something to do behind the block, or something
    /// is not as translated code knows it.
    fn done(&mut self, access: Access, cycle: u32) -> Reached {
        let bus = &mut *self.bus;
        let is_plain = !self.is_changed && !bus.attention() && bus.page_generation() == self.generation;
        // Registers that were read before are read again in time.
        if is_plain && bus.steady_until(cycle + 1) >= self.end { Reached::GoOn(access) } else { Reached::Stop(access) }
    }

    /// The interpreter waits for a register as if nothing had been done: not again if that was over.
    #[cold]
    fn refused(&mut self, address: u32, waited: u32) -> Reached {
        if waited == 0 {
            self.bus.wait_ahead(address, u32::MAX);
        }
        Reached::Refused
    }

    /// Waits for a register as long as there is time for the rest of the block. Returns the cycles that it takes, and the cycle of the access.
    fn wait(&mut self, address: u32, moment: Moment) -> Option<(u32, u32)> {
        self.bus.executing(moment.block);
        let waited = self.bus.wait_ahead(address, moment.left.saturating_sub(moment.needed))?;
        Some((waited, self.end - moment.left + waited))
    }
}

impl<B: Bus> Outside for Reach<'_, B> {
    fn windows(&mut self) -> Option<Windows<'_>> {
        self.bus.windows()
    }

    fn looked(&mut self, left: u32) {
        self.bus.looked_at_steady(self.end - left);
    }

    fn read(&mut self, address: u32, moment: Moment) -> Reached {
        let Some((waited, cycle)) = self.wait(address, moment) else { return Reached::Refused };
        match self.bus.load32(address, cycle) {
            Ok(value) => self.done(Access { value, waited }, cycle),
            Err(_) => self.refused(address, waited),
        }
    }

    fn write(&mut self, address: u32, value: u32, moment: Moment) -> Reached {
        let Some((waited, cycle)) = self.wait(address, moment) else { return Reached::Refused };
        match self.bus.store32(address, value, cycle) {
            Ok(stored) => {
                self.is_changed = stored == Stored::Code;
                self.done(Access { value: 0, waited }, cycle)
            }
            Err(_) => self.refused(address, waited),
        }
    }
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
        let mut cut = std::mem::take(&mut self.cache.decoder.translator.cut);
        cut.retain(|(index, cell)| {
            let block = self.cache.block_mut(*index);
            if !block.cut || block.own.native != *cell {
                return false;
            }
            let has_come = bus.is_at_hand(block.end);
            if has_come {
                block.own.native = NONE;
                self.cache.decoder.translator.remove(*cell);
            }
            !has_come
        });
        self.cache.decoder.translator.cut = cut;
    }

    /// Drops translations that a change of address translation makes stale, though it does not the blocks that they begin with.
    #[inline(always)]
    pub(super) fn note_mapping(&mut self, epoch: u32) {
        if self.cache.decoder.translator.epoch != epoch {
            self.cache.decoder.translator.epoch = epoch;
            separate(&mut self.cache, |join| join.is_mapped);
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
            if !own.is_warm && (heat == EARLY || setting == Translation::After(heat)) {
                own.is_warm = true;
                let start = self.block(index).start();
                // Others may have joined what was at this address before.
                if self.cache.decoder.translator.warm.insert(start, index).is_some() {
                    separate(&mut self.cache, |join| join.start == start);
                }
            }
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
        if u32::from(block.own.most) > room || self.is_plain() && u32::from(block.own.window) > state.window_free {
            return None;
        }
        let engine = self.cache.decoder.translator.engine.as_mut()?;
        let generation = bus.page_generation();
        engine.refresh_pages(generation, |number| bus.page(number));
        let executions = self.cache.counting.executions();
        // Translated code counts back from where it stops.
        let cut = stop - end;
        state.ccount_at_stop = state.ccount_at_stop.wrapping_sub(cut);
        let mut reach = Reach { bus, end, generation, is_changed: false };
        let outcome = engine.run(native, state.words(), &mut reach, executions, room);
        let (bus, is_changed) = (reach.bus, reach.is_changed);
        state.ccount_at_stop = state.ccount_at_stop.wrapping_add(cut);
        let Some(outcome) = outcome else {
            // Its cell has been emptied, unless it waits.
            if !self.cache.decoder.translator.resting.contains_key(&native) {
                let own = &mut self.cache.block_mut(index).own;
                (own.native, own.heat) = (NONE, 0);
            }
            return None;
        };
        if let Some(left) = outcome.looked {
            bus.looked_at_steady(end - left);
        }
        let left = outcome.room + cut;
        match outcome.exit {
            // A block that cannot be entered after all.
            Exit::At if outcome.room == room => None,
            Exit::At | Exit::Look => Some(Entered::At { room: left }),
            Exit::Interpret { tag, index } => Some(Entered::Within { index: tag, from: index, room: left, is_changed }),
        }
    }

    /// Whether window exceptions are left to the interpreter.
    fn is_plain(&self) -> bool {
        self.cache.counting.follows_cuts()
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
        let (block, timing) = (self.block(index), self.timing());
        let (start, end, most) = (block.start(), block.end, u32::from(block.own.most));
        let last = self.instructions(block).last();
        if last.is_some_and(|op| op.opcode.begins_loop() && !self.knows_loop(end, op.immediate)) {
            return false;
        }
        let manner = Manner {
            watched: self.cache.decoder.translator.watched,
            penalties: Penalties::of(timing),
            plain: self.is_plain(),
        };
        let counting = std::mem::take(&mut self.cache.counting);
        let current_loop = [state.lbeg, state.lend];
        let mut around = Around { blocks: self, bus, layout, current_loop, timing, joined: Vec::new(), counting };
        let lowered = around.part(index).and_then(|part| lower::lower(part, manner, &mut around));
        let Around { joined, counting, .. } = around;
        self.cache.counting = counting;
        let Some(ops) = lowered else { return false };
        let lowered = Lowered { address: start, tag: index, count: most, ops: &ops };
        let Some(engine) = &mut self.cache.decoder.translator.engine else { return false };
        match engine.install(&lowered) {
            Some(cell) => {
                self.cache.decoder.translator.resting.remove(&cell);
                let block = self.cache.block_mut(index);
                block.own.native = cell;
                let head = block.memory;
                let (is_cut, cut) = (block.cut, &mut self.cache.decoder.translator.cut);
                if is_cut && !cut.contains(&(index, cell)) {
                    cut.push((index, cell));
                }
                for (joined, falls) in joined {
                    let block = self.cache.block(joined);
                    let is_mapped = block.memory == CodeMemory::Mapped && head != CodeMemory::Mapped;
                    let (joined_start, end) = (block.start(), block.end);
                    let join =
                        Join { head: index, head_start: start, cell, start: joined_start, end, falls, is_mapped };
                    self.cache.decoder.translator.joins.push(join);
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
}

/// The page with a version that code at `address` lies on.
fn versioned_page(layout: &WindowLayout, address: u32) -> Option<(Space, u32)> {
    if let Some(offset) = layout.words.offset(address, 1) {
        return Some((Space::Words, offset / CODE_PAGE));
    }
    let offset = layout.data.offset(address, 1)?.checked_sub(layout.versioned_from)?;
    Some((Space::Data, offset / CODE_PAGE))
}
