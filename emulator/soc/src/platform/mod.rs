//! Surroundings of the cores of every chip: blocks in a table, their schedule and interrupts, pads, the parts on the board, networks.
//!
//! Nothing here knows a block by name or a chip.

pub mod block;
mod events;
mod fidelity;
mod lines;
pub mod map;
mod net;
mod parts;
mod plain_flash;
mod serial;
mod signals;
mod stub;
mod unmodelled;
mod wire_ends;

use std::collections::VecDeque;

use espalier_core::{
    AudioTarget, Fault, Frequency, GuestMemory, I2cTarget, PadMatrix, Schedule, SdTarget, SpiTarget, SteadyWords,
    Surroundings, Time, Timing, Unmodelled,
};
use espalier_net::{Air, Delivery, Lan, Ports, Sent};
use espalier_parts::{FlashChip, FlashSize, FlashTiming, Psram, PsramSize};
use espalier_peripherals::{FlashCipher, ResetCause};

use crate::error::SocError;
use block::{Block, Blocks, Row, Setup};
use events::Events;
use lines::Lines;
use map::{Map, Window};
use parts::Parts;
use plain_flash::PlainFlash;
use unmodelled::{Allowed, Mnemonics, UnmodelledLog};
use wire_ends::WireEnds;

pub use events::Event;
pub use fidelity::{FidelityRow, markdown as fidelity_markdown};
pub use lines::{Input, Source, pads};
pub use net::{Carried, NetDriver, resolve};
pub use serial::{SERIAL_OUTPUT_BYTES, SerialOutput};
pub use signals::{AudioSignals, SdSignals, Signals, SpiSignals};
pub use unmodelled::{Origin, UnmodelledAccess, UnmodelledBlock};
pub use wire_ends::{FarEnd, WireChange, WireDrive, strongest};

/// A reset of cores by a block; `core` says which one if its scope is one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    pub cause: ResetCause,
    pub core: Option<usize>,
}

espalier_core::persist!(value Reset { cause, core });

/// The block at an address, and the offset in it.
pub type Place = Option<(usize, u32)>;

/// The configuration of a platform.
pub struct Config<'a> {
    pub setup: Setup<'a>,
    pub windows: &'static [Window],
    pub cores: usize,
    pub pins: usize,
    /// The clock after reset.
    pub clock: Frequency,
    /// Blocks at which a strict machine does not stop.
    pub allowed: &'a [String],
    pub mnemonics: Mnemonics,
}

/// Everything around the cores and the memory that is the same on every chip.
#[derive(Clone)]
pub struct Platform {
    pub map: Map,
    pub blocks: Blocks,
    /// One slot for each block, then those of the LAN, the air, the ports, the parts, the waves on pads and the wires to other boards.
    schedule: Schedule,
    /// Number of calls of blocks because of a deadline.
    calls: u64,
    /// The latest time that a block has seen: with cores that take turns, it must not run backwards.
    clock: Time,
    /// The registers that were read since the last event, whether there are any, and up to when they may be used.
    steady: SteadyWords,
    has_steady: bool,
    steady_until: Time,
    /// Until when the running slice was planned.
    horizon: Time,
    pub cpu_clock: Frequency,
    pub apb_clock: Frequency,
    pub timing: Timing,
    /// The levels of each core's interrupt inputs.
    pub lines: Vec<u32>,
    pub effects: VecDeque<Reset>,
    serial: Vec<SerialOutput>,
    /// Edge sources that are high for the present slice.
    pub pulses: u128,
    /// Levels that are driven onto pads from outside, past the parts of the board.
    pub driven: Vec<Option<bool>>,
    pub pads: Lines,
    pub parts: Parts,
    /// The flash chip as the caches show it.
    pub plain_flash: PlainFlash,
    pub lan: Lan,
    pub air: Air,
    /// The ports in place of the antenna's and the cable's networks, if this is one of several boards.
    pub ports: Option<Box<Ports>>,
    /// Wires from its pads to other boards.
    pub wire_ends: WireEnds,
    /// Something came out of the chip.
    pub output: bool,
    flash_changes: u64,
    /// The running core has to return to the machine.
    pub attention: bool,
    pub code_epoch: u32,
    pub unmodelled: UnmodelledLog,
    pub events: Events,
}

