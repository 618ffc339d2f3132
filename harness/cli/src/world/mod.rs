//! `espalier world`: several boards of a file, on one clock, with their consoles here.

mod file;
mod served;

use std::collections::VecDeque;
use std::path::Path;

use espalier::{AccessPoint, Image, Span, Time};
use espalier_soc::{BoardDefinition, MachineConfig, Strap};
use espalier_world::{BoardId, World, WorldConfig, WorldError, WorldStop, is_snapshot};

use crate::args::{TimeArgs, WorldArgs};
use crate::error::CliError;
use crate::expect::{Expectations, Verdict};
use crate::output::say;
use crate::signals::Signals;
use crate::style::{FAINT, PLAIN, warn};
use crate::{FAILURE, SUCCESS};
use file::{BoardEntry, Wire, WorldFile};
pub use served::serve;

/// The UART that is the console.
const CONSOLE: usize = 0;
/// Time for which the boards run before their consoles are checked.
const TURN: Span = Span::from_millis(5);
/// Silence of a console before the next line is typed into it.
const READY: Span = Span::from_millis(300);
/// Default time limit for expected text.
const PATIENCE: Span = Span::from_secs(30);

/// The world of a file, and the file. Its boards are switched on.
///
/// A world that was saved goes on where it stood.
fn build(path: &Path, threads: Option<usize>, time: TimeArgs) -> Result<(World, WorldFile), CliError> {
    if let Some((mut world, file)) = saved(path)? {
        if time.timing.is_some() {
            let reason = "the boards of a world that was saved keep the time that they have; leave out --timing";
            return Err(CliError::World { path: path.to_owned(), reason: reason.to_owned() });
        }
        if let Some(threads) = threads {
            world.set_threads(threads);
        }
        return Ok((world, file));
    }
    let (file, wires) = WorldFile::read(path)?;
    let config = WorldConfig { seed: file.seed, ..WorldConfig::default() };
    let threads = threads.unwrap_or(config.threads);
    let mut world = World::of(WorldConfig { threads, ..config })?;
    for network in &file.access_points {
        world.air_mut().add_access_point(AccessPoint::from(network)).map_err(WorldError::from)?;
    }
    for entry in &file.boards {
        add(&mut world, entry, time)?;
    }
    for wire in &wires {
        join(&mut world, wire).map_err(|error| {
            let reason = format!("line {}: {error}", wire.line);
            CliError::World { path: path.to_owned(), reason }
        })?;
    }
    Ok((world, file))
}

/// The world in a file, if one was saved there, with its boards' names.
fn saved(path: &Path) -> Result<Option<(World, WorldFile)>, CliError> {
    let bytes = std::fs::read(path).map_err(CliError::file("read", path))?;
    if !is_snapshot(&bytes) {
        return Ok(None);
    }
    let (world, _) = World::load(&bytes).map_err(|source| CliError::Snapshot { path: path.to_owned(), source })?;
    if world.is_of_one() {
        let reason = "this is one board that was saved, not a world; `espalier run` and `serve` go on with it";
        return Err(CliError::World { path: path.to_owned(), reason: reason.to_owned() });
    }
    let file = WorldFile::of_saved(path, world.boards().map(|(_, name)| name));
    Ok(Some((world, file)))
}

fn add(world: &mut World, entry: &BoardEntry, time: TimeArgs) -> Result<(), CliError> {
    let board = time.apply(BoardDefinition::load(&entry.model.to_string())?)?;
    let flash_size = board.flash_size;
    let id = world.add_board(&entry.name, &MachineConfig { board, ..MachineConfig::default() })?;
    let image = Image::read(&entry.firmware)?;
    image.warnings(flash_size).iter().for_each(warn);
    for part in image.parts(flash_size)? {
        world.board_mut(id).load_flash(part.offset, &part.bytes)?;
    }
    world.board_mut(id).power_on(Strap::FlashBoot);
    Ok(())
}

