//! `espalier run`: a board with its console on this terminal.

mod input;
mod live;
mod session;

use std::path::PathBuf;

use espalier::Board;
use espalier_scenario::Pattern;

use crate::args::RunArgs;
use crate::bridge::Bridges;
use crate::error::CliError;
use crate::output::UNREAD;
use crate::panel::RawTerminal;
use crate::record::Record;
use crate::signals::Signals;
use crate::style::{BAD, FAINT, PLAIN, warn};
use crate::unmodelled;
use crate::window::Window;
use crate::{FAILURE, SUCCESS, hint};
use session::{Ending, Session};

/// The board's name.
const NAME: &str = "run";
/// Number of lines of the console in a failure.
const TAIL: usize = 20;

pub async fn perform(args: RunArgs) -> Result<u8, CliError> {
    if let Some(port) = args.live {
        return live::perform(&args, port).await;
    }
    let mut signals = Signals::listen()?;
    let mut record = Record::open(&args.record)?;
    let title = format!("{} on espalier", args.image.display());
    let window = args.window.then(|| Window::open(&title)).transpose()?;
    let save_at = save_at(&args)?;
    let saved = Board::is_saved(&args.image);
    let board = if saved { load(&args)? } else { start(&args).await? };
    board.warnings().iter().for_each(warn);
    record.start(&board)?;
    let bridges = Bridges::new(board.peer(), &args.network.host_forward, &args.network.peer).await?;
    let raw = RawTerminal::take();
    if raw.is_some() {
        let since = if saved { format!(" goes on at {},", board.now()) } else { String::new() };
        anstream::eprintln!(
            "{FAINT}--- {}{since} on {}; Ctrl-] leaves ---{PLAIN}\r",
            args.image.display(),
            board.kind()
        );
    }
    let mut session = Session::new(board, bridges, window, raw.is_some(), save_at, &args);
    let ending = session.run(&mut signals).await;
    let board = session.finish();
    drop(raw);
    unmodelled::summarise(&board.unmodelled_blocks(), &board.dropped());
    let written = record.write(&board);
    let status = tell(&ending?, &board, &args);
    written?;
    Ok(status)
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
