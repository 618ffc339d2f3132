//! Which wire goes where: interrupt sources, reset lines, chip selects and the pins of the board.

use espalier_core::{Device, I2cTarget, SpiTarget, Time};
use espalier_parts::{FlashChip, Oled};
use espalier_peripherals::{ChipSelect, Gpio, I2c, Spi};

use crate::boards::OledPlacement;
use crate::map::Block;
use crate::memory::Ram;

/// The interrupt sources of a block, in the order of its lines (TRM table "PRO_CPU, APP_CPU Interrupt Configuration").
pub(crate) fn sources(block: Block) -> &'static [usize] {
    match block {
        Block::WifiMac => &[0],
        Block::Timg(0) => &[14, 15, 16, 17],
        Block::Timg(1) => &[18, 19, 20, 21],
        Block::Spi(0) => &[28],
        Block::Spi(1) => &[29, 52],
        Block::Spi(2) => &[30, 53],
        Block::Spi(3) => &[31, 54],
        Block::Uart(0) => &[34],
        Block::Uart(1) => &[35],
        Block::Uart(2) => &[36],
        Block::Ethernet => &[38],
        Block::Ledc => &[43],
        Block::Efuse => &[44],
        Block::RtcCntl => &[46],
        Block::Rmt => &[47],
        Block::I2c(0) => &[49],
        Block::I2c(1) => &[50],
        Block::Rsa => &[51],
        Block::Frc => &[56, 57],
        _ => &[],
    }
}

/// The edge sources of a block, likewise: sources that only pulse.
pub(crate) fn edge_sources(block: Block) -> &'static [usize] {
    match block {
        Block::Timg(0) => &[58, 59, 60, 61],
        Block::Timg(1) => &[62, 63, 64, 65],
        Block::Frc => &[56, 57],
        _ => &[],
    }
}

/// GPIO_INTERRUPT and GPIO_INTERRUPT_NMI, which each core has for itself.
const GPIO_SOURCE: usize = 22;
const GPIO_NMI_SOURCE: usize = 23;

pub(crate) fn gpio_sources(gpio: &Gpio, core: usize) -> [(usize, bool); 2] {
    // Two lines for the PRO CPU, then two for the APP CPU.
    let lines = gpio.interrupts() >> (2 * core);
    [(GPIO_SOURCE, lines & 1 != 0), (GPIO_NMI_SOURCE, lines & 2 != 0)]
}

/// Bits of DPORT_PERIP_RST_EN.
pub(crate) const PERIPHERAL_RESETS: &[(u32, Block)] = &[
    (2, Block::Uart(0)),
    (5, Block::Uart(1)),
    (6, Block::Spi(2)),
    (7, Block::I2c(0)),
    (9, Block::Rmt),
    (11, Block::Ledc),
    (13, Block::Timg(0)),
    (14, Block::Efuse),
    (15, Block::Timg(1)),
    (16, Block::Spi(3)),
    (18, Block::I2c(1)),
    (23, Block::Uart(2)),
];

/// Bits of DPORT_PERI_RST_EN.
pub(crate) const CRYPTO_RESETS: &[(u32, Block)] = &[(0, Block::Aes), (1, Block::Sha), (2, Block::Rsa)];

/// Output signals of the GPIO matrix: SCL and SDA of each I2C controller (TRM table "GPIO Matrix Peripheral Signals").
const I2C_SIGNALS: [(u32, u32); 2] = [(29, 30), (95, 96)];

/// Output signals of the RMT's and the LEDC's channels, and input signals of the RMT's, each from the first on (same table).
pub(crate) const RMT_OUTPUTS: u32 = 87;
pub(crate) const RMT_INPUTS: u32 = 83;
pub(crate) const LEDC_OUTPUTS: u32 = 71;

/// The parts on the board and where they are wired.
#[derive(Clone)]
pub(crate) struct Parts {
    pub flash: FlashChip,
    display: Option<(OledPlacement, Oled)>,
}

/// An I2C bus without a target: nobody acknowledges, and released lines read as ones.
struct EmptyBus;

impl I2cTarget for EmptyBus {
    fn start(&mut self, _address: u8, _read: bool, _now: Time) -> bool {
        false
    }

    fn write(&mut self, _byte: u8, _now: Time) -> bool {
        false
    }

    fn read(&mut self, _now: Time) -> u8 {
        u8::MAX
    }

    fn stop(&mut self, _now: Time) {}
}

impl Parts {
    pub fn new(flash: FlashChip, display: Option<OledPlacement>) -> Parts {
        Parts { flash, display: display.map(|placement| (placement, Oled::new(placement.config))) }
    }

    pub fn oled(&self) -> Option<&Oled> {
        self.display.as_ref().map(|(_, oled)| oled)
    }

    pub fn power_cycle(&mut self) {
        self.flash.power_cycle();
        if let Some((placement, oled)) = &mut self.display {
            *oled = Oled::new(placement.config);
        }
    }

    /// Lets an I2C controller do what is due on the bus that its pins lead to.
    pub fn run_i2c(&mut self, controller: &mut I2c, unit: usize, gpio: &Gpio, now: Time) {
        let (scl, sda) = I2C_SIGNALS[unit];
        let reaches = |placement: &OledPlacement| {
            gpio.out_signal(usize::from(placement.scl)) == scl && gpio.out_signal(usize::from(placement.sda)) == sda
        };
        match &mut self.display {
            Some((placement, oled)) if reaches(placement) => controller.run(oled, now),
            _ => controller.run(&mut EmptyBus, now),
        }
    }

    /// Carries out the transaction that software started on a SPI controller. The flash chip is selected by CS0 of SPI0 and
    /// SPI1; nothing is wired to the other lines.
    pub fn run_spi(&mut self, controller: &mut Spi, unit: usize, ram: &mut Ram, now: Time) {
        let flash = unit <= 1 && controller.chip_select() == Some(ChipSelect::Cs0);
        let target = if flash { Some(&mut self.flash as &mut dyn SpiTarget) } else { None };
        controller.execute(target, ram, now);
    }
}
