//! The connections of the pads: the blocks that the matrix puts on each of them, those that listen, parts, probes, and wires to other
//! boards.

use espalier_core::{Signal, Time};

use super::chip::{Chip, PadFunction};
use super::pad_signals::PadSignals;
use crate::platform::{Carried, FarEnd, Input, Platform, Source, pads};

/// Number of times in a row that parts may answer their own changes of pads before guest time has to go on.
const ANSWERS: usize = 16;

pub trait PadConnections: PadSignals {
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
        let (block, output) = platform.map.driver_of(signal)?;
        let on = platform.map.row(block).is_on(output, platform.blocks.device(block).listening());
        on.then_some((block, output))
    }

    /// Connects the inputs of a block, if it listens to others than before.
    fn follow_listeners(&mut self, index: usize, now: Time) {
        let platform = self.platform();
        if platform.blocks.device(index).listening() != platform.pads.listening[index] {
            self.connect_wires(now);
        }
    }

    /// Connects the inputs of blocks again, if they hear other pads than before.
    fn connect_listeners(&mut self, now: Time) {
        if self.listeners() != self.platform().pads.inputs {
            self.connect_wires(now);
        }
        self.platform_mut().forget_steady();
    }

    /// Follows what drives the inputs of a block up to `now`: an output may change without a deadline of its own.
    #[inline(always)]
    fn follow_inputs(&mut self, index: usize, now: Time) {
        if self.platform().pads.fed[index] {
            self.follow_drivers(index, now);
        }
    }

    /// Works out what is driven onto the pads that feed a block.
    fn follow_drivers(&mut self, index: usize, now: Time) {
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

    /// The inputs of a block that listen.
    fn listeners_of(&self, block: usize) -> impl Iterator<Item = Input> {
        let platform = self.platform();
        let (row, matrix) = (platform.map.row(block), platform.blocks.matrix());
        pads(platform.blocks.device(block).listening()).filter_map(move |input| {
            let signal = row.input(input)?;
            let pad = |(pin, inverted)| match self.input_enabled(pin) {
                true => Source::Pad { pin, inverted },
                // Behind a buffer that is off.
                false => Source::Constant(inverted),
            };
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
            // A SPI slave takes a transfer as a whole, when the controller has come to its end, and an I2C controller is no other one.
            let row = |block: usize| platform.map.row(block);
            let patient = |block: usize| row(block).spi.is_some() || block == *index && row(block).two_wire;
            let heard = platform.pads.heard_inside(patient);
            let heard = platform.pads.with_nets(heard | platform.wire_ends.first());
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
        let hears_release = platform.map.row(input.block).hears_release(input.input);
        let device = platform.blocks.device_mut(input.block);
        if hears_release && !driven {
            device.release_input(input.input, now);
        } else if device.takes_waves() {
            device.connect_input(input.input, signal);
        } else {
            device.connect_input(input.input, Signal::Level(signal.level_at(now)));
        }
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
            if !changes.pads && !changes.switches && changes.touches.is_empty() {
                break;
            }
            self.platform_mut().forget_steady();
            self.before_pads_change(now);
            for (gpio, touched) in changes.touches {
                self.set_touched(gpio, touched);
            }
            if changes.switches {
                self.switch_nets(now);
            }
            if changes.pads {
                self.follow_pulls(u64::MAX, now);
            }
        }
        self.platform_mut().renew_parts();
    }

    /// Switches of parts connect other pads than before.
    fn switch_nets(&mut self, now: Time) {
        // Signals up to now take the way that there was.
        self.connect_wires(now);
        let Platform { wire_ends, pads, parts, .. } = self.platform_mut();
        pads.close(&parts.closed());
        wire_ends.follow_nets(|pin| pads.net(pin));
        self.connect_wires(now);
        self.platform_mut().renew_wire_ends();
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

impl<C: Chip> PadConnections for C {}
