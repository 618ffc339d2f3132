//! The ESP32-C3: its table of blocks, its memories, and what is truly its own: one RISC-V core with its interrupt matrix, its clocks
//! and its resets.

mod bus;
mod flash_mmu;
mod interrupts;
mod memory;
mod table;

use std::sync::Arc;

use espalier_core::{CodeState, Frequency, GuestMemory, Time};
use espalier_peripherals::esp32c3::{CpuClock, PINS, RtcEffect, SystemEffect};
use espalier_peripherals::{APB_WITH_PLL, RC_FAST, ResetCause, XTAL};
use espalier_riscv::{Config as CpuConfig, Cpu as Core};

use crate::error::SocError;
use crate::machine::{
    Access, Assembly, Chip, Engine, Interrupts, JtagPort, MachineConfig, Network, PadConnections, Settle, Strap,
};
use crate::platform::block::{Block, Id, Model, Setup};
use crate::platform::{Config, Platform, Reset};
use bus::CoreBus;
use flash_mmu::{ENTRIES, pages};
use memory::Ram;
use table::{GPIO, INTERRUPT_CORE0, MMU_TABLE, RTC_CNTL, SYSTEM, TABLE, WINDOWS};

/// The strapping pin that chooses between flash and download (TRM, chapter "Boot Control").
const BOOT_PAD: usize = 9;
/// Values of GPIO_STRAP: GPIO2, GPIO8 and GPIO9 high for flash boot; GPIO9 low for download.
const STRAP_FLASH_BOOT: u32 = 0xD;
const STRAP_DOWNLOAD: u32 = 0x5;

/// The chip without its core.
#[derive(Clone)]
pub struct Esp32c3 {
    ram: Ram,
    platform: Platform,
    rom: Arc<[u8]>,
    /// The pages of flash behind the entries of the MMU.
    pages: [Option<u8>; ENTRIES],
}

espalier_core::persist!(state Esp32c3 { ram, platform, pages } fixed { rom });

/// An ESP32-C3 with its core, as it comes out of power-on.
///
/// # Errors
/// If its ROM cannot be built, or the board asks for what cannot be.
pub fn assemble(config: &MachineConfig) -> Result<Box<dyn Engine>, SocError> {
    let platform = Platform::new(
        TABLE,
        &Config {
            setup: Setup { board: &config.board, seed: config.seed },
            windows: WINDOWS,
            cores: 1,
            pins: PINS,
            clock: XTAL.divided_by(2),
            allowed: &config.allowed,
            mnemonics: |_| None,
        },
    )?;
    let chip = Esp32c3 { ram: Ram::new(), platform, rom: espalier_rom::esp32c3::load()?, pages: [None; ENTRIES] };
    let mut core = Core::new(CpuConfig::ESP32C3);
    core.set_timing(config.board.timing);
    Ok(Box::new(Assembly { cores: vec![core], chip: Arc::new(chip) }))
}

impl Chip for Esp32c3 {
    type Core = Core;
    type Bus<'a> = CoreBus<'a>;

    const NAME: &'static str = "esp32c3";
    const TABLE: &'static [Block<Esp32c3>] = TABLE;

    fn rom_digest(&self) -> u32 {
        crc32fast::hash(&self.rom)
    }

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn platform_mut(&mut self) -> &mut Platform {
        &mut self.platform
    }

    fn with_memory(&mut self) -> (&mut Platform, &mut dyn GuestMemory) {
        (&mut self.platform, &mut self.ram)
    }

