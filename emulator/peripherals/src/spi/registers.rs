//! Registers of the SPI controllers (ESP32 TRM, chapter 7.8) and their fields.

espalier_core::registers! {
    CMD @ 0x00 = 0, wo();
    ADDR @ 0x04 = 0, rw();
    CTRL @ 0x08 = 0x0020_A400, rw_bits(0x07F0_FC00);
    CTRL1 @ 0x0C = 0x5FFF_0000, rw_bits(0xFFFF_0000);
    RD_STATUS @ 0x10 = 0, rw();
    CTRL2 @ 0x14 = 0x11, rw();
    CLOCK @ 0x18 = 0x8000_3043, rw();
    USER @ 0x1C = 0x8000_0040, rw_bits(0xFFFF_FCF1);
    USER1 @ 0x20 = 0x5C00_0007, rw_bits(0xFC00_00FF);
    USER2 @ 0x24 = 0x7000_0000, rw_bits(0xF000_FFFF);
    MOSI_DLEN @ 0x28 = 0, rw_bits(0x00FF_FFFF);
    MISO_DLEN @ 0x2C = 0, rw_bits(0x00FF_FFFF);
    SLV_WR_STATUS @ 0x30 = 0, rw();
    PIN @ 0x34 = 0x06, rw_bits(0x6000_39E7);
    SLAVE @ 0x38 = 0x20, rw_bits(0xF800_0FFF);
    SLAVE1 @ 0x3C = 0x0200_0000, rw_bits(0xFE00_FFFF);
    SLAVE2 @ 0x40 = 0, rw();
    SLAVE3 @ 0x44 = 0, rw();
    SLV_WRBUF_DLEN @ 0x48 = 0, rw_bits(0x00FF_FFFF);
    SLV_RDBUF_DLEN @ 0x4C = 0, rw_bits(0x00FF_FFFF);
    CACHE_FCTRL @ 0x50 = 0, rw_bits(0xF);
    CACHE_SCTRL @ 0x54 = 0x15C0_4830, rw_bits(0x1FFF_FFFE);
    SRAM_CMD @ 0x58 = 0, rw_bits(0x13);
    SRAM_DRD_CMD @ 0x5C = 0, rw_bits(0xF000_FFFF);
    SRAM_DWR_CMD @ 0x60 = 0, rw_bits(0xF000_FFFF);
    SLV_RD_BIT @ 0x64 = 0, rw_bits(0x00FF_FFFF);
    W[16] @ 0x80 = 0, rw();
    TX_CRC @ 0xC0 = 0, rw();
    EXT0 @ 0xF0 = 0x800A_0050, rw_bits(0x800F_0FFF);
    EXT1 @ 0xF4 = 0x800F_0000, rw_bits(0x800F_0FFF);
    EXT2 @ 0xF8 = 0, ro();
    EXT3 @ 0xFC = 0, rw_bits(0x3);
    DMA_CONF @ 0x100 = 0x0200, rw_bits(0x0001_DFFC);
    DMA_OUT_LINK @ 0x104 = 0, rw_bits(0x700F_FFFF);
    DMA_IN_LINK @ 0x108 = 0, rw_bits(0x701F_FFFF);
    DMA_STATUS @ 0x10C = 0, ro();
    DMA_INT_ENA @ 0x110 = 0, rw_bits(0x1FF);
    DMA_INT_RAW @ 0x114 = 0, ro();
    DMA_INT_ST @ 0x118 = 0, ro();
    DMA_INT_CLR @ 0x11C = 0, wo();
    IN_ERR_EOF_DES_ADDR @ 0x120 = 0, ro();
    IN_SUC_EOF_DES_ADDR @ 0x124 = 0, ro();
    INLINK_DSCR @ 0x128 = 0, ro();
    INLINK_DSCR_BF0 @ 0x12C = 0, ro();
    INLINK_DSCR_BF1 @ 0x130 = 0, ro();
    OUT_EOF_BFR_DES_ADDR @ 0x134 = 0, ro();
    OUT_EOF_DES_ADDR @ 0x138 = 0, ro();
    OUTLINK_DSCR @ 0x13C = 0, ro();
    OUTLINK_DSCR_BF0 @ 0x140 = 0, ro();
    OUTLINK_DSCR_BF1 @ 0x144 = 0, ro();
    DMA_RSTATUS @ 0x148 = 0, ro();
    DMA_TSTATUS @ 0x14C = 0, ro();
    DATE @ 0x3FC = 0x0160_4270, rw();
}

/// Words of the data buffer W0 to W15.
pub(super) const BUFFER_WORDS: u32 = 16;

