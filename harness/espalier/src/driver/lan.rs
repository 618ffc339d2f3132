//! The emulated LAN and air, as far as boards of any kind share their words.

use espalier_net::ConnState;
pub use espalier_net::{
    AccessPoint, AirFaults, Announced as AirNetwork, CountedFrame, CountedFrames, Faults, FrameFault, FrameLink,
    FramePlan, Refusal,
};
pub(crate) use espalier_net::{FaultConfig, StationState};

use super::Link;

/// Converts the state of a connection.
pub(super) fn link(state: ConnState) -> Link {
    match state {
        ConnState::Connecting => Link::Connecting,
        ConnState::Open | ConnState::LocalClosed => Link::Open,
        ConnState::RemoteClosed | ConnState::Closing | ConnState::Closed => Link::Finished,
        ConnState::Refused => Link::Refused,
        ConnState::Reset | ConnState::Aborted | ConnState::TimedOut => Link::Reset,
    }
}
