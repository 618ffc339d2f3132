//! The ESP32: its table of blocks, its memories, and what is truly its own: two cores with an interrupt matrix in DPORT, clocks and
//! sleep in RTC_CNTL, the flash caches, and which analog blocks share pads.

mod analog;
mod bus;
mod bus_waits;
mod clocks;
mod efuses;
mod external_ram;
mod flash_cache;
mod flash_encryption;
mod flash_mmu;
mod functions;
mod jtag;
mod memory;
mod network;
mod reset;
mod table;
mod uhci;
mod ulp;
mod waits;

use std::sync::Arc;

use espalier_core::{CodeState, Frequency, GuestMemory, Page, Span, Time};
use espalier_parts::PSRAM_PAGE_SIZE;
use espalier_peripherals::{Cpu, DportEffect, PINS, ResetCause, RtcEffect, WakeupSource, WatchdogReset, XTAL};
use espalier_xtensa::{Config as CpuConfig, Cpu as Core};

use crate::error::SocError;
use crate::machine::{
    Access, Assembly, Chip, Engine, Interrupts, JtagCycle, JtagPort, MachineConfig, Network, PadConnections,
    PadFunction, PadSignals, Run, Settle, Strap,
};
use crate::pads;
use crate::platform::block::{Block, Id, Model, Setup};
use crate::platform::{Config, Platform, Reset};
use crate::rom::Rom;
use bus::CoreBus;
use external_ram::ExternalRam;
use flash_cache::FlashCache;
use flash_mmu::{FLASH_ENTRIES, Mapping};
use memory::Ram;
use table::{
    CRYPTO, DPORT, FLASH_MMU, GPIO, IO_MUX, PERIPHERALS, RTC_CNTL, RTC_IO, TABLE, TIMG, WINDOWS, direct_signal,
};
use waits::Waits;

/// Cores of the chip.
pub const CORES: usize = 2;
/// The strapping pin that chooses between flash and download (TRM "Boot Mode").
const BOOT_PAD: usize = 0;
/// GPIO_INTERRUPT and GPIO_INTERRUPT_NMI, which each core has for itself.
const GPIO_SOURCES: [usize; 2] = [22, 23];

/// The chip without its cores.
#[derive(Clone)]
pub struct Esp32 {
    ram: Ram,
    platform: Platform,
    rom: Rom,
    /// The pages of flash behind the entries of each core's MMU.
    pages: [[Option<u8>; FLASH_ENTRIES]; CORES],
    external_ram: ExternalRam,
    flash_cache: FlashCache,
    /// Lines that the running core had to fetch first, since [`Chip::take_stall`].
    missed_lines: u32,
    runs: [bool; CORES],
    flash_boot: bool,
    jtag: jtag::Jtag,
    /// Levels of the pads that the RTC can use: bit n is RTC GPIO n.
    rtc_levels: u32,
    /// The waits of each core in silicon's time; none in fast time.
    waits: Vec<Waits>,
}

espalier_core::persist! {
    state Esp32 {
        ram, platform, pages, external_ram, flash_cache, missed_lines, runs, flash_boot, jtag, rtc_levels, waits
    } fixed { rom }
}

/// An ESP32 with its cores, as it comes out of power-on.
///
/// # Errors
/// If its ROM cannot be built, or the board asks for what cannot be.
pub fn assemble(config: &MachineConfig) -> Result<Box<dyn Engine>, SocError> {
    let chip = Esp32 {
        ram: Ram::default(),
        platform: Platform::new(
            TABLE,
            &Config {
                setup: Setup { board: &config.board, seed: config.seed },
                windows: WINDOWS,
                cores: CORES,
                pins: PINS,
                clock: XTAL,
                allowed: &config.allowed,
                mnemonics,
            },
        )?,
        rom: Rom::load(config.board.rom)?,
        pages: [[Some(0); FLASH_ENTRIES]; CORES],
        external_ram: ExternalRam::default(),
        flash_cache: FlashCache::default(),
        missed_lines: 0,
        runs: [true, false],
        flash_boot: true,
        jtag: jtag::Jtag::default(),
        rtc_levels: 0,
        waits: Waits::of(config.board.timing, CORES),
    };
    let mut cores = vec![Core::new(CpuConfig::ESP32_PRO), Core::new(CpuConfig::ESP32_APP)];
    cores.iter_mut().for_each(|core| core.set_timing(config.board.timing));
    Ok(Box::new(Assembly { cores, chip: Arc::new(chip) }))
}

