//! The secret of the page: a number that is new in each run and stands in the address that is printed.

use std::fmt;

/// Bytes of a token.
const LENGTH: usize = 16;

/// The token of a run.
#[derive(Clone, Debug)]
pub(crate) struct Token(String);

/// A new one.
impl Default for Token {
    fn default() -> Token {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).expect("the host gives random numbers");
        Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Token {
    /// Whether a client knows it. How long this takes does not tell how much of it was right.
    pub fn is(&self, given: &str) -> bool {
        let differing = self.0.bytes().zip(given.bytes()).fold(0, |differing, (own, other)| differing | (own ^ other));
        self.0.len() == given.len() && differing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_is_known_as_a_whole_only() {
        let (one, other) = (Token::default(), Token::default());
        let text = one.to_string();
        assert_eq!(text.len(), 32);
        assert!(one.is(&text));
        for wrong in ["", &text[1..], &format!("{text}0"), &other.to_string()] {
            assert!(!one.is(wrong), "{wrong}");
        }
    }
}
