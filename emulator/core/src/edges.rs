//! Counts of the jumps that a core takes, for a fuzzer: a map of fixed size, and a list of the counters in it that are at work, since an
//! input that a board turns down leads through a few hundred.

use crate::paths::Paths;

/// Number of counters: half of AFL's, since a fork has a map of its own for each input.
pub const EDGES: usize = 1 << 15;
/// Places for runs of instructions that something has cut short.
const CUT_SHORT: usize = 64;
/// 2^32 divided by the golden ratio spreads neighbouring addresses (Knuth, "The Art of Computer Programming", 6.4).
const RATIO: u32 = 0x9E37_79B9;

/// Instructions that a core has executed one after the other in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Address of the first instruction.
    pub start: u32,
    /// Address after the last one.
    pub end: u32,
    /// The core goes on elsewhere than at the end, and no exception is why.
    pub jumped: bool,
    /// The block goes on, since the run of the core has ended within it.
    pub unfinished: bool,
}

/// Saturating counters of edges. An edge is the way from where a block was entered to the jump by which it was left, so that it tells
/// which branches between the two were not taken, too; where a jump leads, the next edge tells.
///
/// A block that was cut short counts as one with what is executed of it later: where the run of a core ends, and when an interrupt
/// comes, is a matter of time and not of what the code does.
///
/// ```
/// use espalier_core::{EDGES, EdgeCounts, Executed};
///
/// let mut edges = EdgeCounts::default();
/// edges.note(Executed { start: 0x400D_0000, end: 0x400D_0004, jumped: false, unfinished: true });
/// edges.note(Executed { start: 0x400D_0004, end: 0x400D_0009, jumped: true, unfinished: false });
/// let mut cut = [0; EDGES];
/// edges.add_to(&mut cut);
/// let mut whole = EdgeCounts::default();
/// whole.note(Executed { start: 0x400D_0000, end: 0x400D_0009, jumped: true, unfinished: false });
/// let mut at_once = [0; EDGES];
/// whole.add_to(&mut at_once);
/// assert!(cut == at_once && cut.iter().filter(|count| **count > 0).count() == 1);
/// ```
#[derive(Debug)]
pub struct EdgeCounts {
    /// There are none before the first jump.
    counters: Option<Box<[u8; EDGES]>>,
    /// The counters that are not zero, in the order in which they began to count.
    touched: Vec<u16>,
    /// Where blocks that were cut short go on, and where they were entered.
    cut_short: [(u32, u32); CUT_SHORT],
    /// Ways through translated code, with the counters of their jumps.
    paths: Paths<u16>,
}

/// Nothing was executed.
impl Default for EdgeCounts {
    fn default() -> EdgeCounts {
        EdgeCounts { counters: None, touched: Vec::new(), cut_short: [(0, 0); CUT_SHORT], paths: Paths::default() }
    }
}

/// Counters that have counted nothing.
#[cold]
fn none() -> Box<[u8; EDGES]> {
    vec![0; EDGES].into_boxed_slice().try_into().expect("as many as there are")
}

/// The counter of an edge.
#[inline(always)]
fn counter(start: u32, end: u32) -> usize {
    (start.wrapping_mul(RATIO).rotate_left(16) ^ end).wrapping_mul(RATIO) as usize >> (u32::BITS - EDGES.ilog2())
}

/// The place for a block that goes on at this address.
#[inline(always)]
fn slot(address: u32) -> usize {
    (address ^ address >> 6) as usize % CUT_SHORT
}

impl EdgeCounts {
    /// Whether a block that was cut short goes on at this address.
    #[inline(always)]
    pub fn goes_on_at(&self, address: u32) -> bool {
        self.cut_short[slot(address)].0 == address
    }

    /// A core has executed these instructions.
    #[inline(always)]
    pub fn note(&mut self, run: Executed) {
        let mut start = run.start;
        let known = &mut self.cut_short[slot(start)];
        if known.0 == start {
            start = std::mem::take(known).1;
        }
        if run.jumped {
            self.add(counter(start, run.end), 1);
        } else if run.unfinished {
            self.cut_short[slot(run.end)] = (run.end, start);
        }
    }

    #[inline(always)]
    fn add(&mut self, counter: usize, more: u8) {
        let count = &mut self.counters.get_or_insert_with(none)[counter];
        if *count == 0 {
            self.touched.push(counter as u16);
        }
        *count = count.saturating_add(more);
    }