fn mnemonics(name: &str) -> Option<&'static str> {
    espalier_xtensa::TABLE.iter().map(|row| row.mnemonic).find(|mnemonic| *mnemonic == name)
}

/// The core behind a number.
fn cpu(core: usize) -> Cpu {
    if core == 0 { Cpu::Pro } else { Cpu::App }
}

/// The number of a core.
fn number(cpu: Cpu) -> usize {
    match cpu {
        Cpu::Pro => 0,
        Cpu::App => 1,
    }
}

impl Chip for Esp32 {
    type Core = Core;
    type Bus<'a> = CoreBus<'a>;

    const NAME: &'static str = "esp32";
    const TABLE: &'static [Block<Esp32>] = TABLE;

    fn rom_digest(&self) -> u32 {
        self.rom.digest()
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
        CoreBus::new(self, access)
    }

    fn code_state(&self) -> CodeState {
        CodeState::of(self.platform.code_epoch, self.ram.versions.all())
    }

    fn core_runs(&self, core: usize) -> bool {
        self.runs[core]
    }

    fn reset_vector(&self, core: usize) -> u32 {
        self.vector_of(core)
    }

    fn set_source(&mut self, source: usize, level: bool) -> bool {
        self.get_mut(DPORT).set_source(source, level)
    }

    fn set_sources(&mut self, sources: &[usize], levels: u32) -> bool {
        let dport = self.get_mut(DPORT);
        let mut changed = false;
        for (line, source) in sources.iter().enumerate() {
            changed |= dport.set_source(*source, levels >> line & 1 != 0);
        }
        changed
    }

    fn route(&self, core: usize) -> u32 {
        self.get(DPORT).interrupt_lines(core)
    }

    fn take_stall(&mut self, clock: Frequency) -> u64 {
        self.stall(clock)
    }

    fn pad_function(&self, pin: usize) -> PadFunction {
        self.get(IO_MUX).function(pin).map_or(PadFunction::None, |function| functions::output(pin, function))
    }

    fn direct_input(&self, signal: u32) -> Option<usize> {
        functions::input(signal, |pin| self.get(IO_MUX).function(pin))
    }

    fn pull(&self, pin: usize) -> Option<bool> {
        self.pulled_up(pin)
    }

    fn input_enabled(&self, pin: usize) -> bool {
        self.get(IO_MUX).input_enabled(pin)
    }

    fn set_pad(&mut self, pin: usize, level: bool, held: bool) {
        self.give_pad(pin, level, held);
    }

    fn set_supply(&mut self, millivolts: u32, now: Time) {
        self.get_mut(RTC_CNTL).set_supply(millivolts, now);
        self.settle_rtc(now);
        self.settle_interrupts(RTC_CNTL.index);
        self.platform.renew_deadline(RTC_CNTL.index);
        self.update_lines();
    }

    fn pads_changed(&mut self, now: Time) {
        self.settle_pads(now);
    }

    fn before_pads_change(&mut self, now: Time) {
        self.sample_adcs(now);
    }

    fn advance_network(&mut self, network: Network, now: Time) {
        match network {
            Network::Lan => self.advance_lan(now),
            Network::Air => self.advance_air(now),
            Network::Ports => self.advance_ports(now),
        }
    }

    fn set_strap(&mut self, strap: Strap) {
        self.strap(strap);
    }

    fn boot_pad(&self) -> usize {
        BOOT_PAD
    }

    fn reset_core(&mut self, cause: ResetCause, core: usize, now: Time) {
        self.reset_one_core(cause, core, now);
    }

    fn reset(&mut self, cause: ResetCause, now: Time) {
        self.reset_all(cause, now);
    }

    fn power_cycle(&mut self) {
        self.ram = self.ram.after_power_loss();
    }

    fn reset_note(&self) -> u32 {
        self.get(RTC_CNTL).store6()
    }

