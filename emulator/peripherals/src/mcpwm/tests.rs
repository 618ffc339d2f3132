use espalier_core::{Device, Signal, Span, Time, Unmodelled};

use super::Mcpwm;
use super::registers::{OPERATOR_STRIDE, cfg1, generator, reg};

const NOW: Time = Time::ZERO;

/// A unit whose first timer has ticks of a microsecond and a period of `period` ticks, running in `mode`.
fn unit(period: u32, mode: u32) -> Mcpwm {
    let mut unit = Mcpwm::new();
    write(&mut unit, reg::CLK_CFG, 15);
    write(&mut unit, reg::TIMER0_CFG0, reg::TIMER0_CFG0::PERIOD.put(period) | 9);
    write(&mut unit, reg::TIMER0_CFG1, reg::TIMER0_CFG1::MOD.put(mode) | cfg1::RUN);
    unit
}

fn write(unit: &mut Mcpwm, offset: u32, value: u32) {
    unit.write(offset, value, NOW).expect("a register");
}

/// A wave whose pulse begins `rise` us after the timer's period.
fn pulses(period: u64, high: u64, rise: u64) -> Signal {
    Signal::pulses(Span::from_micros(period), Span::from_micros(high), NOW + Span::from_micros(rise))
}

#[test]
fn the_period_after_reset_is_not_zero() {
    assert_eq!(Mcpwm::new().read(reg::TIMER0_CFG0, NOW), Ok(reg::TIMER0_CFG0::PERIOD.put(0xFF)));
}

#[test]
fn counting_up_it_is_high_from_zero_to_its_comparator() {
    let mut unit = unit(999, cfg1::UP);
    write(&mut unit, reg::GEN0_A, reg::GEN0_A::UTEZ.put(generator::HIGH) | reg::GEN0_A::UTEA.put(generator::LOW));
    assert_eq!(unit.signal(0), Signal::Level(false), "a comparator of zero wins over the timer's zero");
    write(&mut unit, reg::GEN0_TSTMP_A, 250);
    assert_eq!(unit.signal(0), pulses(1000, 250, 0));
    write(&mut unit, reg::GEN0_TSTMP_A, 1000);
    assert_eq!(unit.signal(0), Signal::Level(true), "a comparator beyond the period is never met");
    assert_eq!(unit.take_changes().len(), 2);
}

#[test]
fn counting_down_it_is_high_from_its_period_to_its_comparator() {
    let mut unit = unit(999, cfg1::DOWN);
    write(&mut unit, reg::GEN0_TSTMP_B, 399);
    write(&mut unit, reg::GEN0_B, reg::GEN0_A::DTEP.put(generator::HIGH) | reg::GEN0_A::DTEB.put(generator::LOW));
    assert_eq!((unit.signal(0), unit.signal(1)), (Signal::Level(false), pulses(1000, 600, 0)));
}

#[test]
fn counting_up_and_down_it_is_high_around_its_period() {
    let mut unit = unit(500, cfg1::UP_DOWN);
    let second = OPERATOR_STRIDE;
    write(&mut unit, reg::GEN0_TSTMP_A + second, 400);
    let there_and_back = reg::GEN0_A::UTEA.put(generator::HIGH) | reg::GEN0_A::DTEA.put(generator::LOW);
    write(&mut unit, reg::GEN0_A + second, there_and_back);
    assert_eq!(unit.signal(2), pulses(1000, 200, 400));
}

#[test]
fn toggling_once_a_period_takes_two_periods() {
    let mut unit = unit(999, cfg1::UP);
    write(&mut unit, reg::GEN0_A, reg::GEN0_A::UTEZ.put(generator::TOGGLE));
    assert_eq!(unit.signal(0), pulses(2000, 1000, 1000));
}

#[test]
fn a_force_beats_the_timer_and_a_stopped_timer_leaves_a_level() {
    let mut unit = unit(999, cfg1::UP);
    write(&mut unit, reg::GEN0_TSTMP_A, 500);
    write(&mut unit, reg::GEN0_A, reg::GEN0_A::UTEZ.put(generator::HIGH) | reg::GEN0_A::UTEA.put(generator::LOW));
    write(&mut unit, reg::GEN0_FORCE, reg::GEN0_FORCE::A_CNTUFORCE_MODE.put(generator::HIGH));
    assert_eq!(unit.signal(0), Signal::Level(true));
    write(&mut unit, reg::GEN0_FORCE, 0);
    assert_eq!(unit.signal(0), pulses(1000, 500, 0));
    write(&mut unit, reg::TIMER0_CFG1, reg::TIMER0_CFG1::MOD.put(cfg1::UP) | cfg1::STOP_AT_ZERO);
    assert_eq!(unit.signal(0), Signal::Level(false));
}

#[test]
fn interrupts_and_captures_that_never_come_are_reported() {
    let mut unit = Mcpwm::new();
    assert_eq!(unit.write(reg::INT_ENA, 1, NOW), Err(Unmodelled));
    assert_eq!((unit.write(reg::INT_ENA, 0, NOW), unit.read(reg::INT_ENA, NOW)), (Ok(()), Ok(0)));
    assert_eq!(unit.write(reg::CAP_CH_CFG + 4, 1, NOW), Err(Unmodelled));
    assert_eq!(unit.write(reg::CAP_CH_CFG + 4, 2, NOW), Ok(()));
}
