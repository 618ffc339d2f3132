//! Differences between a register table and the description, and the intended ones among them.

use std::fmt;

use espalier_core::Register;

use super::description::{Block, Described};

/// One difference.
#[derive(Debug)]
pub struct Difference {
    pub register: String,
    /// The first word of its line, by which the chip's file names it.
    pub kind: &'static str,
    pub detail: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.register, self.kind, self.detail)
    }
}

pub fn differences(table: &[Register], block: &Block) -> Vec<Difference> {
    let mut found = Vec::new();
    for (index, register) in table.iter().enumerate() {
        let mut note = |kind, detail| found.push(Difference { register: register.name.into(), kind, detail });
        match block.get(&register.offset) {
            None => note("extra", format!("the description has nothing at {:#x}", register.offset)),
            Some(described) => {
                // The words of an array have the name of the first one.
                let continues = index > 0 && table[index - 1].name == register.name;
                if !described.names.iter().any(|name| is_named(register.name, name, continues)) {
                    note("name", described.names[0].clone());
                }
                compare(register, described, &mut note);
            }
        }
    }
    for (offset, described) in block {
        if !table.iter().any(|register| register.offset == *offset) {
            let detail = format!("the table has nothing at {offset:#x}");
            found.push(Difference { register: described.names[0].clone(), kind: "missing", detail });
        }
    }
    found
}

fn is_named(ours: &str, described: &str, continues: bool) -> bool {
    let letters = |name: &str| name.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    ours == described || continues && letters(ours) == letters(described)
}

fn compare(register: &Register, described: &Described, note: &mut impl FnMut(&'static str, String)) {
    if described.reset != register.reset {
        note("reset", format!("{:#x}, described as {:#x}", register.reset, described.reset));
    }
    let (writable, readable) = described.access();
    let ours = register.writable | register.write_one_to_clear;
    // The stored bits of a write-only register cannot be seen.
    if ours != writable && (register.readable != 0 || ours & writable != writable) {
        note("writable", format!("{ours:#x}, described as {writable:#x}"));
    }
    // Bits that nothing drives read as zero, whatever the table lets through.
    if readable & !register.readable != 0 || (readable == 0) != (register.readable == 0) {
        note("readable", format!("{:#x}, described as {readable:#x}", register.readable));
    }
    for field in register.fields {
        match described.fields.get(field.name) {
            None => note("field", format!("{} is not described", field.name)),
            Some(f) if (f.lowest, f.width) == (field.lowest, field.width) => {}
            Some(f) => note(
                "field",
                format!(
                    "{} is {} bits from {} on, described as {} from {} on",
                    field.name, field.width, field.lowest, f.width, f.lowest
                ),
            ),
        }
    }
}

/// The differences that are meant: lines of block, register, kind, and a reason after a `#`. A `*` at the end of a name,
/// or at its start, stands for any rest.
pub struct Meant {
    lines: Vec<Line>,
}

struct Line {
    block: String,
    register: String,
    kind: String,
    used: bool,
}

impl Meant {
    pub fn parse(text: &str) -> Meant {
        let mut lines = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (difference, reason) = line.split_once('#').unwrap_or_else(|| panic!("no reason in {line}"));
            assert!(!reason.trim().is_empty(), "no reason in {line}");
            let [block, register, kind] = difference.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("block, register and kind of difference expected in {line}")
            };
            let [block, register, kind] = [block, register, kind].map(String::from);
            lines.push(Line { block, register, kind, used: false });
        }
        Meant { lines }
    }

    pub fn covers(&mut self, block: &str, difference: &Difference) -> bool {
        let mut covered = false;
        for line in &mut self.lines {
            let is = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => pattern.strip_prefix('*').map_or(pattern == name, |end| name.ends_with(end)),
            };
            let named = is(&line.block, block) && is(&line.register, &difference.register);
            if named && line.kind == difference.kind {
                line.used = true;
                covered = true;
            }
        }
        covered
    }

    pub fn unused(&self) -> Vec<String> {
        let unused = self.lines.iter().filter(|line| !line.used);
        unused.map(|line| format!("{} {} {}", line.block, line.register, line.kind)).collect()
    }
}
