//! Sequences of the drivers.

use super::registers::{self, reg};
use super::{Adc, Sens};
use espalier_core::{Device, Time};
use proptest::prelude::{any, proptest};

const NOW: Time = Time::ZERO;

fn get(sens: &mut Sens, offset: u32) -> u32 {
    sens.read(offset, NOW).unwrap()
}

fn set(sens: &mut Sens, offset: u32, value: u32) {
    sens.write(offset, value, NOW).unwrap();
}

/// adc_convert: choose the pad, clear and set the start bit, wait for done, read the data.
fn convert(sens: &mut Sens, start: u32, channel: u32) -> u32 {
    let forced = 1 << 31 | 1 << 18 | 1 << (19 + channel);
    set(sens, start, forced);
    set(sens, start, forced | registers::MEAS_START);
    assert_ne!(get(sens, start) & registers::MEAS_DONE, 0);
    get(sens, start) & registers::MEAS_DATA_MASK
}

#[test]
fn a_conversion_gives_the_channels_value_in_the_chosen_width() {
    let mut sens = Sens::new();
    sens.set_adc(Adc::One, 3, 0xABC);
    sens.set_adc(Adc::Two, 9, 9999);
    sens.set_adc(Adc::Two, 10, 1);
    set(&mut sens, reg::SAR_READ_CTRL, registers::SAR1_DATA_INV);
    set(&mut sens, reg::SAR_READ_CTRL2, registers::SAR2_DATA_INV);
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START1, 3), 0xABC);
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START2, 9), 0xFFF);
    set(&mut sens, reg::SAR_START_FORCE, 0b1100);
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START1, 3), 0xABC >> 3);
}

#[test]
fn data_is_inverted_unless_the_driver_inverts_it_back() {
    let mut sens = Sens::new();
    sens.set_adc(Adc::One, 0, 0x001);
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START1, 0), 0xFFE);
}

#[test]
fn touched_pads_are_below_their_threshold() {
    let mut sens = Sens::new();
    sens.set_touch(4, 200);
    set(&mut sens, reg::SAR_TOUCH_THRES1 + 8, 500 << 16 | 500);
    assert_eq!(get(&mut sens, reg::SAR_TOUCH_OUT1 + 8), 200 << 16 | 1000);
    assert_eq!(get(&mut sens, reg::SAR_TOUCH_CTRL2) & 0x7FF, registers::TOUCH_MEAS_DONE | 1 << 4);
}

#[test]
fn the_temperature_appears_once_it_is_dumped() {
    // temprature_sens_read of ESP-IDF's PHY library, and esp32.raw_temperature of MicroPython.
    let mut sens = Sens::new();
    sens.set_temperature(53);
    assert_eq!(get(&mut sens, reg::SAR_SLAVE_ADDR3), 0);
    set(&mut sens, reg::SAR_TSENS_CTRL, 1 << 25 | registers::TSENS_POWER_UP | registers::TSENS_DUMP_OUT);
    assert_eq!(get(&mut sens, reg::SAR_SLAVE_ADDR3), registers::TSENS_RDY_OUT | 53 << 22);
}

proptest! {
    #[test]
    fn any_access_is_harmless(accesses in proptest::collection::vec((0u32..0x104, any::<u32>()), 0..100)) {
        let mut sens = Sens::new();
        for (offset, value) in accesses {
            sens.set_adc(Adc::One, value as usize & 15, value as u16);
            let _ = sens.write(offset & !3, value, NOW);
            let _ = sens.read(offset & !3, NOW);
        }
    }
}
