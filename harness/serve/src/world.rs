//! Several boards of one world, each with serial ports of its own.
//!
//! One thread runs the world at the pace of the host's clock, or at that of its clients ([`WorldPace`]), since all its boards have one time. What comes from the host reaches
//! a board between two slices. A board that RTS holds in reset goes on until it is released, for the others have no time without it,
//! but nothing is heard from it and it hears nothing; then it starts anew.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use espalier_core::{Span, Time};
use espalier_page::{
    Action, ActionError, Away, Export, Hands, Peer, PeerOf, Standing, cable, export, record, span, state_of,
};
use espalier_soc::Strap;
use espalier_world::{BoardId, World};
use serde_json::{Map, Value, json};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::board::{CONSOLE, IO0, SerialLine};
use crate::config::ServeConfig;
use crate::courtesy::Courtesy;
use crate::error::ServeError;
use crate::handle::{BoardEvent, BoardHandle, BoardStatus, BoardWaker, Control, SerialSender, UartEnd};
use crate::http::{self, Identity, Page};
use crate::lines::{ResetCircuit, ResetEdge};
use crate::listeners::{Addresses, Listeners, listen};
use crate::outlet::Outlet;
use crate::ports::SerialPort;

/// Pieces of input that may wait for a serial line.
const SERIAL_QUEUE: usize = 16;
/// Guest time for which the world runs before the host's input is checked.
const SLICE: Span = Span::from_millis(1);
/// Sleep when it has come to the present.
const NAP: Duration = Duration::from_millis(1);
/// Interval at which a paused world checks whether it is over.
const PAUSED_NAP: Duration = Duration::from_millis(20);
/// If a world in real time is later than this, it does not make up for it.
const LARGEST_LAG: Span = Span::from_millis(200);

/// Pace of the time of a world.
///
/// ```
/// assert_eq!(espalier_serve::WorldPace::default(), espalier_serve::WorldPace::RealTime);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorldPace {
    /// With the host's clock, as on real boards.
    #[default]
    RealTime,
    /// With the host's clock, but it stands while a client has not read what its board has just sent, and for a moment after that, in
    /// which it may answer. So it does not matter to time-outs on the boards whether the host is busy. The world goes on as soon as a
    /// client sends something, after about 50 ms without an answer, and after about 250 ms in which a client does not read.
    Clients,
}

impl WorldPace {
    /// A world that is later than this does not make up for it.
    fn largest_lag(self) -> Span {
        match self {
            WorldPace::RealTime => LARGEST_LAG,
            // Its clients were late as well.
            WorldPace::Clients => SLICE,
        }
    }
}

/// The serial ports that a board of a world is to have.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorldPorts {
    /// UART0 as a TCP socket.
    pub serial: Option<SocketAddr>,
    /// UART0 as an RFC 2217 port.
    pub rfc2217: Option<SocketAddr>,
    /// UART0 as a pseudo-terminal.
    pub pty: bool,
    /// QMP of this board. What it does to time, it does to the whole world, and `quit` ends that.
    pub qmp: Option<SocketAddr>,
}

/// A page that shows all boards of a world.
#[derive(Clone, Debug)]
pub struct WorldPage {
    /// Where it listens.
    pub address: SocketAddr,
    /// Names of this computer under which browsers may ask for it, beside `localhost` and its address.
    pub names: Vec<String>,
}

/// A board on the world's thread.
struct ServedBoard {
    board: BoardId,
    circuit: ResetCircuit,
    /// Its UARTs, the console first.
    lines: Vec<SerialLine>,
    control: mpsc::Receiver<Control>,
    handle: BoardHandle,
    hands: Hands,
    /// It has sent something since a client of any board last did.
    has_fresh_output: bool,
}

/// Relation of the world's time to the clock of the host.
struct Clock {
    /// The world's time that belongs to a moment of the host's clock.
    anchor: (Instant, Time),
    paused: bool,
    fast: bool,
    /// A client has ended the world.
    over: bool,
    pace: WorldPace,
    courtesy: Courtesy,
    waker: Arc<BoardWaker>,
}

