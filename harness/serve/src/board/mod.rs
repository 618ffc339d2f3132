//! The thread that owns the machine and runs it.

mod links;
mod live;
mod pace;
mod serial;

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use espalier_core::{Span, Time};
use espalier_page::{Hands, export};
use espalier_soc::{Machine, Stop, Strap};
use espalier_xtensa::DebugStop;
use gdbstub::common::Signal;

pub(crate) use links::PeerPort;

use crate::cable::CableEnd;
use crate::config::Pace;
use crate::fuses::FuseFile;
use crate::gdb::{DebugTarget, RunRequest, Session};
use crate::handle::{BoardEvent, BoardHandle, BoardStatus, BoardWaker, Control, DebugInput};
use crate::lines::{ResetCircuit, ResetEdge};
use crate::program::Program;
use links::Links;
use pace::{Clients, Pacer, Surroundings, Turn};
pub(crate) use serial::{CONSOLE, SerialLine};

/// The board looks at the world outside this often, in its own time.
const SLICE: Span = Span::from_millis(1);
/// A board that is found working at the end of so many slices in a row is not idle.
const BUSY_SLICES: u32 = 5;
/// A board that polls is run up to the present at least this often, as something inside of it may end its wait.
const POLLING: Span = Span::from_millis(10);
/// The pad that decides between flash boot and download mode.
pub(crate) const IO0: usize = 0;

/// The parts of the board's thread.
pub(crate) struct BoardSetup {
    pub machine: Machine,
    pub pace: Pace,
    pub paused: bool,
    pub control: Receiver<Control>,
    /// The lines of UART0 and of the UARTs after it, as far as they are offered.
    pub lines: Vec<SerialLine>,
    pub waker: Arc<BoardWaker>,
    pub handle: BoardHandle,
    pub peer_ports: Vec<PeerPort>,
    pub cable: Option<CableEnd>,
    pub fuses: Option<FuseFile>,
    pub program: Option<Program>,
    pub ends_with_reset: bool,
}

/// A machine that runs.
pub(crate) struct BoardThread {
    target: DebugTarget,
    debugger: Option<Session>,
    pacer: Pacer,
    circuit: ResetCircuit,
    lines: Vec<SerialLine>,
    links: Links,
    cable: Option<CableEnd>,
    fuses: Option<FuseFile>,
    program: Option<Program>,
    ends_with_reset: bool,
    /// It is to be shut down.
    over: bool,
    control: Receiver<Control>,
    waker: Arc<BoardWaker>,
    handle: BoardHandle,
    hands: Hands,
    clients: Clients,
    paused: bool,
    halted: Option<String>,
    busy_slices: u32,
    /// The cores did little but poll when they last ran, and nothing has come to them since.
    is_polling: bool,
    /// Number of reported accesses to hardware that is not modelled.
    noted: usize,
}

impl BoardThread {
    pub fn new(setup: BoardSetup) -> BoardThread {
        BoardThread {
            pacer: Pacer::new(setup.pace, Instant::now(), setup.machine.now()),
            circuit: ResetCircuit::new(),
            lines: setup.lines,
            links: Links::new(setup.peer_ports),
            cable: setup.cable,
            fuses: setup.fuses,
            program: setup.program,
            ends_with_reset: setup.ends_with_reset,
            over: false,
            control: setup.control,
            waker: setup.waker,
            handle: setup.handle,
            hands: Hands::default(),
            clients: Clients::default(),
            paused: setup.paused,
            halted: None,
            busy_slices: 0,
            is_polling: false,
            noted: 0,
            debugger: None,
            target: DebugTarget::new(setup.machine),
        }
    }

