//! Xtensa's part of blocks of decoded instructions: they go on through conditional branches up to a jump, a change of state that
//! decoding cannot see through, or the end of a zero-overhead loop; and they may be translated to code of the host.

mod lower;
mod translate;

use std::collections::{BTreeMap, BTreeSet};

use crate::cost::{AHEAD, MOST_CYCLES, Penalties};
use crate::instruction::{self, Flow, Instruction, Opcode};
use crate::timing;
use crate::trap::Trap;
use espalier_core::{
    BlockCache, BlockCounts, Bus, CODE_PAGE, CacheLines, CodeMemory, CodeState, Counting, Damaged, Decoder, EdgeCounts,
    Persist, Reader, Timing, Translation, Writer,
};
use espalier_jit::translator::{self, Heat, Translator};
pub(crate) use translate::Entered;

/// When this many ends of loops are known, they are forgotten together with all blocks. Real programs have far fewer.
const MAX_LOOP_ENDS: usize = 1 << 16;

/// The [limit](Own::limit) of blocks whose lines of code have to be in the cache.
const ASK: u8 = u8::MAX;

/// Bytes of the longest instruction.
const LONGEST: u32 = 3;

/// A block of instructions.
pub(crate) type Block = espalier_core::Block<Own>;
/// Why there is no block at an address.
pub(crate) type Absent = espalier_core::Absent<Trap>;

/// Data of a block beside its address range.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// Highest quarter of the register window that any instruction uses.
    pub window: u8,
    /// More than is free of the window if the block may not be entered as it is: what it uses, or [`ASK`].
    pub limit: u8,
    /// Cycles of its instructions, and the most with what comes to the last of them.
    pub cycles: u8,
    pub most: u8,
    pub heat: Heat,
}

impl Own {
    /// True if the lines of its code have to be in the cache.
    pub(crate) fn is_cached(&self) -> bool {
        self.limit == ASK
    }
}

/// The instruction set, the ends of loops that it has met, and what is translated.
#[derive(Debug)]
pub(crate) struct Xtensa {
    /// Addresses at which zero-overhead loops were seen to end. Blocks never run across them.
    loop_ends: BTreeSet<u32>,
    last_loop_end: u32,
    /// The starts of the loops that were begun in silicon's time, by their ends.
    loops: BTreeMap<u32, u32>,
    /// Where the loop ends that the block which is being decoded starts.
    new_loop_end: Option<u32>,
    /// After `ENTRY`, execution only stays in the block when the whole new window can be used.
    entered: bool,
    timing: Timing,
    pub(crate) translator: Translator,
    /// Whether data breakpoints look at loads, and at stores.
    watched: [bool; 2],
}

/// A clone has no code translated yet.
impl Clone for Xtensa {
    fn clone(&self) -> Xtensa {
        Xtensa {
            loop_ends: self.loop_ends.clone(),
            loops: self.loops.clone(),
            last_loop_end: self.last_loop_end,
            translator: self.translator.for_clone(),
            ..Xtensa::new(self.translator.setting(), self.timing)
        }
    }
}

impl Persist for Xtensa {
    fn save(&self, to: &mut Writer) {
        let Xtensa { loop_ends, last_loop_end, loops, new_loop_end: _, entered: _, timing, translator: _, watched: _ } =
            self;
        // In a fork they depend on the forks before it. Only in silicon's time, where nothing is taken over, do they make a difference.
        let (loop_ends, last_loop_end) = match timing {
            Timing::Fast => (&BTreeSet::new(), &0),
            Timing::Silicon => (loop_ends, last_loop_end),
        };
        loop_ends.save(to);
        last_loop_end.save(to);
        loops.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Xtensa::new(self.translator.setting(), self.timing);
        self.loop_ends.restore(from)?;
        self.last_loop_end.restore(from)?;
        self.loops.restore(from)
    }
}

impl Xtensa {
    fn new(translation: Translation, timing: Timing) -> Xtensa {
        Xtensa {
            loop_ends: BTreeSet::new(),
            last_loop_end: 0,
            loops: BTreeMap::new(),
            new_loop_end: None,
            entered: false,
            timing,
            translator: Translator::new(translation),
            watched: [false; 2],
        }
    }
}

impl Xtensa {
    /// Whether this loop was begun last of those that end there, or need not be known.
    fn knows_loop(&self, start: u32, end: u32) -> bool {
        self.timing == Timing::Fast || self.loops.get(&end) == Some(&start)
    }

