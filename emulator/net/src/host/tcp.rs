//! TCP of a peer: listeners and connections.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::sync::Arc;

use espalier_core::Time;
use smoltcp::socket::tcp;

use super::connection::{Cause, Connection, awaits_answer};
use super::segment::Segment;
use super::{ConnState, Host, Listener};
use crate::fault::Frame;
use crate::{LanError, TranscriptEntry, TranscriptEvent};

/// Received bytes that a host keeps for a test that does not read, besides what its socket holds. After that the
/// window closes, as it does when a program does not read.
const RECEIVED_LIMIT: usize = 64 * 1024;

impl Host {
    pub(crate) fn listen(&mut self, port: u16, backlog: usize) -> Result<(), LanError> {
        if port == 0 {
            return Err(LanError::PortZero);
        }
        if self.listeners.contains_key(&port) {
            return Err(LanError::PortInUse { host: self.address, port });
        }
        let armed = (backlog > 0).then(|| self.stack.listen(port));
        self.listeners.insert(port, Listener { backlog, armed, half_open: Vec::new(), ready: VecDeque::new() });
        Ok(())
    }

    /// Stops listening. Connections that nobody has accepted are reset.
    pub(crate) fn close_listener(&mut self, port: u16, now: Time) -> Vec<Frame> {
        let Some(listener) = self.listeners.remove(&port) else {
            return Vec::new();
        };
        if let Some(socket) = listener.armed {
            self.stack.remove(socket);
        }
        let half_open: Vec<_> = listener.half_open.into_iter().map(|(socket, _)| socket).collect();
        half_open.iter().for_each(|&socket| self.stack.abort(socket));
        for index in listener.ready {
            self.abort_as(index, ConnState::Aborted, now);
        }
        let frames = self.settle(now, Cause::Other);
        half_open.iter().for_each(|&socket| self.stack.remove(socket));
        frames
    }

    pub(crate) fn accept(&mut self, port: u16, now: Time) -> Option<usize> {
        let index = self.listeners.get_mut(&port)?.ready.pop_front()?;
        // The backlog has room again.
        self.update_listeners(now);
        Some(index)
    }

    pub(crate) fn connect(&mut self, remote: SocketAddrV4, now: Time) -> Result<(usize, Vec<Frame>), LanError> {
        if remote.port() == 0 {
            return Err(LanError::PortZero);
        }
        if !self.config.is_host_address(*remote.ip()) {
            return Err(LanError::NotOnLan { address: *remote.ip() });
        }
        let port = self.choose_port(|host, port| !host.uses_tcp_port(port))?;
        let socket = self.stack.connect(port, remote);
        let mut connection = Connection::new(socket, SocketAddrV4::new(self.address, port), remote);
        connection.note(now, TranscriptEvent::State(ConnState::Connecting));
        self.connections.push(connection);
        Ok((self.connections.len() - 1, self.settle(now, Cause::Other)))
    }

    pub(crate) fn connection_state(&self, index: usize) -> Option<ConnState> {
        self.connections.get(index).map(|connection| connection.state)
    }

    pub(crate) fn connection_ends(&self, index: usize) -> Option<(SocketAddrV4, SocketAddrV4)> {
        self.connections.get(index).map(|connection| (connection.local, connection.remote))
    }

    pub(crate) fn transcript(&self, index: usize) -> &[TranscriptEntry] {
        self.connections.get(index).map_or(&[], Connection::transcript)
    }

    /// Gives bytes to the connection. Returns how many it took, and what the host sends.
    pub(crate) fn send(&mut self, index: usize, bytes: &[u8], now: Time) -> (usize, Vec<Frame>) {
        let Some(socket) = self.connections.get(index).and_then(|connection| connection.socket) else {
            return (0, Vec::new());
        };
        if bytes.is_empty() {
            return (0, Vec::new());
        }
        let count = self.stack.send(socket, bytes.into());
        if count == 0 {
            return (0, Vec::new());
        }
        self.connections[index].note(now, TranscriptEvent::Sent(bytes[..count].into()));
        (count, self.settle(now, Cause::Other))
    }

    /// Takes received bytes. Returns how many, and what the host sends: reading opens the window.
    pub(crate) fn receive(&mut self, index: usize, into: &mut [u8], now: Time) -> (usize, Vec<Frame>) {
        let Some(connection) = self.connections.get_mut(index) else {
            return (0, Vec::new());
        };
        let was_full = connection.received.len() >= RECEIVED_LIMIT;
        let count = into.len().min(connection.received.len());
        for (slot, byte) in into.iter_mut().zip(connection.received.drain(..count)) {
            *slot = byte;
        }
        let frames = if was_full && count > 0 { self.settle(now, Cause::Other) } else { Vec::new() };
        (count, frames)
    }

