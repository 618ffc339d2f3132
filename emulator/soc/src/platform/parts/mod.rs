//! The parts on the board: their buses, the pads that they hear and drive, and their own time.
//!
//! A part is told of what happens on its lines; what it does about it is collected afterwards, when the board settles
//! ([`Parts::take_changes`]).

mod audio;
mod i2c;
mod sd;
mod spi;

use std::any::Any;

use espalier_core::{Damaged, PadMatrix, Persist, Reader, Signal, SpiTarget, Time, Writer};
use espalier_parts::{Connection, Drive, FlashChip, PadUse, Part, PartError, Psram};

use crate::boards::BoardDefinition;
use crate::pads::SUPPLY_MICROVOLTS;
use crate::platform::NetDriver;
use audio::{AudioDevices, AudioLines};
use i2c::I2cLines;
use sd::SdLines;
use spi::{SpiDevices, SpiLines};

/// A part on the board.
#[derive(Debug)]
struct Slot {
    kind: String,
    name: String,
    part: Box<dyn Part>,
    /// Something has happened to it since its terminals were last looked at.
    dirty: bool,
    /// The pads of its switches by terminal, and the pairs of them that the switches connect.
    switched: Vec<(usize, usize)>,
    closed: Vec<(usize, usize)>,
}

impl Clone for Slot {
    fn clone(&self) -> Slot {
        Slot {
            kind: self.kind.clone(),
            name: self.name.clone(),
            part: self.part.fork(),
            dirty: self.dirty,
            switched: self.switched.clone(),
            closed: self.closed.clone(),
        }
    }
}

impl Slot {
    fn touched(&mut self) -> &mut dyn Part {
        self.dirty = true;
        &mut *self.part
    }

    /// The pads that its switches connect.
    fn closed_pads(&self) -> Vec<(usize, usize)> {
        let pad = |terminal| self.switched.iter().find(|(known, _)| *known == terminal).map(|(_, gpio)| *gpio);
        self.part.closed().into_iter().filter_map(|(one, other)| pad(one).zip(pad(other))).collect()
    }
}

/// A terminal of a part at a pad.
#[derive(Clone, Copy, Debug)]
struct Line {
    slot: usize,
    terminal: usize,
    gpio: usize,
    uses: PadUse,
    drive: Drive,
}

/// Changes of the pads by parts since the board last settled.
#[derive(Debug, Default)]
pub struct Changes {
    /// A level or a voltage has changed.
    pub pads: bool,
    /// Other pads are connected by switches than before.
    pub switches: bool,
    /// Fingers that were put onto pads or taken off.
    pub touches: Vec<(u8, bool)>,
}

/// The parts on the board and where they are wired.
#[derive(Clone)]
pub struct Parts {
    pub flash: FlashChip,
    pub psram: Option<Psram>,
    slots: Vec<Slot>,
    lines: Vec<Line>,
    buses: Vec<I2cLines>,
    /// The bus whose controller has the word.
    bus: usize,
    devices: SpiDevices,
    audio: AudioDevices,
    cards: Vec<SdLines>,
    /// The signal that IO_MUX brings to each pad past the matrix.
    pub direct: Vec<Option<u32>>,
    /// Pads that parts hear.
    heard: u64,
    /// The level that the parts together give to each pad, except for the wires of I2C.
    levels: Vec<Option<bool>>,
    voltages: Vec<Option<u32>>,
    /// The levels that outputs of parts drive, low where two are against each other, and those that resistors and voltages give.
    driven: Vec<Option<bool>>,
    pulled: Vec<Option<bool>>,
    /// The part that did not take back its state from a snapshot.
    refused: Option<usize>,
    /// A part was touched since the board last settled.
    dirty: bool,
    /// The wires of a bus have changed since then.
    wires_changed: bool,
}