    /// The place in [`executions`](EdgeCounts::executions) for a way through translated code that executes all these instructions. None
    /// if no jump ends any of them.
    pub fn place(&mut self, runs: &[Executed]) -> Option<u32> {
        let jumps = runs.iter().filter(|run| run.jumped);
        self.paths.place(jumps.map(|run| counter(run.start, run.end) as u16))
    }

    /// The counts of translated code, for code that knows its places.
    pub fn executions(&mut self) -> &mut [u64] {
        self.paths.executions()
    }

    /// Translated code was dropped, and its places with it; its counts stay.
    pub fn forget_places(&mut self) {
        let paths = std::mem::take(&mut self.paths);
        each(&paths).for_each(|(counter, count)| self.add(counter, count));
    }

    /// Counts from nothing on; the places stay.
    pub(crate) fn restart(&mut self) {
        for counter in self.touched.drain(..) {
            self.counters.get_or_insert_with(none)[usize::from(counter)] = 0;
        }
        self.cut_short = [(0, 0); CUT_SHORT];
        self.paths.executions().fill(0);
    }

    /// Tells the counters that are not zero, with their counts. Translated code adds to some of them: their counts come in several parts.
    pub fn each(&self, tell: &mut dyn FnMut(usize, u8)) {
        if let Some(counters) = &self.counters {
            let touched = self.touched.iter().map(|counter| usize::from(*counter));
            touched.for_each(|counter| tell(counter, counters[counter]));
        }
        each(&self.paths).for_each(|(counter, count)| tell(counter, count));
    }

    /// Adds the counters to others.
    pub fn add_to(&self, sum: &mut [u8; EDGES]) {
        self.each(&mut |counter, count| sum[counter] = sum[counter].saturating_add(count));
    }
}

/// The counters of translated code that are not zero.
fn each(paths: &Paths<u16>) -> impl Iterator<Item = (usize, u8)> {
    paths.each().map(|(counter, count)| (usize::from(counter), u8::try_from(count).unwrap_or(u8::MAX)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{EDGES, EdgeCounts, Executed, counter};

    const START: u32 = 0x400D_0000;

    fn jump(start: u32, end: u32) -> Executed {
        Executed { start, end, jumped: true, unfinished: false }
    }

    fn counted(edges: &EdgeCounts) -> Vec<u8> {
        let mut sum = [0; EDGES];
        edges.add_to(&mut sum);
        sum.into_iter().filter(|count| *count > 0).collect()
    }

    #[test]
    fn neighbours_have_counters_of_their_own() {
        let edges = (0..1000_u32).map(|n| (START + 3 * n, START + 3 * n + 7 * (n % 9)));
        let counters: BTreeSet<usize> = edges.map(|(start, end)| counter(start, end)).collect();
        assert!(counters.len() > 960, "{}", counters.len());
    }

    #[test]
    fn translated_code_counts_in_the_same_counters_and_all_saturate() {
        let mut edges = EdgeCounts::default();
        let falls = Executed { jumped: false, ..jump(START - 9, START) };
        assert_eq!(edges.place(&[falls]), None);
        let way = [falls, jump(START, START + 9)];
        let place = edges.place(&way).expect("a jump is on it") as usize;
        edges.note(jump(START, START + 9));
        edges.executions()[place] = 2;
        assert_eq!(counted(&edges), [3]);
        edges.forget_places();
        assert_eq!((counted(&edges), edges.executions().len()), (vec![3], 0));
        let place = edges.place(&way).expect("a jump is on it") as usize;
        edges.executions()[place] = 1 << 40;
        assert_eq!(counted(&edges), [u8::MAX]);
        // A count of 0 among the touched would be told twice, and one that is missing never.
        let mut counts = Vec::new();
        edges.each(&mut |_, count| counts.push(count));
        assert_eq!(counts, [3, u8::MAX]);
    }

    #[test]
    fn an_interrupt_between_two_parts_of_a_block_makes_no_other_edge() {
        let mut edges = EdgeCounts::default();
        edges.note(jump(START, START + 9));
        edges.note(Executed { jumped: false, unfinished: true, ..jump(START, START + 3) });
        assert!(edges.goes_on_at(START + 3) && !edges.goes_on_at(START));
        edges.note(jump(0x4008_0340, 0x4008_0351));
        edges.note(jump(START + 3, START + 9));
        assert!(!edges.goes_on_at(START + 3));
        let mut counts = counted(&edges);
        counts.sort_unstable();
        assert_eq!(counts, [1, 2]);
    }
}
