//! The file of a scenario, in TOML or YAML as its name says.

use std::fmt::Write as _;
use std::path::Path;

use toml::Value;

use crate::init::{from_folder, quoted};
use crate::recorder::Step;

/// The rest of a scenario: the keys at its top with their values.
pub type Head = Vec<(&'static str, Value)>;

/// The first lines of a file.
const COMMENT: &str = "# Recorded by hand. `espalier test --schema` explains the steps.\n\n";

/// Whether a file of this name is YAML.
fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// A path in the file at `scenario`.
pub fn path_from(scenario: &Path, path: &Path) -> Value {
    from_folder(scenario.parent().unwrap_or(Path::new("")), path).display().to_string().into()
}

/// The text of the file.
pub fn text(path: &Path, head: &Head, steps: &[Step]) -> String {
    if is_yaml(path) { yaml(head, steps) } else { toml(head, steps) }
}

fn fields(step: &Step) -> Vec<(&'static str, Value)> {
    let within = step.within.map(|within| ("within", format!("{}s", within.as_micros().div_ceil(1_000_000)).into()));
    [(step.action, step.value.clone())].into_iter().chain(within).collect()
}

fn toml(head: &Head, steps: &[Step]) -> String {
    let mut text = COMMENT.to_owned();
    // Writing into a string cannot fail.
    for (key, value) in head {
        let _ = writeln!(text, "{key} = {}", inline(value));
    }
    text.push_str("\nsteps = [\n");
    for step in steps {
        let fields: Vec<String> =
            fields(step).iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
        let _ = writeln!(text, "    {{ {} }},", fields.join(", "));
    }
    text.push_str("]\n");
    text
}

/// A value on one line of TOML.
fn inline(value: &Value) -> String {
    match value {
        // Escapes of JSON are those of TOML, which wants one for DEL too.
        Value::String(text) if text.contains(char::is_control) => {
            serde_json::to_string(text).unwrap_or_default().replace('\u{7f}', "\\u007f")
        }
        Value::String(text) => quoted(text),
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let key = |key: &str| {
                let bare = !key.is_empty() && key.chars().all(|one| one.is_ascii_alphanumeric() || "-_".contains(one));
                if bare { key.to_owned() } else { Value::from(key).to_string() }
            };
            let entries: Vec<String> =
                table.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// The same in YAML, whose flow style JSON is.
fn yaml(head: &Head, steps: &[Step]) -> String {
    let json = |value: &Value| serde_json::to_string(value).unwrap_or_default();
    let mut text = COMMENT.to_owned();
    for (key, value) in head {
        let _ = writeln!(text, "{key}: {}", json(value));
    }
    text.push_str("steps:\n");
    for step in steps {
        let fields: Vec<String> = fields(step).iter().map(|(key, value)| format!("{key}: {}", json(value))).collect();
        let _ = writeln!(text, "  - {}", fields.join("\n    "));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use espalier::Units;
    use espalier_scenario::Document;

    use super::{Head, text};
    use crate::recorder::Step;

    #[test]
    fn both_formats_are_read_back() {
        let table: toml::Table = toml::from_str("on = \"socket 2\"\ntext = 'a \"b\" \\ é'").unwrap();
        let part: toml::Table = toml::from_str("\"my pad\" = { pressed = true, field = [0.5, -1.0, 2.0] }").unwrap();
        let steps = [
            Step { action: "expect", value: "/I \\(\\d+\\) it's/".into(), within: Some(12_500.ms()) },
            Step { action: "peer-send", value: table.into(), within: None },
            Step { action: "part", value: part.into(), within: None },
            Step { action: "leds", value: vec!["#ff0000", "#000000"].into(), within: None },
            Step { action: "send", value: "tab\tand\u{1}\u{7f}it's".into(), within: None },
        ];
        let head: Head = vec![("board", "mpython".into()), ("firmware", "a b.bin".into()), ("seed", 3.into())];
        for name in ["a.toml", "a.yaml"] {
            let text = text(Path::new(name), &head, &steps);
            let scenario = Document::parse(name, &text).unwrap_or_else(|error| panic!("{error}\n{text}")).scenario;
            assert_eq!((scenario.firmware.as_deref(), scenario.seed), (Some("a b.bin"), 3), "{text}");
            assert_eq!(scenario.steps.len(), steps.len(), "{text}");
            assert!(format!("{:?}", scenario.steps).contains("it's"), "{text}");
        }
    }
}