    /// How many received bytes there are to take.
    pub(crate) fn available(&self, index: usize) -> usize {
        self.connections.get(index).map_or(0, |connection| connection.received.len())
    }

    /// Sends a FIN behind what was sent before.
    pub(crate) fn shutdown(&mut self, index: usize, now: Time) -> Vec<Frame> {
        let Some(socket) = self.connections.get(index).and_then(|connection| connection.socket) else {
            return Vec::new();
        };
        self.stack.close(socket);
        self.settle(now, Cause::Other)
    }

    /// Sends a RST.
    pub(crate) fn abort(&mut self, index: usize, now: Time) -> Vec<Frame> {
        self.abort_as(index, ConnState::Aborted, now);
        self.settle(now, Cause::Other)
    }

    fn abort_as(&mut self, index: usize, state: ConnState, now: Time) {
        if let Some(connection) = self.connections.get_mut(index)
            && let Some(socket) = connection.socket
        {
            connection.enter(state, now);
            self.stack.abort(socket);
        }
    }

    fn uses_tcp_port(&self, port: u16) -> bool {
        self.listeners.contains_key(&port)
            || self.connections.iter().any(|connection| connection.socket.is_some() && connection.local.port() == port)
    }

    pub(super) fn backlog_is_full(&self, port: u16) -> bool {
        self.listeners.get(&port).is_some_and(|listener| listener.armed.is_none())
    }

    /// The remote end of a connection gave a sign of life.
    pub(super) fn heard(&mut self, segment: &Segment, now: Time) {
        let heard = self.connections.iter_mut().find(|connection| {
            connection.socket.is_some()
                && (connection.remote, connection.local.port()) == (segment.from, segment.to_port)
        });
        if let Some(since) = heard.and_then(|connection| connection.waiting_since.as_mut()) {
            *since = now;
        }
    }

    pub(super) fn give_up_connections(&mut self, now: Time) {
        let patience = self.config.tcp_timeout;
        for index in 0..self.connections.len() {
            if self.connections[index].waiting_since.is_some_and(|since| now >= since + patience) {
                self.abort_as(index, ConnState::TimedOut, now);
            }
        }
        for listener in self.listeners.values() {
            for (socket, _) in listener.half_open.iter().filter(|(_, since)| now >= *since + patience) {
                self.stack.abort(*socket);
            }
        }
    }

    pub(super) fn update_listeners(&mut self, now: Time) {
        let Host { listeners, connections, stack, address, .. } = self;
        for (&port, listener) in listeners {
            if let Some(socket) = listener.armed
                && stack.tcp_state(socket) != tcp::State::Listen
            {
                listener.armed = None;
                listener.half_open.push((socket, now));
            }
            let ready = &mut listener.ready;
            listener.half_open.retain(|&(socket, _)| match (stack.tcp_state(socket), stack.remote(socket)) {
                (tcp::State::SynReceived, _) => true,
                // A reset puts a socket that was listening back to that; another one is armed by now.
                (tcp::State::Listen | tcp::State::Closed, _) | (_, None) => {
                    stack.remove(socket);
                    false
                }
                (_, Some(remote)) => {
                    ready.push_back(connections.len());
                    connections.push(Connection::new(socket, SocketAddrV4::new(*address, port), remote));
                    false
                }
            });
            if listener.armed.is_none() && listener.half_open.len() + listener.ready.len() < listener.backlog {
                listener.armed = Some(stack.listen(port));
            }
        }
    }

    /// Takes over what the sockets say. With `sweep`, sockets that have ended are removed: what they had to send was sent,
    /// or cannot be.
    pub(super) fn update_connections(&mut self, now: Time, cause: Cause, sweep: bool) {
        let Host { connections, stack, .. } = self;
        for connection in connections {
            let Some(socket) = connection.socket else { continue };
            let state = stack.tcp_state(socket);
            // The last look at a socket takes everything out of it.
            let room = match state {
                tcp::State::Closed => usize::MAX,
                _ => RECEIVED_LIMIT.saturating_sub(connection.received.len()),
            };
            let bytes = stack.receive(socket, room);
            connection.enter(connection.read_state(state, cause), now);
            if !bytes.is_empty() {
                connection.received.extend(&bytes);
                connection.note(now, TranscriptEvent::Received(Arc::from(bytes)));
            }
            let waits = awaits_answer(state, stack.send_queue(socket));
            connection.waiting_since = waits.then(|| connection.waiting_since.unwrap_or(now));
            if sweep && state == tcp::State::Closed {
                stack.remove(socket);
                connection.socket = None;
                connection.waiting_since = None;
            }
        }
    }
}
