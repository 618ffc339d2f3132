//! Operations of a test on the air.

use std::fmt;

use espalier_ieee80211::{MacAddress, Mpdu, Rate};

use super::guest::Guest;
use super::network::Network;
use super::station::Member;
use super::{ANNOUNCED, AccessPoint, Air, AirError, AirFaults, AirFrame, RETRIES, Station, StationState};
use crate::rng::Rng;
use crate::{Lan, LanConfig};

/// Stream of the seed for addresses.
const STREAM_ADDRESSES: u64 = 5;
/// Channel and strength of a sender that is not there.
const UNKNOWN_CHANNEL: u8 = 1;
const UNKNOWN_RSSI: i8 = -50;
/// Locally administered; the rest of the address comes from the seed.
const LOCAL_PREFIX: u8 = 0x02;

/// A network that the board announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its name.
    pub ssid: String,
    /// Its channel.
    pub channel: u8,
    /// Whether it wants a password.
    pub protected: bool,
}

impl fmt::Display for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Announced { ssid, channel, protected } = self;
        write!(f, "{ssid:?} (channel {channel}, {})", if *protected { "WPA2" } else { "open" })
    }
}

espalier_core::persist!(value Announced { ssid, channel, protected });

impl Air {
    /// A frame without its frame check sequence goes to the board, as it is and once. Its channel and strength are those of the network or
    /// station that its header names as its sender, or else those of the first one there is.
    pub fn send_to_board(&mut self, bytes: Vec<u8>) {
        let from = Mpdu::new(&bytes).and_then(Mpdu::transmitter).unwrap_or_default();
        let network = self.networks.get(&from).or_else(|| self.networks.values().next());
        let member = self.members.get(&from).or_else(|| self.members.values().next());
        let network = network.map(|network| (network.settings().channel, network.settings().rssi));
        let member = member.map(|member| (member.channel, member.settings.rssi));
        let known = if self.members.contains_key(&from) { member.or(network) } else { network.or(member) };
        let (channel, rssi) = known.unwrap_or((UNKNOWN_CHANNEL, UNKNOWN_RSSI));
        let bytes = bytes.into();
        self.launch(AirFrame { bytes, channel, rssi, rate: Rate::OFDM_24M, from, tries: RETRIES, lost: false });
    }

    /// Puts a network into the air and returns its BSSID.
    ///
    /// # Errors
    /// If the settings are not possible or the address is in use.
    pub fn add_access_point(&mut self, settings: AccessPoint) -> Result<[u8; 6], AirError> {
        settings.check()?;
        let bssid = self.address_for(settings.bssid, &settings.ssid)?;
        if let Some(gateway) = settings.gateway {
            let config = LanConfig { seed: self.seed, ..LanConfig::of_gateway(gateway)? };
            let mut lan = Lan::new(config)?;
            lan.plug_in_air();
            self.subnets.insert(bssid, lan);
        }
        let network = Network::new(settings, bssid, self.rng.next(), self.now);
        self.networks.insert(bssid, network);
        Ok(bssid.0)
    }

    /// Switches the networks of this name off. They say nothing; they are gone.
    ///
    /// # Errors
    /// If there is none.
    pub fn remove_access_point(&mut self, ssid: &str) -> Result<(), AirError> {
        for bssid in self.bssids_of(ssid)? {
            self.networks.remove(&bssid);
            self.subnets.remove(&bssid);
        }
        Ok(())
    }

    /// Sends all stations of the networks of this name away.
    ///
    /// # Errors
    /// If there is none.
    pub fn deauthenticate(&mut self, ssid: &str) -> Result<(), AirError> {
        for bssid in self.bssids_of(ssid)? {
            self.with_network(bssid, |network, now| network.deauthenticate_all(now));
        }
        Ok(())
    }

    /// Sets how strong the board receives the networks of this name, in dBm.
    ///
    /// # Errors
    /// If there is none.
    pub fn set_rssi(&mut self, ssid: &str, rssi: i8) -> Result<(), AirError> {
        for bssid in self.bssids_of(ssid)? {
            self.with_network(bssid, |network, _| network.set_rssi(rssi));
        }
        Ok(())
    }

