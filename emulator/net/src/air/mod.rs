//! The air around the board's antenna: networks and the frames that go to and fro, in guest time.
//!
//! The wiring gives [`Air`] what the board's radio sends ([`Air::send_from_board`]) and carries what comes out of
//! [`Air::take_for_board`] to the radio, which says through [`Air::report`] whether it took it. Data of associated stations goes to
//! the LAN as Ethernet frames and comes from there ([`Air::take_for_lan`], [`Air::send_from_lan`]). Physical effects are not
//! modelled: who is tuned to the channel hears every frame.

mod eapol;
mod ethernet;
mod management;
mod network;
mod settings;
mod station;
mod supplicant;
#[cfg(test)]
mod tests;
mod wpa;

use std::collections::{BTreeMap, VecDeque};

use espalier_core::{Span, Time};
use espalier_ieee80211::{Control, FCS_LENGTH, Frame, FrameType, MacAddress, Rate};

use crate::rng::Rng;
use network::Network;
pub use settings::{AccessPoint, AirError};
use station::Member;
pub use station::Station;

/// Between two frames to the board, from the start of one to the start of the next: what a driver of this class of chip keeps up
/// with for any length of time.
const SPACING: Span = Span::from_micros(400);
/// How often a frame is sent again that nobody acknowledged (dot11ShortRetryLimit).
const RETRIES: u8 = 7;
/// What the seed is used for here.
const STREAM: u64 = 3;
/// Locally administered; the rest of the address comes from the seed.
const BSSID_PREFIX: u8 = 0x02;

/// A frame that arrives at the board's antenna.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AirFrame {
    /// The frame without its frame check sequence.
    pub bytes: Vec<u8>,
    pub channel: u8,
    /// Signal strength in dBm.
    pub rssi: i8,
    pub rate: Rate,
    /// Network or station that has sent it.
    from: MacAddress,
    /// How often it was sent before.
    tries: u8,
}

/// The air around one board.
#[derive(Clone, Debug)]
pub struct Air {
    now: Time,
    rng: Rng,
    networks: BTreeMap<MacAddress, Network>,
    members: BTreeMap<MacAddress, Member>,
    /// Frames that will have arrived at the board at a time.
    in_flight: BTreeMap<(Time, u64), AirFrame>,
    sent: u64,
    /// When the medium is free for the next frame to the board.
    free: Time,
    arrived: VecDeque<AirFrame>,
    to_lan: VecDeque<Vec<u8>>,
}

impl Air {
    /// Air without any network.
    pub fn new(seed: u64) -> Air {
        Air {
            now: Time::ZERO,
            rng: Rng::new(seed, STREAM),
            networks: BTreeMap::new(),
            members: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            sent: 0,
            free: Time::ZERO,
            arrived: VecDeque::new(),
            to_lan: VecDeque::new(),
        }
    }

    /// Puts a network into the air and returns its BSSID.
    ///
    /// # Errors
    /// If the settings are not possible or the address is in use.
    pub fn add_access_point(&mut self, settings: AccessPoint) -> Result<[u8; 6], AirError> {
        settings.check()?;
        let bssid = match settings.bssid {
            Some(bssid) => MacAddress(bssid),
            None => {
                let [_, a, b, c, d, e, ..] = self.rng.next().to_le_bytes();
                MacAddress([BSSID_PREFIX, a, b, c, d, e])
            }
        };
        if self.networks.contains_key(&bssid) {
            return Err(AirError::AddressTaken { address: bssid });
        }
        let network = Network::new(settings, bssid, self.rng.next(), self.now);
        self.networks.insert(bssid, network);
        Ok(bssid.0)
    }

    /// Adds a station that joins the network of its name when the board opens it.
    ///
    /// # Errors
    /// If the settings are not possible or the address is in use.
    pub fn add_station(&mut self, settings: Station) -> Result<(), AirError> {
        let network = AccessPoint { password: settings.password.clone(), ..AccessPoint::open(&settings.ssid) };
        network.check()?;
        let address = MacAddress(settings.address);
        if address.is_group() {
            return Err(AirError::GroupAddress { address });
        }
        if self.networks.contains_key(&address) || self.members.contains_key(&address) {
            return Err(AirError::AddressTaken { address });
        }
        let member = Member::new(settings, &mut self.rng);
        self.members.insert(address, member);
        Ok(())
    }

