//! Reading of a `[[part]]` by its kind: properties, each checked, and the pads and buses that it is connected to.

use std::ops::RangeInclusive;

use super::entry::{PartEntry, PartError};
use super::property::{Value, ValueError};

/// 7-bit addresses that the I2C specification leaves to targets.
const ADDRESSES: RangeInclusive<i64> = 0x08..=0x77;
/// The highest number that a pad of any chip has.
const LAST_PAD: i64 = 63;

/// The keys of the data lines of an SD bus.
pub const SD_DATA: [&str; 4] = ["d0", "d1", "d2", "d3"];

/// The use of a pad by a part.
///
/// ```
/// use espalier_parts::PadUse;
///
/// assert!(PadUse::Shares.hears(), "a part on an open-drain line also listens to it");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadUse {
    /// The part listens to the pad, which the chip drives.
    Hears,
    /// The part drives the pad.
    Drives,
    /// Both, with an open drain: other parts may be at the same pad.
    Shares,
    /// The part gives a voltage to the pad, which an ADC reads.
    Analog,
    /// The part hears the voltage that a DAC gives to the pad, as sound through [`Part::audio`](crate::Part::audio): terminal 0 on the left,
    /// terminal 1 on the right.
    Sounds,
    /// The pad senses touch.
    Touch,
    /// Switches of the part connect the pad with others of its pads; see [`Part::closed`](crate::Part::closed).
    Joins,
}

impl PadUse {
    /// Whether the part listens to the pad.
    pub fn hears(self) -> bool {
        matches!(self, PadUse::Hears | PadUse::Shares)
    }
}

/// Where a part is connected.
///
/// ```
/// use espalier_parts::{Connection, PartEntry, PartKinds};
///
/// let entry = PartEntry::new("msa300", "accelerometer").with("scl", 22).with("sda", 23);
/// let (_, connections) = PartKinds::default().make(&entry)?;
/// assert_eq!(connections, [Connection::I2c { scl: 22, sda: 23, address: 0x26, count: 1 }]);
/// # Ok::<(), espalier_parts::PartError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// At `count` addresses from `address` on.
    I2c {
        scl: u8,
        sda: u8,
        address: u8,
        count: u8,
    },
    Spi {
        sck: u8,
        mosi: Option<u8>,
        miso: Option<u8>,
        cs: Option<u8>,
        dc: Option<u8>,
    },
    /// On an SD bus, of one data line or of four.
    Sd {
        clk: u8,
        cmd: u8,
        data: [Option<u8>; 4],
    },
    /// On a bus of serial audio, with the key of its data line.
    Audio {
        sck: u8,
        ws: u8,
        data: u8,
        key: &'static str,
    },
    /// On a line of pulse density (PDM), with the key of its data line.
    Pdm {
        clk: u8,
        data: u8,
        key: &'static str,
    },
    Pad {
        terminal: usize,
        key: &'static str,
        gpio: u8,
        uses: PadUse,
    },
}

/// A `[[part]]` while its part is made. The keys that were asked for are those that it may have.
///
/// ```
/// use espalier_parts::{Button, PadUse, PartEntry, PartKinds, Wiring};
///
/// let mut kinds = PartKinds::default();
/// kinds.add("reed-switch", |wiring: &mut Wiring<'_>| {
///     wiring.pad("gpio", 0, PadUse::Drives)?; // its terminal 0
///     Ok(Button::new(wiring.flag("active-high")?.unwrap_or(false)))
/// });
/// kinds.make(&PartEntry::new("reed-switch", "door").with("gpio", 4).with("active-high", true))?;
/// # Ok::<(), espalier_parts::PartError>(())
/// ```
#[derive(Debug)]
pub struct Wiring<'a> {
    entry: &'a PartEntry,
    allowed: Vec<&'static str>,
    connections: Vec<Connection>,
}

