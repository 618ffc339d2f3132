//! Parts of boards: those that come with Espalier, to be looked at and set in tests, and what is needed to write others.
//!
//! A kind of part that a test brings along is named by [`BoardBuilder::part`](crate::BoardBuilder::part) and used by `[[part]]` in a
//! board file. The guide has the smallest one.

pub use espalier_core::{I2cTarget, Persist, Rgb, Signal, Span, Time, persist};
pub use espalier_parts::{
    Button, Buzzer, Connection, Drive, Mmc5983ma, Msa300, Oled, PadUse, Part, PartError, Potentiometer, Shown, SpiPart,
    TouchPad, Value, ValueError, Wiring, Ws2812,
};
