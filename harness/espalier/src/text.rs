//! Bytes as text: made readable, and searched.

use std::fmt::Write;

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

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_stays_and_the_rest_is_escaped() {
        assert_eq!(escaped("你好 OLED".as_bytes()), "你好 OLED");
        assert_eq!(escaped(b"\x1b[0;32mok\xff\r\n"), "\\x1b[0;32mok\\xff\\r\\n");
        let split = &"好".as_bytes()[..2];
        assert_eq!(escaped(split), "\\xe5\\xa5");
    }
}
