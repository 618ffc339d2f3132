use espalier_core::{Device, Frequency, Signal, Span, Time};

use super::registers::{channel, interrupt, reg};
use super::{Ledc, LedcChange};

const APB: Frequency = Frequency::from_hertz(80_000_000);
/// A divider of 80, so that a timer on the APB counts microseconds, over a range of 1000 / 1024.
const PER_MICRO: u32 = 80 * 256;

fn us(micros: u64) -> Time {
    Time::from_micros(micros)
}

fn ledc() -> Ledc {
    let mut ledc = Ledc::new();
    ledc.set_apb_clock(APB, Time::ZERO);
    ledc.set_watched(0xFFFF);
    ledc
}

fn put(ledc: &mut Ledc, offset: u32, value: u32, now: Time) {
    ledc.write(offset, value, now).unwrap();
}

/// TIMERn_CONF for a timer on its fast clock.
fn timer(divider: u32, bits: u32) -> u32 {
    reg::LSTIMER0_CONF::TICK_SEL.mask() | reg::LSTIMER0_CONF::DIV_NUM.put(divider) | bits
}

/// CONF1 as ESP-IDF sets it to change the duty at once: one step of nothing.
const AT_ONCE: u32 = reg::LSCH0_CONF1::DUTY_START.mask()
    | reg::LSCH0_CONF1::DUTY_INC.mask()
    | reg::LSCH0_CONF1::DUTY_NUM.put(1)
    | reg::LSCH0_CONF1::DUTY_CYCLE.put(1);

/// A high-speed channel 0 at `duty` (without fraction) of timer 0.
fn set_duty(ledc: &mut Ledc, duty: u32, now: Time) {
    put(ledc, channel::DUTY, duty << 4, now);
    put(ledc, channel::CONF0, reg::LSCH0_CONF0::SIG_OUT_EN.mask(), now);
    put(ledc, channel::CONF1, AT_ONCE, now);
}

/// TRM equation "frequency of a PWM": source / (divider * 2 ** bits).
#[test]
fn a_channel_makes_the_wave_that_its_timer_says() {
    let mut ledc = ledc();
    put(&mut ledc, reg::HSTIMER0_CONF, timer(PER_MICRO, 10), Time::ZERO);
    set_duty(&mut ledc, 256, Time::ZERO);
    assert_eq!(ledc.read(reg::HSTIMER0_VALUE, us(1000)), Ok(1000));
    assert_eq!(ledc.signal(0), Signal::Level(false));
    ledc.advance(us(2000));
    let signal = Signal::pulses(Span::from_micros(1024), Span::from_micros(256), us(1024));
    // A new duty waits for the overflow.
    assert_eq!(ledc.take_changes(), [LedcChange { channel: 0, at: us(1024), signal }]);
    assert_eq!(ledc.read(channel::DUTY_R, us(2000)), Ok(256 << 4));
    assert_eq!(ledc.read(reg::HSTIMER0_VALUE, us(2000)), Ok(976));
    put(&mut ledc, channel::CONF0, reg::LSCH0_CONF0::IDLE_LV.mask(), us(2500));
    assert_eq!(ledc.take_changes(), [LedcChange { channel: 0, at: us(2500), signal: Signal::Level(true) }]);
}

/// TRM: the divider has 10 bits before the point and 8 after it.
#[test]
fn dividers_have_a_fraction() {
    let mut ledc = ledc();
    // 440 Hz with 13 bits: 80 MHz / 8192 / 440 = 22.195, which is 5682 / 256.
    put(&mut ledc, reg::HSTIMER0_CONF, timer(5682, 13), Time::ZERO);
    set_duty(&mut ledc, 4096, Time::ZERO);
    ledc.advance(Time::from_micros(1_000_000));
    let Signal::Pulses { period, high, .. } = ledc.signal(0) else { panic!("{:?}", ledc.signal(0)) };
    assert_eq!(period.ticks(), (6 * 8192 * 5682_u64 + 128) / 256);
    assert_eq!(high.ticks(), period.ticks() / 2);
}

