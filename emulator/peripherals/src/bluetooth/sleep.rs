//! Deep sleep of the controller: its clock stands, and software corrects it afterwards.

use espalier_core::{Span, Time};

use super::clock::SLOT;
use super::registers::{self, ble_int, bt_int, reg};
use super::{Bluetooth, CLASSIC, LOW_ENERGY};

impl Bluetooth {
    pub(super) fn write_sleep(&mut self, value: u32, now: Time) {
        if value & registers::DEEP_SLEEP_CORR_EN != 0 {
            let half_slots = u64::from(self.registers.get(reg::CLKNCNTCORR) & registers::CORR_MASK);
            // The fine part counts down, as the counter does.
            let fine = u64::from(self.registers.get(reg::FINECNTCORR) & registers::FINE_MASK);
            let micros = (SLOT.as_micros().saturating_sub(fine)) % SLOT.as_micros();
            self.clock.add(Span::from_ticks(SLOT.ticks() / 2 * half_slots) + Span::from_micros(micros), now);
        }
        if value & registers::SOFT_WAKEUP_REQ != 0 && self.asleep.is_some() {
            self.wake(now);
        }
        if value & registers::DEEP_SLEEP_ON != 0 && self.asleep.is_none() {
            let cycles = u64::from(self.registers.get(reg::DEEPSLWKUP));
            let wake = (cycles != 0).then(|| now + self.low_power_clock.cycles(cycles));
            self.asleep = Some((now, wake));
            self.clock.stop(now);
            self.registers.modify(reg::DEEPSLCNTL, 0, registers::DEEP_SLEEP_STAT);
        }
        let done = registers::DEEP_SLEEP_CORR_EN | registers::SOFT_WAKEUP_REQ | registers::DEEP_SLEEP_ON;
        self.registers.modify(reg::DEEPSLCNTL, done, 0);
    }

    pub(super) fn wake(&mut self, now: Time) {
        let Some((since, _)) = self.asleep.take() else { return };
        self.clock.start(now);
        self.registers.set(reg::DEEPSLSTAT, self.low_power_clock.cycles_in(now.since(since)) as u32);
        self.registers.modify(reg::DEEPSLCNTL, registers::DEEP_SLEEP_STAT, 0);
        self.raise(CLASSIC, bt_int::SLP);
        self.raise(LOW_ENERGY, ble_int::SLP);
    }
}
