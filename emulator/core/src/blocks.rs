//! Blocks of decoded instructions, whatever the instruction set.
//!
//! A block starts at an address that was jumped to and goes on to where its [`Decoder`] ends it, or to [`MAX_INSTRUCTIONS`]. It lies in at
//! most two code pages. It is stale once its code may have changed, which [`Bus::code_version`] and [`Bus::code_epoch`] say.

mod pool;
mod takeover;

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use crate::address_map::AddressMap;
use crate::bus::{Bus, CODE_PAGE, CodeMemory};
use crate::cache_lines::CacheLines;
use crate::counts::Counting;
use crate::persist::{Damaged, Persist, Reader, Writer};
use pool::{BlockPool, Ended, Origin, Shared};

/// Most instructions in a block.
const MAX_INSTRUCTIONS: usize = 32;
/// When this many instructions are stored, all blocks are dropped: most of them are stale by then.
const MAX_STORED: usize = 1 << 17;
/// Instructions and blocks for which there is room from the first block on: a fork that runs for a moment decodes about so many.
const FIRST_ROOM: (usize, usize) = (1 << 10, 1 << 7);
/// Entries of the direct-mapped table in front of the map of all blocks.
const QUICK_ENTRIES: usize = 1 << 12;
/// The most blocks that are looked at when a clone takes them over.
const MAX_UNSURE: usize = 1 << 14;
/// Index of no block and of no instruction.
const NONE: u32 = u32::MAX;
/// Address that no block has.
const DROPPED: u64 = u64::MAX;

/// Properties of an instruction set for the blocks that are made of its instructions.
pub trait Decoder: Sized {
    /// A decoded instruction.
    type Instruction: Copy + Debug;
    /// Data of a block beside its address range.
    type Own: Clone + Debug + Default;
    /// Why an instruction cannot be fetched.
    type Trap;
    /// Number of the lowest bits of an address of code that are always 0.
    const ALIGNMENT: u32;

    /// Fetches and decodes the instruction at `pc`. What is not defined decodes as an instruction that raises the exception for it.
    ///
    /// # Errors
    /// If there is no code.
    fn fetch<B: Bus>(bus: &mut B, pc: u32) -> Result<Self::Instruction, Self::Trap>;

    /// Bytes of an instruction.
    fn length(instruction: &Self::Instruction) -> u32;

    /// Tells an instruction at `pc`, which was just fetched, the cycles that it takes.
    fn charge<B: Bus>(&self, bus: &mut B, pc: u32, instruction: &mut Self::Instruction) {
        let _ = (bus, pc, instruction);
    }

    /// Tells an instruction that so many instructions and bytes of its block come before it. True if the block ends with it.
    fn add(&mut self, instruction: &mut Self::Instruction, index: u8, offset: u8, own: &mut Self::Own) -> bool;

    /// The last instruction of a block is known. `add` was called for it, maybe by another machine.
    fn met_last(&mut self, instruction: &Self::Instruction) {
        let _ = instruction;
    }

    /// Whether a block depends on nothing but its code, the memory that it begins in and the [ends](Decoder::next_end) of all blocks.
    fn is_shared(&self) -> bool {
        true
    }

    /// The first address from `address` on before which a block in this memory ends that comes to it.
    fn next_end(&self, address: u32, memory: CodeMemory) -> Option<u32> {
        let _ = (address, memory);
        None
    }

    /// All instructions of a block are known, and the memory that it begins in.
    fn complete(&self, own: &mut Self::Own, memory: CodeMemory) {
        let _ = (own, memory);
    }

    /// A block was decoded. It may drop others, and all.
    fn decoded(cache: &mut BlockCache<Self>) {
        let _ = cache;
    }

    /// The block that starts at an address is stale.
    fn dropped(&mut self, start: u32, own: &Self::Own) {
        let _ = (start, own);
    }

    /// All blocks were dropped.
    fn cleared(&mut self) {}

