//! The peer of a board whose network is the emulated LAN, in whatever time that LAN lives.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::Span;
use espalier_net::{
    ConnectionId as LanConnection, Lan, LanError, ListenerId as LanListener, PingId as LanPing, PingState,
    UdpId as LanSocket,
};

use super::lan::link;
use super::{ConnectionId, Link, ListenerId, PeerError, PingId, Segment, UdpId};
use crate::error::Failure;

/// The networks that a board's peers are on.
pub(super) trait Lans {
    fn lan(&self, segment: Segment) -> Option<&Lan>;
    /// The same, to act on it. Acting ends the run of an emulated board that follows after one slice; asking does not.
    fn lan_mut(&mut self, segment: Segment) -> Option<&mut Lan>;
}

/// A LAN without air.
impl Lans for Lan {
    fn lan(&self, segment: Segment) -> Option<&Lan> {
        (segment == Segment::Lan).then_some(self)
    }

    fn lan_mut(&mut self, segment: Segment) -> Option<&mut Lan> {
        (segment == Segment::Lan).then_some(self)
    }
}

/// Has the peer on a network do something.
fn act<T>(
    lans: &mut impl Lans,
    segment: Segment,
    action: &str,
    act: impl FnOnce(&mut Lan) -> Result<T, LanError>,
) -> Result<T, Failure> {
    let lan = lans.lan_mut(segment).ok_or_else(|| PeerError::new(action, "its network was removed from the air"))?;
    act(lan).map_err(|error| PeerError::new(action, error).into())
}

/// Sockets of the peer. Connections are numbered from one, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct LanPeer {
    listeners: Vec<(Segment, LanListener)>,
    connections: Vec<(Segment, LanConnection)>,
    sockets: Vec<(Segment, LanSocket)>,
    pings: Vec<(Segment, LanPing)>,
}

espalier_core::persist!(value LanPeer { listeners, connections, sockets, pings });

impl LanPeer {
    fn connection(&self, connection: ConnectionId) -> (Segment, LanConnection) {
        self.connections[connection.0 as usize - 1]
    }

    fn number(&mut self, segment: Segment, connection: LanConnection) -> ConnectionId {
        self.connections.push((segment, connection));
        ConnectionId(self.connections.len() as u64)
    }

    pub(super) fn listen(&mut self, lans: &mut impl Lans, segment: Segment, port: u16) -> Result<ListenerId, Failure> {
        let listener = act(lans, segment, &format!("listen on port {port}"), |lan| lan.listen(port))?;
        self.listeners.push((segment, listener));
        Ok(ListenerId(self.listeners.len() as u64 - 1))
    }

    pub(super) fn accept(
        &mut self,
        lans: &mut impl Lans,
        listener: ListenerId,
    ) -> Option<(ConnectionId, SocketAddrV4)> {
        let (segment, listener) = self.listeners[listener.0 as usize];
        lans.lan(segment).filter(|lan| lan.has_connection(listener))?;
        let lan = lans.lan_mut(segment)?;
        let connection = lan.accept(listener)?;
        let (_, remote) = lan.ends(connection)?;
        Some((self.number(segment, connection), remote))
    }

    pub(super) fn close_listener(&self, lans: &mut impl Lans, listener: ListenerId) {
        let (segment, listener) = self.listeners[listener.0 as usize];
        if let Some(lan) = lans.lan_mut(segment) {
            lan.close_listener(listener);
        }
    }

    pub(super) fn connect(
        &mut self,
        lans: &mut impl Lans,
        segment: Segment,
        to: SocketAddrV4,
    ) -> Result<ConnectionId, Failure> {
        let connection = act(lans, segment, &format!("connect to {to}"), |lan| lan.connect(to))?;
        Ok(self.number(segment, connection))
    }

    pub(super) fn link(&self, lans: &impl Lans, connection: ConnectionId) -> Link {
        let (segment, connection) = self.connection(connection);
        lans.lan(segment).map_or(Link::Reset, |lan| link(lan.state(connection)))
    }

