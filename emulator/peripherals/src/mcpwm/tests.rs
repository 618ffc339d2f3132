use espalier_core::{Device, Frequency, Signal, Span, Time};
use proptest::prelude::{any, prop, prop_assert_eq, proptest};

use super::registers::{OPERATOR_STRIDE, TIMER_STRIDE, cfg1, generator, period_update, reg, sync_out, update};
use super::{MCPWM_OUTPUTS, Mcpwm};

const NOW: Time = Time::ZERO;
/// Inputs of the block.
const SYNC0: usize = 0;
const FAULT0: usize = 3;
const CAP0: usize = 6;

fn at(micros: u64) -> Time {
    Time::from_micros(micros)
}

/// A unit whose timers have ticks of a microsecond and a period of `period` ticks; the first one runs in `mode`.
fn unit(period: u32, mode: u32) -> Mcpwm {
    let mut unit = Mcpwm::new();
    write(&mut unit, reg::CLK_CFG, 15, NOW);
    for timer in 0..3 {
        write(&mut unit, reg::TIMER0_CFG0 + TIMER_STRIDE * timer, reg::TIMER0_CFG0::PERIOD.put(period) | 9, NOW);
    }
    write(&mut unit, reg::TIMER0_CFG1, run(mode), NOW);
    unit
}

fn run(mode: u32) -> u32 {
    reg::TIMER0_CFG1::MOD.put(mode) | cfg1::RUN
}

fn write(unit: &mut Mcpwm, offset: u32, value: u32, now: Time) {
    unit.write(offset, value, now).expect("a register");
}

fn read(unit: &mut Mcpwm, offset: u32, now: Time) -> u32 {
    unit.read(offset, now).expect("a register")
}

/// The first operator's outputs: A is high from zero to its comparator, B from zero to the other one.
fn pulses_from_zero(unit: &mut Mcpwm, a: u32, b: u32, now: Time) {
    write(unit, reg::GEN0_TSTMP_A, a, now);
    write(unit, reg::GEN0_TSTMP_B, b, now);
    write(unit, reg::GEN0_A, reg::GEN0_A::UTEZ.put(generator::HIGH) | reg::GEN0_A::UTEA.put(generator::LOW), now);
    write(unit, reg::GEN0_B, reg::GEN0_A::UTEZ.put(generator::HIGH) | reg::GEN0_A::UTEB.put(generator::LOW), now);
}

/// A wave of `period` us that is high for `high` us from `rise` on.
fn wave(period: u64, high: u64, rise: u64) -> Signal {
    Signal::pulses(Span::from_micros(period), Span::from_micros(high), at(rise))
}

/// The signals that an output is told to carry by `until`, followed as for something that waits for it: edges in microseconds.
fn edges(unit: &mut Mcpwm, output: usize, until: u64) -> Vec<(u64, Signal)> {
    unit.set_watched(1 << output);
    unit.set_awaited(1 << output);
    let mut told = Vec::new();
    while let Some(next) = unit.deadline().filter(|next| *next <= at(until)) {
        unit.advance(next);
        told.extend(unit.take_output_changes());
    }
    unit.advance(at(until));
    told.extend(unit.take_output_changes());
    told.into_iter().map(|change| (change.at.as_micros(), change.signal)).collect()
}

const LOW: Signal = Signal::Level(false);
const HIGH: Signal = Signal::Level(true);

#[test]
fn the_period_after_reset_is_not_zero() {
    assert_eq!(read(&mut Mcpwm::new(), reg::TIMER0_CFG0, NOW), reg::TIMER0_CFG0::PERIOD.put(0xFF));
}

#[test]
fn counting_up_it_is_high_from_zero_to_its_comparator() {
    let mut unit = unit(999, cfg1::UP);
    pulses_from_zero(&mut unit, 250, 1000, NOW);
    unit.advance(at(5_000));
    assert_eq!((unit.output(0), unit.output(1)), (wave(1000, 250, 0), HIGH), "B's comparator is never met");
    // TRM, table of the priorities of events while counting up: TEA comes before TEZ.
    write(&mut unit, reg::GEN0_TSTMP_A, 0, at(5_500));
    unit.advance(at(10_000));
    assert_eq!(unit.output(0), LOW);
}

#[test]
fn counting_down_it_is_high_from_its_period_to_its_comparator() {
    let mut unit = unit(999, cfg1::DOWN);
    write(&mut unit, reg::GEN0_TSTMP_B, 399, NOW);
    write(&mut unit, reg::GEN0_B, reg::GEN0_A::DTEP.put(generator::HIGH) | reg::GEN0_A::DTEB.put(generator::LOW), NOW);
    unit.advance(at(5_000));
    // It starts at zero and comes to its period with the first tick.
    assert_eq!((unit.output(0), unit.output(1)), (LOW, wave(1000, 600, 1)));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(5_000)), 1 << 16, "zero, counting down");
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(5_003)), 1 << 16 | 997);
}

