//! The picture that the firmware draws.

use core::fmt;

use crate::base64;
use crate::crc32::crc32;

/// A framebuffer of 128 by 64 pixels, one bit each, row by row from the top left; the leftmost pixel of eight is the most
/// significant bit of its byte. A set bit is a lit pixel.
///
/// As text it is `128x64 row-major CRC DATA`: CRC-32 of the bytes in eight hexadecimal digits, the bytes in base64.
///
/// ```
/// use espalier_protocol::Frame;
///
/// let mut frame = Frame::new();
/// frame.set(3, 5, true);
/// let dump = frame.to_string();
/// assert!(dump.starts_with("128x64 row-major "));
/// assert!(Frame::parse(&dump)?.get(3, 5));
/// # Ok::<_, espalier_protocol::FrameError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: [u8; Frame::BYTES],
}

/// A dump that cannot be used.
///
/// ```
/// use espalier_protocol::{Frame, FrameError};
///
/// assert!(matches!(Frame::parse("128x64"), Err(FrameError::Parts)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A part of the line is missing or there is one too many.
    #[error("screen dump does not have four parts")]
    Parts,
    /// Another size or order of pixels than this version knows.
    #[error("screen dump is not {width}x{height} row-major", width = Frame::WIDTH, height = Frame::HEIGHT)]
    Layout,
    /// The checksum is not eight hexadecimal digits.
    #[error("screen dump has a malformed CRC")]
    MalformedCrc,
    /// The data is not base64 of the right length.
    #[error("screen dump has malformed data")]
    Data,
    /// Data was changed on the way.
    #[error("screen dump has CRC {actual:08x} instead of {expected:08x}")]
    Crc { expected: u32, actual: u32 },
}

impl Frame {
    /// Width in pixels.
    pub const WIDTH: u32 = 128;
    /// Height in pixels.
    pub const HEIGHT: u32 = 64;
    /// Size in bytes.
    pub const BYTES: usize = (Frame::WIDTH * Frame::HEIGHT / 8) as usize;

    const LAYOUT: [&'static str; 2] = ["128x64", "row-major"];

    /// A dark frame.
    pub const fn new() -> Frame {
        Frame { bytes: [0; Frame::BYTES] }
    }

    /// The pixels, packed as the type says.
    pub fn bytes(&self) -> &[u8; Frame::BYTES] {
        &self.bytes
    }

    /// The pixel at column `x` and row `y`; dark outside of the frame.
    pub fn get(&self, x: u32, y: u32) -> bool {
        Frame::index(x, y).is_some_and(|(byte, mask)| self.bytes[byte] & mask != 0)
    }

    /// Lights or darkens a pixel; outside of the frame it does nothing.
    pub fn set(&mut self, x: u32, y: u32, lit: bool) {
        if let Some((byte, mask)) = Frame::index(x, y) {
            if lit {
                self.bytes[byte] |= mask;
            } else {
                self.bytes[byte] &= !mask;
            }
        }
    }

    /// Lights or darkens all pixels.
    pub fn fill(&mut self, lit: bool) {
        self.bytes.fill(if lit { u8::MAX } else { 0 });
    }

    fn index(x: u32, y: u32) -> Option<(usize, u8)> {
        (x < Frame::WIDTH && y < Frame::HEIGHT).then(|| (((y * Frame::WIDTH + x) / 8) as usize, 0x80 >> (x % 8)))
    }

    /// Reads a dump.
    pub fn parse(text: &str) -> Result<Frame, FrameError> {
        let mut parts = text.split(' ');
        let (Some(size), Some(order), Some(crc), Some(data), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(FrameError::Parts);
        };
        if [size, order] != Frame::LAYOUT {
            return Err(FrameError::Layout);
        }
        if crc.len() != 8 || crc.starts_with('+') {
            return Err(FrameError::MalformedCrc);
        }
        let expected = u32::from_str_radix(crc, 16).map_err(|_| FrameError::MalformedCrc)?;
        let mut frame = Frame::new();
        if !base64::decode(data, &mut frame.bytes) {
            return Err(FrameError::Data);
        }
        let actual = crc32(&frame.bytes);
        if actual != expected {
            return Err(FrameError::Crc { expected, actual });
        }
        Ok(frame)
    }
}

impl Default for Frame {
    fn default() -> Frame {
        Frame::new()
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [size, order] = Frame::LAYOUT;
        write!(f, "{size} {order} {:08x} ", crc32(&self.bytes))?;
        base64::encode(&self.bytes, f)
    }
}

/// Only the number of lit pixels: a whole frame does not fit into a message.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lit: u32 = self.bytes.iter().map(|byte| byte.count_ones()).sum();
        write!(f, "Frame({lit} lit)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, FrameError};

    #[test]
    fn pixels_are_row_major_from_the_most_significant_bit() {
        let mut frame = Frame::new();
        frame.set(0, 0, true);
        frame.set(9, 1, true);
        frame.set(128, 0, true);
        assert_eq!((frame.bytes()[0], frame.bytes()[17]), (0x80, 0x40));
        assert!(frame.get(9, 1) && !frame.get(9, 0) && !frame.get(0, 64));
    }

    #[test]
    fn damaged_dumps_are_refused() {
        let text = Frame::new().to_string();
        assert_eq!(Frame::parse(&text), Ok(Frame::new()));
        assert_eq!(Frame::parse(&text.replace("128x64", "64x128")), Err(FrameError::Layout));
        assert_eq!(Frame::parse(&text.replace("row-major", "page")), Err(FrameError::Layout));
        assert_eq!(Frame::parse(&text[..text.len() - 1]), Err(FrameError::Data));
        assert_eq!(Frame::parse("128x64 row-major"), Err(FrameError::Parts));
        assert_eq!(Frame::parse("128x64 row-major +0000000 AA"), Err(FrameError::MalformedCrc));
        let damaged = text.replacen("AAAA", "AABA", 1);
        assert!(matches!(Frame::parse(&damaged), Err(FrameError::Crc { .. })), "{damaged}");
    }
}
