//! Blocks that a clone takes over from another one of the same moment, which is gone: a fork for a moment would otherwise spend most of it
//! on looking up what earlier forks have looked up.
//!
//! Both begin with the same code. A clone leaves its blocks if no code has changed while it ran, so they are what the next one would decode.
//! But code that the first one has brought into the flash cache is not there for the second one: blocks with such code wait for it.

use std::sync::OnceLock;

use super::{Block, BlockCache, DROPPED, Decoder, are_at_hand};
use crate::bus::{Bus, CodeMemory, CodeState};

impl<Own> Block<Own> {
    /// Whether its code is at hand, as far as that is known.
    pub fn is_awake(&self) -> bool {
        !self.asleep
    }

    /// Whether it is the same once its code is at hand: only a change of address translation can change that. Others are decoded anew.
    pub fn may_wake(&self) -> bool {
        self.memory == CodeMemory::Mapped && !self.cut
    }
}

impl<D: Decoder> BlockCache<D> {
    /// This cache was cloned from that of a machine whose code is in this state.
    pub fn cloned_with(&mut self, code: CodeState) {
        if let Some(origin) = &mut self.origin {
            origin.code = Some(code);
        }
    }

    /// The core is about to run.
    #[inline(always)]
    pub fn begin<B: Bus>(&mut self, bus: &B) {
        if !self.begun || self.moment.get().is_some() {
            self.begin_anew(bus);
        }
    }

    #[cold]
    fn begin_anew<B: Bus>(&mut self, bus: &B) {
        self.moment = OnceLock::new();
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let code = bus.code_state();
        self.origin = self.origin.take().filter(|origin| origin.code.is_some_and(|then| code.keeps(&then)));
        // Another core of this machine may have written other code where none had been decoded, and decoded that.
        let is_first = self.origin.as_ref().is_some_and(|origin| origin.code == Some(code));
        let left = self.origin.as_ref().zip(self.pool.get()).and_then(|(origin, pool)| pool.take(origin));
        if let Some(left) =
            left.filter(|left| self.decoder.suits(&left.decoder) && self.counting.is_like(&left.counting))
        {
            self.take_over(left, bus, is_first);
        }
    }

    /// Goes on with the blocks that another clone of the same cache has left, but for those that need code which is not at hand here, or
    /// which may be other code unless this core `is_first` to run.
    fn take_over<B: Bus>(&mut self, left: BlockCache<D>, bus: &B, is_first: bool) {
        let own = std::mem::replace(self, left);
        (self.pool, self.origin, self.begun) = (own.pool, own.origin, true);
        self.counting.restart();
        // All other code was there for the other clone when it began, and so it is for this one.
        let mut unsure = std::mem::take(&mut self.unsure);
        unsure.sort_unstable();
        unsure.dedup();
        unsure.retain(|index| {
            let block = &self.blocks[*index as usize];
            let may_differ = block.memory == CodeMemory::Writable && !is_first;
            block.address != DROPPED && (may_differ || !self.is_there(block, bus))
        });
        for index in &unsure {
            let block = &mut self.blocks[*index as usize];
            (block.steady, block.asleep) = (false, true);
        }
        D::taken_over(self, &unsure);
        self.unsure = unsure;
    }

    /// The block at this place has waited for code, which is there now. False if it has not, or if some of that is still not there.
    pub(super) fn wakes<B: Bus>(&mut self, index: u32, bus: &B) -> bool {
        let Some(block) = self.blocks.get(index as usize) else { return false };
        let wakes = block.asleep && block.may_wake() && self.is_there(block, bus);
        if wakes {
            let block = &mut self.blocks[index as usize];
            (block.steady, block.asleep) = (true, false);
            self.decoder.woken(self.blocks[index as usize].start());
        }
        wakes
    }

    /// Whether the code of a block is there, as it was decoded from pages that have not changed since.
    fn is_there<B: Bus>(&self, block: &Block<D::Own>, bus: &B) -> bool {
        let (start, end) = (block.start(), block.end);
        match block.memory {
            _ if block.cut => false,
            CodeMemory::Fixed => true,
            CodeMemory::Writable => [start, end.wrapping_sub(1)].map(|at| bus.code_version(at)) == block.versions,
            CodeMemory::Mapped => {
                let length = self.instructions(block).last().map_or(0, D::length);
                are_at_hand(bus, start, end.wrapping_sub(length))
            }
        }
    }

    /// The core is about to go, with code in this state: its blocks are left to another clone.
    pub fn leave(&mut self, code: CodeState) {
        let (Some(origin), Some(pool)) = (self.origin.take(), self.pool.take()) else { return };
        let is_of_use = self.decoder.is_shared() && !self.blocks.is_empty();
        if self.begun && is_of_use && origin.code.is_some_and(|then| code.keeps(&then)) {
            let with_blocks = self.decoder.take();
            let bare = std::mem::replace(&mut self.decoder, with_blocks);
            let mut left = std::mem::replace(self, BlockCache::new(bare));
            left.moment = OnceLock::new();
            pool.leave(origin, left);
        }
    }
}
