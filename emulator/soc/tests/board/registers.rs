//! Compares the register tables of every block with Espressif's own description of its chip.
//!
//! `fixtures/registers` describes every block, also those that are not modelled; `ci/register-tables` writes it and says what its lines mean. What
//! is meant to differ is in `registers/CHIP.txt`, with the reason: a difference without a line there fails the test, and so does a line
//! without a difference.

mod description;
mod differences;

use std::collections::BTreeSet;

use self::description::Description;
use self::differences::{Meant, differences};
use espalier_core::Fidelity;
use espalier_soc::{BoardDefinition, Machine, MachineConfig};

/// A chip on the board that has it.
struct Chip {
    board: &'static str,
    description: &'static str,
    meant: &'static str,
    /// Blocks that the description calls otherwise.
    called: &'static [(&'static str, &'static str)],
    /// Blocks that it does not have.
    undescribed: &'static [&'static str],
}

const ESP32: Chip = Chip {
    board: "esp32-devkit",
    description: include_str!("../../../../fixtures/registers/esp32.txt"),
    meant: include_str!("registers/esp32.txt"),
    called: &[
        ("FLASH_MMU_PRO", "mmu_table"),
        ("FLASH_MMU_APP", "app_mmu_table"),
        ("SPI1", "spi0"),
        ("SPI2", "spi0"),
        ("SPI3", "spi0"),
        ("RWBT", "btdm"),
        ("EMAC", "gmac"),
        ("SDMMC", "sdhost"),
        ("SPI_ENCRYPT", "flash_encryption"),
    ],
    // Parts of the radio and secure boot without any public description, and the network interface of QEMU's machine, which is another
    // maker's.
    undescribed: &["SECURE_BOOT", "FE2", "FE", "ANA", "BT", "AGC", "PHY", "ETHERNET"],
};

const ESP32C3: Chip = Chip {
    board: "esp32c3-devkit",
    description: include_str!("../../../../fixtures/registers/esp32c3.txt"),
    meant: include_str!("registers/esp32c3.txt"),
    called: &[],
    undescribed: &[],
};

/// The name in the description: that of the block, or that of the first of several of its kind.
fn described(chip: &Chip, block: &str, names: &BTreeSet<String>) -> Option<String> {
    if let Some((_, name)) = chip.called.iter().find(|(of, _)| *of == block) {
        return Some((*name).to_owned());
    }
    let name = block.to_ascii_lowercase();
    let first = name.trim_end_matches(|digit: char| digit.is_ascii_digit()).to_owned() + "0";
    [name, first].into_iter().find(|name| names.contains(name))
}

fn check(chip: &Chip) {
    let board = BoardDefinition::by_name(chip.board).unwrap();
    let machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    let description = Description::parse(chip.description);
    let names: BTreeSet<String> = description.names().map(str::to_owned).collect();
    let mut meant = Meant::parse(chip.meant);
    let (mut unexpected, mut undescribed) = (Vec::new(), Vec::new());
    for row in machine.fidelity().iter().filter(|row| row.fidelity != Fidelity::Stub) {
        let Some(name) = described(chip, row.block, &names) else {
            undescribed.push(row.block);
            continue;
        };
        for difference in differences(row.registers, description.block(&name)) {
            if !meant.covers(&name, &difference) {
                unexpected.push(format!("{name} {difference}"));
            }
        }
    }
    unexpected.dedup();
    assert!(unexpected.is_empty(), "{} differences:\n{}", unexpected.len(), unexpected.join("\n"));
    assert_eq!(meant.unused(), Vec::<String>::new(), "lines of {}'s file without a difference", chip.board);
    undescribed.sort_unstable();
    let mut expected = chip.undescribed.to_vec();
    expected.sort_unstable();
    assert_eq!(undescribed, expected, "modelled blocks without a description");
}

#[test]
fn every_table_of_the_esp32_is_as_espressif_describes_it() {
    check(&ESP32);
}

#[test]
fn every_table_of_the_esp32c3_is_as_espressif_describes_it() {
    check(&ESP32C3);
}
