//! The peer on the board's network, as a user plays it: its listeners, connections and UDP ports.

use std::net::SocketAddrV4;

use espalier::{Board, Listener, Peer, PeerStream, Time, UdpSocket, Units};
use espalier_serve::{Action, ActionError, Conversation};
use serde_json::{Value, json};

use crate::recorder::Recorder;

/// Listeners, connections and ports of each kind that there are at once.
const MOST: usize = 32;

/// A listener, by its name.
struct Listening {
    name: String,
    listener: Listener,
}

/// A connection, by its name.
struct Socket {
    name: String,
    remote: SocketAddrV4,
    /// None once the peer has reset it.
    stream: Option<PeerStream>,
    said: Conversation,
    /// The way in which it ended, if it did.
    ended: Option<&'static str>,
}

/// A UDP port.
struct Port {
    socket: UdpSocket,
    said: Conversation,
}

/// All that the peer does.
pub struct PeerHands {
    peer: Peer,
    listeners: Vec<Listening>,
    sockets: Vec<Socket>,
    ports: Vec<Port>,
    /// Number of connections so far.
    count: usize,
}

fn failed(error: &espalier::Error) -> ActionError {
    ActionError::Failed { reason: error.cause().to_string() }
}

impl PeerHands {
    pub fn new(peer: Peer) -> PeerHands {
        PeerHands { peer, listeners: Vec::new(), sockets: Vec::new(), ports: Vec::new(), count: 0 }
    }

    /// The section of the page.
    pub fn section(&self) -> Value {
        let sockets = self.sockets.iter().map(|socket| {
            json!({"name": socket.name, "remote": socket.remote.to_string(), "said": socket.said.text(), "ended": socket.ended})
        });
        let ports = self.ports.iter().map(|port| json!({"port": port.socket.port(), "said": port.said.text()}));
        json!({
            "address": self.peer.address().to_string(),
            "listening": self.listeners.iter().map(|one| one.listener.port()).collect::<Value>(),
            "sockets": sockets.collect::<Value>(),
            "udp": ports.collect::<Value>(),
        })
    }

    /// Takes what the board has done by now.
    pub fn turn(&mut self, now: Time, recorder: &mut Option<Recorder>) {
        let mut fresh = Vec::new();
        for listening in &self.listeners {
            while let Some(stream) = listening.listener.try_accept() {
                fresh.push((listening.name.clone(), stream));
            }
        }
        for (listener, stream) in fresh {
            let name = self.add(stream);
            if let Some(recorder) = recorder {
                recorder.accepted(&listener, &name, now);
            }
        }
        for socket in &mut self.sockets {
            let Some(stream) = socket.stream.as_ref().filter(|_| socket.ended.is_none()) else { continue };
            match stream.try_receive() {
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => {
                    socket.said.received(&bytes);
                    if let Some(recorder) = recorder {
                        recorder.received(&socket.name, &bytes, now);
                    }
                }
                None if stream.was_reset() => socket.ended = Some("reset by the board"),
                None => {
                    socket.ended = Some("closed by the board");
                    if let Some(recorder) = recorder {
                        recorder.closed(&socket.name, now);
                    }
                }
            }
        }
        for port in &mut self.ports {
            while let Some((bytes, from)) = port.socket.try_receive() {
                port.said.received_from(from, &bytes);
                if let Some(recorder) = recorder {
                    recorder.datagram(port.socket.port(), bytes, now);
                }
            }
        }
    }

    /// Does what a user wants of the peer.
    pub async fn act(
        &mut self,
        board: &Board,
        action: &Action,
        recorder: &mut Option<Recorder>,
    ) -> Result<Value, ActionError> {
        let at = board.now();
        let full = |count: usize| match count {
            MOST => Err(ActionError::Failed { reason: format!("{MOST} of them are open already") }),
            _ => Ok(()),
        };
        match action {
            Action::Listen { port } => {
                full(self.listeners.len())?;
                let listener = self.peer.listen(*port).await.map_err(|error| failed(&error))?;
                let name = numbered("listener", self.listeners.len() + 1);
                if let Some(recorder) = recorder {
                    recorder.listens(*port, &name, at);
                }
                self.listeners.push(Listening { name, listener });
            }
            Action::Connect { port } => {
                let stream = self.peer.connect(*port).within(2.s()).await.map_err(|error| failed(&error))?;
                let name = self.add(stream);
                if let Some(recorder) = recorder {
                    recorder.connected(*port, &name, at);
                }
                return Ok(json!({"connection": name}));
            }
            Action::PeerSend { connection, text } => {
                let socket = self.socket(connection)?;
                let stream = socket.stream.as_ref().ok_or_else(|| gone(connection))?;
                stream.send(text.as_bytes()).within(2.s()).await.map_err(|error| failed(&error))?;
                socket.said.sent(text.as_bytes());
            }
            Action::PeerClose { connection, reset: false } => {
                let stream = self.socket(connection)?.stream.as_ref().ok_or_else(|| gone(connection))?;
                stream.close().await.map_err(|error| failed(&error))?;
            }
            Action::PeerClose { connection, reset: true } => {
                let socket = self.socket(connection)?;
                socket.stream.take().ok_or_else(|| gone(connection))?.abort();
                socket.ended = Some("reset by the peer");
            }
            Action::UdpOpen { port } => {
                full(self.ports.len())?;
                let socket = self.peer.udp(*port).map_err(|error| failed(&error))?;
                self.ports.push(Port { socket, said: Conversation::default() });
            }
            Action::UdpSend { from, port, text } => {
                let address = board.address().within(1.ms()).await.map_err(|error| failed(&error))?;
                let known = self.ports.iter_mut().find(|known| known.socket.port() == *from);
                let known = known.ok_or_else(|| ActionError::Failed {
                    reason: format!("the peer has no UDP port {from}; open it first"),
                })?;
                let to = SocketAddrV4::new(address, *port);
                known.socket.send_to(text, to).within(1.s()).await.map_err(|error| failed(&error))?;
                known.said.sent_to(to, text.as_bytes());
            }
            _ => {}
        }
        if let Some(recorder) = recorder {
            recorder.acted(action, None, at);
        }
        Ok(json!({}))
    }

    /// Gives a connection its name. Those that have ended make room.
    fn add(&mut self, stream: PeerStream) -> String {
        if self.sockets.len() >= MOST {
            let oldest = self.sockets.iter().position(|socket| socket.ended.is_some()).unwrap_or(0);
            self.sockets.remove(oldest);
        }
        self.count += 1;
        let name = numbered("socket", self.count);
        let remote = stream.remote();
        let (stream, said) = (Some(stream), Conversation::default());
        self.sockets.push(Socket { name: name.clone(), remote, stream, said, ended: None });
        name
    }

    fn socket(&mut self, name: &str) -> Result<&mut Socket, ActionError> {
        self.sockets.iter_mut().find(|socket| socket.name == name).ok_or_else(|| gone(name))
    }
}

fn gone(name: &str) -> ActionError {
    ActionError::Failed { reason: format!("the peer has no connection {name:?}, or it has ended") }
}

fn numbered(name: &str, number: usize) -> String {
    if number == 1 { name.to_owned() } else { format!("{name}-{number}") }
}
