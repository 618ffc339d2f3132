//! A channel's receiver: how long its input keeps each level.

use espalier_core::{Frequency, Span, Time};

use super::registers::entry;

/// The settings of a receiving channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) clock: Frequency,
    /// Cycles without an edge that end a reception.
    pub(super) idle: u64,
    /// Shorter pulses are no pulses.
    pub(super) filter: Option<Span>,
}

/// A measured level and its length in cycles; no cycles at all mark the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) level: bool,
    pub(super) cycles: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Receiver {
    pub(super) enabled: bool,
    /// Halves of words that were written.
    pub(super) written: usize,
    pub(super) full: bool,
    pub(super) owner_error: bool,
    level: bool,
    /// The last edge of the reception that is under way.
    since: Option<Time>,
    /// An edge that the filter has not let through yet.
    candidate: Option<Time>,
}

espalier_core::persist! {
    value Receiver {
        enabled, written, full, owner_error, level, since, candidate
    }
}

impl Receiver {
    pub(super) fn is_receiving(&self) -> bool {
        self.since.is_some()
    }

    /// Whether edges matter.
    pub(super) fn is_on(&self) -> bool {
        self.enabled || self.is_receiving()
    }

    pub(super) fn rewind(&mut self) {
        self.written = 0;
        self.full = false;
        self.owner_error = false;
    }

    /// Switches the receiver on or off. What is under way goes on until the line is silent, and waiting for a first edge counts
    /// as silence from then on: that is how drivers get a receiver to stop.
    pub(super) fn enable(&mut self, enabled: bool, level: bool, now: Time) {
        if enabled && !self.enabled && !self.is_receiving() {
            self.level = level;
        }
        if !enabled && self.enabled {
            self.since.get_or_insert(now);
        }
        self.enabled = enabled;
    }

    /// The input is another line from now on.
    pub(super) fn connect(&mut self, level: bool) {
        if !self.is_receiving() {
            self.level = level;
        }
    }

    /// The input changes. The receiver has been advanced to this instant before.
    pub(super) fn edge(&mut self, level: bool, at: Time, settings: Settings) -> Option<Measured> {
        if !self.is_on() {
            return None;
        }
        if settings.filter.is_some() {
            // Two edges that are closer to each other than the filter allows leave nothing behind.
            self.candidate = if self.candidate.is_some() || level == self.level { None } else { Some(at) };
            return None;
        }
        if level == self.level { None } else { self.take(at, settings) }
    }

    /// Returns the next measurement that is complete by `now`; to be called until it returns `None`.
    pub(super) fn advance(&mut self, now: Time, settings: Settings) -> Option<Measured> {
        match self.candidate {
            Some(at) if at + settings.filter.unwrap_or(Span::ZERO) > now => None,
            Some(at) => {
                self.candidate = None;
                self.take(at, settings)
            }
            None if self.ends(settings)? <= now => {
                self.since = None;
                Some(Measured { level: self.level, cycles: 0 })
            }
            None => None,
        }
    }

    /// When something becomes certain by itself.
    pub(super) fn deadline(&self, settings: Settings) -> Option<Time> {
        match self.candidate {
            Some(at) => Some(at + settings.filter.unwrap_or(Span::ZERO)),
            None => self.ends(settings),
        }
    }

    /// When the reception ends unless there is another edge.
    fn ends(&self, settings: Settings) -> Option<Time> {
        // Longer than the threshold, so one cycle more.
        Some(self.since? + settings.clock.cycles(settings.idle + 1))
    }

    fn take(&mut self, at: Time, settings: Settings) -> Option<Measured> {
        let before = self.level;
        self.level = !self.level;
        let since = self.since.replace(at)?;
        let cycles = settings.clock.cycles_in(at.since(since)).clamp(1, u64::from(entry::PERIOD));
        Some(Measured { level: before, cycles: cycles as u32 })
    }
}
