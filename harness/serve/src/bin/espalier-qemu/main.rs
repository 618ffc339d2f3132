//! `espalier-qemu`: the emulated board behind the command line of Espressif's `qemu-system-xtensa`.
//!
//! A test suite that was written for QEMU runs on the emulator by naming this program instead. UART0 is standard input and
//! output, QMP controls the board, `-nic user` forwards ports, and what the firmware writes to its flash is written to the file
//! when the program ends. Options that would change what the guest sees and that the emulator does not have are refused.

mod flash;
mod options;
mod terminal;

use std::process::ExitCode;

use espalier_serve::{ConsolePort, Pace, ServeConfig, Server};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, SocError};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use flash::{FlashError, FlashFile};
use options::{Action, Options, SerialTarget, UsageError};
use terminal::{Keys, RawTerminal};

/// Speed of guest time: `realtime`, which is the default, or `fast`.
const PACE_VARIABLE: &str = "ESPALIER_PACE";
/// Exit code of QEMU for anything that is wrong with its command line.
const FAILURE: u8 = 1;
/// Bytes read from standard input at once.
const PIECE: usize = 1024;

const VERSION: &str = concat!(
    "QEMU emulator version 9.2.2\n",
    "This is espalier-qemu ",
    env!("CARGO_PKG_VERSION"),
    ", an ESP32 emulator that takes QEMU's command line. It is not QEMU and contains none of it.\n"
);

const MACHINES: &str = "\
Supported machines are:
esp32                Espressif ESP32, as espalier emulates it (default)
";

const HELP: &str = "\
usage: espalier-qemu [options]

An emulated ESP32 that takes the command line of qemu-system-xtensa.

  -M, -machine esp32|help    the only machine there is
  -nographic                 UART0 on standard input and output (Ctrl-A x quits)
  -drive file=F,if=mtd,format=raw[,readonly=on][,snapshot=on]
                             the flash chip: 2, 4, 8 or 16 MB; written back when the program ends
  -snapshot                  do not write it back
  -serial stdio|mon:stdio|pty|null|none|tcp:HOST:PORT[,server[,nowait]]
                             where UART0 goes
  -qmp tcp:HOST:PORT[,server[,wait=off]]
                             control by QMP: system_reset, screendump, stop, cont, quit, ...
  -nic user,model=open_eth[,hostfwd=tcp:ADDRESS:PORT-:BOARDPORT]...
                             ports of the host that lead to ports of the board
  -nic socket,model=open_eth,connect=HOST:PORT
                             Ethernet frames to and from a program that listens there
  -global driver=esp32.gpio,property=strap_mode,value=0x0f
                             start in the ROM's download mode
  -gdb tcp:[HOST]:PORT       a server for GDB; -s is -gdb tcp::1234
  -S                         do not run until QMP says `cont` or GDB continues
  -version, -help

  ESPALIER_PACE=fast         guest time as fast as the host can, instead of real time
";

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error(transparent)]
    Flash(#[from] FlashError),
    #[error("the board cannot be made: {0}")]
    Board(#[from] SocError),
    #[error(transparent)]
    Serve(#[from] espalier_serve::ServeError),
    #[error("{PACE_VARIABLE} is `realtime` or `fast`, not {0:?}")]
    Pace(String),
    #[error("standard input and signals cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).map_err(Failure::from).and_then(obey) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("espalier-qemu: {failure}");
            ExitCode::from(FAILURE)
        }
    }
}

fn obey(action: Action) -> Result<(), Failure> {
    match action {
        Action::Version => print!("{VERSION}"),
        Action::Machines => print!("{MACHINES}"),
        Action::Help => print!("{HELP}"),
        Action::Run(options) => run(&options)?,
    }
    Ok(())
}

