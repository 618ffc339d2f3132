//! Blocks that were joined to others, and translations that wait.

use std::collections::BTreeSet;

use espalier_core::{AddressMap, BlockCache};

use super::{NONE, Translated};

/// A block that was joined to another one when that was translated.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    /// The block that begins the translation, where it starts, and the cell of the translation.
    pub(super) head: u32,
    pub(super) head_start: u32,
    pub(super) cell: u32,
    /// Where the block that was joined starts and ends.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Control comes to it from the instruction before it.
    pub(super) falls: bool,
    /// A change of address translation makes it stale as well, which it does not do to the block that begins it.
    pub(super) is_mapped: bool,
}

impl Join {
    /// The verdict of `is_so` on its start and its end.
    pub fn lies(&self, is_so: impl Fn(u32, u32) -> bool) -> bool {
        is_so(self.start, self.end)
    }

    /// True if no loop may end at `address`.
    pub fn runs_across(&self, address: u32) -> bool {
        (self.start < address || self.falls && self.start == address) && address < self.end
    }
}

/// Drops the translations to which such blocks were joined.
pub fn separate<D: Translated>(cache: &mut BlockCache<D>, is_stale: impl Fn(&Join) -> bool) {
    let translator = cache.decoder.translator_mut();
    let stale: Vec<Join> = translator.joins.extract_if(.., |join| is_stale(join)).collect();
    if !stale.is_empty() {
        (translator.waits, translator.looked_through) = (Vec::new(), 0);
    }
    for Join { head, head_start, cell, .. } in stale {
        let block = cache.block_mut(head);
        // Else it was dropped for another reason, and the cell may be that of the block which is there now.
        if block.start() == head_start && D::heat(&block.own).cell == cell {
            D::heat_mut(&mut block.own).forget();
            if let Some(engine) = &mut cache.decoder.translator_mut().engine {
                engine.remove(cell);
            }
        }
    }
}

/// The blocks are those of another core, which maps other pages. All are there but for these: translations of them, or to which they were
/// joined, wait; those of blocks that will be decoded anew wait without end.
pub fn taken_over<D: Translated>(cache: &mut BlockCache<D>, asleep: &[u32]) {
    // None is joined to one that ends where code was not at hand.
    let blocks = asleep.iter().map(|index| cache.block(*index)).filter(|block| !block.may_wake() && !block.cut);
    let gone: BTreeSet<u32> = blocks.map(|block| block.start()).collect();
    if !gone.is_empty() {
        separate(cache, |join| gone.contains(&join.start));
    }
    let own = asleep.iter().map(|index| cache.block(*index));
    let own: Vec<(u32, u32)> = own.map(|block| (block.start(), D::heat(&block.own).cell)).collect();
    let starts: AddressMap<()> = own.iter().map(|(start, _)| (*start, ())).collect();
    let translator = cache.decoder.translator_mut();
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
