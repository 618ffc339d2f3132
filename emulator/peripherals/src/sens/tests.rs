//! Sequences of the drivers.

use super::registers::reg;
use super::{Adc, Sens, TOUCH_PADS};
use espalier_core::{Device, Frequency, Span, Time};
use proptest::prelude::{any, proptest};

use crate::ulp::UlpNext;

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
    set(sens, start, forced | reg::SAR_MEAS_START1::MEAS1_START_SAR.mask());
    assert_ne!(get(sens, start) & reg::SAR_MEAS_START1::MEAS1_DONE_SAR.mask(), 0);
    reg::SAR_MEAS_START1::MEAS1_DATA_SAR.get(get(sens, start))
}

/// Datasheet, "ADC Characteristics": the RTC's controller makes 200,000 conversions a second.
#[test]
fn a_conversion_is_done_when_its_time_is_over() {
    let conversion = Span::from_micros(5);
    let mut sens = Sens::new().with_conversion_time(conversion);
    sens.set_voltage(Adc::One, 3, 500_000);
    let begun = Time::ZERO + Span::from_millis(1);
    let pad = reg::SAR_MEAS_START1::SAR1_EN_PAD.put(1 << 3);
    let start = reg::SAR_MEAS_START1::MEAS1_START_SAR.mask();
    sens.write(reg::SAR_MEAS_START1, pad, begun).expect("a register");
    sens.write(reg::SAR_MEAS_START1, pad | start, begun).expect("a register");
    let read = |sens: &mut Sens, now| sens.read(reg::SAR_MEAS_START1, now).expect("a register");
    let done = reg::SAR_MEAS_START1::MEAS1_DONE_SAR.mask();
    assert_eq!(read(&mut sens, begun + Span::from_nanos(4_999)) & done, 0);
    // The voltage afterwards does not matter.
    sens.set_voltage(Adc::One, 3, 0);
    let value = read(&mut sens, begun + conversion);
    assert_ne!(value & done, 0);
    let mut fast = Sens::new();
    fast.set_voltage(Adc::One, 3, 500_000);
    fast.write(reg::SAR_MEAS_START1, pad | start, begun).expect("a register");
    assert_eq!(read(&mut fast, begun), value);
}

#[test]
fn a_conversion_gives_the_channels_voltage_in_the_chosen_width() {
    let mut sens = Sens::new();
    sens.set_voltage(Adc::One, 3, 1_500_000);
    sens.set_voltage(Adc::Two, 9, u32::MAX);
    sens.set_voltage(Adc::Two, 10, 1);
    set(&mut sens, reg::SAR_READ_CTRL, reg::SAR_READ_CTRL::SAR1_DATA_INV.mask());
    set(&mut sens, reg::SAR_READ_CTRL2, reg::SAR_READ_CTRL2::SAR2_DATA_INV.mask());
    let full = u32::from(sens.sample(Adc::One, 3, 3, Time::ZERO));
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START1, 3), full);
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START2, 9), 0xFFF);
    set(&mut sens, reg::SAR_START_FORCE, 0b1100);
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START1, 3), full >> 3);
    // 6 dB for channel 3 alone.
    set(&mut sens, reg::SAR_START_FORCE, 0xF);
    set(&mut sens, reg::SAR_ATTEN1, 2 << 6);
    let milder = u32::from(sens.sample(Adc::One, 3, 2, Time::ZERO));
    assert!(milder > full);
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START1, 3), milder);
}

#[test]
fn data_is_inverted_unless_the_driver_inverts_it_back() {
    let mut sens = Sens::new();
    assert_eq!(convert(&mut sens, reg::SAR_MEAS_START1, 0), 0xFFF);
}

fn at(micros: u64) -> Time {
    Time::ZERO + Span::from_micros(micros)
}

/// touch_pad_init and touch_pad_config of ESP-IDF: 0x7FFF cycles, slope 7, one pad in the working set.
fn touch_ready(pad: u32) -> Sens {
    let mut sens = Sens::new();
    sens.set_touch_slopes([7; TOUCH_PADS]);
    set(&mut sens, reg::SAR_TOUCH_CTRL1, 0x00FF_7FFF | reg::SAR_TOUCH_CTRL1::TOUCH_OUT_1EN.mask());
    set(&mut sens, reg::SAR_TOUCH_ENABLE, 1 << pad | 1 << (20 + pad));
    sens
}

