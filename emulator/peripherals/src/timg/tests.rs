//! Statements of the manual, and sequences of the drivers.

use super::registers::{line, reg, wdt};
use super::{TimerGroup, WatchdogReset};
use crate::clocks::APB_WITH_PLL;
use crate::watchdog::WRITE_KEY;
use espalier_core::{Device, Field, Frequency, Time};
use proptest::prelude::{any, proptest};

const EN: u32 = 1 << 31;
const INCREASE: u32 = 1 << 30;
const AUTORELOAD: u32 = 1 << 29;
const ALARM_EN: u32 = 1 << 10;
const LEVEL_INT_EN: u32 = 1 << 11;
const EDGE_INT_EN: u32 = 1 << 12;

fn divider(divider: u32) -> u32 {
    divider << 13
}

fn group() -> TimerGroup {
    let mut group = TimerGroup::new();
    group.set_apb_clock(APB_WITH_PLL, Time::ZERO);
    group
}

fn set(group: &mut TimerGroup, offset: u32, value: u32, micros: u64) {
    group.write(offset, value, Time::from_micros(micros)).unwrap();
}

fn get(group: &mut TimerGroup, offset: u32, micros: u64) -> u32 {
    group.read(offset, Time::from_micros(micros)).unwrap()
}

fn latched(group: &mut TimerGroup, low: u32, micros: u64) -> u64 {
    set(group, low + 8, 1, micros);
    u64::from(get(group, low, micros)) | u64::from(get(group, low + 4, micros)) << 32
}

const STAGES: [Field; 4] =
    [reg::WDTCONFIG0::WDT_STG0, reg::WDTCONFIG0::WDT_STG1, reg::WDTCONFIG0::WDT_STG2, reg::WDTCONFIG0::WDT_STG3];

#[test]
fn software_reads_the_latched_value() {
    // "64-bit Timers": writing TIMGn_TxUPDATE copies the counter into LO and HI.
    let mut group = group();
    set(&mut group, reg::T0CONFIG, EN | INCREASE | divider(80), 0);
    assert_eq!(get(&mut group, reg::T0LO, 50), 0);
    assert_eq!(latched(&mut group, reg::T0LO, 50), 50);
    assert_eq!(get(&mut group, reg::T0LO, 90), 50);
    set(&mut group, reg::T0CONFIG, EN | divider(80), 90);
    assert_eq!(latched(&mut group, reg::T0LO, 95), 85);
}

#[test]
fn the_prescaler_divides_by_two_to_65536() {
    for (field, by) in [(0u32, 65536u64), (1, 2), (2, 2), (3, 3), (65535, 65535)] {
        let mut group = group();
        set(&mut group, reg::T1CONFIG, EN | INCREASE | divider(field), 0);
        assert_eq!(latched(&mut group, reg::T1LO, 10_000), 800_000 / by);
    }
}

#[test]
fn an_alarm_reloads_interrupts_and_disarms_itself() {
    let mut group = group();
    set(&mut group, reg::T0LOADLO, 7, 0);
    set(&mut group, reg::T0ALARMLO, 100, 0);
    set(&mut group, reg::T0CONFIG, EN | INCREASE | AUTORELOAD | LEVEL_INT_EN | ALARM_EN | divider(80), 0);
    assert_eq!(group.deadline(), Some(Time::from_micros(100)));
    group.advance(Time::from_micros(103));
    assert_eq!((group.interrupts(), group.take_edges(), group.deadline()), (line::T0, 0, None));
    assert_eq!(get(&mut group, reg::T0CONFIG, 103) & ALARM_EN, 0);
    assert_eq!(latched(&mut group, reg::T0LO, 103), 10, "reloaded when the alarm was due");
    set(&mut group, reg::INT_ENA, line::T0, 103);
    assert_eq!(get(&mut group, reg::INT_ST, 103), line::T0);
    set(&mut group, reg::INT_CLR, line::T0, 103);
    assert_eq!(group.interrupts(), 0);
}

#[test]
fn an_alarm_that_has_passed_goes_off_at_once() {
    let mut group = group();
    set(&mut group, reg::T1CONFIG, EN | INCREASE | divider(80), 0);
    set(&mut group, reg::T1ALARMLO, 10, 20);
    set(&mut group, reg::T1CONFIG, EN | INCREASE | ALARM_EN | EDGE_INT_EN | divider(80), 20);
    assert_eq!((group.interrupts(), group.take_edges()), (0, line::T1));
}

