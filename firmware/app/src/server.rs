//! The tutorial's server: listen, then serve one client after another.

use alloc::collections::VecDeque;
use alloc::string::ToString;
use core::net::{Ipv4Addr, SocketAddrV4};

use espalier_protocol::{Event, State};
use smoltcp::socket::tcp;

use crate::connection::{Connection, Ended};
use crate::network::SOCKETS;
use crate::screen::ROWS;
use crate::stage::Stage;

/// The server on its way.
///
/// All slots listen. Those that a client has connected to queue up to be accepted, and one at a time is served.
#[derive(Debug)]
pub struct Server {
    port: u16,
    listening: Option<Ipv4Addr>,
    shown: &'static str,
    backlog: VecDeque<usize>,
    served: Option<(usize, Connection)>,
}

impl Server {
    /// A server that will listen on `port`.
    pub fn new(port: u16) -> Server {
        Server { port, listening: None, shown: "", backlog: VecDeque::new(), served: None }
    }

    /// How far it is.
    pub fn state(&self) -> State {
        match (&self.listening, &self.served) {
            (None, _) => State::WaitingForAddress,
            (Some(_), None) => State::Accepting,
            (Some(_), Some(_)) => State::Connected,
        }
    }

    /// The client that is served.
    pub fn peer(&self) -> Option<SocketAddrV4> {
        self.served.as_ref().map(|(_, connection)| connection.peer)
    }

    /// Does what can be done without waiting.
    pub fn poll(&mut self, stage: &mut Stage<'_>) {
        let address = stage.network.address().map(|(address, _)| address);
        if self.listening != address {
            self.listening = address;
            self.shown = "";
            if let Some(address) = address {
                self.listen(address, stage);
            }
        }
        if address.is_none() {
            self.show_waiting(stage);
            return;
        }
        self.attend_slots(stage);
        while self.serve(stage) {}
    }

    fn show_waiting(&mut self, stage: &mut Stage<'_>) {
        let state = stage.network.state();
        if self.shown != state {
            self.shown = state;
            stage.screen.show_rows(["server", &alloc::format!("port {}", self.port), "", state]);
        }
    }

    fn listen(&mut self, address: Ipv4Addr, stage: &mut Stage<'_>) {
        let endpoint = SocketAddrV4::new(address, self.port);
        stage.screen.show_rows([&endpoint.to_string(), "accepting.....", "", ""]);
        stage.outbox.event(Event::Listening(endpoint));
    }

    /// Lets idle slots listen and queues those that a client has connected to.
    fn attend_slots(&mut self, stage: &mut Stage<'_>) {
        for slot in 0..SOCKETS {
            if self.served.as_ref().is_some_and(|(served, _)| *served == slot) {
                continue;
            }
            match stage.network.socket(slot).state() {
                tcp::State::Closed | tcp::State::TimeWait => {
                    self.backlog.retain(|queued| *queued != slot);
                    stage.network.listen(slot, self.port);
                }
                tcp::State::Established | tcp::State::CloseWait if !self.backlog.contains(&slot) => {
                    self.backlog.push_back(slot);
                }
                _ => {}
            }
        }
    }

    /// Serves the current client or accepts the next; true if there may be more to do at once.
    fn serve(&mut self, stage: &mut Stage<'_>) -> bool {
        if let Some((_, connection)) = &mut self.served {
            let Some(ended) = connection.poll(stage) else { return false };
            let words = connection.report(ended, stage);
            if let Ended::Broken(_) = ended {
                stage.screen.show_row(ROWS[2], words);
            }
            self.served = None;
            return true;
        }
        let Some(slot) = self.backlog.pop_front() else { return false };
        if let Some(peer) = stage.network.peer(slot) {
            stage.outbox.event(Event::Accepted(peer));
            stage.screen.show_row(ROWS[2], "");
            self.served = Some((slot, Connection::new(slot, peer, ROWS[3], b"")));
        }
        true
    }
}
