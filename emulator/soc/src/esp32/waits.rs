//! The cache of a core that keeps the time of silicon, by its lines, and the register that it waits for; `bus_waits.rs` says how long.

use espalier_core::{CacheLines, Timing};

use super::Esp32;

/// The lines in the cache of a core that keeps the time of silicon, and the register that it may access now.
#[derive(Clone, Debug)]
pub struct Waits {
    pub(super) lines: CacheLines,
    pub(super) granted: Option<u32>,
}

espalier_core::persist!(value Waits { lines, granted });

impl Waits {
    /// For each core; none if they do not keep that time.
    pub fn of(timing: Timing, cores: usize) -> Vec<Waits> {
        match timing {
            Timing::Fast => Vec::new(),
            Timing::Silicon => vec![Waits { lines: CacheLines::EMPTY, granted: None }; cores],
        }
    }
}

impl Esp32 {
    /// A core's cache is empty again.
    pub(super) fn flush_lines(&mut self, core: usize) {
        if let Some(waits) = self.waits.get_mut(core) {
            waits.lines = CacheLines::EMPTY;
        }
    }
}

/// The lines that a core's cache holds.
pub(super) fn lines(waits: &[Waits], core: usize) -> &CacheLines {
    static NONE: CacheLines = CacheLines::EMPTY;
    waits.get(core).map_or(&NONE, |waits| &waits.lines)
}
