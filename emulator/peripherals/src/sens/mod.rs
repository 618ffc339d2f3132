//! SENS: the RTC's side of the SAR ADCs, the touch sensors and the temperature sensor (ESP32 TRM, chapter "On-Chip Sensors
//! and Analog Signal Processing").
//!
//! The wiring sets the voltages outside. A conversion is done as soon as it is started, unless it is told how long
//! one takes; a touch measurement takes its time.

mod curve;
mod dac;
mod registers;
#[cfg(test)]
mod tests;
mod touch;
mod ulp;

use espalier_core::{Device, Fidelity, Register, Registers, Span, Time, Unmodelled};

use dac::DACS;
use registers::{REGISTERS, reg};
pub use touch::PADS as TOUCH_PADS;
use touch::Touch;
use ulp::UlpTimer;

/// Channels of the larger ADC.
const CHANNELS: usize = 10;

/// The channel of the second ADC at the pad of the first DAC; the next one is that of the second DAC.
const FIRST_DAC_CHANNEL: usize = 8;

/// Bits of a conversion at full width.
const ADC_BITS: u32 = 12;
/// The narrowest width that SAR_BIT_WIDTH can choose.
const ADC_MIN_BITS: u32 = 9;

/// The bits that a converter does not show before it has finished.
const CONVERTED: u32 = reg::SAR_MEAS_START1::MEAS1_DONE_SAR.mask() | reg::SAR_MEAS_START1::MEAS1_DATA_SAR.mask();

/// The temperature sensor's reading at room temperature.
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
    /// Length of a conversion, and the end of the last one of each ADC.
    conversion: Span,
    converted: [Time; 2],
    touch: Touch,
    temperature: u8,
    /// The codes that RTC_IO gives to the DACs, if they are on.
    dacs: [Option<u8>; DACS],
    /// The codes that I2S gave to them last.
    streamed: [u8; DACS],
    /// When the cosine generator was last set.
    tone_since: Time,
    ulp: UlpTimer,
}

