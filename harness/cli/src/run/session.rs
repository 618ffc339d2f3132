//! The board while it runs: its console goes out, keys go in, and each turn asks whether that is the end.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use espalier::{Board, Crash, SETTLED, Span, Time, Units};
use espalier_scenario::Pattern;
use espalier_serve::{Action, Expected};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::input::keys;
use super::live::Live;
use crate::args::RunArgs;
use crate::bridge::Bridges;
use crate::error::CliError;
use crate::expect::{Expectations, Verdict};
use crate::panel::Panel;
use crate::recorder::Recorder;
use crate::signals::{Caught, Signals};
use crate::style::FAINT;
use crate::unmodelled::Notes;
use crate::window::Window;

/// Ctrl-], which leaves, as in telnet and ESP-IDF's monitor.
const LEAVE: u8 = 0x1D;
/// Ctrl-C, which leaves a session that is recorded.
const INTERRUPT: u8 = 0x03;
/// Ctrl-\, by which a session that is recorded keeps the screen.
const KEEP_SCREEN: u8 = 0x1C;
/// A board with a page that is later than this does not make up for it.
const LARGEST_LAG: Duration = Duration::from_millis(200);
/// Time after which a board that stands is looked at again.
const STANDING: Duration = Duration::from_millis(10);
/// Time for which the board runs before everything else is checked.
const TURN: Span = Span::from_millis(5);
/// Silence of the console before it gets the next piece of input that was piped in.
const READY: Span = Span::from_millis(300);
/// Silence of the console after the end of the input.
const QUIET: Span = Span::from_secs(2);
/// Default time limit for expected text.
const PATIENCE: Span = Span::from_secs(30);
/// Time limit for a panic that has begun, after the end.
const LAST_WORDS: Span = Span::from_secs(1);

/// The end of a run.
pub enum Ending {
    /// Its time was over, its input had ended, or its user left.
    Over,
    /// All that was expected has been seen.
    Met,
    /// It was over before all that was expected had been seen.
    Unmet { awaited: String, passed: Span },
    /// Something was seen that must not be.
    Unwanted { pattern: String, line: String },
    /// The firmware crashed.
    Crashed(Box<Crash>),
    /// The reader of the output is gone.
    Unread,
    /// A signal.
    Caught(Caught),
}

pub struct Session<'a> {
    args: &'a RunArgs,
    board: Board,
    bridges: Bridges,
    panel: Option<Panel>,
    window: Option<Window>,
    live: Option<Live>,
    recorder: Option<Recorder>,
    expectations: Expectations,
    /// The text at which the board is saved, and the file.
    saving: Option<(Expectations, PathBuf)>,
    input: UnboundedReceiver<Vec<u8>>,
    input_ended: bool,
    last_input: Time,
    last_output: Option<Time>,
    /// Whether board time keeps pace with the clock on the wall.
    paced: bool,
    /// Whether the terminal is in raw mode.
    raw: bool,
    /// Whether the standard output has a reader.
    read: bool,
    /// When the picture that was drawn last appeared.
    seen: Time,
    saved: usize,
    unsaved: bool,
    last_byte: Option<u8>,
    notes: Notes,
}

/// Everything around the board of a session.
pub struct Around {
    pub bridges: Bridges,
    pub window: Option<Window>,
    pub live: Option<Live>,
    pub recorder: Option<Recorder>,
    /// Whether the terminal is in raw mode.
    pub raw: bool,
    /// The text at which the board is saved, and the file.
    pub save_at: Option<(Pattern, PathBuf)>,
}

