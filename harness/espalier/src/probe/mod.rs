//! The chip under a debug probe: probe-rs on the debug modules of both cores.
//!
//! [`Board::probe`](crate::Board::probe) attaches to the running chip. On an emulated board the probe is in this process and
//! clocks the JTAG pins of the emulated chip, so that the same probe-rs with the same sequences and the same flash loader works
//! there as on a bench. On a bench it is the USB probe that the board's entry in `bench.toml` names.
//!
//! These calls block: what a probe does takes milliseconds. On an emulated board they take board time for every cycle of the
//! clock, 20 MHz, and 125 us for every exchange.
//!
//! Limits of probe-rs 0.32 on an ESP32, on any kind of board: no data breakpoints, no more than two breakpoints a core, and no
//! attaching while firmware uses GPIO12 to 15 for itself, which are the pins of JTAG. Attaching and halting switch the chip's
//! watchdogs off.

mod attach;
mod backtrace;
mod driver;
mod pins;
mod symbols;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use espalier_core::Span;
use probe_rs::flashing::DownloadOptions;
use probe_rs::{Error as ProbeError, MemoryInterface, RegisterId, Session};

pub use backtrace::{Backtrace, CallFrame};
pub use probe_rs;
pub use symbols::Symbol;

use self::symbols::Symbols;
use crate::driver::{Capability, Driver, ProbePort};
use crate::error::{Cause, Source};
use crate::image::Image;
use crate::session::{Result, Shared, Timeout};

/// The debug probe, or the chip at it, did not do something.
///
/// ```
/// use espalier::probe::ProbeFailure;
///
/// let error = ProbeFailure { action: "halt", what: "PRO CPU".to_owned(), source: "no answer".into() };
/// assert_eq!(error.to_string(), "cannot halt the PRO CPU with the debug probe: no answer");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the {what} with the debug probe: {source}")]
pub struct ProbeFailure {
    /// The operation, such as "halt".
    pub action: &'static str,
    /// To what, such as "PRO CPU".
    pub what: String,
    /// probe-rs's error.
    pub source: Source,
}

impl Cause for ProbeFailure {}

/// Time limit for a core to stop, in the host's time.
const PATIENCE: Duration = Duration::from_secs(1);
/// Board time between two looks at whether a core has stopped.
const LOOK: Span = Span::from_micros(100);

/// A core of the chip.
///
/// ```
/// use espalier::probe::Core;
///
/// assert_eq!(Core::ALL.map(|core| core.to_string()), ["PRO CPU", "APP CPU"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Core {
    /// The core that boots.
    Pro,
    /// The core that software starts. A probe that was attached before that does not reach it.
    App,
}

impl Core {
    /// Both cores.
    pub const ALL: [Core; 2] = [Core::Pro, Core::App];

    fn index(self) -> usize {
        match self {
            Core::Pro => 0,
            Core::App => 1,
        }
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Core::Pro => "PRO CPU",
            Core::App => "APP CPU",
        })
    }
}

/// Registers of a stopped core.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use espalier::probe::Core;
///
/// let mut probe = board.probe()?;
/// probe.halt(Core::Pro)?;
/// let registers = probe.registers(Core::Pro)?;
/// println!("pc {:#010x}, stack pointer {:#010x}", registers.pc, registers.a[1]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Address of the next instruction.
    pub pc: u32,
    /// Processor status.
    pub ps: u32,
    /// `a0` to `a15` of the current window.
    pub a: [u32; 16],
}

/// A debug probe that is attached to a board. Dropping it lets the cores go.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use espalier::probe::Core;
///
/// let mut probe = board.probe()?;
/// let pc = probe.halt(Core::Pro)?;
/// println!("the PRO CPU stopped at {pc:#010x}");
/// probe.resume(Core::Pro)?;
/// # Ok(())
/// # }
/// ```
pub struct Probe {
    session: Session,
    shared: Arc<Shared>,
}

impl Probe {
    pub(crate) fn attach(shared: &Arc<Shared>) -> Result<Probe> {
        let port = {
            let driver = &shared.lock().driver;
            driver.probe_port().ok_or_else(|| driver.unsupported(Capability::Probe))
        };
        let session = port.and_then(|port| match port {
            ProbePort::Pins => attach::to_pins(Arc::downgrade(shared)),
            ProbePort::Usb(selector) => attach::to_usb(&selector),
        });
        match session {
            Ok(session) => Ok(Probe { session, shared: shared.clone() }),
            Err(kind) => Err(shared.lock().fail(kind)),
        }
    }

