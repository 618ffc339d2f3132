//! What is soldered around the chip: flash chip, OLED, LEDs, buzzer.

mod buzzer;
mod flash;
mod i2c_bus;
mod oled;
mod ws2812;

pub use buzzer::{Buzzer, Sound};
pub use flash::{FLASH_CHUNK_SIZE, FlashChip, FlashError, FlashSize, FlashTiming};
pub use i2c_bus::{I2cBus, I2cPart};
pub use oled::{Controller, Oled, OledConfig};
pub use ws2812::Ws2812;
