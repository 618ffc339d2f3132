//! The blocks that a board's cores have counted.

use espalier_soc::Machine;

use crate::driver::{Executed, ExecutedBlock, Executions};

/// The counts of all cores of a machine. None if they do not count.
pub(crate) fn executed(machine: &Machine) -> Option<Executed> {
    let mut dropped = 0;
    let mut blocks = Vec::new();
    for core in 0..machine.cores() {
        let counts = machine.cpu(core).block_counts()?;
        dropped += counts.dropped();
        blocks.extend(counts.blocks().into_iter().map(|block| {
            let key = ExecutedBlock { core: core as u8, start: block.start, end: block.end };
            (key, Executions { count: block.count, jumps: block.jumps })
        }));
    }
    // All at once: one after the other takes a map several times as long.
    Some(Executed { blocks: blocks.into_iter().collect(), dropped })
}
