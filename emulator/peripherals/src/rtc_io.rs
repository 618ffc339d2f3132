//! RTC_IO: the pads that the RTC can use, their analog functions and the DACs (ESP32 TRM, chapter "IO_MUX and GPIO Matrix").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

use crate::io_mux::Pull;
use crate::sens::TOUCH_PADS;

const PINS: u32 = 0xFFFF_C000;
/// A touch pad after reset, apart from its pulls: drive strength 2, slope 4.
const TOUCH_PAD: u32 = 0x4200_0000;
const TOUCH_PAD_WRITABLE: u32 = 0xFBFF_F000;
/// The pull-up and the pull-down of a pad, where its register is that of this pad alone or of the first of two.
const RUE: u32 = 1 << 27;
const RDE: u32 = 1 << 28;
/// The pull-up and the pull-down of the second pad of XTAL_32K_PAD.
const X32P_RUE: u32 = 1 << 22;
const X32P_RDE: u32 = 1 << 23;

espalier_core::registers! {
    OUT @ 0x00 = 0, rw_bits(PINS) {
        /// Position of RTC GPIO 0 in the registers with one bit per pad.
        DATA: 14..=31,
    };
    OUT_W1TS @ 0x04 = 0, wo();
    OUT_W1TC @ 0x08 = 0, wo();
    ENABLE @ 0x0C = 0, rw_bits(PINS);
    ENABLE_W1TS @ 0x10 = 0, wo();
    ENABLE_W1TC @ 0x14 = 0, wo();
    STATUS @ 0x18 = 0, rw_bits(PINS);
    STATUS_W1TS @ 0x1C = 0, wo();
    STATUS_W1TC @ 0x20 = 0, wo();
    IN @ 0x24 = 0, ro();
    PIN0[18] @ 0x28 = 0, rw_bits(0x784);
    RTC_DEBUG_SEL @ 0x70 = 0, rw_bits(0x03FF_FFFF);
    DIG_PAD_HOLD @ 0x74 = 0, rw();
    HALL_SENS @ 0x78 = 0, rw_bits(0xC000_0000);
    SENSOR_PADS @ 0x7C = 0, rw_bits(0xFFFF_FFF0);
    ADC_PAD @ 0x80 = 0, rw_bits(0xFFFC_0000);
    PAD_DAC1 @ 0x84 = 0x8000_0000, rw_bits(0xFFFF_FC00) { XPD_DAC: 18, DAC: 19..=26 };
    PAD_DAC2 @ 0x88 = 0x8000_0000, rw_bits(0xFFFF_FC00);
    XTAL_32K_PAD @ 0x8C = 0x8410_0010, rw_bits(0xFFFF_FFFE);
    TOUCH_CFG @ 0x90 = 0x6600_0000, rw_bits(0xFF80_0000);
    TOUCH_PAD0 @ 0x94 = TOUCH_PAD | RDE, rw_bits(TOUCH_PAD_WRITABLE) {
        /// The RTC drives the pad.
        MUX_SEL: 19,
        DAC: 23..=25,
    };
    TOUCH_PAD1 @ 0x98 = TOUCH_PAD | RUE, rw_bits(TOUCH_PAD_WRITABLE);
    TOUCH_PAD2 @ 0x9C = TOUCH_PAD | RDE, rw_bits(TOUCH_PAD_WRITABLE);
    TOUCH_PAD3 @ 0xA0 = TOUCH_PAD | RUE, rw_bits(TOUCH_PAD_WRITABLE);
    TOUCH_PAD4 @ 0xA4 = TOUCH_PAD | RDE, rw_bits(TOUCH_PAD_WRITABLE);
    TOUCH_PAD5 @ 0xA8 = TOUCH_PAD | RDE, rw_bits(TOUCH_PAD_WRITABLE);
    TOUCH_PAD6 @ 0xAC = TOUCH_PAD | RUE, rw_bits(TOUCH_PAD_WRITABLE);
    TOUCH_PAD7 @ 0xB0 = TOUCH_PAD, rw_bits(TOUCH_PAD_WRITABLE);
    TOUCH_PAD8[2] @ 0xB4 = 0x0200_0000, rw_bits(0x03F8_0000);
    EXT_WAKEUP0 @ 0xBC = 0, rw_bits(0xF800_0000) { SEL: 27..=31 };
    XTL_EXT_CTR @ 0xC0 = 0, rw_bits(0xF800_0000);
    SAR_I2C_IO @ 0xC4 = 0, rw_bits(0xFF80_0000) { SAR_I2C_SCL_SEL: 28..=29, SAR_I2C_SDA_SEL: 30..=31 };
    DATE @ 0xC8 = 0x0160_3160, rw_bits(0x0FFF_FFFF);
}

