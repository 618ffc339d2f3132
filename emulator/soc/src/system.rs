//! The system around the cores: every block of the chip, the parts on the board, and the wires between them.

mod analog;
mod clocks;
mod network;
mod outside;
mod reset;
mod serial;
mod settle;
mod wires;

pub use serial::SERIAL_OUTPUT_BYTES;

use std::collections::VecDeque;

use espalier_core::{Device, Fault, Frequency, Schedule, Time, Unmodelled};
use espalier_net::{Air, Lan, Ports};
use espalier_parts::{FlashChip, FlashSize};
use espalier_peripherals::{
    APB_WITH_PLL, Aes, ApbCtrl, Bluetooth, Cpu, Dport, Efuse, EfuseConfig, FrcTimer, Gpio, GpioSd, Hinf, I2c, I2s,
    IoMux, Ledc, Mcpwm, OpenCoresEth, PINS, RadioAgc, RadioAnalog, RadioFrontEnd, RadioStorage, ResetCause, Rmt, Rng,
    Rsa, RtcCntl, RtcIo, Sens, Sha, Slc, SlcHost, Spi, TimerGroup, Uart, WifiMac, XTAL,
};

use crate::error::SocError;
use crate::flash_cache::FlashCache;
use crate::flash_mmu::FlashMmu;
use crate::machine::{CORES, MachineConfig};
use crate::map::{self, Block, Entry};
use crate::memory::Ram;
use crate::rom::Rom;
use crate::stub::Stub;
use crate::unmodelled::{Allowed, Origin, UnmodelledLog};
use crate::wires::Wires;
use crate::wiring;
use serial::SerialOutput;

/// Blocks that change by themselves, in the order in which equal deadlines fall due.
const TIMED: [Block; 23] = [
    Block::RtcCntl,
    Block::Sens,
    Block::Timg(0),
    Block::Timg(1),
    Block::Frc,
    Block::Uart(0),
    Block::Uart(1),
    Block::Uart(2),
    Block::I2c(0),
    Block::I2c(1),
    Block::I2s(0),
    Block::Spi(0),
    Block::Spi(1),
    Block::Spi(2),
    Block::Spi(3),
    Block::Rsa,
    Block::Gpio,
    Block::Efuse,
    Block::Ethernet,
    Block::WifiMac,
    Block::Bluetooth,
    Block::Rmt,
    Block::Ledc,
];
/// The schedule's slot for the network.
const LAN_SLOT: usize = TIMED.len();
/// The schedule's slot for the air.
const AIR_SLOT: usize = LAN_SLOT + 1;
/// The schedule's slot for the ports of a board that is one of several.
const PORTS_SLOT: usize = AIR_SLOT + 1;
/// Blocks of the radio that only store, with their registers: FE2, NRX, BB, BT, PHY.
const RADIO_BLOCKS: [usize; 5] = [0x400, 0x100, 0x400, 0x400, 0x400];
const STUBS: usize = 21;
const UARTS: usize = 3;

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
    i2s: [I2s; 2],
    rmt: Rmt,
    ledc: Ledc,
    mcpwms: [Mcpwm; 2],
    efuse: Efuse,
    timgs: [TimerGroup; 2],
    apb_ctrl: ApbCtrl,
    ethernet: OpenCoresEth,
    wifi: WifiMac,
    bluetooth: Bluetooth,
    radio_analog: RadioAnalog,
    radio_front_end: RadioFrontEnd,
    radio_agc: RadioAgc,
    radio: [RadioStorage; RADIO_BLOCKS.len()],
    rng: Rng,
    stubs: Vec<Stub>,
    pub(super) parts: wiring::Parts,
    wires: Wires,
    lan: Lan,
    air: Air,
    /// What the antenna and the cable lead to instead, if this is one of several boards.
    ports: Option<Box<Ports>>,
    schedule: Schedule,
    /// How often blocks were called because their time had come.
    calls: u64,
    /// The latest time that a block has seen: with two cores taking turns, it must not run backwards.
    clock: Time,
    /// Until when the running slice was planned.
    horizon: Time,
    cpu_clock: Frequency,
    apb_clock: Frequency,
    runs: [bool; CORES],
    lines: [u32; CORES],
    effects: VecDeque<CoreEffect>,
    uart_output: [SerialOutput; UARTS],
    /// Edge sources that are high for the present slice.
    pulses: u128,
    /// Levels that the board drives onto pads.
    driven: [Option<bool>; PINS],
    /// Voltages that the board gives to pads, in microvolts.
    analog: [Option<u32>; PINS],
    output: bool,
    flash_changes: u64,
    flash_boot: bool,
    /// The running core has to return to the machine.
    pub attention: bool,
    pub code_epoch: u32,
    pub flash_cache: FlashCache,
    /// Lines that the running core had to fetch first, since [`System::take_stall`].
    pub missed_lines: u32,
    pub unmodelled: UnmodelledLog,
}

