//! The peer of a board whose network is the emulated LAN, in whatever time that LAN lives.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::{Damaged, Load, Persist, Reader, Span, Writer};
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

/// Connections, and pings, of which the numbers are kept. Of more, those are forgotten that the LAN has forgotten.
const KEPT: usize = 1024;

/// Sockets by their numbers, which count up.
#[derive(Clone, Debug)]
struct Numbered<T> {
    next: u64,
    sockets: BTreeMap<u64, (Segment, T)>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { next: 0, sockets: BTreeMap::new() }
    }
}

impl<T: Copy> Numbered<T> {
    fn add(&mut self, segment: Segment, socket: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.sockets.insert(number, (segment, socket));
        number
    }

    fn get(&self, number: u64) -> Option<(Segment, T)> {
        self.sockets.get(&number).copied()
    }
}

impl<T: Load> Persist for Numbered<T> {
    fn save(&self, to: &mut Writer) {
        let Numbered { next, sockets } = self;
        next.save(to);
        sockets.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let Numbered { next, sockets } = self;
        next.restore(from)?;
        sockets.restore(from)
    }
}

/// Sockets of the peer. Connections are numbered from one, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct LanPeer {
    listeners: Numbered<LanListener>,
    connections: Numbered<LanConnection>,
    sockets: Numbered<LanSocket>,
    pings: Numbered<LanPing>,
}

espalier_core::persist!(state LanPeer { listeners, connections, sockets, pings });

impl LanPeer {
    fn connection(&self, connection: ConnectionId) -> Option<(Segment, LanConnection)> {
        self.connections.get(connection.0.checked_sub(1)?)
    }

    fn number(&mut self, lans: &impl Lans, segment: Segment, connection: LanConnection) -> ConnectionId {
        let id = ConnectionId(self.connections.add(segment, connection) + 1);
        if self.connections.sockets.len() > KEPT {
            let is_known = |segment, connection| lans.lan(segment).is_some_and(|lan| lan.ends(connection).is_some());
            self.connections.sockets.retain(|_, (segment, connection)| is_known(*segment, *connection));
        }
        id
    }

    pub(super) fn listen(&mut self, lans: &mut impl Lans, segment: Segment, port: u16) -> Result<ListenerId, Failure> {
        let listener = act(lans, segment, &format!("listen on port {port}"), |lan| lan.listen(port))?;
        Ok(ListenerId(self.listeners.add(segment, listener)))
    }

    pub(super) fn accept(
        &mut self,
        lans: &mut impl Lans,
        listener: ListenerId,
    ) -> Option<(ConnectionId, SocketAddrV4)> {
        let (segment, listener) = self.listeners.get(listener.0)?;
        lans.lan(segment).filter(|lan| lan.has_connection(listener))?;
        let lan = lans.lan_mut(segment)?;
        let connection = lan.accept(listener)?;
        let (_, remote) = lan.ends(connection)?;
        Some((self.number(lans, segment, connection), remote))
    }

    pub(super) fn close_listener(&mut self, lans: &mut impl Lans, listener: ListenerId) {
        let Some((segment, listener)) = self.listeners.sockets.remove(&listener.0) else { return };
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
        Ok(self.number(lans, segment, connection))
    }

    pub(super) fn link(&self, lans: &impl Lans, connection: ConnectionId) -> Link {
        let Some((segment, connection)) = self.connection(connection) else { return Link::Reset };
        lans.lan(segment).map_or(Link::Reset, |lan| link(lan.state(connection)))
    }

    pub(super) fn send(&self, lans: &mut impl Lans, connection: ConnectionId, bytes: &[u8]) -> usize {
        let Some((segment, connection)) = self.connection(connection) else { return 0 };
        if lans.lan(segment).is_none_or(|lan| lan.room(connection) == 0) {
            return 0;
        }
        lans.lan_mut(segment).map_or(0, |lan| lan.send(connection, bytes))
    }

    pub(super) fn receive(&self, lans: &mut impl Lans, connection: ConnectionId) -> Vec<u8> {
        let Some((segment, connection)) = self.connection(connection) else { return Vec::new() };
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
        let Some((segment, connection)) = self.connection(connection) else { return };
        if let Some(lan) = lans.lan_mut(segment) {
            lan.shutdown(connection);
        }
    }

    pub(super) fn abort(&self, lans: &mut impl Lans, connection: ConnectionId) {
        let Some((segment, connection)) = self.connection(connection) else { return };
        if let Some(lan) = lans.lan_mut(segment) {
            lan.abort(connection);
        }
    }

