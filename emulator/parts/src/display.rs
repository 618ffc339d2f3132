//! The visible picture of a part that is a display.

use espalier_core::{Picture, Time};

/// A display at one moment.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Part, Tft, TftConfig};
///
/// let config = TftConfig { width: 240, height: 320, first: (0, 0), mirrored: false, inverted: false, bgr: false };
/// let shown = Tft::new(config).display().expect("it is a display");
/// assert_eq!((shown.on, shown.changed), (false, Time::ZERO), "after power-on");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub picture: Picture,
    /// The controller's memory as it is, visible or not.
    pub memory: Vec<u8>,
    /// When it last changed; zero if it has not.
    pub changed: Time,
    /// Whether it is switched on.
    pub on: bool,
}
