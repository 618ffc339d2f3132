//! The MAC's own time, and the timers of the timing synchronisation function (IEEE 802.11-2020, 11.1).

use espalier_core::Time;
use espalier_ieee80211::{Mpdu, subtype};

use super::WifiMac;
use super::registers::{TSF_FOLLOW_BEACONS, reg, tsf_command};

/// Bytes of the timestamp that beacons begin with.
const TIMESTAMP: usize = 8;

/// A timer: its microseconds minus those of guest time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tsf {
    offset: u64,
}

espalier_core::persist!(value Tsf { offset });

impl Tsf {
    fn value(self, now: Time) -> u64 {
        now.as_micros().wrapping_add(self.offset)
    }

    fn set(&mut self, value: u64, now: Time) {
        self.offset = value.wrapping_sub(now.as_micros());
    }
}

impl WifiMac {
    /// Microseconds since the MAC was reset.
    pub(super) fn mac_time(&self, now: Time) -> u32 {
        now.since(self.started).as_micros() as u32
    }

    /// Software wrote TSF_COMMAND.
    pub(super) fn command_tsf(&mut self, command: u32, now: Time) {
        const LOADS: [u32; 2] = [reg::TSF0_LOAD, reg::TSF1_LOAD];
        const VALUES: [u32; 2] = [reg::TSF0_VALUE, reg::TSF1_VALUE];
        for timer in 0..self.tsf.len() {
            if command & tsf_command::LOAD[timer] != 0 {
                let [low, high] = [0, 4].map(|word| u64::from(self.registers.get(LOADS[timer] + word)));
                self.tsf[timer].set(high << 32 | low, now);
                self.registers.modify(reg::TSF_COMMAND, tsf_command::LOAD[timer], 0);
            }
            if command & tsf_command::CAPTURE[timer] != 0 {
                let value = self.tsf[timer].value(now);
                self.registers.set(VALUES[timer], value as u32);
                self.registers.set(VALUES[timer] + 4, (value >> 32) as u32);
            }
        }
    }

    /// Timer 0 takes the time of the network that the station belongs to.
    pub(super) fn follow_beacon(&mut self, frame: Mpdu, now: Time) {
        let follows = self.registers.get(reg::TSF0_CTRL) & TSF_FOLLOW_BEACONS == TSF_FOLLOW_BEACONS;
        if follows
            && frame.control().is_management(subtype::BEACON)
            && frame.bssid().is_some_and(|bssid| self.is_own_network(bssid))
            && let Some(timestamp) = frame.body().first_chunk::<TIMESTAMP>()
        {
            self.tsf[0].set(u64::from_le_bytes(*timestamp), now);
        }
    }
}
