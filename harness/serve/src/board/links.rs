//! TCP connections that lead from the board's network to the host, the board's half.
//!
//! Both directions are bounded: while one end does not read, the other end's TCP holds its sender back. Each end says that it has
//! finished; one that goes without a word was reset, and the other end is reset as well.

use std::collections::VecDeque;

use espalier_net::{ConnState, ConnectionId, ListenerId};
use espalier_soc::Machine;
use std::net::SocketAddrV4;
use std::time::Instant;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender};

use super::pace::REACTION;
use crate::link::{Accepted, LARGEST_PIECE, LinkEnd, Piece, link};

/// A port of the peer that leads to the host.
#[derive(Debug)]
pub(crate) struct PeerPort {
    pub listener: ListenerId,
    pub accepted: UnboundedSender<Accepted>,
}

#[derive(Debug)]
struct Link {
    /// None until the board has an address.
    connection: Option<ConnectionId>,
    board_port: u16,
    incoming: Receiver<Piece>,
    /// None once the board has finished.
    outgoing: Option<Sender<Piece>>,
    /// Bytes that the connection had no room for.
    unsent: VecDeque<u8>,
    /// The host has finished.
    finished: bool,
    /// The board has said something that the host has not answered.
    is_owed: bool,
    /// When something last went over it.
    used: Instant,
}

/// The result of servicing a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    /// Data went over it.
    Carried,
    Nothing,
    /// It was closed.
    Closed,
}

impl Link {
    /// A link to a connection that the board has made, or to be made to the board.
    fn new(connection: Option<ConnectionId>, board_port: u16, end: LinkEnd) -> Link {
        Link {
            connection,
            board_port,
            incoming: end.incoming,
            outgoing: Some(end.outgoing),
            unsent: VecDeque::new(),
            finished: false,
            is_owed: connection.is_some(),
            used: Instant::now(),
        }
    }

    /// Carries what there is to carry.
    fn pump(&mut self, machine: &mut Machine) -> Transfer {
        let Some(connection) = self.connection else {
            return if self.connect(machine) { Transfer::Nothing } else { Transfer::Closed };
        };
        let received = self.carry_to_host(machine, connection);
        let state = machine.lan().state(connection);
        let drained = machine.lan().available(connection) == 0;
        match state {
            ConnState::Connecting | ConnState::Open | ConnState::LocalClosed => {}
            ConnState::RemoteClosed | ConnState::Closing | ConnState::Closed if drained => self.end_to_host(),
            ConnState::RemoteClosed | ConnState::Closing | ConnState::Closed => {}
            // Without an end of the stream, the host's connection is reset.
            ConnState::Refused | ConnState::Reset | ConnState::Aborted | ConnState::TimedOut => {
                return if drained { Transfer::Closed } else { Transfer::Carried };
            }
        }
        if state == ConnState::Connecting {
            return self.check_host(machine, connection);
        }
        let sent = self.carry_to_board(machine, connection);
        if self.is_broken() {
            machine.lan_mut().abort(connection);
            return Transfer::Closed;
        }
        if state == ConnState::Closed && self.outgoing.is_none() {
            return Transfer::Closed;
        }
        if received || sent { Transfer::Carried } else { Transfer::Nothing }
    }

    /// The host may go before the board has answered.
    fn check_host(&self, machine: &mut Machine, connection: ConnectionId) -> Transfer {
        if self.outgoing.as_ref().is_none_or(Sender::is_closed) {
            machine.lan_mut().abort(connection);
            return Transfer::Closed;
        }
        Transfer::Nothing
    }

    /// True if the host's end vanished without closing: the board's bytes are not taken, or bytes stopped and no end came.
    fn is_broken(&self) -> bool {
        self.outgoing.as_ref().is_some_and(Sender::is_closed)
            || (!self.finished && self.incoming.is_closed() && self.incoming.is_empty() && self.unsent.is_empty())
    }

