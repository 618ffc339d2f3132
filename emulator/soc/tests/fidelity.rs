//! `emulator/FIDELITY.md` says what the code says. `ESPALIER_BLESS=1` rewrites it.

use std::path::Path;

use espalier_soc::{Machine, MachineConfig, fidelity_markdown};

const HEAD: &str = "# What is modelled\n\n\
    Made from the memory map by `ESPALIER_BLESS=1 cargo test -p espalier-soc --test fidelity`; do not edit.\n\n\
    A stub stores what is written to it and counts every access; in strict mode the first access to one stops the machine. The\n\
    same holds for registers that a block does not have. Cores, memories, flash chip, displays and network are described in the\n\
    documentation of their crates.\n\n";

#[test]
fn the_committed_table_is_that_of_the_code() {
    let machine = Machine::new(&MachineConfig::default()).unwrap();
    let table = format!("{HEAD}{}", fidelity_markdown(&machine.fidelity()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../FIDELITY.md");
    if std::env::var_os("ESPALIER_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == table, "emulator/FIDELITY.md is stale: run this test with ESPALIER_BLESS=1");
}
