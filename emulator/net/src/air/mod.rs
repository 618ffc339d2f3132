//! The air around the board's antenna: networks and the frames that go to and fro, in guest time.
//!
//! The wiring gives [`Air`] what the board's radio sends ([`Air::send_from_board`]) and carries what comes out of
//! [`Air::take_for_board`] to the radio, which says through [`Air::report`] whether it took it. Data of associated stations goes to
//! the LAN as Ethernet frames and comes from there ([`Air::take_for_lan`], [`Air::send_from_lan`]), unless their network is a
//! subnet of its own: its LAN is in here ([`Air::lan`]), as is that of each station that joins the board's network. Physical
//! effects are not modelled: who is tuned to the channel hears every frame, or those that [`AirFaults`] let through.

mod counting;
mod dhcp;
mod eapol;
mod ethernet;
mod guest;
mod hostile;
mod management;
mod monitor;
mod network;
mod outside;
mod settings;
mod station;
mod supplicant;
#[cfg(test)]
mod tests;
mod wpa;

use std::collections::VecDeque;

use espalier_core::{FlatMap, Span, Time};
use espalier_ieee80211::{Control, FCS_LENGTH, FrameType, MacAddress, Mpdu, Rate, Tuning, element_id, subtype};

use crate::frame::SharedFrame;
use crate::rng::Rng;
use crate::single::Watches;
use crate::{FrameFault, Lan};
use counting::{Mark, lateness, mark, repeat};
use guest::Guest;
pub use hostile::frames_with_valid_keys;
use monitor::{Monitor, Radiated};
use network::Network;
pub use outside::Announced;
pub use settings::{AccessPoint, AirError, AirFaults};
use station::Member;
pub use station::{Refusal, Station, StationState};

/// Between two frames to the board, from the start of one to the start of the next: what a driver of this class of chip keeps up
/// with for any length of time.
const SPACING: Span = Span::from_micros(400);
/// Number of times an unacknowledged frame is sent again (dot11ShortRetryLimit).
const RETRIES: u8 = 7;
/// Stream of the seed for this module.
const STREAM: u64 = 3;
const STREAM_FAULTS: u64 = 4;
/// For how long a network of the board is there after its last beacon.
const ANNOUNCED: Span = Span::from_secs(1);
/// Bytes of a beacon before its elements.
const BEACON_FIXED: usize = 12;
/// Signal strength in dBm with which the monitor receives the board beside it.
const BOARD_RSSI: i8 = -20;

/// A frame that arrives at the board's antenna.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AirFrame {
    /// The frame without its frame check sequence.
    pub bytes: SharedFrame,
    pub channel: u8,
    /// Signal strength in dBm.
    pub rssi: i8,
    pub rate: Rate,
    /// Network or station that has sent it.
    from: MacAddress,
    /// Number of times it was sent before.
    tries: u8,
    /// It never gets to the board.
    lost: bool,
}

espalier_core::persist!(value AirFrame { bytes, channel, rssi, rate, from, tries, lost });

/// The fate of a frame that a board has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// No station hears it.
    pub lost: bool,
    /// By how much it is late.
    pub delay: Span,
    /// A network or a station of the air acknowledges it.
    pub acknowledged: bool,
    /// A radio that takes it acknowledges it.
    pub wants_acknowledgement: bool,
}

/// The air around one board.
#[derive(Clone, Debug)]
pub struct Air {
    now: Time,
    seed: u64,
    rng: Rng,
    faults: AirFaults,
    /// Decides what goes wrong.
    luck: Rng,
    networks: FlatMap<MacAddress, Network>,
    /// LANs of the networks that are subnets of their own.
    subnets: FlatMap<MacAddress, Lan>,
    members: FlatMap<MacAddress, Member>,
    /// Hosts behind the members.
    guests: FlatMap<MacAddress, Guest>,
    /// The board's last announcement under each address, and its time.
    announced: FlatMap<MacAddress, (Time, Announced)>,
    /// Frames of the board that are on their way, with what its radio was tuned to.
    outbound: FlatMap<(Time, u64), (Vec<u8>, Tuning)>,
    last_outbound: Time,
    /// Frames that will have arrived at the board at a time.
    in_flight: FlatMap<(Time, u64), AirFrame>,
    sent: u64,
    /// When the medium is free for the next frame to the board.
    free: Time,
    arrived: VecDeque<AirFrame>,
    to_lan: VecDeque<Vec<u8>>,
    monitor: Monitor,
    /// Counts frames, once that was asked for.
    watched: Option<Box<Watches>>,
    /// Networks are about to send their stations away.
    farewell: bool,
    /// The frame of the board that was taken last: receivers take no repetition of it.
    taken: Option<Mark>,
}