espalier_core::persist! {
    state Platform {
        blocks, schedule, calls, clock, horizon, cpu_clock, apb_clock, lines, effects, serial, pulses, driven,
        pads, parts, plain_flash, lan, air, ports, wire_ends, output, flash_changes, attention, code_epoch, unmodelled
    } fixed { map, timing, steady, has_steady, steady_until, events } if Platform::is_sound;
}

impl Platform {
    pub fn new<C>(table: &[Block<C>], config: &Config<'_>) -> Result<Platform, SocError> {
        let Setup { board, seed } = config.setup;
        let map = Map::new(table, config.windows);
        let mut flash = FlashChip::new(FlashSize::try_from(board.flash_size as usize)?);
        if board.timing == Timing::Silicon {
            flash.set_timing(FlashTiming::Typical);
        }
        let psram = board.psram_size.map(|size| PsramSize::try_from(size as usize).map(Psram::new)).transpose()?;
        let parts = Parts::new(flash, psram, board, config.pins)?;
        let mut lan = Lan::new(espalier_net::LanConfig { seed, ..espalier_net::LanConfig::default() })?;
        lan.plug_in_air();
        Ok(Platform {
            blocks: Blocks::new(table.iter().map(|block| (block.device)(&config.setup)).collect()),
            schedule: Schedule::new(table.len() + 6),
            calls: 0,
            clock: Time::ZERO,
            steady: SteadyWords::NONE,
            has_steady: false,
            steady_until: Time::MAX,
            horizon: Time::ZERO,
            cpu_clock: config.clock,
            apb_clock: config.clock,
            timing: board.timing,
            lines: vec![0; config.cores],
            effects: VecDeque::new(),
            serial: vec![SerialOutput::default(); map.rows().iter().filter(|row| row.serial).count()],
            pulses: 0,
            driven: vec![None; config.pins],
            pads: Lines::new(parts.heard(), &board.wires, config.pins, table.len()),
            parts,
            plain_flash: PlainFlash::default(),
            lan,
            air: Air::new(seed),
            ports: None,
            wire_ends: WireEnds::default(),
            output: false,
            flash_changes: 0,
            attention: false,
            code_epoch: 0,
            unmodelled: UnmodelledLog::new(Allowed::new(config.allowed, map.rows())?, map.rows(), config.mnemonics),
            events: Events::default(),
            map,
        })
    }

    /// Whether each core, pad and port that there is has its place.
    fn is_sound(&self) -> bool {
        let ports = self.map.rows().iter().filter(|row| row.serial).count();
        let pins = self.pads.count();
        !self.lines.is_empty()
            && self.serial.len() == ports
            && self.driven.len() == pins
            && self.pads.is_sound(self.blocks.len())
            && self.wire_ends.is_sound(pins, |pin| self.pads.net(pin))
    }

    /// The pads that parts, probes, blocks, the observer and other boards look at.
    pub fn looked_at(&self) -> u64 {
        self.pads.looked_at() | self.events.pads() | self.wire_ends.first()
    }

    /// The schedule's slot for the LAN.
    pub fn lan_slot(&self) -> usize {
        self.blocks.len()
    }

    /// The schedule's slot for the air.
    pub fn air_slot(&self) -> usize {
        self.blocks.len() + 1
    }

    /// The schedule's slot for the ports of a board that is one of several.
    pub fn ports_slot(&self) -> usize {
        self.blocks.len() + 2
    }

    /// The schedule's slot for the parts of the board.
    pub fn parts_slot(&self) -> usize {
        self.blocks.len() + 3
    }

    /// Asks the parts when one next changes by itself.
    pub fn renew_parts(&mut self) {
        self.set_deadline(self.parts_slot(), self.parts.deadline());
    }

    /// The schedule's slot for waves on pads whose edges are followed.
    pub fn pads_slot(&self) -> usize {
        self.blocks.len() + 4
    }

    /// The schedule's slot for the wires to other boards.
    pub fn wires_slot(&self) -> usize {
        self.blocks.len() + 5
    }

    /// Asks when the next thing arrives over them.
    pub fn renew_wire_ends(&mut self) {
        self.set_deadline(self.wires_slot(), self.wire_ends.deadline());
    }

