//! Wires between pads of the chip.

/// A wire between two pads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    pub from: u8,
    pub to: u8,
}

espalier_core::persist!(value Wire { from, to });
