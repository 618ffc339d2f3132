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
    CH0CONF0 @ 0x20 = CONF0_RESET, rw();
    CH0CONF1 @ 0x24 = CONF1_RESET, rw_bits(CONF1_WRITABLE);
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
    CHSTATUS[8] @ 0x60 = 0, ro();
    CHADDR[8] @ 0x80 = 0, ro();
    INT_RAW @ 0xA0 = 0, ro();
    INT_ST @ 0xA4 = 0, ro();
    INT_ENA @ 0xA8 = 0, rw();
    INT_CLR @ 0xAC = 0, wo();
    CHCARRIER_DUTY[8] @ 0xB0 = 0x0040_0040, rw();
    CH_TX_LIM[8] @ 0xD0 = 0x80, rw_bits(0x1FF);
    APB_CONF @ 0xF0 = 0, rw_bits(3);
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

/// Fields of CHnCONF0.
pub mod conf0 {
    pub const DIV_CNT: u32 = 0xFF;
    pub const IDLE_THRES_SHIFT: u32 = 8;
    pub const IDLE_THRES: u32 = 0xFFFF;
    pub const MEM_SIZE_SHIFT: u32 = 24;
    pub const MEM_SIZE: u32 = 0xF;
    pub const CARRIER_EN: u32 = 1 << 28;
    pub const CARRIER_OUT_LV: u32 = 1 << 29;
}

/// Fields of CHnCONF1.
pub mod conf1 {
    pub const TX_START: u32 = 1 << 0;
    pub const RX_EN: u32 = 1 << 1;
    pub const MEM_WR_RST: u32 = 1 << 2;
    pub const MEM_RD_RST: u32 = 1 << 3;
    pub const APB_MEM_RST: u32 = 1 << 4;
    pub const MEM_OWNER: u32 = 1 << 5;
    pub const TX_CONTI_MODE: u32 = 1 << 6;
    pub const RX_FILTER_EN: u32 = 1 << 7;
    pub const RX_FILTER_THRES_SHIFT: u32 = 8;
    pub const RX_FILTER_THRES: u32 = 0xFF;
    pub const REF_CNT_RST: u32 = 1 << 16;
    pub const RESETS: u32 = MEM_WR_RST | MEM_RD_RST | APB_MEM_RST | REF_CNT_RST;
    pub const REF_ALWAYS_ON: u32 = 1 << 17;
    pub const IDLE_OUT_LV: u32 = 1 << 18;
    pub const IDLE_OUT_EN: u32 = 1 << 19;
}

/// Fields of CHnSTATUS.
pub mod status {
    pub const ADDRESS: u32 = 0x3FF;
    pub const MEM_WADDR_EX_SHIFT: u32 = 12;
    pub const STATE_SHIFT: u32 = 24;
    pub const SEND: u32 = 1;
    pub const RECEIVE: u32 = 3;
    pub const MEM_OWNER_ERR: u32 = 1 << 27;
    pub const MEM_FULL: u32 = 1 << 28;
    pub const MEM_EMPTY: u32 = 1 << 29;
    pub const APB_MEM_WR_ERR: u32 = 1 << 30;
    pub const APB_MEM_RD_ERR: u32 = 1 << 31;
}

/// Fields of CHnCARRIER_DUTY.
pub mod carrier {
    pub const HIGH_SHIFT: u32 = 16;
    pub const MASK: u32 = 0xFFFF;
}

/// Fields of APB_CONF.
pub mod apb_conf {
    pub const FIFO_MASK: u32 = 1 << 0;
    pub const MEM_TX_WRAP_EN: u32 = 1 << 1;
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
