//! The recording of a monitor beside the board: every frame in the air, behind a radiotap header (radiotap.org).

use espalier_core::Time;
use espalier_ieee80211::{Modulation, Rate};

use crate::capture::{Capture, LinkType};

/// Bits of the radiotap header that say which fields follow.
mod present {
    pub const TSFT: u32 = 1 << 0;
    pub const FLAGS: u32 = 1 << 1;
    pub const RATE: u32 = 1 << 2;
    pub const CHANNEL: u32 = 1 << 3;
    pub const ANTENNA_SIGNAL: u32 = 1 << 5;
    pub const MCS: u32 = 1 << 19;
}
/// Bits of the channel's flags.
mod channel {
    pub const CCK: u16 = 1 << 5;
    pub const OFDM: u16 = 1 << 6;
    pub const BAND_2_4_GHZ: u16 = 1 << 7;
}
/// Of the MCS field, bandwidth and index are known; the bandwidth is 20 MHz.
const MCS_KNOWN: u8 = 0b11;
/// Rates of the HT modulation with one spatial stream, long guard interval, by their index (IEEE 802.11-2020, table 19-27).
const HT_RATES: [u32; 8] = [6_500, 13_000, 19_500, 26_000, 39_000, 52_000, 58_500, 65_000];

/// The transmission of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Radiated {
    pub channel: u8,
    pub rate: Rate,
    /// Signal strength at the board, in dBm.
    pub rssi: i8,
}

/// A recording of what is in the air.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    capture: Capture,
}

espalier_core::persist!(value Monitor { capture });

impl Monitor {
    pub fn new() -> Monitor {
        Monitor { capture: Capture::of(LinkType::Radiotap) }
    }

    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    pub fn capture_mut(&mut self) -> &mut Capture {
        &mut self.capture
    }

    pub fn record(&mut self, at: Time, bytes: &[u8], how: Radiated) {
        if self.capture.is_running() {
            let mut packet = header(at, how);
            packet.extend_from_slice(bytes);
            self.capture.record(at, &packet.into());
        }
    }
}

fn header(at: Time, how: Radiated) -> Vec<u8> {
    /// Where the present word ends.
    const FIELDS: usize = 8;
    let ht = how.rate.modulation == Modulation::Ht;
    let rate = if ht { present::MCS } else { present::RATE };
    let fields = present::TSFT | present::FLAGS | present::CHANNEL | present::ANTENNA_SIGNAL | rate;
    let modulation = if how.rate.modulation == Modulation::Dsss { channel::CCK } else { channel::OFDM };
    let mut bytes = vec![0, 0, 0, 0];
    bytes.extend(fields.to_le_bytes());
    debug_assert_eq!(bytes.len(), FIELDS);
    bytes.extend(at.as_micros().to_le_bytes());
    // No flags: the frame check sequence is not in the capture. With MCS, the rate's place aligns the channel.
    bytes.extend([0, if ht { 0 } else { (how.rate.kilobits / 500) as u8 }]);
    bytes.extend(frequency(how.channel).to_le_bytes());
    bytes.extend((channel::BAND_2_4_GHZ | modulation).to_le_bytes());
    bytes.push(how.rssi as u8);
    if ht {
        let index = HT_RATES.iter().position(|rate| *rate == how.rate.kilobits).unwrap_or(0);
        bytes.extend([MCS_KNOWN, 0, index as u8]);
    }
    let length = bytes.len() as u16;
    bytes[2..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The middle of a channel of the 2.4 GHz band in MHz (IEEE 802.11-2020, 15.4.4.3).
fn frequency(channel: u8) -> u16 {
    const LAST: u8 = 14;
    if channel == LAST { 2484 } else { 2407 + 5 * u16::from(channel) }
}

#[cfg(test)]
mod tests {
    use espalier_core::Time;
    use espalier_ieee80211::{Modulation, Rate};

    use super::{Radiated, header};

    #[test]
    fn the_header_says_how_the_frame_was_sent() {
        let how = Radiated { channel: 6, rate: Rate::OFDM_24M, rssi: -40 };
        let bytes = header(Time::from_micros(0x0102_0304), how);
        assert_eq!(bytes[..8], [0, 0, 23, 0, 0b10_1111, 0, 0, 0]);
        assert_eq!(bytes[8..], [4, 3, 2, 1, 0, 0, 0, 0, 0, 48, 0x85, 0x09, 0xC0, 0, 0xD8]);
        let how = Radiated { rate: Rate { modulation: Modulation::Ht, kilobits: 65_000 }, channel: 14, ..how };
        let bytes = header(Time::ZERO, how);
        assert_eq!((bytes.len(), &bytes[16..20], &bytes[22..]), (26, &[0, 0, 0xB4, 0x09][..], &[0xD8, 3, 0, 7][..]));
    }
}
