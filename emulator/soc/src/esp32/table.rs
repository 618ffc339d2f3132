//! The ESP32 as a table: its blocks (TRM "System and Memory", table "Peripheral Address Mapping"), their interrupt sources (table
//! "PRO_CPU, APP_CPU Interrupt Configuration"), the signals of the GPIO matrix (table "GPIO Matrix Peripheral Signals") and the bits
//! of DPORT that reset them.
//!
//! A block that is added needs its model and its row here, nothing else.

use espalier_core::{Span, Timing};
use espalier_peripherals::{
    APB_WITH_PLL, Aes, ApbCtrl, Bluetooth, Dport, Efuse, EfuseConfig, Emac, EmacDma, FlashEncryption, FrcTimer, Gpio,
    I2c, I2s, IoMux, LEDC_CHANNELS, Ledc, MCPWM_OUTPUTS, Mcpwm, OpenCoresEth, Pcnt, RMT_CHANNELS, RadioAnalog, Rmt,
    Rng, Rsa, RtcCntl, RtcI2c, RtcIo, Sdmmc, SecureBoot, Sens, Sha, Slc, Spi, Storage, TimerGroup, Twai, Uart, Uhci,
    WifiMac, XTAL, emac_ext, gpio_sd, hinf, radio_agc, radio_front_end, radio_storage, slc_host,
};

use super::Esp32;
use super::flash_mmu::FlashMmu;
use crate::platform::block::{Block, Id, Setup};
use crate::platform::map::{self, Window};
use crate::platform::{AudioSignals, SdSignals, Signals, SpiSignals};

/// Peripherals on the DPORT bus, and the blocks from UART0 on as the AHB sees them; FIFOs are read there.
pub const WINDOWS: &[Window] = &[
    Window { base: 0x3FF0_0000, size: 0x8_0000, shows: 0x3FF0_0000 },
    Window { base: 0x6000_0000, size: 0x4_0000, shows: 0x3FF4_0000 },
];

/// The registers of DPORT that reset blocks: PERIP_RST_EN, CORE_RST_EN and PERI_RST_EN.
pub const PERIPHERALS: usize = 0;
pub const CORES: usize = 1;
pub const CRYPTO: usize = 2;

/// The fuses of a board's chip.
/// The controller that sends commands to the flash chip. Its transactions take their time in that of silicon, as those of the others do.
fn flash_commands(setup: &Setup<'_>) -> Spi {
    match setup.board.timing {
        Timing::Fast => Spi::new(),
        Timing::Silicon => Spi::general(),
    }
}

/// Length of a conversion: in silicon's time 5 us, for 200,000 a second (ESP32 datasheet, "ADC Characteristics").
fn conversion_time(setup: &Setup<'_>) -> Span {
    match setup.board.timing {
        Timing::Fast => Span::ZERO,
        Timing::Silicon => Span::from_micros(5),
    }
}

fn fuses(setup: &Setup<'_>) -> EfuseConfig {
    EfuseConfig { mac: setup.board.mac, ..EfuseConfig::default() }
}

/// The signals of SPI2 and SPI3, and those that they hear: clock, Q, D and the first chip select.
const HSPI: SpiSignals = SpiSignals { clock: 8, q: 9, d: 10, chip_selects: [11, 61, 62] };
const VSPI: SpiSignals = SpiSignals { clock: 63, q: 64, d: 65, chip_selects: [68, 69, 70] };
const HSPI_INPUTS: &[Signals] = &[Signals::new(8, 4)];
const VSPI_INPUTS: &[Signals] = &[Signals::new(63, 3), Signals::new(68, 1)];

/// The signals of I2S0 and I2S1: the clocks of transmitter and receiver, which drives its own when it is alone.
const I2S0_SIGNALS: AudioSignals =
    AudioSignals { sck: [23, 27], ws: [25, 28], clocks: &[25, 23], data_out: 163, data_in: 155 };
const I2S1_SIGNALS: AudioSignals =
    AudioSignals { sck: [24, 164], ws: [26, 165], clocks: &[26, 24], data_out: 189, data_in: 181 };

