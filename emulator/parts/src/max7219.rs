//! MAX7219: a driver of 64 LEDs on SPI, alone or in a chain (Maxim, "MAX7219/MAX7221 Serially Interfaced, 8-Digit LED Display Drivers",
//! 19-4452 rev 4).
//!
//! The picture is that of dot matrix modules in a row: digit register 0 is the upper row, segment DP the left column, and the module
//! at the end of the chain is the left one. On modules with digits of seven segments, the property `text` has what they show.

use espalier_core::{Bitmap, Picture, Time};

use crate::display::Shown;
use crate::part::{Part, PartError, SpiPart, Value, Wiring};

const DIGITS: usize = 8;
const LONGEST: i64 = 32;

/// Register addresses (table 2).
const DIGIT_0: u8 = 0x1;
const DIGIT_7: u8 = 0x8;
const DECODE_MODE: u8 = 0x9;
const INTENSITY: u8 = 0xA;
const SCAN_LIMIT: u8 = 0xB;
const SHUTDOWN: u8 = 0xC;
const DISPLAY_TEST: u8 = 0xF;
/// D8 to D11 of a word select the register.
const ADDRESS: u8 = 0xF;

/// Segment DP; A to G follow from bit 6 down.
const POINT: u8 = 1 << 7;
/// Code B font (table 5).
const CODE_B: [u8; 16] =
    [0x7E, 0x30, 0x6D, 0x79, 0x33, 0x5B, 0x5F, 0x70, 0x7F, 0x7B, 0x01, 0x4F, 0x37, 0x0E, 0x67, 0x00];
/// The characters of that font, and others that firmware draws with segments.
const CHARACTERS: &[(u8, char)] = &[
    (0x7E, '0'),
    (0x30, '1'),
    (0x6D, '2'),
    (0x79, '3'),
    (0x33, '4'),
    (0x5B, '5'),
    (0x5F, '6'),
    (0x70, '7'),
    (0x7F, '8'),
    (0x7B, '9'),
    (0x01, '-'),
    (0x08, '_'),
    (0x4F, 'E'),
    (0x37, 'H'),
    (0x0E, 'L'),
    (0x67, 'P'),
    (0x77, 'A'),
    (0x1F, 'b'),
    (0x4E, 'C'),
    (0x0D, 'c'),
    (0x3D, 'd'),
    (0x47, 'F'),
    (0x17, 'h'),
    (0x15, 'n'),
    (0x1D, 'o'),
    (0x05, 'r'),
    (0x0F, 't'),
    (0x3E, 'U'),
    (0x1C, 'u'),
    (0x63, '°'),
    (0x00, ' '),
];

/// One driver of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Driver {
    digits: [u8; DIGITS],
    decode: u8,
    intensity: u8,
    scan_limit: u8,
    on: bool,
    test: bool,
}

espalier_core::persist!(value Driver { digits, decode, intensity, scan_limit, on, test } if Driver::is_sound;);

impl Driver {
    fn is_sound(&self) -> bool {
        usize::from(self.scan_limit) < DIGITS && self.intensity < 16
    }

    /// Takes over a word of 16 bits.
    fn load(&mut self, address: u8, data: u8) {
        match address & ADDRESS {
            digit @ DIGIT_0..=DIGIT_7 => self.digits[usize::from(digit - DIGIT_0)] = data,
            DECODE_MODE => self.decode = data,
            INTENSITY => self.intensity = data & 0xF,
            SCAN_LIMIT => self.scan_limit = data & 7,
            SHUTDOWN => self.on = data & 1 != 0,
            DISPLAY_TEST => self.test = data & 1 != 0,
            _ => {}
        }
    }

    /// The segments of a digit that are lit.
    fn segments(&self, digit: usize) -> u8 {
        match () {
            // The test overrides the shutdown, and leaves the registers alone.
            () if self.test => u8::MAX,
            () if !self.on || digit > usize::from(self.scan_limit) => 0,
            () if self.decode >> digit & 1 != 0 => {
                let data = self.digits[digit];
                data & POINT | CODE_B[usize::from(data & 0xF)]
            }
            () => self.digits[digit],
        }
    }
}

/// A chain of drivers.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Max7219, SpiPart};
///
/// let mut driver = Max7219::new(1);
/// for word in [[0x0C, 1], [0x0B, 7], [0x01, 0b1000_0000]] {
///     driver.select(Time::ZERO);
///     word.map(|byte| driver.receive(byte, true, Time::ZERO));
///     driver.deselect(Time::ZERO);
/// }
/// assert!(driver.picture().get(0, 0) && !driver.picture().get(1, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Max7219 {
    /// From the input of the chain on.
    drivers: Vec<Driver>,
    /// The bytes in the shift registers, the last one that came first.
    shift: Vec<u8>,
    changed: Time,
}

espalier_core::persist!(state Max7219 { drivers, shift, changed } if Max7219::is_sound;);

impl Max7219 {
    /// A chain of `count` drivers after power-on.
    pub fn new(count: usize) -> Max7219 {
        Max7219 { drivers: vec![Driver::default(); count], shift: vec![0; 2 * count], changed: Time::ZERO }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.spi(false)?;
        let count = wiring.integer("count", 1..=LONGEST)?.unwrap_or(1);
        Ok(Box::new(Max7219::new(count as usize)))
    }

    fn is_sound(&self) -> bool {
        !self.drivers.is_empty() && self.shift.len() == 2 * self.drivers.len()
    }

