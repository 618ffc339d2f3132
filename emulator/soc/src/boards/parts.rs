//! The parts that a board can have, and where they are wired.

use std::sync::Arc;

use espalier_parts::OledConfig;
use serde::Deserialize;

/// Where a display is wired.
#[derive(Clone, Copy, Debug)]
pub struct OledPlacement {
    /// GPIO of the I2C clock.
    pub scl: u8,
    /// GPIO of the I2C data line.
    pub sda: u8,
    pub config: OledConfig,
}

/// A logic level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    Low,
    High,
}

impl Level {
    pub fn is_high(self) -> bool {
        self == Level::High
    }
}

/// A push button.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Button {
    pub name: String,
    pub gpio: u8,
    /// The level of the pin while the button is pressed. A resistor holds it at the other one otherwise.
    #[serde(default)]
    pub active_level: Level,
}

/// The protocol of a chain of LEDs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedKind {
    #[default]
    Ws2812,
}

/// A chain of addressable LEDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leds {
    #[serde(default)]
    pub kind: LedKind,
    pub gpio: u8,
    /// How many there are, at least one.
    pub count: u16,
}

/// A buzzer without an oscillator of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buzzer {
    pub gpio: u8,
}

/// A voltage that the board gives to a pin of an ADC.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AnalogInput {
    pub name: String,
    pub gpio: u8,
    /// Volts at full range.
    #[serde(default = "AnalogInput::supply")]
    pub full_scale: f32,
}

impl AnalogInput {
    /// The chip's supply in volts.
    fn supply() -> f32 {
        3.3
    }
}

/// A pad that feels a finger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchPad {
    pub name: String,
    pub gpio: u8,
}

/// What kind of sensor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorKind {
    /// MEMSensing's accelerometer of three axes.
    Msa300,
    /// MEMSIC's magnetometer of three axes.
    Mmc5983ma,
}

/// A sensor on an I2C bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct I2cSensor {
    pub kind: SensorKind,
    /// GPIO of the I2C clock.
    pub scl: u8,
    /// GPIO of the I2C data line.
    pub sda: u8,
    /// 7-bit address.
    pub address: u8,
}

/// Bytes that are in the flash chip from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlashContent {
    /// The file they come from, as the board's own file names it.
    pub file: String,
    /// Where they begin.
    pub offset: u32,
    pub bytes: Arc<[u8]>,
}
