//! Lists of `key=value`, as QEMU writes them ("QemuOpts"): a comma ends a value and two are one in it; `key` alone is on, and `nokey`
//! is off.

use super::Parsed;

/// The fields of a list, each taken once.
#[derive(Debug)]
pub struct Fields {
    fields: Vec<(String, Option<String>)>,
}

impl Fields {
    /// Reads a list. `implied` is the key of the first field if that has none.
    pub fn read(list: &str, implied: Option<&str>) -> Fields {
        let mut fields = Vec::new();
        for (index, field) in split(list).into_iter().enumerate() {
            fields.push(match (field.split_once('='), implied) {
                (Some((key, value)), _) => (key.to_owned(), Some(value.to_owned())),
                (None, Some(implied)) if index == 0 => (implied.to_owned(), Some(field)),
                (None, _) => (field, None),
            });
        }
        Fields { fields }
    }

    /// Takes the value of a key; the last one counts.
    pub fn value(&mut self, key: &str) -> Parsed<Option<String>> {
        let mut found = None;
        while let Some(at) = self.fields.iter().position(|(name, _)| name == key) {
            found = Some(self.fields.remove(at).1.ok_or_else(|| format!("'{key}' requires a value"))?);
        }
        Ok(found)
    }

    /// Takes every value of a key.
    pub fn values(&mut self, key: &str) -> Parsed<Vec<String>> {
        let mut found = Vec::new();
        while let Some(at) = self.fields.iter().position(|(name, _)| name == key) {
            found.push(self.fields.remove(at).1.ok_or_else(|| format!("'{key}' requires a value"))?);
        }
        Ok(found)
    }

    /// Takes a switch.
    pub fn switch(&mut self, key: &str) -> Parsed<Option<bool>> {
        let off = format!("no{key}");
        let mut state = None;
        while let Some(at) = self.fields.iter().position(|(name, _)| name == key || *name == off) {
            let (name, value) = self.fields.remove(at);
            state = Some(match value.as_deref() {
                None => name == key,
                Some("on" | "yes" | "true") => name == key,
                Some("off" | "no" | "false") => name != key,
                Some(other) => return Err(format!("'{other}' is neither on nor off")),
            });
        }
        Ok(state)
    }

    /// Takes what makes no difference.
    pub fn ignore(&mut self, keys: &[&str]) {
        self.fields
            .retain(|(name, _)| !keys.contains(&name.strip_prefix("no").unwrap_or(name)) && !keys.contains(&&**name));
    }

    /// Nothing may be left.
    pub fn finish(self) -> Parsed<()> {
        match self.fields.first() {
            Some((name, _)) => Err(format!("'{name}' is not known")),
            None => Ok(()),
        }
    }
}

fn split(list: &str) -> Vec<String> {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ',' if characters.next_if_eq(&',').is_some() => field.push(','),
            ',' => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    if !(fields.is_empty() && field.is_empty()) {
        fields.push(field);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn keys_switches_and_commas() {
        let mut fields = Fields::read("socket,path=a,,b,server,nowait,telnet=off,id=x,id=y,odd=1", Some("backend"));
        assert_eq!(fields.value("backend"), Ok(Some("socket".into())));
        assert_eq!(fields.value("path"), Ok(Some("a,b".into())));
        assert_eq!(fields.switch("server"), Ok(Some(true)));
        assert_eq!(fields.switch("wait"), Ok(Some(false)));
        assert_eq!(fields.switch("telnet"), Ok(Some(false)));
        assert_eq!(fields.switch("mux"), Ok(None));
        assert_eq!(fields.value("id"), Ok(Some("y".into())));
        assert_eq!(fields.finish(), Err("'odd' is not known".into()));
        assert_eq!(Fields::read("", Some("backend")).value("backend"), Ok(None));
        assert!(Fields::read("mux=perhaps", None).switch("mux").is_err());
        assert!(Fields::read("file", None).value("file").is_err());
    }
}
