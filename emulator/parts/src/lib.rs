//! What is soldered around the chip: flash chip, OLED.

mod flash;
mod i2c_bus;
mod oled;

pub use flash::{FLASH_CHUNK_SIZE, FlashChip, FlashError, FlashSize, FlashTiming};
pub use i2c_bus::{I2cBus, I2cPart};
pub use oled::{Controller, Oled, OledConfig};