impl Clock {
    /// The world's time that belongs to this moment.
    fn present(&self) -> Time {
        self.anchor.1 + Span::from_micros(self.anchor.0.elapsed().as_micros() as u64)
    }

    fn anchor(&mut self, now: Time) {
        self.anchor = (Instant::now(), now);
    }

    fn set_paused(&mut self, paused: bool, now: Time) {
        self.paused = paused;
        self.anchor(now);
    }

    fn standing<'a>(&self, address: Option<Ipv4Addr>, around: &'a Map<String, Value>) -> Standing<'a> {
        let running = !self.paused;
        Standing { running, fast: self.fast, halted: None, address, away: Away::NONE, more: Some(around) }
    }
}

impl ServedBoard {
    /// Takes what came in on the serial line. True if there was something, or something waits that the line has no room for yet.
    fn hear(&mut self, world: &mut World) -> bool {
        let edge = self.circuit.poll(Instant::now());
        self.apply(edge, world);
        for place in 0..self.lines.len() {
            // Only the console has modem lines.
            while let Some(lines) = self.lines[place].feed.pump(world.board_mut(self.board), self.circuit.holds()) {
                let edge = self.circuit.set(lines, Instant::now());
                world.board_mut(self.board).drive_pin(IO0, self.circuit.io0_low().then_some(false));
                self.apply(edge, world);
            }
        }
        let mut heard = false;
        for line in &mut self.lines {
            heard |= line.feed.take_heard() || line.feed.is_pending();
        }
        heard
    }

    fn outlets(&self) -> impl Iterator<Item = &Arc<Outlet>> {
        self.lines.iter().flat_map(|line| &line.outlets)
    }

    /// Whether a client has not read what the board has just sent.
    fn is_unread(&self) -> bool {
        self.has_fresh_output && self.outlets().any(|outlet| outlet.is_unread())
    }

    fn apply(&mut self, edge: Option<ResetEdge>, world: &mut World) {
        if let Some(ResetEdge::Start(strap)) = edge {
            self.forget_output(world);
            world.board_mut(self.board).reset(strap);
        }
    }

    /// Drops what a board in reset has sent: no client hears it.
    fn forget_output(&self, world: &mut World) {
        let machine = world.board_mut(self.board);
        (CONSOLE..self.lines.len()).for_each(|uart| drop(machine.uart_take(uart)));
    }

    /// Does what pages and scripts want of the board. It may be that the whole world is to run for a while.
    fn obey(&mut self, world: &mut World, clock: &mut Clock, surroundings: &mut Surroundings) -> Option<Span> {
        let paused = clock.paused;
        let step = self.obey_all(world, clock, surroundings);
        if clock.paused != paused {
            self.handle.announce(if clock.paused { BoardEvent::Stop } else { BoardEvent::Resume });
        }
        step
    }

    fn obey_all(&mut self, world: &mut World, clock: &mut Clock, surroundings: &mut Surroundings) -> Option<Span> {
        let mut step = None;
        while let Ok(control) = self.control.try_recv() {
            let (now, machine) = (world.now(), world.board_mut(self.board));
            // The client that asked may have disconnected.
            match control {
                Control::Reset(strap) => {
                    machine.reset(strap);
                    self.handle.announce(BoardEvent::Reset);
                }
                Control::Pause => clock.set_paused(true, now),
                Control::Resume => clock.set_paused(false, now),
                Control::Act(Action::Step { milliseconds }, reply) => {
                    let asked = span(milliseconds);
                    step = step.or(asked.as_ref().ok().copied());
                    let _ = reply.send(asked.map(|_| json!({})));
                }
                Control::Act(action, reply) => {
                    let _ = reply.send(self.act(world, action, clock, surroundings));
                }
                Control::Look(mut look, reply) => {
                    let around = surroundings.sections(world, self.board);
                    let standing = clock.standing(world.address(self.board), &around);
                    let machine = world.board_mut(self.board);
                    let seen = look.at(machine, &standing, self.hands.watched());
                    let _ = reply.send((look, seen));
                }
                // A board without its world is none that could go on.
                Control::Export(Export::Snapshot, reply) => {
                    let _ = reply.send(world.save(&[]));
                }
                Control::Export(wanted, reply) => {
                    let _ = reply.send(export(machine, wanted, self.hands.watched()));
                }
                Control::Screen(reply) => {
                    let _ = reply.send(machine.oled().map(|oled| oled.picture()));
                }
                Control::Status(reply) => {
                    let _ = reply.send(BoardStatus { running: !clock.paused, halted: None, now });
                }
                Control::PlugCable(plugged) => {
                    world.set_cable_cut(self.board, !plugged);
                }
                Control::Quit => clock.over = true,
                // Neither is offered for a board of a world.
                Control::Debug(_) | Control::Link { .. } => {}
            }
        }
        step
    }

