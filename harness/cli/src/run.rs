//! `espalier run`: a board with its console on this terminal.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use espalier::{AccessPoint, Board, BoardBuilder, SETTLED, Span, Time, Units};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::RunArgs;
use crate::bridge::Bridges;
use crate::error::CliError;
use crate::panel::{Panel, RawTerminal};
use crate::style::{FAINT, PLAIN, warn};
use crate::unmodelled::{self, Notes};
use crate::window::Window;

/// Ctrl-], which leaves, as in telnet and ESP-IDF's monitor.
const LEAVE: u8 = 0x1D;
/// How long the board runs between two looks at everything else.
const TURN: Span = Span::from_millis(5);
/// How long the console has to be quiet before it is given the next piece of input that was piped in.
const READY: Span = Span::from_millis(300);
/// How long the console has to be quiet after the end of the input.
const QUIET: Span = Span::from_secs(2);

pub async fn perform(args: RunArgs) -> Result<bool, CliError> {
    let title = format!("{} on espalier", args.image.display());
    let window = args.window.then(|| Window::open(&title)).transpose()?;
    let builder = Board::builder()
        .model(args.board.clone())
        .seed(args.seed)
        .strict(args.strict)
        .name("run")
        .firmware(&args.image);
    let builder = args.table.partition_table.into_iter().fold(builder, BoardBuilder::partition_table);
    let builder = args.allow.iter().fold(builder, BoardBuilder::allow);
    let networks = args.access_point.iter().map(AccessPoint::from);
    let board = networks.fold(builder, BoardBuilder::access_point).start().await?;
    board.warnings().iter().for_each(warn);
    if args.pcap.is_some() {
        board.start_capture()?;
    }
    if args.air_pcap.is_some() {
        board.air().start_capture()?;
    }
    let bridges = Bridges::new(board.peer(), &args.host_forward, &args.peer).await?;
    let raw = RawTerminal::take();
    if raw.is_some() {
        anstream::eprintln!("{FAINT}--- {} on {}; Ctrl-] leaves ---{PLAIN}\r", args.image.display(), board.kind());
    }
    let panel = match board.screen().picture().await {
        Ok(picture) if raw.is_some() && !args.no_screen && window.is_none() => Panel::take(picture.bitmap()),
        _ => None,
    };
    let mut session = Session {
        paced: window.is_some() || (raw.is_some() && args.limit.is_none()),
        raw: raw.is_some(),
        input: keys(),
        input_ended: false,
        last_input: Time::ZERO,
        last_output: None,
        bridges,
        panel,
        window,
        seen: Time::ZERO,
        saved: 0,
        unsaved: false,
        last_byte: None,
        notes: Notes::default(),
        board,
    };
    let result = session.run(&args).await;
    if let Some(path) = &args.pcap {
        espalier_files::write(path, &session.board.capture()).map_err(CliError::file("write", path))?;
    }
    if let Some(path) = &args.air_pcap {
        espalier_files::write(path, &session.board.air().capture()?).map_err(CliError::file("write", path))?;
    }
    drop(session.panel.take());
    drop(raw);
    unmodelled::summarise(&session.board.unmodelled_blocks());
    result?;
    Ok(true)
}

struct Session {
    board: Board,
    bridges: Bridges,
    panel: Option<Panel>,
    window: Option<Window>,
    input: UnboundedReceiver<Vec<u8>>,
    input_ended: bool,
    last_input: Time,
    last_output: Option<Time>,
    /// Whether board time keeps pace with the clock on the wall.
    paced: bool,
    /// Whether the terminal is in raw mode.
    raw: bool,
    /// When the picture that was drawn last appeared.
    seen: Time,
    saved: usize,
    unsaved: bool,
    last_byte: Option<u8>,
    notes: Notes,
}

