//! MMC5983MA: a three-axis magnetometer on I2C (MEMSIC, "MMC5983MA ±8 Gauss 3-Axis Magnetic Sensor", revision A).
//!
//! The sensor has no offset and no noise. SET and RESET turn the sign of what it measures, as in the data sheet's equations. Its
//! self-test coil is not modelled, and no interrupt pin is wired.

use espalier_core::{I2cTarget, Span, Time};

use crate::part::{Part, PartError, Value, ValueError, Wiring};
use crate::register_pointer::RegisterPointer;

const XOUT0: u8 = 0x00;
const ZOUT1: u8 = 0x05;
const XYZOUT2: u8 = 0x06;
const TOUT: u8 = 0x07;
const STATUS: u8 = 0x08;
const CONTROL_0: u8 = 0x09;
const CONTROL_1: u8 = 0x0A;
const CONTROL_2: u8 = 0x0B;
const PRODUCT_ID: u8 = 0x2F;

const PRODUCT_ID_VALUE: u8 = 0x30;
/// STATUS.
const MEAS_M_DONE: u8 = 1;
const MEAS_T_DONE: u8 = 1 << 1;
const OTP_READ_DONE: u8 = 1 << 4;
/// CONTROL_0.
const TM_M: u8 = 1;
const TM_T: u8 = 1 << 1;
const SET: u8 = 1 << 3;
const RESET: u8 = 1 << 4;
const AUTO_SR: u8 = 1 << 5;
/// Bits of CONTROL_0 that stay; the others do something once.
const CONTROL_0_KEPT: u8 = AUTO_SR | 1 << 2;
/// CONTROL_1.
const BANDWIDTH_MASK: u8 = 3;
const X_INHIBIT: u8 = 1 << 2;
const YZ_INHIBIT: u8 = 3 << 3;
const SW_RST: u8 = 1 << 7;
/// CONTROL_2.
const CM_FREQ_MASK: u8 = 7;
const CMM_EN: u8 = 1 << 3;

/// Time of a measurement by BW, in microseconds.
const MEASUREMENT_TIMES: [u64; 4] = [8_000, 4_000, 2_000, 500];
/// Measurements a second by CM_FREQ; 0 does not measure.
const FREQUENCIES: [u64; 8] = [0, 1, 10, 20, 50, 100, 200, 1000];

const SAMPLE_BITS: u32 = 18;
/// Output without a field.
const NULL_FIELD: f64 = (1 << (SAMPLE_BITS - 1)) as f64;
const COUNTS_PER_GAUSS: f64 = 16_384.0;
/// More gauss than any magnet has; the sensor is limited to 8.
const LARGEST_FIELD: f64 = 1e6;
/// TOUT counts 0.8 degrees from -75 degrees Celsius; this is 25 degrees.
const ROOM_TEMPERATURE: u8 = 125;

/// The sensor.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Mmc5983ma, Part, Value};
///
/// let mut magnetometer = Mmc5983ma::new();
/// magnetometer.set_field([0.2, 0.0, -0.4]); // in gauss
/// assert_eq!(magnetometer.get("field", Time::ZERO), Some(Value::from([0.2, 0.0, -0.4])));
/// ```
#[derive(Clone, Debug)]
pub struct Mmc5983ma {
    pointer: RegisterPointer,
    control: [u8; 3],
    status: u8,
    temperature: u8,
    samples: [u32; 3],
    /// The sensor was magnetised by RESET rather than by SET.
    reversed: bool,
    /// When the measurement that is under way ends, and what it will give.
    measuring: Option<(Time, [u32; 3])>,
    /// In gauss, along the axes that are printed on the package.
    field: [f64; 3],
}

espalier_core::persist! {
    state Mmc5983ma {
        pointer, control, status, temperature, samples, reversed, measuring, field
    }
}

impl Default for Mmc5983ma {
    fn default() -> Mmc5983ma {
        Mmc5983ma::new()
    }
}

impl Mmc5983ma {
    /// 7-bit address; there is no other.
    pub const ADDRESS: u8 = 0x30;

    /// A sensor without any field, after power-on.
    pub fn new() -> Mmc5983ma {
        Mmc5983ma {
            pointer: RegisterPointer::default(),
            control: [0; 3],
            status: OTP_READ_DONE,
            temperature: 0,
            samples: [0; 3],
            reversed: false,
            measuring: None,
            field: [0.0; 3],
        }
    }

