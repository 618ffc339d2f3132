//! Statements of the manual, and sequences of ESP-IDF.

use super::registers::{self, reg};
use super::{Cpu, ResetCause, RtcCntl, RtcEffect, Sleep, WakeupSource};
use crate::clocks::{SlowClock, SocClock};
use crate::watchdog::WRITE_KEY;
use espalier_core::{Device, Frequency, Span, Time};
use proptest::prelude::{any, proptest};

fn set(rtc: &mut RtcCntl, offset: u32, value: u32, micros: u64) {
    rtc.write(offset, value, Time::from_micros(micros)).unwrap();
}

fn get(rtc: &mut RtcCntl, offset: u32, micros: u64) -> u32 {
    rtc.read(offset, Time::from_micros(micros)).unwrap()
}

fn time(rtc: &mut RtcCntl, micros: u64) -> u64 {
    set(rtc, reg::TIME_UPDATE, reg::TIME_UPDATE::TIME_UPDATE.mask(), micros);
    assert_eq!(get(rtc, reg::TIME_UPDATE, micros) & reg::TIME_UPDATE::TIME_VALID.mask(), 0);
    rtc.advance(rtc.deadline().unwrap());
    assert_ne!(get(rtc, reg::TIME_UPDATE, micros + 7) & reg::TIME_UPDATE::TIME_VALID.mask(), 0);
    u64::from(get(rtc, reg::TIME0, micros + 7)) | u64::from(get(rtc, reg::TIME1, micros + 7)) << 32
}

fn causes(rtc: &mut RtcCntl, micros: u64) -> (u32, u32) {
    let state = get(rtc, reg::RESET_STATE, micros);
    (state & 0x3F, state >> 6 & 0x3F)
}

#[test]
fn the_timer_counts_the_slow_clock_and_is_latched_by_its_next_edge() {
    // rtc_time_get: TIME_UPDATE, wait for TIME_VALID, read TIME0 and TIME1.
    let mut rtc = RtcCntl::new();
    assert_eq!(time(&mut rtc, 1_000_000), 150_001);
    assert_eq!(get(&mut rtc, reg::INT_RAW, 1_000_010), reg::INT_RAW::TIME_VALID.mask());
    set(&mut rtc, reg::CLK_CONF, 1 << 30, 2_000_000);
    assert_eq!((rtc.slow_clock(), rtc.take_effect()), (SlowClock::Xtal32k, Some(RtcEffect::ClockChanged)));
    set(&mut rtc, reg::TIME_UPDATE, reg::TIME_UPDATE::TIME_UPDATE.mask(), 3_000_000);
    assert_eq!(get(&mut rtc, reg::TIME0, 3_000_100).abs_diff(300_000 + 32_768), 1, "one more, from its next edge");
}

#[test]
fn causes_say_who_was_reset_and_why() {
    let mut rtc = RtcCntl::new();
    assert_eq!(causes(&mut rtc, 0), (1, 1));
    rtc.apply_reset(ResetCause::ProCpu, Some(Cpu::App), Time::from_micros(1));
    assert_eq!(causes(&mut rtc, 1), (1, 14));
    rtc.apply_reset(ResetCause::TimerGroup0System, None, Time::from_micros(2));
    assert_eq!(causes(&mut rtc, 2), (7, 7));
    rtc.apply_reset(ResetCause::RtcWatchdogRtc, None, Time::from_micros(3));
    assert_eq!(causes(&mut rtc, 3), (16, 16));
    rtc.reset();
    assert_eq!(causes(&mut rtc, 4), (1, 1));
}

#[test]
fn a_core_reset_leaves_the_rtc_alone_and_a_system_reset_does_not() {
    // "Reset and Clock": a core reset reaches everything but the RTC.
    let mut rtc = RtcCntl::new();
    set(&mut rtc, reg::STORE6, 0xABCD, 1_000_000);
    set(&mut rtc, reg::CLK_CONF, 1 << 27, 1_000_000);
    rtc.apply_reset(ResetCause::SoftwareSystem, None, Time::from_micros(1_000_000));
    assert_eq!((get(&mut rtc, reg::STORE6, 1_000_000), rtc.soc_clock()), (0xABCD, SocClock::Pll));
    assert_eq!(time(&mut rtc, 2_000_000), 300_001);
    rtc.apply_reset(ResetCause::RtcWatchdogRtc, None, Time::from_micros(3_000_000));
    assert_eq!((get(&mut rtc, reg::STORE6, 3_000_000), rtc.soc_clock()), (0, SocClock::Xtal));
    assert_eq!(time(&mut rtc, 4_000_000), 150_001);
}

