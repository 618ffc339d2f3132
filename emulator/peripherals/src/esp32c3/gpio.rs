//! GPIO of the ESP32-C3 (TRM, chapter "IO MUX and GPIO Matrix"; crate `esp32c3`): 22 pads and the matrix of their signals.

use espalier_core::{Device, Fidelity, PadMatrix, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    BT_SELECT @ 0x00 = 0, rw();
    OUT @ 0x04 = 0, rw_bits(0x03FF_FFFF);
    OUT_W1TS @ 0x08 = 0, wo();
    OUT_W1TC @ 0x0C = 0, wo();
    SDIO_SELECT @ 0x1C = 0, rw_bits(0xFF);
    ENABLE @ 0x20 = 0, rw_bits(0x03FF_FFFF);
    ENABLE_W1TS @ 0x24 = 0, wo();
    ENABLE_W1TC @ 0x28 = 0, wo();
    STRAP @ 0x38 = 0, ro();
    IN @ 0x3C = 0, ro();
    STATUS @ 0x44 = 0, rw_bits(0x03FF_FFFF);
    STATUS_W1TS @ 0x48 = 0, wo();
    STATUS_W1TC @ 0x4C = 0, wo();
    PCPU_INT @ 0x5C = 0, ro();
    PCPU_NMI_INT @ 0x60 = 0, ro();
    CPUSDIO_INT @ 0x64 = 0, ro();
    PIN[26] @ 0x74 = 0, rw_bits(0x3_FF9F);
    STATUS_NEXT @ 0x14C = 0, ro();
    FUNC_IN_SEL_CFG[128] @ 0x154 = 0, rw_bits(0x7F);
    FUNC_OUT_SEL_CFG[26] @ 0x554 = 0x80, rw_bits(0x7FF);
    CLOCK_GATE @ 0x62C = 0x1, rw_bits(0x1);
    REG_DATE @ 0x6FC = 0x0200_6130, rw();
}

/// Pads of the chip.
pub const PINS: usize = 22;

mod out_sel {
    pub const SIGNAL: u32 = 0xFF;
    pub const INVERTED: u32 = 1 << 8;
    /// The output is that of GPIO itself.
    pub const GPIO: u32 = 0x80;
}

mod in_sel {
    pub const PAD: u32 = 0x1F;
    pub const INVERTED: u32 = 1 << 5;
    /// The signal comes through the matrix and not straight from its pad.
    pub const MATRIX: u32 = 1 << 6;
}

/// The block.
#[derive(Clone, Debug)]
pub struct Gpio {
    registers: Registers,
    /// Levels that come from outside, one bit for each pad.
    inputs: u32,
    strap: u32,
}

espalier_core::persist!(state Gpio { registers, inputs, strap });

impl Default for Gpio {
    fn default() -> Gpio {
        Gpio::new()
    }
}

impl Gpio {
    pub fn new() -> Gpio {
        Gpio { registers: Registers::new(&REGISTERS), inputs: 0, strap: 0 }
    }

    /// Sets the levels of the strapping pins at the chip's release from reset.
    pub fn set_strap(&mut self, strap: u32) {
        self.strap = strap;
    }

    /// The level that the board gives to a pad.
    pub fn set_input(&mut self, pin: usize, level: bool) {
        self.inputs = self.inputs & !(1 << pin) | u32::from(level) << pin;
    }

    fn levels(&self) -> u32 {
        let driven = self.registers.get(reg::ENABLE);
        self.registers.get(reg::OUT) & driven | self.inputs & !driven
    }

    fn out_sel(&self, pin: usize) -> u32 {
        self.registers.get(reg::FUNC_OUT_SEL_CFG + 4 * pin as u32)
    }
}

impl PadMatrix for Gpio {
    fn out_signal(&self, pin: usize) -> u32 {
        self.out_sel(pin) & out_sel::SIGNAL
    }

    fn is_inverted(&self, pin: usize) -> bool {
        self.out_sel(pin) & out_sel::INVERTED != 0
    }

    fn in_signal(&self, signal: u32) -> Option<(usize, bool)> {
        let select = self.registers.read(reg::FUNC_IN_SEL_CFG + 4 * signal).ok()?;
        let pad = (select & in_sel::PAD) as usize;
        (select & in_sel::MATRIX != 0 && pad < PINS).then_some((pad, select & in_sel::INVERTED != 0))
    }

    fn level(&self, pin: usize) -> bool {
        self.levels() >> pin & 1 != 0
    }

    fn output(&self, pin: usize) -> Option<bool> {
        let driven = self.registers.get(reg::ENABLE) >> pin & 1 != 0 && self.out_signal(pin) == out_sel::GPIO;
        driven.then(|| self.registers.get(reg::OUT) >> pin & 1 != 0)
    }
}

impl Device for Gpio {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("levels and the matrix; interrupts, open drain and filters are registers only")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        match offset {
            reg::STRAP => Ok(self.strap),
            reg::IN => Ok(self.levels()),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        let (register, clear, set) = match offset {
            reg::OUT_W1TS => (reg::OUT, 0, value),
            reg::OUT_W1TC => (reg::OUT, value, 0),
            reg::ENABLE_W1TS => (reg::ENABLE, 0, value),
            reg::ENABLE_W1TC => (reg::ENABLE, value, 0),
            reg::STATUS_W1TS => (reg::STATUS, 0, value),
            reg::STATUS_W1TC => (reg::STATUS, value, 0),
            _ => return Ok(()),
        };
        self.registers.modify(register, clear, set & 0x03FF_FFFF);
        Ok(())
    }

    fn reset(&mut self) {
        self.registers.reset();
    }

    fn matrix(&self) -> Option<&dyn PadMatrix> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Gpio, reg};
    use espalier_core::{Device, PadMatrix, Time};

    #[test]
    fn a_pad_has_the_level_of_who_drives_it() {
        let mut gpio = Gpio::new();
        gpio.set_input(9, true);
        assert_eq!(gpio.read(reg::IN, Time::ZERO), Ok(1 << 9));
        gpio.write(reg::ENABLE_W1TS, 1 << 9, Time::ZERO).unwrap();
        assert_eq!((gpio.level(9), PadMatrix::output(&gpio, 9)), (false, Some(false)));
        gpio.write(reg::OUT_W1TS, 1 << 9, Time::ZERO).unwrap();
        assert_eq!((gpio.level(9), PadMatrix::output(&gpio, 9)), (true, Some(true)));
        gpio.write(reg::FUNC_OUT_SEL_CFG + 4 * 9, 6, Time::ZERO).unwrap();
        assert_eq!((gpio.out_signal(9), PadMatrix::output(&gpio, 9)), (6, None));
    }
}