    pub(super) fn bind(&mut self, lans: &mut impl Lans, segment: Segment, port: u16) -> Result<(UdpId, u16), Failure> {
        let (socket, port) = act(lans, segment, &format!("open UDP port {port}"), |lan| {
            let socket = lan.udp_bind(port)?;
            Ok((socket, lan.udp_address(socket).map_or(port, |address| address.port())))
        })?;
        Ok((UdpId(self.sockets.add(segment, socket)), port))
    }

    pub(super) fn send_to(
        &self,
        lans: &mut impl Lans,
        socket: UdpId,
        to: SocketAddrV4,
        bytes: &[u8],
    ) -> Result<bool, Failure> {
        let (segment, socket) =
            self.sockets.get(socket.0).ok_or_else(|| PeerError::new("send", "its UDP port is closed"))?;
        act(lans, segment, &format!("send to {to}"), |lan| lan.udp_send(socket, to, bytes))
    }

    pub(super) fn receive_from(&self, lans: &mut impl Lans, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)> {
        let (segment, socket) = self.sockets.get(socket.0)?;
        lans.lan(segment).filter(|lan| lan.has_datagram(socket))?;
        lans.lan_mut(segment)?.udp_receive(socket)
    }

    pub(super) fn join_group(&self, lans: &mut impl Lans, socket: UdpId, group: Ipv4Addr) -> Result<(), Failure> {
        let action = format!("join the group {group}");
        let (segment, socket) =
            self.sockets.get(socket.0).ok_or_else(|| PeerError::new(&action, "its UDP port is closed"))?;
        act(lans, segment, &action, |lan| lan.udp_join(socket, group))
    }

    pub(super) fn close(&mut self, lans: &mut impl Lans, socket: UdpId) {
        let Some((segment, socket)) = self.sockets.sockets.remove(&socket.0) else { return };
        if let Some(lan) = lans.lan_mut(segment) {
            lan.udp_close(socket);
        }
    }

    pub(super) fn ping(&mut self, lans: &mut impl Lans, segment: Segment, to: Ipv4Addr) -> Result<PingId, Failure> {
        let ping = act(lans, segment, &format!("ping {to}"), |lan| lan.ping(to))?;
        let id = PingId(self.pings.add(segment, ping));
        while self.pings.sockets.len() > KEPT {
            self.pings.sockets.pop_first();
        }
        Ok(id)
    }

    pub(super) fn pinged(&self, lans: &impl Lans, ping: PingId) -> Option<Span> {
        let (segment, ping) = self.pings.get(ping.0)?;
        match lans.lan(segment)?.ping_state(ping) {
            PingState::Answered(time) => Some(time),
            PingState::Waiting | PingState::TimedOut => None,
        }
    }
}

/// Tells the name servers of a network a name.
pub(super) fn set_name(lans: &mut impl Lans, segment: Segment, name: &str, address: Ipv4Addr) -> Result<(), Failure> {
    act(lans, segment, "name a host", |lan| {
        lan.set_name(name, address);
        Ok(())
    })
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use espalier_net::{Lan, LanConfig};

    use super::{ConnectionId, KEPT, LanPeer, Link, Segment};

    #[test]
    fn connections_that_have_ended_are_forgotten_in_time() {
        let mut lan = Lan::new(LanConfig::default()).unwrap();
        let (mut peer, to) = (LanPeer::default(), SocketAddrV4::new(*lan.config().leases.start(), 80));
        let open = peer.connect(&mut lan, Segment::Lan, to).unwrap();
        for number in 2..3000 {
            let connection = peer.connect(&mut lan, Segment::Lan, to).unwrap();
            assert_eq!(connection, ConnectionId(number));
            peer.abort(&mut lan, connection);
        }
        assert!(peer.connections.sockets.len() <= KEPT + 1);
        assert_eq!(peer.link(&lan, open), Link::Connecting);
        assert_eq!(peer.link(&lan, ConnectionId(2)), Link::Reset);
        assert_eq!(peer.send(&mut lan, ConnectionId(2), b"late"), 0);
        let first = peer.ping(&mut lan, Segment::Lan, *to.ip()).unwrap();
        for _ in 0..2 * KEPT {
            peer.ping(&mut lan, Segment::Lan, *to.ip()).unwrap();
        }
        assert_eq!((peer.pings.sockets.len(), peer.pinged(&lan, first)), (KEPT, None));
    }
}