    /// Stops a core and returns the address of its next instruction.
    ///
    /// # Errors
    /// If the probe or the core does not answer ([`ProbeFailure`]).
    pub fn halt(&mut self, core: Core) -> Result<u32> {
        self.on(core, "halt", |core| Ok(core.halt(PATIENCE)?.pc as u32))
    }

    /// Lets a core go on. At a breakpoint it steps over it first.
    ///
    /// # Errors
    /// If the probe or the core does not answer ([`ProbeFailure`]).
    pub fn resume(&mut self, core: Core) -> Result<()> {
        self.on(core, "resume", |core| core.run())
    }

    /// Executes one instruction of a stopped core and returns the address of the next one.
    ///
    /// # Errors
    /// If the core runs, or does not answer ([`ProbeFailure`]).
    pub fn step(&mut self, core: Core) -> Result<u32> {
        self.on(core, "step", |core| Ok(core.step()?.pc as u32))
    }

    /// Whether a core is stopped.
    ///
    /// # Errors
    /// If the probe or the core does not answer ([`ProbeFailure`]).
    pub fn is_halted(&mut self, core: Core) -> Result<bool> {
        self.on(core, "look at", |core| core.core_halted())
    }

    /// Lets the board run until a core stops, at a breakpoint for instance, and returns the address of its next instruction. Gives
    /// up after `within` of board time.
    ///
    /// # Errors
    /// If the core does not stop in time, or does not answer.
    pub fn wait_for_halt(&mut self, core: Core, within: Span) -> Result<u32> {
        let end = self.shared.lock().driver.now() + within;
        while !self.is_halted(core)? {
            let mut state = self.shared.lock();
            if state.driver.now() >= end {
                return Err(state.fail(Timeout { what: format!("the {core} to stop"), waited: within }));
            }
            match state.driver.probe_port() {
                Some(ProbePort::Pins) => state.driver.jtag_pause(LOOK),
                _ => {
                    drop(state);
                    std::thread::sleep(Duration::from_micros(LOOK.as_micros()));
                }
            }
        }
        self.on(core, "read the registers of", |core| core.read_core_reg(backtrace::PC))
    }

    /// The registers of a stopped core.
    ///
    /// # Errors
    /// If the core runs, or does not answer ([`ProbeFailure`]).
    pub fn registers(&mut self, core: Core) -> Result<Registers> {
        self.on(core, "read the registers of", |core| {
            let mut a = [0; 16];
            for (number, value) in a.iter_mut().enumerate() {
                *value = core.read_core_reg(RegisterId(number as u16))?;
            }
            Ok(Registers { pc: core.read_core_reg(backtrace::PC)?, ps: core.read_core_reg(backtrace::PS)?, a })
        })
    }

    /// Stops a core whenever it comes to `address`. There are two of these a core.
    ///
    /// # Errors
    /// If both breakpoints of the core are in use, or it does not answer ([`ProbeFailure`]).
    pub fn set_breakpoint(&mut self, core: Core, address: u32) -> Result<()> {
        self.on(core, "set a breakpoint of", |core| core.set_hw_breakpoint(u64::from(address)))
    }

    /// Takes a breakpoint away.
    ///
    /// # Errors
    /// If there is no such breakpoint, or the core does not answer ([`ProbeFailure`]).
    pub fn clear_breakpoint(&mut self, core: Core, address: u32) -> Result<()> {
        self.on(core, "clear a breakpoint of", |core| core.clear_hw_breakpoint(u64::from(address)))
    }

    /// Reads memory as a core sees it, flash behind its cache included. A running core is stopped for it and goes on.
    ///
    /// # Errors
    /// If the core does not answer, or has no memory there ([`ProbeFailure`]).
    pub fn read(&mut self, core: Core, address: u32, bytes: &mut [u8]) -> Result<()> {
        self.on(core, "read memory of", |core| core.read(u64::from(address), bytes))
    }

    /// Reads a word at an address that is a multiple of four.
    ///
    /// # Errors
    /// If the core does not answer, or has no memory there ([`ProbeFailure`]).
    pub fn read_word(&mut self, core: Core, address: u32) -> Result<u32> {
        self.on(core, "read memory of", |core| core.read_word_32(u64::from(address)))
    }

    /// Writes memory as a core sees it. A running core is stopped for it and goes on.
    ///
    /// # Errors
    /// If the core does not answer, or has no memory there ([`ProbeFailure`]).
    pub fn write(&mut self, core: Core, address: u32, bytes: &[u8]) -> Result<()> {
        self.on(core, "write memory of", |core| core.write(u64::from(address), bytes))
    }