    /// Something will reach the ports at `at`.
    pub fn deliver(&mut self, at: Time, delivery: Delivery) {
        if let Some(ports) = &mut self.ports {
            ports.deliver(at, delivery);
            self.renew_ports(self.clock);
        }
    }

    /// Until when the board may run alone: a slice ends there.
    pub fn set_boundary(&mut self, at: Time) {
        if let Some(ports) = &mut self.ports {
            ports.set_boundary(at);
            self.renew_ports(self.clock);
        }
    }

    pub fn renew_ports(&mut self, now: Time) {
        let deadline = self.ports.as_ref().and_then(|ports| ports.deadline(now));
        self.set_deadline(self.ports_slot(), deadline);
    }

    /// Takes what the board has sent through its ports.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        self.ports.as_mut().map(|ports| ports.take_sent()).unwrap_or_default()
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

    /// The slot that is due at `now`.
    pub fn take_due(&mut self, now: Time) -> Option<usize> {
        let (slot, _) = self.schedule.take_due(now)?;
        self.calls += 1;
        Some(slot)
    }

    /// Number of calls of blocks because of a deadline, and of pulses that were followed.
    pub fn device_work(&self) -> u64 {
        (0..self.blocks.len()).fold(self.calls, |work, index| work + self.blocks.device(index).steps())
    }

    pub fn set_deadline(&mut self, slot: usize, deadline: Option<Time>) {
        self.schedule.set(slot, deadline);
        if deadline.is_some_and(|deadline| deadline < self.horizon) {
            self.attention = true;
        }
    }

    /// Asks a block when it next changes by itself.
    pub fn renew_deadline(&mut self, index: usize) {
        let deadline = self.blocks.device(index).deadline();
        self.set_deadline(index, deadline);
    }

    /// The time that blocks see: `now`, unless another core has already taken them further.
    pub fn tick(&mut self, now: Time) -> Time {
        self.clock = self.clock.max(now);
        self.clock
    }

    /// The latest time that a block has seen.
    pub fn clock(&self) -> Time {
        self.clock
    }

    /// Makes the next run begin by looking at the LAN or the air.
    pub fn wake(&mut self, slot: usize) {
        self.schedule.set(slot, Some(self.clock));
    }

    pub fn push_effect(&mut self, effect: Reset) {
        self.effects.push_back(effect);
        self.attention = true;
    }

    pub fn take_output_flag(&mut self) -> bool {
        std::mem::take(&mut self.output)
    }

    /// Decoded code of translated addresses is stale.
    pub fn change_code(&mut self) {
        self.code_epoch = self.code_epoch.wrapping_add(1);
        self.attention = true;
    }

    /// Lets a block carry out what needs something outside of it.
    pub fn settle_device(&mut self, index: usize, row: &Row, memory: &mut dyn GuestMemory, now: Time) {
        // Only the buses of I2C, SPI and audio controllers are found by the pads that they drive.
        let (device, matrix) = match row.outputs.is_some() || row.spi.is_some() || row.audio.is_some() {
            true => self.blocks.with_matrix(index),
            false => (self.blocks.device_mut(index), None),
        };
        let mut wiring = Wiring { memory, parts: &mut self.parts, matrix, row, sent: Vec::new() };
        device.settle(&mut wiring, now);
        let sent = wiring.sent;
        if !sent.is_empty()
            && let Some(port) = self.port_of(index)
        {
            self.serial[port].push(sent);
            self.output = true;
        }
        // Code that was decoded from flash is stale once its page has changed.
        if row.flash {
            self.note_flash_change();
        }
    }

    /// Returns the number of the serial port of a block.
    fn port_of(&self, index: usize) -> Option<usize> {
        let rows = self.map.rows();
        rows[index].serial.then(|| rows[..index].iter().filter(|row| row.serial).count())
    }

    /// The block that is the n-th serial port.
    pub fn serial_block(&self, port: usize) -> Option<usize> {
        let mut rows = self.map.rows().iter().enumerate();
        rows.by_ref().filter(|(_, row)| row.serial).map(|(index, _)| index).nth(port)
    }

