//! The switch: who gets which frame, and when.
//!
//! A board is behind two ports: its Ethernet cable, on which things go wrong, and the access points in the air, which share a
//! port of their own. In a world of several boards each has a cable; what is said of the board here is then meant of the first.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use espalier_core::{FlatMap, Time};
use smoltcp::wire::{EthernetAddress, EthernetFrame};

use crate::capture::Capture;
use crate::fault::{FaultConfig, Lane};
use crate::frame::SharedFrame;
use crate::gateway::Gateway;
use crate::host::Host;
use crate::single::Watches;
use crate::{CountedFrames, FrameFault, FrameLink, FramePlan, LanConfig, LanError};

/// Longest frame that the switch carries: 1500 bytes, their header and a VLAN tag (IEEE 802.3, 3.2.7).
const FRAME_MAX: usize = 1518;
/// Locally administered; the address of the host follows.
const MAC_PREFIX: [u8; 2] = [0x02, 0x00];
/// Addresses that the switch remembers. A board has a handful, whatever its firmware makes up, and a world a hundred boards.
const LEARNED_MAX: usize = 512;
/// Stream of the seed besides those of the peers' stacks.
const STREAM_FROM_BOARD: u64 = 1;
const STREAM_TO_BOARD: u64 = 2;
/// Number of streams for each board's cable.
const STREAMS: u64 = 16;

/// A LAN in virtual time.
#[derive(Clone, Debug)]
pub struct Lan {
    config: Arc<LanConfig>,
    now: Time,
    /// One for each board.
    cables: Vec<Cable>,
    /// Frames on their way, by arrival; frames that arrive at the same time do so in the order in which they were sent.
    in_flight: FlatMap<(Time, u64), Transit>,
    sent: u64,
    /// Whether there are access points at the port that is for them.
    has_air: bool,
    /// Frames that have arrived at the access points.
    for_air: VecDeque<SharedFrame>,
    /// The port of each sender that was heard.
    learned: FlatMap<[u8; 6], Port>,
    gateway: Gateway,
    pub(crate) hosts: FlatMap<Ipv4Addr, Host>,
    /// Hosts that have fallen silent.
    vanished: FlatMap<Ipv4Addr, ()>,
    /// Frames for another network, if the board's cable leads there.
    outside: Option<VecDeque<SharedFrame>>,
    capture: Capture,
    /// Where frames are counted: on the first cable, and at the port of the access points.
    watched: FlatMap<FrameLink, Watches>,
}

espalier_core::persist! {
    value Lan {
        config, now, cables, in_flight, sent, has_air, for_air, learned, gateway, hosts,
        vanished, outside, capture, watched
    }
}

/// The cable of a board.
#[derive(Clone, Debug)]
struct Cable {
    from_board: Lane,
    to_board: Lane,
    /// Frames that have arrived at the board's end.
    arrived: VecDeque<SharedFrame>,
}

espalier_core::persist!(value Cable { from_board, to_board, arrived });

impl Cable {
    fn new(config: &LanConfig, number: u64) -> Cable {
        let lane = |stream| Lane::new(config.seed, stream + STREAMS * number, config.latency);
        Cable { from_board: lane(STREAM_FROM_BOARD), to_board: lane(STREAM_TO_BOARD), arrived: VecDeque::new() }
    }

    fn is_cut(&self) -> bool {
        self.from_board.faults.cut && self.to_board.faults.cut
    }
}

/// A port that a board is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    /// A cable, by its number.
    Cable(usize),
    Air,
}

espalier_core::persist!(
    enum Port {
        Cable(number),
        Air,
    }
);

/// The cable of the first board.
const FIRST: Port = Port::Cable(0);

/// Where the frames of a port are counted.
fn link(port: Port) -> Option<FrameLink> {
    match port {
        FIRST => Some(FrameLink::Cable),
        Port::Cable(_) => None,
        Port::Air => Some(FrameLink::Bridge),
    }
}

/// A frame and the port it leaves the switch by, or the switch itself.
#[derive(Clone, Debug)]
enum Transit {
    ToSwitch(SharedFrame, Port),
    ToBoard(SharedFrame, Port),
    Between(SharedFrame),
}

espalier_core::persist!(
    enum Transit {
        ToSwitch(a, b),
        ToBoard(a, b),
        Between(value),
    }
);

impl Lan {
    /// A LAN at guest time zero, with the gateway and the peer of `config`.
    ///
    /// # Errors
    /// If the addresses in `config` do not fit together.
    pub fn new(config: LanConfig) -> Result<Lan, LanError> {
        config.check()?;
        let mut lan = Lan::empty(config);
        lan.add_host(lan.config.peer)?;
        Ok(lan)
    }