impl Persist for Parts {
    fn save(&self, to: &mut Writer) {
        let Parts { flash, psram, slots, lines: _, buses, bus: _, devices, direct, heard: _, .. } = self;
        flash.save(to);
        psram.iter().for_each(|psram| psram.save(to));
        to.length(slots.len());
        for slot in slots {
            let mut state = Writer::new();
            (*slot.part).save(&mut state);
            let state = state.into_bytes();
            to.length(state.len());
            to.bytes(&state);
        }
        to.length(buses.len());
        Persist::save_all(buses, to);
        devices.save(to);
        direct.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.flash.restore(from)?;
        self.psram.iter_mut().try_for_each(|psram| psram.restore(from))?;
        from.fixed_length(self.slots.len())?;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let length = from.length()?;
            let mut state = Reader::new(from.bytes(length)?);
            // Each part has its own bytes: one that reads others than it wrote must not spoil the next.
            if let Err(damaged) = (*slot.part).restore(&mut state).and_then(|()| state.finish()) {
                self.refused = Some(index);
                return Err(damaged);
            }
        }
        from.fixed_length(self.buses.len())?;
        Persist::restore_all(&mut self.buses, from)?;
        self.devices.restore(from)?;
        let pads = self.direct.len();
        self.direct.restore(from)?;
        if self.direct.len() != pads || !self.buses.iter().all(|bus| bus.is_sound(self.slots.len())) {
            return Err(from.damaged("no possible Parts"));
        }
        self.look_at_all();
        Ok(())
    }
}

impl Parts {
    /// # Errors
    /// If the board asks for a part that there cannot be.
    pub fn new(
        flash: FlashChip,
        psram: Option<Psram>,
        board: &BoardDefinition,
        pins: usize,
    ) -> Result<Parts, PartError> {
        let mut parts = Parts {
            flash,
            psram,
            slots: Vec::new(),
            lines: Vec::new(),
            buses: Vec::new(),
            bus: 0,
            devices: SpiDevices::default(),
            audio: AudioDevices::default(),
            cards: Vec::new(),
            direct: vec![None; pins],
            heard: 0,
            levels: vec![None; pins],
            voltages: vec![None; pins],
            driven: vec![None; pins],
            pulled: vec![None; pins],
            refused: None,
            dirty: false,
            wires_changed: false,
        };
        for entry in &board.parts {
            let (part, connections) = board.kinds.make(entry)?;
            let slot = parts.slots.len();
            parts.slots.push(Slot {
                kind: entry.kind.clone(),
                name: entry.name.clone(),
                part,
                dirty: false,
                switched: Vec::new(),
                closed: Vec::new(),
            });
            connections.into_iter().for_each(|connection| parts.connect(slot, connection));
        }
        parts.lines.retain(|line| line.gpio < pins);
        for line in parts.lines.extract_if(.., |line| line.uses == PadUse::Joins) {
            parts.slots[line.slot].switched.push((line.terminal, line.gpio));
        }
        parts.heard = parts.lines.iter().filter(|line| line.uses.hears()).fold(0, |mask, line| mask | 1 << line.gpio);
        parts.look_at_all();
        Ok(parts)
    }

    fn connect(&mut self, slot: usize, connection: Connection) {
        match connection {
            Connection::I2c { scl, sda, address, count } => {
                let there = self.buses.iter().position(|bus| bus.is_at(scl, sda));
                let bus = there.unwrap_or_else(|| {
                    self.buses.push(I2cLines::new(scl, sda));
                    self.buses.len() - 1
                });
                self.buses[bus].attach(address, count, slot);
            }
            Connection::Spi { sck, mosi, miso, cs, dc } => {
                self.devices.attach(SpiLines::new(slot, sck, mosi, miso, cs, dc));
            }
            Connection::Sd { clk, cmd, data } => self.cards.push(SdLines { slot, clk, cmd, data }),
            Connection::Audio { sck, ws, data, .. } => {
                self.audio.attach(AudioLines { slot, sck: Some(sck), ws, data });
            }
            Connection::Pdm { clk, data, .. } => self.audio.attach(AudioLines { slot, sck: None, ws: clk, data }),
            Connection::Pad { terminal, gpio, uses: PadUse::Sounds, .. } => {
                self.audio.attach_analog(slot, terminal, usize::from(gpio));
            }
            Connection::Pad { terminal, gpio, uses, .. } => {
                let drive = Drive::Released;
                self.lines.push(Line { slot, terminal, gpio: usize::from(gpio), uses, drive });
            }
        }
    }

