//! When the ULP coprocessor runs: its timer, and its start by software (TRM, section "ULP Program Execution").

use espalier_core::{Frequency, Time};

use super::Sens;
use super::registers::reg;
use crate::clocks::SlowClock;
use crate::ulp::{Ulp, UlpNext};

/// Cycles of the slow clock that the RTC takes to fall asleep and to wake before the coprocessor starts.
const AROUND: u64 = 4;

/// The coprocessor and its timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct UlpTimer {
    ulp: Ulp,
    running: bool,
    /// The next start, or the next instruction.
    due: Option<Time>,
    /// The RTC controller lets the timer run.
    enabled: bool,
    slow_clock: Frequency,
    /// Cycles that the controller adds.
    wait: u32,
}

espalier_core::persist!(value UlpTimer { ulp, running, due, enabled, slow_clock, wait });

impl UlpTimer {
    pub(super) fn new() -> UlpTimer {
        let slow_clock = SlowClock::default().frequency();
        UlpTimer { ulp: Ulp::default(), running: false, due: None, enabled: false, slow_clock, wait: 0 }
    }
}

impl Sens {
    /// The timer of the RTC controller that starts the coprocessor is enabled or not; it adds `wait` cycles of the slow clock.
    pub fn set_ulp_timer(&mut self, enabled: bool, slow_clock: Frequency, wait: u32, now: Time) {
        (self.ulp.slow_clock, self.ulp.wait) = (slow_clock, wait);
        if std::mem::replace(&mut self.ulp.enabled, enabled) != enabled && !self.ulp.running {
            self.arm_ulp_timer(now);
        }
    }

    fn arm_ulp_timer(&mut self, from: Time) {
        let period = self.registers.get(reg::ULP_CP_SLEEP_CYC0 + 4 * self.ulp.ulp.period() as u32);
        let cycles = AROUND + u64::from(period) + u64::from(self.ulp.wait);
        self.ulp.due = self.ulp.enabled.then(|| from + self.ulp.slow_clock.cycles(cycles));
    }

    /// Software starts the coprocessor itself, if it has chosen to.
    pub(super) fn force_ulp(&mut self, now: Time) {
        if self.registers.is_set(reg::SAR_START_FORCE::ULP_CP_FORCE_START_TOP) && !self.ulp.running {
            self.ulp.due = Some(now);
        }
    }

    pub(super) fn ulp_deadline(&self) -> Option<Time> {
        self.ulp.due
    }

    /// Takes the coprocessor with the time at which it has something to do, if that is not after `now`. It is to be put back.
    pub fn take_ulp(&mut self, now: Time) -> Option<(Ulp, Time)> {
        let due = self.ulp.due.take_if(|due| *due <= now)?;
        if !std::mem::replace(&mut self.ulp.running, true) {
            let entry = self.registers.field(reg::SAR_START_FORCE::PC_INIT);
            self.ulp.ulp = self.ulp.ulp.starting_at(entry as u16);
        }
        Some((self.ulp.ulp, due))
    }

    /// Puts it back after it has executed instructions.
    pub fn put_ulp(&mut self, ulp: Ulp, next: UlpNext) {
        self.ulp.ulp = ulp;
        match next {
            UlpNext::RunsAt(at) => self.ulp.due = Some(at),
            UlpNext::Halted(at) => {
                self.ulp.running = false;
                self.arm_ulp_timer(at);
            }
        }
    }

    /// The address of 7 bits of the I2C device with this number; each register has two of the eight.
    pub fn i2c_address(&self, device: usize) -> u8 {
        let register = self.registers.get(reg::SAR_SLAVE_ADDR1 + 4 * (device as u32 / 2 % 4));
        let field = if device.is_multiple_of(2) {
            reg::SAR_SLAVE_ADDR1::I2C_SLAVE_ADDR0
        } else {
            reg::SAR_SLAVE_ADDR1::I2C_SLAVE_ADDR1
        };
        field.get(register) as u8 & 0x7F
    }

    /// A transaction with it is over.
    pub fn set_i2c_result(&mut self, read: u8) {
        self.registers.set_field(reg::SAR_SLAVE_ADDR4::I2C_RDATA, read.into());
        self.registers.set_field(reg::SAR_SLAVE_ADDR4::I2C_DONE, 1);
    }

    /// The temperature sensor's reading.
    pub fn temperature(&self) -> u8 {
        self.temperature
    }
}
