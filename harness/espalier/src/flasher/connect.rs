//! Bringing a board into its download mode.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use espalier_core::Span;
use espflash::flasher::{DeviceInfo, Flasher as Device};

use super::error::FlashError;
use super::packet::{SILENCE, SLIP_END, sync_request};
use super::{Flashed, Flasher, Progress, Session, Transport, device, drive};
use crate::driver::{Capability, Start};
use crate::image::Image;
use crate::session::{Result, Shared};

/// Bits per second that a serial line can have: no host has fewer, and the chip's UART no more.
const BAUD_RATES: std::ops::RangeInclusive<u32> = 300..=5_000_000;

/// The ROM's output when it is ready (ESP-IDF, "Boot Mode Selection").
const READY: &[u8] = b"waiting for download";
/// Time limit for the ROM until then. It takes a few milliseconds.
const BOOT: Span = Span::from_secs(1);
/// The same on a bench, where the lines may be pulled at the other end of a network. After it the ROM is asked all the same: its
/// messages may be switched off by a fuse, and a board without lines is brought into its download mode by hand.
const LIVE_BOOT: Span = Span::from_secs(2);
/// Number of requests for an answer of the ROM, and the time limit for each.
const KNOCKS: u32 = 20;
const ANSWER: Span = Span::from_millis(10);
const LIVE_ANSWER: Span = Span::from_millis(100);
/// A slice of the board's time.
const SLICE: Span = Span::from_millis(1);
/// Number of attempts. espflash waits only 50 ms of the host's time for the answer to MEM_END, which is too little for a very
/// busy host.
const ATTEMPTS: u32 = 20;
/// The same on a bench, where every attempt takes seconds of real time.
const LIVE_ATTEMPTS: u32 = 2;

/// The chip's identity, as it reports it.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let flasher = board.flasher().connect().await?;
/// println!("{} with {} bytes of flash", flasher.chip().chip, flasher.chip().flash_size);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChipInfo {
    /// Its name, such as `esp32`.
    pub chip: String,
    /// Its major and minor revision.
    pub revision: Option<(u32, u32)>,
    /// Its MAC address, such as `24:0a:c4:00:01:10`.
    pub mac_address: Option<String>,
    /// Bytes in the flash chip, by its JEDEC id.
    pub flash_size: u32,
    /// The frequency of its crystal, such as `40 MHz`.
    pub crystal: String,
    /// Further features.
    pub features: Vec<String>,
}

impl ChipInfo {
    fn of(info: DeviceInfo) -> ChipInfo {
        ChipInfo {
            chip: info.chip.to_string(),
            revision: info.revision,
            mac_address: info.mac_address,
            flash_size: info.flash_size.size(),
            crystal: info.crystal_frequency.to_string(),
            features: info.features,
        }
    }
}

/// The options for flashing a board.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let image = espalier::Image::read("firmware.bin")?;
/// let flashed = board.flasher().baud(921_600).skip_unchanged(true).flash(&image, |_| {}).await?;
/// println!("{} bytes were there already", flashed.unchanged);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is flashed before `connect` or `flash`"]
pub struct FlasherBuilder {
    shared: Arc<Shared>,
    baud: u32,
    skip_unchanged: bool,
    direct: bool,
}

impl FlasherBuilder {
    pub(crate) fn new(shared: Arc<Shared>) -> FlasherBuilder {
        let baud = shared.lock().driver.flash_baud();
        FlasherBuilder { shared, baud, skip_unchanged: true, direct: cfg!(not(unix)) }
    }

    /// The rate to which the line is switched once the flasher stub runs, in bits per second.
    pub fn baud(mut self, baud: u32) -> FlasherBuilder {
        self.baud = baud;
        self
    }

    /// Whether a part that the flash chip holds already is left alone, which is the default.
    pub fn skip_unchanged(mut self, skip: bool) -> FlasherBuilder {
        self.skip_unchanged = skip;
        self
    }

