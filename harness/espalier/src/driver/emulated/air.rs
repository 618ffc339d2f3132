//! The air around the emulated board, and its peers' UDP.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::Span;
use espalier_net::{
    AccessPoint as AirAccessPoint, AirError as NetError, AirFaults as NetFaults, Lan, LanError, PingState, Refusal,
    Station, StationState as NetState,
};

use super::Emulated;
use crate::driver::air::{AirRig, DatagramRig, PingId, Place, StationState, UdpId};
use crate::driver::{
    AccessPoint, AirError, AirFaults, AirNetwork, ConnectionId, ListenerId, PeerError, Refusal as HarnessRefusal,
};
use crate::error::Failure;

/// How strong the board receives what nothing is said about, in dBm.
const RSSI: i8 = -40;

impl Emulated {
    pub(super) fn lan_at(&self, place: Place) -> Option<&Lan> {
        match place {
            Place::Lan => Some(self.machine.lan()),
            Place::Air(hardware) => self.machine.air().lan(hardware),
        }
    }

    /// The same, to act on it.
    pub(super) fn lan_at_mut(&mut self, place: Place) -> Option<&mut Lan> {
        match place {
            Place::Lan => Some(self.machine.lan_mut()),
            Place::Air(hardware) => self.machine.air_mut().lan_mut(hardware),
        }
    }

    /// Has the peer at a place do something.
    pub(super) fn peer_at<T>(
        &mut self,
        place: Place,
        what: &str,
        act: impl FnOnce(&mut Lan) -> Result<T, LanError>,
    ) -> Result<T, Failure> {
        let lan = self.lan_at_mut(place).ok_or_else(|| PeerError::new(what, "its network was removed from the air"))?;
        act(lan).map_err(|error| PeerError::new(what, error).into())
    }

    fn explain(&self, error: &NetError) -> Failure {
        let kind = match error {
            NetError::NoSuchNetwork { ssid } => {
                let present = self.machine.air().networks().map(|network| network.ssid.clone()).collect();
                AirError::NoSuchNetwork { ssid: ssid.clone(), present }
            }
            error => AirError::Impossible(Box::new(error.clone())),
        };
        kind.into()
    }
}

impl AirRig for Emulated {
    fn add_access_point(&mut self, settings: &AccessPoint) -> Result<(), Failure> {
        let open = AirAccessPoint::open(&settings.ssid);
        let network = AirAccessPoint {
            password: settings.password.clone(),
            channel: settings.channel.unwrap_or(open.channel),
            rssi: settings.rssi.unwrap_or(open.rssi),
            bssid: settings.bssid,
            hidden: settings.hidden,
            gateway: settings.gateway,
            ..open
        };
        self.machine.air_mut().add_access_point(network).map(drop).map_err(|error| self.explain(&error))
    }

    fn remove_access_point(&mut self, ssid: &str) -> Result<(), Failure> {
        self.machine.air_mut().remove_access_point(ssid).map_err(|error| self.explain(&error))
    }

    fn deauthenticate(&mut self, ssid: &str) -> Result<(), Failure> {
        self.machine.air_mut().deauthenticate(ssid).map_err(|error| self.explain(&error))
    }

    fn set_rssi(&mut self, ssid: &str, rssi: i8) -> Result<(), Failure> {
        self.machine.air_mut().set_rssi(ssid, rssi).map_err(|error| self.explain(&error))
    }

    fn stations(&mut self, ssid: &str) -> Result<Vec<[u8; 6]>, Failure> {
        let air = self.machine.air();
        if !air.networks().any(|network| network.ssid == ssid) {
            return Err(self.explain(&NetError::NoSuchNetwork { ssid: ssid.to_owned() }));
        }
        Ok(air.stations(ssid))
    }

    fn subnet(&mut self, ssid: &str) -> Result<[u8; 6], Failure> {
        if let Some(address) = self.machine.air().subnet(ssid) {
            return Ok(address);
        }
        // Whether it is there at all.
        AirRig::stations(self, ssid)?;
        Err(AirError::NoSubnet { ssid: ssid.to_owned() }.into())
    }

    fn set_faults(&mut self, faults: AirFaults) -> Result<(), Failure> {
        let faults = NetFaults { loss: faults.loss, jitter: faults.jitter };
        self.machine.air_mut().set_faults(faults).map_err(|error| self.explain(&error))
    }