#[test]
fn counting_up_and_down_it_is_high_around_its_period() {
    let mut unit = unit(500, cfg1::UP_DOWN);
    let second = OPERATOR_STRIDE;
    write(&mut unit, reg::GEN0_TSTMP_A + second, 400, NOW);
    let there_and_back = reg::GEN0_A::UTEA.put(generator::HIGH) | reg::GEN0_A::DTEA.put(generator::LOW);
    write(&mut unit, reg::GEN0_A + second, there_and_back, NOW);
    unit.advance(at(3_400));
    assert_eq!(unit.output(2), wave(1000, 200, 400));
    assert_eq!(
        [3_499, 3_500, 3_501].map(|now| read(&mut unit, reg::TIMER0_STATUS, at(now))),
        [499, 1 << 16 | 500, 1 << 16 | 499]
    );
}

#[test]
fn toggling_once_a_period_takes_two_periods() {
    let mut unit = unit(999, cfg1::UP);
    write(&mut unit, reg::GEN0_A, reg::GEN0_A::UTEZ.put(generator::TOGGLE), NOW);
    unit.advance(at(9_999));
    assert_eq!(unit.output(0), wave(2000, 1000, 1000));
}

#[test]
fn edges_are_told_until_they_repeat_themselves() {
    let mut unit = unit(99, cfg1::UP);
    pulses_from_zero(&mut unit, 30, 0, NOW);
    let told = edges(&mut unit, 0, 1_000);
    assert_eq!(told.last(), Some(&(200, wave(100, 30, 0))));
    assert_eq!(told[..2], [(100, HIGH), (130, LOW)]);
    assert_eq!(unit.deadline(), None, "a wave costs nothing");
    // A comparator that is met later in this cycle: one pulse is longer.
    write(&mut unit, reg::GEN0_TSTMP_A, 60, at(1_010));
    let told = edges(&mut unit, 0, 1_500);
    assert_eq!(told[..4], [(1_030, HIGH), (1_060, LOW), (1_100, HIGH), (1_160, LOW)]);
    assert_eq!(told.last().map(|(_, signal)| *signal), Some(wave(100, 60, 0)));
}

#[test]
fn active_registers_take_over_at_zero_if_so_asked() {
    // TRM, registers PWM_TIMER0_CFG0, PWM_GEN0_STMP_CFG: update methods.
    let mut unit = unit(99, cfg1::UP);
    pulses_from_zero(&mut unit, 30, 0, NOW);
    write(&mut unit, reg::GEN0_STMP_CFG, reg::GEN0_STMP_CFG::A_UPMETHOD.put(update::ZERO), at(5));
    unit.advance(at(1_000));
    write(&mut unit, reg::GEN0_TSTMP_A, 60, at(1_010));
    assert!(reg::GEN0_STMP_CFG::A_SHDW_FULL.is_set(read(&mut unit, reg::GEN0_STMP_CFG, at(1_010))));
    assert_eq!(edges(&mut unit, 0, 1_099), []);
    unit.advance(at(1_100));
    assert!(!reg::GEN0_STMP_CFG::A_SHDW_FULL.is_set(read(&mut unit, reg::GEN0_STMP_CFG, at(1_100))));
    assert_eq!(edges(&mut unit, 0, 1_190), [(1_130, HIGH), (1_160, LOW)]);
    let period = reg::TIMER0_CFG0::PERIOD_UPMETHOD.put(period_update::ZERO) | reg::TIMER0_CFG0::PERIOD.put(199) | 9;
    write(&mut unit, reg::TIMER0_CFG0, period, at(1_410));
    unit.advance(at(3_000));
    assert_eq!(unit.output(0), wave(200, 60, 1_500));
}

#[test]
fn updates_wait_until_they_are_enabled_or_forced() {
    // TRM, register PWM_UPDATE_CFG.
    let mut unit = unit(99, cfg1::UP);
    pulses_from_zero(&mut unit, 30, 0, NOW);
    write(&mut unit, reg::UPDATE_CFG, 0x55 & !reg::UPDATE_CFG::OP0_UP_EN.mask(), NOW);
    write(&mut unit, reg::GEN0_TSTMP_A, 60, NOW);
    unit.advance(at(950));
    assert_eq!(unit.output(0), wave(100, 30, 0));
    let forced = 0x55 & !reg::UPDATE_CFG::OP0_UP_EN.mask() | reg::UPDATE_CFG::OP0_FORCE_UP.mask();
    write(&mut unit, reg::UPDATE_CFG, forced, at(950));
    unit.advance(at(2_000));
    assert_eq!(unit.output(0), wave(100, 60, 0));
    write(&mut unit, reg::GEN0_TSTMP_A, 70, at(2_000));
    write(&mut unit, reg::UPDATE_CFG, 0x55 | reg::UPDATE_CFG::OP0_FORCE_UP.mask(), at(2_050));
    unit.advance(at(3_000));
    assert_eq!(unit.output(0), wave(100, 70, 0), "enabled at once");
}

