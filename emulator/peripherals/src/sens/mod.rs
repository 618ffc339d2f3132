//! SENS: the RTC's side of the SAR ADCs, the touch sensors and the temperature sensor (ESP32 TRM, chapter "On-Chip Sensors
//! and Analog Signal Processing").
//!
//! What the outside gives is set by the wiring. A conversion is done as soon as it is started; a touch measurement takes its time.

mod curve;
mod registers;
#[cfg(test)]
mod tests;
mod touch;

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use registers::{REGISTERS, reg};
pub use touch::PADS as TOUCH_PADS;
use touch::Touch;

/// Channels of the larger ADC.
const CHANNELS: usize = 10;

/// Bits of a conversion at full width.
const ADC_BITS: u32 = 12;
/// The narrowest width that SAR_BIT_WIDTH can choose.
const ADC_MIN_BITS: u32 = 9;

/// What the temperature sensor shows at room temperature.
const ROOM_TEMPERATURE: u8 = 128;

/// One of the two SAR ADCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adc {
    One,
    Two,
}

/// SENS. It belongs to the RTC: a core reset does not reach it.
#[derive(Clone, Debug)]
pub struct Sens {
    registers: Registers,
    /// Voltages in microvolts.
    adc: [[u32; CHANNELS]; 2],
    touch: Touch,
    temperature: u8,
}

espalier_core::persist!(state Sens { registers, adc, touch, temperature });

impl Default for Sens {
    fn default() -> Sens {
        Sens::new()
    }
}

impl Sens {
    /// The block after reset: no voltage anywhere, no pad touched.
    pub fn new() -> Sens {
        Sens {
            registers: Registers::new(&REGISTERS),
            adc: [[0; CHANNELS]; 2],
            touch: Touch::new(),
            temperature: ROOM_TEMPERATURE,
        }
    }

    /// The voltage at a channel from now on, in microvolts. A channel that does not exist is ignored.
    pub fn set_voltage(&mut self, adc: Adc, channel: usize, microvolts: u32) {
        if let Some(slot) = self.adc[adc as usize].get_mut(channel) {
            *slot = microvolts;
        }
    }

    /// What the converter makes of a channel at full width, with an attenuation of 0 to 3. A channel that does not exist has
    /// no voltage.
    pub fn sample(&self, adc: Adc, channel: usize, attenuation: u32) -> u16 {
        curve::code(adc, attenuation, self.adc[adc as usize].get(channel).copied().unwrap_or(0))
    }

    /// What the temperature sensor shows from now on.
    pub fn set_temperature(&mut self, code: u8) {
        self.temperature = code;
    }

    /// Whether the digital controller has a converter, rather than this block.
    pub fn is_digital(&self, adc: Adc) -> bool {
        match adc {
            Adc::One => self.registers.get(reg::SAR_READ_CTRL) & registers::SAR1_DIG_FORCE != 0,
            Adc::Two => self.registers.get(reg::SAR_READ_CTRL2) & registers::SAR2_DIG_FORCE != 0,
        }
    }

    fn convert(&mut self, adc: Adc) {
        let (start, control, attenuations) = match adc {
            Adc::One => (reg::SAR_MEAS_START1, reg::SAR_READ_CTRL, reg::SAR_ATTEN1),
            Adc::Two => (reg::SAR_MEAS_START2, reg::SAR_READ_CTRL2, reg::SAR_ATTEN2),
        };
        let (inverted, width_shift) = match adc {
            Adc::One => (registers::SAR1_DATA_INV, registers::SAR1_BIT_WIDTH_SHIFT),
            Adc::Two => (registers::SAR2_DATA_INV, registers::SAR2_BIT_WIDTH_SHIFT),
        };
        let pads = self.registers.get(start) >> registers::SAR_EN_PAD_SHIFT & registers::SAR_EN_PAD_MASK;
        let channel = pads.trailing_zeros() as usize;
        let shift = registers::ATTEN_BITS * channel as u32;
        let attenuation = self.registers.get(attenuations).checked_shr(shift).unwrap_or(0) & registers::ATTEN_MASK;
        let value = self.sample(adc, channel, attenuation);
        // The converter gives the complement; drivers have it inverted back.
        let value = if self.registers.get(control) & inverted != 0 { value } else { !value & curve::FULL_SCALE };
        let width = self.registers.get(reg::SAR_START_FORCE) >> width_shift & registers::SAR_BIT_WIDTH_MASK;
        let data = u32::from(value) >> (ADC_BITS - ADC_MIN_BITS - width);
        self.registers.modify(start, registers::MEAS_DATA_MASK, data | registers::MEAS_DONE);
    }

    fn temperature_out(&self) -> u32 {
        let needed = registers::TSENS_POWER_UP | registers::TSENS_DUMP_OUT;
        match self.registers.get(reg::SAR_TSENS_CTRL) & needed == needed {
            true => u32::from(self.temperature) << registers::TSENS_OUT_SHIFT | registers::TSENS_RDY_OUT,
            false => 0,
        }
    }
}

impl Device for Sens {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "the ULP coprocessor, its I2C, the hall sensor and the cosine generator; conversions take no time",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.advance_touch(now);
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::SAR_SLAVE_ADDR3 => value | self.temperature_out(),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.advance_touch(now);
        let old = self.registers.read(offset)?;
        let new = self.registers.write(offset, value)?;
        let started = new & !old & registers::MEAS_START != 0;
        match offset {
            reg::SAR_MEAS_START1 if started => self.convert(Adc::One),
            reg::SAR_MEAS_START2 if started => self.convert(Adc::Two),
            // The bit that clears is no register bit; it acts once.
            reg::SAR_TOUCH_CTRL2 => self.touch_control_written(old, new | value & registers::TOUCH_MEAS_EN_CLR, now),
            _ => {}
        }
        let starts_ulp = offset == reg::SAR_START_FORCE && new & !old & registers::ULP_CP_START_TOP != 0;
        if starts_ulp { Err(Unmodelled) } else { Ok(()) }
    }

    fn deadline(&self) -> Option<Time> {
        self.touch_deadline()
    }

    fn advance(&mut self, now: Time) {
        self.advance_touch(now);
    }

    fn reset(&mut self) {
        self.registers.reset();
        self.reset_touch();
    }
}
