//! Register table and fields of SENS.

espalier_core::registers! {
    SAR_READ_CTRL @ 0x00 = 0x0007_0902, rw_bits(0x1FFF_FFFF) {
        /// The digital controller has the converter, not this block.
        SAR1_DIG_FORCE: 27,
        /// Software asked for inverted data.
        SAR1_DATA_INV: 28,
    };
    SAR_READ_STATUS1 @ 0x04 = 0, ro();
    SAR_MEAS_WAIT1 @ 0x08 = 0x000A_000A, rw();
    SAR_MEAS_WAIT2 @ 0x0C = 0x0020_000A, rw_bits(0x0FFF_FFFF);
    SAR_MEAS_CTRL @ 0x10 = 0x0707_338F, rw();
    SAR_READ_STATUS2 @ 0x14 = 0, ro();
    ULP_CP_SLEEP_CYC0 @ 0x18 = 200, rw();
    ULP_CP_SLEEP_CYC1 @ 0x1C = 100, rw();
    ULP_CP_SLEEP_CYC2 @ 0x20 = 50, rw();
    ULP_CP_SLEEP_CYC3 @ 0x24 = 40, rw();
    ULP_CP_SLEEP_CYC4 @ 0x28 = 20, rw();
    SAR_START_FORCE @ 0x2C = 0xF, rw_bits(0x01FF_FFFF) {
        /// 9 bits and so many more.
        SAR1_BIT_WIDTH: 0..=1,
        SAR2_BIT_WIDTH: 2..=3,
        /// Software starts the ULP coprocessor itself.
        ULP_CP_FORCE_START_TOP: 8,
        ULP_CP_START_TOP: 9,
        PC_INIT: 11..=21,
    };
    SAR_MEM_WR_CTRL @ 0x30 = 0x0010_0200, rw_bits(0x007F_FFFF);
    SAR_ATTEN1 @ 0x34 = 0xFFFF_FFFF, rw();
    SAR_ATTEN2 @ 0x38 = 0xFFFF_FFFF, rw();
    SAR_SLAVE_ADDR1 @ 0x3C = 0, rw_bits(0x003F_FFFF) { I2C_SLAVE_ADDR1: 0..=10, I2C_SLAVE_ADDR0: 11..=21 };
    SAR_SLAVE_ADDR2 @ 0x40 = 0, rw_bits(0x003F_FFFF);
    SAR_SLAVE_ADDR3 @ 0x44 = 0, rw_bits(0x003F_FFFF) { TSENS_OUT: 22..=29, TSENS_RDY_OUT: 30 };
    SAR_SLAVE_ADDR4 @ 0x48 = 0, rw_bits(0x003F_FFFF) { I2C_RDATA: 22..=29, I2C_DONE: 30 };
    SAR_TSENS_CTRL @ 0x4C = 0x0006_6002, rw_bits(0x07FF_FFFF) { TSENS_POWER_UP: 24, TSENS_DUMP_OUT: 26 };
    SAR_I2C_CTRL @ 0x50 = 0, rw_bits(0x3FFF_FFFF);
    SAR_MEAS_START1 @ 0x54 = 0, rw_bits(0xFFFE_0000) {
        MEAS1_DATA_SAR: 0..=15,
        MEAS1_DONE_SAR: 16,
        MEAS1_START_SAR: 17,
        SAR1_EN_PAD: 19..=30,
    };
    SAR_TOUCH_CTRL1 @ 0x58 = 0x0204_1000, rw_bits(0x0FFF_FFFF) {
        TOUCH_MEAS_DELAY: 0..=15,
        TOUCH_XPD_WAIT: 16..=23,
        /// A pad is touched when its count is above, rather than below, the threshold.
        TOUCH_OUT_SEL: 24,
        /// Set 1 alone interrupts.
        TOUCH_OUT_1EN: 25,
    };
    SAR_TOUCH_THRES1[5] @ 0x5C = 0, rw() { TOUCH_OUT_TH1: 0..=15, TOUCH_OUT_TH0: 16..=31 };
    SAR_TOUCH_OUT1[5] @ 0x70 = 0, ro() { TOUCH_MEAS_OUT1: 0..=15, TOUCH_MEAS_OUT0: 16..=31 };
    SAR_TOUCH_CTRL2 @ 0x84 = 0x0040_0800, rw_bits(0x3FFF_F800) {
        TOUCH_MEAS_EN: 0..=9,
        TOUCH_MEAS_DONE: 10,
        TOUCH_START_FSM_EN: 11,
        TOUCH_START_EN: 12,
        TOUCH_START_FORCE: 13,
        TOUCH_SLEEP_CYCLES: 14..=29,
        TOUCH_MEAS_EN_CLR: 30,
    };
    SAR_TOUCH_ENABLE @ 0x8C = 0x3FFF_FFFF, rw_bits(0x3FFF_FFFF) {
        TOUCH_PAD_WORKEN: 0..=9,
        TOUCH_PAD_OUTEN2: 10..=19,
        TOUCH_PAD_OUTEN1: 20..=29,
    };
    SAR_READ_CTRL2 @ 0x90 = 0x0007_0902, rw_bits(0x3FFF_FFFF) { SAR2_DIG_FORCE: 28, SAR2_DATA_INV: 29 };
    SAR_MEAS_START2 @ 0x94 = 0, rw_bits(0xFFFE_0000);
    SAR_DAC_CTRL1 @ 0x98 = 0, rw_bits(0x03FF_FFFF) {
        SW_FSTEP: 0..=15,
        SW_TONE_EN: 16,
        /// The codes come from I2S.
        DAC_DIG_FORCE: 22,
    };
    SAR_DAC_CTRL2 @ 0x9C = 0x0300_0000, rw_bits(0x03FF_FFFF) {
        DAC_DC1: 0..=7,
        DAC_DC2: 8..=15,
        DAC_SCALE1: 16..=17,
        DAC_SCALE2: 18..=19,
        DAC_INV1: 20..=21,
        DAC_INV2: 22..=23,
        DAC_CW_EN1: 24,
        DAC_CW_EN2: 25,
    };
    SAR_MEAS_CTRL2 @ 0xA0 = 0x3, rw_bits(0x0007_FFFF);
    SAR_NOUSE @ 0xF8 = 0, rw();
    SARDATE @ 0xFC = 0x0160_5180, rw_bits(0x0FFF_FFFF);
}

/// SAR_ATTENn.
pub const ATTEN_BITS: u32 = 2;
pub const ATTEN_MASK: u32 = 3;
