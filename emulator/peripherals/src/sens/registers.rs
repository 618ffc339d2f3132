//! Register table and fields of SENS.

espalier_core::registers! {
    SAR_READ_CTRL @ 0x00 = 0x0007_0902, rw_bits(0x1FFF_FFFF);
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
    SAR_START_FORCE @ 0x2C = 0xF, rw_bits(0x01FF_FFFF);
    SAR_MEM_WR_CTRL @ 0x30 = 0x0010_0200, rw_bits(0x007F_FFFF);
    SAR_ATTEN1 @ 0x34 = 0xFFFF_FFFF, rw();
    SAR_ATTEN2 @ 0x38 = 0xFFFF_FFFF, rw();
    SAR_SLAVE_ADDR1 @ 0x3C = 0, rw_bits(0x003F_FFFF);
    SAR_SLAVE_ADDR2 @ 0x40 = 0, rw_bits(0x003F_FFFF);
    SAR_SLAVE_ADDR3 @ 0x44 = 0, rw_bits(0x003F_FFFF);
    SAR_SLAVE_ADDR4 @ 0x48 = 0, rw_bits(0x003F_FFFF);
    SAR_TSENS_CTRL @ 0x4C = 0x0006_6002, rw_bits(0x07FF_FFFF);
    SAR_I2C_CTRL @ 0x50 = 0, rw_bits(0x3FFF_FFFF);
    SAR_MEAS_START1 @ 0x54 = 0, rw_bits(0xFFFE_0000);
    SAR_TOUCH_CTRL1 @ 0x58 = 0x0204_1000, rw_bits(0x0FFF_FFFF);
    SAR_TOUCH_THRES1[5] @ 0x5C = 0, rw();
    SAR_TOUCH_OUT1[5] @ 0x70 = 0, ro();
    SAR_TOUCH_CTRL2 @ 0x84 = 0x0040_0800, rw_bits(0x3FFF_F800);
    SAR_TOUCH_ENABLE @ 0x8C = 0x3FFF_FFFF, rw_bits(0x3FFF_FFFF);
    SAR_READ_CTRL2 @ 0x90 = 0x0007_0902, rw_bits(0x3FFF_FFFF);
    SAR_MEAS_START2 @ 0x94 = 0, rw_bits(0xFFFE_0000);
    SAR_DAC_CTRL1 @ 0x98 = 0, rw_bits(0x03FF_FFFF);
    SAR_DAC_CTRL2 @ 0x9C = 0x0300_0000, rw_bits(0x03FF_FFFF);
    SAR_MEAS_CTRL2 @ 0xA0 = 0x3, rw_bits(0x0007_FFFF);
    SAR_NOUSE @ 0xF8 = 0, rw();
    SARDATE @ 0xFC = 0x0160_5180, rw_bits(0x0FFF_FFFF);
}

/// SAR_READ_CTRL and SAR_READ_CTRL2: software asked for inverted data.
pub const SAR1_DATA_INV: u32 = 1 << 28;
pub const SAR2_DATA_INV: u32 = 1 << 29;

/// The digital controller has the converter, not this block.
pub const SAR1_DIG_FORCE: u32 = 1 << 27;
pub const SAR2_DIG_FORCE: u32 = 1 << 28;

/// SAR_START_FORCE: software starts the ULP coprocessor itself.
pub const ULP_CP_START_TOP: u32 = 1 << 9;
/// SAR_START_FORCE: 9 bits and so many more.
pub const SAR1_BIT_WIDTH_SHIFT: u32 = 0;
pub const SAR2_BIT_WIDTH_SHIFT: u32 = 2;
pub const SAR_BIT_WIDTH_MASK: u32 = 3;

/// SAR_MEAS_STARTn.
pub const MEAS_DATA_MASK: u32 = 0xFFFF;
pub const MEAS_DONE: u32 = 1 << 16;
pub const MEAS_START: u32 = 1 << 17;
pub const SAR_EN_PAD_SHIFT: u32 = 19;
pub const SAR_EN_PAD_MASK: u32 = 0xFFF;

/// SAR_TSENS_CTRL.
pub const TSENS_POWER_UP: u32 = 1 << 24;
pub const TSENS_DUMP_OUT: u32 = 1 << 26;

/// SAR_SLAVE_ADDR3.
pub const TSENS_OUT_SHIFT: u32 = 22;
pub const TSENS_RDY_OUT: u32 = 1 << 30;

/// SAR_ATTENn.
pub const ATTEN_BITS: u32 = 2;
pub const ATTEN_MASK: u32 = 3;

/// SAR_TOUCH_CTRL1.
pub const TOUCH_MEAS_DELAY_MASK: u32 = 0xFFFF;
pub const TOUCH_XPD_WAIT_SHIFT: u32 = 16;
pub const TOUCH_XPD_WAIT_MASK: u32 = 0xFF;
/// A pad is touched when its count is above, rather than below, the threshold.
pub const TOUCH_OUT_SEL: u32 = 1 << 24;
/// Set 1 alone interrupts.
pub const TOUCH_OUT_1EN: u32 = 1 << 25;
/// SAR_TOUCH_CTRL2.
pub const TOUCH_MEAS_EN_MASK: u32 = 0x3FF;
pub const TOUCH_MEAS_DONE: u32 = 1 << 10;
pub const TOUCH_START_FSM_EN: u32 = 1 << 11;
pub const TOUCH_START_EN: u32 = 1 << 12;
pub const TOUCH_START_FORCE: u32 = 1 << 13;
pub const TOUCH_SLEEP_CYCLES_SHIFT: u32 = 14;
pub const TOUCH_SLEEP_CYCLES_MASK: u32 = 0xFFFF;
pub const TOUCH_MEAS_EN_CLR: u32 = 1 << 30;
/// SAR_TOUCH_ENABLE.
pub const TOUCH_SET_MASK: u32 = 0x3FF;
pub const TOUCH_SET2_SHIFT: u32 = 10;
pub const TOUCH_SET1_SHIFT: u32 = 20;
/// SAR_TOUCH_THRESn and SAR_TOUCH_OUTn hold an even pad above an odd one.
pub const TOUCH_EVEN_SHIFT: u32 = 16;
pub const TOUCH_COUNT_MASK: u32 = 0xFFFF;
