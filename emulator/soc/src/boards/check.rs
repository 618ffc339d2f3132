//! What a board cannot be: pins that do not exist or are used twice, values out of range, names that are not clear.

use std::collections::BTreeMap;

use super::BoardDefinition;
use super::error::BoardErrorKind;
use crate::pads;

/// What else is wired on every board.
const CONSOLE_PINS: [u8; 2] = [1, 3];
const FLASH_PINS: std::ops::RangeInclusive<u8> = 6..=11;
/// 7-bit addresses that the I2C specification leaves to targets.
const ADDRESSES: std::ops::RangeInclusive<u8> = 0x08..=0x77;
const MAX_WIDTH: u8 = 128;
const MAX_HEIGHT: u8 = 64;

type Checked = Result<(), BoardErrorKind>;

pub fn check(board: &BoardDefinition) -> Checked {
    values(board)?;
    pins(board)?;
    buses(board)?;
    names("buttons", board.buttons.iter().map(|part| part.name.as_str()))?;
    names("touch pads", board.touch.iter().map(|part| part.name.as_str()))?;
    let sensors = [("accelerometer", board.accelerometer), ("magnetometer", board.magnetometer)];
    let sensors = sensors.iter().filter(|(_, sensor)| sensor.is_some()).map(|(name, _)| *name);
    names("sensors", board.analog.iter().map(|part| part.name.as_str()).chain(sensors))?;
    for content in &board.flash_content {
        let end = u64::from(content.offset) + content.bytes.len() as u64;
        if end > u64::from(board.flash_size) {
            let (file, flash_size) = (content.file.clone(), board.flash_size);
            return Err(BoardErrorKind::FlashOverflow { file, end, flash_size });
        }
    }
    Ok(())
}

fn ensure(holds: bool, key: &str, value: impl ToString, allowed: &'static str) -> Checked {
    if holds {
        return Ok(());
    }
    Err(BoardErrorKind::Value { key: key.to_owned(), value: value.to_string(), allowed })
}

fn values(board: &BoardDefinition) -> Checked {
    ensure(board.mac[0] & 1 == 0, "chip.mac", "a group address", "one whose first byte is even")?;
    if let Some(oled) = board.oled.map(|placement| placement.config) {
        ensure((1..=MAX_WIDTH).contains(&oled.width), "display.width", oled.width, "1 to 128")?;
        let height = oled.height;
        ensure(
            (8..=MAX_HEIGHT).contains(&height) && height.is_multiple_of(8),
            "display.height",
            height,
            "8, 16, ... 64",
        )?;
        let (first, columns) = (usize::from(oled.visible_column), oled.controller.columns());
        let fits = first + usize::from(oled.width) <= columns;
        ensure(fits, "display.visible-column", first, "one from which on the controller has enough columns")?;
    }
    if let Some(leds) = board.leds {
        ensure(leds.count > 0, "leds.count", leds.count, "at least 1")?;
    }
    for input in &board.analog {
        let positive = input.full_scale.is_finite() && input.full_scale > 0.0;
        ensure(positive, "analog.full-scale", input.full_scale, "a positive number of volts")?;
    }
    Ok(())
}

/// Which part is at which pin.
#[derive(Default)]
struct Pins {
    taken: BTreeMap<u8, Use>,
}

struct Use {
    part: String,
    /// The role that other parts can have at the same pin.
    bus: Option<&'static str>,
}

impl Pins {
    fn take(
        &mut self,
        gpio: u8,
        part: String,
        bus: Option<&'static str>,
        ability: fn(u8) -> bool,
        allowed: &'static str,
    ) -> Checked {
        let key = if let Some(bus) = bus { format!("{part} {bus}") } else { format!("{part} gpio") };
        ensure(pads::exists(gpio), &key, gpio, "a pin of the chip: 0 to 19, 21 to 23, 25 to 27, 32 to 39")?;
        ensure(ability(gpio), &key, gpio, allowed)?;
        let first = match self.taken.get(&gpio) {
            Some(there) if bus.is_some() && there.bus == bus => return Ok(()),
            Some(there) => Some(there.part.clone()),
            None if FLASH_PINS.contains(&gpio) => Some("the flash chip".to_owned()),
            None if CONSOLE_PINS.contains(&gpio) => Some("the console".to_owned()),
            None => None,
        };
        match first {
            Some(first) => Err(BoardErrorKind::PinTaken { gpio, first, second: part }),
            None => {
                self.taken.insert(gpio, Use { part, bus });
                Ok(())
            }
        }
    }
}

const DRIVING: &str = "a pin that can drive: 0 to 33";

/// The parts on I2C buses: name, SCL, SDA, address.
fn i2c_parts(board: &BoardDefinition) -> impl Iterator<Item = (&'static str, u8, u8, u8)> {
    let display = board.oled.map(|oled| ("display", oled.scl, oled.sda, oled.config.address));
    let accelerometer = board.accelerometer.map(|part| ("accelerometer", part.scl, part.sda, part.address));
    let magnetometer = board.magnetometer.map(|part| ("magnetometer", part.scl, part.sda, part.address));
    [display, accelerometer, magnetometer].into_iter().flatten()
}

fn pins(board: &BoardDefinition) -> Checked {
    let mut pins = Pins::default();
    for (part, scl, sda, _) in i2c_parts(board) {
        pins.take(scl, part.to_owned(), Some("scl"), pads::can_drive, DRIVING)?;
        pins.take(sda, part.to_owned(), Some("sda"), pads::can_drive, DRIVING)?;
    }
    for button in &board.buttons {
        pins.take(button.gpio, format!("button {:?}", button.name), None, |_| true, "")?;
    }
    if let Some(leds) = board.leds {
        pins.take(leds.gpio, "leds".to_owned(), None, pads::can_drive, DRIVING)?;
    }
    if let Some(buzzer) = board.buzzer {
        pins.take(buzzer.gpio, "buzzer".to_owned(), None, pads::can_drive, DRIVING)?;
    }
    for input in &board.analog {
        let allowed = "a pin of an ADC: 0, 2, 4, 12 to 15, 25 to 27, 32 to 39";
        let ability = |gpio| pads::adc_channel(gpio).is_some();
        pins.take(input.gpio, format!("analog {:?}", input.name), None, ability, allowed)?;
    }
    for pad in &board.touch {
        let allowed = "a pin of the touch controller: 0, 2, 4, 12 to 15, 27, 32, 33";
        let ability = |gpio| pads::touch_channel(gpio).is_some();
        pins.take(pad.gpio, format!("touch {:?}", pad.name), None, ability, allowed)?;
    }
    Ok(())
}

/// Two targets of one address on one bus cannot work.
fn buses(board: &BoardDefinition) -> Checked {
    let mut taken = BTreeMap::new();
    for (part, scl, sda, address) in i2c_parts(board) {
        ensure(ADDRESSES.contains(&address), &format!("{part}.address"), address, "0x08 to 0x77")?;
        if let Some(first) = taken.insert((scl, sda, address), part) {
            return Err(BoardErrorKind::AddressTaken { address, first, second: part });
        }
    }
    Ok(())
}

fn names<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = Vec::new();
    for name in names {
        ensure(!name.is_empty(), "name", "\"\"", "at least one character")?;
        if seen.contains(&name) {
            return Err(BoardErrorKind::NameTaken { what, name: name.to_owned() });
        }
        seen.push(name);
    }
    Ok(())
}
