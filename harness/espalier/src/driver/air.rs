//! Surroundings that only some kinds of board have: the air, and peers with more than TCP.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::Span;

use super::{AccessPoint, AirFaults, AirNetwork, ConnectionId, ListenerId, StationState};
use crate::error::Failure;

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// On the board's LAN.
    Lan,
    /// On the subnet of a network in the air, or behind a station, with this hardware address.
    Air([u8; 6]),
}

espalier_core::persist!(
    enum Segment {
        Lan,
        Air(hardware),
    }
);

/// The air around a board.
pub(crate) trait AirDriver {
    fn add_access_point(&mut self, settings: &AccessPoint) -> Result<(), Failure>;
    fn remove_access_point(&mut self, ssid: &str) -> Result<(), Failure>;
    fn deauthenticate(&mut self, ssid: &str) -> Result<(), Failure>;
    fn set_rssi(&mut self, ssid: &str, rssi: i8) -> Result<(), Failure>;
    fn stations(&mut self, ssid: &str) -> Result<Vec<[u8; 6]>, Failure>;
    /// The hardware address of a network that is a subnet.
    fn subnet(&mut self, ssid: &str) -> Result<[u8; 6], Failure>;
    fn set_faults(&mut self, faults: AirFaults) -> Result<(), Failure>;
    /// Networks that the board has opened.
    fn announced(&mut self) -> Vec<AirNetwork>;

    /// Adds a station that joins the board's network, and returns its hardware address.
    fn add_station(&mut self, ssid: &str, password: Option<&str>, rssi: Option<i8>) -> Result<[u8; 6], Failure>;
    fn remove_station(&mut self, hardware: [u8; 6]);
    /// `None` if there is no such station.
    fn station_state(&mut self, hardware: [u8; 6]) -> Option<StationState>;

    /// The board's address on a subnet or in the network that a station has joined.
    fn board_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr>;
    /// The address of the peer there; `None` if it is no more.
    fn peer_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr>;
    fn listen(&mut self, hardware: [u8; 6], port: u16) -> Result<ListenerId, Failure>;
    fn connect(&mut self, hardware: [u8; 6], to: SocketAddrV4) -> Result<ConnectionId, Failure>;
    fn set_silent(&mut self, hardware: [u8; 6], silent: bool) -> Result<(), Failure>;

    fn start_capture(&mut self, limit: usize);
    fn capture(&mut self) -> Vec<u8>;
    /// Number of recorded frames that were dropped, because more came than the record keeps.
    fn capture_dropped(&mut self) -> u64;
}

/// A UDP port of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpId(pub(crate) u64);

espalier_core::persist!(value UdpId(value));

/// A ping of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PingId(pub(crate) u64);

/// Peers that have UDP and can ping.
pub(crate) trait DatagramDriver {
    /// Opens a UDP port; zero chooses one. Returns the port.
    fn bind(&mut self, segment: Segment, port: u16) -> Result<(UdpId, u16), Failure>;
    /// False if there is no room for it now.
    fn send_to(&mut self, socket: UdpId, to: SocketAddrV4, bytes: &[u8]) -> Result<bool, Failure>;
    fn receive_from(&mut self, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)>;
    /// The port gets what is sent to a multicast group, too.
    fn join_group(&mut self, socket: UdpId, group: Ipv4Addr) -> Result<(), Failure>;
    /// The network's name servers know a name.
    fn set_name(&mut self, segment: Segment, name: &str, address: Ipv4Addr) -> Result<(), Failure>;
    fn close(&mut self, socket: UdpId);
    fn ping(&mut self, segment: Segment, to: Ipv4Addr) -> Result<PingId, Failure>;
    /// Returns the round-trip time, once the answer is there.
    fn pinged(&mut self, ping: PingId) -> Option<Span>;
}
