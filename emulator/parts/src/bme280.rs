//! BME280: temperature, pressure and humidity on I2C or SPI (Bosch Sensortec, "BME280 Data sheet", BST-BME280-DS001).
//!
//! The sensor has no noise, and its filter has no effect. A measurement gives the codes that the data sheet's own compensation
//! (section 4.2.3) turns back into what the world is set to.

use espalier_core::{Field, I2cTarget, Span, Time};

use crate::part::{Part, PartError, SpiPart, Value, ValueError, Wiring};

const ID: u8 = 0xD0;
const RESET: u8 = 0xE0;
const CTRL_HUM: u8 = 0xF2;
const STATUS: u8 = 0xF3;
const CTRL_MEAS: u8 = 0xF4;
const CONFIG: u8 = 0xF5;
const DATA: u8 = 0xF7;
const DATA_LAST: u8 = 0xFE;

const ID_VALUE: u8 = 0x60;
const RESET_WORD: u8 = 0xB6;
const MEASURING: u8 = 1 << 3;
/// CTRL_HUM (section 5.4.3).
const OSRS_H: Field = Field::new("OSRS_H", 0, 2);
/// CTRL_MEAS (section 5.4.5).
const OSRS_P: Field = Field::new("OSRS_P", 2, 4);
const OSRS_T: Field = Field::new("OSRS_T", 5, 7);
/// CONFIG (section 5.4.6).
const T_SB: Field = Field::new("T_SB", 5, 7);
const MODE: u8 = 3;
const NORMAL: u8 = 3;
/// Selects SPI reads.
const SPI_READ: u8 = 0x80;
/// The codes of what is not measured (section 4.2.2).
const SKIPPED: u32 = 0x80000;
const SKIPPED_HUMIDITY: u32 = 0x8000;
/// Standby by t_sb in microseconds (table 27).
const STANDBY: [u64; 8] = [500, 62_500, 125_000, 250_000, 500_000, 1_000_000, 10_000, 20_000];

/// Coefficients: those of the worked example in the BMP280's data sheet (section 3.12), which has the same compensation, and for
/// humidity ones that give the whole range.
const T: [f64; 3] = [27_504.0, 26_435.0, -1000.0];
const P: [f64; 9] = [36_477.0, -10_685.0, 3024.0, 2855.0, 140.0, -7.0, 15_500.0, -14_600.0, 6000.0];
const H: [f64; 6] = [75.0, 361.0, 0.0, 313.0, 50.0, 30.0];

/// The sensor.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Bme280, Part, Value};
///
/// let mut sensor = Bme280::new(Bme280::ADDRESS);
/// sensor.set("pressure", &Value::Number(98_000.0), Time::ZERO)?; // in Pa
/// assert_eq!(sensor.get("temperature", Time::ZERO), Some(Value::Number(25.0)));
/// assert!(sensor.set("humidity", &Value::Number(120.0), Time::ZERO).is_err(), "in percent");
/// # Ok::<(), espalier_parts::ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bme280 {
    address: u8,
    pointer: u8,
    /// The next byte is a register's number.
    choosing: bool,
    /// On SPI: the next bytes are read.
    reading: bool,
    ctrl_hum: u8,
    /// The value of CTRL_HUM when CTRL_MEAS was last written: it takes effect only then.
    humidity_oversampling: u8,
    ctrl_meas: u8,
    config: u8,
    /// Pressure, temperature, humidity.
    codes: [u32; 3],
    /// When the measurement that is under way ends, and when the next one begins by itself.
    done: Option<Time>,
    next: Option<Time>,
    celsius: f64,
    pascals: f64,
    humidity: f64,
}

espalier_core::persist! {
    state Bme280 {
        pointer, choosing, reading, ctrl_hum, humidity_oversampling, ctrl_meas, config, codes, done, next, celsius, pascals, humidity
    } fixed { address }
}

impl Bme280 {
    /// 7-bit address with SDO low.
    pub const ADDRESS: u8 = 0x76;