espalier_core::persist! {
    value Air {
        now, seed, rng, faults, luck, networks, subnets, members, guests, announced, outbound, last_outbound,
        in_flight, sent, free, arrived, to_lan, monitor, watched, farewell, taken
    }
}

impl AirFrame {
    /// Whether a radio that takes it acknowledges it.
    pub fn wants_acknowledgement(&self) -> bool {
        Mpdu::new(&self.bytes).is_some_and(wants_acknowledgement)
    }
}

/// Whether a radio that takes `frame` acknowledges it: it is for one radio, and not itself a part of another exchange.
fn wants_acknowledgement(frame: Mpdu) -> bool {
    !frame.receiver().is_group() && frame.control().frame_type() != FrameType::Control
}

impl Air {
    /// Air without any network.
    pub fn new(seed: u64) -> Air {
        Air {
            now: Time::ZERO,
            seed,
            rng: Rng::new(seed, STREAM),
            faults: AirFaults::default(),
            luck: Rng::new(seed, STREAM_FAULTS),
            networks: FlatMap::new(),
            subnets: FlatMap::new(),
            members: FlatMap::new(),
            guests: FlatMap::new(),
            announced: FlatMap::new(),
            outbound: FlatMap::new(),
            last_outbound: Time::ZERO,
            in_flight: FlatMap::new(),
            sent: 0,
            free: Time::ZERO,
            arrived: VecDeque::new(),
            to_lan: VecDeque::new(),
            monitor: Monitor::new(),
            watched: None,
            farewell: false,
            taken: None,
        }
    }

    /// The board's radio has sent a frame, which ends at `now`. Returns true if a station acknowledges it.
    pub fn send_from_board(&mut self, bytes: &[u8], tuning: impl Into<Tuning>, rate: Rate, now: Time) -> bool {
        self.carry_from_board(bytes, tuning.into(), rate, now).acknowledged
    }

    /// The same, for an air with several boards: returns what becomes of the frame, so that the others can be told.
    pub fn carry_from_board(&mut self, bytes: &[u8], tuning: Tuning, rate: Rate, now: Time) -> Carried {
        self.advance(now);
        self.monitor.record(now, bytes, Radiated { channel: tuning.channel, rate, rssi: BOARD_RSSI });
        let Some(frame) = Mpdu::new(bytes) else { return Carried { lost: true, ..Carried::default() } };
        let (lost, delay) = self.draw();
        let fault = self.count_from_board(frame);
        if lost || fault == Some(FrameFault::Drop) {
            return Carried { lost: true, ..Carried::default() };
        }
        let delay = delay + lateness(fault);
        let receiver = frame.receiver();
        let is_network =
            self.networks.get(&receiver).is_some_and(|network| tuning.meets(network.settings().channel.into()));
        let acknowledges = is_network || self.members.contains_key(&receiver);
        let taken = std::mem::replace(&mut self.taken, mark(bytes));
        if frame.control().has(Control::RETRY) && taken == self.taken {
            // Its acknowledgement was lost, so it gets another one, and that is all (IEEE 802.11, 10.3.2.11).
        } else if delay == Span::ZERO && self.outbound.is_empty() {
            self.arrive(bytes, tuning);
        } else {
            self.last_outbound = self.last_outbound.max(now + delay);
            self.outbound.insert((self.last_outbound, self.sent), (bytes.to_vec(), tuning));
            self.sent += 1;
        }
        let acknowledges = acknowledges && fault != Some(FrameFault::Duplicate);
        let acknowledged = frame.control().frame_type() != FrameType::Control && acknowledges;
        Carried { lost, delay, acknowledged, wants_acknowledgement: wants_acknowledgement(frame) }
    }

    /// Draws the fate of a frame: whether it is lost, and its delay. Each call takes the same number of draws, so that the setting of one
    /// fault does not shift the outcomes of another.
    fn draw(&mut self) -> (bool, Span) {
        if self.faults == AirFaults::default() {
            return (false, Span::ZERO);
        }
        let lost = self.luck.chance(self.faults.loss);
        (lost, Span::from_ticks(self.luck.below(self.faults.jitter.ticks().saturating_add(1))))
    }

    /// A frame of the board comes to those whom it is for.
    fn arrive(&mut self, bytes: &[u8], tuning: Tuning) {
        let Some(frame) = Mpdu::new(bytes) else { return };
        if frame.control().is_management(subtype::BEACON) {
            self.note_beacon(frame, tuning);
        }
        let receiver = frame.receiver();
        let is_for = |address: MacAddress| receiver == address || receiver.is_group();
        let listening = self.networks.values().filter(|network| tuning.meets(network.settings().channel.into()));
        let listening: Vec<_> = listening.map(Network::bssid).filter(|bssid| is_for(*bssid)).collect();
        for bssid in listening {
            self.with_network(bssid, |network, now| network.receive(frame, now));
        }
        // The stations follow the board to whatever channel it is on.
        let members: Vec<_> = self.members.keys().copied().filter(|address| is_for(*address)).collect();
        for address in members {
            self.with_member(address, |member, now| member.receive(frame, now));
        }
    }

