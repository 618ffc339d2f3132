//! State shared by all handles of one board.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use espalier_core::Time;

use super::artefacts::Artefacts;
use super::calm::Calm;
use super::inputs::Inputs;
use super::page::{FailurePage, PAGE};
use super::runs::record;
use super::scene::{CONSOLE_TAIL, TRANSCRIPT_TAIL};
use super::transcript::Transcript;
use super::{Connection, CoverageRecord, Crash, CrashKind, Entry, Error, Event, Line, Log, Scene, Watch};
use crate::backtrace::{Place, Symbols, decode, look_up};
use crate::driver::{Capability, ConnectionId, Driver, Executed, FaultConfig, Start, UnmodelledNote, WorldHandle};
use crate::error::Failure;
use crate::image::ImageWarning;
use crate::png::encode_picture;

/// The UART that is the console.
pub(crate) const CONSOLE: usize = 0;
/// Bytes of a pcap file without frames (draft-ietf-opsawg-pcap).
const EMPTY_CAPTURE: usize = 24;
/// Bytes of the network's last frames that are recorded all the time, for the folder of a test that fails.
pub(crate) const RECORD_KEPT: usize = 2 << 20;
/// Bytes of frames that are kept once a test has asked for a capture.
pub(crate) const CAPTURE_KEPT: usize = 64 << 20;

/// The board behind its handles. The lock is held while something is done, never across an `await`.
pub(crate) struct Shared {
    state: Mutex<State>,
}

/// A board and what it has shown so far.
pub(crate) struct State {
    pub(crate) driver: Box<dyn Driver>,
    /// The ability for whose lack its test was skipped.
    pub(crate) skipped: Option<Capability>,
    pub(crate) console: Log,
    /// Output of the other UARTs since a test first asked for it.
    uarts: BTreeMap<usize, Log>,
    pub(crate) watch: Watch,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    /// The faults on the board's cable.
    pub(crate) faults: FaultConfig,
    pub(crate) transcript: Transcript,
    pub(crate) artefacts: Artefacts,
    pub(crate) goldens: PathBuf,
    pub(crate) bless: bool,
    /// The symbols of the firmware.
    pub(crate) elf: Option<PathBuf>,
    /// Warnings about the firmware.
    pub(crate) warnings: Vec<ImageWarning>,
    /// Files of this computer that made the board what it is.
    pub(crate) inputs: Inputs,
    /// Notes of the harness; they stand among the lines of the console that a test leaves behind.
    pub(crate) notes: Vec<Line>,
    /// Number of recorded frames of the network when a test asked for the record.
    pub(crate) capture_from: Option<u64>,
    /// Reads the call stacks of the cores, where the board has a debug probe.
    pub(crate) stacks: Option<Stacks>,
    /// Failures so far, for the page that a failure leaves behind.
    failures: Vec<Line>,
    claims: ConsoleClaims,
    pub(crate) calm: Calm,
    /// Where what the cores execute is added up, and what of it is there already, by when.
    coverage: Option<CoverageRecord>,
    recorded: Option<(Time, Executed)>,
}

/// Failures that are kept: the first ones.
const FAILURES: usize = 8;

/// Reads the call stack of each core with these symbols.
pub(crate) type Stacks = fn(&dyn Driver, Option<&Path>) -> Vec<String>;

/// The tool that uses the console's pins for packets of its own; the console log gets no bytes meanwhile.
#[derive(Default)]
struct ConsoleClaims {
    current: Option<u32>,
    count: u32,
}

impl Shared {
    pub(crate) fn new(state: State) -> Shared {
        Shared { state: Mutex::new(state) }
    }

