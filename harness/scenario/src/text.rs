//! Variables in texts: `${name}` stands for the value of a variable, `${env:NAME}` for an environment variable, and `$$` for a
//! dollar sign.

use std::collections::BTreeMap;

/// The values of variables, by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Names that stand for addresses, which are known only when a test runs.
pub(crate) const ADDRESSES: [&str; 2] = ["peer", "board"];

/// A text that refers to what there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextError {
    #[error("\"${{\" without \"}}\" in {0:?}; write \"$$\" for a dollar sign")]
    Open(String),
    #[error("no variable \"{name}\"; there are {known}")]
    Unknown { name: String, known: String },
    #[error("the environment has no variable {0}")]
    Environment(String),
}

/// Replaces every variable by its value.
pub(crate) fn expand(text: &str, variables: &Variables) -> Result<String, TextError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        expanded.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| TextError::Open(text.to_owned()))?;
            expanded.push_str(&value(name, variables)?);
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Whether a text refers to the variable `name`.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    text.contains(&format!("${{{name}}}"))
}

/// Whether a text refers to any variable.
pub(crate) fn has_variables(text: &str) -> bool {
    text.contains("${")
}

fn value(name: &str, variables: &Variables) -> Result<String, TextError> {
    if let Some(variable) = name.strip_prefix("env:") {
        return std::env::var(variable).map_err(|_| TextError::Environment(variable.to_owned()));
    }
    variables.get(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = variables.keys().map(String::as_str).chain(ADDRESSES).collect();
        TextError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}

#[cfg(test)]
mod tests {
    use super::{TextError, Variables, expand};

    #[test]
    fn variables_are_replaced() {
        let variables = Variables::from([("port".to_owned(), "5001".to_owned())]);
        assert_eq!(expand("client ${port}: $5 $${port} ${port}", &variables).unwrap(), "client 5001: $5 ${port} 5001");
        assert!(matches!(expand("${host}", &variables), Err(TextError::Unknown { .. })));
        assert!(matches!(expand("a ${port", &variables), Err(TextError::Open(_))));
        assert!(matches!(expand("${env:ESPALIER_NO_SUCH}", &variables), Err(TextError::Environment(_))));
    }
}
