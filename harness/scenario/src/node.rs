//! A document as a tree in which everything knows its place, so that TOML (v1.0.0) and YAML (1.2.2) are read by the same code and an
//! error in either names line and column.

use std::path::Path;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Location, Problem};

/// Values may be nested this deep.
const DEEPEST: usize = 32;
/// The longest document, in bytes.
pub(crate) const LONGEST: usize = 4 << 20;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub at: Location,
    pub data: Data,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Null,
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// Keys in the order of the document, each with its place.
    Table(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub at: Location,
    pub name: String,
}

/// Reads a document: YAML if the file's name ends so, otherwise TOML.
pub(crate) fn read(path: &Path, text: &str) -> Result<Node, Problem> {
    if text.len() > LONGEST {
        return Err(Problem::new(
            Location::START,
            format!("the file has {} bytes; the limit is {LONGEST}", text.len()),
        ));
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => read_yaml(text),
        _ => read_toml(text),
    }
}

fn too_deep(at: Location) -> Problem {
    Problem::new(at, format!("values are nested more than {DEEPEST} deep"))
}

fn read_toml(text: &str) -> Result<Node, Problem> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(Location::START, |span| Location::of_byte(text, span.start));
        Problem::new(at, error.message().to_owned())
    })?;
    toml_table(text, Location::of_byte(text, table.span().start), table.get_ref(), DEEPEST)
}

fn toml_table(text: &str, at: Location, table: &DeTable<'_>, depth: usize) -> Result<Node, Problem> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let key_at = Location::of_byte(text, key.span().start);
        let node = toml_value(text, value, depth.checked_sub(1).ok_or_else(|| too_deep(key_at))?)?;
        entries.push((key.span().start, (Key { at: key_at, name: key.get_ref().to_string() }, node)));
    }
    // The table is sorted by name; the document's order is that of its places.
    entries.sort_by_key(|(start, _)| *start);
    Ok(Node { at, data: Data::Table(entries.into_iter().map(|(_, entry)| entry).collect()) })
}

fn toml_value(text: &str, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Problem> {
    let at = Location::of_byte(text, value.span().start);
    let data = match value.get_ref() {
        DeValue::String(text) => Data::Text(text.to_string()),
        DeValue::Boolean(flag) => Data::Flag(*flag),
        DeValue::Integer(integer) => {
            let digits = integer.as_str().replace('_', "");
            let parsed = i64::from_str_radix(&digits, integer.radix());
            Data::Integer(parsed.map_err(|_| Problem::new(at, format!("{digits} is too large for an integer")))?)
        }
        DeValue::Float(float) => {
            let digits = float.as_str().replace('_', "");
            Data::Float(digits.parse().map_err(|_| Problem::new(at, format!("{digits} is not a number")))?)
        }
        DeValue::Datetime(time) => Data::Text(time.to_string()),
        DeValue::Array(array) => {
            let depth = depth.checked_sub(1).ok_or_else(|| too_deep(at))?;
            Data::List(array.iter().map(|item| toml_value(text, item, depth)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => return toml_table(text, at, table, depth),
    };
    Ok(Node { at, data })
}

fn read_yaml(text: &str) -> Result<Node, Problem> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| Problem::new(Location::of_marker(error.marker()), error.info().to_owned()))?;
    let [document] = documents.as_slice() else {
        let count = documents.len();
        return Err(Problem::new(Location::START, format!("expected one YAML document, found {count}")));
    };
    yaml_value(document, DEEPEST)
}

fn yaml_value(value: &MarkedYaml<'_>, depth: usize) -> Result<Node, Problem> {
    let at = Location::of_marker(&value.span.start);
    let inner = || depth.checked_sub(1).ok_or_else(|| too_deep(at));
    let data = match &value.data {
        YamlData::Value(Scalar::Null) => Data::Null,
        YamlData::Value(Scalar::Boolean(flag)) => Data::Flag(*flag),
        YamlData::Value(Scalar::Integer(integer)) => Data::Integer(*integer),
        YamlData::Value(Scalar::FloatingPoint(float)) => Data::Float(float.into_inner()),
        YamlData::Value(Scalar::String(text)) | YamlData::Representation(text, ..) => Data::Text(text.to_string()),
        YamlData::Tagged(_, tagged) => return yaml_value(tagged, inner()?),
        YamlData::Sequence(items) => {
            let depth = inner()?;
            Data::List(items.iter().map(|item| yaml_value(item, depth)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let depth = inner()?;
            let mut table = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key_at = Location::of_marker(&key.span.start);
                let name = match yaml_value(key, depth)?.data {
                    Data::Text(name) => name,
                    Data::Integer(integer) => integer.to_string(),
                    Data::Flag(flag) => flag.to_string(),
                    _ => return Err(Problem::new(key_at, "keys are text".to_owned())),
                };
                table.push((Key { at: key_at, name }, yaml_value(value, depth)?));
            }
            Data::Table(table)
        }
        YamlData::Alias(_) | YamlData::BadValue => {
            return Err(Problem::new(at, "this value cannot be read; write it out".to_owned()));
        }
    };
    Ok(Node { at, data })
}
