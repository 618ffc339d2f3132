//! AT24C01 to AT24C512: serial EEPROMs on I2C (Microchip, "AT24C256C I2C-Compatible Serial EEPROM", DS20006270; the smaller ones as in
//! DS20006127 for the AT24C16C).
//!
//! A page that was sent is written from the STOP on; until the write cycle is over the device does not acknowledge (section 7.3,
//! "Acknowledge Polling").

use espalier_core::{I2cTarget, Signal, Span, Time};

use crate::part::{PadUse, Part, PartError, Value, ValueError, Wiring};

/// t_WR (table 4-3).
const WRITE_CYCLE: Span = Span::from_millis(5);
/// Bytes behind one device address of the devices whose word address is one byte.
const BLOCK: usize = 256;
/// The largest device whose word address is one byte.
const LARGEST_SHORT: usize = 2048;
const SIZES: std::ops::RangeInclusive<i64> = 128..=65_536;
const WRITE_PROTECT: usize = 0;
const ADDRESS: u8 = 0x50;
const ERASED: u8 = 0xFF;

/// The device. Its content outlasts power.
///
/// ```
/// use espalier_parts::At24c;
///
/// let mut eeprom = At24c::new(4096, 0x50);
/// assert_eq!(eeprom.memory()[0], 0xFF, "a new device is erased");
/// eeprom.memory_mut()[..2].copy_from_slice(b"hi");
/// ```
#[derive(Clone, Debug)]
pub struct At24c {
    memory: Vec<u8>,
    address: u8,
    /// The word address, and how many of its bytes have come since the start.
    pointer: usize,
    pointed: usize,
    /// Bytes received for the page, with their addresses.
    page: Vec<(usize, u8)>,
    busy_until: Time,
    protected: bool,
}

espalier_core::persist! {
    state At24c { memory, pointer, pointed, page, busy_until, protected } fixed { address } if At24c::is_sound;
}

impl At24c {
    /// An erased device of `size` bytes, a power of two from 128 to 65536.
    ///
    /// # Panics
    /// If there is no such device.
    pub fn new(size: usize, address: u8) -> At24c {
        assert!(size.is_power_of_two() && SIZES.contains(&(size as i64)), "no device has {size} bytes");
        At24c {
            memory: vec![ERASED; size],
            address,
            pointer: 0,
            pointed: 0,
            page: Vec::new(),
            busy_until: Time::ZERO,
            protected: false,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        let size = wiring.read("size", |value| {
            let size = value.integer(SIZES)?;
            let fits = (size as usize).is_power_of_two();
            if fits { Ok(size as usize) } else { Err(ValueError::new(value, "128, 256, 512, ... 65536 bytes")) }
        })?;
        let size = size.unwrap_or(32_768);
        let blocks = if size <= LARGEST_SHORT { size.div_ceil(BLOCK) } else { 1 };
        let address = wiring.i2c_addresses(ADDRESS, blocks as u8)?;
        wiring.optional_pad("wp", WRITE_PROTECT, PadUse::Hears)?;
        Ok(Box::new(At24c::new(size, address)))
    }

    /// Returns the content.
    pub fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// The same to be changed, past its own commands.
    pub fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn is_sound(&self) -> bool {
        let size = self.memory.len();
        let known = size.is_power_of_two() && SIZES.contains(&(size as i64));
        known && self.pointer < size && self.page.iter().all(|(place, _)| *place < size)
    }

    /// Bytes of a page (section 7.2 of each datasheet).
    fn page_size(&self) -> usize {
        match self.memory.len() {
            0..=256 => 8,
            257..=2048 => 16,
            2049..=8192 => 32,
            8193..=32_768 => 64,
            _ => 128,
        }
    }

    fn pointer_bytes(&self) -> usize {
        if self.memory.len() <= LARGEST_SHORT { 1 } else { 2 }
    }
}

impl Part for At24c {
    fn power_cycle(&mut self, _now: Time) {
        (self.pointer, self.pointed, self.busy_until) = (0, 0, Time::ZERO);
        self.page.clear();
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    /// Section 7.4: with WP high, nothing is written.
    fn sense(&mut self, _terminal: usize, signal: Signal, _at: Time) {
        self.protected = signal == Signal::Level(true);
    }

    fn properties(&self) -> &'static [&'static str] {
        &["text"]
    }

