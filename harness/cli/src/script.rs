//! `espalier run-script`: a script on a board's MicroPython, with its output and its exit status here.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use espalier::{Board, Capability, IMAGE_VARIABLE, MicroPythonError, RunningScript, Script, Span, Units};

use crate::args::ScriptArgs;
use crate::bridge::Bridges;
use crate::captures::{Captures, Output};
use crate::error::CliError;
use crate::output::UNREAD;
use crate::signals::{Caught, Signals};
use crate::style::{BAD, PLAIN, warn};
use crate::unmodelled::{self, Notes};
use crate::{FAILURE, SUCCESS, hint};

/// Time for which the board runs before the script's output is checked.
const TURN: Span = Span::from_millis(5);

/// The end of a script.
enum Ending {
    /// By itself, with an exception, or with its board.
    Ended(Result<(), espalier::Error>),
    /// It did not end in time.
    Late(Span),
    /// The reader of the output is gone.
    Unread,
    /// A signal.
    Caught(Caught),
}

pub async fn perform(args: ScriptArgs) -> Result<u8, CliError> {
    let mut signals = Signals::listen()?;
    let script = Script::read(&args.script)?.arguments(args.arguments.clone());
    let firmware = args.firmware.clone().or_else(|| std::env::var_os(IMAGE_VARIABLE).map(PathBuf::from));
    let mut captures = Captures::open(&args.captures)?;
    let screen = args.screen.as_deref().map(Output::open).transpose()?;
    let builder = args.setup.builder("run-script").firmware(firmware.ok_or(CliError::NoFirmware)?);
    let board = args.strict.apply(args.table.apply(builder)).start().await?;
    board.warnings().iter().for_each(warn);
    captures.start(&board)?;
    let ending = tokio::select! {
        ending = play(&board, script, &args) => ending,
        signal = signals.caught() => Ok(Ending::Caught(signal)),
    };
    if matches!(ending, Ok(Ending::Caught(_) | Ending::Unread)) && !board.supports(Capability::VirtualTime) {
        // A board that goes on after this command is left at its prompt, if it can be brought there.
        let _ = board.micropython().interrupt().within(1.s()).await;
    }
    unmodelled::summarise(&board.unmodelled_blocks(), &board.dropped());
    let written = captures.write(&board);
    let pictured = match screen {
        Some(screen) => screen.write(&board.screen().picture().await?.png()).map(drop),
        None => Ok(()),
    };
    let status = tell(ending?, &args)?;
    written.and(pictured)?;
    Ok(status)
}

/// Starts the script and follows it to its end.
async fn play(board: &Board, script: Script, args: &ScriptArgs) -> Result<Ending, CliError> {
    let mut bridges = Bridges::new(board.peer(), &args.network.host_forward, &args.network.peer).await?;
    if let Some(display) = &args.mirror {
        board.micropython().mirror(display).await?;
    }
    match board.micropython().start(script).await {
        Ok(mut running) => follow(board, &mut running, &mut bridges, args.within).await,
        Err(error) => Ok(Ending::Ended(Err(error))),
    }
}

/// Prints what the script prints until it ends, or for `limit` of board time.
async fn follow(
    board: &Board,
    running: &mut RunningScript,
    bridges: &mut Bridges,
    limit: Option<Span>,
) -> Result<Ending, CliError> {
    let begun = board.now();
    let mut lines = LineEnds::default();
    let mut notes = Notes::default();
    loop {
        let ended = running.has_ended();
        let mut output = lines.plain(running.take_output());
        if ended {
            output.extend(lines.rest());
        }
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(&output).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Ending::Unread),
            written => written?,
        }
        drop(stdout);
        notes.tell(&board.unmodelled_notes(notes.told()));
        if ended {
            return Ok(Ending::Ended(running.finished().await.map(drop)));
        }
        if let Some(limit) = limit.filter(|limit| board.now().since(begun) >= *limit) {
            return Ok(Ending::Late(limit));
        }
        board.run_for(TURN).await?;
        bridges.turn().await;
    }
}

/// Says how it ended, if that was a failure, and with which status.
fn tell(ending: Ending, args: &ScriptArgs) -> Result<u8, CliError> {
    let error = match ending {
        Ending::Ended(Ok(())) => return Ok(SUCCESS),
        Ending::Caught(signal) => return Ok(signal.status()),
        Ending::Unread => return Ok(UNREAD),
        Ending::Late(limit) => {
            anstream::eprintln!("{BAD}error:{PLAIN} {} still ran after {limit} of board time", args.script.display());
            return Ok(FAILURE);
        }
        Ending::Ended(Err(error)) => error,
    };
    match (error.exception(), error.board_loss()) {
        (Some(exception), _) => Ok(raised(exception, args)),
        (None, Some(_)) if args.allow_reset => Ok(SUCCESS),
        (None, Some(_)) => {
            anstream::eprintln!("{BAD}error:{PLAIN} {error}\n--allow-reset takes this for the script's end");
            Ok(FAILURE)
        }
        (None, None) => Err(error.into()),
    }
}

/// Tells of the exception that ended the script, and says with which status.
fn raised(exception: &MicroPythonError, args: &ScriptArgs) -> u8 {
    match (exception.exit_status(), exception.exit_message()) {
        (Some(status), None) => status,
        (Some(status), Some(message)) => {
            anstream::eprintln!("{message}");
            status
        }
        (None, _) => {
            anstream::eprintln!("{BAD}error:{PLAIN} {exception}");
            hint::wrong_board(&args.setup.board, exception.traceback.as_bytes());
            FAILURE
        }
    }
}

/// Turns the console's line ends into those of this computer, however the bytes are cut.
#[derive(Default)]
struct LineEnds {
    /// A carriage return that a line feed may follow.
    held: bool,
}

impl LineEnds {
    fn plain(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let mut plain = Vec::with_capacity(bytes.len() + 1);
        for byte in bytes {
            if std::mem::replace(&mut self.held, byte == b'\r') && byte != b'\n' {
                plain.push(b'\r');
            }
            if byte != b'\r' {
                plain.push(byte);
            }
        }
        plain
    }

    fn rest(&mut self) -> Option<u8> {
        std::mem::take(&mut self.held).then_some(b'\r')
    }
}

#[cfg(test)]
mod tests {
    use super::LineEnds;

    #[test]
    fn line_ends_are_found_across_cuts() {
        let mut lines = LineEnds::default();
        let pieces: Vec<u8> =
            ["a\r", "\nb\r\r", "\n", "c\rd\r"].into_iter().flat_map(|piece| lines.plain(piece.into())).collect();
        assert_eq!((pieces.as_slice(), lines.rest(), lines.rest()), (&b"a\nb\r\nc\rd"[..], Some(b'\r'), None));
    }
}