#[test]
fn forces_beat_the_timer() {
    let mut unit = unit(999, cfg1::UP);
    pulses_from_zero(&mut unit, 500, 0, NOW);
    unit.advance(at(5_600));
    write(&mut unit, reg::GEN0_FORCE, reg::GEN0_FORCE::A_CNTUFORCE_MODE.put(generator::HIGH), at(5_600));
    assert_eq!(unit.output(0), HIGH);
    unit.advance(at(9_000));
    assert_eq!(unit.output(0), HIGH);
    write(&mut unit, reg::GEN0_FORCE, 0, at(9_100));
    unit.advance(at(13_000));
    assert_eq!(unit.output(0), wave(1000, 500, 0));
    // One that is not continuous lasts until the next event; a toggle of its bit is one (register PWM_GEN0_FORCE).
    let force = reg::GEN0_FORCE::A_NCIFORCE.mask() | reg::GEN0_FORCE::A_NCIFORCE_MODE.put(generator::LOW);
    write(&mut unit, reg::GEN0_FORCE, force, at(13_200));
    assert_eq!(unit.output(0), LOW);
    assert_eq!(edges(&mut unit, 0, 14_600), [(14_000, HIGH), (14_500, LOW)]);
    // With an update method, a continuous one waits for its event.
    let method = reg::GEN0_FORCE::CNTUFORCE_UPMETHOD.put(super::registers::force_update::COMPARED_A);
    write(
        &mut unit,
        reg::GEN0_FORCE,
        force | method | reg::GEN0_FORCE::A_CNTUFORCE_MODE.put(generator::HIGH),
        at(14_600),
    );
    assert_eq!(edges(&mut unit, 0, 20_000), [(15_000, HIGH)]);
}

#[test]
fn a_timer_stops_where_it_is_told_to() {
    // TRM, register PWM_TIMER0_CFG1.
    let mut unit = unit(999, cfg1::UP);
    pulses_from_zero(&mut unit, 400, 0, NOW);
    unit.advance(at(3_200));
    write(&mut unit, reg::INT_ENA, reg::INT_RAW::TIMER0_STOP.mask(), at(3_200));
    write(&mut unit, reg::TIMER0_CFG1, reg::TIMER0_CFG1::MOD.put(cfg1::UP) | cfg1::STOP_AT_PERIOD, at(3_200));
    assert_eq!(unit.deadline(), Some(at(3_999)));
    unit.advance(at(3_999));
    assert_eq!((unit.interrupts(), read(&mut unit, reg::TIMER0_STATUS, at(9_000))), (1, 999));
    assert_eq!(unit.output(0), LOW);
    write(&mut unit, reg::INT_CLR, u32::MAX, at(9_000));
    write(&mut unit, reg::TIMER0_CFG1, reg::TIMER0_CFG1::MOD.put(cfg1::UP) | cfg1::RUN_TO_ZERO, at(9_000));
    unit.advance(at(20_000));
    assert_eq!((unit.interrupts(), read(&mut unit, reg::TIMER0_STATUS, at(20_000)), unit.output(0)), (1, 0, HIGH));
    assert_eq!(reg::TIMER0_CFG1::START.get(read(&mut unit, reg::TIMER0_CFG1, at(20_000))), cfg1::STOP_AT_ZERO);
}

#[test]
fn a_new_divider_waits_for_a_start() {
    // TRM, register PWM_TIMER0_CFG0: it takes effect when the timer stops and starts again.
    let mut unit = unit(99, cfg1::UP);
    write(&mut unit, reg::TIMER0_CFG0, reg::TIMER0_CFG0::PERIOD.put(99) | 19, NOW);
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(50)), 50);
    write(&mut unit, reg::TIMER0_CFG1, reg::TIMER0_CFG1::MOD.put(cfg1::UP) | cfg1::STOP_AT_ZERO, at(50));
    unit.advance(at(200));
    write(&mut unit, reg::TIMER0_CFG1, run(cfg1::UP), at(200));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(240)), 20);
}

#[test]
fn interrupts_of_a_timer_come_when_it_does() {
    let mut unit = unit(99, cfg1::UP);
    pulses_from_zero(&mut unit, 30, 60, NOW);
    write(&mut unit, reg::INT_CLR, u32::MAX, at(10));
    let of = [
        (reg::INT_RAW::CMPR0_TEA, 30),
        (reg::INT_RAW::CMPR0_TEB, 60),
        (reg::INT_RAW::TIMER0_TEP, 99),
        (reg::INT_RAW::TIMER0_TEZ, 100),
    ];
    for (interrupt, time) in of {
        let mut unit = unit.clone();
        write(&mut unit, reg::INT_ENA, interrupt.mask(), at(10));
        assert_eq!(unit.deadline(), Some(at(time)), "{}", interrupt.name);
        unit.advance(at(time));
        assert_eq!((unit.interrupts(), read(&mut unit, reg::INT_ST, at(time))), (1, interrupt.mask()));
        write(&mut unit, reg::INT_CLR, interrupt.mask(), at(time + 1));
        unit.advance(at(50_010));
        assert_eq!(unit.interrupts(), 1, "{} after many cycles", interrupt.name);
    }
}

