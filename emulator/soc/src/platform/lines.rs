//! The pads: what drives each of them, which of them form a net, who listens, and what they carry.
//!
//! Only pads at which something looks are followed: a part of the board, a block that listens, an interrupt, a probe. What the others
//! carry is worked out when software reads it, and costs nothing before.

use std::collections::VecDeque;

use espalier_core::{Signal, Time};

use super::net::{Carried, joined, nets};
use crate::boards::Wire;

/// Changes of a line that its probe keeps until they are taken; of more than these the oldest are lost.
const PROBE_CHANGES: usize = 1 << 18;

/// A recording of what a line carries.
#[derive(Clone, Debug)]
struct Probe {
    pin: usize,
    /// The signal on the line before the first of the changes.
    before: Signal,
    changes: VecDeque<(Time, Signal)>,
    /// Number of changes.
    count: u64,
    lost: u64,
}

espalier_core::persist!(value Probe { pin, before, changes, count, lost });

impl Probe {
    fn record(&mut self, signal: Signal, at: Time) {
        if self.changes.len() == PROBE_CHANGES {
            if let Some((_, signal)) = self.changes.pop_front() {
                self.before = signal;
            }
            self.lost += 1;
        }
        self.changes.push_back((at, signal));
        self.count += 1;
    }
}

/// The pads. In masks of pads, bit n is GPIO n.
#[derive(Clone, Debug)]
pub struct Lines {
    probes: Vec<Probe>,
    /// Pads that parts hear.
    heard: u64,
    /// For each pad, the pads on its net.
    nets: Vec<u64>,
    /// The same while all switches of parts are open: the board's wires alone.
    wires: Vec<u64>,
    /// The inputs of blocks that listen to pads.
    pub inputs: Vec<Input>,
    /// The inputs to which each block listened when they were connected: bit n is input n.
    pub listening: Vec<u64>,
    /// Blocks with an input that hears another block.
    pub fed: Vec<bool>,
    /// The block, by its index in the chip's table, and its output that drives each pad.
    pub drivers: Vec<Option<(usize, usize)>>,
    /// The signal of that output to the pad when it was last read.
    pub brought: Vec<Signal>,
    /// The pads that are followed.
    pub followed: u64,
    /// The pads at whose level interrupts and the wake-up look.
    pub sensed: u64,
    /// The pads whose waves have to be followed edge by edge: those and the inputs of blocks that take no waves.
    pub stepped: u64,
    /// Until when the edges of the wave on each of those were followed.
    pub seen: Vec<Time>,
    carried: Vec<Carried>,
    /// Number of times that two drivers came to want different levels of a followed pad, with the time and the pad of the first one.
    conflicts: u64,
    first_conflict: Option<(Time, usize)>,
}

espalier_core::persist! {
    value Lines {
        probes, heard, nets, wires, inputs, listening, fed, drivers, brought, followed, sensed, stepped, seen,
        carried, conflicts, first_conflict
    }
}

/// Where an input of a block comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A pad; `inverted` if the matrix inverts it.
    Pad { pin: usize, inverted: bool },
    /// The matrix holds it at a level.
    Constant(bool),
}

espalier_core::persist!(enum Source { Pad { pin, inverted }, Constant(level) });

/// An input of a block that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Index in the chip's table.
    pub block: usize,
    pub input: usize,
    pub source: Source,
}

espalier_core::persist!(value Input { block, input, source });

impl Input {
    /// The pad that it hears.
    pub fn pin(&self) -> Option<usize> {
        match self.source {
            Source::Pad { pin, .. } => Some(pin),
            Source::Constant(_) => None,
        }
    }
}

impl Lines {
    /// `heard` are the pads that parts hear.
    pub fn new(heard: u64, wires: &[Wire], pins: usize, blocks: usize) -> Lines {
        let wires = wires.iter().map(|wire| (usize::from(wire.from), usize::from(wire.to)));
        let wires = nets(pins, wires);
        Lines {
            probes: Vec::new(),
            heard,
            nets: wires.clone(),
            wires,
            inputs: Vec::new(),
            listening: vec![0; blocks],
            fed: vec![false; blocks],
            drivers: vec![None; pins],
            brought: vec![Signal::Level(false); pins],
            followed: 0,
            sensed: 0,
            stepped: 0,
            seen: vec![Time::ZERO; pins],
            carried: vec![Carried::default(); pins],
            conflicts: 0,
            first_conflict: None,
        }
    }

    /// Number of pads.
    pub fn count(&self) -> usize {
        self.carried.len()
    }

    /// Whether each pad and each of `blocks` blocks has its place.
    pub fn is_sound(&self, blocks: usize) -> bool {
        let pins = self.count();
        let pads = [self.nets.len(), self.wires.len(), self.drivers.len(), self.brought.len(), self.seen.len()];
        let exists = |pin: Option<usize>| pin.is_none_or(|pin| pin < pins);
        let inputs = self.inputs.iter().all(|input| exists(input.pin()) && input.block < blocks);
        let drivers = self.drivers.iter().flatten().all(|(block, _)| *block < blocks);
        let probes = self.probes.iter().all(|probe| probe.pin < pins && probe.count >= probe.changes.len() as u64);
        probes && pads == [pins; 5] && [self.listening.len(), self.fed.len()] == [blocks; 2] && inputs && drivers
    }

    /// Joins the nets of two pads by a wire.
    pub fn join(&mut self, one: usize, other: usize) {
        for nets in [&mut self.wires, &mut self.nets] {
            *nets = joined(nets, [(one, other)].into_iter());
        }
    }

