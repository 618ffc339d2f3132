//! Bytes as text: made readable, and searched.

use std::fmt::{self, Write};

/// The text of `bytes`: UTF-8 as it is, everything that is not printable text as an escape such as `\x1b` or `\xff`.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\t' => text.push(character),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                control if control.is_control() => escape(&mut text, control as u32),
                printable => text.push(printable),
            }
        }
        for byte in chunk.invalid() {
            escape(&mut text, u32::from(*byte));
        }
    }
    text
}

fn escape(text: &mut String, value: u32) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\\x{value:02x}");
}

/// Where `needle` first occurs in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Text in which nothing is HTML.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            other => f.write_char(other),
        })
    }
}

/// Bytes in Base64 (RFC 4648, chapter 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, index| bits << 8 | u32::from(group.get(index).copied().unwrap_or(0)));
        for digit in 0..4 {
            let used = digit <= group.len();
            let sextet = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if used { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{base64, escaped};

    #[test]
    fn text_stays_and_the_rest_is_escaped() {
        assert_eq!(escaped("你好 OLED".as_bytes()), "你好 OLED");
        assert_eq!(escaped(b"\x1b[0;32mok\xff\r\n"), "\\x1b[0;32mok\\xff\\r\\n");
        let split = &"好".as_bytes()[..2];
        assert_eq!(escaped(split), "\\xe5\\xa5");
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, chapter 10.
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
