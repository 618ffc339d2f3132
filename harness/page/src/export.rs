//! Files that are made of a board, for download.

use std::collections::BTreeSet;

use espalier_soc::Machine;
use espalier_world::World;

use crate::waveform::vcd;

/// The name of a board in the file of its snapshot.
const ALONE: &str = "board";

/// A file that is made of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The frames of the network.
    Network,
    /// The frames in the air.
    Air,
    /// The waveforms of the pins that are recorded.
    Pins,
    /// The whole board.
    Snapshot,
}

/// The board, or what was recorded of it, as a file. A board is the world of one in it, as everywhere.
pub fn export(machine: &mut Machine, export: Export, watched: &BTreeSet<usize>) -> Vec<u8> {
    match export {
        Export::Network => machine.lan().capture(),
        Export::Air => machine.air().capture(),
        Export::Pins => vcd(machine, watched),
        Export::Snapshot => World::of_one(ALONE, machine.clone()).0.save(&[]),
    }
}