    /// The board, to do something with it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock_calmly();
        state.calm.end();
        state
    }

    /// The board, for a wait that looks at nothing but the clock and what the board prints.
    pub(super) fn lock_calmly(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere does not make the board's state wrong, and its console is wanted most then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn new(mut driver: Box<dyn Driver>, artefacts: Artefacts, goldens: PathBuf, bless: bool) -> State {
        let coverage = CoverageRecord::from_env();
        if coverage.is_some() {
            driver.cover();
        }
        State {
            driver,
            skipped: None,
            console: Log::default(),
            uarts: BTreeMap::new(),
            watch: Watch::default(),
            connections: BTreeMap::new(),
            faults: FaultConfig::default(),
            transcript: Transcript::default(),
            artefacts,
            goldens,
            bless,
            elf: None,
            warnings: Vec::new(),
            inputs: Inputs::default(),
            notes: Vec::new(),
            capture_from: None,
            stacks: None,
            failures: Vec::new(),
            claims: ConsoleClaims::default(),
            calm: Calm::default(),
            coverage,
            recorded: None,
        }
    }

    /// Adds up in `record` what the cores execute from now on, and not where the environment says.
    pub(crate) fn record_coverage(&mut self, record: &CoverageRecord) {
        self.driver.cover();
        self.coverage = Some(record.clone());
    }

    /// Adds what the cores have executed since the last time to the record.
    fn note_coverage(&mut self) {
        let (Some(record), now) = (&self.coverage, self.driver.now()) else { return };
        if self.recorded.as_ref().is_some_and(|(at, _)| *at == now) {
            return;
        }
        let Some(executed) = self.driver.executed() else { return };
        let before = self.recorded.take().map(|(_, executed)| executed).unwrap_or_default();
        let fresh = executed.clone().since(&before);
        if fresh != Executed::default()
            && let Err(error) = record.add(self.elf.as_deref(), &fresh)
        {
            eprintln!("espalier: {error}");
        }
        self.recorded = Some((now, executed));
    }

    /// Claims the console's pins for packets. What the board has printed so far still goes to the log, and an earlier claim ends.
    pub(crate) fn claim_console(&mut self) -> u32 {
        self.end_claim();
        self.collect();
        self.claims.count += 1;
        self.claims.current = Some(self.claims.count);
        self.claims.count
    }

    pub(crate) fn is_claimed(&self, claim: u32) -> bool {
        self.claims.current == Some(claim)
    }

    /// Ends a claim, unless it has ended before.
    pub(crate) fn release_console(&mut self, claim: u32) {
        if self.is_claimed(claim) {
            self.end_claim();
        }
    }

    /// Ends any active claim and drops its remaining bytes.
    pub(crate) fn end_claim(&mut self) {
        if self.claims.current.take().is_some() {
            self.driver.console_cut();
            self.driver.console_take();
        }
    }

    /// A board of its own that starts where this one stands. Handles of this one do not reach it.
    pub(crate) fn fork(&mut self, name: &str) -> Option<State> {
        self.collect();
        self.note_coverage();
        let driver = self.driver.fork()?;
        Some(self.fork_with(driver, name))
    }

    /// The same in a fork of the world that the board is in with others.
    pub(crate) fn fork_into(&mut self, world: &WorldHandle, name: &str) -> Option<State> {
        self.note_coverage();
        let driver = self.driver.fork_into(world)?;
        Some(self.fork_with(driver, name))
    }

    fn fork_with(&self, driver: Box<dyn Driver>, name: &str) -> State {
        let artefacts = self.artefacts.sibling(name);
        let mut fork = State::new(driver, artefacts, self.goldens.clone(), self.bless);
        fork.console = self.console.clone();
        fork.uarts = self.uarts.clone();
        fork.watch = self.watch.clone();
        fork.transcript = self.transcript.clone();
        fork.faults = self.faults.clone();
        fork.elf = self.elf.clone();
        fork.warnings = self.warnings.clone();
        fork.inputs = self.inputs.clone();
        fork.notes = self.notes.clone();
        fork.capture_from = self.capture_from;
        fork.stacks = self.stacks;
        fork.coverage = self.coverage.clone();
        fork
    }

    /// Returns the log of a UART.
    pub(crate) fn log(&mut self, port: usize) -> &mut Log {
        if port == CONSOLE {
            return &mut self.console;
        }
        let log = self.uarts.entry(port).or_default();
        for (at, byte) in self.driver.uart_take(port) {
            log.push(at, byte);
        }
        log
    }

    /// Takes over what the console has printed.
    pub(crate) fn collect(&mut self) {
        if self.claims.current.is_some() {
            return;
        }
        let resets = self.driver.take_resets();
        let told = resets.is_some();
        let mut resets = resets.unwrap_or_default().into_iter().peekable();
        for (at, byte) in self.driver.console_take() {
            let printed = self.console.end();
            while let Some(reset) = resets.next_if(|reset| reset.at <= at) {
                self.watch.reset(reset, printed);
            }
            self.watch.byte(at, byte, printed, told);
            self.console.push(at, byte);
        }
        let printed = self.console.end();
        resets.for_each(|reset| self.watch.reset(reset, printed));
    }

    /// Pulls the reset line. A crash of the firmware before the reset does not count for the run that starts now.
    pub(crate) fn restart(&mut self, start: Start) -> Result<(), Failure> {
        self.collect();
        self.watch.forget();
        self.driver.reset(start)
    }

    /// The first crash since the board was switched on or last reset by its line.
    pub(crate) fn crash(&self) -> Option<Crash> {
        let seen = self.watch.crash(self.driver.now())?;
        let mut places = match seen.kind {
            CrashKind::Panic { .. } => self.backtrace(),
            _ => Vec::new(),
        };
        if let (true, Some(reset)) = (places.is_empty(), &seen.reset) {
            places = look_up(reset.pcs.clone(), self.elf.as_deref());
        }
        Some(Crash { kind: seen.kind, at: seen.at, reset: seen.reset, places })
    }

    pub(crate) fn record(&mut self, connection: ConnectionId, event: Event) {
        self.transcript.push(Entry::new(self.driver.now(), connection, event));
    }

    /// Fails if this kind of board lacks an ability.
    pub(crate) fn require(&mut self, capability: Capability) -> Result<(), Error> {
        if self.driver.supports(capability) {
            return Ok(());
        }
        let unsupported = self.driver.unsupported(capability);
        Err(self.fail(unsupported))
    }

    /// An error with the scene of this moment. What the test leaves behind will be kept.
    pub(crate) fn fail(&mut self, failure: impl Into<Failure>) -> Error {
        self.collect();
        for connection in self.connections.keys().copied().collect::<Vec<_>>() {
            self.pump(connection);
        }
        self.artefacts.keep();
        let failure = failure.into();
        if self.failures.len() < FAILURES {
            self.failures.push(Line { at: self.driver.now(), text: failure.to_string() });
        }
        Error::with_scene(failure, self.scene())
    }

    fn scene(&mut self) -> Scene {
        Scene {
            kind: self.driver.kind(),
            name: self.artefacts.name().to_owned(),
            at: self.driver.now(),
            warnings: self.warnings.clone(),
            console: self.console.tail(CONSOLE_TAIL),
            console_lines: self.console.line_count(),
            backtrace: self.backtrace(),
            unmodelled: self.unmodelled_notes(0),
            transcript: self.transcript.tail(TRANSCRIPT_TAIL),
            shown: self.driver.shown(),
            leds: self.driver.leds(None).ok().map(|lit| lit.colours),
            stacks: self.stacks.map(|stacks| stacks(self.driver.as_ref(), self.elf.as_deref())).unwrap_or_default(),
            artefacts: self.artefacts.folder().to_owned(),
        }
    }

    fn air_capture(&mut self) -> Vec<u8> {
        self.driver.air().map(|air| air.capture()).unwrap_or_default()
    }

    fn backtrace(&self) -> Vec<Place> {
        let lines = self.console.tail(usize::MAX);
        decode(&lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), self.elf.as_deref())
    }

    pub(crate) fn unmodelled_notes(&self, skip: usize) -> Vec<UnmodelledNote> {
        let mut notes = self.driver.unmodelled_notes(skip);
        if let (false, Some(elf)) = (notes.is_empty(), &self.elf) {
            let symbols = Symbols::read(elf);
            notes.iter_mut().for_each(|note| note.place = Symbols::place(symbols.as_ref(), note.place.address));
        }
        notes
    }

    /// All lines of the console, with the notes of the emulator between them.
    fn console_with_notes(&self) -> Vec<Line> {
        let mut lines = self.console.tail(usize::MAX);
        let notes = self.unmodelled_notes(0).into_iter();
        lines.extend(notes.map(|note| Line { at: note.at, text: format!("[espalier] {note}") }));
        lines.extend(self.notes.iter().cloned());
        lines.sort_by_key(|line| line.at);
        lines
    }

    /// Returns one line for each file of a test that is incomplete because there was more than is kept.
    fn dropped(&mut self) -> Vec<String> {
        let frames = |count: u64, file: &str| {
            (count > 0).then(|| format!("{count} frames were dropped from the beginning of {file}"))
        };
        let in_air = self.driver.air().map(|air| air.capture_dropped()).unwrap_or_default();
        let records = [frames(self.driver.capture_dropped(), "network.pcap"), frames(in_air, "air.pcap")];
        records.into_iter().flatten().chain(self.driver.dropped()).collect()
    }

    /// Writes the files that a failed test is judged by.
    pub(crate) fn leave_behind(&mut self) -> Result<(), Failure> {
        let console: String = self.console_with_notes().iter().map(|line| format!("{line}\n")).collect();
        self.artefacts.write("console.log", console.as_bytes())?;
        if !self.transcript.is_empty() {
            let transcript: String = self.transcript.entries().map(|entry| format!("{entry}\n")).collect();
            self.artefacts.write("network.log", transcript.as_bytes())?;
        }
        let backtrace: String = self.backtrace().iter().map(|place| format!("{place}\n")).collect();
        if !backtrace.is_empty() {
            self.artefacts.write("backtrace.txt", backtrace.as_bytes())?;
        }
        if let Some(shown) = self.driver.shown() {
            self.artefacts.write("screen.png", &encode_picture(&shown.picture()))?;
        }
        for (name, capture) in [("network.pcap", self.driver.capture(0)), ("air.pcap", self.air_capture())] {
            if capture.len() > EMPTY_CAPTURE {
                self.artefacts.write(name, &capture)?;
            }
        }
        let dropped = self.dropped();
        if !dropped.is_empty() {
            self.artefacts.write("dropped.log", (dropped.join("\n") + "\n").as_bytes())?;
        }
        let unmodelled = self.driver.unmodelled();
        if !unmodelled.is_empty() {
            self.artefacts.write("unmodelled.log", (unmodelled.join("\n") + "\n").as_bytes())?;
        }
        let transcript: Vec<Line> =
            self.transcript.entries().map(|entry| Line { at: entry.at, text: entry.without_time() }).collect();
        let page = FailurePage {
            owner: self.artefacts.owner(),
            board: format!("{}, {}", self.artefacts.name(), self.driver.kind()),
            at: self.driver.now(),
            again: self.artefacts.again(),
            failures: &self.failures,
            console: &self.console_with_notes(),
            transcript: &transcript,
            backtrace: &backtrace,
            stacks: self.stacks.map(|stacks| stacks(self.driver.as_ref(), self.elf.as_deref())).unwrap_or_default(),
        };
        self.artefacts.write(PAGE, page.html(self.artefacts.folder()).as_bytes())?;
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Err(error) = record(&self.artefacts.owner(), self.driver.kind(), self.skipped) {
            eprintln!("espalier: {error}");
        }
        self.note_coverage();
        if self.artefacts.is_kept() || std::thread::panicking() {
            self.artefacts.keep();
            self.collect();
            if let Err(error) = self.leave_behind() {
                eprintln!("espalier: {error}");
            }
        }
    }
}
