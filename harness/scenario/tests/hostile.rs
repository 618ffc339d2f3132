//! Whatever a file holds, reading it ends with a scenario or a message.

use espalier_scenario::Document;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,200}", yaml in any::<bool>()) {
        let _ = Document::parse(if yaml { "a.yaml" } else { "a.toml" }, text);
    }

    /// Texts that have the keys of scenarios in them.
    #[test]
    fn nor_does_anything_that_looks_like_a_scenario(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "steps", "tests", "setup", "expect", "listen", "screen", "fork", "within", "5s", "=", ":", "[", "]", "{", "}", "- ",
                "\n", "  ", "\"", "'", "&a", "*a", "!t", "|", "1", "-1", "1e400", "true", "~",
            ]),
            0..60,
        ),
        yaml in any::<bool>(),
    ) {
        let _ = Document::parse(if yaml { "a.yaml" } else { "a.toml" }, words.concat());
    }
}

#[test]
fn depth_has_a_bound() {
    for (name, open, close) in [("a.yaml", "[", "]"), ("a.toml", "[", "]")] {
        let value = format!("{}{}", open.repeat(5000), close.repeat(5000));
        let text = if name.ends_with("yaml") { format!("steps: {value}") } else { format!("steps = {value}") };
        let error = Document::parse(name, text).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
}
