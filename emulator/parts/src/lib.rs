//! What is soldered around the chip: flash chip, OLED, LEDs, buzzer, sensors on I2C.

mod buzzer;
mod flash;
mod i2c_bus;
mod i2c_wires;
mod mmc5983ma;
mod msa300;
mod oled;
mod register_pointer;
mod ws2812;

pub use buzzer::{Buzzer, Sound};
pub use flash::{
    FLASH_CHUNK_SIZE, FlashChip, FlashError, FlashHistory, FlashMemory, FlashOperation, FlashOperationKind,
    FlashReplay, FlashSize, FlashTiming, Progress,
};
pub use i2c_bus::{I2cBus, I2cPart};
pub use i2c_wires::I2cWires;
pub use mmc5983ma::Mmc5983ma;
pub use msa300::Msa300;
pub use oled::{ComPins, Controller, Oled, OledConfig};
pub use ws2812::Ws2812;
