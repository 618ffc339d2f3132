//! The registers of the TWAI controller (ESP32 TRM, chapter "Two-wire Automotive Interface (TWAI)", section "Register Summary").

espalier_core::registers! {
    MODE @ 0x00 = 1, rw_bits(0xF) { RESET_MODE: 0, LISTEN_ONLY_MODE: 1, SELF_TEST_MODE: 2, RX_FILTER_MODE: 3 };
    CMD @ 0x04 = 0, wo() { TX_REQ: 0, ABORT_TX: 1, RELEASE_BUF: 2, CLR_OVERRUN: 3, SELF_RX_REQ: 4 };
    STATUS @ 0x08 = 0, ro() {
        RX_BUF_ST: 0, OVERRUN_ST: 1, TX_BUF_ST: 2, TX_COMPLETE: 3, RX_ST: 4, TX_ST: 5, ERR_ST: 6, BUS_OFF_ST: 7,
    };
    INT_RAW @ 0x0C = 0, ro() {
        RX_INT_ST: 0, TX_INT_ST: 1, ERR_WARN_INT_ST: 2, OVERRUN_INT_ST: 3, ERR_PASSIVE_INT_ST: 5, ARB_LOST_INT_ST: 6, BUS_ERR_INT_ST: 7,
    };
    INT_ENA @ 0x10 = 0, rw_bits(0xFF) { BRP_DIV: 4 };
    BUS_TIMING_0 @ 0x18 = 0, rw_bits(0xFF) { BAUD_PRESC: 0..=5, SYNC_JUMP_WIDTH: 6..=7 };
    BUS_TIMING_1 @ 0x1C = 0, rw_bits(0xFF) { TIME_SEG1: 0..=3, TIME_SEG2: 4..=6 };
    ARB_LOST_CAP @ 0x2C = 0, ro();
    ERR_CODE_CAP @ 0x30 = 0, ro() { ECC_SEGMENT: 0..=4, ECC_DIRECTION: 5, ECC_TYPE: 6..=7 };
    ERR_WARNING_LIMIT @ 0x34 = 0x60, rw_bits(0xFF);
    RX_ERR_CNT @ 0x38 = 0, rw_bits(0xFF);
    TX_ERR_CNT @ 0x3C = 0, rw_bits(0xFF);
    DATA[13] @ 0x40 = 0, rw_bits(0xFF);
    RX_MESSAGE_CNT @ 0x74 = 0, ro();
    CLOCK_DIVIDER @ 0x7C = 0, rw_bits(0x8F) { CD: 0..=2, CLOCK_OFF: 3, EXT_MODE: 7 };
}
