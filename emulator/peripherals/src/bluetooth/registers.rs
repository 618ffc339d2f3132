//! Registers of the Bluetooth baseband.
//!
//! Espressif does not document them. Names, fields and their meaning are those that SDKs of other licensees of the same core publish
//! (`reg_btcore.h`, `reg_blecore.h`); which of them this chip has, and where, is what the drivers in its mask ROM say. The core for
//! Bluetooth Classic comes first, the one for Low Energy follows at 0x200. Registers without a published meaning are called
//! after their offset and only store what is written.

espalier_core::registers! {
    RWBTCNTL @ 0x000 = 0, rw();
    VERSION @ 0x004 = 0x0800_0B00, ro();
    RWBTCONF @ 0x008 = 0, ro();
    INTCNTL @ 0x00C = 0, rw();
    INTSTAT @ 0x010 = 0, ro();
    INTRAWSTAT @ 0x014 = 0, ro();
    INTACK @ 0x018 = 0, wo();
    SLOTCLK @ 0x01C = 0, rw();
    FINETIMECNT @ 0x020 = 0, ro();
    ABTRAINCNTL @ 0x024 = 0, rw();
    EDRCNTL @ 0x028 = 0, rw();
    CURRENTRXDESCPTR @ 0x02C = 0, rw();
    DEEPSLCNTL @ 0x030 = 0, rw_bits(0xFFFF_7FFF);
    DEEPSLWKUP @ 0x034 = 0, rw();
    DEEPSLSTAT @ 0x038 = 0, ro();
    ENBPRESET @ 0x03C = 0, rw();
    FINECNTCORR @ 0x040 = 0, rw();
    CLKNCNTCORR @ 0x044 = 0, rw();
    CONF_048[2] @ 0x048 = 0, rw();
    DIAGCNTL @ 0x050 = 0, rw();
    DIAGSTAT @ 0x054 = 0, ro();
    DEBUGADDMAX @ 0x058 = 0, rw();
    DEBUGADDMIN @ 0x05C = 0, rw();
    ERRORTYPESTAT @ 0x060 = 0, ro();
    SWPROFILING @ 0x064 = 0, rw();
    CONF_068[2] @ 0x068 = 0, rw();
    RADIOCNTL[8] @ 0x070 = 0, rw();
    CONF_090[8] @ 0x090 = 0, rw();
    TIMGENCNTL @ 0x0B0 = 0, rw();
    GROSSTIMTGT @ 0x0B4 = 0, rw();
    FINETIMTGT @ 0x0B8 = 0, rw();
    CONF_0BC @ 0x0BC = 0, rw();
    PCACNTL[4] @ 0x0C0 = 0, rw();
    COEXIFCNTL[4] @ 0x0D0 = 0, rw();
    CONF_0E0[8] @ 0x0E0 = 0, rw();
    ESCOCHAN[28] @ 0x140 = 0, rw();
    PCM[12] @ 0x1B0 = 0, rw();
    CONF_1E0[8] @ 0x1E0 = 0, rw();
    RWBLECNTL @ 0x200 = 0, rw();
    BLE_VERSION @ 0x204 = 0x0800_0900, ro();
    RWBLECONF @ 0x208 = 0, ro();
    BLE_INTCNTL @ 0x20C = 0, rw();
    BLE_INTSTAT @ 0x210 = 0, ro();
    BLE_INTRAWSTAT @ 0x214 = 0, ro();
    BLE_INTACK @ 0x218 = 0, wo();
    BASETIMECNT @ 0x21C = 0, rw();
    BLE_FINETIMECNT @ 0x220 = 0, ro();
    BDADDRL @ 0x224 = 0, rw();
    BDADDRU @ 0x228 = 0, rw();
    BLE_CURRENTRXDESCPTR @ 0x22C = 0, rw();
    BLE_DEEPSL[8] @ 0x230 = 0, rw();
    BLE_DIAGCNTL @ 0x250 = 0, rw();
    BLE_DIAGSTAT @ 0x254 = 0, ro();
    BLE_DEBUGADDMAX @ 0x258 = 0, rw();
    BLE_DEBUGADDMIN @ 0x25C = 0, rw();
    BLE_ERRORTYPESTAT @ 0x260 = 0, ro();
    BLE_SWPROFILING @ 0x264 = 0, rw();
    BLE_CONF_268[2] @ 0x268 = 0, rw();
    BLE_RADIOCNTL[8] @ 0x270 = 0, rw();
    ADVCHMAP @ 0x290 = 0x7, rw();
    BLE_CONF_294[3] @ 0x294 = 0, rw();
    ADVTIM @ 0x2A0 = 0, rw();
    ACTSCANSTAT @ 0x2A4 = 0, ro();
    BLE_CONF_2A8[2] @ 0x2A8 = 0, rw();
    WLPUBADDPTR @ 0x2B0 = 0, rw();
    WLPRIVADDPTR @ 0x2B4 = 0, rw();
    WLNBDEV @ 0x2B8 = 0, rw();
    BLE_CONF_2BC @ 0x2BC = 0, rw();
    AESCNTL @ 0x2C0 = 0, rw();
    AESKEY[4] @ 0x2C4 = 0, rw();
    AESPTR @ 0x2D4 = 0, rw();
    TXMICVAL @ 0x2D8 = 0, ro();
    RXMICVAL @ 0x2DC = 0, ro();
    RFTESTCNTL @ 0x2E0 = 0, rw();
    RFTESTTXSTAT @ 0x2E4 = 0, ro();
    RFTESTRXSTAT @ 0x2E8 = 0, ro();
    BLE_CONF_2EC @ 0x2EC = 0, rw();
    BLE_TIMGENCNTL @ 0x2F0 = 0, rw();
    BLE_GROSSTIMTGT @ 0x2F4 = 0, rw();
    BLE_FINETIMTGT @ 0x2F8 = 0, rw();
    BLE_CONF_2FC @ 0x2FC = 0, rw();
    BLE_COEXIFCNTL[8] @ 0x300 = 0, rw();
    RAL[4] @ 0x320 = 0, rw();
    BLE_CONF_330[24] @ 0x330 = 0, rw();
    BLE_CONF_390[28] @ 0x390 = 0, rw();
}

