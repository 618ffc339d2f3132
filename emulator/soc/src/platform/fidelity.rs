//! The table of what is modelled and how far, made from the chip's table, so that it always agrees with the code.

use espalier_core::{Fidelity, Register};

use super::Platform;

/// One row of the fidelity table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FidelityRow {
    /// Name of the block in the memory map.
    pub block: &'static str,
    /// First address of the block.
    pub base: u32,
    /// Registers that the model knows.
    pub registers: &'static [Register],
    pub fidelity: Fidelity,
}

impl Platform {
    /// Every block of the chip, in the order of addresses.
    pub fn fidelity(&self) -> Vec<FidelityRow> {
        let rows = self.map.rows().iter().enumerate();
        let mut rows: Vec<_> = rows
            .map(|(index, row)| {
                let device = self.blocks.device(index);
                FidelityRow {
                    block: row.name,
                    base: row.base,
                    registers: device.registers(),
                    fidelity: device.fidelity(),
                }
            })
            .collect();
        rows.sort_by_key(|row| row.base);
        rows
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
        table += &format!("| {} | {base:#010X} | {} | {word}{limits} |\n", row.block, row.registers.len());
    }
    table.replace("0X", "0x")
}
