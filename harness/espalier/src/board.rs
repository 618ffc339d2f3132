//! The handle that tests hold.

mod cover;
mod power;
mod stimuli;

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;

use espalier_core::{Persist, Span, Time, Timing, Writer};
use espalier_parts::{Part, PartEntry, PartError, PartKinds, Value, Wiring};
use sha2::{Digest, Sha256};

use crate::air::Air;
use crate::backtrace::elf_of;
use crate::buzzer::Buzzer;
use crate::console::Console;
use crate::driver::{
    AccessPoint, Capability, Changes, Kind, Machine, Model, Reset, Setup, SnapshotError, Start, Target, UnmodelledNote,
    WifiCredentials, WorldHandle, describe, is_snapshot, load, open,
};
use crate::error::{Cause, Failure, FileError, Source};
use crate::flasher::FlasherBuilder;
use crate::image::{Image, ImageWarning};
use crate::kept::{self, Boot};
use crate::leds::Leds;
use crate::micropython::MicroPython;
use crate::network::Network;
use crate::parts::{Button, PartHandle, Sensor, TouchPad, expect_property, property as property_of, set_property};
use crate::peer::Peer;
use crate::pin_capture::PinCapture;
use crate::pins::Pin;
#[cfg(feature = "probe")]
use crate::probe::Probe;
use crate::screen::{Screen, bless_from_env, default_folder};
use crate::session::artefacts::{Artefacts, Root, test_name};
use crate::session::runs::{check_required, say_skipped};
use crate::session::{
    Ask, CAPTURE_KEPT, CoverageRecord, Crash, Line, Members, RECORD_KEPT, Result, Saved, Shared, State, Use, Wait,
    attachment, records,
};
use crate::uart::Uart;

/// Environment variable with the firmware of [`Board::from_env`].
pub const IMAGE_VARIABLE: &str = "ESPALIER_IMAGE";

/// The largest file that is taken for a saved board or world: 200 boards have room in it.
const SNAPSHOT_MAX: u64 = 1 << 30;

/// Bytes by which a saved board is known.
const BEGINNING: u64 = 64;
/// Name of the folder of a board that was booted once for all tests.
pub(crate) const BOOTED: &str = "boot";

/// There is no firmware to run.
///
/// ```
/// let error = espalier::NoFirmware { variable: espalier::IMAGE_VARIABLE };
/// assert!(error.to_string().ends_with("or name an image in ESPALIER_IMAGE"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no firmware: call `firmware` on the builder, or name an image in {variable}")]
pub struct NoFirmware {
    /// The environment variable that was read.
    pub variable: &'static str,
}

impl Cause for NoFirmware {}

/// A board with an ESP32, whatever it is made of.
///
/// ```
/// use espalier::Units;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.console().expect("ready").await?;
/// assert!(board.crash().is_none());
/// let fork = board.fork()?;
/// fork.run_for(10.ms()).await?;
/// # Ok(())
/// # }
/// ```
pub struct Board {
    shared: Arc<Shared>,
}

impl Board {
    /// A board of the kind that `ESPALIER_BOARD` chooses, with the firmware that is yet to be named.
    pub fn builder() -> BoardBuilder {
        BoardBuilder::default()
    }

    /// A board of the kind that `ESPALIER_BOARD` chooses, running the firmware that `ESPALIER_IMAGE` names.
    ///
    /// # Errors
    /// If a variable names an unknown kind of board, model or image, the image cannot be read, or the board does not start.
    pub async fn from_env() -> Result<Board> {
        let image = std::env::var_os(IMAGE_VARIABLE).ok_or(NoFirmware { variable: IMAGE_VARIABLE })?;
        Board::builder().firmware(PathBuf::from(image)).start().await
    }

    /// Its serial console.
    pub fn console(&self) -> Console {
        Console::new(self.shared.clone())
    }

    /// The MicroPython that it runs, over its console.
    pub fn micropython(&self) -> MicroPython {
        MicroPython::new(self.shared.clone())
    }

    /// The other side of its TCP connections.
    pub fn peer(&self) -> Peer {
        Peer::new(self.shared.clone())
    }

    /// Its network, and what goes wrong there.
    pub fn network(&self) -> Network {
        Network::new(self.shared.clone())
    }

    /// The air around it: Wi-Fi networks, and stations that join its own.
    pub fn air(&self) -> Air {
        Air::new(self.shared.clone())
    }

    /// Its display.
    pub fn screen(&self) -> Screen {
        Screen::new(self.shared.clone())
    }

    /// The display of this name on it.
    pub fn display(&self, name: &str) -> Screen {
        Screen::named(self.shared.clone(), name)
    }

    /// The part of this name on it, as a `T`.
    pub fn part<T: Part>(&self, name: impl Into<String>) -> PartHandle<T> {
        PartHandle::new(self.shared.clone(), name.into())
    }

