//! A station of the harness that joins the network that the board opens.

use std::fmt;
use std::net::Ipv4Addr;

use espalier_core::{Span, Time};
use espalier_ieee80211::{
    CCMP_HEADER, Control, FrameBuilder, FrameType, MacAddress, Mpdu, Rate, ccmp_header, element_id, open,
    packet_number, subtype,
};

use super::management::{EXTENDED_RATES, RATES, reason};
use super::supplicant::Supplicant;
use super::wpa::RSN;
use super::{eapol, ethernet};
use crate::rng::Rng;

/// Time limit for the board's answer before the station begins anew.
const ANSWER_TIME: Span = Span::from_millis(500);
/// Bytes of a beacon before its elements.
const BEACON_FIXED: usize = 12;
/// ESS, privacy, short slot time (9.4.1.4).
const CAPABILITY_OPEN: [u8; 2] = [0x01, 0x04];
const CAPABILITY_PRIVATE: [u8; 2] = [0x11, 0x04];
/// The group cipher in an RSN element: CCMP (9.4.2.24).
const CCMP_SUITE: [u8; 4] = [0, 0x0F, 0xAC, 4];
const LISTEN_INTERVAL: [u8; 2] = [3, 0];
/// Where the status code is in the body of a response (9.3.3.11, 9.3.3.6).
const AUTHENTICATION_STATUS: usize = 4;
const ASSOCIATION_STATUS: usize = 2;
/// Open system, first message, success.
const AUTHENTICATION_REQUEST: [u8; 6] = [0, 0, 1, 0, 0, 0];

/// A station of the harness, with a host behind it that gets its address from the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// Network that it joins as soon as the board opens it.
    pub ssid: String,
    /// WPA2 passphrase; `None` joins an open network.
    pub password: Option<String>,
    /// Address of the station and its host; `None` makes one from the seed.
    pub address: Option<[u8; 6]>,
    /// Signal strength at the board, in dBm.
    pub rssi: i8,
}

espalier_core::persist!(value Station { ssid, password, address, rssi });

impl Station {
    /// For an open network.
    pub fn open(ssid: &str) -> Station {
        Station { ssid: ssid.into(), password: None, address: None, rssi: -40 }
    }

    /// For a network with WPA2-PSK.
    pub fn wpa2(ssid: &str, password: &str) -> Station {
        Station { password: Some(password.into()), ..Station::open(ssid) }
    }
}

/// The state of a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationState {
    /// The board has not opened its network, as far as the station hears.
    Searching,
    /// It is about to join.
    Joining,
    /// It has joined, and waits for an address from the board.
    Joined,
    /// It has an address.
    Ready {
        /// The address of the station's host.
        address: Ipv4Addr,
        /// The address of the board, which is its router.
        board: Ipv4Addr,
    },
    /// The board did not let it join, or it did not want to. It goes on trying.
    Refused(Refusal),
}

/// Why a station has not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The network wants a password, and the station has none.
    PasswordNeeded,
    /// The station has a password, and the network is open.
    NoPasswordWanted,
    /// The network protects group frames by something else than CCMP.
    Cipher,
    /// The board ended the handshake after what only the password decides.
    WrongPassword,
    /// The board refused authentication or association with this status code (IEEE 802.11-2020, table 9-50).
    Status(u16),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::PasswordNeeded => f.write_str("it wants a password, and the station was given none"),
            Refusal::NoPasswordWanted => f.write_str("it is open, and the station was given a password"),
            Refusal::Cipher => f.write_str("its group cipher is not CCMP"),
            Refusal::WrongPassword => f.write_str("wrong password"),
            Refusal::Status(code) => write!(f, "the board refused with status {code}"),
        }
    }
}

espalier_core::persist!(
    enum Refusal {
        PasswordNeeded,
        NoPasswordWanted,
        Cipher,
        WrongPassword,
        Status(value),
    }
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Searching,
    Authenticating,
    Associating,
    Associated,
}

espalier_core::persist!(
    enum Stage {
        Searching,
        Authenticating,
        Associating,
        Associated,
    }
);

/// A station and how far it has come.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub settings: Station,
    address: MacAddress,
    refusal: Option<Refusal>,
    /// It has shown the board that it knows the password, or does not.
    has_answered: bool,
    stage: Stage,
    bssid: MacAddress,
    pub channel: u8,
    supplicant: Option<Supplicant>,
    sequence: u16,
    sent_number: u64,
    deadline: Option<Time>,
    outgoing: Vec<(Vec<u8>, Rate)>,
    to_host: Vec<Vec<u8>>,
}

espalier_core::persist! {
    value Member {
        settings, address, refusal, has_answered, stage, bssid, channel, supplicant, sequence, sent_number,
        deadline, outgoing, to_host
    }
}