/// `CMD`: each bit starts an operation.
pub(super) mod cmd {
    pub const FLASH_PER: u32 = 1 << 16;
    pub const FLASH_PES: u32 = 1 << 17;
    pub const USR: u32 = 1 << 18;
    pub const FLASH_HPM: u32 = 1 << 19;
    pub const FLASH_RES: u32 = 1 << 20;
    pub const FLASH_DP: u32 = 1 << 21;
    pub const FLASH_CE: u32 = 1 << 22;
    pub const FLASH_BE: u32 = 1 << 23;
    pub const FLASH_SE: u32 = 1 << 24;
    pub const FLASH_PP: u32 = 1 << 25;
    pub const FLASH_WRSR: u32 = 1 << 26;
    pub const FLASH_RDSR: u32 = 1 << 27;
    pub const FLASH_RDID: u32 = 1 << 28;
    pub const FLASH_WRDI: u32 = 1 << 29;
    pub const FLASH_WREN: u32 = 1 << 30;
    pub const FLASH_READ: u32 = 1 << 31;
    pub const ALL: u32 = 0xFFFF_0000;
}

pub(super) mod ctrl {
    pub const FASTRD_MODE: u32 = 1 << 13;
    pub const FREAD_DUAL: u32 = 1 << 14;
    pub const RESANDRES: u32 = 1 << 15;
    pub const FREAD_QUAD: u32 = 1 << 20;
    pub const WRSR_2B: u32 = 1 << 22;
    pub const FREAD_DIO: u32 = 1 << 23;
    pub const FREAD_QIO: u32 = 1 << 24;
    /// MISO phase: least significant bit first.
    pub const RD_BIT_ORDER: u32 = 1 << 25;
    /// Command, address and MOSI phases: least significant bit first.
    pub const WR_BIT_ORDER: u32 = 1 << 26;
}

pub(super) mod clock {
    pub const CNT_N_SHIFT: u32 = 12;
    pub const CNT_N: u32 = 0x3F;
    pub const DIV_PRE_SHIFT: u32 = 18;
    pub const DIV_PRE: u32 = 0x1FFF;
    /// The clock is that of the APB.
    pub const EQU_SYSCLK: u32 = 1 << 31;
}

pub(super) mod rd_status {
    pub const STATUS: u32 = 0xFFFF;
}

pub(super) mod user {
    /// MISO phase: the words of the buffer are big-endian.
    pub const RD_BYTE_ORDER: u32 = 1 << 10;
    /// Command and MOSI phases: the words of the buffer are big-endian.
    pub const WR_BYTE_ORDER: u32 = 1 << 11;
    pub const USR_MISO_HIGHPART: u32 = 1 << 24;
    pub const USR_MOSI_HIGHPART: u32 = 1 << 25;
    pub const USR_MOSI: u32 = 1 << 27;
    pub const USR_MISO: u32 = 1 << 28;
    pub const USR_DUMMY: u32 = 1 << 29;
    pub const USR_ADDR: u32 = 1 << 30;
    pub const USR_COMMAND: u32 = 1 << 31;
    pub const DOUTDIN: u32 = 1 << 0;
}

pub(super) mod user1 {
    pub const USR_DUMMY_CYCLELEN: u32 = 0xFF;
    pub const USR_ADDR_BITLEN_SHIFT: u32 = 26;
}

pub(super) mod user2 {
    pub const USR_COMMAND_VALUE: u32 = 0xFFFF;
    pub const USR_COMMAND_BITLEN_SHIFT: u32 = 28;
}

pub(super) mod pin {
    pub const CS0_DIS: u32 = 1 << 0;
    pub const CS1_DIS: u32 = 1 << 1;
    pub const CS2_DIS: u32 = 1 << 2;
}

pub(super) mod slave {
    pub const TRANS_DONE: u32 = 1 << 4;
    pub const TRANS_INTEN: u32 = 1 << 9;
    pub const TRANS_CNT_SHIFT: u32 = 23;
    pub const TRANS_CNT: u32 = 0xF << TRANS_CNT_SHIFT;
    pub const MODE: u32 = 1 << 30;
}

pub(super) mod dma_conf {
    pub const IN_RST: u32 = 1 << 2;
    pub const OUT_RST: u32 = 1 << 3;
}

/// `DMA_OUT_LINK` and `DMA_IN_LINK`.
pub(super) mod dma_link {
    pub const ADDR: u32 = 0xF_FFFF;
    pub const STOP: u32 = 1 << 28;
    pub const START: u32 = 1 << 29;
    pub const RESTART: u32 = 1 << 30;
}

pub(super) mod dma_int {
    pub const INLINK_DSCR_EMPTY: u32 = 1 << 0;
    pub const OUTLINK_DSCR_ERROR: u32 = 1 << 1;
    pub const INLINK_DSCR_ERROR: u32 = 1 << 2;
    pub const IN_DONE: u32 = 1 << 3;
    pub const IN_SUC_EOF: u32 = 1 << 5;
    pub const OUT_DONE: u32 = 1 << 6;
    pub const OUT_EOF: u32 = 1 << 7;
    pub const OUT_TOTAL_EOF: u32 = 1 << 8;
}
