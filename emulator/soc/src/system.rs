//! The system around the cores: every block of the chip, the parts on the board, and the wires between them.

use std::collections::VecDeque;

use espalier_core::{Device, Frequency, Schedule, Span, Time, Unmodelled};
use espalier_net::{Air, Lan};
use espalier_parts::{FlashChip, FlashSize, Oled};
use espalier_peripherals::{
    APB_WITH_PLL, Aes, ApbCtrl, Cpu, Dport, DportEffect, Efuse, EfuseConfig, FrcTimer, Gpio, GpioSd, Hinf, I2c, IoMux,
    OpenCoresEth, PINS, Pull, RadioAgc, RadioAnalog, RadioFrontEnd, RadioStorage, Received, ResetCause, ResetScope,
    Rng, Rsa, RtcCntl, RtcEffect, RtcIo, Sens, Sha, Slc, SlcHost, SocClock, Spi, TimerGroup, Uart, WatchdogReset,
    WifiMac, XTAL,
};
use espalier_xtensa::Fault;

use crate::error::SocError;
use crate::flash_mmu::FlashMmu;
use crate::machine::{CORES, MachineConfig};
use crate::map::{self, Block, Entry};
use crate::memory::Ram;
use crate::rom::Rom;
use crate::stub::Stub;
use crate::unmodelled::{Origin, UnmodelledLog};
use crate::wiring;

/// Blocks that change by themselves, in the order in which equal deadlines fall due.
const TIMED: [Block; 18] = [
    Block::RtcCntl,
    Block::Timg(0),
    Block::Timg(1),
    Block::Frc,
    Block::Uart(0),
    Block::Uart(1),
    Block::Uart(2),
    Block::I2c(0),
    Block::I2c(1),
    Block::Spi(0),
    Block::Spi(1),
    Block::Spi(2),
    Block::Spi(3),
    Block::Rsa,
    Block::Gpio,
    Block::Efuse,
    Block::Ethernet,
    Block::WifiMac,
];
/// The schedule's slot for the network.
const LAN_SLOT: usize = TIMED.len();
/// The schedule's slot for the air.
const AIR_SLOT: usize = LAN_SLOT + 1;
/// Blocks of the radio that only store, with their registers: FE2, NRX, BB, PHY.
const RADIO_BLOCKS: [usize; 4] = [0x400, 0x100, 0x400, 0x800];
const STUBS: usize = 21;
const UARTS: usize = 3;
/// The oscillator that SOC_CLK_SEL calls "8M" runs at about 8.5 MHz (TRM "Reset and Clock").
const RC_FAST: Frequency = Frequency::from_hertz(8_500_000);

/// What a block did to the cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoreEffect {
    /// A reset; `cpu` says which core if its scope is one core.
    Reset { cause: ResetCause, cpu: Option<Cpu> },
}

/// Everything but the cores and the RAM.
#[derive(Clone)]
pub(crate) struct System {
    pub(super) rom: Rom,
    pub(super) dport: Dport,
    aes: Aes,
    sha: Sha,
    rsa: Rsa,
    mmu: FlashMmu,
    uarts: [Uart; UARTS],
    spis: [Spi; 4],
    gpio: Gpio,
    gpio_sd: GpioSd,
    io_mux: IoMux,
    rtc_io: RtcIo,
    sens: Sens,
    slc: Slc,
    hinf: Hinf,
    slc_host: SlcHost,
    frc: FrcTimer,
    rtc: RtcCntl,
    i2cs: [I2c; 2],
    efuse: Efuse,
    timgs: [TimerGroup; 2],
    apb_ctrl: ApbCtrl,
    ethernet: OpenCoresEth,
    wifi: WifiMac,
    radio_analog: RadioAnalog,
    radio_front_end: RadioFrontEnd,
    radio_agc: RadioAgc,
    radio: [RadioStorage; RADIO_BLOCKS.len()],
    rng: Rng,
    stubs: Vec<Stub>,
    pub(super) parts: wiring::Parts,
    lan: Lan,
    air: Air,
    schedule: Schedule,
    /// The latest time that a block has seen: with two cores taking turns, it must not run backwards.
    clock: Time,
    /// Until when the running slice was planned.
    horizon: Time,
    cpu_clock: Frequency,
    runs: [bool; CORES],
    lines: [u32; CORES],
    effects: VecDeque<CoreEffect>,
    uart_output: [Vec<(Time, u8)>; UARTS],
    /// Edge sources that are high for the present slice.
    pulses: u128,
    /// Levels that the board drives onto pads.
    driven: [Option<bool>; PINS],
    output: bool,
    flash_changes: u64,
    flash_boot: bool,
    /// The running core has to return to the machine.
    pub attention: bool,
    pub code_epoch: u32,
    pub unmodelled: UnmodelledLog,
}

