//! Register table and fields of the MCPWM.

espalier_core::registers! {
    CLK_CFG @ 0x00 = 0, rw_bits(0xFF) { CLK_PRESCALE: 0..=7 };
    TIMER0_CFG0 @ 0x04 = 0xFF00, rw_bits(0x3FF_FFFF) { PRESCALE: 0..=7, PERIOD: 8..=23, PERIOD_UPMETHOD: 24..=25 };
    TIMER0_CFG1 @ 0x08 = 0, rw_bits(0x1F) { START: 0..=2, MOD: 3..=4 };
    TIMER0_SYNC @ 0x0C = 0, rw_bits(0x1F_FFFF) {
        SYNCI_EN: 0,
        SW: 1,
        SYNCO_SEL: 2..=3,
        PHASE: 4..=19,
        PHASE_DIRECTION: 20,
    };
    TIMER0_STATUS @ 0x10 = 0, ro() { VALUE: 0..=15, DIRECTION: 16 };
    TIMER1_CFG0 @ 0x14 = 0xFF00, rw_bits(0x3FF_FFFF);
    TIMER1_CFG1 @ 0x18 = 0, rw_bits(0x1F);
    TIMER1_SYNC @ 0x1C = 0, rw_bits(0x1F_FFFF);
    TIMER1_STATUS @ 0x20 = 0, ro();
    TIMER2_CFG0 @ 0x24 = 0xFF00, rw_bits(0x3FF_FFFF);
    TIMER2_CFG1 @ 0x28 = 0, rw_bits(0x1F);
    TIMER2_SYNC @ 0x2C = 0, rw_bits(0x1F_FFFF);
    TIMER2_STATUS @ 0x30 = 0, ro();
    TIMER_SYNCI_CFG @ 0x34 = 0, rw_bits(0xFFF) { TIMER0_SYNCISEL: 0..=2, EXTERNAL_SYNCI0_INVERT: 9 };
    OPERATOR_TIMERSEL @ 0x38 = 0, rw_bits(0x3F) {
        OPERATOR0_TIMERSEL: 0..=1,
        OPERATOR1_TIMERSEL: 2..=3,
        OPERATOR2_TIMERSEL: 4..=5,
    };
    GEN0_STMP_CFG @ 0x3C = 0, rw_bits(0x3FF) { A_UPMETHOD: 0..=3, B_UPMETHOD: 4..=7, A_SHDW_FULL: 8, B_SHDW_FULL: 9 };
    GEN0_TSTMP_A @ 0x40 = 0, rw_bits(0xFFFF);
    GEN0_TSTMP_B @ 0x44 = 0, rw_bits(0xFFFF);
    GEN0_CFG0 @ 0x48 = 0, rw_bits(0x3FF) { CFG_UPMETHOD: 0..=3, T0_SEL: 4..=6, T1_SEL: 7..=9 };
    GEN0_FORCE @ 0x4C = 0x20, rw_bits(0xFFFF) {
        CNTUFORCE_UPMETHOD: 0..=5,
        A_CNTUFORCE_MODE: 6..=7,
        B_CNTUFORCE_MODE: 8..=9,
        A_NCIFORCE: 10,
        A_NCIFORCE_MODE: 11..=12,
        B_NCIFORCE: 13,
        B_NCIFORCE_MODE: 14..=15,
    };
    GEN0_A @ 0x50 = 0, rw_bits(0xFF_FFFF) {
        UTEZ: 0..=1,
        UTEP: 2..=3,
        UTEA: 4..=5,
        UTEB: 6..=7,
        UT0: 8..=9,
        UT1: 10..=11,
        DTEZ: 12..=13,
        DTEP: 14..=15,
        DTEA: 16..=17,
        DTEB: 18..=19,
        DT0: 20..=21,
        DT1: 22..=23,
    };
    GEN0_B @ 0x54 = 0, rw_bits(0xFF_FFFF);
    DT0_CFG @ 0x58 = 0x1_8000, rw_bits(0x3_FFFF) {
        FED_UPMETHOD: 0..=3,
        RED_UPMETHOD: 4..=7,
        DEB_MODE: 8,
        A_OUTSWAP: 9,
        B_OUTSWAP: 10,
        RED_INSEL: 11,
        FED_INSEL: 12,
        RED_OUTINVERT: 13,
        FED_OUTINVERT: 14,
        A_OUTBYPASS: 15,
        B_OUTBYPASS: 16,
        CLK_SEL: 17,
    };
    DT0_FED_CFG @ 0x5C = 0, rw_bits(0xFFFF);
    DT0_RED_CFG @ 0x60 = 0, rw_bits(0xFFFF);
    CARRIER0_CFG @ 0x64 = 0, rw_bits(0x3FFF) {
        EN: 0,
        PRESCALE: 1..=4,
        DUTY: 5..=7,
        OSHTWTH: 8..=11,
        OUT_INVERT: 12,
        IN_INVERT: 13,
    };
    FH0_CFG0 @ 0x68 = 0, rw_bits(0xFF_FFFF) {
        SW_CBC: 0,
        F2_CBC: 1,
        F1_CBC: 2,
        F0_CBC: 3,
        SW_OST: 4,
        F2_OST: 5,
        F1_OST: 6,
        F0_OST: 7,
        A_CBC_D: 8..=9,
        A_CBC_U: 10..=11,
        A_OST_D: 12..=13,
        A_OST_U: 14..=15,
        B_CBC_D: 16..=17,
        B_CBC_U: 18..=19,
        B_OST_D: 20..=21,
        B_OST_U: 22..=23,
    };
    FH0_CFG1 @ 0x6C = 0, rw_bits(0x1F) { CLR_OST: 0, CBCPULSE: 1..=2, FORCE_CBC: 3, FORCE_OST: 4 };
    FH0_STATUS @ 0x70 = 0, ro() { CBC_ON: 0, OST_ON: 1 };
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
    FAULT_DETECT @ 0xE4 = 0, rw_bits(0x3F) { F0_EN: 0, F0_POLE: 3, EVENT_F0: 6 };
    CAP_TIMER_CFG @ 0xE8 = 0, rw_bits(0x3F) { TIMER_EN: 0, SYNCI_EN: 1, SYNCI_SEL: 2..=4, SYNC_SW: 5 };
    CAP_TIMER_PHASE @ 0xEC = 0, rw();
    CAP_CH_CFG[3] @ 0xF0 = 0, rw_bits(0x1FFF) { EN: 0, MODE: 1..=2, PRESCALE: 3..=10, IN_INVERT: 11, SW: 12 };
    CAP_CH[3] @ 0xFC = 0, ro();
    CAP_STATUS @ 0x108 = 0, ro() { CAP0_EDGE: 0 };
    UPDATE_CFG @ 0x10C = 0x55, rw_bits(0xFF) { GLOBAL_UP_EN: 0, GLOBAL_FORCE_UP: 1, OP0_UP_EN: 2, OP0_FORCE_UP: 3 };
    INT_ENA @ 0x110 = 0, rw_bits(0x3FFF_FFFF);
    INT_RAW @ 0x114 = 0, rw_bits(0x3FFF_FFFF) {
        TIMER0_STOP: 0,
        TIMER0_TEZ: 3,
        TIMER0_TEP: 6,
        FAULT0: 9,
        FAULT0_CLR: 12,
        CMPR0_TEA: 15,
        CMPR0_TEB: 18,
        TZ0_CBC: 21,
        TZ0_OST: 24,
        CAP0: 27,
    };
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
    /// Values of START: runs on, or until it is next at zero or at its period. The last two start a timer that stands still.
    pub const STOP_AT_ZERO: u32 = 0;
    pub const STOP_AT_PERIOD: u32 = 1;
    pub const RUN: u32 = 2;
    pub const RUN_TO_ZERO: u32 = 3;
    pub const RUN_TO_PERIOD: u32 = 4;
    /// Values of MOD; 0 freezes the timer.
    pub const FREEZE: u32 = 0;
    pub const UP: u32 = 1;
    pub const DOWN: u32 = 2;
    pub const UP_DOWN: u32 = 3;
}