    /// True if code in this memory has to be in the cache.
    fn is_cached(&self, memory: CodeMemory) -> bool {
        self.timing == Timing::Silicon && memory == CodeMemory::Mapped
    }
}

impl Decoder for Xtensa {
    type Instruction = Instruction;
    type Own = Own;
    type Trap = Trap;
    const ALIGNMENT: u32 = 0;

    fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<Instruction, Trap> {
        fetch(bus, pc)
    }

    fn length(instruction: &Instruction) -> u32 {
        u32::from(instruction.length())
    }

    fn charge<B: Bus>(&self, bus: &mut B, pc: u32, instruction: &mut Instruction) {
        if self.timing == Timing::Silicon {
            timing::charge(instruction, pc, &self.loops, |at| fetch(bus, at).ok());
        }
    }

    fn add(&mut self, instruction: &mut Instruction, index: u8, offset: u8, own: &mut Own) -> bool {
        instruction.offset = offset;
        instruction.after += own.cycles;
        own.cycles = instruction.after;
        let Penalties { jump, exception, .. } = Penalties::of(self.timing);
        own.most = own.cycles + exception.max(jump + u8::from(instruction.lands_across_words()));
        self.entered &= index != 0;
        if self.entered {
            instruction.shape.forget_window();
        }
        own.window = instruction.window().max(own.window);
        self.entered |= instruction.opcode == Opcode::Entry;
        instruction.opcode.description().flow == Flow::End || own.cycles > MOST_CYCLES
    }

    fn met_last(&mut self, instruction: &Instruction) {
        if instruction.opcode.begins_loop() {
            self.new_loop_end = Some(instruction.immediate);
        }
    }

    /// In silicon's time the cycles of an instruction depend on what comes behind it.
    fn is_shared(&self) -> bool {
        self.timing == Timing::Fast
    }

    fn next_end(&self, address: u32, memory: CodeMemory) -> Option<u32> {
        let loop_end = self.loop_ends.range(address..).next().copied();
        if !self.is_cached(memory) {
            return loop_end;
        }
        // The first instruction that needs the next line begins a block, also where one before it lies across that address.
        const FIRST: u32 = CacheLines::LINE - AHEAD;
        let place = address % CacheLines::LINE;
        let leaves_line = match place {
            0 => address,
            1..=FIRST => address - place + FIRST,
            _ if place < FIRST + LONGEST => address,
            _ => address - place + CacheLines::LINE,
        };
        Some(loop_end.map_or(leaves_line, |end| end.min(leaves_line)))
    }

    fn complete(&self, own: &mut Own, memory: CodeMemory) {
        own.limit = if self.is_cached(memory) { ASK } else { own.window };
    }

    fn decoded(cache: &mut BlockCache<Xtensa>) {
        if let Some(address) = cache.decoder.new_loop_end.take() {
            add_loop_end(cache, address);
        }
    }

    fn dropped(&mut self, start: u32, own: &Own) {
        self.translator.dropped(start, &own.heat);
    }

    fn cleared(&mut self) {
        self.translator.cleared();
    }

    fn take(&mut self) -> Xtensa {
        let empty = Xtensa::new(self.translator.setting(), self.timing);
        std::mem::replace(self, empty)
    }

    /// In silicon's time the loops that were begun say how long others take, and those are not the same in another core.
    fn suits(&self, other: &Xtensa) -> bool {
        let times = [self.timing, other.timing];
        times == [Timing::Fast; 2] && self.translator.setting() == other.translator.setting()
    }

    fn taken_over(cache: &mut BlockCache<Xtensa>, asleep: &[u32]) {
        translator::taken_over(cache, asleep);
    }

    fn woken(&mut self, start: u32) {
        self.translator.woken(start);
    }
}

/// All decoded blocks.
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    cache: BlockCache<Xtensa>,
}

espalier_core::persist!(state Blocks { cache });

impl Blocks {
    /// Index of no instruction: nothing came before.
    pub(crate) const NO_INSTRUCTION: u32 = BlockCache::<Xtensa>::NO_INSTRUCTION;

    /// As [`BlockCache::cloned_with`].
    pub(crate) fn cloned_with(&mut self, code: CodeState) {
        self.cache.cloned_with(code);
    }

    /// As [`BlockCache::leave`].
    pub(crate) fn leave(&mut self, code: CodeState) {
        self.cache.leave(code);
    }

    /// As [`BlockCache::begin`].
    #[inline(always)]
    pub(crate) fn begin<B: Bus>(&mut self, bus: &B) {
        self.cache.begin(bus);
    }