    /// The pads that wires of the board join with a pad, whatever switches connect.
    pub fn wired_with(&self, pin: usize) -> u64 {
        self.wires[pin]
    }

    /// Switches of parts connect these pairs of pads from now on, and no others.
    pub fn close(&mut self, closed: &[(usize, usize)]) {
        self.nets = joined(&self.wires, closed.iter().copied());
    }

    /// The pads on the net of a pad.
    pub fn net(&self, pin: usize) -> u64 {
        self.nets[pin]
    }

    /// The pads of a mask with all that are on their nets.
    pub fn with_nets(&self, mask: u64) -> u64 {
        pads(mask).fold(0, |all, pin| all | self.nets[pin])
    }

    /// The pads that share their net with others.
    pub fn wired(&self) -> u64 {
        self.nets.iter().filter(|net| !net.is_power_of_two()).fold(0, |mask, net| mask | net)
    }

    /// The pads that a block drives, with those on their nets.
    pub fn waving(&self) -> u64 {
        let driven = self.drivers.iter().enumerate().filter(|(_, driver)| driver.is_some());
        self.with_nets(driven.fold(0, |mask, (pin, _)| mask | 1 << pin))
    }

    /// The pads that have to be followed for parts, probes and blocks that listen.
    pub fn looked_at(&self) -> u64 {
        let probed = self.probes.iter().map(|probe| probe.pin);
        let inputs = self.inputs.iter().filter_map(Input::pin);
        probed.chain(inputs).fold(self.heard, |mask, pin| mask | 1 << pin)
    }

    /// The pads whose edges matter when they come: those at which interrupts look, and those that blocks hear which are not `patient`.
    pub fn heard_inside(&self, patient: impl Fn(usize) -> bool) -> u64 {
        let hasty = self.inputs.iter().filter(|input| !patient(input.block)).filter_map(Input::pin);
        hasty.fold(self.sensed & self.followed, |mask, pin| mask | 1 << pin)
    }

    /// Records what a pad carries from now on.
    pub fn attach_probe(&mut self, pin: usize) {
        if pin < self.count() && !self.probes.iter().any(|probe| probe.pin == pin) {
            let before = self.carried[pin].signal;
            self.probes.push(Probe { pin, before, changes: VecDeque::new(), count: 0, lost: 0 });
        }
    }

    /// Whether what a pad carries is recorded.
    pub fn is_probed(&self, pin: usize) -> bool {
        self.probes.iter().any(|probe| probe.pin == pin)
    }

    /// Records what a pad carries no more.
    pub fn detach_probe(&mut self, pin: usize) {
        self.probes.retain(|probe| probe.pin != pin);
    }

    pub fn take_probed(&mut self, pin: usize) -> Vec<(Time, Signal)> {
        let Some(probe) = self.probes.iter_mut().find(|probe| probe.pin == pin) else { return Vec::new() };
        probe.before = probe.changes.back().map_or(probe.before, |(_, signal)| *signal);
        std::mem::take(&mut probe.changes).into()
    }

    /// Number of changes that the probe of a pad has recorded.
    pub fn changes(&self, pin: usize) -> u64 {
        self.probes.iter().find(|probe| probe.pin == pin).map_or(0, |probe| probe.count)
    }

    /// The changes of a pad after the first `skip` that its probe has recorded, as far as they are kept, and what came before them.
    pub fn probed(&self, pin: usize, skip: u64) -> Option<(Signal, Vec<(Time, Signal)>)> {
        let probe = self.probes.iter().find(|probe| probe.pin == pin)?;
        let gone = probe.count - probe.changes.len() as u64;
        let first = (skip.saturating_sub(gone) as usize).min(probe.changes.len());
        let before = first.checked_sub(1).map_or(probe.before, |last| probe.changes[last].1);
        Some((before, probe.changes.iter().skip(first).copied().collect()))
    }

    /// Changes that the probe of a pad has lost because they were not taken.
    pub fn lost_by_probe(&self, pin: usize) -> u64 {
        self.probes.iter().find(|probe| probe.pin == pin).map_or(0, |probe| probe.lost)
    }

    /// Returns the number of times that two drivers came to want different levels of a followed pad, with the time and the pad
    /// of the first.
    pub fn conflicts(&self) -> Option<(u64, Time, usize)> {
        self.first_conflict.map(|(at, pin)| (self.conflicts, at, pin))
    }

    pub fn power_cycle(&mut self) {
        self.carried.fill(Carried::default());
    }

    /// Returns the signal on a followed pad.
    pub fn carried(&self, pin: usize) -> Carried {
        self.carried[pin]
    }

    /// A pad carries something from `at` on. True if that is news.
    pub fn carry(&mut self, pin: usize, carried: Carried, at: Time) -> bool {
        let before = std::mem::replace(&mut self.carried[pin], carried);
        if before == carried {
            return false;
        }
        self.seen[pin] = at;
        if carried.conflict && !before.conflict {
            self.conflicts += 1;
            self.first_conflict.get_or_insert((at, pin));
        }
        let signal = carried.signal;
        if before.signal == signal {
            return true;
        }
        if let Some(probe) = self.probes.iter_mut().find(|probe| probe.pin == pin) {
            probe.record(signal, at);
        }
        true
    }
}

/// The pads of a mask.
pub fn pads(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let pin = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (pin < u64::BITS as usize).then_some(pin)
    })
}