impl System {
    pub fn new(rom: Rom, config: &MachineConfig) -> Result<System, SocError> {
        let flash = FlashChip::new(FlashSize::try_from(config.board.flash_size as usize)?);
        let efuse = EfuseConfig { mac: config.board.mac, ..EfuseConfig::default() };
        let lan = Lan::new(espalier_net::LanConfig { seed: config.seed, ..espalier_net::LanConfig::default() })?;
        Ok(System {
            rom,
            dport: Dport::default(),
            aes: Aes::new(),
            sha: Sha::new(),
            rsa: Rsa::new(),
            mmu: FlashMmu::default(),
            uarts: std::array::from_fn(|_| Uart::new(XTAL)),
            spis: std::array::from_fn(|_| Spi::new()),
            gpio: Gpio::new(),
            gpio_sd: GpioSd::new(),
            io_mux: IoMux::new(),
            rtc_io: RtcIo::new(),
            sens: Sens::new(),
            slc: Slc::new(),
            hinf: Hinf::new(),
            slc_host: SlcHost::new(),
            frc: FrcTimer::new(),
            rtc: RtcCntl::new(),
            i2cs: std::array::from_fn(|_| I2c::new(APB_WITH_PLL)),
            efuse: Efuse::new(efuse),
            timgs: std::array::from_fn(|_| TimerGroup::new()),
            apb_ctrl: ApbCtrl::new(efuse.revision.has_apb_ctrl_bit()),
            ethernet: OpenCoresEth::new(),
            wifi: WifiMac::new(),
            radio_analog: RadioAnalog::new(),
            radio_front_end: RadioFrontEnd::new(),
            radio_agc: RadioAgc::new(),
            radio: RADIO_BLOCKS.map(RadioStorage::new),
            rng: Rng::new(config.seed),
            stubs: vec![Stub::default(); STUBS],
            parts: wiring::Parts::new(flash, config.board.oled),
            lan,
            air: Air::new(config.seed),
            schedule: Schedule::new(AIR_SLOT + 1),
            clock: Time::ZERO,
            horizon: Time::ZERO,
            cpu_clock: XTAL,
            runs: [true, false],
            lines: [0; CORES],
            effects: VecDeque::new(),
            uart_output: Default::default(),
            pulses: 0,
            driven: [None; PINS],
            output: false,
            flash_changes: 0,
            flash_boot: true,
            attention: false,
            code_epoch: 0,
            unmodelled: UnmodelledLog::default(),
        })
    }

    // ---- what the machine asks ----

    pub fn take_core_effect(&mut self) -> Option<CoreEffect> {
        self.effects.pop_front()
    }

    pub fn has_core_effect(&self) -> bool {
        !self.effects.is_empty()
    }

    pub fn cpu_clock(&self) -> Frequency {
        self.cpu_clock
    }

    /// True if `core` has a clock and nothing holds it.
    pub fn core_runs(&self, core: usize) -> bool {
        self.runs[core]
    }

    pub fn interrupt_lines(&self, core: usize) -> u32 {
        self.lines[core]
    }