    fn note_beacon(&mut self, frame: Mpdu, tuning: Tuning) {
        let elements = frame.elements(BEACON_FIXED);
        let (Some(bssid), Some(ssid)) = (frame.bssid(), elements.get(element_id::SSID)) else { return };
        let channel = elements.get(element_id::DSSS_PARAMETER_SET).and_then(|set| set.first().copied());
        let announced = Announced {
            ssid: String::from_utf8_lossy(ssid).into_owned(),
            channel: channel.unwrap_or(tuning.channel),
            protected: elements.get(element_id::RSN).is_some(),
        };
        // A driver that makes addresses up does not fill the memory.
        self.announced.retain(|_, (at, _)| *at + ANNOUNCED >= self.now);
        self.announced.insert(bssid, (self.now, announced));
    }

    /// The guest time that the air has come to.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The next frame that has arrived at the board's antenna by `now`.
    pub fn take_for_board(&mut self, now: Time) -> Option<AirFrame> {
        self.advance(now);
        self.arrived.pop_front()
    }

    /// Takes the report whether the board's radio acknowledged a frame.
    pub fn report(&mut self, frame: AirFrame, acknowledged: bool) {
        let Some(header) = Mpdu::new(&frame.bytes) else { return };
        if acknowledged || !wants_acknowledgement(header) {
            return;
        }
        let sender_is_there = self.networks.contains_key(&frame.from) || self.members.contains_key(&frame.from);
        if frame.tries < RETRIES && sender_is_there {
            let mut again = frame;
            again.tries += 1;
            repeat(&mut again);
            self.launch(again);
        }
    }

    /// A frame for the LAN, which an associated station has sent.
    pub fn take_for_lan(&mut self) -> Option<Vec<u8>> {
        self.to_lan.pop_front()
    }

    /// A frame from the LAN: the networks that are bridges to it pass it on to the station that it is for, or to all if it is for
    /// all.
    pub fn send_from_lan(&mut self, ethernet: &[u8], now: Time) {
        self.advance(now);
        self.send_to_bridges(ethernet, None);
    }

    /// Gives a frame to every network that is a bridge to the LAN, except the one that it came from.
    fn send_to_bridges(&mut self, ethernet: &[u8], from: Option<MacAddress>) {
        let bridges = self.networks.keys().copied().filter(|bssid| !self.subnets.contains_key(bssid));
        for bssid in bridges.filter(|bssid| from != Some(*bssid)).collect::<Vec<_>>() {
            self.with_network(bssid, |network, now| network.forward(ethernet, now));
        }
    }

    /// When something next happens by itself. It is in the past while a frame waits to be taken.
    pub fn deadline(&self) -> Option<Time> {
        if !self.arrived.is_empty() || !self.to_lan.is_empty() || self.farewell {
            return Some(self.now);
        }
        self.next().map(|(at, _)| at)
    }

    /// Guest time has come to `now`.
    pub fn advance(&mut self, now: Time) {
        self.say_farewell();
        while let Some((at, due)) = self.next().filter(|(at, _)| *at <= now) {
            self.now = self.now.max(at);
            match due {
                Due::Inbound => {
                    let Some((_, frame)) = self.in_flight.pop_first() else { continue };
                    let AirFrame { channel, rate, rssi, .. } = frame;
                    self.monitor.record(self.now, &frame.bytes, Radiated { channel, rate, rssi });
                    if frame.lost {
                        self.report(frame, false);
                    } else {
                        self.arrived.push_back(frame);
                    }
                }
                Due::Outbound => {
                    if let Some((_, (bytes, tuning))) = self.outbound.pop_first() {
                        self.arrive(&bytes, tuning);
                    }
                }
                Due::Timer(address) => self.wake(address),
            }
            self.say_farewell();
        }
        self.now = self.now.max(now);
    }

    /// The next event and its time. Of simultaneous events, arrivals come first.
    fn next(&self) -> Option<(Time, Due)> {
        let inbound = self.in_flight.keys().next().map(|(at, _)| (*at, Due::Inbound));
        let outbound = self.outbound.keys().next().map(|(at, _)| (*at, Due::Outbound));
        let networks = self.networks.values().map(|network| (network.deadline(), network.bssid()));
        let subnets = self.subnets.iter().filter_map(|(bssid, lan)| Some((lan.deadline()?, *bssid)));
        let members = self.members.values().filter_map(|member| Some((member.deadline()?, member.address())));
        let guests = self.guests.iter().filter_map(|(address, guest)| Some((guest.deadline()?, *address)));
        let timers = networks.chain(subnets).chain(members).chain(guests);
        let timer = timers.min().map(|(at, address)| (at, Due::Timer(address)));
        inbound.into_iter().chain(outbound).chain(timer).min_by_key(|(at, _)| *at)
    }