/// One of the two digital-to-analog converters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dac {
    /// On GPIO25.
    One,
    /// On GPIO26.
    Two,
}

/// RTC_IO. It belongs to the RTC: a core reset does not reach it.
#[derive(Clone, Debug)]
pub struct RtcIo {
    registers: Registers,
    levels: u32,
    /// A pad may be pulled another way.
    changed: bool,
}

espalier_core::persist!(state RtcIo { registers, levels, changed });

impl Default for RtcIo {
    fn default() -> RtcIo {
        RtcIo::new()
    }
}

impl RtcIo {
    /// The pads of the ULP coprocessor's I2C, SCL and SDA, if software has given both to the RTC.
    pub fn i2c_pads(&self) -> Option<(u8, u8)> {
        let pad = |selected: u32, pads: [(u32, u8); 2]| {
            let (register, gpio) = *pads.get(selected as usize)?;
            reg::TOUCH_PAD0::MUX_SEL.is_set(self.registers.get(register)).then_some(gpio)
        };
        let (scl, sda) = (reg::SAR_I2C_IO::SAR_I2C_SCL_SEL, reg::SAR_I2C_IO::SAR_I2C_SDA_SEL);
        Some((
            pad(self.registers.field(scl), [(reg::TOUCH_PAD0, 4), (reg::TOUCH_PAD2, 2)])?,
            pad(self.registers.field(sda), [(reg::TOUCH_PAD1, 0), (reg::TOUCH_PAD3, 15)])?,
        ))
    }

    /// The pads after reset, all low.
    pub fn new() -> RtcIo {
        RtcIo { registers: Registers::new(&REGISTERS), levels: 0, changed: false }
    }

    /// Levels of the RTC pads; bit n is RTC GPIO n.
    pub fn set_inputs(&mut self, levels: u32) {
        self.levels = levels;
    }

    /// Returns the levels last given to [`set_inputs`](RtcIo::set_inputs).
    pub fn inputs(&self) -> u32 {
        self.levels
    }

    /// Whether a pad may be pulled in another way since the last call.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The RTC GPIO whose level can wake the chip as EXT0.
    pub fn ext0_pad(&self) -> u32 {
        self.registers.field(reg::EXT_WAKEUP0::SEL)
    }

    /// The pull resistor of an RTC pad; the pull-up wins if both are on. IO_MUX has none at these pads: ESP-IDF sets their pulls
    /// here, whatever else uses the pad (`gpio_pullup_en`), and they stay over a core reset.
    pub fn pull(&self, pad: u32) -> Option<Pull> {
        let (offset, up, down) = match pad {
            6 => (reg::PAD_DAC1, RUE, RDE),
            7 => (reg::PAD_DAC2, RUE, RDE),
            8 => (reg::XTAL_32K_PAD, RUE, RDE),
            9 => (reg::XTAL_32K_PAD, X32P_RUE, X32P_RDE),
            10..=17 => (reg::TOUCH_PAD0 + 4 * (pad - 10), RUE, RDE),
            // The others can only be read, and have none.
            _ => return None,
        };
        let config = self.registers.get(offset);
        if config & up != 0 { Some(Pull::Up) } else { (config & down != 0).then_some(Pull::Down) }
    }

    /// The slopes of the ramps of the touch pads, 0 to 7; 0 is none.
    pub fn touch_slopes(&self) -> [u8; TOUCH_PADS] {
        std::array::from_fn(|pad| {
            let config = self.registers.get(reg::TOUCH_PAD0 + 4 * pad as u32);
            reg::TOUCH_PAD0::DAC.get(config) as u8
        })
    }