    /// Plans a slice: returns when the next block wants to be called.
    pub fn plan(&mut self) -> Option<Time> {
        let next = self.schedule.next();
        self.horizon = next.unwrap_or(Time::from_ticks(u64::MAX));
        next
    }

    /// Calls every block whose deadline has come.
    pub fn advance_due(&mut self, ram: &mut Ram, now: Time) {
        let now = self.tick(now);
        if self.pulses != 0 {
            self.end_pulses();
        }
        while let Some((slot, _)) = self.schedule.take_due(now) {
            if slot == LAN_SLOT {
                self.advance_lan(ram, now);
                continue;
            }
            if slot == AIR_SLOT {
                self.advance_air(ram, now);
                continue;
            }
            let block = TIMED[slot];
            match block {
                Block::I2c(unit) => {
                    self.parts.run_i2c(&mut self.i2cs[usize::from(unit)], usize::from(unit), &self.gpio, now)
                }
                _ => {
                    if let Some(device) = self.device(block) {
                        device.advance(now);
                    }
                }
            }
            self.settle(block, ram, now);
        }
    }

    pub fn take_output_flag(&mut self) -> bool {
        std::mem::take(&mut self.output)
    }

    // ---- what the cores do ----

    /// A flash page as a core's cache shows it; None if the entry maps nothing.
    #[inline(always)]
    pub fn flash_page(&self, core: usize, entry: usize) -> Option<&[u8]> {
        Some(self.parts.flash.chunk(usize::from(self.mmu.page(core, entry)?)))
    }

    /// A core reads the word at `address`, which is not memory.
    pub fn read(&mut self, ram: &mut Ram, origin: Origin, address: u32, now: Time) -> Result<u32, Fault> {
        let now = self.tick(now);
        let Some((entry, offset)) = map::find(address) else { return self.read_nothing(origin, address) };
        let result = match entry.block {
            Block::FlashMmu(table) => self.mmu.read(usize::from(table), offset).ok_or(Unmodelled),
            Block::Rng => Ok(self.rng.next_word()),
            Block::Stub(stub) => {
                self.note_unmodelled(Some(entry), address, None, origin);
                return Ok(self.stubs[usize::from(stub)].read(offset));
            }
            block => match self.device(block) {
                Some(device) => device.read(offset, now),
                None => Err(Unmodelled),
            },
        };
        match result {
            Ok(value) => {
                self.settle(entry.block, ram, now);
                Ok(value)
            }
            Err(Unmodelled) => {
                self.note_unmodelled(Some(entry), address, None, origin);
                Ok(0)
            }
        }
    }

    /// A core writes the word at `address`, which is not memory.
    pub fn write(&mut self, ram: &mut Ram, origin: Origin, address: u32, value: u32, now: Time) -> Result<(), Fault> {
        let now = self.tick(now);
        let Some((entry, offset)) = map::find(address) else { return self.write_nothing(origin, address, value) };
        let result = match entry.block {
            Block::FlashMmu(table) => {
                if self.mmu.write(usize::from(table), offset, value) {
                    self.code_epoch = self.code_epoch.wrapping_add(1);
                    self.attention = true;
                }
                return Ok(());
            }
            Block::Stub(stub) => {
                self.note_unmodelled(Some(entry), address, Some(value), origin);
                self.stubs[usize::from(stub)].write(offset, value);
                return Ok(());
            }
            block => match self.device(block) {
                Some(device) => device.write(offset, value, now),
                None => Err(Unmodelled),
            },
        };
        match result {
            Ok(()) => self.settle(entry.block, ram, now),
            Err(Unmodelled) => self.note_unmodelled(Some(entry), address, Some(value), origin),
        }
        Ok(())
    }

    /// Peripheral space without a block reads as zero, as on silicon; other addresses fault.
    fn read_nothing(&mut self, origin: Origin, address: u32) -> Result<u32, Fault> {
        if !map::is_peripheral_space(address) {
            return Err(Fault::Unmapped);
        }
        self.note_unmodelled(None, address, None, origin);
        Ok(0)
    }

