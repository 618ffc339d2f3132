//! The way between blocks and pads: what drives each pad, what its net carries, and who hears it.

use espalier_core::{Signal, Time};

use super::chip::{Chip, PadFunction};
use super::settle::Settle;
use crate::platform::{Carried, FarEnd, Input, NetDriver, Platform, Source, WireDrive, pads, resolve, strongest};

/// Edges of a wave that are followed one after the other for a block that takes no waves, before those between are left out.
const MOST_STEPS: u64 = 1 << 16;
/// Number of times in a row that parts may answer their own changes of pads before guest time has to go on.
const ANSWERS: usize = 16;

pub trait Wires: Settle {
    /// The matrix of pads has changed what it drives onto the pads of `changes`, or how it looks at them.
    fn follow_matrix(&mut self, changes: u64, now: Time) {
        if changes == 0 {
            return;
        }
        let platform = self.platform_mut();
        platform.parts.follow_buses(platform.blocks.matrix(), now);
        // A level that a part drives onto a wire is there before the next edge.
        if platform.parts.is_dirty() {
            self.settle_parts(now);
        }
        let mut rerouted = 0;
        for pin in pads(changes) {
            rerouted |= u64::from(self.driver_of(pin) != self.platform().pads.drivers[pin]) << pin;
        }
        let lines = &self.platform().pads;
        let sensed = self.platform().blocks.matrix().sensed();
        let followed = lines.followed | sensed & (lines.waving() | lines.wired() | rerouted);
        let concerned = lines.with_nets(changes) & followed;
        if concerned & (lines.with_nets(rerouted) | sensed ^ lines.sensed) != 0 {
            self.connect_wires(now);
            return;
        }
        for pin in pads(rerouted) {
            self.platform_mut().pads.drivers[pin] = self.driver_of(pin);
        }
        for pin in pads(concerned) {
            self.carry(pin, now);
        }
        let others = self.platform().pads.with_nets(changes) & (self.platform().pads.wired() | rerouted);
        self.update_pads(others & !concerned, now);
        self.renew_pads();
    }

    /// The block and its output that drive a pad.
    fn driver_of(&self, pin: usize) -> Option<(usize, usize)> {
        let platform = self.platform();
        let signal = match self.pad_function(pin) {
            PadFunction::None => return None,
            PadFunction::Signal(signal) => signal,
            PadFunction::Matrix => platform.blocks.matrix().out_signal(pin),
        };
        platform.map.driver_of(signal)
    }

    /// Connects the inputs of a block, if it listens to others than before.
    fn follow_listeners(&mut self, index: usize, now: Time) {
        let platform = self.platform();
        if platform.blocks.device(index).listening() != platform.pads.listening[index] {
            self.connect_wires(now);
        }
    }

    /// Follows what drives the inputs of a block up to `now`: an output may change without a deadline of its own.
    fn follow_inputs(&mut self, index: usize, now: Time) {
        if !self.platform().pads.fed[index] {
            return;
        }
        let mut drivers = 0_u128;
        for input in self.platform().pads.inputs.iter().filter(|input| input.block == index) {
            for pin in input.pin().into_iter().flat_map(|pin| pads(self.platform().pads.net(pin))) {
                if let Some((driver, _)) = self.platform().pads.drivers[pin] {
                    drivers |= 1 << driver;
                }
            }
        }
        self.follow_blocks(drivers & !(1 << index), now);
        self.step_waves(now);
    }

    /// Follows blocks up to `now` and carries what their outputs have done: bit n is block n.
    fn follow_blocks(&mut self, mut blocks: u128, now: Time) {
        if blocks != 0 {
            self.platform_mut().forget_steady();
        }
        while blocks != 0 {
            let index = blocks.trailing_zeros() as usize;
            blocks &= blocks - 1;
            self.platform_mut().blocks.device_mut(index).advance(now);
            self.carry_changes(index);
            self.settle_interrupts(index);
            self.platform_mut().renew_deadline(index);
        }
    }