    /// Whether espflash gets the board's own serial port instead of a pseudo-terminal that leads to it. That is the only way on
    /// systems without pseudo-terminals, and the default there. Only a board at a serial port of this computer has one to give, and
    /// it is back only when espflash has come to an end, even if the future that waits for it was dropped.
    pub fn direct(mut self, direct: bool) -> FlasherBuilder {
        self.direct = direct;
        self
    }

    /// Resets the board into its download mode and loads the flasher stub into it.
    ///
    /// # Errors
    /// If the chip does not answer in its download mode ([`FlashError`](crate::FlashError)).
    pub async fn connect(self) -> Result<Flasher> {
        let attempts = if self.is_live() { LIVE_ATTEMPTS } else { ATTEMPTS };
        self.shared.lock().driver.note_flashed(None);
        let mut attempt = 1;
        loop {
            let (driver, console, watch) = {
                let state = self.shared.lock();
                (state.driver.fork(), state.console.clone(), state.watch.clone())
            };
            let again = attempt < attempts && driver.is_some();
            match self.try_connect().await? {
                Ok(flasher) if again && flasher.has_repeated() => attempt += 1,
                Ok(flasher) => return Ok(flasher),
                Err(FlashError::NoAnswer { .. }) if attempt < attempts => attempt += 1,
                Err(error) => return Err(self.shared.lock().fail(error)),
            }
            // As if it had not been tried, so that a busy host is not seen in what the board does.
            if let Some(driver) = driver {
                let mut state = self.shared.lock();
                state.driver = driver;
                state.console = console;
                state.watch = watch;
            }
        }
    }

    /// Connects, writes an image and starts it.
    ///
    /// # Errors
    /// If the chip does not answer, the image does not fit it, or writing fails ([`FlashError`](crate::FlashError)).
    pub async fn flash(self, image: &Image, progress: impl FnMut(Progress)) -> Result<Flashed> {
        let mut flasher = self.connect().await?;
        let flashed = flasher.flash_image(image, progress).await?;
        flasher.finish().await?;
        Ok(flashed)
    }

    /// Whether the board lives in the host's time.
    fn is_live(&self) -> bool {
        !self.shared.lock().driver.supports(Capability::VirtualTime)
    }

    async fn try_connect(&self) -> Result<Result<Flasher, FlashError>> {
        if !BAUD_RATES.contains(&self.baud) {
            return Ok(Err(FlashError::Rate { baud: self.baud }));
        }
        let what = "connect";
        let claim = self.enter_download_mode().await?;
        let (transport, port) = {
            let mut state = self.shared.lock();
            Transport::new(&mut *state.driver, self.direct).map_err(|kind| state.fail(kind))?
        };
        let (baud, skip_unchanged) = (self.baud, self.skip_unchanged);
        let work = move |_| match device::connect(port, baud, skip_unchanged).and_then(describe) {
            Ok((chip, device)) => (Ok(chip), Some(device)),
            Err(error) => (Err(error), None),
        };
        let ((result, device), transport) = drive(&claim.shared, claim.id, what, transport, |_| (), work).await?;
        Ok(match result {
            Ok(chip) => {
                let mut state = claim.shared.lock();
                let checked = state.driver.check_chip(chip.mac_address.as_deref());
                checked.map_err(|kind| state.fail(kind))?;
                drop(state);
                let session = device.map(|device| Session { transport, device });
                Ok(Flasher { claim, chip, session, interrupted: what.to_owned() })
            }
            Err(error) => Err(FlashError::from_espflash(what, &error)),
        })
    }