    fn write_nothing(&mut self, origin: Origin, address: u32, value: u32) -> Result<(), Fault> {
        if !map::is_peripheral_space(address) {
            return Err(Fault::Unmapped);
        }
        self.note_unmodelled(None, address, Some(value), origin);
        Ok(())
    }

    fn note_unmodelled(&mut self, entry: Option<&Entry>, address: u32, write: Option<u32>, origin: Origin) {
        if self.unmodelled.record(entry.map(|entry| entry.name), address, write, origin) {
            self.attention = true;
        }
    }

    /// The time that blocks see: `now`, unless the other core has already taken them further.
    fn tick(&mut self, now: Time) -> Time {
        self.clock = self.clock.max(now);
        self.clock
    }

    // ---- wiring ----

    pub(super) fn device(&mut self, block: Block) -> Option<&mut dyn Device> {
        Some(match block {
            Block::Dport => &mut self.dport,
            Block::Aes => &mut self.aes,
            Block::Rsa => &mut self.rsa,
            Block::Sha => &mut self.sha,
            Block::Uart(unit) => &mut self.uarts[usize::from(unit)],
            Block::Spi(unit) => &mut self.spis[usize::from(unit)],
            Block::Gpio => &mut self.gpio,
            Block::GpioSd => &mut self.gpio_sd,
            Block::RtcIo => &mut self.rtc_io,
            Block::Sens => &mut self.sens,
            Block::Slc => &mut self.slc,
            Block::Hinf => &mut self.hinf,
            Block::SlcHost => &mut self.slc_host,
            Block::Frc => &mut self.frc,
            Block::RtcCntl => &mut self.rtc,
            Block::IoMux => &mut self.io_mux,
            Block::I2c(unit) => &mut self.i2cs[usize::from(unit)],
            Block::Efuse => &mut self.efuse,
            Block::Timg(unit) => &mut self.timgs[usize::from(unit)],
            Block::ApbCtrl => &mut self.apb_ctrl,
            Block::Ethernet => &mut self.ethernet,
            Block::WifiMac => &mut self.wifi,
            Block::RadioAnalog => &mut self.radio_analog,
            Block::RadioFrontEnd => &mut self.radio_front_end,
            Block::RadioAgc => &mut self.radio_agc,
            Block::Radio(unit) => &mut self.radio[usize::from(unit)],
            Block::Rng | Block::FlashMmu(_) | Block::Stub(_) => {
                return None;
            }
        })
    }

    /// Carries what a block did to where it belongs, after each access to it and each time it was advanced.
    fn settle(&mut self, block: Block, ram: &mut Ram, now: Time) {
        match block {
            Block::Dport => self.settle_dport(now),
            Block::RtcCntl => self.settle_rtc(ram, now),
            Block::ApbCtrl => self.update_clocks(now),
            Block::IoMux => self.update_inputs(),
            Block::Timg(unit) => self.settle_timg(usize::from(unit)),
            Block::Frc => {
                let edges = self.frc.take_edges();
                self.pulse(block, edges);
            }
            Block::Uart(unit) => self.settle_uart(usize::from(unit)),
            Block::Spi(unit) => self.settle_spi(usize::from(unit), ram, now),
            Block::Ethernet => self.settle_ethernet(ram, now),
            Block::WifiMac => self.settle_wifi(ram, now),
            _ => {}
        }
        self.settle_interrupts(block);
        if let Some(slot) = TIMED.iter().position(|timed| *timed == block) {
            let deadline = self.device(block).and_then(|device| device.deadline());
            self.set_deadline(slot, deadline);
        }
    }

    fn set_deadline(&mut self, slot: usize, deadline: Option<Time>) {
        self.schedule.set(slot, deadline);
        if deadline.is_some_and(|deadline| deadline < self.horizon) {
            self.attention = true;
        }
    }

