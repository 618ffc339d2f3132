//! The board's power supply, and what its loss leaves in the flash chip.
//!
//! Without power the memories of the chip, RTC memory among them, its registers and those of the parts lose what they held. The flash
//! chip and the eFuses keep it; what the flash chip was about to change is torn (see the flash chip's model in `espalier-parts`).
//! Inputs from hands, networks and sensors outside stay as they are.

use espalier_core::{Interests, Observer, Time};
use espalier_parts::{FlashHistory, FlashMemory, FlashSectors};
use espalier_peripherals::ResetCause;

use super::{Machine, Strap};
use crate::error::SocError;

/// Below this, the chip does not work (ESP32 datasheet, "Recommended Power Supply Characteristics").
const LEAST_MILLIVOLTS: u32 = 2300;

/// Has every access of the cores go by where it is noted.
struct FlashReads;

impl Observer for FlashReads {
    fn interests(&self) -> Interests {
        Interests { blocks: true, accesses: true, ..Interests::default() }
    }

    fn fork(&self) -> Option<Box<dyn Observer>> {
        Some(Box::new(FlashReads))
    }
}

impl Machine {
    /// Takes the power away. Time passes from now on, but nothing runs before [`power_on`](Machine::power_on). An operation of the
    /// flash chip that was under way is torn by `seed`.
    pub fn cut_power(&mut self, seed: u64) {
        if self.run.off {
            return;
        }
        self.engine.lose_power(self.run.now, seed);
        // The pads let go of what is wired to them.
        self.engine.restart(&mut self.run, ResetCause::PowerOn, Strap::FlashBoot);
        self.run.off = true;
    }

    /// Gives the power back, after it was taken away for a moment if the board had it.
    pub fn power_on(&mut self, strap: Strap) {
        self.cut_power(self.config.seed);
        self.run.off = false;
        self.engine.restart(&mut self.run, ResetCause::PowerOn, strap);
    }

    /// Supplies the board with so many millivolts from now on. Below 2.3 V, which is what the chip's datasheet asks for, it loses its power
    /// as with [`cut_power`](Machine::cut_power); above, it gets it back. In between the chip's brown-out detector sees it.
    pub fn set_supply(&mut self, millivolts: u32, seed: u64) {
        match (millivolts < LEAST_MILLIVOLTS, self.run.off) {
            (true, false) => self.cut_power(seed),
            (false, true) => self.power_on(Strap::FlashBoot),
            _ => {}
        }
        if !self.run.off {
            self.engine.set_supply(millivolts, self.run.now);
        }
    }

    /// False between [`cut_power`](Machine::cut_power) and [`power_on`](Machine::power_on).
    pub fn is_powered(&self) -> bool {
        !self.run.off
    }

    /// Lets time pass for the world around a board without power.
    pub(super) fn pass_without_power(&mut self, until: Time) {
        self.run.now = self.run.now.max(until);
        self.lan_mut();
        self.air_mut();
        self.engine.hear_wires(self.run.now);
        let now = self.run.now;
        if let Some(ports) = &mut self.engine.platform_mut().ports {
            ports.drop_due(now);
        }
    }

    /// Records from now on what the chip does to its flash chip, as long as that takes no more than `limit` bytes. Forks go on
    /// recording; a snapshot does not have it.
    pub fn record_flash(&mut self, limit: usize) {
        self.engine.platform_mut().parts.flash.record_history(limit);
    }

    /// Returns the recorded operations on the flash chip.
    pub fn flash_history(&self) -> Option<&FlashHistory> {
        self.flash().history()
    }

    /// Notes from now on which sectors of the flash chip are read, also through the caches of an ESP32, or stops that. Meanwhile code is
    /// not translated. Forks go on with it.
    pub fn watch_flash_reads(&mut self, watch: bool) {
        self.take_observer::<FlashReads>();
        if watch {
            self.observe(FlashReads);
        }
        self.engine.platform_mut().parts.flash.watch_reads(watch);
    }

    /// The sectors that were read, if they are watched.
    pub fn flash_reads(&self) -> Option<&FlashSectors> {
        self.flash().reads()
    }

    /// Replaces the content of the flash chip by that of another one.
    ///
    /// # Errors
    /// If the other one has another size.
    pub fn set_flash_content(&mut self, content: &FlashMemory) -> Result<(), SocError> {
        let platform = self.engine.platform_mut();
        platform.parts.flash.set_content(content)?;
        platform.note_flash_change();
        Ok(())
    }
}
