//! One TCP connection: show what arrives and send it back.

use alloc::vec::Vec;
use core::net::SocketAddrV4;

use espalier_protocol::Event;

use crate::message::{MESSAGE_LENGTH, Message};
use crate::network::End;
use crate::stage::Stage;

/// An established connection.
#[derive(Debug)]
pub struct Connection {
    slot: usize,
    pub peer: SocketAddrV4,
    /// Row of the screen from which on messages are shown.
    top: u32,
    message: Message,
    /// What is still to be sent. Nothing is received meanwhile, so a peer that does not read cannot fill the memory.
    unsent: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Zero bytes were received, and the connection was closed.
    Closed,
    /// It broke.
    Broken(End),
}

impl Connection {
    /// A connection that begins by sending `greeting` and shows messages from row `top` on.
    pub fn new(slot: usize, peer: SocketAddrV4, top: u32, greeting: &[u8]) -> Connection {
        Connection { slot, peer, top, message: Message::default(), unsent: greeting.to_vec() }
    }

    /// Does what can be done without waiting.
    pub fn poll(&mut self, stage: &mut Stage<'_>) -> Option<Ended> {
        let mut bytes = [0; MESSAGE_LENGTH];
        loop {
            self.send(stage);
            if !self.unsent.is_empty() {
                break;
            }
            match stage.network.socket(self.slot).recv_slice(&mut bytes) {
                Ok(length @ 1..) => self.receive(&bytes[..length], stage),
                Ok(0) | Err(_) => break,
            }
        }
        if let Some(end) = stage.network.end(self.slot) {
            return Some(Ended::Broken(end));
        }
        let socket = stage.network.socket(self.slot);
        if self.unsent.is_empty() && !socket.may_recv() {
            socket.close();
            return Some(Ended::Closed);
        }
        None
    }

    fn send(&mut self, stage: &mut Stage<'_>) {
        if let Ok(sent) = stage.network.socket(self.slot).send_slice(&self.unsent) {
            self.unsent.drain(..sent);
            stage.tally.sent = stage.tally.sent.wrapping_add(sent as u32);
        }
    }

    fn receive(&mut self, bytes: &[u8], stage: &mut Stage<'_>) {
        self.message.receive(bytes);
        let text = self.message.text();
        stage.outbox.line(&format_args!("received: \"{}\"", text.escape_debug()));
        let cut = stage.screen.show_text(self.top, text);
        let malformed = self.message.is_malformed();
        stage.outbox.event(Event::Received { bytes: bytes.len(), cut, malformed });
        stage.tally.messages = stage.tally.messages.wrapping_add(1);
        stage.tally.received = stage.tally.received.wrapping_add(bytes.len() as u32);
        stage.tally.cut = cut;
        self.unsent.extend_from_slice(bytes);
    }

    /// Tells the console how the connection ended; gives a few words for the screen.
    pub fn report(&self, ended: Ended, stage: &mut Stage<'_>) -> &'static str {
        let (event, words) = match ended {
            Ended::Closed => (Event::Closed(self.peer), "closed by peer"),
            Ended::Broken(End::Reset) => (Event::Reset(self.peer), "connection reset"),
            Ended::Broken(End::Silence) => (Event::Silent(self.peer), "peer is silent"),
        };
        stage.outbox.event(event);
        words
    }
}
