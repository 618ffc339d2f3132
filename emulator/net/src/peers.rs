//! Operations of a test on the LAN: TCP, UDP and ping of the peers.
//!
//! Nothing here waits. A call takes effect at the time the LAN has come to, and what follows from it is seen after
//! [`Lan::advance`].

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::{ConnState, Lan, LanError, PingState};

/// Connections that a listener holds until they are accepted, if nothing else is said.
const BACKLOG: usize = 16;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $kind:ty })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            host: Ipv4Addr,
            $field: $kind,
        }

        espalier_core::persist!(value $name { host, $field });

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}#{}", self.host, self.$field)
            }
        }
    )*};
}

ids! {
    /// A port that a peer listens on. Valid in the LAN that gave it, and in its clones.
    ListenerId { port: u16 }
    /// A TCP connection of a peer. Valid in the LAN that gave it, and in its clones.
    ConnectionId { index: usize }
    /// A UDP port of a peer. Valid in the LAN that gave it, and in its clones.
    UdpId { index: usize }
    /// A ping that a peer sent. Valid in the LAN that gave it, and in its clones.
    PingId { index: usize }
}

impl Lan {
    /// The peer of the configuration listens on `port`.
    ///
    /// # Errors
    /// If the port is zero or in use.
    pub fn listen(&mut self, port: u16) -> Result<ListenerId, LanError> {
        self.listen_on(SocketAddrV4::new(self.config().peer, port), BACKLOG)
    }

    /// The host at `local` listens on its port, and holds `backlog` connections until they are accepted. When it holds
    /// that many, further attempts go unanswered. A host that does not exist yet is added.
    ///
    /// # Errors
    /// If the port is zero or in use, or the address cannot be a peer's.
    pub fn listen_on(&mut self, local: SocketAddrV4, backlog: usize) -> Result<ListenerId, LanError> {
        let host = *local.ip();
        self.on_host(host, |host, _| host.listen(local.port(), backlog))?;
        Ok(ListenerId { host, port: local.port() })
    }

    /// True if [`accept`](Lan::accept) would return a connection. Unlike that, it can be asked without disturbing a machine.
    pub fn has_connection(&self, listener: ListenerId) -> bool {
        self.hosts.get(&listener.host).is_some_and(|host| host.has_ready(listener.port))
    }

    /// The next connection that came to the listener and is open.
    pub fn accept(&mut self, listener: ListenerId) -> Option<ConnectionId> {
        let index = self.with_host(listener.host, |host, _| (host.accept(listener.port), Vec::new()))??;
        Some(ConnectionId { host: listener.host, index })
    }

    /// Listens no more. Connections that were not accepted are reset; accepted ones stay.
    pub fn close_listener(&mut self, listener: ListenerId) {
        self.with_host(listener.host, |host, now| ((), host.close_listener(listener.port, now)));
    }

    /// The peer of the configuration connects to `remote`.
    ///
    /// # Errors
    /// If `remote` is not an address of this LAN, or the peer has run out of ports.
    pub fn connect(&mut self, remote: SocketAddrV4) -> Result<ConnectionId, LanError> {
        self.connect_from(self.config().peer, remote)
    }

    /// The host connects to `remote`. A host that does not exist yet is added.
    ///
    /// # Errors
    /// If `remote` is not an address of this LAN, `host` cannot be a peer's or has run out of ports.
    pub fn connect_from(&mut self, host: Ipv4Addr, remote: SocketAddrV4) -> Result<ConnectionId, LanError> {
        self.add_host(host)?;
        let connected = self.with_host(host, |host, now| match host.connect(remote, now) {
            Ok((index, frames)) => (Ok(index), frames),
            Err(error) => (Err(error), Vec::new()),
        });
        let index = connected.unwrap_or(Err(LanError::NotOnLan { address: host }))?;
        Ok(ConnectionId { host, index })
    }

    /// Where the connection stands. Read the bytes that are left before taking a final state for its end.
    pub fn state(&self, connection: ConnectionId) -> ConnState {
        let state = self.hosts.get(&connection.host).and_then(|host| host.connection_state(connection.index));
        state.unwrap_or(ConnState::Closed)
    }

    /// The peer's and the remote end's address.
    pub fn ends(&self, connection: ConnectionId) -> Option<(SocketAddrV4, SocketAddrV4)> {
        self.hosts.get(&connection.host)?.connection_ends(connection.index)
    }

    /// Number of bytes that [`send`](Lan::send) would take now.
    pub fn room(&self, connection: ConnectionId) -> usize {
        self.hosts.get(&connection.host).map_or(0, |host| host.room(connection.index))
    }

    /// Sends bytes. Returns how many the connection took: none while its buffer is full or when it is not open.
    pub fn send(&mut self, connection: ConnectionId, bytes: &[u8]) -> usize {
        self.with_host(connection.host, |host, now| host.send(connection.index, bytes, now)).unwrap_or(0)
    }

