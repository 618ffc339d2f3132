//! Receive filters of the MAC: one for receiver addresses and one for networks, for each of four interfaces.

use espalier_ieee80211::{Control, FrameType, MacAddress, Mpdu, subtype};

use super::WifiMac;
use super::registers::{FILTER_ENABLED, filter_control, reg};

/// Interfaces that share the MAC: station, access point and two more.
pub(super) const INTERFACES: u32 = 4;

impl WifiMac {
    /// The interfaces that take a frame, one bit each.
    pub(super) fn interfaces_for(&self, frame: Mpdu) -> u32 {
        (0..INTERFACES).filter(|interface| self.passes(*interface, frame)).fold(0, |bits, bit| bits | 1 << bit)
    }

    /// True if a unicast frame is for one of the chip's own addresses, which is what the MAC acknowledges.
    pub(super) fn is_addressed(&self, frame: Mpdu) -> bool {
        !frame.receiver().is_group()
            && (0..INTERFACES).any(|interface| self.matches(reg::RA_FILTER_ADDR, interface, frame.receiver()))
    }

    /// True if `address` is the network of interface 0.
    pub(super) fn is_own_network(&self, address: MacAddress) -> bool {
        self.matches(reg::BSSID_FILTER_ADDR, 0, address)
    }

    fn passes(&self, interface: u32, frame: Mpdu) -> bool {
        let rules = self.registers.get(reg::FILTER_CONTROL + 4 * interface);
        let control = frame.control();
        let kind = control.frame_type();
        if rules & filter_control::DATA_AND_MANAGEMENT != 0 && kind != FrameType::Control {
            return true;
        }
        if rules & filter_control::SCAN != 0 && is_announcement(control) {
            return true;
        }
        let in_network = |address| self.matches(reg::BSSID_FILTER_ADDR, interface, address);
        // The wildcard stands for every network (IEEE 802.11-2020, 9.2.4.3.4): probe requests have it, and ESP-NOW.
        let is_wildcard = frame.bssid() == Some(MacAddress::BROADCAST);
        let receiver = frame.receiver();
        if receiver.is_group() {
            let to_all = is_wildcard && self.is_enabled(reg::RA_FILTER_ADDR, interface);
            return to_all || frame.bssid().is_some_and(in_network);
        }
        self.matches(reg::RA_FILTER_ADDR, interface, receiver)
            && kind != FrameType::Control
            && (rules & filter_control::BSSID_CHECK == 0 || is_wildcard || frame.bssid().is_some_and(in_network))
    }

    fn is_enabled(&self, bank: u32, interface: u32) -> bool {
        self.registers.get(mask_of(bank) + 8 * interface + 4) & FILTER_ENABLED != 0
    }

    /// Compares under the filter's mask.
    fn matches(&self, bank: u32, interface: u32, address: MacAddress) -> bool {
        let word = |base: u32, index: u32| self.registers.get(base + 8 * interface + 4 * index);
        let [a, b, c, d, e, f] = address.0;
        let (low, high) = (u32::from_le_bytes([a, b, c, d]), u32::from(u16::from_le_bytes([e, f])));
        let mask = mask_of(bank);
        let high_mask = word(mask, 1) & u32::from(u16::MAX);
        self.is_enabled(bank, interface)
            && (low ^ word(bank, 0)) & word(mask, 0) == 0
            && (high ^ word(bank, 1)) & high_mask == 0
    }
}

/// The masks of a bank follow its addresses.
fn mask_of(bank: u32) -> u32 {
    if bank == reg::RA_FILTER_ADDR { reg::RA_FILTER_MASK } else { reg::BSSID_FILTER_MASK }
}

fn is_announcement(control: Control) -> bool {
    control.is_management(subtype::BEACON) || control.is_management(subtype::PROBE_RESPONSE)
}
