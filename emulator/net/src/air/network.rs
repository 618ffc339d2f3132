//! One access point: who is associated with it, and what it sends.

use std::collections::VecDeque;

use espalier_core::{FlatMap, Span, Time};
use espalier_ieee80211::{
    CCMP_HEADER, Control, FrameType, MacAddress, Mpdu, Rate, TemporalKey, ccmp_header, element_id, open, packet_number,
    subtype,
};

use super::ethernet::{Protection, Split};
use super::management::{BEACON_INTERVAL, Writer, reason, status};
use super::settings::AccessPoint;
use super::wpa::{self, Handshake, Security, Step};
use super::{eapol, ethernet};
use crate::rng::Rng;

/// Frames that are kept for a station that sleeps.
const BUFFERED_MAX: usize = 64;
const OPEN_SYSTEM: u16 = 0;
/// Association identifiers are 1 to this (9.4.1.8), so that the map of sleeping stations has a bit for each.
const AID_MAX: u16 = 2007;
/// Bytes before the elements of a probe request, an association request and a reassociation request.
const ASSOCIATION_FIXED: usize = 4;
const REASSOCIATION_FIXED: usize = 10;

/// A station that is known to the access point.
#[derive(Clone, Debug, Default)]
struct Station {
    /// `None` until it is associated.
    aid: Option<u16>,
    /// It sleeps between beacons.
    asleep: bool,
    /// Ethernet frames that wait until it is awake.
    buffered: VecDeque<Vec<u8>>,
    /// In a protected network, from its association on.
    handshake: Option<Handshake>,
    /// Packet numbers of the latest protected frame to it and from it.
    sent_number: u64,
    received_number: u64,
}

espalier_core::persist!(value Station { aid, asleep, buffered, handshake, sent_number, received_number } if Station::is_possible;);

impl Station {
    fn is_possible(&self) -> bool {
        self.aid.is_none_or(|aid| (1..=AID_MAX).contains(&aid)) && self.buffered.len() <= BUFFERED_MAX
    }

    fn key(&self) -> Option<TemporalKey> {
        self.handshake.as_ref()?.key()
    }

    /// A protected frame in the clear; `None` if it is not what the station has sent, or has been sent before.
    fn decrypt(&mut self, frame: Mpdu) -> Option<Vec<u8>> {
        let (number, _) = packet_number(frame)?;
        let mut clear = frame.bytes().to_vec();
        let length = open(&mut clear, &self.key()?)?;
        clear.truncate(length);
        if number <= self.received_number {
            return None;
        }
        self.received_number = number;
        Some(clear)
    }
}

/// An access point and its stations.
#[derive(Clone, Debug)]
pub(super) struct Network {
    settings: AccessPoint,
    writer: Writer,
    next_beacon: Time,
    rng: Rng,
    security: Option<Security>,
    /// Packet number of the latest protected group frame.
    group_number: u64,
    stations: FlatMap<MacAddress, Station>,
    /// Group frames that wait for the next beacon, since a station sleeps.
    group: VecDeque<Vec<u8>>,
    outgoing: Vec<(Vec<u8>, Rate)>,
    to_lan: Vec<Vec<u8>>,
}

espalier_core::persist! {
    value Network {
        settings, writer, next_beacon, rng, security, group_number, stations, group, outgoing, to_lan
    }
}

impl Network {
    pub fn new(settings: AccessPoint, bssid: MacAddress, seed: u64, now: Time) -> Network {
        let mut rng = Rng::new(seed, 0);
        let phase = rng.below(BEACON_INTERVAL.as_micros());
        let password = settings.password.as_ref();
        let security = password.map(|password| Security::new(&settings.ssid, password, &mut rng));
        Network {
            writer: Writer::new(bssid, security.as_ref().map(|_| Security::rsn())),
            settings,
            rng,
            security,
            group_number: 0,
            next_beacon: now + Span::from_micros(phase),
            stations: FlatMap::new(),
            group: VecDeque::new(),
            outgoing: Vec::new(),
            to_lan: Vec::new(),
        }
    }

    pub fn settings(&self) -> &AccessPoint {
        &self.settings
    }

    pub fn bssid(&self) -> MacAddress {
        self.writer.bssid
    }