#[test]
fn software_starts_a_measurement_that_takes_its_time() {
    let mut sens = touch_ready(7);
    let forced = reg::SAR_TOUCH_CTRL2::TOUCH_START_FORCE.mask() | reg::SAR_TOUCH_CTRL2::TOUCH_START_FSM_EN.mask();
    set(&mut sens, reg::SAR_TOUCH_CTRL2, forced);
    set(&mut sens, reg::SAR_TOUCH_CTRL2, forced | reg::SAR_TOUCH_CTRL2::TOUCH_START_EN.mask());
    let done = |sens: &mut Sens, micros| {
        sens.read(reg::SAR_TOUCH_CTRL2, at(micros)).unwrap() & reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_DONE.mask()
    };
    // 0x7FFF + 0xFF cycles of 8 MHz.
    assert_eq!(done(&mut sens, 4_127), 0);
    assert_ne!(done(&mut sens, 4_128), 0);
    assert_eq!(get(&mut sens, reg::SAR_TOUCH_OUT1 + 12), 1023);
    sens.set_finger(7, true);
    sens.write(reg::SAR_TOUCH_CTRL2, forced, at(5_000)).unwrap();
    sens.write(reg::SAR_TOUCH_CTRL2, forced | reg::SAR_TOUCH_CTRL2::TOUCH_START_EN.mask(), at(5_000)).unwrap();
    assert_eq!(done(&mut sens, 5_001), 0);
    sens.advance(at(10_000));
    assert_eq!(get(&mut sens, reg::SAR_TOUCH_OUT1 + 12), 204);
}

#[test]
fn the_timer_measures_again_and_again_and_a_touched_pad_interrupts() {
    let mut sens = touch_ready(2);
    set(&mut sens, reg::SAR_TOUCH_THRES1 + 4, 500 << 16);
    set(
        &mut sens,
        reg::SAR_TOUCH_CTRL2,
        reg::SAR_TOUCH_CTRL2::TOUCH_START_FSM_EN.mask() | reg::SAR_TOUCH_CTRL2::TOUCH_SLEEP_CYCLES.put(0x1000),
    );
    assert_eq!(sens.deadline(), None);
    sens.set_touch_timer(true, Frequency::from_hertz(150_000), at(0));
    let first = sens.deadline().unwrap();
    sens.advance(first);
    assert!(!sens.take_touch_interrupt());
    sens.set_finger(2, true);
    sens.advance(sens.deadline().unwrap());
    assert!(sens.take_touch_interrupt() && !sens.take_touch_interrupt());
    assert_eq!(reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_EN.get(get(&mut sens, reg::SAR_TOUCH_CTRL2)), 1 << 2);
    // The pad stays marked until software clears the marks.
    let control = get(&mut sens, reg::SAR_TOUCH_CTRL2);
    set(&mut sens, reg::SAR_TOUCH_CTRL2, control | reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_EN_CLR.mask());
    assert_eq!(reg::SAR_TOUCH_CTRL2::TOUCH_MEAS_EN.get(get(&mut sens, reg::SAR_TOUCH_CTRL2)), 0);
    sens.set_touch_timer(false, Frequency::from_hertz(150_000), at(90_000));
    assert_eq!(sens.deadline(), None);
}

#[test]
fn the_temperature_appears_once_it_is_dumped() {
    // temprature_sens_read of ESP-IDF's PHY library, and esp32.raw_temperature of MicroPython.
    let mut sens = Sens::new();
    sens.set_temperature(53);
    assert_eq!(get(&mut sens, reg::SAR_SLAVE_ADDR3), 0);
    set(
        &mut sens,
        reg::SAR_TSENS_CTRL,
        1 << 25 | reg::SAR_TSENS_CTRL::TSENS_POWER_UP.mask() | reg::SAR_TSENS_CTRL::TSENS_DUMP_OUT.mask(),
    );
    assert_eq!(get(&mut sens, reg::SAR_SLAVE_ADDR3), reg::SAR_SLAVE_ADDR3::TSENS_RDY_OUT.mask() | 53 << 22);
}

proptest! {
    #[test]
    fn any_access_is_harmless(accesses in proptest::collection::vec((0u32..0x104, any::<u32>()), 0..100)) {
        let mut sens = Sens::new();
        for (offset, value) in accesses {
            sens.set_voltage(Adc::One, value as usize & 15, value);
            let _ = sens.write(offset & !3, value, NOW);
            let _ = sens.read(offset & !3, NOW);
        }
    }
}

