//! The signals on the pads: what drives each of them, what its net carries, and the blocks and parts that hear it.

use espalier_core::{Signal, Time};

use super::chip::{Chip, PadFunction};
use super::interrupts::Interrupts;
use crate::platform::{Carried, Input, NetDriver, Source, WireDrive, pads, resolve, strongest};

/// Edges of a wave that are followed one after the other for a block that takes no waves, before those between are left out.
const MOST_STEPS: u64 = 1 << 16;

pub trait PadSignals: Interrupts {
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

    /// Takes over what the block that drives a pad puts out.
    fn bring(&mut self, pin: usize) {
        let platform = self.platform_mut();
        if let Some((index, output)) = platform.pads.drivers[pin] {
            let inverted = platform.blocks.matrix().is_inverted(pin);
            platform.pads.brought[pin] = platform.blocks.device(index).output(output).inverted(inverted);
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
        let hears_release = platform.map.row(input.block).hears_release(input.input);
        let device = platform.blocks.device_mut(input.block);
        if hears_release && !driven {
            // A serial port without a driver at its pad hears what is sent to the port.
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
}

impl<C: Chip> PadSignals for C {}
