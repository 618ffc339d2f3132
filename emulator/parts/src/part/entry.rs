//! A part as a board's description has it, before it is made.

use std::fmt;

use super::property::{Value, ValueError};

/// One `[[part]]` of a board: its kind, its name, and the rest of what stands there.
///
/// ```
/// use espalier_parts::{PartEntry, PartKinds};
///
/// let entry = PartEntry::new("button", "a").with("gpio", 0).with("active-level", "low");
/// PartKinds::default().make(&entry)?;
/// # Ok::<(), espalier_parts::PartError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PartEntry {
    pub kind: String,
    pub name: String,
    pub properties: Vec<Property>,
    /// The line at which it begins, if it comes from a file.
    pub line: Option<u32>,
}

/// A key of a `[[part]]` with its value.
///
/// ```
/// use espalier_parts::{PartEntry, Property, Value};
///
/// let entry = PartEntry::new("button", "a").with("gpio", 0);
/// assert_eq!(entry.properties, [Property { key: "gpio".to_owned(), value: Value::Integer(0), line: None }]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub key: String,
    pub value: Value,
    /// The line at which it stands, if it comes from a file.
    pub line: Option<u32>,
}

espalier_core::persist! {
    value PartEntry { kind, name, properties, line }
    value Property { key, value, line }
}

/// An error in a `[[part]]`.
///
/// ```
/// use espalier_parts::{PartEntry, PartKinds};
///
/// let error = PartKinds::default().make(&PartEntry::new("button", "a")).unwrap_err();
/// assert_eq!(error.to_string(), r#"button "a": gpio is missing"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartError {
    pub line: Option<u32>,
    pub kind: String,
    pub name: String,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("there is no such kind of part; there are {kinds}")]
    UnknownKind { kinds: String },
    #[error("{key} is {error}")]
    Value { key: String, error: ValueError },
    #[error("{key} is missing")]
    Missing { key: &'static str },
    #[error("unknown key {key}; it has {allowed}")]
    UnknownKey { key: String, allowed: String },
}

impl std::error::Error for PartError {}

/// As in `line 7: ssd1306 "display": address is 300, not an integer from 8 to 119`.
impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{} {:?}: {}", self.kind, self.name, self.problem)
    }
}

impl PartEntry {
    /// A part without properties.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> PartEntry {
        PartEntry { kind: kind.into(), name: name.into(), properties: Vec::new(), line: None }
    }

    /// The same with another property.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> PartEntry {
        self.properties.push(Property { key: key.into(), value: value.into(), line: None });
        self
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.key == key)
    }

    fn error(&self, line: Option<u32>, problem: Problem) -> PartError {
        PartError { line: line.or(self.line), kind: self.kind.clone(), name: self.name.clone(), problem }
    }

    pub(crate) fn unknown_kind(&self, kinds: String) -> PartError {
        self.error(None, Problem::UnknownKind { kinds })
    }

    pub(crate) fn missing(&self, key: &'static str) -> PartError {
        self.error(None, Problem::Missing { key })
    }

    /// The value of a key is not possible.
    pub fn wrong(&self, key: &str, error: ValueError) -> PartError {
        let line = self.find(key).and_then(|property| property.line);
        self.error(line, Problem::Value { key: key.to_owned(), error })
    }

    pub(crate) fn unknown_key(&self, property: &Property, allowed: String) -> PartError {
        self.error(property.line, Problem::UnknownKey { key: property.key.clone(), allowed })
    }
}
