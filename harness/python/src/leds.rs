//! Coloured LEDs and the buzzer.

use espalier::{PlayedTone, Rgb};
use pyo3::prelude::*;

use crate::error::Raise;
use crate::values::{length, seconds, span};
use crate::wait::{Wait, within};

/// Red, green and blue, each from 0 to 255.
type Colour = (u8, u8, u8);

fn colour(rgb: Rgb) -> Colour {
    (rgb.red, rgb.green, rgb.blue)
}

/// The coloured LEDs of a board, in the order of their chain.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Leds(pub(crate) espalier::Leds);

#[pymethods]
impl Leds {
    /// Their present colours.
    fn colours(&self) -> PyResult<Vec<Colour>> {
        Ok(self.0.colours().raise()?.into_iter().map(colour).collect())
    }

    /// Waits until they show these colours, all of them.
    #[pyo3(signature = (colours, *, within=None))]
    fn expect(&self, colours: Vec<Colour>, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.expect(colours), within)?))
    }

    /// Waits until they have shown the same for `quiet` seconds, counted from now, and says what.
    #[pyo3(signature = (quiet=None, *, within=None))]
    fn settled(&self, quiet: Option<f64>, within: Option<f64>) -> PyResult<Wait> {
        let wait = match quiet {
            Some(quiet) => self.0.settled_for(span(quiet)?),
            None => self.0.settled(),
        };
        let wait = self::within(wait, within)?;
        Ok(Wait::new(async { Ok(wait.await?.into_iter().map(colour).collect::<Vec<_>>()) }))
    }
}

/// A tone of the buzzer, and when it was to be heard.
#[pyclass(frozen, get_all, module = "espalier._native")]
pub(crate) struct Tone {
    /// In hertz.
    frequency: f64,
    /// The part of each period in which the line is high, from 0 to 1.
    duty: f64,
    /// In seconds of the board's time.
    start: f64,
    /// In seconds; `None` if it goes on.
    duration: Option<f64>,
}

impl From<PlayedTone> for Tone {
    fn from(played: PlayedTone) -> Tone {
        let (frequency, duty) = (played.tone.frequency, played.tone.duty);
        Tone { frequency, duty, start: seconds(played.start), duration: played.duration.map(length) }
    }
}

#[pymethods]
impl Tone {
    fn __repr__(&self) -> String {
        format!("<Tone of {:.1} Hz at {:.6}>", self.frequency, self.start)
    }
}

/// The buzzer of a board.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Buzzer(pub(crate) espalier::Buzzer);

#[pymethods]
impl Buzzer {
    /// The present tone; `None` if it is silent.
    fn tone(&self) -> PyResult<Option<Tone>> {
        let last = self.tones()?.pop();
        Ok(last.filter(|tone| tone.duration.is_none()))
    }

    /// The last tones that it has played since power-on, in order; the last one may go on.
    fn tones(&self) -> PyResult<Vec<Tone>> {
        Ok(self.0.tones().raise()?.into_iter().map(Tone::from).collect())
    }

    /// Waits until it plays a tone of `frequency` hertz.
    #[pyo3(signature = (frequency, *, within=None))]
    fn expect(&self, frequency: f64, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.expect(frequency), within)?;
        Ok(Wait::new(async { Ok(Tone::from(wait.await?)) }))
    }

    /// Waits until it is silent.
    #[pyo3(signature = (*, within=None))]
    fn expect_silence(&self, within: Option<f64>) -> PyResult<Wait> {
        Ok(Wait::new(self::within(self.0.expect_silence(), within)?))
    }
}