    /// Resets the board with the strapping pins for the download mode, and waits until its ROM is ready.
    async fn enter_download_mode(&self) -> Result<ConsoleClaim> {
        let (claim, begun) = {
            let mut state = self.shared.lock();
            state.restart(Start::Download).map_err(|kind| state.fail(kind))?;
            let id = state.claim_console();
            (ConsoleClaim { shared: self.shared.clone(), id }, state.driver.now())
        };
        let live = self.is_live();
        let boot = if live { LIVE_BOOT } else { BOOT };
        let mut printed = Vec::new();
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            let sent = state.driver.console_take();
            let quiet = sent.is_empty();
            for (at, byte) in sent {
                state.console.push(at, byte);
                printed.push(byte);
            }
            if quiet && printed.windows(READY.len()).any(|window| window == READY) {
                return Poll::Ready(Ok(()));
            }
            let now = state.driver.now();
            let kind = if !state.is_claimed(claim.id) {
                FlashError::Interrupted { what: "connect".to_owned() }.into()
            } else if now >= begun + boot && live {
                return Poll::Ready(Ok(()));
            } else if now >= begun + boot {
                FlashError::NoDownloadMode { waited: now.since(begun) }.into()
            } else {
                match state.driver.poll_advance(cx, now + SLICE) {
                    Ok(()) => return Poll::Pending,
                    Err(kind) => kind,
                }
            };
            Poll::Ready(Err(state.fail(kind)))
        })
        .await?;
        self.knock(&claim).await?;
        Ok(claim)
    }

    /// Sends the request that shows the ROM the line's rate, until it answers. Before it knows the rate it looks at each UART in
    /// turn and loses bytes meanwhile, so the first requests are in vain; espflash would wait for each of them in the host's
    /// time.
    async fn knock(&self, claim: &ConsoleClaim) -> Result<()> {
        let live = self.is_live();
        let (answer, silence) = if live { (LIVE_ANSWER, LIVE_ANSWER) } else { (ANSWER, SILENCE) };
        let mut knocks = 0;
        let begun = self.shared.lock().driver.now();
        let mut deadline = begun;
        let mut answered = false;
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            let now = state.driver.now();
            let heard = state.driver.console_take();
            // Firmware that runs instead of the ROM may say something as well, but not in packets.
            if heard.iter().any(|(_, byte)| !live || *byte == SLIP_END) {
                answered = true;
                deadline = now + silence;
            }
            let kind = if !state.is_claimed(claim.id) {
                FlashError::Interrupted { what: "connect".to_owned() }.into()
            } else {
                if now >= deadline {
                    if live && !answered && knocks == KNOCKS {
                        let kind = FlashError::NoDownloadMode { waited: now.since(begun) };
                        return Poll::Ready(Err(state.fail(kind)));
                    }
                    if answered || knocks == KNOCKS {
                        return Poll::Ready(Ok(()));
                    }
                    state.driver.console_send(&sync_request());
                    knocks += 1;
                    deadline = now + answer;
                }
                match state.driver.poll_advance(cx, deadline) {
                    Ok(()) => return Poll::Pending,
                    Err(kind) => kind,
                }
            };
            Poll::Ready(Err(state.fail(kind)))
        })
        .await
    }
}

fn describe(mut device: Device) -> Result<(ChipInfo, Device), espflash::Error> {
    let info = device.device_info()?;
    Ok((ChipInfo::of(info), device))
}

/// The board's console, as long as it carries packets. The board stays in its download mode until it is reset.
pub(super) struct ConsoleClaim {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u32,
}

impl Drop for ConsoleClaim {
    fn drop(&mut self) {
        self.shared.lock().release_console(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::BOOT;
    use crate::driver::fake::{Action, Fake};
    use crate::flasher::FlashError;

    #[tokio::test]
    async fn a_chip_that_does_not_answer_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let board = Fake::new([(1, Action::Print(b"something else\r\n"))]).board(folder.path());
        let error = board.flasher().connect().await.map(drop).unwrap_err();
        let Some(FlashError::NoDownloadMode { waited }) = error.find() else { panic!("{error}") };
        assert!(*waited >= BOOT);
        assert!(error.to_string().contains("something else"), "what it printed is told: {error}");
    }
}
