//! MPU-6050: three axes of acceleration and of rotation on I2C (InvenSense, "MPU-6000/MPU-6050 Register Map and Descriptions", revision
//! 4.2, and product specification PS-MPU-6000A-00).
//!
//! The FIFO, the motion detector, the self-test and the auxiliary bus store their settings only.

use espalier_core::{Field, I2cTarget, Span, Time};

use crate::part::{Drive, PadUse, Part, PartError, Value, ValueError, Wiring};
use crate::register_pointer::RegisterPointer;

const SMPLRT_DIV: u8 = 0x19;
const CONFIG: u8 = 0x1A;
const GYRO_CONFIG: u8 = 0x1B;
const ACCEL_CONFIG: u8 = 0x1C;
const INT_PIN_CFG: u8 = 0x37;
const INT_ENABLE: u8 = 0x38;
const INT_STATUS: u8 = 0x3A;
const ACCEL_XOUT_H: u8 = 0x3B;
const GYRO_ZOUT_L: u8 = 0x48;
const PWR_MGMT_1: u8 = 0x6B;
const WHO_AM_I: u8 = 0x75;
const COUNT: usize = 0x80;

const WHO_AM_I_VALUE: u8 = 0x68;
/// CONFIG (section 4.3).
const DLPF_CFG: Field = Field::new("DLPF_CFG", 0, 2);
/// GYRO_CONFIG and ACCEL_CONFIG (sections 4.4 and 4.5): the range is in the same bits of both.
const FS_SEL: Field = Field::new("FS_SEL", 3, 4);
/// PWR_MGMT_1 (section 4.28).
const DEVICE_RESET: u8 = 1 << 7;
const SLEEP: u8 = 1 << 6;
const DATA_RDY: u8 = 1;
/// INT_PIN_CFG (section 4.15).
const INT_LEVEL_LOW: u8 = 1 << 7;
const INT_RD_CLEAR: u8 = 1 << 4;

/// Counts for a g and for a degree per second in the smallest range; each further range halves them (sections 4.17 and 4.19).
const COUNTS_PER_G: f64 = 16_384.0;
const COUNTS_PER_DEGREE: f64 = 131.072;
/// Section 4.18.
const COUNTS_PER_KELVIN: f64 = 340.0;
const ZERO_COUNTS_AT: f64 = 36.53;
const PROPERTIES: &[&str] = &["acceleration", "rotation", "temperature"];
/// More than occurs; codes are limited to the range.
const LARGEST: f64 = 1e6;

/// The sensor.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{Mpu6050, Part, Value};
///
/// let mut sensor = Mpu6050::new();
/// sensor.set("rotation", &Value::from([0.0, 0.0, 90.0]), Time::ZERO)?; // degrees per second
/// assert_eq!(sensor.get("acceleration", Time::ZERO), Some(Value::from([0.0, 0.0, 1.0])), "in g, flat on a table");
/// # Ok::<(), espalier_parts::ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mpu6050 {
    registers: [u8; COUNT],
    pointer: RegisterPointer,
    /// The sample that is in the registers: acceleration, temperature, rotation.
    sample: [i16; 7],
    next: Option<Time>,
    pending: bool,
    acceleration: [f64; 3],
    /// In degrees per second.
    rotation: [f64; 3],
    celsius: f64,
}

espalier_core::persist! {
    state Mpu6050 { registers, pointer, sample, next, pending, acceleration, rotation, celsius }
}

impl Default for Mpu6050 {
    fn default() -> Mpu6050 {
        Mpu6050::new()
    }
}

impl Mpu6050 {
    /// 7-bit address with AD0 low.
    pub const ADDRESS: u8 = 0x68;

