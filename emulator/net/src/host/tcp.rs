//! TCP of a peer: listeners and connections.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use espalier_core::Time;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Ipv4Repr, TcpControl, TcpPacket, TcpRepr};

use super::connection::Connection;
use super::tcb::Tcb;
use super::{ConnState, Host};
use crate::LanError;
use crate::frame::SharedFrame;

/// Connections that have ended and are remembered, with what came in and was not read. Older ones are forgotten.
const ENDED_KEPT: usize = 256;

/// A port that is listened on.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    backlog: usize,
    /// Connections that were not accepted yet.
    ready: VecDeque<usize>,
}

espalier_core::persist!(value Listener { backlog, ready });

impl Host {
    pub(crate) fn listen(&mut self, port: u16, backlog: usize) -> Result<(), LanError> {
        if port == 0 {
            return Err(LanError::PortZero);
        }
        if self.listeners.contains_key(&port) {
            return Err(LanError::PortInUse { host: self.address, port });
        }
        self.listeners.insert(port, Listener { backlog, ready: VecDeque::new() });
        Ok(())
    }

    /// Stops listening. Connections that were not accepted are reset.
    pub(crate) fn close_listener(&mut self, port: u16, now: Time) -> Vec<SharedFrame> {
        let Some(listener) = self.listeners.remove(&port) else {
            return Vec::new();
        };
        for connection in self.connections.values_mut().filter(|connection| connection.listener == Some(port)) {
            connection.abort_as(ConnState::Aborted);
        }
        for index in listener.ready {
            self.abort_as(index, ConnState::Aborted);
        }
        self.settle(now)
    }

    pub(crate) fn has_ready(&self, port: u16) -> bool {
        self.listeners.get(&port).is_some_and(|listener| !listener.ready.is_empty())
    }

    pub(crate) fn accept(&mut self, port: u16) -> Option<usize> {
        self.listeners.get_mut(&port)?.ready.pop_front()
    }

    pub(crate) fn connect(&mut self, remote: SocketAddrV4, now: Time) -> Result<(usize, Vec<SharedFrame>), LanError> {
        if remote.port() == 0 {
            return Err(LanError::PortZero);
        }
        if !self.config.is_host_address(*remote.ip()) {
            return Err(LanError::NotOnLan { address: *remote.ip() });
        }
        let port = self.choose_port(|host, port| !host.uses_tcp_port(port))?;
        let block = Tcb::connect(self.rng.next() as u32);
        let index = self.add_connection(Connection::new(block, SocketAddrV4::new(self.address, port), remote));
        Ok((index, self.settle(now)))
    }

    fn add_connection(&mut self, connection: Connection) -> usize {
        let index = self.next_connection;
        self.next_connection += 1;
        self.connections.insert(index, connection);
        index
    }

    pub(crate) fn connection_state(&self, index: usize) -> Option<ConnState> {
        self.connections.get(&index).map(Connection::state)
    }

    pub(crate) fn connection_ends(&self, index: usize) -> Option<(SocketAddrV4, SocketAddrV4)> {
        self.connections.get(&index).map(|connection| (connection.local, connection.remote))
    }

    /// Bytes that the connection would take now.
    pub(crate) fn room(&self, index: usize) -> usize {
        self.connections.get(&index).map_or(0, Connection::room)
    }

    /// Gives bytes to the connection. Returns how many it took, and what the host sends.
    pub(crate) fn send(&mut self, index: usize, bytes: &[u8], now: Time) -> (usize, Vec<SharedFrame>) {
        let block = self.connections.get_mut(&index).and_then(Connection::block_mut);
        match block.map_or(0, |block| block.send(bytes)) {
            0 => (0, Vec::new()),
            count => (count, self.settle(now)),
        }
    }

    /// Takes received bytes. Returns how many, and what the host sends: reading opens the window.
    pub(crate) fn receive(&mut self, index: usize, into: &mut [u8], now: Time) -> (usize, Vec<SharedFrame>) {
        let Some(connection) = self.connections.get_mut(&index) else {
            return (0, Vec::new());
        };
        let (count, opens) = connection.read(into);
        (count, if opens { self.settle(now) } else { Vec::new() })
    }

