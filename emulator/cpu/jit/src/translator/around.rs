//! Code and other blocks around a block that is translated.

use espalier_core::{BlockCache, Bus, CODE_PAGE, CodeMemory, Counting, Executed, WindowLayout};

use super::Translated;
use crate::ir::Space;

/// A page of code, and the version that it has to have.
pub type Conditions = Vec<(Space, u32, u32)>;

/// Surroundings of a block that is translated.
#[derive(Debug)]
pub struct Around<'a, 'b, D: Translated, B> {
    /// All blocks.
    pub cache: &'a BlockCache<D>,
    /// The bus of the core.
    pub bus: &'b mut B,
    layout: WindowLayout,
    /// The blocks that were joined, and whether control comes to them from the instruction before.
    pub(super) joined: Vec<(u32, bool)>,
    /// The counts of the code, as long as it is translated.
    pub(super) counting: Counting,
}

impl<'a, 'b, D: Translated, B: Bus> Around<'a, 'b, D, B> {
    pub(super) fn new(
        cache: &'a BlockCache<D>,
        bus: &'b mut B,
        layout: WindowLayout,
        counting: Counting,
    ) -> Around<'a, 'b, D, B> {
        Around { cache, bus, layout, joined: Vec::new(), counting }
    }

    /// The pages whose versions have to be as they are for a block. None if one of them cannot be looked at.
    pub fn conditions(&self, index: u32) -> Option<Conditions> {
        let block = self.cache.block(index);
        let mut versions = Vec::new();
        if block.memory == CodeMemory::Writable {
            for (address, version) in [block.start(), block.end.wrapping_sub(1)].into_iter().zip(block.versions) {
                let (space, page) = versioned_page(&self.layout, address)?;
                versions.push((space, page, version));
            }
            versions.dedup();
        }
        Some(versions)
    }

    /// The block at an address if others may join it.
    pub fn next(&mut self, address: u32) -> Option<u32> {
        let index = *self.cache.decoder.translator().warm.get(&address)?;
        let block = self.cache.block(index);
        let is_current = block.start() == address
            && !block.cut
            && block.is_awake()
            && (block.memory != CodeMemory::Writable
                || [address, block.end.wrapping_sub(1)].map(|place| self.bus.code_version(place)) == block.versions);
        is_current.then_some(index)
    }

    /// A block is joined. With `falls`, control comes to it from the instruction before.
    pub fn join(&mut self, index: u32, falls: bool) {
        self.joined.push((index, falls));
    }

    /// The place at which code counts that all these instructions were executed, unless nothing counts them.
    pub fn place(&mut self, way: &[Executed]) -> Option<u32> {
        self.counting.place(way)
    }
}

/// The page with a version that code at `address` lies on.
fn versioned_page(layout: &WindowLayout, address: u32) -> Option<(Space, u32)> {
    if let Some(offset) = layout.words.offset(address, 1) {
        return Some((Space::Words, offset / CODE_PAGE));
    }
    let offset = layout.data.offset(address, 1).or_else(|| layout.code.offset(address, 1))?;
    let offset = offset.checked_sub(layout.versioned_from)?;
    Some((Space::Data, offset / CODE_PAGE))
}
