//! What the tests share.

pub mod flat;
pub mod snapshot;