    /// Runs until the board is shut down, and gives the machine back.
    pub fn run(mut self) -> Machine {
        while self.obey() {
            if !self.paused {
                self.hear();
            }
            match self.turn() {
                Turn::Run(limit) => self.advance(limit),
                Turn::Nap(span) => {
                    self.waker.wait(Some(span));
                    self.catch_up();
                }
                Turn::Block => self.waker.wait(None),
            }
            if self.links.pump(&mut self.target.machine) {
                self.pacer.note_activity(self.target.machine.now());
            }
            if self.carry_frames() {
                self.pacer.note_activity(self.target.machine.now());
                self.clients.note_frames(Instant::now());
            }
        }
        self.handle.announce(BoardEvent::Shutdown);
        self.lines.iter().flat_map(|line| &line.outlets).for_each(|outlet| outlet.close());
        self.target.machine
    }

    /// Does what other threads want. False if that is to end.
    fn obey(&mut self) -> bool {
        if self.over {
            return false;
        }
        while let Ok(control) = self.control.try_recv() {
            // Looking is not acting.
            if !matches!(control, Control::Status(_) | Control::Screen(_) | Control::Look(..) | Control::Export(..)) {
                self.pacer.note_activity(self.target.machine.now());
            }
            // The client that asked may have disconnected.
            match control {
                Control::Reset(strap) => {
                    self.start(strap);
                    self.handle.announce(BoardEvent::Reset);
                }
                Control::Pause => {
                    self.set_paused(true);
                    self.tell_debugger(Signal::SIGINT);
                }
                Control::Resume => self.set_paused(false),
                Control::PlugCable(plugged) => self.plug_cable(plugged),
                Control::Screen(reply) => {
                    let _ = reply.send(self.target.machine.oled().map(|oled| oled.picture()));
                }
                Control::Status(reply) => {
                    let _ = reply.send(self.status());
                }
                Control::Act(action, reply) => {
                    let _ = reply.send(self.act(action));
                }
                Control::Look(look, reply) => {
                    let _ = reply.send(self.look(look));
                }
                Control::Export(wanted, reply) => {
                    let _ = reply.send(export(&mut self.target.machine, wanted, self.hands.watched()));
                }
                Control::Debug(input) => self.debug(input),
                Control::Link { board_port, end } => self.links.open(board_port, end),
                Control::Quit => return false,
            }
        }
        true
    }

    fn debug(&mut self, input: DebugInput) {
        let request = match input {
            DebugInput::Attach(client) => {
                let session = Session::new(client, &mut self.target);
                self.debugger = Some(session);
                RunRequest::Hold
            }
            DebugInput::Bytes(bytes, _done) => match &mut self.debugger {
                Some(session) => session.feed(&mut self.target, &bytes),
                None => return,
            },
            DebugInput::Detach if self.debugger.is_some() => RunRequest::Leave,
            DebugInput::Detach => return,
        };
        if self.target.take_reset() {
            self.note_start();
            self.handle.announce(BoardEvent::Reset);
        }
        if request == RunRequest::Leave {
            self.debugger = None;
            self.target.release();
        }
        self.set_paused(request == RunRequest::Hold);
    }

    /// A core came to what the debugger waits for.
    fn note_debug_stop(&mut self, core: usize, stop: DebugStop) {
        self.carry_output();
        let Some(session) = self.debugger.as_mut() else { return };
        let Some(reason) = self.target.reason(core, stop) else { return };
        session.report(&mut self.target, reason);
        self.set_paused(true);
    }

    /// The board does not go on, and not because of the debugger.
    fn tell_debugger(&mut self, signal: Signal) {
        if let Some(session) = self.debugger.as_mut().filter(|session| session.is_running()) {
            let reason = self.target.interrupted(signal);
            session.report(&mut self.target, reason);
            self.set_paused(true);
        }
    }

    /// Carries frames over a cable that leads outside. True if there were any.
    fn carry_frames(&mut self) -> bool {
        let Some(cable) = &mut self.cable else { return false };
        let mut carried = false;
        while let Ok(frame) = cable.incoming.try_recv() {
            self.target.machine.lan_mut().send_from_outside(frame);
            carried = true;
        }
        while let Some(frame) = self.target.machine.lan_mut().take_for_outside() {
            // A full queue loses the frame, and a closed one belongs to a program that is gone.
            let _ = cable.outgoing.try_send(frame);
            carried = true;
        }
        carried
    }

