//! Turning received bytes into text, however they were split.

use alloc::string::String;
use alloc::vec::Vec;

/// Most bytes of one message, as the tutorial's `recv(1024)` has it.
pub const MESSAGE_LENGTH: usize = 1024;

/// The message that is on the screen.
///
/// TCP may split a message anywhere, also inside a character. Bytes that begin a character are kept, and what arrives next
/// completes the same message, so that a text looks the same however it was split; only when it would grow over
/// [`MESSAGE_LENGTH`] does a new message begin with them.
#[derive(Debug, Default)]
pub struct Message {
    text: String,
    length: usize,
    partial: Vec<u8>,
    malformed: bool,
}

impl Message {
    /// Takes received bytes.
    pub fn receive(&mut self, bytes: &[u8]) {
        let continues = !self.partial.is_empty() && self.length + bytes.len() <= MESSAGE_LENGTH;
        if !continues {
            self.text.clear();
            self.length = self.partial.len();
            self.malformed = false;
        }
        self.length += bytes.len();
        self.partial.extend_from_slice(bytes);
        let consumed = self.decode();
        self.partial.drain(..consumed);
    }

    /// Decodes all but the beginning of a character at the end; returns how many bytes that is.
    fn decode(&mut self) -> usize {
        let mut rest = self.partial.as_slice();
        loop {
            let error = match core::str::from_utf8(rest) {
                Ok(text) => {
                    self.text.push_str(text);
                    return self.partial.len();
                }
                Err(error) => error,
            };
            let (valid, invalid) = rest.split_at(error.valid_up_to());
            self.text.push_str(core::str::from_utf8(valid).unwrap_or_default());
            let Some(length) = error.error_len() else { return self.partial.len() - invalid.len() };
            self.text.push(char::REPLACEMENT_CHARACTER);
            self.malformed = true;
            rest = &invalid[length..];
        }
    }

    /// The text so far, with a replacement character for what is not UTF-8.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether something in it was not UTF-8.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_LENGTH, Message};

    #[test]
    fn a_text_looks_the_same_wherever_it_was_split() {
        let text = "ab\u{4f60}\u{597d}, \u{1f332}.";
        for at in 1..text.len() {
            let mut message = Message::default();
            message.receive(&text.as_bytes()[..at]);
            message.receive(&text.as_bytes()[at..]);
            let expected = if text.is_char_boundary(at) { &text[at..] } else { text };
            assert_eq!((message.text(), message.is_malformed()), (expected, false), "split at {at}");
        }
    }

    #[test]
    fn malformed_bytes_become_replacement_characters() {
        let mut message = Message::default();
        message.receive(b"a\xFFb\xE4\xBDc");
        assert_eq!((message.text(), message.is_malformed()), ("a\u{FFFD}b\u{FFFD}c", true));
        message.receive(b"fine");
        assert_eq!((message.text(), message.is_malformed()), ("fine", false));
    }

    #[test]
    fn a_character_over_the_end_of_a_full_message_begins_the_next() {
        let text = "\u{4f60}".repeat(400);
        let mut message = Message::default();
        message.receive(&text.as_bytes()[..MESSAGE_LENGTH]);
        assert_eq!(message.text().chars().count(), 341);
        message.receive(&text.as_bytes()[MESSAGE_LENGTH..]);
        assert_eq!((message.text().chars().count(), message.is_malformed()), (59, false));
    }
}
