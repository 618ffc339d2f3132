//! The way between blocks and pads: what drives each pad that something is connected to, and which inputs hear it.

use espalier_core::{Signal, Time};

use super::chip::Chip;
use super::settle::Settle;
use crate::platform::{Input, inverted};

/// How often in a row parts may answer what they did to pads themselves, before guest time has to go on.
const ANSWERS: usize = 16;

/// The pads of a mask.
fn pads(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let pin = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (pin < u64::BITS as usize).then_some(pin)
    })
}

pub trait Wires: Settle {
    /// The matrix of pads has changed what it drives onto the pads of `changes`.
    fn follow_matrix(&mut self, changes: u64, now: Time) {
        if changes == 0 {
            return;
        }
        let platform = self.platform_mut();
        platform.parts.follow_buses(platform.blocks.matrix(), now);
        // What a part gives to a wire is there before the next edge.
        if platform.parts.is_dirty() {
            self.settle_parts(now);
        }
        if changes & self.platform().followed() != 0 {
            self.connect_wires(now);
        }
    }

    /// Connects the inputs of a block, if it listens to others than before.
    fn follow_listeners(&mut self, index: usize, now: Time) {
        let connected = self.platform().pads.inputs.iter().filter(|input| input.block == index).copied();
        if !connected.eq(self.listeners_of(index)) {
            self.connect_wires(now);
        }
    }

    /// Follows what drives the inputs of a block up to `now`: an output may change without a deadline of its own.
    fn follow_inputs(&mut self, index: usize, now: Time) {
        let pads = &self.platform().pads;
        let heard = pads.inputs.iter().filter(|input| input.block == index);
        let drivers: Vec<usize> = heard.filter_map(|input| Some(pads.drivers[input.pin]?.0)).collect();
        for driver in drivers.into_iter().filter(|driver| *driver != index) {
            self.platform_mut().blocks.device_mut(driver).advance(now);
            self.carry_changes(driver);
            self.settle_interrupts(driver);
            self.platform_mut().renew_deadline(driver);
        }
    }

    /// The inputs of a block that listen to pads.
    fn listeners_of(&self, block: usize) -> impl Iterator<Item = Input> {
        let platform = self.platform();
        let (row, matrix) = (platform.map.row(block), platform.blocks.matrix());
        pads(platform.blocks.device(block).listening()).filter_map(move |input| {
            let (pin, inverted) = matrix.in_signal(row.input(input)?)?;
            Some(Input { block, input, pin, inverted })
        })
    }

    /// The inputs of all blocks that listen to pads.
    fn listeners(&self) -> Vec<Input> {
        let rows = self.platform().map.rows().iter().enumerate();
        let hearing = rows.filter(|(_, row)| !row.inputs.is_empty());
        hearing.flat_map(|(block, _)| self.listeners_of(block)).collect()
    }

    /// Looks again which block drives what, after the matrix, a pad or a block that listens has changed.
    fn connect_wires(&mut self, now: Time) {
        let inputs = self.listeners();
        let platform = self.platform();
        if platform.followed() == 0 && inputs.is_empty() {
            return;
        }
        let rows = platform.map.rows().iter().enumerate();
        let driving: Vec<usize> = rows.filter(|(_, row)| row.outputs.is_some()).map(|(index, _)| index).collect();
        // What the old connections carry until now still goes their way.
        for index in &driving {
            self.platform_mut().blocks.device_mut(*index).advance(now);
        }
        for index in &driving {
            self.carry_changes(*index);
        }
        let before = std::mem::replace(&mut self.platform_mut().pads.inputs, inputs.clone());
        self.platform_mut().pads.drivers.fill(None);
        for pin in pads(self.platform().followed()) {
            let platform = self.platform_mut();
            let matrix = platform.blocks.matrix();
            let signal = matrix.out_signal(pin);
            let output = |index: &usize| Some((*index, platform.map.row(*index).outputs?.position(signal)?));
            let driver = driving.iter().find_map(output);
            let driven = match driver {
                Some((index, output)) => {
                    inverted(platform.blocks.device(index).output(output), matrix.is_inverted(pin))
                }
                None => Signal::Level(matrix.level(pin)),
            };
            platform.pads.drivers[pin] = driver;
            self.carry(pin, driven, now);
        }
        let platform = self.platform_mut();
        for input in inputs.iter().filter(|input| !before.contains(input)) {
            let signal = inverted(platform.pads.signal(input.pin), input.inverted);
            platform.blocks.device_mut(input.block).connect_input(input.input, signal);
        }
        for index in &driving {
            let driven = platform.pads.drivers.iter().flatten().filter(|(block, _)| block == index);
            let watched = driven.fold(0, |mask, (_, output)| mask | 1 << output);
            platform.blocks.device_mut(*index).set_watched(watched);
        }
        for index in driving.into_iter().chain(inputs.into_iter().map(|input| input.block)) {
            self.settle_interrupts(index);
            self.platform_mut().renew_deadline(index);
        }
    }

    /// Carries what the outputs of a block have done to the pads that the matrix connects them to.
    fn carry_changes(&mut self, index: usize) {
        let changes = self.platform_mut().blocks.device_mut(index).take_output_changes();
        for change in changes {
            for pin in pads(self.platform().followed()) {
                let platform = self.platform();
                if platform.pads.drivers[pin] == Some((index, change.output)) {
                    let signal = inverted(change.signal, platform.blocks.matrix().is_inverted(pin));
                    self.carry(pin, signal, change.at);
                }
            }
        }
    }

    /// A pad carries `signal` from `at` on.
    fn carry(&mut self, pin: usize, signal: Signal, at: Time) {
        let platform = self.platform_mut();
        if !platform.pads.carry(pin, signal, at) {
            return;
        }
        platform.events.pad(pin, signal, at);
        platform.parts.carry(pin, signal, at);
        for index in 0..platform.pads.inputs.len() {
            let platform = self.platform_mut();
            let input = platform.pads.inputs[index];
            if input.pin == pin {
                let heard = inverted(signal, input.inverted);
                platform.blocks.device_mut(input.block).set_input(input.input, heard, at);
                self.settle_interrupts(input.block);
                self.platform_mut().renew_deadline(input.block);
            }
        }
    }

    /// Follows the lines up to `now`, for an observer outside the machine.
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
                self.update_inputs();
                self.connect_wires(now);
            }
        }
        self.platform_mut().renew_parts();
    }

    /// A part was changed from outside.
    fn follow_parts(&mut self, now: Time) {
        let now = self.platform_mut().tick(now);
        self.settle_parts(now);
    }

    fn attach_probe(&mut self, pin: usize, now: Time) {
        self.follow_wires(now);
        self.platform_mut().pads.attach_probe(pin);
        self.follow_wires(now);
        self.platform_mut().pads.take_probed(pin);
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
            self.update_inputs();
            self.connect_wires(now);
        }
    }
}

impl<C: Chip> Wires for C {}