    fn plug_cable(&mut self, plugged: bool) {
        self.target.machine.lan_mut().set_cable_cut(0, !plugged).expect("the first cable is the board's");
    }

    fn set_paused(&mut self, paused: bool) {
        if self.paused != paused {
            self.paused = paused;
            self.is_polling = false;
            self.pacer.anchor(Instant::now(), self.target.machine.now());
            self.handle.announce(if paused { BoardEvent::Stop } else { BoardEvent::Resume });
        }
    }

    fn status(&self) -> BoardStatus {
        BoardStatus {
            running: !self.paused && self.halted.is_none(),
            halted: self.halted.clone(),
            now: self.target.machine.now(),
        }
    }

    /// Takes what came in on the serial line.
    fn hear(&mut self) {
        let edge = self.circuit.poll(Instant::now());
        self.apply(edge);
        for place in 0..self.lines.len() {
            while let Some(lines) = self.lines[place].feed.pump(&mut self.target.machine, self.circuit.holds()) {
                // Only UART0 has the circuit at its modem lines.
                if place == CONSOLE {
                    let edge = self.circuit.set(lines, Instant::now());
                    self.target.machine.drive_pin(IO0, self.circuit.io0_low().then_some(false));
                    self.apply(edge);
                }
            }
        }
        let heard = self.lines.iter_mut().fold(false, |heard, line| line.feed.take_heard() | heard);
        if heard {
            self.is_polling = false;
            self.clients.note_input();
            self.pacer.note_activity(self.target.machine.now());
        }
        if self.is_pending() {
            self.pacer.note_activity(self.target.machine.now());
        }
    }

    /// True if something waits that a serial line has no room for yet.
    fn is_pending(&mut self) -> bool {
        self.lines.iter_mut().any(|line| line.feed.is_pending())
    }

    fn apply(&mut self, edge: Option<ResetEdge>) {
        if let Some(ResetEdge::Start(strap)) = edge {
            self.start(strap);
            self.handle.announce(BoardEvent::Reset);
        }
    }

    fn start(&mut self, strap: Strap) {
        let loaded = self.fuses.as_mut().map(|file| file.load(&mut self.target.machine));
        self.target.machine.reset(strap);
        self.note_start();
        if let Some(Err(error)) = loaded {
            self.halt(format!("the eFuses: {error}"));
        }
        self.over |= self.ends_with_reset;
        self.load_program();
    }

    /// Does what is to be done when the chip has reset itself.
    fn heed_resets(&mut self) {
        if self.target.machine.take_resets().is_empty() {
            return;
        }
        self.over |= self.ends_with_reset;
        self.load_program();
    }

    fn load_program(&mut self) {
        if let Some(program) = &self.program {
            program.load(&mut self.target.machine).expect("a program that could be loaded before");
        }
    }

    /// The board does not go on until it is reset.
    fn halt(&mut self, reason: String) {
        self.halted = Some(reason);
        self.handle.announce(BoardEvent::Stop);
        self.tell_debugger(Signal::SIGABRT);
    }

    /// Writes down what the firmware has burnt.
    fn keep_fuses(&mut self) {
        if let Some(Err(error)) = self.fuses.as_mut().map(|file| file.keep(&self.target.machine)) {
            self.halt(format!("the eFuses: {error}"));
        }
    }

    fn note_start(&mut self) {
        self.halted = None;
        self.is_polling = false;
        self.pacer.anchor(Instant::now(), self.target.machine.now());
        self.pacer.note_activity(self.target.machine.now());
    }