    pub(crate) fn new() -> Blocks {
        Blocks { cache: BlockCache::new(Xtensa::new(Translation::default(), Timing::default())) }
    }

    /// Has all instructions take their cycles as `timing` says.
    pub(crate) fn set_timing(&mut self, timing: Timing) {
        self.cache.clear();
        self.cache.decoder.timing = timing;
    }

    #[inline(always)]
    pub(crate) fn timing(&self) -> Timing {
        self.cache.decoder.timing
    }

    #[inline(always)]
    pub(crate) fn block(&self, index: u32) -> &Block {
        self.cache.block(index)
    }

    /// The executions of blocks, if they are counted.
    #[inline(always)]
    pub(crate) fn counting(&mut self) -> &mut Counting {
        &mut self.cache.counting
    }

    pub(crate) fn counts(&self) -> Option<&BlockCounts> {
        self.cache.counting.counts()
    }

    pub(crate) fn edges(&self) -> Option<&EdgeCounts> {
        self.cache.counting.edges()
    }

    #[inline(always)]
    pub(crate) fn instructions(&self, block: &Block) -> &[Instruction] {
        self.cache.instructions(block)
    }

    /// Makes sure that no block runs across `address`, where a loop ends.
    #[inline(always)]
    pub(crate) fn note_loop_end(&mut self, address: u32) {
        if self.cache.decoder.last_loop_end != address {
            add_loop_end(&mut self.cache, address);
        }
    }

    /// Notes that the loop from `start` to `end` was begun. Waits at its end are those of its next round.
    pub(crate) fn note_loop(&mut self, start: u32, end: u32) {
        let loops = &mut self.cache.decoder.loops;
        if loops.len() >= MAX_LOOP_ENDS {
            loops.clear();
            self.cache.clear();
        }
        let before = self.cache.decoder.loops.insert(end, start);
        if before != Some(start) {
            // All that can have looked at what comes behind the end is in its page. Only the interpreter calls this: the block
            // with the instruction that begins the loop must not be translated before.
            let page = end & !(CODE_PAGE - 1);
            let is_stale = |from: u32, behind: u32| {
                let [first, last] = [from, behind.wrapping_sub(1)].map(|at| at & !(CODE_PAGE - 1));
                first == page || last == page || behind == start || Some(behind) == before
            };
            self.cache.drop_where(|block| is_stale(block.start(), block.end));
            translator::separate(&mut self.cache, |join| join.lies(is_stale));
        }
    }

    /// The starts of loops by their ends.
    pub(crate) fn loops(&self) -> &BTreeMap<u32, u32> {
        &self.cache.decoder.loops
    }

    /// Drops what a change of address translation made stale.
    #[inline(always)]
    pub(crate) fn note_epoch(&mut self, epoch: u32) {
        translator::note_mapping(&mut self.cache, epoch);
        self.cache.note_epoch(epoch);
    }

    /// The block at `pc`, which comes after the instruction with index `previous`.
    #[inline(always)]
    pub(crate) fn follow<B: Bus>(&mut self, previous: u32, pc: u32, bus: &mut B) -> Result<u32, Absent> {
        let found = self.cache.follow(previous, pc, bus);
        if matches!(found, Err(Absent::NotAtHand)) {
            self.note_arrival(bus);
        }
        found
    }
}

#[inline(never)]
fn add_loop_end(cache: &mut BlockCache<Xtensa>, address: u32) {
    cache.decoder.last_loop_end = address;
    if cache.decoder.loop_ends.len() >= MAX_LOOP_ENDS {
        cache.decoder.loop_ends.clear();
        cache.clear();
    }
    if cache.decoder.loop_ends.insert(address) {
        cache.drop_where(|block| block.runs_across(address));
        translator::separate(cache, |join| join.runs_across(address));
    }
}

/// Fetches and decodes the instruction at `pc`. What is not defined decodes as `ILL`, which raises the same exception.
pub(crate) fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<Instruction, Trap> {
    let mut word_at = |address| bus.fetch(address).map_err(|fault| Trap::Fetch(fault, address));
    let (address, byte) = (pc & !3, pc & 3);
    let mut word = word_at(address)? >> (8 * byte);
    if byte + u32::from(instruction::length(word)) > 4 {
        word |= word_at(address.wrapping_add(4))? << (32 - 8 * byte);
    }
    Ok(Instruction::decode(word, pc).unwrap_or_else(Instruction::illegal))
}
