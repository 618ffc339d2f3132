//! Counts of the code that a core executes, for coverage.
//!
//! They are kept in one list of numbers, so that translated code counts by an increment at a known place.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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
/// assert_eq!(counts.blocks().collect::<Vec<_>>(), [block]);
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
}

/// Nothing was executed.
impl Default for BlockCounts {
    fn default() -> BlockCounts {
        BlockCounts { numbers: HashMap::default(), blocks: vec![(0, 0)], executions: vec![0; 2], by_last: Vec::new() }
    }
}

impl BlockCounts {
    /// The place in [`executions`](BlockCounts::executions) that counts executions from `start` to `end` which a jump ends, or none.
    pub fn place(&mut self, start: u32, end: u32, jumped: bool) -> u32 {
        2 * self.number(start, end) + u32::from(jumped)
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
        let place = self.place(start, end, jumped);
        self.executions[place as usize] += 1;
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

    /// All counts, for code that knows its places.
    pub fn executions(&mut self) -> &mut [u64] {
        &mut self.executions
    }

    /// The blocks that were executed, in the order in which they first were or their translation was made.
    pub fn blocks(&self) -> impl Iterator<Item = CountedBlock> {
        let all = self.blocks.iter().zip(self.executions.chunks_exact(2)).skip(1);
        let counted = all.map(|((start, end), ways)| CountedBlock {
            start: *start,
            end: *end,
            count: ways[0] + ways[1],
            jumps: ways[1],
        });
        counted.filter(|block| block.count > 0)
    }

    /// Executions of blocks that there was no room for.
    pub fn dropped(&self) -> u64 {
        self.executions[0] + self.executions[1]
    }
}

/// Whether a core counts the blocks that it executes, and the counts.
#[derive(Debug, Default)]
pub struct Counting(Option<Box<BlockCounts>>);

/// A clone counts for itself, from nothing on, so that what forks have executed can be added up.
impl Clone for Counting {
    fn clone(&self) -> Counting {
        Counting(self.0.as_ref().map(|_| Box::default()))
    }
}

impl Counting {
    /// Begins to count. False if it has done so before.
    pub fn begin(&mut self) -> bool {
        let begins = self.0.is_none();
        self.0.get_or_insert_default();
        begins
    }

    /// Whether it counts.
    #[inline(always)]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The counts, if it counts.
    pub fn counts(&self) -> Option<&BlockCounts> {
        self.0.as_deref()
    }

    /// The same, to add to them.
    #[inline(always)]
    pub fn counts_mut(&mut self) -> Option<&mut BlockCounts> {
        self.0.as_deref_mut()
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

    #[test]
    fn a_place_that_another_instruction_takes_counts_for_its_block() {
        let mut counts = BlockCounts::default();
        // Translated code has counted one of them before.
        let place = counts.place(0x40, 0x46, true);
        counts.executions()[place as usize] += 1;
        for (last, start, end, jumped) in
            [(7, 0x40, 0x46, false), (7, 0x40, 0x46, true), (7, 0x80, 0x83, false), (2, 0x40, 0x46, false)]
        {
            counts.note_at(last, start, end, jumped);
        }
        let expected = [
            CountedBlock { start: 0x40, end: 0x46, count: 4, jumps: 2 },
            CountedBlock { start: 0x80, end: 0x83, count: 1, jumps: 0 },
        ];
        assert_eq!(counts.blocks().collect::<Vec<_>>(), expected);
    }
}
