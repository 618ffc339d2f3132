//! What is soldered around the chip: flash chip, OLED.
