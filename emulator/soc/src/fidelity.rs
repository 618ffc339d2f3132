//! What is modelled, and how far: a table made from the memory map, so that it cannot say anything else than the code does.

use espalier_core::Fidelity;

use crate::map::{self, Block, MAP};
use crate::system::System;

/// One row of the fidelity table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FidelityRow {
    /// Name of the block in the memory map.
    pub block: &'static str,
    /// First address of the block.
    pub base: u32,
    /// Registers that the model knows.
    pub registers: usize,
    pub fidelity: Fidelity,
}

impl System {
    /// Every block of the memory map, in the order of addresses.
    pub fn fidelity(&mut self) -> Vec<FidelityRow> {
        let mut rows: Vec<_> = MAP.iter().map(|entry| self.fidelity_of(entry)).collect();
        rows.sort_by_key(|row| row.base);
        rows
    }

    fn fidelity_of(&mut self, entry: &map::Entry) -> FidelityRow {
        let (registers, fidelity) = match entry.block {
            Block::Stub(_) => (0, Fidelity::Stub),
            Block::Rng => {
                (1, Fidelity::Partial("a seeded generator, so that runs repeat; it is not a source of entropy"))
            }
            Block::FlashMmu(_) => (
                entry.size as usize / 4,
                Fidelity::Partial("maps flash in pages of 64 KiB; other page sizes and external RAM are storage only"),
            ),
            block => match self.device(block) {
                Some(device) => (device.registers().len(), device.fidelity()),
                None => (0, Fidelity::Stub),
            },
        };
        FidelityRow { block: entry.name, base: entry.base, registers, fidelity }
    }
}

/// The table as Markdown, as it stands in the documentation.
pub fn markdown(rows: &[FidelityRow]) -> String {
    let mut table = String::from("| block | address | registers | fidelity |\n| --- | --- | --- | --- |\n");
    for row in rows {
        let (word, limits) = match row.fidelity {
            Fidelity::Modelled => ("modelled", ""),
            Fidelity::Partial(limits) => ("partial: ", limits),
            Fidelity::Stub => ("stub: every access is counted", ""),
        };
        let base = row.base;
        table += &format!("| {} | {base:#010X} | {} | {word}{limits} |\n", row.block, row.registers);
    }
    table.replace("0X", "0x")
}