    /// The serial ports' output.
    pub fn serial(&self) -> &[SerialOutput] {
        &self.serial
    }

    pub fn serial_mut(&mut self, port: usize) -> Option<&mut SerialOutput> {
        self.serial.get_mut(port)
    }

    /// Writes to the flash chip past its own commands.
    pub fn load_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SocError> {
        self.parts.flash.load(offset as usize, bytes)?;
        self.note_flash_change();
        Ok(())
    }

    /// Returns the cached values of steady registers; see [`Device::steady_until`](espalier_core::Device::steady_until).
    pub fn steady(&self) -> &SteadyWords {
        &self.steady
    }

    /// Up to when they may be used. Drops them if that is not after `now`.
    #[inline]
    pub fn steady_until(&mut self, now: Time) -> Time {
        if self.steady_until <= now {
            self.forget_steady();
        }
        self.steady_until
    }

    /// Reads a register as software does if its value is cached.
    #[inline]
    pub fn read_steady(&mut self, address: u32, now: Time) -> Option<u32> {
        let value = self.steady.get(address)?;
        (self.tick(now) < self.steady_until).then_some(value)
    }

    /// Something may have changed since registers were read.
    #[inline]
    pub fn forget_steady(&mut self) {
        if self.has_steady {
            (self.steady, self.has_steady, self.steady_until) = (SteadyWords::NONE, false, Time::MAX);
        }
    }

    /// Keeps the value that a register has up to `until`.
    fn keep_steady(&mut self, address: u32, value: u32, until: Time, now: Time) {
        self.steady_until = self.steady_until(now).min(until);
        self.steady.put(address, value);
        self.has_steady = true;
    }

    /// Reads again what was steady before a write to the block at `index` that changed nothing but these of its words.
    fn renew_steady(&mut self, index: usize, words: [u32; 2], now: Time) {
        if !self.has_steady {
            return;
        }
        let base = self.map.row(index).base;
        for offset in words {
            if self.steady.get(base + offset).is_none() {
                continue;
            }
            match self.blocks.device_mut(index).read(offset, now) {
                Ok(value) => self.steady.put(base + offset, value),
                Err(Unmodelled) => self.forget_steady(),
            }
        }
    }

    /// The caches decrypt flash, or show it as it is.
    pub fn set_flash_cipher(&mut self, cipher: Option<FlashCipher>) {
        if self.plain_flash.set_cipher(cipher) {
            self.change_code();
        }
    }

    /// The flash chip's memory was changed past its own commands.
    pub fn note_flash_change(&mut self) {
        if self.parts.flash.changes() != self.flash_changes {
            self.flash_changes = self.parts.flash.changes();
            self.plain_flash.follow(&self.parts.flash);
            self.change_code();
        }
    }

    /// Software reads a register. The index is that of the block, if it has to settle.
    pub fn read(
        &mut self,
        origin: Origin,
        address: u32,
        place: Place,
        now: Time,
    ) -> Result<(u32, Option<usize>), Fault> {
        let Some((index, offset)) = place else {
            self.touch_nothing(origin, address, None)?;
            return Ok((0, None));
        };
        let device = self.blocks.device_mut(index);
        // A word is kept under one address only.
        let is_own = self.map.row(index).base.wrapping_add(offset) == address;
        let until = if is_own && !self.schedule.is_due(index, now) { device.steady_until(offset, now) } else { None };
        match (device.read(offset, now), until) {
            (Ok(value), Some(until)) => {
                self.keep_steady(address, value, until, now);
                Ok((value, None))
            }
            (Ok(value), None) => Ok((value, Some(index))),
            (Err(Unmodelled), _) => {
                let stored = device.stored(offset);
                self.note_unmodelled(Some((index, offset)), address, None, origin);
                Ok((stored, None))
            }
        }
    }

