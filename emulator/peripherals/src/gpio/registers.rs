//! Register table and fields of GPIO.

espalier_core::registers! {
    BT_SELECT @ 0x00 = 0, rw();
    OUT @ 0x04 = 0, rw();
    OUT_W1TS @ 0x08 = 0, wo();
    OUT_W1TC @ 0x0C = 0, wo();
    OUT1 @ 0x10 = 0, rw_bits(0xFF);
    OUT1_W1TS @ 0x14 = 0, wo();
    OUT1_W1TC @ 0x18 = 0, wo();
    SDIO_SELECT @ 0x1C = 0, rw_bits(0xFF);
    ENABLE @ 0x20 = 0, rw();
    ENABLE_W1TS @ 0x24 = 0, wo();
    ENABLE_W1TC @ 0x28 = 0, wo();
    ENABLE1 @ 0x2C = 0, rw_bits(0xFF);
    ENABLE1_W1TS @ 0x30 = 0, wo();
    ENABLE1_W1TC @ 0x34 = 0, wo();
    STRAP @ 0x38 = 0, ro();
    IN @ 0x3C = 0, ro();
    IN1 @ 0x40 = 0, ro();
    STATUS @ 0x44 = 0, rw();
    STATUS_W1TS @ 0x48 = 0, wo();
    STATUS_W1TC @ 0x4C = 0, wo();
    STATUS1 @ 0x50 = 0, rw_bits(0xFF);
    STATUS1_W1TS @ 0x54 = 0, wo();
    STATUS1_W1TC @ 0x58 = 0, wo();
    ACPU_INT @ 0x60 = 0, ro();
    ACPU_NMI_INT @ 0x64 = 0, ro();
    PCPU_INT @ 0x68 = 0, ro();
    PCPU_NMI_INT @ 0x6C = 0, ro();
    CPUSDIO_INT @ 0x70 = 0, ro();
    ACPU_INT1 @ 0x74 = 0, ro();
    ACPU_NMI_INT1 @ 0x78 = 0, ro();
    PCPU_INT1 @ 0x7C = 0, ro();
    PCPU_NMI_INT1 @ 0x80 = 0, ro();
    CPUSDIO_INT1 @ 0x84 = 0, ro();
    PIN0[40] @ 0x88 = 0, rw_bits(0x3_FF84) { PAD_DRIVER: 2, INT_TYPE: 7..=9, WAKEUP_ENABLE: 10, INT_ENA: 13..=17 };
    CALI_CONF @ 0x128 = 0, rw_bits(0x8000_03FF);
    CALI_DATA @ 0x12C = 0, ro();
    FUNC0_IN_SEL_CFG[256] @ 0x130 = 0, rw_bits(0xFF) { IN_SEL: 0..=5, IN_INV_SEL: 6, SEL: 7 };
    FUNC0_OUT_SEL_CFG[40] @ 0x530 = 0x100, rw_bits(0xFFF) { OUT_SEL: 0..=8, INV_SEL: 9, OEN_SEL: 10, OEN_INV_SEL: 11 };
}

pub const STRAP_MASK: u32 = 0xFFFF;

/// Bits of PINn.INT_ENA.
pub const ACPU_INT_ENA: u32 = 1 << 0;
pub const ACPU_NMI_ENA: u32 = 1 << 1;
pub const PCPU_INT_ENA: u32 = 1 << 2;
pub const PCPU_NMI_ENA: u32 = 1 << 3;

/// The value of IN_SEL that is always high; 0x30 is always low.
pub const IN_SEL_ALWAYS_HIGH: u32 = 0x38;
