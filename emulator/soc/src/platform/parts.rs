//! The parts on the board that are on buses, and the pins at which they are.

use espalier_core::{Damaged, I2cTarget, PadMatrix, Persist, Reader, SpiTarget, Time, Writer};
use espalier_parts::{FlashChip, I2cBus, I2cWires, Mmc5983ma, Msa300, Oled};

use super::block::Signals;
use crate::boards::{BoardDefinition, I2cSensor, OledPlacement, SensorKind};

/// The parts on the board and where they are wired.
#[derive(Clone)]
pub struct Parts {
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

impl Persist for Parts {
    fn save(&self, to: &mut Writer) {
        let Parts { flash, buses, display: _, accelerometer: _, magnetometer: _ } = self;
        flash.save(to);
        to.length(buses.len());
        Persist::save_all(buses, to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.flash.restore(from)?;
        from.fixed_length(self.buses.len())?;
        Persist::restore_all(&mut self.buses, from)
    }
}

espalier_core::persist!(state BoardBus { targets, wires } fixed { scl, sda });

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

    /// They lose power at `now`; what the flash chip was doing is torn by `seed`.
    pub fn lose_power(&mut self, now: Time, seed: u64) {
        self.flash.lose_power(now, seed);
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

    /// The bus that the pads lead to which an I2C controller drives: SCL is the first of its signals, SDA the second.
    pub fn i2c_bus(&mut self, outputs: Signals, matrix: &dyn PadMatrix) -> Option<&mut dyn I2cTarget> {
        let drives = |pin: u8, output: u32| matrix.out_signal(usize::from(pin)) == outputs.first + output;
        let bus = self.buses.iter_mut().find(|bus| drives(bus.scl, 0) && drives(bus.sda, 1))?;
        Some(&mut bus.targets)
    }

    /// What a chip select of the controller leads to that has the flash chip: the first one to that, the others nowhere.
    pub fn on_flash_bus(&mut self, chip_select: usize) -> Option<&mut dyn SpiTarget> {
        if chip_select == 0 { Some(&mut self.flash) } else { None }
    }

    /// Shows the parts on the I2C buses what software drives onto their pads, for controllers that are made of software. True if
    /// the parts give another level to a pad because of it.
    pub fn follow_i2c_pads(&mut self, matrix: &dyn PadMatrix, now: Time) -> bool {
        let mut changed = false;
        for bus in &mut self.buses {
            let released = |pin: u8| matrix.output(usize::from(pin)).unwrap_or(true);
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
}
