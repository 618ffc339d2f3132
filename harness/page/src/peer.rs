//! The peer on the boards' network, as a user of the page plays it: its listeners, connections and UDP ports.
//!
//! The boards of a world have one peer. Its ports are open for all of them; of connections and datagrams the page of a board has its own.
//!
//! Connections are looked at at fixed moments of the board's time, not when the page looks: what the peer has read decides what the board
//! may send, and the run must not depend on how often a page draws.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier_net::{ConnState, ConnectionId, Lan, LanError, ListenerId, UdpId};
use serde_json::{Value, json};

use crate::action::{Action, ActionError};
use crate::conversation::Conversation;

/// Listeners, connections and UDP ports that there are at once, of each kind.
const MOST: usize = 32;
/// Bytes that wait for room on a connection.
const MOST_UNSENT: usize = 1 << 20;
/// Bytes that are received in one piece.
const PIECE: usize = 1 << 10;

/// A connection, by its name.
#[derive(Debug)]
struct Socket {
    name: String,
    id: ConnectionId,
    remote: Option<SocketAddrV4>,
    said: Conversation,
    /// Bytes that the connection had no room for.
    unsent: Vec<u8>,
    /// Whether the peer has nothing more to send than these.
    finishes: bool,
    /// The way in which it ended, if it did.
    ended: Option<&'static str>,
}

/// A UDP port.
#[derive(Debug)]
struct Port {
    number: u16,
    id: UdpId,
    /// The conversation with each address, the latest of them last.
    said: Vec<(Ipv4Addr, Conversation)>,
}

/// All that the peer does.
///
/// ```
/// use espalier_net::{Lan, LanConfig};
/// use espalier_page::{Action, Peer, PeerOf};
///
/// let (mut lan, mut peer) = (Lan::new(LanConfig::default())?, Peer::default());
/// peer.act(&mut lan, None, &Action::Listen { port: 5001 })?;
/// peer.pump(&mut lan);
/// assert_eq!(peer.section(&lan, PeerOf::One)["listening"][0], 5001);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Peer {
    listeners: Vec<(u16, ListenerId)>,
    sockets: Vec<Socket>,
    ports: Vec<Port>,
    /// Number of connections so far.
    count: usize,
}

/// Choice of the connections and datagrams that a page shows.
///
/// ```
/// use espalier_page::PeerOf;
///
/// assert_ne!(PeerOf::One, PeerOf::Board(None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerOf {
    /// All, for there is one board.
    One,
    /// The connections of a board of a world, by its address if it has one.
    Board(Option<Ipv4Addr>),
}

impl PeerOf {
    fn has(self, remote: Option<Ipv4Addr>) -> bool {
        match self {
            PeerOf::One => true,
            PeerOf::Board(address) => address.is_some() && address == remote,
        }
    }
}

fn failed(error: &LanError) -> ActionError {
    ActionError::Failed { reason: error.to_string() }
}

fn refused(reason: impl Into<String>) -> ActionError {
    ActionError::Failed { reason: reason.into() }
}

fn gone(name: &str) -> ActionError {
    refused(format!("the peer has no connection {name:?}, or it has ended"))
}

fn room_for_one(count: usize) -> Result<(), ActionError> {
    if count < MOST { Ok(()) } else { Err(refused(format!("{MOST} of them are open already"))) }
}

impl Peer {
    /// The section of the page.
    pub fn section(&self, lan: &Lan, of: PeerOf) -> Value {
        let sockets = self.sockets.iter().filter(|socket| of.has(socket.remote.map(|remote| *remote.ip())));
        let sockets = sockets.map(|socket| {
            let remote = socket.remote.map(|remote| remote.to_string()).unwrap_or_default();
            json!({"name": socket.name, "remote": remote, "said": socket.said.text(), "ended": socket.ended})
        });
        let ports = self.ports.iter().map(|port| {
            let said = port.said.iter().filter(|(address, _)| of.has(Some(*address)));
            let said: String = said.map(|(_, said)| said.text()).collect();
            json!({"port": port.number, "said": said})
        });
        json!({
            "address": lan.config().peer.to_string(),
            "listening": self.listeners.iter().map(|(port, _)| *port).collect::<Value>(),
            "sockets": sockets.collect::<Value>(),
            "udp": ports.collect::<Value>(),
        })
    }

