//! The air around the emulated board, and its peers' UDP.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::Span;
use espalier_net::{AirError as NetError, Station};

use super::Emulated;
use crate::driver::air::{AirDriver, DatagramDriver};
use crate::driver::lan_peer::set_silent;
use crate::driver::{
    AccessPoint, AirError, AirFaults, AirNetwork, ConnectionId, ListenerId, PingId, Segment, StationState, UdpId,
};
use crate::error::Failure;

/// How strong the board receives what nothing is said about, in dBm.
const RSSI: i8 = -40;

impl Emulated {
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

impl AirDriver for Emulated {
    fn add_access_point(&mut self, settings: &AccessPoint) -> Result<(), Failure> {
        self.machine.air_mut().add_access_point(settings.clone()).map(drop).map_err(|error| self.explain(&error))
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
        AirDriver::stations(self, ssid)?;
        Err(AirError::NoSubnet { ssid: ssid.to_owned() }.into())
    }

    fn set_faults(&mut self, faults: AirFaults) -> Result<(), Failure> {
        self.machine.air_mut().set_faults(faults).map_err(|error| self.explain(&error))
    }

    fn announced(&mut self) -> Vec<AirNetwork> {
        self.machine.air().announced()
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
        self.machine.air().station_state(hardware)
    }

    fn board_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr> {
        match self.machine.air().station_state(hardware) {
            Some(StationState::Ready { board, .. }) => Some(board),
            Some(_) => None,
            None => self.machine.air().lan(hardware)?.board_address(),
        }
    }

    fn peer_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr> {
        Some(self.machine.air().lan(hardware)?.config().peer)
    }

    fn listen(&mut self, hardware: [u8; 6], port: u16) -> Result<ListenerId, Failure> {
        self.peer.listen(&mut self.machine, Segment::Air(hardware), port)
    }

    fn connect(&mut self, hardware: [u8; 6], to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.peer.connect(&mut self.machine, Segment::Air(hardware), to)
    }

    fn set_silent(&mut self, hardware: [u8; 6], silent: bool) -> Result<(), Failure> {
        set_silent(&mut self.machine, Segment::Air(hardware), silent)
    }

    fn start_capture(&mut self, limit: usize) {
        self.machine.air_mut().start_capture(limit);
    }

    fn capture(&mut self) -> Vec<u8> {
        self.machine.air().capture()
    }
}

impl DatagramDriver for Emulated {
    fn bind(&mut self, segment: Segment, port: u16) -> Result<(UdpId, u16), Failure> {
        self.peer.bind(&mut self.machine, segment, port)
    }

    fn send_to(&mut self, socket: UdpId, to: SocketAddrV4, bytes: &[u8]) -> Result<bool, Failure> {
        self.peer.send_to(&mut self.machine, socket, to, bytes)
    }

    fn receive_from(&mut self, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)> {
        self.peer.receive_from(&mut self.machine, socket)
    }

    fn close(&mut self, socket: UdpId) {
        self.peer.close(&mut self.machine, socket);
    }

    fn ping(&mut self, segment: Segment, to: Ipv4Addr) -> Result<PingId, Failure> {
        self.peer.ping(&mut self.machine, segment, to)
    }

    fn pinged(&mut self, ping: PingId) -> Option<Span> {
        self.peer.pinged(&self.machine, ping)
    }
}
