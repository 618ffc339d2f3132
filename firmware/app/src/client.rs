//! The tutorial's client: connect, greet, show and echo until the peer closes.

use alloc::format;
use alloc::string::{String, ToString};
use core::net::{Ipv4Addr, SocketAddrV4};

use espalier_protocol::{Event, State};
use smoltcp::socket::{dns, tcp};
use smoltcp::time::Instant;

use crate::connection::Connection;
use crate::network::{End, PEER_TIMEOUT};
use crate::stage::Stage;

/// What the client says first.
const GREETING: &[u8] = b"hello mPython,I am TCP Client";
/// The slot that the client uses.
const SLOT: usize = 0;

/// The client on its way.
pub struct Client {
    host: String,
    port: u16,
    step: Step,
}

enum Step {
    WaitForAddress { shown: &'static str },
    Resolve(dns::QueryHandle),
    Connect { peer: SocketAddrV4, deadline: Instant },
    Talk(Connection),
}

impl Client {
    /// A client that will connect to `host`, a name or an address.
    pub fn new(host: &str, port: u16) -> Client {
        Client { host: host.to_string(), port, step: Step::WaitForAddress { shown: "" } }
    }

    /// How far it is.
    pub fn state(&self) -> State {
        match self.step {
            Step::WaitForAddress { .. } => State::WaitingForAddress,
            Step::Resolve(_) => State::Resolving,
            Step::Connect { .. } => State::Connecting,
            Step::Talk(_) => State::Connected,
        }
    }

    /// The other side, as soon as its address is known.
    pub fn peer(&self) -> Option<SocketAddrV4> {
        match &self.step {
            Step::Connect { peer, .. } => Some(*peer),
            Step::Talk(connection) => Some(connection.peer),
            Step::WaitForAddress { .. } | Step::Resolve(_) => None,
        }
    }

    /// When it wants to be polled although nothing arrived.
    pub fn deadline(&self) -> Option<Instant> {
        match self.step {
            Step::Connect { deadline, .. } => Some(deadline),
            _ => None,
        }
    }

    /// Does what can be done without waiting; true when it has ended.
    pub fn poll(&mut self, stage: &mut Stage<'_>) -> bool {
        match &mut self.step {
            Step::WaitForAddress { shown } => {
                if stage.network.address().is_some() {
                    return self.find_host(stage);
                }
                let state = stage.network.state();
                if *shown != state {
                    *shown = state;
                    let target = format!("{}:{}", self.host, self.port);
                    stage.screen.show_rows(["client", &target, "", state]);
                }
            }
            Step::Resolve(query) => match stage.network.resolved(*query) {
                None => {}
                Some(Some(address)) => return self.connect(address, stage),
                Some(None) => return self.unresolved(stage),
            },
            Step::Connect { peer, deadline } => {
                let (peer, deadline) = (*peer, *deadline);
                return self.finish_connecting(peer, deadline, stage);
            }
            Step::Talk(connection) => {
                if let Some(ended) = connection.poll(stage) {
                    let words = connection.report(ended, stage);
                    stage.screen.show_rows([words, &connection.peer.to_string(), "", ""]);
                    return true;
                }
            }
        }
        false
    }

    fn find_host(&mut self, stage: &mut Stage<'_>) -> bool {
        if let Ok(address) = self.host.parse() {
            return self.connect(address, stage);
        }
        stage.outbox.event(Event::Resolving(&self.host));
        stage.screen.show_rows(["asking DNS.....", &self.host, "", ""]);
        match stage.network.resolve(&self.host) {
            Some(query) => {
                self.step = Step::Resolve(query);
                false
            }
            None => self.unresolved(stage),
        }
    }

    fn unresolved(&mut self, stage: &mut Stage<'_>) -> bool {
        stage.outbox.event(Event::Unresolved(&self.host));
        stage.screen.show_rows(["unknown host", &self.host, "", ""]);
        true
    }

    fn connect(&mut self, address: Ipv4Addr, stage: &mut Stage<'_>) -> bool {
        let peer = SocketAddrV4::new(address, self.port);
        stage.outbox.event(Event::Connecting(peer));
        stage.screen.show_rows(["connecting.....", &peer.to_string(), "", ""]);
        if !stage.network.connect(peer) {
            return unanswered(peer, stage);
        }
        self.step = Step::Connect { peer, deadline: stage.now + PEER_TIMEOUT };
        false
    }

    fn finish_connecting(&mut self, peer: SocketAddrV4, deadline: Instant, stage: &mut Stage<'_>) -> bool {
        match (stage.network.socket(SLOT).state(), stage.network.end(SLOT)) {
            (tcp::State::Closed, Some(End::Reset)) => {
                stage.outbox.event(Event::Refused(peer));
                stage.screen.show_rows(["refused", &peer.to_string(), "", ""]);
                true
            }
            (tcp::State::Closed, _) => unanswered(peer, stage),
            (tcp::State::SynSent | tcp::State::SynReceived, _) if stage.now < deadline => false,
            (tcp::State::SynSent | tcp::State::SynReceived, _) => {
                stage.network.socket(SLOT).abort();
                unanswered(peer, stage)
            }
            _ => {
                stage.outbox.event(Event::Connected(peer));
                stage.screen.show_rows(["connected", &peer.to_string(), "", ""]);
                self.step = Step::Talk(Connection::new(SLOT, peer, 0, GREETING));
                self.poll(stage)
            }
        }
    }

    /// Leaves what is under way.
    pub fn stop(&mut self, stage: &mut Stage<'_>) {
        if let Step::Resolve(query) = self.step {
            stage.network.forget(query);
        }
        stage.network.close_all();
    }
}

fn unanswered(peer: SocketAddrV4, stage: &mut Stage<'_>) -> bool {
    stage.outbox.event(Event::Unanswered(peer));
    stage.screen.show_rows(["no answer", &peer.to_string(), "", ""]);
    true
}
