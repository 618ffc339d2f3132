//! A TCP/IP stack that can be cloned.
//!
//! smoltcp's sockets are no values. But a stack is a function of its seed and of what was done to it, so a [`Stack`] keeps
//! a log of that, and a clone is made by doing it all again. The clone does so when it is first used: cloning
//! itself costs nothing, and a fork that never touches the network never pays. Whoever owns a stack starts it anew when
//! it has nothing to remember, which is when the log ends.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use espalier_core::Time;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use smoltcp::wire::EthernetAddress;

use super::live::Live;
use crate::fault::Frame;

/// What makes two fresh stacks equal.
#[derive(Clone, Debug)]
pub(super) struct Birth {
    pub(super) address: Ipv4Addr,
    pub(super) prefix_len: u8,
    pub(super) mac: EthernetAddress,
    pub(super) seed: u64,
    pub(super) at: Time,
    /// Whose hardware addresses it knows from the start.
    pub(super) neighbours: Vec<(Ipv4Addr, EthernetAddress)>,
}

/// Everything that changes a stack.
#[derive(Clone, Debug)]
enum Op {
    Ingress(Time, Frame),
    Egress(Time),
    Listen(u16),
    Connect(u16, SocketAddrV4),
    Send(SocketHandle, Arc<[u8]>),
    Receive(SocketHandle, usize),
    Close(SocketHandle),
    Abort(SocketHandle),
    BindUdp(u16),
    SendTo(SocketHandle, SocketAddrV4, Arc<[u8]>),
    ReceiveFrom(SocketHandle),
    BindEcho(u16),
    SendEcho(SocketHandle, Ipv4Addr, u16),
    ReceiveEcho(SocketHandle),
    Remove(SocketHandle),
}

#[derive(Debug)]
pub(super) struct Stack {
    birth: Birth,
    log: Arc<Vec<Op>>,
    live: Option<Box<Live>>,
}

impl Clone for Stack {
    fn clone(&self) -> Stack {
        Stack { birth: self.birth.clone(), log: self.log.clone(), live: None }
    }
}

impl Stack {
    pub(super) fn new(birth: Birth) -> Stack {
        Stack { birth, log: Arc::default(), live: None }
    }

    /// How much a clone has to do again.
    pub(super) fn log_len(&self) -> usize {
        self.log.len()
    }

    /// A frame comes in. What it calls for is sent by the next [`egress`](Self::egress), unless it is an answer that
    /// needs no socket.
    pub(super) fn ingress(&mut self, at: Time, frame: Frame) {
        self.record(Op::Ingress(at, frame.clone())).ingress(at, frame);
    }

    /// Sends what is to be sent at `at`, and returns it together with what was sent before.
    pub(super) fn egress(&mut self, at: Time) -> Vec<Frame> {
        let live = self.record(Op::Egress(at));
        live.egress(at);
        live.take_outgoing()
    }

    /// When to call [`egress`](Self::egress) next if nothing else happens.
    pub(super) fn deadline(&mut self, now: Time) -> Option<Time> {
        self.live().deadline(now)
    }

    pub(super) fn listen(&mut self, port: u16) -> SocketHandle {
        self.record(Op::Listen(port)).listen(port)
    }

    pub(super) fn connect(&mut self, port: u16, remote: SocketAddrV4) -> SocketHandle {
        self.record(Op::Connect(port, remote)).connect(port, remote)
    }

    pub(super) fn send(&mut self, socket: SocketHandle, bytes: Arc<[u8]>) -> usize {
        self.record(Op::Send(socket, bytes.clone())).send(socket, &bytes)
    }

    /// Takes at most `limit` received bytes.
    pub(super) fn receive(&mut self, socket: SocketHandle, limit: usize) -> Vec<u8> {
        let limit = limit.min(self.live().receive_queue(socket));
        if limit == 0 {
            return Vec::new();
        }
        self.record(Op::Receive(socket, limit)).receive(socket, limit)
    }

