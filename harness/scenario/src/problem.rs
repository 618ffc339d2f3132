//! A mistake in a scenario file, with its place.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place in a text file; lines and columns count from 1, columns in characters.
///
/// ```
/// assert_eq!(espalier_scenario::Location { line: 3, column: 7 }.to_string(), "3:7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Location {
    pub(crate) const START: Location = Location { line: 1, column: 1 };

    /// The place of a byte of `text`.
    pub(crate) fn of_byte(text: &str, byte: usize) -> Location {
        let before = &text.as_bytes()[..byte.min(text.len())];
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Location {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: String::from_utf8_lossy(&before[start..]).chars().count() + 1,
        }
    }

    pub(crate) fn of_marker(marker: &saphyr::Marker) -> Location {
        Location { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A fault at a place of a document that is being read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub at: Location,
    pub message: String,
}

impl Problem {
    pub(crate) fn new(at: Location, message: String) -> Problem {
        Problem { at, message }
    }

    /// The same, as the user of the file gets to know it.
    pub(crate) fn in_file(self, path: &Path, text: &str) -> ScenarioError {
        let line = text.lines().nth(self.at.line - 1).unwrap_or_default().to_owned();
        ScenarioError::Content(Box::new(BadContent { path: path.to_owned(), at: self.at, message: self.message, line }))
    }
}

/// Why a scenario file cannot be run.
///
/// ```
/// let error = espalier_scenario::load(&["no-such-folder"]).unwrap_err();
/// assert!(error.to_string().starts_with("cannot read no-such-folder: "));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// It cannot be read from the disk.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A folder has no scenarios in it.
    #[error("no scenario is in {}: files that end in .toml, .yaml or .yml and have steps or tests count", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// Its contents are wrong.
    #[error(transparent)]
    Content(Box<BadContent>),
}

/// A fault in a scenario file. Its text begins with `FILE:LINE:COLUMN`, as editors and terminals find it.
///
/// ```
/// use espalier_scenario::{Document, ScenarioError};
///
/// let ScenarioError::Content(bad) = Document::parse("boot.yaml", "steps:\n  - expekt: ready\n").unwrap_err() else {
///     panic!("the file was read");
/// };
/// assert_eq!((bad.at.line, bad.at.column), (2, 5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BadContent {
    /// The file.
    pub path: PathBuf,
    /// The place in it.
    pub at: Location,
    /// The fault and its remedy.
    pub message: String,
    /// The line of the file.
    line: String,
}

impl std::error::Error for BadContent {}

impl fmt::Display for BadContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadContent { path, at, message, line } = self;
        write!(f, "{}:{at}: {message}", path.display())?;
        if !line.trim().is_empty() {
            let number = at.line.to_string();
            // Tabs keep the mark below its character.
            let indent: String = line.chars().take(at.column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {number} | {line}\n  {:width$} | {indent}^", "", width = number.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn columns_count_characters() {
        let text = "a\n你好 = 1\n";
        let byte = text.find('=').unwrap();
        assert_eq!(Location::of_byte(text, byte), Location { line: 2, column: 4 });
        assert_eq!(Location::of_byte(text, 1000), Location { line: 3, column: 1 });
    }
}
