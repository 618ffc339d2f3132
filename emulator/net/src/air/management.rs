//! Management frames of an access point (9.3.3).

use espalier_core::{Span, Time};
use espalier_ieee80211::{Control, FrameBuilder, FrameType, MacAddress, element_id, subtype};

use super::settings::AccessPoint;

/// Time between two beacons, in time units of 1024 us.
const BEACON_INTERVAL_TU: u16 = 100;
pub(super) const BEACON_INTERVAL: Span = Span::from_micros(1024 * BEACON_INTERVAL_TU as u64);
/// 1, 2, 5.5 and 11 Mbit/s, which every station must support, then 6 to 54 Mbit/s (units of 500 kbit/s).
pub(super) const RATES: [u8; 8] = [0x82, 0x84, 0x8B, 0x96, 0x0C, 0x12, 0x18, 0x24];
pub(super) const EXTENDED_RATES: [u8; 4] = [0x30, 0x48, 0x60, 0x6C];
/// Bits of the capability information (9.4.1.4).
const CAPABILITY_ESS: u16 = 1 << 0;
const CAPABILITY_PRIVACY: u16 = 1 << 4;
const CAPABILITY_SHORT_SLOT: u16 = 1 << 10;
/// The two upper bits of an association identifier are set (9.4.1.8).
const AID_MARK: u16 = 0xC000;
/// Every beacon carries a DTIM.
const DTIM_PERIOD: u8 = 1;

/// Status codes (table 9-50).
pub(super) mod status {
    pub const SUCCESS: u16 = 0;
    pub const UNSUPPORTED_ALGORITHM: u16 = 13;
    pub const NO_MORE_STATIONS: u16 = 17;
    pub const INVALID_ELEMENT: u16 = 40;
}

/// Reason codes (table 9-49).
pub(super) mod reason {
    pub const LEAVING: u16 = 3;
    pub const NOT_AUTHENTICATED: u16 = 6;
    pub const NOT_ASSOCIATED: u16 = 7;
    pub const HANDSHAKE_TIMEOUT: u16 = 15;
}

/// Writes the frames of one access point.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub bssid: MacAddress,
    /// The RSN element, if the network is protected.
    pub rsn: Option<Vec<u8>>,
    sequence: u16,
}

espalier_core::persist!(value Writer { bssid, rsn, sequence });

impl Writer {
    pub fn new(bssid: MacAddress, rsn: Option<Vec<u8>>) -> Writer {
        Writer { bssid, rsn, sequence: 0 }
    }

    /// The number of the next frame.
    pub fn next_sequence(&mut self) -> u16 {
        self.sequence = (self.sequence + 1) & 0xFFF;
        self.sequence
    }

    fn start(&mut self, subtype: u8, to: MacAddress) -> FrameBuilder {
        let sequence = self.next_sequence();
        FrameBuilder::new(Control::new(FrameType::Management, subtype), [to, self.bssid, self.bssid], sequence)
    }

    fn capability(&self) -> [u8; 2] {
        let privacy = if self.rsn.is_some() { CAPABILITY_PRIVACY } else { 0 };
        (CAPABILITY_ESS | CAPABILITY_SHORT_SLOT | privacy).to_le_bytes()
    }

    /// The common part of beacons and probe responses.
    fn announcement(&mut self, subtype: u8, to: MacAddress, ssid: &[u8], channel: u8, now: Time) -> FrameBuilder {
        self.start(subtype, to)
            .bytes(&now.as_micros().to_le_bytes())
            .bytes(&BEACON_INTERVAL_TU.to_le_bytes())
            .bytes(&self.capability())
            .element(element_id::SSID, ssid)
            .element(element_id::SUPPORTED_RATES, &RATES)
            .element(element_id::DSSS_PARAMETER_SET, &[channel])
    }

    fn finish(&self, builder: FrameBuilder) -> Vec<u8> {
        let builder = builder.element(element_id::EXTENDED_RATES, &EXTENDED_RATES);
        match &self.rsn {
            Some(rsn) => builder.element(element_id::RSN, rsn).build(),
            None => builder.build(),
        }
    }

    /// A beacon. `waiting` are the association identifiers of stations with buffered frames; `group` says that group frames
    /// follow.
    pub fn beacon(&mut self, settings: &AccessPoint, waiting: &[u16], group: bool, now: Time) -> Vec<u8> {
        let ssid = if settings.hidden { &[] } else { settings.ssid.as_bytes() };
        let mut bitmap = vec![0u8; usize::from(waiting.iter().max().copied().unwrap_or(0)) / 8 + 1];
        for aid in waiting {
            bitmap[usize::from(aid / 8)] |= 1 << (aid % 8);
        }
        let tim = [&[0, DTIM_PERIOD, u8::from(group)], &bitmap[..]].concat();
        let start = self.announcement(subtype::BEACON, MacAddress::BROADCAST, ssid, settings.channel, now);
        self.finish(start.element(element_id::TIM, &tim))
    }

    pub fn probe_response(&mut self, settings: &AccessPoint, to: MacAddress, now: Time) -> Vec<u8> {
        let ssid = settings.ssid.as_bytes();
        let start = self.announcement(subtype::PROBE_RESPONSE, to, ssid, settings.channel, now);
        self.finish(start)
    }

    /// The answer to an authentication request of `algorithm`.
    pub fn authentication(&mut self, to: MacAddress, algorithm: u16, status: u16) -> Vec<u8> {
        const SECOND: u16 = 2;
        let fields = [algorithm, SECOND, status].map(u16::to_le_bytes);
        self.start(subtype::AUTHENTICATION, to).bytes(fields.as_flattened()).build()
    }

    /// The answer to an association or reassociation request.
    pub fn association(&mut self, to: MacAddress, again: bool, status: u16, aid: u16) -> Vec<u8> {
        let subtype = if again { subtype::REASSOCIATION_RESPONSE } else { subtype::ASSOCIATION_RESPONSE };
        self.start(subtype, to)
            .bytes(&self.capability())
            .bytes(&status.to_le_bytes())
            .bytes(&(aid | AID_MARK).to_le_bytes())
            .element(element_id::SUPPORTED_RATES, &RATES)
            .element(element_id::EXTENDED_RATES, &EXTENDED_RATES)
            .build()
    }

    pub fn deauthentication(&mut self, to: MacAddress, reason: u16) -> Vec<u8> {
        self.start(subtype::DEAUTHENTICATION, to).bytes(&reason.to_le_bytes()).build()
    }

    pub fn disassociation(&mut self, to: MacAddress, reason: u16) -> Vec<u8> {
        self.start(subtype::DISASSOCIATION, to).bytes(&reason.to_le_bytes()).build()
    }

    /// Begins a data frame from the distribution system, with these flags besides.
    pub fn data(&mut self, to: MacAddress, from: MacAddress, flags: u16) -> FrameBuilder {
        let control = Control(Control::new(FrameType::Data, subtype::DATA).0 | Control::FROM_DS | flags);
        let sequence = self.next_sequence();
        FrameBuilder::new(control, [to, self.bssid, from], sequence)
    }
}