    /// Software is about to read the levels of pads: works out those that blocks drive.
    fn look_at_pads(&mut self, now: Time) {
        let lines = &self.platform().pads;
        let waving = lines.waving() | self.platform().wire_ends.pads();
        if waving == 0 {
            return;
        }
        let driving = lines.drivers.iter().flatten().fold(0_u128, |mask, (block, _)| mask | 1 << block);
        self.follow_blocks(driving, now);
        self.step_waves(now);
        for pin in pads(waving) {
            self.bring(pin);
        }
        self.update_pads(waving, now);
    }

    /// Takes over what the block that drives a pad puts out.
    fn bring(&mut self, pin: usize) {
        let platform = self.platform_mut();
        if let Some((index, output)) = platform.pads.drivers[pin] {
            let inverted = platform.blocks.matrix().is_inverted(pin);
            platform.pads.brought[pin] = platform.blocks.device(index).output(output).inverted(inverted);
        }
    }

    /// The inputs of a block that listen.
    fn listeners_of(&self, block: usize) -> impl Iterator<Item = Input> {
        let platform = self.platform();
        let (row, matrix) = (platform.map.row(block), platform.blocks.matrix());
        pads(platform.blocks.device(block).listening()).filter_map(move |input| {
            let signal = row.input(input)?;
            let pad = |(pin, inverted)| Source::Pad { pin, inverted };
            let direct = || matrix.is_direct(signal).then(|| self.direct_input(signal)).flatten();
            let source = matrix.in_signal(signal).or_else(|| direct().map(|pin| (pin, false))).map(pad);
            let source = source.or_else(|| matrix.constant(signal).map(Source::Constant))?;
            Some(Input { block, input, source })
        })
    }

    /// The inputs of all blocks that listen.
    fn listeners(&self) -> Vec<Input> {
        let rows = self.platform().map.rows().iter().enumerate();
        let hearing = rows.filter(|(_, row)| !row.inputs.is_empty());
        hearing.flat_map(|(block, _)| self.listeners_of(block)).collect()
    }

    /// Looks again which block drives what, after the matrix, a pad or a block that listens has changed.
    fn connect_wires(&mut self, now: Time) {
        self.platform_mut().forget_steady();
        let rows = self.platform().map.rows().iter().enumerate();
        let driving: Vec<usize> = rows.filter(|(_, row)| row.outputs.is_some()).map(|(index, _)| index).collect();
        // Signals of the old connections up to now still take their way.
        for index in &driving {
            self.platform_mut().blocks.device_mut(*index).advance(now);
        }
        for index in &driving {
            self.carry_changes(*index);
        }
        self.step_waves(now);
        let inputs = self.listeners();
        for pin in 0..self.platform().pads.count() {
            self.platform_mut().pads.drivers[pin] = self.driver_of(pin);
            self.bring(pin);
        }
        let before = std::mem::replace(&mut self.platform_mut().pads.inputs, inputs.clone());
        self.choose_pads();
        self.update_pads(u64::MAX, now);
        // Inputs with earlier connections go on; new ones are connected, which is no edge.
        self.platform_mut().pads.inputs.retain(|input| before.contains(input));
        for pin in pads(self.platform().pads.followed) {
            self.carry(pin, now);
        }
        self.platform_mut().pads.inputs.clone_from(&inputs);
        for input in inputs.iter().filter(|input| !before.contains(input)) {
            self.connect(*input, now);
        }
        let has = |gone: &Input| inputs.iter().any(|input| (input.block, input.input) == (gone.block, gone.input));
        for gone in before.iter().filter(|gone| !has(gone)) {
            self.platform_mut().blocks.device_mut(gone.block).release_input(gone.input, now);
        }
        for index in &driving {
            let platform = self.platform_mut();
            let followed = pads(platform.pads.followed).filter_map(|pin| platform.pads.drivers[pin]);
            let driven = followed.filter(|(block, _)| block == index);
            let watched = driven.fold(0, |mask, (_, output)| mask | 1 << output);
            platform.blocks.device_mut(*index).set_watched(watched);
            let heard = platform.pads.with_nets(platform.pads.heard_inside() | platform.wire_ends.first());
            let awaited = pads(heard).filter_map(|pin| platform.pads.drivers[pin]).filter(|(block, _)| block == index);
            let awaited = awaited.fold(0, |mask, (_, output)| mask | 1 << output);
            platform.blocks.device_mut(*index).set_awaited(awaited);
        }
        for index in driving.into_iter().chain(inputs.into_iter().chain(before).map(|input| input.block)) {
            self.settle_interrupts(index);
            self.platform_mut().renew_deadline(index);
        }
        self.renew_pads();
    }

