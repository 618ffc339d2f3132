//! Which wire goes where: interrupt sources, reset lines, chip selects and the pins of the board.

use espalier_core::{Device, SpiTarget, Time};
use espalier_parts::{FlashChip, I2cBus, I2cWires, Mmc5983ma, Msa300, Oled};
use espalier_peripherals::{ChipSelect, Gpio, I2c, Spi};

use crate::boards::{BoardDefinition, I2cSensor, OledPlacement, SensorKind};
use crate::map::Block;
use crate::memory::Ram;

/// The interrupt sources of a block, in the order of its lines (TRM table "PRO_CPU, APP_CPU Interrupt Configuration").
pub(crate) fn sources(block: Block) -> &'static [usize] {
    match block {
        Block::WifiMac => &[0],
        // RWBT, RWBLE, RWBT_NMI, RWBLE_NMI.
        Block::Bluetooth => &[6, 7, 8, 9],
        Block::Timg(0) => &[14, 15, 16, 17],
        Block::Timg(1) => &[18, 19, 20, 21],
        Block::Spi(0) => &[28],
        Block::Spi(1) => &[29, 52],
        Block::Spi(2) => &[30, 53],
        Block::Spi(3) => &[31, 54],
        Block::I2s(0) => &[32],
        Block::I2s(1) => &[33],
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
    (4, Block::I2s(0)),
    (5, Block::Uart(1)),
    (6, Block::Spi(2)),
    (7, Block::I2c(0)),
    (9, Block::Rmt),
    (11, Block::Ledc),
    (13, Block::Timg(0)),
    (14, Block::Efuse),
    (15, Block::Timg(1)),
    (16, Block::Spi(3)),
    (17, Block::Mcpwm(0)),
    (18, Block::I2c(1)),
    (20, Block::Mcpwm(1)),
    (21, Block::I2s(1)),
    (23, Block::Uart(2)),
];

/// Bits of DPORT_CORE_RST_EN: BTMAC_RST and RW_BTMAC_RST.
pub(crate) const CORE_RESETS: &[(u32, Block)] = &[(4, Block::Bluetooth), (9, Block::Bluetooth)];

/// Bits of DPORT_PERI_RST_EN.
pub(crate) const CRYPTO_RESETS: &[(u32, Block)] = &[(0, Block::Aes), (1, Block::Sha), (2, Block::Rsa)];

/// Output signals of the GPIO matrix: SCL and SDA of each I2C controller (TRM table "GPIO Matrix Peripheral Signals").
const I2C_SIGNALS: [(u32, u32); 2] = [(29, 30), (95, 96)];

/// Output signals of the RMT's and the LEDC's channels, and input signals of the RMT's, each from the first on (same table).
pub(crate) const RMT_OUTPUTS: u32 = 87;
pub(crate) const RMT_INPUTS: u32 = 83;
pub(crate) const LEDC_OUTPUTS: u32 = 71;
/// Output signals of the MCPWM units, each from the first on.
pub(crate) const MCPWM_SIGNALS: [u32; 2] = [32, 108];

/// The parts on the board and where they are wired.
#[derive(Clone)]
pub(crate) struct Parts {
    pub flash: FlashChip,
    buses: Vec<BoardBus>,
    display: Option<OledPlacement>,
    accelerometer: Option<I2cSensor>,
    magnetometer: Option<I2cSensor>,
}

/// An I2C bus of the board.
#[derive(Clone)]
struct BoardBus {
    scl: u8,
    sda: u8,
    targets: I2cBus,
    /// The bus as software sees it that drives the pads itself.
    wires: I2cWires,
}

impl Parts {
    pub fn new(flash: FlashChip, board: &BoardDefinition) -> Parts {
        let mut parts = Parts {
            flash,
            buses: Vec::new(),
            display: board.oled,
            accelerometer: board.accelerometer,
            magnetometer: board.magnetometer,
        };
        if let Some(oled) = board.oled {
            parts.bus(oled.scl, oled.sda).attach(oled.config.address, Oled::new(oled.config));
        }
        for sensor in [board.accelerometer, board.magnetometer].into_iter().flatten() {
            let bus = parts.bus(sensor.scl, sensor.sda);
            match sensor.kind {
                SensorKind::Msa300 => bus.attach(sensor.address, Msa300::new()),
                SensorKind::Mmc5983ma => bus.attach(sensor.address, Mmc5983ma::new()),
            }
        }
        parts
    }

