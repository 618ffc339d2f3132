//! The peer on the board's network, as a user of the page plays it: its listeners, connections and UDP ports.
//!
//! Connections are looked at at fixed moments of the board's time, not when the page looks: what the peer has read decides what the board
//! may send, and the run must not depend on how often a page draws.

use std::net::SocketAddrV4;

use espalier_net::{ConnState, ConnectionId, LanError, ListenerId, UdpId};
use espalier_page::{Action, ActionError, Conversation};
use espalier_soc::Machine;
use serde_json::{Value, json};

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
    remote: String,
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
    said: Conversation,
}

/// All that the peer does.
#[derive(Debug, Default)]
pub struct Peer {
    listeners: Vec<(u16, ListenerId)>,
    sockets: Vec<Socket>,
    ports: Vec<Port>,
    /// Number of connections so far.
    count: usize,
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
    pub fn section(&self, machine: &Machine) -> Value {
        let sockets = self.sockets.iter().map(|socket| {
            json!({"name": socket.name, "remote": socket.remote, "said": socket.said.text(), "ended": socket.ended})
        });
        let ports = self.ports.iter().map(|port| json!({"port": port.number, "said": port.said.text()}));
        json!({
            "address": machine.lan().config().peer.to_string(),
            "listening": self.listeners.iter().map(|(port, _)| *port).collect::<Value>(),
            "sockets": sockets.collect::<Value>(),
            "udp": ports.collect::<Value>(),
        })
    }

    /// Does what a user wants of the peer. None if the action is none of the peer's.
    ///
    /// # Errors
    /// If it is not possible.
    pub fn act(&mut self, machine: &mut Machine, action: &Action) -> Result<Option<Value>, ActionError> {
        match action {
            Action::Listen { port } => {
                room_for_one(self.listeners.len())?;
                let listener = machine.lan_mut().listen(*port).map_err(|error| failed(&error))?;
                self.listeners.push((*port, listener));
            }
            Action::Connect { port } => {
                let board = board_address(machine)?;
                self.make_room();
                room_for_one(self.sockets.len())?;
                let id = machine.lan_mut().connect(SocketAddrV4::new(board, *port)).map_err(|error| failed(&error))?;
                return Ok(Some(json!({"connection": self.add(machine, id)})));
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
                machine.lan_mut().abort(socket.id);
                socket.ended = Some("reset by the peer");
            }
            Action::UdpOpen { port } => {
                room_for_one(self.ports.len())?;
                let id = machine.lan_mut().udp_bind(*port).map_err(|error| failed(&error))?;
                self.ports.push(Port { number: *port, id, said: Conversation::default() });
            }
            Action::UdpSend { from, port, text } => {
                let to = SocketAddrV4::new(board_address(machine)?, *port);
                let known = self.ports.iter_mut().find(|known| known.number == *from);
                let known = known.ok_or_else(|| refused(format!("the peer has no UDP port {from}; open it first")))?;
                let sent = machine.lan_mut().udp_send(known.id, to, text.as_bytes()).map_err(|error| failed(&error))?;
                if !sent {
                    return Err(refused(format!("UDP port {from} has no room for the datagram")));
                }
                known.said.sent_to(to, text.as_bytes());
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
    fn add(&mut self, machine: &Machine, id: ConnectionId) -> String {
        self.count += 1;
        let name = if self.count == 1 { "socket".to_owned() } else { format!("socket-{}", self.count) };
        let remote = machine.lan().ends(id).map(|(_, remote)| remote.to_string()).unwrap_or_default();
        let (said, unsent) = (Conversation::default(), Vec::new());
        self.sockets.push(Socket { name: name.clone(), id, remote, said, unsent, finishes: false, ended: None });
        name
    }

    /// Carries what there is to carry.
    pub fn pump(&mut self, machine: &mut Machine) {
        for place in 0..self.listeners.len() {
            let (_, listener) = self.listeners[place];
            while machine.lan().has_connection(listener) {
                self.make_room();
                if self.sockets.len() >= MOST {
                    break;
                }
                let Some(id) = machine.lan_mut().accept(listener) else { break };
                self.add(machine, id);
            }
        }
        for socket in self.sockets.iter_mut().filter(|socket| socket.ended.is_none()) {
            socket.carry(machine);
        }
        for port in &mut self.ports {
            while machine.lan().has_datagram(port.id) {
                let Some((from, bytes)) = machine.lan_mut().udp_receive(port.id) else { break };
                port.said.received_from(from, &bytes);
            }
        }
    }
}

impl Socket {
    fn carry(&mut self, machine: &mut Machine) {
        if !self.unsent.is_empty() && machine.lan().room(self.id) > 0 {
            let sent = machine.lan_mut().send(self.id, &self.unsent);
            self.unsent.drain(..sent);
        }
        while machine.lan().available(self.id) > 0 {
            let mut piece = [0; PIECE];
            let length = machine.lan_mut().receive(self.id, &mut piece);
            self.said.received(&piece[..length]);
        }
        let state = machine.lan().state(self.id);
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
            machine.lan_mut().shutdown(self.id);
        }
    }
}

fn board_address(machine: &Machine) -> Result<std::net::Ipv4Addr, ActionError> {
    let address = machine.lan().board_address();
    address.ok_or_else(|| refused("the board has no address yet: it asks for one when its firmware starts its network"))
}
