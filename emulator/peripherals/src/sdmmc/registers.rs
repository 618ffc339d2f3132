//! The registers of the SD host (ESP32 TRM, chapter "SD/MMC Host Controller", section "Registers").

espalier_core::registers! {
    CTRL @ 0x000 = 0, rw_bits(0x0200_0FF7) {
        CONTROLLER_RESET: 0, FIFO_RESET: 1, DMA_RESET: 2, INT_ENABLE: 4, USE_INTERNAL_DMA: 25,
    };
    CLKDIV @ 0x008 = 0, rw();
    CLKSRC @ 0x00C = 0, rw_bits(0xF);
    CLKENA @ 0x010 = 0, rw_bits(0x3_0003) { CCLK_ENABLE: 0..=1 };
    TMOUT @ 0x014 = 0xFFFF_FF40, rw() { RESPONSE_TIMEOUT: 0..=7, DATA_TIMEOUT: 8..=31 };
    CTYPE @ 0x018 = 0, rw_bits(0x3_0003) { CARD_WIDTH4: 0..=1, CARD_WIDTH8: 16..=17 };
    BLKSIZ @ 0x01C = 0x200, rw_bits(0xFFFF);
    BYTCNT @ 0x020 = 0x200, rw();
    INTMASK @ 0x024 = 0, rw_bits(0x3_FFFF);
    CMDARG @ 0x028 = 0, rw();
    CMD @ 0x02C = 0x2000_0000, rw_bits(0xA0FF_FFFF) {
        INDEX: 0..=5, RESPONSE_EXPECT: 6, RESPONSE_LENGTH: 7, CHECK_RESPONSE_CRC: 8, DATA_EXPECTED: 9, READ_WRITE: 10, SEND_AUTO_STOP: 12,
        WAIT_PRVDATA_COMPLETE: 13, STOP_ABORT_CMD: 14, SEND_INITIALIZATION: 15, CARD_NUMBER: 16..=20, UPDATE_CLOCK_REGISTERS_ONLY: 21,
        START_CMD: 31,
    };
    RESP0 @ 0x030 = 0, ro();
    RESP1 @ 0x034 = 0, ro();
    RESP2 @ 0x038 = 0, ro();
    RESP3 @ 0x03C = 0, ro();
    MINTSTS @ 0x040 = 0, ro();
    RINTSTS @ 0x044 = 0, w1c_bits(0x3_FFFF);
    STATUS @ 0x048 = 0x716, ro() {
        FIFO_RX_WATERMARK: 0, FIFO_TX_WATERMARK: 1, FIFO_EMPTY: 2, FIFO_FULL: 3, DATA_3_STATUS: 8, DATA_BUSY: 9, DATA_STATE_MC_BUSY: 10,
        RESPONSE_INDEX: 11..=16, FIFO_COUNT: 17..=29,
    };
    FIFOTH @ 0x04C = 0, rw_bits(0x77FF_0FFF) { TX_WMARK: 0..=11, RX_WMARK: 16..=26 };
    CDETECT @ 0x050 = 0, ro();
    WRTPRT @ 0x054 = 0, ro();
    TCBCNT @ 0x05C = 0, ro();
    TBBCNT @ 0x060 = 0, ro();
    DEBNCE @ 0x064 = 0, rw_bits(0xFF_FFFF);
    USRID @ 0x068 = 0, rw();
    VERID @ 0x06C = 0x5432_270A, ro();
    HCON @ 0x070 = 0x0344_4CC3, ro();
    UHS @ 0x074 = 0, rw_bits(0x3_0000);
    RST_N @ 0x078 = 1, rw_bits(3);
    BMOD @ 0x080 = 0, rw_bits(0x7FF) { SWR: 0, DSL: 2..=6, DE: 7 };
    PLDMND @ 0x084 = 0, wo();
    DBADDR @ 0x088 = 0, rw();
    IDSTS @ 0x08C = 0, w1c_bits(0x337) { TI: 0, RI: 1, FBE: 2, DU: 4, CES: 5, NIS: 8, AIS: 9 };
    IDINTEN @ 0x090 = 0, rw_bits(0x337) { NI: 8, AI: 9 };
    DSCADDR @ 0x094 = 0, ro();
    BUFADDR @ 0x098 = 0, ro();
    CARDTHRCTL @ 0x100 = 0, rw_bits(0xFFFF_0007);
    EMMCDDR @ 0x10C = 0, rw_bits(0x8000_0003);
    ENSHIFT @ 0x110 = 0, rw_bits(0xF);
    BUFFIFO @ 0x200 = 0, rw();
    CLK_EDGE_SEL @ 0x800 = 0x82_0200, rw_bits(0xFF_FFFF) { CCLLKIN_EDGE_N: 17..=20 };
}

/// Bits of RINTSTS, MINTSTS and INTMASK.
pub(super) mod interrupt {
    pub(crate) const CARD_DETECT: u32 = 1 << 0;
    pub(crate) const COMMAND_DONE: u32 = 1 << 2;
    pub(crate) const DATA_OVER: u32 = 1 << 3;
    pub(crate) const TRANSMIT_REQUEST: u32 = 1 << 4;
    pub(crate) const RECEIVE_REQUEST: u32 = 1 << 5;
    pub(crate) const RESPONSE_CRC: u32 = 1 << 6;
    pub(crate) const DATA_CRC: u32 = 1 << 7;
    pub(crate) const RESPONSE_TIMEOUT: u32 = 1 << 8;
    pub(crate) const READ_TIMEOUT: u32 = 1 << 9;
    /// The host has not brought or fetched data in time.
    pub(crate) const STARVATION: u32 = 1 << 10;
    pub(crate) const FIFO_RUN: u32 = 1 << 11;
    /// Software has written a command while another one waited.
    pub(crate) const LOCKED_WRITE: u32 = 1 << 12;
    pub(crate) const START_BIT: u32 = 1 << 13;
    pub(crate) const AUTO_STOP_DONE: u32 = 1 << 14;
    /// The card has not acknowledged a block.
    pub(crate) const END_BIT: u32 = 1 << 15;
}