/// TRM, registers LEDC_HSTIMERx_CONF, LEDC_LSTIMERx_CONF and LEDC_CONF.
#[test]
fn timers_have_several_clocks() {
    let mut ledc = ledc();
    let ref_tick = reg::LSTIMER0_CONF::DIV_NUM.put(256) | 20;
    put(&mut ledc, reg::HSTIMER0_CONF, ref_tick, Time::ZERO);
    put(&mut ledc, reg::LSTIMER0_CONF, timer(256, 20) | reg::LSTIMER0_CONF::PARA_UP.mask(), Time::ZERO);
    assert_eq!(ledc.read(reg::HSTIMER0_VALUE, us(100)), Ok(100));
    let rc = ledc.read(reg::LSTIMER0_VALUE, us(100)).unwrap();
    assert!((800..=900).contains(&rc), "{rc}");
    put(&mut ledc, reg::CONF, 1, us(100));
    assert_eq!(ledc.read(reg::LSTIMER0_VALUE, us(200)), Ok(rc + 8000));
    put(&mut ledc, reg::HSTIMER0_CONF, ref_tick | reg::LSTIMER0_CONF::PAUSE.mask(), us(200));
    assert_eq!(ledc.read(reg::HSTIMER0_VALUE, us(300)), Ok(200));
    put(&mut ledc, reg::HSTIMER0_CONF, ref_tick | reg::LSTIMER0_CONF::RST.mask(), us(300));
    assert_eq!(ledc.read(reg::HSTIMER0_VALUE, us(300)), Ok(0));
    ledc.set_clock_gated(true, us(400));
    assert_eq!(ledc.read(reg::LSTIMER0_VALUE, us(900)), ledc.read(reg::LSTIMER0_VALUE, us(400)));
}

/// TRM: "the low-speed timers and channels need PARA_UP".
#[test]
fn low_speed_settings_wait_for_the_update_bit() {
    let mut ledc = ledc();
    let low = channel::STRIDE * 8;
    put(&mut ledc, reg::CONF, 1, Time::ZERO);
    put(&mut ledc, reg::LSTIMER0_CONF, timer(PER_MICRO, 8), Time::ZERO);
    assert_eq!(ledc.read(reg::LSTIMER0_VALUE, us(100)), Ok(0));
    put(&mut ledc, reg::LSTIMER0_CONF, timer(PER_MICRO, 8) | reg::LSTIMER0_CONF::PARA_UP.mask(), us(100));
    put(&mut ledc, low + channel::DUTY, 64 << 4, us(100));
    put(&mut ledc, low + channel::CONF1, AT_ONCE, us(100));
    put(&mut ledc, low + channel::CONF0, reg::LSCH0_CONF0::SIG_OUT_EN.mask(), us(100));
    ledc.advance(us(5000));
    assert_eq!(ledc.signal(8), Signal::Level(false));
    put(
        &mut ledc,
        low + channel::CONF0,
        reg::LSCH0_CONF0::SIG_OUT_EN.mask() | reg::LSCH0_CONF0::PARA_UP.mask(),
        us(5000),
    );
    ledc.advance(us(6000));
    // The timer has counted since 100 us.
    let signal = Signal::pulses(Span::from_micros(256), Span::from_micros(64), us(100 + 256));
    assert_eq!(ledc.signal(8), signal);
}

/// TRM, interrupt LEDC_HSTIMERx_OVF_INT.
#[test]
fn overflows_interrupt_once_until_they_are_cleared() {
    let mut ledc = ledc();
    put(&mut ledc, reg::HSTIMER3_CONF, timer(PER_MICRO, 10), Time::ZERO);
    assert_eq!(ledc.deadline(), None);
    put(&mut ledc, reg::INT_ENA, interrupt::overflow(3), us(10));
    assert_eq!(ledc.deadline(), Some(us(1024)));
    ledc.advance(us(1024));
    assert_eq!((ledc.interrupts(), ledc.deadline()), (1, None));
    put(&mut ledc, reg::INT_CLR, interrupt::overflow(3), us(1100));
    assert_eq!((ledc.interrupts(), ledc.deadline()), (0, Some(us(2048))));
}

