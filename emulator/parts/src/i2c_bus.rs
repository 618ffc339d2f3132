//! An I2C bus with several targets on it.

use std::any::Any;
use std::fmt::Debug;

use espalier_core::{Damaged, I2cTarget, Persist, Reader, Time, Writer};

/// Anything that can sit on an [`I2cBus`]. Every cloneable [`I2cTarget`] that a snapshot keeps can.
pub trait I2cPart: I2cTarget + Persist + Any + Debug + Send + Sync {
    /// A copy in the same state.
    fn boxed_clone(&self) -> Box<dyn I2cPart>;
}

impl<T: I2cTarget + Persist + Any + Clone + Debug + Send + Sync> I2cPart for T {
    fn boxed_clone(&self) -> Box<dyn I2cPart> {
        Box::new(self.clone())
    }
}

/// Targets behind one pair of SDA and SCL. An address that no target has is not acknowledged.
#[derive(Debug, Default)]
pub struct I2cBus {
    parts: Vec<(u8, Box<dyn I2cPart>)>,
    /// The part that acknowledged the last address.
    selected: Option<usize>,
}

impl I2cBus {
    /// A bus with only its pull-up resistors.
    pub fn new() -> I2cBus {
        I2cBus::default()
    }

    /// Puts `part` on the bus, at 7-bit `address`. A part that is already there is replaced, as two targets of one
    /// address cannot work.
    pub fn attach(&mut self, address: u8, part: impl I2cPart) {
        self.detach(address);
        self.parts.push((address, Box::new(part)));
    }

    /// Takes the part at `address` off the bus.
    pub fn detach(&mut self, address: u8) -> Option<Box<dyn I2cPart>> {
        self.selected = None;
        let index = self.index_of(address)?;
        Some(self.parts.remove(index).1)
    }

    /// The addresses that are taken, in the order in which they were attached.
    pub fn addresses(&self) -> impl Iterator<Item = u8> {
        self.parts.iter().map(|(address, _)| *address)
    }

    /// The part at `address`, if it is a `T`.
    pub fn part<T: I2cPart>(&self, address: u8) -> Option<&T> {
        let part: &dyn Any = self.parts[self.index_of(address)?].1.as_ref();
        part.downcast_ref()
    }

    /// The part at `address`, if it is a `T`.
    pub fn part_mut<T: I2cPart>(&mut self, address: u8) -> Option<&mut T> {
        let index = self.index_of(address)?;
        let part: &mut dyn Any = self.parts[index].1.as_mut();
        part.downcast_mut()
    }

    fn index_of(&self, address: u8) -> Option<usize> {
        self.parts.iter().position(|(taken, _)| *taken == address)
    }

    fn selected(&mut self) -> Option<&mut dyn I2cPart> {
        Some(self.parts[self.selected?].1.as_mut())
    }
}

impl Persist for I2cBus {
    fn save(&self, to: &mut Writer) {
        let I2cBus { parts, selected } = self;
        to.length(parts.len());
        for (address, part) in parts {
            address.save(to);
            part.save(to);
        }
        selected.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let I2cBus { parts, selected } = self;
        from.fixed_length(parts.len())?;
        for index in 0..parts.len() {
            // A part that was replaced has moved to the end.
            let address = from.bytes(1)?[0];
            let found = (index..parts.len()).find(|at| parts[*at].0 == address);
            let Some(at) = found else { return Err(from.damaged("an I2C bus has other parts")) };
            parts.swap(index, at);
            parts[index].1.as_mut().restore(from)?;
        }
        selected.restore(from)?;
        if selected.is_none_or(|index| index < parts.len()) { Ok(()) } else { Err(from.damaged("no possible I2cBus")) }
    }
}

impl Clone for I2cBus {
    fn clone(&self) -> I2cBus {
        let parts = self.parts.iter().map(|(address, part)| (*address, part.as_ref().boxed_clone())).collect();
        I2cBus { parts, selected: self.selected }
    }
}

/// What a released SDA line reads as.
const RELEASED: u8 = 0xFF;

