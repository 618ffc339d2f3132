//! The way from the blocks that drive pads to what is connected to them.

use espalier_core::{Device, Rgb, Signal, Time};
use espalier_parts::Sound;
use espalier_peripherals::{InputSource, LEDC_CHANNELS, MCPWM_OUTPUTS, PINS, RMT_CHANNELS};

use super::System;
use crate::map::Block;
use crate::wires::inverted;
use crate::wiring::{LEDC_OUTPUTS, MCPWM_SIGNALS, RMT_INPUTS, RMT_OUTPUTS};

/// The pads of a mask.
fn pads(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let pin = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (pin < PINS).then_some(pin)
    })
}

/// The channel whose output a signal of the matrix is.
fn channel_of(signal: u32, first: u32, channels: usize) -> Option<usize> {
    let channel = signal.checked_sub(first)? as usize;
    (channel < channels).then_some(channel)
}

/// The unit and the output of the MCPWM that a signal of the matrix is.
fn mcpwm_output(signal: u32) -> Option<(usize, usize)> {
    let outputs = MCPWM_SIGNALS.map(|first| channel_of(signal, first, MCPWM_OUTPUTS));
    outputs.into_iter().enumerate().find_map(|(unit, output)| Some((unit, output?)))
}

impl System {
    pub(super) fn settle_gpio(&mut self, now: Time) {
        let changes = self.gpio.take_changes();
        if changes != 0 && self.parts.follow_i2c_pads(&self.gpio, now) {
            self.update_inputs();
        }
        if changes != 0 && changes & self.wires.followed() != 0 {
            self.connect_wires(now);
        }
    }

    pub(super) fn settle_rmt(&mut self, now: Time) {
        self.carry_changes();
        let listening =
            (0..RMT_CHANNELS).fold(0, |mask, channel| mask | u8::from(self.wires.inputs[channel].is_some()) << channel);
        if listening != self.rmt.receiving() {
            self.connect_wires(now);
        }
    }

    /// Looks again which block drives what, after the matrix, a pad or a receiver has changed.
    pub(super) fn connect_wires(&mut self, now: Time) {
        let receiving = self.rmt.receiving();
        if self.wires.followed() == 0 && receiving == 0 {
            return;
        }
        // What the old connections carry until now still goes their way.
        self.rmt.advance(now);
        self.ledc.advance(now);
        self.carry_changes();
        let inputs: [_; RMT_CHANNELS] = std::array::from_fn(|channel| {
            match self.gpio.in_signal(RMT_INPUTS + channel as u32).filter(|_| receiving >> channel & 1 != 0)? {
                InputSource::Pin { pin, inverted } => Some((pin, inverted)),
                InputSource::Constant(_) | InputSource::IoMux => None,
            }
        });
        let before = std::mem::replace(&mut self.wires.inputs, inputs);
        self.wires.rmt_pads = [0; RMT_CHANNELS];
        self.wires.ledc_pads = [0; LEDC_CHANNELS];
        self.wires.mcpwm_pads = [[0; MCPWM_OUTPUTS]; 2];
        for pin in pads(self.wires.followed()) {
            let signal = self.gpio.out_signal(pin);
            let driven = if let Some(channel) = channel_of(signal, RMT_OUTPUTS, RMT_CHANNELS) {
                self.wires.rmt_pads[channel] |= 1 << pin;
                inverted(Signal::Level(self.rmt.output(channel)), self.gpio.is_inverted(pin))
            } else if let Some(channel) = channel_of(signal, LEDC_OUTPUTS, LEDC_CHANNELS) {
                self.wires.ledc_pads[channel] |= 1 << pin;
                inverted(self.ledc.signal(channel), self.gpio.is_inverted(pin))
            } else if let Some((unit, output)) = mcpwm_output(signal) {
                self.wires.mcpwm_pads[unit][output] |= 1 << pin;
                inverted(self.mcpwms[unit].signal(output), self.gpio.is_inverted(pin))
            } else {
                Signal::Level(self.gpio.level(pin))
            };
            self.carry(pin, driven, now);
        }
        for channel in 0..RMT_CHANNELS {
            if let Some((pin, inverted)) = inputs[channel].filter(|input| before[channel] != Some(*input)) {
                self.rmt.connect_input(channel, self.wires.level(pin) != inverted);
            }
        }
        let mask =
            |pads: &[u64]| (0..pads.len()).fold(0, |mask, channel| mask | u16::from(pads[channel] != 0) << channel);
        self.rmt.set_watched(mask(&self.wires.rmt_pads) as u8);
        self.ledc.set_watched(mask(&self.wires.ledc_pads));
        for block in [Block::Rmt, Block::Ledc] {
            self.settle_interrupts(block);
            self.renew_deadline(block);
        }
    }

    /// Carries what the RMT, the LEDC and the MCPWM have put out to the pads.
    pub(super) fn carry_changes(&mut self) {
        for edge in self.rmt.take_edges() {
            self.carry_output(self.wires.rmt_pads[edge.channel], Signal::Level(edge.level), edge.at);
        }
        for change in self.ledc.take_changes() {
            self.carry_output(self.wires.ledc_pads[change.channel], change.signal, change.at);
        }
        for unit in 0..self.mcpwms.len() {
            for change in self.mcpwms[unit].take_changes() {
                self.carry_output(self.wires.mcpwm_pads[unit][change.output], change.signal, change.at);
            }
        }
    }

    /// Carries what an output does to the pads that the matrix connects it to.
    fn carry_output(&mut self, outputs: u64, signal: Signal, at: Time) {
        for pin in pads(outputs) {
            self.carry(pin, inverted(signal, self.gpio.is_inverted(pin)), at);
        }
    }

    fn carry(&mut self, pin: usize, signal: Signal, at: Time) {
        if !self.wires.carry(pin, signal, at) {
            return;
        }
        for channel in 0..RMT_CHANNELS {
            if let Some((_, inverted)) = self.wires.inputs[channel].filter(|(input, _)| *input == pin) {
                self.rmt.set_input(channel, self.wires.level(pin) != inverted, at);
            }
        }
    }

    /// Follows the lines up to `now`, for somebody who looks at them from outside.
    fn follow_wires(&mut self, now: Time) {
        let now = self.tick(now);
        self.connect_wires(now);
    }

    /// What the LEDs show, and since when.
    pub fn leds(&mut self, now: Time) -> Option<(Vec<Rgb>, Time)> {
        self.follow_wires(now);
        self.wires.leds().map(|leds| (leds.colours(now), leds.changed(now)))
    }

    /// The last tones that the buzzer has made since power-on.
    pub fn sounds(&mut self, now: Time) -> Option<Vec<Sound>> {
        self.follow_wires(now);
        self.wires.buzzer().map(|buzzer| buzzer.sounds(now))
    }

    pub fn attach_probe(&mut self, pin: usize, now: Time) {
        self.follow_wires(now);
        self.wires.attach_probe(pin);
        self.follow_wires(now);
        self.wires.take_probed(pin);
    }

    pub fn take_probed(&mut self, pin: usize, now: Time) -> Vec<(Time, Signal)> {
        self.follow_wires(now);
        self.wires.take_probed(pin)
    }

    pub fn lost_by_probe(&self, pin: usize) -> u64 {
        self.wires.lost_by_probe(pin)
    }
}