    /// The surroundings of one host that has joined a network of another host as `config.peer`: nothing but the host.
    pub(crate) fn of_guest(config: LanConfig, mac: [u8; 6], now: Time) -> Lan {
        let (gateway, peer) = (config.gateway, config.peer);
        let mut lan = Lan { now, has_air: true, ..Lan::empty(config) };
        lan.vanished.insert(gateway, ());
        lan.hosts.insert(peer, Host::new(lan.config.clone(), peer, EthernetAddress(mac)));
        lan
    }

    fn empty(config: LanConfig) -> Lan {
        let config = Arc::new(config);
        Lan {
            now: Time::ZERO,
            cables: vec![Cable::new(&config, 0)],
            in_flight: FlatMap::new(),
            sent: 0,
            has_air: false,
            for_air: VecDeque::new(),
            learned: FlatMap::new(),
            gateway: Gateway::new(config.clone(), mac_of(config.gateway)),
            hosts: FlatMap::new(),
            vanished: FlatMap::new(),
            outside: None,
            capture: Capture::default(),
            watched: FlatMap::new(),
            config,
        }
    }

    /// The LAN's configuration at its start.
    pub fn config(&self) -> &LanConfig {
        &self.config
    }

    /// The guest time that the LAN has come to.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The board sends a frame, which is without its frame check sequence.
    pub fn send_from_board(&mut self, frame: impl Into<SharedFrame>, now: Time) {
        self.send_from_cable(0, frame, now);
    }

    /// Number of cables.
    pub fn cables(&self) -> usize {
        self.cables.len()
    }

    /// Plugs the cable of another board in, and returns its number: the first board's is zero.
    pub fn add_cable(&mut self) -> usize {
        self.cables.push(Cable::new(&self.config, self.cables.len() as u64));
        self.cables.len() - 1
    }

    /// The board at the end of a cable sends a frame, which is without its frame check sequence. Nothing happens if there is no
    /// such cable.
    pub fn send_from_cable(&mut self, cable: usize, frame: impl Into<SharedFrame>, now: Time) {
        self.advance(now);
        let Some(line) = self.cables.get_mut(cable) else { return };
        let frame = frame.into();
        self.capture.record(self.now, &frame);
        let port = Port::Cable(cable);
        let carried = line.from_board.carry(frame.clone(), self.now);
        let fault = self.count(port, true, &frame);
        for (at, frame) in carried {
            for at in self.arrivals(port, true, fault, at) {
                self.schedule(at, Transit::ToSwitch(frame.clone(), port));
            }
        }
    }

    /// The next frame that has arrived at the board at the end of a cable by `now`, without its frame check sequence.
    pub fn take_for_cable(&mut self, cable: usize, now: Time) -> Option<SharedFrame> {
        self.advance(now);
        self.cables.get_mut(cable)?.arrived.pop_front()
    }

    /// The DHCP server keeps its next address for the client `mac`.
    pub fn expect_client(&mut self, mac: [u8; 6]) {
        self.gateway.expect_client(EthernetAddress(mac));
    }

    /// From now on there are access points, which take what [`take_for_air`](Lan::take_for_air) gives them.
    pub fn plug_in_air(&mut self) {
        self.has_air = true;
    }

    /// An access point passes on a frame of one of its stations. The cable's faults do not touch it.
    pub fn send_from_air(&mut self, frame: impl Into<SharedFrame>, now: Time) {
        self.advance(now);
        let frame = frame.into();
        self.capture.record(self.now, &frame);
        let fault = self.count(Port::Air, true, &frame);
        for at in self.arrivals(Port::Air, true, fault, self.now + self.config.latency) {
            self.schedule(at, Transit::ToSwitch(frame.clone(), Port::Air));
        }
    }

    /// The next frame that has arrived at the access points by `now`.
    pub fn take_for_air(&mut self, now: Time) -> Option<SharedFrame> {
        self.advance(now);
        self.for_air.pop_front()
    }

    /// The next frame that has arrived at the board by `now`, without its frame check sequence.
    pub fn take_for_board(&mut self, now: Time) -> Option<SharedFrame> {
        self.take_for_cable(0, now)
    }

    /// When the LAN next changes by itself: a frame arrives or a timer of a peer ends. It is in the past while a frame
    /// waits to be taken.
    pub fn deadline(&self) -> Option<Time> {
        if self.cables.iter().any(|cable| !cable.arrived.is_empty()) || !self.for_air.is_empty() {
            return Some(self.now);
        }
        let arrival = self.in_flight.keys().next().map(|(at, _)| *at);
        self.hosts.values().filter_map(Host::deadline).chain(arrival).min()
    }

