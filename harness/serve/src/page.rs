//! The page of a board that its owner runs.
//!
//! [`Server`](crate::Server) owns the machine that it serves. Here the machine stays with a program that lets it run for a while, then
//! attends to the page: looks are answered at once, and whatever is to be done comes back as [`Request`]s.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use espalier_core::Time;
use espalier_page::{Action, ActionError, CAPTURE, Export, Hands, Standing, export, state_of};
use espalier_soc::Machine;
use serde_json::{Map, Value};
use tokio::runtime::Builder;
use tokio::sync::{mpsc as channel, oneshot};

use crate::board::CONSOLE;
use crate::error::ServeError;
use crate::handle::{BoardHandle, BoardStatus, BoardWaker, ConsoleLog, Control, SerialSender, UartEnd};
use crate::http::{self, Identity, Page};
use crate::listeners::{Addresses, listen};
use crate::serial_input::SerialInput;

/// Pieces of input that may wait for a UART.
const SERIAL_QUEUE: usize = 16;

/// State of a run, for the page.
///
/// ```
/// let state = espalier_serve::RunState { running: true, ..espalier_serve::RunState::default() };
/// assert!(!state.fast && state.sections.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RunState {
    /// False while it is paused.
    pub running: bool,
    /// Whether time passes as fast as the host can make it.
    pub fast: bool,
    /// Why it does not go on, if it does not.
    pub halted: Option<String>,
    /// More for the page, by name.
    pub sections: Map<String, Value>,
}

/// Something that a client wants of the board's owner.
#[derive(Debug)]
pub enum Request {
    /// An action, to be answered.
    Act(ActRequest),
    /// Input for a UART.
    Type {
        /// Its number.
        uart: usize,
        /// As they are.
        bytes: Vec<u8>,
    },
    /// The board as a file.
    Save(SaveRequest),
}

/// An action of a client that waits for the answer.
#[derive(Debug)]
pub struct ActRequest {
    /// The action.
    pub action: Action,
    reply: oneshot::Sender<Result<Value, ActionError>>,
}

impl ActRequest {
    /// Answers the client; it may be gone.
    pub fn answer(self, answer: Result<Value, ActionError>) {
        let _ = self.reply.send(answer);
    }
}

/// A client that waits for the board as a file.
#[derive(Debug)]
pub struct SaveRequest(oneshot::Sender<Vec<u8>>);

impl SaveRequest {
    /// Gives the client the file; it may be gone.
    pub fn answer(self, file: Vec<u8>) {
        let _ = self.0.send(file);
    }
}

