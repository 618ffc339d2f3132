//! Faults on the cable between the board and its peer.

use espalier_core::Span;

/// What goes wrong with frames on their way in one direction of the board's cable. The default is nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// Probability that a frame is lost.
    pub loss: f64,
    /// Probability that a frame arrives twice.
    pub duplication: f64,
    /// Probability that one bit of a frame flips where no frame check sees it, as in a broken switch.
    pub corruption: f64,
    /// Probability that a frame is held back for `reordered_by`, so that later ones overtake it.
    pub reordering: f64,
    /// How long frames are held back that others are to overtake.
    pub reordered_by: Span,
    /// Every frame is delayed by a random time up to this; they stay in order.
    pub jitter: Span,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults {
            loss: 0.0,
            duplication: 0.0,
            corruption: 0.0,
            reordering: 0.0,
            reordered_by: Span::from_millis(1),
            jitter: Span::ZERO,
        }
    }
}

/// The state of the board's cable.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cable {
    pub(crate) from_board: Faults,
    pub(crate) to_board: Faults,
    pub(crate) cut: bool,
}