    fn turn(&mut self) -> Turn {
        let now = Instant::now();
        if self.circuit.holds() && !self.paused {
            return self.circuit.high_at().map_or(Turn::Block, |at| Turn::Nap(at.saturating_duration_since(now)));
        }
        if self.paused || self.halted.is_some() {
            return Turn::Block;
        }
        let pending = self.is_pending();
        let connected = self.lines.iter().flat_map(|line| &line.outlets).filter(|outlet| outlet.is_connected()).count();
        let is_owed = self.clients.are_owing(connected, now) || self.links.is_owed(now) || self.debugger.is_some();
        let surroundings = Surroundings {
            is_watched: self.debugger.is_some() || !self.links.is_empty() || connected > 0 || self.handle.is_watched(),
            owes: is_owed && !pending,
            rests_until: if pending { None } else { self.rests_until() },
        };
        self.pacer.turn(now, self.target.machine.now(), SLICE, surroundings)
    }

    /// Until when the board does nothing, or nothing but poll, unless something comes from outside.
    fn rests_until(&mut self) -> Option<Time> {
        let (machine, lifts) = (&mut self.target.machine, self.hands.next());
        let rests = machine.rests_until().or_else(|| self.is_polling.then(|| machine.now() + POLLING));
        rests.map(|until| lifts.map_or(until, |lifts| lifts.min(until)))
    }

    /// After a nap: an idle board comes to the present, so that what came in meanwhile finds it there.
    fn catch_up(&mut self) {
        if self.paused || self.halted.is_some() || self.circuit.holds() {
            return;
        }
        if let Some(rests_until) = self.rests_until() {
            let present = self.pacer.present(Instant::now()).min(rests_until);
            if present > self.target.machine.now() {
                self.advance(present);
            }
        }
    }

    /// Runs the machine until `limit` and carries away what it sent.
    fn advance(&mut self, limit: Time) {
        let cores = 0..self.target.machine.cores();
        let before: Vec<u64> = cores.clone().map(|core| self.target.machine.cpu(core).cycles()).collect();
        let polled_before = self.target.machine.cycles_passed_over();
        while self.target.machine.now() < limit && !self.paused && !self.over {
            let until = self.hands.next().map_or(limit, |lifts| lifts.min(limit));
            match self.target.machine.run_until(until) {
                Stop::Limit => {}
                Stop::Debug { core, stop } => self.note_debug_stop(core, stop),
                Stop::Output => self.carry_output(),
                Stop::Unmodelled(access) => {
                    self.halt(access.to_string());
                    break;
                }
            }
            self.hands.lift(&mut self.target.machine);
            self.heed_resets();
        }
        let fresh = self.target.machine.unmodelled_notes(self.noted);
        if !fresh.is_empty() {
            self.noted += fresh.len();
            self.handle.note_unmodelled(fresh);
        }
        self.keep_fuses();
        let machine = &self.target.machine;
        let polled = machine.cycles_passed_over() - polled_before;
        let executing = |core: usize| !machine.cpu(core).is_waiting() && machine.cpu(core).cycles() != before[core];
        let executed_by = |core: usize| machine.cpu(core).cycles().checked_sub(before[core]);
        let spans = cores.clone().filter(|core| executing(*core)).map(executed_by);
        // None if a core was reset.
        let executed: Option<u64> = spans.sum();
        self.is_polling = executed.is_some_and(|executed| polled > executed / 8 * 7);
        let idle = self.is_polling || !cores.into_iter().any(executing);
        self.busy_slices = if idle { 0 } else { self.busy_slices + 1 };
        if self.busy_slices >= BUSY_SLICES {
            self.pacer.note_activity(self.target.machine.now());
        }
    }

    fn carry_output(&mut self) {
        let mut any = false;
        for line in &self.lines {
            any |= line.carry_output(&mut self.target.machine);
        }
        self.links.look();
        if any {
            self.clients.note_output(Instant::now());
            self.pacer.note_activity(self.target.machine.now());
        }
    }
}
