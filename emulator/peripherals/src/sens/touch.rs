//! The touch controller (ESP32 TRM, chapter "On-Chip Sensors", section "Touch Sensor").
//!
//! A measurement takes one pad of the working set after the other and counts how often it charges and discharges while the
//! measuring time lasts. The timer starts it again and again, or software does once.

use espalier_core::{Field, Frequency, Span, Time};

use super::Sens;
use super::registers::reg;
use crate::clocks::SlowClock;

/// Pads of the controller.
pub const PADS: usize = 10;
/// Clock of the measuring time.
const MEASURING_CLOCK: Frequency = Frequency::from_hertz(8_000_000);
/// An untouched pad, at the steepest slope, takes so many cycles of that clock for one oscillation. A driver's usual
/// 0x7FFF cycles give about 1000, as ESP-IDF's documentation shows.
const FREE_CYCLES: u32 = 32;
/// A finger adds four times the capacitance of the pad.
const FINGER: u32 = 5;
/// The slope of the ramps has this much at most.
const STEEPEST: u32 = 7;

#[derive(Clone, Debug)]
pub(super) struct Touch {
    /// Pads with a finger on them.
    fingers: u32,
    slopes: [u8; PADS],
    /// The timer of the RTC controller starts measurements.
    timer: bool,
    slow_clock: Frequency,
    /// When the measurement that is under way ends, or the next one that the timer starts.
    end: Option<Time>,
    interrupt: bool,
}

espalier_core::persist!(value Touch { fingers, slopes, timer, slow_clock, end, interrupt });

impl Touch {
    pub fn new() -> Touch {
        Touch {
            fingers: 0,
            slopes: [0; PADS],
            timer: false,
            slow_clock: SlowClock::default().frequency(),
            end: None,
            interrupt: false,
        }
    }
}

impl Sens {
    /// A finger is put on a touch pad or taken off. A pad that does not exist is ignored.
    pub fn set_finger(&mut self, pad: usize, present: bool) {
        if pad < PADS {
            self.touch.fingers = self.touch.fingers & !(1 << pad) | u32::from(present) << pad;
        }
    }

    /// The slopes of the pads' ramps as RTC_IO sets them, 0 to 7; a pad without a slope does not oscillate.
    pub fn set_touch_slopes(&mut self, slopes: [u8; PADS]) {
        self.touch.slopes = slopes;
    }

    /// The timer of the RTC controller that starts measurements is enabled or not.
    pub fn set_touch_timer(&mut self, enabled: bool, slow_clock: Frequency, now: Time) {
        self.touch.slow_clock = slow_clock;
        if self.touch.timer != enabled {
            self.touch.timer = enabled;
            self.arm_touch_timer(now);
        }
    }

    /// Takes the interrupt that goes to the RTC controller.
    pub fn take_touch_interrupt(&mut self) -> bool {
        std::mem::take(&mut self.touch.interrupt)
    }

    /// The settings of RTC_IO and the touched pads outlive a reset of this block.
    pub(super) fn reset_touch(&mut self) {
        self.touch.end = None;
        self.touch.interrupt = false;
        self.touch.timer = false;
    }

    pub(super) fn touch_deadline(&self) -> Option<Time> {
        self.touch.end
    }

    pub(super) fn touch_control_written(&mut self, old: u32, new: u32, now: Time) {
        let by_software = reg::SAR_TOUCH_CTRL2::TOUCH_START_FORCE.mask() | reg::SAR_TOUCH_CTRL2::TOUCH_START_EN.mask();
        if reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_EN_CLR.is_set(new) {
            self.registers.modify(reg::SAR_TOUCH_CTRL2, reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_EN.mask(), 0);
        }
        if new & by_software == by_software && old & by_software != by_software {
            self.begin_measurement(now);
        } else if (new ^ old)
            & (reg::SAR_TOUCH_CTRL2::TOUCH_START_FORCE.mask() | reg::SAR_TOUCH_CTRL2::TOUCH_START_FSM_EN.mask())
            != 0
        {
            self.arm_touch_timer(now);
        }
    }