    fn settle_interrupts(&mut self, block: Block) {
        let mut changed = false;
        if block == Block::Gpio {
            for core in 0..CORES {
                for (source, level) in wiring::gpio_sources(&self.gpio, core) {
                    changed |= self.dport.set_source_of_core(core, source, level);
                }
            }
        } else {
            let sources = wiring::sources(block);
            if sources.is_empty() {
                return;
            }
            let levels = self.device(block).map_or(0, |device| device.interrupts());
            for (line, source) in sources.iter().enumerate() {
                changed |= self.dport.set_source(*source, levels >> line & 1 != 0);
            }
        }
        if changed {
            self.update_lines();
        }
    }

    fn update_lines(&mut self) {
        let lines = std::array::from_fn(|core| self.dport.interrupt_lines(core));
        if lines != self.lines {
            self.lines = lines;
            self.attention = true;
        }
    }

    fn settle_dport(&mut self, now: Time) {
        while let Some(effect) = self.dport.take_effect() {
            match effect {
                DportEffect::Interrupts => self.update_lines(),
                DportEffect::AppCpu => self.update_runs(),
                DportEffect::AppCpuStart => {
                    self.push_effect(CoreEffect::Reset { cause: ResetCause::ProCpu, cpu: Some(Cpu::App) });
                }
                DportEffect::CpuClock => self.update_clocks(now),
                DportEffect::PeripheralReset(bits) => self.reset_blocks(wiring::PERIPHERAL_RESETS, bits),
                DportEffect::CryptoReset(bits) => self.reset_blocks(wiring::CRYPTO_RESETS, bits),
            }
        }
    }

    fn reset_blocks(&mut self, table: &[(u32, Block)], bits: u32) {
        for (bit, block) in table {
            if bits >> bit & 1 != 0
                && let Some(device) = self.device(*block)
            {
                device.reset();
                self.settle_interrupts(*block);
                if let Some(slot) = TIMED.iter().position(|timed| timed == block) {
                    let deadline = self.device(*block).and_then(|device| device.deadline());
                    self.set_deadline(slot, deadline);
                }
            }
        }
    }

    fn push_effect(&mut self, effect: CoreEffect) {
        self.effects.push_back(effect);
        self.attention = true;
    }

    fn settle_rtc(&mut self, ram: &Ram, now: Time) {
        while let Some(effect) = self.rtc.take_effect() {
            match effect {
                RtcEffect::ResetCpu { cpu, cause } => self.push_effect(CoreEffect::Reset { cause, cpu: Some(cpu) }),
                RtcEffect::Reset { cause } => self.push_effect(CoreEffect::Reset { cause, cpu: None }),
                RtcEffect::ClockChanged => self.update_clocks(now),
                RtcEffect::MemoryCrc { first_word, words } => {
                    // The address counter of the checksum wraps at the end of the memory.
                    let bytes = ram.rtc_fast.iter().cycle().skip(4 * first_word as usize).take(4 * words as usize);
                    let bytes: Vec<u8> = bytes.copied().collect();
                    self.rtc.finish_memory_crc(&bytes);
                }
                RtcEffect::StallCpu { .. } => self.update_runs(),
                RtcEffect::Sleep { .. } | RtcEffect::Wake => {
                    self.gate_clocks(now);
                    self.update_runs();
                }
            }
        }
    }

    /// Raises edge sources for the length of a slice.
    fn pulse(&mut self, block: Block, edges: u32) {
        for (line, source) in wiring::edge_sources(block).iter().enumerate() {
            if edges >> line & 1 != 0 {
                self.dport.set_source(*source, true);
                self.pulses |= 1 << source;
            }
        }
        if edges != 0 {
            self.update_lines();
        }
    }

    /// Ends the pulses that the last slice has seen.
    fn end_pulses(&mut self) {
        while self.pulses != 0 {
            let source = self.pulses.trailing_zeros() as usize;
            self.pulses &= self.pulses - 1;
            self.dport.set_source(source, false);
        }
        self.update_lines();
    }

