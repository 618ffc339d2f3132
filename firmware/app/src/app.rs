//! The application: commands in, roles played, screen and answers out.

use alloc::format;
use alloc::string::ToString;
use core::net::Ipv4Addr;

use espalier_protocol::{
    Answer, COMMAND_LENGTH, Command, Event, Frame, HELP, LineReader, Role, State, Status, VERSION,
};
use smoltcp::time::Instant;

use crate::client::Client;
use crate::io::{Console, Display, Nic};
use crate::network::Network;
use crate::outbox::Outbox;
use crate::screen::Screen;
use crate::server::Server;
use crate::stage::{Stage, Tally};

/// Time in which the UART sends a good part of its FIFO (128 bytes at 115200 baud take 11 ms), in microseconds.
const CONSOLE_INTERVAL: u64 = 5_000;
/// How often a display that does not answer is tried again, in microseconds.
const DISPLAY_INTERVAL: u64 = 1_000_000;

/// What to do until the next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Sleep until a frame or a byte arrives, at most until this time in microseconds.
    Until(u64),
    /// Start the chip again.
    Reset,
}

/// The application and the machine that it was given.
pub struct App<N, D, C> {
    nic: N,
    display: D,
    console: C,
    reader: LineReader<COMMAND_LENGTH>,
    outbox: Outbox,
    network: Network,
    role: Playing,
    tally: Tally,
    screen: Screen,
    frame: Frame,
    /// When to flush the frame: it is not on the display yet.
    flush_at: Option<u64>,
    display_failed: bool,
    /// The picture is that of no role, and shows this.
    idle: Option<Idle>,
    reset: bool,
}

/// What the picture of no role shows: the address, or why there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Idle {
    Nothing,
    Network(Option<Ipv4Addr>, &'static str),
}

enum Playing {
    Nothing,
    Client(Client),
    Server(Server),
}

impl<N: Nic, D: Display, C: Console> App<N, D, C> {
    /// The application at its start. `seed` makes its port and sequence numbers differ from those of the last start; `now`
    /// is in microseconds.
    pub fn new(mut nic: N, display: D, console: C, seed: u64, now: u64) -> Self {
        let network = Network::new(&mut nic, seed, instant(now));
        let mut outbox = Outbox::default();
        outbox.event(Event::Started { name: crate::NAME, version: crate::VERSION });
        App {
            nic,
            display,
            console,
            reader: LineReader::new(),
            outbox,
            network,
            role: Playing::Nothing,
            tally: Tally::default(),
            screen: Screen::default(),
            frame: Frame::new(),
            flush_at: None,
            display_failed: false,
            idle: Some(Idle::Nothing),
            reset: false,
        }
    }

    /// Does what there is to do at `now` (in microseconds) and says how long there will be nothing.
    pub fn poll(&mut self, now: u64) -> Wait {
        self.network.poll(&mut self.nic, instant(now), &mut self.outbox);
        self.read_console(now);
        self.play(now);
        self.network.send(&mut self.nic, instant(now));
        self.show(now);
        self.outbox.send(&mut self.console);
        if self.reset && self.outbox.is_empty() {
            return Wait::Reset;
        }
        Wait::Until(self.deadline(now))
    }

    fn deadline(&mut self, now: u64) -> u64 {
        let role = match &self.role {
            Playing::Client(client) => client.deadline().map(micros),
            Playing::Nothing | Playing::Server(_) => None,
        };
        let console = (!self.outbox.is_empty()).then_some(now + CONSOLE_INTERVAL);
        let network = micros(self.network.deadline(instant(now)));
        [role, console, self.flush_at].into_iter().flatten().fold(network, u64::min)
    }

    fn stage(&mut self, now: u64) -> (&mut Playing, Stage<'_>) {
        let stage = Stage {
            now: instant(now),
            network: &mut self.network,
            outbox: &mut self.outbox,
            screen: &mut self.screen,
            tally: &mut self.tally,
        };
        (&mut self.role, stage)
    }

    fn play(&mut self, now: u64) {
        let (role, mut stage) = self.stage(now);
        let over = match role {
            Playing::Nothing => false,
            Playing::Client(client) => client.poll(&mut stage),
            Playing::Server(server) => {
                server.poll(&mut stage);
                false
            }
        };
        if over {
            self.role = Playing::Nothing;
        }
    }