#[test]
fn esp_timer_runs_on_lact() {
    // esp_timer_impl_init and esp_timer_impl_set_alarm of ESP-IDF 4 and 5: 2 MHz from an APB of 80 MHz.
    let mut group = group();
    set(&mut group, reg::LACTCONFIG, 0, 0);
    set(&mut group, reg::LACTALARMLO, u32::MAX, 0);
    set(&mut group, reg::LACTALARMHI, u32::MAX, 0);
    set(&mut group, reg::LACTLOAD, 1, 0);
    let config = divider(40) | INCREASE | LEVEL_INT_EN | EN;
    set(&mut group, reg::LACTCONFIG, config, 0);
    assert_eq!(latched(&mut group, reg::LACTLO, 1000), 2000);
    set(&mut group, reg::LACTALARMLO, 3000, 1000);
    set(&mut group, reg::LACTALARMHI, 0, 1000);
    set(&mut group, reg::LACTCONFIG, config | ALARM_EN, 1000);
    assert_eq!(group.deadline(), Some(Time::from_micros(1500)));
    group.advance(Time::from_micros(1500));
    assert_eq!(group.interrupts(), line::LACT);
    // A change of the APB clock keeps the count.
    group.set_apb_clock(Frequency::from_hertz(40_000_000), Time::from_micros(2000));
    assert_eq!(latched(&mut group, reg::LACTLO, 3000), 5000);
}

#[test]
fn the_watchdog_interrupts_then_resets() {
    // mwdt_ll as the interrupt watchdog of ESP-IDF uses it: 500 us ticks, interrupt, then system reset.
    let mut group = group();
    set(&mut group, reg::WDTWPROTECT, WRITE_KEY, 0);
    set(&mut group, reg::WDTCONFIG1, 40_000 << 16, 0);
    set(&mut group, reg::WDTCONFIG2, 600, 0);
    set(&mut group, reg::WDTCONFIG3, 1200, 0);
    let stages = wdt::INTERRUPT << 29 | wdt::RESET_SYSTEM << 27;
    set(
        &mut group,
        reg::WDTCONFIG0,
        reg::WDTCONFIG0::WDT_EN.mask() | stages | reg::WDTCONFIG0::WDT_LEVEL_INT_EN.mask(),
        0,
    );
    set(&mut group, reg::WDTFEED, 1, 100_000);
    set(&mut group, reg::WDTWPROTECT, 0, 100_000);
    set(&mut group, reg::WDTFEED, 1, 200_000);
    assert_eq!(group.deadline(), Some(Time::from_micros(400_000)), "write protection stops the second feed");
    group.advance(Time::from_micros(400_000));
    assert_eq!((group.interrupts(), group.take_reset()), (line::WDT, None));
    assert_eq!(group.deadline(), Some(Time::from_micros(1_000_000)));
    group.advance(Time::from_micros(1_000_000));
    assert_eq!((group.take_reset(), group.take_reset()), (Some(WatchdogReset::System), None));
}

#[test]
fn a_core_is_reset_no_more_often_than_it_can_start() {
    let mut group = group();
    let stages = wdt::RESET_CPU << 29 | wdt::RESET_CPU << 27 | wdt::RESET_CPU << 25 | wdt::RESET_CPU << 23;
    for stage in 0..4 {
        set(&mut group, reg::WDTCONFIG2 + 4 * stage, 0, 100);
    }
    set(&mut group, reg::WDTCONFIG0, reg::WDTCONFIG0::WDT_EN.mask() | stages, 100);
    let mut resets = 0;
    while let Some(at) = group.deadline().filter(|at| *at <= Time::from_micros(200)) {
        group.advance(at);
        assert_eq!(group.take_reset(), Some(WatchdogReset::Cpu), "woken at {at:?} for nothing");
        resets += 1;
    }
    assert_eq!(resets, 100);
}

#[test]
fn light_sleep_stops_timers_and_watchdog() {
    // ESP-IDF moves its timer on by the time slept, as the timer has stood still.
    let mut group = group();
    set(&mut group, reg::LACTCONFIG, EN | INCREASE | divider(80), 0);
    set(&mut group, reg::WDTCONFIG1, 80 << 16, 0);
    set(&mut group, reg::WDTCONFIG2, 500, 0);
    set(&mut group, reg::WDTCONFIG0, reg::WDTCONFIG0::WDT_EN.mask() | wdt::RESET_SYSTEM << 29, 0);
    group.set_clock_gated(true, Time::from_micros(100));
    assert_eq!(group.deadline(), None);
    group.set_clock_gated(false, Time::from_micros(1_000_100));
    assert_eq!(latched(&mut group, reg::LACTLO, 1_000_150), 150);
    assert_eq!(group.deadline(), Some(Time::from_micros(1_000_500)));
}

