//! Pads as the analog side of the chip sees them: ADCs, touch controller, and what wakes it.

use espalier_core::Time;
use espalier_peripherals::{PINS, Pull, WakeupSource};

use super::System;
use crate::map::Block;
use crate::memory::Ram;
use crate::pads;

impl System {
    pub(super) fn update_touch_timer(&mut self, now: Time) {
        self.sens.set_touch_timer(self.rtc.is_touch_timer_enabled(), self.rtc.slow_clock().frequency(), now);
        self.renew_deadline(Block::Sens);
    }

    /// Brings the samples of the ADCs up to `now`, before what they convert changes. They go to the first I2S controller.
    pub fn sample_adcs(&mut self, now: Time) {
        let (controller, sens) = (&mut self.apb_ctrl, &self.sens);
        self.i2s[0].sample(now, || match controller.next_conversion() {
            Some(next) if sens.is_digital(next.adc) => {
                next.result(sens.sample(next.adc, next.channel, next.attenuation))
            }
            // Nobody converts; the lines are low.
            _ => 0,
        });
    }

    pub(super) fn settle_i2s(&mut self, unit: usize, ram: &mut Ram, now: Time) {
        if unit == 0 {
            self.sample_adcs(now);
        }
        self.i2s[unit].run_dma(ram);
    }

    pub(super) fn settle_sens(&mut self, ram: &Ram, now: Time) {
        if self.sens.take_touch_interrupt() {
            self.rtc.raise_touch_interrupt();
            self.rtc.wake(WakeupSource::Touch, now);
            self.settle_rtc(ram, now);
            self.settle_interrupts(Block::RtcCntl);
            self.renew_deadline(Block::RtcCntl);
        }
    }

    /// Pads that nothing outside drives follow their pull: that of RTC_IO at the pads that the RTC can use, that of IO_MUX at
    /// the others. What an ADC finds at its pads follows.
    pub(super) fn update_inputs(&mut self) {
        let mut rtc_levels = 0;
        for pin in 0..PINS {
            let rtc_pad = pads::rtc_pad(pin as u8);
            let pull = rtc_pad.map_or_else(|| self.io_mux.pull(pin), |pad| self.rtc_io.pull(pad));
            let pulled_up = pull == Some(Pull::Up);
            let driven = self.driven[pin].or(self.parts.pad_level(pin)).unwrap_or(pulled_up);
            let level = self.analog[pin].map_or(driven, |microvolts| microvolts >= pads::SUPPLY_MICROVOLTS / 2);
            self.gpio.set_input(pin, level);
            if let Some(pad) = rtc_pad {
                rtc_levels |= u32::from(level) << pad;
            }
            if let Some((adc, channel)) = pads::adc_channel(pin as u8) {
                let digital = if level { pads::SUPPLY_MICROVOLTS } else { 0 };
                let voltage = self.analog[pin].unwrap_or(digital);
                self.sens.set_voltage(adc, channel, voltage);
            }
        }
        self.settle_interrupts(Block::Gpio);
        if rtc_levels != self.rtc_io.inputs() {
            self.rtc_io.set_inputs(rtc_levels);
            self.rtc.set_rtc_pads(rtc_levels, self.rtc_io.ext0_pad(), self.clock);
            self.renew_deadline(Block::RtcCntl);
        }
    }
}