impl System {
    pub fn new(rom: Rom, config: &MachineConfig) -> Result<System, SocError> {
        let flash = FlashChip::new(FlashSize::try_from(config.board.flash_size as usize)?);
        let efuse = EfuseConfig { mac: config.board.mac, ..EfuseConfig::default() };
        let mut lan = Lan::new(espalier_net::LanConfig { seed: config.seed, ..espalier_net::LanConfig::default() })?;
        lan.plug_in_air();
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
            rmt: Rmt::new(),
            ledc: Ledc::new(),
            i2s: std::array::from_fn(|_| I2s::new()),
            mcpwms: std::array::from_fn(|_| Mcpwm::new()),
            efuse: Efuse::new(efuse),
            timgs: std::array::from_fn(|_| TimerGroup::new()),
            apb_ctrl: ApbCtrl::new(efuse.revision.has_apb_ctrl_bit()),
            ethernet: OpenCoresEth::new(),
            wifi: WifiMac::new(),
            bluetooth: Bluetooth::new(XTAL),
            radio_analog: RadioAnalog::new(),
            radio_front_end: RadioFrontEnd::new(),
            radio_agc: RadioAgc::new(),
            radio: RADIO_BLOCKS.map(RadioStorage::new),
            rng: Rng::new(config.seed),
            stubs: vec![Stub::default(); STUBS],
            wires: Wires::new(&config.board),
            parts: wiring::Parts::new(flash, &config.board),
            lan,
            air: Air::new(config.seed),
            ports: None,
            schedule: Schedule::new(PORTS_SLOT + 1),
            calls: 0,
            clock: Time::ZERO,
            horizon: Time::ZERO,
            cpu_clock: XTAL,
            apb_clock: XTAL,
            runs: [true, false],
            lines: [0; CORES],
            effects: VecDeque::new(),
            uart_output: Default::default(),
            pulses: 0,
            driven: outside::released(&config.board),
            analog: outside::silent(&config.board),
            output: false,
            flash_changes: 0,
            flash_boot: true,
            attention: false,
            code_epoch: 0,
            flash_cache: FlashCache::default(),
            missed_lines: 0,
            unmodelled: UnmodelledLog::new(Allowed::new(&config.allowed)?),
        })
    }

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

    /// When a block has something to do; the end of time if none has.
    pub fn next_event(&self) -> Time {
        self.schedule.next().unwrap_or(Time::from_ticks(u64::MAX))
    }

    /// Calls every block whose deadline has come.
    pub fn advance_due(&mut self, ram: &mut Ram, now: Time) {
        let now = self.tick(now);
        if self.pulses != 0 {
            self.end_pulses();
        }
        while let Some((slot, _)) = self.schedule.take_due(now) {
            self.calls += 1;
            if slot == LAN_SLOT {
                self.advance_lan(ram, now);
                continue;
            }
            if slot == AIR_SLOT {
                self.advance_air(ram, now);
                continue;
            }
            if slot == PORTS_SLOT {
                self.advance_ports(ram, now);
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

    pub fn device_work(&self) -> u64 {
        self.calls + self.rmt.steps()
    }

    pub fn take_output_flag(&mut self) -> bool {
        std::mem::take(&mut self.output)
    }

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
        if result == Err(Unmodelled) {
            self.note_unmodelled(Some(entry), address, Some(value), origin);
        }
        self.settle(entry.block, ram, now);
        Ok(())
    }

    /// The word at `address`, which is not memory, if it is steady; see [`Device::is_steady`].
    pub fn steady_word(&mut self, address: u32) -> Option<u32> {
        let (entry, offset) = map::find(address)?;
        let now = self.clock;
        self.device(entry.block).filter(|device| device.is_steady(offset))?.read(offset, now).ok()
    }

    /// Whether writing the word at `address`, which is not memory, changes nothing else; see [`Device::is_plain_write`].
    pub fn is_plain_write(&mut self, address: u32, value: u32) -> bool {
        map::find(address).is_some_and(|(entry, offset)| {
            self.device(entry.block).is_some_and(|device| device.is_plain_write(offset, value))
        })
    }

    /// Whether a store to `address`, which is not memory, is accepted.
    pub fn answers_at(address: u32) -> bool {
        map::find(address).is_some() || map::is_peripheral_space(address)
    }

    /// Records an instruction whose effect is not public.
    pub fn note_unmodelled_instruction(&mut self, mnemonic: &'static str, origin: Origin) {
        if self.unmodelled.record_instruction(mnemonic, origin, self.clock) {
            self.attention = true;
        }
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

    fn note_unmodelled(&mut self, entry: Option<&'static Entry>, address: u32, write: Option<u32>, origin: Origin) {
        if self.unmodelled.record(entry, address, write, origin, self.clock) {
            self.attention = true;
        }
    }

    /// The time that blocks see: `now`, unless the other core has already taken them further.
    fn tick(&mut self, now: Time) -> Time {
        self.clock = self.clock.max(now);
        self.clock
    }

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
            Block::Rmt => &mut self.rmt,
            Block::Ledc => &mut self.ledc,
            Block::I2s(unit) => &mut self.i2s[usize::from(unit)],
            Block::Mcpwm(unit) => &mut self.mcpwms[usize::from(unit)],
            Block::Efuse => &mut self.efuse,
            Block::Timg(unit) => &mut self.timgs[usize::from(unit)],
            Block::ApbCtrl => &mut self.apb_ctrl,
            Block::Ethernet => &mut self.ethernet,
            Block::WifiMac => &mut self.wifi,
            Block::Bluetooth => &mut self.bluetooth,
            Block::RadioAnalog => &mut self.radio_analog,
            Block::RadioFrontEnd => &mut self.radio_front_end,
            Block::RadioAgc => &mut self.radio_agc,
            Block::Radio(unit) => &mut self.radio[usize::from(unit)],
            Block::Rng | Block::FlashMmu(_) | Block::Stub(_) => {
                return None;
            }
        })
    }

    fn set_deadline(&mut self, slot: usize, deadline: Option<Time>) {
        self.schedule.set(slot, deadline);
        if deadline.is_some_and(|deadline| deadline < self.horizon) {
            self.attention = true;
        }
    }

    /// Asks a block when it next changes by itself.
    fn renew_deadline(&mut self, block: Block) {
        if let Some(slot) = TIMED.iter().position(|timed| *timed == block) {
            let deadline = self.device(block).and_then(|device| device.deadline());
            self.set_deadline(slot, deadline);
        }
    }
}