impl<'a> Wiring<'a> {
    pub(crate) fn new(entry: &'a PartEntry) -> Wiring<'a> {
        Wiring { entry, allowed: Vec::new(), connections: Vec::new() }
    }

    /// Where the part is connected, once no key is left that nothing has asked for.
    pub(crate) fn finish(self) -> Result<Vec<Connection>, PartError> {
        match self.entry.properties.iter().find(|property| !self.allowed.contains(&property.key.as_str())) {
            Some(property) => Err(self.entry.unknown_key(property, self.allowed.join(", "))),
            None => Ok(self.connections),
        }
    }

    /// The name of the part.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Whether the key is there.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        if !self.allowed.contains(&key) {
            self.allowed.push(key);
        }
        self.entry.find(key).map(|property| &property.value)
    }

    /// Reads a property in a way of its own.
    ///
    /// # Errors
    /// An error of `read`, with the name of the value.
    pub fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value) -> Result<T, ValueError>,
    ) -> Result<Option<T>, PartError> {
        let entry = self.entry;
        self.value(key).map(read).transpose().map_err(|error| entry.wrong(key, error))
    }

    /// # Errors
    /// If it is not an integer in `range`.
    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Result<Option<i64>, PartError> {
        self.read(key, |value| value.integer(range))
    }

    /// # Errors
    /// If it is not a number in `range`.
    pub fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Result<Option<f64>, PartError> {
        self.read(key, |value| value.number(range))
    }

    /// # Errors
    /// If it is neither true nor false.
    pub fn flag(&mut self, key: &'static str) -> Result<Option<bool>, PartError> {
        self.read(key, Value::flag)
    }

    /// One of some words; returns which one.
    ///
    /// # Errors
    /// If it is another.
    pub fn choice(&mut self, key: &'static str, words: &[&str]) -> Result<Option<usize>, PartError> {
        self.read(key, |value| {
            let place = value.text().ok().and_then(|text| words.iter().position(|word| *word == text));
            let quoted = || words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ");
            place.ok_or_else(|| ValueError::new(value, quoted()))
        })
    }

    pub(crate) fn wrong(&self, key: &str, error: ValueError) -> PartError {
        self.entry.wrong(key, error)
    }

    pub(crate) fn missing(&self, key: &'static str) -> PartError {
        self.entry.missing(key)
    }

    fn required<T>(&self, key: &'static str, value: Option<T>) -> Result<T, PartError> {
        value.ok_or_else(|| self.entry.missing(key))
    }

    fn gpio(&mut self, key: &'static str) -> Result<Option<u8>, PartError> {
        Ok(self.integer(key, 0..=LAST_PAD)?.map(|gpio| gpio as u8))
    }

    /// A terminal at the pad that the key names.
    ///
    /// # Errors
    /// If the key is missing, or is not the number of a pad.
    pub fn pad(&mut self, key: &'static str, terminal: usize, uses: PadUse) -> Result<u8, PartError> {
        let gpio = self.optional_pad(key, terminal, uses)?;
        self.required(key, gpio)
    }

    /// The same where the terminal may be left open.
    ///
    /// # Errors
    /// If the key is not the number of a pad.
    pub fn optional_pad(&mut self, key: &'static str, terminal: usize, uses: PadUse) -> Result<Option<u8>, PartError> {
        let gpio = self.gpio(key)?;
        self.connections.extend(gpio.map(|gpio| Connection::Pad { terminal, key, gpio, uses }));
        Ok(gpio)
    }

    /// Terminals from `first` on at the pads of a list, of which there may be `most`.
    ///
    /// # Errors
    /// If the key is missing, or is not a list of the numbers of different pads.
    pub fn pads(&mut self, key: &'static str, first: usize, most: usize, uses: PadUse) -> Result<Vec<u8>, PartError> {
        let pads = self.read(key, |value| {
            let allowed = || ValueError::new(value, format!("a list of 1 to {most} different numbers of pads"));
            let Value::Numbers(numbers) = value else { return Err(allowed()) };
            let mut pads = Vec::new();
            for number in numbers {
                let pad = (0..=LAST_PAD as u8).find(|pad| f64::from(*pad) == *number);
                pads.push(pad.filter(|pad| !pads.contains(pad)).ok_or_else(allowed)?);
            }
            if (1..=most).contains(&pads.len()) { Ok(pads) } else { Err(allowed()) }
        })?;
        let pads = self.required(key, pads)?;
        let connection =
            |(place, gpio): (usize, &u8)| Connection::Pad { terminal: first + place, key, gpio: *gpio, uses };
        self.connections.extend(pads.iter().enumerate().map(connection));
        Ok(pads)
    }

    /// The bus of the pads `scl` and `sda`, at `address`, whose default is given. Returns the address.
    ///
    /// # Errors
    /// If a pad is missing, or the address is not a target's.
    pub fn i2c(&mut self, default: u8) -> Result<u8, PartError> {
        self.i2c_addresses(default, 1)
    }

    /// The same at `count` addresses that follow each other.
    ///
    /// # Errors
    /// As [`i2c`](Wiring::i2c).
    pub fn i2c_addresses(&mut self, default: u8, count: u8) -> Result<u8, PartError> {
        let (scl, sda) = (self.gpio("scl")?, self.gpio("sda")?);
        let (scl, sda) = (self.required("scl", scl)?, self.required("sda", sda)?);
        let last = *ADDRESSES.end() + 1 - i64::from(count.max(1));
        let address = self.integer("address", *ADDRESSES.start()..=last)?.map_or(default, |address| address as u8);
        self.connections.push(Connection::I2c { scl, sda, address, count });
        Ok(address)
    }

    /// The bus of serial audio of the pads `sck` and `ws`, with the data line that `key` names.
    ///
    /// # Errors
    /// If a pad is missing.
    pub fn audio(&mut self, key: &'static str) -> Result<(), PartError> {
        let (sck, ws, data) = (self.gpio("sck")?, self.gpio("ws")?, self.gpio(key)?);
        let (sck, ws) = (self.required("sck", sck)?, self.required("ws", ws)?);
        let data = self.required(key, data)?;
        self.connections.push(Connection::Audio { sck, ws, data, key });
        Ok(())
    }

    /// The line of pulse density (PDM) of the pad `clk`, with the data line that `key` names.
    ///
    /// # Errors
    /// If a pad is missing.
    pub fn pdm(&mut self, key: &'static str) -> Result<(), PartError> {
        let (clk, data) = (self.gpio("clk")?, self.gpio(key)?);
        let (clk, data) = (self.required("clk", clk)?, self.required(key, data)?);
        self.connections.push(Connection::Pdm { clk, data, key });
        Ok(())
    }

    /// The SD bus of the pads `clk`, `cmd` and `d0`, and `d1`, `d2` and `d3` if it has four data lines.
    ///
    /// # Errors
    /// If a pad is missing, or only some of the other three data lines are there.
    pub fn sd(&mut self) -> Result<(), PartError> {
        let (clk, cmd) = (self.gpio("clk")?, self.gpio("cmd")?);
        let (clk, cmd) = (self.required("clk", clk)?, self.required("cmd", cmd)?);
        let data = [self.gpio("d0")?, self.gpio("d1")?, self.gpio("d2")?, self.gpio("d3")?];
        self.required("d0", data[0])?;
        if data[1..].iter().any(Option::is_some) {
            for (key, line) in SD_DATA.into_iter().zip(data) {
                self.required(key, line)?;
            }
        }
        self.connections.push(Connection::Sd { clk, cmd, data });
        Ok(())
    }

    /// The bus of the pads `sck`, `mosi` and `miso`, selected by `cs`; all but `sck` may be left out, and a part without `cs` is
    /// always selected. With `with_dc`, `dc` tells data from commands.
    ///
    /// # Errors
    /// If a pad is missing.
    pub fn spi(&mut self, with_dc: bool) -> Result<(), PartError> {
        let sck = self.gpio("sck")?;
        let sck = self.required("sck", sck)?;
        let (mosi, miso, cs) = (self.gpio("mosi")?, self.gpio("miso")?, self.gpio("cs")?);
        let dc = if with_dc { self.gpio("dc")? } else { None };
        if with_dc {
            self.required("dc", dc)?;
        }
        self.connections.push(Connection::Spi { sck, mosi, miso, cs, dc });
        Ok(())
    }
}
