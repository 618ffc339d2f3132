//! Speakers and microphones: on a serial audio bus (I2S), as amplifiers such as the MAX98357A and microphones such as the INMP441; on a
//! line of pulse density (PDM), as the SSM2537 and the SPM1423; and at the pads of DACs, as the PAM8403.
//!
//! All follow the clocks of the chip and have no registers. Pulses are heard as the samples that they stand for. The speaker keeps what it hears, which is a WAV file on request; the
//! microphone says a WAV file, or a tone.

#[cfg(test)]
mod tests;
mod tone;
mod wav;

use std::collections::VecDeque;
use std::path::PathBuf;

use espalier_core::{AudioClock, AudioFrame, AudioTarget, Time};

use crate::host_file;
use crate::part::{PadUse, Part, PartError, Value, ValueError, Wiring};
use tone::Tone;

/// Frames that a speaker keeps: 20 s at 48 kHz. Of more than these the oldest are forgotten.
const HISTORY: usize = 960_000;
/// Tones that can be heard, in hertz.
const AUDIBLE: std::ops::RangeInclusive<f64> = 0.0..=20_000.0;
const MILLI: f64 = 1000.0;
/// The channels, and the terminals of a speaker at DACs.
const LEFT: usize = 0;
const RIGHT: usize = 1;

/// An amplifier with its speaker.
///
/// ```
/// use espalier_core::{AudioClock, AudioTarget, Time};
/// use espalier_parts::Speaker;
///
/// let mut speaker = Speaker::new();
/// let clock = AudioClock { first: Time::ZERO, ticks: 10_000, frames: 1 };
/// speaker.hear(clock, &[[0x4000_0000, 0], [0x2000_0000, 0]]);
/// assert_eq!((speaker.frames().count(), speaker.millihertz()), (2, 48_000_000));
/// assert!(speaker.wav().starts_with(b"RIFF"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Speaker {
    frames: VecDeque<AudioFrame>,
    /// Frames that were forgotten.
    forgotten: u64,
    /// The rate of the last frames.
    millihertz: u64,
    /// The file of the host that is written when the property `save` is set.
    file: Option<PathBuf>,
}

espalier_core::persist!(state Speaker { frames, forgotten, millihertz } fixed { file });

impl Speaker {
    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.audio("din")?;
        Speaker::with_file(wiring)
    }

    pub(crate) fn make_pdm(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pdm("din")?;
        Speaker::with_file(wiring)
    }

    /// At one or two DACs.
    pub(crate) fn make_analog(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        let left = wiring.optional_pad("left", LEFT, PadUse::Sounds)?;
        let right = wiring.optional_pad("right", RIGHT, PadUse::Sounds)?;
        if left.or(right).is_none() {
            return Err(wiring.missing("left"));
        }
        Speaker::with_file(wiring)
    }

    fn with_file(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        let file = wiring.read("file", |value| Ok(PathBuf::from(value.text()?)))?;
        Ok(Box::new(Speaker { file, ..Speaker::new() }))
    }

    /// A silent speaker.
    pub fn new() -> Speaker {
        Speaker::default()
    }

    /// Returns the frames that were heard, without the gaps between them. Samples fill 32 bits, left channel first.
    pub fn frames(&self) -> impl Iterator<Item = AudioFrame> {
        self.frames.iter().copied()
    }

    /// Returns the rate of the last frames.
    pub fn millihertz(&self) -> u64 {
        self.millihertz
    }

    /// Returns the frames as a WAV file, of two channels of 16 bits.
    pub fn wav(&self) -> Vec<u8> {
        wav::write((self.millihertz / MILLI as u64) as u32, self.frames.iter())
    }

    /// Writes the sound to its file, as a whole or not at all.
    fn save_to_file(&self) -> Result<(), ValueError> {
        let Some(path) = &self.file else {
            return Err(ValueError::new("given", "possible for a speaker without a `file`"));
        };
        let unwritable = |error| ValueError::new(path.display(), format!("a file that can be written: {error}"));
        host_file::replace(path, &self.wav()).map_err(unwritable)
    }

    /// The frequency of the left channel, by the rises through zero among the last second that was heard.
    fn frequency(&self) -> f64 {
        let rate = self.millihertz as f64 / MILLI;
        let last = self.frames.iter().rev().take(rate as usize);
        let rises = |samples: &[i32]| samples.windows(2).map(|pair| pair[0] >= 0 && pair[1] < 0).collect::<Vec<_>>();
        // They come in reverse, so that a rise is a fall.
        let samples: Vec<i32> = last.map(|frame| frame[0]).collect();
        let places: Vec<usize> = rises(&samples).iter().enumerate().filter(|(_, is)| **is).map(|(at, _)| at).collect();
        match places[..] {
            [first, .., last] => rate * (places.len() - 1) as f64 / (last - first) as f64,
            _ => 0.0,
        }
    }
}

