//! Flashing through the chip's own serial download mode.
//!
//! The board is reset with its strapping pins set for the download mode, and `espflash` speaks to it over a
//! pseudo-terminal: to the loader in the chip's ROM at first, then to the stub that it loads into the chip's memory. Both
//! run on the board as they would on any other. Where a system has no pseudo-terminals, espflash gets the board's own serial port.

#[cfg(unix)]
mod cable;
mod connect;
mod device;
mod error;
mod packet;
mod progress;
#[cfg(unix)]
mod relay;
#[cfg(unix)]
mod replies;

use std::future::poll_fn;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll};
use std::thread;

use espalier_core::Span;
use espflash::connection::Port;
use espflash::flasher::Flasher as Device;
use md5::{Digest, Md5};

#[cfg(unix)]
use crate::driver::Capability;
use crate::driver::{Driver, Start};
use crate::error::Failure;
use crate::image::Image;
use crate::session::{Result, Shared};
#[cfg(unix)]
use cable::Cable;
use connect::ConsoleClaim;
pub use connect::{ChipInfo, FlasherBuilder};
pub use error::FlashError;
use progress::Reporter;
pub use progress::{Progress, Stage};
#[cfg(unix)]
use relay::Relay;
#[cfg(unix)]
pub use replies::read_any_replies;

/// Bytes that are erased together.
pub const SECTOR: u32 = 0x1000;

/// Interval of checking espflash's thread where the board lives in the host's time.
const TURN: Span = Span::from_millis(1);

/// The bytes of an image that had to be written, and those that were there.
///
/// ```
/// let flashed = espalier::Flashed { written: 4096, unchanged: 8192 };
/// assert_eq!(flashed.written + flashed.unchanged, 12288);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flashed {
    /// Bytes that were written.
    pub written: u64,
    /// Bytes that were there already.
    pub unchanged: u64,
}

/// A board in its serial download mode, with the flasher stub running on it.
///
/// Dropping one of its futures interrupts the chip in the middle of what it does. This `Flasher` is of no use any more then,
/// and a new connection starts over.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let mut flasher = board.flasher().connect().await?;
/// flasher.write(0x9000, &[0xFF; 0x1000], |_| {}).await?;
/// assert_eq!(flasher.read(0x9000, 4).await?, [0xFF; 4]);
/// flasher.finish().await?;
/// # Ok(())
/// # }
/// ```
pub struct Flasher {
    chip: ChipInfo,
    session: Option<Session>,
    /// The operation that was under way when the session ended.
    interrupted: String,
    claim: ConsoleClaim,
}

struct Session {
    transport: Transport,
    device: Device,
}

impl Flasher {
    /// The chip's identity, as it reports it.
    pub fn chip(&self) -> &ChipInfo {
        &self.chip
    }

    /// Writes `bytes` from `offset` on, which is the start of a sector, and verifies them. The rest of the last sector is
    /// erased. By default, nothing is written if the flash chip holds these bytes already.
    ///
    /// # Errors
    /// If the range is not possible, the connection is lost, or the chip reports a failure ([`FlashError`](crate::FlashError)).
    pub async fn write(&mut self, offset: u32, bytes: &[u8], mut progress: impl FnMut(Progress)) -> Result<Stage> {
        let what = format!("write {:#x} bytes at {offset:#x}", bytes.len());
        self.check_range(&what, offset, bytes.len() as u64)?;
        check_alignment(&what, offset)?;
        if bytes.is_empty() {
            return Ok(Stage::Unchanged);
        }
        let (length, data) = (bytes.len() as u32, bytes.to_vec());
        let mut stage = Stage::Writing;
        let note = |report: Progress| {
            stage = report.stage;
            progress(report);
        };
        let written = self
            .run(&what, note, move |device, reports| {
                let mut reporter = Reporter::new(offset, length, reports);
                match device.write_bin_to_flash(offset, &data, &mut reporter) {
                    Ok(()) => Ok(true),
                    Err(espflash::Error::VerifyFailed) => Ok(false),
                    Err(error) => Err(error),
                }
            })
            .await?;
        if written { Ok(stage) } else { Err(self.find_difference(&what, offset, bytes).await?) }
    }

    /// Writes everything that an image needs: bootloader, partition table and application.
    ///
    /// # Errors
    /// If the image does not fit the chip, or writing fails ([`FlashError`](crate::FlashError)).
    pub async fn flash_image(&mut self, image: &Image, mut progress: impl FnMut(Progress)) -> Result<Flashed> {
        let parts = image.parts(self.chip.flash_size)?;
        let mut flashed = Flashed::default();
        for part in parts {
            let stage = self.write(part.offset, &part.bytes, &mut progress).await?;
            let count = match stage {
                Stage::Unchanged => &mut flashed.unchanged,
                Stage::Writing | Stage::Verifying | Stage::Written => &mut flashed.written,
            };
            *count += part.bytes.len() as u64;
        }
        Ok(flashed)
    }

