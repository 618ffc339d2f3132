//! CAN 2.0B on its two levels (Bosch, "CAN Specification 2.0", part B; ISO 11898-1): frames as bits, and a node that sends and receives them.
//!
//! A chip's controller and a part on the board are the same kind of node, so both sides of a bus have this one.

mod bits;
mod event;
mod frame;
mod node;
#[cfg(test)]
mod tests;
mod timing;

pub use event::{CanError, CanEvent, CanTransmission};
pub use frame::CanFrame;
pub use node::CanNode;
pub use timing::CanTiming;
