//! The UART's lines on pads: TXD and RTS, at which others may look, and RXD and CTS, which a pad may drive (TRM, chapters 13.3.5
//! "UART Data Frame" and 13.3.7 "Flow Control").

use espalier_core::{OutputChange, Signal, Time};

use super::Uart;
use super::registers::reg;
use super::sampler::Sampler;
use super::transmit::Phase;

/// Outputs, in the order of their signals in the GPIO matrix.
const TXD: usize = 0;
const RTS: usize = 1;
/// Inputs, in that order.
const RXD: usize = 0;
const CTS: usize = 1;

/// The UART's connection to pads, as input and as output.
#[derive(Clone, Debug, Default)]
pub(super) struct Pads {
    /// The level at RXD, if something drives its pad.
    rxd: Option<bool>,
    /// Up to when it has been sampled.
    sampled: Time,
    pub(super) sampler: Sampler,
    /// The level at CTS, if something drives its pad.
    cts: Option<bool>,
    /// The outputs that are looked at: bit n is output n.
    watched: u64,
    /// The outputs whose changes the deadline covers.
    awaited: u64,
    /// The levels of the outputs that were told last.
    told: [bool; 2],
    changes: Vec<OutputChange>,
}

espalier_core::persist!(value Pads { rxd, sampled, sampler, cts, watched, awaited, told, changes });

impl Pads {
    /// The same after a reset of the block: the pads stay connected.
    pub(super) fn after_reset(&self) -> Pads {
        Pads { sampler: Sampler::default(), ..self.clone() }
    }
}

impl Uart {
    fn flag(&self, field: espalier_core::Field) -> bool {
        self.registers.is_set(field)
    }

    /// The level that the receiver sees on its pad.
    pub(super) fn rxd(&self) -> Option<bool> {
        self.pads.rxd.map(|level| level ^ self.flag(reg::CONF0::RXD_INV))
    }

    /// The level of CTS behind its inversion: low while the other side is ready. A pad that nothing drives holds nothing up.
    pub(super) fn cts(&self) -> bool {
        self.pads.cts.is_some_and(|level| level ^ self.flag(reg::CONF0::CTS_INV))
    }

    /// Whether the transmitter waits for the other side.
    pub(super) fn is_held(&self) -> bool {
        self.flag(reg::CONF0::TX_FLOW_EN) && self.cts() || self.flow.is_paused() || self.waits_for_receiver()
    }

    /// The level of RTS before its inversion: low while the receiver is ready.
    pub(super) fn rts(&self) -> bool {
        if self.flag(reg::CONF1::RX_FLOW_EN) {
            self.receiver.fifo.len() >= self.registers.field(reg::CONF1::RX_FLOW_THRHD) as usize
        } else {
            !self.flag(reg::CONF0::SW_RTS)
        }
    }

    /// Samples what the pad has carried up to `now`.
    pub(super) fn sample_pad(&mut self, now: Time) {
        let Some(level) = self.rxd() else { return };
        let from = std::mem::replace(&mut self.pads.sampled, now);
        if now <= from || level && self.pads.sampler.is_idle() {
            return;
        }
        let mut frames = Vec::new();
        self.pads.sampler.advance(level, (from, now), self.format, self.bit, &mut frames);
        if self.loops_back() {
            return;
        }
        for frame in frames {
            if !self.hears_echo(frame) {
                continue;
            }
            self.take_in_sampled(frame);
        }
    }

    /// The level of TXD at an instant of what the transmitter is doing.
    fn txd_at(&self, at: Time) -> bool {
        let level = match self.transmitter.phase {
            Phase::Frame { byte, start, .. } => {
                let passed = |index: &u32| start + self.bit.bits(*index) <= at;
                let index = (0..=self.format.stop_bit()).take_while(passed).last().unwrap_or(0);
                self.format.levels(byte) >> index & 1 != 0
            }
            Phase::Break { .. } => false,
            Phase::Pause { .. } | Phase::Idle => true,
        };
        level ^ self.flag(reg::CONF0::TXD_INV)
    }

    fn tell(&mut self, output: usize, level: bool, at: Time) {
        if self.pads.watched >> output & 1 != 0 && self.pads.told[output] != level {
            self.pads.told[output] = level;
            self.pads.changes.push(OutputChange { output, at, signal: Signal::Level(level) });
        }
    }