    /// Sets a property of a part, such as the temperature that a sensor is at.
    ///
    /// # Errors
    /// If there is no such part or property, the value is impossible, or the board is not emulated.
    pub fn set_part(&self, part: &str, property: &str, value: impl Into<Value>) -> Result<()> {
        set_property(&self.shared, part, property, &value.into())
    }

    /// Returns the value of a property of a part; `None` for a property that can only be set.
    ///
    /// # Errors
    /// If there is no such part or property, or the board is not emulated.
    pub fn part_property(&self, part: &str, property: &str) -> Result<Option<Value>> {
        property_of(&self.shared, part, property)
    }

    /// Waits until a property of the part `part` has this value. An integer is a number too.
    pub fn expect_part(&self, part: &str, property: &str, value: impl Into<Value>) -> Wait<()> {
        expect_property(&self.shared, part.to_owned(), property.to_owned(), value.into())
    }

    /// Acts on the machine of the emulator itself, for tools around it, such as a page on which the board is watched. It runs only while
    /// the board's methods wait, and what is done here is not among [`stimuli`](Board::stimuli).
    ///
    /// ```
    /// # fn example(board: espalier::Board) -> espalier::Result<()> {
    /// let uarts = board.machine(|machine| machine.uarts())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the board is not emulated.
    pub fn machine<R>(&self, act: impl FnOnce(&mut Machine) -> R) -> Result<R> {
        let (mut act, mut returned) = (Some(act), None);
        let mut state = self.shared.lock();
        let done = state.driver.with_machine(&mut |machine| returned = act.take().map(|act| act(machine)));
        done.map_err(|kind| state.fail(kind))?;
        Ok(returned.expect("the driver acts once"))
    }

    /// The button of this name on it.
    pub fn button(&self, name: impl Into<String>) -> Button {
        Button::new(self.shared.clone(), name.into())
    }

    /// The touch pad of this name on it.
    pub fn touch(&self, name: impl Into<String>) -> TouchPad {
        TouchPad::new(self.shared.clone(), name.into())
    }

    /// The sensor of this name on it.
    pub fn sensor(&self, name: impl Into<String>) -> Sensor {
        Sensor::new(self.shared.clone(), name.into())
    }

    /// The pin of its chip with this GPIO's number.
    pub fn pin(&self, gpio: usize) -> Pin {
        Pin::new(self.shared.clone(), gpio)
    }

    /// Records what these pins carry from now on, for a file that logic analysers read.
    ///
    /// # Errors
    /// If the chip has no such pin, or the pins of this kind of board are out of reach.
    pub fn capture_pins(&self, gpios: impl IntoIterator<Item = usize>) -> Result<PinCapture> {
        let record = |gpio: usize| Ok((gpio, self.pin(gpio).edges()?));
        Ok(PinCapture::new(gpios.into_iter().map(record).collect::<Result<_>>()?))
    }

    /// A UART of its chip; UART0 is the console.
    pub fn uart(&self, number: usize) -> Uart {
        Uart::new(self.shared.clone(), number)
    }

    /// Its coloured LEDs.
    pub fn leds(&self) -> Leds {
        Leds::new(self.shared.clone())
    }

    /// The coloured LEDs of this name on it.
    pub fn led_strip(&self, name: &str) -> Leds {
        Leds::named(self.shared.clone(), name)
    }

    /// Its buzzer.
    pub fn buzzer(&self) -> Buzzer {
        Buzzer::new(self.shared.clone())
    }

    /// A debug probe, attached to its chip, which runs on. See [`probe`](crate::probe).
    ///
    /// # Errors
    /// If this kind of board has no debug port, or the chip does not answer on it.
    #[cfg(feature = "probe")]
    pub fn probe(&self) -> Result<Probe> {
        Probe::attach(&self.shared)
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.shared.lock().driver.kind()
    }

    /// Its name: that of the test, unless the builder gave it one.
    pub fn name(&self) -> String {
        self.shared.lock().artefacts.name().to_owned()
    }

    /// Gives it another name, as it has when it belongs to another test from now on.
    pub fn rename(&self, name: &str) {
        let mut state = self.shared.lock();
        state.artefacts.rename(name);
    }

    /// Whether this kind of board can do it.
    pub fn supports(&self, capability: Capability) -> bool {
        self.shared.lock().driver.supports(capability)
    }

    /// Whether it can do it; if not, the test that it belongs to counts as skipped. This is what [`needs!`](crate::needs) asks.
    #[doc(hidden)]
    pub fn has_or_skips(&self, capability: Capability) -> bool {
        let mut state = self.shared.lock();
        let has = state.driver.supports(capability);
        if !has {
            say_skipped(&state.artefacts.owner(), state.driver.kind(), capability);
            state.skipped = Some(capability);
        }
        has
    }

    /// Its time, counted from power-on.
    pub fn now(&self) -> Time {
        self.shared.lock().driver.now()
    }