impl AudioTarget for Speaker {
    fn hear(&mut self, clock: AudioClock, frames: &[AudioFrame]) {
        self.millihertz = clock.millihertz();
        self.frames.extend(frames);
        let over = self.frames.len().saturating_sub(HISTORY);
        self.frames.drain(..over);
        self.forgotten += over as u64;
    }
}

impl Part for Speaker {
    fn power_cycle(&mut self, _now: Time) {}

    fn audio(&mut self) -> Option<&mut dyn AudioTarget> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["frames", "rate", "frequency", "level", "save"]
    }

    fn set(&mut self, property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        match property {
            "save" if value.flag()? => self.save_to_file(),
            "save" => Ok(()),
            _ => Err(ValueError::fixed()),
        }
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        match property {
            "frames" => Some(Value::Integer((self.frames.len() as u64 + self.forgotten) as i64)),
            "rate" => Some(Value::Number(self.millihertz as f64 / MILLI)),
            "frequency" => Some(Value::Number(self.frequency())),
            "level" => {
                let largest = self.frames.iter().flatten().map(|sample| sample.unsigned_abs()).max();
                Some(Value::Number(f64::from(largest.unwrap_or_default()) / (i32::MAX as f64 + 1.0)))
            }
            _ => None,
        }
    }

    fn dropped(&self) -> Option<(u64, &'static str)> {
        Some((self.forgotten, "frames of sound"))
    }
}

/// A microphone. It says a tone, over the frames of its file if it has one; when that is at its end, silence.
///
/// ```
/// use espalier_core::{AudioClock, AudioTarget, Time};
/// use espalier_parts::Microphone;
///
/// let mut microphone = Microphone::new();
/// microphone.set_tone(1000.0, 0.5);
/// let mut frames = [[0; 2]; 48];
/// microphone.speak(AudioClock { first: Time::ZERO, ticks: 10_000, frames: 1 }, &mut frames);
/// assert!(frames[12][0] > frames[6][0] && frames[36][0] < 0, "1 kHz at 48 kHz: 48 frames are one wave");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Microphone {
    tone: Tone,
    /// The content of the file, and how much of it was said.
    recording: Vec<AudioFrame>,
    said: u64,
    /// The channel that it is on; both, if there is none.
    channel: Option<usize>,
}

espalier_core::persist!(state Microphone { tone, said } fixed { recording, channel });

impl Microphone {
    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.audio("dout")?;
        Microphone::with_sound(wiring, None)
    }

    /// Two of them can be on one line, each in one phase of the clock.
    pub(crate) fn make_pdm(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pdm("data")?;
        let channel = wiring.choice("channel", &["left", "right"])?.unwrap_or(LEFT);
        Microphone::with_sound(wiring, Some(channel))
    }

    fn with_sound(wiring: &mut Wiring<'_>, channel: Option<usize>) -> Result<Box<dyn Part>, PartError> {
        let mut microphone = Microphone { channel, ..Microphone::new() };
        let recording = wiring.read("file", |value| {
            let refused = |error: String| ValueError::new(value, format!("a WAV file: {error}"));
            let bytes = std::fs::read(value.text()?).map_err(|error| refused(error.to_string()))?;
            wav::read(&bytes).map_err(|error| refused(error.to_string()))
        })?;
        microphone.recording = recording.unwrap_or_default();
        let hertz = wiring.number("tone", AUDIBLE)?.unwrap_or(0.0);
        microphone.set_tone(hertz, wiring.number("level", 0.0..=1.0)?.unwrap_or(0.5));
        Ok(Box::new(microphone))
    }

    /// A microphone in silence.
    pub fn new() -> Microphone {
        Microphone::default()
    }

    /// A tone of so many hertz, none if that is zero, at a level from 0 to 1, comes to it from now on.
    pub fn set_tone(&mut self, hertz: f64, level: f64) {
        self.tone.set(hertz, level);
    }
}

impl AudioTarget for Microphone {
    fn speak(&mut self, clock: AudioClock, frames: &mut [AudioFrame]) {
        for (index, frame) in frames.iter_mut().enumerate() {
            let tone = self.tone.sample(clock.at(index as u64));
            let recorded = self.recording.get(self.said as usize).copied().unwrap_or_default();
            self.said += 1;
            *frame = recorded.map(|sample| sample.saturating_add(tone));
            if let Some(channel) = self.channel {
                frame[RIGHT - channel] = 0;
            }
        }
    }
}

impl Part for Microphone {
    fn power_cycle(&mut self, _now: Time) {}

    fn audio(&mut self) -> Option<&mut dyn AudioTarget> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["tone", "level"]
    }

    fn set(&mut self, property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        match property {
            "tone" => self.tone.set(value.number(AUDIBLE)?, self.tone.level()),
            _ => self.tone.set(self.tone.hertz(), value.number(0.0..=1.0)?),
        }
        Ok(())
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        match property {
            "tone" => Some(Value::Number(self.tone.hertz())),
            "level" => Some(Value::Number(self.tone.level())),
            _ => None,
        }
    }
}