    /// A sensor that lies flat on a table, after power-on: it sleeps.
    pub fn new() -> Mpu6050 {
        let mut registers = [0; COUNT];
        registers[usize::from(PWR_MGMT_1)] = SLEEP;
        registers[usize::from(WHO_AM_I)] = WHO_AM_I_VALUE;
        Mpu6050 {
            registers,
            pointer: RegisterPointer::default(),
            sample: [0; 7],
            next: None,
            pending: false,
            acceleration: [0.0, 0.0, 1.0],
            rotation: [0.0; 3],
            celsius: 25.0,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.i2c(Mpu6050::ADDRESS)?;
        wiring.optional_pad("int", 0, PadUse::Drives)?;
        let mut sensor = Mpu6050::new();
        for key in PROPERTIES {
            wiring.read(key, |value| sensor.set(key, value, Time::ZERO))?;
        }
        Ok(Box::new(sensor))
    }

    fn restart(&mut self) {
        let Mpu6050 { acceleration, rotation, celsius, .. } = *self;
        *self = Mpu6050 { acceleration, rotation, celsius, ..Mpu6050::new() };
    }

    fn get_register(&self, register: u8) -> u8 {
        self.registers[usize::from(register) % COUNT]
    }

    /// Section 4.2: the gyroscope's 8 kHz, or 1 kHz with the low-pass filter, divided.
    fn period(&self) -> Span {
        let base = if matches!(DLPF_CFG.get(self.get_register(CONFIG).into()), 0 | 7) { 125 } else { 1000 };
        Span::from_micros(base * (1 + u64::from(self.get_register(SMPLRT_DIV))))
    }

    fn measure(&mut self) {
        let range = |register: u8| f64::from(1 << FS_SEL.get(self.get_register(register).into()));
        let (g, degrees) = (COUNTS_PER_G / range(ACCEL_CONFIG), COUNTS_PER_DEGREE / range(GYRO_CONFIG));
        let code = |value: f64| value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16;
        let [ax, ay, az] = self.acceleration.map(|value| code(value * g));
        let [gx, gy, gz] = self.rotation.map(|value| code(value * degrees));
        let temperature = code((self.celsius - ZERO_COUNTS_AT) * COUNTS_PER_KELVIN);
        self.sample = [ax, ay, az, temperature, gx, gy, gz];
        self.pending = true;
    }

    fn write_register(&mut self, register: u8, byte: u8, now: Time) {
        match register {
            PWR_MGMT_1 if byte & DEVICE_RESET != 0 => self.restart(),
            PWR_MGMT_1 => {
                let slept = self.get_register(PWR_MGMT_1) & SLEEP != 0;
                self.registers[usize::from(register)] = byte;
                if byte & SLEEP != 0 {
                    self.next = None;
                } else if slept {
                    self.next = Some(now + self.period());
                }
            }
            INT_STATUS | ACCEL_XOUT_H..=GYRO_ZOUT_L | WHO_AM_I => {}
            register => self.registers[usize::from(register) % COUNT] = byte,
        }
    }

    fn read_register(&mut self, register: u8) -> u8 {
        match register {
            INT_STATUS => u8::from(std::mem::take(&mut self.pending)) * DATA_RDY,
            ACCEL_XOUT_H..=GYRO_ZOUT_L => {
                if self.get_register(INT_PIN_CFG) & INT_RD_CLEAR != 0 {
                    self.pending = false;
                }
                let offset = usize::from(register - ACCEL_XOUT_H);
                self.sample[offset / 2].to_be_bytes()[offset % 2]
            }
            register => self.get_register(register),
        }
    }
}

impl Part for Mpu6050 {
    fn power_cycle(&mut self, _now: Time) {
        self.restart();
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    /// The interrupt line. It holds its level until the status is read, as with LATCH_INT_EN, whether that is set or not.
    fn drive(&self, _terminal: usize) -> Drive {
        let active = self.pending && self.get_register(INT_ENABLE) & DATA_RDY != 0;
        if active != (self.get_register(INT_PIN_CFG) & INT_LEVEL_LOW != 0) { Drive::High } else { Drive::Low }
    }

    fn deadline(&self) -> Option<Time> {
        self.next
    }

    fn advance(&mut self, now: Time) {
        if let Some(next) = self.next.filter(|next| *next <= now) {
            self.measure();
            self.next = Some((next + self.period()).max(now + Span::from_micros(1)));
        }
    }

    fn properties(&self) -> &'static [&'static str] {
        PROPERTIES
    }

    fn set(&mut self, property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        match property {
            "acceleration" => self.acceleration = value.numbers(-LARGEST..=LARGEST)?,
            "rotation" => self.rotation = value.numbers(-LARGEST..=LARGEST)?,
            _ => self.celsius = value.number(-40.0..=85.0)?,
        }
        Ok(())
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        Some(match property {
            "acceleration" => self.acceleration.into(),
            "rotation" => self.rotation.into(),
            _ => self.celsius.into(),
        })
    }
}

impl I2cTarget for Mpu6050 {
    fn start(&mut self, _address: u8, read: bool, _now: Time) -> bool {
        self.pointer.start(read);
        true
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        if let Some(register) = self.pointer.written(byte) {
            self.write_register(register, byte, now);
        }
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        let register = self.pointer.next();
        self.read_register(register)
    }

    fn stop(&mut self, _now: Time) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Wire;

    const AT: u8 = Mpu6050::ADDRESS;

    fn sample(wire: &Wire<Mpu6050>) -> [i16; 7] {
        let bytes: [u8; 14] = wire.registers(AT, ACCEL_XOUT_H);
        std::array::from_fn(|place| i16::from_be_bytes([bytes[2 * place], bytes[2 * place + 1]]))
    }

    /// Sections 4.17 to 4.19, 4.28 and 4.32.
    #[test]
    fn it_sleeps_until_it_is_woken_and_measures_in_its_ranges() {
        let wire = Wire::new(Mpu6050::new());
        assert_eq!(wire.registers(AT, WHO_AM_I), [WHO_AM_I_VALUE]);
        wire.pass(Span::from_millis(10));
        assert_eq!(sample(&wire), [0; 7]);
        assert!(wire.send(AT, &[PWR_MGMT_1, 0]));
        wire.part_mut().set("acceleration", &[0.5, -1.0, 3.0].into(), wire.now()).unwrap();
        wire.part_mut().set("rotation", &[10.0, -250.0, 0.0].into(), wire.now()).unwrap();
        wire.pass(Span::from_millis(1));
        assert_eq!(sample(&wire), [8192, -16_384, i16::MAX, -3920, 1311, i16::MIN, 0]);
        assert!(wire.send(AT, &[GYRO_CONFIG, 3 << 3, 2 << 3]));
        wire.pass(Span::from_millis(1));
        assert_eq!(sample(&wire), [2048, -4096, 12_288, -3920, 164, -4096, 0]);
    }

    /// Sections 4.2, 4.15 and 4.16.
    #[test]
    fn a_sample_interrupts_at_the_rate_that_was_set() {
        let wire = Wire::new(Mpu6050::new());
        assert!(wire.send(AT, &[SMPLRT_DIV, 9, 1]) && wire.send(AT, &[INT_ENABLE, DATA_RDY]));
        assert!(wire.send(AT, &[PWR_MGMT_1, 0]));
        wire.pass(Span::from_micros(9_999));
        assert_eq!(wire.part().drive(0), Drive::Low);
        wire.pass(Span::from_micros(1));
        assert_eq!(wire.part().drive(0), Drive::High);
        assert_eq!(wire.registers(AT, INT_STATUS), [DATA_RDY]);
        assert_eq!(wire.part().drive(0), Drive::Low);
    }
}
