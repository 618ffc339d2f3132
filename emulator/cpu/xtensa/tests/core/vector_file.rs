//! Files of ISA vectors, for the cores of every instruction set: paragraphs of `key: value` lines (`fixtures/isa/README.md`).

const DEFAULT_PC: u32 = 0x1000;

/// One instruction: its bytes and text, and values of places before and after it.
#[derive(Debug, Default)]
pub struct Vector {
    pub name: String,
    pub pc: u32,
    pub code: Vec<u8>,
    pub text: String,
    pub before: Vec<(String, u32)>,
    pub after: Vec<(String, u32)>,
}

fn number(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn pairs(text: &str) -> Vec<(String, u32)> {
    text.split_whitespace()
        .map(|pair| {
            let (place, value) = pair.split_once('=').unwrap_or_else(|| panic!("not a pair: {pair}"));
            (place.to_owned(), number(value))
        })
        .collect()
}

pub fn parse(paragraph: &str) -> Option<Vector> {
    let mut vector = Vector { pc: DEFAULT_PC, ..Vector::default() };
    for line in paragraph.lines().filter(|line| !line.starts_with('#')) {
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("not a key and value: {line}"));
        match key {
            "name" => vector.name = value.to_owned(),
            "pc" => vector.pc = number(value),
            "code" => vector.code = value.split(' ').map(|byte| number(byte) as u8).collect(),
            "text" => vector.text = value.to_owned(),
            "before" => vector.before = pairs(value),
            "after" => vector.after = pairs(value),
            _ => panic!("unknown key {key}"),
        }
    }
    (!vector.code.is_empty()).then_some(vector)
}

impl Vector {
    /// The bytes as the low end of a word.
    pub fn word(&self) -> u32 {
        let mut word = [0; 4];
        word[..self.code.len()].copy_from_slice(&self.code);
        u32::from_le_bytes(word)
    }
}

/// The address in a place `[0x2000]`: a word of memory.
pub fn memory_address(place: &str) -> Option<usize> {
    place.strip_prefix('[')?.strip_suffix(']').map(|address| number(address) as usize)
}