    /// A sensor at 25 degrees, 101325 Pa and 50 %, after power-on.
    pub fn new(address: u8) -> Bme280 {
        Bme280 {
            address,
            pointer: 0,
            choosing: false,
            reading: false,
            ctrl_hum: 0,
            humidity_oversampling: 0,
            ctrl_meas: 0,
            config: 0,
            codes: [SKIPPED, SKIPPED, SKIPPED_HUMIDITY],
            done: None,
            next: None,
            celsius: 25.0,
            pascals: 101_325.0,
            humidity: 50.0,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        let address = if wiring.has("sck") {
            wiring.spi(false)?;
            Bme280::ADDRESS
        } else {
            wiring.i2c(Bme280::ADDRESS)?
        };
        let mut sensor = Bme280::new(address);
        for key in PROPERTIES {
            wiring.read(key, |value| sensor.set(key, value, Time::ZERO))?;
        }
        Ok(Box::new(sensor))
    }

    fn restart(&mut self) {
        let Bme280 { celsius, pascals, humidity, .. } = *self;
        *self = Bme280 { celsius, pascals, humidity, ..Bme280::new(self.address) };
    }

    /// Samples of an oversampling setting (table 20); 0 skips.
    fn samples(setting: Field, register: u8) -> u64 {
        match setting.get(register.into()) {
            0 => 0,
            setting => 1 << (setting.min(5) - 1),
        }
    }

    fn temperature_samples(&self) -> u64 {
        Bme280::samples(OSRS_T, self.ctrl_meas)
    }

    fn pressure_samples(&self) -> u64 {
        Bme280::samples(OSRS_P, self.ctrl_meas)
    }

    /// Appendix B, section 9.1, typical.
    fn measurement_time(&self) -> Span {
        let (temperature, pressure) = (self.temperature_samples(), self.pressure_samples());
        let humidity = Bme280::samples(OSRS_H, self.humidity_oversampling);
        let each = |samples: u64| if samples == 0 { 0 } else { 2000 * samples + 500 };
        Span::from_micros(1000 + 2000 * temperature + each(pressure) + each(humidity))
    }

    fn measure(&mut self) {
        let temperature = code(20, |code| compensate_temperature(code).0, self.celsius);
        let (_, fine) = compensate_temperature(f64::from(temperature));
        let skip = |samples: u64, code: u32, skipped: u32| if samples == 0 { skipped } else { code };
        // More counts are less pressure.
        let pressure = code(20, |code| -compensate_pressure(code, fine), -self.pascals);
        let humidity = code(16, |code| compensate_humidity(code, fine), self.humidity);
        self.codes = [
            skip(self.pressure_samples(), pressure, SKIPPED),
            skip(self.temperature_samples(), temperature, SKIPPED),
            skip(Bme280::samples(OSRS_H, self.humidity_oversampling), humidity, SKIPPED_HUMIDITY),
        ];
    }

    fn write_register(&mut self, register: u8, byte: u8, now: Time) {
        match register {
            RESET if byte == RESET_WORD => self.restart(),
            CTRL_HUM => self.ctrl_hum = byte,
            CONFIG => self.config = byte,
            CTRL_MEAS => {
                self.ctrl_meas = byte;
                self.humidity_oversampling = self.ctrl_hum;
                (self.done, self.next) = (None, None);
                if byte & MODE != 0 {
                    self.done = Some(now + self.measurement_time());
                }
            }
            _ => {}
        }
    }

    fn read_register(&self, register: u8) -> u8 {
        match register {
            ID => ID_VALUE,
            CTRL_HUM => self.ctrl_hum,
            STATUS => {
                if self.done.is_some() {
                    MEASURING
                } else {
                    0
                }
            }
            CTRL_MEAS => self.ctrl_meas,
            CONFIG => self.config,
            DATA..=DATA_LAST => {
                let [pressure, temperature, humidity] = self.codes;
                let [_, p0, p1, p2] = (pressure << 4).to_be_bytes();
                let [_, t0, t1, t2] = (temperature << 4).to_be_bytes();
                let [_, _, h0, h1] = humidity.to_be_bytes();
                [p0, p1, p2, t0, t1, t2, h0, h1][usize::from(register - DATA)]
            }
            _ => coefficient(register),
        }
    }

    fn next_register(&mut self) -> u8 {
        let register = self.pointer;
        self.pointer = register.wrapping_add(1);
        register
    }
}

/// Table 16: the coefficients in their registers.
fn coefficient(register: u8) -> u8 {
    let word = |value: f64, high: bool| (value as i32 as u16).to_le_bytes()[usize::from(high)];
    match register {
        0x88..=0x8D => word(T[usize::from(register - 0x88) / 2], register & 1 != 0),
        0x8E..=0x9F => word(P[usize::from(register - 0x8E) / 2], register & 1 != 0),
        0xA1 => H[0] as u8,
        0xE1 | 0xE2 => word(H[1], register == 0xE2),
        0xE3 => H[2] as u8,
        0xE4 => (H[3] as u16 >> 4) as u8,
        0xE5 => (H[3] as u16 & 0xF) as u8 | (H[4] as u8 & 0xF) << 4,
        0xE6 => (H[4] as u16 >> 4) as u8,
        0xE7 => H[5] as u8,
        _ => 0,
    }
}

/// The smallest code whose value under `compensate`, which grows with it, is not less than `value`; the ends of the range beyond it.
fn code(bits: u32, compensate: impl Fn(f64) -> f64, value: f64) -> u32 {
    let (mut low, mut high) = (0, (1_u32 << bits) - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if compensate(f64::from(middle)) < value {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Degrees, and t_fine (section 8.1).
fn compensate_temperature(code: f64) -> (f64, f64) {
    let a = (code / 16_384.0 - T[0] / 1024.0) * T[1];
    let b = code / 131_072.0 - T[0] / 8192.0;
    let fine = a + b * b * T[2];
    (fine / 5120.0, fine)
}

/// Pascals (section 8.1).
fn compensate_pressure(code: f64, fine: f64) -> f64 {
    let a = fine / 2.0 - 64_000.0;
    let b = a * a * P[5] / 32_768.0 + a * P[4] * 2.0;
    let b = b / 4.0 + P[3] * 65_536.0;
    let a = (P[2] * a * a / 524_288.0 + P[1] * a) / 524_288.0;
    let a = (1.0 + a / 32_768.0) * P[0];
    let p = (1_048_576.0 - code - b / 4096.0) * 6250.0 / a;
    p + (P[8] * p * p / 2_147_483_648.0 + p * P[7] / 32_768.0 + P[6]) / 16.0
}

/// Percent (section 8.1).
fn compensate_humidity(code: f64, fine: f64) -> f64 {
    let h = fine - 76_800.0;
    let offset = H[3] * 64.0 + H[4] / 16_384.0 * h;
    let slope = 1.0 + H[5] / 67_108_864.0 * h * (1.0 + H[2] / 67_108_864.0 * h);
    let h = (code - offset) * (H[1] / 65_536.0 * slope);
    h * (1.0 - H[0] * h / 524_288.0)
}

const PROPERTIES: &[&str] = &["temperature", "pressure", "humidity"];

impl Part for Bme280 {
    fn power_cycle(&mut self, _now: Time) {
        self.restart();
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    fn spi(&mut self) -> Option<&mut dyn SpiPart> {
        Some(self)
    }

    fn deadline(&self) -> Option<Time> {
        self.done.or(self.next)
    }

    fn advance(&mut self, now: Time) {
        if let Some(done) = self.done.take_if(|done| *done <= now) {
            self.measure();
            if self.ctrl_meas & MODE == NORMAL {
                self.next = Some(done + Span::from_micros(STANDBY[T_SB.get(self.config.into()) as usize]));
            } else {
                self.ctrl_meas &= !MODE;
            }
        } else if let Some(next) = self.next.take_if(|next| *next <= now) {
            self.done = Some(next + self.measurement_time());
        }
    }

    fn properties(&self) -> &'static [&'static str] {
        PROPERTIES
    }

    fn set(&mut self, property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        match property {
            "temperature" => self.celsius = value.number(-40.0..=85.0)?,
            "pressure" => self.pascals = value.number(30_000.0..=110_000.0)?,
            _ => self.humidity = value.number(0.0..=100.0)?,
        }
        Ok(())
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        Some(Value::Number(match property {
            "temperature" => self.celsius,
            "pressure" => self.pascals,
            _ => self.humidity,
        }))
    }
}

/// Section 6.2: writes are pairs of register and value, reads go on from register to register.
impl I2cTarget for Bme280 {
    fn start(&mut self, _address: u8, read: bool, _now: Time) -> bool {
        self.choosing = !read;
        true
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        if self.choosing {
            self.pointer = byte;
        } else {
            self.write_register(self.pointer, byte, now);
        }
        self.choosing = !self.choosing;
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        let register = self.next_register();
        self.read_register(register)
    }

    fn stop(&mut self, _now: Time) {}
}

/// Section 6.3: the highest bit of the register's number says whether it is read.
impl SpiPart for Bme280 {
    fn select(&mut self, _now: Time) {
        (self.choosing, self.reading) = (true, false);
    }

    fn send(&mut self, _now: Time) -> u8 {
        if !self.reading {
            return 0xFF;
        }
        let register = self.next_register();
        self.read_register(register)
    }

    fn receive(&mut self, byte: u8, _data: bool, now: Time) {
        if self.reading {
            return;
        }
        if self.choosing {
            self.pointer = byte | SPI_READ;
            self.reading = byte & SPI_READ != 0;
        } else {
            self.write_register(self.pointer, byte, now);
        }
        self.choosing = !self.choosing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Wire;

    /// BMP280 data sheet, section 3.12.
    #[test]
    fn the_compensation_is_that_of_the_worked_example() {
        let (celsius, fine) = compensate_temperature(519_888.0);
        assert!((celsius - 25.08).abs() < 0.01 && (fine - 128_422.0).abs() < 1.0, "{celsius} {fine}");
        assert!((compensate_pressure(415_148.0, fine) - 100_653.27).abs() < 0.1);
    }

    #[test]
    fn the_bme280_crate_measures_what_the_world_is_set_to() {
        let wire = Wire::new(Bme280::new(Bme280::ADDRESS));
        let mut driver = bme280::i2c::BME280::new_primary(wire.clone());
        driver.init(&mut wire.clone()).unwrap();
        for (celsius, pascals, humidity) in [(25.0, 101_325.0, 50.0), (-12.5, 64_000.0, 0.0), (84.0, 109_000.0, 99.0)] {
            for (property, value) in PROPERTIES.iter().zip([celsius, pascals, humidity]) {
                wire.part_mut().set(property, &Value::Number(value), wire.now()).unwrap();
            }
            let found = driver.measure(&mut wire.clone()).unwrap();
            assert!((f64::from(found.temperature) - celsius).abs() < 0.02, "{found:?}");
            assert!((f64::from(found.pressure) - pascals).abs() < 5.0, "{found:?}");
            assert!((f64::from(found.humidity) - humidity).abs() < 0.5, "{found:?}");
        }
    }

    /// Section 6.3: the highest bit of the register's number says whether it is read; writes are pairs.
    #[test]
    fn it_is_the_same_on_spi() {
        use embedded_hal::spi::SpiDevice;
        let wire = Wire::new(Bme280::new(Bme280::ADDRESS));
        let mut spi = wire.clone();
        let mut id = [ID, 0];
        spi.transfer_in_place(&mut id).unwrap();
        assert_eq!(id[1], ID_VALUE);
        spi.write(&[CTRL_HUM & !SPI_READ, 1, CTRL_MEAS & !SPI_READ, 0x25]).unwrap();
        wire.pass(Span::from_millis(8));
        let mut data = [DATA, 0, 0, 0, 0, 0, 0, 0, 0];
        spi.transfer_in_place(&mut data).unwrap();
        assert_eq!(data[1..], wire.registers::<8>(Bme280::ADDRESS, DATA));
        assert_ne!(data[4], 0x80, "the temperature was measured");
    }

    /// Sections 3.3.3, 5.4.3 and 5.4.4.
    #[test]
    fn a_forced_measurement_takes_its_time_and_ends_in_sleep() {
        let wire = Wire::new(Bme280::new(Bme280::ADDRESS));
        assert_eq!(wire.registers(Bme280::ADDRESS, ID), [ID_VALUE]);
        assert_eq!(wire.registers(Bme280::ADDRESS, DATA), [0x80, 0, 0, 0x80, 0, 0, 0x80, 0]);
        assert!(wire.send(Bme280::ADDRESS, &[CTRL_HUM, 1, CTRL_MEAS, 0x25]));
        assert_eq!(wire.registers(Bme280::ADDRESS, STATUS), [MEASURING, 0x25]);
        wire.pass(Span::from_micros(7_999));
        assert_eq!(wire.registers(Bme280::ADDRESS, STATUS), [MEASURING]);
        wire.pass(Span::from_micros(1));
        assert_eq!(wire.registers(Bme280::ADDRESS, STATUS), [0, 0x24]);
    }
}
