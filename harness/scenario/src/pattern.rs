//! What is looked for on the console: text, or a regular expression between slashes.

use regex::Regex;

/// Text, or a regular expression.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Text(String),
    Regex(Regex),
}

/// The regular expression of a pattern that is one.
pub(crate) fn expression(text: &str) -> Option<&str> {
    text.strip_prefix('/')?.strip_suffix('/').filter(|expression| !expression.is_empty())
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Pattern, regex::Error> {
        match expression(text) {
            Some(expression) => Ok(Pattern::Regex(Regex::new(expression)?)),
            None => Ok(Pattern::Text(text.to_owned())),
        }
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        match self {
            Pattern::Text(needle) => text.contains(needle),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}