    /// Lets it run for `span` of its time.
    pub fn run_for(&self, span: Span) -> Wait<()> {
        let run = Wait::new(&self.shared, "time to pass", |_, ask| match ask {
            Ask::Again => Poll::Pending,
            Ask::LastTime => Poll::Ready(Ok(())),
        });
        run.for_output().within(span)
    }

    /// Waits until it has an address on the network.
    pub fn address(&self) -> Wait<Ipv4Addr> {
        Wait::new(&self.shared, "the board to get an address", |state, _| match state.driver.address() {
            Some(address) => Poll::Ready(Ok(address)),
            None => Poll::Pending,
        })
    }

    /// Writes an image into its flash and starts it: straight into the flash chip where the harness can reach it, otherwise
    /// through the serial download mode, which [`flasher`](Board::flasher) takes on every board. What a flash chip on a bench
    /// holds already is not written again.
    ///
    /// Warnings about the image are in [`Board::warnings`] afterwards.
    ///
    /// # Errors
    /// If the image does not fit into the flash chip, or the board cannot be flashed ([`FlashError`](crate::FlashError)).
    pub async fn flash(&self, image: &Image) -> Result<()> {
        self.shared.lock().inputs.add_unknown();
        self.flash_first(image).await
    }

    /// The same with the firmware that the board was started with.
    async fn flash_first(&self, image: &Image) -> Result<()> {
        let digest = {
            let mut state = self.shared.lock();
            state.warnings = image.warnings(state.driver.flash_size());
            if state.driver.supports(Capability::FlashContent) {
                return write(&mut state, image).map_err(|kind| state.fail(kind));
            }
            let digest = digest(image, state.driver.flash_size()).map_err(|kind| state.fail(kind))?;
            if state.driver.flashed() == Some(digest) {
                state.end_claim();
                return state.driver.reset(Start::Flash).map_err(|kind| state.fail(kind));
            }
            digest
        };
        FlasherBuilder::new(self.shared.clone()).flash(image, |_| ()).await?;
        self.shared.lock().driver.note_flashed(Some(digest));
        Ok(())
    }

    /// Warnings about the firmware that was flashed last; a failure shows them too.
    pub fn warnings(&self) -> Vec<ImageWarning> {
        self.shared.lock().warnings.clone()
    }

    /// The Wi-Fi network that a board on a bench may join: `bench.toml` names the environment variables that hold it.
    ///
    /// # Errors
    /// If `bench.toml` names a variable that is not set.
    pub fn wifi(&self) -> Result<Option<WifiCredentials>> {
        let mut state = self.shared.lock();
        state.driver.wifi().map_err(|kind| state.fail(kind))
    }

    /// The debug probe that is wired to a board on a bench, as `bench.toml` gives it and probe-rs selects it.
    pub fn probe_selector(&self) -> Option<String> {
        self.shared.lock().driver.probe()
    }

    /// All that is in its flash chip.
    ///
    /// # Errors
    /// If the flash chip of this kind of board is out of reach.
    pub fn read_flash(&self) -> Result<Vec<u8>> {
        let mut state = self.shared.lock();
        state.driver.read_flash().ok_or_else(|| {
            let unsupported = state.driver.unsupported(Capability::FlashContent);
            state.fail(unsupported)
        })
    }

    /// Flashes it through its serial download mode, as espflash does.
    pub fn flasher(&self) -> FlasherBuilder {
        self.shared.lock().inputs.add_unknown();
        FlasherBuilder::new(self.shared.clone())
    }

    /// Returns the size of its flash chip in bytes.
    pub fn flash_size(&self) -> u32 {
        self.shared.lock().driver.flash_size()
    }

    /// Pulls its reset line; the firmware in flash starts.
    ///
    /// # Errors
    /// If the board is lost, or its reset line cannot be reached.
    pub async fn reset(&self) -> Result<()> {
        self.reset_to(Start::Flash).await
    }

    /// Pulls its reset line with the strapping pins set for `start`.
    ///
    /// # Errors
    /// If the board is lost, or its lines cannot be reached.
    pub async fn reset_to(&self, start: Start) -> Result<()> {
        let mut state = self.shared.lock();
        state.end_claim();
        state.restart(start).map_err(|kind| state.fail(kind))
    }

    /// A second board that starts where this one stands, with the console and the transcript so far. It belongs to the
    /// test that runs on this thread; open connections of the peer stay with this one.
    ///
    /// # Errors
    /// If this kind of board cannot be forked, or it is one of several in a world.
    pub fn fork(&self) -> Result<Board> {
        self.fork_as(test_name())
    }

    /// A fork with a name of its own.
    ///
    /// # Errors
    /// As [`fork`](Board::fork).
    pub fn fork_as(&self, name: impl Into<String>) -> Result<Board> {
        let mut state = self.shared.lock();
        match state.fork(&name.into()) {
            Some(fork) => Ok(Board::of(fork)),
            None => {
                let unsupported = state.driver.unsupported(Capability::Fork);
                Err(state.fail(unsupported))
            }
        }
    }