    /// Writes a text to the beginning.
    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        let text = value.text()?.as_bytes();
        let Some(place) = self.memory.get_mut(..text.len()) else {
            return Err(ValueError::new(value, format!("a text of {} bytes or fewer", self.memory.len())));
        };
        place.copy_from_slice(text);
        Ok(())
    }
}

impl I2cTarget for At24c {
    fn start(&mut self, address: u8, read: bool, now: Time) -> bool {
        // A start without a stop before it gives up the page.
        self.page.clear();
        if now < self.busy_until {
            return false;
        }
        if self.pointer_bytes() == 1 {
            let block = usize::from(address.wrapping_sub(self.address)) * BLOCK;
            self.pointer = (block + self.pointer % BLOCK) % self.memory.len();
        }
        self.pointed = if read { self.pointer_bytes() } else { 0 };
        true
    }

    fn write(&mut self, byte: u8, _now: Time) -> bool {
        let size = self.memory.len();
        if self.pointed < self.pointer_bytes() {
            let block = if self.pointer_bytes() == 1 { self.pointer / BLOCK } else { self.pointer };
            self.pointer = (block << 8 | usize::from(byte)) % size;
            self.pointed += 1;
            return true;
        }
        let page = self.page_size();
        if self.page.len() == page {
            self.page.remove(0);
        }
        self.page.push((self.pointer, byte));
        // The word address rolls over within the page.
        self.pointer = self.pointer / page * page + (self.pointer + 1) % page;
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        let byte = self.memory[self.pointer];
        self.pointer = (self.pointer + 1) % self.memory.len();
        byte
    }

    fn stop(&mut self, now: Time) {
        if self.page.is_empty() {
            return;
        }
        let page = std::mem::take(&mut self.page);
        if !self.protected {
            page.into_iter().for_each(|(place, byte)| self.memory[place] = byte);
            self.busy_until = now + WRITE_CYCLE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Wire;

    /// The driver crate writes pages and polls.
    #[test]
    fn the_eeprom24x_crate_stores_and_finds_its_bytes() {
        use embedded_storage::{ReadStorage, Storage};
        let wire = Wire::new(At24c::new(32_768, ADDRESS));
        let eeprom = eeprom24x::Eeprom24x::new_24x256(wire.clone(), eeprom24x::SlaveAddr::default());
        let mut storage = eeprom24x::Storage::new(eeprom, wire.clone());
        let data: Vec<u8> = (0..200).collect();
        storage.write(0x3FD0, &data).unwrap();
        wire.pass(WRITE_CYCLE);
        let mut read = vec![0; 200];
        storage.read(0x3FD0, &mut read).unwrap();
        assert_eq!(read, data);
        assert_eq!(wire.part().memory()[0x3FD0..][..200], data);
    }

    /// Section 7.2: the lower bits of the word address roll over; section 7.3: no acknowledge during the write cycle.
    #[test]
    fn a_page_rolls_over_and_the_device_is_busy_after_it() {
        let wire = Wire::new(At24c::new(256, ADDRESS));
        let bytes: Vec<u8> = (0..10).collect();
        assert!(wire.send(ADDRESS, &[&[0x06][..], &bytes].concat()));
        assert!(!wire.send(ADDRESS, &[0]));
        wire.pass(WRITE_CYCLE);
        assert!(wire.send(ADDRESS, &[0]));
        assert_eq!(wire.receive(ADDRESS, 9), Some(vec![2, 3, 4, 5, 6, 7, 8, 9, ERASED]));
    }

    /// DS20006127, section 7: the upper bits of the word address are in the device address.
    #[test]
    fn small_devices_have_blocks_at_addresses_of_their_own() {
        let wire = Wire::new(At24c::new(2048, ADDRESS));
        assert!(wire.send(ADDRESS + 3, &[0x10, 0xAA]));
        wire.pass(WRITE_CYCLE);
        assert_eq!(wire.part().memory()[0x310], 0xAA);
        assert!(wire.send(ADDRESS + 3, &[0x10]));
        assert_eq!(wire.receive(ADDRESS + 3, 1), Some(vec![0xAA]));
        wire.part_mut().sense(WRITE_PROTECT, Signal::Level(true), wire.now());
        assert!(wire.send(ADDRESS, &[0, 1]) && wire.send(ADDRESS, &[0]));
        assert_eq!(wire.part().memory()[0], ERASED, "nothing was written, and that takes no time");
    }
}
