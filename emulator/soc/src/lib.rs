//! The ESP32 put together: memory map, interrupt matrix, reset, boot, boards.