    /// Writes the board into a file, from which [`load`](Board::load) goes on: in this process or another, as often as it is wanted.
    ///
    /// The file has the chip with all its memories, the flash chip, the parts, the air and the LAN with what is on its way there, the
    /// time, and what the harness has seen so far: console, transcript, crashes, captures, faults. It does not have what belongs to
    /// this process: open connections of the peer are held by this board's handles only, as with [`fork`](Board::fork), the record
    /// of [`record_flash`](Board::record_flash) stays with this board, and the symbols stay in their ELF file. It is compressed, and only the build of the emulator that wrote it reads it.
    ///
    /// Parts that a test has written ([`part`](BoardBuilder::part)) are in the file with their state, but not with their code:
    /// [`BoardBuilder::load`] takes their kinds. A board on a bench or in QEMU cannot be saved ([`Unsupported`](crate::Unsupported)).
    /// A board that is in a world with others is saved with them, by [`World::save`](crate::World::save).
    ///
    /// ```no_run
    /// # async fn boot(board: espalier::Board) -> espalier::Result<()> {
    /// board.console().expect(">>> ").await?;
    /// board.save("target/at-the-prompt.espalier")?;
    /// let other = espalier::Board::load("target/at-the-prompt.espalier")?;
    /// assert_eq!(other.now(), board.now());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If this kind of board cannot be saved, it has parts of a test's own, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(write_file(path.as_ref(), &self.snapshot()?)?)
    }

    /// The bytes of the file that [`save`](Board::save) writes.
    ///
    /// # Errors
    /// If this kind of board cannot be saved.
    pub fn snapshot(&self) -> Result<Vec<u8>> {
        let mut state = self.shared.lock();
        bytes_of(&mut state).map_err(|kind| state.fail(kind))
    }

    /// An emulated board that goes on where the one stood that was [saved](Board::save) there. It belongs to the test that runs on this
    /// thread.
    ///
    /// # Errors
    /// If the file cannot be read ([`FileError`](crate::FileError)); a [`SnapshotError`] that says what to do if it is damaged, holds no board,
    /// or is of another build.
    pub fn load(path: impl AsRef<Path>) -> Result<Board> {
        Board::load_as(path, test_name())
    }

    /// Whether a file looks like a saved board or world, rather than firmware. [`load`](Board::load) says whether it can be used.
    ///
    /// ```
    /// assert!(!espalier::Board::is_saved("Cargo.toml"));
    /// ```
    pub fn is_saved(path: impl AsRef<Path>) -> bool {
        let mut beginning = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning));
        read.is_ok() && is_snapshot(&beginning)
    }

    /// The same with a name of its own.
    ///
    /// # Errors
    /// As [`load`](Board::load).
    pub fn load_as(path: impl AsRef<Path>, name: impl Into<String>) -> Result<Board> {
        Board::builder().name(name).load(path)
    }

    /// Puts a board that was booted into the file that other processes look for, if there can be one.
    pub(crate) fn keep(&self, boot: &Boot) {
        let mut state = self.shared.lock();
        let refused = boot.keep(|| match state.inputs.changed() {
            None => bytes_of(&mut state).ok(),
            Some(_) => None,
        });
        if let Some(reason) = refused {
            state.notes.push(Line { at: Time::ZERO, text: format!("[espalier] booted anew: {reason}") });
        }
    }

    pub(crate) fn of(state: State) -> Board {
        Board { shared: Arc::new(Shared::new(state)) }
    }

    pub(crate) fn shared(shared: Arc<Shared>) -> Board {
        Board { shared }
    }

    /// A second handle of this same board, unlike a [`fork`](Board::fork).
    pub fn handle(&self) -> Board {
        Board::shared(self.shared.clone())
    }

    /// Records what goes over the network from now on. The last 64 MiB are kept; before, a failure finds the last 2 MiB.
    ///
    /// # Errors
    /// If the network of this kind of board is out of reach.
    pub fn start_capture(&self) -> Result<()> {
        let mut state = self.shared.lock();
        state.require(Capability::Capture)?;
        // It is recorded all the time, for the folder of a test that fails.
        state.capture_from = Some(state.driver.captured());
        state.driver.start_capture(CAPTURE_KEPT);
        Ok(())
    }

    /// The capture since [`start_capture`](Board::start_capture), as a pcap file.
    pub fn capture(&self) -> Vec<u8> {
        let state = self.shared.lock();
        state.driver.capture(state.capture_from.unwrap_or(u64::MAX))
    }

    /// Returns the number of frames dropped since [`start_capture`](Board::start_capture), because more was recorded than is kept.
    pub fn capture_dropped(&self) -> u64 {
        let state = self.shared.lock();
        state.capture_from.map_or(0, |from| state.driver.capture_dropped().saturating_sub(from))
    }

    /// Returns the firmware's crash, if it crashed: its first panic, abort, watchdog, brown-out or endless restart since the
    /// board was switched
    /// on or last reset by its line. A restart that the firmware asks for is no crash, nor is waking from deep sleep.
    ///
    /// A panic is reported once its handler has reset the chip or has been quiet for a fifth of a second.
    pub fn crash(&self) -> Option<Crash> {
        let mut state = self.shared.lock();
        state.collect();
        state.crash()
    }

    /// Whether a panic has begun that is not reported yet; see [`crash`](Board::crash).
    pub fn is_panicking(&self) -> bool {
        let mut state = self.shared.lock();
        state.collect();
        state.watch.is_panicking()
    }

    /// The last resets that did not come over the board's reset line, oldest first; no more than 16.
    pub fn resets(&self) -> Vec<Reset> {
        let mut state = self.shared.lock();
        state.collect();
        state.watch.resets().cloned().collect()
    }

    /// A fingerprint of everything that has happened, if two runs of this kind of board can be the same at all.
    pub fn trace_hash(&self) -> Option<u64> {
        self.shared.lock().driver.trace_hash()
    }

    /// The firmware's accesses to hardware that this kind of board lacks, one line each.
    pub fn unmodelled(&self) -> Vec<String> {
        self.shared.lock().driver.unmodelled()
    }

    /// The first touch of each block that the emulator does not model, and of each register that a modelled block lacks, in order
    /// and without the first `skip`. The functions are those of the ELF file beside the image.
    pub fn unmodelled_notes(&self, skip: usize) -> Vec<UnmodelledNote> {
        self.shared.lock().unmodelled_notes(skip)
    }

    /// Returns the number of accesses to each block that the emulator models only in part or not at all, one line each.
    pub fn unmodelled_blocks(&self) -> Vec<String> {
        self.shared.lock().driver.unmodelled_blocks()
    }

    /// Output of the board that the emulator has dropped because no test took it, such as that of UART1 and UART2; one line
    /// each.
    pub fn dropped(&self) -> Vec<String> {
        self.shared.lock().driver.dropped()
    }

    /// Where the folders of all boards of this run are.
    pub fn shared_artefacts(&self) -> PathBuf {
        self.shared.lock().artefacts.shared().to_owned()
    }

    /// Where the files of this board go. Nothing is there before something failed.
    pub fn artefacts(&self) -> PathBuf {
        self.shared.lock().artefacts.folder().to_owned()
    }

    /// Writes the files of a failure now and returns their folder; they are written anyway when the last handle of a board is dropped
    /// that has failed. For test runners that hold on to boards for longer than a test runs.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn leave_behind(&self) -> Result<PathBuf> {
        let mut state = self.shared.lock();
        state.artefacts.keep();
        state.collect();
        state.leave_behind().map_err(|failure| state.fail(failure))?;
        Ok(state.artefacts.folder().to_owned())
    }
}

