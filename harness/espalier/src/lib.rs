//! Hardware-in-the-loop tests for ESP32 firmware.