#[test]
fn options0_resets_and_clears_itself() {
    let mut rtc = RtcCntl::new();
    let options = get(&mut rtc, reg::OPTIONS0, 0);
    set(
        &mut rtc,
        reg::OPTIONS0,
        options | reg::OPTIONS0::SW_APPCPU_RST.mask() | reg::OPTIONS0::SW_PROCPU_RST.mask(),
        0,
    );
    let cause = ResetCause::SoftwareCpu;
    assert_eq!(rtc.take_effect(), Some(RtcEffect::ResetCpu { cpu: Cpu::App, cause }));
    assert_eq!(rtc.take_effect(), Some(RtcEffect::ResetCpu { cpu: Cpu::Pro, cause }));
    set(&mut rtc, reg::OPTIONS0, options | reg::OPTIONS0::SW_SYS_RST.mask(), 0);
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Reset { cause: ResetCause::SoftwareSystem }));
    assert_eq!((get(&mut rtc, reg::OPTIONS0, 0), rtc.take_effect()), (options, None));
}

#[test]
fn a_cpu_stalls_when_both_fields_together_hold_0x86() {
    // esp_cpu_stall for the APP CPU: C1 = 0x21, C0 = 2.
    let mut rtc = RtcCntl::new();
    set(&mut rtc, reg::SW_CPU_STALL, 0x21 << 20, 0);
    assert_eq!(rtc.take_effect(), None);
    let options = get(&mut rtc, reg::OPTIONS0, 0);
    set(&mut rtc, reg::OPTIONS0, options | 2, 0);
    assert_eq!(rtc.take_effect(), Some(RtcEffect::StallCpu { cpu: Cpu::App, stalled: true }));
    assert!(rtc.is_stalled(Cpu::App) && !rtc.is_stalled(Cpu::Pro));
    set(&mut rtc, reg::SW_CPU_STALL, 0, 0);
    assert_eq!(rtc.take_effect(), Some(RtcEffect::StallCpu { cpu: Cpu::App, stalled: false }));
}

#[test]
fn esp_restart_arms_the_watchdog_for_one_second() {
    // esp_restart_noos: stage 0 resets the system after 1 s, stage 1 the RTC after another.
    let mut rtc = RtcCntl::new();
    set(&mut rtc, reg::WDTWPROTECT, WRITE_KEY, 0);
    set(&mut rtc, reg::WDTCONFIG1, 150_000, 0);
    set(&mut rtc, reg::WDTCONFIG2, 150_000, 0);
    let stages = registers::WDT_RESET_SYSTEM << 28 | registers::WDT_RESET_RTC << 25;
    set(
        &mut rtc,
        reg::WDTCONFIG0,
        reg::WDTCONFIG0::WDT_EN.mask() | stages | reg::WDTCONFIG0::WDT_FLASHBOOT_MOD_EN.mask(),
        0,
    );
    set(&mut rtc, reg::WDTFEED, 1 << 31, 500);
    set(&mut rtc, reg::WDTWPROTECT, 0, 500);
    set(&mut rtc, reg::WDTFEED, 1 << 31, 700_000);
    assert_eq!(rtc.deadline(), Some(Time::from_micros(1_000_500)));
    rtc.advance(Time::from_micros(1_000_500));
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Reset { cause: ResetCause::RtcWatchdogSystem }));
    rtc.apply_reset(ResetCause::RtcWatchdogSystem, None, Time::from_micros(1_000_500));
    assert_eq!(rtc.reset_cause(Cpu::Pro), ResetCause::RtcWatchdogSystem);
    rtc.advance(Time::from_micros(2_000_500));
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Reset { cause: ResetCause::RtcWatchdogRtc }));
}

#[test]
fn flash_boot_starts_the_watchdog() {
    // "Flash Boot Protection": 128000 cycles of the slow clock, then system and RTC.
    let mut rtc = RtcCntl::new();
    rtc.set_flash_boot(true, Time::ZERO);
    assert_eq!(rtc.deadline(), Some(Time::from_micros(853_333)).map(|at| at + Span::from_ticks(160)));
    let mut stopped = rtc.clone();
    rtc.advance(rtc.deadline().unwrap());
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Reset { cause: ResetCause::RtcWatchdogRtc }));
    set(&mut stopped, reg::WDTCONFIG0, 0, 10);
    assert_eq!(stopped.deadline(), None);
}

