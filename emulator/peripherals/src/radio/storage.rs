//! Blocks of the radio that software only configures.

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    WORD[2048] @ 0x000 = 0, rw();
}

/// A block whose registers have no published names and no effect that software could see.
#[derive(Clone, Debug)]
pub struct RadioStorage {
    table: &'static [Register],
    registers: Registers,
}

espalier_core::persist!(state RadioStorage { registers } fixed { table });

impl RadioStorage {
    /// A block of `words` registers, at most 2048, all of them zero.
    pub fn new(words: usize) -> RadioStorage {
        let table = &REGISTERS[..words.min(REGISTERS.len())];
        RadioStorage { table, registers: Registers::new(table) }
    }
}

impl Device for RadioStorage {
    fn registers(&self) -> &'static [Register] {
        self.table
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("configuration of the physical layer, which is not modelled: registers only store")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(drop)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}
