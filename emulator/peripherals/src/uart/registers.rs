//! Registers of the UARTs (ESP32 TRM, chapter 13.5) and their fields.

espalier_core::registers! {
    FIFO @ 0x00 = 0, rw_bits(0xFF);
    INT_RAW @ 0x04 = 0, ro() {
        RXFIFO_FULL: 0,
        TXFIFO_EMPTY: 1,
        PARITY_ERR: 2,
        FRM_ERR: 3,
        RXFIFO_OVF: 4,
        CTS_CHG: 6,
        BRK_DET: 7,
        RXFIFO_TOUT: 8,
        SW_XON: 9,
        SW_XOFF: 10,
        TX_BRK_DONE: 12,
        TX_BRK_IDLE_DONE: 13,
        TX_DONE: 14,
        RS485_PARITY_ERR: 15,
        RS485_FRM_ERR: 16,
        RS485_CLASH: 17,
        AT_CMD_CHAR_DET: 18,
    };
    INT_ST @ 0x08 = 0, ro();
    INT_ENA @ 0x0C = 0, rw_bits(0x7_FFFF);
    INT_CLR @ 0x10 = 0, wo();
    CLKDIV @ 0x14 = 0x2B6, rw_bits(0x00FF_FFFF) { CLKDIV: 0..=19, FRAG: 20..=23 };
    AUTOBAUD @ 0x18 = 0x1000, rw_bits(0xFF01) { EN: 0 };
    STATUS @ 0x1C = 0, ro() {
        /// Each FIFO's level.
        RXFIFO_CNT: 0..=7,
        ST_URX_OUT: 8..=11,
        CTSN: 14,
        RXD: 15,
        TXFIFO_CNT: 16..=23,
        ST_UTX_OUT: 24..=27,
        TXD: 31,
    };
    CONF0 @ 0x20 = 0x0800_001C, rw_bits(0x0FFF_FFFF) {
        /// Odd parity.
        PARITY: 0,
        PARITY_EN: 1,
        BIT_NUM: 2..=3,
        STOP_BIT_NUM: 4..=5,
        SW_RTS: 6,
        TXD_BRK: 8,
        LOOPBACK: 14,
        TX_FLOW_EN: 15,
        RXFIFO_RST: 17,
        TXFIFO_RST: 18,
        RXD_INV: 19,
        CTS_INV: 20,
        TXD_INV: 22,
        RTS_INV: 23,
        /// Frames with errors are not stored.
        ERR_WR_MASK: 26,
        /// The clock is APB_CLK and not REF_TICK.
        TICK_REF_ALWAYS_ON: 27,
    };
    CONF1 @ 0x24 = 0x6060, rw_bits(0xFFFF_7F7F) {
        RXFIFO_FULL_THRHD: 0..=6,
        TXFIFO_EMPTY_THRHD: 8..=14,
        RX_FLOW_THRHD: 16..=22,
        RX_FLOW_EN: 23,
        RX_TOUT_THRHD: 24..=30,
        RX_TOUT_EN: 31,
    };
    LOWPULSE @ 0x28 = 0x000F_FFFF, ro();
    HIGHPULSE @ 0x2C = 0x000F_FFFF, ro();
    RXD_CNT @ 0x30 = 0, ro();
    FLOW_CONF @ 0x34 = 0, rw_bits(0x3F) {
        SW_FLOW_CON_EN: 0,
        XONOFF_DEL: 1,
        FORCE_XON: 2,
        FORCE_XOFF: 3,
        SEND_XON: 4,
        SEND_XOFF: 5,
    };
    SLEEP_CONF @ 0x38 = 0xF0, rw_bits(0x3FF);
    SWFC_CONF @ 0x3C = 0x1311_E000, rw() { XON_THRESHOLD: 0..=7, XOFF_THRESHOLD: 8..=15, XON_CHAR: 16..=23, XOFF_CHAR: 24..=31 };
    IDLE_CONF @ 0x40 = 0x00A4_0100, rw_bits(0x0FFF_FFFF) {
        RX_IDLE_THRHD: 0..=9,
        TX_IDLE_NUM: 10..=19,
        TX_BRK_NUM: 20..=27,
    };
    RS485_CONF @ 0x44 = 0, rw_bits(0x3FF) { RS485_EN: 0, DL0_EN: 1, DL1_EN: 2, RS485TX_RX_EN: 3, RS485RXBY_TX_EN: 4 };
    AT_CMD_PRECNT @ 0x48 = 0x0018_6A00, rw_bits(0x00FF_FFFF);
    AT_CMD_POSTCNT @ 0x4C = 0x0018_6A00, rw_bits(0x00FF_FFFF);
    AT_CMD_GAPTOUT @ 0x50 = 0x1E00, rw_bits(0x00FF_FFFF);
    AT_CMD_CHAR @ 0x54 = 0x032B, rw_bits(0xFFFF) { AT_CMD_CHAR: 0..=7, CHAR_NUM: 8..=15 };
    MEM_CONF @ 0x58 = 0x88, rw_bits(0x7FFF_87F9) {
        RX_SIZE: 3..=6,
        TX_SIZE: 7..=10,
        RX_TOUT_THRHD_H3: 18..=20,
        RX_MEM_FULL_THRHD: 25..=27,
        TX_MEM_EMPTY_THRHD: 28..=30,
    };
    MEM_TX_STATUS @ 0x5C = 0, ro();
    MEM_RX_STATUS @ 0x60 = 0, ro() { MEM_RX_RD_ADDR: 2..=12, MEM_RX_WR_ADDR: 13..=23 };
    MEM_CNT_STATUS @ 0x64 = 0, ro() { RX_MEM_CNT: 0..=2, TX_MEM_CNT: 3..=5 };
    POSPULSE @ 0x68 = 0x000F_FFFF, ro();
    NEGPULSE @ 0x6C = 0x000F_FFFF, ro();
    DATE @ 0x78 = 0x1512_2500, rw();
    ID @ 0x7C = 0x0500, rw();
}

/// Interrupts that a received frame can cause.
pub(super) const RECEIVE_INTERRUPTS: u32 = reg::INT_RAW::RXFIFO_FULL.mask()
    | reg::INT_RAW::PARITY_ERR.mask()
    | reg::INT_RAW::FRM_ERR.mask()
    | reg::INT_RAW::RXFIFO_OVF.mask()
    | reg::INT_RAW::BRK_DET.mask()
    | reg::INT_RAW::RXFIFO_TOUT.mask()
    | reg::INT_RAW::SW_XON.mask()
    | reg::INT_RAW::SW_XOFF.mask()
    | reg::INT_RAW::AT_CMD_CHAR_DET.mask()
    | reg::INT_RAW::RS485_PARITY_ERR.mask()
    | reg::INT_RAW::RS485_FRM_ERR.mask()
    | reg::INT_RAW::RS485_CLASH.mask();
