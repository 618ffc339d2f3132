//! Wires between pads of the chip.

use serde::Deserialize;

/// A wire between two pads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    pub from: u8,
    pub to: u8,
}

espalier_core::persist!(value Wire { from, to });