    /// The APB stands still while the chip sleeps.
    fn gate_clocks(&mut self, now: Time) {
        let asleep = self.rtc.sleeping().is_some();
        self.frc.set_clock_gated(asleep, now);
        let deadline = self.frc.deadline();
        self.reschedule(Block::Frc, deadline);
        for unit in 0..self.timgs.len() {
            self.timgs[unit].set_clock_gated(asleep, now);
            let deadline = self.timgs[unit].deadline();
            self.reschedule(Block::Timg(unit as u8), deadline);
        }
    }

    fn settle_timg(&mut self, unit: usize) {
        let edges = self.timgs[unit].take_edges();
        self.pulse(Block::Timg(unit as u8), edges);
        let Some(reset) = self.timgs[unit].take_reset() else { return };
        let (system, cpu) = if unit == 0 {
            (ResetCause::TimerGroup0System, Cpu::Pro)
        } else {
            (ResetCause::TimerGroup1System, Cpu::App)
        };
        self.push_effect(match reset {
            WatchdogReset::Cpu => CoreEffect::Reset { cause: ResetCause::TimerGroupCpu, cpu: Some(cpu) },
            WatchdogReset::System => CoreEffect::Reset { cause: system, cpu: None },
        });
    }

    fn settle_uart(&mut self, unit: usize) {
        let sent = self.uarts[unit].take_transmitted();
        if !sent.is_empty() {
            self.uart_output[unit].extend(sent);
            self.output = true;
        }
    }

    fn settle_spi(&mut self, unit: usize, ram: &mut Ram, now: Time) {
        if self.spis[unit].has_transaction() {
            self.parts.run_spi(&mut self.spis[unit], unit, ram, now);
        }
        // Code that was decoded from flash is stale once its page has changed.
        if self.parts.flash.changes() != self.flash_changes {
            self.flash_changes = self.parts.flash.changes();
            self.code_epoch = self.code_epoch.wrapping_add(1);
            self.attention = true;
        }
    }

    fn settle_ethernet(&mut self, ram: &mut Ram, now: Time) {
        let mut sent = false;
        while let Some(frame) = self.ethernet.take_frame(ram) {
            self.lan.send_from_board(frame, now);
            sent = true;
        }
        if sent {
            self.set_deadline(LAN_SLOT, self.lan.deadline());
        }
    }

    fn advance_lan(&mut self, ram: &mut Ram, now: Time) {
        self.lan.advance(now);
        self.ethernet.set_link(!self.lan.cable_is_cut());
        while let Some(frame) = self.lan.take_for_board(now) {
            self.ethernet.receive(&frame, ram);
            // The networks in the air are on the same port of the switch.
            self.air.send_from_lan(&frame, now);
        }
        self.output = true;
        self.settle(Block::Ethernet, ram, now);
        self.set_deadline(LAN_SLOT, self.lan.deadline());
        self.set_deadline(AIR_SLOT, self.air.deadline());
    }

    /// Fetches what software wants to send, and carries what has been sent to the air.
    fn settle_wifi(&mut self, ram: &mut Ram, now: Time) {
        self.wifi.run_dma(ram, now);
        let mut sent = false;
        while let Some(outgoing) = self.wifi.take_outgoing(now) {
            let channel = self.radio_analog.channel();
            let heard = channel.is_some_and(|channel| self.air.send_from_board(&outgoing.bytes, channel, now));
            self.wifi.finish(&outgoing, heard);
            sent = true;
        }
        if sent {
            self.carry_to_lan(now);
            self.set_deadline(AIR_SLOT, self.air.deadline());
        }
    }

    fn advance_air(&mut self, ram: &mut Ram, now: Time) {
        self.air.advance(now);
        while let Some(frame) = self.air.take_for_board(now) {
            let heard = self.is_tuned_to(frame.channel);
            let received = Received { bytes: &frame.bytes, channel: frame.channel, rssi: frame.rssi, rate: frame.rate };
            let acknowledged = heard && self.wifi.receive(received, ram, now);
            self.air.report(frame, acknowledged);
        }
        self.carry_to_lan(now);
        self.settle(Block::WifiMac, ram, now);
        self.set_deadline(AIR_SLOT, self.air.deadline());
    }