    /// Tells what TXD does in the phase that the transmitter is in, up to `until`.
    pub(super) fn trace_txd(&mut self, until: Time) {
        if self.pads.watched >> TXD & 1 == 0 {
            return;
        }
        if let Phase::Frame { start, .. } = self.transmitter.phase {
            for index in 0..=self.format.stop_bit() {
                let at = start + self.bit.bits(index);
                if at > until {
                    break;
                }
                // Reported levels are not reported again: levels are followed in their order.
                if at >= self.pads_traced {
                    let level = self.txd_at(at);
                    self.tell(TXD, level, at);
                }
            }
        } else {
            let level = self.txd_at(until);
            self.tell(TXD, level, until);
        }
        self.pads_traced = until;
    }

    pub(super) fn trace_rts(&mut self, now: Time) {
        if self.pads.watched >> RTS & 1 != 0 {
            let level = self.rts() ^ self.flag(reg::CONF0::RTS_INV);
            self.tell(RTS, level, now);
        }
    }

    /// Whether an output is connected to what looks at it.
    pub(super) fn is_looked_at(&self) -> bool {
        self.pads.watched != 0
    }

    /// When an output that is looked at next changes.
    pub(super) fn next_edge(&self) -> Option<Time> {
        let fills = self.pads.awaited >> RTS & 1 != 0 && self.flag(reg::CONF1::RX_FLOW_EN);
        let arrives = fills
            .then(|| [self.line.passes(1), self.pads.sampler.ends(self.format, self.bit)].into_iter().flatten().min());
        if self.pads.awaited >> TXD & 1 == 0 {
            return arrives.flatten();
        }
        let changes = match self.transmitter.phase {
            Phase::Idle => None,
            Phase::Break { end } | Phase::Pause { end } => Some(end),
            Phase::Frame { start, end, .. } => {
                let edges = (0..=self.format.stop_bit()).map(|index| start + self.bit.bits(index));
                let mut edges = edges.filter(|at| *at > self.seen && self.txd_at(*at) != self.pads.told[TXD]);
                Some(edges.next().unwrap_or(end))
            }
        };
        [changes, arrives.flatten()].into_iter().flatten().min()
    }

    pub(super) fn set_watched_outputs(&mut self, outputs: u64) {
        let fresh = outputs & !self.pads.watched;
        self.pads.watched = outputs;
        for output in [TXD, RTS] {
            if fresh >> output & 1 != 0 {
                self.pads.told[output] = self.output_level(output);
            }
        }
        if fresh >> TXD & 1 != 0 {
            self.pads_traced = self.seen;
        }
    }

    pub(super) fn set_awaited_outputs(&mut self, outputs: u64) {
        self.pads.awaited = outputs;
    }

    pub(super) fn output_level(&self, output: usize) -> bool {
        match output {
            TXD => self.txd_at(self.seen),
            _ => self.rts() ^ self.flag(reg::CONF0::RTS_INV),
        }
    }

    pub(super) fn take_pad_changes(&mut self) -> Vec<OutputChange> {
        std::mem::take(&mut self.pads.changes)
    }

    /// RXD always, and CTS for a transmitter that waits for it.
    pub(super) fn heard_inputs(&self) -> u64 {
        1 << RXD | u64::from(self.flag(reg::CONF0::TX_FLOW_EN)) << CTS
    }

    /// An input has another level from `at` on, or none. A line that is `joined` was as it is before, which is no edge.
    pub(super) fn hear(&mut self, input: usize, level: Option<bool>, joined: bool, at: Time) {
        self.synchronise(at);
        match input {
            RXD => {
                self.pads.rxd = level;
                self.pads.sampled = at;
                if joined || level.is_none() {
                    let low = self.rxd() == Some(false);
                    self.pads.sampler = Sampler::joined(low);
                } else if let (Some(level), Some(autobaud)) = (self.rxd(), &mut self.autobaud) {
                    autobaud.edge(level, at);
                }
            }
            CTS => {
                let before = self.cts();
                self.pads.cts = level;
                if self.cts() != before && !joined {
                    self.raise(reg::INT_RAW::CTS_CHG.mask());
                }
                let timing = self.transmit_timing();
                self.transmitter.go_on(at, timing);
                self.trace_txd(at);
            }
            _ => {}
        }
    }
}
