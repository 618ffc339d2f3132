//! Watchdogs, clocks of peripherals, reset, hardware address and random numbers.

use crate::register::Register;

const DPORT: u32 = 0x3FF0_0000;
const RTC_CNTL: u32 = 0x3FF4_8000;
const EFUSE: u32 = 0x3FF5_A000;
const TIMG0: u32 = 0x3FF5_F000;
const TIMG1: u32 = 0x3FF6_0000;

const DPORT_PERIP_CLK_EN: Register = Register::at(DPORT, 0xC0);
const DPORT_PERIP_RST_EN: Register = Register::at(DPORT, 0xC4);
const RTC_CNTL_OPTIONS0: Register = Register::at(RTC_CNTL, 0x00);
const RTC_CNTL_WDTCONFIG0: Register = Register::at(RTC_CNTL, 0x8C);
const RTC_CNTL_WDTWPROTECT: Register = Register::at(RTC_CNTL, 0xA4);
const EFUSE_BLK0_RDATA1: Register = Register::at(EFUSE, 0x04);
const EFUSE_BLK0_RDATA2: Register = Register::at(EFUSE, 0x08);
const RNG_DATA: Register = Register::at(0x3FF7_5144, 0);

const TIMG_WDTCONFIG0: u32 = 0x48;
const TIMG_WDTWPROTECT: u32 = 0x64;

/// Written to a watchdog's protection register, it makes its other registers writable (TRM chapters 9.4 and 19).
const WDT_WKEY: u32 = 0x50D8_3AA1;
const SW_SYS_RST: u32 = 1 << 31;

/// Bits of PERIP_CLK_EN and PERIP_RST_EN (TRM chapter 5.3).
const I2C_EXT0: u32 = 1 << 7;
const TIMERGROUP: u32 = 1 << 13;

/// Offset of the Ethernet address from the base address in eFuse.
const ETHERNET_MAC: u8 = 3;

/// The bootloader leaves the RTC watchdog running, so that an application that does not get here is reset. This application
/// waits for input for as long as it takes.
pub fn disable_watchdogs() {
    disable_watchdog(RTC_CNTL_WDTCONFIG0, RTC_CNTL_WDTWPROTECT);
    for group in [TIMG0, TIMG1] {
        disable_watchdog(Register::at(group, TIMG_WDTCONFIG0), Register::at(group, TIMG_WDTWPROTECT));
    }
}

fn disable_watchdog(config: Register, protection: Register) {
    protection.write(WDT_WKEY);
    config.write(0);
    protection.write(0);
}

/// Gives the peripherals in use their clocks and takes them out of reset.
pub fn enable_peripherals() {
    DPORT_PERIP_CLK_EN.modify(0, I2C_EXT0 | TIMERGROUP);
    DPORT_PERIP_RST_EN.modify(0, I2C_EXT0);
    DPORT_PERIP_RST_EN.modify(I2C_EXT0 | TIMERGROUP, 0);
}

/// Resets the digital core, as the reset button does.
pub fn reset() -> ! {
    RTC_CNTL_OPTIONS0.modify(0, SW_SYS_RST);
    crate::cpu::halt()
}

/// The chip's Ethernet address: the base address in eFuse, plus three (TRM chapter 20.3, BLOCK0).
pub fn ethernet_address() -> [u8; 6] {
    let [_, _, a, b] = EFUSE_BLK0_RDATA2.read().to_be_bytes();
    let [c, d, e, f] = EFUSE_BLK0_RDATA1.read().to_be_bytes();
    [a, b, c, d, e, f.wrapping_add(ETHERNET_MAC)]
}

/// A word from the random number generator (TRM chapter 24).
pub fn random() -> u32 {
    RNG_DATA.read()
}
