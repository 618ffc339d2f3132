//! Pool of code that a machine and its forks share: what one of them has translated, the others copy.
//!
//! Code comes out of the pool only for a block whose operations are those that it was made of, so it is what translating would give. An
//! engine copies it into memory of its own and fills in what is its own: nothing that one engine executes is ever written by another one.
//! Memory of engines that are gone is used again, for the host takes longer to give it than to fill it. No thread waits for code in the pool.

use std::sync::{Arc, Mutex, OnceLock, RwLock};

use espalier_core::{AddressMap, WindowLayout};

use super::arena::Arena;
use super::code::Code;
use crate::block::Block;
use crate::ir::{Op, Ring};

/// When blocks of this many operations are kept, all are dropped: what is still of use comes back.
const MAX_KEPT: usize = 1 << 17;
/// The most translations of blocks at one address.
const MAX_VARIANTS: usize = 8;
/// The most memories that wait for an engine.
const MAX_ARENAS: usize = 4;

/// The code for a block whose operations were checked.
#[derive(Debug)]
pub(super) struct Translation {
    pub code: Code,
    /// Registers that it reaches.
    pub slots: usize,
}

/// A translation with what it was made of.
#[derive(Debug)]
struct Kept {
    count: u32,
    ops: Box<[Op]>,
    translation: Arc<Translation>,
}

#[derive(Debug, Default)]
struct Store {
    by_address: AddressMap<Vec<Kept>>,
    /// Operations in it.
    size: usize,
}

/// Translated code, and memory for more of it.
#[derive(Debug, Default)]
pub struct CodePool {
    /// The memory and the ring that all of the code was made for.
    made_for: OnceLock<(WindowLayout, Option<Ring>)>,
    store: RwLock<Store>,
    arenas: Mutex<Vec<Arena>>,
}

/// Whether translations are the same: where they count, and the tags of blocks, make no difference.
fn agree(ops: &[Op], others: &[Op]) -> bool {
    let same = |(op, other): (&Op, &Op)| match (*op, *other) {
        (Op::Tally { .. }, Op::Tally { .. }) => true,
        (Op::Join { tag, .. }, Op::Join { address, count, done, .. }) => *op == Op::Join { address, tag, count, done },
        (op, other) => op == other,
    };
    ops.len() == others.len() && ops.iter().zip(others).all(same)
}

impl CodePool {
    /// Whether its code is for this layout and ring: those of the first engine that asks.
    pub(super) fn serves(&self, layout: &WindowLayout, ring: Option<Ring>) -> bool {
        *self.made_for.get_or_init(|| (*layout, ring)) == (*layout, ring)
    }

    /// The translation of a block, if one was kept.
    pub(super) fn find(&self, block: &Block<'_>) -> Option<Arc<Translation>> {
        let store = self.store.try_read().ok()?;
        let variants = store.by_address.get(&block.address)?;
        let kept = variants.iter().find(|kept| kept.count == block.count && agree(&kept.ops, block.ops))?;
        Some(Arc::clone(&kept.translation))
    }

    /// Whether a block at an address was translated.
    pub fn knows(&self, address: u32) -> bool {
        self.store.try_read().is_ok_and(|store| store.by_address.contains_key(&address))
    }

    /// Keeps the translation of a block.
    pub(super) fn keep(&self, block: &Block<'_>, translation: &Arc<Translation>) {
        let Ok(mut store) = self.store.try_write() else { return };
        if store.size + block.ops.len() > MAX_KEPT {
            *store = Store::default();
        }
        let variants = store.by_address.entry(block.address).or_default();
        if variants.len() < MAX_VARIANTS {
            variants.push(Kept { count: block.count, ops: block.ops.into(), translation: Arc::clone(translation) });
            store.size += block.ops.len();
        }
    }

    /// Memory for an engine.
    pub(super) fn take_arena(&self) -> Option<Arena> {
        self.arenas.lock().ok()?.pop()
    }

    /// Memory that nothing executes any more.
    pub(super) fn give_arena(&self, mut arena: Arena) {
        arena.truncate(0);
        if let Ok(mut arenas) = self.arenas.lock()
            && arenas.len() < MAX_ARENAS
        {
            arenas.push(arena);
        }
    }
}