    /// Resets the chip and stops the PRO CPU at its reset vector, whose address it returns.
    ///
    /// # Errors
    /// If the chip does not answer ([`ProbeFailure`]).
    pub fn reset_and_halt(&mut self) -> Result<u32> {
        self.on(Core::Pro, "reset", |core| Ok(core.reset_and_halt(PATIENCE)?.pc as u32))
    }

    /// Resets the chip and lets it start. Its watchdogs stay off until software switches them on.
    ///
    /// # Errors
    /// If the chip does not answer ([`ProbeFailure`]).
    pub fn reset(&mut self) -> Result<()> {
        self.on(Core::Pro, "reset", |core| core.reset())
    }

    /// Writes an image into flash as [`write_flash`](Probe::write_flash) does.
    ///
    /// # Errors
    /// If the image does not fit the chip, or writing fails ([`ProbeFailure`]).
    pub fn flash(&mut self, image: &Image) -> Result<()> {
        let size = self.shared.lock().driver.flash_size();
        let parts = image.parts(size).map_err(|error| self.shared.lock().fail(error))?;
        self.program(parts.iter().map(|part| (part.offset, part.bytes.as_slice())))
    }

    /// Writes bytes into flash with probe-rs's flash loader, reads them back, and leaves the chip stopped at its reset vector.
    /// Sectors that are not written whole lose the rest of what they held.
    ///
    /// # Errors
    /// If writing fails, or the bytes read back differ ([`ProbeFailure`]).
    pub fn write_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<()> {
        self.program([(offset, bytes)])
    }

    fn program<'a>(&mut self, parts: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<()> {
        let mut loader = self.session.target().flash_loader();
        for (offset, bytes) in parts {
            let added = loader.add_data(u64::from(offset), bytes);
            added.map_err(|error| self.failed("plan the flash of", error))?;
        }
        let mut options = DownloadOptions::new();
        options.verify = true;
        loader.commit(&mut self.session, options).map_err(|error| self.failed("flash", error))?;
        self.reset_and_halt().map(drop)
    }

    /// The call stack of a core, with names from the firmware's ELF file. A running core is stopped for it and goes on.
    ///
    /// # Errors
    /// If the core does not answer ([`ProbeFailure`]).
    pub fn backtrace(&mut self, core: Core) -> Result<Backtrace> {
        let symbols = Symbols::read(self.shared.lock().elf.as_deref());
        backtrace(&mut self.session, core, &symbols).map_err(|error| self.failed("read the stack of", error))
    }

    /// The session of probe-rs, for everything that is not here.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn on<T>(
        &mut self,
        core: Core,
        action: &'static str,
        act: impl FnOnce(&mut probe_rs::Core<'_>) -> std::result::Result<T, ProbeError>,
    ) -> Result<T> {
        let done = self.session.core(core.index()).and_then(|mut handle| act(&mut handle));
        done.map_err(|error| self.shared.lock().fail(failure(action, core.to_string(), error)))
    }

    fn failed(&self, action: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> crate::Error {
        self.shared.lock().fail(failure(action, "chip".to_owned(), error))
    }
}

fn failure(action: &'static str, what: String, error: impl std::error::Error + Send + Sync + 'static) -> ProbeFailure {
    ProbeFailure { action, what, source: Box::new(error) }
}

fn backtrace(session: &mut Session, core: Core, symbols: &Symbols) -> std::result::Result<Backtrace, ProbeError> {
    let mut handle = match session.core(core.index()) {
        Err(ProbeError::CoreDisabled(_) | ProbeError::CoreNotFound(_)) => {
            return Ok(Backtrace { core, frames: Vec::new() });
        }
        handle => handle?,
    };
    let was_halted = handle.core_halted()?;
    if !was_halted {
        handle.halt(PATIENCE)?;
    }
    let trace = backtrace::walk(core, &mut handle, symbols);
    if !was_halted {
        handle.run()?;
    }
    trace
}

/// The call stacks of both cores, for a failure: without disturbing the board if it can be forked. Empty if there is no probe, or
/// it does not get through: a failure must not hide behind another one.
pub(crate) fn stacks(driver: &dyn Driver, symbols: Option<&Path>) -> Vec<String> {
    let session = match driver.probe_port() {
        Some(ProbePort::Pins) => driver.fork().map(attach::to_pins),
        Some(ProbePort::Usb(selector)) => Some(attach::to_usb(&selector)),
        None => None,
    };
    let Some(Ok(mut session)) = session else { return Vec::new() };
    let symbols = Symbols::read(symbols);
    Core::ALL.into_iter().filter_map(|core| Some(backtrace(&mut session, core, &symbols).ok()?.to_string())).collect()
}