/// The page of a board that its owner runs. Dropping it ends the page.
///
/// ```
/// use espalier_core::Span;
/// use espalier_serve::{LivePage, RunState};
/// use espalier_soc::{Machine, MachineConfig, Strap};
///
/// let mut machine = Machine::new(&MachineConfig::default())?;
/// machine.power_on(Strap::Download);
/// let mut page = LivePage::open("127.0.0.1:0".parse()?, &mut machine)?;
/// machine.run_for(Span::from_millis(5));
/// for request in page.attend(&mut machine, &RunState { running: true, ..RunState::default() }) {
///     println!("{request:?}");
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LivePage {
    addresses: Addresses,
    control: mpsc::Receiver<Control>,
    uarts: Vec<(channel::Receiver<SerialInput>, Arc<ConsoleLog>)>,
    hands: Hands,
    io: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl LivePage {
    /// Offers the page at this address, and records frames for it from now on.
    ///
    /// # Errors
    /// If the port is in use, or the host gives no thread.
    pub fn open(address: SocketAddr, machine: &mut Machine) -> Result<LivePage, ServeError> {
        let (listener, address) = listen("HTTP", address)?;
        let addresses = Addresses { http: Some(address), ..Addresses::default() };
        machine.air_mut().start_capture(CAPTURE);
        let (control, controls) = mpsc::channel();
        let waker = Arc::new(BoardWaker::default());
        let open_uart = |_| {
            let (inputs, received) = channel::channel(SERIAL_QUEUE);
            let log: Arc<ConsoleLog> = Arc::default();
            let end = UartEnd { sender: SerialSender { inputs, waker: Arc::clone(&waker) }, log: Arc::clone(&log) };
            (end, (received, log))
        };
        let (ends, uarts) = (CONSOLE..machine.uarts()).map(open_uart).unzip();
        let handle = BoardHandle::new(control, waker, ends);
        let identity = Identity { names: Vec::new(), token: addresses.token.clone() };
        let page = Page { boards: vec![(machine.board().name.clone(), handle)], identity, is_world: false };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Run)?;
        let (stop, stopped) = oneshot::channel();
        let io = std::thread::Builder::new().name("espalier-page".to_owned()).spawn(move || {
            runtime.block_on(async {
                let listener =
                    tokio::net::TcpListener::from_std(listener).expect("a listener that was set up for this");
                tokio::spawn(http::serve(listener, page));
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        });
        let io = Some((stop, io.map_err(ServeError::Run)?));
        Ok(LivePage { addresses, control: controls, uarts, hands: Hands::default(), io })
    }

    /// The address of the page as a browser needs it, with the token of this run.
    pub fn address(&self) -> String {
        self.addresses.page().unwrap_or_default()
    }

    /// From now on, pins that the page records no more are recorded all the same: their owner does so, too.
    pub fn keep_probes(&mut self) {
        self.hands.keep_probes();
    }

    /// Shows what a UART has sent.
    pub fn show(&self, uart: usize, bytes: &[u8]) {
        if let Some((_, log)) = self.uarts.get(uart) {
            log.push(bytes);
        }
    }

    /// Shows the board to those who look, and returns what they want of its owner, in order.
    pub fn attend(&mut self, machine: &mut Machine, state: &RunState) -> Vec<Request> {
        let mut requests = Vec::new();
        let standing = Standing {
            running: state.running,
            fast: state.fast,
            halted: state.halted.as_deref(),
            address: None,
            away: self.hands.away(),
            more: Some(&state.sections),
        };
        while let Ok(control) = self.control.try_recv() {
            // The client that asked may have disconnected.
            match control {
                Control::Act(Action::State, reply) => {
                    let _ = reply.send(Ok(state_of(machine, &standing)));
                }
                Control::Act(action, reply) => requests.push(Request::Act(ActRequest { action, reply })),
                Control::Look(mut look, reply) => {
                    let seen = look.at(machine, &standing, self.hands.watched());
                    let _ = reply.send((look, seen));
                }
                Control::Export(Export::Snapshot, reply) => requests.push(Request::Save(SaveRequest(reply))),
                Control::Export(wanted, reply) => {
                    let _ = reply.send(export(machine, wanted, self.hands.watched()));
                }
                Control::Status(reply) => {
                    let (running, halted) = (state.running, state.halted.clone());
                    let _ = reply.send(BoardStatus { running, halted, now: machine.now() });
                }
                Control::Screen(reply) => {
                    let _ = reply.send(machine.oled().map(|oled| oled.picture()));
                }
                // A page asks for none of these.
                Control::Reset(_)
                | Control::Pause
                | Control::Resume
                | Control::PlugCable(_)
                | Control::Debug(_)
                | Control::Link { .. }
                | Control::Quit => {}
            }
        }
        for (uart, (inputs, _)) in self.uarts.iter_mut().enumerate() {
            while let Ok(input) = inputs.try_recv() {
                if let SerialInput::Bytes(bytes, _) = input {
                    requests.push(Request::Type { uart, bytes });
                }
            }
        }
        requests
    }

    /// Does it, unless it is about the board's time or its peer, which are its owner's.
    ///
    /// # Errors
    /// If it is not possible.
    pub fn perform(&mut self, machine: &mut Machine, action: Action) -> Result<Value, ActionError> {
        self.hands.perform(machine, action)
    }

    /// When the next finger is lifted. The board must not run past that without [`lift`](LivePage::lift).
    pub fn next_lift(&self) -> Option<Time> {
        self.hands.next()
    }

    /// Lifts the fingers whose time is over.
    pub fn lift(&mut self, machine: &mut Machine) {
        self.hands.lift(machine);
    }
}

impl Drop for LivePage {
    fn drop(&mut self) {
        if let Some((stop, io)) = self.io.take() {
            // Without a receiver, the thread has ended.
            let _ = stop.send(());
            let _ = io.join();
        }
    }
}