    /// Takes out what goes with the blocks, and leaves what there is without any.
    fn take(&mut self) -> Self;

    /// Whether blocks that go with `other` are what this one would have made.
    fn suits(&self, other: &Self) -> bool;

    /// The blocks are now those of another core. They are all there but for those with these indices: they wait until they are
    /// [woken](Decoder::woken) or dropped.
    fn taken_over(cache: &mut BlockCache<Self>, asleep: &[u32]) {
        let _ = (cache, asleep);
    }

    /// The code of a block that waited is at hand.
    fn woken(&mut self, start: u32) {
        let _ = start;
    }
}

/// A block's place and what it depends on.
#[derive(Clone, Debug)]
pub struct Block<Own> {
    /// Address of the first instruction; no 32-bit address at all once the block is dropped.
    address: u64,
    /// Index of the first instruction in the store.
    pub first: u32,
    /// Number of instructions.
    pub count: u32,
    /// Address after the last instruction.
    pub end: u32,
    /// The ways in which its code can change.
    pub memory: CodeMemory,
    /// The block ends where code was not at hand; it goes on, and is stale, once that has come.
    pub cut: bool,
    /// Nothing but a change of address translation makes it stale.
    steady: bool,
    /// It comes from another core, and its code is not at hand yet in this one.
    asleep: bool,
    /// Versions of the first and last code page.
    pub versions: [u32; 2],
    /// The name that the instruction set gives it.
    pub own: Own,
}

impl<Own> Block<Own> {
    /// Address of the first instruction.
    pub fn start(&self) -> u32 {
        self.address as u32
    }

    /// True if an instruction other than the first is at `address`, or within the block before its end.
    pub fn runs_across(&self, address: u32) -> bool {
        self.address < u64::from(address) && address < self.end
    }
}

/// Why there is no block at an address.
#[derive(Debug)]
pub enum Absent<Trap> {
    /// The first instruction cannot be fetched at all.
    Trap(Trap),
    /// Its line is not in the flash cache yet.
    NotAtHand,
}

/// All decoded blocks.
#[derive(Debug)]
pub struct BlockCache<D: Decoder> {
    /// The instruction set.
    pub decoder: D,
    blocks: Vec<Block<D::Own>>,
    instructions: Vec<D::Instruction>,
    /// For every instruction, the block that came after it when it was the last one executed.
    links: Vec<u32>,
    by_address: AddressMap<u32>,
    /// The instructions of the block that is being decoded.
    decoded: Vec<D::Instruction>,
    /// Empty until there is a block.
    quick: Vec<u32>,
    /// The blocks that a change of address translation makes stale, so that one costs nothing when there are none: the ESP32's ROM makes
    /// hundreds of them after each reset.
    mapped: Vec<u32>,
    epoch: u32,
    /// The blocks of this cache and of its clones. There is none before the first clone.
    pool: OnceLock<Arc<BlockPool<D>>>,
    /// Stands for the code that there is when this is cloned, until the core runs.
    moment: OnceLock<Arc<()>>,
    /// The code that there was when this was cloned. None if it was not, or other code has come before its core ran.
    origin: Option<Origin>,
    /// The core has run.
    begun: bool,
    /// The blocks that were asleep when it began to, and those that were decoded since, as long as a clone may take them over.
    unsure: Vec<u32>,
    /// The executions of blocks, if they are counted.
    pub counting: Counting,
}

/// A clone starts without blocks and looks for them in the pool, or decodes them again, as it needs them: that costs less than copying
/// them all. The blocks come out the same: one depends on nothing but its address, memory, what of it is at hand, and its decoder.
///
/// The next clone of the same moment takes over the blocks that one [leaves](BlockCache::leave).
impl<D: Decoder + Clone> Clone for BlockCache<D> {
    fn clone(&self) -> BlockCache<D> {
        BlockCache {
            epoch: self.epoch,
            pool: Arc::clone(self.pool.get_or_init(Arc::default)).into(),
            counting: self.counting.clone(),
            origin: Some(Origin { moment: Arc::clone(self.moment.get_or_init(Arc::default)), code: None }),
            ..BlockCache::new(self.decoder.clone())
        }
    }
}