    /// Kind and name of the part that did not take back its state from a snapshot, if that is why there is no board.
    pub fn refused(&self) -> Option<(&str, &str)> {
        let slot = self.slots.get(self.refused?)?;
        Some((&slot.kind, &slot.name))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }

    /// The part of this name.
    pub fn get(&self, name: &str) -> Option<&dyn Part> {
        Some(&*self.slots[self.position(name)?].part)
    }

    /// The same to be changed; the board has to settle afterwards.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut dyn Part> {
        let slot = self.position(name)?;
        self.dirty = true;
        Some(self.slots[slot].touched())
    }

    /// All parts: kind, name, part.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &dyn Part)> {
        self.slots.iter().map(|slot| (slot.kind.as_str(), slot.name.as_str(), &*slot.part))
    }

    /// The first part that is a `T`.
    pub fn first<T: Part>(&self) -> Option<&T> {
        self.slots.iter().find_map(|slot| {
            let part: &dyn Any = &*slot.part;
            part.downcast_ref()
        })
    }

    /// They lose power at `now`, and get it back; what the flash chip was doing is torn by `seed`.
    pub fn lose_power(&mut self, now: Time, seed: u64) {
        self.flash.lose_power(now, seed);
        self.psram.iter_mut().for_each(Psram::lose_power);
        self.buses.iter_mut().for_each(I2cLines::release);
        self.devices.release();
        self.slots.iter_mut().for_each(|slot| slot.touched().power_cycle(now));
        self.dirty = true;
    }

    /// Pads that parts hear: bit n is GPIO n.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// A pad carries `signal` from `at` on.
    pub fn carry(&mut self, pin: usize, signal: Signal, at: Time) {
        if self.heard >> pin & 1 == 0 {
            return;
        }
        for line in self.lines.iter().filter(|line| line.gpio == pin && line.uses.hears()) {
            self.slots[line.slot].touched().sense(line.terminal, signal, at);
        }
        self.dirty = true;
    }

    /// When a part next changes by itself.
    pub fn deadline(&self) -> Option<Time> {
        self.slots.iter().filter_map(|slot| slot.part.deadline()).min()
    }

    /// Calls the parts whose time has come.
    pub fn advance(&mut self, now: Time) {
        for slot in self.slots.iter_mut().filter(|slot| slot.part.deadline().is_some_and(|at| at <= now)) {
            slot.touched().advance(now);
        }
        self.dirty = true;
    }

    /// Whether something happened to a part that the board has not followed yet.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Takes what the parts did to their pads since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let pads = std::mem::take(&mut self.wires_changed);
        let mut changes = Changes { pads, switches: false, touches: Vec::new() };
        if !std::mem::take(&mut self.dirty) {
            return changes;
        }
        let mut moved = false;
        for line in &mut self.lines {
            let slot = &self.slots[line.slot];
            if !slot.dirty || line.uses == PadUse::Hears {
                continue;
            }
            let drive = slot.part.drive(line.terminal);
            if drive != line.drive {
                if (drive == Drive::Finger) != (line.drive == Drive::Finger) {
                    changes.touches.push((line.gpio as u8, drive == Drive::Finger));
                }
                line.drive = drive;
                moved = true;
            }
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.dirty) {
            slot.dirty = false;
            if !slot.switched.is_empty() {
                let closed = slot.closed_pads();
                changes.switches |= closed != slot.closed;
                slot.closed = closed;
            }
        }
        if moved {
            self.resolve();
            changes.pads = true;
        }
        changes
    }

    /// Takes over what all parts drive, as nothing that is news.
    fn look_at_all(&mut self) {
        for line in self.lines.iter_mut().filter(|line| line.uses != PadUse::Hears) {
            line.drive = self.slots[line.slot].part.drive(line.terminal);
        }
        for slot in self.slots.iter_mut().filter(|slot| !slot.switched.is_empty()) {
            slot.closed = slot.closed_pads();
        }
        self.resolve();
    }

    /// The pairs of pads that switches connect.
    pub fn closed(&self) -> Vec<(usize, usize)> {
        self.slots.iter().flat_map(|slot| slot.closed.iter().copied()).collect()
    }

    /// Works out what the parts together do to each pad: who drives is stronger than a resistor, and low is stronger than high.
    fn resolve(&mut self) {
        self.levels.fill(None);
        self.voltages.fill(None);
        self.driven.fill(None);
        self.pulled.fill(None);
        let mut strong = 0_u64;
        for line in &self.lines {
            let level = match line.drive {
                Drive::Released | Drive::Finger => continue,
                Drive::Microvolts(microvolts) => {
                    self.voltages[line.gpio] = Some(microvolts);
                    microvolts >= SUPPLY_MICROVOLTS / 2
                }
                Drive::Low | Drive::PullDown => false,
                Drive::High | Drive::PullUp => true,
            };
            let driven = !matches!(line.drive, Drive::PullUp | Drive::PullDown);
            match line.drive {
                Drive::Low | Drive::High => {
                    let known = &mut self.driven[line.gpio];
                    *known = Some(known.unwrap_or(true) && level);
                }
                _ => self.pulled[line.gpio] = Some(self.pulled[line.gpio].unwrap_or(false) || level),
            }
            let known = &mut self.levels[line.gpio];
            *known = match *known {
                Some(known) if (strong >> line.gpio & 1 != 0) == driven => Some(known && level),
                Some(known) if !driven => Some(known),
                _ => Some(level),
            };
            strong |= u64::from(driven) << line.gpio;
        }
    }

    /// The level that the parts and the resistors of the board give to a pad; None if they do nothing to it.
    pub fn pad_level(&self, pin: usize) -> Option<bool> {
        let wires = self.buses.iter().find_map(|bus| bus.pad_level(pin)).or_else(|| self.devices.pad_level(pin));
        wires.or(self.levels[pin])
    }

    /// Returns the driver of a pad among the parts: one that only pulls low on an I2C bus, or an output.
    pub fn driver(&self, pin: usize) -> Option<NetDriver> {
        if let Some(level) = self.buses.iter().find_map(|bus| bus.pad_level(pin)) {
            return (!level).then_some(NetDriver::LOW);
        }
        let level = self.devices.pad_level(pin).or(self.driven[pin]);
        level.map(|level| NetDriver::of(Signal::Level(level)))
    }

    /// Returns the pull of a resistor of the board, or of a voltage, at a pad.
    pub fn resistor(&self, pin: usize) -> Option<bool> {
        let bus = self.buses.iter().any(|bus| bus.pad_level(pin).is_some());
        if bus { Some(true) } else { self.pulled[pin] }
    }

    /// The voltage that a part gives to a pad, in microvolts.
    pub fn pad_microvolts(&self, pin: usize) -> Option<u32> {
        self.voltages[pin]
    }

    /// Returns the device at a chip select of the controller that has the flash chip: the flash chip at the first one, the PSRAM at the
    /// second.
    pub fn on_flash_bus(&mut self, chip_select: usize) -> Option<&mut dyn SpiTarget> {
        match chip_select {
            0 => Some(&mut self.flash),
            1 => self.psram.as_mut().map(|psram| psram as &mut dyn SpiTarget),
            _ => None,
        }
    }

    /// Shows the parts what software drives onto the pads of their buses, for controllers that are made of software.
    pub fn follow_buses(&mut self, matrix: &dyn PadMatrix, now: Time) {
        let mut changed = false;
        for bus in &mut self.buses {
            changed |= bus.follow(&mut self.slots, matrix, now);
        }
        changed |= self.devices.follow(&mut self.slots, matrix, now);
        self.wires_changed |= changed;
        self.dirty |= changed || self.slots.iter().any(|slot| slot.dirty);
    }
}