    fn act(
        &mut self,
        world: &mut World,
        action: Action,
        clock: &mut Clock,
        surroundings: &mut Surroundings,
    ) -> Result<Value, ActionError> {
        let now = world.now();
        let address = world.address(self.board);
        if let Some(answer) = surroundings.peer.act(world.lan_mut(), address, &action)? {
            return Ok(answer);
        }
        match action {
            // These are around all boards.
            Action::Cable { cut } => world.set_cable_cut(self.board, cut),
            Action::Network { ssid, on } => surroundings.away.set(world.air_mut(), &ssid, on)?,
            Action::State => {
                let around = surroundings.sections(world, self.board);
                return Ok(state_of(world.board_mut(self.board), &clock.standing(address, &around)));
            }
            Action::Reset => world.board_mut(self.board).reset(Strap::FlashBoot),
            Action::Stop => clock.set_paused(true, now),
            Action::Cont => clock.set_paused(false, now),
            Action::Fast { on } => {
                clock.fast = on;
                clock.anchor(now);
            }
            action => return self.hands.perform(world.board_mut(self.board), action),
        }
        Ok(json!({}))
    }

    /// Carries what the board has sent to the clients. True if there was something, and a client.
    fn tell(&mut self, world: &mut World) -> bool {
        if self.circuit.holds() {
            self.forget_output(world);
            return false;
        }
        let machine = world.board_mut(self.board);
        let mut is_heard = false;
        for line in &self.lines {
            is_heard |= line.carry_output(machine) && line.outlets.iter().any(|outlet| outlet.is_connected());
        }
        self.has_fresh_output |= is_heard;
        is_heard
    }
}

