//! UDP and ping of a peer.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_core::{Span, Time};
use smoltcp::iface::SocketHandle;

use super::Host;
use super::connection::Cause;
use crate::LanError;
use crate::fault::Frame;

/// Longest UDP payload that fits into one frame: 1500 bytes less the headers of IPv4 and UDP.
const DATAGRAM_MAX: usize = 1500 - 20 - 8;
/// Datagrams that are kept for a test that does not read; later ones are lost, as they are on any host.
const DATAGRAMS_KEPT: usize = 1024;

#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// None when the binding was closed.
    pub(super) socket: Option<SocketHandle>,
    pub(super) port: u16,
    received: VecDeque<(SocketAddrV4, Vec<u8>)>,
}

/// What has become of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingState {
    /// No answer yet.
    Waiting,
    /// The answer came after this time.
    Answered(Span),
    /// No answer came in time.
    TimedOut,
}

#[derive(Clone, Debug)]
pub(super) struct Ping {
    /// None when the ping is over.
    pub(super) socket: Option<SocketHandle>,
    sent: Time,
    state: PingState,
}

impl Ping {
    pub(super) fn waiting_since(&self) -> Option<Time> {
        self.socket.map(|_| self.sent)
    }
}

impl Host {
    /// Opens a UDP port; port zero lets the host choose.
    pub(crate) fn bind_udp(&mut self, port: u16) -> Result<usize, LanError> {
        let port = match port {
            0 => self.choose_port(|host, port| !host.uses_udp_port(port))?,
            port if self.uses_udp_port(port) => return Err(LanError::PortInUse { host: self.address, port }),
            port => port,
        };
        let socket = Some(self.stack.bind_udp(port));
        self.bindings.push(Binding { socket, port, received: VecDeque::new() });
        Ok(self.bindings.len() - 1)
    }

    fn uses_udp_port(&self, port: u16) -> bool {
        self.bindings.iter().any(|binding| binding.socket.is_some() && binding.port == port)
    }

    pub(crate) fn udp_port(&self, index: usize) -> Option<u16> {
        self.bindings.get(index).map(|binding| binding.port)
    }

    pub(crate) fn send_datagram(
        &mut self,
        index: usize,
        remote: SocketAddrV4,
        bytes: &[u8],
        now: Time,
    ) -> Result<(bool, Vec<Frame>), LanError> {
        if bytes.len() > DATAGRAM_MAX {
            return Err(LanError::DatagramTooLong { length: bytes.len(), limit: DATAGRAM_MAX });
        }
        if remote.port() == 0 {
            return Err(LanError::PortZero);
        }
        let Some(socket) = self.bindings.get(index).and_then(|binding| binding.socket) else {
            return Ok((false, Vec::new()));
        };
        let taken = self.stack.send_to(socket, remote, bytes.into());
        Ok((taken, self.settle(now, Cause::Other)))
    }

    pub(crate) fn receive_datagram(&mut self, index: usize) -> Option<(SocketAddrV4, Vec<u8>)> {
        self.bindings.get_mut(index)?.received.pop_front()
    }

    pub(crate) fn close_udp(&mut self, index: usize) {
        if let Some(socket) = self.bindings.get_mut(index).and_then(|binding| binding.socket.take()) {
            self.stack.remove(socket);
        }
    }

    pub(crate) fn ping(&mut self, remote: Ipv4Addr, now: Time) -> Result<(usize, Vec<Frame>), LanError> {
        if !self.config.is_host_address(remote) {
            return Err(LanError::NotOnLan { address: remote });
        }
        // Pings that are under way at the same time have different identifiers.
        let identifier = self.pings.len() as u16;
        let socket = self.stack.bind_echo(identifier);
        self.stack.send_echo(socket, remote, identifier);
        self.pings.push(Ping { socket: Some(socket), sent: now, state: PingState::Waiting });
        Ok((self.pings.len() - 1, self.settle(now, Cause::Other)))
    }

    pub(crate) fn ping_state(&self, index: usize) -> Option<PingState> {
        self.pings.get(index).map(|ping| ping.state)
    }

    pub(super) fn give_up_pings(&mut self, now: Time) {
        let Host { pings, stack, config, .. } = self;
        for ping in pings.iter_mut().filter(|ping| now >= ping.sent + config.tcp_timeout) {
            if let Some(socket) = ping.socket.take() {
                stack.remove(socket);
                ping.state = PingState::TimedOut;
            }
        }
    }

    pub(super) fn update_bindings(&mut self) {
        let Host { bindings, stack, .. } = self;
        for binding in bindings {
            let Some(socket) = binding.socket else { continue };
            while let Some(datagram) = stack.receive_from(socket) {
                if binding.received.len() < DATAGRAMS_KEPT {
                    binding.received.push_back(datagram);
                }
            }
        }
    }

    pub(super) fn update_pings(&mut self, now: Time) {
        let Host { pings, stack, .. } = self;
        for ping in pings {
            if let Some(socket) = ping.socket
                && stack.receive_echo(socket)
            {
                stack.remove(socket);
                ping.socket = None;
                ping.state = PingState::Answered(now.since(ping.sent));
            }
        }
    }
}
