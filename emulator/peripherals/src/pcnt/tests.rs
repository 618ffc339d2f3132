use espalier_core::{Device, Signal, Span, Time};

use super::{INPUTS, NEVER, Pcnt, reg};
use crate::clocks::APB_WITH_PLL;

const COUNT_UP: u32 = 1;
const COUNT_DOWN: u32 = 2;
const REVERSE: u32 = 1;
const INHIBIT: u32 = 2;
const CONTROL: usize = 2;

/// No limit that a test meets by accident.
const WIDE: u32 = 0x8000 << 16 | 0x7FFF;

fn at(micros: u64) -> Time {
    Time::from_micros(micros)
}

fn write(pcnt: &mut Pcnt, offset: u32, value: u32, now: Time) {
    pcnt.write(offset, value, now).expect("a register");
}

fn read(pcnt: &mut Pcnt, offset: u32, now: Time) -> u32 {
    pcnt.read(offset, now).expect("a register")
}

fn count(pcnt: &mut Pcnt, unit: u32, now: Time) -> i16 {
    read(pcnt, reg::U0_CNT + 4 * unit, now) as i16
}

/// A block whose units count, with `conf0` and `conf2` in unit 0.
fn counting(conf0: u32, conf2: u32) -> Pcnt {
    let mut pcnt = Pcnt::new(APB_WITH_PLL);
    write(&mut pcnt, reg::U0_CONF0, conf0, Time::ZERO);
    write(&mut pcnt, reg::U0_CONF2, conf2, Time::ZERO);
    write(&mut pcnt, reg::CTRL, 0, Time::ZERO);
    pcnt
}

fn rising_edges() -> u32 {
    reg::U0_CONF0::CH0_POS_MODE.put(COUNT_UP)
}

/// A pulse of a microsecond at each microsecond that is even, `count` of them.
fn pulse(pcnt: &mut Pcnt, input: usize, first: u64, count: u64) {
    for n in 0..count {
        pcnt.set_input(input, Signal::Level(true), at(first + 2 * n));
        pcnt.set_input(input, Signal::Level(false), at(first + 2 * n + 1));
    }
}

fn wave(period: u64, high: u64, rise: u64) -> Signal {
    Signal::pulses(Span::from_micros(period), Span::from_micros(high), at(rise))
}

#[test]
fn each_edge_counts_as_its_mode_says() {
    for (positive, negative, expected) in
        [(COUNT_UP, 0, 3), (0, COUNT_DOWN, -3), (COUNT_UP, COUNT_UP, 6), (COUNT_UP, COUNT_DOWN, 0), (3, 0, 0)]
    {
        let conf0 = reg::U0_CONF0::CH0_POS_MODE.put(positive) | reg::U0_CONF0::CH0_NEG_MODE.put(negative);
        let mut pcnt = counting(conf0, WIDE);
        pulse(&mut pcnt, 0, 10, 3);
        assert_eq!(count(&mut pcnt, 0, at(20)), expected, "rising {positive}, falling {negative}");
    }
}

#[test]
fn the_control_reverses_or_inhibits() {
    let conf0 = rising_edges() | reg::U0_CONF0::CH0_HCTRL_MODE.put(REVERSE) | reg::U0_CONF0::CH0_LCTRL_MODE.put(0);
    let mut pcnt = counting(conf0, WIDE);
    pulse(&mut pcnt, 0, 10, 5);
    pcnt.set_input(CONTROL, Signal::Level(true), at(30));
    pulse(&mut pcnt, 0, 40, 2);
    assert_eq!(count(&mut pcnt, 0, at(50)), 3);
    write(&mut pcnt, reg::U0_CONF0, rising_edges() | reg::U0_CONF0::CH0_HCTRL_MODE.put(INHIBIT), at(50));
    pulse(&mut pcnt, 0, 60, 7);
    assert_eq!(count(&mut pcnt, 0, at(80)), 3);
}