impl I2cTarget for I2cBus {
    fn start(&mut self, address: u8, read: bool, now: Time) -> bool {
        let next = self.index_of(address);
        // A repeated start that goes elsewhere ends what the last target was in.
        if self.selected != next
            && let Some(part) = self.selected()
        {
            part.stop(now);
        }
        self.selected = next;
        let acknowledged = self.selected().is_some_and(|part| part.start(address, read, now));
        if !acknowledged {
            self.selected = None;
        }
        acknowledged
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        self.selected().is_some_and(|part| part.write(byte, now))
    }

    fn read(&mut self, now: Time) -> u8 {
        self.selected().map_or(RELEASED, |part| part.read(now))
    }

    fn stop(&mut self, now: Time) {
        if let Some(part) = self.selected() {
            part.stop(now);
        }
        self.selected = None;
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{I2cTarget, Persist, Reader, Time, Writer};

    use super::I2cBus;

    const NOW: Time = Time::ZERO;

    /// A target that stores what it is given and reads it back in reverse.
    #[derive(Clone, Debug, Default)]
    struct Stack {
        bytes: Vec<u8>,
        stops: u32,
    }

    espalier_core::persist!(state Stack { bytes, stops });

    impl I2cTarget for Stack {
        fn start(&mut self, _address: u8, _read: bool, _now: Time) -> bool {
            true
        }

        fn write(&mut self, byte: u8, _now: Time) -> bool {
            self.bytes.push(byte);
            true
        }

        fn read(&mut self, _now: Time) -> u8 {
            self.bytes.pop().unwrap_or(0)
        }

        fn stop(&mut self, _now: Time) {
            self.stops += 1;
        }
    }

    #[test]
    fn bytes_reach_the_addressed_target_only() {
        let mut bus = I2cBus::new();
        bus.attach(0x10, Stack::default());
        bus.attach(0x20, Stack::default());
        assert!(!bus.start(0x30, false, NOW));
        assert!(!bus.write(1, NOW));
        assert_eq!(bus.read(NOW), 0xFF);
        assert!(bus.start(0x10, false, NOW) && bus.write(7, NOW));
        assert!(bus.start(0x20, false, NOW) && bus.write(9, NOW));
        bus.stop(NOW);
        assert!(bus.start(0x10, true, NOW));
        assert_eq!(bus.read(NOW), 7);
        bus.stop(NOW);
        assert_eq!(bus.part::<Stack>(0x20).unwrap().bytes, [9]);
        assert_eq!(bus.part::<Stack>(0x10).unwrap().stops, 2);
        assert!(bus.addresses().eq([0x10, 0x20]));
    }

    #[test]
    fn a_bus_is_restored_with_its_parts() {
        let mut bus = I2cBus::new();
        bus.attach(0x10, Stack::default());
        bus.attach(0x20, Stack::default());
        assert!(bus.start(0x20, false, NOW) && bus.write(9, NOW));
        let mut to = Writer::new();
        bus.save(&mut to);
        let bytes = to.into_bytes();
        let mut again = I2cBus::new();
        again.attach(0x10, Stack::default());
        assert!(again.restore(&mut Reader::new(&bytes)).is_err());
        again.attach(0x20, Stack::default());
        again.attach(0x10, Stack::default());
        again.restore(&mut Reader::new(&bytes)).unwrap();
        assert!(again.write(7, NOW));
        assert_eq!(again.part::<Stack>(0x20).unwrap().bytes, [9, 7]);
    }

    #[test]
    fn clones_part_ways() {
        let mut bus = I2cBus::new();
        bus.attach(0x10, Stack::default());
        assert!(bus.start(0x10, false, NOW));
        let mut fork = bus.clone();
        assert!(fork.write(1, NOW));
        fork.part_mut::<Stack>(0x10).unwrap().bytes.push(2);
        assert!(bus.part::<Stack>(0x10).unwrap().bytes.is_empty());
        assert_eq!(fork.detach(0x10).map(|_| fork.start(0x10, false, NOW)), Some(false));
    }
}