    /// As after power-on, in the same field.
    fn restart(&mut self) {
        *self = Mmc5983ma { field: self.field, ..Mmc5983ma::new() };
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.i2c(Mmc5983ma::ADDRESS)?;
        Ok(Box::new(Mmc5983ma::new()))
    }

    /// The field that measurements find which begin from now on, in gauss along the sensor's own axes. It is limited to its
    /// range of 8 gauss.
    pub fn set_field(&mut self, field: [f64; 3]) {
        self.field = field;
    }

    fn begin(&mut self, now: Time) {
        let [control, inhibited, _] = self.control;
        // With Auto_SR_en, SET comes before each measurement.
        self.reversed &= control & AUTO_SR == 0;
        let sign = if self.reversed { -1.0 } else { 1.0 };
        let samples = std::array::from_fn(|axis| {
            let off = if axis == 0 { X_INHIBIT } else { YZ_INHIBIT };
            if inhibited & off != 0 {
                return self.samples[axis];
            }
            let code = NULL_FIELD + (sign * self.field[axis] * COUNTS_PER_GAUSS).round();
            code.clamp(0.0, 2.0 * NULL_FIELD - 1.0) as u32
        });
        let time = MEASUREMENT_TIMES[usize::from(inhibited & BANDWIDTH_MASK)];
        self.measuring = Some((now + Span::from_micros(time), samples));
        self.status &= !MEAS_M_DONE;
    }

    /// Ends a measurement whose time has come, and begins the next if they follow one another.
    fn advance(&mut self, now: Time) {
        let Some((end, samples)) = self.measuring else { return };
        if now < end {
            return;
        }
        self.samples = samples;
        self.measuring = None;
        let continuous = self.period().map(|period| {
            let missed = now.since(end).ticks() / period.ticks();
            end + Span::from_ticks(period.ticks() * missed)
        });
        if let Some(begin) = continuous {
            // Unread measurements in between are replaced by the present one.
            self.begin(begin);
        }
        self.status |= MEAS_M_DONE;
    }

    fn period(&self) -> Option<Span> {
        let control = self.control[2];
        let frequency = FREQUENCIES[usize::from(control & CM_FREQ_MASK)];
        (control & CMM_EN != 0 && frequency != 0).then(|| Span::from_micros(1_000_000 / frequency))
    }

    fn set_register(&mut self, register: u8, value: u8, now: Time) {
        match register {
            STATUS => self.status &= !(value & (MEAS_M_DONE | MEAS_T_DONE)),
            CONTROL_0 => {
                self.control[0] = value & CONTROL_0_KEPT;
                if value & SET != 0 {
                    self.reversed = false;
                }
                if value & RESET != 0 {
                    self.reversed = true;
                }
                if value & TM_T != 0 {
                    self.temperature = ROOM_TEMPERATURE;
                    self.status |= MEAS_T_DONE;
                }
                if value & TM_M != 0 {
                    self.begin(now);
                }
            }
            CONTROL_1 if value & SW_RST != 0 => self.restart(),
            CONTROL_1 => self.control[1] = value,
            CONTROL_2 => {
                self.control[2] = value;
                if self.period().is_some() && self.measuring.is_none() {
                    self.begin(now);
                }
            }
            _ => {}
        }
    }

    fn register(&self, register: u8) -> u8 {
        match register {
            XOUT0..=ZOUT1 => {
                let sample = self.samples[usize::from(register / 2)];
                let shift = if register.is_multiple_of(2) { SAMPLE_BITS - 8 } else { SAMPLE_BITS - 16 };
                (sample >> shift) as u8
            }
            XYZOUT2 => {
                let low = |axis: usize| (self.samples[axis] & 3) as u8;
                low(0) << 6 | low(1) << 4 | low(2) << 2
            }
            TOUT => self.temperature,
            STATUS => self.status,
            PRODUCT_ID => PRODUCT_ID_VALUE,
            // The control registers can only be written.
            _ => 0,
        }
    }
}