    pub fn set_rssi(&mut self, rssi: i8) {
        self.settings.rssi = rssi;
    }

    pub fn deadline(&self) -> Time {
        let handshakes = self.stations.values().filter_map(|station| station.handshake.as_ref()?.deadline());
        handshakes.fold(self.next_beacon, Time::min)
    }

    pub fn take_outgoing(&mut self) -> Vec<(Vec<u8>, Rate)> {
        std::mem::take(&mut self.outgoing)
    }

    pub fn take_for_lan(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.to_lan)
    }

    /// Stations that are associated.
    pub fn associated(&self) -> impl Iterator<Item = MacAddress> + '_ {
        self.stations.iter().filter(|(_, station)| station.aid.is_some()).map(|(address, _)| *address)
    }

    /// Does what is due: asks stations again that did not answer, sends a beacon and after it the group frames that waited for it.
    pub fn wake(&mut self, now: Time) {
        let late = |station: &Station| station.handshake.as_ref()?.deadline();
        let late = self.stations.iter().filter(|(_, station)| late(station).is_some_and(|deadline| deadline <= now));
        for address in late.map(|(address, _)| *address).collect::<Vec<_>>() {
            self.step(address, |handshake, security, number| handshake.prompt(security, number, now));
        }
        while self.next_beacon <= now {
            let waiting: Vec<u16> = self
                .stations
                .values()
                .filter(|station| !station.buffered.is_empty())
                .filter_map(|station| station.aid)
                .collect();
            let beacon = self.writer.beacon(&self.settings, &waiting, !self.group.is_empty(), self.next_beacon);
            self.outgoing.push((beacon, Rate::DSSS_1M));
            while let Some(frame) = self.group.pop_front() {
                if let Some(parts) = ethernet::split(&frame) {
                    self.send_group(&parts, !self.group.is_empty());
                }
            }
            self.next_beacon += BEACON_INTERVAL;
        }
    }

    /// A frame from the board that is for this network or for all.
    pub fn receive(&mut self, frame: Mpdu, now: Time) {
        let Some(from) = frame.transmitter() else { return };
        let control = frame.control();
        self.note_power(from, control);
        match (control.frame_type(), control.subtype()) {
            (FrameType::Management, subtype::PROBE_REQUEST) => self.probe(frame, from, now),
            (FrameType::Management, subtype::AUTHENTICATION) => self.authenticate(frame, from),
            (FrameType::Management, subtype::ASSOCIATION_REQUEST) => self.associate(frame, from, false, now),
            (FrameType::Management, subtype::REASSOCIATION_REQUEST) => self.associate(frame, from, true, now),
            (FrameType::Management, subtype::DEAUTHENTICATION) if frame.receiver() == self.bssid() => {
                self.stations.remove(&from);
            }
            (FrameType::Management, subtype::DISASSOCIATION) if frame.receiver() == self.bssid() => {
                if let Some(station) = self.stations.get_mut(&from) {
                    station.aid = None;
                }
            }
            (FrameType::Control, subtype::PS_POLL) => self.release(from, 1),
            (FrameType::Data, _) if frame.bssid() == Some(self.bssid()) => self.receive_data(frame, from, now),
            _ => {}
        }
    }

    /// Remembers whether the station sleeps after this frame (11.2.3).
    fn note_power(&mut self, from: MacAddress, control: Control) {
        if control.frame_type() == FrameType::Control {
            return;
        }
        let Some(station) = self.stations.get_mut(&from) else { return };
        station.asleep = control.has(Control::POWER_MANAGEMENT);
        if !station.asleep {
            self.release(from, usize::MAX);
        }
    }

    fn probe(&mut self, frame: Mpdu, from: MacAddress, now: Time) {
        let wanted = frame.elements(0).get(element_id::SSID).unwrap_or(&[]);
        let wildcard = wanted.is_empty() && !self.settings.hidden;
        if wildcard || wanted == self.settings.ssid.as_bytes() {
            let response = self.writer.probe_response(&self.settings, from, now);
            self.outgoing.push((response, Rate::DSSS_1M));
        }
    }

    fn authenticate(&mut self, frame: Mpdu, from: MacAddress) {
        let &[a, b, sequence, 0, ..] = frame.body() else { return };
        if sequence != 1 || frame.receiver() != self.bssid() {
            return;
        }
        let algorithm = u16::from_le_bytes([a, b]);
        // A driver that makes addresses up does not fill the memory.
        let has_room = self.stations.len() < usize::from(AID_MAX) || self.stations.contains_key(&from);
        let status = match algorithm {
            OPEN_SYSTEM if has_room => status::SUCCESS,
            OPEN_SYSTEM => status::NO_MORE_STATIONS,
            _ => status::UNSUPPORTED_ALGORITHM,
        };
        if status == status::SUCCESS {
            self.stations.insert(from, Station::default());
        }
        let answer = self.writer.authentication(from, algorithm, status);
        self.outgoing.push((answer, Rate::DSSS_1M));
    }

    fn associate(&mut self, frame: Mpdu, from: MacAddress, again: bool, now: Time) {
        if !self.stations.contains_key(&from) {
            let refusal = self.writer.deauthentication(from, reason::NOT_AUTHENTICATED);
            self.outgoing.push((refusal, Rate::DSSS_1M));
            return;
        }
        let elements = frame.elements(if again { REASSOCIATION_FIXED } else { ASSOCIATION_FIXED });
        let named = elements.get(element_id::SSID) == Some(self.settings.ssid.as_bytes());
        let status = if named { status::SUCCESS } else { status::INVALID_ELEMENT };
        let aids = self.stations.values().filter_map(|station| station.aid);
        let taken: FlatMap<u16, ()> = aids.map(|aid| (aid, ())).collect();
        let free = (1..=AID_MAX).find(|aid| !taken.contains_key(aid));
        let aid = self.stations.get(&from).and_then(|station| station.aid).or(free).unwrap_or(1);
        if let Some(station) = self.stations.get_mut(&from) {
            station.aid = named.then_some(aid);
        }
        let answer = self.writer.association(from, again, status, aid);
        self.outgoing.push((answer, Rate::DSSS_1M));
        if named && self.security.is_some() {
            let handshake = Handshake::new(self.bssid(), from, &mut self.rng);
            if let Some(station) = self.stations.get_mut(&from) {
                station.handshake = Some(handshake);
                (station.sent_number, station.received_number) = (0, 0);
            }
            self.step(from, |handshake, security, number| handshake.prompt(security, number, now));
        }
    }

    /// Takes the handshake with a station a step further.
    fn step(&mut self, with: MacAddress, act: impl FnOnce(&mut Handshake, &Security, u64) -> Step) {
        let (Some(security), Some(station)) = (&self.security, self.stations.get_mut(&with)) else { return };
        let Some(handshake) = &mut station.handshake else { return };
        match act(handshake, security, self.group_number) {
            Step::Nothing => {}
            Step::Send(eapol) => {
                let body = ethernet::encapsulate(eapol::ETHERTYPE, &eapol);
                let frame = self.writer.data(with, self.writer.bssid, 0).bytes(&body).build();
                self.outgoing.push((frame, Rate::OFDM_24M));
            }
            Step::GiveUp => {
                self.stations.remove(&with);
                let frame = self.writer.deauthentication(with, reason::HANDSHAKE_TIMEOUT);
                self.outgoing.push((frame, Rate::DSSS_1M));
            }
        }
    }

    fn receive_data(&mut self, frame: Mpdu, from: MacAddress, now: Time) {
        let Some(station) = self.stations.get_mut(&from) else {
            let refusal = self.writer.deauthentication(from, reason::NOT_AUTHENTICATED);
            self.outgoing.push((refusal, Rate::DSSS_1M));
            return;
        };
        if station.aid.is_none() {
            let refusal = self.writer.disassociation(from, reason::NOT_ASSOCIATED);
            self.outgoing.push((refusal, Rate::DSSS_1M));
            return;
        }
        if frame.control().subtype() & subtype::NULL != 0 {
            return;
        }
        let Some(destination) = frame.address3() else { return };
        let clear;
        let body = if frame.control().has(Control::PROTECTED) {
            let Some(opened) = station.decrypt(frame) else { return };
            clear = opened;
            clear.get(frame.header_length() + CCMP_HEADER..).unwrap_or_default()
        } else {
            frame.body()
        };
        if ethernet::ethertype(body) == Some(eapol::ETHERTYPE) {
            let eapol = ethernet::payload(body);
            self.step(from, |handshake, security, number| handshake.receive(security, eapol, number, now));
            return;
        }
        // A protected network takes nothing else in the clear.
        if self.security.is_some() && !frame.control().has(Control::PROTECTED) {
            return;
        }
        if let Some(ethernet) = ethernet::join(destination, from, body) {
            self.to_lan.push(ethernet);
        }
    }

    /// A frame of a station goes back into the air if it is for another one here.
    pub fn relay(&mut self, ethernet: &[u8], now: Time) {
        let Some(parts) = ethernet::split(ethernet) else { return };
        if !parts.destination.is_group() || self.associated().nth(1).is_some() {
            self.forward(ethernet, now);
        }
    }

    /// An Ethernet frame from the LAN.
    pub fn forward(&mut self, ethernet: &[u8], _now: Time) {
        let Some(parts) = ethernet::split(ethernet) else { return };
        if parts.destination.is_group() {
            if self.stations.values().any(|station| station.aid.is_some() && station.asleep) {
                if self.group.len() < BUFFERED_MAX {
                    self.group.push_back(ethernet.to_vec());
                }
            } else if self.associated().next().is_some() {
                self.send_group(&parts, false);
            }
            return;
        }
        let Some(station) = self.stations.get_mut(&parts.destination) else { return };
        if station.aid.is_none() {
            return;
        }
        if !station.asleep {
            self.send_unicast(&parts, false);
        } else if station.buffered.len() < BUFFERED_MAX {
            station.buffered.push_back(ethernet.to_vec());
        }
    }

    /// Sends up to `count` frames that waited for a station.
    fn release(&mut self, to: MacAddress, count: usize) {
        for _ in 0..count {
            let Some(station) = self.stations.get_mut(&to) else { return };
            let Some(ethernet) = station.buffered.pop_front() else { return };
            let more = !station.buffered.is_empty();
            if let Some(parts) = ethernet::split(&ethernet) {
                self.send_unicast(&parts, more);
            }
        }
    }

    fn send_unicast(&mut self, parts: &Split<'_>, more: bool) {
        let Some(station) = self.stations.get_mut(&parts.destination) else { return };
        let protection = if self.security.is_some() {
            let Some(key) = station.key() else { return };
            station.sent_number += 1;
            Some((ccmp_header(station.sent_number, 0), key))
        } else {
            None
        };
        self.send(parts, more, protection, Rate::OFDM_24M);
    }

    fn send_group(&mut self, parts: &Split<'_>, more: bool) {
        let protection = self.security.as_ref().map(|security| {
            self.group_number += 1;
            (ccmp_header(self.group_number, wpa::GROUP_KEY_ID), security.group_key)
        });
        self.send(parts, more, protection, Rate::DSSS_1M);
    }

    fn send(&mut self, parts: &Split<'_>, more: bool, protection: Option<Protection>, rate: Rate) {
        let more = if more { Control::MORE_DATA } else { 0 };
        let protected = if protection.is_some() { Control::PROTECTED } else { 0 };
        let header = self.writer.data(parts.destination, parts.source, more | protected);
        self.outgoing.extend(parts.finish(header, protection).map(|frame| (frame, rate)));
    }

    /// Sends every station away.
    pub fn deauthenticate_all(&mut self, _now: Time) {
        for &address in std::mem::take(&mut self.stations).keys() {
            let frame = self.writer.deauthentication(address, reason::LEAVING);
            self.outgoing.push((frame, Rate::DSSS_1M));
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Load, Persist, Reader, Writer};

    use super::{AID_MAX, Station};

    fn survives(aid: Option<u16>) -> bool {
        let mut to = Writer::new();
        Station { aid, ..Station::default() }.save(&mut to);
        Station::load(&mut Reader::new(&to.into_bytes())).is_ok()
    }

    /// A beacon has a bit for each number, up to the last one.
    #[test]
    fn a_station_with_a_number_that_no_network_gives_is_damaged() {
        assert!(survives(None) && survives(Some(1)) && survives(Some(AID_MAX)));
        assert!(!survives(Some(0)) && !survives(Some(AID_MAX + 1)) && !survives(Some(u16::MAX)));
    }
}