/// A world that runs and whose boards can be reached. Dropping it ends that.
#[derive(Debug)]
pub struct WorldServer {
    addresses: Vec<Addresses>,
    page: Addresses,
    over: Arc<AtomicBool>,
    world: Option<JoinHandle<World>>,
    io: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl WorldServer {
    /// Starts the world at `pace` and offers for each of its boards, in their order, what `ports` asks for, and a page with all of them.
    ///
    /// # Errors
    /// If a port is in use, or the host cannot give what is needed. Nothing is left behind then.
    pub fn start(
        mut world: World,
        ports: &[WorldPorts],
        page: Option<&WorldPage>,
        pace: WorldPace,
    ) -> Result<WorldServer, ServeError> {
        let waker = Arc::new(BoardWaker::default());
        let mut page_addresses = Addresses::default();
        let page = page.map(|page| open_page(page, &mut page_addresses)).transpose()?;
        let (boards, names): (Vec<BoardId>, Vec<String>) =
            world.boards().map(|(board, name)| (board, name.to_owned())).unzip();
        let (mut served_boards, mut served, mut all_addresses) = (Vec::new(), Vec::new(), Vec::new());
        for (board, wanted) in boards.into_iter().zip(ports) {
            let open_line = |uart| {
                let (inputs, serial) = tokio::sync::mpsc::channel(SERIAL_QUEUE);
                let (sender, line) =
                    (SerialSender { inputs, waker: Arc::clone(&waker) }, SerialLine::new(uart, serial));
                (UartEnd { sender, log: Arc::clone(&line.log) }, line)
            };
            let (ends, mut lines): (Vec<UartEnd>, Vec<SerialLine>) =
                (CONSOLE..world.board_mut(board).uarts()).map(open_line).unzip();
            let (sender, console) = (ends[CONSOLE].sender.clone(), &mut lines[CONSOLE]);
            let mut open_port = |_: &'static str, _: usize, outlet: Outlet| {
                let outlet = Arc::new(outlet);
                console.outlets.push(Arc::clone(&outlet));
                SerialPort::new(sender.clone(), outlet)
            };
            let config = ServeConfig {
                serial: wanted.serial,
                rfc2217: wanted.rfc2217,
                qmp: wanted.qmp,
                ptys: if wanted.pty { vec![CONSOLE] } else { Vec::new() },
                ..ServeConfig::default()
            };
            let mut addresses = Addresses::default();
            let (listeners, ..) = Listeners::open(&config, world.board_mut(board), &mut addresses, &mut open_port)?;
            let (control, controls) = mpsc::channel();
            let name = names[all_addresses.len()].clone();
            let handle = BoardHandle::new(control, Arc::clone(&waker), ends);
            served.push((listeners, name, handle.clone()));
            all_addresses.push(addresses);
            let (circuit, hands) = (ResetCircuit::new(), Hands::default());
            let has_fresh_output = false;
            served_boards.push(ServedBoard {
                board,
                circuit,
                lines,
                control: controls,
                handle,
                hands,
                has_fresh_output,
            });
            if page.is_some() {
                record(world.board_mut(board));
            }
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Run)?;
        let (stop, stopped) = oneshot::channel();
        let io = std::thread::Builder::new().name("espalier-io".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Some((listener, identity)) = page {
                    let boards = served.iter().map(|(_, name, handle)| (name.clone(), handle.clone())).collect();
                    let listener =
                        tokio::net::TcpListener::from_std(listener).expect("a listener that was set up for this");
                    tokio::spawn(http::serve(listener, Page { boards, identity, is_world: true }));
                }
                served.into_iter().for_each(|(listeners, _, handle)| listeners.serve(&handle));
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        });
        let over = Arc::new(AtomicBool::new(false));
        let mut server = WorldServer {
            addresses: all_addresses,
            page: page_addresses,
            over: Arc::clone(&over),
            world: None,
            io: Some((stop, io.map_err(ServeError::Run)?)),
        };
        let thread = std::thread::Builder::new().name("espalier-world".to_owned());
        let courtesy = Courtesy::default();
        let anchor = (Instant::now(), world.now());
        let clock = Clock { anchor, paused: false, fast: false, over: false, pace, courtesy, waker };
        server.world = Some(thread.spawn(move || run(world, served_boards, &over, clock)).map_err(ServeError::Run)?);
        Ok(server)
    }

    /// Where the page is.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.page.http
    }

    /// The address of the page as a browser needs it, with the token of this run.
    pub fn page(&self) -> Option<String> {
        self.page.page()
    }

    /// Where UART0 of the board at a place is as a TCP socket.
    pub fn serial_address(&self, place: usize) -> Option<SocketAddr> {
        self.addresses.get(place)?.serial
    }

    /// Where UART0 of the board at a place is as an RFC 2217 port.
    pub fn rfc2217_address(&self, place: usize) -> Option<SocketAddr> {
        self.addresses.get(place)?.rfc2217
    }

    /// Where QMP of the board at a place is.
    pub fn qmp_address(&self, place: usize) -> Option<SocketAddr> {
        self.addresses.get(place)?.qmp
    }

    /// Whether a client has ended the world.
    pub fn is_over(&self) -> bool {
        self.world.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// The pseudo-terminal that is UART0 of the board at a place.
    pub fn pty_path(&self, place: usize) -> Option<&Path> {
        self.addresses.get(place)?.ptys.first().map(|(_, path)| path.as_path())
    }

    /// Ends it and gives the world back.
    ///
    /// # Panics
    /// If the emulator did.
    pub fn shutdown(mut self) -> World {
        self.end().expect("the world's thread is joined once")
    }

    /// Ends both threads. A panic of theirs goes on in this one.
    fn end(&mut self) -> Option<World> {
        self.over.store(true, Ordering::Relaxed);
        let world = self.world.take().map(JoinHandle::join);
        if let Some((stop, io)) = self.io.take() {
            // Without a receiver, the thread has ended.
            let _ = stop.send(());
            let _ = io.join();
        }
        match world? {
            Ok(world) => Some(world),
            Err(panic) if !std::thread::panicking() => std::panic::resume_unwind(panic),
            Err(_) => None,
        }
    }
}

