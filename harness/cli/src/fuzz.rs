//! `espalier fuzz`: looks for bytes that firmware does not survive.

use std::fs;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use espalier::{Board, PeerStream, Span, UdpSocket};
use espalier_fuzz::{Entry, Fuzz, FuzzError, Limits, Progress, Report};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{FuzzArgs, FuzzInput};
use crate::error::CliError;
use crate::signals::Signals;
use crate::style::{BAD, GOOD, PLAIN, warn};
use crate::{FAILURE, SUCCESS};

/// A board that has a line typed into it gets at least and at most so much time for its start.
const BOOT: (Span, Span) = (Span::from_millis(500), Span::from_secs(20));
const TEMPLATE: &str = "{spinner} {elapsed} {msg}";

/// Connections that stay open while the board is fuzzed.
#[derive(Default)]
struct Open {
    stream: Option<PeerStream>,
    socket: Option<UdpSocket>,
}

pub async fn perform(args: FuzzArgs) -> Result<u8, CliError> {
    let mut signals = Signals::listen()?;
    let read = |path: &PathBuf| fs::read(path).map_err(CliError::file("read", path));
    let examples = args.example.iter().map(read).collect::<Result<Vec<_>, CliError>>()?;
    let builder = args.setup.builder("fuzz").firmware(&args.firmware);
    let board = args.table.apply(builder).start().await?;
    board.warnings().iter().for_each(warn);
    let prepared = tokio::select! {
        prepared = prepare(&board, &args, examples) => prepared?,
        signal = signals.caught() => return Ok(signal.status()),
    };
    let (fuzz, open) = prepared;
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, searched) = (Arc::clone(&stop), board.handle());
    let search = move || run(&fuzz, &searched, &stopped);
    let mut search = tokio::task::spawn_blocking(search);
    let caught = tokio::select! {
        report = &mut search => return tell(&joined(report)?, None),
        signal = signals.caught() => signal,
    };
    stop.store(true, Ordering::Relaxed);
    let report = joined(search.await)?;
    drop(open);
    tell(&report, Some(caught.status()))
}

fn joined(report: Result<Result<Report, FuzzError>, tokio::task::JoinError>) -> Result<Report, CliError> {
    Ok(report.map_err(std::io::Error::other)??)
}

/// Brings the board to where it waits for inputs.
async fn prepare(board: &Board, args: &FuzzArgs, examples: Vec<Vec<u8>>) -> Result<(Fuzz, Open), CliError> {
    if !args.send.is_empty() {
        // Lines that come while the chip boots are lost.
        board.run_to_rest(BOOT.0, BOOT.1)?;
    }
    for line in &args.send {
        board.console().send_line(line).await?;
    }
    if let Some(text) = &args.ready {
        board.console().expect(text.as_str()).await?;
    }
    let mut open = Open::default();
    let entry = match args.input {
        FuzzInput::Uart(number) => Entry::uart(number),
        FuzzInput::Ethernet => Entry::ethernet(),
        FuzzInput::Wifi => Entry::radio(),
        FuzzInput::Flash(offset) => Entry::flash(offset),
        FuzzInput::Tcp(port) => Entry::tcp(open.stream.insert(board.peer().connect(port).await?)),
        FuzzInput::Udp(port) => {
            let to = SocketAddrV4::new(board.address().await?, port);
            Entry::udp(open.socket.insert(board.peer().udp(0)?), to)
        }
    };
    let limits = Limits { least: args.least, most: args.most };
    let mut fuzz = Fuzz::new(entry).limits(limits).time(Duration::from_secs_f64(args.time.as_secs_f64()));
    fuzz = args.threads.into_iter().fold(fuzz, |fuzz, threads| fuzz.threads(threads.get()));
    fuzz = args.corpus.iter().fold(fuzz, Fuzz::corpus);
    fuzz = args.fail_on.iter().fold(fuzz, Fuzz::fail_on);
    fuzz = examples.into_iter().fold(fuzz, Fuzz::seed);
    Ok((if args.first { fuzz.until_found() } else { fuzz }, open))
}

/// Searches, with its progress on the terminal.
fn run(fuzz: &Fuzz, board: &Board, stop: &AtomicBool) -> Result<Report, FuzzError> {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    let tell = |progress: &Progress| {
        bar.set_message(progress.to_string());
        bar.tick();
    };
    let report = fuzz.run_and_tell(board, || stop.load(Ordering::Relaxed), tell);
    bar.finish_and_clear();
    report
}

/// Says what was found, and with which status the command ends: that of the signal, if nothing was.
fn tell(report: &Report, signal: Option<u8>) -> Result<u8, CliError> {
    anstream::eprintln!("{report}");
    if report.findings.is_empty() {
        anstream::eprintln!("{GOOD}nothing found{PLAIN}");
        return Ok(signal.unwrap_or(SUCCESS));
    }
    anstream::eprintln!("{BAD}found:{PLAIN} {}", report.findings.len());
    Ok(FAILURE)
}