    fn set_touched(&mut self, gpio: u8, touched: bool) {
        if let Some(channel) = pads::touch_channel(gpio) {
            self.get_mut(table::SENS).set_finger(channel, touched);
        }
    }

    fn analog_out(&self, pin: usize, now: Time) -> Option<u32> {
        self.dac_at(pin, now)
    }

    fn efuses(&self) -> Vec<u8> {
        self.fuse_image()
    }

    fn set_efuses(&mut self, image: &[u8]) {
        self.burn_image(image);
    }
}

impl JtagPort for Esp32 {
    fn jtag(machine: &mut Assembly<Esp32>, run: &mut Run, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        jtag::clock(machine, run, period, cycles)
    }
}

impl Esp32 {
    fn get<T: Model>(&self, id: Id<T>) -> &T {
        self.platform.blocks.get(id)
    }

    fn get_mut<T: Model>(&mut self, id: Id<T>) -> &mut T {
        self.platform.blocks.get_mut(id)
    }

    /// A flash page as a core's cache shows it; None if the entry maps nothing.
    #[inline(always)]
    fn flash_page(&self, core: usize, entry: usize) -> Option<&[u8]> {
        let page = self.pages[core & 1].get(entry).copied().flatten()?;
        Some(self.platform.plain_flash.page(page, &self.platform.parts.flash))
    }

    /// The same, to be kept.
    fn shared_flash_page(&self, core: usize, entry: usize) -> Option<Arc<Page>> {
        let page = self.pages[core & 1].get(entry).copied().flatten()?;
        Some(self.platform.plain_flash.shared_page(page, &self.platform.parts.flash))
    }

    fn settle_flash_mmu(&mut self, core: usize) {
        match self.get_mut(FLASH_MMU[core]).take_change() {
            Some(Mapping::Flash(entry, page)) => {
                let page = page.filter(|_| self.shows_flash());
                let before = std::mem::replace(&mut self.pages[core][entry], page);
                if before != page {
                    self.platform.change_code();
                }
            }
            Some(Mapping::Ram(entry, page)) => self.external_ram.map(core, entry, page),
            None => {}
        }
    }

    /// The page of the PSRAM at an address of the data bus, and the offset in it.
    #[inline]
    fn psram_page(&self, core: usize, address: u32) -> Option<(&[u8; PSRAM_PAGE_SIZE], usize)> {
        let psram = self.platform.parts.psram.as_ref()?;
        let place = self.external_ram.place(core & 1, address)?;
        Some((psram.page(place / PSRAM_PAGE_SIZE), place % PSRAM_PAGE_SIZE))
    }

    /// The same to be written.
    fn psram_page_mut(&mut self, core: usize, address: u32) -> Option<(&mut [u8; PSRAM_PAGE_SIZE], usize)> {
        let psram = self.platform.parts.psram.as_mut()?;
        let place = self.external_ram.place(core & 1, address)?;
        Some((psram.page_mut(place / PSRAM_PAGE_SIZE), place % PSRAM_PAGE_SIZE))
    }

    fn follow_cache_control(&mut self) {
        let dport = self.get(DPORT);
        let control = [dport.external_ram(0), dport.external_ram(1)];
        self.external_ram.set_control(control);
    }

    fn settle_dport(&mut self, now: Time) {
        while let Some(effect) = self.get_mut(DPORT).take_effect() {
            match effect {
                DportEffect::Interrupts => self.update_lines(),
                DportEffect::AppCpu => self.update_runs(),
                DportEffect::AppCpuStart => {
                    self.platform.push_effect(Reset { cause: ResetCause::ProCpu, core: Some(number(Cpu::App)) });
                }
                DportEffect::CpuClock => self.update_clocks(now),
                DportEffect::CacheControl => self.follow_cache_control(),
                DportEffect::FlashEncryption => self.follow_flash_encryption(),
                DportEffect::CacheFlush(cpu) => self.flush_cache(number(cpu)),
                DportEffect::PeripheralReset(bits) => self.reset_blocks(PERIPHERALS, bits),
                DportEffect::CoreReset(bits) => self.reset_blocks(table::CORES, bits),
                DportEffect::CryptoReset(bits) => self.reset_blocks(CRYPTO, bits),
            }
        }
    }

