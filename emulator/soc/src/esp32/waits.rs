//! The cache of a core that keeps the time of silicon, by its lines, and the register that it waits for; `bus_waits.rs` says how long.

use std::collections::BTreeSet;

use espalier_core::{CacheLines, Timing};

use super::Esp32;

/// The lines in the cache of a core that keeps the time of silicon, and the register that it may access now.
#[derive(Clone, Debug)]
pub struct Waits {
    pub(super) lines: CacheLines,
    pub(super) granted: Option<u32>,
    /// The numbers of lines that differ from the PSRAM, all of them in the cache.
    pub(super) dirty: BTreeSet<u32>,
}

espalier_core::persist!(value Waits { lines, granted, dirty });

impl Waits {
    /// For each core; none if they do not keep that time.
    pub fn of(timing: Timing, cores: usize) -> Vec<Waits> {
        match timing {
            Timing::Fast => Vec::new(),
            Timing::Silicon => vec![Waits { lines: CacheLines::EMPTY, granted: None, dirty: BTreeSet::new() }; cores],
        }
    }
}

impl Waits {
    /// Brings in the line at an address. Says whether it was not there, and whether the line that made room has to be written back.
    pub(super) fn fill(&mut self, address: u32) -> (bool, bool) {
        let (_, set) = CacheLines::place(address);
        let [_, older] = self.lines.ways();
        let leaves = older[set];
        match self.lines.fill(address) {
            true => (true, self.dirty.remove(&leaves)),
            false => (false, false),
        }
    }
}

impl Esp32 {
    /// A core's cache is empty again.
    pub(super) fn flush_lines(&mut self, core: usize) {
        if let Some(waits) = self.waits.get_mut(core) {
            waits.lines = CacheLines::EMPTY;
            waits.dirty.clear();
        }
    }
}

/// The lines that a core's cache holds.
pub(super) fn lines(waits: &[Waits], core: usize) -> &CacheLines {
    static NONE: CacheLines = CacheLines::EMPTY;
    waits.get(core).map_or(&NONE, |waits| &waits.lines)
}

#[cfg(test)]
mod tests {
    use super::{CacheLines, Timing, Waits};

    #[test]
    fn a_line_that_was_written_to_is_written_back_once_when_it_makes_room() {
        let mut waits = Waits::of(Timing::Silicon, 1).remove(0);
        let [first, second, third, fourth] = [0x3F80_0000, 0x3F80_4000, 0x3F80_8000, 0x3F40_0000];
        assert_eq!(waits.fill(first), (true, false));
        waits.dirty.insert(CacheLines::place(first).0);
        assert_eq!((waits.fill(first), waits.fill(second)), ((false, false), (true, false)));
        assert_eq!(waits.fill(third), (true, true), "it makes room");
        assert_eq!(waits.fill(fourth), (true, false), "nothing was written to this one");
        assert!(waits.dirty.is_empty());
        assert_eq!(waits.fill(first), (true, false));
    }
}