#[test]
fn the_watchdog_resets_the_enabled_cpus() {
    let mut rtc = RtcCntl::new();
    set(&mut rtc, reg::WDTCONFIG1, 15, 0);
    set(
        &mut rtc,
        reg::WDTCONFIG0,
        reg::WDTCONFIG0::WDT_EN.mask() | registers::WDT_RESET_CPU << 28 | reg::WDTCONFIG0::WDT_PROCPU_RESET_EN.mask(),
        0,
    );
    rtc.advance(Time::from_micros(100));
    let cause = ResetCause::RtcWatchdogCpu;
    assert_eq!((rtc.take_effect(), rtc.take_effect()), (Some(RtcEffect::ResetCpu { cpu: Cpu::Pro, cause }), None));
}

/// In 150 kHz cycles, what ESP-IDF sets before it sleeps (rtc_sleep_low_init and rtc_sleep_init): a millisecond for the crystal,
/// four cycles for the RC oscillator, and one for each power-up and wait.
fn set_wake_up_times(rtc: &mut RtcCntl) {
    set(rtc, reg::TIMER1, 1 << 24 | 150 << 14 | 4 << 6, 0);
    set(rtc, reg::TIMER3, 0x0201_0201, 0);
    set(rtc, reg::TIMER4, 0x0201_0201, 0);
    set(rtc, reg::TIMER5, 0x0201_8000, 0);
}

/// The cycles that ESP-IDF reckons with for that: XTL_BUF_WAIT, CK8M_WAIT and RTC_CNTL_WAKEUP_DELAY_CYCLES.
fn waking() -> Span {
    Frequency::from_hertz(150_000).cycles(150 + 4 + 7)
}

fn sleep_until(rtc: &mut RtcCntl, alarm: u32, deep: bool) {
    set_wake_up_times(rtc);
    // As rtc_cntl_ll_set_wakeup_timer of ESP-IDF does it for this chip: without MAIN_TIMER_ALARM_EN.
    set(rtc, reg::SLP_TIMER0, alarm, 0);
    set(rtc, reg::SLP_TIMER1, 0, 0);
    set(rtc, reg::WAKEUP_STATE, (WakeupSource::Timer as u32 | WakeupSource::Ext1 as u32) << 11, 0);
    set(rtc, reg::DIG_PWC, if deep { reg::DIG_PWC::DG_WRAP_PD_EN.mask() } else { 0 }, 0);
    set(rtc, reg::STATE0, reg::STATE0::SLEEP_EN.mask(), 0);
}

#[test]
fn the_timer_ends_a_deep_sleep_with_a_reset() {
    let mut rtc = RtcCntl::new();
    sleep_until(&mut rtc, 15_000, true);
    let wake_at = Some(Time::from_micros(100_000));
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Sleep { kind: Sleep::Deep, wake_at }));
    assert_eq!((rtc.sleeping(), rtc.deadline()), (Some(Sleep::Deep), wake_at));
    rtc.advance(Time::from_micros(100_000));
    assert_eq!((rtc.take_effect(), rtc.deadline()), (None, wake_at.map(|at| at + waking())));
    rtc.advance(Time::from_micros(100_000) + waking());
    let cause = ResetCause::DeepSleep;
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Reset { cause }));
    rtc.apply_reset(cause, None, Time::from_micros(110_000));
    assert_eq!(causes(&mut rtc, 110_000), (5, 5));
    assert_eq!(
        reg::WAKEUP_STATE::WAKEUP_CAUSE.get(get(&mut rtc, reg::WAKEUP_STATE, 110_000)),
        WakeupSource::Timer as u32
    );
    assert_eq!(get(&mut rtc, reg::STATE0, 110_000) & reg::STATE0::SLEEP_EN.mask(), 0);
}