    /// True if the station with this address has joined the board's network.
    pub fn is_connected(&self, address: [u8; 6]) -> bool {
        self.members.get(&MacAddress(address)).is_some_and(Member::is_connected)
    }

    /// Switches the networks of this name off. They say nothing; they are gone.
    ///
    /// # Errors
    /// If there is none.
    pub fn remove_access_point(&mut self, ssid: &str) -> Result<(), AirError> {
        let before = self.networks.len();
        self.networks.retain(|_, network| network.settings().ssid != ssid);
        if self.networks.len() == before {
            return Err(AirError::NoSuchNetwork { ssid: ssid.into() });
        }
        Ok(())
    }

    /// Sends all stations of the networks of this name away.
    ///
    /// # Errors
    /// If there is none.
    pub fn deauthenticate(&mut self, ssid: &str) -> Result<(), AirError> {
        let bssids: Vec<_> = self.bssids_of(ssid).collect();
        if bssids.is_empty() {
            return Err(AirError::NoSuchNetwork { ssid: ssid.into() });
        }
        for bssid in bssids {
            self.with_network(bssid, |network, now| network.deauthenticate_all(now));
        }
        Ok(())
    }

    /// Sets how strong the board receives the networks of this name, in dBm.
    ///
    /// # Errors
    /// If there is none.
    pub fn set_rssi(&mut self, ssid: &str, rssi: i8) -> Result<(), AirError> {
        let bssids: Vec<_> = self.bssids_of(ssid).collect();
        if bssids.is_empty() {
            return Err(AirError::NoSuchNetwork { ssid: ssid.into() });
        }
        for bssid in bssids {
            if let Some(network) = self.networks.get_mut(&bssid) {
                network.set_rssi(rssi);
            }
        }
        Ok(())
    }

    /// Addresses of the stations that are associated with the networks of this name.
    pub fn stations(&self, ssid: &str) -> Vec<[u8; 6]> {
        let networks = self.networks.values().filter(|network| network.settings().ssid == ssid);
        networks.flat_map(Network::associated).map(|address| address.0).collect()
    }

    fn bssids_of<'a>(&'a self, ssid: &'a str) -> impl Iterator<Item = MacAddress> + 'a {
        let networks = self.networks.iter().filter(move |(_, network)| network.settings().ssid == ssid);
        networks.map(|(bssid, _)| *bssid)
    }

    /// The board's radio has sent a frame, which ends at `now`. Returns true if somebody acknowledges it.
    pub fn send_from_board(&mut self, bytes: &[u8], channel: u8, now: Time) -> bool {
        self.advance(now);
        let Some(frame) = Frame::new(bytes) else { return false };
        let receiver = frame.receiver();
        let listening = self.networks.values().filter(|network| network.settings().channel == channel);
        let listening: Vec<_> = listening.map(Network::bssid).collect();
        for bssid in &listening {
            if receiver == *bssid || receiver.is_group() {
                self.with_network(*bssid, |network, now| network.receive(frame, now));
            }
        }
        // The stations follow the board to whatever channel it is on.
        let members: Vec<_> = self.members.keys().copied().collect();
        for address in &members {
            if receiver == *address || receiver.is_group() {
                self.with_member(*address, |member, now| member.receive(frame, now));
            }
        }
        let acknowledges = listening.contains(&receiver) || members.contains(&receiver);
        frame.control().frame_type() != FrameType::Control && acknowledges
    }

    /// The next frame that has arrived at the board's antenna by `now`.
    pub fn take_for_board(&mut self, now: Time) -> Option<AirFrame> {
        self.advance(now);
        self.arrived.pop_front()
    }

    /// What became of a frame: whether the board's radio acknowledged it.
    pub fn report(&mut self, frame: AirFrame, acknowledged: bool) {
        let Some(header) = Frame::new(&frame.bytes) else { return };
        if acknowledged || header.receiver().is_group() || header.control().frame_type() == FrameType::Control {
            return;
        }
        let sender_is_there = self.networks.contains_key(&frame.from) || self.members.contains_key(&frame.from);
        if frame.tries < RETRIES && sender_is_there {
            let mut again = frame;
            again.tries += 1;
            let [low, high] = Control::RETRY.to_le_bytes();
            again.bytes[0] |= low;
            again.bytes[1] |= high;
            self.launch(again);
        }
    }

