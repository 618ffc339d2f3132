//! A conversation of the peer, as the page shows it.

use std::net::SocketAddrV4;

/// Bytes of a conversation that are shown.
const SHOWN: usize = 8 << 10;

/// The words of a peer and a board to each other; the beginning is forgotten when they get long.
///
/// ```
/// let mut said = espalier_page::Conversation::default();
/// said.sent("你好".as_bytes());
/// said.received(b"hello");
/// assert_eq!(said.text(), "> 你好\n< hello\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Conversation(String);

impl Conversation {
    /// Adds what the peer has sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        self.add("> ", bytes);
    }

    /// Adds what the peer has received.
    pub fn received(&mut self, bytes: &[u8]) {
        self.add("< ", bytes);
    }

    /// Adds a datagram that the peer has sent.
    pub fn sent_to(&mut self, to: SocketAddrV4, bytes: &[u8]) {
        self.add(&format!("> {to}: "), bytes);
    }

    /// Adds a datagram that the peer has received.
    pub fn received_from(&mut self, from: SocketAddrV4, bytes: &[u8]) {
        self.add(&format!("< {from}: "), bytes);
    }

    /// The conversation, each piece on a line of its own.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn add(&mut self, mark: &str, bytes: &[u8]) {
        self.0.push_str(mark);
        self.0.push_str(&String::from_utf8_lossy(bytes));
        self.0.push('\n');
        let excess = self.0.len().saturating_sub(SHOWN);
        let cut = (excess..=self.0.len()).find(|at| self.0.is_char_boundary(*at)).unwrap_or(0);
        self.0.drain(..cut);
    }
}

#[cfg(test)]
mod tests {
    use super::{Conversation, SHOWN};

    #[test]
    fn the_end_of_a_long_conversation_is_kept_in_whole_characters() {
        let mut said = Conversation::default();
        for _ in 0..SHOWN {
            said.received("好".as_bytes());
        }
        assert!(said.text().len() <= SHOWN);
        assert!(said.text().ends_with("< 好\n"));
    }
}
