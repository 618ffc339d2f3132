//! Counts the blocks that a board's cores execute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use espalier_core::{BlockEnd, Interests, Observer};

use crate::driver::{Executed, ExecutedBlock, Executions};

/// Largest number of different blocks: more than any firmware has that fits into a flash chip of this chip.
const BLOCKS_MAX: usize = 1 << 20;

/// A fork begins with none, so that what forks have executed can be added up.
#[derive(Default)]
pub(super) struct Counter {
    blocks: HashMap<ExecutedBlock, Executions>,
    dropped: u64,
}

impl Counter {
    pub(super) fn executed(&self) -> Executed {
        let blocks = self.blocks.iter().map(|(block, count)| (*block, *count)).collect();
        Executed { blocks, dropped: self.dropped }
    }
}

impl Observer for Counter {
    fn interests(&self) -> Interests {
        Interests { blocks: true, ..Interests::default() }
    }

    fn block_end(&mut self, block: &BlockEnd) {
        let key = ExecutedBlock { core: block.core as u8, start: block.start, end: block.end };
        let has_room = self.blocks.len() < BLOCKS_MAX;
        let executions = match self.blocks.entry(key) {
            Entry::Occupied(executions) => executions.into_mut(),
            Entry::Vacant(place) if has_room => place.insert(Executions::default()),
            Entry::Vacant(_) => {
                self.dropped += 1;
                return;
            }
        };
        executions.count += 1;
        executions.jumps += u64::from(block.next != block.end);
    }

    fn fork(&self) -> Option<Box<dyn Observer>> {
        Some(Box::new(Counter::default()))
    }
}