    /// True if the radio hears frames on `channel`.
    fn is_tuned_to(&self, channel: u8) -> bool {
        /// From the middle of a wide channel to each of its halves.
        const HALF: u8 = 2;
        let Some(tuned) = self.radio_analog.channel() else { return false };
        tuned == channel || (self.radio_agc.is_wide() && tuned.abs_diff(channel) == HALF)
    }

    /// Frames that an access point has taken go out by the port that it shares with the board's Ethernet.
    fn carry_to_lan(&mut self, now: Time) {
        let mut carried = false;
        while let Some(frame) = self.air.take_for_lan() {
            self.lan.send_from_board(frame, now);
            carried = true;
        }
        if carried {
            self.set_deadline(LAN_SLOT, self.lan.deadline());
        }
    }

    fn update_runs(&mut self) {
        let app = self.dport.app_cpu();
        let awake = self.rtc.sleeping().is_none();
        let runs = [
            awake && !self.rtc.is_stalled(Cpu::Pro),
            awake && !app.in_reset && app.clocked && !app.stalled && !self.rtc.is_stalled(Cpu::App),
        ];
        if runs != self.runs {
            self.runs = runs;
            self.attention = true;
        }
    }

    /// Pads that nothing outside drives follow the pull that IO_MUX gives them.
    fn update_inputs(&mut self) {
        for pin in 0..PINS {
            let pulled_up = self.io_mux.pull(pin) == Some(Pull::Up);
            self.gpio.set_input(pin, self.driven[pin].unwrap_or(pulled_up));
        }
        self.settle_interrupts(Block::Gpio);
    }

    /// CPU and APB clock as the selections in three blocks say (TRM "Reset and Clock").
    fn update_clocks(&mut self, now: Time) {
        const PLL_CLOCKS: [Frequency; 3] =
            [Frequency::from_hertz(80_000_000), Frequency::from_hertz(160_000_000), Frequency::from_hertz(240_000_000)];
        let divider = u64::from(self.apb_ctrl.cpu_divider());
        let (cpu, apb) = match self.rtc.soc_clock() {
            SocClock::Pll => {
                // The reserved selection runs at the lowest clock.
                let selected = PLL_CLOCKS.get(self.dport.cpu_period() as usize).unwrap_or(&PLL_CLOCKS[0]);
                (*selected, APB_WITH_PLL)
            }
            SocClock::Rc8m => (RC_FAST.divided_by(divider), RC_FAST.divided_by(divider)),
            SocClock::Xtal | SocClock::Apll => (XTAL.divided_by(divider), XTAL.divided_by(divider)),
        };
        if cpu != self.cpu_clock {
            self.cpu_clock = cpu;
            self.attention = true;
        }
        let slow = self.rtc.slow_clock();
        for unit in 0..self.timgs.len() {
            self.timgs[unit].set_slow_clock(slow);
            self.timgs[unit].set_apb_clock(apb, now);
            let deadline = self.timgs[unit].deadline();
            self.reschedule(Block::Timg(unit as u8), deadline);
        }
        self.frc.set_apb_clock(apb, now);
        let deadline = self.frc.deadline();
        self.reschedule(Block::Frc, deadline);
        for unit in 0..UARTS {
            self.uarts[unit].set_apb_clock(apb, now);
            let deadline = self.uarts[unit].deadline();
            self.reschedule(Block::Uart(unit as u8), deadline);
        }
    }

    fn reschedule(&mut self, block: Block, deadline: Option<Time>) {
        if let Some(slot) = TIMED.iter().position(|timed| *timed == block) {
            self.set_deadline(slot, deadline);
        }
    }

    // ---- resets ----

