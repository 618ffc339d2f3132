//! Parts around the chip: the flash chip, the PSRAM, and every other part as a [`Part`], which users implement too.

#![warn(clippy::missing_errors_doc)]

mod at24c;
mod audio;
mod bme280;
mod button_matrix;
mod buzzer;
mod calendar;
mod can_peer;
mod display;
mod ds18b20;
mod ds3231;
mod flash;
mod gps;
mod hand;
mod hd44780;
mod host_file;
mod i2c_wires;
mod kinds;
mod led_matrix;
mod max7219;
mod mcp23017;
mod mmc5983ma;
mod mpu6050;
mod msa300;
mod oled;
mod parallel;
mod part;
mod psram;
mod register_pointer;
mod sdcard;
mod serial_line;
#[cfg(test)]
mod testing;
mod tft;
mod ws2812;

pub use at24c::At24c;
pub use audio::{Microphone, Speaker};
pub use bme280::Bme280;
pub use button_matrix::ButtonMatrix;
pub use buzzer::{Buzzer, Sound};
pub use can_peer::CanPeer;
pub use display::Shown;
pub use ds18b20::Ds18b20;
pub use ds3231::Ds3231;
pub use flash::{
    FLASH_CHUNK_SIZE, FLASH_SECTOR_SIZE, FlashChip, FlashError, FlashHistory, FlashMemory, FlashOperation,
    FlashOperationKind, FlashReplay, FlashSectors, FlashSize, FlashTiming, Progress,
};
pub use gps::Gps;
pub use hand::{Button, Potentiometer, TouchPad};
pub use hd44780::Hd44780;
pub use i2c_wires::I2cWires;
pub use kinds::{BUILT_IN_KINDS, PartKinds};
pub use led_matrix::LedMatrix;
pub use max7219::Max7219;
pub use mcp23017::Mcp23017;
pub use mmc5983ma::Mmc5983ma;
pub use mpu6050::Mpu6050;
pub use msa300::Msa300;
pub use oled::{ComPins, Controller, Oled, OledConfig};
pub use part::{
    Connection, Drive, ForkPart, PadUse, Part, PartEntry, PartError, Property, SD_DATA, SpiPart, Value, ValueError,
    Wiring,
};
pub use psram::{PSRAM_PAGE_SIZE, Psram, PsramSize, PsramSizeError};
pub use sdcard::SdCard;
pub use serial_line::SerialLine;
pub use tft::{Tft, TftConfig};
pub use ws2812::Ws2812;