#[test]
fn both_channels_of_a_unit_count_together_and_units_apart() {
    let second = reg::U0_CONF0::CH1_POS_MODE.put(COUNT_DOWN);
    let mut pcnt = counting(rising_edges() | second, WIDE);
    write(&mut pcnt, reg::U7_CONF0, rising_edges(), Time::ZERO);
    write(&mut pcnt, reg::U7_CONF2, WIDE, Time::ZERO);
    pulse(&mut pcnt, 0, 10, 4);
    pulse(&mut pcnt, 1, 30, 6);
    pulse(&mut pcnt, 7 * INPUTS, 50, 9);
    assert_eq!((count(&mut pcnt, 0, at(90)), count(&mut pcnt, 1, at(90)), count(&mut pcnt, 7, at(90))), (-2, 0, 9));
}

#[test]
fn quadrature_goes_up_one_way_and_down_the_other() {
    // A is the signal of channel 0 and the control of channel 1, B the other way round: four counts a turn.
    use reg::U0_CONF0 as conf0;
    let modes = conf0::CH0_POS_MODE.put(COUNT_DOWN)
        | conf0::CH0_NEG_MODE.put(COUNT_UP)
        | conf0::CH0_LCTRL_MODE.put(REVERSE)
        | conf0::CH1_POS_MODE.put(COUNT_UP)
        | conf0::CH1_NEG_MODE.put(COUNT_DOWN)
        | conf0::CH1_LCTRL_MODE.put(REVERSE);
    let mut pcnt = counting(modes, WIDE);
    let mut now = 10;
    let mut turn = |pcnt: &mut Pcnt, order: [(usize, bool); 4]| {
        for (line, level) in order {
            now += 5;
            let (signal, control) = if line == 0 { (0, CONTROL + 1) } else { (1, CONTROL) };
            pcnt.set_input(control, Signal::Level(level), at(now));
            pcnt.set_input(signal, Signal::Level(level), at(now));
        }
    };
    for _ in 0..3 {
        turn(&mut pcnt, [(0, true), (1, true), (0, false), (1, false)]);
    }
    assert_eq!(count(&mut pcnt, 0, at(200)), 12);
    turn(&mut pcnt, [(1, true), (0, true), (1, false), (0, false)]);
    assert_eq!(count(&mut pcnt, 0, at(300)), 8);
}

#[test]
fn the_filter_swallows_what_is_too_short() {
    let filter = reg::U0_CONF0::FILTER_EN.mask() | reg::U0_CONF0::FILTER_THRES.put(800);
    // 800 cycles of 80 MHz are 10 us.
    let mut pcnt = counting(rising_edges() | filter, WIDE);
    pulse(&mut pcnt, 0, 20, 10);
    assert_eq!(count(&mut pcnt, 0, at(60)), 0);
    pcnt.set_input(0, Signal::Level(true), at(100));
    assert_eq!((count(&mut pcnt, 0, at(109)), count(&mut pcnt, 0, at(110))), (0, 1));
    pcnt.set_input(0, wave(30, 9, 200), at(200));
    assert_eq!(count(&mut pcnt, 0, at(1000)), 1, "pulses of 9 us");
    pcnt.set_input(0, wave(30, 10, 1000), at(1000));
    assert_eq!(count(&mut pcnt, 0, at(1000 + 10 + 3 * 30)), 5);
}

#[test]
fn a_limit_takes_the_count_back_to_zero() {
    let limits = reg::U0_CONF2::CNT_H_LIM.put(5) | reg::U0_CONF2::CNT_L_LIM.put(-3i32 as u32);
    let mut pcnt = counting(rising_edges() | reg::U0_CONF0::CH1_POS_MODE.put(COUNT_DOWN), limits);
    pulse(&mut pcnt, 0, 10, 7);
    assert_eq!(count(&mut pcnt, 0, at(30)), 2);
    pulse(&mut pcnt, 1, 40, 6);
    assert_eq!(count(&mut pcnt, 0, at(60)), -1);
    assert_eq!(read(&mut pcnt, reg::INT_RAW, at(60)), 0, "no event was enabled");
}

