//! The I2C buses of the board: targets behind a pair of pads, for the chip's controllers and for those that software makes.

use espalier_core::{I2cTarget, PadMatrix, Time};
use espalier_parts::I2cWires;

use super::{Parts, Slot};
use crate::platform::signals::Signals;

/// The byte read from a released SDA line.
const RELEASED: u8 = 0xFF;

/// A bus. An address that no target has is not acknowledged.
#[derive(Clone, Debug)]
pub struct I2cLines {
    scl: u8,
    sda: u8,
    /// First address, how many of them, and the part.
    targets: Vec<(u8, u8, usize)>,
    /// The part that acknowledged the last address.
    selected: Option<usize>,
    /// The bus as software sees it that drives the pads itself.
    wires: I2cWires,
}

espalier_core::persist!(state I2cLines { selected, wires } fixed { scl, sda, targets });

impl I2cLines {
    pub fn new(scl: u8, sda: u8) -> I2cLines {
        I2cLines { scl, sda, targets: Vec::new(), selected: None, wires: I2cWires::new() }
    }

    pub fn is_at(&self, scl: u8, sda: u8) -> bool {
        (self.scl, self.sda) == (scl, sda)
    }

    pub fn is_sound(&self, slots: usize) -> bool {
        self.selected.is_none_or(|slot| slot < slots)
    }

    pub fn attach(&mut self, address: u8, count: u8, slot: usize) {
        self.targets.push((address, count, slot));
    }

    /// Power is back.
    pub fn release(&mut self) {
        self.selected = None;
        self.wires = I2cWires::new();
    }

    /// The level that the targets and the resistors give to a pad of the bus.
    pub fn pad_level(&self, pin: usize) -> Option<bool> {
        match pin {
            _ if pin == usize::from(self.sda) => Some(!self.wires.pulls_sda()),
            _ if pin == usize::from(self.scl) => Some(true),
            _ => None,
        }
    }

    /// True if a target gives another level to SDA than before.
    pub fn follow(&mut self, slots: &mut [Slot], matrix: &dyn PadMatrix, now: Time) -> bool {
        let released = |pin: u8| matrix.output(usize::from(pin)).unwrap_or(true);
        let (scl, sda) = (released(self.scl), released(self.sda));
        let pulled = self.wires.pulls_sda();
        let mut wires = std::mem::take(&mut self.wires);
        wires.follow(scl, sda, &mut Targets { lines: self, slots }, now);
        self.wires = wires;
        self.wires.pulls_sda() != pulled
    }
}

/// The targets of a bus.
struct Targets<'a> {
    lines: &'a mut I2cLines,
    slots: &'a mut [Slot],
}

impl Targets<'_> {
    fn selected(&mut self) -> Option<&mut dyn I2cTarget> {
        self.slots[self.lines.selected?].touched().i2c()
    }
}

impl I2cTarget for Targets<'_> {
    fn start(&mut self, address: u8, read: bool, now: Time) -> bool {
        let targets = self.lines.targets.iter();
        let hit = |(first, count, _): &&(u8, u8, usize)| address.wrapping_sub(*first) < *count;
        let next = targets.rev().find(hit).map(|(_, _, slot)| *slot);
        // A repeated start that goes elsewhere ends what the last target was in.
        if self.lines.selected != next
            && let Some(target) = self.selected()
        {
            target.stop(now);
        }
        self.lines.selected = next;
        let acknowledged = self.selected().is_some_and(|target| target.start(address, read, now));
        if !acknowledged {
            self.lines.selected = None;
        }
        acknowledged
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        self.selected().is_some_and(|target| target.write(byte, now))
    }

    fn read(&mut self, now: Time) -> u8 {
        self.selected().map_or(RELEASED, |target| target.read(now))
    }

    fn stop(&mut self, now: Time) {
        if let Some(target) = self.selected() {
            target.stop(now);
        }
        self.lines.selected = None;
    }
}

impl Parts {
    /// The bus that the pads lead to which an I2C controller drives: SCL is the first of its signals, SDA the second.
    pub fn i2c_bus(&mut self, outputs: Signals, matrix: &dyn PadMatrix) -> Option<&mut dyn I2cTarget> {
        let drives = |pin: u8, output: u32| matrix.out_signal(usize::from(pin)) == outputs.first + output;
        self.bus = self.buses.iter().position(|bus| drives(bus.scl, 0) && drives(bus.sda, 1))?;
        Some(self)
    }

    /// The bus at these pads.
    pub fn i2c_bus_at(&mut self, scl: u8, sda: u8) -> Option<&mut dyn I2cTarget> {
        self.bus = self.buses.iter().position(|bus| bus.is_at(scl, sda))?;
        Some(self)
    }

    fn targets(&mut self) -> Targets<'_> {
        self.dirty = true;
        Targets { lines: &mut self.buses[self.bus], slots: &mut self.slots }
    }
}

/// The targets on the bus whose controller has the word.
impl I2cTarget for Parts {
    fn start(&mut self, address: u8, read: bool, now: Time) -> bool {
        self.targets().start(address, read, now)
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        self.targets().write(byte, now)
    }

    fn read(&mut self, now: Time) -> u8 {
        self.targets().read(now)
    }

    fn stop(&mut self, now: Time) {
        self.targets().stop(now);
    }
}
