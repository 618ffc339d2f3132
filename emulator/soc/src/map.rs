//! The memory map of the ESP32's peripherals (TRM "System and Memory", table "Peripheral Address Mapping").
//!
//! This is the one table that says what is where. The lookup is built from it at compile time, and two blocks at the same place
//! do not compile.

/// Peripherals on the DPORT bus.
pub const PERIPHERALS_BASE: u32 = 0x3FF0_0000;
pub const PERIPHERALS_SIZE: u32 = 0x8_0000;
/// The AHB sees the blocks from UART0 on at this address as well; FIFOs are read there.
pub const AHB_BASE: u32 = 0x6000_0000;
pub const AHB_OFFSET: u32 = 0x3FF4_0000;
pub const AHB_SIZE: u32 = 0x4_0000;
const AHB_END: u32 = AHB_BASE + AHB_SIZE;

/// Which block an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    Dport,
    Aes,
    Rsa,
    Sha,
    FlashMmu(u8),
    Uart(u8),
    Spi(u8),
    Gpio,
    Frc,
    RtcCntl,
    RtcIo,
    Sens,
    IoMux,
    I2c(u8),
    Rmt,
    Ledc,
    Mcpwm(u8),
    Efuse,
    I2s(u8),
    Timg(u8),
    ApbCtrl,
    Ethernet,
    Rng,
    GpioSd,
    WifiMac,
    RadioAnalog,
    RadioFrontEnd,
    RadioAgc,
    Bluetooth,
    /// A block of the radio that only stores; the number tells them apart.
    Radio(u8),
    Slc,
    Hinf,
    SlcHost,
    /// Not modelled, only counted; the number tells the stubs apart.
    Stub(u8),
}

/// A block's place.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub name: &'static str,
    pub base: u32,
    pub size: u32,
    pub block: Block,
}

const fn at(name: &'static str, base: u32, size: u32, block: Block) -> Entry {
    Entry { name, base, size, block }
}

impl Entry {
    /// Where `address`, which lies in the block or in its alias on the AHB, is in the block.
    pub fn offset_of(&self, address: u32) -> u32 {
        on_dport(address) - self.base
    }
}

/// Every block of the chip, in the order of their addresses.
pub static MAP: &[Entry] = &MAP_TABLE;

const MAP_TABLE: [Entry; 61] = [
    at("DPORT", 0x3FF0_0000, 0x1000, Block::Dport),
    at("AES", 0x3FF0_1000, 0x1000, Block::Aes),
    at("RSA", 0x3FF0_2000, 0x1000, Block::Rsa),
    at("SHA", 0x3FF0_3000, 0x1000, Block::Sha),
    at("FLASH_MMU_PRO", 0x3FF1_0000, 0x2000, Block::FlashMmu(0)),
    at("FLASH_MMU_APP", 0x3FF1_2000, 0x2000, Block::FlashMmu(1)),
    at("PID", 0x3FF1_F000, 0x1000, Block::Stub(0)),
    at("UART0", 0x3FF4_0000, 0x1000, Block::Uart(0)),
    at("SPI1", 0x3FF4_2000, 0x1000, Block::Spi(1)),
    at("SPI0", 0x3FF4_3000, 0x1000, Block::Spi(0)),
    at("GPIO", 0x3FF4_4000, 0xF00, Block::Gpio),
    at("GPIO_SD", 0x3FF4_4F00, 0x100, Block::GpioSd),
    at("FE2", 0x3FF4_5000, 0x1000, Block::Radio(0)),
    at("FE", 0x3FF4_6000, 0x1000, Block::RadioFrontEnd),
    at("FRC_TIMER", 0x3FF4_7000, 0x1000, Block::Frc),
    at("RTC_CNTL", 0x3FF4_8000, 0x400, Block::RtcCntl),
    at("RTC_IO", 0x3FF4_8400, 0x400, Block::RtcIo),
    at("SENS", 0x3FF4_8800, 0x400, Block::Sens),
    at("RTC_I2C", 0x3FF4_8C00, 0x400, Block::Stub(1)),
    at("IO_MUX", 0x3FF4_9000, 0x1000, Block::IoMux),
    at("HINF", 0x3FF4_B000, 0x1000, Block::Hinf),
    at("UHCI1", 0x3FF4_C000, 0x1000, Block::Stub(2)),
    at("ANA", 0x3FF4_E000, 0x1000, Block::RadioAnalog),
    at("I2S0", 0x3FF4_F000, 0x1000, Block::I2s(0)),
    at("UART1", 0x3FF5_0000, 0x1000, Block::Uart(1)),
    at("BT", 0x3FF5_1000, 0x1000, Block::Radio(3)),
    at("I2C0", 0x3FF5_3000, 0x1000, Block::I2c(0)),
    at("UHCI0", 0x3FF5_4000, 0x1000, Block::Stub(5)),
    at("SLCHOST", 0x3FF5_5000, 0x1000, Block::SlcHost),
    at("RMT", 0x3FF5_6000, 0x1000, Block::Rmt),
    at("PCNT", 0x3FF5_7000, 0x1000, Block::Stub(7)),
    at("SLC", 0x3FF5_8000, 0x1000, Block::Slc),
    at("LEDC", 0x3FF5_9000, 0x1000, Block::Ledc),
    at("EFUSE", 0x3FF5_A000, 0x1000, Block::Efuse),
    at("SPI_ENCRYPT", 0x3FF5_B000, 0x1000, Block::Stub(9)),
    at("AGC", 0x3FF5_C000, 0xC00, Block::RadioAgc),
    at("NRX", 0x3FF5_CC00, 0x400, Block::Radio(1)),
    at("BB", 0x3FF5_D000, 0x1000, Block::Radio(2)),
    at("MCPWM0", 0x3FF5_E000, 0x1000, Block::Mcpwm(0)),
    at("TIMG0", 0x3FF5_F000, 0x1000, Block::Timg(0)),
    at("TIMG1", 0x3FF6_0000, 0x1000, Block::Timg(1)),
    at("SPI2", 0x3FF6_4000, 0x1000, Block::Spi(2)),
    at("SPI3", 0x3FF6_5000, 0x1000, Block::Spi(3)),
    at("APB_CTRL", 0x3FF6_6000, 0x1000, Block::ApbCtrl),
    at("I2C1", 0x3FF6_7000, 0x1000, Block::I2c(1)),
    at("SDMMC", 0x3FF6_8000, 0x1000, Block::Stub(11)),
    at("OPENCORES_ETH", 0x3FF6_9000, 0x800, Block::Ethernet),
    at("EMAC_EXT", 0x3FF6_9800, 0x800, Block::Stub(12)),
    at("EMAC", 0x3FF6_A000, 0x1000, Block::Stub(13)),
    at("TWAI", 0x3FF6_B000, 0x1000, Block::Stub(14)),
    at("MCPWM1", 0x3FF6_C000, 0x1000, Block::Mcpwm(1)),
    at("I2S1", 0x3FF6_D000, 0x1000, Block::I2s(1)),
    at("UART2", 0x3FF6_E000, 0x1000, Block::Uart(2)),
    at("PWM2", 0x3FF6_F000, 0x1000, Block::Stub(17)),
    at("PWM3", 0x3FF7_0000, 0x1000, Block::Stub(18)),
    at("RWBT", 0x3FF7_1000, 0x1000, Block::Bluetooth),
    at("PHY", 0x3FF7_2000, 0x1000, Block::Radio(4)),
    at("WIFI", 0x3FF7_3000, 0x2100, Block::WifiMac),
    at("RNG", 0x3FF7_5100, 0x100, Block::Rng),
    at("WDEV2", 0x3FF7_5200, 0xE00, Block::Stub(19)),
    at("RTCMEM", 0x3FF6_1000, 0x3000, Block::Stub(20)),
];

