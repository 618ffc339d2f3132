//! The visible picture of a part that is a display.

use espalier_core::{Picture, Time};

/// A display at one moment.
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
