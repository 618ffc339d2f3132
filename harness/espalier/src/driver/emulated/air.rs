//! The air around the emulated board, and its peers' UDP.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::Span;
use espalier_net::{Air, AirError as NetError, Station};

use super::Emulated;
use crate::driver::air::{AirDriver, DatagramDriver};
use crate::driver::lan_peer::{set_name, set_silent};
use crate::driver::{
    AccessPoint, Act, AirError, AirFaults, AirNetwork, ConnectionId, ListenerId, PingId, Segment, StationState, UdpId,
};
use crate::error::Failure;

/// Default signal strength at the board, in dBm.
const RSSI: i8 = -40;

fn explain(air: &Air, error: &NetError) -> Failure {
    let kind = match error {
        NetError::NoSuchNetwork { ssid } => {
            let present = air.networks().map(|network| network.ssid.clone()).collect();
            AirError::NoSuchNetwork { ssid: ssid.clone(), present }
        }
        error => AirError::Impossible(Box::new(error.clone())),
    };
    kind.into()
}

impl Emulated {
    /// Has the air do something.
    fn act_in_air<T>(&mut self, act: impl FnOnce(&mut Air) -> Result<T, NetError>) -> Result<T, Failure> {
        let mut held = self.access.held_mut();
        let air = held.world.air_mut();
        act(air).map_err(|error| explain(air, &error))
    }
}

impl AirDriver for Emulated {
    fn add_access_point(&mut self, settings: &AccessPoint) -> Result<(), Failure> {
        self.note(0, || Act::AccessPoint(settings.clone()));
        self.act_in_air(|air| air.add_access_point(settings.clone()).map(drop))
    }

    fn remove_access_point(&mut self, ssid: &str) -> Result<(), Failure> {
        self.note(0, || Act::RemoveAccessPoint { ssid: ssid.to_owned() });
        self.act_in_air(|air| air.remove_access_point(ssid))
    }

    fn deauthenticate(&mut self, ssid: &str) -> Result<(), Failure> {
        self.note(0, || Act::Deauthenticate { ssid: ssid.to_owned() });
        self.act_in_air(|air| air.deauthenticate(ssid))
    }

    fn set_rssi(&mut self, ssid: &str, rssi: i8) -> Result<(), Failure> {
        self.note(0, || Act::Strength { ssid: ssid.to_owned(), rssi });
        self.act_in_air(|air| air.set_rssi(ssid, rssi))
    }

    fn stations(&mut self, ssid: &str) -> Result<Vec<[u8; 6]>, Failure> {
        let held = self.access.held();
        let air = held.world.air();
        if !air.networks().any(|network| network.ssid == ssid) {
            return Err(explain(air, &NetError::NoSuchNetwork { ssid: ssid.to_owned() }));
        }
        Ok(air.stations(ssid))
    }

    fn subnet(&mut self, ssid: &str) -> Result<[u8; 6], Failure> {
        let address = self.access.held().world.air().subnet(ssid);
        if let Some(address) = address {
            return Ok(address);
        }
        // Whether it is there at all.
        AirDriver::stations(self, ssid)?;
        Err(AirError::NoSubnet { ssid: ssid.to_owned() }.into())
    }

    fn set_faults(&mut self, faults: AirFaults) -> Result<(), Failure> {
        self.note(0, || Act::AirFaults(faults));
        self.act_in_air(|air| air.set_faults(faults))
    }

    fn announced(&mut self) -> Vec<AirNetwork> {
        self.access.held().world.air().announced()
    }

    fn add_station(&mut self, ssid: &str, password: Option<&str>, rssi: Option<i8>) -> Result<[u8; 6], Failure> {
        let (ssid, password) = (ssid.to_owned(), password.map(str::to_owned));
        self.note(0, || Act::Station { ssid: ssid.clone(), password: password.clone(), rssi });
        let station = Station { ssid, password, address: None, rssi: rssi.unwrap_or(RSSI) };
        self.act_in_air(|air| air.add_station(station))
    }