fn write(state: &mut State, image: &Image) -> Result<(), Failure> {
    state.end_claim();
    for part in image.parts(state.driver.flash_size())? {
        state.driver.write_flash(part.offset, &part.bytes)?;
    }
    state.restart(Start::Flash)
}

/// The board as the bytes of a file.
fn bytes_of(state: &mut State) -> Result<Vec<u8>, Failure> {
    let record = Saved::of(state, &default_folder());
    state.driver.save(&attachment(vec![(state.artefacts.name().to_owned(), record)]))
}

pub(crate) fn write_file(path: &Path, file: &[u8]) -> Result<(), FileError> {
    espalier_files::write(path, file).map_err(FileError::of("write", path))
}

/// The bytes of a file that should hold a board or a world.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let length = std::fs::metadata(path).map_err(FileError::of("read", path))?.len();
    if length > SNAPSHOT_MAX {
        let source = format!("a file of {length} bytes is too large for a snapshot").into();
        return Err(SnapshotError { path: path.to_owned(), source }.into());
    }
    Ok(std::fs::read(path).map_err(FileError::of("read", path))?)
}

fn state_of(path: &Path, kinds: &PartKinds, used: Use<'_>) -> Result<State, Failure> {
    let refused = |source: Source| SnapshotError { path: path.to_owned(), source };
    let (driver, attachment) = load(&read_file(path)?, kinds).map_err(refused)?;
    let mut state = match records(&attachment).map_err(refused)?.pop() {
        Some((_, record)) => record.state(driver, used).map_err(|damaged| refused(damaged.into()))?,
        // A board that was saved by a server is in use for the first time.
        None => used.state(driver),
    };
    equip(&mut state);
    Ok(state)
}

