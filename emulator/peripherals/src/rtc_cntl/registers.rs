//! Register table and fields of the RTC controller.

use crate::watchdog::WRITE_KEY;

espalier_core::registers! {
    OPTIONS0 @ 0x00 = 0x1C49_2000, rw_bits(0x7FFF_FFCF);
    SLP_TIMER0 @ 0x04 = 0, rw();
    SLP_TIMER1 @ 0x08 = 0, rw_bits(0x1_FFFF);
    TIME_UPDATE @ 0x0C = 0, ro();
    TIME0 @ 0x10 = 0, ro();
    TIME1 @ 0x14 = 0, ro();
    STATE0 @ 0x18 = 0x0030_0000, rw_bits(0xE1F0_0000);
    TIMER1 @ 0x1C = 0x2814_0403, rw();
    TIMER2 @ 0x20 = 0x0108_0000, rw_bits(0xFFFF_8000);
    TIMER3 @ 0x24 = 0x1416_0A08, rw();
    TIMER4 @ 0x28 = 0x1020_0A08, rw();
    TIMER5 @ 0x2C = 0x1214_8001, rw();
    ANA_CONF @ 0x30 = 0x0080_0000, rw_bits(0xDF80_0000);
    RESET_STATE @ 0x34 = 0x3000, rw_bits(0x3000);
    WAKEUP_STATE @ 0x38 = 0x6000, rw_bits(0x7F_F800);
    INT_ENA @ 0x3C = 0, rw_bits(0x1FF);
    INT_RAW @ 0x40 = 0, ro();
    INT_ST @ 0x44 = 0, ro();
    INT_CLR @ 0x48 = 0, wo();
    STORE0 @ 0x4C = 0, rw();
    STORE1 @ 0x50 = 0, rw();
    STORE2 @ 0x54 = 0, rw();
    STORE3 @ 0x58 = 0, rw();
    EXT_XTL_CONF @ 0x5C = 0, rw_bits(0xC000_0000);
    EXT_WAKEUP_CONF @ 0x60 = 0, rw_bits(0xC000_0000);
    SLP_REJECT_CONF @ 0x64 = 0, rw_bits(0x0F00_0000);
    CPU_PERIOD_CONF @ 0x68 = 0, rw_bits(0xE000_0000);
    SDIO_ACT_CONF @ 0x6C = 0, rw_bits(0xFFC0_0000);
    CLK_CONF @ 0x70 = 0x2210, rw_bits(0xFFFF_FFF0);
    SDIO_CONF @ 0x74 = 0x02A0_0000, rw_bits(0xFEE0_0000);
    BIAS_CONF @ 0x78 = 0, rw_bits(0xFF00_0000);
    REG @ 0x7C = 0x2900_2400, rw_bits(0xFFFF_FF80);
    PWC @ 0x80 = 0x0001_2925, rw_bits(0x1F_FFFF);
    DIG_PWC @ 0x84 = 0x0015_5550, rw_bits(0xFF1F_FFF8);
    DIG_ISO @ 0x88 = 0xAAAA_5000, rw_bits(0xFFFF_FD80);
    WDTCONFIG0 @ 0x8C = 0x4C80, rw_bits(0xFFFF_FF80);
    WDTCONFIG1 @ 0x90 = 128_000, rw();
    WDTCONFIG2 @ 0x94 = 80_000, rw();
    WDTCONFIG3 @ 0x98 = 0xFFF, rw();
    WDTCONFIG4 @ 0x9C = 0xFFF, rw();
    WDTFEED @ 0xA0 = 0, wo();
    WDTWPROTECT @ 0xA4 = WRITE_KEY, rw();
    TEST_MUX @ 0xA8 = 0, rw_bits(0xE000_0000);
    SW_CPU_STALL @ 0xAC = 0, rw_bits(0xFFF0_0000);
    STORE4 @ 0xB0 = 0, rw();
    STORE5 @ 0xB4 = 0, rw();
    STORE6 @ 0xB8 = 0, rw();
    STORE7 @ 0xBC = 0, rw();
    LOW_POWER_ST @ 0xC0 = 0, ro();
    DIAG1 @ 0xC4 = 0, ro();
    HOLD_FORCE @ 0xC8 = 0, rw_bits(0x3_FFFF);
    EXT_WAKEUP1 @ 0xCC = 0, rw_bits(0x3_FFFF);
    EXT_WAKEUP1_STATUS @ 0xD0 = 0, ro();
    BROWN_OUT @ 0xD4 = 0x13FF_0000, rw_bits(0x7FFF_FFFF);
    MEM_CONF @ 0x100 = 0, rw_bits(0x7FFF_FFFF);
    MEM_CRC_RES @ 0x104 = 0, ro();
    DATE @ 0x13C = 0x0160_4280, rw_bits(0x0FFF_FFFF);
}

/// OPTIONS0.
pub const SW_SYS_RST: u32 = 1 << 31;
pub const SW_PROCPU_RST: u32 = 1 << 5;
pub const SW_APPCPU_RST: u32 = 1 << 4;
pub const SW_STALL_PROCPU_C0_SHIFT: u32 = 2;
pub const SW_STALL_APPCPU_C0_SHIFT: u32 = 0;
pub const SW_STALL_C0_MASK: u32 = 3;

