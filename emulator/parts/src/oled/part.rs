//! The module as a part of a board.

use espalier_core::{I2cTarget, Picture, Signal, Time};

use super::{ComPins, Controller, Oled, OledConfig, PAGES};
use crate::display::Shown;
use crate::part::{PadUse, Part, PartError, SpiPart, Value, ValueError, Wiring};

/// SA0 low.
const DEFAULT_ADDRESS: u8 = 0x3C;
/// The terminal of RES#.
const RESET: usize = 0;
const ROW_STEP: i64 = 8;

impl Oled {
    pub(crate) fn make_ssd1306(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        Oled::make(Controller::Ssd1306, wiring)
    }

    pub(crate) fn make_sh1106(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        Oled::make(Controller::Sh1106, wiring)
    }

    fn make(controller: Controller, wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        // BS1 chooses the interface; here, the pads that are connected do.
        let address = if wiring.has("sck") {
            wiring.spi(true)?;
            DEFAULT_ADDRESS
        } else {
            wiring.i2c(DEFAULT_ADDRESS)?
        };
        wiring.optional_pad("reset", RESET, PadUse::Hears)?;
        let columns = controller.columns() as i64;
        let width = wiring.integer("width", 1..=128)?.unwrap_or(128);
        let height = wiring.read("height", |value| {
            let rows = value.integer(ROW_STEP..=8 * PAGES as i64)?;
            if rows % ROW_STEP == 0 { Ok(rows) } else { Err(ValueError::new(value, "8, 16, ... 64")) }
        })?;
        let visible_column = wiring.integer("visible-column", 0..=columns - width)?.unwrap_or(0);
        let com_pins = wiring.choice("com-pins", &["sequential", "alternate"])?;
        Ok(Box::new(Oled::new(OledConfig {
            controller,
            width: width as u8,
            height: height.unwrap_or(64) as u8,
            address,
            visible_column: visible_column as u8,
            com_pins: com_pins.map(|alternate| if alternate == 1 { ComPins::Alternate } else { ComPins::Sequential }),
        })))
    }
}

impl Part for Oled {
    fn power_cycle(&mut self, _now: Time) {
        *self = Oled::new(self.config);
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        Some(self)
    }

    fn spi(&mut self) -> Option<&mut dyn SpiPart> {
        Some(self)
    }

    /// While RES# is low, nothing is taken; this holds the module at the state after reset from its fall on.
    fn sense(&mut self, _terminal: usize, signal: Signal, at: Time) {
        if signal == Signal::Level(false) {
            self.reset(at);
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.scroll.deadline()
    }

    fn advance(&mut self, now: Time) {
        self.scroll_until(now);
    }

    fn properties(&self) -> &'static [&'static str] {
        &["on", "contrast"]
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        Some(match property {
            "on" => self.is_on().into(),
            _ => i64::from(self.contrast()).into(),
        })
    }

    fn is_display(&self) -> bool {
        true
    }

    fn display(&self) -> Option<Shown> {
        Some(Shown {
            picture: Picture::Dots(self.picture()),
            memory: self.gddram().to_vec(),
            changed: self.last_change(),
            on: self.is_on(),
        })
    }
}

/// Four wires (SSD1306 datasheet, chapter 8.1.3): D/C tells data from commands, and nothing can be read.
impl SpiPart for Oled {
    fn receive(&mut self, byte: u8, data: bool, now: Time) {
        if data {
            self.write_data(byte, now);
        } else {
            self.write_command_byte(byte, now);
        }
    }
}
