//! `espalier run-script`: a script on a board's MicroPython, with its output and its exit status here.

use std::io::Write;
use std::path::PathBuf;

use espalier::{AccessPoint, Board, BoardBuilder, ErrorKind, IMAGE_VARIABLE, RunningScript, Script, Span};

use crate::args::ScriptArgs;
use crate::error::CliError;
use crate::style::{BAD, PLAIN, warn};
use crate::unmodelled::{self, Notes};

/// How long the board runs between two looks at what the script has printed.
const TURN: Span = Span::from_millis(5);

pub async fn perform(args: ScriptArgs) -> Result<bool, CliError> {
    let script = Script::read(&args.script)?.arguments(args.arguments);
    let firmware = args.firmware.or_else(|| std::env::var_os(IMAGE_VARIABLE).map(PathBuf::from));
    let firmware = firmware.ok_or(ErrorKind::NoFirmware { variable: IMAGE_VARIABLE }).map_err(espalier::Error::from)?;
    let builder = Board::builder()
        .model(args.board.clone())
        .seed(args.seed)
        .strict(args.strict)
        .name("run-script")
        .firmware(firmware);
    let builder = args.allow.iter().fold(builder, BoardBuilder::allow);
    let builder = args.table.partition_table.into_iter().fold(builder, BoardBuilder::partition_table);
    let networks = args.access_point.iter().map(AccessPoint::from);
    let board = networks.fold(builder, BoardBuilder::access_point).start().await?;
    board.warnings().iter().for_each(warn);
    if args.air_pcap.is_some() {
        board.air().start_capture()?;
    }
    if let Some(display) = &args.mirror {
        board.micropython().mirror(display).await?;
    }
    let mut running = board.micropython().start(script).await?;
    let ended = follow(&board, &mut running, args.within).await;
    unmodelled::summarise(&board.unmodelled_blocks());
    let ended = ended?;
    if let Some(path) = &args.air_pcap {
        espalier_files::write(path, &board.air().capture()?).map_err(CliError::file("write", path))?;
    }
    if let Some(path) = &args.screen {
        espalier_files::write(path, &board.screen().picture().await?.png()).map_err(CliError::file("write", path))?;
    }
    if !ended {
        let limit = args.within.unwrap_or_default();
        anstream::eprintln!("{BAD}error:{PLAIN} {} still ran after {limit} of board time", args.script.display());
        return Ok(false);
    }
    match running.finished().await {
        Ok(_) => Ok(true),
        Err(error) => match error.exception() {
            Some(exception) => {
                anstream::eprintln!("{BAD}error:{PLAIN} {exception}");
                Ok(false)
            }
            None => Err(error.into()),
        },
    }
}

/// Prints what the script prints until it ends, or for `limit` of board time; says whether it has ended.
async fn follow(board: &Board, running: &mut RunningScript, limit: Option<Span>) -> Result<bool, CliError> {
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
        stdout.write_all(&output)?;
        stdout.flush()?;
        notes.tell(&board.unmodelled_notes(notes.told()));
        if ended || limit.is_some_and(|limit| board.now().since(begun) >= limit) {
            return Ok(ended);
        }
        board.run_for(TURN).await?;
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