#[test]
fn flash_boot_starts_the_watchdog_until_software_stops_it() {
    // "Watchdog Timers", "Flash Boot Protection".
    let mut guarded = TimerGroup::new();
    guarded.set_flash_boot(true, Time::ZERO);
    let at = guarded.deadline().unwrap();
    let mut stopped = guarded.clone();
    guarded.advance(at);
    assert_eq!(guarded.take_reset(), Some(WatchdogReset::System));
    let config = get(&mut stopped, reg::WDTCONFIG0, 10);
    set(&mut stopped, reg::WDTCONFIG0, config & !reg::WDTCONFIG0::WDT_FLASHBOOT_MOD_EN.mask(), 10);
    assert_eq!(stopped.deadline(), None);
}

#[test]
fn calibration_measures_the_slow_clock_in_crystal_periods() {
    // rtc_clk_cal_internal: 1024 periods of the 150 kHz clock take 6826 us and 273067 periods of 40 MHz.
    let mut group = group();
    set(&mut group, reg::RTCCALICFG, 1024 << 16, 0);
    set(&mut group, reg::RTCCALICFG, 1024 << 16 | reg::RTCCALICFG::RTC_CALI_START.mask(), 0);
    assert_eq!(get(&mut group, reg::RTCCALICFG, 6_826) & reg::RTCCALICFG::RTC_CALI_RDY.mask(), 0);
    assert_ne!(get(&mut group, reg::RTCCALICFG, 6_827) & reg::RTCCALICFG::RTC_CALI_RDY.mask(), 0);
    assert_eq!(get(&mut group, reg::RTCCALICFG1, 6_827) >> 7, 273_067);
    // The estimate of the crystal: ten periods of the 8.5 MHz clock divided by 256.
    let estimate = 1 << 13 | 10 << 16;
    set(&mut group, reg::RTCCALICFG, estimate, 10_000);
    set(&mut group, reg::RTCCALICFG, estimate | reg::RTCCALICFG::RTC_CALI_START.mask(), 10_000);
    assert_eq!(get(&mut group, reg::RTCCALICFG1, 11_000) >> 7, 12_047);
    // The ROM finds this value after reset, one period; with the fast oscillator's frequency from eFuse it is nearest to 40 MHz.
    let value = u64::from(get(&mut TimerGroup::new(), reg::RTCCALICFG1, 0) >> 7);
    assert_eq!((value * 8_500_000 / 256 + 500_000) / 1_000_000, 40);
}

#[test]
fn a_calibration_of_no_period_waits_for_the_next_slow_edge() {
    // rtc_clk_wait_for_slow_cycle.
    let mut group = group();
    set(&mut group, reg::RTCCALICFG, 0, 100);
    set(&mut group, reg::RTCCALICFG, reg::RTCCALICFG::RTC_CALI_START.mask(), 100);
    assert_eq!(get(&mut group, reg::RTCCALICFG, 101) & reg::RTCCALICFG::RTC_CALI_RDY.mask(), 0);
    assert_ne!(get(&mut group, reg::RTCCALICFG, 107) & reg::RTCCALICFG::RTC_CALI_RDY.mask(), 0);
}

#[test]
fn a_crystal_that_is_not_there_never_becomes_ready() {
    let mut group = group();
    let start = 2 << 13 | 1 << 16 | reg::RTCCALICFG::RTC_CALI_START.mask();
    set(&mut group, reg::RTCCALICFG, start, 0);
    assert_eq!(get(&mut group, reg::RTCCALICFG, 10_000_000) & reg::RTCCALICFG::RTC_CALI_RDY.mask(), 0);
    group.set_xtal_32k(true);
    set(&mut group, reg::RTCCALICFG, 0, 10_000_000);
    set(&mut group, reg::RTCCALICFG, start, 10_000_000);
    assert_eq!(get(&mut group, reg::RTCCALICFG1, 10_001_000) >> 7, 1221);
}

#[test]
fn reset_keeps_the_clocks() {
    let mut group = group();
    set(&mut group, reg::T0CONFIG, EN | INCREASE | divider(80), 0);
    group.reset();
    assert_eq!(latched(&mut group, reg::T0LO, 100), 0);
    set(&mut group, reg::T0CONFIG, EN | INCREASE | divider(80), 100);
    assert_eq!(latched(&mut group, reg::T0LO, 150), 50);
}