    /// Reads `length` bytes from `offset` on. The chip sends their digest along, which is checked.
    ///
    /// # Errors
    /// If the range is not possible, the connection is lost, or the digest differs ([`FlashError`](crate::FlashError)).
    pub async fn read(&mut self, offset: u32, length: u32) -> Result<Vec<u8>> {
        let what = format!("read {length:#x} bytes at {offset:#x}");
        self.check_range(&what, offset, u64::from(length))?;
        if length == 0 {
            return Ok(Vec::new());
        }
        self.run(&what, |_| (), move |chip, _| device::read(chip, offset, length)).await
    }

    /// The MD5 digest of `length` bytes from `offset` on, which the chip computes.
    ///
    /// # Errors
    /// If the range is not possible, or the connection is lost ([`FlashError`](crate::FlashError)).
    pub async fn md5(&mut self, offset: u32, length: u32) -> Result<[u8; 16]> {
        let what = format!("compute the MD5 digest of {length:#x} bytes at {offset:#x}");
        self.check_range(&what, offset, u64::from(length))?;
        if length == 0 {
            return Ok(Md5::digest([]).into());
        }
        self.run(&what, |_| (), move |chip, _| Ok(chip.checksum_md5(offset, length)?.to_be_bytes())).await
    }

    /// Checks that the flash chip holds `bytes` from `offset` on.
    ///
    /// # Errors
    /// If a byte differs, with the first difference, or if the connection is lost ([`FlashError`](crate::FlashError)).
    pub async fn verify(&mut self, offset: u32, bytes: &[u8]) -> Result<()> {
        let what = format!("verify {:#x} bytes at {offset:#x}", bytes.len());
        self.check_range(&what, offset, bytes.len() as u64)?;
        if self.md5(offset, bytes.len() as u32).await? == <[u8; 16]>::from(Md5::digest(bytes)) {
            return Ok(());
        }
        Err(self.find_difference(&what, offset, bytes).await?)
    }

    /// Erases `length` bytes from `offset` on; both are multiples of [`SECTOR`].
    ///
    /// # Errors
    /// If the range is not possible, or the connection is lost ([`FlashError`](crate::FlashError)).
    pub async fn erase_region(&mut self, offset: u32, length: u32) -> Result<()> {
        let what = format!("erase {length:#x} bytes at {offset:#x}");
        self.check_range(&what, offset, u64::from(length))?;
        check_alignment(&what, offset)?;
        check_alignment(&what, length)?;
        if length == 0 {
            return Ok(());
        }
        self.run(&what, |_| (), move |chip, _| chip.erase_region(offset, length)).await
    }

    /// Erases the whole flash chip.
    ///
    /// # Errors
    /// If the connection is lost ([`FlashError`](crate::FlashError)).
    pub async fn erase_flash(&mut self) -> Result<()> {
        self.run("erase the flash chip", |_| (), |chip, _| chip.erase_flash()).await
    }

    /// Resets the board, which starts what is in its flash now.
    ///
    /// # Errors
    /// If the board cannot be reset.
    pub async fn finish(self) -> Result<()> {
        let shared = self.claim.shared.clone();
        drop(self);
        let mut state = shared.lock();
        state.restart(Start::Flash).map_err(|kind| state.fail(kind))
    }

    fn has_repeated(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.transport.has_repeated())
    }

    fn check_range(&self, what: &str, offset: u32, length: u64) -> Result<(), FlashError> {
        let (end, size) = (u64::from(offset) + length, self.chip.flash_size);
        if end <= u64::from(size) {
            return Ok(());
        }
        Err(FlashError::TooLarge { what: what.to_owned(), end, size })
    }

    /// The error for a digest that is wrong: where flash and `bytes` differ.
    async fn find_difference(&mut self, what: &str, offset: u32, bytes: &[u8]) -> Result<crate::Error> {
        let held = self.read(offset, bytes.len() as u32).await?;
        let difference = held.iter().zip(bytes).zip(offset..).find(|((found, expected), _)| found != expected);
        let error = match difference {
            Some(((found, expected), offset)) => FlashError::Differs { offset, expected: *expected, found: *found },
            None => FlashError::WrongDigest { what: what.to_owned() },
        };
        Ok(self.claim.shared.lock().fail(error))
    }

    /// Lets espflash work on a thread of its own, and the board run meanwhile.
    async fn run<T: Send + 'static>(
        &mut self,
        what: &str,
        progress: impl FnMut(Progress),
        work: impl FnOnce(&mut Device, Sender<Progress>) -> Result<T, espflash::Error> + Send + 'static,
    ) -> Result<T> {
        let Some(Session { transport, mut device }) = self.session.take() else {
            let what = self.interrupted.clone();
            return Err(self.claim.shared.lock().fail(FlashError::Interrupted { what }));
        };
        what.clone_into(&mut self.interrupted);
        let work = move |reports| {
            let result = work(&mut device, reports);
            (result, Some(device))
        };
        let ((result, device), transport) =
            drive(&self.claim.shared, self.claim.id, what, transport, progress, work).await?;
        let result = result.map_err(|error| FlashError::from_espflash(what, &error));
        if !result.as_ref().is_err_and(FlashError::ends_the_session) {
            self.session = device.map(|device| Session { transport, device });
        }
        result.map_err(|error| self.claim.shared.lock().fail(error))
    }
}

