//! The filter of received frames by their addresses (TRM, section "Frame Filtering").

use super::mac::{Emac, reg};
use crate::ethernet::{TYPE_MAC_CONTROL, kind};

/// The verdict on a frame that goes to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Filter,
    /// It would not have passed, but the MAC takes all.
    All,
}

/// Frames for MACs, by register FF.
mod control {
    pub const NONE: u32 = 0;
    pub const ALL_BUT_PAUSE: u32 = 1;
    pub const ALL: u32 = 2;
}

/// The second word of MAC control frames that makes them PAUSE.
const PAUSE: [u8; 2] = [0, 1];

const ADDRESSES: u32 = 8;

impl Emac {
    /// Whether a frame passes; None if it does not.
    pub(super) fn filter(&self, frame: &[u8]) -> Option<Passed> {
        let settings = self.registers.get(reg::FF);
        let all = reg::FF::RECEIVE_ALL.is_set(settings).then_some(Passed::All);
        if reg::FF::PMODE.is_set(settings) {
            return Some(Passed::Filter);
        }
        let by_address = self.is_for_us(frame) && self.is_from_whom_we_hear(frame);
        let passes = match (kind(frame) == TYPE_MAC_CONTROL, reg::FF::PCF.get(settings)) {
            (false, _) => by_address,
            (true, control::NONE) => false,
            (true, control::ALL_BUT_PAUSE) => frame.get(14..16) != Some(&PAUSE),
            (true, control::ALL) => true,
            (true, _) => by_address,
        };
        if passes { Some(Passed::Filter) } else { all }
    }

    fn is_for_us(&self, frame: &[u8]) -> bool {
        let settings = self.registers.get(reg::FF);
        let destination = &frame[..6];
        if destination.iter().all(|byte| *byte == 0xFF) {
            return !reg::FF::DBF.is_set(settings);
        }
        if destination[0] & 1 != 0 && reg::FF::PAM.is_set(settings) {
            return true;
        }
        self.knows(destination, false) != reg::FF::DAIF.is_set(settings)
    }

    fn is_from_whom_we_hear(&self, frame: &[u8]) -> bool {
        let settings = self.registers.get(reg::FF);
        !reg::FF::SAFE.is_set(settings) || self.knows(&frame[6..12], true) != reg::FF::SAIF.is_set(settings)
    }

    /// Whether one of the address registers that are compared with sources, or with destinations, is this address.
    fn knows(&self, address: &[u8], source: bool) -> bool {
        (0..ADDRESSES).any(|number| {
            let high = self.registers.get(reg::ADDR0HIGH + 8 * number);
            let low = self.registers.get(reg::ADDR0LOW + 8 * number);
            // The first one is always on, for destinations, and compares all bytes.
            let (enabled, of_source, masked) = match number {
                0 => (true, false, 0),
                _ => (
                    reg::ADDR1HIGH::ADDRESS_ENABLE1.is_set(high),
                    reg::ADDR1HIGH::SOURCE_ADDRESS.is_set(high),
                    reg::ADDR1HIGH::MASK_BYTE_CONTROL.get(high),
                ),
            };
            let [a, b, c, d] = low.to_le_bytes();
            let [e, f, ..] = high.to_le_bytes();
            let same = |(place, (ours, theirs)): (usize, (u8, &u8))| masked >> place & 1 != 0 || ours == *theirs;
            enabled && of_source == source && [a, b, c, d, e, f].into_iter().zip(address).enumerate().all(same)
        })
    }
}
