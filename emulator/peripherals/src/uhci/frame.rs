//! Frames on the line: separators around them, and sequences of two bytes for bytes that have a meaning there, as in SLIP (RFC 1055).

/// A byte and the two that stand for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) byte: u8,
    pub(super) first: u8,
    pub(super) second: u8,
}

impl Sequence {
    pub(super) fn of(register: u32) -> Sequence {
        let [byte, first, second, _] = register.to_le_bytes();
        Sequence { byte, first, second }
    }
}

/// Appends a byte of a frame as it goes onto the line.
pub(super) fn encode(byte: u8, sequences: impl Iterator<Item = Sequence>, mut put: impl FnMut(u8)) {
    let mut sequences = sequences;
    match sequences.find(|sequence| sequence.byte == byte) {
        Some(Sequence { first, second, .. }) => {
            put(first);
            put(second);
        }
        None => put(byte),
    }
}

/// The first byte of a sequence that has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoder {
    first: Option<u8>,
}

espalier_core::persist!(value Decoder { first });

impl Decoder {
    /// Takes a byte from the line, and gives the bytes of the frame. Two that begin like a sequence and are none stay as they are.
    pub(super) fn decode(&mut self, byte: u8, sequences: &[Sequence], mut put: impl FnMut(u8)) {
        match self.first.take() {
            Some(first) => match sequences.iter().find(|sequence| (sequence.first, sequence.second) == (first, byte)) {
                Some(sequence) => put(sequence.byte),
                None => {
                    put(first);
                    put(byte);
                }
            },
            None if sequences.iter().any(|sequence| sequence.first == byte) => self.first = Some(byte),
            None => put(byte),
        }
    }
}
