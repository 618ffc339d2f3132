//! Patterns for the console: text, or a regular expression between slashes.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

/// Text, or a regular expression between slashes, that a line may contain.
///
/// ```
/// use espalier_scenario::Pattern;
/// let pattern: Pattern = r"/temperature=\d+/".parse()?;
/// assert_eq!(pattern.end_in("temperature=21 C", 0), Some(14));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub enum Pattern {
    /// This text.
    Text(String),
    /// The matches of this regular expression.
    Regex(Regex),
}

/// The regular expression of a pattern that is one.
pub(crate) fn expression(text: &str) -> Option<&str> {
    text.strip_prefix('/')?.strip_suffix('/').filter(|expression| !expression.is_empty())
}

impl FromStr for Pattern {
    type Err = regex::Error;

    fn from_str(text: &str) -> Result<Pattern, regex::Error> {
        match expression(text) {
            Some(expression) => Ok(Pattern::Regex(Regex::new(expression)?)),
            None => Ok(Pattern::Text(text.to_owned())),
        }
    }
}

impl Pattern {
    /// Where it ends in `text`, if it is there at byte `from` or later.
    pub fn end_in(&self, text: &str, from: usize) -> Option<usize> {
        match self {
            Pattern::Text(needle) => text[from..].find(needle).map(|at| from + at + needle.len()),
            Pattern::Regex(regex) => regex.find_at(text, from).map(|found| found.end()),
        }
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.end_in(text, 0).is_some()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Text(text) => write!(f, "{text:?}"),
            Pattern::Regex(regex) => write!(f, "/{regex}/"),
        }
    }
}