/// The lines of the SD host, which has no signals in the matrix for them: numbers above those of all signals.
const SD_SLOTS: [SdSignals; 2] = [
    SdSignals { clock: 0x200, command: 0x201, data: [0x202, 0x203, 0x204, 0x205] },
    SdSignals { clock: 0x210, command: 0x211, data: [0x212, 0x213, 0x214, 0x215] },
];

/// The signals that IO_MUX brings to pads past the matrix: pad, function, signal (TRM, table "IO_MUX Pad List").
pub const DIRECT: &[(usize, u32, u32)] = &[
    (14, 1, HSPI.clock),
    (12, 1, HSPI.q),
    (13, 1, HSPI.d),
    (15, 1, HSPI.chip_selects[0]),
    (18, 1, VSPI.clock),
    (19, 1, VSPI.q),
    (23, 1, VSPI.d),
    (5, 1, VSPI.chip_selects[0]),
    (6, 3, SD_SLOTS[0].clock),
    (11, 3, SD_SLOTS[0].command),
    (7, 3, SD_SLOTS[0].data[0]),
    (8, 3, SD_SLOTS[0].data[1]),
    (9, 3, SD_SLOTS[0].data[2]),
    (10, 3, SD_SLOTS[0].data[3]),
    (14, 3, SD_SLOTS[1].clock),
    (15, 3, SD_SLOTS[1].command),
    (2, 3, SD_SLOTS[1].data[0]),
    (4, 3, SD_SLOTS[1].data[1]),
    (12, 3, SD_SLOTS[1].data[2]),
    (13, 3, SD_SLOTS[1].data[3]),
];

/// The signal that IO_MUX brings to a pad with this function.
pub fn direct_signal(pin: usize, function: u32) -> Option<u32> {
    DIRECT.iter().find(|(pad, of, _)| (*pad, *of) == (pin, function)).map(|(_, _, signal)| *signal)
}