    /// Does what a user wants of the peer, with the board at this address. None if the action is none of the peer's.
    ///
    /// # Errors
    /// If it is not possible.
    pub fn act(
        &mut self,
        lan: &mut Lan,
        board: Option<Ipv4Addr>,
        action: &Action,
    ) -> Result<Option<Value>, ActionError> {
        match action {
            Action::Listen { port } => {
                room_for_one(self.listeners.len())?;
                let listener = lan.listen(*port).map_err(|error| failed(&error))?;
                self.listeners.push((*port, listener));
            }
            Action::Connect { port } => {
                let board = address_of(board)?;
                self.make_room();
                room_for_one(self.sockets.len())?;
                let id = lan.connect(SocketAddrV4::new(board, *port)).map_err(|error| failed(&error))?;
                return Ok(Some(json!({"connection": self.add(lan, id)})));
            }
            Action::PeerSend { connection, text } => {
                let socket = self.open(connection)?;
                if socket.unsent.len() + text.len() > MOST_UNSENT {
                    return Err(refused(format!("the board does not take what waits on connection {connection:?}")));
                }
                socket.unsent.extend(text.as_bytes());
                socket.said.sent(text.as_bytes());
            }
            Action::PeerClose { connection, reset: false } => self.open(connection)?.finishes = true,
            Action::PeerClose { connection, reset: true } => {
                let socket =
                    self.sockets.iter_mut().find(|socket| socket.name == *connection && socket.ended.is_none());
                let socket = socket.ok_or_else(|| gone(connection))?;
                lan.abort(socket.id);
                socket.ended = Some("reset by the peer");
            }
            Action::UdpOpen { port } => {
                room_for_one(self.ports.len())?;
                let id = lan.udp_bind(*port).map_err(|error| failed(&error))?;
                self.ports.push(Port { number: *port, id, said: Vec::new() });
            }
            Action::UdpSend { from, port, text } => {
                let to = SocketAddrV4::new(address_of(board)?, *port);
                let known = self.ports.iter_mut().find(|known| known.number == *from);
                let known = known.ok_or_else(|| refused(format!("the peer has no UDP port {from}; open it first")))?;
                let sent = lan.udp_send(known.id, to, text.as_bytes()).map_err(|error| failed(&error))?;
                if !sent {
                    return Err(refused(format!("UDP port {from} has no room for the datagram")));
                }
                known.with(*to.ip()).sent_to(to, text.as_bytes());
            }
            _ => return Ok(None),
        }
        Ok(Some(json!({})))
    }

    /// A connection on which the peer can still send.
    fn open(&mut self, name: &str) -> Result<&mut Socket, ActionError> {
        let mut open = self.sockets.iter_mut().filter(|socket| socket.ended.is_none() && !socket.finishes);
        open.find(|socket| socket.name == name).ok_or_else(|| gone(name))
    }

    /// Forgets the oldest connection that has ended, if there are as many as can be.
    fn make_room(&mut self) {
        if self.sockets.len() >= MOST
            && let Some(oldest) = self.sockets.iter().position(|socket| socket.ended.is_some())
        {
            self.sockets.remove(oldest);
        }
    }

    /// Gives a connection its name.
    fn add(&mut self, lan: &Lan, id: ConnectionId) -> String {
        self.count += 1;
        let name = if self.count == 1 { "socket".to_owned() } else { format!("socket-{}", self.count) };
        let remote = lan.ends(id).map(|(_, remote)| remote);
        let (said, unsent) = (Conversation::default(), Vec::new());
        self.sockets.push(Socket { name: name.clone(), id, remote, said, unsent, finishes: false, ended: None });
        name
    }

