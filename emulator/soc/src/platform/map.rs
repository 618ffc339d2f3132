//! Decoding of addresses to blocks. The lookup is built from the table of the chip; two blocks at the same place do not compile.

use std::sync::Arc;

use super::block::{Block, Row};
use super::signals::Signals;

/// The granularity of the lookup, in bytes.
const GRAIN: u32 = 0x100;
const NOTHING: u8 = u8::MAX;

/// A range of addresses at which peripherals answer.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub base: u32,
    pub size: u32,
    /// The address in the chip's table that the first one of the window stands for: its own, unless the window is an alias.
    pub shows: u32,
}

/// Refuses tables with blocks that overlap or are not aligned. To be evaluated when a chip is compiled.
pub const fn check<C>(table: &[Block<C>]) {
    let mut index = 0;
    while index < table.len() {
        let row = table[index].row;
        assert!(
            row.base.is_multiple_of(GRAIN) && row.size.is_multiple_of(GRAIN),
            "a block is not aligned to the lookup"
        );
        let mut other = index + 1;
        while other < table.len() {
            let next = table[other].row;
            assert!(
                row.base + row.size <= next.base || next.base + next.size <= row.base,
                "two blocks of the memory map overlap"
            );
            other += 1;
        }
        index += 1;
    }
}

/// The rows of a chip's table, and the way from an address to them. Machines that were forked share it.
#[derive(Clone, Debug)]
pub struct Map {
    rows: Arc<[Row]>,
    windows: &'static [Window],
    /// The first address of the lookup.
    base: u32,
    lookup: Arc<[u8]>,
    /// The signals that blocks drive, with the index of each and the number of its first output among them.
    outputs: Arc<[(Signals, usize, usize)]>,
}

impl Map {
    pub fn new<C>(table: &[Block<C>], windows: &'static [Window]) -> Map {
        let rows: Arc<[Row]> = table.iter().map(|block| block.row).collect();
        let base = rows.iter().map(|row| row.base).min().unwrap_or(0);
        let end = rows.iter().map(|row| row.base + row.size).max().unwrap_or(base);
        let mut lookup = vec![NOTHING; ((end - base) / GRAIN) as usize];
        for (index, row) in rows.iter().enumerate() {
            let first = ((row.base - base) / GRAIN) as usize;
            lookup[first..first + (row.size / GRAIN) as usize].fill(index as u8);
        }
        let outputs = rows.iter().enumerate();
        let outputs =
            outputs.flat_map(|(index, row)| row.outputs().map(move |(first, of)| (of, index, first))).collect();
        Map { rows, windows, base, lookup: lookup.into(), outputs }
    }

    /// The rows, in the order of the table.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn row(&self, index: usize) -> &Row {
        &self.rows[index]
    }

    /// The block at `address`, and the offset in it.
    #[inline]
    pub fn find(&self, address: u32) -> Option<(usize, u32)> {
        let window = self.windows.iter().find(|window| address.wrapping_sub(window.base) < window.size)?;
        let address = address - window.base + window.shows;
        let grain = address.checked_sub(self.base)? / GRAIN;
        let index = *self.lookup.get(grain as usize)?;
        let row = self.rows.get(usize::from(index))?;
        Some((usize::from(index), address - row.base))
    }

    /// The block that drives a signal of the matrix, and which of its outputs that is.
    pub fn driver_of(&self, signal: u32) -> Option<(usize, usize)> {
        self.outputs.iter().find_map(|(signals, index, first)| Some((*index, first + signals.position(signal)?)))
    }

    /// True for the addresses at which peripherals answer, whether there is one at `address` or not.
    pub fn is_peripheral_space(&self, address: u32) -> bool {
        self.windows.iter().any(|window| address.wrapping_sub(window.base) < window.size)
    }
}
