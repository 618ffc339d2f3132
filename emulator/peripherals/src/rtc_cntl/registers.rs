//! Register table and fields of the RTC controller.

use crate::watchdog::WRITE_KEY;

espalier_core::registers! {
    OPTIONS0 @ 0x00 = 0x1C49_2000, rw_bits(0x7FFF_FFCF) {
        SW_STALL_APPCPU_C0: 0..=1,
        SW_STALL_PROCPU_C0: 2..=3,
        SW_APPCPU_RST: 4,
        SW_PROCPU_RST: 5,
        SW_SYS_RST: 31,
    };
    SLP_TIMER0 @ 0x04 = 0, rw();
    SLP_TIMER1 @ 0x08 = 0, rw_bits(0x1_FFFF) { SLP_VAL_HI: 0..=15, MAIN_TIMER_ALARM_EN: 16 };
    TIME_UPDATE @ 0x0C = 0, ro() { TIME_VALID: 30, TIME_UPDATE: 31 };
    TIME0 @ 0x10 = 0, ro();
    TIME1 @ 0x14 = 0, ro();
    STATE0 @ 0x18 = 0x0030_0000, rw_bits(0xE1F0_0000) {
        TOUCH_SLP_TIMER_EN: 23,
        ULP_CP_SLP_TIMER_EN: 24,
        SLEEP_EN: 31,
    };
    TIMER1 @ 0x1C = 0x2814_0403, rw() {
        CK8M_WAIT: 6..=13,
        XTL_BUF_WAIT: 14..=23,
        PLL_BUF_WAIT: 24..=31,
    };
    TIMER2 @ 0x20 = 0x0108_0000, rw_bits(0xFFFF_8000) { ULPCP_TOUCH_START_WAIT: 15..=23 };
    TIMER3 @ 0x24 = 0x1416_0A08, rw() {
        WIFI_WAIT_TIMER: 0..=8,
        WIFI_POWERUP_TIMER: 9..=15,
        ROM_RAM_WAIT_TIMER: 16..=24,
        ROM_RAM_POWERUP_TIMER: 25..=31,
    };
    TIMER4 @ 0x28 = 0x1020_0A08, rw() {
        WAIT_TIMER: 0..=8,
        POWERUP_TIMER: 9..=15,
        DG_WRAP_WAIT_TIMER: 16..=24,
        DG_WRAP_POWERUP_TIMER: 25..=31,
    };
    TIMER5 @ 0x2C = 0x1214_8001, rw() { MIN_SLP_VAL: 8..=15 };
    ANA_CONF @ 0x30 = 0x0080_0000, rw_bits(0xDF80_0000);
    RESET_STATE @ 0x34 = 0x3000, rw_bits(0x3000) {
        RESET_CAUSE_PROCPU: 0..=5,
        RESET_CAUSE_APPCPU: 6..=11,
        APPCPU_STAT_VECTOR_SEL: 12,
        PROCPU_STAT_VECTOR_SEL: 13,
    };
    WAKEUP_STATE @ 0x38 = 0x6000, rw_bits(0x7F_F800) { WAKEUP_CAUSE: 0..=10, WAKEUP_ENA: 11..=21 };
    INT_ENA @ 0x3C = 0, rw_bits(0x1FF);
    INT_RAW @ 0x40 = 0, ro() {
        /// INT_ENA, INT_RAW, INT_ST and INT_CLR.
        SLP_WAKEUP: 0,
        WDT: 3,
        TIME_VALID: 4,
        ULP_CP: 5,
        TOUCH: 6,
        BROWN_OUT: 7,
        MAIN_TIMER: 8,
    };
    INT_ST @ 0x44 = 0, ro();
    INT_CLR @ 0x48 = 0, wo();
    STORE0 @ 0x4C = 0, rw();
    STORE1 @ 0x50 = 0, rw();
    STORE2 @ 0x54 = 0, rw();
    STORE3 @ 0x58 = 0, rw();
    EXT_XTL_CONF @ 0x5C = 0, rw_bits(0xC000_0000);
    EXT_WAKEUP_CONF @ 0x60 = 0, rw_bits(0xC000_0000) { EXT_WAKEUP0_LV: 30, EXT_WAKEUP1_LV: 31 };
    SLP_REJECT_CONF @ 0x64 = 0, rw_bits(0x0F00_0000);
    CPU_PERIOD_CONF @ 0x68 = 0, rw_bits(0xE000_0000);
    SDIO_ACT_CONF @ 0x6C = 0, rw_bits(0xFFC0_0000);
    CLK_CONF @ 0x70 = 0x2210, rw_bits(0xFFFF_FFF0) { SOC_CLK_SEL: 27..=28, ANA_CLK_RTC_SEL: 30..=31 };
    SDIO_CONF @ 0x74 = 0x02A0_0000, rw_bits(0xFEE0_0000);
    BIAS_CONF @ 0x78 = 0, rw_bits(0xFF00_0000);
    REG @ 0x7C = 0x2900_2400, rw_bits(0xFFFF_FF80);
    PWC @ 0x80 = 0x0001_2925, rw_bits(0x1F_FFFF);
    DIG_PWC @ 0x84 = 0x0015_5550, rw_bits(0xFF1F_FFF8) { DG_WRAP_PD_EN: 31 };
    DIG_ISO @ 0x88 = 0xAAAA_5000, rw_bits(0xFFFF_FD80);
    WDTCONFIG0 @ 0x8C = 0x4C80, rw_bits(0xFFFF_FF80) {
        WDT_PAUSE_IN_SLP: 7,
        WDT_APPCPU_RESET_EN: 8,
        WDT_PROCPU_RESET_EN: 9,
        WDT_FLASHBOOT_MOD_EN: 10,
        WDT_STG3: 19..=21,
        WDT_STG2: 22..=24,
        WDT_STG1: 25..=27,
        WDT_STG0: 28..=30,
        WDT_EN: 31,
    };
    WDTCONFIG1 @ 0x90 = 128_000, rw();
    WDTCONFIG2 @ 0x94 = 80_000, rw();
    WDTCONFIG3 @ 0x98 = 0xFFF, rw();
    WDTCONFIG4 @ 0x9C = 0xFFF, rw();
    WDTFEED @ 0xA0 = 0, wo();
    WDTWPROTECT @ 0xA4 = WRITE_KEY, rw();
    TEST_MUX @ 0xA8 = 0, rw_bits(0xE000_0000);
    SW_CPU_STALL @ 0xAC = 0, rw_bits(0xFFF0_0000) { SW_STALL_APPCPU_C1: 20..=25, SW_STALL_PROCPU_C1: 26..=31 };
    STORE4 @ 0xB0 = 0, rw();
    STORE5 @ 0xB4 = 0, rw();
    STORE6 @ 0xB8 = 0, rw();
    STORE7 @ 0xBC = 0, rw();
    LOW_POWER_ST @ 0xC0 = 0, ro() { RDY_FOR_WAKEUP: 19 };
    DIAG1 @ 0xC4 = 0, ro();
    HOLD_FORCE @ 0xC8 = 0, rw_bits(0x3_FFFF);
    EXT_WAKEUP1 @ 0xCC = 0, rw_bits(0x3_FFFF);
    EXT_WAKEUP1_STATUS @ 0xD0 = 0, ro();
    BROWN_OUT @ 0xD4 = 0x13FF_0000, rw_bits(0x7FFF_FFFF) {
        RST_WAIT: 16..=25,
        RST_ENA: 26,
        DBROWN_OUT_THRES: 27..=29,
        ENA: 30,
        DET: 31,
    };
    MEM_CONF @ 0x100 = 0, rw_bits(0x7FFF_FFFF) { MEM_CRC_START: 8, MEM_CRC_ADDR: 9..=19, MEM_CRC_LEN: 20..=30, MEM_CRC_FINISH: 31 };
    MEM_CRC_RES @ 0x104 = 0, ro();
    DATE @ 0x13C = 0x0160_4280, rw_bits(0x0FFF_FFFF);
}

/// C1 and C0 together stall a CPU when they hold this value.
pub const STALL_VALUE: u32 = 0x86;

/// Stage actions.
pub const WDT_OFF: u32 = 0;
pub const WDT_INTERRUPT: u32 = 1;
pub const WDT_RESET_CPU: u32 = 2;
pub const WDT_RESET_SYSTEM: u32 = 3;
pub const WDT_RESET_RTC: u32 = 4;
