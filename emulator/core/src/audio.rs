//! Serial audio (Philips, "I2S bus specification"): frames of one sample for each channel, at the pace of a bus.

use crate::time::{Span, Time};

/// A sample of the left channel and one of the right. Samples fill 32 bits; narrower ones are in the upper bits.
pub type AudioFrame = [i32; 2];

/// The pace of a bus: the n-th frame of a piece begins `n * ticks / frames` ticks after its first one.
///
/// ```
/// use espalier_core::{AudioClock, Time};
///
/// let clock = AudioClock { first: Time::ZERO, ticks: 10_000, frames: 1 };
/// assert_eq!((clock.millihertz(), clock.at(3)), (48_000_000, Time::from_ticks(30_000)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioClock {
    pub first: Time,
    pub ticks: u64,
    pub frames: u64,
}

impl AudioClock {
    /// When a frame begins.
    pub fn at(self, frame: u64) -> Time {
        let ticks = u128::from(frame) * u128::from(self.ticks) / u128::from(self.frames.max(1));
        self.first + Span::from_ticks(ticks as u64)
    }

    /// Frames in a thousand seconds.
    pub fn millihertz(self) -> u64 {
        const MILLI: u128 = 1000;
        let second = u128::from(Span::from_secs(1).ticks());
        (second * MILLI * u128::from(self.frames) / u128::from(self.ticks.max(1))) as u64
    }
}

/// A device on a bus of serial audio: a speaker, a microphone, a codec, which is both.
///
/// ```
/// use espalier_core::{AudioClock, AudioFrame, AudioTarget};
///
/// /// Keeps the loudest sample.
/// #[derive(Default)]
/// struct Meter(u32);
///
/// impl AudioTarget for Meter {
///     fn hear(&mut self, _clock: AudioClock, frames: &[AudioFrame]) {
///         self.0 = frames.iter().flatten().map(|sample| sample.unsigned_abs()).fold(self.0, u32::max);
///     }
/// }
///
/// let mut meter = Meter::default();
/// meter.hear(AudioClock { first: espalier_core::Time::ZERO, ticks: 10_000, frames: 1 }, &[[1, -7]]);
/// assert_eq!(meter.0, 7);
/// ```
pub trait AudioTarget {
    /// The chip has sent these frames, one after the other.
    fn hear(&mut self, clock: AudioClock, frames: &[AudioFrame]) {
        let _ = (clock, frames);
    }

    /// The chip takes in these frames, one after the other; they are silence unless the device changes them.
    fn speak(&mut self, clock: AudioClock, frames: &mut [AudioFrame]) {
        let _ = (clock, frames);
    }
}
