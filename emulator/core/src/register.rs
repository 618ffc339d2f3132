//! Register tables: names, offsets, reset values and access classes as the datasheet gives them.

use std::sync::Arc;

use crate::field::Field;
use crate::persist::{Damaged, Persist, Reader, Writer};
use crate::unmodelled::Unmodelled;

/// One 32-bit register of a block. Made by [`registers!`](crate::registers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name in the chip's reference manual.
    pub name: &'static str,
    /// Byte offset from the start of the block.
    pub offset: u32,
    pub reset: u32,
    /// Bits that software can write.
    pub writable: u32,
    /// Bits that software clears by writing one.
    pub write_one_to_clear: u32,
    /// Bits that read back; the others read as zero.
    pub readable: u32,
    /// The fields that the block's logic uses, or all of them.
    pub fields: &'static [Field],
}

impl Register {
    pub const fn new(name: &'static str, offset: u32) -> Register {
        Register { name, offset, reset: 0, writable: 0, write_one_to_clear: 0, readable: u32::MAX, fields: &[] }
    }

    /// Software reads and writes all bits.
    pub const fn rw(self) -> Register {
        self.rw_bits(u32::MAX)
    }

    /// Software reads all bits and writes those in `mask`.
    pub const fn rw_bits(self, mask: u32) -> Register {
        Register { writable: mask, ..self }
    }

    /// Software can only read.
    pub const fn ro(self) -> Register {
        Register { writable: 0, ..self }
    }

    /// Software can only write; reads give zero. The value written last stays visible to [`Registers::get`].
    pub const fn wo(self) -> Register {
        Register { writable: u32::MAX, readable: 0, ..self }
    }

    /// Bits in `mask` are cleared by writing one.
    pub const fn w1c_bits(self, mask: u32) -> Register {
        Register { write_one_to_clear: mask, ..self }
    }
}

