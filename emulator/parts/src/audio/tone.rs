//! A tone in the air.

use espalier_core::{Span, Time, sine};

const MICROHERTZ: f64 = 1e6;
const FULL: f64 = i32::MAX as f64;

/// A tone, or silence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tone {
    microhertz: u64,
    /// The highest sample.
    peak: i32,
}

espalier_core::persist!(value Tone { microhertz, peak });

impl Tone {
    pub fn set(&mut self, hertz: f64, level: f64) {
        self.microhertz = (hertz * MICROHERTZ) as u64;
        self.peak = (level * FULL) as i32;
    }

    pub fn hertz(self) -> f64 {
        self.microhertz as f64 / MICROHERTZ
    }

    pub fn level(self) -> f64 {
        f64::from(self.peak) / FULL
    }

    /// The sample at an instant.
    pub fn sample(self, at: Time) -> i32 {
        let turn = u128::from(Span::from_secs(1).ticks()) * MICROHERTZ as u128;
        let into = u128::from(at.ticks()) * u128::from(self.microhertz) % turn;
        let angle = (into << u32::BITS) / turn;
        ((i64::from(sine(angle as u32)) * i64::from(self.peak)) >> (u32::BITS - 1)) as i32
    }
}
