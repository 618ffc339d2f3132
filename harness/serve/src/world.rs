//! Several boards of one world, each with serial ports of its own.
//!
//! One thread runs the world at the pace of the host's clock, since all its boards have one time. What comes from the host reaches
//! a board between two slices. A board that RTS holds in reset goes on until it is released, for the others have no time without it,
//! but nothing is heard from it and it hears nothing; then it starts anew.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use espalier_core::{Span, Time};
use espalier_world::{BoardId, World};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::board::{CONSOLE, IO0, SerialLine};
use crate::config::ServeConfig;
use crate::error::ServeError;
use crate::handle::{BoardHandle, BoardWaker, ConsoleLog, SerialSender};
use crate::lines::{ResetCircuit, ResetEdge};
use crate::listeners::{Addresses, Listeners};
use crate::outlet::Outlet;
use crate::ports::SerialPort;

/// Pieces of input that may wait for a serial line.
const SERIAL_QUEUE: usize = 16;
/// Guest time for which the world runs before the host's input is checked.
const SLICE: Span = Span::from_millis(1);
/// Sleep when it has come to the present.
const NAP: Duration = Duration::from_millis(1);
/// If the world is later than this, it does not make up for it.
const LARGEST_LAG: Span = Span::from_millis(200);

/// The serial ports that a board of a world is to have.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorldPorts {
    /// UART0 as a TCP socket.
    pub serial: Option<SocketAddr>,
    /// UART0 as an RFC 2217 port.
    pub rfc2217: Option<SocketAddr>,
    /// UART0 as a pseudo-terminal.
    pub pty: bool,
}

/// A board on the world's thread.
struct ServedBoard {
    board: BoardId,
    circuit: ResetCircuit,
    line: SerialLine,
}

impl ServedBoard {
    /// Takes what came in on the serial line.
    fn hear(&mut self, world: &mut World) {
        let edge = self.circuit.poll(Instant::now());
        self.apply(edge, world);
        while let Some(lines) = self.line.feed.pump(world.board_mut(self.board), self.circuit.holds()) {
            let edge = self.circuit.set(lines, Instant::now());
            world.board_mut(self.board).drive_pin(IO0, self.circuit.io0_low().then_some(false));
            self.apply(edge, world);
        }
    }

    fn apply(&mut self, edge: Option<ResetEdge>, world: &mut World) {
        if let Some(ResetEdge::Start(strap)) = edge {
            let machine = world.board_mut(self.board);
            machine.uart_take(CONSOLE);
            machine.reset(strap);
        }
    }

    /// Carries what the board has sent to the clients.
    fn tell(&self, world: &mut World) {
        let machine = world.board_mut(self.board);
        if self.circuit.holds() {
            machine.uart_take(CONSOLE);
        } else {
            self.line.carry_output(machine);
        }
    }
}

/// A world that runs and whose boards can be reached. Dropping it ends that.
#[derive(Debug)]
pub struct WorldServer {
    addresses: Vec<Addresses>,
    over: Arc<AtomicBool>,
    world: Option<JoinHandle<World>>,
    io: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl WorldServer {
    /// Starts the world and offers for each of its boards, in their order, what `ports` asks for.
    ///
    /// # Errors
    /// If a port is in use, or the host cannot give what is needed. Nothing is left behind then.
    pub fn start(mut world: World, ports: &[WorldPorts]) -> Result<WorldServer, ServeError> {
        let waker = Arc::new(BoardWaker::default());
        let boards: Vec<BoardId> = world.boards().map(|(board, _)| board).collect();
        let (mut served_boards, mut served, mut all_addresses) = (Vec::new(), Vec::new(), Vec::new());
        for (board, wanted) in boards.into_iter().zip(ports) {
            let (inputs, serial) = tokio::sync::mpsc::channel(SERIAL_QUEUE);
            let sender = SerialSender { inputs, waker: Arc::clone(&waker) };
            let mut line = SerialLine::new(CONSOLE, serial);
            let mut open_port = |_: &'static str, _: usize, outlet: Outlet| {
                let outlet = Arc::new(outlet);
                line.outlets.push(Arc::clone(&outlet));
                SerialPort::new(sender.clone(), outlet)
            };
            let config = ServeConfig {
                serial: wanted.serial,
                rfc2217: wanted.rfc2217,
                ptys: if wanted.pty { vec![CONSOLE] } else { Vec::new() },
                ..ServeConfig::default()
            };
            let mut addresses = Addresses::default();
            let (listeners, ..) = Listeners::open(&config, world.board_mut(board), &mut addresses, &mut open_port)?;
            // Nothing but its serial ports is offered, and they ask nothing of it.
            let handle = BoardHandle::new(mpsc::channel().0, Arc::clone(&waker), Arc::new(ConsoleLog::default()));
            served.push((listeners, handle));
            all_addresses.push(addresses);
            served_boards.push(ServedBoard { board, circuit: ResetCircuit::new(), line });
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Run)?;
        let (stop, stopped) = oneshot::channel();
        let io = std::thread::Builder::new().name("espalier-io".to_owned()).spawn(move || {
            runtime.block_on(async {
                served.into_iter().for_each(|(listeners, handle)| listeners.serve(&handle));
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        });
        let over = Arc::new(AtomicBool::new(false));
        let mut server = WorldServer {
            addresses: all_addresses,
            over: Arc::clone(&over),
            world: None,
            io: Some((stop, io.map_err(ServeError::Run)?)),
        };
        let thread = std::thread::Builder::new().name("espalier-world".to_owned());
        server.world = Some(thread.spawn(move || run(world, served_boards, &over, &waker)).map_err(ServeError::Run)?);
        Ok(server)
    }

    /// Where UART0 of the board at a place is as a TCP socket.
    pub fn serial_address(&self, place: usize) -> Option<SocketAddr> {
        self.addresses.get(place)?.serial
    }

    /// Where UART0 of the board at a place is as an RFC 2217 port.
    pub fn rfc2217_address(&self, place: usize) -> Option<SocketAddr> {
        self.addresses.get(place)?.rfc2217
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

/// Runs the world at the pace of the host's clock.
fn run(mut world: World, mut served_boards: Vec<ServedBoard>, over: &AtomicBool, waker: &BoardWaker) -> World {
    let mut anchor = (Instant::now(), world.now());
    while !over.load(Ordering::Relaxed) {
        served_boards.iter_mut().for_each(|board| board.hear(&mut world));
        let present = present(anchor);
        let now = world.now();
        if present <= now {
            waker.wait(Some(NAP));
            continue;
        }
        if present.since(now) > LARGEST_LAG {
            anchor = (Instant::now(), now);
        }
        // Boards of a served world are not strict, and have no debugger.
        let _ = world.run_until(present.min(now + SLICE));
        served_boards.iter().for_each(|board| board.tell(&mut world));
    }
    served_boards.iter().flat_map(|board| &board.line.outlets).for_each(|outlet| outlet.close());
    world
}

/// The world's time that belongs to this moment.
fn present((host, guest): (Instant, Time)) -> Time {
    guest + Span::from_micros(host.elapsed().as_micros() as u64)
}