/// Gives a board in use what a higher floor adds.
pub(crate) fn equip(state: &mut State) {
    let _ = &state;
    #[cfg(feature = "probe")]
    {
        state.stacks = Some(crate::probe::stacks);
    }
}

/// Returns a digest that identifies the contents of an image in a flash chip of `flash_size` bytes.
fn digest(image: &Image, flash_size: u32) -> Result<[u8; 32], Failure> {
    let mut digest = Sha256::new();
    for part in image.parts(flash_size)? {
        digest.update(part.offset.to_le_bytes());
        digest.update(&part.bytes);
    }
    Ok(digest.finalize().into())
}

/// A booted board out of a file, unless something has changed that it was made of; why not, otherwise.
fn kept_state(path: &Path, kinds: &PartKinds) -> std::result::Result<State, String> {
    let used = Use { name: BOOTED, goldens: default_folder(), bless: bless_from_env() };
    let state = state_of(path, kinds, used).map_err(|failure| failure.to_string())?;
    match state.inputs.changed() {
        None => Ok(state),
        Some(what) => Err(format!("{}: {what} has changed", path.display())),
    }
}

/// The configuration of a board before its start.
///
/// ```
/// use espalier::{Board, Model};
///
/// # async fn test() -> espalier::Result<()> {
/// let named = Board::builder().model(Model::MPython).firmware("firmware.bin").name("left").start().await?;
/// assert_eq!(named.name(), "left");
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "there is no board before `start`"]
pub struct BoardBuilder {
    target: Option<Target>,
    model: Option<Model>,
    seed: u64,
    qemu: Option<PathBuf>,
    changes: Changes,
    strict: bool,
    allowed: Vec<String>,
    kinds: PartKinds,
    parts: Vec<PartEntry>,
    name: Option<String>,
    goldens: Option<PathBuf>,
    artefacts: Option<PathBuf>,
    again: Vec<String>,
    bless: Option<bool>,
    coverage: Option<CoverageRecord>,
    firmware: Option<Firmware>,
    access_points: Vec<AccessPoint>,
    partition_table: Option<u32>,
    world: Option<(WorldHandle, Members)>,
}

enum Firmware {
    File(PathBuf),
    Image(Box<Image>),
}

impl BoardBuilder {
    /// A kind of board, whatever `ESPALIER_BOARD` says.
    pub fn kind(self, kind: Kind) -> BoardBuilder {
        self.target(kind)
    }

    /// Sets the board to run on; overrides `ESPALIER_BOARD`.
    pub fn target(mut self, target: impl Into<Target>) -> BoardBuilder {
        self.target = Some(target.into());
        self
    }

    /// The board around the chip, whatever `ESPALIER_MODEL` says.
    pub fn model(mut self, model: Model) -> BoardBuilder {
        self.model = Some(model);
        self
    }

    /// The program for a board in QEMU, whatever `ESPALIER_QEMU` says.
    pub fn qemu(mut self, program: impl Into<PathBuf>) -> BoardBuilder {
        self.qemu = Some(program.into());
        self
    }

    /// Seeds everything that is random on an emulated board.
    pub fn seed(mut self, seed: u64) -> BoardBuilder {
        self.seed = seed;
        self
    }

    /// The time that an emulated board keeps, whatever its board file and `ESPALIER_TIMING` say.
    ///
    /// ```
    /// use espalier::{Board, Timing};
    ///
    /// # async fn test() -> espalier::Result<()> {
    /// let board = Board::builder().timing(Timing::Silicon).firmware("firmware.bin").start().await?;
    /// # drop(board);
    /// # Ok(())
    /// # }
    /// ```
    pub fn timing(mut self, timing: Timing) -> BoardBuilder {
        self.changes.timing = Some(timing);
        self
    }

    /// The eFuses of an emulated board: 124 bytes, the words of blocks 0 to 3 as they are burnt, the lowest byte first, as Espressif's QEMU
    /// keeps them in a file. They are burnt on top of what the factory has burnt; an image with a factory MAC has all fuses of the
    /// chip. What firmware burns is in the board, and in the file of a [saved](Board::save) one, not in this image.
    ///
    /// ```no_run
    /// use espalier::{Board, FlashCipher};
    ///
    /// # async fn test(mut flash: Vec<u8>) -> espalier::Result<()> {
    /// // RD_DIS of block 1 and FLASH_CRYPT_CNT, FLASH_CRYPT_CONFIG, and the key of flash encryption in block 1, its last byte first.
    /// let key = [0x42; 32];
    /// let mut efuses = vec![0; 124];
    /// (efuses[2], efuses[23]) = (0x11, 0xF0);
    /// efuses[28..60].copy_from_slice(&key);
    /// FlashCipher::new(key, 0xF).encrypt(0, &mut flash);
    /// let board = Board::builder().efuses(efuses).flash_content(0, flash).start().await?;
    /// # drop(board);
    /// # Ok(())
    /// # }
    /// ```
    pub fn efuses(mut self, image: impl Into<Vec<u8>>) -> BoardBuilder {
        self.changes.efuses = Some(image.into());
        self
    }

