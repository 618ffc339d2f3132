//! Registers of UHCI and their fields (ESP32 TRM, chapter "UART Controller", section "UHCI Registers"; ESP-IDF's `soc/uhci_reg.h`).

use espalier_core::Field;

espalier_core::registers! {
    CONF0 @ 0x00 = 0x0037_0100, rw_bits(0x00FF_FFFF) {
        IN_RST: 0,
        OUT_RST: 1,
        UART0_CE: 9,
        UART1_CE: 10,
        UART2_CE: 11,
        /// Separators around frames.
        SEPER_EN: 16,
        HEAD_EN: 17,
        UART_IDLE_EOF_EN: 19,
        LEN_EOF_EN: 20,
        UART_RX_BRK_EOF_EN: 23,
    };
    INT_RAW @ 0x04 = 0, ro() {
        RX_START: 0,
        TX_START: 1,
        IN_DONE: 4,
        IN_SUC_EOF: 5,
        OUT_DONE: 7,
        OUT_EOF: 8,
        IN_DSCR_ERR: 9,
        OUT_DSCR_ERR: 10,
        IN_DSCR_EMPTY: 11,
        OUT_TOTAL_EOF: 13,
        SEND_S_Q: 14,
    };
    INT_ST @ 0x08 = 0, ro();
    INT_ENA @ 0x0C = 0, rw_bits(0x0001_FFFF);
    INT_CLR @ 0x10 = 0, wo();
    DMA_OUT_STATUS @ 0x14 = 0x2, ro();
    DMA_OUT_PUSH @ 0x18 = 0, rw_bits(0x0001_01FF);
    DMA_IN_STATUS @ 0x1C = 0x2, ro();
    DMA_IN_POP @ 0x20 = 0, rw_bits(0x0001_0000);
    DMA_OUT_LINK @ 0x24 = 0, rw_bits(0x700F_FFFF) { OUTLINK_ADDR: 0..=19, OUTLINK_STOP: 28, OUTLINK_START: 29, OUTLINK_RESTART: 30, OUTLINK_PARK: 31 };
    DMA_IN_LINK @ 0x28 = 0x0010_0000, rw_bits(0x701F_FFFF) { INLINK_ADDR: 0..=19 };
    CONF1 @ 0x2C = 0x33, rw_bits(0x001F_FFFF) { CHECK_OWNER: 6 };
    STATE0 @ 0x30 = 0, ro();
    STATE1 @ 0x34 = 0, ro();
    DMA_OUT_EOF_DES_ADDR @ 0x38 = 0, ro();
    DMA_IN_SUC_EOF_DES_ADDR @ 0x3C = 0, ro();
    DMA_IN_ERR_EOF_DES_ADDR @ 0x40 = 0, ro();
    DMA_OUT_EOF_BFR_DES_ADDR @ 0x44 = 0, ro();
    AHB_TEST @ 0x48 = 0, rw_bits(0x37);
    DMA_IN_DSCR @ 0x4C = 0, ro();
    DMA_IN_DSCR_BF0 @ 0x50 = 0, ro();
    DMA_IN_DSCR_BF1 @ 0x54 = 0, ro();
    DMA_OUT_DSCR @ 0x58 = 0, ro();
    DMA_OUT_DSCR_BF0 @ 0x5C = 0, ro();
    DMA_OUT_DSCR_BF1 @ 0x60 = 0, ro();
    ESCAPE_CONF @ 0x64 = 0x33, rw_bits(0xFF) {
        /// In what is received, a sequence is turned back.
        TX_C0_ESC_EN: 0,
        TX_DB_ESC_EN: 1,
        TX_11_ESC_EN: 2,
        TX_13_ESC_EN: 3,
        /// A byte is sent as a sequence.
        RX_C0_ESC_EN: 4,
        RX_DB_ESC_EN: 5,
        RX_11_ESC_EN: 6,
        RX_13_ESC_EN: 7,
    };
    HUNG_CONF @ 0x68 = 0x0081_0810, rw_bits(0x00FF_FFFF);
    ACK_NUM @ 0x6C = 0, rw();
    RX_HEAD @ 0x70 = 0, ro();
    QUICK_SENT @ 0x74 = 0, rw_bits(0xFF) { SINGLE_SEND_NUM: 0..=2, SINGLE_SEND_EN: 3 };
    Q0_WORD0 @ 0x78 = 0, rw();
    Q0_WORD1 @ 0x7C = 0, rw();
    Q1_WORD0 @ 0x80 = 0, rw();
    Q1_WORD1 @ 0x84 = 0, rw();
    Q2_WORD0 @ 0x88 = 0, rw();
    Q2_WORD1 @ 0x8C = 0, rw();
    Q3_WORD0 @ 0x90 = 0, rw();
    Q3_WORD1 @ 0x94 = 0, rw();
    Q4_WORD0 @ 0x98 = 0, rw();
    Q4_WORD1 @ 0x9C = 0, rw();
    Q5_WORD0 @ 0xA0 = 0, rw();
    Q5_WORD1 @ 0xA4 = 0, rw();
    Q6_WORD0 @ 0xA8 = 0, rw();
    Q6_WORD1 @ 0xAC = 0, rw();
    ESC_CONF0 @ 0xB0 = 0x00DC_DBC0, rw_bits(0x00FF_FFFF);
    ESC_CONF1 @ 0xB4 = 0x00DD_DBDB, rw_bits(0x00FF_FFFF);
    ESC_CONF2 @ 0xB8 = 0x00DE_DB11, rw_bits(0x00FF_FFFF);
    ESC_CONF3 @ 0xBC = 0x00DF_DB13, rw_bits(0x00FF_FFFF);
    PKT_THRES @ 0xC0 = 0x80, rw_bits(0x1FFF) { PKT_THRS: 0..=12 };
    DATE @ 0xFC = 0x1604_1001, rw();
}

/// The bits of the four sequences, for both directions.
pub(super) const DECODED: [Field; 4] = [
    reg::ESCAPE_CONF::TX_C0_ESC_EN,
    reg::ESCAPE_CONF::TX_DB_ESC_EN,
    reg::ESCAPE_CONF::TX_11_ESC_EN,
    reg::ESCAPE_CONF::TX_13_ESC_EN,
];
pub(super) const ENCODED: [Field; 4] = [
    reg::ESCAPE_CONF::RX_C0_ESC_EN,
    reg::ESCAPE_CONF::RX_DB_ESC_EN,
    reg::ESCAPE_CONF::RX_11_ESC_EN,
    reg::ESCAPE_CONF::RX_13_ESC_EN,
];