    /// Does what is due at an address.
    fn wake(&mut self, address: MacAddress) {
        if self.networks.get(&address).is_some_and(|network| network.deadline() <= self.now) {
            self.with_network(address, Network::wake);
        }
        if let Some(lan) = self.subnets.get_mut(&address) {
            let frames: Vec<_> = std::iter::from_fn(|| lan.take_for_air(self.now)).collect();
            // The other port is not connected.
            while lan.take_for_board(self.now).is_some() {}
            frames.iter().for_each(|frame| self.with_network(address, |network, now| network.forward(frame, now)));
        }
        if self.members.get(&address).and_then(Member::deadline).is_some_and(|deadline| deadline <= self.now) {
            self.with_member(address, Member::wake);
        }
        self.with_guest(address, Guest::wake);
    }

    /// Lets a network do something and carries what it has to say.
    fn with_network(&mut self, bssid: MacAddress, act: impl FnOnce(&mut Network, Time)) {
        let Some(network) = self.networks.get_mut(&bssid) else { return };
        act(network, self.now);
        let (channel, rssi) = (network.settings().channel, network.settings().rssi);
        let from_stations = network.take_for_lan();
        from_stations.iter().for_each(|frame| network.relay(frame, self.now));
        let outgoing = network.take_outgoing();
        for frame in from_stations {
            if let Some(lan) = self.subnets.get_mut(&bssid) {
                lan.send_from_air(frame, self.now);
                continue;
            }
            self.send_to_bridges(&frame, Some(bssid));
            self.to_lan.push_back(frame);
        }
        for (bytes, rate) in outgoing {
            self.launch(AirFrame { bytes: bytes.into(), channel, rssi, rate, from: bssid, tries: 0, lost: false });
        }
    }

    /// Lets a station do something and carries what it has to say, and what it has heard to its host.
    fn with_member(&mut self, address: MacAddress, act: impl FnOnce(&mut Member, Time)) {
        let Some(member) = self.members.get_mut(&address) else { return };
        act(member, self.now);
        let (connected, received) = (member.is_connected(), member.take_for_host());
        self.launch_from(address);
        self.with_guest(address, |guest, now| {
            guest.set_connected(connected, now);
            received.into_iter().for_each(|frame| guest.receive(frame, now));
        });
    }

    /// Lets a station's host do something and carries what it has to say.
    fn with_guest(&mut self, address: MacAddress, act: impl FnOnce(&mut Guest, Time)) {
        let (Some(guest), Some(member)) = (self.guests.get_mut(&address), self.members.get_mut(&address)) else {
            return;
        };
        act(guest, self.now);
        let frames = guest.take_outgoing();
        if !frames.is_empty() {
            frames.iter().for_each(|frame| member.forward(frame));
            self.launch_from(address);
        }
    }

    /// Puts what a station has to say on the medium.
    fn launch_from(&mut self, address: MacAddress) {
        let Some(member) = self.members.get_mut(&address) else { return };
        let (channel, rssi) = (member.channel, member.settings.rssi);
        for (bytes, rate) in member.take_outgoing() {
            self.launch(AirFrame { bytes: bytes.into(), channel, rssi, rate, from: address, tries: 0, lost: false });
        }
    }

    /// Puts a frame on the medium when it is free.
    fn launch(&mut self, mut frame: AirFrame) {
        let (lost, delay) = self.draw();
        frame.lost = lost;
        let fault = self.count_to_board(&frame);
        let delay = delay + lateness(fault);
        match fault {
            // It is as if it had been tried to the end.
            Some(FrameFault::Drop) => (frame.lost, frame.tries) = (true, RETRIES),
            Some(FrameFault::Duplicate) => {
                let mut again = frame.clone();
                (again.lost, again.tries) = (false, RETRIES);
                repeat(&mut again);
                self.transmit(frame, delay);
                return self.transmit(again, Span::ZERO);
            }
            _ => {}
        }
        self.transmit(frame, delay);
    }

    fn transmit(&mut self, frame: AirFrame, delay: Span) {
        let start = self.free.max(self.now + espalier_ieee80211::DIFS) + delay;
        let airtime = frame.rate.airtime(frame.bytes.len() + FCS_LENGTH);
        let busy = airtime + frame.rate.acknowledgement();
        self.free = start + Span::from_ticks(busy.ticks().max(SPACING.ticks()));
        self.in_flight.insert((start + airtime, self.sent), frame);
        self.sent += 1;
    }
}

/// The next event.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// A frame comes to the board.
    Inbound,
    /// A frame of the board comes to the others.
    Outbound,
    /// A timer of the network or station with this address ends.
    Timer(MacAddress),
}
