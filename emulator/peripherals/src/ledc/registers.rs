//! Register table and fields of the LEDC.

espalier_core::registers! {
    HSCH0_CONF0 @ 0x00 = 0, rw_bits(0xF);
    HSCH0_HPOINT @ 0x04 = 0, rw_bits(0xF_FFFF);
    HSCH0_DUTY @ 0x08 = 0, rw_bits(0x1FF_FFFF);
    HSCH0_CONF1 @ 0x0C = 0x4000_0000, rw();
    HSCH0_DUTY_R @ 0x10 = 0, ro();
    HSCH1_CONF0 @ 0x14 = 0, rw_bits(0xF);
    HSCH1_HPOINT @ 0x18 = 0, rw_bits(0xF_FFFF);
    HSCH1_DUTY @ 0x1C = 0, rw_bits(0x1FF_FFFF);
    HSCH1_CONF1 @ 0x20 = 0x4000_0000, rw();
    HSCH1_DUTY_R @ 0x24 = 0, ro();
    HSCH2_CONF0 @ 0x28 = 0, rw_bits(0xF);
    HSCH2_HPOINT @ 0x2C = 0, rw_bits(0xF_FFFF);
    HSCH2_DUTY @ 0x30 = 0, rw_bits(0x1FF_FFFF);
    HSCH2_CONF1 @ 0x34 = 0x4000_0000, rw();
    HSCH2_DUTY_R @ 0x38 = 0, ro();
    HSCH3_CONF0 @ 0x3C = 0, rw_bits(0xF);
    HSCH3_HPOINT @ 0x40 = 0, rw_bits(0xF_FFFF);
    HSCH3_DUTY @ 0x44 = 0, rw_bits(0x1FF_FFFF);
    HSCH3_CONF1 @ 0x48 = 0x4000_0000, rw();
    HSCH3_DUTY_R @ 0x4C = 0, ro();
    HSCH4_CONF0 @ 0x50 = 0, rw_bits(0xF);
    HSCH4_HPOINT @ 0x54 = 0, rw_bits(0xF_FFFF);
    HSCH4_DUTY @ 0x58 = 0, rw_bits(0x1FF_FFFF);
    HSCH4_CONF1 @ 0x5C = 0x4000_0000, rw();
    HSCH4_DUTY_R @ 0x60 = 0, ro();
    HSCH5_CONF0 @ 0x64 = 0, rw_bits(0xF);
    HSCH5_HPOINT @ 0x68 = 0, rw_bits(0xF_FFFF);
    HSCH5_DUTY @ 0x6C = 0, rw_bits(0x1FF_FFFF);
    HSCH5_CONF1 @ 0x70 = 0x4000_0000, rw();
    HSCH5_DUTY_R @ 0x74 = 0, ro();
    HSCH6_CONF0 @ 0x78 = 0, rw_bits(0xF);
    HSCH6_HPOINT @ 0x7C = 0, rw_bits(0xF_FFFF);
    HSCH6_DUTY @ 0x80 = 0, rw_bits(0x1FF_FFFF);
    HSCH6_CONF1 @ 0x84 = 0x4000_0000, rw();
    HSCH6_DUTY_R @ 0x88 = 0, ro();
    HSCH7_CONF0 @ 0x8C = 0, rw_bits(0xF);
    HSCH7_HPOINT @ 0x90 = 0, rw_bits(0xF_FFFF);
    HSCH7_DUTY @ 0x94 = 0, rw_bits(0x1FF_FFFF);
    HSCH7_CONF1 @ 0x98 = 0x4000_0000, rw();
    HSCH7_DUTY_R @ 0x9C = 0, ro();
    LSCH0_CONF0 @ 0xA0 = 0, rw_bits(0x1F) { TIMER_SEL: 0..=1, SIG_OUT_EN: 2, IDLE_LV: 3, PARA_UP: 4 };
    LSCH0_HPOINT @ 0xA4 = 0, rw_bits(0xF_FFFF);
    LSCH0_DUTY @ 0xA8 = 0, rw_bits(0x1FF_FFFF);
    LSCH0_CONF1 @ 0xAC = 0x4000_0000, rw() {
        DUTY_SCALE: 0..=9,
        DUTY_CYCLE: 10..=19,
        DUTY_NUM: 20..=29,
        DUTY_INC: 30,
        DUTY_START: 31,
    };
    LSCH0_DUTY_R @ 0xB0 = 0, ro();
    LSCH1_CONF0 @ 0xB4 = 0, rw_bits(0x1F);
    LSCH1_HPOINT @ 0xB8 = 0, rw_bits(0xF_FFFF);
    LSCH1_DUTY @ 0xBC = 0, rw_bits(0x1FF_FFFF);
    LSCH1_CONF1 @ 0xC0 = 0x4000_0000, rw();
    LSCH1_DUTY_R @ 0xC4 = 0, ro();
    LSCH2_CONF0 @ 0xC8 = 0, rw_bits(0x1F);
    LSCH2_HPOINT @ 0xCC = 0, rw_bits(0xF_FFFF);
    LSCH2_DUTY @ 0xD0 = 0, rw_bits(0x1FF_FFFF);
    LSCH2_CONF1 @ 0xD4 = 0x4000_0000, rw();
    LSCH2_DUTY_R @ 0xD8 = 0, ro();
    LSCH3_CONF0 @ 0xDC = 0, rw_bits(0x1F);
    LSCH3_HPOINT @ 0xE0 = 0, rw_bits(0xF_FFFF);
    LSCH3_DUTY @ 0xE4 = 0, rw_bits(0x1FF_FFFF);
    LSCH3_CONF1 @ 0xE8 = 0x4000_0000, rw();
    LSCH3_DUTY_R @ 0xEC = 0, ro();
    LSCH4_CONF0 @ 0xF0 = 0, rw_bits(0x1F);
    LSCH4_HPOINT @ 0xF4 = 0, rw_bits(0xF_FFFF);
    LSCH4_DUTY @ 0xF8 = 0, rw_bits(0x1FF_FFFF);
    LSCH4_CONF1 @ 0xFC = 0x4000_0000, rw();
    LSCH4_DUTY_R @ 0x100 = 0, ro();
    LSCH5_CONF0 @ 0x104 = 0, rw_bits(0x1F);
    LSCH5_HPOINT @ 0x108 = 0, rw_bits(0xF_FFFF);
    LSCH5_DUTY @ 0x10C = 0, rw_bits(0x1FF_FFFF);
    LSCH5_CONF1 @ 0x110 = 0x4000_0000, rw();
    LSCH5_DUTY_R @ 0x114 = 0, ro();
    LSCH6_CONF0 @ 0x118 = 0, rw_bits(0x1F);
    LSCH6_HPOINT @ 0x11C = 0, rw_bits(0xF_FFFF);
    LSCH6_DUTY @ 0x120 = 0, rw_bits(0x1FF_FFFF);
    LSCH6_CONF1 @ 0x124 = 0x4000_0000, rw();
    LSCH6_DUTY_R @ 0x128 = 0, ro();
    LSCH7_CONF0 @ 0x12C = 0, rw_bits(0x1F);
    LSCH7_HPOINT @ 0x130 = 0, rw_bits(0xF_FFFF);
    LSCH7_DUTY @ 0x134 = 0, rw_bits(0x1FF_FFFF);
    LSCH7_CONF1 @ 0x138 = 0x4000_0000, rw();
    LSCH7_DUTY_R @ 0x13C = 0, ro();
    HSTIMER0_CONF @ 0x140 = 0x0100_0000, rw_bits(0x03FF_FFFF);
    HSTIMER0_VALUE @ 0x144 = 0, ro();
    HSTIMER1_CONF @ 0x148 = 0x0100_0000, rw_bits(0x03FF_FFFF);
    HSTIMER1_VALUE @ 0x14C = 0, ro();
    HSTIMER2_CONF @ 0x150 = 0x0100_0000, rw_bits(0x03FF_FFFF);
    HSTIMER2_VALUE @ 0x154 = 0, ro();
    HSTIMER3_CONF @ 0x158 = 0x0100_0000, rw_bits(0x03FF_FFFF);
    HSTIMER3_VALUE @ 0x15C = 0, ro();
    LSTIMER0_CONF @ 0x160 = 0x0100_0000, rw_bits(0x07FF_FFFF) {
        DUTY_RES: 0..=4,
        DIV_NUM: 5..=22,
        PAUSE: 23,
        RST: 24,
        TICK_SEL: 25,
        PARA_UP: 26,
    };
    LSTIMER0_VALUE @ 0x164 = 0, ro();
    LSTIMER1_CONF @ 0x168 = 0x0100_0000, rw_bits(0x07FF_FFFF);
    LSTIMER1_VALUE @ 0x16C = 0, ro();
    LSTIMER2_CONF @ 0x170 = 0x0100_0000, rw_bits(0x07FF_FFFF);
    LSTIMER2_VALUE @ 0x174 = 0, ro();
    LSTIMER3_CONF @ 0x178 = 0x0100_0000, rw_bits(0x07FF_FFFF);
    LSTIMER3_VALUE @ 0x17C = 0, ro();
    INT_RAW @ 0x180 = 0, rw_bits(0xFF_FFFF);
    INT_ST @ 0x184 = 0, ro();
    INT_ENA @ 0x188 = 0, rw_bits(0xFF_FFFF);
    INT_CLR @ 0x18C = 0, wo();
    CONF @ 0x190 = 0, rw_bits(1) {
        /// CONF: the slow clock is the APB's instead of the RC oscillator's.
        APB_CLK_SEL: 0,
    };
    DATE @ 0x1FC = 0x1603_1700, rw();
}

/// Registers of a channel, and of a timer, from their first one on.
pub mod channel {
    pub const STRIDE: u32 = 0x14;
    pub const CONF0: u32 = 0x00;
    pub const HPOINT: u32 = 0x04;
    pub const DUTY: u32 = 0x08;
    pub const CONF1: u32 = 0x0C;
    pub const DUTY_R: u32 = 0x10;
}

pub mod timer {
    pub const STRIDE: u32 = 8;
    pub const CONF: u32 = 0;
    pub const VALUE: u32 = 4;
}

/// The fields that a low-speed timer takes over with PARA_UP.
pub const UPDATED: u32 = reg::LSTIMER0_CONF::DUTY_RES.mask() | reg::LSTIMER0_CONF::DIV_NUM.mask();

/// Bits of the INT registers.
pub mod interrupt {
    pub fn overflow(timer: usize) -> u32 {
        1 << timer
    }

    pub fn duty_end(channel: usize) -> u32 {
        1 << (8 + channel)
    }
}