fn pace() -> Result<Pace, Failure> {
    match std::env::var(PACE_VARIABLE).as_deref() {
        Err(_) | Ok("" | "realtime") => Ok(Pace::RealTime),
        Ok("fast") => Ok(Pace::Fast),
        Ok(other) => Err(Failure::Pace(other.to_owned())),
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let flash = options.flash.as_ref().map(FlashFile::open).transpose()?;
    let mut board = BoardDefinition::default();
    if let Some(flash) = &flash {
        board.flash_size = flash.size();
    }
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() })?;
    if let Some(flash) = &flash {
        machine.load_flash(0, flash.content())?;
    }
    machine.power_on(options.strap);
    let config = ServeConfig {
        pace: pace()?,
        paused: options.paused,
        serial: options.serial.address(),
        pty: options.serial == SerialTarget::Pty,
        serial_to: options.serial.destination(),
        qmp: options.qmp,
        gdb: options.gdb,
        qmp_to: options.qmp_to,
        cable_to: options.cable_to,
        host_forwards: options.host_forwards.clone(),
        ..ServeConfig::default()
    };
    let mut server = Server::start(machine, &config)?;
    if let Some(path) = server.pty_path() {
        println!("char device redirected to {} (label serial0)", path.display());
    }
    let _terminal = options.serial.uses_stdio().then(RawTerminal::enter);
    let keys = match options.serial {
        SerialTarget::Stdio => Some(Keys::raw()),
        SerialTarget::MuxedStdio => Some(Keys::muxed()),
        _ => None,
    };
    let console = server.console().filter(|_| keys.is_some());
    let served = serve(&server, console, keys);
    let machine = server.shutdown();
    if let Some(flash) = flash {
        flash.write_back(&machine.flash().to_vec())?;
    }
    served
}

/// Carries the console until the board is shut down, a signal comes or the user quits.
fn serve(server: &Server, console: Option<ConsolePort>, keys: Option<Keys>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let mut events = server.board().events();
        let [mut terminate, mut interrupt, mut hang_up] =
            [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        let shut_down = async {
            loop {
                match events.recv().await {
                    Ok(espalier_serve::BoardEvent::Shutdown)
                    | Err(tokio::sync::broadcast::error::RecvError::Closed) => {
                        return;
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        };
        tokio::select! {
            () = shut_down => {}
            _ = wait_for(&mut terminate) => {}
            _ = wait_for(&mut interrupt) => {}
            _ = wait_for(&mut hang_up) => {}
            () = async {
                match (&console, keys) {
                    (Some(console), Some(keys)) => talk(console, keys).await,
                    _ => std::future::pending().await,
                }
            } => {}
        }
        // What was sent last is still shown.
        if let Some(console) = &console {
            let last = std::time::Duration::from_millis(50);
            let _ = tokio::time::timeout(last, listen(console)).await;
        }
        Ok(())
    });
    // A read of standard input cannot be called off.
    runtime.shutdown_background();
    outcome
}

async fn wait_for(signal: &mut std::io::Result<tokio::signal::unix::Signal>) {
    match signal {
        Ok(signal) => {
            signal.recv().await;
        }
        // Without the signal, its default action ends the program.
        Err(_) => std::future::pending().await,
    }
}

/// Carries the console in both directions until the user quits.
async fn talk(console: &ConsolePort, keys: Keys) {
    tokio::select! {
        () = listen(console) => {}
        () = type_in(console, keys) => {}
    }
}

async fn listen(console: &ConsolePort) {
    while let Some(bytes) = console.receive().await {
        terminal::print(&bytes).await;
    }
}

async fn type_in(console: &ConsolePort, mut keys: Keys) {
    let mut input = tokio::io::stdin();
    let mut buffer = [0; PIECE];
    while let Ok(length @ 1..) = input.read(&mut buffer).await {
        let typed = keys.take(&buffer[..length]);
        if let Some(message) = typed.message {
            terminal::print(message.as_bytes()).await;
        }
        if console.send(&typed.bytes).await.is_err() || typed.quit {
            return;
        }
    }
    // The end of the input is not the end of the board.
    std::future::pending().await
}
