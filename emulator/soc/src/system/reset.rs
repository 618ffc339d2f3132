//! Resets: what they reach and what they leave alone.

use espalier_core::{Device, Time};
use espalier_peripherals::{Cpu, ResetCause, ResetScope};

use super::{System, TIMED};
use crate::flash_mmu::FlashMmu;
use crate::map;
use crate::map::Block;
use crate::stub::Stub;

impl System {
    /// Sets the level of the strapping pins for the next chip reset.
    pub fn set_strap(&mut self, strap: u32, flash_boot: bool) {
        self.gpio.set_strap(strap);
        self.flash_boot = flash_boot;
    }

    /// Records the reset of one core.
    pub fn reset_core(&mut self, cause: ResetCause, cpu: Cpu, now: Time) {
        self.rtc.apply_reset(cause, Some(cpu), now);
        self.update_runs();
        self.renew_deadline(Block::RtcCntl);
    }

    /// A core's cache is empty again.
    pub(super) fn flush_cache(&mut self, cpu: Cpu) {
        self.flash_cache.flush(match cpu {
            Cpu::Pro => 0,
            Cpu::App => 1,
        });
        // Blocks that are decoded anew find out what is missing.
        self.code_epoch = self.code_epoch.wrapping_add(1);
        self.attention = true;
    }

    /// Resets everything in the scope of `cause`, which is more than one core.
    pub fn reset(&mut self, cause: ResetCause, now: Time) {
        for entry in map::MAP {
            let kept = matches!(entry.block, Block::RtcCntl | Block::RtcIo | Block::Sens | Block::Efuse);
            if let (false, Some(device)) = (kept, self.device(entry.block)) {
                device.reset();
            }
        }
        if cause.scope() >= ResetScope::System {
            self.efuse.reset();
            self.rtc_io.reset();
            self.sens.reset();
        }
        self.mmu = FlashMmu::default();
        self.stubs.fill(Stub::default());
        self.flush_cache(Cpu::Pro);
        self.flush_cache(Cpu::App);
        self.rtc.apply_reset(cause, None, now);
        self.rtc.set_flash_boot(self.flash_boot, now);
        self.timgs[0].set_flash_boot(self.flash_boot, now);
        self.effects.clear();
        while self.dport.take_effect().is_some() {}
        while self.rtc.take_effect().is_some() {}
        self.sens.set_touch_slopes(self.rtc_io.touch_slopes());
        self.update_touch_timer(now);
        self.gate_clocks(now);
        self.update_clocks(now);
        self.update_runs();
        self.update_inputs();
        self.connect_wires(now);
        for block in TIMED {
            self.settle_interrupts(block);
            self.renew_deadline(block);
        }
        self.update_lines();
    }

    /// RTC_CNTL_STORE6, which software keeps through a reset.
    pub fn store6(&self) -> u32 {
        self.rtc.store6()
    }

    /// The parts lose their power; the flash chip keeps its content.
    pub fn power_cycle(&mut self) {
        self.parts.power_cycle();
        self.wires.power_cycle();
    }
}
