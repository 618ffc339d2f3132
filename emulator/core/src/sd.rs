//! A card on a bus of SD memory cards, in whole commands and blocks (SD Association, "Physical Layer Simplified Specification" 6.00,
//! chapters 3 and 4).

use crate::time::Time;

/// The answer of a card on its command line (section 4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdResponse {
    /// None: the command has no answer, or the card does not know it.
    Silent,
    /// One of 48 bits: the number in it, its 32 bits, and whether a CRC guards them.
    Short { index: u8, value: u32, has_crc: bool },
    /// One of 136 bits: the 16 bytes after its number.
    Long([u8; 16]),
}

crate::persist!(enum SdResponse { Silent, Short { index, value, has_crc }, Long(bytes) });

/// The result of listening to the data lines of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdData {
    /// A block of the length that was asked for.
    Block,
    /// No start bit on at least one of the lines.
    NoStart,
    /// A block whose CRC is not where the controller looks for it.
    Garbled,
    /// Nothing.
    Silent,
}

/// A card on a bus whose controller has the word.
///
/// ```
/// use espalier_core::{SdData, SdResponse, SdTarget, Time};
///
/// /// A card that only says that it is there.
/// struct Blank;
///
/// impl SdTarget for Blank {
///     fn command(&mut self, index: u8, _argument: u32, _now: Time) -> SdResponse {
///         SdResponse::Short { index, value: 0, has_crc: true }
///     }
///
///     fn send_block(&mut self, _into: &mut [u8], _lines: usize, _now: Time) -> SdData {
///         SdData::Silent
///     }
///
///     fn take_block(&mut self, _block: &[u8], _lines: usize, _now: Time) -> bool {
///         false
///     }
///
///     fn busy_until(&self) -> Time {
///         Time::ZERO
///     }
/// }
///
/// assert_eq!(Blank.command(13, 0, Time::ZERO), SdResponse::Short { index: 13, value: 0, has_crc: true });
/// ```
pub trait SdTarget {
    /// A command has come.
    fn command(&mut self, index: u8, argument: u32, now: Time) -> SdResponse;

    /// The controller listens to so many data lines for a block of the length of `into`.
    fn send_block(&mut self, into: &mut [u8], lines: usize, now: Time) -> SdData;

    /// The controller has sent a block on so many data lines. True if the card has acknowledged it.
    fn take_block(&mut self, block: &[u8], lines: usize, now: Time) -> bool;

    /// Until when the card holds its first data line low.
    fn busy_until(&self) -> Time;
}
