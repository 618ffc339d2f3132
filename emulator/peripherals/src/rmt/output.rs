//! The outputs of the channels, as those see them who are connected to them.

use espalier_core::{Frequency, Time};

use super::registers::{WORD, reg};
use super::transmit::Pulse;
use super::{RMT_CHANNELS, Rmt};

/// The output of a channel changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RmtEdge {
    pub channel: usize,
    pub at: Time,
    pub level: bool,
}

espalier_core::persist!(value RmtEdge { channel, at, level });

/// The carrier on the pulses of one level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    /// The level that is modulated.
    level: bool,
    clock: Frequency,
    high: u64,
    low: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    /// Bit n is channel n.
    watched: u8,
    pub(super) levels: [bool; RMT_CHANNELS],
    /// Until when the edges of each channel's carrier have been added.
    modulated: [Time; RMT_CHANNELS],
    pub(super) edges: Vec<RmtEdge>,
}

espalier_core::persist!(value Outputs { watched, levels, modulated, edges });

impl Outputs {
    /// Watches these channels from `now` on.
    pub(super) fn watch(&mut self, channels: u8, now: Time) {
        for channel in 0..RMT_CHANNELS {
            if channels & !self.watched & 1 << channel != 0 {
                self.modulated[channel] = now;
            }
        }
        self.watched = channels;
    }

    pub(super) fn is_watched(&self, channel: usize) -> bool {
        self.watched >> channel & 1 != 0
    }

    pub(super) fn drive(&mut self, channel: usize, level: bool, at: Time) {
        if self.levels[channel] != level {
            self.levels[channel] = level;
            if self.is_watched(channel) {
                self.edges.push(RmtEdge { channel, at, level });
            }
        }
    }

    /// Adds the edges that the carrier makes in a pulse, from those that were added before up to `until`. Each pulse begins with
    /// the carrier's high part. Returns how many it looked at.
    pub(super) fn modulate(&mut self, channel: usize, pulse: Pulse, carrier: Carrier, until: Time) -> u64 {
        let until = until.min(pulse.until);
        let from = self.modulated[channel].max(pulse.start);
        if !self.is_watched(channel) || pulse.level != carrier.level || until <= from {
            return 0;
        }
        let (high, low) = (carrier.clock.cycles(carrier.high), carrier.clock.cycles(carrier.low));
        let period = high + low;
        let first = from.since(pulse.start).ticks() / period.ticks();
        let mut at = pulse.start + period * first;
        let mut edges = 0;
        while at < until {
            for (edge, level) in [(at, true), (at + high, false)] {
                if (from..until).contains(&edge) {
                    self.drive(channel, level, edge);
                    edges += 1;
                }
            }
            at += period;
        }
        self.modulated[channel] = until;
        edges
    }
}

impl Rmt {
    /// The carrier of a channel; the idle level has none.
    pub(super) fn carrier(&self, channel: usize) -> Option<Carrier> {
        let conf0 = self.conf0(channel);
        if !reg::CH0CONF0::CARRIER_EN.is_set(conf0) {
            return None;
        }
        let duty = self.registers.get(reg::CHCARRIER_DUTY + WORD * channel as u32);
        let cycles = |field: u32| u64::from(reg::CHCARRIER_DUTY::CARRIER_LOW.get(field)).max(1);
        Some(Carrier {
            // The manual has the two values the other way round; ESP-IDF's drivers send infrared with 1 for high levels.
            level: reg::CH0CONF0::CARRIER_OUT_LV.is_set(conf0),
            clock: self.base_clock(channel),
            high: cycles(reg::CHCARRIER_DUTY::CARRIER_HIGH.get(duty)),
            low: cycles(duty),
        })
    }

    /// Brings the output to the transmitter's level.
    pub(super) fn drive(&mut self, channel: usize, at: Time) {
        let transmitter = &self.channels[channel].transmitter;
        let (level, sending) = (transmitter.level, transmitter.is_sending());
        let modulated = sending && self.carrier(channel).is_some_and(|carrier| carrier.level == level);
        self.outputs.drive(channel, level || modulated, at);
    }
}