/// As in a clone, the blocks themselves are decoded again.
impl<D: Decoder + Persist> Persist for BlockCache<D> {
    fn save(&self, to: &mut Writer) {
        self.decoder.save(to);
        self.epoch.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.clear();
        self.decoder.restore(from)?;
        self.epoch.restore(from)
    }
}

/// Whether all code from `first` on is at hand, with the last instruction at `last`: one look at each line, and one at that.
fn are_at_hand<B: Bus>(bus: &B, first: u32, last: u32) -> bool {
    let mut next = first;
    while next < last && bus.is_at_hand(next) {
        next = next.saturating_add(CacheLines::LINE);
    }
    next >= last && bus.is_at_hand(last)
}

impl<D: Decoder> BlockCache<D> {
    /// Index of no instruction: nothing came before.
    pub const NO_INSTRUCTION: u32 = NONE;

    /// No blocks.
    pub fn new(decoder: D) -> BlockCache<D> {
        BlockCache {
            decoder,
            blocks: Vec::new(),
            instructions: Vec::new(),
            links: Vec::new(),
            by_address: AddressMap::default(),
            decoded: Vec::new(),
            quick: Vec::new(),
            mapped: Vec::new(),
            epoch: 0,
            pool: OnceLock::new(),
            moment: OnceLock::new(),
            origin: None,
            begun: false,
            unsure: Vec::new(),
            counting: Counting::default(),
        }
    }

    /// The block with this index.
    #[inline(always)]
    pub fn block(&self, index: u32) -> &Block<D::Own> {
        &self.blocks[index as usize]
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn block_mut(&mut self, index: u32) -> &mut Block<D::Own> {
        &mut self.blocks[index as usize]
    }

    /// Every block, stale ones included.
    pub fn blocks_mut(&mut self) -> impl Iterator<Item = &mut Block<D::Own>> {
        self.blocks.iter_mut()
    }

    /// The instructions of a block.
    #[inline(always)]
    pub fn instructions(&self, block: &Block<D::Own>) -> &[D::Instruction] {
        &self.instructions[block.first as usize..(block.first + block.count) as usize]
    }

    /// Drops what a change of address translation made stale.
    #[inline(always)]
    pub fn note_epoch(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.drop_mapped();
        }
    }

    fn drop_mapped(&mut self) {
        for index in std::mem::take(&mut self.mapped) {
            self.drop_block(index as usize);
        }
    }

    /// Drops the blocks for which `condition` holds.
    pub fn drop_where(&mut self, condition: impl Fn(&Block<D::Own>) -> bool) {
        for index in 0..self.blocks.len() {
            if condition(&self.blocks[index]) {
                self.drop_block(index);
            }
        }
    }

    fn drop_block(&mut self, index: usize) {
        let block = &mut self.blocks[index];
        if block.address != DROPPED {
            let start = block.start();
            self.by_address.remove(&start);
            block.address = DROPPED;
            self.decoder.dropped(start, &block.own);
        }
    }

