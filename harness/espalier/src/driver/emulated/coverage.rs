//! The blocks that a board's cores have counted.

use espalier_soc::Machine;

use crate::driver::{Executed, ExecutedBlock, Executions};

/// The counts of all cores of a machine. None if they do not count.
pub(crate) fn executed(machine: &Machine) -> Option<Executed> {
    let mut executed = Executed::default();
    for core in 0..machine.cores() {
        let counts = machine.cpu(core).block_counts()?;
        executed.dropped += counts.dropped();
        executed.blocks.extend(counts.blocks().map(|block| {
            let key = ExecutedBlock { core: core as u8, start: block.start, end: block.end };
            (key, Executions { count: block.count, jumps: block.jumps })
        }));
    }
    Some(executed)
}