    /// Returns the output of a DAC, in 255ths of the supply; `None` if it is off.
    pub fn dac(&self, dac: Dac) -> Option<u8> {
        let pad = self.registers.get(match dac {
            Dac::One => reg::PAD_DAC1,
            Dac::Two => reg::PAD_DAC2,
        });
        (reg::PAD_DAC1::XPD_DAC.is_set(pad)).then_some(reg::PAD_DAC1::DAC.get(pad) as u8)
    }
}

impl Device for RtcIo {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("RTC outputs, interrupts and hold do not reach the pads")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        let value = self.registers.read(offset)?;
        Ok(if offset == reg::IN { reg::OUT::DATA.put(self.levels) } else { value })
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let pins = value & PINS;
        self.changed |= (reg::PAD_DAC1..reg::EXT_WAKEUP0).contains(&offset);
        match offset {
            reg::OUT_W1TS => self.registers.modify(reg::OUT, 0, pins),
            reg::OUT_W1TC => self.registers.modify(reg::OUT, pins, 0),
            reg::ENABLE_W1TS => self.registers.modify(reg::ENABLE, 0, pins),
            reg::ENABLE_W1TC => self.registers.modify(reg::ENABLE, pins, 0),
            reg::STATUS_W1TS => self.registers.modify(reg::STATUS, 0, pins),
            reg::STATUS_W1TC => self.registers.modify(reg::STATUS, pins, 0),
            _ => {}
        }
        self.registers.write(offset, value).map(drop)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::{Dac, Pull, RtcIo, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn set_and_clear_registers_work_on_their_bits() {
        let mut block = RtcIo::new();
        block.write(reg::OUT_W1TS, u32::MAX, Time::ZERO).unwrap();
        block.write(reg::OUT_W1TC, 1 << 14, Time::ZERO).unwrap();
        assert_eq!(block.read(reg::OUT, Time::ZERO), Ok(0xFFFF_8000));
        block.set_inputs(0b101);
        assert_eq!(block.read(reg::IN, Time::ZERO), Ok(0b101 << 14));
    }

    #[test]
    fn pulls_are_those_of_the_pads() {
        // rtc_gpio_pullup_en and rtc_gpio_pulldown_en of ESP-IDF on GPIO33 and GPIO32, RTC GPIO 8 and 9.
        let mut block = RtcIo::new();
        assert_eq!([0, 5, 6, 9, 17].map(|pad| block.pull(pad)), [None; 5]);
        block.write(reg::XTAL_32K_PAD, 1 << 27 | 1 << 23, Time::ZERO).unwrap();
        assert_eq!([block.pull(8), block.pull(9)], [Some(Pull::Up), Some(Pull::Down)]);
        block.write(reg::PAD_DAC2, 1 << 28, Time::ZERO).unwrap();
        assert_eq!([block.pull(6), block.pull(7)], [None, Some(Pull::Down)]);
    }

    /// As IO_MUX has them (TRM "IO_MUX Pad List"), so that a strapping pin is pulled alike by both.
    #[test]
    fn pads_are_pulled_from_reset_on() {
        let block = RtcIo::new();
        let pulled = |pull| (0..18).filter(|pad| block.pull(*pad) == Some(pull)).collect::<Vec<_>>();
        assert_eq!((pulled(Pull::Up), pulled(Pull::Down)), (vec![11, 13, 16], vec![10, 12, 14, 15]));
    }

    #[test]
    fn dac_output_enable_and_voltage() {
        // dac_output_enable and dac_output_voltage of ESP-IDF: PDAC1_XPD_DAC with PDAC1_DAC_XPD_FORCE, then PDAC1_DAC.
        let mut block = RtcIo::new();
        assert_eq!(block.dac(Dac::One), None);
        block.write(reg::PAD_DAC1, 1 << 18 | 1 << 10 | 200 << 19, Time::ZERO).unwrap();
        assert_eq!((block.dac(Dac::One), block.dac(Dac::Two)), (Some(200), None));
    }

    #[test]
    fn ext0_selects_a_pad() {
        let mut block = RtcIo::new();
        block.write(reg::EXT_WAKEUP0, 11 << 27, Time::ZERO).unwrap();
        assert_eq!(block.ext0_pad(), 11);
    }
}