    /// Guest time has come to `now`. Everything that was due happens at the time it was due for.
    pub fn advance(&mut self, now: Time) {
        loop {
            let arrival = self.in_flight.keys().next().map(|(at, _)| *at);
            let timer = self.hosts.iter().filter_map(|(address, host)| Some((host.deadline()?, *address))).min();
            match (arrival, timer) {
                (Some(at), timer) if at <= now && timer.is_none_or(|(due, _)| at <= due) => {
                    self.now = self.now.max(at);
                    self.deliver();
                }
                (_, Some((due, address))) if due <= now => {
                    self.now = self.now.max(due);
                    self.with_host(address, |host, now| ((), host.wake(now)));
                }
                _ => break,
            }
        }
        self.now = self.now.max(now);
    }

    /// The address that the DHCP server gave to `mac` and that its client took.
    pub fn address_of(&self, mac: [u8; 6]) -> Option<Ipv4Addr> {
        self.gateway.lease(EthernetAddress(mac))
    }

    /// The hardware address of a peer host.
    pub fn hardware_address(&self, host: Ipv4Addr) -> Option<[u8; 6]> {
        self.hosts.get(&host).map(|host| host.mac().0)
    }

    /// The address that the DHCP server gave last, which is the board's when there is one board.
    pub fn board_address(&self) -> Option<Ipv4Addr> {
        self.gateway.last_lease()
    }

    /// From now on, this goes wrong on the board's cable. Frames that are on their way are not touched.
    ///
    /// # Errors
    /// If a probability is not between 0 and 1.
    pub fn set_faults(&mut self, faults: FaultConfig) -> Result<(), LanError> {
        self.set_faults_of(0, faults)
    }

    /// The same for the cable of this number.
    ///
    /// # Errors
    /// If a probability is not between 0 and 1, or there is no such cable.
    pub fn set_faults_of(&mut self, cable: usize, faults: FaultConfig) -> Result<(), LanError> {
        faults.check()?;
        let count = self.cables.len();
        let line = self.cables.get_mut(cable).ok_or(LanError::NoSuchCable { cable, count })?;
        line.from_board.faults = faults.from_board;
        line.to_board.faults = faults.to_board;
        Ok(())
    }

    /// Cuts the cable of this number in both directions, or puts it back with the other faults that it has.
    ///
    /// # Errors
    /// If there is no such cable.
    pub fn set_cable_cut(&mut self, cable: usize, cut: bool) -> Result<(), LanError> {
        let count = self.cables.len();
        let line = self.cables.get_mut(cable).ok_or(LanError::NoSuchCable { cable, count })?;
        (line.from_board.faults.cut, line.to_board.faults.cut) = (cut, cut);
        Ok(())
    }

    /// Counts the frames of the first board from now on, at one place, and does to them what the plan says of their numbers.
    pub fn plan_frames(&mut self, link: FrameLink, plan: FramePlan) {
        self.watched.insert(link, Watches::new(plan));
    }

    /// The frames that were counted there, the first ones; `None` if none are counted.
    pub fn counted_frames(&self, link: FrameLink) -> Option<CountedFrames> {
        Some(self.watched.get(&link)?.counted(link))
    }

    /// True if the board's cable is cut in both directions, which its PHY notices.
    pub fn cable_is_cut(&self) -> bool {
        self.is_cable_cut(0)
    }

    /// The same for the cable of this number; one that is not there counts as cut.
    pub fn is_cable_cut(&self, cable: usize) -> bool {
        self.cables.get(cable).is_none_or(Cable::is_cut)
    }

    /// From now on, the board's cable leads to another network instead of this switch: what the board sends is for
    /// [`take_for_outside`](Lan::take_for_outside), and [`send_from_outside`](Lan::send_from_outside) is all that reaches it.
    pub fn lead_outside(&mut self) {
        self.outside = Some(VecDeque::new());
    }

    /// The next frame that the board has sent to the other network, without its frame check sequence.
    pub fn take_for_outside(&mut self) -> Option<SharedFrame> {
        self.outside.as_mut()?.pop_front()
    }

    /// The other network sends the board a frame, which is without its frame check sequence.
    pub fn send_from_outside(&mut self, frame: impl Into<SharedFrame>) {
        self.send_to_board(frame.into(), FIRST);
    }

    /// From now on, the gateway's DNS server says that `name` is at `address`, and so does its multicast DNS of a name in `.local`. Case
    /// makes no difference.
    pub fn set_name(&mut self, name: &str, address: Ipv4Addr) {
        self.gateway.set_name(name, address);
    }

