//! Errors of screens and goldens.

use std::path::PathBuf;

use super::compare::Rect;
use super::pending::BLESS_VARIABLE;
use crate::error::Cause;
use crate::png::PngError;

/// An error of a screen or of a golden.
///
/// ```
/// let error = espalier::ScreenError::Name { name: "../menu".to_owned() };
/// assert!(error.to_string().starts_with("\"../menu\" cannot name a golden picture"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScreenError {
    /// There is no golden picture to compare with.
    #[error(
        "there is no golden picture {}\n  actual   {}\n  {BLESS_VARIABLE}=1 makes it the golden", path.display(), actual.display()
    )]
    NoGolden {
        /// Where the golden should be.
        path: PathBuf,
        /// The picture on the screen.
        actual: PathBuf,
    },
    /// A golden picture cannot be used.
    #[error("golden picture {} is {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: PngError,
    },
    /// The name of a golden leads out of the folder with the goldens.
    #[error("{name:?} cannot name a golden picture: it has to be a relative path without \"..\"")]
    Name {
        /// The name.
        name: String,
    },
    /// The screen and the golden picture have different sizes.
    #[error("the screen is {}x{}, its golden picture {} is {}x{}", actual.0, actual.1, path.display(), expected.0, expected.1)]
    Size {
        /// The golden.
        path: PathBuf,
        /// Width and height of the golden.
        expected: (u32, u32),
        /// Width and height of the screen.
        actual: (u32, u32),
    },
    /// The screen does not show what the golden picture shows.
    #[error(
        "the screen differs from its golden picture in {differing} pixel{}, {bounds}{}\n  expected {}\n  actual   {}\n  \
         diff     {}\n  {BLESS_VARIABLE}=1 accepts what the screen shows\n  {}",
        if *differing == 1 { "" } else { "s" },
        if *forgiven == 0 { String::new() } else { format!(", {forgiven} are forgiven") },
        golden.display(), actual.display(), diff.display(), drawing.trim_end().replace('\n', "\n  ")
    )]
    Differs {
        /// Number of pixels that differ.
        differing: usize,
        /// Number of pixels that may differ.
        forgiven: usize,
        /// Where they are.
        bounds: Rect,
        /// The golden picture.
        golden: PathBuf,
        /// The picture on the screen.
        actual: PathBuf,
        /// The difference in colour.
        diff: PathBuf,
        /// The differing region with one character a pixel.
        drawing: String,
    },
    /// Two tests of one run would make different pictures the same golden.
    #[error(
        "the golden picture {} cannot show what both tests show: {} and {}; give each a golden of its own",
        golden.display(), tests.0, tests.1
    )]
    Contested {
        /// The golden.
        golden: PathBuf,
        /// The test that came first, and this one.
        tests: (String, String),
    },
    /// The firmware refuses to dump its framebuffer, or answers nonsense.
    #[error("the firmware's framebuffer dump cannot be used: {reason}")]
    Dump {
        /// The fault.
        reason: String,
    },
    /// The firmware's framebuffer is not what the display shows.
    #[error(
        "the display does not show the firmware's framebuffer: {differing} pixels differ\n  diff     {}\n  {}",
        diff.display(), drawing.trim_end().replace('\n', "\n  ")
    )]
    CrossCheck {
        /// Number of pixels that differ.
        differing: usize,
        /// The difference in colour: red is what the display lacks.
        diff: PathBuf,
        /// The differing region with one character a pixel.
        drawing: String,
    },
}

impl Cause for ScreenError {}
