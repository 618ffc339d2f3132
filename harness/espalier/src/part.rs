//! Parts of boards: those that come with Espalier, to be looked at and set in tests, and what is needed to write others.
//!
//! A kind of part that a test brings along is named by [`BoardBuilder::part`](crate::BoardBuilder::part) and used by `[[part]]` in a
//! board file. The guide has the smallest one.

pub use espalier_core::{Damaged, I2cTarget, Load, Persist, Reader, Rgb, Signal, Span, Time, Writer, persist};
pub use espalier_parts::{
    At24c, Bme280, Button, ButtonMatrix, Buzzer, Connection, Drive, Ds18b20, Ds3231, Gps, Hd44780, LedMatrix, Max7219,
    Mcp23017, Mmc5983ma, Mpu6050, Msa300, Oled, PadUse, Part, PartEntry, PartError, PartKinds, Potentiometer, SdCard,
    SerialLine, Shown, SpiPart, Tft, TouchPad, Value, ValueError, Wiring, Ws2812,
};
