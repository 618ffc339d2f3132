//! Time, from timer 0 of timer group 0 (TRM chapter 18).

use crate::register::Register;

const TIMG0: u32 = 0x3FF5_F000;
const T0CONFIG: Register = Register::at(TIMG0, 0x00);
const T0LO: Register = Register::at(TIMG0, 0x04);
const T0HI: Register = Register::at(TIMG0, 0x08);
const T0UPDATE: Register = Register::at(TIMG0, 0x0C);
const T0ALARMLO: Register = Register::at(TIMG0, 0x10);
const T0ALARMHI: Register = Register::at(TIMG0, 0x14);
const T0LOADLO: Register = Register::at(TIMG0, 0x18);
const T0LOADHI: Register = Register::at(TIMG0, 0x1C);
const T0LOAD: Register = Register::at(TIMG0, 0x20);
const INT_ENA_TIMERS: Register = Register::at(TIMG0, 0x98);
const INT_CLR_TIMERS: Register = Register::at(TIMG0, 0xA4);

const EN: u32 = 1 << 31;
const INCREASE: u32 = 1 << 30;
const DIVIDER_SHIFT: u32 = 13;
const LEVEL_INT_EN: u32 = 1 << 11;
const ALARM_EN: u32 = 1 << 10;
const T0_INT: u32 = 1 << 0;

/// APB clock of 80 MHz down to microseconds.
const DIVIDER: u32 = 80;
const RUNNING: u32 = EN | INCREASE | DIVIDER << DIVIDER_SHIFT | LEVEL_INT_EN;

/// A clock of microseconds with an alarm.
pub struct Timer;

impl Timer {
    /// Starts the clock at zero.
    pub fn start() -> Timer {
        T0CONFIG.write(0);
        T0LOADLO.write(0);
        T0LOADHI.write(0);
        T0LOAD.write(1);
        INT_CLR_TIMERS.write(T0_INT);
        INT_ENA_TIMERS.modify(0, T0_INT);
        T0CONFIG.write(RUNNING);
        Timer
    }

    /// Microseconds since the start.
    pub fn now(&self) -> u64 {
        T0UPDATE.write(1);
        u64::from(T0HI.read()) << 32 | u64::from(T0LO.read())
    }

    /// Raises the interrupt at `deadline`, and at no other time.
    pub fn set_alarm(&self, deadline: u64) {
        T0CONFIG.write(RUNNING);
        INT_CLR_TIMERS.write(T0_INT);
        T0ALARMLO.write(deadline as u32);
        T0ALARMHI.write((deadline >> 32) as u32);
        T0CONFIG.write(RUNNING | ALARM_EN);
    }
}
