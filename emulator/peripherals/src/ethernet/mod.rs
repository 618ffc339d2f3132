//! Common parts of Ethernet controllers: the frame check sequence and the PHY behind them.

pub(crate) mod crc;
pub(crate) mod phy;

pub use phy::PhyKind;

/// Shortest frame that a transmitter puts on an Ethernet, without its frame check sequence (IEEE 802.3, 3.2.8).
pub(crate) const WIRE_MIN: usize = 60;
/// Bytes of the frame check sequence.
pub(crate) const FCS: usize = 4;
/// Bytes in front of what a frame carries: both addresses and the type or length.
pub(crate) const HEADER: usize = 14;
/// Where the type or length of a frame stands.
pub(crate) const TYPE_AT: usize = 12;
/// The type of frames between MACs, such as PAUSE (IEEE 802.3, annex 31A).
pub(crate) const TYPE_MAC_CONTROL: u16 = 0x8808;

/// The type or length of a frame that is no shorter than its header.
pub(crate) fn kind(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[TYPE_AT], frame[TYPE_AT + 1]])
}
