//! All of a core's visible state by name.

use std::collections::BTreeMap;

use espalier_riscv::{CSRS, Cpu, Csr, Privilege, register_name};

/// Names and values of all registers.
pub fn registers(cpu: &Cpu) -> BTreeMap<String, u32> {
    let mut values = BTreeMap::from([
        ("pc".to_owned(), cpu.pc()),
        ("waiting".to_owned(), u32::from(cpu.is_waiting())),
        ("privilege".to_owned(), if cpu.privilege() == Privilege::Machine { MACHINE } else { 0 }),
    ]);
    values.extend((0..32).map(|number| (register_name(number).to_owned(), cpu.register(number))));
    values.extend(CSRS.iter().map(|csr| (csr.name().to_owned(), cpu.csr(*csr))));
    values
}

/// The architecture's machine mode.
const MACHINE: u32 = 3;

/// Writes one place by its name. False if there is none of this name.
pub fn set(cpu: &mut Cpu, place: &str, value: u32) -> bool {
    if let Some(number) = (0..32).find(|number| register_name(*number) == place) {
        cpu.set_register(number, value);
    } else if let Some(csr) = CSRS.iter().find(|csr| csr.name() == place) {
        cpu.set_csr(*csr, value);
    } else if place == "privilege" {
        cpu.set_privilege(if value == MACHINE { Privilege::Machine } else { Privilege::User });
    } else {
        return false;
    }
    true
}

/// A core with its registers at `values`, in this order.
pub fn prepared(mut cpu: Cpu, values: &[(Csr, u32)]) -> Cpu {
    values.iter().for_each(|(csr, value)| cpu.set_csr(*csr, *value));
    cpu
}
