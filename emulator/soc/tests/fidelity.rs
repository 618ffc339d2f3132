//! `emulator/FIDELITY.md` says what the code says. `ESPALIER_BLESS=1` rewrites it.

use std::path::Path;

use espalier_core::Fidelity;
use espalier_soc::{BoardDefinition, Machine, MachineConfig, fidelity_markdown};

const HEAD: &str = "# What is modelled\n\n\
    Made from the memory map by `ESPALIER_BLESS=1 cargo test -p espalier-soc --test fidelity`; do not edit.\n\n\
    A stub stores what is written to it and counts every access; in strict mode the first access to one stops the machine. The\n\
    same holds for registers that a block does not have. Cores, memories, flash chip, displays and network are described in the\n\
    documentation of their crates.\n";
/// Each chip with a board that has it.
const CHIPS: [(&str, &str); 2] = [("ESP32", "esp32-devkit"), ("ESP32-C3", "esp32c3-devkit")];

fn machine(board: &str) -> Machine {
    let board = BoardDefinition::by_name(board).unwrap();
    Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap()
}

#[test]
fn the_committed_table_is_that_of_the_code() {
    let tables = CHIPS.map(|(chip, board)| format!("\n## {chip}\n\n{}", fidelity_markdown(&machine(board).fidelity())));
    let table = format!("{HEAD}{}", tables.concat());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../FIDELITY.md");
    if std::env::var_os("ESPALIER_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == table, "emulator/FIDELITY.md is stale: run this test with ESPALIER_BLESS=1");
}

#[test]
fn every_stub_says_so_at_its_first_touch() {
    for (chip, board) in CHIPS {
        let mut machine = machine(board);
        let stubs: Vec<_> = machine.fidelity().into_iter().filter(|row| row.fidelity == Fidelity::Stub).collect();
        assert!(!stubs.is_empty());
        for stub in stubs {
            let said = machine.unmodelled_notes(0).len();
            machine.poke(0, stub.base, &1_u32.to_le_bytes()).unwrap();
            machine.poke(0, stub.base, &2_u32.to_le_bytes()).unwrap();
            let notes: Vec<_> = machine.unmodelled_notes(said).iter().map(|note| note.to_string()).collect();
            assert!(notes.len() == 1 && notes[0].contains(stub.block), "{chip}: {} says {notes:?}", stub.block);
        }
    }
}