impl<'a> Session<'a> {
    pub fn new(board: Board, around: Around, args: &'a RunArgs) -> Session<'a> {
        let Around { bridges, window, live, recorder, raw, save_at } = around;
        // A board that was saved has said what it had to say.
        let begun = (board.now() > Time::ZERO).then(|| board.now());
        Session {
            paced: window.is_some() || live.is_some() || (raw && args.limit.is_none()),
            panel: (raw && !args.no_screen && window.is_none()).then(Panel::new).flatten(),
            expectations: Expectations::new(&args.expect, &args.fail_on),
            saving: save_at.map(|(pattern, path)| (Expectations::new(&[pattern], &[]), path)),
            raw,
            read: true,
            input: keys(),
            input_ended: false,
            last_input: Time::ZERO,
            last_output: begun,
            bridges,
            window,
            live,
            recorder,
            seen: Time::ZERO,
            saved: 0,
            unsaved: false,
            last_byte: None,
            notes: Notes::default(),
            board,
            args,
        }
    }

    /// Gives the board back, and what was recorded of the session.
    pub fn finish(self) -> (Board, Option<Recorder>) {
        (self.board, self.recorder)
    }

    /// Runs to the end.
    pub async fn run(&mut self, signals: &mut Signals) -> Result<Ending, CliError> {
        let begun = self.board.now();
        let mut clock = Clock::new(begun);
        if let Some(folder) = &self.args.screen_dir {
            fs::create_dir_all(folder).map_err(CliError::file("create", folder))?;
        }
        let patience = match (self.args.within, self.args.limit) {
            (None, None) if self.is_waiting() => Some(PATIENCE),
            (within, _) => within,
        };
        let limit = [self.args.limit, patience].into_iter().flatten().min();
        loop {
            let step = self.attend(&mut clock).await?;
            if self.is_standing() && step.is_none() {
                if !self.take_input().await? || self.window.as_ref().is_some_and(Window::is_closed) {
                    return self.last_words(begun).await;
                }
                if let Ok(signal) = tokio::time::timeout(STANDING, signals.caught()).await {
                    return Ok(Ending::Caught(signal));
                }
                continue;
            }
            let most = step.unwrap_or(TURN);
            let turn = limit.map_or(most, |limit| most.min(remaining(limit, self.board.now().since(begun))));
            let lift = self.live.as_ref().and_then(|live| live.until_lift(&self.board));
            let turn = lift.map_or(turn, |lift| turn.min(lift.max(1.us())));
            if let Some(ending) = self.turn(turn).await? {
                return Ok(ending);
            }
            let passed = self.board.now().since(begun);
            let over = limit.map_or_else(|| self.is_over(), |limit| passed >= limit);
            if over || !self.take_input().await? || self.window.as_ref().is_some_and(Window::is_closed) {
                return self.last_words(begun).await;
            }
            let pause = if self.paced { clock.pause(self.board.now(), self.live.is_some()) } else { Duration::ZERO };
            if let Ok(signal) = tokio::time::timeout(pause, signals.caught()).await {
                return Ok(Ending::Caught(signal));
            }
        }
    }

    /// Does what was done on the page. The board may have to do a step, and its clock to be set anew.
    async fn attend(&mut self, clock: &mut Clock) -> Result<Option<Span>, CliError> {
        let Some(live) = &mut self.live else { return Ok(None) };
        let changes = live.pace.changes;
        if live.attend(&self.board, &mut self.recorder).await? {
            self.last_input = self.board.now();
        }
        self.paced = !live.pace.fast;
        let step = live.pace.step.take();
        if live.pace.changes != changes || !live.pace.running {
            *clock = Clock::new(self.board.now());
        }
        Ok(step)
    }

    /// Whether the page has stopped the board.
    fn is_standing(&self) -> bool {
        self.live.as_ref().is_some_and(|live| !live.pace.running)
    }

    /// Lets the board run for a while and shows what it has done.
    async fn turn(&mut self, span: Span) -> Result<Option<Ending>, CliError> {
        let ran = self.board.run_for(span).await;
        let ending = self.print()?;
        self.notes.tell(&self.board.unmodelled_notes(self.notes.told()));
        ran?;
        if ending.is_some() {
            return Ok(ending);
        }
        self.look().await?;
        self.bridges.turn().await;
        let crash = if self.args.allow_reset { None } else { self.board.crash() };
        Ok(crash.map(|crash| Ending::Crashed(Box::new(crash))))
    }

    /// The end, unless the firmware has just begun to tell of a crash: that is heard out.
    async fn last_words(&mut self, begun: Time) -> Result<Ending, CliError> {
        let end = self.board.now() + LAST_WORDS;
        while !self.args.allow_reset && self.board.is_panicking() && self.board.now() < end {
            if let Some(ending) = self.turn(TURN).await? {
                return Ok(ending);
            }
        }
        let saving = self.saving.as_ref().and_then(|(awaited, _)| awaited.awaited());
        Ok(match self.expectations.awaited().or(saving) {
            Some(awaited) => Ending::Unmet { awaited, passed: self.board.now().since(begun) },
            None => Ending::Over,
        })
    }

    /// Whether the console has to say something yet.
    fn is_waiting(&self) -> bool {
        self.expectations.is_open() || self.saving.is_some()
    }

    /// Saves the board once the console has said when; true if that was now.
    fn save(&mut self, bytes: &[u8], now: Time) -> Result<bool, CliError> {
        let Some((awaited, path)) = &mut self.saving else { return Ok(false) };
        if !matches!(awaited.take(bytes, now), Verdict::Met) {
            return Ok(false);
        }
        self.board.save(&*path)?;
        self.saving = None;
        Ok(true)
    }

    /// Prints what the board has printed, and says what follows from it.
    fn print(&mut self) -> Result<Option<Ending>, CliError> {
        let bytes = self.board.console().take_unread();
        let now = self.board.now();
        if !bytes.is_empty() {
            self.last_output = Some(now);
            if let Some(live) = &self.live {
                live.show(&bytes);
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.heard(0, &bytes, now);
            }
            match self.write(&bytes) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.read = false,
                written => written?,
            }
        }
        let verdict = self.expectations.take(&bytes, now);
        let saved = self.save(&bytes, now)?;
        Ok(match verdict {
            Verdict::Met if self.saving.is_none() => Some(Ending::Met),
            Verdict::Met => None,
            Verdict::Open if saved && !self.expectations.is_open() => Some(Ending::Met),
            Verdict::Failed { pattern, line } => Some(Ending::Unwanted { pattern, line }),
            Verdict::Open
                if !self.read
                    && self.live.is_none()
                    && !self.is_waiting()
                    && self.args.expect.is_empty()
                    && self.args.fail_on.is_empty() =>
            {
                Some(Ending::Unread)
            }
            Verdict::Open => None,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if !self.read {
            return Ok(());
        }
        let mut text = Vec::with_capacity(bytes.len());
        for byte in bytes {
            // A terminal in raw mode does not begin a line by itself.
            if self.raw && *byte == b'\n' && self.last_byte != Some(b'\r') {
                text.push(b'\r');
            }
            text.push(*byte);
            self.last_byte = Some(*byte);
        }
        if let Some(panel) = &mut self.panel {
            panel.remember(&text);
        }
        let mut output = std::io::stdout().lock();
        output.write_all(&text)?;
        output.flush()
    }

    /// Draws the screen when it or the terminal has changed, and saves it when it has settled.
    async fn look(&mut self) -> Result<(), CliError> {
        let Ok(picture) = self.board.screen().picture().await else { return Ok(()) };
        if let Some(window) = &mut self.window {
            window.show(picture.bitmap());
        }
        let changed = picture.changed() != self.seen;
        if changed {
            self.seen = picture.changed();
            self.unsaved = true;
        }
        if let Some(panel) = &mut self.panel {
            panel.show(picture.bitmap(), changed);
        }
        let Some(folder) = &self.args.screen_dir else { return Ok(()) };
        if self.unsaved && picture.at().since(picture.changed()) >= SETTLED {
            self.unsaved = false;
            self.saved += 1;
            let path: PathBuf = folder.join(format!("{:04}-{}.png", self.saved, picture.changed()));
            fs::write(&path, picture.png()).map_err(CliError::file("write", &path))?;
        }
        Ok(())
    }

    /// Sends keys to the board; false if one of them says to leave.
    async fn take_input(&mut self) -> Result<bool, CliError> {
        // A program that pipes its input in cannot see when the firmware begins to listen.
        while self.raw || self.is_quiet(READY) {
            match self.input.try_recv() {
                Ok(bytes) if self.raw && self.leaves(&bytes) => return Ok(false),
                Ok(bytes) => {
                    let bytes = self.record(bytes).await?;
                    self.board.console().send(bytes).await?;
                    self.last_input = self.board.now();
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => {
                    self.input_ended = true;
                    return Ok(true);
                }
            }
        }
        Ok(true)
    }

    /// Whether these keys end the session.
    fn leaves(&self, keys: &[u8]) -> bool {
        keys.contains(&LEAVE) || (self.recorder.is_some() && keys.contains(&INTERRUPT))
    }

    /// Records what is typed, and returns what is for the board.
    async fn record(&mut self, mut keys: Vec<u8>) -> Result<Vec<u8>, CliError> {
        let Some(recorder) = &mut self.recorder else { return Ok(keys) };
        recorder.keep_at_once(&self.board).await;
        if self.raw && keys.contains(&KEEP_SCREEN) {
            keys.retain(|key| *key != KEEP_SCREEN);
            let screen = Action::Expect { what: Expected::Screen, name: None, display: None, gpio: None };
            match recorder.expect(&self.board, &screen).await {
                Ok(()) => anstream::eprintln!("{FAINT}--- the screen is kept once it stays ---{FAINT:#}\r"),
                Err(error) => anstream::eprintln!("{error}\r"),
            }
        }
        recorder.typed(0, &keys, self.board.now());
        Ok(keys)
    }

    /// Whether the console has been quiet for this long, since it was last given something and after it has said something.
    fn is_quiet(&self, span: Span) -> bool {
        let last = self.last_output.map(|at| at.max(self.last_input));
        last.is_some_and(|last| self.board.now().since(last) >= span)
    }

    /// Whether the input has ended and there is nothing more to come or to see.
    fn is_over(&self) -> bool {
        self.input_ended && self.window.is_none() && self.live.is_none() && self.is_quiet(QUIET)
    }
}

/// Relation of the board's time to the clock of the host.
struct Clock {
    since: Time,
    clock: Instant,
}

impl Clock {
    fn new(now: Time) -> Clock {
        Clock { since: now, clock: Instant::now() }
    }

    /// Time by which the board is ahead. One that is watched does not make up for a host that was busy.
    fn pause(&mut self, now: Time, is_watched: bool) -> Duration {
        let (board, host) = (Duration::from(now.since(self.since)), self.clock.elapsed());
        if is_watched && host.saturating_sub(board) > LARGEST_LAG {
            *self = Clock::new(now);
        }
        board.saturating_sub(host)
    }
}

fn remaining(limit: Span, passed: Span) -> Span {
    (limit.ticks().saturating_sub(passed.ticks()) / 1.us().ticks()).us().max(1.us())
}
