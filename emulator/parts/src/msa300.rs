//! MSA300: a three-axis accelerometer on I2C (MEMSensing, "MSA300 Digital Tri-axial Accelerometer", data sheet 1.0).
//!
//! Measurements are always up to date: the output data rate has no effect. Motion, tap and orientation detection store their
//! settings and find nothing, and no interrupt pin is wired.

use espalier_core::{Field, I2cTarget, Time};

use crate::part::{Part, PartError, Value, ValueError, Wiring};
use crate::register_pointer::RegisterPointer;

const SOFT_RESET: u8 = 0x00;
const PART_ID: u8 = 0x01;
const ACC_X_LSB: u8 = 0x02;
const ACC_Z_MSB: u8 = 0x07;
const DATA_INT: u8 = 0x0A;
const RESOLUTION_RANGE: u8 = 0x0F;
const ODR: u8 = 0x10;
const POWER_MODE: u8 = 0x11;
const SWAP_POLARITY: u8 = 0x12;
const LAST: u8 = 0x3A;

const PART_ID_VALUE: u8 = 0x13;
/// The two bits of SOFT_RESET that have to be set together.
const SOFT_RESET_BITS: u8 = 0x24;
const NEW_DATA: u8 = 1;
/// POWER_MODE: normal and low power are 0 and 1, the others suspend.
const PWR_MODE: Field = Field::new("PWR_MODE", 6, 7);
const SUSPENDED: u32 = 2;
/// ODR: the bits that switch X, Y and Z off.
const AXIS_DISABLE: [u8; 3] = [1 << 7, 1 << 6, 1 << 5];
/// SWAP_POLARITY.
const SWAP_XY: u8 = 1;
const POLARITY: [u8; 3] = [1 << 3, 1 << 2, 1 << 1];
/// RESOLUTION_RANGE.
const FS: Field = Field::new("FS", 0, 1);
const RESOLUTION: Field = Field::new("RESOLUTION", 2, 3);

/// Bits of a sample at the best resolution; they are at the top of its two bytes.
const SAMPLE_BITS: u32 = 14;
const FULL_SCALE: f64 = (1 << (SAMPLE_BITS - 1)) as f64;
/// More g than occurs; the sensor is limited to its range.
const LARGEST_ACCELERATION: f64 = 1e6;
/// The smallest range in g; RESOLUTION_RANGE doubles it up to three times.
const SMALLEST_RANGE: u32 = 2;

/// Registers that are not zero after reset.
const RESET: [(u8, u8); 10] = [
    (PART_ID, PART_ID_VALUE),
    (ODR, 0x0F),
    (POWER_MODE, 0x9E),
    (0x22, 0x09),
    (0x23, 0x30),
    (0x24, 0x01),
    (0x28, 0x14),
    (0x2A, 0x04),
    (0x2B, 0x0A),
    (0x2C, 0x18),
];

/// The sensor.
///
/// ```
/// use espalier_core::{I2cTarget, Time};
/// use espalier_parts::Msa300;
///
/// let mut sensor = Msa300::new();
/// sensor.start(Msa300::ADDRESS, false, Time::ZERO);
/// sensor.write(0x01, Time::ZERO); // the register PART_ID
/// sensor.start(Msa300::ADDRESS, true, Time::ZERO);
/// assert_eq!(sensor.read(Time::ZERO), 0x13);
/// ```
#[derive(Clone, Debug)]
pub struct Msa300 {
    registers: [u8; LAST as usize + 1],
    pointer: RegisterPointer,
    /// In g, along the axes that are printed on the package.
    acceleration: [f64; 3],
}

espalier_core::persist!(state Msa300 { registers, pointer, acceleration });

impl Default for Msa300 {
    fn default() -> Msa300 {
        Msa300::new()
    }
}

impl Msa300 {
    /// 7-bit address with SDO low.
    pub const ADDRESS: u8 = 0x26;

    /// A sensor that lies flat on a table, after power-on.
    pub fn new() -> Msa300 {
        Msa300 { registers: Msa300::after_reset(), pointer: RegisterPointer::default(), acceleration: [0.0, 0.0, 1.0] }
    }

    fn after_reset() -> [u8; LAST as usize + 1] {
        let mut registers = [0; LAST as usize + 1];
        for (register, value) in RESET {
            registers[usize::from(register)] = value;
        }
        registers
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.i2c(Msa300::ADDRESS)?;
        Ok(Box::new(Msa300::new()))
    }

    /// Sets the acceleration from now on, in g along the sensor's own axes; at rest it is one of 1 g that points up.
    pub fn set_acceleration(&mut self, acceleration: [f64; 3]) {
        self.acceleration = acceleration;
    }

    fn register(&self, register: u8) -> u8 {
        self.registers.get(usize::from(register)).copied().unwrap_or(0)
    }

    fn is_suspended(&self) -> bool {
        PWR_MODE.get(self.register(POWER_MODE).into()) >= SUSPENDED
    }