#[test]
fn events_interrupt_if_they_are_enabled() {
    use reg::{U0_CONF0 as conf0, U0_STATUS as status};
    let enabled = conf0::THR_THRES0_EN.mask() | conf0::THR_H_LIM_EN.mask() | conf0::THR_ZERO_EN.mask();
    let mut pcnt = counting(rising_edges() | conf0::CH1_POS_MODE.put(COUNT_DOWN) | enabled, WIDE & !0xFFFF | 4);
    write(&mut pcnt, reg::U0_CONF1, reg::U0_CONF1::CNT_THRES0.put(2) | reg::U0_CONF1::CNT_THRES1.put(1), at(0));
    write(&mut pcnt, reg::INT_ENA, 1, at(0));
    pulse(&mut pcnt, 0, 10, 1);
    assert_eq!((read(&mut pcnt, reg::INT_RAW, at(12)), pcnt.interrupts()), (0, 0), "THRES1 is not enabled");
    pulse(&mut pcnt, 0, 20, 1);
    assert_eq!((read(&mut pcnt, reg::INT_ST, at(22)), pcnt.interrupts()), (1, 1));
    assert_eq!(read(&mut pcnt, reg::U0_STATUS, at(22)), status::THRES0.mask() | status::ZERO_MODE.put(3));
    pulse(&mut pcnt, 0, 30, 2);
    let both = status::THRES0.mask() | status::H_LIM.mask();
    assert_eq!(read(&mut pcnt, reg::U0_STATUS, at(34)), both | status::ZERO_MODE.put(1), "more until it is cleared");
    write(&mut pcnt, reg::INT_CLR, 1, at(35));
    assert_eq!((read(&mut pcnt, reg::INT_RAW, at(35)), pcnt.interrupts()), (0, 0));
    pulse(&mut pcnt, 0, 40, 1);
    pulse(&mut pcnt, 1, 50, 1);
    assert_eq!(read(&mut pcnt, reg::U0_STATUS, at(52)), status::ZERO.mask(), "from above");
    pulse(&mut pcnt, 1, 60, 1);
    assert_eq!(read(&mut pcnt, reg::U0_STATUS, at(62)) & status::ZERO_MODE.mask(), 2, "below zero");
}

#[test]
fn reset_holds_the_count_at_zero_and_pause_keeps_it() {
    let mut pcnt = counting(rising_edges(), WIDE);
    pulse(&mut pcnt, 0, 10, 3);
    write(&mut pcnt, reg::CTRL, reg::CTRL::CNT_PAUSE_U0.mask(), at(20));
    pulse(&mut pcnt, 0, 30, 3);
    write(&mut pcnt, reg::CTRL, 0, at(40));
    pulse(&mut pcnt, 0, 50, 1);
    assert_eq!(count(&mut pcnt, 0, at(60)), 4);
    write(&mut pcnt, reg::CTRL, reg::CTRL::CNT_RST_U0.mask(), at(60));
    pulse(&mut pcnt, 0, 70, 3);
    assert_eq!((count(&mut pcnt, 0, at(80)), pcnt.listening() & 0xFF), (0, 0xF0));
}

#[test]
fn all_units_are_held_after_reset() {
    let mut pcnt = Pcnt::new(APB_WITH_PLL);
    assert_eq!((pcnt.listening(), pcnt.deadline()), (0, None));
    assert_eq!(read(&mut pcnt, reg::CTRL, at(0)), 0x5555);
}

#[test]
fn a_line_that_is_connected_makes_no_edge() {
    let mut pcnt = counting(rising_edges(), WIDE);
    pcnt.connect_input(0, Signal::Level(true));
    assert_eq!(count(&mut pcnt, 0, at(10)), 0);
    pcnt.set_input(0, Signal::Level(false), at(20));
    pcnt.set_input(0, Signal::Level(true), at(30));
    assert_eq!(count(&mut pcnt, 0, at(40)), 1);
}

