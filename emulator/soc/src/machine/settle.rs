//! Carries the effects of blocks to their targets: interrupts, deadlines, pads, and the chip's own wiring.

use espalier_core::{Fault, Time};

use super::chip::{Chip, Network};
use super::pad_connections::PadConnections;
use crate::platform::block::Block;
use crate::platform::{Origin, Platform};

/// The wiring between the blocks of a chip, the same for every chip.
pub trait Settle: PadConnections {
    /// A core reads the word at `address`, which is not memory.
    fn read_register(&mut self, origin: Origin, address: u32, now: Time) -> Result<u32, Fault> {
        let now = self.platform_mut().tick(now);
        let place = self.platform().map.find(address);
        if let Some((index, _)) = place {
            self.follow_inputs(index, now);
            if Self::TABLE[index].row.shows_pads {
                self.look_at_pads(now);
            }
        }
        let (value, touched) = self.platform_mut().read(origin, address, place, now)?;
        if let Some(index) = touched {
            self.settle(index, now);
        }
        Ok(value)
    }

    /// A core writes the word at `address`, which is not memory.
    fn write_register(&mut self, origin: Origin, address: u32, value: u32, now: Time) -> Result<(), Fault> {
        let now = self.platform_mut().tick(now);
        let place = self.platform().map.find(address);
        if let Some((index, _)) = place {
            self.follow_inputs(index, now);
            if Self::TABLE[index].row.shows_pads && self.platform().pads.stepped != 0 {
                self.step_waves(now);
            }
        }
        if let Some(index) = self.platform_mut().write(origin, (address, place), value, now)? {
            self.settle(index, now);
        }
        Ok(())
    }

    /// Calls every block whose deadline has come.
    fn advance_due(&mut self, now: Time) {
        let now = self.platform_mut().tick(now);
        self.end_pulses();
        while let Some(slot) = self.platform_mut().take_due(now) {
            let platform = self.platform_mut();
            if slot == platform.lan_slot() {
                self.advance_network(Network::Lan, now);
            } else if slot == platform.air_slot() {
                self.advance_network(Network::Air, now);
            } else if slot == platform.ports_slot() {
                self.advance_network(Network::Ports, now);
            } else if slot == platform.parts_slot() {
                platform.parts.advance(now);
                self.settle_parts(now);
            } else if slot == platform.wires_slot() {
                self.hear_wires(now);
            } else if slot == platform.pads_slot() {
                self.step_waves(now);
                self.renew_pads();
            } else {
                self.follow_inputs(slot, now);
                self.platform_mut().blocks.device_mut(slot).advance(now);
                self.settle(slot, now);
            }
        }
    }

    /// Carries what a block did to where it belongs: after each access that can have done something, and each time it was advanced.
    fn settle(&mut self, index: usize, now: Time) {
        self.platform_mut().forget_steady();
        let Block { row, after, .. } = &Self::TABLE[index];
        if let Some(after) = after {
            after(self, now);
        }
        let (platform, memory) = self.with_memory();
        platform.settle_device(index, row, memory, now);
        if row.outputs.is_some() {
            self.carry_changes(index);
        }
        if self.platform().parts.is_dirty() {
            self.settle_parts(now);
        }
        if !row.inputs.is_empty() {
            self.follow_listeners(index, now);
        }
        if !row.edges.is_empty() {
            self.pulse(index);
        }
        self.settle_interrupts(index);
        self.platform_mut().renew_deadline(index);
    }

    /// Resets the blocks that have one of `bits` in a reset register of the chip.
    fn reset_blocks(&mut self, register: usize, bits: u32) {
        for index in 0..Self::TABLE.len() {
            let resets = Self::TABLE[index].row.resets;
            if resets.iter().any(|(of, bit)| *of == register && bits >> bit & 1 != 0) {
                self.reset_block(index);
            }
        }
    }

    /// The reset line of a block is pulsed.
    fn reset_block(&mut self, index: usize) {
        self.platform_mut().blocks.device_mut(index).reset();
        self.settle_interrupts(index);
        self.platform_mut().renew_deadline(index);
    }

    /// Tells every block of a change, such as that of a clock.
    fn for_each_block(&mut self, mut tell: impl FnMut(&mut Platform, usize)) {
        for index in 0..Self::TABLE.len() {
            tell(self.platform_mut(), index);
            self.carry_changes(index);
            self.platform_mut().renew_deadline(index);
        }
    }
}

impl<C: Chip> Settle for C {}