    /// Chooses which pads are followed, and which of them edge by edge.
    fn choose_pads(&mut self) {
        let platform = self.platform_mut();
        let sensed = platform.blocks.matrix().sensed();
        let lines = &platform.pads;
        let heard = |input: &Input| Some((input.pin()?, platform.blocks.device(input.block).takes_waves()));
        let in_steps = lines.inputs.iter().filter_map(heard).filter(|(_, waves)| !waves);
        let stepped = in_steps.fold(sensed, |mask, (pin, _)| mask | 1 << pin);
        let followed = lines.with_nets(platform.looked_at() | sensed & (lines.waving() | lines.wired()));
        let mut fed = vec![false; platform.map.rows().len()];
        let mut listening = vec![0; fed.len()];
        for input in &lines.inputs {
            let net = input.pin().map_or(0, |pin| lines.net(pin));
            fed[input.block] |= pads(net).any(|pin| lines.drivers[pin].is_some());
        }
        for (index, _) in platform.map.rows().iter().enumerate().filter(|(_, row)| !row.inputs.is_empty()) {
            listening[index] = platform.blocks.device(index).listening();
        }
        let lines = &mut platform.pads;
        (lines.sensed, lines.followed, lines.stepped) = (sensed, followed, stepped & followed);
        (lines.fed, lines.listening) = (fed, listening);
    }

    /// An input of a block is connected to what it hears from now on, which is no edge.
    fn connect(&mut self, input: Input, now: Time) {
        let (signal, driven) = match input.source {
            Source::Constant(level) => (Signal::Level(level), true),
            Source::Pad { pin, inverted } => {
                let carried = self.platform().pads.carried(pin);
                (carried.signal.inverted(inverted), carried.driven)
            }
        };
        let platform = self.platform_mut();
        let serial = platform.map.row(input.block).serial;
        let device = platform.blocks.device_mut(input.block);
        if serial && !driven {
            device.release_input(input.input, now);
        } else if device.takes_waves() {
            device.connect_input(input.input, signal);
        } else {
            device.connect_input(input.input, Signal::Level(signal.level_at(now)));
        }
    }

    /// Carries what the outputs of a block have done to the pads that they drive.
    fn carry_changes(&mut self, index: usize) {
        let changes = self.platform_mut().blocks.device_mut(index).take_output_changes();
        for change in changes {
            for pin in pads(self.platform().pads.followed) {
                let platform = self.platform_mut();
                if platform.pads.drivers[pin] == Some((index, change.output)) {
                    let inverted = platform.blocks.matrix().is_inverted(pin);
                    platform.pads.brought[pin] = change.signal.inverted(inverted);
                    for pin in pads(platform.pads.net(pin)) {
                        self.carry(pin, change.at);
                    }
                }
            }
        }
    }