/// Declares the registers of a block: a module `reg` with their offsets and fields, and a table `REGISTERS`.
///
/// Each line is `NAME @ offset = reset, class;` where `class` is a method of [`Register`](crate::Register). A line
/// `NAME[count] @ offset = reset, class;` declares `count` consecutive words, of which `reg::NAME` is the first. Fields
/// follow in braces, with their lowest and highest bit, or their only one, and comments if need be; `reg::NAME::FIELD`
/// is a [`Field`](crate::Field).
///
/// ```
/// espalier_core::registers! {
///     CONF @ 0x00 = 0x10, rw() { EN: 0, DIVIDER: 4..=11 };
///     STATUS @ 0x04 = 0, ro();
///     INT_CLR @ 0x08 = 0, wo();
///     DATA[4] @ 0x10 = 0, rw_bits(0xFFFF);
/// }
/// assert_eq!(reg::DATA, 0x10);
/// assert_eq!(REGISTERS.len(), 7);
///
/// let mut registers = espalier_core::Registers::new(&REGISTERS);
/// assert_eq!(registers.field(reg::CONF::DIVIDER), 1);
/// registers.set_field(reg::CONF::EN, 1);
/// assert_eq!(registers.get(reg::CONF), 0x11);
/// ```
#[macro_export]
macro_rules! registers {
    ($($name:ident $([$count:literal])? @ $offset:literal = $reset:expr, $class:ident($($arg:expr)?)
        $({ $($(#[$note:meta])* $field:ident: $lowest:literal $(..= $highest:literal)?),* $(,)? })?;)*) => {
        /// Byte offsets of the registers and their fields, by their names in the reference manual.
        #[expect(unused, non_snake_case, reason = "a block need not name all of its table; names are the manual's")]
        pub mod reg {
            pub const ALL: () = ();
            pub mod FIELDS {}
            $(pub const $name: u32 = $offset;)*
            $($(
                pub mod $name {
                    use $crate::Field;
                    $($(#[$note])* pub const $field: Field =
                        Field::new(stringify!($field), $lowest, $crate::registers!(@last $lowest $($highest)?))
                            .of_register($offset);)*
                    pub const FIELDS: &[Field] = &[$($field),*];
                }
            )?)*
        }
        const REGISTER_COUNT: usize = 0 $(+ $crate::registers!(@count $($count)?))*;
        /// Every register of the block.
        pub static REGISTERS: [$crate::Register; REGISTER_COUNT] = {
            let mut table = [$crate::Register::new("", 0); REGISTER_COUNT];
            let mut next = 0;
            $({
                let count: u32 = $crate::registers!(@count $($count)?);
                let mut index = 0;
                while index < count {
                    let plain = $crate::Register::new(stringify!($name), $offset + 4 * index);
                    let fields = $crate::registers!(@fields $name $($($field)*)?);
                    table[next] = $crate::Register { reset: $reset, fields, ..plain }.$class($($arg)?);
                    next += 1;
                    index += 1;
                }
            })*
            table
        };
    };
    (@last $lowest:literal) => { $lowest };
    (@last $lowest:literal $highest:literal) => { $highest };
    (@fields $name:ident) => { &[] };
    (@fields $name:ident $($field:ident)+) => { reg::$name::FIELDS };
    (@count) => { 1 };
    (@count $count:literal) => { $count };
}

/// The values of a block's registers, with the access rules of its table applied.
#[derive(Clone, Debug)]
pub struct Registers {
    /// The register at each word. Copies share it, so that a copy of a block is no more than its values.
    layout: Arc<[Option<&'static Register>]>,
    values: Vec<u32>,
}

/// Values only: the table belongs to the chip.
impl Persist for Registers {
    fn save(&self, to: &mut Writer) {
        to.length(self.values.len());
        self.values.iter().for_each(|value| value.save(to));
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        from.fixed_length(self.values.len())?;
        self.values.iter_mut().try_for_each(|value| value.restore(from))
    }
}

impl Registers {
    /// All registers at their reset values.
    pub fn new(table: &'static [Register]) -> Registers {
        let words = table.iter().map(|register| register.offset as usize / 4 + 1).max().unwrap_or(0);
        let (mut layout, mut values) = (vec![None; words], vec![0; words]);
        for register in table {
            let word = register.offset as usize / 4;
            assert!(layout[word].is_none(), "{} declared twice at {:#x}", register.name, register.offset);
            (layout[word], values[word]) = (Some(register), register.reset);
        }
        Registers { layout: layout.into(), values }
    }

    /// The value that software reads at `offset`.
    ///
    /// # Errors
    /// If the block has no such register.
    #[inline]
    pub fn read(&self, offset: u32) -> Result<u32, Unmodelled> {
        let (word, register) = self.at(offset)?;
        Ok(self.values[word] & register.readable)
    }

    /// Software writes `value` at `offset`. Returns the new value of the register.
    ///
    /// # Errors
    /// If the block has no such register.
    #[inline]
    pub fn write(&mut self, offset: u32, value: u32) -> Result<u32, Unmodelled> {
        let (word, register) = self.at(offset)?;
        let kept = self.values[word] & !(value & register.write_one_to_clear);
        self.values[word] = (kept & !register.writable) | (value & register.writable);
        Ok(self.values[word])
    }

    #[inline]
    fn at(&self, offset: u32) -> Result<(usize, &'static Register), Unmodelled> {
        let word = offset as usize / 4;
        let register = self.layout.get(word).copied().flatten();
        register.map(|register| (word, register)).ok_or(Unmodelled)
    }

    /// The stored value, whatever software may see of it.
    ///
    /// # Panics
    /// If `offset` lies beyond the table. With debug assertions also if the table has no register there: the caller names a register
    /// that does not exist. Without them such a register reads as zero.
    #[inline]
    pub fn get(&self, offset: u32) -> u32 {
        debug_assert!(self.at(offset).is_ok(), "no register at {offset:#x}");
        self.values[offset as usize / 4]
    }

    /// The hardware sets a register, whatever software may write to it.
    ///
    /// # Panics
    /// As [`get`](Registers::get) does.
    #[inline]
    pub fn set(&mut self, offset: u32, value: u32) {
        debug_assert!(self.at(offset).is_ok(), "no register at {offset:#x}");
        self.values[offset as usize / 4] = value;
    }

    /// The hardware sets and clears bits of a register.
    #[inline]
    pub fn modify(&mut self, offset: u32, clear: u32, set: u32) {
        self.set(offset, (self.get(offset) & !clear) | set);
    }

    /// The value of a field, whatever software may see of it.
    ///
    /// # Panics
    /// As [`get`](Registers::get) does.
    #[inline]
    pub fn field(&self, field: Field) -> u32 {
        field.get(self.get(field.register()))
    }

    /// Whether any bit of a field is set.
    ///
    /// # Panics
    /// As [`get`](Registers::get) does.
    #[inline]
    pub fn is_set(&self, field: Field) -> bool {
        field.is_set(self.get(field.register()))
    }

    /// The hardware sets a field, whatever software may write to it.
    ///
    /// # Panics
    /// As [`set`](Registers::set) does.
    #[inline]
    pub fn set_field(&mut self, field: Field, value: u32) {
        self.set(field.register(), field.replace(self.get(field.register()), value));
    }

    /// The name of the register at `offset`.
    pub fn name(&self, offset: u32) -> Option<&'static str> {
        Some(self.at(offset).ok()?.1.name)
    }

    /// Back to the reset values.
    pub fn reset(&mut self) {
        for (value, register) in self.values.iter_mut().zip(&*self.layout) {
            if let Some(register) = register {
                *value = register.reset;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Registers;
    use crate::unmodelled::Unmodelled;

    crate::registers! {
        CONF @ 0x00 = 0x10, rw_bits(0xFF) { EN: 0, MODE: 4..=6 };
        STATUS @ 0x04 = 0x7, ro();
        INT_RAW @ 0x08 = 0x3, w1c_bits(0x3);
        INT_CLR @ 0x0C = 0, wo();
        DATA[2] @ 0x14 = 9, rw();
    }

    #[test]
    fn fields_are_read_and_set_by_name() {
        let mut registers = Registers::new(&REGISTERS);
        assert_eq!((registers.field(reg::CONF::MODE), registers.is_set(reg::CONF::EN)), (1, false));
        registers.set_field(reg::CONF::MODE, 6);
        registers.set_field(reg::CONF::EN, 1);
        assert_eq!(registers.get(reg::CONF), 0x61);
        let names: Vec<_> = REGISTERS[0].fields.iter().map(|field| field.name).collect();
        assert_eq!((names, REGISTERS[1].fields), (vec!["EN", "MODE"], &[][..]));
    }

    #[test]
    fn access_classes_hold() {
        let mut registers = Registers::new(&REGISTERS);
        assert_eq!(registers.write(reg::CONF, 0x1234), Ok(0x34));
        assert_eq!(registers.write(reg::STATUS, 0), Ok(7));
        assert_eq!(registers.write(reg::INT_RAW, 1), Ok(2));
        registers.write(reg::INT_CLR, 5).unwrap();
        assert_eq!((registers.read(reg::INT_CLR), registers.get(reg::INT_CLR)), (Ok(0), 5));
        assert_eq!(registers.read(reg::DATA + 4), Ok(9));
        assert_eq!(registers.read(0x10), Err(Unmodelled));
        assert_eq!(registers.write(0x40, 0), Err(Unmodelled));
        assert_eq!(registers.name(0x18), Some("DATA"));
        registers.reset();
        assert_eq!((registers.get(reg::CONF), registers.get(reg::INT_RAW)), (0x10, 3));
    }
}
