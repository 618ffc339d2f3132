//! The smallest part: a thermometer with an LM75's temperature register, for the guide and the test beside it.

use espalier::part::{I2cTarget, Part, PartError, Time, Value, ValueError, Wiring, persist};

#[derive(Clone, Debug)]
pub struct Lm75 {
    celsius: f64,
    /// Index of the byte of the register that is read next.
    place: usize,
}

// State in snapshots.
persist!(state Lm75 { celsius, place });

impl Lm75 {
    /// Reads `scl`, `sda` and `address` of a `[[part]]`; errors name its line.
    pub fn make(wiring: &mut Wiring<'_>) -> Result<Lm75, PartError> {
        wiring.i2c(0x48)?;
        Ok(Lm75 { celsius: 20.0, place: 0 })
    }
}

impl Part for Lm75 {
    fn power_cycle(&mut self, _now: Time) {}

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["temperature"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.celsius = value.number(-55.0..=125.0)?;
        Ok(())
    }
}

impl I2cTarget for Lm75 {
    fn start(&mut self, _address: u8, _read: bool, _now: Time) -> bool {
        self.place = 0;
        true
    }

    fn write(&mut self, _byte: u8, _now: Time) -> bool {
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        let halves = ((self.celsius * 2.0).round() as i16) << 7;
        self.place += 1;
        halves.to_be_bytes()[(self.place - 1) % 2]
    }

    fn stop(&mut self, _now: Time) {}
}