    pub(super) fn send(&self, lans: &mut impl Lans, connection: ConnectionId, bytes: &[u8]) -> usize {
        let (segment, connection) = self.connection(connection);
        if lans.lan(segment).is_none_or(|lan| lan.room(connection) == 0) {
            return 0;
        }
        lans.lan_mut(segment).map_or(0, |lan| lan.send(connection, bytes))
    }

    pub(super) fn receive(&self, lans: &mut impl Lans, connection: ConnectionId) -> Vec<u8> {
        let (segment, connection) = self.connection(connection);
        let mut bytes = Vec::new();
        loop {
            let (length, available) = (bytes.len(), lans.lan(segment).map_or(0, |lan| lan.available(connection)));
            let Some(lan) = (available != 0).then(|| lans.lan_mut(segment)).flatten() else { return bytes };
            bytes.resize(length + available, 0);
            let taken = lan.receive(connection, &mut bytes[length..]);
            bytes.truncate(length + taken);
        }
    }

    pub(super) fn finish(&self, lans: &mut impl Lans, connection: ConnectionId) {
        let (segment, connection) = self.connection(connection);
        if let Some(lan) = lans.lan_mut(segment) {
            lan.shutdown(connection);
        }
    }

    pub(super) fn abort(&self, lans: &mut impl Lans, connection: ConnectionId) {
        let (segment, connection) = self.connection(connection);
        if let Some(lan) = lans.lan_mut(segment) {
            lan.abort(connection);
        }
    }

    pub(super) fn bind(&mut self, lans: &mut impl Lans, segment: Segment, port: u16) -> Result<(UdpId, u16), Failure> {
        let (socket, port) = act(lans, segment, &format!("open UDP port {port}"), |lan| {
            let socket = lan.udp_bind(port)?;
            Ok((socket, lan.udp_address(socket).map_or(port, |address| address.port())))
        })?;
        self.sockets.push((segment, socket));
        Ok((UdpId(self.sockets.len() - 1), port))
    }

    pub(super) fn send_to(
        &self,
        lans: &mut impl Lans,
        socket: UdpId,
        to: SocketAddrV4,
        bytes: &[u8],
    ) -> Result<bool, Failure> {
        let (segment, socket) = self.sockets[socket.0];
        act(lans, segment, &format!("send to {to}"), |lan| lan.udp_send(socket, to, bytes))
    }

    pub(super) fn receive_from(&self, lans: &mut impl Lans, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)> {
        let (segment, socket) = self.sockets[socket.0];
        lans.lan(segment).filter(|lan| lan.has_datagram(socket))?;
        lans.lan_mut(segment)?.udp_receive(socket)
    }

    pub(super) fn close(&self, lans: &mut impl Lans, socket: UdpId) {
        let (segment, socket) = self.sockets[socket.0];
        if let Some(lan) = lans.lan_mut(segment) {
            lan.udp_close(socket);
        }
    }

    pub(super) fn ping(&mut self, lans: &mut impl Lans, segment: Segment, to: Ipv4Addr) -> Result<PingId, Failure> {
        let ping = act(lans, segment, &format!("ping {to}"), |lan| lan.ping(to))?;
        self.pings.push((segment, ping));
        Ok(PingId(self.pings.len() - 1))
    }

    pub(super) fn pinged(&self, lans: &impl Lans, ping: PingId) -> Option<Span> {
        let (segment, ping) = self.pings[ping.0];
        match lans.lan(segment)?.ping_state(ping) {
            PingState::Answered(time) => Some(time),
            PingState::Waiting | PingState::TimedOut => None,
        }
    }
}

/// Cuts the peer off its network, or puts it back.
pub(super) fn set_silent(lans: &mut impl Lans, segment: Segment, silent: bool) -> Result<(), Failure> {
    act(lans, segment, "vanish", |lan| {
        let peer = lan.config().peer;
        if silent {
            return lan.vanish(peer);
        }
        lan.reappear(peer);
        Ok(())
    })
}
