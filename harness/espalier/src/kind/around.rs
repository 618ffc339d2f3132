//! What is around some kinds of board and not around others: the air, and peers with more than TCP.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::Span;

use super::{ConnectionId, ListenerId};
use crate::air::{AccessPoint, AirFaults, AirNetwork, Refusal};
use crate::error::ErrorKind;

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the board's LAN.
    Lan,
    /// On the subnet of a network in the air, or behind a station, with this hardware address.
    Air([u8; 6]),
}

/// How far a station has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StationState {
    /// It does not hear its network.
    Searching,
    /// It is about to join.
    Joining,
    /// It has joined and has no address.
    Joined,
    /// It has an address.
    Ready,
    /// It could not join so far.
    Refused(Refusal),
}

/// The air around a board.
pub(crate) trait AirRig {
    fn add_access_point(&mut self, settings: &AccessPoint) -> Result<(), ErrorKind>;
    fn remove_access_point(&mut self, ssid: &str) -> Result<(), ErrorKind>;
    fn deauthenticate(&mut self, ssid: &str) -> Result<(), ErrorKind>;
    fn set_rssi(&mut self, ssid: &str, rssi: i8) -> Result<(), ErrorKind>;
    fn stations(&mut self, ssid: &str) -> Result<Vec<[u8; 6]>, ErrorKind>;
    /// The hardware address of a network that is a subnet.
    fn subnet(&mut self, ssid: &str) -> Result<[u8; 6], ErrorKind>;
    fn set_faults(&mut self, faults: AirFaults) -> Result<(), ErrorKind>;
    /// Networks that the board has opened.
    fn announced(&mut self) -> Vec<AirNetwork>;

    /// Adds a station that joins the board's network, and returns its hardware address.
    fn add_station(&mut self, ssid: &str, password: Option<&str>, rssi: Option<i8>) -> Result<[u8; 6], ErrorKind>;
    fn remove_station(&mut self, hardware: [u8; 6]);
    /// `None` if there is no such station.
    fn station_state(&mut self, hardware: [u8; 6]) -> Option<StationState>;

    /// The board's address on a subnet or in the network that a station has joined.
    fn board_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr>;
    /// The address of the peer there; `None` if it is no more.
    fn peer_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr>;
    fn listen(&mut self, hardware: [u8; 6], port: u16) -> Result<ListenerId, ErrorKind>;
    fn connect(&mut self, hardware: [u8; 6], to: SocketAddrV4) -> Result<ConnectionId, ErrorKind>;
    fn set_silent(&mut self, hardware: [u8; 6], silent: bool) -> Result<(), ErrorKind>;

    fn start_capture(&mut self, limit: usize);
    fn capture(&mut self) -> Vec<u8>;
}

/// A UDP port of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UdpId(pub(crate) usize);

/// A ping of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PingId(pub(crate) usize);

/// Peers that have UDP and can ping.
pub(crate) trait DatagramRig {
    /// Opens a UDP port; zero chooses one. Returns the port.
    fn bind(&mut self, place: Place, port: u16) -> Result<(UdpId, u16), ErrorKind>;
    /// False if there is no room for it now.
    fn send_to(&mut self, socket: UdpId, to: SocketAddrV4, bytes: &[u8]) -> Result<bool, ErrorKind>;
    fn receive_from(&mut self, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)>;
    fn close(&mut self, socket: UdpId);
    fn ping(&mut self, place: Place, to: Ipv4Addr) -> Result<PingId, ErrorKind>;
    /// How long the answer took, once it is there.
    fn pinged(&mut self, ping: PingId) -> Option<Span>;
}
