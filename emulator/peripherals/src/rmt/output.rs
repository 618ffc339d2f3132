//! The outputs of the channels, as those see them who are connected to them.

use espalier_core::{Frequency, Time};

use super::registers::{WORD, carrier, conf0, reg};
use super::transmit::Pulse;
use super::{RMT_CHANNELS, Rmt};

/// The output of a channel changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RmtEdge {
    pub channel: usize,
    pub at: Time,
    pub level: bool,
}

/// What the pulses of one level are modulated with.
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
    pub(super) watched: u8,
    pub(super) levels: [bool; RMT_CHANNELS],
    pub(super) edges: Vec<RmtEdge>,
}

impl Outputs {
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

    /// Adds the edges that the carrier makes within a pulse that is over. Each pulse begins with the carrier's high part.
    pub(super) fn modulate(&mut self, channel: usize, pulse: Pulse, carrier: Carrier) {
        if !self.is_watched(channel) || pulse.level != carrier.level {
            return;
        }
        let (high, low) = (carrier.clock.cycles(carrier.high), carrier.clock.cycles(carrier.low));
        let mut at = pulse.start;
        while at < pulse.until {
            self.drive(channel, true, at);
            if at + high < pulse.until {
                self.drive(channel, false, at + high);
            }
            at = at + high + low;
        }
    }
}

impl Rmt {
    /// The carrier of a channel; the idle level has none.
    pub(super) fn carrier(&self, channel: usize) -> Option<Carrier> {
        let conf0 = self.conf0(channel);
        if conf0 & conf0::CARRIER_EN == 0 {
            return None;
        }
        let duty = self.registers.get(reg::CHCARRIER_DUTY + WORD * channel as u32);
        let cycles = |field: u32| u64::from(field & carrier::MASK).max(1);
        Some(Carrier {
            // The manual has the two values the other way round; ESP-IDF's drivers send infrared with 1 for high levels.
            level: conf0 & conf0::CARRIER_OUT_LV != 0,
            clock: self.base_clock(channel),
            high: cycles(duty >> carrier::HIGH_SHIFT),
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
