//! Resets: what they reach and what they leave alone.

use espalier_core::{Device, Time};
use espalier_parts::Psram;
use espalier_peripherals::{ResetCause, ResetScope};

use super::external_ram::ExternalRam;
use super::flash_mmu::FLASH_ENTRIES;
use super::table::{DPORT, EFUSE, GPIO, RTC_CNTL, RTC_IO, SENS, TIMG};
use super::{CORES, Esp32, cpu};
use crate::machine::{Chip, Interrupts, PadConnections, Strap};

/// Where a core starts while PROCPU_STAT_VECTOR_SEL or APPCPU_STAT_VECTOR_SEL is clear (TRM "Low-Power Management", "RTC
/// Boot"): the start of RTC slow memory.
const RTC_VECTOR: u32 = 0x5000_0000;
const ROM_VECTOR: u32 = 0x4000_0400;
/// Values of GPIO_STRAP (TRM "GPIO_STRAP_REG").
const STRAP_FLASH_BOOT: u32 = 0x13;
const STRAP_DOWNLOAD: u32 = 0x03;

impl Esp32 {
    /// Sets the level of the strapping pins for the next chip reset.
    pub(super) fn strap(&mut self, strap: Strap) {
        self.flash_boot = strap == Strap::FlashBoot;
        let register = if self.flash_boot { STRAP_FLASH_BOOT } else { STRAP_DOWNLOAD };
        self.get_mut(GPIO).set_strap(register);
    }

    /// Where `core` starts after its next reset.
    pub(super) fn vector_of(&self, core: usize) -> u32 {
        if self.get(RTC_CNTL).starts_from_rom(cpu(core)) { ROM_VECTOR } else { RTC_VECTOR }
    }

    /// Records the reset of one core.
    pub(super) fn reset_one_core(&mut self, cause: ResetCause, core: usize, now: Time) {
        self.get_mut(RTC_CNTL).apply_reset(cause, Some(cpu(core)), now);
        self.update_runs();
        self.platform.renew_deadline(RTC_CNTL.index);
    }

    /// A core's cache is empty again.
    pub(super) fn flush_cache(&mut self, core: usize) {
        self.flash_cache.flush(core);
        self.flush_lines(core);
        // Blocks that are decoded anew find out what is missing.
        self.platform.change_code();
    }

    /// Resets everything in the scope of `cause`, which is more than one core.
    pub(super) fn reset_all(&mut self, cause: ResetCause, now: Time) {
        if cause == ResetCause::DeepSleep {
            self.ram.clear_digital();
            // VDD_SDIO is off in deep sleep.
            self.platform.parts.psram.iter_mut().for_each(Psram::lose_power);
        }
        for (index, block) in Esp32::TABLE.iter().enumerate() {
            if !block.row.kept {
                self.platform.blocks.device_mut(index).reset();
            }
        }
        if cause.scope() >= ResetScope::System {
            self.get_mut(EFUSE).reset();
            self.get_mut(RTC_IO).reset();
            self.get_mut(SENS).reset();
        }
        self.pages = [[self.shows_flash().then_some(0); FLASH_ENTRIES]; CORES];
        self.follow_flash_encryption();
        self.external_ram = ExternalRam::default();
        self.follow_cache_control();
        for core in 0..CORES {
            self.flush_cache(core);
        }
        let flash_boot = self.flash_boot;
        self.get_mut(RTC_CNTL).apply_reset(cause, None, now);
        self.get_mut(RTC_CNTL).set_flash_boot(flash_boot, now);
        self.get_mut(TIMG[0]).set_flash_boot(flash_boot, now);
        self.platform.effects.clear();
        while self.get_mut(DPORT).take_effect().is_some() {}
        while self.get_mut(RTC_CNTL).take_effect().is_some() {}
        self.update_touch_slopes();
        self.update_dacs();
        self.follow_audio_pll(now);
        self.update_touch_timer(now);
        self.update_ulp_timer(now);
        self.gate_clocks(now);
        self.update_clocks(now);
        self.update_runs();
        self.follow_functions();
        self.follow_input_buffers();
        self.connect_wires(now);
        for index in 0..Esp32::TABLE.len() {
            self.settle_interrupts(index);
            self.platform.renew_deadline(index);
        }
        self.update_lines();
        self.jtag.reset();
    }
}
