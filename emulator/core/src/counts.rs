//! Counts of the code that a core executes, for coverage.
//!
//! Translated code counts by an increment at a known place for each way out of it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::edges::{EdgeCounts, Executed};
use crate::paths::Paths;

/// Largest number of different blocks: more than any firmware has that fits into a flash chip.
const BLOCKS_MAX: usize = 1 << 20;

/// Instructions that follow each other in memory, as a core has executed them in one go: a block, or the part of one up to where it was
/// left or the run of the core ended. Under a debugger each instruction is one.
///
/// ```
/// use espalier_core::{BlockCounts, CountedBlock};
///
/// let mut counts = BlockCounts::default();
/// counts.note(0x400D_0000, 0x400D_0009, true);
/// counts.note(0x400D_0000, 0x400D_0009, false);
/// let block = CountedBlock { start: 0x400D_0000, end: 0x400D_0009, count: 2, jumps: 1 };
/// assert_eq!(counts.blocks(), [block]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedBlock {
    /// Address of the first instruction.
    pub start: u32,
    /// Address after the last one, which may have raised an exception.
    pub end: u32,
    /// Number of executions.
    pub count: u64,
    /// Executions after which the core went on elsewhere than behind it, exceptions left out.
    pub jumps: u64,
}

/// The number of executions of each block.
#[derive(Debug)]
pub struct BlockCounts {
    numbers: HashMap<(u32, u32), u32, BuildHasherDefault<Mixer>>,
    /// Start and end of each block, behind the place for all that there is no room for.
    blocks: Vec<(u32, u32)>,
    /// For each block, the executions after which the core went on behind it, and those after which it jumped.
    executions: Vec<u64>,
    /// The number of the block that last ended with each instruction of the core's store, or 0.
    by_last: Vec<u32>,
    /// Ways through translated code, as places in `executions`.
    paths: Paths<u32>,
}

/// Nothing was executed.
impl Default for BlockCounts {
    fn default() -> BlockCounts {
        BlockCounts {
            numbers: HashMap::default(),
            blocks: vec![(0, 0)],
            executions: vec![0; 2],
            by_last: Vec::new(),
            paths: Paths::default(),
        }
    }
}

impl BlockCounts {
    /// The place in `executions` that counts executions from `start` to `end` which a jump ends, or none.
    fn index(&mut self, start: u32, end: u32, jumped: bool) -> u32 {
        2 * self.number(start, end) + u32::from(jumped)
    }

    /// The place in [`executions`](BlockCounts::executions) for a way through translated code that executes all these instructions. None
    /// if there are none.
    pub fn place(&mut self, runs: &[Executed]) -> Option<u32> {
        let indices: Vec<u32> = runs.iter().map(|run| self.index(run.start, run.end, run.jumped)).collect();
        self.paths.place(indices)
    }

    fn number(&mut self, start: u32, end: u32) -> u32 {
        let next = self.blocks.len();
        match self.numbers.get(&(start, end)) {
            Some(number) => *number,
            None if next > BLOCKS_MAX => 0,
            None => {
                self.numbers.insert((start, end), next as u32);
                self.blocks.push((start, end));
                self.executions.extend([0; 2]);
                next as u32
            }
        }
    }

    /// A core has executed the instructions from `start` to `end`, and jumped then.
    pub fn note(&mut self, start: u32, end: u32, jumped: bool) {
        let index = self.index(start, end, jumped);
        self.executions[index as usize] += 1;
    }

    /// The same, where `last` is the place of the last instruction among those that the core has decoded: as long as it stays there, the
    /// block is not looked up again.
    #[inline(always)]
    pub fn note_at(&mut self, last: u32, start: u32, end: u32, jumped: bool) {
        let known = self.by_last.get(last as usize).copied().unwrap_or(0);
        let number = if self.blocks[known as usize] == (start, end) { known } else { self.look_up(last, start, end) };
        self.executions[(2 * number + u32::from(jumped)) as usize] += 1;
    }