    fn remove_station(&mut self, hardware: [u8; 6]) {
        self.note(0, || Act::RemoveStation(hardware));
        // One that is not there has been removed.
        let _ = self.access.held_mut().world.air_mut().remove_station(hardware);
    }

    fn station_state(&mut self, hardware: [u8; 6]) -> Option<StationState> {
        self.access.held().world.air().station_state(hardware)
    }

    fn board_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr> {
        let held = self.access.held();
        let air = held.world.air();
        match air.station_state(hardware) {
            Some(StationState::Ready { board, .. }) => Some(board),
            Some(_) => None,
            None => air.lan(hardware)?.board_address(),
        }
    }

    fn peer_address(&mut self, hardware: [u8; 6]) -> Option<Ipv4Addr> {
        Some(self.access.held().world.air().lan(hardware)?.config().peer)
    }

    fn listen(&mut self, hardware: [u8; 6], port: u16) -> Result<ListenerId, Failure> {
        self.note(0, || Act::Listen { segment: Segment::Air(hardware), port });
        self.peer.listen(&mut self.access.held_mut().world, Segment::Air(hardware), port)
    }

    fn connect(&mut self, hardware: [u8; 6], to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        self.note(0, || Act::Connect { segment: Segment::Air(hardware), to });
        self.peer.connect(&mut self.access.held_mut().world, Segment::Air(hardware), to)
    }

    fn set_silent(&mut self, hardware: [u8; 6], silent: bool) -> Result<(), Failure> {
        self.note(0, || Act::Silent { segment: Segment::Air(hardware), silent });
        set_silent(&mut self.access.held_mut().world, Segment::Air(hardware), silent)
    }

    fn start_capture(&mut self, limit: usize) {
        self.access.held_mut().world.air_mut().start_capture(limit);
    }

    fn capture(&mut self) -> Vec<u8> {
        self.access.held().world.air().capture()
    }

    fn capture_dropped(&mut self) -> u64 {
        self.access.held().world.air().capture_dropped()
    }
}

impl DatagramDriver for Emulated {
    fn bind(&mut self, segment: Segment, port: u16) -> Result<(UdpId, u16), Failure> {
        self.note(0, || Act::Bind { segment, port });
        self.peer.bind(&mut self.access.held_mut().world, segment, port)
    }

    fn send_to(&mut self, socket: UdpId, to: SocketAddrV4, bytes: &[u8]) -> Result<bool, Failure> {
        let sent = self.peer.send_to(&mut self.access.held_mut().world, socket, to, bytes)?;
        if sent {
            self.note(bytes.len(), || Act::SendTo { socket, to, bytes: bytes.to_vec() });
        }
        Ok(sent)
    }

    fn receive_from(&mut self, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)> {
        let received = self.peer.receive_from(&mut self.access.held_mut().world, socket)?;
        self.note(0, || Act::ReceiveFrom(socket));
        Some(received)
    }

    fn join_group(&mut self, socket: UdpId, group: Ipv4Addr) -> Result<(), Failure> {
        self.note(0, || Act::JoinGroup { socket, group });
        self.peer.join_group(&mut self.access.held_mut().world, socket, group)
    }

    fn set_name(&mut self, segment: Segment, name: &str, address: Ipv4Addr) -> Result<(), Failure> {
        self.note(name.len(), || Act::Name { segment, name: name.to_owned(), address });
        set_name(&mut self.access.held_mut().world, segment, name, address)
    }

    fn close(&mut self, socket: UdpId) {
        self.note(0, || Act::CloseUdp(socket));
        self.peer.close(&mut self.access.held_mut().world, socket);
    }

    fn ping(&mut self, segment: Segment, to: Ipv4Addr) -> Result<PingId, Failure> {
        self.note(0, || Act::Ping { segment, to });
        self.peer.ping(&mut self.access.held_mut().world, segment, to)
    }

    fn pinged(&mut self, ping: PingId) -> Option<Span> {
        self.peer.pinged(&self.access.held().world, ping)
    }
}
