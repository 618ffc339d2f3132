//! Register table and fields of the MCPWM.

espalier_core::registers! {
    CLK_CFG @ 0x00 = 0, rw_bits(0xFF) { CLK_PRESCALE: 0..=7 };
    TIMER0_CFG0 @ 0x04 = 0xFF00, rw_bits(0x3FF_FFFF) { PRESCALE: 0..=7, PERIOD: 8..=23 };
    TIMER0_CFG1 @ 0x08 = 0, rw_bits(0x1F) { START: 0..=2, MOD: 3..=4 };
    TIMER0_SYNC @ 0x0C = 0, rw_bits(0x1F_FFFF);
    TIMER0_STATUS @ 0x10 = 0, ro();
    TIMER1_CFG0 @ 0x14 = 0xFF00, rw_bits(0x3FF_FFFF);
    TIMER1_CFG1 @ 0x18 = 0, rw_bits(0x1F);
    TIMER1_SYNC @ 0x1C = 0, rw_bits(0x1F_FFFF);
    TIMER1_STATUS @ 0x20 = 0, ro();
    TIMER2_CFG0 @ 0x24 = 0xFF00, rw_bits(0x3FF_FFFF);
    TIMER2_CFG1 @ 0x28 = 0, rw_bits(0x1F);
    TIMER2_SYNC @ 0x2C = 0, rw_bits(0x1F_FFFF);
    TIMER2_STATUS @ 0x30 = 0, ro();
    TIMER_SYNCI_CFG @ 0x34 = 0, rw_bits(0xFFF);
    OPERATOR_TIMERSEL @ 0x38 = 0, rw_bits(0x3F) {
        OPERATOR0_TIMERSEL: 0..=1,
        OPERATOR1_TIMERSEL: 2..=3,
        OPERATOR2_TIMERSEL: 4..=5,
    };
    GEN0_STMP_CFG @ 0x3C = 0, rw_bits(0x3FF);
    GEN0_TSTMP_A @ 0x40 = 0, rw_bits(0xFFFF);
    GEN0_TSTMP_B @ 0x44 = 0, rw_bits(0xFFFF);
    GEN0_CFG0 @ 0x48 = 0, rw_bits(0x3FF);
    GEN0_FORCE @ 0x4C = 0x20, rw_bits(0xFFFF) { A_CNTUFORCE_MODE: 6..=7, B_CNTUFORCE_MODE: 8..=9 };
    GEN0_A @ 0x50 = 0, rw_bits(0xFF_FFFF) {
        UTEZ: 0..=1,
        UTEP: 2..=3,
        UTEA: 4..=5,
        UTEB: 6..=7,
        DTEZ: 12..=13,
        DTEP: 14..=15,
        DTEA: 16..=17,
        DTEB: 18..=19,
    };
    GEN0_B @ 0x54 = 0, rw_bits(0xFF_FFFF);
    DT0_CFG @ 0x58 = 0x1_8000, rw_bits(0x3_FFFF);
    DT0_FED_CFG @ 0x5C = 0, rw_bits(0xFFFF);
    DT0_RED_CFG @ 0x60 = 0, rw_bits(0xFFFF);
    CARRIER0_CFG @ 0x64 = 0, rw_bits(0x3FFF);
    FH0_CFG0 @ 0x68 = 0, rw_bits(0xFF_FFFF);
    FH0_CFG1 @ 0x6C = 0, rw_bits(0x1F);
    FH0_STATUS @ 0x70 = 0, ro();
    GEN1_STMP_CFG @ 0x74 = 0, rw_bits(0x3FF);
    GEN1_TSTMP_A @ 0x78 = 0, rw_bits(0xFFFF);
    GEN1_TSTMP_B @ 0x7C = 0, rw_bits(0xFFFF);
    GEN1_CFG0 @ 0x80 = 0, rw_bits(0x3FF);
    GEN1_FORCE @ 0x84 = 0x20, rw_bits(0xFFFF);
    GEN1_A @ 0x88 = 0, rw_bits(0xFF_FFFF);
    GEN1_B @ 0x8C = 0, rw_bits(0xFF_FFFF);
    DT1_CFG @ 0x90 = 0x1_8000, rw_bits(0x3_FFFF);
    DT1_FED_CFG @ 0x94 = 0, rw_bits(0xFFFF);
    DT1_RED_CFG @ 0x98 = 0, rw_bits(0xFFFF);
    CARRIER1_CFG @ 0x9C = 0, rw_bits(0x3FFF);
    FH1_CFG0 @ 0xA0 = 0, rw_bits(0xFF_FFFF);
    FH1_CFG1 @ 0xA4 = 0, rw_bits(0x1F);
    FH1_STATUS @ 0xA8 = 0, ro();
    GEN2_STMP_CFG @ 0xAC = 0, rw_bits(0x3FF);
    GEN2_TSTMP_A @ 0xB0 = 0, rw_bits(0xFFFF);
    GEN2_TSTMP_B @ 0xB4 = 0, rw_bits(0xFFFF);
    GEN2_CFG0 @ 0xB8 = 0, rw_bits(0x3FF);
    GEN2_FORCE @ 0xBC = 0x20, rw_bits(0xFFFF);
    GEN2_A @ 0xC0 = 0, rw_bits(0xFF_FFFF);
    GEN2_B @ 0xC4 = 0, rw_bits(0xFF_FFFF);
    DT2_CFG @ 0xC8 = 0x1_8000, rw_bits(0x3_FFFF);
    DT2_FED_CFG @ 0xCC = 0, rw_bits(0xFFFF);
    DT2_RED_CFG @ 0xD0 = 0, rw_bits(0xFFFF);
    CARRIER2_CFG @ 0xD4 = 0, rw_bits(0x3FFF);
    FH2_CFG0 @ 0xD8 = 0, rw_bits(0xFF_FFFF);
    FH2_CFG1 @ 0xDC = 0, rw_bits(0x1F);
    FH2_STATUS @ 0xE0 = 0, ro();
    FAULT_DETECT @ 0xE4 = 0, rw_bits(0x3F);
    CAP_TIMER_CFG @ 0xE8 = 0, rw_bits(0x3F);
    CAP_TIMER_PHASE @ 0xEC = 0, rw();
    CAP_CH_CFG[3] @ 0xF0 = 0, rw_bits(0x1FFF);
    CAP_CH[3] @ 0xFC = 0, ro();
    CAP_STATUS @ 0x108 = 0, ro();
    UPDATE_CFG @ 0x10C = 0x55, rw_bits(0xFF);
    INT_ENA @ 0x110 = 0, rw_bits(0x3FFF_FFFF);
    INT_RAW @ 0x114 = 0, rw_bits(0x3FFF_FFFF);
    INT_ST @ 0x118 = 0, ro();
    INT_CLR @ 0x11C = 0, wo();
    CLK @ 0x120 = 0, rw_bits(0x1);
    VERSION @ 0x124 = 0x0150_9110, rw_bits(0x0FFF_FFFF);
}

/// Bytes from one timer's registers to the next one's.
pub const TIMER_STRIDE: u32 = 0x10;
/// Bytes from one operator's registers to the next one's.
pub const OPERATOR_STRIDE: u32 = 0x38;

/// TIMERn_CFG1.
pub mod cfg1 {
    /// Values of START: runs on, or until it is next at zero or at its period.
    pub const STOP_AT_ZERO: u32 = 0;
    pub const STOP_AT_PERIOD: u32 = 1;
    pub const RUN: u32 = 2;
    /// Values of MODE; 0 freezes the timer.
    pub const UP: u32 = 1;
    pub const DOWN: u32 = 2;
    pub const UP_DOWN: u32 = 3;
}

/// The action of an output at an event: values of the fields of GENn_A and GENn_B, and of GENn_FORCE; 0 is no action.
pub mod generator {
    pub const LOW: u32 = 1;
    pub const HIGH: u32 = 2;
    pub const TOGGLE: u32 = 3;
}

/// CAP_CHn_CFG.
pub(super) const CAP_EN: u32 = 1;