#[test]
fn the_memory_is_checked_before_a_deep_sleep() {
    // rtc_deep_sleep_start: set address and length, start, wait for RTC_MEM_CRC_FINISH, clear start.
    let mut rtc = RtcCntl::new();
    let whole = 0x7FF << 20 | 1;
    let waits = |rtc: &mut RtcCntl, now| get(rtc, reg::MEM_CONF, now) & reg::MEM_CONF::MEM_CRC_FINISH.mask() == 0;
    let mut results = Vec::new();
    for (memory, now) in [([1; 8192], 0), ([1; 8192], 100), ([2; 8192], 200)] {
        set(&mut rtc, reg::MEM_CONF, whole, now);
        set(&mut rtc, reg::MEM_CONF, whole | reg::MEM_CONF::MEM_CRC_START.mask(), now);
        assert_eq!(rtc.take_effect(), Some(RtcEffect::MemoryCrc { first_word: 0, words: 2048 }));
        rtc.finish_memory_crc(&memory);
        // 2048 cycles of 80 MHz, in which it cannot be started once more.
        assert!(waits(&mut rtc, now + 25));
        set(&mut rtc, reg::MEM_CONF, whole, now + 25);
        set(&mut rtc, reg::MEM_CONF, whole | reg::MEM_CONF::MEM_CRC_START.mask(), now + 25);
        assert_eq!(rtc.take_effect(), None);
        assert!(!waits(&mut rtc, now + 26));
        results.push(get(&mut rtc, reg::MEM_CRC_RES, now + 26));
    }
    assert!(results[0] == results[1] && results[1] != results[2]);
}

#[test]
fn pads_end_a_light_sleep() {
    let mut rtc = RtcCntl::new();
    set(&mut rtc, reg::EXT_WAKEUP1, 0b110, 0);
    set(&mut rtc, reg::EXT_WAKEUP_CONF, reg::EXT_WAKEUP_CONF::EXT_WAKEUP1_LV.mask(), 0);
    sleep_until(&mut rtc, 15_000, false);
    assert!(matches!(rtc.take_effect(), Some(RtcEffect::Sleep { kind: Sleep::Light, .. })));
    rtc.set_rtc_pads(0b001, 0, Time::from_micros(10));
    assert_eq!(rtc.take_effect(), None);
    rtc.set_rtc_pads(0b100, 0, Time::from_micros(20));
    assert_eq!((rtc.take_effect(), rtc.sleeping()), (None, Some(Sleep::Light)));
    // It sleeps for MIN_SLP_VAL at least, and then has to come up. What else would wake it is late.
    let up = Time::ZERO + Frequency::from_hertz(150_000).cycles(128) + waking();
    rtc.set_rtc_pads(0b010, 0, Time::from_micros(30));
    assert_eq!(rtc.deadline(), Some(up));
    rtc.advance(up);
    assert_eq!((rtc.take_effect(), rtc.sleeping()), (Some(RtcEffect::Wake), None));
    assert_eq!(get(&mut rtc, reg::EXT_WAKEUP1_STATUS, 3000), 0b100);
    assert_eq!(get(&mut rtc, reg::INT_RAW, 3000), reg::INT_RAW::SLP_WAKEUP.mask());
}

#[test]
fn an_alarm_in_the_past_wakes_at_once() {
    let mut rtc = RtcCntl::new();
    set_wake_up_times(&mut rtc);
    rtc.advance(Time::from_micros(1000));
    set(&mut rtc, reg::WAKEUP_STATE, (WakeupSource::Timer as u32) << 11, 1000);
    set(&mut rtc, reg::SLP_TIMER1, reg::SLP_TIMER1::MAIN_TIMER_ALARM_EN.mask(), 1000);
    set(&mut rtc, reg::STATE0, reg::STATE0::SLEEP_EN.mask(), 2000);
    assert!(matches!(rtc.take_effect(), Some(RtcEffect::Sleep { .. })));
    rtc.advance(Time::from_micros(2000) + Frequency::from_hertz(150_000).cycles(128) + waking());
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Wake));
}

#[test]
fn the_alarm_interrupts_an_awake_chip() {
    let mut rtc = RtcCntl::new();
    set(&mut rtc, reg::INT_ENA, reg::INT_RAW::MAIN_TIMER.mask(), 0);
    set(&mut rtc, reg::SLP_TIMER0, 150, 0);
    set(&mut rtc, reg::SLP_TIMER1, reg::SLP_TIMER1::MAIN_TIMER_ALARM_EN.mask(), 0);
    set(&mut rtc, reg::INT_CLR, u32::MAX, 0);
    rtc.advance(Time::from_micros(999));
    assert_eq!(rtc.interrupts(), 0);
    rtc.advance(Time::from_micros(1000));
    assert_eq!((rtc.interrupts(), get(&mut rtc, reg::INT_ST, 1000)), (1, reg::INT_RAW::MAIN_TIMER.mask()));
}