#[test]
fn a_dac_gives_its_code_or_the_cosine() {
    let mut sens = Sens::new();
    sens.write(reg::SAR_DAC_CTRL2, 0, Time::ZERO).unwrap();
    assert_eq!(sens.dac_microvolts(0, Time::ZERO), None);
    sens.set_dacs([Some(255), Some(0)]);
    assert_eq!([0, 1, 2].map(|dac| sens.dac_microvolts(dac, Time::ZERO)), [Some(3_299_955), Some(0), None]);
    // 8.5 MHz / 65536 * 8 are 1037.6 Hz. The highest bit inverted: around half of the supply.
    sens.write(reg::SAR_DAC_CTRL2, 1 << 24 | 2 << 20 | 1 << 25 | 2 << 22 | 1 << 18, Time::ZERO).unwrap();
    sens.write(reg::SAR_DAC_CTRL1, 1 << 16 | 8, Time::ZERO).unwrap();
    let code = |dac, eighth: u64| {
        let at = Time::ZERO + Span::from_nanos(eighth * 963_765 / 8);
        sens.dac_microvolts(dac, at).unwrap() / (3_300_000 / 255)
    };
    assert_eq!([0, 2, 4, 6, 8].map(|eighth| code(0, eighth)), [255, 128, 0, 127, 255]);
    assert_eq!([0, 4].map(|eighth| code(1, eighth)), [191, 64], "half of it");
    let full = sens.sample(Adc::Two, 8, 3, Time::ZERO);
    assert!(full > sens.sample(Adc::Two, 9, 3, Time::ZERO) && full > sens.sample(Adc::Two, 7, 3, Time::ZERO));
    // An offset that goes too far is cut off.
    sens.write(reg::SAR_DAC_CTRL2, 1 << 24 | 2 << 20 | 100, Time::ZERO).unwrap();
    assert_eq!(sens.dac_microvolts(0, Time::ZERO), Some(255 * (3_300_000 / 255)));
}

/// TRM, section "ULP Program Execution": the timer counts from the end of a round; its registers are five.
#[test]
fn the_ulp_coprocessor_is_started_by_its_timer_and_by_software() {
    let slow = Frequency::from_hertz(150_000);
    let (mut sens, at) = (Sens::new(), Time::from_micros);
    set(&mut sens, reg::ULP_CP_SLEEP_CYC0, 1000);
    set(&mut sens, reg::SAR_START_FORCE, reg::SAR_START_FORCE::PC_INIT.put(0x123));
    assert_eq!(sens.deadline(), None);
    sens.set_ulp_timer(true, slow, 16, at(10));
    let first = at(10) + slow.cycles(1000 + 4 + 16);
    assert_eq!((sens.deadline(), sens.take_ulp(at(20)).is_none()), (Some(first), true));
    let (ulp, due) = sens.take_ulp(first).unwrap();
    assert_eq!((ulp.pc(), due, sens.deadline()), (0x123, first, None));
    sens.put_ulp(ulp, UlpNext::RunsAt(first + slow.cycles(1)));
    assert_eq!(sens.deadline(), Some(first + slow.cycles(1)));
    let (ulp, due) = sens.take_ulp(first + slow.cycles(2)).unwrap();
    sens.put_ulp(ulp, UlpNext::Halted(due));
    let second = due + slow.cycles(1000 + 4 + 16);
    assert_eq!(sens.deadline(), Some(second));
    // A round that has begun goes on without the timer.
    let (ulp, _) = sens.take_ulp(second).unwrap();
    sens.set_ulp_timer(false, slow, 16, second);
    sens.put_ulp(ulp, UlpNext::RunsAt(second + slow.cycles(1)));
    let (ulp, due) = sens.take_ulp(second + slow.cycles(1)).unwrap();
    sens.put_ulp(ulp, UlpNext::Halted(due));
    assert_eq!(sens.deadline(), None);
    let forced = reg::SAR_START_FORCE::ULP_CP_FORCE_START_TOP.mask() | reg::SAR_START_FORCE::PC_INIT.put(7);
    set(&mut sens, reg::SAR_START_FORCE, forced);
    assert_eq!(sens.deadline(), None);
    set(&mut sens, reg::SAR_START_FORCE, forced | reg::SAR_START_FORCE::ULP_CP_START_TOP.mask());
    let due = sens.deadline().unwrap();
    assert_eq!(sens.take_ulp(due).unwrap().0.pc(), 7);
    sens.reset();
    assert_eq!(sens.deadline(), None);
}
