//! The ESP32-C3 as a table: its blocks (TRM, chapter "System and Memory"), their interrupt sources (chapter "Interrupt Matrix") and the
//! bits of SYSTEM that reset them.

use espalier_peripherals::esp32c3::{Efuse, Extmem, Gpio, RtcCntl, System};
use espalier_peripherals::{APB_WITH_PLL, SclkUart, SpiMem, Storage};

use super::Esp32c3;
use super::flash_mmu::flash_mmu;
use super::interrupts::InterruptCore;
use crate::platform::block::{Block, Id};
use crate::platform::map::{self, Window};

/// Peripherals on both buses.
pub const WINDOWS: &[Window] = &[Window { base: 0x6000_0000, size: 0xD_1000, shows: 0x6000_0000 }];

/// The register that resets blocks: PERIP_RST_EN0 of SYSTEM.
const PERIPHERALS: usize = 0;

/// Every block, those that change by themselves first.
pub const TABLE: &[Block<Esp32c3>] = &[
    Block::new("UART0", 0x6000_0000, 0x1000, |_| Box::new(SclkUart::new(APB_WITH_PLL)))
        .interrupts(&[21])
        .resets(&[(PERIPHERALS, 2)])
        .serial(),
    Block::new("UART1", 0x6001_0000, 0x1000, |_| Box::new(SclkUart::new(APB_WITH_PLL)))
        .interrupts(&[22])
        .resets(&[(PERIPHERALS, 5)])
        .serial(),
    Block::new("SPI1", 0x6000_2000, 0x1000, |_| Box::new(SpiMem::new())).interrupts(&[18]).flash(),
    Block::new("SPI0", 0x6000_3000, 0x1000, |_| Box::new(SpiMem::new())).flash(),
    // From here on in the order of addresses.
    Block::new("GPIO", 0x6000_4000, 0xF00, |_| Box::new(Gpio::new())),
    Block::stub("GPIO_SD", 0x6000_4F00, 0x100),
    Block::stub("FE2", 0x6000_5000, 0x1000),
    Block::stub("FE", 0x6000_6000, 0x1000),
    Block::new("RTC_CNTL", 0x6000_8000, 0x800, |_| Box::new(RtcCntl::new())).kept().after(Esp32c3::settle_rtc),
    Block::new("EFUSE", 0x6000_8800, 0x800, |setup| Box::new(Efuse::new(setup.board.mac))).kept(),
    Block::stub("IO_MUX", 0x6000_9000, 0x1000),
    Block::stub("I2C_ANA_MST", 0x6000_E000, 0x1000),
    Block::stub("I2C0", 0x6001_3000, 0x1000),
    Block::stub("UHCI0", 0x6001_4000, 0x1000),
    Block::stub("RMT", 0x6001_6000, 0x1000),
    Block::stub("LEDC", 0x6001_9000, 0x1000),
    Block::stub("NRX", 0x6001_CC00, 0x400),
    Block::stub("BB", 0x6001_D000, 0x1000),
    Block::stub("TIMG0", 0x6001_F000, 0x1000),
    Block::stub("TIMG1", 0x6002_0000, 0x1000),
    Block::stub("SYSTIMER", 0x6002_3000, 0x1000),
    Block::stub("SPI2", 0x6002_4000, 0x1000),
    Block::stub("APB_CTRL", 0x6002_6000, 0x1000),
    Block::stub("TWAI0", 0x6002_B000, 0x1000),
    Block::stub("I2S0", 0x6002_D000, 0x1000),
    Block::stub("AES", 0x6003_A000, 0x1000),
    Block::stub("SHA", 0x6003_B000, 0x1000),
    Block::stub("RSA", 0x6003_C000, 0x1000),
    Block::stub("DS", 0x6003_D000, 0x1000),
    Block::stub("HMAC", 0x6003_E000, 0x1000),
    Block::stub("DMA", 0x6003_F000, 0x1000),
    Block::stub("APB_SARADC", 0x6004_0000, 0x1000),
    Block::stub("USB_DEVICE", 0x6004_3000, 0x1000),
    Block::new("SYSTEM", 0x600C_0000, 0x1000, |_| Box::new(System::new()))
        .interrupts(&[50, 51, 52, 53])
        .after(Esp32c3::settle_system),
    Block::stub("SENSITIVE", 0x600C_1000, 0x1000),
    Block::new("INTERRUPT_CORE0", 0x600C_2000, 0x1000, |_| Box::new(InterruptCore::new()))
        .after(Esp32c3::settle_matrix),
    Block::new("EXTMEM", 0x600C_4000, 0x1000, |_| Box::new(Extmem::new())),
    Block::new("MMU_TABLE", 0x600C_5000, 0x1000, |_| Box::new(flash_mmu())).after(Esp32c3::settle_flash_mmu),
    Block::stub("XTS_AES", 0x600C_C000, 0x1000),
    Block::stub("ASSIST_DEBUG", 0x600C_E000, 0x1000),
];

const _: () = map::check(TABLE);

pub const GPIO: Id<Gpio> = Id::of(TABLE, "GPIO");
pub const RTC_CNTL: Id<RtcCntl> = Id::of(TABLE, "RTC_CNTL");
pub const SYSTEM: Id<System> = Id::of(TABLE, "SYSTEM");
pub const INTERRUPT_CORE0: Id<InterruptCore> = Id::of(TABLE, "INTERRUPT_CORE0");
pub const MMU_TABLE: Id<Storage> = Id::of(TABLE, "MMU_TABLE");