espalier_core::persist!(state Sens { registers, adc, converted, touch, temperature, dacs, streamed, tone_since, ulp } fixed { conversion });

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
            conversion: Span::ZERO,
            converted: [Time::ZERO; 2],
            touch: Touch::new(),
            temperature: ROOM_TEMPERATURE,
            dacs: [None; DACS],
            streamed: [0; DACS],
            tone_since: Time::ZERO,
            ulp: UlpTimer::new(),
        }
    }

    /// The same block, whose conversions take so long. The reading is of the voltage at the start.
    pub fn with_conversion_time(self, conversion: Span) -> Sens {
        Sens { conversion, ..self }
    }

    /// The voltage at a channel from now on, in microvolts. A channel that does not exist is ignored.
    pub fn set_voltage(&mut self, adc: Adc, channel: usize, microvolts: u32) {
        if let Some(slot) = self.adc[adc as usize].get_mut(channel) {
            *slot = microvolts;
        }
    }

    /// Converts the voltage of a channel at full width, with an attenuation of 0 to 3. A channel that does not exist has no voltage.
    /// A DAC that is on decides about the voltage of its pad.
    pub fn sample(&self, adc: Adc, channel: usize, attenuation: u32, now: Time) -> u16 {
        let dac = channel.checked_sub(FIRST_DAC_CHANNEL).filter(|_| adc == Adc::Two);
        let microvolts = match dac.and_then(|dac| self.dac_microvolts(dac, now)) {
            Some(microvolts) => microvolts,
            None => self.adc[adc as usize].get(channel).copied().unwrap_or(0),
        };
        curve::code(adc, attenuation, microvolts)
    }

    /// The temperature sensor's reading from now on.
    pub fn set_temperature(&mut self, code: u8) {
        self.temperature = code;
    }

    /// Whether the digital controller has a converter, rather than this block.
    pub fn is_digital(&self, adc: Adc) -> bool {
        match adc {
            Adc::One => self.registers.is_set(reg::SAR_READ_CTRL::SAR1_DIG_FORCE),
            Adc::Two => self.registers.is_set(reg::SAR_READ_CTRL2::SAR2_DIG_FORCE),
        }
    }

    fn convert(&mut self, adc: Adc, now: Time) {
        let start = match adc {
            Adc::One => reg::SAR_MEAS_START1,
            Adc::Two => reg::SAR_MEAS_START2,
        };
        let pads = reg::SAR_MEAS_START1::SAR1_EN_PAD.get(self.registers.get(start));
        let data = u32::from(self.measure(adc, pads.trailing_zeros() as usize, now));
        self.converted[adc as usize] = now + self.conversion;
        self.registers.modify(
            start,
            reg::SAR_MEAS_START1::MEAS1_DATA_SAR.mask(),
            data | reg::SAR_MEAS_START1::MEAS1_DONE_SAR.mask(),
        );
    }

    /// The reading of a converter at a channel with the settings of this block.
    pub fn measure(&self, adc: Adc, channel: usize, now: Time) -> u16 {
        let (control, attenuations) = match adc {
            Adc::One => (reg::SAR_READ_CTRL, reg::SAR_ATTEN1),
            Adc::Two => (reg::SAR_READ_CTRL2, reg::SAR_ATTEN2),
        };
        let (inverted, width) = match adc {
            Adc::One => (reg::SAR_READ_CTRL::SAR1_DATA_INV.mask(), reg::SAR_START_FORCE::SAR1_BIT_WIDTH),
            Adc::Two => (reg::SAR_READ_CTRL2::SAR2_DATA_INV.mask(), reg::SAR_START_FORCE::SAR2_BIT_WIDTH),
        };
        let shift = registers::ATTEN_BITS.saturating_mul(u32::try_from(channel).unwrap_or(u32::MAX));
        let attenuation = self.registers.get(attenuations).checked_shr(shift).unwrap_or(0) & registers::ATTEN_MASK;
        let value = self.sample(adc, channel, attenuation, now);
        // The converter gives the complement; drivers have it inverted back.
        let value = if self.registers.get(control) & inverted != 0 { value } else { !value & curve::FULL_SCALE };
        let width = self.registers.field(width);
        value >> (ADC_BITS - ADC_MIN_BITS - width)
    }

    fn temperature_out(&self) -> u32 {
        let needed = reg::SAR_TSENS_CTRL::TSENS_POWER_UP.mask() | reg::SAR_TSENS_CTRL::TSENS_DUMP_OUT.mask();
        match self.registers.get(reg::SAR_TSENS_CTRL) & needed == needed {
            true => {
                reg::SAR_SLAVE_ADDR3::TSENS_OUT.put(self.temperature.into())
                    | reg::SAR_SLAVE_ADDR3::TSENS_RDY_OUT.mask()
            }
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
            "I2C that software starts and the hall sensor; the DACs' clock is 8.5 MHz; conversions take no time but in that of silicon",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.advance_touch(now);
        let value = self.registers.read(offset)?;
        Ok(match offset {
            reg::SAR_SLAVE_ADDR3 => value | self.temperature_out(),
            reg::SAR_MEAS_START1 if now < self.converted[Adc::One as usize] => value & !CONVERTED,
            reg::SAR_MEAS_START2 if now < self.converted[Adc::Two as usize] => value & !CONVERTED,
            _ => value,
        })
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.advance_touch(now);
        let old = self.registers.read(offset)?;
        let new = self.registers.write(offset, value)?;
        let started = new & !old & reg::SAR_MEAS_START1::MEAS1_START_SAR.mask() != 0;
        match offset {
            reg::SAR_MEAS_START1 if started => self.convert(Adc::One, now),
            reg::SAR_MEAS_START2 if started => self.convert(Adc::Two, now),
            reg::SAR_DAC_CTRL1 => self.tone_written(old, now),
            // The bit that clears is no register bit; it acts once.
            reg::SAR_TOUCH_CTRL2 => {
                self.touch_control_written(old, new | value & reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_EN_CLR.mask(), now)
            }
            _ => {}
        }
        if offset == reg::SAR_START_FORCE && reg::SAR_START_FORCE::ULP_CP_START_TOP.is_set(new & !old) {
            self.force_ulp(now);
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.touch_deadline().into_iter().chain(self.ulp_deadline()).min()
    }

    fn advance(&mut self, now: Time) {
        self.advance_touch(now);
    }

    fn reset(&mut self) {
        self.registers.reset();
        self.reset_touch();
        self.ulp = UlpTimer::new();
    }
}