    /// Software writes a register. The index is that of the block, if it has to settle.
    pub fn write(
        &mut self,
        origin: Origin,
        (address, place): (u32, Place),
        value: u32,
        now: Time,
    ) -> Result<Option<usize>, Fault> {
        let Some((index, offset)) = place else {
            self.touch_nothing(origin, address, Some(value))?;
            return Ok(None);
        };
        let device = self.blocks.device_mut(index);
        let quiet = device.quiet_write(offset).filter(|_| !self.schedule.is_due(index, now));
        match (device.write(offset, value, now), quiet) {
            (Ok(()), Some(words)) => {
                self.renew_steady(index, words, now);
                return Ok(None);
            }
            (Ok(()), None) => {}
            (Err(Unmodelled), _) => self.note_unmodelled(Some((index, offset)), address, Some(value), origin),
        }
        Ok(Some(index))
    }

    /// The word at `address`, which is not memory, if it is steady from `now` on, and up to when; see
    /// [`Device::steady_until`](espalier_core::Device::steady_until).
    pub fn steady_word(&mut self, address: u32, now: Time) -> Option<(u32, Time)> {
        let now = self.clock.max(now);
        let (index, offset) = self.map.find(address)?;
        let device = self.blocks.device_mut(index);
        let until = device.steady_until(offset, now)?;
        Some((device.read(offset, now).ok()?, until))
    }

    /// Returns the value read at `address`, which is not memory, after a write that has no other effect; see
    /// [`Device::plain_write`](espalier_core::Device::plain_write).
    pub fn plain_write(&self, address: u32, value: u32) -> Option<u32> {
        let (index, offset) = self.map.find(address)?;
        self.blocks.device(index).plain_write(offset, value)
    }

    /// Whether a store to `address`, which is not memory, is accepted.
    pub fn answers_at(&self, address: u32) -> bool {
        self.map.is_peripheral_space(address)
    }

    /// Peripheral space without a block reads as zero, as on silicon; other addresses fault.
    fn touch_nothing(&mut self, origin: Origin, address: u32, write: Option<u32>) -> Result<(), Fault> {
        if !self.map.is_peripheral_space(address) {
            return Err(Fault::Unmapped);
        }
        self.note_unmodelled(None, address, write, origin);
        Ok(())
    }

    fn note_unmodelled(&mut self, place: Option<(usize, u32)>, address: u32, write: Option<u32>, origin: Origin) {
        let place = place.map(|(index, offset)| (self.map.row(index), offset));
        if self.unmodelled.record(place, address, write, origin, self.clock) {
            self.attention = true;
        }
    }

    /// Records an instruction whose effect is not public.
    pub fn note_unmodelled_instruction(&mut self, mnemonic: &'static str, origin: Origin) {
        if self.unmodelled.record_instruction(mnemonic, origin, self.clock) {
            self.attention = true;
        }
    }
}

/// The surroundings of one block.
struct Wiring<'a> {
    memory: &'a mut dyn GuestMemory,
    parts: &'a mut Parts,
    /// None for the matrix itself.
    matrix: Option<&'a dyn PadMatrix>,
    row: &'a Row,
    sent: Vec<(Time, u8)>,
}

impl Surroundings for Wiring<'_> {
    fn memory(&mut self) -> &mut dyn GuestMemory {
        self.memory
    }

    fn spi(&mut self, chip_select: Option<usize>) -> (Option<&mut dyn SpiTarget>, &mut dyn GuestMemory) {
        let target = match (self.row.flash, self.row.spi.zip(self.matrix)) {
            (true, _) => chip_select.and_then(|line| self.parts.on_flash_bus(line)),
            (false, Some((signals, matrix))) => self.parts.spi_bus(signals, chip_select, matrix),
            (false, None) => None,
        };
        (target, self.memory)
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        self.parts.i2c_bus(self.row.outputs?, self.matrix?)
    }

    fn audio_out(&mut self) -> Option<&mut dyn AudioTarget> {
        self.parts.audio_bus(self.row.audio?, false, self.matrix?)
    }

    fn audio_in(&mut self) -> Option<&mut dyn AudioTarget> {
        self.parts.audio_bus(self.row.audio?, true, self.matrix?)
    }

    fn sd(&mut self, slot: usize) -> (Option<(&mut dyn SdTarget, usize)>, &mut dyn GuestMemory) {
        let card = self.row.sd.get(slot).and_then(|signals| self.parts.sd_bus(*signals));
        (card, self.memory)
    }

    fn transmit(&mut self, sent: Vec<(Time, u8)>) {
        self.sent.extend(sent);
    }
}