/// Every block. Blocks that change by themselves come first: of equal deadlines, that of the first one falls due first.
pub const TABLE: &[Block<Esp32>] = &[
    Block::new("RTC_CNTL", 0x3FF4_8000, 0x400, |_| Box::new(RtcCntl::new()))
        .interrupts(&[46])
        .kept()
        .after(Esp32::settle_rtc),
    Block::new("SENS", 0x3FF4_8800, 0x400, |setup| Box::new(Sens::new().with_conversion_time(conversion_time(setup))))
        .kept()
        .after(Esp32::settle_sens),
    Block::new("TIMG0", 0x3FF5_F000, 0x1000, |_| Box::new(TimerGroup::new()))
        .interrupts(&[14, 15, 16, 17])
        .edges(&[58, 59, 60, 61])
        .resets(&[(PERIPHERALS, 13)])
        .after(|chip, _| chip.settle_timer_group(0)),
    Block::new("TIMG1", 0x3FF6_0000, 0x1000, |_| Box::new(TimerGroup::new()))
        .interrupts(&[18, 19, 20, 21])
        .edges(&[62, 63, 64, 65])
        .resets(&[(PERIPHERALS, 15)])
        .after(|chip, _| chip.settle_timer_group(1)),
    Block::new("FRC_TIMER", 0x3FF4_7000, 0x1000, |_| Box::new(FrcTimer::new())).interrupts(&[56, 57]).edges(&[56, 57]),
    Block::new("UART0", 0x3FF4_0000, 0x1000, |_| Box::new(Uart::new(XTAL)))
        .interrupts(&[34])
        // TXD and RTS; RXD and CTS.
        .outputs(14, 2)
        .inputs(&[Signals::new(14, 2)])
        .resets(&[(PERIPHERALS, 2)])
        .serial()
        .after(Esp32::settle_uhci),
    Block::new("UART1", 0x3FF5_0000, 0x1000, |_| Box::new(Uart::new(XTAL)))
        .interrupts(&[35])
        .outputs(17, 2)
        .inputs(&[Signals::new(17, 2)])
        .resets(&[(PERIPHERALS, 5)])
        .serial()
        .after(Esp32::settle_uhci),
    Block::new("UART2", 0x3FF6_E000, 0x1000, |_| Box::new(Uart::new(XTAL)))
        .interrupts(&[36])
        .outputs(198, 2)
        .inputs(&[Signals::new(198, 2)])
        .resets(&[(PERIPHERALS, 23)])
        .serial()
        .after(Esp32::settle_uhci),
    // TX, BUS_OFF_ON and CLKOUT; RX.
    Block::new("TWAI", 0x3FF6_B000, 0x1000, |_| Box::new(Twai::new()))
        .interrupts(&[45])
        .outputs(123, 3)
        .inputs(&[Signals::new(94, 1)])
        .resets(&[(PERIPHERALS, 19)]),
    // SCL, then SDA.
    Block::new("I2C0", 0x3FF5_3000, 0x1000, |_| Box::new(I2c::new(APB_WITH_PLL)))
        .interrupts(&[49])
        .i2c(&[Signals::new(29, 2)])
        .resets(&[(PERIPHERALS, 7)]),
    Block::new("I2C1", 0x3FF6_7000, 0x1000, |_| Box::new(I2c::new(APB_WITH_PLL)))
        .interrupts(&[50])
        .i2c(&[Signals::new(95, 2)])
        .resets(&[(PERIPHERALS, 18)]),
    Block::new("I2S0", 0x3FF4_F000, 0x1000, |_| Box::new(I2s::new()))
        .interrupts(&[32])
        .audio(I2S0_SIGNALS)
        .resets(&[(PERIPHERALS, 4)])
        .after(Esp32::settle_i2s0),
    Block::new("I2S1", 0x3FF6_D000, 0x1000, |_| Box::new(I2s::new()))
        .interrupts(&[33])
        .audio(I2S1_SIGNALS)
        .resets(&[(PERIPHERALS, 21)]),
    Block::new("SPI0", 0x3FF4_3000, 0x1000, |_| Box::new(Spi::new())).interrupts(&[28]).flash(),
    Block::new("SPI1", 0x3FF4_2000, 0x1000, |setup| Box::new(flash_commands(setup))).interrupts(&[29, 52]).flash(),
    Block::new("SPI2", 0x3FF6_4000, 0x1000, |_| Box::new(Spi::general()))
        .interrupts(&[30, 53])
        .spi(HSPI)
        .inputs(HSPI_INPUTS)
        .resets(&[(PERIPHERALS, 6)]),
    Block::new("SPI3", 0x3FF6_5000, 0x1000, |_| Box::new(Spi::general()))
        .interrupts(&[31, 54])
        .spi(VSPI)
        .inputs(VSPI_INPUTS)
        .resets(&[(PERIPHERALS, 16)]),
    Block::new("RSA", 0x3FF0_2000, 0x1000, |_| Box::new(Rsa::new())).interrupts(&[51]).resets(&[(CRYPTO, 2)]),
    // Each core has interrupt sources of its own for it.
    Block::new("GPIO", 0x3FF4_4000, 0xF00, |_| Box::new(Gpio::new())).shows_pads().after(Esp32::settle_gpio),
    Block::new("EFUSE", 0x3FF5_A000, 0x1000, |setup| {
        let mut efuse = Efuse::new(fuses(setup));
        if let Some(image) = setup.board.efuses.as_deref().and_then(|image| image.try_into().ok()) {
            efuse.burn_image(image);
        }
        Box::new(efuse)
    })
    .interrupts(&[44])
    .resets(&[(PERIPHERALS, 14)])
    .kept()
    .after(|chip, _| chip.follow_flash_encryption()),
    // The DMA of the EMAC, or OpenCores' MAC, which QEMU's machine has in its place.
    Block::new("ETHERNET", 0x3FF6_9000, 0x800, |setup| match setup.board.ethernet {
        Some(_) => Box::new(EmacDma::new()),
        None => Box::new(OpenCoresEth::new()),
    })
    .interrupts(&[38])
    .resets(&[(CORES, 7)])
    .after(Esp32::settle_ethernet),
    Block::new("WIFI", 0x3FF7_3000, 0x2100, |_| Box::new(WifiMac::new())).interrupts(&[0]).after(Esp32::settle_wifi),
    // RWBT, RWBLE, RWBT_NMI, RWBLE_NMI; reset by BTMAC_RST and RW_BTMAC_RST.
    Block::new("RWBT", 0x3FF7_1000, 0x1000, |_| Box::new(Bluetooth::new(XTAL)))
        .interrupts(&[6, 7, 8, 9])
        .resets(&[(CORES, 4), (CORES, 9)])
        .after(Esp32::settle_bluetooth),
    Block::new("RMT", 0x3FF5_6000, 0x1000, |_| Box::new(Rmt::new()))
        .interrupts(&[47])
        .outputs(87, RMT_CHANNELS)
        .inputs(&[Signals::new(83, RMT_CHANNELS)])
        .resets(&[(PERIPHERALS, 9)]),
    Block::new("LEDC", 0x3FF5_9000, 0x1000, |_| Box::new(Ledc::new()))
        .interrupts(&[43])
        .outputs(71, LEDC_CHANNELS)
        .resets(&[(PERIPHERALS, 11)]),
    // From here on in the order of addresses.
    Block::new("DPORT", 0x3FF0_0000, 0x1000, |_| Box::new(Dport::default())).after(Esp32::settle_dport),
    Block::new("AES", 0x3FF0_1000, 0x1000, |_| Box::new(Aes::new())).resets(&[(CRYPTO, 0)]),
    Block::new("SHA", 0x3FF0_3000, 0x1000, |_| Box::new(Sha::new())).resets(&[(CRYPTO, 1)]),
    Block::new("SECURE_BOOT", 0x3FF0_4000, 0x1000, |_| Box::new(SecureBoot::new()))
        .resets(&[(CRYPTO, 3)])
        .after(|chip, _| chip.settle_secure_boot()),
    Block::new("FLASH_MMU_PRO", 0x3FF1_0000, 0x2000, |_| Box::new(FlashMmu::default()))
        .after(|chip, _| chip.settle_flash_mmu(0)),
    Block::new("FLASH_MMU_APP", 0x3FF1_2000, 0x2000, |_| Box::new(FlashMmu::default()))
        .after(|chip, _| chip.settle_flash_mmu(1)),
    Block::stub("PID", 0x3FF1_F000, 0x1000),
    Block::new("GPIO_SD", 0x3FF4_4F00, 0x100, |_| Box::new(gpio_sd())),
    Block::new("FE2", 0x3FF4_5000, 0x1000, |_| Box::new(radio_storage(0x400))),
    Block::new("FE", 0x3FF4_6000, 0x1000, |_| Box::new(radio_front_end())),
    Block::new("RTC_IO", 0x3FF4_8400, 0x400, |_| Box::new(RtcIo::new()))
        .kept()
        .shows_pads()
        .after(Esp32::settle_rtc_io),
    Block::new("RTC_I2C", 0x3FF4_8C00, 0x400, |_| Box::new(RtcI2c::new())).kept(),
    Block::new("IO_MUX", 0x3FF4_9000, 0x1000, |_| Box::new(IoMux::new())).after(Esp32::settle_io_mux),
    Block::new("HINF", 0x3FF4_B000, 0x1000, |_| Box::new(hinf())),
    Block::new("UHCI1", 0x3FF4_C000, 0x1000, |_| Box::new(Uhci::new()))
        .interrupts(&[13])
        .resets(&[(PERIPHERALS, 12)])
        .after(Esp32::settle_uhci),
    Block::new("ANA", 0x3FF4_E000, 0x1000, |_| Box::new(RadioAnalog::new())).after(Esp32::follow_audio_pll),
    Block::new("BT", 0x3FF5_1000, 0x1000, |_| Box::new(radio_storage(0x400))),
    Block::new("UHCI0", 0x3FF5_4000, 0x1000, |_| Box::new(Uhci::new()))
        .interrupts(&[12])
        .resets(&[(PERIPHERALS, 8)])
        .after(Esp32::settle_uhci),
    Block::new("SLCHOST", 0x3FF5_5000, 0x1000, |_| Box::new(slc_host())),
    Block::new("PCNT", 0x3FF5_7000, 0x1000, |_| Box::new(Pcnt::new(XTAL)))
        .interrupts(&[48])
        .inputs(&[Signals::new(39, 20), Signals::new(71, 12)])
        .resets(&[(PERIPHERALS, 10)]),
    Block::new("SLC", 0x3FF5_8000, 0x1000, |_| Box::new(Slc::new())),
    Block::new("SPI_ENCRYPT", 0x3FF5_B000, 0x1000, |_| Box::new(FlashEncryption::new()))
        .after(|chip, _| chip.settle_flash_encryption()),
    Block::new("AGC", 0x3FF5_C000, 0xC00, |_| Box::new(radio_agc())),
    Block::new("NRX", 0x3FF5_CC00, 0x400, |_| Box::new(radio_storage(0x100))),
    Block::new("BB", 0x3FF5_D000, 0x1000, |_| Box::new(radio_storage(0x400))),
    Block::new("MCPWM0", 0x3FF5_E000, 0x1000, |_| Box::new(Mcpwm::new()))
        .interrupts(&[39])
        .outputs(32, MCPWM_OUTPUTS)
        // SYNC0 to 2 and F0 to 2; CAP0 to 2.
        .inputs(&[Signals::new(31, 6), Signals::new(109, 3)])
        .resets(&[(PERIPHERALS, 17)]),
    Block::stub("RTCMEM", 0x3FF6_1000, 0x3000),
    Block::new("APB_CTRL", 0x3FF6_6000, 0x1000, |setup| {
        Box::new(ApbCtrl::new(fuses(setup).revision.has_apb_ctrl_bit()))
    })
    .after(Esp32::update_clocks),
    // Card detects, write protections and interrupts of both slots.
    Block::new("SDMMC", 0x3FF6_8000, 0x1000, |_| Box::new(Sdmmc::new()))
        .interrupts(&[37])
        .inputs(&[Signals::new(97, 6)])
        .sd(&SD_SLOTS)
        .resets(&[(CORES, 6)]),
    Block::new("EMAC_EXT", 0x3FF6_9800, 0x800, |_| Box::new(emac_ext())),
    Block::new("EMAC", 0x3FF6_A000, 0x1000, |setup| {
        Box::new(Emac::new(setup.board.ethernet.map(|port| (port.phy, port.address))))
    })
    .resets(&[(CORES, 7)])
    .after(Esp32::settle_emac),
    Block::new("MCPWM1", 0x3FF6_C000, 0x1000, |_| Box::new(Mcpwm::new()))
        .interrupts(&[40])
        .outputs(108, MCPWM_OUTPUTS)
        .inputs(&[Signals::new(103, 6), Signals::new(112, 3)])
        .resets(&[(PERIPHERALS, 20)]),
    Block::stub("PWM2", 0x3FF6_F000, 0x1000),
    Block::stub("PWM3", 0x3FF7_0000, 0x1000),
    Block::new("PHY", 0x3FF7_2000, 0x1000, |_| Box::new(radio_storage(0x400))),
    Block::new("RNG", 0x3FF7_5100, 0x100, |setup| Box::new(Rng::new(setup.seed))),
    Block::stub("WDEV2", 0x3FF7_5200, 0xE00),
];