#[test]
fn a_sync_from_the_matrix_or_by_software_loads_the_phase() {
    // TRM, registers PWM_TIMER0_SYNC, PWM_TIMER_SYNCI_CFG.
    let mut unit = unit(999, cfg1::UP);
    pulses_from_zero(&mut unit, 500, 0, NOW);
    write(&mut unit, reg::TIMER_SYNCI_CFG, 4, NOW);
    let phase = reg::TIMER0_SYNC::SYNCI_EN.mask() | reg::TIMER0_SYNC::PHASE.put(900);
    write(&mut unit, reg::TIMER0_SYNC, phase, NOW);
    assert_eq!(unit.listening(), 1);
    unit.advance(at(4_300));
    unit.set_input(SYNC0, HIGH, at(4_300));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(4_300)), 900);
    unit.set_input(SYNC0, LOW, at(4_350));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(4_350)), 950, "a falling edge is none");
    unit.advance(at(9_000));
    assert_eq!(unit.output(0), wave(1000, 500, 4_400));
    write(&mut unit, reg::TIMER0_SYNC, phase | reg::TIMER0_SYNC::SW.mask(), at(9_000));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(9_000)), 900);
    let inverted = 4 | reg::TIMER_SYNCI_CFG::EXTERNAL_SYNCI0_INVERT.mask();
    write(&mut unit, reg::TIMER_SYNCI_CFG, inverted, at(9_050));
    unit.set_input(SYNC0, HIGH, at(9_250));
    unit.set_input(SYNC0, LOW, at(9_300));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(9_310)), 910);
}

#[test]
fn timers_sync_each_other() {
    let mut unit = unit(999, cfg1::UP);
    // The second timer is a third of a period behind; operator 1 follows it.
    write(&mut unit, reg::TIMER0_SYNC, reg::TIMER0_SYNC::SYNCO_SEL.put(sync_out::ZERO), NOW);
    write(&mut unit, reg::TIMER_SYNCI_CFG, 1 << 3, NOW);
    let phase = reg::TIMER0_SYNC::SYNCI_EN.mask() | reg::TIMER0_SYNC::PHASE.put(667);
    write(&mut unit, reg::TIMER0_SYNC + TIMER_STRIDE, phase, NOW);
    write(&mut unit, reg::OPERATOR_TIMERSEL, 1 << 2, NOW);
    let second = OPERATOR_STRIDE;
    write(&mut unit, reg::GEN0_TSTMP_A + second, 100, NOW);
    let actions = reg::GEN0_A::UTEZ.put(generator::HIGH) | reg::GEN0_A::UTEA.put(generator::LOW);
    write(&mut unit, reg::GEN0_A + second, actions, NOW);
    write(&mut unit, reg::TIMER0_CFG1 + TIMER_STRIDE, run(cfg1::UP), at(7));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS + TIMER_STRIDE, at(9_500)), 167);
    assert_eq!(unit.output(2), wave(1000, 100, 333));
    // A ring of timers ends.
    write(&mut unit, reg::TIMER_SYNCI_CFG, 1 << 3 | 2, at(9_600));
    write(
        &mut unit,
        reg::TIMER0_SYNC,
        reg::TIMER0_SYNC::SYNCI_EN.mask() | reg::TIMER0_SYNC::SYNCO_SEL.put(sync_out::ZERO),
        at(9_600),
    );
    unit.advance(at(12_000));
    assert!(read(&mut unit, reg::TIMER0_STATUS, at(12_000)) <= 999);
}

