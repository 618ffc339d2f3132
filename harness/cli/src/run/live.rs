//! The page of a board that runs here: shows it, and does what is done there.

use std::net::SocketAddr;

use espalier::{AccessPoint, Board, Machine, Span, Start};
use espalier_serve::{Action, ActionError, LivePage, Request, RunState};
use serde_json::{Value, json};

use super::peer::PeerHands;
use crate::args::LOOPBACK;
use crate::error::CliError;
use crate::recorder::Recorder;

/// The UART that is the console.
const CONSOLE: usize = 0;

/// The board's time, as the page has it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub running: bool,
    /// As fast as the host can make it.
    pub fast: bool,
    /// A step that is still to be done.
    pub step: Option<Span>,
    /// Counts the changes.
    pub changes: usize,
}

/// The page, and what it acts on.
pub struct Live {
    page: LivePage,
    peer: PeerHands,
    uarts: usize,
    pub pace: Pace,
}

impl Live {
    /// Offers the page at this port of the host itself.
    ///
    /// Probes at pins stay if a file records them, too.
    pub fn open(port: u16, board: &Board, probed: bool) -> Result<Live, CliError> {
        let address = SocketAddr::new(LOOPBACK, port);
        let (page, uarts) = board.machine(|machine| (LivePage::open(address, machine), machine.uarts()))?;
        let mut page = page?;
        if probed {
            page.keep_probes();
        }
        let pace = Pace { running: true, fast: false, step: None, changes: 0 };
        Ok(Live { page, peer: PeerHands::new(board.peer()), uarts, pace })
    }

    /// The address of the page, with its token.
    pub fn address(&self) -> String {
        self.page.address()
    }

    /// Shows what the console has said.
    pub fn show(&self, bytes: &[u8]) {
        self.page.show(CONSOLE, bytes);
    }

    /// For how long the board may run before a finger is lifted from it.
    pub fn until_lift(&self, board: &Board) -> Option<Span> {
        self.page.next_lift().map(|at| at.since(board.now()))
    }

    /// Does what was done on the page since the last time. True if something was typed.
    pub async fn attend(&mut self, board: &Board, recorder: &mut Option<Recorder>) -> Result<bool, CliError> {
        self.peer.turn(board.now(), recorder);
        for uart in CONSOLE + 1..self.uarts {
            let bytes = board.uart(uart).take_unread();
            self.page.show(uart, &bytes);
            if let Some(recorder) = recorder {
                recorder.heard(uart, &bytes, board.now());
            }
        }
        if let Some(recorder) = recorder {
            recorder.look(board).await;
        }
        let state = self.state(recorder.as_ref());
        let requests = board.machine(|machine| {
            self.page.lift(machine);
            self.page.attend(machine, &state)
        })?;
        let mut typed = false;
        for request in requests {
            match request {
                Request::Save(save) => save.answer(board.snapshot()?),
                Request::Type { uart, bytes } => {
                    typed |= uart == CONSOLE;
                    if let Some(recorder) = recorder {
                        recorder.keep_at_once(board).await;
                        recorder.typed(uart, &bytes, board.now());
                    }
                    match uart {
                        CONSOLE => board.console().send(bytes).await?,
                        uart => board.uart(uart).send(bytes).await?,
                    }
                }
                Request::Act(request) => {
                    let answer = self.act(board, request.action.clone(), recorder).await;
                    request.answer(answer);
                }
            }
        }
        Ok(typed)
    }

    fn state(&self, recorder: Option<&Recorder>) -> RunState {
        let mut sections = serde_json::Map::new();
        sections.insert("peer".to_owned(), self.peer.section());
        if let Some(recorder) = recorder {
            sections.insert("recording".to_owned(), json!({"steps": recorder.count(), "keeps": recorder.keeps()}));
        }
        RunState { running: self.pace.running, fast: self.pace.fast, halted: None, sections }
    }

    async fn act(
        &mut self,
        board: &Board,
        action: Action,
        recorder: &mut Option<Recorder>,
    ) -> Result<Value, ActionError> {
        let at = board.now();
        if let Some(recorder) = recorder {
            recorder.keep_at_once(board).await;
        }
        match action {
            Action::Stop => self.set_pace(|pace| pace.running = false),
            Action::Cont => self.set_pace(|pace| pace.running = true),
            Action::Fast { on } => self.set_pace(|pace| pace.fast = on),
            Action::Step { milliseconds } => {
                let step = espalier_serve::span(milliseconds)?;
                self.set_pace(|pace| {
                    pace.running = false;
                    pace.step = Some(step);
                });
            }
            Action::Expect { .. } => match recorder {
                Some(recorder) => recorder.expect(board, &action).await?,
                None => return Err(ActionError::NotRecorded),
            },
            Action::Listen { .. }
            | Action::Connect { .. }
            | Action::PeerSend { .. }
            | Action::PeerClose { .. }
            | Action::UdpOpen { .. }
            | Action::UdpSend { .. } => return self.peer.act(board, &action, recorder).await,
            action => {
                let kind = part_of(&action).and_then(|part| kind_of(board, part));
                let answer = match action {
                    Action::Reset => board.reset_to(Start::Flash).await.map(|()| Ok(json!({}))),
                    _ => board.machine(|machine: &mut Machine| self.page.perform(machine, action.clone())),
                };
                let answer = answer.map_err(|error| ActionError::Failed { reason: error.cause().to_string() })??;
                match (recorder, &action) {
                    (Some(recorder), Action::Network { ssid, on }) => {
                        let back = if *on { network_of(board, ssid) } else { None };
                        recorder.network(ssid, back.as_ref(), at);
                    }
                    (Some(recorder), action) => recorder.acted(action, kind.as_deref(), at),
                    (None, _) => {}
                }
                return Ok(answer);
            }
        }
        Ok(json!({}))
    }

    fn set_pace(&mut self, change: impl FnOnce(&mut Pace)) {
        change(&mut self.pace);
        self.pace.changes += 1;
    }
}

fn part_of(action: &Action) -> Option<&str> {
    match action {
        Action::Press { part, .. } => Some(part),
        _ => None,
    }
}

/// The settings of a network in the air.
fn network_of(board: &Board, ssid: &str) -> Option<AccessPoint> {
    let find = |machine: &mut Machine| machine.air().networks().find(|network| network.ssid == ssid).cloned();
    board.machine(find).ok().flatten()
}

/// The kind of a part, as board files spell it.
fn kind_of(board: &Board, part: &str) -> Option<String> {
    let find = |machine: &mut Machine| machine.parts().find(|(_, name)| *name == part).map(|(kind, _)| kind.to_owned());
    board.machine(find).ok().flatten()
}
