//! Values of properties, and what is wrong with them.

use std::fmt;
use std::ops::RangeInclusive;

/// The value of a property of a part.
///
/// ```
/// use espalier_parts::Value;
///
/// assert_eq!(Value::from(40).integer(0..=100), Ok(40));
/// assert_eq!(Value::from(40).number(0.0..=100.0), Ok(40.0), "an integer is a number, too");
/// assert!(Value::from("40").integer(0..=100).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
}

espalier_core::persist!(
    enum Value {
        Flag(flag),
        Integer(integer),
        Number(number),
        Text(text),
        Numbers(numbers),
    }
);

/// A value is not possible.
///
/// ```
/// use espalier_parts::Value;
///
/// let error = Value::from(300).integer(8..=119).unwrap_err();
/// assert_eq!(error.to_string(), "300, not an integer from 8 to 119");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value}, not {allowed}")]
pub struct ValueError {
    /// As it was given.
    value: String,
    /// The allowed values.
    allowed: String,
}

impl ValueError {
    pub fn new(value: impl fmt::Display, allowed: impl Into<String>) -> ValueError {
        ValueError { value: value.to_string(), allowed: allowed.into() }
    }

    /// The property can only be read.
    pub fn fixed() -> ValueError {
        ValueError::new("given", "something that can be set")
    }
}

impl Value {
    /// # Errors
    /// If it is not a flag.
    pub fn flag(&self) -> Result<bool, ValueError> {
        match self {
            Value::Flag(flag) => Ok(*flag),
            _ => Err(ValueError::new(self, "true or false")),
        }
    }

    /// # Errors
    /// If it is not an integer in `range`.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, ValueError> {
        match self {
            Value::Integer(integer) if range.contains(integer) => Ok(*integer),
            _ => Err(ValueError::new(self, format!("an integer from {} to {}", range.start(), range.end()))),
        }
    }

    /// # Errors
    /// If it is not a number in `range`.
    pub fn number(&self, range: RangeInclusive<f64>) -> Result<f64, ValueError> {
        let number = match self {
            Value::Number(number) => Some(*number),
            Value::Integer(integer) => Some(*integer as f64),
            _ => None,
        };
        let allowed = || format!("a number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).ok_or_else(|| ValueError::new(self, allowed()))
    }

    /// # Errors
    /// If it is not a list of `N` numbers in `range`.
    pub fn numbers<const N: usize>(&self, range: RangeInclusive<f64>) -> Result<[f64; N], ValueError> {
        let allowed =
            || ValueError::new(self, format!("a list of {N} numbers from {} to {}", range.start(), range.end()));
        let Value::Numbers(numbers) = self else { return Err(allowed()) };
        let all = numbers.iter().all(|number| range.contains(number));
        numbers.as_slice().try_into().ok().filter(|_| all).ok_or_else(allowed)
    }

    /// # Errors
    /// If it is not a text.
    pub fn text(&self) -> Result<&str, ValueError> {
        match self {
            Value::Text(text) => Ok(text),
            _ => Err(ValueError::new(self, "a text")),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Flag(flag) => flag.fmt(f),
            Value::Integer(integer) => integer.fmt(f),
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => fmt::Debug::fmt(text, f),
            Value::Numbers(numbers) => fmt::Debug::fmt(numbers, f),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Value {
        Value::Integer(integer)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl<const N: usize> From<[f64; N]> for Value {
    fn from(numbers: [f64; N]) -> Value {
        Value::Numbers(numbers.into())
    }
}
