//! The encoding of snapshots: state as bytes, and back.
//!
//! A snapshot is restored over a machine that was just built from its configuration. So state comes in two kinds. What a [`Persist`]
//! type holds may lean on configuration (a block has the register table of its chip), and it is restored in place. A [`Load`] type is
//! plain data that can be made out of bytes alone. [`persist!`](crate::persist) writes both for a struct or an enum from the names
//! of its fields, and a field or a variant that is forgotten there does not compile.
//!
//! Numbers have a fixed width and are little-endian; a collection starts with its length. Nothing in the bytes says what they are: a
//! file has the identity of the build that wrote it, and only that build reads it. Damaged bytes are an error, never a panic, and
//! take no more memory than their own length allows.

mod collections;
mod macros;
mod numbers;
mod sparse;
#[cfg(test)]
mod tests;

pub use macros::persist_tag;
pub use sparse::{restore_sparse, save_sparse};

/// Bytes are not a snapshot, or not one of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("snapshot is damaged at byte {at}: {what}")]
pub struct Damaged {
    /// Where in the decoded state.
    pub at: usize,
    pub what: &'static str,
}

/// State that a snapshot keeps.
pub trait Persist {
    /// Appends the state.
    fn save(&self, to: &mut Writer);

    /// Replaces the state by what [`save`](Persist::save) has written. After an error the value is whole, but of no meaning.
    ///
    /// # Errors
    /// If the bytes are damaged, or of a value with another configuration.
    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged>;

    /// Saves values that lie one after the other, without their number.
    fn save_all(values: &[Self], to: &mut Writer)
    where
        Self: Sized,
    {
        for value in values {
            value.save(to);
        }
    }

    /// Restores as many values as there are.
    ///
    /// # Errors
    /// As [`restore`](Persist::restore).
    fn restore_all(values: &mut [Self], from: &mut Reader<'_>) -> Result<(), Damaged>
    where
        Self: Sized,
    {
        values.iter_mut().try_for_each(|value| value.restore(from))
    }
}

/// State that needs no configuration to be made again.
pub trait Load: Persist + Sized {
    /// Reads the value that [`save`](Persist::save) has written.
    ///
    /// # Errors
    /// If the bytes are damaged.
    fn load(from: &mut Reader<'_>) -> Result<Self, Damaged>;

    /// `count` values that lie one after the other.
    ///
    /// # Errors
    /// If the bytes are damaged, or fewer than `count`.
    fn load_all(count: usize, from: &mut Reader<'_>) -> Result<Vec<Self>, Damaged> {
        // Grows with what is really there.
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(Self::load(from)?);
        }
        Ok(values)
    }
}

/// Collects the bytes of a snapshot.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Appends `bytes` as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends the length of what follows.
    pub fn length(&mut self, length: usize) {
        (length as u64).save(self);
    }

    /// The bytes that were written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes a snapshot apart.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    /// An error at the byte that is read next.
    pub fn damaged(&self, what: &'static str) -> Damaged {
        Damaged { at: self.at, what }
    }

    /// Number of bytes left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let bytes = self.bytes[self.at..].get(..count).ok_or_else(|| self.damaged("ends early"))?;
        self.at += count;
        Ok(bytes)
    }

    /// A length that [`Writer::length`] has written. Each element takes a byte at least, so no length is more than what is left.
    ///
    /// # Errors
    /// If it is longer than that.
    pub fn length(&mut self) -> Result<usize, Damaged> {
        let length = u64::load(self)?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.left())
            .ok_or_else(|| self.damaged("a length is more than what follows"))
    }

    /// Takes a length that has to be `expected`: that of a fixed set.
    ///
    /// # Errors
    /// If it is another.
    pub fn fixed_length(&mut self, expected: usize) -> Result<(), Damaged> {
        if u64::load(self)? == expected as u64 { Ok(()) } else { Err(self.damaged("a fixed set has another size")) }
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// If something does.
    pub fn finish(self) -> Result<(), Damaged> {
        if self.left() == 0 { Ok(()) } else { Err(self.damaged("more follows than the state")) }
    }
}