    /// The settings of every network in the air, in the order of their addresses.
    pub fn networks(&self) -> impl Iterator<Item = &AccessPoint> + '_ {
        self.networks.values().map(Network::settings)
    }

    /// Addresses of the stations that are associated with the networks of this name.
    pub fn stations(&self, ssid: &str) -> Vec<[u8; 6]> {
        let networks = self.networks.values().filter(|network| network.settings().ssid == ssid);
        networks.flat_map(Network::associated).map(|address| address.0).collect()
    }

    /// The address of the network of this name that is a subnet of its own; see [`lan`](Air::lan).
    pub fn subnet(&self, ssid: &str) -> Option<[u8; 6]> {
        let named = |bssid: &&MacAddress| self.networks.get(bssid).is_some_and(|it| it.settings().ssid == ssid);
        self.subnets.keys().find(named).map(|bssid| bssid.0)
    }

    /// Adds a station that joins the network of its name when the board opens it, and gets an address from the board. Returns the
    /// station's address in the air.
    ///
    /// # Errors
    /// If the settings are not possible or the address is in use.
    pub fn add_station(&mut self, settings: Station) -> Result<[u8; 6], AirError> {
        AccessPoint { password: settings.password.clone(), ..AccessPoint::new(&settings.ssid) }.check()?;
        let address = self.address_for(settings.address, &settings.ssid)?;
        self.guests.insert(address, Guest::new(address, self.rng.next()));
        let member = Member::new(settings, address, &mut self.rng);
        self.members.insert(address, member);
        Ok(address.0)
    }

    /// Takes a station out of the air. If it has joined the board's network it says that it leaves.
    ///
    /// # Errors
    /// If there is none with this address.
    pub fn remove_station(&mut self, address: [u8; 6]) -> Result<(), AirError> {
        let address = MacAddress(address);
        if !self.members.contains_key(&address) {
            return Err(AirError::NoSuchStation { address });
        }
        self.with_member(address, |member, _| member.leave());
        self.members.remove(&address);
        self.guests.remove(&address);
        Ok(())
    }

    /// Returns the state of the station with this address; `None` if there is none.
    pub fn station_state(&self, address: [u8; 6]) -> Option<StationState> {
        let address = MacAddress(address);
        let state = self.members.get(&address)?.state();
        Some(match (state, self.guests.get(&address).and_then(Guest::addresses)) {
            (StationState::Joined, Some((address, board))) => StationState::Ready { address, board },
            (state, _) => state,
        })
    }

    /// The networks that the board announces at present.
    pub fn announced(&self) -> Vec<Announced> {
        let present = self.announced.values().filter(|(at, _)| *at + ANNOUNCED >= self.now);
        present.map(|(_, announced)| announced.clone()).collect()
    }

    /// The LAN of a network that is a subnet of its own, or what is around a station's host, by its address in the air.
    pub fn lan(&self, address: [u8; 6]) -> Option<&Lan> {
        let address = MacAddress(address);
        self.subnets.get(&address).or_else(|| self.guests.get(&address)?.lan())
    }

    /// The same, to act on it.
    pub fn lan_mut(&mut self, address: [u8; 6]) -> Option<&mut Lan> {
        let (address, now) = (MacAddress(address), self.now);
        let lan = match self.subnets.get_mut(&address) {
            Some(lan) => lan,
            None => self.guests.get_mut(&address)?.lan_mut()?,
        };
        lan.advance(now);
        Some(lan)
    }

    /// From now on, this goes wrong in the air.
    ///
    /// # Errors
    /// If a probability is not between 0 and 1.
    pub fn set_faults(&mut self, faults: AirFaults) -> Result<(), AirError> {
        faults.check()?;
        self.faults = faults;
        Ok(())
    }

    /// Records what is in the air from now on, and holds the last frames that fit into `limit` bytes.
    pub fn start_capture(&mut self, limit: usize) {
        self.monitor.capture_mut().start(limit);
    }

    /// Records no more; what was recorded stays.
    pub fn stop_capture(&mut self) {
        self.monitor.capture_mut().stop();
    }

    /// Returns the recording as a pcap file of 802.11 frames with radiotap headers, stamped with guest time. Frames are as they were
    /// in the air, protected ones included; acknowledgements are not among them.
    pub fn capture(&self) -> Vec<u8> {
        self.monitor.capture().to_pcap(0)
    }

    /// The same from the frame on that [`captured`](Air::captured) counted as the next.
    pub fn capture_from(&self, first: u64) -> Vec<u8> {
        self.monitor.capture().to_pcap(first)
    }

    /// Number of recorded frames, those included that had no room any more.
    pub fn captured(&self) -> u64 {
        self.monitor.capture().recorded()
    }

    /// Frames that had no room in the capture any more, the oldest first.
    pub fn capture_dropped(&self) -> u64 {
        self.monitor.capture().dropped()
    }

    fn bssids_of(&self, ssid: &str) -> Result<Vec<MacAddress>, AirError> {
        let named = self.networks.iter().filter(|(_, network)| network.settings().ssid == ssid);
        let bssids: Vec<_> = named.map(|(bssid, _)| *bssid).collect();
        if bssids.is_empty() { Err(AirError::NoSuchNetwork { ssid: ssid.into() }) } else { Ok(bssids) }
    }

    /// The address of what comes into the air: `wanted`, or one that is the same whenever something called `name` comes.
    fn address_for(&self, wanted: Option<[u8; 6]>, name: &str) -> Result<MacAddress, AirError> {
        let is_taken = |address| self.networks.contains_key(&address) || self.members.contains_key(&address);
        let Some(address) = wanted.map(MacAddress) else {
            let stream = name.bytes().fold(STREAM_ADDRESSES, |hash, byte| hash.rotate_left(5) ^ u64::from(byte));
            let mut rng = Rng::new(self.seed, stream);
            loop {
                let [_, a, b, c, d, e, ..] = rng.next().to_le_bytes();
                let address = MacAddress([LOCAL_PREFIX, a, b, c, d, e]);
                if !is_taken(address) {
                    return Ok(address);
                }
            }
        };
        match address {
            _ if address.is_group() => Err(AirError::GroupAddress { address }),
            _ if is_taken(address) => Err(AirError::AddressTaken { address }),
            _ => Ok(address),
        }
    }
}