    /// Sets the level of the strapping pins for the next chip reset.
    pub fn set_strap(&mut self, strap: u32, flash_boot: bool) {
        self.gpio.set_strap(strap);
        self.flash_boot = flash_boot;
    }

    /// Records the reset of one core.
    pub fn reset_core(&mut self, cause: ResetCause, cpu: Cpu, now: Time) {
        self.rtc.apply_reset(cause, Some(cpu), now);
        self.update_runs();
        let deadline = self.rtc.deadline();
        self.reschedule(Block::RtcCntl, deadline);
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
        self.code_epoch = self.code_epoch.wrapping_add(1);
        self.rtc.apply_reset(cause, None, now);
        self.rtc.set_flash_boot(self.flash_boot, now);
        self.timgs[0].set_flash_boot(self.flash_boot, now);
        self.effects.clear();
        while self.dport.take_effect().is_some() {}
        while self.rtc.take_effect().is_some() {}
        self.gate_clocks(now);
        self.update_clocks(now);
        self.update_runs();
        self.update_inputs();
        for block in TIMED {
            self.settle_interrupts(block);
            let deadline = self.device(block).and_then(|device| device.deadline());
            self.reschedule(block, deadline);
        }
        self.update_lines();
    }

    /// The parts lose their power; the flash chip keeps its content.
    pub fn power_cycle(&mut self) {
        self.parts.power_cycle();
    }

    // ---- what the world outside does ----

    pub fn flash(&self) -> &FlashChip {
        &self.parts.flash
    }

    pub fn load_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SocError> {
        self.parts.flash.load(offset as usize, bytes)?;
        self.flash_changes = self.parts.flash.changes();
        self.code_epoch = self.code_epoch.wrapping_add(1);
        Ok(())
    }

    pub fn oled(&self) -> Option<&Oled> {
        self.parts.oled()
    }

    pub fn lan(&self) -> &Lan {
        &self.lan
    }

    /// The network brought up to `now`. After acting on it, [`System::lan_changed`] has to be called.
    pub fn lan_mut(&mut self) -> &mut Lan {
        // Whatever the caller does, the next run begins by looking at the network.
        self.schedule.set(LAN_SLOT, Some(self.clock));
        &mut self.lan
    }

    pub fn air(&self) -> &Air {
        &self.air
    }

    /// The air, to act on it. What changes takes effect with the next run.
    pub fn air_mut(&mut self) -> &mut Air {
        self.schedule.set(AIR_SLOT, Some(self.clock));
        &mut self.air
    }

    /// Drives a pad from outside, or lets go of it.
    pub fn drive_pin(&mut self, pin: usize, level: Option<bool>) {
        if let Some(driven) = self.driven.get_mut(pin) {
            *driven = level;
            self.update_inputs();
        }
    }

    pub fn set_i2c_stretch(&mut self, unit: usize, stretch: Span) {
        if let Some(controller) = self.i2cs.get_mut(unit) {
            controller.set_stretch(stretch);
        }
    }

    pub fn uart_send(&mut self, uart: usize, bytes: &[u8], now: Time) {
        let now = self.tick(now);
        self.uarts[uart].receive(bytes, now);
        let deadline = self.uarts[uart].deadline();
        self.reschedule(Block::Uart(uart as u8), deadline);
        self.settle_interrupts(Block::Uart(uart as u8));
    }

    pub fn uart_cut_line(&mut self, uart: usize, now: Time) {
        let now = self.tick(now);
        self.uarts[uart].cut_line(now);
        let deadline = self.uarts[uart].deadline();
        self.reschedule(Block::Uart(uart as u8), deadline);
    }

    pub fn uart_take(&mut self, uart: usize) -> Vec<(Time, u8)> {
        std::mem::take(&mut self.uart_output[uart])
    }

    pub fn set_uart_line_baud(&mut self, uart: usize, baud: Option<u32>) {
        let now = self.clock;
        self.uarts[uart].set_line_baud(baud, now);
    }
}
