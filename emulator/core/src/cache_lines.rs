//! The lines that a core's cache holds of memory outside of the chip, by their tags.
//!
//! As large as the cache of each core of an ESP32 (TRM, chapter "System and Memory", section "Cache"): 32 KiB for code and data, two
//! ways, lines of 32 bytes. Which of the two lines of a set makes room is not public; here it is the one that came first, so that only
//! misses change anything and it does not matter how often what is there was used.

/// Bytes of a line.
const LINE_SHIFT: u32 = 5;
const SETS: usize = 512;
/// No line has this number.
const NO_LINE: u32 = u32::MAX;

/// The tags of a cache: the number of the line in each place, which is its address by [`CacheLines::LINE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheLines {
    newer: [u32; SETS],
    older: [u32; SETS],
}

crate::persist!(value CacheLines { newer, older });

impl CacheLines {
    /// Bytes that a miss brings in.
    pub const LINE: u32 = 1 << LINE_SHIFT;
    /// An empty cache.
    pub const EMPTY: CacheLines = CacheLines { newer: [NO_LINE; SETS], older: [NO_LINE; SETS] };

    /// The number of the line that an address is in, and its set.
    pub const fn place(address: u32) -> (u32, usize) {
        let line = address >> LINE_SHIFT;
        (line, line as usize % SETS)
    }

    /// Number of sets, a power of two.
    pub const fn sets() -> u32 {
        SETS as u32
    }

    /// Whether the line at `address` is there.
    #[inline]
    pub fn holds(&self, address: u32) -> bool {
        let (line, set) = CacheLines::place(address);
        self.newer[set] == line || self.older[set] == line
    }

    /// Brings in the line at `address`. True if it was not there.
    pub fn fill(&mut self, address: u32) -> bool {
        let (line, set) = CacheLines::place(address);
        let missed = !self.holds(address);
        if missed {
            self.older[set] = std::mem::replace(&mut self.newer[set], line);
        }
        missed
    }

    /// The numbers of the lines of each set: those that came last, and those before.
    pub fn ways(&self) -> [&[u32]; 2] {
        [&self.newer, &self.older]
    }
}

#[cfg(test)]
mod tests {
    use super::CacheLines;

    #[test]
    fn two_lines_of_a_set_stay_and_the_third_replaces_the_first() {
        let mut cache = CacheLines::EMPTY;
        let [first, second, third] = [0x400D_0000, 0x400D_4000, 0x3F40_0000];
        assert!(cache.fill(first) && !cache.fill(first + 31) && cache.fill(first + 32));
        assert!(cache.fill(second) && cache.holds(first));
        assert!(!cache.fill(first), "its use does not make it younger");
        assert!(cache.fill(third));
        assert_eq!([first, second, third, first + 32].map(|line| cache.holds(line)), [false, true, true, true]);
    }
}
