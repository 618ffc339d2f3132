//! The emulated LAN in the harness's words, in whatever time that LAN lives.

use espalier_net::{ConnState, FaultConfig, Faults as LanFaults};

use super::Link;
use crate::driver::{Cable, Faults};

/// How far a connection has come, in the harness's words.
pub(super) fn link(state: ConnState) -> Link {
    match state {
        ConnState::Connecting => Link::Connecting,
        ConnState::Open | ConnState::LocalClosed => Link::Open,
        ConnState::RemoteClosed | ConnState::Closing | ConnState::Closed => Link::Finished,
        ConnState::Refused => Link::Refused,
        ConnState::Reset | ConnState::Aborted | ConnState::TimedOut => Link::Reset,
    }
}

/// What goes wrong on the board's cable, in the LAN's words.
pub(super) fn faults(cable: &Cable) -> FaultConfig {
    let direction = |faults: &Faults| LanFaults {
        cut: cable.cut,
        loss: faults.loss,
        duplication: faults.duplication,
        corruption: faults.corruption,
        reordering: faults.reordering,
        reordered_by: faults.reordered_by,
        jitter: faults.jitter,
    };
    FaultConfig { from_board: direction(&cable.from_board), to_board: direction(&cable.to_board) }
}