    /// Takes received bytes and returns how many. Zero is the end of the stream only if the state says so.
    pub fn receive(&mut self, connection: ConnectionId, into: &mut [u8]) -> usize {
        self.with_host(connection.host, |host, now| host.receive(connection.index, into, now)).unwrap_or(0)
    }

    /// Number of received bytes that can be taken now.
    pub fn available(&self, connection: ConnectionId) -> usize {
        self.hosts.get(&connection.host).map_or(0, |host| host.available(connection.index))
    }

    /// The peer has nothing more to send (FIN). It can still receive.
    pub fn shutdown(&mut self, connection: ConnectionId) {
        self.with_host(connection.host, |host, now| ((), host.shutdown(connection.index, now)));
    }

    /// The peer resets the connection (RST).
    pub fn abort(&mut self, connection: ConnectionId) {
        self.with_host(connection.host, |host, now| ((), host.abort(connection.index, now)));
    }

    /// The peer of the configuration opens a UDP port; zero lets it choose one.
    ///
    /// # Errors
    /// If the port is in use, or none is left.
    pub fn udp_bind(&mut self, port: u16) -> Result<UdpId, LanError> {
        self.udp_bind_on(SocketAddrV4::new(self.config().peer, port))
    }

    /// The host at `local` opens a UDP port. A host that does not exist yet is added.
    ///
    /// # Errors
    /// If the port is in use, none is left or the address cannot be a peer's.
    pub fn udp_bind_on(&mut self, local: SocketAddrV4) -> Result<UdpId, LanError> {
        let host = *local.ip();
        let index = self.on_host(host, |host, _| host.bind_udp(local.port()))?;
        Ok(UdpId { host, index })
    }

    /// The address and the port that were bound.
    pub fn udp_address(&self, socket: UdpId) -> Option<SocketAddrV4> {
        Some(SocketAddrV4::new(socket.host, self.hosts.get(&socket.host)?.udp_port(socket.index)?))
    }

    /// The UDP port gets what is sent to a multicast group, too.
    ///
    /// # Errors
    /// If `group` is the address of none, or the port is in too many.
    pub fn udp_join(&mut self, socket: UdpId, group: Ipv4Addr) -> Result<(), LanError> {
        self.hosts.get_mut(&socket.host).map_or(Ok(()), |host| host.join_group(socket.index, group))
    }

    /// Sends a datagram. False if the socket is closed or has no room for it.
    ///
    /// # Errors
    /// If the datagram does not fit into a frame, or the port is zero.
    pub fn udp_send(&mut self, socket: UdpId, remote: SocketAddrV4, bytes: &[u8]) -> Result<bool, LanError> {
        let sent =
            self.with_host(socket.host, |host, now| match host.send_datagram(socket.index, remote, bytes, now) {
                Ok((sent, frames)) => (Ok(sent), frames),
                Err(error) => (Err(error), Vec::new()),
            });
        sent.unwrap_or(Ok(false))
    }

    /// True if a datagram has come in.
    pub fn has_datagram(&self, socket: UdpId) -> bool {
        self.hosts.get(&socket.host).is_some_and(|host| host.has_datagram(socket.index))
    }

    /// The next datagram that came in, and who sent it.
    pub fn udp_receive(&mut self, socket: UdpId) -> Option<(SocketAddrV4, Vec<u8>)> {
        self.hosts.get_mut(&socket.host)?.receive_datagram(socket.index)
    }

    /// Closes the UDP port.
    pub fn udp_close(&mut self, socket: UdpId) {
        if let Some(host) = self.hosts.get_mut(&socket.host) {
            host.close_udp(socket.index);
        }
    }

    /// The peer of the configuration pings `remote`.
    ///
    /// # Errors
    /// If `remote` is not an address of this LAN.
    pub fn ping(&mut self, remote: Ipv4Addr) -> Result<PingId, LanError> {
        let host = self.config().peer;
        let pinged = self.with_host(host, |host, now| match host.ping(remote, now) {
            Ok((index, frames)) => (Ok(index), frames),
            Err(error) => (Err(error), Vec::new()),
        });
        let index = pinged.unwrap_or(Err(LanError::NotOnLan { address: host }))?;
        Ok(PingId { host, index })
    }

    /// The outcome of the ping.
    pub fn ping_state(&self, ping: PingId) -> PingState {
        let state = self.hosts.get(&ping.host).and_then(|host| host.ping_state(ping.index));
        state.unwrap_or(PingState::TimedOut)
    }

    fn on_host<R>(
        &mut self,
        address: Ipv4Addr,
        act: impl FnOnce(&mut crate::host::Host, espalier_core::Time) -> Result<R, LanError>,
    ) -> Result<R, LanError> {
        self.add_host(address)?;
        self.with_host(address, |host, now| (act(host, now), Vec::new())).unwrap_or(Err(LanError::NotOnLan { address }))
    }
}
