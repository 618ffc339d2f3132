//! The sigma-delta outputs of GPIO (ESP32 TRM, chapter "IO_MUX and GPIO Matrix").

use espalier_core::{Device, Fidelity, Register, Registers, Time, Unmodelled};

espalier_core::registers! {
    SIGMADELTA0[8] @ 0x00 = 0xFF00, rw_bits(0xFFFF);
    SIGMADELTA_CG @ 0x20 = 0, rw_bits(0x8000_0000);
    SIGMADELTA_MISC @ 0x24 = 0, rw_bits(0x8000_0000);
    SIGMADELTA_VERSION @ 0x28 = 0x0150_6190, rw_bits(0x0FFF_FFFF);
}

/// Sigma-delta channels.
const CHANNELS: usize = 8;
/// SIGMADELTA_SD_IN.
const SD_IN_MASK: u32 = 0xFF;

/// GPIO_SD.
#[derive(Clone, Debug)]
pub struct GpioSd {
    registers: Registers,
}

espalier_core::persist!(state GpioSd { registers });

impl Default for GpioSd {
    fn default() -> GpioSd {
        GpioSd::new()
    }
}

impl GpioSd {
    /// The channels after reset.
    pub fn new() -> GpioSd {
        GpioSd { registers: Registers::new(&REGISTERS) }
    }

    /// The duty of a channel: -128 is always low, 127 nearly always high. None if there is no such channel.
    pub fn duty(&self, channel: usize) -> Option<i8> {
        let register = reg::SIGMADELTA0 + 4 * channel as u32;
        (channel < CHANNELS).then(|| (self.registers.get(register) & SD_IN_MASK) as u8 as i8)
    }
}

impl Device for GpioSd {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial("the pulses themselves are not made")
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value).map(drop)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::{GpioSd, reg};
    use espalier_core::{Device, Time};

    #[test]
    fn duty_is_signed() {
        let mut block = GpioSd::new();
        assert_eq!((block.duty(0), block.duty(8)), (Some(0), None));
        block.write(reg::SIGMADELTA0 + 4, 0xFF80, Time::ZERO).unwrap();
        assert_eq!(block.duty(1), Some(-128));
    }
}
