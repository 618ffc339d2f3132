//! TCP connections that lead from the board's network to the host, the board's half.
//!
//! Both directions are bounded: while one end does not read, the other end's TCP holds its sender back.

use std::collections::VecDeque;

use espalier_net::{ConnState, ConnectionId, ListenerId};
use espalier_soc::Machine;
use std::net::SocketAddrV4;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedSender};

/// Pieces that may wait in either direction.
const PIECES: usize = 16;
/// The largest piece.
pub(crate) const PIECE: usize = 16 << 10;

/// One end of a connection. A closed `incoming` is the end of the stream; a closed `outgoing` says that nobody reads.
#[derive(Debug)]
pub(crate) struct LinkEnd {
    pub incoming: Receiver<Vec<u8>>,
    pub outgoing: Sender<Vec<u8>>,
}

/// Makes the two ends of a connection.
pub(crate) fn link() -> (LinkEnd, LinkEnd) {
    let (to_board, from_host) = mpsc::channel(PIECES);
    let (to_host, from_board) = mpsc::channel(PIECES);
    (LinkEnd { incoming: from_host, outgoing: to_host }, LinkEnd { incoming: from_board, outgoing: to_board })
}

/// The host's end of a connection that the board made to a port of its peer.
pub(crate) type Accepted = LinkEnd;

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
    incoming: Receiver<Vec<u8>>,
    /// None once the board has finished.
    outgoing: Option<Sender<Vec<u8>>>,
    /// Bytes that the connection had no room for.
    unsent: VecDeque<u8>,
    finished: bool,
}

impl Link {
    fn new(connection: Option<ConnectionId>, board_port: u16, end: LinkEnd) -> Link {
        Link {
            connection,
            board_port,
            incoming: end.incoming,
            outgoing: Some(end.outgoing),
            unsent: VecDeque::new(),
            finished: false,
        }
    }

    /// Carries what there is to carry. Returns whether the connection lives, and whether something was carried.
    fn pump(&mut self, machine: &mut Machine) -> (bool, bool) {
        let Some(connection) = self.connection else { return (self.connect(machine), false) };
        if self.outgoing.as_ref().is_some_and(Sender::is_closed) {
            machine.lan_mut().abort(connection);
            return (false, true);
        }
        let received = self.carry_to_host(machine, connection);
        let drained = machine.lan().available(connection) == 0;
        match machine.lan().state(connection) {
            ConnState::Connecting => return (true, received),
            ConnState::Open | ConnState::LocalClosed => {}
            ConnState::RemoteClosed | ConnState::Closing => {
                if drained {
                    self.outgoing = None;
                }
            }
            ConnState::Closed | ConnState::Refused | ConnState::Reset | ConnState::Aborted | ConnState::TimedOut => {
                return (!drained, received);
            }
        }
        let sent = self.carry_to_board(machine, connection);
        (true, received || sent)
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

    fn carry_to_host(&mut self, machine: &mut Machine, connection: ConnectionId) -> bool {
        let Some(outgoing) = &self.outgoing else { return false };
        let mut carried = false;
        while machine.lan().available(connection) != 0
            && let Ok(permit) = outgoing.try_reserve()
        {
            let mut piece = vec![0; PIECE.min(machine.lan().available(connection))];
            let length = machine.lan_mut().receive(connection, &mut piece);
            piece.truncate(length);
            permit.send(piece);
            carried = true;
        }
        carried
    }

    fn carry_to_board(&mut self, machine: &mut Machine, connection: ConnectionId) -> bool {
        let mut carried = false;
        loop {
            if self.unsent.is_empty() {
                match self.incoming.try_recv() {
                    Ok(piece) => self.unsent.extend(piece),
                    Err(mpsc::error::TryRecvError::Empty) => return carried,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        if !self.finished {
                            self.finished = true;
                            machine.lan_mut().shutdown(connection);
                        }
                        return carried;
                    }
                }
            }
            let sent = machine.lan_mut().send(connection, self.unsent.make_contiguous());
            if sent == 0 {
                return carried;
            }
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

    /// Carries bytes in both directions. True if there were any.
    pub fn pump(&mut self, machine: &mut Machine) -> bool {
        if std::mem::take(&mut self.look) {
            for port in &self.ports {
                while let Some(connection) = machine.lan_mut().accept(port.listener) {
                    let (ours, theirs) = link();
                    self.links.push(Link::new(Some(connection), 0, ours));
                    // If nobody takes it, its ends are closed, and the next turn resets the connection.
                    let _ = port.accepted.send(theirs);
                }
            }
        }
        let mut carried = false;
        self.links.retain_mut(|link| {
            let (lives, moved) = link.pump(machine);
            carried |= moved;
            lives
        });
        carried
    }
}