impl Part for Mmc5983ma {
    fn power_cycle(&mut self, _now: Time) {
        self.restart();
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["field"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.set_field(value.numbers(-LARGEST_FIELD..=LARGEST_FIELD)?);
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(self.field.into())
    }
}

impl I2cTarget for Mmc5983ma {
    fn start(&mut self, _address: u8, read: bool, now: Time) -> bool {
        self.advance(now);
        self.pointer.start(read);
        true
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        self.advance(now);
        if let Some(register) = self.pointer.written(byte) {
            self.set_register(register, byte, now);
        }
        true
    }

    fn read(&mut self, now: Time) -> u8 {
        self.advance(now);
        let register = self.pointer.next();
        self.register(register)
    }

    fn stop(&mut self, _now: Time) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Time {
        Time::ZERO + Span::from_micros(micros)
    }

    fn write(sensor: &mut Mmc5983ma, bytes: &[u8], now: Time) {
        assert!(sensor.start(Mmc5983ma::ADDRESS, false, now));
        bytes.iter().for_each(|byte| assert!(sensor.write(*byte, now)));
        sensor.stop(now);
    }

    fn read<const N: usize>(sensor: &mut Mmc5983ma, register: u8, now: Time) -> [u8; N] {
        write(sensor, &[register], now);
        assert!(sensor.start(Mmc5983ma::ADDRESS, true, now));
        std::array::from_fn(|_| sensor.read(now))
    }

    fn axes(sensor: &mut Mmc5983ma, now: Time) -> [i32; 3] {
        let bytes: [u8; 7] = read(sensor, XOUT0, now);
        std::array::from_fn(|axis| {
            let low = bytes[6] >> (6 - 2 * axis) & 3;
            (i32::from(bytes[2 * axis]) << 10 | i32::from(bytes[2 * axis + 1]) << 2 | i32::from(low)) - 131_072
        })
    }

    #[test]
    fn a_measurement_takes_its_time() {
        let mut sensor = Mmc5983ma::new();
        assert_eq!(read(&mut sensor, PRODUCT_ID, at(0)), [0x30]);
        sensor.set_field([0.5, -0.25, 9.0]);
        write(&mut sensor, &[CONTROL_0, TM_M], at(0));
        assert_eq!(read(&mut sensor, STATUS, at(7_999)), [OTP_READ_DONE]);
        assert_eq!(read(&mut sensor, STATUS, at(8_000)), [OTP_READ_DONE | MEAS_M_DONE]);
        // Data sheet: 16384 counts a gauss with 18 bits.
        assert_eq!(axes(&mut sensor, at(8_000)), [8192, -4096, 131_071]);
        write(&mut sensor, &[STATUS, MEAS_M_DONE], at(8_000));
        assert_eq!(read(&mut sensor, STATUS, at(9_000)), [OTP_READ_DONE]);
    }

    #[test]
    fn set_and_reset_turn_the_sign() {
        let mut sensor = Mmc5983ma::new();
        sensor.set_field([0.5, 0.0, 0.0]);
        let mut measured = |control: u8, now: u64| {
            write(&mut sensor, &[CONTROL_0, control], at(now));
            write(&mut sensor, &[CONTROL_0, TM_M | control & AUTO_SR], at(now + 1));
            axes(&mut sensor, at(now + 9_000))[0]
        };
        assert_eq!([measured(RESET, 0), measured(SET, 10_000), measured(RESET | AUTO_SR, 20_000)], [-8192, 8192, 8192]);
    }

    #[test]
    fn continuous_measurements_follow_the_field() {
        let mut sensor = Mmc5983ma::new();
        write(&mut sensor, &[CONTROL_2, CMM_EN | 5], at(0));
        sensor.set_field([1.0, 0.0, 0.0]);
        assert_eq!(axes(&mut sensor, at(9_000))[0], 0);
        assert_eq!(axes(&mut sensor, at(30_000))[0], 16_384);
        write(&mut sensor, &[CONTROL_1, SW_RST], at(31_000));
        assert_eq!(axes(&mut sensor, at(90_000)), [-131_072; 3]);
    }

    #[test]
    fn the_temperature_is_that_of_a_room() {
        let mut sensor = Mmc5983ma::new();
        write(&mut sensor, &[CONTROL_0, TM_T], at(0));
        assert_eq!(read(&mut sensor, TOUT, at(0)), [ROOM_TEMPERATURE, OTP_READ_DONE | MEAS_T_DONE]);
    }
}