fn join(world: &mut World, wire: &Wire) -> Result<(), WorldError> {
    // The file was read with all its boards.
    let [one, other] = wire.ends.each_ref().map(|end| Some((world.find(&end.board)?, end.pin)));
    match one.zip(other) {
        Some((one, other)) => world.wire(one, other),
        None => Ok(()),
    }
}

/// A board, and how it stands with it.
struct RunningBoard {
    name: String,
    board: BoardId,
    expectations: Expectations,
    input: VecDeque<String>,
    /// When its console was last in use.
    active: Time,
    /// The line that has not ended.
    line: Vec<u8>,
}

impl RunningBoard {
    fn new(board: BoardId, entry: &BoardEntry) -> RunningBoard {
        RunningBoard {
            name: entry.name.clone(),
            board,
            expectations: Expectations::new(&entry.expect, &entry.fail_on),
            input: entry.input.iter().cloned().collect(),
            active: Time::ZERO,
            line: Vec::new(),
        }
    }

    /// Prints the lines that have ended, types the next one if the console has been quiet, and says if it said what it must not.
    fn attend(&mut self, world: &mut World) -> Option<String> {
        let now = world.now();
        let bytes = world.board_mut(self.board).uart_take(CONSOLE);
        for (at, byte) in &bytes {
            self.active = *at;
            if *byte == b'\n' {
                self.print();
            } else {
                self.line.push(*byte);
            }
        }
        let bytes: Vec<u8> = bytes.into_iter().map(|(_, byte)| byte).collect();
        if let Verdict::Failed { pattern, line } = self.expectations.take(&bytes, now) {
            return Some(format!("{}: the console says {pattern}, which it must not, at {now}: {line}", self.name));
        }
        if now.since(self.active) >= READY
            && let Some(line) = self.input.pop_front()
        {
            self.active = now;
            world.board_mut(self.board).uart_send(CONSOLE, format!("{line}\r").as_bytes());
        }
        None
    }

    fn print(&mut self) {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        say!("{FAINT}{:>9} {}{PLAIN} {}", self.active, self.name, text.trim_end_matches('\r'));
    }
}

/// Runs the world until everything expected was seen, or its time is over.
pub async fn perform(args: WorldArgs) -> Result<u8, CliError> {
    let (mut world, file) = build(&args.file, args.threads.map(usize::from), args.time)?;
    let boards: Vec<BoardId> = world.boards().map(|(board, _)| board).collect();
    let mut boards_running: Vec<RunningBoard> =
        boards.into_iter().zip(&file.boards).map(|(board, entry)| RunningBoard::new(board, entry)).collect();
    let expects = boards_running.iter().any(|board| board.expectations.is_open());
    let patience = args.within.or(expects.then_some(PATIENCE));
    let limit = [args.limit, patience].into_iter().flatten().min().map(|limit| world.now() + limit);
    let mut signals = Signals::listen()?;
    let failed = loop {
        tokio::select! {
            biased;
            caught = signals.caught() => return Ok(caught.status()),
            () = tokio::task::yield_now() => {}
        }
        let until = world.now() + TURN;
        let stop = world.run_until(limit.map_or(until, |limit| until.min(limit)));
        let mut failed = match stop {
            WorldStop::Unmodelled { access, .. } => Some(access.to_string()),
            WorldStop::Limit | WorldStop::Output | WorldStop::Debug { .. } => None,
        };
        for board in &mut boards_running {
            failed = failed.or(board.attend(&mut world));
        }
        let open = boards_running.iter().find_map(|board| Some((&board.name, board.expectations.awaited()?)));
        if failed.is_some() || (expects && open.is_none()) {
            break failed;
        }
        if limit.is_some_and(|limit| world.now() >= limit) {
            break open.map(|(name, awaited)| format!("{name}: still no {awaited} at {}", world.now()));
        }
    };
    boards_running.iter_mut().filter(|board| !board.line.is_empty()).for_each(RunningBoard::print);
    if let Some(reason) = failed {
        anstream::eprintln!("{}error:{} {reason}", crate::style::BAD, PLAIN);
        return Ok(FAILURE);
    }
    Ok(SUCCESS)
}