    fn announced(&mut self) -> Vec<AirNetwork> {
        let announced = self.machine.air_mut().announced().into_iter();
        announced
            .map(|network| AirNetwork { ssid: network.ssid, channel: network.channel, protected: network.protected })
            .collect()
    }

    fn add_station(&mut self, ssid: &str, password: Option<&str>, rssi: Option<i8>) -> Result<[u8; 6], Failure> {
        let (ssid, password) = (ssid.to_owned(), password.map(str::to_owned));
        let station = Station { ssid, password, address: None, rssi: rssi.unwrap_or(RSSI) };
        self.machine.air_mut().add_station(station).map_err(|error| self.explain(&error))
    }

    fn remove_station(&mut self, hardware: [u8; 6]) {
        // One that is not there has been removed.
        let _ = self.machine.air_mut().remove_station(hardware);
    }

    fn station_state(&mut self, hardware: [u8; 6]) -> Option<StationState> {
        Some(match self.machine.air().station_state(hardware)? {
            NetState::Searching => StationState::Searching,
            NetState::Joining => StationState::Joining,
            NetState::Joined => StationState::Joined,
            NetState::Ready { .. } => StationState::Ready,
            NetState::Refused(reason) => StationState::Refused(match reason {
                Refusal::PasswordNeeded => HarnessRefusal::PasswordNeeded,
                Refusal::NoPasswordWanted => HarnessRefusal::NoPasswordWanted,
                Refusal::Cipher => HarnessRefusal::Cipher,
                Refusal::WrongPassword => HarnessRefusal::WrongPassword,
                Refusal::Status(code) => HarnessRefusal::Status(code),
            }),
        })
    }

    fn board_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr> {
        match self.machine.air().station_state(hardware) {
            Some(NetState::Ready { board, .. }) => Some(board),
            Some(_) => None,
            None => self.machine.air().lan(hardware)?.board_address(),
        }
    }

    fn peer_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr> {
        Some(self.machine.air().lan(hardware)?.config().peer)
    }

    fn listen(&mut self, hardware: [u8; 6], port: u16) -> Result<ListenerId, Failure> {
        self.listen_at(Place::Air(hardware), port)
    }

    fn connect(&mut self, hardware: [u8; 6], to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.connect_at(Place::Air(hardware), to)
    }

    fn set_silent(&mut self, hardware: [u8; 6], silent: bool) -> Result<(), Failure> {
        self.set_silent_at(Place::Air(hardware), silent)
    }

    fn start_capture(&mut self, limit: usize) {
        self.machine.air_mut().start_capture(limit);
    }

    fn capture(&mut self) -> Vec<u8> {
        self.machine.air().capture()
    }
}

impl DatagramRig for Emulated {
    fn bind(&mut self, place: Place, port: u16) -> Result<(UdpId, u16), Failure> {
        let (socket, port) = self.peer_at(place, &format!("open UDP port {port}"), |lan| {
            let socket = lan.udp_bind(port)?;
            Ok((socket, lan.udp_address(socket).map_or(port, |address| address.port())))
        })?;
        self.sockets.push((place, socket));
        Ok((UdpId(self.sockets.len() - 1), port))
    }

    fn send_to(&mut self, socket: UdpId, to: SocketAddrV4, bytes: &[u8]) -> Result<bool, Failure> {
        let (place, socket) = self.sockets[socket.0];
        self.peer_at(place, &format!("send to {to}"), |lan| lan.udp_send(socket, to, bytes))
    }

    fn receive_from(&mut self, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)> {
        let (place, socket) = self.sockets[socket.0];
        self.lan_at(place).filter(|lan| lan.has_datagram(socket))?;
        self.lan_at_mut(place)?.udp_receive(socket)
    }

    fn close(&mut self, socket: UdpId) {
        let (place, socket) = self.sockets[socket.0];
        if let Some(lan) = self.lan_at_mut(place) {
            lan.udp_close(socket);
        }
    }

    fn ping(&mut self, place: Place, to: Ipv4Addr) -> Result<PingId, Failure> {
        let ping = self.peer_at(place, &format!("ping {to}"), |lan| lan.ping(to))?;
        self.pings.push((place, ping));
        Ok(PingId(self.pings.len() - 1))
    }

    fn pinged(&mut self, ping: PingId) -> Option<Span> {
        let (place, ping) = self.pings[ping.0];
        match self.lan_at(place)?.ping_state(ping) {
            PingState::Answered(time) => Some(time),
            PingState::Waiting | PingState::TimedOut => None,
        }
    }
}