    fn bus(&mut self, access: Access) -> CoreBus<'_> {
        CoreBus { chip: self, origin: access.origin, start: access.start, clock: access.clock }
    }

    fn code_state(&self) -> CodeState {
        CodeState::of(self.platform.code_epoch, [self.ram.versions()])
    }

    fn core_runs(&self, _core: usize) -> bool {
        true
    }

    fn reset_vector(&self, _core: usize) -> u32 {
        CpuConfig::ESP32C3.reset_vector
    }

    fn set_source(&mut self, source: usize, level: bool) -> bool {
        self.get_mut(INTERRUPT_CORE0).set_source(source, level)
    }

    fn route(&self, _core: usize) -> u32 {
        self.get(INTERRUPT_CORE0).presented()
    }

    fn set_pad(&mut self, pin: usize, level: bool, _held: bool) {
        self.get_mut(GPIO).set_input(pin, level);
    }

    /// Nothing of the chip is on a network yet: frames for it are lost.
    fn advance_network(&mut self, network: Network, now: Time) {
        match network {
            Network::Lan => {
                self.platform.lan.advance(now);
                while self.platform.lan.take_for_board(now).is_some() {}
            }
            Network::Air => {}
            Network::Ports => while self.platform.ports.as_mut().is_some_and(|ports| ports.take_due(now).is_some()) {},
        }
    }

    fn set_strap(&mut self, strap: Strap) {
        let register = if strap == Strap::FlashBoot { STRAP_FLASH_BOOT } else { STRAP_DOWNLOAD };
        self.get_mut(GPIO).set_strap(register);
    }

    fn boot_pad(&self) -> usize {
        BOOT_PAD
    }

    fn reset_core(&mut self, cause: ResetCause, _core: usize, _now: Time) {
        self.get_mut(RTC_CNTL).apply_reset(cause);
        self.platform.renew_deadline(RTC_CNTL.index);
    }

    fn reset(&mut self, cause: ResetCause, now: Time) {
        for (index, block) in TABLE.iter().enumerate() {
            if !block.row.kept {
                self.platform.blocks.device_mut(index).reset();
            }
        }
        self.get_mut(RTC_CNTL).apply_reset(cause);
        self.platform.effects.clear();
        self.settle_flash_mmu(now);
        self.update_clocks(now);
        self.connect_wires(now);
        for index in 0..TABLE.len() {
            self.settle_interrupts(index);
            self.platform.renew_deadline(index);
        }
        self.update_lines();
    }

    fn power_cycle(&mut self) {
        self.ram.lose_power();
    }

    fn reset_note(&self) -> u32 {
        self.get(RTC_CNTL).note()
    }

    /// Fuses are not kept in files yet.
    fn efuses(&self) -> Vec<u8> {
        Vec::new()
    }

    fn set_efuses(&mut self, _image: &[u8]) {}
}

impl JtagPort for Esp32c3 {}

impl Esp32c3 {
    fn get<T: Model>(&self, id: Id<T>) -> &T {
        self.platform.blocks.get(id)
    }

    fn get_mut<T: Model>(&mut self, id: Id<T>) -> &mut T {
        self.platform.blocks.get_mut(id)
    }

    /// A flash page as the cache shows it; None if the entry maps nothing.
    fn flash_page(&self, entry: usize) -> Option<&[u8]> {
        let page = self.pages.get(entry).copied().flatten()?;
        Some(self.platform.parts.flash.chunk(usize::from(page)))
    }

    fn settle_flash_mmu(&mut self, _now: Time) {
        let pages = pages(self.get(MMU_TABLE));
        if std::mem::replace(&mut self.pages, pages) != pages {
            self.platform.change_code();
        }
    }

    fn settle_matrix(&mut self, _now: Time) {
        self.update_lines();
    }

    fn settle_system(&mut self, now: Time) {
        match self.get_mut(SYSTEM).take_effect() {
            Some(SystemEffect::Clock) => self.update_clocks(now),
            Some(SystemEffect::Reset { register, bits }) => self.reset_blocks(register, bits),
            None => {}
        }
    }

    fn settle_rtc(&mut self, _now: Time) {
        if let Some(RtcEffect::Reset(cause)) = self.get_mut(RTC_CNTL).take_effect() {
            let core = (cause == ResetCause::SoftwareCpu).then_some(0);
            self.platform.push_effect(Reset { cause, core });
        }
    }

    /// The clocks of the core and of the bus (TRM, chapter "Reset and Clock"): without the PLL they are the same.
    fn update_clocks(&mut self, now: Time) {
        let (cpu, apb) = match self.get(SYSTEM).cpu_clock() {
            CpuClock::Pll { megahertz } => (Frequency::from_hertz(u64::from(megahertz) * 1_000_000), APB_WITH_PLL),
            CpuClock::Xtal { divider } => (XTAL.divided_by(u64::from(divider)), XTAL.divided_by(u64::from(divider))),
            CpuClock::RcFast { divider } => {
                (RC_FAST.divided_by(u64::from(divider)), RC_FAST.divided_by(u64::from(divider)))
            }
        };
        if cpu != self.platform.cpu_clock {
            self.platform.cpu_clock = cpu;
            self.platform.attention = true;
        }
        self.platform.apb_clock = apb;
        self.for_each_block(|platform, index| platform.blocks.device_mut(index).set_apb_clock(apb, now));
    }
}