    /// Connects to the board as soon as it has an address. False if that cannot be.
    fn connect(&mut self, machine: &mut Machine) -> bool {
        if self.outgoing.as_ref().is_none_or(Sender::is_closed) {
            return false;
        }
        if let Some(address) = machine.lan().board_address() {
            self.connection = machine.lan_mut().connect(SocketAddrV4::new(address, self.board_port)).ok();
            return self.connection.is_some();
        }
        true
    }

    fn note_use(&mut self, is_owed: bool) {
        (self.is_owed, self.used) = (is_owed, Instant::now());
    }

    /// Whether the host owes the board an answer, or has just given one that may not be all of it.
    fn is_owed(&self, now: Instant) -> bool {
        !self.finished && (self.is_owed || now.saturating_duration_since(self.used) < REACTION)
    }

    /// Says that the board has finished. If there is no room for that now, the next turn says it.
    fn end_to_host(&mut self) {
        if self.outgoing.as_ref().is_some_and(|outgoing| outgoing.try_send(Piece::End).is_ok()) {
            self.outgoing = None;
            self.note_use(true);
        }
    }

    fn carry_to_host(&mut self, machine: &mut Machine, connection: ConnectionId) -> bool {
        let Some(outgoing) = &self.outgoing else { return false };
        let mut carried = false;
        while machine.lan().available(connection) != 0
            && let Ok(permit) = outgoing.try_reserve()
        {
            let mut piece = vec![0; LARGEST_PIECE.min(machine.lan().available(connection))];
            let length = machine.lan_mut().receive(connection, &mut piece);
            piece.truncate(length);
            permit.send(Piece::Bytes(piece));
            carried = true;
        }
        if carried {
            self.note_use(true);
        }
        carried
    }

    fn carry_to_board(&mut self, machine: &mut Machine, connection: ConnectionId) -> bool {
        let mut carried = false;
        loop {
            if self.unsent.is_empty() {
                match self.incoming.try_recv() {
                    Ok(Piece::Bytes(piece)) => {
                        self.unsent.extend(piece);
                        self.note_use(false);
                    }
                    Ok(Piece::End) => {
                        self.finished = true;
                        machine.lan_mut().shutdown(connection);
                        return true;
                    }
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => return carried,
                }
            }
            if machine.lan().room(connection) == 0 {
                return carried;
            }
            let sent = machine.lan_mut().send(connection, self.unsent.make_contiguous());
            self.unsent.drain(..sent);
            carried = true;
        }
    }
}

/// Every connection between the board and the host.
#[derive(Debug)]
pub(super) struct Links {
    links: Vec<Link>,
    ports: Vec<PeerPort>,
    /// Something may have arrived on the network.
    look: bool,
}

impl Links {
    pub fn new(ports: Vec<PeerPort>) -> Links {
        Links { links: Vec::new(), ports, look: true }
    }

    /// Connects to a port of the board.
    pub fn open(&mut self, board_port: u16, end: LinkEnd) {
        self.links.push(Link::new(None, board_port, end));
    }

    /// Something may have arrived on the network.
    pub fn look(&mut self) {
        self.look = true;
    }

    /// True if there is no connection.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// True while the host owes the board an answer on a connection.
    pub fn is_owed(&self, now: Instant) -> bool {
        self.links.iter().any(|link| link.is_owed(now))
    }

    /// Carries bytes in both directions. True if there were any.
    pub fn pump(&mut self, machine: &mut Machine) -> bool {
        if std::mem::take(&mut self.look) {
            for port in &self.ports {
                while machine.lan().has_connection(port.listener)
                    && let Some(connection) = machine.lan_mut().accept(port.listener)
                {
                    let (ours, theirs) = link();
                    self.links.push(Link::new(Some(connection), 0, ours));
                    // If it is not taken, its ends are closed, and the next turn resets the connection.
                    let _ = port.accepted.send(theirs);
                }
            }
        }
        let mut carried = false;
        self.links.retain_mut(|link| {
            let transfer = link.pump(machine);
            carried |= transfer != Transfer::Nothing;
            transfer != Transfer::Closed
        });
        carried
    }
}