/// TRM "Fading": the duty changes by SCALE every CYCLE periods, NUM times, and an interrupt tells the end.
#[test]
fn a_fade_changes_the_duty_step_by_step() {
    let mut ledc = ledc();
    put(&mut ledc, reg::HSTIMER0_CONF, timer(PER_MICRO, 10), Time::ZERO);
    put(&mut ledc, reg::INT_ENA, interrupt::duty_end(0), Time::ZERO);
    put(&mut ledc, channel::DUTY, 100 << 4, Time::ZERO);
    put(&mut ledc, channel::CONF0, reg::LSCH0_CONF0::SIG_OUT_EN.mask(), Time::ZERO);
    let fade = reg::LSCH0_CONF1::DUTY_NUM.put(4) | reg::LSCH0_CONF1::DUTY_CYCLE.put(3) | 50;
    put(
        &mut ledc,
        channel::CONF1,
        reg::LSCH0_CONF1::DUTY_START.mask() | reg::LSCH0_CONF1::DUTY_INC.mask() | fade,
        Time::ZERO,
    );
    let end = us(1024 * (1 + 4 * 3));
    assert_eq!(ledc.deadline(), Some(end));
    assert_eq!(ledc.read(channel::DUTY_R, us(1024 * 5)), Ok(150 << 4));
    assert_eq!(ledc.deadline(), Some(end));
    ledc.set_awaited(1);
    assert_eq!(ledc.deadline(), Some(us(1024 * 7)), "each step, once something looks");
    ledc.advance(end);
    assert_eq!(ledc.read(reg::INT_ST, end), Ok(interrupt::duty_end(0)));
    assert_eq!(ledc.read(channel::DUTY_R, end), Ok(300 << 4));
    assert_eq!(ledc.read(channel::CONF1, end).unwrap() & reg::LSCH0_CONF1::DUTY_START.mask(), 0);
    let times: Vec<_> = ledc.take_changes().iter().map(|change| change.at.as_micros() / 1024).collect();
    assert_eq!(times, [1, 4, 7, 10, 13]);
}

#[test]
fn full_and_empty_duty_are_levels() {
    let mut ledc = ledc();
    put(&mut ledc, reg::HSTIMER0_CONF, timer(PER_MICRO, 10), Time::ZERO);
    set_duty(&mut ledc, 1024, Time::ZERO);
    ledc.advance(us(1024));
    assert_eq!(ledc.signal(0), Signal::Level(true));
    set_duty(&mut ledc, 0, us(3000));
    ledc.advance(us(5000));
    assert_eq!(ledc.signal(0), Signal::Level(false));
}

#[test]
fn a_reset_stops_everything() {
    let mut ledc = ledc();
    put(&mut ledc, reg::HSTIMER0_CONF, timer(PER_MICRO, 10), Time::ZERO);
    set_duty(&mut ledc, 512, Time::ZERO);
    ledc.advance(us(1024));
    ledc.reset();
    assert_eq!(ledc.signal(0), Signal::Level(false));
    assert_eq!(ledc.read(reg::HSTIMER0_VALUE, us(5000)), Ok(0));
    assert_eq!(ledc.read(reg::HSTIMER0_CONF, us(5000)), Ok(0x0100_0000));
}

/// Only the changes of an output with a listener have a deadline; nothing else costs a call.
#[test]
fn a_change_of_an_output_that_is_looked_at_has_its_deadline() {
    let mut ledc = Ledc::new();
    ledc.set_apb_clock(Frequency::from_hertz(80_000_000), Time::ZERO);
    put(&mut ledc, reg::HSTIMER0_CONF, timer(PER_MICRO, 10), Time::ZERO);
    set_duty(&mut ledc, 256, Time::ZERO);
    ledc.set_watched(1);
    assert_eq!(ledc.deadline(), None, "a view from outside");
    ledc.set_awaited(1);
    assert_eq!(ledc.deadline(), Some(us(1024)));
    ledc.advance(us(1024));
    assert_eq!(
        (ledc.take_changes().len(), ledc.deadline()),
        (1, Some(us(2048))),
        "the duty steps once more, by nothing"
    );
    ledc.advance(us(2048));
    assert_eq!(ledc.deadline(), None);
}