/// SW_CPU_STALL.
pub const SW_STALL_PROCPU_C1_SHIFT: u32 = 26;
pub const SW_STALL_APPCPU_C1_SHIFT: u32 = 20;
pub const SW_STALL_C1_MASK: u32 = 0x3F;
/// C1 and C0 together stall a CPU when they hold this value.
pub const STALL_VALUE: u32 = 0x86;

/// SLP_TIMER1.
pub const SLP_VAL_HI_MASK: u32 = 0xFFFF;
pub const MAIN_TIMER_ALARM_EN: u32 = 1 << 16;

/// TIME_UPDATE.
pub const TIME_UPDATE_BIT: u32 = 1 << 31;
pub const TIME_VALID: u32 = 1 << 30;

/// STATE0.
pub const TOUCH_SLP_TIMER_EN: u32 = 1 << 23;
pub const ULP_CP_SLP_TIMER_EN: u32 = 1 << 24;
pub const SLEEP_EN: u32 = 1 << 31;

/// RESET_STATE.
pub const RESET_CAUSE_PROCPU_SHIFT: u32 = 0;
pub const RESET_CAUSE_APPCPU_SHIFT: u32 = 6;
pub const RESET_CAUSE_MASK: u32 = 0x3F;
pub const APPCPU_STAT_VECTOR_SEL: u32 = 1 << 12;
pub const PROCPU_STAT_VECTOR_SEL: u32 = 1 << 13;

/// TIMER1 and TIMER3 to TIMER5, in cycles of the slow clock: the shift and the mask of each field.
pub const PLL_BUF_WAIT: (u32, u32) = (24, 0xFF);
pub const XTL_BUF_WAIT: (u32, u32) = (14, 0x3FF);
pub const CK8M_WAIT: (u32, u32) = (6, 0xFF);
pub const ROM_RAM_POWERUP_TIMER: (u32, u32) = (25, 0x7F);
pub const ROM_RAM_WAIT_TIMER: (u32, u32) = (16, 0x1FF);
pub const WIFI_POWERUP_TIMER: (u32, u32) = (9, 0x7F);
pub const WIFI_WAIT_TIMER: (u32, u32) = (0, 0x1FF);
pub const DG_WRAP_POWERUP_TIMER: (u32, u32) = (25, 0x7F);
pub const DG_WRAP_WAIT_TIMER: (u32, u32) = (16, 0x1FF);
pub const RTC_POWERUP_TIMER: (u32, u32) = (9, 0x7F);
pub const RTC_WAIT_TIMER: (u32, u32) = (0, 0x1FF);
pub const MIN_SLP_VAL: (u32, u32) = (8, 0xFF);

/// WAKEUP_STATE.
pub const WAKEUP_CAUSE_MASK: u32 = 0x7FF;
pub const WAKEUP_ENA_SHIFT: u32 = 11;

/// INT_ENA, INT_RAW, INT_ST and INT_CLR.
pub const SLP_WAKEUP_INT: u32 = 1 << 0;
pub const WDT_INT: u32 = 1 << 3;
pub const TIME_VALID_INT: u32 = 1 << 4;
pub const TOUCH_INT: u32 = 1 << 6;
pub const MAIN_TIMER_INT: u32 = 1 << 8;

/// EXT_WAKEUP_CONF.
pub const EXT_WAKEUP0_LV: u32 = 1 << 30;
pub const EXT_WAKEUP1_LV: u32 = 1 << 31;

/// CLK_CONF.
pub const SOC_CLK_SEL_SHIFT: u32 = 27;
pub const ANA_CLK_RTC_SEL_SHIFT: u32 = 30;
pub const CLK_SEL_MASK: u32 = 3;

/// DIG_PWC.
pub const DG_WRAP_PD_EN: u32 = 1 << 31;

/// MEM_CONF.
pub const MEM_CRC_START: u32 = 1 << 8;
pub const MEM_CRC_ADDR_SHIFT: u32 = 9;
pub const MEM_CRC_LEN_SHIFT: u32 = 20;
pub const MEM_CRC_WORDS_MASK: u32 = 0x7FF;
pub const MEM_CRC_FINISH: u32 = 1 << 31;

/// WDTCONFIG0.
pub const WDT_PAUSE_IN_SLP: u32 = 1 << 7;
pub const WDT_APPCPU_RESET_EN: u32 = 1 << 8;
pub const WDT_PROCPU_RESET_EN: u32 = 1 << 9;
pub const WDT_FLASHBOOT_MOD_EN: u32 = 1 << 10;
pub const WDT_STG0_SHIFT: u32 = 28;
pub const WDT_STG_BITS: u32 = 3;
pub const WDT_STG_MASK: u32 = 7;
pub const WDT_EN: u32 = 1 << 31;
/// Stage actions.
pub const WDT_OFF: u32 = 0;
pub const WDT_INTERRUPT: u32 = 1;
pub const WDT_RESET_CPU: u32 = 2;
pub const WDT_RESET_SYSTEM: u32 = 3;
pub const WDT_RESET_RTC: u32 = 4;
