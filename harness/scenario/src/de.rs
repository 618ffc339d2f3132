//! Documents as values of Rust types, through serde. An error keeps the place of the value or key that it is about.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::form::Placed;
use crate::node::{Data, Key, Node};
use crate::problem::{Location, Problem};

/// A fault; its place is added on the way out, by the innermost value that it is about.
#[derive(Debug)]
pub(crate) struct Fault {
    at: Option<Location>,
    message: String,
}

impl Fault {
    fn at(self, at: Location) -> Fault {
        Fault { at: self.at.or(Some(at)), ..self }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Fault {
        Fault { at: None, message: message.to_string() }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Fault {
        Fault { at: None, message: unknown("key", field, expected) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Fault {
        Fault { at: None, message: unknown("word", variant, expected) }
    }
}

/// Says that a word is none of those that are known, and which one may have been meant.
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    /// Similarity of two words of which one may be the other, misspelt.
    const ALIKE: f64 = 0.8;
    let likeness = |known: &str| strsim::jaro_winkler(word, known);
    let near = known.iter().copied().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    match near.filter(|near| likeness(near) >= ALIKE) {
        Some(near) => format!("unknown {what} \"{word}\"; did you mean \"{near}\"? Known: {}", known.join(", ")),
        None => format!("unknown {what} \"{word}\"; known: {}", known.join(", ")),
    }
}

/// The value that a document stands for.
pub(crate) fn value<T: DeserializeOwned>(node: &Node) -> Result<T, Problem> {
    T::deserialize(node).map_err(|fault| Problem::new(fault.at.unwrap_or(node.at), fault.message))
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let value = match &self.data {
            Data::Null => visitor.visit_unit(),
            Data::Flag(flag) => visitor.visit_bool(*flag),
            Data::Integer(integer) => visitor.visit_i64(*integer),
            Data::Float(float) => visitor.visit_f64(*float),
            Data::Text(text) => visitor.visit_borrowed_str(text),
            Data::List(items) => visitor.visit_seq(Items(items.iter())),
            Data::Table(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        };
        value.map_err(|fault: Fault| fault.at(self.at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.data {
            Data::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let value = match &self.data {
            Data::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(de::Error::custom("expected a word")),
        };
        value.map_err(|fault: Fault| fault.at(self.at))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        if name == Placed::<()>::NAME {
            return visitor.visit_seq(Place { node: self, next: 0 });
        }
        visitor.visit_newtype_struct(self).map_err(|fault: Fault| fault.at(self.at))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// Line, column and value of a node, in this order.
struct Place<'de> {
    node: &'de Node,
    next: u8,
}

impl<'de> SeqAccess<'de> for Place<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.next += 1;
        let node = self.node;
        match self.next {
            1 => seed.deserialize((node.at.line as u64).into_deserializer()).map(Some),
            2 => seed.deserialize((node.at.column as u64).into_deserializer()).map(Some),
            3 => seed.deserialize(node).map(Some).map_err(|fault| fault.at(node.at)),
            _ => Ok(None),
        }
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.0.next().map(|node| seed.deserialize(node).map_err(|fault| fault.at(node.at))).transpose()
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        let name: StrDeserializer<'de, Fault> = key.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|fault| fault.at(key.at))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let node = self.value.take().ok_or_else(|| de::Error::custom("a key has no value"))?;
        seed.deserialize(node).map_err(|fault| fault.at(node.at))
    }
}
