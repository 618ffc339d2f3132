//! What a line carries.

use crate::time::Span;

/// What a line carries from some instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// One level.
    Level(bool),
    /// The same pulse over and over: high for `high`, then low for the rest of `period`. Both are rounded to ticks.
    Pulses { period: Span, high: Span },
}

crate::persist!(enum Signal { Level(level), Pulses { period, high } });
