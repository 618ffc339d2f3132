//! Frames of IEEE 802.11-2020, as far as a 2.4 GHz station and an access point exchange them.
//!
//! The radio's model and the networks in the air both need these, and neither knows the other. Frames here are without their
//! frame check sequence: the medium does not damage what it delivers.

mod address;
mod ccmp;
mod element;
mod frame;
mod rate;
mod tuning;

pub use address::MacAddress;
pub use ccmp::{CCMP_HEADER, CCMP_MIC, TemporalKey, ccmp_header, open, packet_number, seal};
pub use element::{Element, Elements, element_id};
pub use frame::{Control, FrameBuilder, FrameType, Mpdu, subtype};
pub use rate::{DIFS, Modulation, Rate, SIFS};
pub use tuning::Tuning;

/// Bytes of the frame check sequence, which is on the air but not in the frames here.
pub const FCS_LENGTH: usize = 4;
