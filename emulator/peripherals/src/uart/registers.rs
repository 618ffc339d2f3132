//! Registers of the UARTs (ESP32 TRM, chapter 13.5) and their fields.

espalier_core::registers! {
    FIFO @ 0x00 = 0, rw_bits(0xFF);
    INT_RAW @ 0x04 = 0, ro();
    INT_ST @ 0x08 = 0, ro();
    INT_ENA @ 0x0C = 0, rw_bits(0x7_FFFF);
    INT_CLR @ 0x10 = 0, wo();
    CLKDIV @ 0x14 = 0x2B6, rw_bits(0x00FF_FFFF);
    AUTOBAUD @ 0x18 = 0x1000, rw_bits(0xFF01);
    STATUS @ 0x1C = 0, ro();
    CONF0 @ 0x20 = 0x0800_001C, rw_bits(0x0FFF_FFFF);
    CONF1 @ 0x24 = 0x6060, rw_bits(0xFFFF_7F7F);
    LOWPULSE @ 0x28 = 0x000F_FFFF, ro();
    HIGHPULSE @ 0x2C = 0x000F_FFFF, ro();
    RXD_CNT @ 0x30 = 0, ro();
    FLOW_CONF @ 0x34 = 0, rw_bits(0x3F);
    SLEEP_CONF @ 0x38 = 0xF0, rw_bits(0x3FF);
    SWFC_CONF @ 0x3C = 0x1311_E000, rw();
    IDLE_CONF @ 0x40 = 0x00A4_0100, rw_bits(0x0FFF_FFFF);
    RS485_CONF @ 0x44 = 0, rw_bits(0x3FF);
    AT_CMD_PRECNT @ 0x48 = 0x0018_6A00, rw_bits(0x00FF_FFFF);
    AT_CMD_POSTCNT @ 0x4C = 0x0018_6A00, rw_bits(0x00FF_FFFF);
    AT_CMD_GAPTOUT @ 0x50 = 0x1E00, rw_bits(0x00FF_FFFF);
    AT_CMD_CHAR @ 0x54 = 0x032B, rw_bits(0xFFFF);
    MEM_CONF @ 0x58 = 0x88, rw_bits(0x7FFF_87F9);
    MEM_TX_STATUS @ 0x5C = 0, ro();
    MEM_RX_STATUS @ 0x60 = 0, ro();
    MEM_CNT_STATUS @ 0x64 = 0, ro();
    POSPULSE @ 0x68 = 0x000F_FFFF, ro();
    NEGPULSE @ 0x6C = 0x000F_FFFF, ro();
    DATE @ 0x78 = 0x1512_2500, rw();
    ID @ 0x7C = 0x0500, rw();
}

/// Bits of `INT_RAW`, `INT_ST`, `INT_ENA` and `INT_CLR`.
pub(super) mod int {
    pub const RXFIFO_FULL: u32 = 1 << 0;
    pub const TXFIFO_EMPTY: u32 = 1 << 1;
    pub const PARITY_ERR: u32 = 1 << 2;
    pub const FRM_ERR: u32 = 1 << 3;
    pub const RXFIFO_OVF: u32 = 1 << 4;
    pub const BRK_DET: u32 = 1 << 7;
    pub const RXFIFO_TOUT: u32 = 1 << 8;
    pub const TX_BRK_DONE: u32 = 1 << 12;
    pub const TX_BRK_IDLE_DONE: u32 = 1 << 13;
    pub const TX_DONE: u32 = 1 << 14;
    /// Causes that a received frame can have.
    pub const RECEIVE: u32 = RXFIFO_FULL | PARITY_ERR | FRM_ERR | RXFIFO_OVF | BRK_DET | RXFIFO_TOUT;
}

pub(super) mod clkdiv {
    pub const CLKDIV: u32 = 0xF_FFFF;
    pub const FRAG_SHIFT: u32 = 20;
    pub const FRAG: u32 = 0xF;
    /// `FRAG` counts sixteenths.
    pub const FRAG_BITS: u32 = 4;
}

pub(super) mod autobaud {
    pub const EN: u32 = 1 << 0;
}

pub(super) mod status {
    /// Each FIFO's level.
    pub const CNT: u32 = 0xFF;
    pub const ST_URX_OUT_SHIFT: u32 = 8;
    pub const RXD: u32 = 1 << 15;
    pub const TXFIFO_CNT_SHIFT: u32 = 16;
    pub const ST_UTX_OUT_SHIFT: u32 = 24;
    pub const TXD: u32 = 1 << 31;
    /// Bits of a FIFO's level that `STATUS` has; the others are in `MEM_CNT_STATUS`.
    pub const CNT_BITS: u32 = 8;
}

pub(super) mod conf0 {
    /// Odd parity.
    pub const PARITY: u32 = 1 << 0;
    pub const PARITY_EN: u32 = 1 << 1;
    pub const BIT_NUM_SHIFT: u32 = 2;
    pub const BIT_NUM: u32 = 0b11;
    pub const STOP_BIT_NUM_SHIFT: u32 = 4;
    pub const STOP_BIT_NUM: u32 = 0b11;
    pub const TXD_BRK: u32 = 1 << 8;
    pub const LOOPBACK: u32 = 1 << 14;
    pub const RXFIFO_RST: u32 = 1 << 17;
    pub const TXFIFO_RST: u32 = 1 << 18;
    /// Frames with errors are not stored.
    pub const ERR_WR_MASK: u32 = 1 << 26;
    /// The clock is APB_CLK and not REF_TICK.
    pub const TICK_REF_ALWAYS_ON: u32 = 1 << 27;
}

pub(super) mod conf1 {
    pub const RXFIFO_FULL_THRHD: u32 = 0x7F;
    pub const TXFIFO_EMPTY_THRHD_SHIFT: u32 = 8;
    pub const TXFIFO_EMPTY_THRHD: u32 = 0x7F;
    pub const RX_TOUT_THRHD_SHIFT: u32 = 24;
    pub const RX_TOUT_THRHD: u32 = 0x7F;
    pub const RX_TOUT_EN: u32 = 1 << 31;
    /// Bits of a threshold that `CONF1` has; three more are in `MEM_CONF`.
    pub const THRHD_BITS: u32 = 7;
}

pub(super) mod mem_conf {
    pub const RX_SIZE_SHIFT: u32 = 3;
    pub const TX_SIZE_SHIFT: u32 = 7;
    pub const SIZE: u32 = 0xF;
    pub const RX_TOUT_THRHD_H3_SHIFT: u32 = 18;
    pub const RX_MEM_FULL_THRHD_SHIFT: u32 = 25;
    pub const TX_MEM_EMPTY_THRHD_SHIFT: u32 = 28;
    pub const H3: u32 = 0b111;
}

pub(super) mod mem_status {
    pub const RD_ADDR_SHIFT: u32 = 2;
    pub const WR_ADDR_SHIFT: u32 = 13;
}

pub(super) mod mem_cnt_status {
    pub const TX_MEM_CNT_SHIFT: u32 = 3;
}

pub(super) mod idle_conf {
    pub const TX_IDLE_NUM_SHIFT: u32 = 10;
    pub const TX_IDLE_NUM: u32 = 0x3FF;
    pub const TX_BRK_NUM_SHIFT: u32 = 20;
    pub const TX_BRK_NUM: u32 = 0xFF;
}

pub(super) mod rs485_conf {
    pub const DL0_EN: u32 = 1 << 1;
    pub const DL1_EN: u32 = 1 << 2;
}
