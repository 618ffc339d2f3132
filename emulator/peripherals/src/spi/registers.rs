//! Registers of the SPI controllers (ESP32 TRM, chapter 7.8) and their fields.

espalier_core::registers! {
    CMD @ 0x00 = 0, wo() {
        FLASH_PER: 16,
        FLASH_PES: 17,
        USR: 18,
        FLASH_HPM: 19,
        FLASH_RES: 20,
        FLASH_DP: 21,
        FLASH_CE: 22,
        FLASH_BE: 23,
        FLASH_SE: 24,
        FLASH_PP: 25,
        FLASH_WRSR: 26,
        FLASH_RDSR: 27,
        FLASH_RDID: 28,
        FLASH_WRDI: 29,
        FLASH_WREN: 30,
        FLASH_READ: 31,
    };
    ADDR @ 0x04 = 0, rw();
    CTRL @ 0x08 = 0x0020_A400, rw_bits(0x07F0_FC00) {
        FASTRD_MODE: 13,
        FREAD_DUAL: 14,
        RESANDRES: 15,
        FREAD_QUAD: 20,
        WRSR_2B: 22,
        FREAD_DIO: 23,
        FREAD_QIO: 24,
        /// MISO phase: least significant bit first.
        RD_BIT_ORDER: 25,
        /// Command, address and MOSI phases: least significant bit first.
        WR_BIT_ORDER: 26,
    };
    CTRL1 @ 0x0C = 0x5FFF_0000, rw_bits(0xFFFF_0000);
    RD_STATUS @ 0x10 = 0, rw() { STATUS: 0..=15 };
    CTRL2 @ 0x14 = 0x11, rw();
    CLOCK @ 0x18 = 0x8000_3043, rw() {
        CLKCNT_N: 12..=17,
        CLKDIV_PRE: 18..=30,
        /// The clock is that of the APB.
        CLK_EQU_SYSCLK: 31,
    };
    USER @ 0x1C = 0x8000_0040, rw_bits(0xFFFF_FCF1) {
        DOUTDIN: 0,
        /// A slave samples on falling edges, not on rising ones.
        CK_I_EDGE: 6,
        CK_OUT_EDGE: 7,
        /// MISO phase: the words of the buffer are big-endian.
        RD_BYTE_ORDER: 10,
        /// Command and MOSI phases: the words of the buffer are big-endian.
        WR_BYTE_ORDER: 11,
        USR_MISO_HIGHPART: 24,
        USR_MOSI_HIGHPART: 25,
        USR_MOSI: 27,
        USR_MISO: 28,
        USR_DUMMY: 29,
        USR_ADDR: 30,
        USR_COMMAND: 31,
    };
    USER1 @ 0x20 = 0x5C00_0007, rw_bits(0xFC00_00FF) { USR_DUMMY_CYCLELEN: 0..=7, USR_ADDR_BITLEN: 26..=31 };
    USER2 @ 0x24 = 0x7000_0000, rw_bits(0xF000_FFFF) { USR_COMMAND_VALUE: 0..=15, USR_COMMAND_BITLEN: 28..=31 };
    MOSI_DLEN @ 0x28 = 0, rw_bits(0x00FF_FFFF);
    MISO_DLEN @ 0x2C = 0, rw_bits(0x00FF_FFFF);
    SLV_WR_STATUS @ 0x30 = 0, rw();
    PIN @ 0x34 = 0x06, rw_bits(0x6000_39E7) {
        CS0_DIS: 0,
        CS1_DIS: 1,
        CS2_DIS: 2,
        /// Lines that select while they are high: bit n is chip select n.
        MASTER_CS_POL: 6..=8,
        CK_IDLE_EDGE: 29,
        CS_KEEP_ACTIVE: 30,
    };
    SLAVE @ 0x38 = 0x20, rw_bits(0xF800_0FFF) {
        TRANS_DONE: 4,
        TRANS_INTEN: 9,
        TRANS_CNT: 23..=26,
        MODE: 30,
        SYNC_RESET: 31,
    };
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
    DMA_CONF @ 0x100 = 0x0200, rw_bits(0x0001_DFFC) { IN_RST: 2, OUT_RST: 3 };
    DMA_OUT_LINK @ 0x104 = 0, rw_bits(0x700F_FFFF) {
        OUTLINK_ADDR: 0..=19,
        OUTLINK_STOP: 28,
        OUTLINK_START: 29,
        OUTLINK_RESTART: 30,
    };
    DMA_IN_LINK @ 0x108 = 0, rw_bits(0x701F_FFFF);
    DMA_STATUS @ 0x10C = 0, ro();
    DMA_INT_ENA @ 0x110 = 0, rw_bits(0x1FF);
    DMA_INT_RAW @ 0x114 = 0, ro() {
        INLINK_DSCR_EMPTY: 0,
        OUTLINK_DSCR_ERROR: 1,
        INLINK_DSCR_ERROR: 2,
        IN_DONE: 3,
        IN_SUC_EOF: 5,
        OUT_DONE: 6,
        OUT_EOF: 7,
        OUT_TOTAL_EOF: 8,
    };
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
    pub const FLASH_PER: u32 = super::reg::CMD::FLASH_PER.mask();
    pub const FLASH_PES: u32 = super::reg::CMD::FLASH_PES.mask();
    pub const USR: u32 = super::reg::CMD::USR.mask();
    pub const FLASH_HPM: u32 = super::reg::CMD::FLASH_HPM.mask();
    pub const FLASH_RES: u32 = super::reg::CMD::FLASH_RES.mask();
    pub const FLASH_DP: u32 = super::reg::CMD::FLASH_DP.mask();
    pub const FLASH_CE: u32 = super::reg::CMD::FLASH_CE.mask();
    pub const FLASH_BE: u32 = super::reg::CMD::FLASH_BE.mask();
    pub const FLASH_SE: u32 = super::reg::CMD::FLASH_SE.mask();
    pub const FLASH_PP: u32 = super::reg::CMD::FLASH_PP.mask();
    pub const FLASH_WRSR: u32 = super::reg::CMD::FLASH_WRSR.mask();
    pub const FLASH_RDSR: u32 = super::reg::CMD::FLASH_RDSR.mask();
    pub const FLASH_RDID: u32 = super::reg::CMD::FLASH_RDID.mask();
    pub const FLASH_WRDI: u32 = super::reg::CMD::FLASH_WRDI.mask();
    pub const FLASH_WREN: u32 = super::reg::CMD::FLASH_WREN.mask();
    pub const FLASH_READ: u32 = super::reg::CMD::FLASH_READ.mask();
    pub const ALL: u32 = 0xFFFF_0000;
}