#[test]
fn a_wave_is_counted_as_its_edges_are() {
    // Limits and thresholds near and far, waves that add one, two or nothing in a turn, whole and broken numbers of turns.
    use reg::U0_CONF0 as conf0;
    let up_and_down = conf0::CH0_POS_MODE.put(COUNT_UP) | conf0::CH0_NEG_MODE.put(COUNT_DOWN);
    let twice_down = conf0::CH0_POS_MODE.put(COUNT_DOWN) | conf0::CH0_NEG_MODE.put(COUNT_DOWN);
    for modes in [rising_edges(), up_and_down, twice_down] {
        for (high, low, thres0) in [(5, -5, 2), (1000, -1000, 1), (0x7FFF, -0x8000, 300), (0, 0, -7), (1, -1, 1)] {
            let limits = reg::U0_CONF2::CNT_H_LIM.put(high as u32) | reg::U0_CONF2::CNT_L_LIM.put(low as u32);
            for end in [7, 1_000, 40_011] {
                let mut waved = counting(modes | conf0::THR_THRES0_EN.mask(), limits);
                write(&mut waved, reg::U0_CONF1, reg::U0_CONF1::CNT_THRES0.put(thres0 as u32), at(0));
                let mut pulsed = waved.clone();
                waved.set_input(0, wave(4, 1, 10), at(10));
                for turn in 0..=end {
                    pulsed.set_input(0, Signal::Level(true), at(10 + 4 * turn));
                    pulsed.set_input(0, Signal::Level(false), at(10 + 4 * turn + 1));
                }
                let now = at(10 + 4 * end + 2);
                let seen = [reg::U0_CNT, reg::INT_RAW, reg::U0_STATUS]
                    .map(|offset| (read(&mut waved, offset, now), read(&mut pulsed, offset, now)));
                assert!(
                    seen.iter().all(|(one, other)| one == other),
                    "{modes:#x} {high} {low} {thres0} {end}: {seen:x?}"
                );
            }
        }
    }
}

#[test]
fn an_event_that_is_waited_for_has_its_deadline() {
    let mut pcnt = counting(rising_edges() | reg::U0_CONF0::THR_THRES0_EN.mask(), WIDE);
    write(&mut pcnt, reg::U0_CONF1, reg::U0_CONF1::CNT_THRES0.put(20_000), at(0));
    pcnt.set_input(0, wave(10, 5, 100), at(100));
    assert_eq!(pcnt.deadline(), None, "nothing waits for it");
    write(&mut pcnt, reg::INT_ENA, 1, at(200));
    let event = at(100 + 10 * 19_999);
    assert_eq!(pcnt.deadline(), Some(event));
    pcnt.advance(event);
    assert_eq!((pcnt.interrupts(), pcnt.deadline()), (1, None));
}

#[test]
fn a_day_of_a_fast_wave_costs_nothing() {
    // One count in 250 ns up to a limit of one: each edge is an event.
    let mut pcnt = counting(rising_edges() | reg::U0_CONF0::THR_H_LIM_EN.mask(), WIDE & !0xFFFF | 1);
    let period = Span::from_nanos(250);
    pcnt.set_input(0, Signal::pulses(period, Span::from_nanos(100), at(0)), at(0));
    assert_eq!(count(&mut pcnt, 0, at(86_400_000_000)), 0);
    assert_eq!(read(&mut pcnt, reg::INT_RAW, at(86_400_000_000)), 1);
}

#[test]
fn waves_that_do_not_fit_together_are_followed_a_piece_at_a_time() {
    let mut pcnt = counting(rising_edges() | reg::U0_CONF0::CH1_POS_MODE.put(COUNT_DOWN), WIDE);
    pcnt.set_input(0, wave(10, 5, 0), at(0));
    pcnt.set_input(1, wave(14, 5, 0), at(0));
    let mut now = Time::ZERO;
    while let Some(next) = pcnt.deadline().filter(|next| *next <= at(100_000)) {
        assert!(next > now && next < NEVER);
        now = next;
        pcnt.advance(now);
    }
    assert!(now > at(50_000));
    // At 0 and at each multiple from there on.
    assert_eq!(count(&mut pcnt, 0, at(100_000)), 10_001 - 7_143);
}

#[test]
fn a_wave_is_joined_where_it_is() {
    // Connected in the middle of a pulse, and switched on in the middle of one: the first is no edge, the second is one.
    let mut pcnt = counting(rising_edges(), WIDE);
    write(&mut pcnt, reg::U0_CONF0, rising_edges(), at(1_003));
    pcnt.connect_input(0, wave(10, 5, 1_000));
    assert_eq!(count(&mut pcnt, 0, at(1_009)), 0);
    assert_eq!(count(&mut pcnt, 0, at(1_010)), 1);
    pcnt.set_input(0, Signal::Level(false), at(1_018));
    pcnt.set_input(0, wave(10, 5, 1_020), at(1_022));
    assert_eq!((count(&mut pcnt, 0, at(1_022)), count(&mut pcnt, 0, at(1_031))), (2, 3));
}
