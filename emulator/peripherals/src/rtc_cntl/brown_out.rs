//! The brown-out detector (ESP32 TRM, RTC_CNTL_BROWN_OUT_REG): it compares the supply with a threshold, interrupts, and resets the chip
//! if software wants that. What it does to the flash chip's pads and to the radio's power (CLOSE_FLASH_ENA, PD_RF_ENA) is not modelled.

use espalier_core::Time;

use super::registers::reg;
use super::{ResetCause, RtcCntl, RtcEffect};

/// The supply of a board that has what it needs.
pub(super) const NOMINAL_MILLIVOLTS: u32 = 3300;

/// The thresholds by DBROWN_OUT_THRES. The manual has no voltages; they are those that ESP-IDF gives for its setting "Brownout voltage
/// level" on this chip.
const THRESHOLDS: [u32; 8] = [2430, 2480, 2580, 2620, 2670, 2700, 2770, 2800];

impl RtcCntl {
    /// Sets the voltage of the supply.
    pub fn set_supply(&mut self, millivolts: u32, now: Time) {
        self.supply = millivolts;
        self.compare_supply(now);
    }

    /// Compares the supply with the threshold, after either or the detector itself has changed.
    pub(super) fn compare_supply(&mut self, now: Time) {
        let threshold = THRESHOLDS[self.registers.field(reg::BROWN_OUT::DBROWN_OUT_THRES) as usize];
        let is_low = self.registers.is_set(reg::BROWN_OUT::ENA) && self.supply < threshold;
        let was_low = self.registers.is_set(reg::BROWN_OUT::DET);
        self.registers.set_field(reg::BROWN_OUT::DET, u32::from(is_low));
        if is_low && !was_low {
            self.raise(reg::INT_RAW::BROWN_OUT.mask());
        }
        let resets = is_low && self.registers.is_set(reg::BROWN_OUT::RST_ENA);
        if !resets {
            self.brown_out_at = None;
        } else if self.brown_out_at.is_none() {
            let wait = u64::from(self.registers.field(reg::BROWN_OUT::RST_WAIT));
            self.brown_out_at = Some(now + self.slow_clock().frequency().cycles(wait));
        }
    }

    /// Asks for the reset once the supply was too low for long enough.
    pub(super) fn brown_out(&mut self, now: Time) {
        if self.brown_out_at.is_some_and(|at| at <= now) {
            self.brown_out_at = None;
            self.effects.push_back(RtcEffect::Reset { cause: ResetCause::BrownOut });
        }
    }
}
