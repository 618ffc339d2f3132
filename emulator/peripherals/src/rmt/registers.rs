//! Register table and fields of the RMT.

/// Divider 2, idle threshold 0x1000, one block of memory, carrier on, on high levels.
const CONF0_RESET: u32 = 0x3110_0002;
/// Only channel 0 has MEM_PD and CLK_EN.
const CONF0_WRITABLE: u32 = 0x3FFF_FFFF;
/// The receiver owns the memory; the filter's threshold is 15.
const CONF1_RESET: u32 = 0x0F20;
const CONF1_WRITABLE: u32 = 0x000F_FFFF;

espalier_core::registers! {
    CHDATA[8] @ 0x00 = 0, rw();
    CH0CONF0 @ 0x20 = CONF0_RESET, rw() {
        DIV_CNT: 0..=7,
        IDLE_THRES: 8..=23,
        MEM_SIZE: 24..=27,
        CARRIER_EN: 28,
        CARRIER_OUT_LV: 29,
    };
    CH0CONF1 @ 0x24 = CONF1_RESET, rw_bits(CONF1_WRITABLE) {
        TX_START: 0,
        RX_EN: 1,
        MEM_WR_RST: 2,
        MEM_RD_RST: 3,
        APB_MEM_RST: 4,
        MEM_OWNER: 5,
        TX_CONTI_MODE: 6,
        RX_FILTER_EN: 7,
        RX_FILTER_THRES: 8..=15,
        REF_CNT_RST: 16,
        REF_ALWAYS_ON: 17,
        IDLE_OUT_LV: 18,
        IDLE_OUT_EN: 19,
    };
    CH1CONF0 @ 0x28 = CONF0_RESET, rw_bits(CONF0_WRITABLE);
    CH1CONF1 @ 0x2C = CONF1_RESET, rw_bits(CONF1_WRITABLE);
    CH2CONF0 @ 0x30 = CONF0_RESET, rw_bits(CONF0_WRITABLE);
    CH2CONF1 @ 0x34 = CONF1_RESET, rw_bits(CONF1_WRITABLE);
    CH3CONF0 @ 0x38 = CONF0_RESET, rw_bits(CONF0_WRITABLE);
    CH3CONF1 @ 0x3C = CONF1_RESET, rw_bits(CONF1_WRITABLE);
    CH4CONF0 @ 0x40 = CONF0_RESET, rw_bits(CONF0_WRITABLE);
    CH4CONF1 @ 0x44 = CONF1_RESET, rw_bits(CONF1_WRITABLE);
    CH5CONF0 @ 0x48 = CONF0_RESET, rw_bits(CONF0_WRITABLE);
    CH5CONF1 @ 0x4C = CONF1_RESET, rw_bits(CONF1_WRITABLE);
    CH6CONF0 @ 0x50 = CONF0_RESET, rw_bits(CONF0_WRITABLE);
    CH6CONF1 @ 0x54 = CONF1_RESET, rw_bits(CONF1_WRITABLE);
    CH7CONF0 @ 0x58 = CONF0_RESET, rw_bits(CONF0_WRITABLE);
    CH7CONF1 @ 0x5C = CONF1_RESET, rw_bits(CONF1_WRITABLE);
    CHSTATUS[8] @ 0x60 = 0, ro() {
        MEM_WADDR_EX: 0..=9,
        MEM_RADDR_EX: 12..=21,
        STATE: 24..=26,
        MEM_OWNER_ERR: 27,
        MEM_FULL: 28,
        MEM_EMPTY: 29,
        APB_MEM_WR_ERR: 30,
        APB_MEM_RD_ERR: 31,
    };
    CHADDR[8] @ 0x80 = 0, ro();
    INT_RAW @ 0xA0 = 0, ro();
    INT_ST @ 0xA4 = 0, ro();
    INT_ENA @ 0xA8 = 0, rw();
    INT_CLR @ 0xAC = 0, wo();
    CHCARRIER_DUTY[8] @ 0xB0 = 0x0040_0040, rw() { CARRIER_LOW: 0..=15, CARRIER_HIGH: 16..=31 };
    CH_TX_LIM[8] @ 0xD0 = 0x80, rw_bits(0x1FF);
    APB_CONF @ 0xF0 = 0, rw_bits(3) { APB_FIFO_MASK: 0, MEM_TX_WRAP_EN: 1 };
    DATE @ 0xFC = 0x1602_2600, rw();
}

/// Where the memory of all channels starts in the block, and its words.
pub const RAM: u32 = 0x800;
pub const RAM_WORDS: usize = 512;
/// The words of one block of it.
pub const BLOCK_WORDS: usize = 64;

/// Distance between the registers of two channels.
pub const CONF_STRIDE: u32 = 8;
pub const WORD: u32 = 4;

/// Bits of CHnCONF1 that reset something and clear themselves.
pub const RESETS: u32 = reg::CH0CONF1::MEM_WR_RST.mask()
    | reg::CH0CONF1::MEM_RD_RST.mask()
    | reg::CH0CONF1::APB_MEM_RST.mask()
    | reg::CH0CONF1::REF_CNT_RST.mask();

/// Values of CHnSTATUS.STATE.
pub mod status {
    pub const SEND: u32 = 1;
    pub const RECEIVE: u32 = 3;
}

/// Bits of the INT registers that belong to a channel.
pub mod interrupt {
    pub fn tx_end(channel: usize) -> u32 {
        1 << (3 * channel)
    }

    pub fn rx_end(channel: usize) -> u32 {
        1 << (3 * channel + 1)
    }

    pub fn error(channel: usize) -> u32 {
        1 << (3 * channel + 2)
    }

    pub fn threshold(channel: usize) -> u32 {
        1 << (24 + channel)
    }
}

/// Half of a word of the memory: a level and how long it lasts.
pub mod entry {
    pub const PERIOD: u32 = 0x7FFF;
    pub const LEVEL: u32 = 0x8000;
    pub const BITS: u32 = 16;
}