    /// Number of received bytes that can be taken.
    pub(crate) fn available(&self, index: usize) -> usize {
        self.connections.get(&index).map_or(0, Connection::available)
    }

    /// Sends a FIN behind what was sent before.
    pub(crate) fn shutdown(&mut self, index: usize, now: Time) -> Vec<SharedFrame> {
        let Some(block) = self.connections.get_mut(&index).and_then(Connection::block_mut) else {
            return Vec::new();
        };
        block.close();
        self.settle(now)
    }

    /// Sends a RST.
    pub(crate) fn abort(&mut self, index: usize, now: Time) -> Vec<SharedFrame> {
        self.abort_as(index, ConnState::Aborted);
        self.settle(now)
    }

    fn abort_as(&mut self, index: usize, state: ConnState) {
        if let Some(connection) = self.connections.get_mut(&index) {
            connection.abort_as(state);
        }
    }

    fn uses_tcp_port(&self, port: u16) -> bool {
        self.listeners.contains_key(&port)
            || self.connections.values().any(|connection| connection.is_alive() && connection.local.port() == port)
    }

    pub(super) fn receive_tcp(&mut self, header: Ipv4Repr, payload: &[u8], now: Time) {
        let (from, to) = (header.src_addr, header.dst_addr);
        let checksums = ChecksumCapabilities::default();
        let Ok(packet) = TcpPacket::new_checked(payload) else { return };
        let Ok(segment) = TcpRepr::parse(&packet, &from.into(), &to.into(), &checksums) else { return };
        let (local, remote) = (SocketAddrV4::new(to, segment.dst_port), SocketAddrV4::new(from, segment.src_port));
        let connection = self
            .connections
            .values_mut()
            .find(|connection| connection.is_alive() && (connection.local, connection.remote) == (local, remote));
        if let Some(connection) = connection
            && !connection.receive(&segment, now)
        {
            return;
        }
        if segment.control == TcpControl::Syn && segment.ack_number.is_none() {
            match self.listeners.get(&local.port()).map(|listener| listener.backlog - listener.ready.len()) {
                // As Linux does: the remote end asks again.
                Some(room) if self.half_open(local.port()) >= room => return,
                Some(_) => {
                    let block = Tcb::accept(self.rng.next() as u32, &segment);
                    let mut connection = Connection::new(block, local, remote);
                    connection.listener = Some(local.port());
                    self.add_connection(connection);
                    return;
                }
                None => {}
            }
        }
        if segment.control != TcpControl::Rst {
            self.link.send(from, now, |reply| reply.reset(&segment));
        }
    }

    /// Connections whose handshake with a listener is under way.
    fn half_open(&self, port: u16) -> usize {
        self.connections.values().filter(|connection| connection.listener == Some(port)).count()
    }

    pub(super) fn give_up_connections(&mut self, now: Time) {
        let patience = self.config.tcp_timeout;
        for connection in self.connections.values_mut() {
            if connection.waiting_since.is_some_and(|since| now >= since + patience) {
                connection.abort_as(ConnState::TimedOut);
            }
        }
    }

    /// Sends what the connections have to send, and takes over how they stand then.
    pub(super) fn update_connections(&mut self, now: Time) {
        let Host { connections, listeners, link, .. } = self;
        let mut ended = 0;
        connections.retain(|&index, connection| {
            connection.send_all(now, |to, segment| {
                // Data that does not fit is sent again by its sender.
                link.send(*to.ip(), now, |reply| reply.tcp(segment));
            });
            connection.update(now);
            if connection.state() == ConnState::Connecting {
                return true;
            }
            if let Some(listener) = connection.listener.take() {
                match listeners.get_mut(&listener) {
                    Some(listener) if connection.was_open() => listener.ready.push_back(index),
                    _ => return connection.is_alive(),
                }
            }
            ended += usize::from(!connection.is_alive());
            true
        });
        if ended > ENDED_KEPT {
            let oldest = self.connections.iter().find(|(_, connection)| !connection.is_alive()).map(|(at, _)| *at);
            oldest.map(|at| self.connections.remove(&at));
        }
    }
}
