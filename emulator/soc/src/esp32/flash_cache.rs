//! The lines of flash that each core's cache has fetched.
//!
//! On silicon the caches are two-way with 32 KiB each (TRM, chapter "System and Memory", section "Cache"); here they are as large
//! as the address space, so that code is charged for its first fetch and never again. The first fetch is what sets the pace of
//! code that runs once, such as the start of a program: a line takes microseconds, longer than most of what is in it.

/// Bytes that a miss brings in.
pub const LINE: u32 = 32;
const LINES_PER_WORD: u32 = u64::BITS;

/// The lines that are present, counted from the start of the instruction bus's flash. Grows as code is touched.
#[derive(Clone, Debug, Default)]
pub struct FlashCache {
    present: [Vec<u64>; 2],
}

espalier_core::persist!(value FlashCache { present });

/// The word and the bit of a line.
fn place(offset: u32) -> (usize, u64) {
    let line = offset / LINE;
    ((line / LINES_PER_WORD) as usize, 1 << (line % LINES_PER_WORD))
}

impl FlashCache {
    /// Whether `core` has the line at `offset`.
    pub fn holds(&self, core: usize, offset: u32) -> bool {
        let (index, bit) = place(offset);
        self.present[core].get(index).is_some_and(|word| word & bit != 0)
    }

    /// Brings in the line at `offset` for `core`. True if it was not there.
    pub fn fill(&mut self, core: usize, offset: u32) -> bool {
        let (index, bit) = place(offset);
        let present = &mut self.present[core];
        if present.len() <= index {
            present.resize(index + 1, 0);
        }
        let missed = present[index] & bit == 0;
        present[index] |= bit;
        missed
    }

    /// Forgets everything that `core` has fetched. Decoded blocks have to be dropped with it.
    pub fn flush(&mut self, core: usize) {
        self.present[core].clear();
    }
}

#[cfg(test)]
mod tests {
    use super::FlashCache;

    #[test]
    fn a_line_is_missing_once_for_each_core_and_again_after_a_flush() {
        let mut cache = FlashCache::default();
        assert!(cache.fill(0, 0x1_0000));
        assert!(!cache.fill(0, 0x1_001F));
        assert!(cache.holds(0, 0x1_001F) && !cache.holds(0, 0x1_0020) && !cache.holds(1, 0x1_0000));
        assert!(cache.fill(0, 0x1_0020));
        assert!(cache.fill(1, 0x1_0000));
        cache.flush(0);
        assert!(cache.fill(0, 0x1_0000));
        assert!(!cache.fill(1, 0x1_0000));
    }
}