fn check_alignment(what: &str, value: u32) -> Result<(), FlashError> {
    if value.is_multiple_of(SECTOR) {
        return Ok(());
    }
    Err(FlashError::Unaligned { what: what.to_owned(), value, sector: SECTOR })
}

/// The cable between espflash and the board.
enum Transport {
    /// The board's time stands still while espflash thinks.
    #[cfg(unix)]
    Virtual(Cable),
    /// Both live in the host's time.
    #[cfg(unix)]
    Live(Relay),
    /// espflash has the board's own serial port.
    Direct,
}

impl Transport {
    /// A cable to `driver`, and the end of it that espflash opens. `direct` takes the board's own port, if it is at one.
    fn new(driver: &mut dyn Driver, direct: bool) -> Result<(Transport, Port), Failure> {
        if direct && let Some(port) = driver.lend_port()? {
            return Ok((Transport::Direct, port));
        }
        Transport::over_pseudo_terminal(driver)
    }

    #[cfg(unix)]
    fn over_pseudo_terminal(driver: &dyn Driver) -> Result<(Transport, Port), Failure> {
        if driver.supports(Capability::VirtualTime) {
            let (cable, port) = Cable::new().map_err(FlashError::from)?;
            return Ok((Transport::Virtual(cable), port));
        }
        let (relay, port) = Relay::new().map_err(FlashError::from)?;
        Ok((Transport::Live(relay), port))
    }

    #[cfg(not(unix))]
    fn over_pseudo_terminal(driver: &dyn Driver) -> Result<(Transport, Port), Failure> {
        Err(FlashError::NoPseudoTerminal { board: driver.kind() }.into())
    }

    fn has_repeated(&self) -> bool {
        match self {
            #[cfg(unix)]
            Transport::Virtual(cable) => cable.has_repeated(),
            #[cfg(unix)]
            Transport::Live(_) => false,
            Transport::Direct => false,
        }
    }

    fn is_answering(&self) -> bool {
        match self {
            #[cfg(unix)]
            Transport::Virtual(cable) => cable.is_answering(),
            #[cfg(unix)]
            Transport::Live(_) => false,
            Transport::Direct => false,
        }
    }

    fn step(&mut self, driver: &mut dyn Driver, cx: &mut Context<'_>) -> Result<(), Failure> {
        match self {
            #[cfg(unix)]
            Transport::Virtual(cable) => cable.step(driver, cx),
            #[cfg(unix)]
            Transport::Live(relay) => relay.step(driver, cx),
            Transport::Direct => driver.poll_advance(cx, driver.now() + TURN),
        }
    }

    /// Lets a board that is answering come to its end.
    fn advance(&mut self, driver: &mut dyn Driver, cx: &mut Context<'_>) -> Result<(), Failure> {
        cx.waker().wake_by_ref();
        match self {
            #[cfg(unix)]
            Transport::Virtual(cable) => cable.advance(driver, cx),
            #[cfg(unix)]
            Transport::Live(relay) => relay.step(driver, cx),
            Transport::Direct => driver.poll_advance(cx, driver.now()),
        }
    }
}

/// The result of an operation of espflash, with its end of the cable if that still exists.
type Outcome<T> = (Result<T, espflash::Error>, Option<Device>);

/// Runs `work` on a thread, and the board at the other end of `transport` until the thread has come to an end. If this future is
/// dropped the cable is cut, which ends the thread.
async fn drive<T: Send + 'static>(
    shared: &Shared,
    claim: u32,
    what: &str,
    mut transport: Transport,
    mut progress: impl FnMut(Progress),
    work: impl FnOnce(Sender<Progress>) -> Outcome<T> + Send + 'static,
) -> Result<(Outcome<T>, Transport)> {
    let (reports, reported) = channel();
    let thread = thread::Builder::new().name("espflash".to_owned()).spawn(move || work(reports))?;
    let (working, cable) = (&thread, &mut transport);
    // The receiver moves into it, so that the whole can go to another thread: a receiver cannot be shared.
    poll_fn(move |cx| {
        let ended = working.is_finished();
        reported.try_iter().for_each(&mut progress);
        let mut state = shared.lock();
        // The board falls silent as it always does, however soon espflash is content.
        if ended && !(cable.is_answering() && state.is_claimed(claim)) {
            return Poll::Ready(Ok(()));
        }
        let moved = if ended {
            cable.advance(&mut *state.driver, cx)
        } else if state.is_claimed(claim) {
            cable.step(&mut *state.driver, cx)
        } else {
            Err(FlashError::Interrupted { what: what.to_owned() }.into())
        };
        match moved {
            Ok(()) => Poll::Pending,
            Err(kind) => Poll::Ready(Err(state.fail(kind))),
        }
    })
    .await?;
    match thread.join() {
        Ok(outcome) => Ok((outcome, transport)),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