const _: () = map::check(TABLE);

/// The blocks that the chip itself has to do with.
pub const RTC_CNTL: Id<RtcCntl> = Id::of(TABLE, "RTC_CNTL");
pub const SENS: Id<Sens> = Id::of(TABLE, "SENS");
pub const TIMG: [Id<TimerGroup>; 2] = [Id::of(TABLE, "TIMG0"), Id::of(TABLE, "TIMG1")];
pub const UARTS: [Id<Uart>; 3] = [Id::of(TABLE, "UART0"), Id::of(TABLE, "UART1"), Id::of(TABLE, "UART2")];
pub const UHCI: [Id<Uhci>; 2] = [Id::of(TABLE, "UHCI0"), Id::of(TABLE, "UHCI1")];
pub const I2S: [Id<I2s>; 2] = [Id::of(TABLE, "I2S0"), Id::of(TABLE, "I2S1")];
pub const I2S0: Id<I2s> = I2S[0];
pub const SPI0: Id<Spi> = Id::of(TABLE, "SPI0");
pub const SPI1: Id<Spi> = Id::of(TABLE, "SPI1");
pub const GPIO: Id<Gpio> = Id::of(TABLE, "GPIO");
pub const EFUSE: Id<Efuse> = Id::of(TABLE, "EFUSE");
/// One of the two is there, as the board says.
pub const ETHERNET: Id<OpenCoresEth> = Id::of(TABLE, "ETHERNET");
pub const EMAC_DMA: Id<EmacDma> = Id::of(TABLE, "ETHERNET");
pub const EMAC: Id<Emac> = Id::of(TABLE, "EMAC");
pub const WIFI: Id<WifiMac> = Id::of(TABLE, "WIFI");
pub const BLUETOOTH: Id<Bluetooth> = Id::of(TABLE, "RWBT");
pub const DPORT: Id<Dport> = Id::of(TABLE, "DPORT");
pub const SPI_ENCRYPT: Id<FlashEncryption> = Id::of(TABLE, "SPI_ENCRYPT");
pub const SECURE_BOOT: Id<SecureBoot> = Id::of(TABLE, "SECURE_BOOT");
pub const RNG: Id<Rng> = Id::of(TABLE, "RNG");
pub const FLASH_MMU: [Id<FlashMmu>; 2] = [Id::of(TABLE, "FLASH_MMU_PRO"), Id::of(TABLE, "FLASH_MMU_APP")];
pub const RTC_I2C: Id<RtcI2c> = Id::of(TABLE, "RTC_I2C");
pub const RTC_IO: Id<RtcIo> = Id::of(TABLE, "RTC_IO");
pub const IO_MUX: Id<IoMux> = Id::of(TABLE, "IO_MUX");
pub const RADIO_ANALOG: Id<RadioAnalog> = Id::of(TABLE, "ANA");
pub const RADIO_AGC: Id<Storage> = Id::of(TABLE, "AGC");
pub const APB_CTRL: Id<ApbCtrl> = Id::of(TABLE, "APB_CTRL");