    /// Carries what there is to carry.
    pub fn pump(&mut self, lan: &mut Lan) {
        for place in 0..self.listeners.len() {
            let (_, listener) = self.listeners[place];
            while lan.has_connection(listener) {
                self.make_room();
                if self.sockets.len() >= MOST {
                    break;
                }
                let Some(id) = lan.accept(listener) else { break };
                self.add(lan, id);
            }
        }
        for socket in self.sockets.iter_mut().filter(|socket| socket.ended.is_none()) {
            socket.carry(lan);
        }
        for port in &mut self.ports {
            while lan.has_datagram(port.id) {
                let Some((from, bytes)) = lan.udp_receive(port.id) else { break };
                port.with(*from.ip()).received_from(from, &bytes);
            }
        }
    }
}

impl Socket {
    fn carry(&mut self, lan: &mut Lan) {
        if !self.unsent.is_empty() && lan.room(self.id) > 0 {
            let sent = lan.send(self.id, &self.unsent);
            self.unsent.drain(..sent);
        }
        while lan.available(self.id) > 0 {
            let mut piece = [0; PIECE];
            let length = lan.receive(self.id, &mut piece);
            self.said.received(&piece[..length]);
        }
        let state = lan.state(self.id);
        self.ended = match state {
            ConnState::RemoteClosed => Some("closed by the board"),
            ConnState::Closed => Some("closed"),
            ConnState::Refused => Some("refused by the board"),
            ConnState::Reset => Some("reset by the board"),
            ConnState::TimedOut => Some("not answered by the board"),
            ConnState::Aborted => Some("reset by the peer"),
            ConnState::Connecting | ConnState::Open | ConnState::LocalClosed | ConnState::Closing => None,
        };
        // The board has nothing more to say, so the peer has not, either.
        let finishes = self.finishes && self.unsent.is_empty() && state == ConnState::Open;
        if finishes || state == ConnState::RemoteClosed {
            lan.shutdown(self.id);
        }
    }
}

impl Port {
    /// The conversation with an address. The one that was silent for longest is forgotten for too many.
    fn with(&mut self, address: Ipv4Addr) -> &mut Conversation {
        let known = self.said.iter().position(|(known, _)| *known == address);
        let said = known.map_or_else(Conversation::default, |place| self.said.remove(place).1);
        if self.said.len() == MOST {
            self.said.remove(0);
        }
        self.said.push((address, said));
        let last = self.said.len() - 1;
        &mut self.said[last].1
    }
}

fn address_of(board: Option<Ipv4Addr>) -> Result<Ipv4Addr, ActionError> {
    board.ok_or_else(|| refused("the board has no address yet: it asks for one when its firmware starts its network"))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use espalier_net::{Lan, LanConfig};

    use super::{Action, MOST, Peer, PeerOf};

    #[test]
    fn boards_of_a_world_have_what_was_said_with_them() {
        let mut peer = Peer::default();
        let mut lan = Lan::new(LanConfig::default()).unwrap();
        peer.act(&mut lan, None, &Action::UdpOpen { port: 7 }).unwrap();
        let addresses = (0..2 * MOST as u8).map(|last| Ipv4Addr::new(10, 0, 2, last));
        for address in addresses.clone() {
            peer.ports[0].with(address).received(format!("from {address}").as_bytes());
        }
        peer.ports[0].with(Ipv4Addr::new(10, 0, 2, 63)).received(b"again");
        assert_eq!(peer.ports[0].said.len(), MOST);
        let said = |of| peer.section(&lan, of)["udp"][0]["said"].as_str().unwrap().to_owned();
        assert_eq!(said(PeerOf::Board(Some(Ipv4Addr::new(10, 0, 2, 63)))), "< from 10.0.2.63\n< again\n");
        assert_eq!(said(PeerOf::Board(Some(Ipv4Addr::new(10, 0, 2, 3)))), "", "it was silent for longest");
        assert_eq!(said(PeerOf::Board(None)), "");
        assert!(said(PeerOf::One).ends_with("< again\n"));
        let refusal = peer.act(&mut lan, None, &Action::Connect { port: 80 }).unwrap_err().to_string();
        assert!(refusal.contains("no address yet"), "{refusal}");
    }
}
