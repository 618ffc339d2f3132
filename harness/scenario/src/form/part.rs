//! `[[part]]` of a scenario, as in the file of a board.

use std::borrow::Cow;
use std::collections::BTreeMap;

use espalier::part::{PartEntry, PartKinds, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::action::PropertyValue;
use super::placed::Placed;

/// The key with the kind of a part, and the one with its name.
const KIND: &str = "kind";
const NAME: &str = "name";
/// The key of a part with a path.
const FILE: &str = "file";

/// A part of the board: its kind, its name, where it is connected, and its properties.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct PartForm(BTreeMap<String, Placed<PropertyValue>>);

impl PartForm {
    /// The part as boards have it. `path` makes the path of a file in it one from the folder of the scenario.
    pub(crate) fn entry(&self, path: impl Fn(&str) -> String) -> PartEntry {
        let text = |key: &str| match self.0.get(key).map(|placed| &placed.value) {
            Some(PropertyValue::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let kind = text(KIND).unwrap_or_default();
        let own = self.0.iter().filter(|(key, _)| ![KIND, NAME].contains(&key.as_str()));
        own.fold(PartEntry::new(kind, text(NAME).unwrap_or(kind)), |entry, (key, placed)| {
            let value = match &placed.value {
                PropertyValue::Text(file) if key == FILE => Value::Text(path(file)),
                value => Value::from(value.clone()),
            };
            entry.with(key, value)
        })
    }

    /// The value that a message about the part is about: it names a key.
    pub(crate) fn value_in(&self, message: &str) -> Option<&Placed<PropertyValue>> {
        let (_, about) = message.rsplit_once("\": ")?;
        let key = about.split(' ').map(|word| word.trim_end_matches(';')).find(|word| self.0.contains_key(*word))?;
        self.0.get(key)
    }
}

impl JsonSchema for PartForm {
    fn schema_name() -> Cow<'static, str> {
        "Part".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds = PartKinds::default();
        let kinds: Vec<&str> = kinds.names().collect();
        json_schema!({
            "description": "A part of the board: its kind, its name, where it is connected, and its properties. The guide has the keys of each kind.",
            "type": "object",
            "properties": {
                KIND: { "description": "The kind of part.", "enum": kinds },
                NAME: { "description": "Its name; otherwise that of its kind.", "type": "string" },
            },
            "required": [KIND],
            "additionalProperties": generator.subschema_for::<PropertyValue>(),
        })
    }
}