impl Drop for WorldServer {
    fn drop(&mut self) {
        self.end();
    }
}

fn open_page(page: &WorldPage, addresses: &mut Addresses) -> Result<(TcpListener, Identity), ServeError> {
    let (listener, address) = listen("HTTP", page.address)?;
    addresses.http = Some(address);
    Ok((listener, Identity { names: page.names.clone(), token: addresses.token.clone() }))
}

/// Surroundings of the boards: networks that were taken away, and the peer on their LAN.
#[derive(Default)]
struct Surroundings {
    away: Away,
    peer: Peer,
}

impl Surroundings {
    /// The sections of the page about the surroundings of a board, which its machine does not know.
    fn sections(&self, world: &World, board: BoardId) -> Map<String, Value> {
        let cut = world.lan().is_cable_cut(board.place());
        let of = PeerOf::Board(world.address(board));
        Map::from_iter([
            ("networks".to_owned(), self.away.networks(world.air())),
            ("cable".to_owned(), cable(cut)),
            ("peer".to_owned(), self.peer.section(world.lan(), of)),
        ])
    }
}

/// Runs the world at its pace.
fn run(mut world: World, mut served_boards: Vec<ServedBoard>, over: &AtomicBool, mut clock: Clock) -> World {
    let mut surroundings = Surroundings::default();
    while !over.load(Ordering::Relaxed) && !clock.over {
        let mut step = None;
        for board in &mut served_boards {
            step = step.or(board.obey(&mut world, &mut clock, &mut surroundings));
        }
        if let Some(step) = step {
            let until = world.now() + step;
            while world.now() < until {
                advance(&mut world, &mut served_boards, &mut clock, &mut surroundings, until);
            }
            clock.set_paused(true, until);
        }
        if clock.paused {
            clock.waker.wait(Some(PAUSED_NAP));
            continue;
        }
        let now = world.now();
        hear(&mut world, &mut served_boards, &mut clock);
        if clock.pace == WorldPace::Clients && clock.courtesy.waits(served_boards.iter().any(ServedBoard::is_unread)) {
            clock.waker.wait(Some(NAP));
            clock.anchor(now);
            continue;
        }
        let present = clock.present();
        if clock.fast {
            advance(&mut world, &mut served_boards, &mut clock, &mut surroundings, now + SLICE);
            continue;
        }
        if present <= now {
            clock.waker.wait(Some(NAP));
            continue;
        }
        if present.since(now) > clock.pace.largest_lag() {
            clock.anchor(now);
        }
        advance(&mut world, &mut served_boards, &mut clock, &mut surroundings, present);
    }
    served_boards.iter().for_each(|board| board.handle.announce(BoardEvent::Shutdown));
    served_boards.iter().flat_map(ServedBoard::outlets).for_each(|outlet| outlet.close());
    world
}

/// Takes what came in on the serial lines.
fn hear(world: &mut World, served_boards: &mut [ServedBoard], clock: &mut Clock) {
    let mut heard = false;
    for board in served_boards.iter_mut() {
        heard |= board.hear(world);
    }
    if heard {
        // A client that sends something has read what it wanted to, or comes to the rest later.
        clock.courtesy.note_input();
        served_boards.iter_mut().for_each(|board| board.has_fresh_output = false);
    }
}

/// Runs a slice of the world, at most until `limit`.
fn advance(
    world: &mut World,
    served_boards: &mut [ServedBoard],
    clock: &mut Clock,
    surroundings: &mut Surroundings,
    limit: Time,
) {
    hear(world, served_boards, clock);
    // Boards of a served world are not strict, and have no debugger.
    let _ = world.run_until(limit.min(world.now() + SLICE));
    surroundings.peer.pump(world.lan_mut());
    for board in served_boards {
        board.hands.lift(world.board_mut(board.board));
        if board.tell(world) {
            clock.courtesy.note_output();
        }
    }
}