    fn is_timed(&self) -> bool {
        let control = self.registers.get(reg::SAR_TOUCH_CTRL2);
        self.touch.timer
            && control & reg::SAR_TOUCH_CTRL2::TOUCH_START_FORCE.mask() == 0
            && control & reg::SAR_TOUCH_CTRL2::TOUCH_START_FSM_EN.mask() != 0
    }

    fn arm_touch_timer(&mut self, now: Time) {
        self.touch.end = None;
        if self.is_timed() {
            let sleep = self.registers.field(reg::SAR_TOUCH_CTRL2::TOUCH_SLEEP_CYCLES);
            // At least one cycle, so that time goes on.
            let sleep = self.touch.slow_clock.cycles(u64::from(sleep.max(1)));
            self.touch.end = Some(now + sleep + self.measuring_time());
        }
    }

    fn begin_measurement(&mut self, now: Time) {
        self.registers.modify(reg::SAR_TOUCH_CTRL2, reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_DONE.mask(), 0);
        self.touch.end = Some(now + self.measuring_time());
    }

    fn working_set(&self) -> u32 {
        self.registers.field(reg::SAR_TOUCH_ENABLE::TOUCH_PAD_WORKEN)
    }

    /// Settling and counting, for each pad of the working set.
    fn measuring_time(&self) -> Span {
        let control = self.registers.get(reg::SAR_TOUCH_CTRL1);
        let settling = reg::SAR_TOUCH_CTRL1::TOUCH_XPD_WAIT.get(control);
        let cycles = reg::SAR_TOUCH_CTRL1::TOUCH_MEAS_DELAY.get(control) + settling;
        MEASURING_CLOCK.cycles(u64::from(cycles) * u64::from(self.working_set().count_ones()))
    }

    fn count(&self, pad: usize) -> u32 {
        let cycles = self.registers.field(reg::SAR_TOUCH_CTRL1::TOUCH_MEAS_DELAY);
        let load = if self.touch.fingers >> pad & 1 != 0 { FINGER } else { 1 };
        cycles * u32::from(self.touch.slopes[pad]) / (FREE_CYCLES * STEEPEST * load)
    }

    pub(super) fn advance_touch(&mut self, now: Time) {
        if self.touch.end.is_none_or(|end| end > now) {
            return;
        }
        let above = self.registers.is_set(reg::SAR_TOUCH_CTRL1::TOUCH_OUT_SEL);
        let (working_set, mut touched) = (self.working_set(), 0);
        for pad in (0..PADS).filter(|pad| working_set >> pad & 1 != 0) {
            let (count, word) = (self.count(pad), 4 * (pad / 2) as u32);
            // A word holds an even pad above an odd one.
            let (out, threshold) = match pad.is_multiple_of(2) {
                true => (reg::SAR_TOUCH_OUT1::TOUCH_MEAS_OUT0, reg::SAR_TOUCH_THRES1::TOUCH_OUT_TH0),
                false => (reg::SAR_TOUCH_OUT1::TOUCH_MEAS_OUT1, reg::SAR_TOUCH_THRES1::TOUCH_OUT_TH1),
            };
            self.registers.set_field(out.at(word), count);
            let threshold = self.registers.field(threshold.at(word));
            touched |= u32::from(if above { count > threshold } else { count < threshold }) << pad;
        }
        self.registers.modify(reg::SAR_TOUCH_CTRL2, 0, reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_DONE.mask() | touched);
        self.touch.interrupt |= self.is_trigger(touched);
        self.touch.end = None;
        if self.is_timed() {
            self.arm_touch_timer(now);
        }
    }

    /// Whether the pads that are touched interrupt: those of set 1, or those of both sets.
    fn is_trigger(&self, touched: u32) -> bool {
        let sets = self.registers.get(reg::SAR_TOUCH_ENABLE);
        let set = |field: Field| field.get(sets) & touched != 0;
        let first_alone = self.registers.is_set(reg::SAR_TOUCH_CTRL1::TOUCH_OUT_1EN);
        set(reg::SAR_TOUCH_ENABLE::TOUCH_PAD_OUTEN1) && (first_alone || set(reg::SAR_TOUCH_ENABLE::TOUCH_PAD_OUTEN2))
    }
}