    /// The dots of all modules.
    pub fn picture(&self) -> Bitmap {
        let mut picture = Bitmap::new((DIGITS * self.drivers.len()) as u32, DIGITS as u32);
        for (place, driver) in self.drivers.iter().rev().enumerate() {
            for row in 0..DIGITS {
                let segments = driver.segments(row);
                for column in 0..DIGITS {
                    let lit = segments << column & POINT != 0;
                    picture.set((DIGITS * place + column) as u32, row as u32, lit);
                }
            }
        }
        picture
    }

    /// The text on digits of seven segments, digit 7 at the left; `?` for segments that are no character.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for driver in self.drivers.iter().rev() {
            for digit in (0..DIGITS).rev() {
                let segments = driver.segments(digit);
                let known = CHARACTERS.iter().find(|(pattern, _)| *pattern == segments & !POINT);
                text.push(known.map_or('?', |(_, character)| *character));
                if segments & POINT != 0 {
                    text.push('.');
                }
            }
        }
        text
    }
}

const PROPERTIES: &[&str] = &["on", "intensity", "text"];

impl Part for Max7219 {
    fn power_cycle(&mut self, now: Time) {
        *self = Max7219 { changed: now, ..Max7219::new(self.drivers.len()) };
    }

    fn spi(&mut self) -> Option<&mut dyn SpiPart> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        PROPERTIES
    }

    /// Of the first driver, but for the text.
    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        Some(match property {
            "on" => self.drivers[0].on.into(),
            "intensity" => i64::from(self.drivers[0].intensity).into(),
            _ => self.text().as_str().into(),
        })
    }

    fn is_display(&self) -> bool {
        true
    }

    fn display(&self) -> Option<Shown> {
        Some(Shown {
            picture: Picture::Dots(self.picture()),
            memory: self.drivers.iter().flat_map(|driver| driver.digits).collect(),
            changed: self.changed,
            on: self.drivers.iter().any(|driver| driver.on || driver.test),
        })
    }
}

impl SpiPart for Max7219 {
    /// DOUT is the end of the shift registers (section "Serial-Addressing Modes").
    fn send(&mut self, _now: Time) -> u8 {
        self.shift[self.shift.len() - 1]
    }

    fn receive(&mut self, byte: u8, _data: bool, _now: Time) {
        self.shift.pop();
        self.shift.insert(0, byte);
    }

    /// The rise of LOAD loads every driver with the last 16 bits that it has.
    fn deselect(&mut self, now: Time) {
        let (words, _) = self.shift.as_chunks::<2>();
        let before = self.drivers.clone();
        for (driver, [data, address]) in self.drivers.iter_mut().zip(words) {
            driver.load(*address, *data);
        }
        let looks = |drivers: &[Driver]| -> Vec<u8> {
            drivers.iter().flat_map(|driver| (0..DIGITS).map(|digit| driver.segments(digit))).collect()
        };
        if looks(&before) != looks(&self.drivers) {
            self.changed = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use embedded_hal::spi::{Operation, SpiDevice};

    use super::*;
    use crate::testing::Wire;

    fn write(wire: &mut Wire<Max7219>, bytes: &[u8]) {
        wire.transaction(&mut [Operation::Write(bytes)]).unwrap();
    }

    /// Tables 3 to 10.
    #[test]
    fn digits_are_decoded_limited_and_switched_off() {
        let mut wire = Wire::new(Max7219::new(1));
        for (digit, code) in [3, 0x81, 4, 1, 5, 9, 0xA, 0xF].into_iter().enumerate() {
            write(&mut wire, &[digit as u8 + 1, code]);
        }
        write(&mut wire, &[DECODE_MODE, 0xFF]);
        write(&mut wire, &[SCAN_LIMIT, 7]);
        assert_eq!(wire.part().text(), "        ", "it is shut down after power-on");
        write(&mut wire, &[SHUTDOWN, 1]);
        assert_eq!(wire.part().text(), " -95141.3");
        write(&mut wire, &[SCAN_LIMIT, 2]);
        assert_eq!(wire.part().text(), "     41.3");
        write(&mut wire, &[DECODE_MODE, 0xFE]);
        assert_eq!(wire.part().text(), "     41.?", "segments F and G");
        write(&mut wire, &[INTENSITY, 0x3B]);
        assert_eq!(wire.part().get("intensity", Time::ZERO), Some(11.into()));
        write(&mut wire, &[DISPLAY_TEST, 1]);
        write(&mut wire, &[SHUTDOWN, 0]);
        assert!(wire.part().picture().pixels().iter().all(|lit| *lit));
        write(&mut wire, &[DISPLAY_TEST, 0]);
        assert!(!wire.part().picture().pixels().iter().any(|lit| *lit));
    }

    /// Section "Cascading Drivers", with the no-op register.
    #[test]
    fn a_chain_is_loaded_as_a_whole_and_the_first_word_goes_to_its_end() {
        let mut wire = Wire::new(Max7219::new(3));
        write(&mut wire, &[SHUTDOWN, 1, SHUTDOWN, 1, SHUTDOWN, 1]);
        write(&mut wire, &[DIGIT_0, 0x80, 0, 0, DIGIT_0, 0x01]);
        let lit = |wire: &Wire<Max7219>| -> Vec<u32> {
            let picture = wire.part().picture();
            (0..24).filter(|x| picture.get(*x, 0)).collect()
        };
        assert_eq!(lit(&wire), [0, 23]);
        let mut read = [0; 6];
        wire.transaction(&mut [Operation::TransferInPlace(&mut read)]).unwrap();
        assert_eq!(read, [DIGIT_0, 0x80, 0, 0, DIGIT_0, 0x01], "the words come out at the end");
        assert_eq!(lit(&wire), [0, 23]);
    }
}