/// The granularity of the lookup, in bytes.
const GRAIN: u32 = 0x100;
const GRAINS: usize = (PERIPHERALS_SIZE / GRAIN) as usize;
const NOTHING: u8 = u8::MAX;

static LOOKUP: [u8; GRAINS] = build_lookup();

const fn build_lookup() -> [u8; GRAINS] {
    let mut lookup = [NOTHING; GRAINS];
    let mut index = 0;
    while index < MAP_TABLE.len() {
        let entry = MAP_TABLE[index];
        assert!(
            entry.base.is_multiple_of(GRAIN) && entry.size.is_multiple_of(GRAIN),
            "a block is not aligned to the lookup"
        );
        let mut grain = ((entry.base - PERIPHERALS_BASE) / GRAIN) as usize;
        let end = grain + (entry.size / GRAIN) as usize;
        while grain < end {
            assert!(lookup[grain] == NOTHING, "two blocks of the memory map overlap");
            lookup[grain] = index as u8;
            grain += 1;
        }
        index += 1;
    }
    lookup
}

/// The same place as the DPORT bus sees it.
fn on_dport(address: u32) -> u32 {
    match address {
        AHB_BASE..AHB_END => address - AHB_BASE + AHB_OFFSET,
        _ => address,
    }
}

/// The block at `address`, and the offset in it.
pub fn find(address: u32) -> Option<(&'static Entry, u32)> {
    let address = on_dport(address);
    let grain = address.checked_sub(PERIPHERALS_BASE)? / GRAIN;
    let entry = MAP.get(usize::from(*LOOKUP.get(grain as usize)?))?;
    Some((entry, address - entry.base))
}

/// True for the address ranges in which peripherals lie, whether there is one at `address` or not.
pub fn is_peripheral_space(address: u32) -> bool {
    (PERIPHERALS_BASE..PERIPHERALS_BASE + PERIPHERALS_SIZE).contains(&address)
        || (AHB_BASE..AHB_BASE + AHB_SIZE).contains(&address)
}

#[cfg(test)]
mod tests {
    use super::{AHB_BASE, AHB_OFFSET, AHB_SIZE, Block, MAP, find};

    #[test]
    fn every_block_is_found_at_both_of_its_ends() {
        for entry in MAP {
            let (found, offset) = find(entry.base).unwrap();
            assert_eq!((found.name, offset), (entry.name, 0));
            let (found, offset) = find(entry.base + entry.size - 4).unwrap();
            assert_eq!((found.name, offset), (entry.name, entry.size - 4));
        }
    }

    #[test]
    fn the_ahb_alias_reaches_the_same_blocks() {
        assert_eq!(AHB_BASE + AHB_SIZE, 0x6004_0000);
        let (entry, offset) = find(0x3FF6_E01C - AHB_OFFSET + AHB_BASE).unwrap();
        assert_eq!((entry.block, offset), (Block::Uart(2), 0x1C));
        assert!(find(0x3FF3_0000).is_none());
        assert!(find(0x2000_0000).is_none());
        assert!(find(0x6004_0000).is_none());
    }
}
