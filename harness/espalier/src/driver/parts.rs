//! Parts around the chip: what is done to them, and what they show and play.

use std::fmt;

use espalier_core::{Rgb, Span, Time};

/// An action on a part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Control {
    Button { name: String, pressed: bool },
    Touch { name: String, touched: bool },
    Volts { name: String, volts: f64 },
    Level { name: String, level: f64 },
    Acceleration { name: String, g: [f64; 3] },
    Field { name: String, gauss: [f64; 3] },
}

espalier_core::persist! {
    enum Control {
        Button { name, pressed },
        Touch { name, touched },
        Volts { name, volts },
        Level { name, level },
        Acceleration { name, g },
        Field { name, gauss },
    }
}

/// Largest deviation of a tone from the expected frequency, as a part of it. A semitone is 6 %.
pub const TONE_TOLERANCE: f64 = 0.01;

/// A tone: the swing of the buzzer's line.
///
/// ```
/// let tone = espalier::Tone { frequency: 441.0, duty: 0.5 };
/// assert!(tone.is_near(440.0) && !tone.is_near(466.2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// In hertz.
    pub frequency: f64,
    /// The part of each period in which the line is high, from 0 to 1.
    pub duty: f64,
}

/// A tone, and when it was played.
///
/// ```
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// for played in board.buzzer().tones()? {
///     println!("{played}");
/// }
/// # Ok(())
/// # }
/// ```
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

/// Colours in a row, as in `#ff0000 #000000`.
pub(crate) struct Colours<'a>(pub(crate) &'a [Rgb]);

impl fmt::Display for Colours<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colours: Vec<_> = self.0.iter().map(Rgb::to_string).collect();
        f.write_str(&colours.join(" "))
    }
}