    /// A frame for the LAN, which an associated station has sent.
    pub fn take_for_lan(&mut self) -> Option<Vec<u8>> {
        self.to_lan.pop_front()
    }

    /// A frame from the LAN: the networks pass it on to the station that it is for, or to all if it is for all.
    pub fn send_from_lan(&mut self, ethernet: &[u8], now: Time) {
        self.advance(now);
        let bssids: Vec<_> = self.networks.keys().copied().collect();
        for bssid in bssids {
            self.with_network(bssid, |network, now| network.forward(ethernet, now));
        }
        let addresses: Vec<_> = self.members.keys().copied().collect();
        for address in addresses {
            self.with_member(address, |member, now| member.forward(ethernet, now));
        }
    }

    /// When something next happens by itself. It is in the past while a frame waits to be taken.
    pub fn deadline(&self) -> Option<Time> {
        if !self.arrived.is_empty() || !self.to_lan.is_empty() {
            return Some(self.now);
        }
        let arrival = self.in_flight.keys().next().map(|(at, _)| *at);
        self.timer().map(|(at, _)| at).into_iter().chain(arrival).min()
    }

    /// Guest time has come to `now`.
    pub fn advance(&mut self, now: Time) {
        loop {
            let arrival = self.in_flight.keys().next().copied();
            match (arrival, self.timer()) {
                (Some((at, _)), timer) if at <= now && timer.is_none_or(|(due, _)| at <= due) => {
                    self.now = self.now.max(at);
                    let frame = self.in_flight.pop_first();
                    self.arrived.extend(frame.map(|(_, frame)| frame));
                }
                (_, Some((due, address))) if due <= now => {
                    self.now = self.now.max(due);
                    self.with_network(address, Network::wake);
                    self.with_member(address, Member::wake);
                }
                _ => break,
            }
        }
        self.now = self.now.max(now);
    }

    /// When the next timer of a network or station ends, and whose it is.
    fn timer(&self) -> Option<(Time, MacAddress)> {
        let networks = self.networks.values().map(|network| (network.deadline(), network.bssid()));
        let members = self.members.values().filter_map(|member| Some((member.deadline()?, member.address())));
        networks.chain(members).min()
    }

    /// Lets a network do something and carries what it has to say.
    fn with_network(&mut self, bssid: MacAddress, act: impl FnOnce(&mut Network, Time)) {
        let Some(network) = self.networks.get_mut(&bssid) else { return };
        act(network, self.now);
        let (channel, rssi) = (network.settings().channel, network.settings().rssi);
        let outgoing = network.take_outgoing();
        self.to_lan.extend(network.take_for_lan());
        for (bytes, rate) in outgoing {
            self.launch(AirFrame { bytes, channel, rssi, rate, from: bssid, tries: 0 });
        }
    }

    /// Lets a station do something and carries what it has to say.
    fn with_member(&mut self, address: MacAddress, act: impl FnOnce(&mut Member, Time)) {
        let Some(member) = self.members.get_mut(&address) else { return };
        act(member, self.now);
        let (channel, rssi) = (member.channel, member.settings.rssi);
        let outgoing = member.take_outgoing();
        self.to_lan.extend(member.take_for_lan());
        for (bytes, rate) in outgoing {
            self.launch(AirFrame { bytes, channel, rssi, rate, from: address, tries: 0 });
        }
    }

    /// Puts a frame on the medium when it is free.
    fn launch(&mut self, frame: AirFrame) {
        let start = self.free.max(self.now + espalier_ieee80211::DIFS);
        let airtime = frame.rate.airtime(frame.bytes.len() + FCS_LENGTH);
        let busy = airtime + frame.rate.acknowledgement();
        self.free = start + Span::from_ticks(busy.ticks().max(SPACING.ticks()));
        self.in_flight.insert((start + airtime, self.sent), frame);
        self.sent += 1;
    }
}
