//! Accesses of ESP-IDF's driver, and properties of the registers.

use super::{FrcTimer, reg};
use crate::clocks::APB_WITH_PLL;
use espalier_core::{Device, Time};
use proptest::prelude::{any, proptest};

fn timer() -> FrcTimer {
    let mut timer = FrcTimer::new();
    timer.set_apb_clock(APB_WITH_PLL, Time::ZERO);
    timer
}

fn set(timer: &mut FrcTimer, offset: u32, value: u32, micros: u64) {
    timer.write(offset, value, Time::from_micros(micros)).unwrap();
}

fn get(timer: &mut FrcTimer, offset: u32, micros: u64) -> u32 {
    timer.read(offset, Time::from_micros(micros)).unwrap()
}

#[test]
fn esp_timer_of_idf_3_runs_on_frc2() {
    // esp_timer_impl_init, then esp_timer_impl_set_alarm, with 80 ticks to the microsecond.
    let mut timer = timer();
    set(&mut timer, reg::FRC2_CTRL, 0, 0);
    set(&mut timer, reg::FRC2_LOAD, 0, 0);
    set(&mut timer, reg::FRC2_ALARM, u32::MAX, 0);
    set(&mut timer, reg::FRC2_INT, 1, 0);
    set(&mut timer, reg::FRC2_CTRL, reg::FRC1_CTRL::ENABLE.mask() | reg::FRC1_CTRL::LEVEL_INT.mask(), 0);
    assert_eq!(get(&mut timer, reg::FRC2_COUNT, 10), 800);
    set(&mut timer, reg::FRC2_ALARM, 4000, 10);
    assert_eq!(timer.deadline(), Some(Time::from_micros(50)));
    assert_eq!(timer.interrupts(), 0);
    timer.advance(Time::from_micros(50));
    assert_eq!(timer.interrupts(), 0b10);
    assert_eq!(get(&mut timer, reg::FRC2_COUNT, 51), 4080);
    set(&mut timer, reg::FRC2_INT, 1, 51);
    assert_eq!((timer.interrupts(), get(&mut timer, reg::FRC2_CTRL, 51) & reg::FRC1_CTRL::INT_STATUS.mask()), (0, 0));
    // The counter wraps after 2^32 ticks and comes to its alarm again.
    assert_eq!(timer.deadline().map(Time::as_micros), Some(50 + (1 << 32) / 80));
}

#[test]
fn a_stopped_clock_stops_the_timers() {
    let mut timer = timer();
    set(&mut timer, reg::FRC2_CTRL, reg::FRC1_CTRL::ENABLE.mask(), 0);
    timer.set_clock_gated(true, Time::from_micros(10));
    assert_eq!(timer.deadline(), None);
    timer.set_clock_gated(false, Time::from_micros(1000));
    assert_eq!(get(&mut timer, reg::FRC2_COUNT, 1010), 1600);
}

#[test]
fn frc1_counts_down_and_reloads() {
    let mut timer = timer();
    set(&mut timer, reg::FRC1_LOAD, 500, 0);
    set(&mut timer, reg::FRC1_CTRL, reg::FRC1_CTRL::ENABLE.mask() | reg::FRC1_CTRL::AUTOLOAD.mask() | 2 << 1, 0);
    assert_eq!(get(&mut timer, reg::FRC1_COUNT, 20), 400);
    timer.advance(Time::from_micros(100));
    assert_eq!((timer.take_edges(), timer.take_edges(), timer.interrupts()), (1, 0, 0));
    assert_eq!(timer.deadline(), Some(Time::from_micros(200)));
    timer.advance(Time::from_micros(1020));
    assert_eq!(timer.deadline(), Some(Time::from_micros(1100)));
}

proptest! {
    #[test]
    fn any_access_at_any_time_is_harmless(accesses in proptest::collection::vec((0u32..0x40, any::<u32>(), any::<u64>()), 0..100)) {
        let mut timer = timer();
        let mut now = 0u64;
        for (offset, value, step) in accesses {
            now = now.saturating_add(step >> (value % 64));
            let _ = timer.write(offset & !3, value, Time::from_ticks(now));
            let _ = timer.read(offset & !3, Time::from_ticks(now));
            timer.advance(Time::from_ticks(now));
            assert!(timer.deadline().is_none_or(|at| at.ticks() > now || now == u64::MAX));
        }
    }
}
