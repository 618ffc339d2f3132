//! Fields of registers, and of words in memory that a block reads: some consecutive bits under their datasheet name.

/// Consecutive bits of a 32-bit word. The fields of registers are made by [`registers!`](crate::registers).
///
/// ```
/// use espalier_core::Field;
///
/// const DIVIDER: Field = Field::new("DIVIDER", 4, 11);
/// assert_eq!(DIVIDER.get(0x1234), 0x23);
/// assert_eq!(DIVIDER.put(0x23), 0x230);
/// assert_eq!(DIVIDER.replace(0xFFFF, 0), 0xF00F);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name in the chip's reference manual.
    pub name: &'static str,
    /// Byte offset of its register from the start of the block; none for a field of a word in memory.
    register: Option<u32>,
    pub lowest: u32,
    pub width: u32,
}

impl Field {
    /// The bits from `lowest` to `highest`, both included.
    ///
    /// # Panics
    /// If a word does not have these bits.
    pub const fn new(name: &'static str, lowest: u32, highest: u32) -> Field {
        assert!(lowest <= highest && highest < u32::BITS, "a field is one bit or more of a 32-bit word");
        Field { name, register: None, lowest, width: highest - lowest + 1 }
    }

    /// The field is one of the register at this offset of the block.
    #[inline]
    pub const fn of_register(self, offset: u32) -> Field {
        Field { register: Some(offset), ..self }
    }

    /// The same field of the register that lies `distance` bytes further on in the block.
    #[inline]
    pub const fn at(self, distance: u32) -> Field {
        Field { register: Some(self.register() + distance), ..self }
    }

    /// Byte offset of the field's register from the start of the block.
    ///
    /// # Panics
    /// If the field is one of a word in memory.
    #[inline]
    pub const fn register(self) -> u32 {
        self.register.expect("the field of a word in memory has no register")
    }

    /// The field's bits, in their place.
    #[inline]
    pub const fn mask(self) -> u32 {
        (u32::MAX >> (u32::BITS - self.width)) << self.lowest
    }

    /// The largest value that fits.
    #[inline]
    pub const fn max(self) -> u32 {
        u32::MAX >> (u32::BITS - self.width)
    }

    /// The field's value in `word`.
    #[inline]
    pub const fn get(self, word: u32) -> u32 {
        word >> self.lowest & self.max()
    }

    /// Whether any bit of the field is set in `word`.
    #[inline]
    pub const fn is_set(self, word: u32) -> bool {
        word & self.mask() != 0
    }

    /// A word with `value` in the field and zero elsewhere. Bits of `value` that do not fit are dropped.
    #[inline]
    pub const fn put(self, value: u32) -> u32 {
        (value & self.max()) << self.lowest
    }

    /// `word` with `value` in the field.
    #[inline]
    pub const fn replace(self, word: u32, value: u32) -> u32 {
        word & !self.mask() | self.put(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn a_field_can_be_the_whole_word_or_its_last_bit() {
        let all = Field::new("ALL", 0, 31);
        let last = Field::new("LAST", 31, 31);
        assert_eq!((all.mask(), all.get(u32::MAX), all.put(7)), (u32::MAX, u32::MAX, 7));
        assert_eq!((last.mask(), last.get(u32::MAX), last.put(3)), (1 << 31, 1, 1 << 31));
        assert!(last.is_set(1 << 31) && !last.is_set(1 << 30));
    }

    #[test]
    fn a_field_is_found_in_the_same_register_of_the_next_channel() {
        let field = Field::new("EN", 3, 3).of_register(0x10);
        assert_eq!((field.register(), field.at(0x14).register(), field.at(0x14).mask()), (0x10, 0x24, 8));
    }
}