    /// Bytes that are in the flash chip of an emulated board from the start, from `offset` on, whatever they are: an encrypted image,
    /// which cannot be [`firmware`](BoardBuilder::firmware), or a file system. What the firmware's image has lies over them.
    pub fn flash_content(mut self, offset: u32, bytes: impl Into<Vec<u8>>) -> BoardBuilder {
        self.changes.flash.push((offset, bytes.into()));
        self
    }

    /// Halts an emulated board when the firmware touches what is not modelled.
    pub fn strict(mut self, strict: bool) -> BoardBuilder {
        self.strict = strict;
        self
    }

    /// Lets the firmware of a strict board touch this block, such as `SDMMC`; `emulator/FIDELITY.md` lists the names, and
    /// `unmapped` stands for addresses without a block. May be called for several.
    pub fn allow(mut self, block: impl Into<String>) -> BoardBuilder {
        self.allowed.push(block.into());
        self
    }

    /// A kind of part that `[[part]]` of its board file may name, beside those that come with Espalier. The state that the part
    /// keeps by its [`Persist`](crate::part::Persist) goes with forks and files of the board; `make` makes it anew for each file that is loaded.
    pub fn part<T: Part>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&mut Wiring<'_>) -> std::result::Result<T, PartError> + Send + Sync + 'static,
    ) -> BoardBuilder {
        self.kinds.add(kind, make);
        self
    }

    /// A part of an emulated board beside those of its model, as `[[part]]` of a board file is one. It replaces the one of its name.
    ///
    /// ```
    /// use espalier::part::PartEntry;
    /// use espalier::{Board, Model};
    ///
    /// # async fn test() -> espalier::Result<()> {
    /// let climate = PartEntry::new("bme280", "climate").with("scl", 22).with("sda", 23).with("temperature", 21.5);
    /// let board = Board::builder().model(Model::MPython).with_part(climate).start().await?;
    /// board.set_part("climate", "temperature", -7.5)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_part(mut self, part: PartEntry) -> BoardBuilder {
        self.parts.push(part);
        self
    }

    /// The world that it comes into, as an emulated board, whatever `ESPALIER_BOARD` says.
    pub(crate) fn world(mut self, world: WorldHandle, members: Members) -> BoardBuilder {
        self.world = Some((world, members));
        self.kind(Kind::Emulated)
    }

    /// A name for messages and for the folder with its files. A test with more than one board names them.
    pub fn name(mut self, name: impl Into<String>) -> BoardBuilder {
        self.name = Some(name.into());
        self
    }

    /// The folder of the golden pictures, whatever `ESPALIER_GOLDENS` says.
    pub fn goldens(mut self, folder: impl Into<PathBuf>) -> BoardBuilder {
        self.goldens = Some(folder.into());
        self
    }

    /// The folder under which a failure leaves its own, whatever `ESPALIER_ARTEFACTS` says.
    pub fn artefacts(mut self, folder: impl Into<PathBuf>) -> BoardBuilder {
        self.artefacts = Some(folder.into());
        self
    }

    /// The command that runs a test again, in words up to the name of its board, which the page of a failure adds. For runners of tests: how
    /// `cargo test` runs one is known.
    pub fn again_by<Word: Into<String>>(mut self, words: impl IntoIterator<Item = Word>) -> BoardBuilder {
        self.again = words.into_iter().map(Word::into).collect();
        self
    }

    /// Makes pictures that differ from their goldens the new goldens; overrides `ESPALIER_BLESS`.
    pub fn bless(mut self, bless: bool) -> BoardBuilder {
        self.bless = Some(bless);
        self
    }

    /// Adds up what it and its forks execute, from power-on on, in this record; boards that are not emulated add nothing.
    pub fn coverage(mut self, record: &CoverageRecord) -> BoardBuilder {
        self.coverage = Some(record.clone());
        self
    }

    /// A Wi-Fi network that is in the air when the board is switched on; see [`Board::air`].
    pub fn access_point(mut self, settings: AccessPoint) -> BoardBuilder {
        self.access_points.push(settings);
        self
    }

    /// The firmware file to run; see [`Image::read`].
    pub fn firmware(mut self, path: impl Into<PathBuf>) -> BoardBuilder {
        self.firmware = Some(Firmware::File(path.into()));
        self
    }

    /// Where the partition table of a firmware file is in flash; see [`Image::read_with_table`].
    pub fn partition_table(mut self, offset: u32) -> BoardBuilder {
        self.partition_table = Some(offset);
        self
    }

    /// The firmware to run.
    pub fn image(mut self, image: Image) -> BoardBuilder {
        self.firmware = Some(Firmware::Image(Box::new(image)));
        self
    }

    /// Returns the key that identifies the booted board among others of one place in the source; `None` if it cannot be kept in a file.
    fn key(&self, target: &Target, model: &Model, image: Option<&Image>, elf: Option<&Path>) -> Option<Vec<u8>> {
        if *target != Target::Emulated || self.world.is_some() {
            return None;
        }
        let (description, flash_size) = describe(model, &self.kinds, &self.parts, &self.changes).ok()?;
        let mut key = Writer::new();
        description.save(&mut key);
        self.kinds.own().to_vec().save(&mut key);
        if let Some(image) = image {
            digest(image, flash_size).ok()?.save(&mut key);
        }
        (self.seed, self.strict, self.allowed.clone(), self.access_points.clone()).save(&mut key);
        for path in [elf, self.goldens.as_deref(), self.artefacts.as_deref()] {
            path.map(|path| path.display().to_string()).save(&mut key);
        }
        Some(key.into_bytes())
    }

    /// An emulated board that goes on where the one stood that was [saved](Board::save) there, with the [kinds of parts](BoardBuilder::part)
    /// and the name that this was given. All else about the board is in the file.
    ///
    /// ```no_run
    /// use espalier::Board;
    /// use espalier::part::TouchPad;
    ///
    /// # fn example() -> espalier::Result<()> {
    /// let board = Board::builder().part("my-pad", |_| Ok(TouchPad::new())).load("target/booted.espalier")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Board::load`]; and if the board has a part of a kind that this was not given, or that does not take its state back. The error
    /// names the part.
    pub fn load(self, path: impl AsRef<Path>) -> Result<Board> {
        let name = self.name.unwrap_or_else(test_name);
        let goldens = self.goldens.unwrap_or_else(default_folder);
        let used = Use { name: &name, goldens, bless: self.bless.unwrap_or_else(bless_from_env) };
        Ok(Board::of(state_of(path.as_ref(), &self.kinds, used)?))
    }

    /// Switches the board on: with its firmware, or with what is in its flash chip if it was given none, which is nothing on an
    /// emulated board.
    ///
    /// # Errors
    /// If the board cannot be had, the image does not fit it, or it does not start.
    pub async fn start(mut self) -> Result<Board> {
        let elf = match &self.firmware {
            Some(Firmware::File(path)) => elf_of(path),
            _ => None,
        };
        let image = match self.firmware.take() {
            Some(Firmware::File(path)) => Some(Image::read_with_table(path, self.partition_table)?),
            Some(Firmware::Image(image)) => Some(*image),
            None => None,
        };
        let target = match &self.target {
            Some(target) => target.clone(),
            None => {
                let target = Target::from_env();
                check_required(target.kind())?;
                target
            }
        };
        let model = self.model.clone().map_or_else(Model::from_env, Ok)?;
        let name = self.name.clone().unwrap_or_else(test_name);
        if let Some(boot) = kept::current() {
            let key = self.key(&target, &model, image.as_ref(), elf.as_deref());
            boot.meet(key.as_deref(), |path| kept_state(path, &self.kinds)).await;
        }
        let (world, members) = self.world.unzip();
        let mut driver = open(
            &target,
            &Setup {
                name: name.clone(),
                model,
                seed: self.seed,
                qemu: self.qemu,
                changes: self.changes,
                strict: self.strict,
                allowed: self.allowed,
                kinds: self.kinds,
                parts: self.parts,
                world,
            },
        )
        .await?;
        if driver.supports(Capability::Capture) {
            driver.start_capture(RECORD_KEPT);
        }
        // A live board would start twice.
        if image.is_none() || driver.supports(Capability::VirtualTime) {
            driver.reset(Start::Flash)?;
        }
        let root = self.artefacts.map_or_else(Root::of_process, Root::at);
        let artefacts = Artefacts::new(root.again_by(self.again), &name);
        let goldens = self.goldens.unwrap_or_else(default_folder);
        let mut state = State::new(driver, artefacts, goldens, self.bless.unwrap_or_else(bless_from_env));
        state.elf = elf;
        if let Some(record) = &self.coverage {
            state.record_coverage(record);
        }
        equip(&mut state);
        for settings in &self.access_points {
            state.driver.air().and_then(|air| air.add_access_point(settings)).map_err(|kind| state.fail(kind))?;
        }
        let name = state.driver.name_in_world();
        let board = Board::of(state);
        if let Some(image) = image {
            board.flash_first(&image).await?;
        }
        if let (Some(members), Some(name)) = (members, name) {
            members.add(name, board.shared.clone());
        }
        Ok(board)
    }
}

#[cfg(test)]
impl crate::driver::fake::Fake {
    /// A board with this script whose files go to `folder`.
    pub(crate) fn board(self, folder: &Path) -> Board {
        let artefacts = Artefacts::alone(folder.join("artefacts"), "fake");
        Board::of(State::new(Box::new(self), artefacts, folder.join("goldens"), false))
    }
}
