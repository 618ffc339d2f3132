//! The board's buzzer, and what a test expects to hear.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use espalier_core::{Span, Time};

use crate::error::{ErrorKind, Result};
use crate::state::Shared;
use crate::wait::{Ask, Wait};

/// How far a tone may be from the expected frequency, as a part of it. A semitone is 6 %.
pub const TONE_TOLERANCE: f64 = 0.01;

/// A tone: the swing of the buzzer's line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// In hertz.
    pub frequency: f64,
    /// The part of each period in which the line is high, from 0 to 1.
    pub duty: f64,
}

/// A tone, and when it was to be heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayedTone {
    pub tone: Tone,
    /// In the board's time.
    pub start: Time,
    /// `None` if it goes on.
    pub duration: Option<Span>,
}

/// As in `440.0 Hz`.
impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} Hz", self.frequency)
    }
}

impl Tone {
    /// Whether it is the tone of this frequency in hertz, within [`TONE_TOLERANCE`].
    pub fn is_near(&self, frequency: f64) -> bool {
        (self.frequency - frequency).abs() <= frequency * TONE_TOLERANCE
    }
}

/// As in `440.0 Hz at 1.250000s for 0.200000s`.
impl fmt::Display for PlayedTone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.tone, self.start)?;
        match self.duration {
            Some(duration) => write!(f, " for {duration}"),
            None => f.write_str(", which goes on"),
        }
    }
}

/// The buzzer of a board. Handles are cheap and all lead to the same buzzer.
///
/// What it plays is worked out from what drives its line: PWM, pulses, or a pin that software toggles.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.micropython().start("import alarm").await?;
/// board.buzzer().expect(440.0).await?;
/// board.buzzer().expect_silence().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Buzzer {
    shared: Arc<Shared>,
}

impl Buzzer {
    pub(crate) fn new(shared: Arc<Shared>) -> Buzzer {
        Buzzer { shared }
    }

    /// What it plays now; `None` if it is silent.
    pub fn tone(&self) -> Result<Option<Tone>> {
        Ok(self.tones()?.last().filter(|played| played.duration.is_none()).map(|played| played.tone))
    }

    /// The last 4096 tones that it has played since power-on, in order; the last one may go on.
    pub fn tones(&self) -> Result<Vec<PlayedTone>> {
        let mut state = self.shared.lock();
        state.rig.tones().map_err(|kind| state.fail(kind))
    }

    /// Waits until it plays a tone of `frequency` hertz, within [`TONE_TOLERANCE`]; one that is over again by the time somebody
    /// looks counts as well. The failure says what it has played instead.
    pub fn expect(&self, frequency: f64) -> Wait<PlayedTone> {
        let mut begun = None;
        Wait::new(&self.shared, format!("a tone of {frequency:.1} Hz"), move |state, ask| {
            let begun = *begun.get_or_insert(state.rig.now());
            let tones = state.rig.tones()?;
            let is_new = |played: &PlayedTone| played.duration.is_none_or(|duration| played.start + duration > begun);
            let found = tones.iter().find(|played| is_new(played) && played.tone.is_near(frequency));
            match (found, ask) {
                (Some(played), _) => Poll::Ready(Ok(*played)),
                (None, Ask::Again) => Poll::Pending,
                (None, Ask::LastTime) => Poll::Ready(Err(ErrorKind::Tone { expected: frequency, played: tones })),
            }
        })
    }

    /// Waits until it is silent.
    pub fn expect_silence(&self) -> Wait<()> {
        Wait::new(&self.shared, "the buzzer to fall silent", |state, _| {
            let sounding = state.rig.tones()?.last().is_some_and(|played| played.duration.is_none());
            if sounding { Poll::Pending } else { Poll::Ready(Ok(())) }
        })
    }
}