    /// The drivers of a net that are on the board, but for the GPIO output of the pad `without`.
    fn drivers_of(&self, net: u64, without: Option<usize>) -> impl Iterator<Item = NetDriver> {
        let platform = self.platform();
        let (lines, matrix) = (&platform.pads, platform.blocks.matrix());
        let chip = move |pad: usize| match lines.drivers[pad] {
            Some(_) => {
                let driver = NetDriver { signal: lines.brought[pad], open_drain: matrix.is_open_drain(pad) };
                (self.pad_function(pad) != PadFunction::Matrix || matrix.is_enabled(pad)).then_some(driver)
            }
            // A released open drain drives nothing, and one that pulls low is a driver like others.
            None if without != Some(pad) => matrix.output(pad).map(|level| NetDriver::of(Signal::Level(level))),
            None => None,
        };
        let outside = |pad: usize| platform.driven[pad].map(|level| NetDriver::of(Signal::Level(level)));
        let part = |pad: usize| platform.parts.driver(pad);
        pads(net).flat_map(move |pad| [chip(pad), outside(pad), part(pad)]).flatten()
    }

    /// The pull of resistors on the board at a net.
    fn resistor_of(&self, net: u64) -> Option<bool> {
        strongest(pads(net).filter_map(|pad| self.platform().parts.resistor(pad)))
    }

    /// The pull of resistors in the chip at a net.
    fn pull_of(&self, net: u64) -> Option<bool> {
        strongest(pads(net).filter_map(|pad| self.pull(pad)))
    }

    /// Returns the signal on a pad. Its own GPIO output counts only if `own`: the block of the pads knows that itself.
    fn carried_by(&self, pin: usize, own: bool) -> Carried {
        let ends = &self.platform().wire_ends;
        let net = self.platform().pads.net(pin);
        let drivers = self.drivers_of(net, (!own).then_some(pin)).chain(ends.drivers(net));
        // A resistor on a board is stronger than one of a chip.
        let resistor = strongest(self.resistor_of(net).into_iter().chain(ends.resistor(net)));
        let resistor = resistor.or_else(|| strongest(self.pull_of(net).into_iter().chain(ends.pull(net))));
        resolve(drivers, resistor)
    }

    /// The board's drive on a net.
    fn wire_drive(&self, pin: usize) -> WireDrive {
        let net = self.platform().pads.net(pin);
        WireDrive::new(self.drivers_of(net, None), self.resistor_of(net), self.pull_of(net))
    }

    /// Notes the board's drive on a net from which a wire leads off it.
    fn note_wire(&mut self, pin: usize, at: Time) {
        let drive = self.wire_drive(pin);
        self.platform_mut().wire_ends.note(pin, drive, at);
    }

    /// Follows the drivers of the wires that lead off the board up to `now`, so that all their changes are told.
    fn follow_wire_ends(&mut self, now: Time) {
        let now = self.platform_mut().tick(now);
        if !self.platform_mut().wire_ends.is_behind(now) {
            return;
        }
        let drivers = pads(self.platform().wire_ends.pads()).filter_map(|pin| self.platform().pads.drivers[pin]);
        let blocks = drivers.fold(0_u128, |mask, (block, _)| mask | 1 << block);
        self.follow_blocks(blocks, now);
        for pin in pads(self.platform().wire_ends.first()) {
            self.note_wire(pin, now);
        }
    }

    /// Takes in the drives that have arrived over wires from other boards.
    fn hear_wires(&mut self, now: Time) {
        while let Some((at, pin)) = self.platform_mut().wire_ends.take_due(now) {
            self.platform_mut().forget_steady();
            self.step_waves(at);
            self.before_pads_change(at);
            for pin in pads(self.platform().pads.net(pin)) {
                self.carry(pin, at);
            }
        }
        if self.platform().parts.is_dirty() {
            self.settle_parts(now);
        }
        self.platform_mut().renew_wire_ends();
    }

    /// Tells the chip the levels that pads have while it does not drive them itself.
    fn update_pads(&mut self, mask: u64, now: Time) {
        if mask == 0 {
            return;
        }
        for pin in pads(mask & (u64::MAX >> (u64::BITS as usize - self.platform().pads.count()))) {
            let carried = self.carried_by(pin, false);
            self.set_pad(pin, carried.signal.level_at(now), carried.driven);
        }
        self.platform_mut().forget_steady();
        self.pads_changed(now);
    }

