//! What is connected to single pads, and what each of these lines carries.
//!
//! Only lines with something at their other end are followed: a part of the board, a block that listens, or a probe. The rest
//! of the pads cost nothing.

use std::collections::VecDeque;

use espalier_core::{Signal, Span, Time};

/// Changes of a line that its probe keeps until they are taken; of more than these the oldest are lost.
const PROBE_CHANGES: usize = 1 << 18;

/// A recording of what a line carries.
#[derive(Clone, Debug)]
struct Probe {
    pin: usize,
    changes: VecDeque<(Time, Signal)>,
    lost: u64,
}

espalier_core::persist!(value Probe { pin, changes, lost });

impl Probe {
    fn record(&mut self, signal: Signal, at: Time) {
        if self.changes.len() == PROBE_CHANGES {
            self.changes.pop_front();
            self.lost += 1;
        }
        self.changes.push_back((at, signal));
    }
}

/// The lines of single pads. In masks of pads, bit n is GPIO n.
#[derive(Clone, Debug)]
pub struct Lines {
    probes: Vec<Probe>,
    /// Pads that parts and probes are connected to.
    connected: u64,
    /// The inputs of blocks that listen to pads.
    pub inputs: Vec<Input>,
    /// The block, by its index in the chip's table, and its output that drives each of the pads that are followed.
    pub drivers: Vec<Option<(usize, usize)>>,
    signals: Vec<Signal>,
}

espalier_core::persist!(value Lines { probes, connected, inputs, drivers, signals });

/// An input of a block that listens to a pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Index in the chip's table.
    pub block: usize,
    pub input: usize,
    pub pin: usize,
    /// Whether the matrix inverts it.
    pub inverted: bool,
}

espalier_core::persist!(value Input { block, input, pin, inverted });

impl Lines {
    /// `heard` are the pads that parts hear.
    pub fn new(heard: u64, pins: usize) -> Lines {
        Lines {
            probes: Vec::new(),
            connected: heard,
            inputs: Vec::new(),
            drivers: vec![None; pins],
            signals: vec![Signal::Level(false); pins],
        }
    }

    /// How many pads there are.
    pub fn count(&self) -> usize {
        self.signals.len()
    }

    /// The pads that parts, probes and blocks are connected to.
    pub fn followed(&self) -> u64 {
        self.inputs.iter().fold(self.connected, |mask, input| mask | 1 << input.pin)
    }

    /// Records what a pad carries from now on.
    pub fn attach_probe(&mut self, pin: usize) {
        if pin < self.signals.len() && !self.probes.iter().any(|probe| probe.pin == pin) {
            self.probes.push(Probe { pin, changes: VecDeque::new(), lost: 0 });
            self.connected |= 1 << pin;
        }
    }

    pub fn take_probed(&mut self, pin: usize) -> Vec<(Time, Signal)> {
        let probe = self.probes.iter_mut().find(|probe| probe.pin == pin);
        probe.map(|probe| std::mem::take(&mut probe.changes).into()).unwrap_or_default()
    }

    /// Unread changes that the probe of a pad has dropped.
    pub fn lost_by_probe(&self, pin: usize) -> u64 {
        self.probes.iter().find(|probe| probe.pin == pin).map_or(0, |probe| probe.lost)
    }

    pub fn power_cycle(&mut self) {
        self.signals.fill(Signal::Level(false));
    }

    /// What a line carries.
    pub fn signal(&self, pin: usize) -> Signal {
        self.signals[pin]
    }

    /// A pad carries `signal` from `at` on. True if that is news.
    pub fn carry(&mut self, pin: usize, signal: Signal, at: Time) -> bool {
        if self.signals[pin] == signal {
            return false;
        }
        self.signals[pin] = signal;
        if let Some(probe) = self.probes.iter_mut().find(|probe| probe.pin == pin) {
            probe.record(signal, at);
        }
        true
    }
}

/// The signal behind the matrix.
pub fn inverted(signal: Signal, inverted: bool) -> Signal {
    match signal {
        signal if !inverted => signal,
        Signal::Level(level) => Signal::Level(!level),
        Signal::Pulses { period, high } => {
            Signal::Pulses { period, high: Span::from_ticks(period.ticks() - high.ticks()) }
        }
    }
}