impl Session {
    async fn run(&mut self, args: &RunArgs) -> Result<(), CliError> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (begun, clock) = (self.board.now(), Instant::now());
        if let Some(folder) = &args.screen_dir {
            fs::create_dir_all(folder).map_err(CliError::file("create", folder))?;
        }
        loop {
            let turn = args.limit.map_or(TURN, |limit| TURN.min(remaining(limit, self.board.now().since(begun))));
            let ran = self.board.run_for(turn).await;
            self.print()?;
            self.notes.tell(&self.board.unmodelled_notes(self.notes.told()));
            ran?;
            self.look(args.screen_dir.as_ref()).await?;
            self.bridges.turn().await;
            if !self.take_input().await? || self.window.as_ref().is_some_and(Window::is_closed) {
                return Ok(());
            }
            let passed = self.board.now().since(begun);
            if args.limit.is_some_and(|limit| passed >= limit) || (args.limit.is_none() && self.is_over()) {
                return Ok(());
            }
            let ahead = Duration::from(passed).saturating_sub(clock.elapsed());
            let pause = if self.paced { ahead } else { Duration::ZERO };
            if tokio::time::timeout(pause, caught(&mut terminate, &mut interrupt)).await.is_ok() {
                return Ok(());
            }
        }
    }

    /// Prints what the board has printed.
    fn print(&mut self) -> Result<(), CliError> {
        let bytes = self.board.console().take_unread();
        if bytes.is_empty() {
            return Ok(());
        }
        self.last_output = Some(self.board.now());
        let mut output = std::io::stdout().lock();
        for byte in bytes {
            // A terminal in raw mode does not begin a line by itself.
            if self.raw && byte == b'\n' && self.last_byte != Some(b'\r') {
                output.write_all(b"\r")?;
            }
            output.write_all(&[byte])?;
            self.last_byte = Some(byte);
        }
        Ok(output.flush()?)
    }

    /// Draws the screen when it has changed, and saves it when it has settled.
    async fn look(&mut self, folder: Option<&PathBuf>) -> Result<(), CliError> {
        let Ok(picture) = self.board.screen().picture().await else { return Ok(()) };
        if let Some(window) = &mut self.window {
            window.show(picture.bitmap());
        }
        if picture.changed() != self.seen {
            self.seen = picture.changed();
            self.unsaved = true;
            if let Some(panel) = &self.panel {
                panel.draw(picture.bitmap());
            }
        }
        let Some(folder) = folder else { return Ok(()) };
        if self.unsaved && picture.at().since(picture.changed()) >= SETTLED {
            self.unsaved = false;
            self.saved += 1;
            let path = folder.join(format!("{:04}-{}.png", self.saved, picture.changed()));
            fs::write(&path, picture.png()).map_err(CliError::file("write", &path))?;
        }
        Ok(())
    }

    /// Sends keys to the board; false if one of them says to leave.
    async fn take_input(&mut self) -> Result<bool, CliError> {
        // A program that pipes its input in cannot see when the firmware begins to listen.
        while self.raw || self.is_quiet(READY) {
            match self.input.try_recv() {
                Ok(bytes) if self.raw && bytes.contains(&LEAVE) => return Ok(false),
                Ok(bytes) => {
                    self.board.console().send(bytes).await?;
                    self.last_input = self.board.now();
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => {
                    self.input_ended = true;
                    return Ok(true);
                }
            }
        }
        Ok(true)
    }

    /// Whether the console has been quiet for this long, since it was last given something and after it has said something.
    fn is_quiet(&self, span: Span) -> bool {
        let last = self.last_output.map(|at| at.max(self.last_input));
        last.is_some_and(|last| self.board.now().since(last) >= span)
    }

    /// Whether the input has ended and there is nothing more to come or to see.
    fn is_over(&self) -> bool {
        self.input_ended && self.window.is_none() && self.is_quiet(QUIET)
    }
}

fn remaining(limit: Span, passed: Span) -> Span {
    (limit.ticks().saturating_sub(passed.ticks()) / 1.us().ticks()).us().max(1.us())
}

/// Comes when someone wants the command to end.
async fn caught(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// What comes from standard input. It is read on a thread of its own, because reading it cannot be interrupted.
fn keys() -> UnboundedReceiver<Vec<u8>> {
    const CHUNK: usize = 256;
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        let mut chunk = [0; CHUNK];
        while let Ok(count) = std::io::stdin().lock().read(&mut chunk) {
            if count == 0 || sender.send(chunk[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
