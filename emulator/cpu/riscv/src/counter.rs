//! The performance counter (TRM "ESP-RISC-V CPU", `mpcer`, `mpcmr`, `mpccr`).
//!
//! It counts cycles, or instructions without the cycles in which the core waits or an instruction takes longer than one. The events of
//! hazards never come; those of loads, stores and branches are not counted.

/// `mpcer`: eleven kinds of events.
const EVENTS: u32 = 0x7ff;
const EVENT_CYCLE: u32 = 1;
const EVENT_INSTRUCTION: u32 = 1 << 1;
/// `mpcmr`: the counter runs.
const MODE_COUNT: u32 = 1;
/// `mpcmr`: it stops at its greatest value.
const MODE_SATURATE: u32 = 1 << 1;

/// The counter: its value at a time, and what it counts from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PerformanceCounter {
    events: u32,
    mode: u32,
    base: u32,
    /// The count of its events at which it had the value `base`.
    since: u64,
}

espalier_core::persist!(value PerformanceCounter { events, mode, base, since });

impl PerformanceCounter {
    pub fn new() -> PerformanceCounter {
        PerformanceCounter { events: 0, mode: MODE_COUNT, base: 0, since: 0 }
    }

    pub fn events(&self) -> u32 {
        self.events
    }

    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Its value after `cycles` cycles since reset, in `idled` of which the core waited.
    pub fn value(&self, cycles: u64, idled: u64) -> u32 {
        let sum = u64::from(self.base) + self.counted(cycles, idled).saturating_sub(self.since);
        if self.mode & MODE_SATURATE != 0 { sum.min(u64::from(u32::MAX)) as u32 } else { sum as u32 }
    }

    /// Number of its events since reset.
    fn counted(&self, cycles: u64, idled: u64) -> u64 {
        match self.events {
            _ if self.mode & MODE_COUNT == 0 => self.since,
            events if events & EVENT_CYCLE != 0 => cycles,
            events if events & EVENT_INSTRUCTION != 0 => cycles.saturating_sub(idled),
            _ => self.since,
        }
    }

    pub fn set_events(&mut self, value: u32, cycles: u64, idled: u64) {
        self.set_value(self.value(cycles, idled), cycles, idled);
        self.events = value & EVENTS;
        self.since = self.counted(cycles, idled);
    }

    pub fn set_mode(&mut self, value: u32, cycles: u64, idled: u64) {
        self.set_value(self.value(cycles, idled), cycles, idled);
        self.mode = value & (MODE_COUNT | MODE_SATURATE);
        self.since = self.counted(cycles, idled);
    }

    pub fn set_value(&mut self, value: u32, cycles: u64, idled: u64) {
        self.base = value;
        self.since = self.counted(cycles, idled);
    }
}
