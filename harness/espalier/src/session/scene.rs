//! The visible state of a board at one moment.

use std::fmt;
use std::path::PathBuf;

use espalier_core::{Rgb, Time};

use super::{Entry, Line};
use crate::backtrace::Place;
use crate::driver::{Colours, DisplayState, Kind, UnmodelledNote};
use crate::image::ImageWarning;
use crate::render::half_blocks;

/// Number of console lines in a failure.
pub(crate) const CONSOLE_TAIL: usize = 20;
/// Number of characters of a console line in a failure.
const CONSOLE_WIDTH: usize = 150;
/// Number of places of a backtrace in a failure.
const BACKTRACE_SHOWN: usize = 16;
/// Number of notes of the emulator in a failure.
const UNMODELLED_SHOWN: usize = 8;
/// Number of transcript entries in a failure.
pub(crate) const TRANSCRIPT_TAIL: usize = 12;

/// The visible state of a board at the moment of a failure.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// if let Err(error) = board.console().expect("ready").await {
///     let scene = error.scene().expect("a board was involved");
///     println!("at {}, files in {}", scene.at, scene.artefacts.display());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scene {
    /// The kind of board.
    pub kind: Kind,
    /// The board's name, usually that of the test.
    pub name: String,
    /// The board's time.
    pub at: Time,
    /// Warnings about the firmware.
    pub warnings: Vec<ImageWarning>,
    /// The last lines of the console.
    pub console: Vec<Line>,
    /// Number of lines that the console has printed in all.
    pub console_lines: usize,
    /// Where the firmware panicked last, if the console says so.
    pub backtrace: Vec<Place>,
    /// The firmware's accesses to unmodelled hardware.
    pub unmodelled: Vec<UnmodelledNote>,
    /// The last events on the network.
    pub transcript: Vec<Entry>,
    pub(crate) shown: Option<DisplayState>,
    /// The colours of the LEDs, if the board has LEDs.
    pub leds: Option<Vec<Rgb>>,
    /// The call stack of each core, if the board has a debug probe.
    pub stacks: Vec<String>,
    /// Where the files are that this failure leaves behind.
    pub artefacts: PathBuf,
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  board    {} ({}), its time is {}", self.name, self.kind, self.at)?;
        for warning in &self.warnings {
            writeln!(f, "  warning  {warning}")?;
        }
        match self.console.len() {
            0 => writeln!(f, "  console  nothing was printed")?,
            shown if shown == self.console_lines => writeln!(f, "  console")?,
            shown => writeln!(f, "  console  last {shown} of {} lines", self.console_lines)?,
        }
        for line in &self.console {
            writeln!(f, "    {}", Shortened(&line.to_string()))?;
        }
        if !self.backtrace.is_empty() {
            writeln!(f, "  panic")?;
            for place in self.backtrace.iter().take(BACKTRACE_SHOWN) {
                writeln!(f, "    {place}")?;
            }
        }
        if !self.unmodelled.is_empty() {
            writeln!(f, "  emulator")?;
            for note in self.unmodelled.iter().take(UNMODELLED_SHOWN) {
                writeln!(f, "    {:>13} │ {note}", note.at.to_string())?;
            }
            if let Some(more @ 1..) = self.unmodelled.len().checked_sub(UNMODELLED_SHOWN) {
                writeln!(f, "    and {more} more, see console.log")?;
            }
        }
        if !self.transcript.is_empty() {
            writeln!(f, "  network")?;
            for entry in &self.transcript {
                writeln!(f, "    {entry}")?;
            }
        }
        match &self.shown {
            Some(shown) if !shown.on => writeln!(f, "  screen   off")?,
            Some(shown) if shown.bitmap.pixels().iter().all(|lit| !lit) => {
                writeln!(f, "  screen   dark since {}", shown.changed)?;
            }
            Some(shown) => {
                writeln!(f, "  screen   unchanged since {}", shown.changed)?;
                for row in half_blocks(&shown.bitmap).lines() {
                    writeln!(f, "    {row}")?;
                }
            }
            None => {}
        }
        if let Some(leds) = &self.leds {
            writeln!(f, "  leds     {}", Colours(leds))?;
        }
        if !self.stacks.is_empty() {
            writeln!(f, "  stacks")?;
            for line in self.stacks.iter().flat_map(|stack| stack.lines()) {
                writeln!(f, "    {line}")?;
            }
        }
        write!(f, "  files    {}", self.artefacts.display())
    }
}

/// A line that is no longer than a terminal is wide, more or less; the whole is in the files.
struct Shortened<'a>(&'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(CONSOLE_WIDTH) {
            Some((end, _)) => write!(f, "{}… ({} bytes)", &self.0[..end], self.0.len()),
            None => f.write_str(self.0),
        }
    }
}