#[test]
fn dead_time_delays_edges() {
    // TRM, table of the typical settings of the dead time generator: A of the generator makes both outputs.
    const A: u32 = 400;
    let delays = [10, 30];
    let cases = [
        // Active high complementary: S3.
        (reg::DT0_CFG::FED_OUTINVERT.mask(), [wave(1000, 390, 10), wave(1000, 570, 430)]),
        // Active low complementary: S2.
        (reg::DT0_CFG::RED_OUTINVERT.mask(), [wave(1000, 610, 400), wave(1000, 430, 0)]),
        // Active high, and low: neither or both.
        (0, [wave(1000, 390, 10), wave(1000, 430, 0)]),
        (
            reg::DT0_CFG::RED_OUTINVERT.mask() | reg::DT0_CFG::FED_OUTINVERT.mask(),
            [wave(1000, 610, 400), wave(1000, 570, 430)],
        ),
        // A without delay, B with that of falling edges: S1. And A with that of rising ones: S0.
        (reg::DT0_CFG::A_OUTBYPASS.mask(), [wave(1000, 400, 0), wave(1000, 430, 0)]),
        (reg::DT0_CFG::B_OUTBYPASS.mask(), [wave(1000, 390, 10), wave(1000, 700, 0)]),
        // Both delays on B, A bypassed: S8. Outputs swapped: S6 and S7.
        (reg::DT0_CFG::DEB_MODE.mask() | reg::DT0_CFG::A_OUTBYPASS.mask(), [wave(1000, 400, 0), wave(1000, 420, 10)]),
        (reg::DT0_CFG::A_OUTSWAP.mask() | reg::DT0_CFG::B_OUTSWAP.mask(), [wave(1000, 430, 0), wave(1000, 390, 10)]),
        // The other input of each delay: S4 and S5.
        (reg::DT0_CFG::RED_INSEL.mask() | reg::DT0_CFG::FED_INSEL.mask(), [wave(1000, 690, 10), wave(1000, 730, 0)]),
    ];
    for (config, expected) in cases {
        let mut unit = unit(999, cfg1::UP);
        pulses_from_zero(&mut unit, A, 700, NOW);
        write(&mut unit, reg::DT0_RED_CFG, delays[0] - 1, NOW);
        write(&mut unit, reg::DT0_FED_CFG, delays[1] - 1, NOW);
        write(&mut unit, reg::DT0_CFG, config | reg::DT0_CFG::CLK_SEL.mask(), NOW);
        unit.advance(at(5_500));
        assert_eq!([unit.output(0), unit.output(1)], expected, "{config:#x}");
    }
}

#[test]
fn a_pulse_that_is_shorter_than_its_delay_does_not_come_out() {
    let mut unit = unit(999, cfg1::UP);
    pulses_from_zero(&mut unit, 40, 0, NOW);
    write(&mut unit, reg::DT0_RED_CFG, 49, NOW);
    write(&mut unit, reg::DT0_CFG, reg::DT0_CFG::CLK_SEL.mask() | reg::DT0_CFG::B_OUTBYPASS.mask(), NOW);
    unit.advance(at(5_500));
    assert_eq!(unit.output(0), LOW);
    // By default the delay counts PWM_clk, which has ten times the frequency here.
    write(&mut unit, reg::DT0_CFG, reg::DT0_CFG::B_OUTBYPASS.mask(), at(5_500));
    unit.advance(at(9_500));
    assert_eq!(unit.output(0), wave(1000, 35, 5));
}

#[test]
fn a_carrier_chops_what_is_high() {
    // TRM, section "PWM Carrier Submodule". PWM_clk of 10 MHz, PC_clk of 5: a period of 1.6 us, six eighths high, first pulse of two.
    use reg::CARRIER0_CFG as carrier;
    let mut unit = unit(99, cfg1::UP);
    pulses_from_zero(&mut unit, 50, 0, NOW);
    let config = carrier::EN.mask() | carrier::PRESCALE.put(1) | carrier::DUTY.put(6) | carrier::OSHTWTH.put(1);
    write(&mut unit, reg::CARRIER0_CFG, config, NOW);
    let told = edges(&mut unit, 0, 1_099);
    let nanos = Span::from_nanos;
    let burst = Signal::pulses(nanos(1_600), nanos(1_200), at(1_000) + nanos(3_200 + 400));
    assert_eq!(told[told.len() - 3..], [(1_000, HIGH), (1_003, burst), (1_050, LOW)]);
    // An output that stays high is a wave.
    write(&mut unit, reg::GEN0_FORCE, reg::GEN0_FORCE::A_CNTUFORCE_MODE.put(generator::HIGH), at(1_100));
    unit.advance(at(2_000));
    assert_eq!(unit.output(0), Signal::pulses(nanos(1_600), nanos(1_200), at(1_100) + nanos(3_600)));
    write(&mut unit, reg::CARRIER0_CFG, config | carrier::IN_INVERT.mask() | carrier::OUT_INVERT.mask(), at(2_000));
    assert_eq!(unit.output(0), HIGH, "no carrier for what is low, and turned round");
}

/// A unit with pulses of 50 percent that fault 0 trips with this kind of trip; high is the fault.
fn tripping(enable: u32, refresh: u32) -> Mcpwm {
    let mut unit = unit(999, cfg1::UP);
    pulses_from_zero(&mut unit, 500, 500, NOW);
    let actions = reg::FH0_CFG0::A_CBC_U.put(generator::LOW) | reg::FH0_CFG0::A_OST_U.put(generator::HIGH);
    write(&mut unit, reg::FH0_CFG0, enable | actions | reg::FH0_CFG0::B_OST_U.put(generator::TOGGLE), NOW);
    write(&mut unit, reg::FH0_CFG1, reg::FH0_CFG1::CBCPULSE.put(refresh), NOW);
    write(&mut unit, reg::FAULT_DETECT, reg::FAULT_DETECT::F0_EN.mask() | reg::FAULT_DETECT::F0_POLE.mask(), NOW);
    unit.advance(at(4_200));
    write(&mut unit, reg::INT_CLR, u32::MAX, at(4_200));
    unit
}