    pub(super) fn close(&mut self, socket: SocketHandle) {
        self.record(Op::Close(socket)).close(socket);
    }

    pub(super) fn abort(&mut self, socket: SocketHandle) {
        self.record(Op::Abort(socket)).abort(socket);
    }

    pub(super) fn tcp_state(&mut self, socket: SocketHandle) -> tcp::State {
        self.live().tcp_state(socket)
    }

    /// Bytes that the remote end has not acknowledged.
    pub(super) fn send_queue(&mut self, socket: SocketHandle) -> usize {
        self.live().send_queue(socket)
    }

    pub(super) fn remote(&mut self, socket: SocketHandle) -> Option<SocketAddrV4> {
        self.live().remote(socket)
    }

    pub(super) fn bind_udp(&mut self, port: u16) -> SocketHandle {
        self.record(Op::BindUdp(port)).bind_udp(port)
    }

    pub(super) fn send_to(&mut self, socket: SocketHandle, remote: SocketAddrV4, bytes: Arc<[u8]>) -> bool {
        self.record(Op::SendTo(socket, remote, bytes.clone())).send_to(socket, remote, &bytes)
    }

    pub(super) fn receive_from(&mut self, socket: SocketHandle) -> Option<(SocketAddrV4, Vec<u8>)> {
        if !self.live().has_datagram(socket) {
            return None;
        }
        self.record(Op::ReceiveFrom(socket)).receive_from(socket)
    }

    pub(super) fn bind_echo(&mut self, identifier: u16) -> SocketHandle {
        self.record(Op::BindEcho(identifier)).bind_echo(identifier)
    }

    pub(super) fn send_echo(&mut self, socket: SocketHandle, remote: Ipv4Addr, identifier: u16) {
        self.record(Op::SendEcho(socket, remote, identifier)).send_echo(socket, remote, identifier);
    }

    /// True if an echo reply has come in.
    pub(super) fn receive_echo(&mut self, socket: SocketHandle) -> bool {
        self.live().has_echo(socket) && self.record(Op::ReceiveEcho(socket)).receive_echo(socket)
    }

    pub(super) fn remove(&mut self, socket: SocketHandle) {
        self.record(Op::Remove(socket)).remove(socket);
    }

    fn record(&mut self, op: Op) -> &mut Live {
        // The stack has to be alive before the log grows, or waking it up would already do what is being recorded.
        self.live();
        Arc::make_mut(&mut self.log).push(op);
        self.live()
    }

    fn live(&mut self) -> &mut Live {
        let Stack { birth, log, live } = self;
        live.get_or_insert_with(|| {
            let mut live = Live::new(birth);
            log.iter().for_each(|op| replay(&mut live, op));
            Box::new(live)
        })
    }
}

fn replay(live: &mut Live, op: &Op) {
    match op {
        Op::Ingress(at, frame) => live.ingress(*at, frame.clone()),
        Op::Egress(at) => {
            live.egress(*at);
            live.take_outgoing();
        }
        Op::Listen(port) => {
            live.listen(*port);
        }
        Op::Connect(port, remote) => {
            live.connect(*port, *remote);
        }
        Op::Send(socket, bytes) => {
            live.send(*socket, bytes);
        }
        Op::Receive(socket, limit) => {
            live.receive(*socket, *limit);
        }
        Op::Close(socket) => live.close(*socket),
        Op::Abort(socket) => live.abort(*socket),
        Op::BindUdp(port) => {
            live.bind_udp(*port);
        }
        Op::SendTo(socket, remote, bytes) => {
            live.send_to(*socket, *remote, bytes);
        }
        Op::ReceiveFrom(socket) => {
            live.receive_from(*socket);
        }
        Op::BindEcho(identifier) => {
            live.bind_echo(*identifier);
        }
        Op::SendEcho(socket, remote, identifier) => live.send_echo(*socket, *remote, *identifier),
        Op::ReceiveEcho(socket) => {
            live.receive_echo(*socket);
        }
        Op::Remove(socket) => live.remove(*socket),
    }
}