    /// Works out what a pad that is followed carries from `at` on, and tells those who hear it.
    fn carry(&mut self, pin: usize, at: Time) {
        if self.platform().wire_ends.first() >> pin & 1 != 0 {
            self.note_wire(pin, at);
        }
        let carried = self.carried_by(pin, true);
        let platform = self.platform_mut();
        let before = platform.pads.carried(pin).signal;
        if !platform.pads.carry(pin, carried, at) {
            return;
        }
        if before != carried.signal {
            platform.events.pad(pin, carried.signal, at);
            platform.parts.carry(pin, carried.signal, at);
        }
        let told = platform.pads.sensed | platform.pads.wired() | platform.wire_ends.pads();
        if told >> pin & 1 != 0 {
            self.update_pads(1 << pin, at);
        }
        for index in 0..self.platform().pads.inputs.len() {
            let input = self.platform().pads.inputs[index];
            if let Source::Pad { pin: heard, inverted } = input.source
                && heard == pin
            {
                self.tell(input, carried.signal.inverted(inverted), carried.driven, at);
            }
        }
        if self.platform().pads.stepped >> pin & 1 != 0 {
            self.renew_pads();
        }
    }

    /// An input of a block carries something else from `at` on.
    fn tell(&mut self, input: Input, signal: Signal, driven: bool, at: Time) {
        let platform = self.platform_mut();
        platform.forget_steady();
        let serial = platform.map.row(input.block).serial;
        let device = platform.blocks.device_mut(input.block);
        if serial && !driven {
            // A serial port without a driver at its pad hears what is sent to the port, which idles as it expects.
            device.release_input(input.input, at);
        } else if device.takes_waves() {
            device.set_input(input.input, signal, at);
        } else {
            device.set_input(input.input, Signal::Level(signal.level_at(at)), at);
        }
        self.carry_changes(input.block);
        self.settle_interrupts(input.block);
        self.platform_mut().renew_deadline(input.block);
    }

    /// Follows the edges of waves up to `now` for those who take no waves.
    fn step_waves(&mut self, now: Time) {
        for pin in pads(self.platform().pads.stepped) {
            let signal = self.platform().pads.carried(pin).signal;
            let from = self.platform().pads.seen[pin];
            let edges = signal.edges(from, now);
            if edges == 0 {
                continue;
            }
            self.platform_mut().pads.seen[pin] = now;
            self.platform_mut().forget_steady();
            self.step_inputs(pin, signal, from, now);
            if self.platform().pads.sensed >> pin & 1 != 0 {
                let held = self.platform().pads.carried(pin).driven;
                let last = signal.level_at(now);
                // Of many edges since then one of each kind does what all of them do.
                if edges > 1 {
                    self.set_pad(pin, !last, held);
                }
                self.set_pad(pin, last, held);
                self.pads_changed(now);
            }
        }
    }

    /// Gives the blocks that take no waves the edges of one.
    fn step_inputs(&mut self, pin: usize, signal: Signal, from: Time, now: Time) {
        for index in 0..self.platform().pads.inputs.len() {
            let input = self.platform().pads.inputs[index];
            let Source::Pad { pin: heard, inverted } = input.source else { continue };
            if heard != pin || self.platform().blocks.device(input.block).takes_waves() {
                continue;
            }
            let (mut at, mut steps) = (from, 0);
            while let Some((edge, level)) = signal.next_edge(at).filter(|(edge, _)| *edge <= now && steps < MOST_STEPS)
            {
                (at, steps) = (edge, steps + 1);
                self.platform_mut().blocks.device_mut(input.block).set_input(
                    input.input,
                    Signal::Level(level != inverted),
                    edge,
                );
            }
            self.carry_changes(input.block);
            self.settle_interrupts(input.block);
            self.platform_mut().renew_deadline(input.block);
        }
    }

