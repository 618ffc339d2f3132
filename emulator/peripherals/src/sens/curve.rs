//! The conversion curve of a SAR ADC.
//!
//! The manual has no curve. This one is the inverse of what Espressif measured for its calibration (ESP-IDF, line fitting scheme
//! of the ESP32), for a chip with the nominal reference of 1.1 V, which is what drivers take a chip for whose eFuses say
//! nothing. The converter has no noise.

use super::Adc;

/// The largest code of a conversion at full width.
pub const FULL_SCALE: u16 = (1 << super::ADC_BITS) - 1;

const REFERENCE_MILLIVOLTS: u64 = 1100;
/// Fractional bits of the slopes.
const SLOPE_BITS: u32 = 16;
const MICROVOLTS: u64 = 1000;

/// Slope in voltages of the reference over the whole scale, and offset in mV, by attenuation: 0, 2.5, 6 and 11 dB.
type Line = [(u64, u64); 4];
const LINE_1: Line = [(57_431, 75), (76_236, 78), (105_481, 107), (196_602, 142)];
const LINE_2: Line = [(57_236, 63), (76_175, 66), (105_678, 89), (197_170, 128)];

/// At 11 dB the curve bends from this code on; the points are this far apart.
const BEND: u64 = 2880;
const STEP: u64 = 64;
const STRONGEST: usize = 3;
/// The bent part in tenths of mV, beginning one step above the bend.
type Bend = [u64; 19];
const BEND_1: Bend = [
    25_015, 25_485, 25_925, 26_350, 26_780, 27_185, 27_585, 27_960, 28_325, 28_680, 29_005, 29_320, 29_635, 29_935,
    30_235, 30_520, 30_800, 31_070, 31_345,
];
const BEND_2: Bend = [
    24_955, 25_425, 25_865, 26_290, 26_725, 27_140, 27_535, 27_915, 28_280, 28_625, 28_940, 29_255, 29_560, 29_855,
    30_145, 30_420, 30_690, 30_955, 31_220,
];
const TENTHS: u64 = 100;

/// The code of a 12-bit conversion of `microvolts`, with the attenuation that SAR_ATTENn gives in two bits.
pub fn code(adc: Adc, attenuation: u32, microvolts: u32) -> u16 {
    let (line, bend) = match adc {
        Adc::One => (LINE_1, &BEND_1),
        Adc::Two => (LINE_2, &BEND_2),
    };
    let attenuation = attenuation as usize & STRONGEST;
    let (slope, offset) = line[attenuation];
    let voltage = u64::from(microvolts);
    let span = REFERENCE_MILLIVOLTS * MICROVOLTS * slope;
    let straight = (voltage.saturating_sub(offset * MICROVOLTS) << (SLOPE_BITS + super::ADC_BITS)).div_ceil(span);
    let code = if attenuation == STRONGEST && straight > BEND { bent(bend, line, voltage) } else { straight };
    code.min(u64::from(FULL_SCALE)) as u16
}

/// Straight lines between the points.
fn bent(bend: &Bend, line: Line, voltage: u64) -> u64 {
    let (slope, offset) = line[STRONGEST];
    let mut below =
        ((BEND * REFERENCE_MILLIVOLTS * MICROVOLTS * slope) >> (SLOPE_BITS + super::ADC_BITS)) + offset * MICROVOLTS;
    for (step, point) in (0..).zip(bend) {
        let above = point * TENTHS;
        if voltage < above {
            return BEND + STEP * step + STEP * (voltage - below) / (above - below);
        }
        below = above;
    }
    u64::from(FULL_SCALE)
}

#[cfg(test)]
mod tests {
    use super::{FULL_SCALE, code};
    use crate::sens::Adc;
    use proptest::prelude::proptest;

    #[test]
    fn the_ends_of_each_range_are_those_of_the_data_sheet() {
        // Data sheet, "ADC Characteristics": ranges of 100 to 950, 1250, 1750 and 2450 mV.
        for (attenuation, limit) in [(0, 950_000), (1, 1_250_000), (2, 1_750_000), (3, 2_450_000)] {
            assert!(code(Adc::One, attenuation, 100_000) < 160, "attenuation {attenuation}");
            let last = code(Adc::One, attenuation, limit);
            assert!((2800..FULL_SCALE).contains(&last), "attenuation {attenuation}: {last}");
            assert_eq!(code(Adc::Two, attenuation, 3_300_000), FULL_SCALE);
            assert_eq!(code(Adc::Two, attenuation, 0), 0);
        }
    }

    #[test]
    fn the_calibration_leads_back_to_the_voltage() {
        // esp_adc_cal_raw_to_voltage with the default reference: 1100 * 196602 / 4096 per code and 142 mV.
        let raw = u64::from(code(Adc::One, 3, 1_500_000));
        assert_eq!(((raw * (1100 * 196_602 / 4096) + (1 << 15)) >> 16) + 142, 1500);
        assert_eq!(code(Adc::One, 3, 2_501_500), 2944);
        assert_eq!(code(Adc::One, 3, 3_134_500), FULL_SCALE);
    }

    proptest! {
        #[test]
        fn more_voltage_is_never_a_smaller_code(attenuation in 0u32..4, a in 0u32..4_000_000, b in 0u32..4_000_000) {
            for adc in [Adc::One, Adc::Two] {
                assert!(code(adc, attenuation, a.min(b)) <= code(adc, attenuation, a.max(b)));
            }
        }
    }
}
