//! Pins (TRM chapter 4: IO_MUX and GPIO matrix).

use crate::register::Register;

const GPIO: u32 = 0x3FF4_4000;
const GPIO_ENABLE_W1TS: Register = Register::at(GPIO, 0x24);
const GPIO_PIN: Register = Register::at(GPIO, 0x88);
const GPIO_FUNC_IN_SEL_CFG: Register = Register::at(GPIO, 0x130);
const GPIO_FUNC_OUT_SEL_CFG: Register = Register::at(GPIO, 0x530);

const IO_MUX: u32 = 0x3FF4_9000;
const IO_MUX_GPIO22: Register = Register::at(IO_MUX, 0x80);
const IO_MUX_GPIO23: Register = Register::at(IO_MUX, 0x8C);

const PIN_PAD_DRIVER_OPEN_DRAIN: u32 = 1 << 2;
const SIG_IN_SEL: u32 = 1 << 7;
const MCU_SEL_GPIO: u32 = 2 << 12;
const FUN_DRV_DEFAULT: u32 = 2 << 10;
const FUN_IE: u32 = 1 << 9;
const FUN_WPU: u32 = 1 << 8;

/// Signals of the GPIO matrix (TRM table 4-2).
const I2CEXT0_SCL: u32 = 29;
const I2CEXT0_SDA: u32 = 30;

/// The mPython board's I2C bus.
const SCL: u32 = 22;
const SDA: u32 = 23;

/// Connects I2C0 to its pins, as open drains with pull-ups.
pub fn connect_i2c0() {
    for (pin, pad, signal) in [(SCL, IO_MUX_GPIO22, I2CEXT0_SCL), (SDA, IO_MUX_GPIO23, I2CEXT0_SDA)] {
        pad.write(MCU_SEL_GPIO | FUN_DRV_DEFAULT | FUN_IE | FUN_WPU);
        GPIO_PIN.nth(pin).write(PIN_PAD_DRIVER_OPEN_DRAIN);
        GPIO_FUNC_OUT_SEL_CFG.nth(pin).write(signal);
        GPIO_FUNC_IN_SEL_CFG.nth(signal).write(SIG_IN_SEL | pin);
        GPIO_ENABLE_W1TS.write(1 << pin);
    }
}
