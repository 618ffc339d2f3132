//! Register table and fields of a timer group.

use crate::watchdog::WRITE_KEY;

espalier_core::registers! {
    T0CONFIG @ 0x00 = 0x6000_2000, rw_bits(0xFFFF_FC00) {
        ALARM_EN: 10,
        LEVEL_INT_EN: 11,
        EDGE_INT_EN: 12,
        DIVIDER: 13..=28,
        AUTORELOAD: 29,
        INCREASE: 30,
        EN: 31,
    };
    T0LO @ 0x04 = 0, ro();
    T0HI @ 0x08 = 0, ro();
    T0UPDATE @ 0x0C = 0, wo();
    T0ALARMLO @ 0x10 = 0, rw();
    T0ALARMHI @ 0x14 = 0, rw();
    T0LOADLO @ 0x18 = 0, rw();
    T0LOADHI @ 0x1C = 0, rw();
    T0LOAD @ 0x20 = 0, wo();
    T1CONFIG @ 0x24 = 0x6000_2000, rw_bits(0xFFFF_FC00);
    T1LO @ 0x28 = 0, ro();
    T1HI @ 0x2C = 0, ro();
    T1UPDATE @ 0x30 = 0, wo();
    T1ALARMLO @ 0x34 = 0, rw();
    T1ALARMHI @ 0x38 = 0, rw();
    T1LOADLO @ 0x3C = 0, rw();
    T1LOADHI @ 0x40 = 0, rw();
    T1LOAD @ 0x44 = 0, wo();
    WDTCONFIG0 @ 0x48 = 0x0004_C000, rw_bits(0xFFFF_C000) {
        WDT_FLASHBOOT_MOD_EN: 14,
        WDT_LEVEL_INT_EN: 21,
        WDT_EDGE_INT_EN: 22,
        WDT_STG3: 23..=24,
        WDT_STG2: 25..=26,
        WDT_STG1: 27..=28,
        WDT_STG0: 29..=30,
        WDT_EN: 31,
    };
    WDTCONFIG1 @ 0x4C = 0x0001_0000, rw_bits(0xFFFF_0000) { WDT_CLK_PRESCALE: 16..=31 };
    WDTCONFIG2 @ 0x50 = 0x018C_BA80, rw();
    WDTCONFIG3 @ 0x54 = 0x07FF_FFFF, rw();
    WDTCONFIG4 @ 0x58 = 0x000F_FFFF, rw();
    WDTCONFIG5 @ 0x5C = 0x000F_FFFF, rw();
    WDTFEED @ 0x60 = 0, wo();
    WDTWPROTECT @ 0x64 = WRITE_KEY, rw();
    RTCCALICFG @ 0x68 = 0x0001_3000, rw_bits(0xFFFF_7000) {
        RTC_CALI_START_CYCLING: 12,
        RTC_CALI_CLK_SEL: 13..=14,
        RTC_CALI_RDY: 15,
        RTC_CALI_MAX: 16..=30,
        RTC_CALI_START: 31,
    };
    RTCCALICFG1 @ 0x6C = 0, ro() { RTC_CALI_VALUE: 7..=31 };
    LACTCONFIG @ 0x70 = 0x6000_2300, rw_bits(0xFFFF_FF80);
    LACTRTC @ 0x74 = 0, rw_bits(0xFFFF_FFC0);
    LACTLO @ 0x78 = 0, ro();
    LACTHI @ 0x7C = 0, ro();
    LACTUPDATE @ 0x80 = 0, wo();
    LACTALARMLO @ 0x84 = 0, rw();
    LACTALARMHI @ 0x88 = 0, rw();
    LACTLOADLO @ 0x8C = 0, rw();
    LACTLOADHI @ 0x90 = 0, rw();
    LACTLOAD @ 0x94 = 0, wo();
    INT_ENA @ 0x98 = 0, rw_bits(0xF);
    INT_RAW @ 0x9C = 0, ro();
    INT_ST @ 0xA0 = 0, ro();
    INT_CLR @ 0xA4 = 0, wo();
    NTIMERS_DATE @ 0xF8 = 0x0160_4290, rw_bits(0x0FFF_FFFF);
    TIMGCLK @ 0xFC = 0, rw_bits(0x8000_0000);
}

/// Interrupt lines of a group: bits of the INT registers, of the levels and of the edges that the block gives out.
pub mod line {
    pub const T0: u32 = 1 << 0;
    pub const T1: u32 = 1 << 1;
    pub const WDT: u32 = 1 << 2;
    pub const LACT: u32 = 1 << 3;
}

/// Fields of TIMGn_WDTCONFIG0 and TIMGn_WDTCONFIG1.
pub mod wdt {
    /// Stage actions.
    pub const OFF: u32 = 0;
    pub const INTERRUPT: u32 = 1;
    pub const RESET_CPU: u32 = 2;
    pub const RESET_SYSTEM: u32 = 3;
}
