//! Frames by their number, in the air. A frame is counted once, however often its sender repeats it.

use std::sync::Arc;

use espalier_core::Span;
use espalier_ieee80211::{Control, FrameType, Mpdu, subtype};

use super::network::Network;
use super::{Air, AirFrame};
use crate::single::Watches;
use crate::{CountedFrames, FrameFault, FrameLink, FramePlan};

/// Bytes that a frame and its repetitions share: sender, third address and sequence number.
pub(super) type Mark = [u8; 14];

/// The mark of a frame; control frames have none.
pub(super) fn mark(bytes: &[u8]) -> Option<Mark> {
    bytes.get(10..24)?.try_into().ok()
}

/// Whether a frame is one of those that are counted.
fn is_counted(frame: Mpdu) -> bool {
    let control = frame.control();
    let in_background = [subtype::BEACON, subtype::PROBE_REQUEST, subtype::PROBE_RESPONSE];
    control.frame_type() != FrameType::Control && !in_background.into_iter().any(|kind| control.is_management(kind))
}

/// By how much a fault makes a frame late. Frames do not overtake each other in the air.
pub(super) fn lateness(fault: Option<FrameFault>) -> Span {
    match fault {
        Some(FrameFault::Delay(span) | FrameFault::Reorder(span)) => span,
        _ => Span::ZERO,
    }
}

/// Marks a frame as a repetition.
pub(super) fn repeat(frame: &mut AirFrame) {
    let [low, high] = Control::RETRY.to_le_bytes();
    let bytes = Arc::make_mut(&mut frame.bytes);
    bytes[0] |= low;
    bytes[1] |= high;
}

impl Air {
    /// Counts the frames of the board from now on, and does to them what the plan says of their numbers.
    pub fn plan_frames(&mut self, plan: FramePlan) {
        self.watched = Some(Box::new(Watches::new(plan)));
    }

    /// The frames that were counted, the first ones; `None` if none are counted.
    pub fn counted_frames(&self) -> Option<CountedFrames> {
        Some(self.watched.as_ref()?.counted(FrameLink::Air))
    }

    /// Counts a frame of the board, if frames are counted, and says what happens to it.
    pub(super) fn count_from_board(&mut self, frame: Mpdu) -> Option<FrameFault> {
        let watch = &mut self.watched.as_mut()?.from_board;
        if !is_counted(frame) {
            return None;
        }
        let fault = watch.count_once(frame.bytes(), &mark(frame.bytes())?, self.now);
        self.farewell |= fault == Some(FrameFault::Deauthenticate);
        fault
    }

    /// The same for one to the board.
    pub(super) fn count_to_board(&mut self, frame: &AirFrame) -> Option<FrameFault> {
        let watch = &mut self.watched.as_mut()?.to_board;
        if frame.tries > 0 || !Mpdu::new(&frame.bytes).is_some_and(is_counted) {
            return None;
        }
        let fault = watch.count(&frame.bytes, self.now);
        self.farewell |= fault == Some(FrameFault::Deauthenticate);
        fault
    }

    /// Has the networks send their stations away, if that is planned for now.
    pub(super) fn say_farewell(&mut self) {
        if std::mem::take(&mut self.farewell) {
            let networks: Vec<_> = self.networks.keys().copied().collect();
            networks.into_iter().for_each(|bssid| self.with_network(bssid, Network::deauthenticate_all));
        }
    }
}
