//! Pads as the analog side of the chip sees them: ADCs, touch controller, and what wakes it.

use espalier_core::{AudioFrame, Time};
use espalier_peripherals::{Dac, Pull, WakeupSource};

use super::Esp32;
use super::table::{APB_CTRL, GPIO, I2S, I2S0, IO_MUX, RADIO_ANALOG, RTC_CNTL, RTC_IO, SENS};
use crate::machine::{Chip, Interrupts, PadConnections};
use crate::pads;

/// The pads of the DACs (ESP32 datasheet, "Pin Definitions").
const DAC_PADS: [usize; 2] = [25, 26];

/// The upper eight bits of a sample are the code of a DAC (ESP32 TRM, chapter "I2S", section "ADC/DAC Mode").
fn dac_code(sample: i32) -> u8 {
    (sample >> (i32::BITS - u8::BITS)) as u8
}

/// The sound of a DAC, whose range is centred; none if it is off.
fn dac_sample(sample: i32, on: bool) -> i32 {
    let centred = dac_code(sample) ^ 1 << (u8::BITS - 1);
    if on { i32::from(centred) << (i32::BITS - u8::BITS) } else { 0 }
}

impl Esp32 {
    pub(super) fn update_touch_timer(&mut self, now: Time) {
        let (enabled, clock) = (self.get(RTC_CNTL).is_touch_timer_enabled(), self.get(RTC_CNTL).slow_clock());
        self.get_mut(SENS).set_touch_timer(enabled, clock.frequency(), now);
        self.platform.renew_deadline(SENS.index);
    }

    /// Brings the samples of the ADCs up to `now`, before what they convert changes. They go to the first I2S controller.
    pub(super) fn sample_adcs(&mut self, now: Time) {
        let (i2s, controller, sens) = self.platform.blocks.three(I2S0, APB_CTRL, SENS);
        i2s.sample(now, || match controller.next_conversion() {
            Some(next) if sens.is_digital(next.adc) => {
                next.result(sens.sample(next.adc, next.channel, next.attenuation, now))
            }
            // No converter is active; the lines are low.
            _ => 0,
        });
    }

    pub(super) fn settle_i2s0(&mut self, now: Time) {
        self.sample_adcs(now);
        self.feed_dacs(now);
    }

    /// The audio PLL may have another frequency.
    pub(super) fn follow_audio_pll(&mut self, now: Time) {
        let hertz = self.get(RADIO_ANALOG).audio_pll();
        for controller in I2S {
            if self.get(controller).audio_pll() != hertz {
                self.get_mut(controller).set_audio_pll(hertz, now);
                self.platform.renew_deadline(controller.index);
            }
        }
    }

    /// Brings what the first I2S controller sends to the DACs up to `now`. The right channel is that of the first DAC.
    fn feed_dacs(&mut self, now: Time) {
        if !self.get(I2S0).is_feeding_dacs() {
            return;
        }
        let row = &Esp32::TABLE[I2S0.index].row;
        self.platform.settle_device(I2S0.index, row, &mut self.ram, now);
        let on = [Dac::One, Dac::Two].map(|dac| self.get(RTC_IO).dac(dac).is_some());
        let pieces: Vec<_> = self.get_mut(I2S0).take_converted().collect();
        for (clock, frames) in pieces {
            let given: Vec<AudioFrame> =
                frames.iter().map(|[left, right]| [dac_sample(*right, on[0]), dac_sample(*left, on[1])]).collect();
            if let Some([left, right]) = frames.last() {
                self.get_mut(SENS).set_streamed([*right, *left].map(dac_code));
            }
            self.platform.parts.hear_dacs(DAC_PADS, clock, &given);
        }
    }

    pub(super) fn settle_rtc_io(&mut self, now: Time) {
        self.update_touch_slopes();
        self.update_dacs();
        if self.get_mut(RTC_IO).take_changed() {
            self.follow_pulls(u64::MAX, now);
        }
    }

    pub(super) fn update_touch_slopes(&mut self) {
        let slopes = self.get(RTC_IO).touch_slopes();
        self.get_mut(SENS).set_touch_slopes(slopes);
    }

    pub(super) fn update_dacs(&mut self) {
        let codes = [Dac::One, Dac::Two].map(|dac| self.get(RTC_IO).dac(dac));
        self.get_mut(SENS).set_dacs(codes);
        let streams = self.get(SENS).streams_dacs();
        self.get_mut(I2S0).set_feeds_dacs(streams);
    }

    /// The voltage that a DAC gives to a pad.
    pub(super) fn dac_at(&self, pin: usize, now: Time) -> Option<u32> {
        let dac = DAC_PADS.iter().position(|pad| *pad == pin)?;
        self.get(SENS).dac_microvolts(dac, now)
    }

    pub(super) fn settle_sens(&mut self, now: Time) {
        self.update_dacs();
        if self.get_mut(SENS).take_touch_interrupt() {
            self.get_mut(RTC_CNTL).raise_touch_interrupt();
            self.get_mut(RTC_CNTL).wake(WakeupSource::Touch, now);
            self.settle_rtc(now);
            self.settle_interrupts(RTC_CNTL.index);
            self.platform.renew_deadline(RTC_CNTL.index);
        }
        self.run_ulp(now);
    }

    /// The pull of a pad: that of RTC_IO at the pads that the RTC can use, that of IO_MUX at the others.
    pub(super) fn pulled_up(&self, pin: usize) -> Option<bool> {
        let rtc_pad = pads::rtc_pad(pin as u8);
        let pull = rtc_pad.map_or_else(|| self.get(IO_MUX).pull(pin), |pad| self.get(RTC_IO).pull(pad));
        pull.map(|pull| pull == Pull::Up)
    }

    /// Gives a pad its level from outside. What an ADC finds there follows.
    pub(super) fn give_pad(&mut self, pin: usize, level: bool, held: bool) {
        self.get_mut(GPIO).set_pad(pin, level, held);
        if let Some(pad) = pads::rtc_pad(pin as u8) {
            self.rtc_levels = self.rtc_levels & !(1 << pad) | u32::from(level) << pad;
        }
        if let Some((adc, channel)) = pads::adc_channel(pin as u8) {
            let digital = if level { pads::SUPPLY_MICROVOLTS } else { 0 };
            let voltage = self.platform.parts.pad_microvolts(pin).unwrap_or(digital);
            self.get_mut(SENS).set_voltage(adc, channel, voltage);
        }
    }

    /// Carries on what the levels of pads do: interrupts, and what wakes the chip.
    pub(super) fn settle_pads(&mut self, now: Time) {
        self.settle_gpio_interrupts();
        let levels = self.rtc_levels;
        let changed = levels != self.get(RTC_IO).inputs();
        if changed {
            self.get_mut(RTC_IO).set_inputs(levels);
            let ext0 = self.get(RTC_IO).ext0_pad();
            self.get_mut(RTC_CNTL).set_rtc_pads(levels, ext0, now);
        }
        let wakes = self.get(RTC_CNTL).sleeping().is_some() && self.get(GPIO).wakes();
        if wakes {
            self.get_mut(RTC_CNTL).wake(WakeupSource::Gpio, now);
        }
        if changed || wakes {
            self.platform.renew_deadline(RTC_CNTL.index);
        }
    }
}