    /// The sample of an axis as its two bytes hold it.
    fn sample(&self, axis: usize) -> u16 {
        let swap = self.register(SWAP_POLARITY);
        let source = match axis {
            0 | 1 if swap & SWAP_XY != 0 => 1 - axis,
            _ => axis,
        };
        if self.is_suspended() || self.register(ODR) & AXIS_DISABLE[source] != 0 {
            return 0;
        }
        let g = self.acceleration[source] * if swap & POLARITY[axis] != 0 { -1.0 } else { 1.0 };
        let settings = u32::from(self.register(RESOLUTION_RANGE));
        let range = f64::from(SMALLEST_RANGE << FS.get(settings));
        let code = (g / range * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1.0) as i16;
        // Each step of the resolution takes two bits away.
        let dropped = RESOLUTION.get(settings) * 2;
        ((code >> dropped << dropped) << (u16::BITS - SAMPLE_BITS)) as u16
    }
}

impl Part for Msa300 {
    /// The acceleration stays the same.
    fn power_cycle(&mut self, _now: Time) {
        *self = Msa300 { acceleration: self.acceleration, ..Msa300::new() };
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["acceleration"]
    }

    fn set(&mut self, _property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        self.set_acceleration(value.numbers(-LARGEST_ACCELERATION..=LARGEST_ACCELERATION)?);
        Ok(())
    }

    fn get(&self, _property: &str, _now: Time) -> Option<Value> {
        Some(self.acceleration.into())
    }
}

impl I2cTarget for Msa300 {
    fn start(&mut self, _address: u8, read: bool, _now: Time) -> bool {
        self.pointer.start(read);
        true
    }

    fn write(&mut self, byte: u8, _now: Time) -> bool {
        match self.pointer.written(byte) {
            Some(SOFT_RESET) if byte & SOFT_RESET_BITS == SOFT_RESET_BITS => self.registers = Msa300::after_reset(),
            Some(SOFT_RESET..RESOLUTION_RANGE) | None => {}
            Some(register) => {
                if let Some(slot) = self.registers.get_mut(usize::from(register)) {
                    *slot = byte;
                }
            }
        }
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        match self.pointer.next() {
            register @ ACC_X_LSB..=ACC_Z_MSB => {
                let offset = usize::from(register - ACC_X_LSB);
                self.sample(offset / 2).to_le_bytes()[offset % 2]
            }
            DATA_INT if !self.is_suspended() => NEW_DATA,
            register => self.register(register),
        }
    }

    fn stop(&mut self, _now: Time) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::ZERO;

    fn write(sensor: &mut Msa300, bytes: &[u8]) {
        assert!(sensor.start(Msa300::ADDRESS, false, NOW));
        bytes.iter().for_each(|byte| assert!(sensor.write(*byte, NOW)));
        sensor.stop(NOW);
    }

    fn read<const N: usize>(sensor: &mut Msa300, register: u8) -> [u8; N] {
        write(sensor, &[register]);
        assert!(sensor.start(Msa300::ADDRESS, true, NOW));
        std::array::from_fn(|_| sensor.read(NOW))
    }

    fn axes(sensor: &mut Msa300) -> [i16; 3] {
        let bytes: [u8; 6] = read(sensor, ACC_X_LSB);
        std::array::from_fn(|axis| i16::from_le_bytes([bytes[2 * axis], bytes[2 * axis + 1]]) >> 2)
    }

    #[test]
    fn it_identifies_itself_and_sleeps_until_it_is_woken() {
        let mut sensor = Msa300::new();
        assert_eq!(read(&mut sensor, PART_ID), [0x13]);
        write(&mut sensor, &[PART_ID, 0]);
        assert_eq!(read(&mut sensor, PART_ID), [0x13]);
        assert_eq!((read(&mut sensor, POWER_MODE), axes(&mut sensor)), ([0x9E], [0; 3]));
        write(&mut sensor, &[POWER_MODE, 0]);
        assert_eq!((read(&mut sensor, DATA_INT), axes(&mut sensor)), ([NEW_DATA], [0, 0, 4096]));
    }

    #[test]
    fn range_and_resolution_choose_the_code() {
        // Data sheet, table of sensitivities: 4096, 2048, 1024, 512 LSB/g.
        let mut sensor = Msa300::new();
        write(&mut sensor, &[POWER_MODE, 0]);
        sensor.set_acceleration([0.5, -1.0, 3.0]);
        for (range, expected) in [(0, [2048, -4096, 8191]), (1, [1024, -2048, 6144]), (3, [256, -512, 1536])] {
            write(&mut sensor, &[RESOLUTION_RANGE, range]);
            assert_eq!(axes(&mut sensor), expected);
        }
        sensor.set_acceleration([0.001, -0.001, 0.5]);
        write(&mut sensor, &[RESOLUTION_RANGE, RESOLUTION.put(2) as u8]);
        assert_eq!(axes(&mut sensor), [0, -16, 2048]);
    }

    #[test]
    fn axes_are_turned_swapped_and_switched_off() {
        let mut sensor = Msa300::new();
        write(&mut sensor, &[POWER_MODE, 0]);
        sensor.set_acceleration([0.25, 0.5, 1.0]);
        write(&mut sensor, &[SWAP_POLARITY, SWAP_XY | POLARITY[2]]);
        assert_eq!(axes(&mut sensor), [2048, 1024, -4096]);
        write(&mut sensor, &[ODR, 0x0F | AXIS_DISABLE[0]]);
        assert_eq!(axes(&mut sensor), [2048, 0, -4096]);
        write(&mut sensor, &[SOFT_RESET, SOFT_RESET_BITS]);
        assert_eq!(read(&mut sensor, RESOLUTION_RANGE), [0, 0x0F, 0x9E, 0]);
    }
}