    /// The host falls silent: no packet gets in or out, without notice to the other hosts. This can be the gateway too.
    ///
    /// # Errors
    /// If the LAN has no such host.
    pub fn vanish(&mut self, host: Ipv4Addr) -> Result<(), LanError> {
        if host != self.config.gateway && !self.hosts.contains_key(&host) {
            return Err(LanError::NotOnLan { address: host });
        }
        self.vanished.insert(host, ());
        Ok(())
    }

    /// The host that vanished is back, and has not noticed.
    pub fn reappear(&mut self, host: Ipv4Addr) {
        self.vanished.remove(&host);
    }

    /// Records what goes over the board's port from now on, and holds the last frames that fit into `limit` bytes.
    pub fn start_capture(&mut self, limit: usize) {
        self.capture.start(limit);
    }

    /// Records no more; what was recorded stays.
    pub fn stop_capture(&mut self) {
        self.capture.stop();
    }

    /// The capture as a pcap file with nanosecond stamps of guest time.
    pub fn capture(&self) -> Vec<u8> {
        self.capture.to_pcap(0)
    }

    /// The same from the frame on that [`captured`](Lan::captured) counted as the next.
    pub fn capture_from(&self, first: u64) -> Vec<u8> {
        self.capture.to_pcap(first)
    }

    /// Number of recorded frames, including those that were dropped for lack of room.
    pub fn captured(&self) -> u64 {
        self.capture.recorded()
    }

    /// Frames that had no room in the capture any more, the oldest first.
    pub fn capture_dropped(&self) -> u64 {
        self.capture.dropped()
    }

    /// Adds a peer host. It answers ARP and pings, and refuses connections to closed ports.
    ///
    /// # Errors
    /// If `address` is not one that a peer can have. Adding a host twice is none.
    pub fn add_host(&mut self, address: Ipv4Addr) -> Result<(), LanError> {
        self.config.check_peer(address)?;
        let Lan { config, hosts, .. } = self;
        if !hosts.contains_key(&address) {
            hosts.insert(address, Host::new(config.clone(), address, mac_of(address)));
        }
        Ok(())
    }

    /// Lets a host do something and sends what it has to say.
    pub(crate) fn with_host<R>(
        &mut self,
        address: Ipv4Addr,
        act: impl FnOnce(&mut Host, Time) -> (R, Vec<SharedFrame>),
    ) -> Option<R> {
        let now = self.now;
        let (result, frames) = act(self.hosts.get_mut(&address)?, now);
        self.send_from(address, frames);
        Some(result)
    }

    /// Brings the frame that arrives next to where it arrives.
    fn deliver(&mut self) {
        let Some((_, transit)) = self.in_flight.pop_first() else { return };
        match transit {
            Transit::ToBoard(frame, port) => {
                if port == self.recorded_port(&frame) {
                    self.capture.record(self.now, &frame);
                }
                match port {
                    Port::Cable(cable) => {
                        if let Some(line) = self.cables.get_mut(cable) {
                            line.arrived.push_back(frame);
                        }
                    }
                    Port::Air => self.for_air.push_back(frame),
                }
            }
            Transit::ToSwitch(frame, from) => {
                if let (FIRST, Some(outside)) = (from, &mut self.outside) {
                    outside.push_back(frame);
                    return;
                }
                self.learn(&frame, from);
                self.send_to_boards(&frame, Some(from));
                self.hand_over(frame);
            }
            Transit::Between(frame) => self.hand_over(frame),
        }
    }

    /// Remembers behind which of the boards' ports the sender of `frame` is.
    fn learn(&mut self, frame: &[u8], port: Port) {
        let Ok(header) = EthernetFrame::new_checked(frame) else { return };
        let from = header.src_addr();
        if from.is_unicast() && (self.learned.len() < LEARNED_MAX || self.learned.contains_key(&from.0)) {
            self.learned.insert(from.0, port);
        }
    }

    /// Whether `frame` is for a host that is, or may be, behind `port`.
    fn leaves_by(&self, frame: &[u8], port: Port) -> bool {
        let Ok(header) = EthernetFrame::new_checked(frame) else { return false };
        let to = header.dst_addr();
        !to.is_unicast() || (!self.is_on_switch(to) && self.learned.get(&to.0).is_none_or(|known| *known == port))
    }