/// RWBTCNTL, and RWBLECNTL where it has the same bits.
pub const MASTER_SOFT_RST: u32 = 1 << 31;
pub const MASTER_TGSOFT_RST: u32 = 1 << 30;
pub const SWINT_REQ: u32 = 1 << 28;
/// RWBLECNTL.
pub const REG_SOFT_RST: u32 = 1 << 29;
pub const RFTEST_ABORT: u32 = 1 << 26;
pub const ADVERT_ABORT: u32 = 1 << 25;
pub const SCAN_ABORT: u32 = 1 << 24;
pub const RWBLE_EN: u32 = 1 << 8;
/// ABTRAINCNTL: trains of inquiry and of paging.
pub const INQ_EN: u32 = 1 << 15;
pub const PAGE_EN: u32 = 1 << 31;
/// SLOTCLK and BASETIMECNT: take a sample of the clock; cleared when it is there.
pub const SAMP: u32 = 1 << 31;

/// DEEPSLCNTL.
pub const DEEP_SLEEP_STAT: u32 = 1 << 15;
pub const SOFT_WAKEUP_REQ: u32 = 1 << 4;
pub const DEEP_SLEEP_CORR_EN: u32 = 1 << 3;
pub const DEEP_SLEEP_ON: u32 = 1 << 2;
/// CLKNCNTCORR: half slots.
pub const CORR_MASK: u32 = 0xFFF_FFFF;
/// FINECNTCORR and FINETIMECNT.
pub const FINE_MASK: u32 = 0x3FF;

/// Slots in a unit of GROSSTIMTGT.
pub const GROSS_SLOTS: u32 = 16;

/// AESCNTL.
pub const AES_START: u32 = 1;

/// Interrupts of the Classic core.
pub mod bt_int {
    pub const CLKN: u32 = 1 << 0;
    pub const SLP: u32 = 1 << 2;
    pub const FINETGTIM: u32 = 1 << 9;
    pub const GROSSTGTIM: u32 = 1 << 10;
    pub const SW: u32 = 1 << 16;
}

/// Interrupts of the Low Energy core.
pub mod ble_int {
    pub const CSCNT: u32 = 1 << 0;
    pub const SLP: u32 = 1 << 2;
    pub const EVENT: u32 = 1 << 3;
    pub const CRYPT: u32 = 1 << 4;
    pub const GROSSTGTIM: u32 = 1 << 6;
    pub const FINETGTIM: u32 = 1 << 7;
    pub const SW: u32 = 1 << 9;
}
