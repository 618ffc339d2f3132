//! Displays, and pictures of them.

use espalier::Rect;
use pyo3::prelude::*;

use crate::error::Raise;
use crate::values::{seconds, span};
use crate::wait::{Wait, within};

/// Left column, upper row, columns, rows.
type Area = (u32, u32, u32, u32);

fn rect((x, y, width, height): Area) -> Rect {
    Rect::new(x, y, width, height)
}

/// A display of a board. Handles are cheap and all lead to the same display.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Screen(pub(crate) espalier::Screen);

#[pymethods]
impl Screen {
    /// Waits until the display has not changed for `quiet` seconds, counted from now.
    #[pyo3(signature = (quiet=None, *, within=None))]
    fn settled(&self, quiet: Option<f64>, within: Option<f64>) -> PyResult<Wait> {
        let wait = match quiet {
            Some(quiet) => self.0.settled_for(span(quiet)?),
            None => self.0.settled(),
        };
        let wait = self::within(wait, within)?;
        Ok(Wait::new(async { Ok(Picture(wait.await?)) }))
    }

    /// The present picture.
    fn picture(&self) -> Wait {
        let wait = self.0.picture();
        Wait::new(async { Ok(Picture(wait.await?)) })
    }

    /// Waits until the display shows the golden picture `name`.
    #[pyo3(signature = (name, *, region=None, masks=Vec::new(), max_pixels=0, max_channel=0, within=None))]
    fn wait_for_golden(
        &self,
        name: &str,
        region: Option<Area>,
        masks: Vec<Area>,
        max_pixels: usize,
        max_channel: u8,
        within: Option<f64>,
    ) -> PyResult<Wait> {
        let mut golden = self.0.golden(name).max_pixels(max_pixels).max_channel(max_channel);
        golden = masks.into_iter().fold(golden, |golden, mask| golden.mask(rect(mask)));
        if let Some(region) = region {
            golden = golden.region(rect(region));
        }
        let wait = self::within(golden.appears(), within)?;
        Ok(Wait::new(async { Ok(Picture(wait.await?)) }))
    }

    /// Compares what the display shows now with the golden picture `name`.
    fn assert_golden(&self, name: String) -> Wait {
        let screen = self.0.clone();
        Wait::new(async move { screen.assert_golden(&name).await })
    }
}

/// A picture of a display at one moment.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct Picture(espalier::Picture);

#[pymethods]
impl Picture {
    /// Compares with the golden picture `name`, pixel by pixel, or less strictly.
    #[pyo3(signature = (name, *, masks=Vec::new(), max_pixels=0, max_distance=0, max_channel=0))]
    fn assert_golden(
        &self,
        name: &str,
        masks: Vec<Area>,
        max_pixels: usize,
        max_distance: u32,
        max_channel: u8,
    ) -> PyResult<()> {
        let compare = self.0.compare(name).max_pixels(max_pixels).max_distance(max_distance).max_channel(max_channel);
        masks.into_iter().fold(compare, |compare, mask| compare.mask(rect(mask))).check().raise()
    }

    /// A part of the picture, to be compared with a golden picture of its own.
    fn region(&self, x: u32, y: u32, width: u32, height: u32) -> Picture {
        Picture(self.0.region(rect((x, y, width, height))))
    }

    /// As a PNG file: one bit per pixel, or in colours.
    fn png(&self) -> Vec<u8> {
        self.0.png()
    }

    /// One byte for each pixel, row by row: 1 if it is lit. Of a display with colours, if it is at least half as bright as white.
    fn pixels(&self) -> Vec<u8> {
        self.0.bitmap().pixels().iter().map(|lit| u8::from(*lit)).collect()
    }

    /// The colour of a pixel as red, green and blue; a dot that is lit is white.
    fn colour(&self, x: u32, y: u32) -> (u8, u8, u8) {
        let colour = self.0.colour(x, y);
        (colour.red, colour.green, colour.blue)
    }

    #[getter]
    fn width(&self) -> u32 {
        self.0.bitmap().width()
    }

    #[getter]
    fn height(&self) -> u32 {
        self.0.bitmap().height()
    }

    /// The display's memory as it is, visible or not.
    #[getter]
    fn memory(&self) -> Vec<u8> {
        self.0.memory().to_vec()
    }

    /// Whether the display was switched on.
    #[getter]
    fn is_on(&self) -> bool {
        self.0.is_on()
    }

    /// When it was looked at, in seconds of the board's time.
    #[getter]
    fn at(&self) -> f64 {
        seconds(self.0.at())
    }

    /// When the display last changed.
    #[getter]
    fn changed(&self) -> f64 {
        seconds(self.0.changed())
    }

    /// The picture as half blocks, for terminals and logs.
    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn _repr_png_(&self) -> Vec<u8> {
        self.0.png()
    }
}