/// The action of an output at an event: values of the fields of GENn_A and GENn_B, of GENn_FORCE and of FHn_CFG0; 0 is no action.
pub mod generator {
    pub const LOW: u32 = 1;
    pub const HIGH: u32 = 2;
    pub const TOGGLE: u32 = 3;
}

/// Sources of the events T0 and T1 in GENn_CFG0 above the three faults; others are none.
pub const SYNC_TAKEN: u32 = 3;

/// Bits of the fields UPMETHOD of operators: when the active register takes what software wrote. None of them: at once.
pub mod update {
    pub const ZERO: u32 = 1 << 0;
    pub const PERIOD: u32 = 1 << 1;
    pub const SYNC: u32 = 1 << 2;
}

/// Bits of PERIOD_UPMETHOD.
pub mod period_update {
    pub const ZERO: u32 = 1 << 0;
    pub const SYNC: u32 = 1 << 1;
}

/// Bits of CNTUFORCE_UPMETHOD.
pub mod force_update {
    pub const ZERO: u32 = 1 << 0;
    pub const PERIOD: u32 = 1 << 1;
    pub const COMPARED_A: u32 = 1 << 2;
    pub const COMPARED_B: u32 = 1 << 3;
    pub const SYNC: u32 = 1 << 4;
}

/// Values of SYNCO_SEL; another one is no output.
pub mod sync_out {
    pub const SYNC_IN: u32 = 0;
    pub const ZERO: u32 = 1;
    pub const PERIOD: u32 = 2;
}

/// Values of the selections of a sync input: 0 is none, then the outputs of the timers, then the inputs from the matrix.
pub mod sync_in {
    pub const TIMER0: u32 = 1;
    pub const EXTERNAL0: u32 = 4;
}