#[test]
fn a_fault_trips_for_the_rest_of_a_cycle() {
    // TRM, section "PWM Fault Handler Submodule".
    let mut unit = tripping(reg::FH0_CFG0::F0_CBC.mask(), update::ZERO);
    assert_eq!(unit.listening(), 1 << FAULT0);
    unit.set_input(FAULT0, HIGH, at(4_200));
    assert_eq!((unit.output(0), read(&mut unit, reg::FH0_STATUS, at(4_200))), (LOW, reg::FH0_STATUS::CBC_ON.mask()));
    assert_eq!(read(&mut unit, reg::INT_RAW, at(4_200)), reg::INT_RAW::FAULT0.mask() | reg::INT_RAW::TZ0_CBC.mask());
    assert!(reg::FAULT_DETECT::EVENT_F0.is_set(read(&mut unit, reg::FAULT_DETECT, at(4_200))));
    // It is still there at the next zero, and gone at the one after it.
    unit.advance(at(5_100));
    assert_eq!(unit.output(0), LOW);
    unit.set_input(FAULT0, LOW, at(5_300));
    assert!(read(&mut unit, reg::INT_RAW, at(5_300)) & reg::INT_RAW::FAULT0_CLR.mask() != 0);
    assert_eq!(edges(&mut unit, 0, 6_600), [(6_000, HIGH), (6_500, LOW)]);
    assert_eq!(read(&mut unit, reg::FH0_STATUS, at(6_600)), 0);
}

#[test]
fn a_fault_trips_until_software_lets_go() {
    let mut unit = tripping(reg::FH0_CFG0::F0_OST.mask(), update::ZERO);
    unit.set_input(FAULT0, HIGH, at(4_200));
    unit.advance(at(4_500));
    assert_eq!((unit.output(0), unit.output(1)), (HIGH, LOW), "forced and toggled");
    unit.set_input(FAULT0, LOW, at(4_700));
    unit.advance(at(8_800));
    assert_eq!((unit.output(0), unit.output(1)), (HIGH, LOW));
    assert_eq!(read(&mut unit, reg::FH0_STATUS, at(8_800)), reg::FH0_STATUS::OST_ON.mask());
    write(&mut unit, reg::FH0_CFG1, reg::FH0_CFG1::CLR_OST.mask(), at(8_800));
    unit.advance(at(12_000));
    assert_eq!((unit.output(0), unit.output(1)), (wave(1000, 500, 0), wave(1000, 500, 0)));
    // By software, if that is enabled: a toggle trips.
    write(&mut unit, reg::FH0_CFG1, reg::FH0_CFG1::FORCE_OST.mask(), at(12_100));
    assert_eq!(read(&mut unit, reg::FH0_STATUS, at(12_100)), 0);
    let config = read(&mut unit, reg::FH0_CFG0, at(12_100));
    write(&mut unit, reg::FH0_CFG0, config | reg::FH0_CFG0::SW_OST.mask(), at(12_100));
    write(&mut unit, reg::FH0_CFG1, 0, at(12_100));
    unit.advance(at(12_500));
    assert_eq!(unit.output(0), HIGH);
    assert!(read(&mut unit, reg::INT_RAW, at(12_500)) & reg::INT_RAW::TZ0_OST.mask() != 0);
}

#[test]
fn a_fault_or_a_sync_is_an_event_of_the_generator() {
    // TRM, register PWM_GEN0_CFG0: T0 is fault 0, T1 a phase that is taken over.
    let mut unit = tripping(0, 0);
    let config = reg::GEN0_CFG0::T0_SEL.put(0) | reg::GEN0_CFG0::T1_SEL.put(3);
    write(&mut unit, reg::GEN0_CFG0, config, at(4_200));
    let actions = read(&mut unit, reg::GEN0_A, at(4_200));
    let events = reg::GEN0_A::UT0.put(generator::LOW) | reg::GEN0_A::UT1.put(generator::HIGH);
    write(&mut unit, reg::GEN0_A, actions | events, at(4_200));
    unit.set_input(FAULT0, HIGH, at(4_300));
    assert_eq!(unit.output(0), LOW);
    let sync = reg::TIMER0_SYNC::SYNCI_EN.mask() | reg::TIMER0_SYNC::PHASE.put(320) | reg::TIMER0_SYNC::SW.mask();
    write(&mut unit, reg::TIMER0_SYNC, sync, at(4_320));
    assert_eq!(unit.output(0), HIGH);
}

