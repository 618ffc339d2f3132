//! Sound: devices behind pads on buses of serial audio and lines of pulse density, for the chip's I2S controllers, and at its DACs.

use espalier_core::{AudioClock, AudioFrame, AudioTarget, PadMatrix};

use super::Parts;
use crate::platform::signals::AudioSignals;

/// A device and its pads. One of pulse density has no bit clock: its clock is the word select.
#[derive(Clone, Copy, Debug)]
pub struct AudioLines {
    pub slot: usize,
    pub sck: Option<u8>,
    pub ws: u8,
    pub data: u8,
}

/// A channel of a device at the pad of a DAC.
#[derive(Clone, Copy, Debug)]
struct AnalogLine {
    slot: usize,
    channel: usize,
    gpio: usize,
}

/// All devices.
#[derive(Clone, Debug, Default)]
pub struct AudioDevices {
    devices: Vec<AudioLines>,
    analog: Vec<AnalogLine>,
    /// The slots of those at the bus of the controller that has the word.
    active: Vec<usize>,
}

impl AudioDevices {
    pub fn attach(&mut self, lines: AudioLines) {
        self.devices.push(lines);
    }

    /// Channel 0 is the left one, 1 the right one.
    pub fn attach_analog(&mut self, slot: usize, channel: usize, gpio: usize) {
        self.analog.push(AnalogLine { slot, channel: channel.min(1), gpio });
    }
}

impl Parts {
    /// The devices that hear what a controller sends, or that it hears if `inwards`; None if there are none.
    pub fn audio_bus(
        &mut self,
        signals: AudioSignals,
        inwards: bool,
        matrix: &dyn PadMatrix,
    ) -> Option<&mut dyn AudioTarget> {
        let carries = |pad: u8, signals: &[u32]| {
            matrix.is_enabled(usize::from(pad)) && signals.contains(&matrix.out_signal(usize::from(pad)))
        };
        let AudioDevices { devices, active, .. } = &mut self.audio;
        active.clear();
        let at_bus = devices.iter().filter(|lines| {
            let data = match inwards {
                true => matrix.in_signal(signals.data_in).is_some_and(|(pad, _)| pad == usize::from(lines.data)),
                false => carries(lines.data, &[signals.data_out]),
            };
            data && lines.sck.is_none_or(|sck| carries(sck, &signals.sck)) && carries(lines.ws, &signals.ws)
        });
        active.extend(at_bus.map(|lines| lines.slot));
        if active.is_empty() { None } else { Some(self) }
    }

    /// The DACs at two pads have given these voltages, one pair after the other: the middle of their range is silence.
    pub fn hear_dacs(&mut self, pads: [usize; 2], clock: AudioClock, given: &[AudioFrame]) {
        let analog = &self.audio.analog;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let dac = |channel: usize| {
                let line = analog.iter().find(|line| (line.slot, line.channel) == (index, channel))?;
                pads.iter().position(|pad| *pad == line.gpio)
            };
            let channels = [dac(0), dac(1)];
            if channels == [None; 2] {
                continue;
            }
            let heard: Vec<AudioFrame> =
                given.iter().map(|pair| channels.map(|dac| dac.map_or(0, |dac| pair[dac]))).collect();
            if let Some(device) = slot.touched().audio() {
                device.hear(clock, &heard);
            }
            self.dirty = true;
        }
    }
}

/// The devices at the bus of the controller that has the word.
impl AudioTarget for Parts {
    fn hear(&mut self, clock: AudioClock, frames: &[AudioFrame]) {
        self.dirty = true;
        for slot in self.audio.active.iter().copied() {
            if let Some(device) = self.slots[slot].touched().audio() {
                device.hear(clock, frames);
            }
        }
    }

    /// Devices that share a line leave each other's channel alone, so that the line has the sum of both.
    fn speak(&mut self, clock: AudioClock, frames: &mut [AudioFrame]) {
        self.dirty = true;
        let mut spoken = vec![[0; 2]; frames.len()];
        for slot in self.audio.active.iter().copied() {
            let Some(device) = self.slots[slot].touched().audio() else { continue };
            spoken.fill([0; 2]);
            device.speak(clock, &mut spoken);
            for (sum, [left, right]) in frames.iter_mut().zip(&spoken) {
                *sum = [sum[0].saturating_add(*left), sum[1].saturating_add(*right)];
            }
        }
    }
}