proptest! {
    #[test]
    fn any_access_at_any_time_is_harmless(accesses in proptest::collection::vec((0u32..0x144, any::<u32>(), any::<u64>()), 0..200)) {
        let mut rtc = RtcCntl::new();
        let mut now = 0u64;
        for (offset, value, step) in accesses {
            now = now.saturating_add(step >> (value % 64));
            let at = Time::from_ticks(now);
            let _ = rtc.write(offset & !3, value, at);
            let _ = rtc.read(offset & !3, at);
            rtc.set_rtc_pads(value, value >> 27, at);
            while let Some(effect) = rtc.take_effect() {
                match effect {
                    RtcEffect::Reset { cause } => rtc.apply_reset(cause, None, at),
                    RtcEffect::ResetCpu { cpu, cause } => rtc.apply_reset(cause, Some(cpu), at),
                    _ => {}
                }
            }
            assert!(rtc.deadline().is_none_or(|deadline| deadline.ticks() > now || now == u64::MAX));
        }
    }
}

#[test]
fn the_ulp_coprocessor_has_a_timer_and_an_interrupt() {
    let mut rtc = RtcCntl::new();
    assert_eq!(rtc.ulp_timer(), (false, 0x10));
    set(&mut rtc, reg::STATE0, reg::STATE0::ULP_CP_SLP_TIMER_EN.mask(), 0);
    assert_eq!(rtc.ulp_timer(), (true, 0x10));
    set(&mut rtc, reg::INT_ENA, reg::INT_RAW::ULP_CP.mask(), 0);
    rtc.woken_by_ulp(Time::from_micros(5));
    assert_eq!((rtc.interrupts(), get(&mut rtc, reg::LOW_POWER_ST, 5)), (1, 0));
}

/// A value of BROWN_OUT: the detector is on, with its third threshold and a wait of ten slow cycles.
const DETECTS: u32 = 1 << 30 | 2 << 27 | 10 << 16;

#[test]
fn a_supply_below_the_threshold_interrupts_once() {
    let mut rtc = RtcCntl::new();
    let at = Time::from_micros;
    rtc.set_supply(1000, at(1));
    assert_eq!(get(&mut rtc, reg::BROWN_OUT, 1) >> 31, 0, "the detector is off after power-on");
    rtc.set_supply(3300, at(2));
    set(&mut rtc, reg::INT_ENA, 1 << 7, 3);
    set(&mut rtc, reg::BROWN_OUT, DETECTS, 3);
    rtc.set_supply(2580, at(4));
    assert_eq!((rtc.interrupts(), get(&mut rtc, reg::BROWN_OUT, 4)), (0, DETECTS));
    rtc.set_supply(2579, at(5));
    assert_eq!((rtc.interrupts(), get(&mut rtc, reg::BROWN_OUT, 5)), (1, DETECTS | 1 << 31));
    set(&mut rtc, reg::INT_CLR, 1 << 7, 6);
    rtc.set_supply(2500, at(7));
    assert_eq!((rtc.interrupts(), rtc.deadline(), rtc.take_effect()), (0, None, None));
    rtc.set_supply(3300, at(8));
    assert_eq!(get(&mut rtc, reg::BROWN_OUT, 8), DETECTS);
}

#[test]
fn a_supply_that_stays_low_resets_the_system_if_software_wants_it() {
    let mut rtc = RtcCntl::new();
    set(&mut rtc, reg::BROWN_OUT, DETECTS | 1 << 26, 1);
    // Ten cycles of 150 kHz are 67 us.
    rtc.set_supply(2000, Time::from_micros(10));
    rtc.set_supply(3300, Time::from_micros(50));
    assert_eq!(rtc.deadline(), None);
    rtc.set_supply(2000, Time::from_micros(100));
    let at = rtc.deadline().unwrap();
    assert_eq!(at.as_micros(), 166);
    rtc.advance(at);
    assert_eq!(rtc.take_effect(), Some(RtcEffect::Reset { cause: ResetCause::BrownOut }));
    rtc.apply_reset(ResetCause::BrownOut, None, at);
    assert_eq!((causes(&mut rtc, 200), rtc.deadline()), ((15, 15), None), "the detector is off again");
}