/// A unit that captures with its first channel, the timer counting microseconds times 80.
fn capturing(config: u32) -> Mcpwm {
    let mut unit = Mcpwm::new();
    unit.set_apb_clock(Frequency::from_hertz(80_000_000), NOW);
    write(&mut unit, reg::CAP_TIMER_CFG, reg::CAP_TIMER_CFG::TIMER_EN.mask(), NOW);
    write(&mut unit, reg::CAP_CH_CFG, reg::CAP_CH_CFG::EN.mask() | config, NOW);
    unit
}

fn pulse(unit: &mut Mcpwm, rise: u64, fall: u64) -> [Option<u32>; 2] {
    [(HIGH, rise), (LOW, fall)].map(|(signal, time)| {
        unit.set_input(CAP0, signal, at(time));
        let captured = read(unit, reg::INT_RAW, at(time)) & reg::INT_RAW::CAP0.mask() != 0;
        write(unit, reg::INT_CLR, u32::MAX, at(time));
        captured.then(|| read(unit, reg::CAP_CH, at(time)))
    })
}

#[test]
fn edges_are_captured_as_the_mode_says() {
    // TRM, register PWM_CAP_CH0_CFG: bit 0 of MODE is for falling edges, bit 1 for rising ones.
    for (mode, expected) in
        [(0, [None, None]), (1, [None, Some(2_400)]), (2, [Some(800), None]), (3, [Some(800), Some(2_400)])]
    {
        let mut unit = capturing(reg::CAP_CH_CFG::MODE.put(mode));
        assert_eq!(unit.listening(), 1 << CAP0);
        assert_eq!(pulse(&mut unit, 10, 30), expected, "mode {mode}");
    }
    let mut unit = capturing(reg::CAP_CH_CFG::MODE.put(2) | reg::CAP_CH_CFG::IN_INVERT.mask());
    unit.connect_input(CAP0, LOW);
    assert_eq!(pulse(&mut unit, 10, 30), [None, Some(2_400)], "inverted");
    assert_eq!(read(&mut unit, reg::CAP_STATUS, at(30)), 0, "a rising edge, behind the inversion");
    let mut unit = capturing(reg::CAP_CH_CFG::MODE.put(3));
    pulse(&mut unit, 10, 30);
    assert_eq!(read(&mut unit, reg::CAP_STATUS, at(30)), reg::CAP_STATUS::CAP0_EDGE.mask());
}

#[test]
fn a_prescaler_lets_some_pulses_pass() {
    let mut unit = capturing(reg::CAP_CH_CFG::MODE.put(3) | reg::CAP_CH_CFG::PRESCALE.put(2));
    let captured = [10, 20, 30, 40, 50, 60].map(|rise| pulse(&mut unit, rise, rise + 3));
    let both = |rise: u32| [Some(80 * rise), Some(80 * (rise + 3))];
    let none = [None, None];
    assert_eq!(captured, [none, none, both(30), none, none, both(60)]);
}

#[test]
fn captures_by_software_and_their_timer_is_synced() {
    let mut unit = capturing(0);
    write(&mut unit, reg::CAP_CH_CFG, reg::CAP_CH_CFG::EN.mask() | reg::CAP_CH_CFG::SW.mask(), at(5));
    assert_eq!((read(&mut unit, reg::CAP_CH, at(6)), read(&mut unit, reg::CAP_CH_CFG, at(6))), (400, 1));
    write(&mut unit, reg::CAP_TIMER_PHASE, 7, at(6));
    use reg::CAP_TIMER_CFG as cfg;
    write(&mut unit, reg::CAP_TIMER_CFG, cfg::TIMER_EN.mask() | cfg::SYNCI_EN.mask() | cfg::SYNC_SW.mask(), at(10));
    write(&mut unit, reg::CAP_CH_CFG, reg::CAP_CH_CFG::EN.mask() | reg::CAP_CH_CFG::SW.mask(), at(11));
    assert_eq!(read(&mut unit, reg::CAP_CH, at(12)), 87);
    // By the sync output of a timer, also when its cycles are left out.
    write(&mut unit, reg::CAP_TIMER_CFG, cfg::TIMER_EN.mask() | cfg::SYNCI_EN.mask() | cfg::SYNCI_SEL.put(1), at(20));
    write(&mut unit, reg::CLK_CFG, 15, at(20));
    write(&mut unit, reg::TIMER0_SYNC, reg::TIMER0_SYNC::SYNCO_SEL.put(sync_out::ZERO), at(20));
    write(&mut unit, reg::TIMER0_CFG0, reg::TIMER0_CFG0::PERIOD.put(999) | 9, at(20));
    write(&mut unit, reg::TIMER0_CFG1, run(cfg1::UP), at(100));
    write(&mut unit, reg::CAP_CH_CFG, reg::CAP_CH_CFG::EN.mask() | reg::CAP_CH_CFG::SW.mask(), at(70_101));
    assert_eq!(read(&mut unit, reg::CAP_CH, at(70_101)), 87);
}