impl Member {
    pub fn new(settings: Station, address: MacAddress, rng: &mut Rng) -> Member {
        let password = settings.password.as_ref();
        Member {
            supplicant: password.map(|password| Supplicant::new(&settings.ssid, password, rng)),
            settings,
            address,
            refusal: None,
            has_answered: false,
            stage: Stage::Searching,
            bssid: MacAddress::default(),
            channel: 1,
            sequence: 0,
            sent_number: 0,
            deadline: None,
            outgoing: Vec::new(),
            to_host: Vec::new(),
        }
    }

    pub fn address(&self) -> MacAddress {
        self.address
    }

    /// Returns its state, as far as joined; later events are not the station's business.
    pub fn state(&self) -> StationState {
        match (self.stage, self.refusal) {
            (Stage::Associated, _) if self.is_connected() => StationState::Joined,
            (_, Some(refusal)) => StationState::Refused(refusal),
            (Stage::Searching, None) => StationState::Searching,
            _ => StationState::Joining,
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    pub fn take_outgoing(&mut self) -> Vec<(Vec<u8>, Rate)> {
        std::mem::take(&mut self.outgoing)
    }

    pub fn take_for_host(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.to_host)
    }

    /// True once data can go to and fro.
    pub fn is_connected(&self) -> bool {
        let secured = self.supplicant.as_ref().is_none_or(|supplicant| supplicant.pairwise().is_some());
        self.stage == Stage::Associated && secured
    }

    /// The board did not answer in time.
    pub fn wake(&mut self, _now: Time) {
        self.deadline = None;
        self.search();
    }

    fn search(&mut self) {
        self.stage = Stage::Searching;
        self.sent_number = 0;
        self.has_answered = false;
        if let Some(supplicant) = &mut self.supplicant {
            supplicant.restart();
        }
    }

    /// A frame from the board.
    pub fn receive(&mut self, frame: Mpdu, now: Time) {
        let control = frame.control();
        let to_us = frame.receiver() == self.address() && frame.transmitter() == Some(self.bssid);
        match (control.frame_type(), control.subtype()) {
            (FrameType::Management, subtype::BEACON) => self.notice(frame, now),
            (FrameType::Management, subtype::AUTHENTICATION)
                if to_us && self.stage == Stage::Authenticating && self.accepts(frame, AUTHENTICATION_STATUS) =>
            {
                self.stage = Stage::Associating;
                self.associate();
            }
            (FrameType::Management, subtype::ASSOCIATION_RESPONSE)
                if to_us && self.stage == Stage::Associating && self.accepts(frame, ASSOCIATION_STATUS) =>
            {
                self.stage = Stage::Associated;
                self.deadline = None;
            }
            (FrameType::Management, subtype::DEAUTHENTICATION | subtype::DISASSOCIATION)
                if frame.transmitter() == Some(self.bssid) && (to_us || frame.receiver().is_group()) =>
            {
                if self.has_answered && !self.is_connected() {
                    self.refusal = Some(Refusal::WrongPassword);
                }
                self.search();
            }
            (FrameType::Data, _) if self.stage == Stage::Associated && frame.bssid() == Some(self.bssid) => {
                self.receive_data(frame);
            }
            _ => {}
        }
    }

    /// Whether the status code at this place of a response is that of success.
    fn accepts(&mut self, frame: Mpdu, place: usize) -> bool {
        let Some(status) = frame.body().get(place..place + 2) else { return false };
        let status = u16::from_le_bytes([status[0], status[1]]);
        self.refusal = (status != 0).then_some(Refusal::Status(status));
        status == 0
    }

    /// Why the station does not join a network with these elements.
    fn objection(&self, rsn: Option<&[u8]>) -> Option<Refusal> {
        match (rsn, &self.supplicant) {
            (Some(_), None) => Some(Refusal::PasswordNeeded),
            (None, Some(_)) => Some(Refusal::NoPasswordWanted),
            (Some(rsn), Some(_)) if rsn.get(2..6) != Some(&CCMP_SUITE) => Some(Refusal::Cipher),
            _ => None,
        }
    }

    fn notice(&mut self, frame: Mpdu, now: Time) {
        let elements = frame.elements(BEACON_FIXED);
        let named = elements.get(element_id::SSID) == Some(self.settings.ssid.as_bytes());
        let (Some(bssid), true, Stage::Searching) = (frame.bssid(), named, self.stage) else { return };
        if let Some(objection) = self.objection(elements.get(element_id::RSN)) {
            self.refusal = Some(objection);
            return;
        }
        self.bssid = bssid;
        self.channel = elements.get(element_id::DSSS_PARAMETER_SET).and_then(|set| set.first().copied()).unwrap_or(1);
        self.stage = Stage::Authenticating;
        self.deadline = Some(now + ANSWER_TIME);
        let request = self.management(subtype::AUTHENTICATION).bytes(&AUTHENTICATION_REQUEST).build();
        self.outgoing.push((request, Rate::DSSS_1M));
    }

    fn associate(&mut self) {
        let capability = if self.supplicant.is_some() { CAPABILITY_PRIVATE } else { CAPABILITY_OPEN };
        let ssid = self.settings.ssid.clone();
        let mut request = self
            .management(subtype::ASSOCIATION_REQUEST)
            .bytes(&capability)
            .bytes(&LISTEN_INTERVAL)
            .element(element_id::SSID, ssid.as_bytes())
            .element(element_id::SUPPORTED_RATES, &RATES)
            .element(element_id::EXTENDED_RATES, &EXTENDED_RATES);
        if self.supplicant.is_some() {
            request = request.element(element_id::RSN, &RSN);
        }
        self.outgoing.push((request.build(), Rate::DSSS_1M));
    }

    fn management(&mut self, subtype: u8) -> FrameBuilder {
        let addresses = [self.bssid, self.address(), self.bssid];
        FrameBuilder::new(Control::new(FrameType::Management, subtype), addresses, self.next_sequence())
    }

    fn next_sequence(&mut self) -> u16 {
        self.sequence = (self.sequence + 1) & 0xFFF;
        self.sequence
    }

    fn receive_data(&mut self, frame: Mpdu) {
        let group = frame.receiver().is_group();
        if frame.control().subtype() & subtype::NULL != 0 || !(group || frame.receiver() == self.address()) {
            return;
        }
        let protected = frame.control().has(Control::PROTECTED);
        let clear;
        let body = if protected {
            let Some(opened) = self.decrypt(frame, group) else { return };
            clear = opened;
            clear.get(frame.header_length() + CCMP_HEADER..).unwrap_or_default()
        } else {
            frame.body()
        };
        let Some(source) = frame.address3() else { return };
        if ethernet::ethertype(body) == Some(eapol::ETHERTYPE) {
            let (bssid, own) = (self.bssid, self.address());
            let Some(supplicant) = &mut self.supplicant else { return };
            if let Some(answer) = supplicant.receive(ethernet::payload(body), bssid, own) {
                self.has_answered = true;
                let body = ethernet::encapsulate(eapol::ETHERTYPE, &answer);
                let frame = self.data(bssid, 0).bytes(&body).build();
                self.outgoing.push((frame, Rate::OFDM_24M));
            }
        } else if (protected || self.supplicant.is_none())
            && source != self.address()
            && let Some(ethernet) = ethernet::join(frame.receiver(), source, body)
        {
            self.to_host.push(ethernet);
        }
    }

    /// A protected frame in the clear; `None` if it is not what the access point has sent.
    fn decrypt(&self, frame: Mpdu, group: bool) -> Option<Vec<u8>> {
        let supplicant = self.supplicant.as_ref()?;
        let (_, key_id) = packet_number(frame)?;
        let key = if group { supplicant.group(key_id)? } else { supplicant.pairwise()? };
        let mut clear = frame.bytes().to_vec();
        let length = open(&mut clear, &key)?;
        clear.truncate(length);
        Some(clear)
    }

    /// Begins a data frame for the distribution system, with these flags besides.
    fn data(&mut self, destination: MacAddress, flags: u16) -> FrameBuilder {
        let control = Control(Control::new(FrameType::Data, subtype::DATA).0 | Control::TO_DS | flags);
        let addresses = [self.bssid, self.address(), destination];
        FrameBuilder::new(control, addresses, self.next_sequence())
    }

    /// The station leaves the network that it may have joined.
    pub fn leave(&mut self) {
        if matches!(self.stage, Stage::Associating | Stage::Associated) {
            let frame = self.management(subtype::DEAUTHENTICATION).bytes(&reason::LEAVING.to_le_bytes()).build();
            self.outgoing.push((frame, Rate::DSSS_1M));
        }
    }

    /// An Ethernet frame of the station's host.
    pub fn forward(&mut self, ethernet: &[u8]) {
        let Some(parts) = ethernet::split(ethernet) else { return };
        if !self.is_connected() {
            return;
        }
        let (flags, protection) = match self.supplicant.as_ref().map(Supplicant::pairwise) {
            None => (0, None),
            Some(None) => return,
            Some(Some(key)) => {
                self.sent_number += 1;
                (Control::PROTECTED, Some((ccmp_header(self.sent_number, 0), key)))
            }
        };
        let header = self.data(parts.destination, flags);
        self.outgoing.extend(parts.finish(header, protection).map(|frame| (frame, Rate::OFDM_24M)));
    }
}
