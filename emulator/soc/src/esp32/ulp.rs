//! The ULP coprocessor among the rest of the chip: RTC slow memory, the registers of the RTC's blocks, and waking.

use espalier_core::{Span, Time};
use espalier_peripherals::{Adc, UlpBus};

use super::Esp32;
use super::memory::{CODE_PAGE, RTC_SLOW_BASE, touch};
use super::table::{RTC_CNTL, RTC_I2C, RTC_IO, SENS};
use crate::machine::{Interrupts, PadConnections, Settle};
use crate::platform::{Origin, Platform};

/// The first register that the coprocessor reaches: RTC_CNTL, then RTC_IO, SENS and RTC_I2C.
const REGISTERS: u32 = 0x3FF4_8000;

/// The coprocessor's side of the chip while it executes.
struct UlpSide<'a> {
    chip: &'a mut Esp32,
    origin: Origin,
    now: Time,
}

impl UlpBus for UlpSide<'_> {
    fn load(&mut self, address: u16) -> u32 {
        let words = self.chip.ram.rtc_slow.as_chunks().0;
        words.get(usize::from(address)).map_or(0, |word| u32::from_le_bytes(*word))
    }

    fn store(&mut self, address: u16, value: u32) {
        let ram = &mut self.chip.ram;
        if let Some(word) = ram.rtc_slow.as_chunks_mut().0.get_mut(usize::from(address)) {
            *word = value.to_le_bytes();
            touch(&mut ram.versions.rtc_slow[4 * usize::from(address) / CODE_PAGE]);
        }
    }

    fn read_register(&mut self, word: u16) -> u32 {
        let address = REGISTERS + 4 * u32::from(word);
        self.chip.read_register(self.origin, address, self.now).unwrap_or(0)
    }

    fn write_register(&mut self, word: u16, value: u32) {
        let address = REGISTERS + 4 * u32::from(word);
        // All of them are registers of blocks, where no write faults.
        let _ = self.chip.write_register(self.origin, address, value, self.now);
    }

    fn convert(&mut self, second: bool, channel: usize) -> u16 {
        let adc = if second { Adc::Two } else { Adc::One };
        self.chip.get(SENS).measure(adc, channel, self.now)
    }

    fn temperature(&mut self) -> u8 {
        self.chip.get(SENS).temperature()
    }

    fn i2c(&mut self, device: usize, register: u8, data: Option<u8>) -> (u8, Span) {
        let (address, pads) = (self.chip.get(SENS).i2c_address(device), self.chip.get(RTC_IO).i2c_pads());
        let Platform { blocks, parts, .. } = &mut self.chip.platform;
        let bus = pads.and_then(|(scl, sda)| parts.i2c_bus_at(scl, sda));
        let (read, time) = blocks.get_mut(RTC_I2C).transact(address, register, data, bus, self.now);
        self.chip.get_mut(SENS).set_i2c_result(read);
        if self.chip.platform.parts.is_dirty() {
            self.chip.settle_parts(self.now);
        }
        (read, time)
    }

    fn wake(&mut self) {
        self.chip.get_mut(RTC_CNTL).woken_by_ulp(self.now);
        self.chip.settle_rtc(self.now);
        self.chip.settle_interrupts(RTC_CNTL.index);
        self.chip.platform.renew_deadline(RTC_CNTL.index);
    }
}

impl Esp32 {
    pub(super) fn update_ulp_timer(&mut self, now: Time) {
        let ((enabled, wait), clock) = (self.get(RTC_CNTL).ulp_timer(), self.get(RTC_CNTL).slow_clock());
        self.get_mut(SENS).set_ulp_timer(enabled, clock.frequency(), wait, now);
        self.platform.renew_deadline(SENS.index);
    }

    /// Lets the ULP coprocessor execute what is due. An access of its own that leads here again finds it taken.
    pub(super) fn run_ulp(&mut self, now: Time) {
        while let Some((mut ulp, at)) = self.get_mut(SENS).take_ulp(now) {
            let origin = Origin { core: 0, pc: RTC_SLOW_BASE + 4 * u32::from(ulp.pc()) };
            let next = ulp.run(&mut UlpSide { chip: self, origin, now }, at);
            self.get_mut(SENS).put_ulp(ulp, next);
            self.platform.renew_deadline(SENS.index);
        }
    }
}