#[test]
fn without_its_clock_a_unit_stands_still() {
    let mut unit = unit(999, cfg1::UP);
    pulses_from_zero(&mut unit, 500, 0, NOW);
    unit.advance(at(5_200));
    unit.set_clock_gated(true, at(5_200));
    assert_eq!((unit.output(0), unit.deadline()), (HIGH, None));
    unit.set_clock_gated(false, at(8_000));
    assert_eq!(read(&mut unit, reg::TIMER0_STATUS, at(8_100)), 300);
    unit.advance(at(20_000));
    assert_eq!(unit.output(0), wave(1000, 500, 7_800));
}

#[test]
fn a_day_of_any_timer_costs_nothing() {
    for mode in [cfg1::UP, cfg1::DOWN, cfg1::UP_DOWN] {
        let mut unit = unit(0, mode);
        write(&mut unit, reg::TIMER0_CFG0, reg::TIMER0_CFG0::PERIOD.put(3), NOW);
        write(&mut unit, reg::GEN0_A, 0xFF_FFFF, NOW);
        write(&mut unit, reg::CARRIER0_CFG, 1, NOW);
        unit.advance(at(86_400_000_000));
        assert_ne!(read(&mut unit, reg::INT_RAW, at(86_400_000_000)), 0);
    }
}

proptest! {
    /// Cycles that are left out and outputs that are described change nothing that can be seen.
    #[test]
    fn a_unit_that_nobody_watches_does_the_same(
        mode in 1u32..4, period in 0u32..12, compare in prop::array::uniform2(0u32..14), actions in prop::array::uniform2(any::<u32>()),
        dead in any::<u32>(), delays in prop::array::uniform2(0u32..30), carrier in any::<u32>(), ticks in 1u64..4_000,
        later in 0u32..14, method in 0u32..8, sync in 0u32..4,
    ) {
        let prepared = |watched: u64| {
            let mut unit = Mcpwm::new();
            unit.set_watched(watched);
            unit.set_awaited(watched);
            for (offset, value) in [
                (reg::TIMER0_CFG0, reg::TIMER0_CFG0::PERIOD.put(period)),
                (reg::TIMER0_CFG0 + TIMER_STRIDE, reg::TIMER0_CFG0::PERIOD.put(5)),
                (reg::GEN0_TSTMP_A, compare[0]),
                (reg::GEN0_TSTMP_B, compare[1]),
                (reg::GEN0_A, actions[0]),
                (reg::GEN0_B, actions[1]),
                (reg::DT0_CFG, dead & !0xFF),
                (reg::DT0_RED_CFG, delays[0]),
                (reg::DT0_FED_CFG, delays[1]),
                (reg::CARRIER0_CFG, carrier),
                (reg::OPERATOR_TIMERSEL, 1 << 2),
                (reg::GEN0_A + OPERATOR_STRIDE, actions[0]),
                (reg::TIMER0_SYNC, reg::TIMER0_SYNC::SYNCO_SEL.put(sync)),
                (reg::TIMER0_SYNC + TIMER_STRIDE, reg::TIMER0_SYNC::SYNCI_EN.mask() | reg::TIMER0_SYNC::PHASE.put(2)),
                (reg::TIMER_SYNCI_CFG, 1 << 3),
                (reg::GEN0_STMP_CFG, method),
                (reg::TIMER0_CFG1, run(mode)),
                (reg::TIMER0_CFG1 + TIMER_STRIDE, run(cfg1::UP)),
            ] {
                write(&mut unit, offset, value, NOW);
            }
            unit
        };
        let (mut jumping, mut stepping) = (prepared(0), prepared(0x3F));
        let mut lines = [LOW; MCPWM_OUTPUTS];
        for (half, now) in [(0, Time::from_ticks(ticks * 3)), (1, Time::from_ticks(ticks * 6 + 7))] {
            while let Some(next) = stepping.deadline().filter(|next| *next <= now) {
                stepping.advance(next);
                for change in stepping.take_output_changes() {
                    lines[change.output] = change.signal;
                }
            }
            jumping.advance(now);
            stepping.advance(now);
            for change in stepping.take_output_changes() {
                lines[change.output] = change.signal;
            }
            for (output, line) in lines.iter().enumerate() {
                let level = jumping.output(output).level_at(now);
                prop_assert_eq!(level, stepping.output(output).level_at(now), "output {} half {}", output, half);
                prop_assert_eq!(level, line.level_at(now), "line {} half {}", output, half);
            }
            for register in [reg::INT_RAW, reg::TIMER0_STATUS, reg::TIMER0_STATUS + TIMER_STRIDE] {
                prop_assert_eq!(read(&mut jumping, register, now), read(&mut stepping, register, now), "{:#x} half {}", register, half);
            }
            for unit in [&mut jumping, &mut stepping] {
                write(unit, reg::INT_CLR, u32::MAX, now);
                write(unit, reg::GEN0_TSTMP_A, later, now);
            }
        }
    }
}