#[cfg(test)]
mod tests {
    use super::{CORES, TABLE, WINDOWS};
    use crate::platform::map::Map;

    #[test]
    fn every_block_is_found_at_both_of_its_ends() {
        let map = Map::new(TABLE, WINDOWS);
        for (index, row) in map.rows().iter().enumerate() {
            assert_eq!(map.find(row.base), Some((index, 0)), "{}", row.name);
            assert_eq!(map.find(row.base + row.size - 4), Some((index, row.size - 4)), "{}", row.name);
        }
    }

    #[test]
    fn the_ahb_alias_reaches_the_same_blocks() {
        let map = Map::new(TABLE, WINDOWS);
        let (index, offset) = map.find(0x6002_E01C).unwrap();
        assert_eq!((map.row(index).name, offset), ("UART2", 0x1C));
        for nothing in [0x3FF3_0000, 0x2000_0000, 0x6004_0000] {
            assert_eq!(map.find(nothing), None);
        }
    }

    #[test]
    fn no_two_blocks_have_one_interrupt_source_or_reset_bit() {
        let (mut sources, mut resets): (Vec<usize>, Vec<(usize, u32)>) = (Vec::new(), Vec::new());
        for block in TABLE {
            let edges = block.row.edges.iter().filter(|source| !block.row.interrupts.contains(source));
            sources.extend(block.row.interrupts.iter().chain(edges));
            resets.extend(block.row.resets);
        }
        for list in [sources.len(), resets.len()] {
            assert!(list > 10);
        }
        sources.sort();
        resets.sort();
        // The EMAC's two blocks have one.
        resets.dedup_by(|second, first| second == first && *first == (CORES, 7));
        assert!(sources.windows(2).all(|pair| pair[0] != pair[1]), "{sources:?}");
        assert!(resets.windows(2).all(|pair| pair[0] != pair[1]), "{resets:?}");
    }
}
