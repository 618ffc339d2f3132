//! Register table and fields of I2S.

espalier_core::registers! {
    CONF @ 0x08 = 0x0003_0300, rw_bits(0x7FFFF) {
        TX_RESET: 0,
        RX_RESET: 1,
        TX_FIFO_RESET: 2,
        RX_FIFO_RESET: 3,
        TX_START: 4,
        RX_START: 5,
        TX_SLAVE_MOD: 6,
        RX_SLAVE_MOD: 7,
        TX_RIGHT_FIRST: 8,
        TX_MSB_SHIFT: 10,
        /// The right channel is in the upper half of a pair of samples.
        TX_MSB_RIGHT: 16,
        RX_MSB_RIGHT: 17,
        /// A receiver that is a slave has the clocks of the transmitter.
        SIG_LOOPBACK: 18,
    };
    INT_RAW @ 0x0C = 0, ro() {
        IN_DONE: 8,
        IN_SUC_EOF: 9,
        OUT_DONE: 11,
        OUT_EOF: 12,
        IN_DSCR_ERR: 13,
        OUT_DSCR_ERR: 14,
        IN_DSCR_EMPTY: 15,
        OUT_TOTAL_EOF: 16,
    };
    INT_ST @ 0x10 = 0, ro();
    INT_ENA @ 0x14 = 0, rw_bits(0x1FFFF);
    INT_CLR @ 0x18 = 0, wo();
    TIMING @ 0x1C = 0, rw_bits(0x1FF_FFFF);
    FIFO_CONF @ 0x20 = 0x1820, rw_bits(0x1F_FFFF) {
        DSCR_EN: 12,
        TX_FIFO_MOD: 13..=15,
        RX_FIFO_MOD: 16..=18,
        TX_FIFO_MOD_FORCE_EN: 19,
    };
    RXEOF_NUM @ 0x24 = 0x40, rw();
    CONF_SIGLE_DATA @ 0x28 = 0, rw();
    CONF_CHAN @ 0x2C = 0, rw_bits(0x1F) { TX_CHAN_MOD: 0..=2, RX_CHAN_MOD: 3..=4 };
    OUT_LINK @ 0x30 = 0, rw_bits(0x700F_FFFF) {
        OUTLINK_ADDR: 0..=19,
        OUTLINK_STOP: 28,
        OUTLINK_START: 29,
        OUTLINK_RESTART: 30,
    };
    IN_LINK @ 0x34 = 0, rw_bits(0x700F_FFFF) {
        INLINK_ADDR: 0..=19,
        INLINK_STOP: 28,
        INLINK_START: 29,
        INLINK_RESTART: 30,
    };
    OUT_EOF_DES_ADDR @ 0x38 = 0, ro();
    IN_EOF_DES_ADDR @ 0x3C = 0, ro();
    OUT_EOF_BFR_DES_ADDR @ 0x40 = 0, ro();
    AHB_TEST @ 0x44 = 0, rw_bits(0x37);
    INLINK_DSCR @ 0x48 = 0, ro();
    INLINK_DSCR_BF0 @ 0x4C = 0, ro();
    INLINK_DSCR_BF1 @ 0x50 = 0, ro();
    OUTLINK_DSCR @ 0x54 = 0, ro();
    OUTLINK_DSCR_BF0 @ 0x58 = 0, ro();
    OUTLINK_DSCR_BF1 @ 0x5C = 0, ro();
    LC_CONF @ 0x60 = 0x100, rw_bits(0x3FFF) { IN_RST: 0, OUT_RST: 1, OUT_AUTO_WRBACK: 6, CHECK_OWNER: 12 };
    LC_STATE0 @ 0x6C = 0, ro();
    LC_STATE1 @ 0x70 = 0, ro();
    LC_HUNG_CONF @ 0x74 = 0x810, rw_bits(0xFFF);
    CVSD_CONF0 @ 0x80 = 0x8000_7FFF, rw();
    CVSD_CONF1 @ 0x84 = 0x000A_0500, rw();
    CVSD_CONF2 @ 0x88 = 0x0005_02A4, rw_bits(0x7FFFF);
    PLC_CONF0 @ 0x8C = 0x08A8_0339, rw_bits(0x0FFF_FFFF);
    PLC_CONF1 @ 0x90 = 0xA017_8A05, rw();
    PLC_CONF2 @ 0x94 = 0x28, rw_bits(0x7F);
    ESCO_CONF0 @ 0x98 = 0, rw_bits(0x1FFF);
    SCO_CONF0 @ 0x9C = 0, rw_bits(0xF);
    CONF1 @ 0xA0 = 0x89, rw_bits(0x3FF);
    PD_CONF @ 0xA4 = 0xA, rw_bits(0xF);
    CONF2 @ 0xA8 = 0, rw_bits(0xFF) { CAMERA_EN: 0, LCD_TX_WRX2_EN: 1, LCD_TX_SDX2_EN: 2, LCD_EN: 5 };
    CLKM_CONF @ 0xAC = 4, rw_bits(0x3F_FFFF) { CLKM_DIV_NUM: 0..=7, CLKM_DIV_B: 8..=13, CLKM_DIV_A: 14..=19, CLKA_ENA: 21 };
    SAMPLE_RATE_CONF @ 0xB0 = 0x0041_0186, rw_bits(0xFF_FFFF) {
        TX_BCK_DIV_NUM: 0..=5,
        RX_BCK_DIV_NUM: 6..=11,
        TX_BITS_MOD: 12..=17,
        RX_BITS_MOD: 18..=23,
    };
    PDM_CONF @ 0xB4 = 0x0155_0020, rw_bits(0x3FF_FFFF) {
        TX_PDM_EN: 0,
        RX_PDM_EN: 1,
        PCM2PDM_CONV_EN: 2,
        PDM2PCM_CONV_EN: 3,
        /// 128 clocks a sample, not 64.
        RX_PDM_SINC_DSR_16_EN: 24,
    };
    PDM_FREQ_CONF @ 0xB8 = 0x000F_01E0, rw_bits(0xF_FFFF) { TX_PDM_FS: 0..=9, TX_PDM_FP: 10..=19 };
    STATE @ 0xBC = 7, ro();
    DATE @ 0xFC = 0x0160_4201, rw();
}

/// 16 bits, two channels; the ADC is in both.
pub const FIFO_16_DUAL: u32 = 0;
/// 16 bits, one channel.
pub const FIFO_16_SINGLE: u32 = 1;
/// 32 bits, two channels.
pub const FIFO_32_DUAL: u32 = 2;
/// 32 bits, one channel.
pub const FIFO_32_SINGLE: u32 = 3;
