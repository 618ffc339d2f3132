//! SENS: the RTC's side of the SAR ADCs, the touch sensors and the temperature sensor (ESP32 TRM, chapter "On-Chip Sensors
//! and Analog Signal Processing").
//!
//! What the outside gives is set by the wiring; a conversion is done as soon as it is started.

mod registers;
#[cfg(test)]
mod tests;

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use registers::{REGISTERS, reg};

/// Channels of the larger ADC, and touch pads.
const CHANNELS: usize = 10;
const TOUCH_PADS: usize = 10;

/// Bits of a conversion at full width.
const ADC_BITS: u32 = 12;
const ADC_MAX: u16 = (1 << ADC_BITS) - 1;
/// The narrowest width that SAR_BIT_WIDTH can choose.
const ADC_MIN_BITS: u32 = 9;

/// The count of a touch pad that nobody touches.
const UNTOUCHED: u16 = 1000;
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
    adc: [[u16; CHANNELS]; 2],
    touch: [u16; TOUCH_PADS],
    temperature: u8,
}

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
            touch: [UNTOUCHED; TOUCH_PADS],
            temperature: ROOM_TEMPERATURE,
        }
    }

    /// The result of a 12-bit conversion of `channel` from now on, limited to 4095. A channel that does not exist is ignored.
    pub fn set_adc(&mut self, adc: Adc, channel: usize, value: u16) {
        if let Some(slot) = self.adc[adc as usize].get_mut(channel) {
            *slot = value.min(ADC_MAX);
        }
    }

    /// The count of a touch pad from now on; a finger makes it smaller. A pad that does not exist is ignored.
    pub fn set_touch(&mut self, pad: usize, count: u16) {
        if let Some(slot) = self.touch.get_mut(pad) {
            *slot = count;
        }
    }

    /// What the temperature sensor shows from now on.
    pub fn set_temperature(&mut self, code: u8) {
        self.temperature = code;
    }

    fn convert(&mut self, adc: Adc) {
        let (start, control, inverted, width_shift) = match adc {
            Adc::One => {
                (reg::SAR_MEAS_START1, reg::SAR_READ_CTRL, registers::SAR1_DATA_INV, registers::SAR1_BIT_WIDTH_SHIFT)
            }
            Adc::Two => {
                (reg::SAR_MEAS_START2, reg::SAR_READ_CTRL2, registers::SAR2_DATA_INV, registers::SAR2_BIT_WIDTH_SHIFT)
            }
        };
        let pads = self.registers.get(start) >> registers::SAR_EN_PAD_SHIFT & registers::SAR_EN_PAD_MASK;
        let channel = pads.trailing_zeros() as usize;
        let value = self.adc[adc as usize].get(channel).copied().unwrap_or(0);
        // The converter gives the complement; drivers have it inverted back.
        let value = if self.registers.get(control) & inverted != 0 { value } else { !value & ADC_MAX };
        let width = self.registers.get(reg::SAR_START_FORCE) >> width_shift & registers::SAR_BIT_WIDTH_MASK;
        let data = u32::from(value) >> (ADC_BITS - ADC_MIN_BITS - width);
        self.registers.modify(start, registers::MEAS_DATA_MASK, data | registers::MEAS_DONE);
    }

    /// The half of a register pair that belongs to a touch pad.
    fn touch_half(value: u32, pad: usize) -> u32 {
        let shift = if pad.is_multiple_of(2) { registers::TOUCH_EVEN_SHIFT } else { 0 };
        value >> shift & registers::TOUCH_COUNT_MASK
    }

    fn touched(&self) -> u32 {
        let above = self.registers.get(reg::SAR_TOUCH_CTRL1) & registers::TOUCH_OUT_SEL != 0;
        (0..TOUCH_PADS).fold(0, |touched, pad| {
            let thresholds = self.registers.get(reg::SAR_TOUCH_THRES1 + 4 * (pad / 2) as u32);
            let threshold = Sens::touch_half(thresholds, pad);
            let count = u32::from(self.touch[pad]);
            touched | u32::from(if above { count > threshold } else { count < threshold }) << pad
        })
    }

    fn touch_counts(&self, offset: u32) -> u32 {
        let pad = ((offset - reg::SAR_TOUCH_OUT1) / 4 * 2) as usize;
        u32::from(self.touch[pad]) << registers::TOUCH_EVEN_SHIFT | u32::from(self.touch[pad + 1])
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
        Fidelity::Partial("the ULP coprocessor, its I2C, the hall sensor, the cosine generator and touch wake-up")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        const TOUCH_OUT_LAST: u32 = reg::SAR_TOUCH_OUT1 + 4 * (TOUCH_PADS as u32 / 2 - 1);
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::SAR_TOUCH_OUT1..=TOUCH_OUT_LAST => self.touch_counts(offset),
            reg::SAR_TOUCH_CTRL2 => value | registers::TOUCH_MEAS_DONE | self.touched(),
            reg::SAR_SLAVE_ADDR3 => value | self.temperature_out(),
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let old = self.registers.read(offset)?;
        let new = self.registers.write(offset, value)?;
        let started = new & !old & registers::MEAS_START != 0;
        match offset {
            reg::SAR_MEAS_START1 if started => self.convert(Adc::One),
            reg::SAR_MEAS_START2 if started => self.convert(Adc::Two),
            _ => {}
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}