    /// Drops all blocks.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.instructions.clear();
        self.links.clear();
        self.by_address.clear();
        self.quick.clear();
        self.mapped.clear();
        self.unsure.clear();
        self.decoder.cleared();
        self.counting.forget_places();
    }

    /// True when `index` is a block at `pc` whose code has not changed.
    #[inline(always)]
    fn is_current<B: Bus>(&self, index: u32, pc: u32, bus: &B) -> bool {
        let Some(block) = self.blocks.get(index as usize) else { return false };
        block.address == u64::from(pc)
            && (block.steady
                || !block.asleep && {
                    let last = block.end.wrapping_sub(1);
                    bus.code_version(pc) == block.versions[0]
                        && ((pc ^ last) < CODE_PAGE || bus.code_version(last) == block.versions[1])
                        && !(block.cut && bus.is_at_hand(block.end))
                })
    }

    /// The block at `pc`, which comes after the instruction with index `previous`.
    ///
    /// # Errors
    /// If there is no code at `pc`, or not yet.
    #[inline(always)]
    pub fn follow<B: Bus>(&mut self, previous: u32, pc: u32, bus: &mut B) -> Result<u32, Absent<D::Trap>> {
        let linked = self.links.get(previous as usize).copied().unwrap_or(NONE);
        if self.is_current(linked, pc, bus) {
            return Ok(linked);
        }
        let quick = self.quick.get(Self::quick_slot(pc)).copied().unwrap_or(NONE);
        let index = if self.is_current(quick, pc, bus) { quick } else { self.find(pc, bus)? };
        if let Some(link) = self.links.get_mut(previous as usize) {
            *link = index;
        }
        Ok(index)
    }

    /// Place of the block at `pc` in the direct-mapped table.
    #[inline(always)]
    fn quick_slot(pc: u32) -> usize {
        (pc >> D::ALIGNMENT ^ pc >> 12) as usize % QUICK_ENTRIES
    }

    /// The block at `pc`, decoded anew if need be.
    #[inline(never)]
    fn find<B: Bus>(&mut self, pc: u32, bus: &mut B) -> Result<u32, Absent<D::Trap>> {
        loop {
            let index = match self.by_address.get(&pc).copied() {
                Some(index) if self.is_current(index, pc, bus) => index,
                known => {
                    let index = self.decode(pc, known, bus)?;
                    D::decoded(self);
                    index
                }
            };
            // Unless all blocks have been dropped, which they are not twice for the same reason.
            if (index as usize) < self.blocks.len() {
                self.quick.resize(QUICK_ENTRIES, NONE);
                self.quick[Self::quick_slot(pc)] = index;
                return Ok(index);
            }
        }
    }

    /// Decodes the block at `pc`, in place of `stale` if that is given.
    #[inline(never)]
    fn decode<B: Bus>(&mut self, pc: u32, stale: Option<u32>, bus: &mut B) -> Result<u32, Absent<D::Trap>> {
        if !bus.bring_in(pc) {
            return Err(Absent::NotAtHand);
        }
        if let Some(index) = stale.filter(|index| self.wakes(*index, bus)) {
            return Ok(index);
        }
        if self.instructions.len() > MAX_STORED {
            self.clear();
        }
        self.make_room();
        let memory = bus.code_memory(pc);
        self.decoded.clear();
        let pool = if self.decoder.is_shared() { self.pool.get() } else { None };
        let known = pool.and_then(|pool| pool.find(pc, memory, &self.decoder, bus, &mut self.decoded));
        let Shared { end, ended, own, .. } = match known {
            Some(shared) => shared,
            None => self.decode_anew(pc, memory, bus)?,
        };
        let cut = ended == Ended::Cut;
        if let Some(last) = self.decoded.last() {
            self.decoder.met_last(last);
        }
        let memory = memory.max(bus.code_memory(end.wrapping_sub(1)));
        let block = Block {
            address: u64::from(pc),
            first: self.instructions.len() as u32,
            count: self.decoded.len() as u32,
            end,
            memory,
            cut,
            asleep: false,
            steady: memory != CodeMemory::Writable && !cut,
            versions: [bus.note_decoded(pc), bus.note_decoded(end.wrapping_sub(1))],
            own,
        };
        let index = self.insert(block, stale);
        self.by_address.insert(pc, index);
        Ok(index)
    }

    /// Makes room for the next block, if there is none, and for three times of all that there is: most forks soon stop, or go on for long.
    fn make_room(&mut self) {
        let (first_instructions, first_blocks) = FIRST_ROOM;
        if self.instructions.capacity() - self.instructions.len() < MAX_INSTRUCTIONS {
            let more = first_instructions.max(3 * self.instructions.len());
            self.decoded.reserve(MAX_INSTRUCTIONS);
            self.instructions.reserve(more);
            self.links.reserve(more);
        }
        if self.blocks.capacity() == self.blocks.len() {
            let more = first_blocks.max(3 * self.blocks.len());
            self.blocks.reserve(more);
            self.by_address.reserve(more);
        }
    }

    /// Decodes the instructions of the block at `pc`, which are empty so far.
    fn decode_anew<B: Bus>(
        &mut self,
        pc: u32,
        memory: CodeMemory,
        bus: &mut B,
    ) -> Result<Shared<D::Own>, Absent<D::Trap>> {
        let (mut end, mut last, mut own) = (pc, pc, D::Own::default());
        let mut ends_before = pc.checked_add(1).and_then(|next| self.decoder.next_end(next, memory));
        let ended = loop {
            let count = self.decoded.len();
            if count == MAX_INSTRUCTIONS {
                break Ended::Code;
            }
            if count > 0 && ends_before == Some(end) {
                break Ended::Stop;
            }
            if count > 0 && !bus.is_at_hand(end) {
                break Ended::Cut;
            }
            let mut instruction = match D::fetch(bus, end) {
                Ok(instruction) => instruction,
                // Raised only when execution gets there, as the start of a block of its own.
                Err(_) if count > 0 => break Ended::Nowhere,
                Err(trap) => return Err(Absent::Trap(trap)),
            };
            self.decoder.charge(bus, end, &mut instruction);
            let is_last = self.decoder.add(&mut instruction, count as u8, end.wrapping_sub(pc) as u8, &mut own);
            self.decoded.push(instruction);
            last = end;
            end = end.wrapping_add(D::length(&instruction));
            if end < pc {
                break Ended::Nowhere;
            }
            if is_last {
                break Ended::Code;
            }
            // An instruction may lie across such an address.
            if ends_before.is_some_and(|address| address < end) {
                ends_before = self.decoder.next_end(end, memory);
            }
        };
        self.decoder.complete(&mut own, memory);
        let shared = Shared { end, last, ended, own };
        if self.decoder.is_shared()
            && let Some(pool) = self.pool.get()
        {
            pool.keep(pc, memory, bus, &self.decoded, &shared);
        }
        Ok(shared)
    }

    /// Adds the block that was decoded, in place of `stale` if that is given and still there.
    fn insert(&mut self, mut block: Block<D::Own>, stale: Option<u32>) -> u32 {
        let old = stale.and_then(|index| Some((index, self.blocks.get(index as usize)?)));
        let (index, was_mapped) = match old {
            Some((index, old)) => {
                self.decoder.dropped(old.start(), &old.own);
                // The same place is used again, unless the new block does not fit.
                if block.count <= old.count {
                    block.first = old.first;
                }
                (index, old.memory == CodeMemory::Mapped)
            }
            None => (self.blocks.len() as u32, false),
        };
        let first = block.first as usize;
        if first < self.instructions.len() {
            self.instructions[first..first + self.decoded.len()].copy_from_slice(&self.decoded);
        } else {
            self.instructions.extend_from_slice(&self.decoded);
            self.links.resize(self.instructions.len(), NONE);
        }
        if block.memory == CodeMemory::Mapped && !was_mapped {
            self.mapped.push(index);
        }
        if self.origin.is_some() {
            self.unsure.push(index);
            // A fork that runs for so long has more than a moment to do.
            self.origin.take_if(|_| self.unsure.len() == MAX_UNSURE);
        }
        match self.blocks.get_mut(index as usize) {
            Some(place) => *place = block,
            None => self.blocks.push(block),
        }
        index
    }
}
