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
///
/// ```
/// use espalier_core::{Damaged, Load, Reader};
///
/// let error = u32::load(&mut Reader::new(&[1, 2])).unwrap_err();
/// assert_eq!(error, Damaged { at: 0, what: "ends early" });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("snapshot is damaged at byte {at}: {what}")]
pub struct Damaged {
    /// Where in the decoded state.
    pub at: usize,
    pub what: &'static str,
}

/// State that a snapshot keeps.
///
/// ```
/// use espalier_core::{Persist, Reader, Writer, persist};
///
/// #[derive(Debug, PartialEq)]
/// struct Register {
///     address: u8,
///     value: u8,
/// }
///
/// // The value is saved; the address belongs to the configuration.
/// persist!(state Register { value } fixed { address });
///
/// let mut bytes = Writer::new();
/// Register { address: 3, value: 9 }.save(&mut bytes);
/// let mut register = Register { address: 3, value: 0 };
/// register.restore(&mut Reader::new(&bytes.into_bytes()))?;
/// assert_eq!(register.value, 9);
/// # Ok::<(), espalier_core::Damaged>(())
/// ```
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
///
/// ```
/// use espalier_core::{Load, Persist, Reader, Writer};
///
/// let mut bytes = Writer::new();
/// vec![1_u16, 2, 3].save(&mut bytes);
/// assert_eq!(Vec::<u16>::load(&mut Reader::new(&bytes.into_bytes()))?, [1, 2, 3]);
/// # Ok::<(), espalier_core::Damaged>(())
/// ```
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
///
/// ```
/// use espalier_core::{Persist, Writer};
///
/// let mut writer = Writer::new();
/// 0x1234_u16.save(&mut writer);
/// assert_eq!(writer.into_bytes(), [0x34, 0x12]);
/// ```
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
///
/// ```
/// use espalier_core::{Load, Reader};
///
/// let mut reader = Reader::new(&[0x34, 0x12, 0xFF]);
/// assert_eq!(u16::load(&mut reader)?, 0x1234);
/// assert_eq!(reader.left(), 1);
/// assert!(reader.finish().is_err(), "a byte is left");
/// # Ok::<(), espalier_core::Damaged>(())
/// ```
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
