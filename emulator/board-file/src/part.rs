//! `[[part]]`.

use std::collections::BTreeMap;

use espalier_parts::{PartEntry, Property, Value};
use serde::Deserialize;
use toml::Spanned;

/// A `[[part]]` with the places of its values in the file.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Entry(BTreeMap<String, Spanned<Plain>>);

/// A value of a property.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "true or false, a number, a text or a list of numbers")]
enum Plain {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
}

impl From<Plain> for Value {
    fn from(plain: Plain) -> Value {
        match plain {
            Plain::Flag(flag) => Value::Flag(flag),
            Plain::Integer(integer) => Value::Integer(integer),
            Plain::Number(number) => Value::Number(number),
            Plain::Text(text) => Value::Text(text),
            Plain::Numbers(numbers) => Value::Numbers(numbers),
        }
    }
}

impl Entry {
    /// The part, with the lines of `text`. A part without a name has that of its kind.
    pub fn read(self, text: &str) -> PartEntry {
        let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count() as u32;
        let first = self.0.values().map(|value| value.span().start).min().map(line);
        let mut entry = PartEntry { line: first, ..PartEntry::new("", "") };
        for (key, value) in self.0 {
            let at = line(value.span().start);
            match (key.as_str(), value.into_inner()) {
                ("kind", Plain::Text(kind)) => entry.kind = kind,
                ("name", Plain::Text(name)) => entry.name = name,
                (_, value) => entry.properties.push(Property { key, value: value.into(), line: Some(at) }),
            }
        }
        if entry.name.is_empty() {
            entry.name.clone_from(&entry.kind);
        }
        entry
    }
}