    /// The port at which a frame for the board is recorded: once, if it leaves by both.
    fn recorded_port(&self, frame: &[u8]) -> Port {
        let only_air = !self.learned.is_empty() && self.learned.values().all(|port| *port == Port::Air);
        let to = EthernetFrame::new_checked(frame).ok().map(|header| header.dst_addr());
        to.and_then(|to| self.learned.get(&to.0).copied()).unwrap_or(if only_air { Port::Air } else { FIRST })
    }

    fn is_on_switch(&self, mac: EthernetAddress) -> bool {
        mac == self.gateway.mac() || self.hosts.values().any(|host| host.mac() == mac)
    }

    /// Sends a frame out of every port that it is for, except the one that it came in by.
    fn send_to_boards(&mut self, frame: &SharedFrame, from: Option<Port>) {
        for port in (0..self.cables.len()).map(Port::Cable).chain([Port::Air]) {
            if from != Some(port) && self.leaves_by(frame, port) {
                self.send_to_board(frame.clone(), port);
            }
        }
    }

    fn send_to_board(&mut self, frame: SharedFrame, port: Port) {
        let fault = self.count(port, false, &frame);
        match port {
            Port::Air if !self.has_air => {}
            Port::Air => self.send_copies(port, fault, self.now + self.config.latency, &frame),
            Port::Cable(cable) => {
                let Some(line) = self.cables.get_mut(cable) else { return };
                for (at, frame) in line.to_board.carry(frame, self.now) {
                    self.send_copies(port, fault, at, &frame);
                }
            }
        }
    }

    fn send_copies(&mut self, port: Port, fault: Option<FrameFault>, arrival: Time, frame: &SharedFrame) {
        for at in self.arrivals(port, false, fault, arrival) {
            self.schedule(at, Transit::ToBoard(frame.clone(), port));
        }
    }

    /// Counts a frame, if frames are counted there, and says what happens to it.
    fn count(&mut self, port: Port, from_board: bool, frame: &SharedFrame) -> Option<FrameFault> {
        let watches = self.watched.get_mut(&link(port)?)?;
        let watch = if from_board { &mut watches.from_board } else { &mut watches.to_board };
        watch.count(frame, self.now)
    }

    /// When the copies of a frame arrive.
    fn arrivals(
        &mut self,
        port: Port,
        from_board: bool,
        fault: Option<FrameFault>,
        arrival: Time,
    ) -> impl Iterator<Item = Time> + use<> {
        let watches = link(port).and_then(|link| self.watched.get_mut(&link));
        let arrivals = match watches {
            None => [Some(arrival), None],
            Some(Watches { from_board: watch, .. }) if from_board => watch.arrivals(fault, arrival),
            Some(Watches { to_board: watch, .. }) => watch.arrivals(fault, arrival),
        };
        arrivals.into_iter().flatten()
    }

    /// Gives a frame to the gateway and the hosts that it is for.
    fn hand_over(&mut self, frame: SharedFrame) {
        let Ok(header) = EthernetFrame::new_checked(&frame[..]) else { return };
        if frame.len() > FRAME_MAX {
            return;
        }
        let (from, to) = (header.src_addr(), header.dst_addr());
        let is_for = |mac: EthernetAddress| mac != from && (to == mac || !to.is_unicast());
        if is_for(self.gateway.mac())
            && !self.vanished.contains_key(&self.config.gateway)
            && let Some(answer) = self.gateway.receive(&frame)
        {
            self.send_from(self.config.gateway, vec![answer.into()]);
        }
        let addresses: Vec<_> = self.hosts.iter().filter(|(_, host)| is_for(host.mac())).map(|(at, _)| *at).collect();
        for address in addresses {
            if !self.vanished.contains_key(&address) {
                self.with_host(address, |host, now| ((), host.receive_frame(&frame, now)));
            }
        }
    }

    /// A host or the gateway sends frames. Frames without another receiver on the switch go to the board.
    fn send_from(&mut self, host: Ipv4Addr, frames: Vec<SharedFrame>) {
        if self.vanished.contains_key(&host) {
            return;
        }
        for frame in frames {
            let Ok(header) = EthernetFrame::new_checked(&frame[..]) else { continue };
            let to = header.dst_addr();
            if self.is_on_switch(to) || !to.is_unicast() {
                self.schedule(self.now + self.config.latency, Transit::Between(frame.clone()));
            }
            self.send_to_boards(&frame, None);
        }
    }

    fn schedule(&mut self, at: Time, transit: Transit) {
        self.in_flight.insert((at, self.sent), transit);
        self.sent += 1;
    }
}

fn mac_of(address: Ipv4Addr) -> EthernetAddress {
    let [a, b] = MAC_PREFIX;
    let [c, d, e, f] = address.octets();
    EthernetAddress([a, b, c, d, e, f])
}
