//! The peer of a board whose network is the emulated LAN.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_net::{ConnectionId as LanConnection, Lan, ListenerId as LanListener};

use crate::driver::lan::link;
use crate::driver::{ConnectionId, Link, ListenerId, PeerError};
use crate::error::Failure;

/// What the peer has opened on the LAN. Connections are numbered from one, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct LanPeer {
    listeners: Vec<LanListener>,
    connections: Vec<LanConnection>,
}

impl LanPeer {
    fn connection(&self, connection: ConnectionId) -> LanConnection {
        self.connections[connection.0 as usize - 1]
    }

    fn number(&mut self, connection: LanConnection) -> ConnectionId {
        self.connections.push(connection);
        ConnectionId(self.connections.len() as u64)
    }

    pub(super) fn listen(&mut self, lan: &mut Lan, port: u16) -> Result<ListenerId, Failure> {
        let listener = lan.listen(port).map_err(|error| PeerError::new(format!("listen on port {port}"), error))?;
        self.listeners.push(listener);
        Ok(ListenerId(self.listeners.len() as u64 - 1))
    }

    pub(super) fn accept(&mut self, lan: &mut Lan, listener: ListenerId) -> Option<(ConnectionId, SocketAddrV4)> {
        let connection = lan.accept(self.listeners[listener.0 as usize])?;
        let (_, remote) = lan.ends(connection)?;
        Some((self.number(connection), remote))
    }

    pub(super) fn close_listener(&self, lan: &mut Lan, listener: ListenerId) {
        lan.close_listener(self.listeners[listener.0 as usize]);
    }

    pub(super) fn connect(&mut self, lan: &mut Lan, to: SocketAddrV4) -> Result<ConnectionId, Failure> {
        let connection = lan.connect(to).map_err(|error| PeerError::new(format!("connect to {to}"), error))?;
        Ok(self.number(connection))
    }

    pub(super) fn link(&self, lan: &Lan, connection: ConnectionId) -> Link {
        link(lan.state(self.connection(connection)))
    }

    pub(super) fn send(&self, lan: &mut Lan, connection: ConnectionId, bytes: &[u8]) -> usize {
        lan.send(self.connection(connection), bytes)
    }

    pub(super) fn receive(&self, lan: &mut Lan, connection: ConnectionId) -> Vec<u8> {
        let connection = self.connection(connection);
        let mut bytes = Vec::new();
        loop {
            let (length, available) = (bytes.len(), lan.available(connection));
            if available == 0 {
                return bytes;
            }
            bytes.resize(length + available, 0);
            let taken = lan.receive(connection, &mut bytes[length..]);
            bytes.truncate(length + taken);
        }
    }

    pub(super) fn finish(&self, lan: &mut Lan, connection: ConnectionId) {
        lan.shutdown(self.connection(connection));
    }

    pub(super) fn abort(&self, lan: &mut Lan, connection: ConnectionId) {
        lan.abort(self.connection(connection));
    }
}

/// Cuts the peer off the LAN, or puts it back.
pub(super) fn set_silent(lan: &mut Lan, silent: bool) -> Result<(), Failure> {
    let peer: Ipv4Addr = lan.config().peer;
    if !silent {
        lan.reappear(peer);
        return Ok(());
    }
    lan.vanish(peer).map_err(|error| PeerError::new("vanish", error).into())
}
