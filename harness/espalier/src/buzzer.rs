//! The board's buzzer, and expectations of its tones.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use crate::driver::{PlayedTone, Tone};
use crate::error::Cause;
use crate::session::{Ask, Result, Shared, Wait};

/// A tone was not played.
///
/// ```
/// let error = espalier::NotPlayed { expected: 440.0, played: Vec::new() };
/// assert_eq!(error.to_string(), "no tone of 440.0 Hz was played, nor any other");
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("no tone of {expected:.1} Hz was played{}", Last(played))]
pub struct NotPlayed {
    /// The expected frequency in hertz.
    pub expected: f64,
    /// The tones since power-on.
    pub played: Vec<PlayedTone>,
}

impl Cause for NotPlayed {}

/// Number of tones in a message.
const TONES: usize = 4;

/// The last tones that were played.
struct Last<'a>(&'a [PlayedTone]);

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = &self.0[self.0.len().saturating_sub(TONES)..];
        match last.split_first() {
            None => f.write_str(", nor any other"),
            Some((first, rest)) => {
                write!(f, "; the last of {}: {first}", self.0.len())?;
                rest.iter().try_for_each(|tone| write!(f, "; {tone}"))
            }
        }
    }
}

/// The buzzer of a board. Handles are cheap and all lead to the same buzzer.
///
/// The tone is derived from the waveform on the buzzer's pin: PWM, pulses, or a pin that software toggles.
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

    /// The present tone; `None` if it is silent.
    ///
    /// # Errors
    /// If the board has no buzzer, or it cannot be listened to.
    pub fn tone(&self) -> Result<Option<Tone>> {
        Ok(self.tones()?.last().filter(|played| played.duration.is_none()).map(|played| played.tone))
    }

    /// The last 4096 tones that it has played since power-on, in order; the last one may go on.
    ///
    /// # Errors
    /// If the board has no buzzer, or it cannot be listened to.
    pub fn tones(&self) -> Result<Vec<PlayedTone>> {
        let mut state = self.shared.lock();
        state.driver.tones().map_err(|kind| state.fail(kind))
    }

    /// Waits until it plays a tone of `frequency` hertz, within [`TONE_TOLERANCE`](crate::TONE_TOLERANCE). A tone that
    /// has already ended counts too. The failure lists the tones that it has played instead.
    pub fn expect(&self, frequency: f64) -> Wait<PlayedTone> {
        let mut begun = None;
        Wait::new(&self.shared, format!("a tone of {frequency:.1} Hz"), move |state, ask| {
            let begun = *begun.get_or_insert(state.driver.now());
            let tones = state.driver.tones()?;
            let is_new = |played: &PlayedTone| played.duration.is_none_or(|duration| played.start + duration > begun);
            let found = tones.iter().find(|played| is_new(played) && played.tone.is_near(frequency));
            match (found, ask) {
                (Some(played), _) => Poll::Ready(Ok(*played)),
                (None, Ask::Again) => Poll::Pending,
                (None, Ask::LastTime) => Poll::Ready(Err(NotPlayed { expected: frequency, played: tones }.into())),
            }
        })
    }

    /// Waits until it is silent.
    pub fn expect_silence(&self) -> Wait<()> {
        Wait::new(&self.shared, "the buzzer to fall silent", |state, _| {
            let sounding = state.driver.tones()?.last().is_some_and(|played| played.duration.is_none());
            if sounding { Poll::Pending } else { Poll::Ready(Ok(())) }
        })
    }
}
