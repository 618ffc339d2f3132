//! Reads the description of a chip's registers.

use std::collections::BTreeMap;

/// A field: its bits, and whether software can write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescribedField {
    pub lowest: u32,
    pub width: u32,
    pub reads: bool,
    pub writes: bool,
}

impl DescribedField {
    pub fn mask(self) -> u32 {
        (u32::MAX >> (u32::BITS - self.width)) << self.lowest
    }
}

/// A word of a block.
#[derive(Clone, Debug)]
pub struct Described {
    /// The names that a table may use: that of this word, and that of the array it is in.
    pub names: Vec<String>,
    pub reset: u32,
    pub reads: bool,
    pub writes: bool,
    pub fields: BTreeMap<String, DescribedField>,
}

impl Described {
    /// The bits that software writes, and those that it reads.
    pub fn access(&self) -> (u32, u32) {
        let bits = |register: bool, field: fn(&DescribedField) -> bool| match (register, self.fields.is_empty()) {
            (false, _) => 0,
            (true, true) => u32::MAX,
            (true, false) => self.fields.values().filter(|f| field(f)).fold(0, |mask, f| mask | f.mask()),
        };
        (bits(self.writes, |field| field.writes), bits(self.reads, |field| field.reads))
    }
}

/// Words by their byte offset.
pub type Block = BTreeMap<u32, Described>;

pub struct Description {
    blocks: BTreeMap<String, Block>,
}

impl Description {
    pub fn parse(text: &str) -> Description {
        let mut blocks = BTreeMap::<String, Block>::new();
        let mut name = String::new();
        let mut fields = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(' ') {
                None => {
                    name = line.into();
                    fields.clear();
                }
                Some((offset, rest)) => {
                    let block = blocks.entry(name.clone()).or_default();
                    add_words(block, number(offset), rest, &mut fields);
                }
            }
        }
        Description { blocks }
    }

    /// The blocks that are described.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.blocks.keys().map(String::as_str)
    }

    pub fn block(&self, name: &str) -> &Block {
        self.blocks.get(name).unwrap_or_else(|| panic!("the description has no block {name}"))
    }
}

fn number(text: &str) -> u32 {
    let digits = text.strip_prefix("0x").unwrap_or_else(|| panic!("{text} is no number"));
    u32::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{text} is no number"))
}

fn add_words(
    block: &mut Block,
    offset: u32,
    line: &str,
    known: &mut BTreeMap<String, BTreeMap<String, DescribedField>>,
) {
    let (name, rest) = line.split_once(" = ").expect("a name and a reset value");
    let (reset, rest) = rest.split_once(' ').expect("a reset value and an access class");
    let (access, fields) = match (rest.split_once(": "), rest.split_once(" like ")) {
        (_, Some((access, like))) => (access, known[like].clone()),
        (Some((access, fields)), _) => (access, fields.split(", ").map(field).collect()),
        (None, None) => (rest, BTreeMap::new()),
    };
    known.insert(name.into(), fields.clone());
    for (index, names) in words(name).into_iter().enumerate() {
        let word = Described {
            names,
            reset: number(reset),
            reads: access.contains('r'),
            writes: access.contains('w'),
            fields: fields.clone(),
        };
        let taken = block.insert(offset + 4 * index as u32, word);
        assert!(taken.is_none(), "{name} lies on another register");
    }
}

/// The names of each word that a line stands for.
fn words(name: &str) -> Vec<Vec<String>> {
    let Some((name, array)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) else {
        return vec![vec![name.into()]];
    };
    match array.split_once("..") {
        None => vec![vec![name.into()]; array.parse().expect("a number of words")],
        Some((first, last)) => {
            let (first, last): (u32, u32) = (first.parse().expect("a number"), last.parse().expect("a number"));
            (first..=last).map(|n| vec![name.replace('%', &n.to_string()), name.replace('%', "")]).collect()
        }
    }
}

fn field(text: &str) -> (String, DescribedField) {
    let [name, bits, access] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text} is no field") };
    let (lowest, highest) = bits.split_once(':').unwrap_or((bits, bits));
    let [lowest, highest] = [lowest, highest].map(|bit| bit.parse::<u32>().expect("the number of a bit"));
    let reads = access.contains('r');
    let writes = access.contains('w');
    (name.into(), DescribedField { lowest, width: highest - lowest + 1, reads, writes })
}
