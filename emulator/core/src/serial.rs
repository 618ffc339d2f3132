//! Serial ports, as what is at the other end of their lines sees them.

use crate::time::Time;

/// A parity bit.
///
/// ```
/// use espalier_core::{SerialFormat, SerialParity};
///
/// let format = SerialFormat { data_bits: 8, parity: Some(SerialParity::Even), stop_half_bits: 2 };
/// assert_ne!(format.parity, Some(SerialParity::Odd));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialParity {
    Even,
    Odd,
}

/// The bits that follow the start bit of a frame.
///
/// ```
/// use espalier_core::{SerialFormat, SerialParity};
///
/// // Seven bits, even parity, one and a half stop bits.
/// let format = SerialFormat { data_bits: 7, parity: Some(SerialParity::Even), stop_half_bits: 3 };
/// assert_eq!(f64::from(format.stop_half_bits) / 2.0, 1.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialFormat {
    /// 5 to 8; what is outside of that counts as the nearest.
    pub data_bits: u8,
    pub parity: Option<SerialParity>,
    /// Half stop bits: 2, 3 or 4.
    pub stop_half_bits: u8,
}

/// Settings of the other side of a serial port's line. A setting that is `None` follows the port's own.
///
/// ```
/// use espalier_core::LineSettings;
///
/// let fast = LineSettings { baud: Some(921_600), ..LineSettings::default() };
/// assert_eq!(fast.format, None, "the port's own format");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits per second.
    pub baud: Option<u32>,
    pub format: Option<SerialFormat>,
    /// Whether its lines idle low.
    pub inverted: Option<bool>,
}

/// A serial port, as what is at the other end of its line sees it.
pub trait SerialPort {
    /// Bytes arrive on the RX line, one frame after the other.
    fn receive(&mut self, bytes: &[u8], now: Time);

    /// Loses what is on the line and has not arrived yet.
    fn cut_line(&mut self, now: Time);

    /// The bit rate at which the other side sends; `None` follows the port's own setting. What the port sends is read at its own rate.
    fn set_line_baud(&mut self, baud: Option<u32>, now: Time);

    /// Sets how the other side sends and reads from now on. Where its settings differ from the port's, each side samples the
    /// other's levels with its own settings.
    fn set_line(&mut self, settings: LineSettings, now: Time);
}