    #[inline(never)]
    fn look_up(&mut self, last: u32, start: u32, end: u32) -> u32 {
        let (last, number) = (last as usize, self.number(start, end));
        if self.by_last.len() <= last {
            self.by_last.resize(last + 1, 0);
        }
        self.by_last[last] = number;
        number
    }

    /// The counts of translated code, for code that knows its places.
    pub fn executions(&mut self) -> &mut [u64] {
        self.paths.executions()
    }

    /// Translated code was dropped, and its places with it; its counts stay.
    pub fn forget_places(&mut self) {
        self.executions = self.sum();
        self.paths = Paths::default();
    }

    /// Whether there is room for the blocks of another core.
    fn has_room(&self) -> bool {
        self.blocks.len() <= BLOCKS_MAX / 2
    }

    /// Counts from nothing on; the places stay.
    fn restart(&mut self) {
        self.executions.fill(0);
        self.paths.executions().fill(0);
    }

    /// The executions with those of translated code.
    fn sum(&self) -> Vec<u64> {
        let mut sum = self.executions.clone();
        self.paths.each().for_each(|(index, count)| sum[index as usize] += count);
        sum
    }

    /// The blocks that were executed, by their addresses.
    pub fn blocks(&self) -> Vec<CountedBlock> {
        let executions = self.sum();
        let all = self.blocks.iter().zip(executions.chunks_exact(2)).skip(1);
        let counted = all.map(|((start, end), ways)| CountedBlock {
            start: *start,
            end: *end,
            count: ways[0] + ways[1],
            jumps: ways[1],
        });
        let mut counted: Vec<CountedBlock> = counted.filter(|block| block.count > 0).collect();
        counted.sort_unstable_by_key(|block| (block.start, block.end));
        counted
    }

    /// Executions of blocks that there was no room for.
    pub fn dropped(&self) -> u64 {
        self.sum()[..2].iter().sum()
    }
}

/// Whether a core counts the blocks that it executes, or its jumps, and the counts.
#[derive(Debug, Default)]
pub struct Counting {
    blocks: Option<Box<BlockCounts>>,
    edges: Option<Box<EdgeCounts>>,
}

/// A clone counts for itself, from nothing on, so that what forks have executed can be added up.
impl Clone for Counting {
    fn clone(&self) -> Counting {
        Counting {
            blocks: self.blocks.as_ref().map(|_| Box::default()),
            edges: self.edges.as_ref().map(|_| Box::default()),
        }
    }
}

impl Counting {
    /// Whether `other` counts what this counts, and can go on with that.
    pub fn is_like(&self, other: &Counting) -> bool {
        let blocks = self.blocks.is_some() == other.blocks.is_some();
        let has_room = other.blocks.as_ref().is_none_or(|blocks| blocks.has_room());
        blocks && has_room && self.edges.is_some() == other.edges.is_some()
    }

    /// Counts from nothing on. The places of translated code stay.
    pub fn restart(&mut self) {
        if let Some(blocks) = &mut self.blocks {
            blocks.restart();
        }
        if let Some(edges) = &mut self.edges {
            edges.restart();
        }
    }

    /// Begins to count blocks. False if it has done so before.
    pub fn begin(&mut self) -> bool {
        let begins = self.blocks.is_none();
        self.blocks.get_or_insert_default();
        begins
    }

    /// Begins to count edges. False if it has done so before.
    pub fn begin_edges(&mut self) -> bool {
        let begins = self.edges.is_none();
        self.edges.get_or_insert_default();
        begins
    }

    /// Whether it counts anything.
    #[inline(always)]
    pub fn is_on(&self) -> bool {
        self.blocks.is_some() || self.edges.is_some()
    }

    /// The counts of blocks, if it counts them.
    pub fn counts(&self) -> Option<&BlockCounts> {
        self.blocks.as_deref()
    }

    /// The counts of edges, if it counts them.
    pub fn edges(&self) -> Option<&EdgeCounts> {
        self.edges.as_deref()
    }

