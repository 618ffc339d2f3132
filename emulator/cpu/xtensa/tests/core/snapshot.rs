//! All of a core's visible state by name.

use std::collections::BTreeMap;

use espalier_xtensa::{Cpu, PHYSICAL_REGISTERS, SpecialRegister, UserRegister};

/// Names and values of all registers except the cycle counter.
pub fn registers(cpu: &Cpu) -> BTreeMap<String, u32> {
    let mut values = BTreeMap::new();
    values.insert("pc".to_owned(), cpu.pc());
    for number in 0..PHYSICAL_REGISTERS {
        values.insert(format!("p{number}"), cpu.physical(number));
    }
    for number in 0..16 {
        values.insert(format!("f{number}"), cpu.float(number));
    }
    for register in SpecialRegister::ALL.iter().filter(|register| **register != SpecialRegister::Ccount) {
        values.insert(register.name().to_owned(), cpu.special(*register));
    }
    for register in UserRegister::ALL {
        values.insert(register.name().to_owned(), cpu.user(*register));
    }
    values
}
