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

espalier_core::persist!(value OledPlacement { scl, sda, config });

/// A logic level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    Low,
    High,
}

espalier_core::persist!(
    enum Level {
        Low,
        High,
    }
);

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

espalier_core::persist!(value Button { name, gpio, active_level });

/// The protocol of a chain of LEDs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LedKind {
    #[default]
    Ws2812,
}

espalier_core::persist!(
    enum LedKind {
        Ws2812,
    }
);

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

espalier_core::persist!(value Leds { kind, gpio, count });

/// A buzzer without an oscillator of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buzzer {
    pub gpio: u8,
}

espalier_core::persist!(value Buzzer { gpio });

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

espalier_core::persist!(value AnalogInput { name, gpio, full_scale });

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

espalier_core::persist!(value TouchPad { name, gpio });

/// What kind of sensor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorKind {
    /// MEMSensing's accelerometer of three axes.
    Msa300,
    /// MEMSIC's magnetometer of three axes.
    Mmc5983ma,
}

espalier_core::persist!(
    enum SensorKind {
        Msa300,
        Mmc5983ma,
    }
);

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

espalier_core::persist!(value I2cSensor { kind, scl, sda, address });

/// Bytes that are in the flash chip from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlashContent {
    /// The file they come from, as the board's own file names it.
    pub file: String,
    /// Where they begin.
    pub offset: u32,
    pub bytes: Arc<[u8]>,
}

espalier_core::persist!(value FlashContent { file, offset, bytes });
