//! Lengths of board time as text.

use std::borrow::Cow;
use std::str::FromStr;

use espalier::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A length of board time, such as `2s`, `500ms`, `20us` or `1.5min`.
///
/// ```
/// let document = espalier_scenario::Document::parse("a.yaml", "within: 500ms\nsteps:\n  - run-for: 1ms\n")?;
/// assert_eq!(document.scenario.within.map(|time| time.0.as_micros()), Some(500_000));
/// # Ok::<_, espalier_scenario::ScenarioError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Span);

/// Units and their lengths in microseconds. Longer names come before those that they end with.
const UNITS: [(&str, f64); 5] = [("ms", 1e3), ("us", 1.0), ("h", 3600e6), ("min", 60e6), ("s", 1e6)];
/// More than a week of board time is a mistake.
const LONGEST_MICROS: f64 = 7.0 * 24.0 * 3600e6;

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Time, String> {
        let wrong = || format!("\"{text}\" is not a length of time; write it as 2s, 500ms, 20us, 1.5min or 1h");
        let unit = UNITS.iter().find_map(|(unit, micros)| Some((text.strip_suffix(unit)?, micros)));
        let (number, unit) = unit.ok_or_else(wrong)?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let micros = number.parse().ok().filter(|_| plain).map(|number: f64| number * unit).ok_or_else(wrong)?;
        if micros > LONGEST_MICROS {
            return Err(format!("\"{text}\" is more than a week"));
        }
        Ok(Time(Span::from_micros(micros.round() as u64)))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(\\.[0-9]+)?(us|ms|s|min|h)$",
            "examples": ["2s", "500ms"],
        })
    }
}

#[cfg(test)]
mod tests {
    use espalier::Units;

    use super::Time;

    #[test]
    fn times_have_units() {
        for (text, span) in
            [("2s", 2.s()), ("500ms", 500.ms()), ("20us", 20.us()), ("1.5min", 90.s()), ("0.5h", 1800.s())]
        {
            assert_eq!(text.parse(), Ok(Time(span)), "{text}");
        }
        for text in ["", "2", "s", "-2s", "2 s", "2sec", "1e9s", "NaNs", "infs", "1000h"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
