//! Base64 of RFC 4648, chapter 4, without allocation.

use core::fmt::{self, Write};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: u8 = b'=';

/// Writes `bytes` as padded base64.
pub fn encode(bytes: &[u8], out: &mut impl Write) -> fmt::Result {
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0, |group, (n, byte)| group | u32::from(*byte) << (16 - 8 * n));
        for n in 0..4 {
            let sextet = (group >> (18 - 6 * n)) & 0x3F;
            out.write_char(char::from(if n <= chunk.len() { ALPHABET[sextet as usize] } else { PAD }))?;
        }
    }
    Ok(())
}

/// Fills `out` exactly from padded base64; false if the text is malformed or of another length.
pub fn decode(text: &str, out: &mut [u8]) -> bool {
    let text = text.as_bytes();
    if text.len() != out.len().div_ceil(3) * 4 {
        return false;
    }
    text.chunks(4).zip(out.chunks_mut(3)).all(|(quad, bytes)| {
        let mut group = 0;
        for (n, symbol) in quad.iter().enumerate() {
            let sextet = match value(*symbol) {
                Some(sextet) if n <= bytes.len() => sextet,
                None if n > bytes.len() && *symbol == PAD => 0,
                _ => return false,
            };
            group |= sextet << (18 - 6 * n);
        }
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = (group >> (16 - 8 * n)) as u8;
        }
        true
    })
}

fn value(symbol: u8) -> Option<u32> {
    ALPHABET.iter().position(|other| *other == symbol).map(|index| index as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, encode};

    #[test]
    fn vectors_of_rfc_4648_chapter_10() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            let mut encoded = String::new();
            encode(bytes.as_bytes(), &mut encoded).unwrap();
            assert_eq!(encoded, text);
        }
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in ["Zm9", "Zm9v=", "Zm9=", "Z===", "Zm 9", "Zm8é"] {
            assert!(!decode(text, &mut [0; 3]), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(bytes: Vec<u8>) {
            let mut text = String::new();
            encode(&bytes, &mut text).unwrap();
            let mut back = vec![0; bytes.len()];
            prop_assert!(decode(&text, &mut back));
            prop_assert_eq!(back, bytes);
        }

        #[test]
        fn arbitrary_text_never_panics(text: String, length in 0usize..64) {
            decode(&text, &mut vec![0; length]);
        }
    }
}
