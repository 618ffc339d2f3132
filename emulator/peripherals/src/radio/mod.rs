//! The radio below the Wi-Fi MAC: analogue blocks, front end, baseband.
//!
//! Nothing of a signal is modelled. What is here lets Espressif's PHY library calibrate and tune: registers keep what is written,
//! measurements end at once, and the synthesiser says which channel the radio is on.

mod agc;
mod analog;
mod front_end;
mod storage;

pub use agc::{RADIO_WIDE, radio_agc};
pub use analog::RadioAnalog;
pub use front_end::radio_front_end;
pub use storage::radio_storage;