    /// Asks when the next edge of a wave has to be followed.
    fn renew_pads(&mut self) {
        let platform = self.platform();
        let lines = &platform.pads;
        let slot = platform.pads_slot();
        if lines.stepped == 0 {
            self.platform_mut().set_deadline(slot, None);
            return;
        }
        let awaited = platform.blocks.matrix().awaited();
        let heard = lines.inputs.iter().filter(|input| !platform.blocks.device(input.block).takes_waves());
        let due = heard.filter_map(Input::pin).fold(awaited, |mask, pin| mask | 1 << pin) & lines.stepped;
        let edges = pads(due).filter_map(|pin| lines.carried(pin).signal.next_edge(lines.seen[pin]));
        let next = edges.map(|(at, _)| at).min();
        self.platform_mut().set_deadline(slot, next);
    }

    /// Other wires lead off the board from now on.
    fn connect_wire_ends(&mut self, ends: &[FarEnd], now: Time) {
        let now = self.platform_mut().tick(now);
        let Platform { wire_ends, pads, .. } = self.platform_mut();
        wire_ends.connect(ends, |pin| pads.net(pin));
        self.follow_wires(now);
        self.platform_mut().renew_wire_ends();
    }

    /// Follows the lines up to `now`, for a view from outside.
    fn follow_wires(&mut self, now: Time) {
        let now = self.platform_mut().tick(now);
        self.connect_wires(now);
        if self.platform().parts.is_dirty() {
            self.settle_parts(now);
        }
    }

    /// Follows what parts did to their pads.
    fn settle_parts(&mut self, now: Time) {
        for _ in 0..ANSWERS {
            let changes = self.platform_mut().parts.take_changes();
            if !changes.pads && changes.touches.is_empty() {
                break;
            }
            self.platform_mut().forget_steady();
            self.before_pads_change(now);
            for (gpio, touched) in changes.touches {
                self.set_touched(gpio, touched);
            }
            if changes.pads {
                self.follow_pulls(u64::MAX, now);
            }
        }
        self.platform_mut().renew_parts();
    }

    /// A part was changed from outside.
    fn follow_parts(&mut self, now: Time) {
        let now = self.platform_mut().tick(now);
        self.settle_parts(now);
    }

    /// Returns the signal on a pad.
    fn pad(&mut self, pin: usize, now: Time) -> Carried {
        let now = self.platform_mut().tick(now);
        let net = self.platform().pads.net(pin);
        let drivers = pads(net).filter_map(|pin| self.platform().pads.drivers[pin]);
        let blocks = drivers.fold(0_u128, |mask, (block, _)| mask | 1 << block);
        self.follow_blocks(blocks, now);
        pads(net).for_each(|pin| self.bring(pin));
        self.carried_by(pin, true)
    }

    fn attach_probe(&mut self, pin: usize, now: Time) {
        if self.platform().pads.is_probed(pin) {
            return;
        }
        self.follow_wires(now);
        self.platform_mut().pads.attach_probe(pin);
        self.follow_wires(now);
        self.platform_mut().pads.take_probed(pin);
    }

    fn detach_probe(&mut self, pin: usize, now: Time) {
        self.follow_wires(now);
        self.platform_mut().pads.detach_probe(pin);
        self.follow_wires(now);
    }

    fn take_probed(&mut self, pin: usize, now: Time) -> Vec<(Time, Signal)> {
        self.follow_wires(now);
        self.platform_mut().pads.take_probed(pin)
    }

    /// Drives a pad from outside, or lets go of it.
    fn drive_pin(&mut self, pin: usize, level: Option<bool>, now: Time) {
        let now = self.platform_mut().tick(now);
        if let Some(driven) = self.platform_mut().driven.get_mut(pin) {
            *driven = level;
            self.connect_wires(now);
        }
    }

    /// Updates pads of a mask after a change of their drivers or pulls outside.
    fn follow_pulls(&mut self, mask: u64, now: Time) {
        let lines = &self.platform().pads;
        let (concerned, followed) =
            (lines.with_nets(mask & (u64::MAX >> (u64::BITS as usize - lines.count()))), lines.followed);
        self.update_pads(concerned, now);
        for pin in pads(concerned & followed) {
            self.carry(pin, now);
        }
    }
}

impl<C: Chip> Wires for C {}
