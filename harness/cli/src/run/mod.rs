//! `espalier run`: a board with its console on this terminal.

mod input;
mod live;
mod peer;
mod session;

use std::path::PathBuf;

use espalier::{Board, Time};
use espalier_scenario::Pattern;

use crate::args::RunArgs;
use crate::bridge::Bridges;
use crate::captures::Captures;
use crate::error::CliError;
use crate::output::UNREAD;
use crate::panel::RawTerminal;
use crate::recorder::Recorder;
use crate::signals::{Caught, Signals};
use crate::style::{BAD, FAINT, PLAIN, warn};
use crate::unmodelled;
use crate::window::Window;
use crate::{FAILURE, SUCCESS, hint};
use live::Live;
use session::{Around, Ending, Session};

/// The board's name.
const NAME: &str = "run";
/// Number of lines of the console in a failure.
const TAIL: usize = 20;

pub async fn perform(args: RunArgs) -> Result<u8, CliError> {
    session(&args, None).await?.status
}

/// A session that has ended.
pub struct Ran {
    /// The exit status.
    pub status: Result<u8, CliError>,
    /// The record of a session, and the board.
    pub recorded: Option<(Recorder, Board)>,
}

/// Runs a board to its end. `record` is the beginning of the names of pictures, if the session is recorded.
pub async fn session(args: &RunArgs, record: Option<&str>) -> Result<Ran, CliError> {
    let mut signals = Signals::listen()?;
    let mut captures = Captures::open(&args.captures)?;
    let title = format!("{} on espalier", args.image.display());
    let window = args.window.then(|| Window::open(&title)).transpose()?;
    let save_at = save_at(args)?;
    let saved = Board::is_saved(&args.image);
    let board = if saved { load(args)? } else { start(args).await? };
    board.warnings().iter().for_each(warn);
    let live = args.live.map(|port| Live::open(port, &board, args.captures.vcd.is_some())).transpose()?;
    captures.start(&board)?;
    let bridges = Bridges::new(board.peer(), &args.network.host_forward, &args.network.peer).await?;
    let recorder = record.map(|stem| Recorder::new(stem, &board));
    let raw = RawTerminal::take();
    announce(args, &board, live.as_ref(), recorder.is_some(), raw.is_some());
    let around = Around { bridges, window, live, recorder, raw: raw.is_some(), save_at };
    let mut session = Session::new(board, around, args);
    let ending = session.run(&mut signals).await;
    let (board, recorder) = session.finish();
    drop(raw);
    unmodelled::summarise(&board.unmodelled_blocks(), &board.dropped());
    let written = captures.write(&board);
    let status = ending.map(|ending| tell(&ending, &board, args)).and_then(|status| written.map(|()| status));
    Ok(Ran { status, recorded: recorder.map(|recorder| (recorder, board)) })
}

/// Says what runs, how it is left, and where its page is.
fn announce(args: &RunArgs, board: &Board, live: Option<&Live>, records: bool, raw: bool) {
    let image = args.image.display();
    let since = if board.now() > Time::ZERO { format!(" goes on at {},", board.now()) } else { String::new() };
    let leave = match (raw, records) {
        (true, false) => "Ctrl-] leaves",
        (true, true) => "recorded; Ctrl-\\ keeps the screen, Ctrl-C ends it",
        (false, _) => "Ctrl-C ends it",
    };
    if raw || live.is_some() {
        anstream::eprintln!("{FAINT}--- {image}{since} on {}; {leave} ---{PLAIN}\r", board.kind());
    }
    if let Some(live) = live {
        anstream::eprintln!("{}\r", live.address());
    }
}

/// Parses `--save-at`.
fn save_at(args: &RunArgs) -> Result<Option<(Pattern, PathBuf)>, CliError> {
    let [text, file] = args.save_at.as_slice() else { return Ok(None) };
    let pattern = text.parse().map_err(|source| CliError::SaveAt { text: text.clone(), source: Box::new(source) })?;
    Ok(Some((pattern, file.into())))
}

async fn start(args: &RunArgs) -> Result<Board, CliError> {
    let builder = args.setup.builder(NAME).firmware(&args.image);
    Ok(args.strict.apply(args.table.apply(builder)).start().await?)
}

/// The board that an earlier run has saved.
fn load(args: &RunArgs) -> Result<Board, CliError> {
    let is_free = args.setup.is_default() && args.table.partition_table.is_none() && !args.strict.strict;
    if !is_free {
        return Err(CliError::AlreadySet { path: args.image.clone() });
    }
    Ok(Board::load_as(&args.image, NAME)?)
}

/// Says how it ended, if that was a failure, and with which status.
fn tell(ending: &Ending, board: &Board, args: &RunArgs) -> u8 {
    if !Board::is_saved(&args.image) {
        hint::wrong_board(&args.setup.board, &board.console().bytes());
    }
    let (reason, console) = match ending {
        Ending::Over | Ending::Met => return SUCCESS,
        // A board with a page is meant to end so.
        Ending::Caught(Caught::Interrupt) if args.live.is_some() => return SUCCESS,
        Ending::Caught(signal) => return signal.status(),
        Ending::Unread => return UNREAD,
        Ending::Crashed(crash) => (format!("{crash}\n--allow-reset has the board go on"), false),
        Ending::Unmet { awaited, passed } => (format!("{passed} of board time have passed without {awaited}"), true),
        Ending::Unwanted { pattern, line } => {
            (format!("the console shows text that --fail-on {pattern} forbids, at {}: {line}", board.now()), true)
        }
    };
    anstream::eprintln!("{BAD}error:{PLAIN} {reason}");
    if console {
        let lines = board.console().tail(TAIL);
        anstream::eprintln!("  console{}", if lines.is_empty() { "  nothing was printed" } else { ", its last lines" });
        lines.iter().for_each(|line| anstream::eprintln!("    {line}"));
    }
    FAILURE
}
