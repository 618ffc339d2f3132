//! `espalier-qemu`: the emulated board behind the command line of Espressif's `qemu-system-xtensa`.
//!
//! A test suite that was written for QEMU runs on the emulator by naming this program instead. UART0 and monitor are on standard input and
//! output, QMP controls the board, `-nic user` forwards ports, and what the firmware writes to its flash is written to the file
//! when the program ends. Options that would change what the guest sees and that the emulator does not have are refused.

mod daemon;
mod flash;
mod kernel;
mod options;
mod signals;
mod terminal;

use std::process::ExitCode;

use espalier_core::Timing;
use espalier_serve::{BoardEvent, BoardHandle, Endpoint, FusesError, Pace, ServeConfig, Server};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, SocError, Strap, timing_named};
use tokio::sync::broadcast::error::RecvError;

use daemon::{DaemonError, Part, PidFile};
use flash::{FlashError, FlashFile};
use kernel::KernelError;
use options::{Action, Options, UsageError};
use terminal::RawTerminal;

/// Speed of guest time: `realtime`, which is the default, or `fast`.
const PACE_VARIABLE: &str = "ESPALIER_PACE";
/// The cycles that instructions and memory take, `fast` or `silicon`, unless `-timing` says so.
const TIMING_VARIABLE: &str = "ESPALIER_TIMING";
/// Exit code of QEMU for anything that is wrong with its command line.
const FAILURE: u8 = 1;

const VERSION: &str = concat!(
    "QEMU emulator version 9.2.2\n",
    "This is espalier-qemu ",
    env!("CARGO_PKG_VERSION"),
    ", an ESP32 emulator that takes QEMU's command line. It is not QEMU and contains none of it.\n"
);

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Flash(#[from] FlashError),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error("the eFuses: {0}")]
    Fuses(#[from] FusesError),
    #[error("the board cannot be made: {0}")]
    Board(#[from] SocError),
    #[error(transparent)]
    Serve(#[from] espalier_serve::ServeError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("{PACE_VARIABLE} is `realtime` or `fast`, not {0:?}")]
    Pace(String),
    #[error("{TIMING_VARIABLE} is `fast` or `silicon`, not {0:?}")]
    Timing(String),
    #[error("the board was halted: {0}")]
    Halted(String),
    #[error("signals cannot be used: {0}")]
    Signals(#[from] std::io::Error),
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).map_err(Failure::from).and_then(obey) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("espalier-qemu: {failure}");
            ExitCode::from(FAILURE)
        }
    }
}

fn obey(action: Action) -> Result<ExitCode, Failure> {
    match action {
        Action::Version => print!("{VERSION}"),
        Action::List(list) => print!("{list}"),
        Action::Help => print!("{}", options::help()),
        Action::Run(options) if options.daemonize => match daemon::daemonize()? {
            Part::Background => run(*options)?,
            Part::Done(code) => return Ok(ExitCode::from(code)),
        },
        Action::Run(options) => run(*options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn pace() -> Result<Pace, Failure> {
    match std::env::var(PACE_VARIABLE).as_deref() {
        Err(_) | Ok("" | "realtime") => Ok(Pace::RealTime),
        Ok("fast") => Ok(Pace::Fast),
        Ok(other) => Err(Failure::Pace(other.to_owned())),
    }
}

fn timing() -> Result<Option<Timing>, Failure> {
    match std::env::var(TIMING_VARIABLE).as_deref() {
        Err(_) | Ok("") => Ok(None),
        Ok(name) => timing_named(name).map(Some).ok_or_else(|| Failure::Timing(name.to_owned())),
    }
}

fn run(options: Options) -> Result<(), Failure> {
    for note in &options.notes {
        eprintln!("espalier-qemu: {note}");
    }
    let _pid_file = options.pid_file.map(PidFile::create).transpose()?;
    let program = options.kernel.as_deref().map(kernel::load).transpose()?;
    let boots = options.strap == Strap::FlashBoot;
    let flash = options.flash.as_ref().map(|drive| FlashFile::open(drive, boots)).transpose()?;
    let timing = options.timing.map_or_else(timing, |timing| Ok(Some(timing)))?.unwrap_or_default();
    let mut board = BoardDefinition { psram_size: options.psram_size, timing, ..BoardDefinition::default() };
    if let Some(flash) = &flash {
        board.flash_size = flash.size();
    }
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() })?;
    if let Some(flash) = &flash {
        machine.load_flash(0, flash.content())?;
    }
    let mut efuses = None;
    if let Some(drive) = options.efuses {
        if drive.written_back {
            efuses = Some(drive.path);
        } else {
            espalier_serve::load_efuses(&drive.path, &mut machine)?;
        }
    }
    machine.power_on(options.strap);
    for stream in options.streams.iter().filter(|stream| stream.wait) {
        eprintln!("espalier-qemu: the board starts when a client has connected to {}", stream.endpoint);
    }
    let stdio = options.streams.iter().any(|stream| stream.endpoint == Endpoint::Stdio);
    let config = ServeConfig {
        pace: options.pace.map_or_else(pace, Ok)?,
        paused: options.paused,
        ptys: options.ptys.iter().map(|(uart, _)| *uart).collect(),
        streams: options.streams,
        gdb: options.gdb,
        efuses,
        program,
        ends_with_reset: options.ends_with_reset,
        cable_to: options.cable_to,
        host_forwards: options.host_forwards,
        ..ServeConfig::default()
    };
    let server = Server::start(machine, &config)?;
    for ((_, path), (_, label)) in server.pty_paths().iter().zip(&options.ptys) {
        println!("char device redirected to {} (label {label})", path.display());
    }
    let terminal = stdio.then(|| RawTerminal::enter(options.signals));
    if options.daemonize {
        daemon::release()?;
    }
    let served = serve(server.board());
    let machine = server.shutdown();
    drop(terminal);
    if let Some(flash) = flash {
        flash.write_back(&machine.flash().to_vec())?;
    }
    served
}

/// Waits until the board is shut down or a signal comes.
fn serve(board: &BoardHandle) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = shut_down(board) => ended,
            () = tell_unmodelled(board) => Ok(()),
            asked = signals::asked_to_end() => Ok(asked?),
        }
    })
}

/// Says what the firmware touches for the first time and the emulator does not model.
async fn tell_unmodelled(board: &BoardHandle) {
    let (mut noted, mut told) = (board.unmodelled(), 0);
    loop {
        let fresh = noted.borrow_and_update()[told..].to_vec();
        for access in &fresh {
            // A terminal in raw mode does not begin a line by itself, and others do not mind.
            eprintln!("espalier-qemu: {access}\r");
        }
        told += fresh.len();
        if noted.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn shut_down(board: &BoardHandle) -> Result<(), Failure> {
    let mut events = board.events();
    // A board whose firmware resets at once may end before the listener is registered.
    if board.status().await.is_err() {
        return Ok(());
    }
    loop {
        match events.recv().await {
            Ok(BoardEvent::Shutdown) | Err(RecvError::Closed) => return Ok(()),
            Ok(BoardEvent::Stop) => {
                if let Ok(status) = board.status().await
                    && let Some(reason) = status.halted
                {
                    return Err(Failure::Halted(reason));
                }
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        }
    }
}