    fn read_console(&mut self, now: u64) {
        let mut bytes = [0; 64];
        loop {
            let length = self.console.read(&mut bytes);
            if length == 0 {
                return;
            }
            for byte in &bytes[..length] {
                self.take_byte(*byte, now);
            }
        }
    }

    fn take_byte(&mut self, byte: u8, now: u64) {
        let Some(line) = self.reader.push(byte) else { return };
        let line = match line {
            Ok(line) => line.to_string(),
            Err(error) => return self.outbox.line(&Answer::Rejected(&error.to_string())),
        };
        match Command::parse(&line) {
            Ok(command) => self.obey(command, now),
            Err(error) => self.outbox.line(&Answer::Rejected(&error.to_string())),
        }
    }

    fn obey(&mut self, command: Command<'_>, now: u64) {
        match command {
            Command::Hello => {
                let hello = Answer::Hello { name: crate::NAME, version: crate::VERSION, protocol: VERSION };
                return self.outbox.line(&hello);
            }
            Command::Status => return self.outbox.line(&Answer::Status(self.status())),
            Command::Screen => {
                // What is asked for now must show what was received before.
                self.play(now);
                self.draw(now);
                return self.outbox.line(&Answer::Screen(self.frame.clone()));
            }
            _ => self.outbox.line(&Answer::Accepted(command)),
        }
        match command {
            Command::Help => HELP.iter().for_each(|line| self.outbox.line(line)),
            Command::Network(setup) => self.network.set_up(setup, instant(now), &mut self.outbox),
            Command::Client { host, port } => self.take_role(Playing::Client(Client::new(host, port)), now),
            Command::Server { port } => self.take_role(Playing::Server(Server::new(port)), now),
            Command::Stop => self.take_role(Playing::Nothing, now),
            Command::Reset => self.reset = true,
            Command::Hello | Command::Status | Command::Screen => {}
        }
    }

    fn take_role(&mut self, next: Playing, now: u64) {
        let (role, mut stage) = self.stage(now);
        match role {
            Playing::Nothing => {}
            Playing::Client(client) => client.stop(&mut stage),
            Playing::Server(_) => stage.network.close_all(),
        }
        if !matches!(role, Playing::Nothing) {
            stage.outbox.event(Event::Stopped);
        }
        // Let the peers hear of it before the sockets are used again.
        self.network.send(&mut self.nic, instant(now));
        self.role = next;
        self.tally = Tally::default();
        self.idle = matches!(self.role, Playing::Nothing).then_some(Idle::Nothing);
    }

    fn status(&self) -> Status {
        let (role, state, peer) = match &self.role {
            Playing::Nothing => (Role::None, State::Idle, None),
            Playing::Client(client) => (Role::Client, client.state(), client.peer()),
            Playing::Server(server) => (Role::Server, server.state(), server.peer()),
        };
        let Tally { messages, received, sent, cut } = self.tally;
        let link = self.network.link_up();
        Status { role, state, link, address: self.network.address(), peer, messages, received, sent, cut }
    }

    fn show(&mut self, now: u64) {
        self.draw(now);
        if self.flush_at.is_some_and(|at| at <= now) {
            let failed = self.display.flush(&self.frame).is_err();
            if failed != self.display_failed {
                self.outbox.event(if failed { Event::DisplayFailed } else { Event::DisplayRestored });
            }
            self.display_failed = failed;
            self.flush_at = failed.then_some(now + DISPLAY_INTERVAL);
        }
    }

    fn draw(&mut self, now: u64) {
        let cable_out = !self.network.link_up();
        let overlay = cable_out && !matches!(self.role, Playing::Nothing) && self.network.address().is_some();
        self.screen.set_notice(overlay.then_some("cable out"));
        self.show_idle();
        if self.screen.draw(&mut self.frame) {
            self.flush_at = Some(now);
        }
    }

    fn show_idle(&mut self) {
        let address = self.network.address().map(|(address, _)| address).filter(|_| self.network.link_up());
        let state = Idle::Network(address, self.network.state());
        if self.idle.is_none_or(|shown| shown == state) {
            return;
        }
        self.idle = Some(state);
        let network = address.map_or(self.network.state().to_string(), |address| format!("IP {address}"));
        self.screen.show_rows(["Espalier", "TCP tutorial", "", &network]);
    }
}

fn instant(micros: u64) -> Instant {
    Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

fn micros(instant: Instant) -> u64 {
    u64::try_from(instant.total_micros()).unwrap_or(0)
}