    /// The bus at these pins.
    fn bus(&mut self, scl: u8, sda: u8) -> &mut I2cBus {
        let there = self.buses.iter().position(|bus| (bus.scl, bus.sda) == (scl, sda));
        let index = there.unwrap_or_else(|| {
            self.buses.push(BoardBus { scl, sda, targets: I2cBus::new(), wires: I2cWires::new() });
            self.buses.len() - 1
        });
        &mut self.buses[index].targets
    }

    pub fn oled(&self) -> Option<&Oled> {
        let placement = self.display?;
        let bus = self.buses.iter().find(|bus| (bus.scl, bus.sda) == (placement.scl, placement.sda))?;
        bus.targets.part(placement.config.address)
    }

    /// The accelerometer, if the board has one of this type.
    pub fn accelerometer(&mut self) -> Option<&mut Msa300> {
        let sensor = self.accelerometer?;
        self.bus(sensor.scl, sensor.sda).part_mut(sensor.address)
    }

    /// The magnetometer, if the board has one of this type.
    pub fn magnetometer(&mut self) -> Option<&mut Mmc5983ma> {
        let sensor = self.magnetometer?;
        self.bus(sensor.scl, sensor.sda).part_mut(sensor.address)
    }

    pub fn power_cycle(&mut self) {
        self.flash.power_cycle();
        self.buses.iter_mut().for_each(|bus| bus.wires = I2cWires::new());
        if let Some(OledPlacement { scl, sda, config }) = self.display {
            self.bus(scl, sda).attach(config.address, Oled::new(config));
        }
        if let Some(sensor) = self.accelerometer() {
            sensor.power_cycle();
        }
        if let Some(sensor) = self.magnetometer() {
            sensor.power_cycle();
        }
    }

    /// Lets an I2C controller do what is due on the bus that its pins lead to. Where nothing is wired, nobody acknowledges.
    pub fn run_i2c(&mut self, controller: &mut I2c, unit: usize, gpio: &Gpio, now: Time) {
        let (scl, sda) = I2C_SIGNALS[unit];
        let reached = self
            .buses
            .iter_mut()
            .find(|bus| gpio.out_signal(usize::from(bus.scl)) == scl && gpio.out_signal(usize::from(bus.sda)) == sda);
        match reached {
            Some(bus) => controller.run(&mut bus.targets, now),
            None => controller.run(&mut I2cBus::new(), now),
        }
    }

    /// Shows the parts on the I2C buses what software drives onto their pads, for controllers that are made of software. True if
    /// the parts give another level to a pad because of it.
    pub fn follow_i2c_pads(&mut self, gpio: &Gpio, now: Time) -> bool {
        let mut changed = false;
        for bus in &mut self.buses {
            let released = |pin: u8| gpio.output(usize::from(pin)).unwrap_or(true);
            let pulled = bus.wires.pulls_sda();
            bus.wires.follow(released(bus.scl), released(bus.sda), &mut bus.targets, now);
            changed |= bus.wires.pulls_sda() != pulled;
        }
        changed
    }

    /// The level that the parts and the resistors of an I2C bus give to a pad; None if it belongs to no bus.
    pub fn pad_level(&self, pin: usize) -> Option<bool> {
        self.buses.iter().find_map(|bus| match pin {
            _ if pin == usize::from(bus.sda) => Some(!bus.wires.pulls_sda()),
            _ if pin == usize::from(bus.scl) => Some(true),
            _ => None,
        })
    }

    /// Carries out the transaction that software started on a SPI controller. The flash chip is selected by CS0 of SPI0 and
    /// SPI1; nothing is wired to the other lines.
    pub fn run_spi(&mut self, controller: &mut Spi, unit: usize, ram: &mut Ram, now: Time) {
        let flash = unit <= 1 && controller.chip_select() == Some(ChipSelect::Cs0);
        let target = if flash { Some(&mut self.flash as &mut dyn SpiTarget) } else { None };
        controller.execute(target, ram, now);
    }
}