proptest! {
    #[test]
    fn any_access_at_any_time_is_harmless(accesses in proptest::collection::vec((0u32..0x104, any::<u32>(), any::<u64>()), 0..200)) {
        let mut group = group();
        let mut now = 0u64;
        for (offset, value, step) in accesses {
            now = now.saturating_add(step >> (value % 64));
            let _ = group.write(offset & !3, value, Time::from_ticks(now));
            let _ = group.read(offset & !3, Time::from_ticks(now));
            if value % 7 == 0 {
                group.set_apb_clock(Frequency::from_hertz(u64::from(value % 80) * 1_000_000 + 1), Time::from_ticks(now));
                group.set_clock_gated(value % 2 == 0, Time::from_ticks(now));
                group.advance(Time::from_ticks(now));
            }
            assert!(group.deadline().is_none_or(|at| at.ticks() > now || now == u64::MAX));
        }
    }
}

/// Stages of one cycle each that all interrupt by an edge: a core could not tell more of them than one in a microsecond.
#[test]
fn the_fastest_watchdog_does_not_keep_the_emulator_busy() {
    let mut group = group();
    set(&mut group, reg::WDTWPROTECT, WRITE_KEY, 0);
    set(&mut group, reg::WDTCONFIG1, reg::WDTCONFIG1::WDT_CLK_PRESCALE.put(1), 0);
    for stage in 0..4 {
        set(&mut group, reg::WDTCONFIG2 + 4 * stage, 0, 0);
    }
    let all = |action: u32| STAGES.iter().fold(0, |config, stage| config | stage.put(action));
    set(
        &mut group,
        reg::WDTCONFIG0,
        reg::WDTCONFIG0::WDT_EN.mask()
            | all(wdt::INTERRUPT)
            | reg::WDTCONFIG0::WDT_EDGE_INT_EN.mask()
            | reg::WDTCONFIG0::WDT_LEVEL_INT_EN.mask(),
        10,
    );
    let mut pulses = 0;
    while let Some(at) = group.deadline().filter(|at| *at < Time::from_micros(1000)) {
        group.advance(at);
        pulses += u32::from(group.take_edges() == line::WDT);
        assert!(group.deadline().is_some_and(|next| next > at), "{at}");
    }
    assert!((980..1000).contains(&pulses), "{pulses}");
    assert_eq!(group.interrupts(), line::WDT);
    set(&mut group, reg::WDTCONFIG0, reg::WDTCONFIG0::WDT_EN.mask() | all(wdt::OFF), 1000);
    // The last edge keeps its distance as well.
    group.advance(Time::from_micros(1002));
    assert_eq!(group.deadline(), None);
}

proptest! {
    /// Checks the promises of [`Device::steady_until`] and [`Device::quiet_write`] after writes of any value to any register.
    #[test]
    fn steady_words_stay_and_quiet_writes_do_nothing_else(
        writes in proptest::collection::vec((0u32..40, any::<u32>(), 0u64..3000), 1..30),
        later in 0u64..3000,
    ) {
        let mut group = group();
        group.write(reg::WDTWPROTECT, WRITE_KEY, Time::ZERO).unwrap();
        let mut micros = 0;
        for (word, value, pause) in writes {
            micros += pause;
            let now = Time::from_micros(micros);
            // Some words are no registers.
            let _ = group.write(4 * word, value, now);
            group.advance(now);
            let then = Time::from_micros(micros + later);
            if group.deadline().is_some_and(|deadline| deadline <= then) {
                continue;
            }
            let seen = |group: &mut TimerGroup| (group.interrupts(), group.deadline(), group.take_edges(), group.take_reset());
            let expected = seen(&mut group);
            for offset in (0..0xB0).step_by(4).filter(|offset| group.steady_until(*offset, now).is_some()) {
                let mut other = group.clone();
                assert_eq!(other.read(offset, now), other.read(offset, then), "the word at {offset:#x}");
                let (interrupts, deadline, ..) = expected;
                assert_eq!(seen(&mut other), (interrupts, deadline, 0, None), "after a read of the word at {offset:#x}");
            }
            for offset in (0..0xB0).step_by(4) {
                let Some(words) = group.quiet_write(offset) else { continue };
                let mut other = group.clone();
                other.write(offset, value, then).unwrap();
                for word in (0..0xB0).step_by(4).filter(|word| group.steady_until(*word, now).is_some() && !words.contains(word)) {
                    let read = group.clone().read(word, then);
                    assert_eq!(other.clone().read(word, then), read, "{word:#x} after a write of the word at {offset:#x}");
                }
                let (interrupts, deadline, ..) = expected;
                assert_eq!(seen(&mut other), (interrupts, deadline, 0, None), "after a write of the word at {offset:#x}");
            }
        }
    }
}