    /// A core has executed these instructions.
    #[inline(always)]
    pub fn note(&mut self, run: Executed) {
        if let Some(edges) = &mut self.edges {
            edges.note(run);
        }
        if let Some(blocks) = &mut self.blocks {
            blocks.note(run.start, run.end, run.jumped);
        }
    }

    /// The same, where `last` is the place of the last of them among those that the core has decoded.
    #[inline(always)]
    pub fn note_at(&mut self, last: u32, run: Executed) {
        if let Some(edges) = &mut self.edges {
            edges.note(run);
        }
        if let Some(blocks) = &mut self.blocks {
            blocks.note_at(last, run.start, run.end, run.jumped);
        }
    }

    /// Whether translated code can count all that is counted: one list of numbers is at its hand.
    pub fn is_translated(&self) -> bool {
        self.blocks.is_none() || self.edges.is_none()
    }

    /// Whether code at this address has to be interpreted: it is the rest of a block that translated code would take for one of its own.
    #[inline(always)]
    pub fn interprets(&self, address: u32) -> bool {
        self.edges.as_ref().is_some_and(|edges| edges.goes_on_at(address))
    }

    /// Whether translated code has to leave to the interpreter whatever cuts a block short, since the counts tell what follows.
    pub fn follows_cuts(&self) -> bool {
        self.edges.is_some()
    }

    /// The place in [`executions`](Counting::executions) for a way through translated code that executes all these instructions, unless
    /// nothing counts them.
    pub fn place(&mut self, runs: &[Executed]) -> Option<u32> {
        match (&mut self.blocks, &mut self.edges) {
            (Some(blocks), _) => blocks.place(runs),
            (None, Some(edges)) => edges.place(runs),
            (None, None) => None,
        }
    }

    /// The counts of translated code.
    pub fn executions(&mut self) -> &mut [u64] {
        match (&mut self.blocks, &mut self.edges) {
            (Some(blocks), _) => blocks.executions(),
            (None, Some(edges)) => edges.executions(),
            (None, None) => &mut [],
        }
    }

    /// Translated code was dropped.
    pub fn forget_places(&mut self) {
        if let Some(blocks) = &mut self.blocks {
            blocks.forget_places();
        }
        if let Some(edges) = &mut self.edges {
            edges.forget_places();
        }
    }
}

/// Hashes two addresses fast: they come from the guest's code, which gains nothing from making them collide.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, value: u32) {
        const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
        self.0 = (self.0.rotate_left(26) ^ u64::from(value)).wrapping_mul(MULTIPLIER);
    }

    fn finish(&self) -> u64 {
        // The table takes its place from the lowest bits, which a multiplication mixes least.
        self.0.rotate_left(32)
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockCounts, CountedBlock};
    use crate::edges::Executed;

    #[test]
    fn a_way_through_translated_code_counts_for_each_block_on_it() {
        let run = |start, end, jumped| Executed { start, end, jumped, unfinished: false };
        let mut counts = BlockCounts::default();
        assert_eq!(counts.place(&[]), None);
        let one = counts.place(&[run(0x40, 0x46, true)]).expect("something is on it") as usize;
        let both = [run(0x40, 0x46, true), run(0x80, 0x83, false), run(0x40, 0x46, false)];
        let both = counts.place(&both).expect("something is on it") as usize;
        counts.executions()[one] += 1;
        counts.executions()[both] += 10;
        // The place of an instruction may become that of another one.
        for (last, start, end, jumped) in
            [(7, 0x40, 0x46, false), (7, 0x40, 0x46, true), (7, 0x80, 0x83, false), (2, 0x40, 0x46, false)]
        {
            counts.note_at(last, start, end, jumped);
        }
        let expected = [
            CountedBlock { start: 0x40, end: 0x46, count: 24, jumps: 12 },
            CountedBlock { start: 0x80, end: 0x83, count: 11, jumps: 0 },
        ];
        assert_eq!(counts.blocks(), expected);
        counts.forget_places();
        assert_eq!((counts.blocks(), counts.executions().len()), (expected.to_vec(), 0));
    }
}
