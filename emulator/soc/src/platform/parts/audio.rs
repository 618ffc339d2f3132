//! Buses of serial audio: devices behind pads, for the chip's I2S controllers.

use espalier_core::{AudioClock, AudioFrame, AudioTarget, PadMatrix};

use super::Parts;
use crate::platform::signals::AudioSignals;

/// A device and its pads.
#[derive(Clone, Copy, Debug)]
pub struct AudioLines {
    pub slot: usize,
    pub sck: u8,
    pub ws: u8,
    pub data: u8,
}

/// All devices.
#[derive(Clone, Debug, Default)]
pub struct AudioDevices {
    devices: Vec<AudioLines>,
    /// The slots of those at the bus of the controller that has the word.
    active: Vec<usize>,
}

impl AudioDevices {
    pub fn attach(&mut self, lines: AudioLines) {
        self.devices.push(lines);
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
        let AudioDevices { devices, active } = &mut self.audio;
        active.clear();
        let at_bus = devices.iter().filter(|lines| {
            let data = match inwards {
                true => matrix.in_signal(signals.data_in).is_some_and(|(pad, _)| pad == usize::from(lines.data)),
                false => carries(lines.data, &[signals.data_out]),
            };
            data && carries(lines.sck, &signals.sck) && carries(lines.ws, &signals.ws)
        });
        active.extend(at_bus.map(|lines| lines.slot));
        if active.is_empty() { None } else { Some(self) }
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
