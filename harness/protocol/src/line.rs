//! Cutting a byte stream into lines.

use core::str::Utf8Error;

/// A line that cannot be used. The reader has already moved on to the next one.
///
/// ```
/// use espalier_protocol::{LineError, LineReader};
///
/// let mut reader = LineReader::<4>::new();
/// let line = b"status\n".iter().find_map(|byte| reader.push(*byte).map(|line| line.map(str::len)));
/// assert_eq!(line, Some(Err(LineError::TooLong { limit: 4 })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// More bytes than the reader has room for; the rest of the line is dropped.
    #[error("line is longer than {limit} bytes")]
    TooLong { limit: usize },
    /// Not UTF-8.
    #[error("line is not UTF-8 from byte {valid_up_to} on")]
    NotUtf8 { valid_up_to: usize },
}

impl LineError {
    fn not_utf8(error: Utf8Error) -> LineError {
        LineError::NotUtf8 { valid_up_to: error.valid_up_to() }
    }
}

/// Collects bytes until a line end. CR, LF and CRLF all end a line; empty lines are skipped, which makes CRLF one end and
/// lets a sender clear the line of a confused receiver. Backspace and delete take the last byte back, for people who type.
///
/// ```
/// let mut reader = espalier_protocol::LineReader::<64>::new();
/// let mut lines = Vec::new();
/// for byte in *b"status\r\nstop\r\n" {
///     if let Some(Ok(line)) = reader.push(byte) {
///         lines.push(line.to_owned());
///     }
/// }
/// lines.retain(|line| !line.is_empty());
/// assert_eq!(lines, ["status", "stop"]);
/// ```
#[derive(Clone, Debug)]
pub struct LineReader<const LIMIT: usize> {
    bytes: [u8; LIMIT],
    length: usize,
    overflowed: bool,
    finished: bool,
}

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;

impl<const LIMIT: usize> LineReader<LIMIT> {
    /// A reader that has seen nothing.
    pub const fn new() -> Self {
        LineReader { bytes: [0; LIMIT], length: 0, overflowed: false, finished: false }
    }

    /// Takes one byte; gives the line that it ends, if it ends one.
    pub fn push(&mut self, byte: u8) -> Option<Result<&str, LineError>> {
        if core::mem::take(&mut self.finished) {
            self.length = 0;
        }
        match byte {
            b'\r' | b'\n' => return self.finish(),
            BACKSPACE | DELETE => self.length = self.length.saturating_sub(1),
            0 => {}
            _ if self.length < LIMIT => {
                self.bytes[self.length] = byte;
                self.length += 1;
            }
            _ => self.overflowed = true,
        }
        None
    }

    fn finish(&mut self) -> Option<Result<&str, LineError>> {
        self.finished = true;
        if core::mem::take(&mut self.overflowed) {
            return Some(Err(LineError::TooLong { limit: LIMIT }));
        }
        if self.length == 0 {
            return None;
        }
        Some(core::str::from_utf8(&self.bytes[..self.length]).map_err(LineError::not_utf8))
    }
}

impl<const LIMIT: usize> Default for LineReader<LIMIT> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LineError, LineReader};

    fn lines(reader: &mut LineReader<16>, bytes: &[u8]) -> Vec<Result<String, LineError>> {
        bytes.iter().filter_map(|byte| reader.push(*byte).map(|line| line.map(String::from))).collect()
    }

    #[test]
    fn two_lines_in_one_buffer_and_one_line_in_two() {
        let mut reader = LineReader::new();
        assert_eq!(lines(&mut reader, b"hello\r\nstatus\nscr"), [Ok("hello".into()), Ok("status".into())]);
        assert_eq!(lines(&mut reader, b"een\r"), [Ok("screen".into())]);
    }

    #[test]
    fn long_and_malformed_lines_cost_only_themselves() {
        let mut reader = LineReader::new();
        assert_eq!(
            lines(&mut reader, b"12345678901234567\n1234567890123456\nab\xFF\nok\n"),
            [
                Err(LineError::TooLong { limit: 16 }),
                Ok("1234567890123456".into()),
                Err(LineError::NotUtf8 { valid_up_to: 2 }),
                Ok("ok".into()),
            ]
        );
    }

    #[test]
    fn typing_errors_can_be_taken_back() {
        assert_eq!(lines(&mut LineReader::new(), b"\x7Fstax\x08tus\n"), [Ok("status".into())]);
    }

    proptest! {
        #[test]
        fn how_the_stream_is_split_does_not_matter(bytes: Vec<u8>, cut: prop::sample::Index) {
            let mut whole = LineReader::new();
            let mut split = LineReader::new();
            let cut = if bytes.is_empty() { 0 } else { cut.index(bytes.len()) };
            let mut parts = lines(&mut split, &bytes[..cut]);
            parts.extend(lines(&mut split, &bytes[cut..]));
            prop_assert_eq!(lines(&mut whole, &bytes), parts);
        }
    }
}