    fn settle_rtc(&mut self, now: Time) {
        while let Some(effect) = self.get_mut(RTC_CNTL).take_effect() {
            match effect {
                RtcEffect::ResetCpu { cpu, cause } => {
                    self.platform.push_effect(Reset { cause, core: Some(number(cpu)) });
                }
                RtcEffect::Reset { cause } => self.platform.push_effect(Reset { cause, core: None }),
                RtcEffect::ClockChanged => self.update_clocks(now),
                RtcEffect::MemoryCrc { first_word, words } => {
                    // The address counter of the checksum wraps at the end of the memory.
                    let bytes = self.ram.rtc_fast.iter().cycle().skip(4 * first_word as usize);
                    let bytes: Vec<u8> = bytes.take(4 * words as usize).copied().collect();
                    self.get_mut(RTC_CNTL).finish_memory_crc(&bytes);
                }
                RtcEffect::StallCpu { .. } => self.update_runs(),
                RtcEffect::Sleep { .. } => {
                    self.gate_clocks(now);
                    self.update_runs();
                    // A pad that already stands as it is waited for wakes at once.
                    let (levels, ext0) = (self.get(RTC_IO).inputs(), self.get(RTC_IO).ext0_pad());
                    self.get_mut(RTC_CNTL).set_rtc_pads(levels, ext0, now);
                    if self.get(GPIO).wakes() {
                        self.get_mut(RTC_CNTL).wake(WakeupSource::Gpio, now);
                    }
                }
                RtcEffect::Wake => {
                    self.gate_clocks(now);
                    self.update_runs();
                }
            }
        }
        self.update_touch_timer(now);
        self.update_ulp_timer(now);
    }

    fn settle_timer_group(&mut self, group: usize) {
        let Some(reset) = self.get_mut(TIMG[group]).take_reset() else { return };
        let causes = [ResetCause::TimerGroup0System, ResetCause::TimerGroup1System];
        self.platform.push_effect(match reset {
            // The first group's watchdog guards the PRO CPU, that of the second one the APP CPU.
            WatchdogReset::Cpu => Reset { cause: ResetCause::TimerGroupCpu, core: Some(group) },
            WatchdogReset::System => Reset { cause: causes[group], core: None },
        });
    }

    /// Tells the parts which signals come to their pads past the matrix.
    fn follow_functions(&mut self) {
        for pin in 0..PINS {
            let function = self.get(IO_MUX).function(pin);
            self.platform.parts.direct[pin] = function.and_then(|function| direct_signal(pin, function));
        }
    }

    fn settle_io_mux(&mut self, now: Time) {
        let changes = self.get_mut(IO_MUX).take_changes();
        if changes.functions != 0 {
            self.follow_functions();
            self.connect_wires(now);
        } else if changes.pulls != 0 {
            self.follow_pulls(changes.pulls, now);
        }
        if changes.inputs != 0 {
            self.follow_input_buffers();
            self.connect_listeners(now);
            let sensed = self.get_mut(GPIO).take_changes();
            self.follow_matrix(sensed, now);
            self.settle_gpio_interrupts();
        }
    }

    /// Tells GPIO which pads it can read.
    fn follow_input_buffers(&mut self) {
        let inputs = self.get(IO_MUX).inputs_enabled();
        self.get_mut(GPIO).set_inputs_enabled(inputs);
    }

    fn settle_gpio(&mut self, now: Time) {
        let changes = self.get_mut(GPIO).take_changes();
        if self.get_mut(GPIO).take_rewired() {
            self.connect_wires(now);
        }
        self.follow_matrix(changes, now);
        self.settle_gpio_interrupts();
        if self.platform.pads.stepped != 0 {
            self.renew_pads();
        }
    }

    fn settle_gpio_interrupts(&mut self) {
        use espalier_core::Device;
        let lines = self.get(GPIO).interrupts();
        let mut changed = false;
        for core in 0..CORES {
            // Two lines for the PRO CPU, then two for the APP CPU.
            for (line, source) in GPIO_SOURCES.iter().enumerate() {
                let level = lines >> (2 * core + line) & 1 != 0;
                changed |= self.get_mut(DPORT).set_source_of_core(core, *source, level);
            }
        }
        if changed {
            self.update_lines();
        }
    }
}
