//! Pool of decoded blocks that a machine and its forks share: what one of them has decoded, the others copy.
//!
//! A block comes out of the pool only where decoding would give the same block: it is looked up by its address, compared with the code
//! byte for byte, and refused where the decoder would have it end elsewhere. So nothing but speed depends on what is in the pool, on who
//! has put it there, and on when. No thread waits for the pool: while another one changes it, a block is decoded instead.

use std::sync::{Arc, Mutex, RwLock};

use super::{BlockCache, Decoder, are_at_hand};
use crate::address_map::AddressMap;
use crate::bus::{Bus, CodeMemory, CodeState};
use crate::cache_lines::CacheLines;

/// When this many instructions are kept, all are dropped: what is still of use comes back.
const MAX_KEPT: usize = 1 << 17;
/// The most blocks at one address. There are several if other code was loaded there, and if less of it was at hand once.
const MAX_VARIANTS: usize = 16;
/// The most caches that wait for a clone: one for each thread of a search, and some more.
const MAX_LEFT: usize = 8;
/// Index of no block.
const NONE: u32 = u32::MAX;

/// A block in the pool.
#[derive(Debug)]
struct Kept<Own> {
    /// The next block at the same address.
    next: u32,
    /// Where its instructions and its code begin.
    first: u32,
    code: u32,
    count: u8,
    /// Bytes of its code, and of that before the last instruction.
    length: u8,
    last: u8,
    ended: Ended,
    /// The memory that it begins in.
    memory: CodeMemory,
    own: Own,
}

/// The blocks in the pool.
#[derive(Debug)]
struct Store<D: Decoder> {
    newest: AddressMap<u32>,
    blocks: Vec<Kept<D::Own>>,
    instructions: Vec<D::Instruction>,
    code: Vec<u8>,
}

/// Why a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By its code.
    Code,
    /// The decoder has all blocks end there.
    Stop,
    /// The code behind it is not at hand.
    Cut,
    /// There is no code behind it, or it lies at the other end of the address space.
    Nowhere,
}

/// A block to be kept, or one that was found.
#[derive(Clone, Debug)]
pub(super) struct Shared<Own> {
    /// Address after the last instruction.
    pub end: u32,
    /// Address of the last instruction.
    pub last: u32,
    pub ended: Ended,
    /// Data of a block beside its address range, before it was executed.
    pub own: Own,
}

/// Where a clone comes from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The moment, which is the same for all that were cloned before the original ran again.
    pub moment: Arc<()>,
    /// The state that its code was in, once that is known.
    pub code: Option<CodeState>,
}

impl Origin {
    fn is(&self, other: &Origin) -> bool {
        Arc::ptr_eq(&self.moment, &other.moment) && self.code == other.code
    }
}

/// The pool.
#[derive(Debug)]
pub(super) struct BlockPool<D: Decoder> {
    store: RwLock<Store<D>>,
    /// The blocks that clones have left, for others of the same origin.
    left: Mutex<Vec<(Origin, BlockCache<D>)>>,
}

impl<D: Decoder> Default for BlockPool<D> {
    fn default() -> BlockPool<D> {
        let store =
            Store { newest: AddressMap::default(), blocks: Vec::new(), instructions: Vec::new(), code: Vec::new() };
        BlockPool { store: RwLock::new(store), left: Mutex::default() }
    }
}

impl<D: Decoder> BlockPool<D> {
    /// The blocks that a clone of this origin has left, if one has.
    pub fn take(&self, origin: &Origin) -> Option<BlockCache<D>> {
        let mut left = self.left.lock().ok()?;
        let place = left.iter().rposition(|(of, _)| of.is(origin))?;
        Some(left.remove(place).1)
    }

    /// Keeps the blocks of a clone of this origin.
    pub fn leave(&self, origin: Origin, cache: BlockCache<D>) {
        let Ok(mut left) = self.left.lock() else { return };
        // No clone is left that could ask for these.
        left.retain(|(of, _)| Arc::strong_count(&of.moment) > 1);
        if left.len() == MAX_LEFT {
            left.remove(0);
        }
        left.push((origin, cache));
    }

    /// Copies the instructions of the block that decoding at `pc`, in this memory, would give. The code there has been brought in.
    pub fn find<B: Bus>(
        &self,
        pc: u32,
        memory: CodeMemory,
        decoder: &D,
        bus: &B,
        instructions: &mut Vec<D::Instruction>,
    ) -> Option<Shared<D::Own>> {
        let store = self.store.try_read().ok()?;
        let mut index = *store.newest.get(&pc)?;
        let stop = pc.checked_add(1).and_then(|next| decoder.next_end(next, memory));
        while let Some(kept) = store.blocks.get(index as usize) {
            index = kept.next;
            let (length, code) = (usize::from(kept.length), kept.code as usize);
            let (end, last) = (pc.wrapping_add(u32::from(kept.length)), pc.wrapping_add(u32::from(kept.last)));
            let ends_there = match kept.ended {
                Ended::Code => stop.is_none_or(|stop| stop >= end),
                Ended::Stop => stop == Some(end),
                Ended::Cut => stop.is_none_or(|stop| stop > end) && !bus.is_at_hand(end),
                Ended::Nowhere => false,
            };
            if !ends_there || kept.memory != memory || bus.code(pc, length) != Some(&store.code[code..code + length]) {
                continue;
            }
            if !are_at_hand(bus, pc.saturating_add(CacheLines::LINE), last) {
                continue;
            }
            let first = kept.first as usize;
            instructions.extend_from_slice(&store.instructions[first..first + usize::from(kept.count)]);
            return Some(Shared { end, last, ended: kept.ended, own: kept.own.clone() });
        }
        None
    }

    /// Keeps the block that was just decoded at `pc`, in this memory, unless its code does not lie in one piece or does not say where it
    /// ends.
    pub fn keep<B: Bus>(
        &self,
        pc: u32,
        memory: CodeMemory,
        bus: &B,
        instructions: &[D::Instruction],
        shared: &Shared<D::Own>,
    ) {
        if shared.ended == Ended::Nowhere {
            return;
        }
        let places = [shared.end, shared.last].map(|address| u8::try_from(address.wrapping_sub(pc)));
        let ([Ok(length), Ok(last)], Ok(count)) = (places, u8::try_from(instructions.len())) else { return };
        let (Some(code), Ok(mut store)) = (bus.code(pc, usize::from(length)), self.store.try_write()) else { return };
        if store.instructions.len() + instructions.len() > MAX_KEPT {
            store.newest.clear();
            store.blocks.clear();
            store.instructions.clear();
            store.code.clear();
        }
        let next = store.newest.get(&pc).copied().unwrap_or(NONE);
        let variants = std::iter::successors(Some(next), |index| Some(store.blocks.get(*index as usize)?.next));
        if variants.take(MAX_VARIANTS + 1).filter(|index| *index != NONE).count() >= MAX_VARIANTS {
            return;
        }
        let kept = Kept {
            next,
            first: store.instructions.len() as u32,
            code: store.code.len() as u32,
            count,
            length,
            last,
            ended: shared.ended,
            memory,
            own: shared.own.clone(),
        };
        let index = store.blocks.len() as u32;
        store.blocks.push(kept);
        store.instructions.extend_from_slice(instructions);
        store.code.extend_from_slice(code);
        store.newest.insert(pc, index);
    }
}
