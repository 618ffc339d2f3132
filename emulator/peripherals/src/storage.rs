//! Blocks that software only configures: registers keep what is written to them and do nothing by themselves.

use espalier_core::{Device, Fidelity, Field, Register, Registers, Time, Unmodelled};

/// A block whose behaviour is its register table. Each is made by a function of the module that has its table.
#[derive(Clone, Debug)]
pub struct Storage {
    table: &'static [Register],
    fidelity: Fidelity,
    registers: Registers,
    /// The value that software reads at an offset where this one is stored.
    reading: fn(u32, u32) -> u32,
}

espalier_core::persist!(state Storage { registers } fixed { table, fidelity, reading });

impl Storage {
    /// The block after reset. `missing` is what the fidelity table says of it.
    pub(crate) fn new(table: &'static [Register], missing: &'static str) -> Storage {
        Storage { fidelity: Fidelity::Partial(missing), ..Storage::whole(table) }
    }

    /// The block after reset, if it has no other behaviour.
    pub fn whole(table: &'static [Register]) -> Storage {
        let registers = Registers::new(table);
        Storage { table, fidelity: Fidelity::Modelled, registers, reading: |_, stored| stored }
    }

    /// The same, but software reads what `reading` makes of an offset and the stored value.
    pub(crate) fn reading(self, reading: fn(u32, u32) -> u32) -> Storage {
        Storage { reading, ..self }
    }

    /// The stored value at an offset.
    ///
    /// # Panics
    /// If it lies beyond the block's table.
    pub fn get(&self, offset: u32) -> u32 {
        self.registers.get(offset)
    }

    /// The value of a field.
    ///
    /// # Panics
    /// If the field's register lies beyond the block's table.
    pub fn field(&self, field: Field) -> u32 {
        self.registers.field(field)
    }
}

impl Device for Storage {
    fn registers(&self) -> &'static [Register] {
        self.table
    }

    fn fidelity(&self) -> Fidelity {
        self.fidelity
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        Ok((self.reading)(offset, self.registers.read(offset)?))
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(drop)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::Storage;
    use espalier_core::{Device, Time};

    espalier_core::registers! {
        CONF @ 0x0 = 0x10, rw_bits(0xFF) { DIVIDER: 4..=7 };
        STATUS @ 0x8 = 5, ro();
    }

    #[test]
    fn writes_are_kept_by_the_rules_of_the_table_until_a_reset() {
        let mut block = Storage::new(&REGISTERS, "nothing but registers");
        block.write(reg::CONF, 0xABCD, Time::ZERO).unwrap();
        block.write(reg::STATUS, 0, Time::ZERO).unwrap();
        assert_eq!(block.read(reg::CONF, Time::ZERO), Ok(0xCD));
        assert_eq!(block.field(reg::CONF::DIVIDER), 0xC);
        assert_eq!(block.read(reg::STATUS, Time::ZERO), Ok(5));
        assert!(block.read(0x4, Time::ZERO).is_err() && block.write(0xC, 0, Time::ZERO).is_err());
        block.reset();
        assert_eq!(block.read(reg::CONF, Time::ZERO), Ok(0x10));
    }
}
