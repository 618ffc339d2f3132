//! A board, its peer, and what a page has done with both.

use std::fmt;
use std::path::Path;

use espalier_core::{Span, Time};
use espalier_image::{Image, ImageError};
use espalier_page::{
    Action, ActionError, Export, Hands, Look, Peer, PeerOf, Standing, UartLog, export, record, span, state_of,
};
use espalier_soc::{
    BoardDefinition, BoardError, ChipKind, Machine, MachineConfig, SnapshotError, SocError, Strap, Translation,
};
use espalier_world::{World, is_snapshot};
use serde_json::{Map, Value, json};

/// Interval at which the peer's connections and the UARTs are looked at, in the board's time.
const TICK: Span = Span::from_millis(1);
/// Name of a board file in messages.
const BOARD_FILE: &str = "board.toml";

/// Why something cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No board was started.
    #[error("there is no board yet: start one")]
    NoBoard,
    /// Bytes that should be text.
    #[error("this is not text in UTF-8")]
    NotText,
    /// No such board, or a fault in its file.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// The firmware is none.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The snapshot is none that this version reads.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The snapshot is of a world.
    #[error("this is a world of {count} boards, and a page runs one")]
    SeveralBoards {
        /// Number of its boards.
        count: usize,
    },
    /// The machine cannot be made, or its flash chip is too small.
    #[error(transparent)]
    Machine(#[from] SocError),
    /// An action that is not possible.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// An action that cannot be read.
    #[error("this is no action: {0}")]
    Json(#[from] serde_json::Error),
    /// The board has no display of that name.
    #[error("the board has no display {name:?}; it has {}", known.join(", "))]
    NoDisplay {
        /// Its name.
        name: String,
        /// Names of its displays.
        known: Vec<String>,
    },
}

/// A board that runs in a page.
pub struct Session {
    machine: Machine,
    hands: Hands,
    look: Look,
    logs: Vec<(UartLog, u64)>,
    peer: Peer,
    /// When the peer and the UARTs are looked at next.
    tick: Time,
    /// The time up to which the board was asked to run. It may be a part of a slice further; later runs are so much shorter.
    due: Time,
    running: bool,
    fast: bool,
}

/// The time: a whole board does not fit into a message.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.machine.now())
    }
}

