//! What is soldered around the chip: flash chip, OLED.

mod flash;

pub use flash::{FLASH_CHUNK_SIZE, FlashChip, FlashError, FlashSize, FlashTiming};
