//! One 64-bit timer of a group: T0, T1 or the LACT timer.

use espalier_core::{Counter, Frequency, Registers, Time};

/// The fields of T1CONFIG and LACTCONFIG are the same.
use super::registers::reg::T0CONFIG;

const WIDTH: u32 = 64;

/// Offsets of a timer's registers, counted from its LO register. LACT has one register more between CONFIG and LO.
const HI: u32 = 0x04;
const UPDATE: u32 = 0x08;
const ALARMLO: u32 = 0x0C;
const ALARMHI: u32 = 0x10;
const LOADLO: u32 = 0x14;
const LOADHI: u32 = 0x18;
const LOAD: u32 = 0x1C;

#[derive(Clone, Debug)]
pub(super) struct Timer {
    /// Offset of the CONFIG register.
    config: u32,
    /// Offset of the LO register.
    low: u32,
    counter: Counter,
    /// The clock stands still.
    gated: bool,
    alarm_at: Option<Time>,
}

espalier_core::persist!(value Timer { config, low, counter, gated, alarm_at });

/// An alarm went off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) level: bool,
    pub(super) edge: bool,
}

impl Timer {
    pub(super) fn new(config: u32, low: u32, apb: Frequency) -> Timer {
        Timer { config, low, counter: Counter::new(apb), gated: false, alarm_at: None }
    }

    /// Whether the register at `offset` belongs to this timer.
    pub(super) fn owns(&self, offset: u32) -> bool {
        offset == self.config || (self.low..=self.low + LOAD).contains(&offset)
    }

    /// Whether the register at `offset` is the one that has the counter written down.
    pub(super) fn is_update(&self, offset: u32) -> bool {
        offset == self.low + UPDATE
    }

    /// The registers in which it is written down.
    pub(super) fn latched(&self) -> [u32; 2] {
        [self.low, self.low + HI]
    }

    pub(super) fn set_gated(&mut self, gated: bool) {
        self.gated = gated;
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.alarm_at
    }

    /// Software has written the register at `offset`.
    pub(super) fn written(&mut self, offset: u32, registers: &mut Registers, apb: Frequency, now: Time) {
        match offset {
            offset if offset == self.config => self.configure(registers, apb, now),
            offset if offset == self.low + LOAD => self.load(registers, now),
            _ => {}
        }
        self.arm(registers, now);
    }

    /// The alarm that is due at `now`.
    pub(super) fn take_alarm(&mut self, registers: &mut Registers, now: Time) -> Option<Alarm> {
        let at = self.alarm_at.filter(|at| *at <= now)?;
        let configured = registers.get(self.config);
        // The alarm is armed for one shot; software arms it again.
        registers.modify(self.config, T0CONFIG::ALARM_EN.mask(), 0);
        self.alarm_at = None;
        if T0CONFIG::AUTORELOAD.is_set(configured) {
            self.load(registers, at);
        }
        Some(Alarm { level: T0CONFIG::LEVEL_INT_EN.is_set(configured), edge: T0CONFIG::EDGE_INT_EN.is_set(configured) })
    }

    /// Takes over divider, direction and enable from the CONFIG register.
    pub(super) fn configure(&mut self, registers: &Registers, apb: Frequency, now: Time) {
        let configured = registers.get(self.config);
        self.counter.set_clock(apb.divided_by(divider(configured)), now);
        self.counter.set_counting_up(T0CONFIG::INCREASE.is_set(configured), now);
        self.counter.set_running(T0CONFIG::EN.is_set(configured) && !self.gated, now);
    }

    /// Works out when the alarm goes off. A counter that has already passed the alarm value sets it off at once.
    pub(super) fn arm(&mut self, registers: &Registers, now: Time) {
        let configured = registers.get(self.config);
        self.alarm_at = None;
        if !T0CONFIG::ALARM_EN.is_set(configured) || !self.counter.is_running() {
            return;
        }
        let alarm = pair(registers, self.low + ALARMLO, self.low + ALARMHI);
        let value = self.counter.value(now);
        let passed = if T0CONFIG::INCREASE.is_set(configured) { value >= alarm } else { value <= alarm };
        self.alarm_at = if passed { Some(now) } else { self.counter.reaches(alarm, WIDTH, now) };
    }

    /// Writes the counter down. Reading the time is frequent, and moves no alarm.
    pub(super) fn latch(&self, registers: &mut Registers, now: Time) {
        let value = self.counter.value(now);
        registers.set(self.low, value as u32);
        registers.set(self.low + HI, (value >> 32) as u32);
    }

    fn load(&mut self, registers: &Registers, now: Time) {
        self.counter.set_value(pair(registers, self.low + LOADLO, self.low + LOADHI), now);
    }
}

fn pair(registers: &Registers, low: u32, high: u32) -> u64 {
    u64::from(registers.get(low)) | u64::from(registers.get(high)) << 32
}

/// The prescaler divides by 2 to 65536; 0 means 65536 and 1 means 2.
fn divider(configured: u32) -> u64 {
    match T0CONFIG::DIVIDER.get(configured) {
        0 => u64::from(T0CONFIG::DIVIDER.max()) + 1,
        1 => 2,
        divider => u64::from(divider),
    }
}