impl Session {
    /// Starts a board: one that comes with Espalier by its name, or that of a board file by its text. A snapshot goes on where it was saved,
    /// on its own board.
    ///
    /// # Errors
    /// If there is no such board, or the firmware does not fit it.
    pub fn start(board: &str, name: &str, firmware: &[u8]) -> Result<Session, SessionError> {
        if is_snapshot(firmware) {
            return Ok(Session::of(saved(firmware)?));
        }
        let board = match board.contains(['=', '\n']) {
            true => BoardDefinition::from_toml(board, Path::new(BOARD_FILE))?,
            false => BoardDefinition::by_name(board.trim())?,
        };
        let (chip, flash_size) = (board.chip, board.flash_size);
        let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() })?;
        if !firmware.is_empty() && chip == ChipKind::Esp32 {
            for part in Image::from_bytes(name, firmware)?.parts(flash_size)? {
                machine.load_flash(part.offset, &part.bytes)?;
            }
        } else if !firmware.is_empty() {
            machine.load_flash(0, firmware)?;
        }
        machine.power_on(Strap::FlashBoot);
        Ok(Session::of(machine))
    }

    fn of(mut machine: Machine) -> Session {
        machine.set_translation(Translation::Off);
        record(&mut machine);
        let logs = (0..machine.uarts()).map(|_| Default::default()).collect();
        let (hands, look, peer) = (Hands::default(), Look::default(), Peer::default());
        let (due, tick) = (machine.now(), next_tick(machine.now()));
        Session { machine, hands, look, logs, peer, tick, due, running: true, fast: false }
    }

    /// Runs the board for so many microseconds of its time, unless it is paused. Many short runs are one long one.
    pub fn run(&mut self, microseconds: u32) {
        if self.running {
            self.advance(self.due + Span::from_micros(u64::from(microseconds)));
        }
    }

    fn advance(&mut self, end: Time) {
        self.due = end;
        while self.machine.now() < end {
            let limit = self.hands.next().map_or(self.tick, |lift| lift.min(self.tick)).min(end);
            // The machine is not strict and has no debugger: it stops for output, which has time until the next tick.
            let _ = self.machine.run_until(limit);
            self.hands.lift(&mut self.machine);
            if self.machine.now() >= self.tick {
                self.peer.pump(self.machine.lan_mut());
                self.hear();
                self.tick = next_tick(self.machine.now());
            }
        }
    }

    /// Takes what the UARTs have sent.
    fn hear(&mut self) {
        for (uart, (log, _)) in self.logs.iter_mut().enumerate() {
            let sent: Vec<u8> = self.machine.uart_take(uart).into_iter().map(|(_, byte)| byte).collect();
            log.push(&sent);
        }
    }

    /// The sections of the page that the board does not know.
    fn sections(&self) -> Map<String, Value> {
        Map::from_iter([("peer".to_owned(), self.peer.section(self.machine.lan(), PeerOf::One))])
    }

    /// Returns what has changed since the last look. Looking changes nothing on the board.
    pub fn look(&mut self) -> Value {
        let sections = self.sections();
        let standing = standing(self.running, self.fast, &self.hands, &sections);
        let mut news = self.look.at(&mut self.machine, &standing, self.hands.watched()).told();
        let logs = self.logs.iter_mut().enumerate();
        let consoles: Vec<Value> = logs.filter_map(|(uart, (log, seen))| log.told(uart, seen)).collect();
        if !consoles.is_empty() {
            news.insert("consoles".to_owned(), consoles.into());
        }
        news.into()
    }

    /// Does what this JSON says: an [`Action`] on the board, or of its peer.
    ///
    /// # Errors
    /// If it is no action, or not possible.
    pub fn act(&mut self, action: &str) -> Result<Value, SessionError> {
        let action: Action = serde_json::from_str(action)?;
        let board = self.machine.lan().board_address();
        if let Some(answer) = self.peer.act(self.machine.lan_mut(), board, &action)? {
            return Ok(answer);
        }
        match action {
            Action::Send { text, uart } => {
                let count = self.machine.uarts();
                if uart >= count {
                    return Err(ActionError::NoUart { uart, count }.into());
                }
                self.machine.uart_send(uart, text.as_bytes());
            }
            Action::Reset => self.machine.reset(Strap::FlashBoot),
            Action::Stop => self.running = false,
            Action::Cont => self.running = true,
            Action::Fast { on } => self.fast = on,
            Action::Step { milliseconds } => {
                self.running = false;
                self.advance(self.machine.now() + span(milliseconds)?);
            }
            Action::State => {
                let sections = self.sections();
                let standing = standing(self.running, self.fast, &self.hands, &sections);
                return Ok(state_of(&mut self.machine, &standing));
            }
            action => return Ok(self.hands.perform(&mut self.machine, action)?),
        }
        Ok(json!({}))
    }

    /// The output of a UART, as far as it is kept.
    ///
    /// # Errors
    /// If the board has no such UART.
    pub fn console(&self, uart: usize) -> Result<Vec<u8>, SessionError> {
        let count = self.logs.len();
        let (log, _) = self.logs.get(uart).ok_or(ActionError::NoUart { uart, count })?;
        Ok(log.bytes().to_vec())
    }

    /// The picture on a display, or on the first one if there is no name: width and height as little-endian words, then RGBA.
    ///
    /// # Errors
    /// If the board has no such display.
    pub fn screen(&self, name: &str) -> Result<Vec<u8>, SessionError> {
        let Some(shown) = self.machine.display((!name.is_empty()).then_some(name)) else {
            return Err(SessionError::NoDisplay { name: name.to_owned(), known: self.machine.displays() });
        };
        let (width, height) = (shown.picture.width(), shown.picture.height());
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let colours = pixels.map(|(x, y)| shown.picture.get(x, y));
        let size = width.to_le_bytes().into_iter().chain(height.to_le_bytes());
        Ok(size.chain(colours.flat_map(|pixel| [pixel.red, pixel.green, pixel.blue, u8::MAX])).collect())
    }

    /// The board, or what was recorded of it, as a file.
    pub fn export(&mut self, kind: Export) -> Vec<u8> {
        export(&mut self.machine, kind, self.hands.watched())
    }

    /// A digest of the run so far, by which tests compare runs.
    pub fn trace_hash(&self) -> u64 {
        self.machine.trace_hash()
    }
}

/// The board in a snapshot, which is that of the world of one board.
fn saved(file: &[u8]) -> Result<Machine, SessionError> {
    let (mut world, _) = World::load(file)?;
    let boards: Vec<_> = world.boards().map(|(board, _)| board).collect();
    match boards[..] {
        [board] if world.is_of_one() => Ok(world.board_mut(board).clone()),
        _ => Err(SessionError::SeveralBoards { count: boards.len() }),
    }
}

fn standing<'a>(running: bool, fast: bool, hands: &'a Hands, sections: &'a Map<String, Value>) -> Standing<'a> {
    Standing { running, fast, halted: None, address: None, away: hands.away(), more: Some(sections) }
}

/// The first multiple of a tick after `now`.
fn next_tick(now: Time) -> Time {
    let ticks = now.since(Time::ZERO).ticks() / TICK.ticks() + 1;
    Time::ZERO + Span::from_ticks(ticks * TICK.ticks())
}
